"""The GTP server: framing, every command, exact words, time, analysis; GNU Go answers the same scripts."""

import json
import os
import queue
import threading

import numpy as np
import pytest
from go_talk import answers, said, session, talk
from hypothesis import given
from hypothesis import strategies as st

from rl_lab.envs.go import search as search_module
from rl_lab.envs.go import sgf
from rl_lab.envs.go.engine import EngineProcess, find_gnugo
from rl_lab.envs.go.game import Board
from rl_lab.envs.go.gtp import framing
from rl_lab.envs.go.gtp.clock import GameClock
from rl_lab.envs.go.gtp.server import Server
from rl_lab.envs.go.vertices import vertex


def test_framing_takes_what_the_specification_allows():
    text = b"\r\n# a comment\n  \t\n7\tname\r\n\x01\x02protocol_version # why not\n"
    text += b"0012 known_command play\n13play b e5\nname"
    assert answers(said(text)) == ["=7 rl-lab random", "= 2", "=0012 true", "=13", "= rl-lab random"]


@given(st.lists(st.binary(max_size=60), max_size=20), st.integers(1, 7))
def test_lines_are_the_same_in_whatever_pieces_they_come(parts, piece):
    parts = [part.replace(b"\n", b"") for part in parts]
    stream = b"\n".join([*parts, b""])
    blocks = iter([stream[i : i + piece] for i in range(0, len(stream), piece)])
    assert list(framing.lines(lambda _: next(blocks, b""))) == parts


def test_a_line_of_megabytes_is_refused_and_the_next_one_answered():
    long = b"5 play b " + b"c" * (1 << 20) + b"\nname\n# " + b"x" * (3 << 20) + b"\n"
    assert answers(said(long)) == ["?5 line too long", "= rl-lab random"]


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("protocol_version", "= 2"),
        ("name", "= rl-lab random"),
        ("known_command genmove", "= true"),
        ("known_command lz-analyze", "= false"),  # random agents have nothing to show
        ("known_command", "? syntax error"),
        ("no_such_thing 1 2", "? unknown command"),
        ("lz-analyze", "? unknown command"),
        ("12", "?12 syntax error"),
        ("boardsize 20", "? unacceptable size"),
        ("boardsize 1", "? unacceptable size"),
        ("boardsize -3", "? unacceptable size"),
        ("boardsize 9 13", "? unacceptable size"),
        ("boardsize 9999999999999999999999", "? unacceptable size"),
        ("boardsize nine", "? syntax error"),
        ("boardsize", "? syntax error"),
        ("boardsize 9 9", "="),
        ("komi -3.5", "="),
        ("komi nan", "? syntax error"),
        ("komi inf", "? syntax error"),
        ("komi 1_0", "? syntax error"),
        ("komi 1e9", "? komi out of range"),
        ("play b", "? syntax error"),
        ("play b i5", "? syntax error"),
        ("play red e5", "? syntax error"),
        ("play b e55", "? illegal move"),
        ("play b t19", "? illegal move"),
        ("play b e5", "="),
        ("PLAY b e5", "? unknown command"),
        ("play WHITE pAsS", "="),
        ("genmove", "? syntax error"),
        ("genmove green", "? syntax error"),
        ("undo", "? cannot undo"),
        ("fixed_handicap 1", "? invalid number of stones"),
        ("fixed_handicap 10", "? invalid number of stones"),
        ("fixed_handicap two", "? syntax error"),
        ("place_free_handicap 81", "? invalid number of stones"),
        ("set_free_handicap c3", "? bad vertex list"),
        ("set_free_handicap c3 c3", "? bad vertex list"),
        ("set_free_handicap c3 pass", "? bad vertex list"),
        ("set_free_handicap c3 t19", "? bad vertex list"),
        ("set_free_handicap c3 d4", "="),
        ("time_settings 1 2", "? syntax error"),
        ("time_settings 60 -1 0", "? syntax error"),
        ("time_settings 60 30 5", "="),
        ("time_left b ten 0", "? syntax error"),
        ("time_left b 10 0", "="),
        ("final_status_list nowhere", "? syntax error"),
        ("final_status_list dead", "="),
        ("kata-set-rules", "? syntax error"),
        ("kata-set-rule ko", "? syntax error"),
        ("loadsgf", "? syntax error"),
        ("loadsgf /no/such/file.sgf", "? cannot load file"),
    ],
)
def test_the_words_of_answers(line, answer):
    assert talk(line) == [answer]


