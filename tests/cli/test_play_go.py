"""`rl-lab play go`: what people type, what they are told, and what is kept however a game ends."""

import contextlib
import io
import os
import subprocess
import sys

import pytest
from rich.console import Console

from rl_lab import cli
from rl_lab.cli.go_screen import GoScreen, coloured_board, plain_board
from rl_lab.cli.go_session import Session
from rl_lab.envs.go import sgf
from rl_lab.envs.go.game import Board
from rl_lab.envs.go.players import player
from rl_lab.envs.go.vertices import action_at
from rl_lab.errors import LabError


class Script(GoScreen):
    """Types what it is given, and keeps what it is shown."""

    def __init__(self, *lines):
        self.lines, self.seen = list(lines), []

    def say(self, text):
        self.seen.append(text)

    def show(self, board):
        self.seen.append(plain_board(board))

    def thinking(self, name):
        return contextlib.nullcontext()

    def ask(self, question):
        line = self.lines.pop(0) if self.lines else None
        if isinstance(line, BaseException):
            raise line
        return line


class Replies:
    """An agent that plays what it was told to, and passes after that."""

    name = "replies"

    def __init__(self, *moves):
        self.moves = list(moves)

    def __call__(self, board):
        if self.moves and isinstance(self.moves[0], BaseException):
            raise self.moves[0]
        return action_at(self.moves.pop(0), board.size) if self.moves else board.size**2


def session(*lines, agent=None, colour="black", **rules):
    made = Session(Board(5, **rules), agent or Replies(), colour, Script(*lines))
    made.play()
    return made


def test_two_passes_end_the_game_and_the_area_counts():
    done = session("c3", "pass", komi=0.5)
    assert done.result == "B+24.5"
    assert done.screen.seen[-1] == "Both have passed. Black 25, White 0 and komi 0.5: Black wins by 24.5"
    assert any(text.startswith("replies passes (0.0 s)") for text in done.screen.seen)
    assert session("pass", komi=0).screen.seen[-1].endswith("Black 0, White 0 and komi 0: a draw")
    assert session("pass", komi=3).screen.seen[-1].endswith("White wins by 3")


def test_white_waits_for_black():
    done = session("b2", agent=Replies("C3"), colour="white")
    assert done.board.moves[:2] == [("black", 12), ("white", 16)]
    assert done.screen.seen[0] == "You are white, replies is black; komi 25. A move, or help:"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("C3", "black cannot play C3: a stone is there already"),
        ("f1", "'f1' is off the board of 5x5, which goes from A1 to E5"),
        ("i3", "the columns leave out I"),
        (
            "undoo",
            "'undoo' is no move; write a letter and a number such as 'C3', or 'pass' (help lists the commands)",
        ),
        ("undo 3", "'undo 3' is no move"),
        ("\x1b[A\0", "is no move"),
        ("save", "save needs the name of a file: save FILE, such as save game.sgf"),
        ("Save ", "save needs the name of a file: save FILE"),
    ],
)
def test_why_a_move_is_refused_is_said(line, sentence):
    done = session("c3", line, agent=Replies("A1"))
    assert sentence in done.screen.seen[-2]
    assert len(done.board.moves) == 2


def test_suicide_and_ko_are_explained():
    done = session("b1", "b2", "pass", "a1", agent=Replies("A2", "A3", "B3"), colour="black")
    assert not any("cannot" in text for text in done.screen.seen)
    done = session("b4", "a3", "b2", "c3", "c3", "c3", agent=Replies("C4", "D3", "C2", "B3"))
    assert "black cannot play C3: that is ko: the stone there was just taken; play elsewhere first" in done.screen.seen


@pytest.mark.parametrize("allowed", [False, True])
def test_suicide_may_be_allowed(allowed, monkeypatch, capsys):
    agent = Replies("A2", "B1", "E5")
    agent.prepare, agent.close = lambda board: None, lambda: None
    monkeypatch.setattr("rl_lab.cli.go_players.player_for", lambda spec, seed: agent)
    monkeypatch.setattr(sys, "stdin", io.StringIO("c3\nc4\na1\nquit\n"))
    words = ["play", "go", "--size", "5", "--ko", "simple", *(["--suicide"] if allowed else [])]
    cli.app.cli(prog="rl-lab", args=words)
    assert ("black cannot play A1: " in capsys.readouterr().out) == (not allowed)


