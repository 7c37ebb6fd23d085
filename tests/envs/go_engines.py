"""Programs that speak GTP badly, each as a command line."""

import sys

START = r"""
import itertools, os, sys, time
COMMANDS = "name version protocol_version list_commands boardsize clear_board komi play genmove quit".split()
moves = itertools.count()
def genmove(): return "pass"
def say(text): sys.stdout.write(text); sys.stdout.flush()
"""
LOOP = r"""
for line in sys.stdin:
    name, *arguments = line.split()
    if name == "quit": break
    if name == "genmove": say(f"= {genmove()}\n\n")
    elif name == "list_commands": say("= " + "\n".join(COMMANDS) + "\n\n")
    elif name == "name": say("= Bad\n\n")
    else: say(answer(name, arguments) if "answer" in globals() else "=\n\n")
"""
KINDS = {
    "passes": "",
    "hangs": "def genmove(): time.sleep(600)",
    "dies": "def genmove(): os._exit(3)",
    "closes its output": "def genmove(): os.close(1); time.sleep(600)",
    "talks nonsense": "def genmove(): return 'what a nice board'",
    "speaks no GTP": "def genmove(): say('Hello!\\n\\n'); return 'e5'",
    "speaks bytes": "def genmove(): os.write(1, bytes(range(128, 256)) + b'\\n\\n'); return 'e5'",
    "plays illegally": "def genmove(): return 'A1'",
    "plays off the board": "def genmove(): return 'T19'",
    "floods": "def genmove():\n say('= ')\n while True: say('info move e5\\n' * 100)",
    "chatters": "def genmove():\n while True: say('info move e5\\n' * 100)",
    "floods without lines": "def genmove():\n while True: say('x' * 1000)",
    "floods with blanks": "def genmove():\n while True: say('\\n' * 1000)",
    "answers for ever": "def genmove():\n while True: say('= pass\\n\\n' * 100)",
    "refuses moves": "def answer(name, arguments): return '? illegal move\\n\\n' if name == 'play' else '=\\n\\n'",
    "refuses to think": "def genmove(): say('? I would rather not\\n\\n'); return 'e5'",
    "resigns": "def genmove(): return 'resign'",
    "has no board": "def answer(name, arguments): return '? unacceptable size\\n\\n' if 'size' in name else '=\\n\\n'",
    "dies in between": "def answer(name, arguments): os._exit(4) if name == 'clear_board' else None; return '=\\n\\n'",
    "starts a child": "import subprocess\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    "def genmove(): os._exit(5)",
}


def bad(kind):
    """The command line of a program with a fault."""
    return [sys.executable, "-c", f"{START}\n{KINDS[kind]}\n{LOOP}"]