def test_a_game_with_its_liberties():
    found = talk(
        *("play w e5", "play w d5", "undo", "play b a1", "play b pass", "play w pass", "play w b2"),
        *("list_stones white", "list_stones b", "is_legal b e5", "is_legal w a2", "captures b", "final_score"),
        *("final_status_list alive", "final_status_list seki", "clear_board", "undo", "final_score"),
    )
    assert found[:7] == ["="] * 7
    assert found[7:] == [
        "= E5 B2",
        "= A1",
        "= 0",
        "= 1",
        "= 0",
        "= W+8",
        "= E5 B2 A1",
        "=",
        "=",
        "? cannot undo",
        "= W+7",
    ]


def test_komi_may_change_at_any_time():
    found = talk("play b e5", "komi 6.5", "final_score", "get_komi", "komi -1000", "final_score")
    assert found[2:] == ["= B+74.5", "= 6.5", "=", "= B+1081"]
    assert talk("boardsize 5", "get_komi", "boardsize 7", "get_komi")[1::2] == ["= 25", "= 9"]  # the boards' own


def test_generated_moves_are_played_or_not():
    found = talk("genmove b", "genmove B", "reg_genmove white", "list_stones b", agent="greedy")
    moves = [answer[2:] for answer in found[:2]]
    assert set(found[3][2:].split()) == set(moves)
    played = talk("boardsize 2", *["genmove b", "genmove w"] * 40)
    assert played[-1] == "= PASS"
    assert all(answer[0] == "=" for answer in played)


def test_handicap_stones_are_no_moves():
    found = talk("fixed_handicap 3", "undo", "list_stones b", "set_free_handicap e5 e6", "genmove w", "undo", "undo")
    assert found[:4] == ["= C3 G7 C7", "? cannot undo", "= C7 G7 C3", "? board not empty"]
    assert found[5:] == ["=", "? cannot undo"]
    free = talk("boardsize 5", "place_free_handicap 4", "list_stones b", "showboard")
    assert len(set(free[1][2:].split())) == 4
    assert set(free[1][2:].split()) == set(free[2][2:].split())
    assert "white to play" in free[3]
    assert talk("boardsize 2", "place_free_handicap 3")[1].count(" ") == 3


def test_rules_by_katagos_names():
    found = talk("kata-get-rules", "kata-set-rules chinese", "kata-get-rules", "kata-set-rule suicide true")
    assert json.loads(found[0][2:])["ko"] == "POSITIONAL"
    assert json.loads(found[2][2:]) == {
        **{"friendlyPassOk": True, "hasButton": False, "ko": "SIMPLE", "scoring": "AREA"},
        **{"suicide": False, "tax": "NONE", "whiteHandicapBonus": "N"},
    }
    for refused in ("japanese", "aga-button", "stone-scoring", '{"ko":"NONE"}', '{"suicide":1}', '{"gravity":true}'):
        assert talk(f"kata-set-rules {refused}", "kata-get-rules")[0].startswith("? ")
    for garbage in ("[1, 2", "[" * 5000, '{"ko": 1' + "0" * 5000 + "}", "null"):
        assert talk(f"kata-set-rules {garbage}")[0].startswith("? ")


def test_rules_change_what_is_legal_and_what_white_gets():
    bonus = ["kata-set-rules chinese", "fixed_handicap 4", "komi 0.5", "final_score", "get_komi"]
    assert talk(*bonus)[3:] == ["= B+76.5", "= 0.5"]  # 81 - 0.5 - 4
    suicide = ["boardsize 5", "play b b1", "play b a3", "play b b2", "play w a1", "play w a2"]
    assert talk(*suicide)[-1] == "? illegal move"
    assert talk("kata-set-rules new-zealand", *suicide, "list_stones w")[-2:] == ["=", "="]
    assert talk("kata-set-rules new-zealand", *suicide, "kata-set-rule suicide false")[-1].startswith("? these rules")


def test_superko_over_gtp():
    moves = ["play b a2", "play w b2", "play b a1", "play w pass", "play b b1", "play w b2"]
    assert talk("boardsize 2", *moves, "play b a2")[-1] == "? illegal move"
    assert talk("boardsize 2", "kata-set-rule ko simple", *moves, "play b a2")[-1] == "="


def test_a_game_is_as_long_as_superko_can_remember():
    found = talk(*["play b pass"] * 510, "genmove b", "undo", "play b e5")
    assert found[508] == "="
    assert found[509] == found[510] == "? the game has 509 moves, which is all that can be remembered"
    assert found[511:] == ["=", "="]