def test_moves_are_taken_back_together_with_their_answers():
    done = session("undo", "c3", "d4", "undo", "undo", "a1", agent=Replies("B2", "B3", "B4"))
    assert "there is no move of yours to take back" in done.screen.seen
    assert done.board.moves == [("black", action_at("A1", 5)), ("white", action_at("B4", 5))]
    done = session("b2", "undo", "undo", agent=Replies("C3", "D3"), colour="white")
    assert done.board.moves == [("black", 12)]
    assert "there is no move of yours to take back" in done.screen.seen


def test_hints_scores_help_and_the_board():
    done = session("hint", "c3", "score", "help", "", "board", agent=Replies("B2"))
    assert "replies would play B2" in done.screen.seen
    assert "Black 25, White 0 and komi 25: a draw as it stands" in done.screen.seen
    assert any(text.startswith("C3            play at this point") for text in done.screen.seen)
    assert done.screen.seen[-2].endswith("black to play, captures 0-0")
    assert done.screen.seen[-1] == "You leave the game"


def test_whoever_resigns_loses(tmp_path):
    done = session("c3", "resign")
    assert (done.result, done.screen.seen[-1]) == ("W+R", "You resign: replies wins")
    assert session("resign", colour="white", agent=Replies("C3")).result == "B+R"
    done.save(tmp_path / "game.sgf")
    game = sgf.read(tmp_path / "game.sgf")
    assert (game.result, game.players) == ("W+R", ("you", "replies"))
    assert len(game.moves) == 2


