"""`rl-lab play`: games against agents, in the terminal."""

from pathlib import Path
from typing import Literal

from tyro.extras import SubcommandApp

from rl_lab.cli.app import app, know_env, ready
from rl_lab.errors import LabError

play = SubcommandApp()
app.command(play, name="play", help="Play against an agent, in the terminal.")


@play.command
def go(
    size: int | None = None,
    agent: str = "mcts:2000",
    colour: Literal["black", "white"] = "black",
    komi: float | None = None,
    ko: Literal["positional", "situational", "simple"] = "positional",
    suicide: bool = False,
    handicap: int = 0,
    seed: int = 0,
    env: str | None = None,
    sgf: Path | None = None,
) -> None:
    """Play Go against an agent. A move is a point such as C3, or pass; help lists the other commands.

    Examples: rl-lab play go --size 5 --agent mcts:500 --colour white;
    rl-lab play go --size 9 --agent gnugo:5 --handicap 3 --sgf game.sgf; rl-lab play go --agent runs/go5;
    echo C3 | rl-lab play go --size 5

    Boards are plain text where input or output is not a terminal.

    Args:
        size: board size, 2 to 19; by default the size that the agent was trained on, or 9.
        agent: random, greedy, mcts:N with N playouts per move, gnugo:LEVEL, or the folder of a run.
        colour: your colour.
        komi: komi for White; by default the komi that the agent was trained with, or Black's margin under best play,
            as far as it is known.
        ko: ko rule.
        suicide: whether suicide is legal.
        handicap: number of Black's stones before White's first move, on boards from 7x7.
        seed: seed of all random numbers.
        env: a run's environment as module:id, where a module of yours registers it.
        sgf: save the game to this new file, however it ends.
    """
    from rl_lab.cli.go_players import player_for, terms
    from rl_lab.cli.go_screen import GoScreen
    from rl_lab.cli.go_session import Session
    from rl_lab.envs.go import sgf_reader
    from rl_lab.envs.go.game import Board
    from rl_lab.envs.go.gtp.thinking import komi_advice

    if sgf is not None:
        sgf_reader.sgfmill_sgf()
        if sgf.exists():
            raise LabError(f"{sgf} exists already; name a new file with --sgf")
        ready(sgf.parent, "--sgf")
    know_env(env)
    opponent = player_for(agent, seed)
    agreed = terms([opponent], size, komi)
    board = Board(agreed.size, komi=agreed.komi, ko=ko, suicide=suicide, handicap=handicap)
    only = getattr(opponent, "size", board.size)
    if only != board.size:
        raise LabError(f"{agent} plays on {only}x{only} only; give --size {only}")
    screen = GoScreen()
    session = Session(board, opponent, colour, screen)
    try:
        for line in (agreed.said, komi_advice(opponent, board.rules.komi_in_force)):
            if line:
                screen.say(line)
        opponent.prepare(board)
        session.play()
    except KeyboardInterrupt:
        screen.say("")  # below what the terminal shows of Ctrl-C
        raise
    finally:
        opponent.close()
        if sgf is not None:
            session.keep(sgf)