def test_games_are_taken_from_files(tmp_path):
    board = Board(5, komi=3.5, ko="situational", suicide=True)
    for move in ("C3", "B3", "B2", "pass"):
        board.play(move)
    path = tmp_path / "a game.sgf"
    sgf.write(path, board)
    found = talk(f"loadsgf {path}", "list_stones b", "get_komi", "kata-get-rules", "undo", "undo", "list_stones b")
    assert found[:3] == ["=", "= C3 B2", "= 3.5"]
    assert '"ko":"SITUATIONAL","scoring":"AREA","suicide":true' in found[3]
    assert found[6] == "= C3"
    before = talk(f"loadsgf {path} 3", "list_stones b", "list_stones w")  # the position before the third move
    assert before == ["=", "= C3", "= B3"]
    assert talk(f"loadsgf {path} 99", "list_stones b")[1] == talk(f"loadsgf {path} 5", "list_stones b")[1] == "= C3 B2"
    position = tmp_path / "position.sgf"
    position.write_text("(;GM[1]SZ[7]AB[cc][dd]AW[ee]PL[W]KM[0.5];W[aa])")
    found = talk(f"loadsgf {position}", "list_stones b", "undo", "undo", "kata-set-rule suicide true", "list_stones w")
    assert found == ["=", "= C5 D4", "=", "? cannot undo", "=", "= E3"]


@pytest.mark.parametrize(
    "text", ["", "no game", "(;GM[2])", "(;SZ[25])", "(;SZ[5];B[aa];W[aa])", "(;SZ[5];B[cc]", "(" * 5000]
)
def test_files_that_hold_no_game_change_nothing(text, tmp_path):
    path = tmp_path / "game.sgf"
    path.write_text(text)
    lines = ["play b e5", f"loadsgf {path}", "list_stones b"]
    assert talk(*lines) == ["=", "? cannot load file", "= E5"]


def test_time_is_kept_by_the_clock():
    clock = GameClock.of(100, 30, 5)
    assert clock.budget("black", 20) == pytest.approx(100 / 20 + 6 - 0.05)
    clock.spend("black", 101)
    assert clock.budget("black", 20) == pytest.approx(6 - 0.05)
    clock.spend("black", 10)
    assert clock.budget("black", 20) == pytest.approx(20 / 4 - 0.05)
    for _ in range(4):
        clock.spend("black", 1)
    assert clock.budget("black", 20) == pytest.approx(6 - 0.05)
    assert GameClock.of(0, 0, 0).budget("white", 20) is GameClock.of(300, 10, 0).budget("white", 20) is None
    clock = GameClock.of(10, 0, 0)
    clock.spend("white", 100)
    assert clock.budget("white", 20) == 0.0


@pytest.mark.parametrize(
    ("lines", "least", "most"),
    [
        (["time_settings 10 0 0"], 8, 500),
        (["time_settings 0 10 0"], 4000, 4000),
        (["time_settings 10 0 0", "time_left b 0 0"], 8, 8),
        (["time_settings 10 0 0", "time_left b 100000 0"], 4000, 4000),
        (["time_settings 0 8 10", "time_left b 2 1"], 500, 3900),
    ],
)
def test_thinking_stops_when_the_time_is_spent(lines, least, most, monkeypatch):
    now = [0.0]

    class FakeTime:
        def monotonic():
            return now[0]

    current = session("mcts:4000")
    monkeypatch.setattr(search_module, "time", FakeTime)
    search = current.thinker._started(current.table.board)
    think = search.think

    def slowly(playouts):  # a millisecond each
        now[0] += playouts / 1000
        think(playouts)

    search.think = slowly
    assert talk(*lines, "genmove b", current=current)[-1][0] == "="
    assert least <= search.playouts <= most


def info_of(line):
    """What a line of analysis says, by move."""
    found = []
    for part in line.split("info ")[1:]:
        words = part.split()
        pv = words.index("pv")
        found.append(dict(zip(words[:pv:2], words[1:pv:2], strict=True)) | {"pv": words[pv + 1 :]})
    return found


@pytest.mark.parametrize(("command", "most"), [("lz-analyze", 10_000), ("kata-analyze", 1)])
def test_analysis_has_the_formats_of_leela_zero_and_katago(command, most):
    lines = ["boardsize 5", "play b c3", f"4 {command} w interval 1 minmoves 2 ownership true", "name"]
    answer = talk(*lines, agent="mcts:200")[2]
    assert answer.startswith("=4\ninfo move ")
    moves = info_of(answer.splitlines()[-1])
    assert [int(move["order"]) for move in moves] == list(range(len(moves)))
    visits = [int(move["visits"]) for move in moves]
    assert visits == sorted(visits, reverse=True)
    for move in moves:
        assert 0 <= float(move["winrate"]) <= most
        assert 0 <= float(move["prior"]) <= most
        assert move["pv"][0] == move["move"] != "C3"
        assert ("scoreLead" in move) == (most == 1)
        assert most == 1 or move["winrate"].isdecimal()
    assert len(info_of(talk(f"{command} maxmoves 2", agent="mcts:200")[0])) == 2