@pytest.mark.parametrize(
    ("lines", "agent", "words"),
    [
        (["c3"], Replies("B2"), "You leave the game"),
        (["c3", "quit", "d3"], Replies("B2"), "You leave the game"),
    ],
)
def test_leaving_is_polite_and_the_game_is_kept(tmp_path, lines, agent, words):
    done = session(*lines, f"save {tmp_path}/there.sgf", agent=agent)
    assert words in done.screen.seen
    done.save(tmp_path / "game.sgf")
    assert done.screen.seen[-1] == f"game: {tmp_path / 'game.sgf'}"
    assert sgf.read(tmp_path / "game.sgf").moves == done.board.moves != []


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no such signal")
def test_ctrl_c_is_heard_while_a_search_thinks_for_minutes(tmp_path, interrupt):
    words = ["play", "go", "--size", "9", "--agent", "mcts:10000000", "--sgf", str(tmp_path / "game.sgf")]
    command = [sys.executable, "-m", "rl_lab.cli", *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        run.stdin.write(b"C3\n")
        run.stdin.flush()
        while b"white to play" not in run.stdout.readline():
            assert run.poll() is None, run.stderr.read()
        said, complaints = interrupt(run)
    assert run.returncode == 130, complaints
    assert complaints.endswith(b"rl-lab: stopped; what was written stays\n")  # it may have compiled before
    assert b"Traceback" not in complaints
    assert f"game: {tmp_path / 'game.sgf'}".encode() in said
    assert sgf.read(tmp_path / "game.sgf").moves == [("black", action_at("C3", 9))]


def test_a_terminal_shows_that_somebody_thinks(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("TERM", "xterm-256color")
    terminal = sys.stdout
    with GoScreen().thinking("mcts:[2000]") as sign:
        sign.update(spinner="line")  # draws at once
        assert "mcts:[2000] is thinking" in terminal.getvalue()
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    with GoScreen().thinking("mcts:2000"):
        assert sys.stdout.getvalue() == ""


def test_a_game_is_kept_in_the_middle_too(tmp_path):
    done = session(
        "save", f"save {tmp_path}/empty.sgf", "c3", f"save {tmp_path}/a game.sgf", f"save {tmp_path}/no/1.sgf"
    )
    assert "no moves were played; no file was written" in done.screen.seen
    assert not (tmp_path / "empty.sgf").exists()
    assert len(sgf.read(tmp_path / "a game.sgf").moves) == 2
    assert any("cannot be written: No such file" in text for text in done.screen.seen)


def test_no_other_file_is_replaced(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    done = session("c3", f"save {tmp_path}/notes.txt", f"save {tmp_path}/1.sgf", "d4", f"save {tmp_path}/1.sgf")
    assert f"{tmp_path}/notes.txt exists already; save the game under a new name" in done.screen.seen
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert len(sgf.read(tmp_path / "1.sgf").moves) == 4  # its own it may renew


def test_a_folder_is_made_for_a_game_that_was_played_only(tmp_path):
    session("quit").keep(tmp_path / "new/game.sgf")
    assert list(tmp_path.iterdir()) == []
    session("c3").keep(tmp_path / "new/game.sgf")
    assert (tmp_path / "new/game.sgf").exists()


def test_the_longest_game_is_broken_off(tmp_path):
    rules = {"max_moves": 2}
    done = session("c3", agent=Replies("B2"), **rules)
    assert done.screen.seen[-1] == "The game is broken off after 2 moves, its longest: no result"
    done.save(tmp_path / "game.sgf")
    assert sgf.read(tmp_path / "game.sgf").result == "Void"


def test_an_agent_that_plays_illegally_is_named():
    with pytest.raises(LabError, match="replies plays C3, which is illegal: occupied"):
        session("c3", agent=Replies("C3"))


def test_agents_play_whole_games():
    for spec in ("greedy", "mcts:20"):
        with player(spec, 1) as agent:
            done = session(*["pass"] * 60, agent=agent)
            assert done.board.is_over


class Terminal(io.StringIO):
    """A stream that says that it is one."""

    encoding = "utf-8"

    def isatty(self):
        return True


def test_terminals_are_coloured_and_all_else_is_plain(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setattr(sys, "stdin", Terminal("x" * 100_000 + "\n"))
    monkeypatch.setattr(sys, "stdout", Terminal())
    screen = GoScreen()
    assert not screen.plain
    board = Board(5)
    board.play("C3")
    screen.show(board)
    assert "◉" in sys.stdout.getvalue()
    assert "\x1b[" in sys.stdout.getvalue()
    assert screen.ask("black") == "x" * 60
    assert screen.ask("black") is None
    monkeypatch.setenv("NO_COLOR", "1")
    assert GoScreen().plain
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setattr(sys, "stdin", io.StringIO("c3\n"))
    screen = GoScreen()
    assert screen.plain
    assert [screen.ask("black"), screen.ask("black")] == ["c3", None]


def test_boards_with_their_lines_and_the_last_move():
    board = Board(5)
    for move in ("C3", "A5", "E1"):
        board.play(move)
    assert coloured_board(board).plain.split("\n") == [
        "   A B C D E",
        "5  ●─┬─┬─┬─┐  5",
        "4  ├─┼─┼─┼─┤  4",
        "3  ├─┼─●─┼─┤  3",
        "2  ├─┼─┼─┼─┤  2",
        "1  └─┴─┴─┴─◉  1",
        "   A B C D E",
        "white to play, captures 0-0",
    ]
    assert plain_board(board).split("\n")[5] == "1 . . . .(X)1"
    board.play(None)
    assert plain_board(board) == board.ascii()
    text, colours = coloured_board(board), []
    for symbol in ("●", "◉"):
        colours += [
            text.get_style_at_offset(Console(), place).color.name for place, c in enumerate(text.plain) if c == symbol
        ]
    assert colours == ["#ffffff", "#101014", "#101014"]


def lab(*words, lines="", cwd=None):
    command = [sys.executable, "-m", "rl_lab.cli", *map(str, words)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    return subprocess.run(command, input=lines, capture_output=True, cwd=cwd, env=environment)


def test_moves_may_come_through_a_pipe(tmp_path):
    lines = b"C3\n\xff\xfe\0\n" + b"y" * 1_000_000 + b"\npass\n"
    done = lab("play", "go", "--size", 5, "--agent", "greedy", "--sgf", tmp_path / "new/game.sgf", lines=lines)
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    assert b"black> C3\n" in done.stdout
    assert len(done.stdout) < 10_000
    assert sgf.read(tmp_path / "new/game.sgf").players == ("you", "greedy")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--size", 20], "size=20 is not allowed"),
        (["--komi", "nan"], "komi=nan is not allowed"),
        (["--size", 5, "--handicap", 2], "handicap=2 is not allowed on 5x5"),
        (["--agent", "mcts"], "there is no player 'mcts'"),
        (["--agent", "mcts:10", "--sgf", "old.sgf"], "old.sgf exists already; name a new file with --sgf"),
        (["--agent", "mcts:10", "--sgf", "old.sgf/game.sgf"], "(File exists); name another folder with --sgf"),
    ],
)
def test_bad_arguments_are_said_before_the_game(tmp_path, words, sentence):
    (tmp_path / "old.sgf").write_text("(;SZ[5])")
    done = lab("play", "go", *words, cwd=tmp_path)
    assert done.returncode == 2
    assert sentence in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert done.stdout == b""
    assert (tmp_path / "old.sgf").read_text() == "(;SZ[5])"


def test_help_shows_what_to_try():
    done = lab("play", "go", "--help").stdout.decode()
    assert "rl-lab play go --size 5 --agent mcts:500 --colour white" in done
    assert "--handicap" in done
