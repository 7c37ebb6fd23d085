"""Programs that speak GTP, and programs that do not: an answer, or a sentence that says what went wrong."""

import sys

import pytest

from rl_lab.envs.go.engine import EngineProcess, find_gnugo
from rl_lab.errors import LabError

ECHO = """
import sys
for line in sys.stdin:
    words = line.split()
    if words[0] == "quit": break
    print("? unknown command\\n" if words[0] == "what" else "= " + "\\n".join(words) + "\\n", flush=True)
"""


def engine(script, seconds=20.0):
    return EngineProcess([sys.executable, "-c", script], seconds)


def test_answers_come_in_order_and_may_have_many_lines():
    with engine(ECHO) as echo:
        assert echo.ask("one", "two lines", "three") == ["one", "two\nlines", "three"]
        assert echo.ask(*map(str, range(5000)))[-1] == "4999"


@pytest.mark.parametrize(
    ("script", "seconds", "sentence"),
    [
        (ECHO, 20, "refuses 'what': unknown command"),
        ("input()", 20, r"has died \(code .*\) before it answered 'what'"),
        ("import time; time.sleep(60)", 0.2, "has not answered 'what' within 0.2 seconds"),
        ("print('Welcome!\\n', flush=True); input(); input()", 20, "answers 'what' with 'Welcome!', which is not GTP"),
    ],
)
def test_what_goes_wrong_is_said(script, seconds, sentence):
    with engine(script, seconds) as broken, pytest.raises(LabError, match=sentence):
        broken.ask("what")


def test_a_program_that_is_not_there():
    with pytest.raises(LabError, match="cannot start '/no/such/engine': No such file or directory; install it"):
        EngineProcess(["/no/such/engine"])


def test_gnugo_that_is_missing_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("rl_lab.envs.go.engine.GAMES", str(tmp_path))
    with pytest.raises(LabError, match="apt-get install gnugo"):
        find_gnugo()