@pytest.mark.parametrize("command", ["lz-genmove_analyze", "kata-genmove_analyze"])
def test_a_move_is_played_after_its_analysis(command):
    answer, stones = talk(f"8 {command} W 1", "list_stones w", agent="mcts:300")
    assert answer.startswith("=8\ninfo move ")
    assert answer.splitlines()[-1].startswith("play ")
    assert f"play {stones[2:]}" == answer.splitlines()[-1]


@pytest.mark.parametrize("arguments", ["x", "b x", "interval", "b 10 avoid w c3 1", "maxmoves x", "ownership maybe"])
def test_analysis_refuses_what_it_does_not_know(arguments):
    assert talk(f"lz-analyze {arguments}", "name", agent="mcts:10") == ["? syntax error", "= rl-lab mcts:10"]


@pytest.mark.parametrize("interruption", [b"\n", b"# interrupt\n", b"protocol_version\n"])
def test_a_running_analysis_ends_at_whatever_is_sent(interruption):
    reader, writer = os.pipe()
    out = queue.Queue()
    current = session("mcts:100", size=5)
    thread = threading.Thread(target=Server(current, lambda n: os.read(reader, n), out.put).run)
    thread.start()
    os.write(writer, b"kata-analyze 1\n")
    first, *_ = [out.get(timeout=60) for _ in range(3)]  # it goes on by itself
    assert first == "=\n"
    os.write(writer, interruption + b"9 name\n")
    os.close(writer)
    thread.join(60)
    os.close(reader)
    rest = "".join(out.queue)
    assert rest.endswith("\n\n=9 rl-lab mcts:100\n\n")
    assert ("= 2\n\n" in rest) == (b"version" in interruption)


def test_resigning_when_hopeless():
    hopeless = ["boardsize 5", "komi -100", "genmove w"]
    assert talk(*hopeless, agent="mcts:50", resign=0.1)[-1] == "= resign"
    assert talk(*hopeless, agent="mcts:50")[-1] != "= resign"
    assert talk(*hopeless[:2], "lz-genmove_analyze w", agent="mcts:50", resign=0.1)[-1].endswith("play resign")


def test_an_agent_of_one_size_takes_no_other():
    current = session("random", size=5)
    current.thinker.agent.size = 5
    assert talk("boardsize 9", "boardsize 5", current=current) == ["? unacceptable size", "="]


def test_what_goes_wrong_inside_is_an_answer(caplog):
    current = session("random")

    def broken(board):
        raise RuntimeError("oh")

    current.thinker.agent = broken
    assert talk("3 genmove b", "name", current=session("random"))[0].startswith("=3 ")
    broken.name = "broken"
    assert talk("3 genmove b", "name", current=current) == ["?3 internal error", "= rl-lab broken"]
    assert "genmove has failed" in caplog.text


@pytest.mark.parametrize("seed", range(4))
def test_gnugo_answers_the_same_scripts(seed):
    rng = np.random.default_rng(seed)
    size = int(rng.integers(4, 8))
    lines = [f"boardsize {size}", "clear_board"]
    for _ in range(120):
        colour, point = rng.choice(["b", "White"]), vertex(int(rng.integers(size * size)), size)
        kinds = [f"play {colour} {point}"] * 8 + [f"play {colour} pass", "undo", f"is_legal {colour} {point}"]
        lines.append(str(rng.choice(kinds)))
        lines += [str(rng.choice([f"list_stones {colour}", f"captures {colour}", f"all_legal {colour}"]))]
    lines += [
        "boardsize 200",
        "clear_board",
        "undo",
        f"boardsize {size + 4}",
        "fixed_handicap 4",
        "undo",
        "list_stones b",
    ]
    ours = talk(*lines)
    with EngineProcess([find_gnugo(), "--mode", "gtp", "--positional-superko", "--forbid-suicide"]) as engine:
        for line, answer in zip(lines, ours, strict=True):
            try:
                theirs = "= " + engine.ask(line)[0]
            except ValueError as error:
                theirs = "? " + str(error).rpartition(": ")[2]
            if line.startswith(("list", "all", "fixed")):
                answer, theirs = (" ".join(sorted(text.split())) for text in (answer, theirs))
            assert (line, answer.strip()) == (line, theirs.strip())
