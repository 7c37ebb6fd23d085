"""Thousands of commands, good, bad, binary and huge: each gets one answer, and nothing else is written."""

import itertools
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from go_talk import ANSWER, said, session

from rl_lab.envs.go.gtp.commands import COMMANDS, known

WORDS = [
    *("b", "W", "black", "red", "e5", "A1", "b2", "t19", "i3", "pass", "resign", "0", "2", "5", "7", "9", "-1", "20"),
    *("1e400", "4294967296", "nan", "inf", "0x10", "alive", "dead", "interval", "maxmoves", "true", "chinese", "#"),
    *('{"ko":"SIMPLE"}', '{"ko":', "[[[[", "\u00e9", "\u2603", "../../etc/passwd", "name", "genmove", "%s%n", "''"),
]
GAME = ["play b {}", "play w {}", "genmove b", "genmove w", "undo", "showboard", "final_score", "list_stones w"]


def vertices(rng):
    return f"{'ABCDEFGHJ'[rng.integers(9)]}{rng.integers(1, 10)}"


def command(rng, names):
    """A line as bytes, without an id: of any kind, and sometimes nothing at all."""
    kind = rng.integers(10)
    if kind < 4:
        return str(rng.choice(GAME)).format(vertices(rng)).encode()
    if kind < 7:
        return " ".join([str(rng.choice(names)), *map(str, rng.choice(WORDS, rng.integers(4)))]).encode()
    if kind == 7:
        return rng.bytes(int(rng.integers(60))).replace(b"\n", b"")
    if kind == 8:
        text = bytearray(str(rng.choice(names)).encode() + b" b e5")
        text[rng.integers(len(text))] = rng.integers(256)
        return bytes(text).replace(b"\n", b"\t")
    return b"play b " + rng.bytes(1) * int(rng.integers(1, 3000)) if rng.random() < 0.9 else b"x" * 1_500_000


def numbered(rng, count, names):
    """Lines with ids, with some in between that want no answer."""
    names = [name for name in names if name != "quit"]
    for number in range(count):
        line = command(rng, names)
        yield f"{number} ".encode() + (b"name" if line.split()[:1] == [b"quit"] else line).replace(b"\n", b"")
        if rng.random() < 0.1:
            yield from (b"", b"  \t", b"# a comment")


def checked(written, count):
    """Assert that there is an answer to each of so many numbered lines, and nothing else."""
    found = ANSWER.findall(written)
    assert "".join(found) == written
    assert [int(re.match(r"[=?]([0-9]+)", answer)[1]) for answer in found] == list(range(count))
    return found


@pytest.mark.parametrize(("agent", "count", "seed"), [("random", 1200, 0), ("mcts:8", 800, 1)])
def test_every_command_gets_one_answer(agent, count, seed, caplog):
    rng, current = np.random.default_rng(seed), session(agent, size=5)
    lines = numbered(rng, count, list(known(current)))
    found = checked(said(b"\n".join(lines), current), count)
    failed = sum(answer[0] == "?" for answer in found)
    assert count / 10 < failed < 9 * count / 10  # of both kinds
    assert not any("internal error" in answer for answer in found), caplog.text


def test_analyses_that_are_interrupted_are_answered_too():
    names = ["lz-analyze 0", "kata-analyze b 1", "lz-genmove_analyze w 1", "kata-genmove_analyze 0", "name", "undo"]
    rng = np.random.default_rng(2)
    lines = [f"{number} {rng.choice(names)}".encode() for number in range(200)]
    found = checked(
        said(b"\n".join(itertools.chain.from_iterable((line, b"") for line in lines)), agent="mcts:16"), 200
    )
    for line, answer in zip(lines, found, strict=True):
        if b"analyze" in line:
            assert "\ninfo move " in answer
            assert ("\nplay " in answer) == (b"genmove" in line)


def server(*arguments, **streams):
    command = [sys.executable, "-m", "rl_lab.cli", "gtp", "--size", "5", *arguments]
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
    return subprocess.Popen(command, **streams)


def test_a_real_process_under_the_same_fire():
    lines = list(numbered(np.random.default_rng(3), 300, list(COMMANDS)))
    with server("--agent", "greedy") as process:
        out, complaints = process.communicate(b"\n".join([*lines, b"300 quit", b"name"]), timeout=120)
    checked(out.decode(), 301)
    assert process.returncode == 0
    assert b"Traceback" not in complaints


def test_nobody_reads_any_more():
    with server("--agent", "random") as process:
        process.stdin.write(b"name\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"= rl-lab random\n"
        process.stdout.close()
        process.stdin.write(b"showboard\n" * 5)
        process.stdin.close()
        complaints = process.stderr.read()
    assert process.returncode == 0
    assert complaints == b""


def test_nothing_to_read():
    with server("--agent", "random", stdin=subprocess.DEVNULL) as process:
        out, _ = process.communicate(timeout=120)
    assert (process.returncode, out) == (0, b"")


@pytest.mark.skipif(os.name == "nt", reason="a shell closes them")
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_streams_that_were_never_open(closed):
    line = f"echo name | {sys.executable} -m rl_lab.cli gtp --size 5 --agent random {closed}"
    done = subprocess.run(["sh", "-c", line], capture_output=True, timeout=120)
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr
    assert done.stdout == (b"= rl-lab random\n\n" if closed == "2>&-" else b"")
