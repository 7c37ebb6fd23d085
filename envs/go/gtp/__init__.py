"""A server of GTP 2, the text protocol of Go programs (G. Farnebäck, lysator.liu.se/~gunnar/gtp/gtp2-spec-draft2).

`framing` reads lines and writes answers, `words` reads arguments, `table` is the game, `commands` and `analysis` say
what each command does, `thinking` and `clock` choose moves, and `server` runs it all.
"""
