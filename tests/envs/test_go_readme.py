"""What Go's README shows is what there is: blocks of Python run, commands run with small numbers, files exist."""

import importlib.util
import io
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rl_lab import cli
from rl_lab.envs import go
from rl_lab.envs.go import sgf
from rl_lab.envs.go.game import Board

sys.path.insert(0, str(Path(__file__).parents[2]))  # for the benchmarks
from benchmarks.proofs.__main__ import SCRIPTS

FOLDER = Path(go.__file__).parent
ROOT = Path(__file__).parents[2]
README = (FOLDER / "README.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
SHELL = re.findall(r"```(?:sh)?\n((?:\$ |rl-lab ).*?)```", README, re.DOTALL)
LINES = [line for text in SHELL for line in text.replace("\\\n", " ").splitlines()]
COMMANDS = [match[0] for line in LINES if (match := re.search(r"^(?:\$ )?rl-lab .*|(?<=\| )rl-lab .*", line))]
SMALLER = {
    r"mcts:\d+": "mcts:8",
    r"--games \d+": "--games 2",
    r"--steps \d+": "--steps 64",
    r"--num-envs \d+": "--num-envs 4 --engine torch --quiet",
    r"--n-steps \d+": "--n-steps 16",
    r"--batch-size \d+": "--batch-size 32",
    r"--env-arg ": "--env-arg debug=true ",
    r"rl-lab eval": "rl-lab eval --episodes 4",
}


def smaller(command):
    """A command of the README as words, for a moment's work."""
    for long, short in SMALLER.items():
        command = re.sub(long, short, command)
    return shlex.split(command.removeprefix("$ "))[1:]


@pytest.fixture
def somewhere(tmp_path, monkeypatch):
    """A folder to work in, with a game of thirty moves and more."""
    monkeypatch.chdir(tmp_path)
    board, rng = Board(9), np.random.default_rng(0)
    for _ in range(40):
        board.play(int(rng.choice(board.legal()[:-1])))
    sgf.write("game.sgf", board)
    return tmp_path


def test_the_blocks_of_python_run_one_after_the_other(somewhere):
    names = {}
    for block in PYTHON:
        plain = re.sub(r"(gym\.make(?:_vec)?\(.*?)\)", r"\1, debug=True)", block)  # nothing here is to be compiled
        exec(plain.replace("4096", "4"), names)
    assert names["envs"].num_envs == 4
    assert names["mask"].shape == (26,)
    assert sgf.read("again.sgf").players == ("me", "mcts:2000")
    assert len(PYTHON) == 5


def test_the_commands_run_in_this_order(somewhere, monkeypatch, capsys):
    kinds = []
    (somewhere / "game.sgf").unlink()
    for command in COMMANDS:
        words = smaller(command)
        kinds.append(words[0])
        if words[0] != "gtp":  # which needs a standard input of its own: below
            monkeypatch.setattr(sys, "stdin", io.StringIO("C3\nquit\n"))
            cli.app.cli(prog="rl-lab", args=words)
    said = capsys.readouterr().out
    assert kinds == ["play", "gtp", "match", "train", "eval", "play", "match"]
    assert sgf.read("game.sgf").moves
    assert re.search(r"mcts:8 against GNU Go 3\.\d+: \d won, .* 2 games on 9x9, komi 7, positional ko", said)
    assert re.search(r"against greedy: \d won, \d drawn, \d lost, \d broken off; score", said)
    assert re.search(r"runs/go5 against mcts:8: \d won", said)


def test_the_conversation_over_gtp_is_what_is_answered():
    (block,) = [text for text in SHELL if "printf" in text]
    command, _, answers = block.partition("\n")
    lines, _, program = re.search(r"printf '(.*)' \| (.*)", command).expand(r"\1|\2").partition("|")
    words = [sys.executable, "-m", "rl_lab.cli", *shlex.split(program)[1:]]
    done = subprocess.run(words, input=lines.replace("\\n", "\n"), capture_output=True, text=True)
    assert done.stdout == answers


def test_what_the_readme_names_is_there():
    for path in re.findall(r"\]\(((?!http)[^)]*)\)", README):
        assert (FOLDER / path).exists(), path
    for path in re.findall(r"`((?:benchmarks|examples|studies|tests)/[\w/.]+)`", README):
        assert (ROOT / path).exists(), path
    for path in re.findall(r"(?:rl-lab compare|python) ((?:examples|studies)/[\w/.]+)", README):
        assert (ROOT / path).exists(), path
    proofs = set(re.findall(r"benchmarks\.proofs\.(\w+)", README)) | set(re.findall(r"proofs ARGS=(\w+)", README))
    assert {"go_rules", "go_games", "go_opponents"} <= proofs <= set(SCRIPTS)
    for name in re.findall(r'make bench ARGS="([\w ]+)"', README)[0].split():
        assert importlib.util.find_spec(f"benchmarks.{name}"), name


def test_the_readme_has_openspiels_draws_as_the_proof_found_them():
    found = json.loads((ROOT / "benchmarks/proofs/go_rules.json").read_text())["OpenSpiel"]
    shares = [found[size]["drawn by repetition"] / found[size]["games"] for size in ("2", "3", "5")]
    assert "{:.0%}, {:.0%} and {:.0%})".format(*shares).replace("%", " %") in README
