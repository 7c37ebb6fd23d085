"""Games in files: what sgfmill reads of ours and we of its, whole games again and again, and files that are none."""

import contextlib
import functools
import re
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sgfmill import boards, sgf_grammar, sgf_moves
from sgfmill import sgf as sgfmill

from rl_lab.envs.go import sgf
from rl_lab.envs.go.game import Board
from rl_lab.envs.go.record import Game, Start
from rl_lab.envs.go.rules import Rules, default_komi
from rl_lab.errors import LabError

seeds = st.integers(0, 2**32 - 1)
words = st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), max_size=20).map(str.strip)
some_rules = st.builds(
    Rules,
    st.sampled_from([2, 3, 5, 9]),
    st.none() | st.integers(-40, 40).map(lambda n: n / 2),
    st.sampled_from(["simple", "positional", "situational"]),
    st.booleans(),
)


def random_game(rules, seed, moves=40):
    """A board after random moves, now and then a pass or a move out of turn."""
    rng = np.random.default_rng(seed)
    board = Board(rules.size, komi=rules.komi, ko=rules.ko, suicide=rules.suicide, handicap=rules.handicap)
    while len(board.moves) < moves and not board.is_over:
        colour = board.to_play if rng.random() < 0.95 else str(rng.choice(["black", "white"]))
        board.play(int(rng.choice(board.legal(colour))), colour)
    return board


def stones_of(board):
    """Those of one of sgfmill's boards, as ours has them."""
    values = {"b": 1, "w": -1, None: 0}
    return [[values[board.get(row, column)] for column in range(board.side)] for row in reversed(range(board.side))]


@settings(max_examples=40)
@given(rules=some_rules, seed=seeds, names=st.tuples(words, words), comments=st.lists(words, min_size=3, max_size=3))
def test_what_is_written_is_read(rules, seed, names, comments):
    board = random_game(rules, seed)
    places = (0, len(board.moves) // 2, len(board.moves))
    game = Game.of(board, players=names, comments={n: c for n, c in zip(places, comments, strict=True) if c})
    again = sgf.read(sgf.serialised(game))
    assert again == replace(game, rules=replace(rules, komi=board.rules.komi_in_force))
    assert again.board().state().tobytes() == board.state().tobytes()
    assert again.board(len(board.moves) // 2).moves == board.moves[: len(board.moves) // 2]
    assert sgf.serialised(again) == sgf.serialised(game)


@settings(max_examples=40)
@given(rules=some_rules, seed=seeds)
def test_sgfmill_reads_the_same_game(rules, seed):
    board = random_game(replace(rules, ko="simple"), seed)
    theirs = sgfmill.Sgf_game.from_bytes(sgf.serialised(Game.of(board, players=("a", "b"))))
    position, plays = sgf_moves.get_setup_and_moves(theirs)
    for colour, point in plays:
        if point is not None:
            position.play(*point, colour)
    assert stones_of(position) == board.stones.tolist()
    assert (theirs.get_size(), theirs.get_komi()) == (board.size, board.rules.komi_in_force)
    assert (theirs.get_player_name("b"), theirs.get_player_name("w")) == ("a", "b")
    if board.has_ended:
        score = position.area_score() - board.rules.komi_in_force
        assert theirs.get_winner() == ("b" if score > 0 else "w" if score < 0 else None)
        assert board.score() == score


@settings(max_examples=40)
@given(size=st.integers(2, 19), seed=seeds)
def test_what_sgfmill_writes_is_read(size, seed):
    """Stones anywhere, as sgfmill sets them up."""
    rng = np.random.default_rng(seed)
    position = boards.Board(size)
    stones = [(int(rng.integers(size)), int(rng.integers(size)), str(rng.choice(["b", "w"]))) for _ in range(size**2)]
    black, white = ({(r, c) for r, c, colour in stones if colour == side} for side in "bw")
    legal = position.apply_setup(black - white, white - black, [])
    theirs = sgfmill.Sgf_game(size, "ISO-8859-1")
    sgf_moves.set_initial_position(theirs, position)
    theirs.root.set("PB", "Zoë")
    game = sgf.read(theirs.serialise())
    assert game.players.black == "Zoë"
    assert game.board().stones.tolist() == stones_of(position)
    if not legal:
        theirs.root.set_setup_stones(black - white, white - black)
        with pytest.raises(LabError, match="stones without a liberty cannot stand on a board"):
            sgf.read(theirs.serialise()).board()


def test_handicaps_are_fixed_or_free():
    fixed, free = Board(9, handicap=3, komi=0.5), Board(9, komi=0)
    free.set_up(["E5", "A1"], to_play="white")
    for board, handicap in ((fixed, 3), (free, 2)):
        board.play("D4")
        text = sgf.serialised(Game.of(board)).decode()
        assert f"HA[{handicap}]" in text
        assert "PL[W]" in text
        game = sgf.read(text)
        assert game.handicap == handicap
        assert game.board().state().tobytes() == board.state().tobytes()
    assert game.start == Start((40, 72), (), "white")
    assert sgf.read("(;SZ[9]HA[2];W[ee])").board().stones.sum() == 1  # the stones are taken for granted
    assert sgf.read("(;SZ[9]HA[2];B[ee];B[aa];W[bb])").handicap == 0  # they are put there by moves


def test_problems_are_set_up_and_may_be_white_to_play():
    game = sgf.read("(;SZ[5]AB[aa:ba][cc]AW[ab][bb][ca]AE[cc];PL[W])")
    assert game.start == Start((0, 1), (2, 5, 6), "black")
    game = sgf.read("(;SZ[5]AB[aa][ba]AW[ab][bb]PL[W];W[ca])")
    board = game.board()
    assert (board.captures, board.to_play) == ((0, 2), "black")
    assert sgf.read(sgf.serialised(game)) == game
    assert sgf.read("(;SZ[          5]PL[W])").board().to_play == "white"


def test_superko_knows_of_nothing_before_what_was_set_up():
    """White's stone alone would have been there before, if they had been put there one after the other."""
    board = Board(3)
    board.set_up(["A3"], ["C3"], "white")
    for move in ("B3", None, "A2"):
        board.play(move)
    assert board.captures == (0, 1)
    twin = Board(3)
    for move in (None, "C3", "A3", "B3", None, "A2"):
        twin.play(move)
    assert twin.stones.tolist() == board.stones.tolist()
    assert twin.state()["positions"][0] == board.state()["positions"][0] + 2


@pytest.mark.parametrize(
    ("black", "white", "sentence"),
    [
        (["A1"], ["A1"], "a white stone cannot stand on A1: a black one is there already"),
        (["pass"], [], "a black stone cannot stand on pass: a pass is no stone"),
        (["A1", "B1"], ["A2", "B2", "C1"], "stones without a liberty cannot stand on a board"),
        (["F1"], [], "off the board"),
    ],
)
def test_positions_that_cannot_be_set_up(black, white, sentence):
    board = Board(5)
    with pytest.raises(LabError, match=sentence):
        board.set_up(black, white)
    assert board.state().tobytes() == Board(5).state().tobytes()


def test_a_game_that_has_begun_is_not_set_up():
    for board in (sgf.read("(;SZ[5];B[aa])").board(), sgf.read("(;SZ[5]AB[aa])").board(), Board(9, handicap=2)):
        with pytest.raises(LabError, match="on an empty board only; take a new Board"):
            board.set_up(["C3"])


@pytest.mark.parametrize(
    ("moves", "sentence"),
    [
        (";B[aa];W[bb];B[bb]", "move 3, black B4: a stone is there already"),
        (";B[ab];W[];B[ba];W[aa]", "move 4, white A5: that is suicide"),
        (";B[ba];W[ca];B[ab];W[db];B[bc];W[cc];B[cb];W[bb];B[cb]", "move 9, black C4: that is ko"),
    ],
)
def test_a_game_that_breaks_the_rules_is_named_by_move(moves, sentence):
    game = sgf.read(f"(;SZ[5]{moves})")
    with pytest.raises(LabError, match=sentence):
        game.board()
    assert len(game.board(len(game.moves) - 1).moves) == len(game.moves) - 1


def test_superko_is_of_the_rules_that_the_file_names():
    moves = ";B[aa];W[ba];B[ab];W[bb];B[aa];W[ab];B[aa]"
    for name in ("", "Chinese-OGS", "AGA", "nz", "koSITUATIONALscoreAREAtaxNONEsui1", "somebody's"):
        with pytest.raises(LabError, match="move 7, black A2: that repeats an earlier position"):
            sgf.read(f"(;SZ[2]RU[{name}]{moves})").board()
    assert len(sgf.read(f"(;SZ[2]RU[Japanese]{moves})").board().moves) == 7
    assert sgf.read("(;SZ[2]RU[koSITUATIONALscoreAREAtaxNONEsui1])").rules == Rules(2, 0, "situational", True)


def test_passes_are_written_in_two_ways():
    board = sgf.read("(;SZ[19];B[tt];W[])").board()
    assert board.has_ended
    assert sgf.read("(;SZ[5];B[];W[tt])").board().has_ended


def test_players_may_go_on_after_two_passes():
    board = sgf.read("(;SZ[5];B[];W[];B[cc])").board()
    assert (board.has_ended, len(board.moves)) == (False, 3)
    board = sgf.read("(;SZ[5];B[cc];W[];B[];W[])").board()  # the last pass is White's, as in America
    assert (board.has_ended, len(board.moves)) == (True, 3)


def test_games_longer_than_usual_are_played_and_much_longer_ones_refused():
    board, rng = Board(2, ko="simple", max_moves=200), np.random.default_rng(0)
    while not board.truncated:
        legal = board.legal()
        board.play(int(rng.choice(legal[:-1])) if len(legal) > 1 else 4)
    again = sgf.read(sgf.serialised(Game.of(board))).board()
    assert len(again.moves) == 200
    assert again.stones.tolist() == board.stones.tolist()
    game = sgf.read("(;SZ[9]" + ";B[];W[aa];B[];W[bb]" * 200 + ")")
    with pytest.raises(LabError, match="the game has 800 moves, and superko can remember 509"):
        game.board()
    for number in (801, -1):
        with pytest.raises(LabError, match=f"there is no move {number}; the game has 800"):
            game.board(number)


def test_results_of_boards():
    board = Board(5, komi=24.5, max_moves=3)
    assert "RE[" not in sgf.serialised(Game.of(board)).decode()
    board.play("C3")
    board.play(None)
    board.play("A1")
    assert "RE[Void]" in sgf.serialised(Game.of(board)).decode()
    board.undo()
    board.play(None)
    assert "RE[B+0.5]" in sgf.serialised(Game.of(board)).decode()
    assert "RE[W+R]" in sgf.serialised(Game.of(board, result="W+R")).decode()


def test_comments_belong_to_moves():
    with pytest.raises(LabError, match="a comment is for move 2; the game has 1"):
        Game(Rules(5), [("black", 0)], comments={2: "?"})


def test_the_first_game_and_its_main_line_are_read():
    game = sgf.read("garbage (;GM[1]SZ[5];B[aa](;W[bb];B[cc])(;W[dd]))(;SZ[9];B[ee])".removeprefix("garbage "))
    assert [action for _, action in game.moves] == [0, 6, 12]
    game = sgf.read(b"From: me\n\n(;SZ[5];B[aa])")
    assert game.moves == [("black", 0)]


def test_a_file_nested_very_deep_is_read():
    depth = 100_000
    game = sgf.read("(;SZ[9]" + "(;C[a]" * depth + "(;B[aa]" + ")" * (depth + 2))
    assert game.moves == [("black", 0)]
    with pytest.raises(LabError, match="it ends in the middle of the game"):
        sgf.read("(;SZ[9]" + "(;" * depth)
    with pytest.raises(LabError, match="it is no SGF"):
        sgf.read("(;SZ[9]" + "(" * depth + ")" * (depth + 1))


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("(;CA[UTF-8]SZ[5]PB[囲碁])".encode(), "囲碁"),
        ("(;SZ[5]PB[囲碁])".encode(), "囲碁"),
        ("(;SZ[5]PB[围棋])".encode("gbk"), "围棋"),
        ("(;CA[gb2312]SZ[5]PB[围棋])".encode("gbk"), "围棋"),
        ("(;CA[Shift_JIS]SZ[5]PB[表示])".encode("shift_jis"), "表示"),  # whose second byte is a backslash
        ("(;CA[Big5]SZ[5]PB[許功蓋])".encode("big5"), "許功蓋"),
        ("(;SZ[5]PB[José Müller])".encode("latin-1"), "José Müller"),
        ("(;CA[ISO-8859-1]SZ[5]PB[José])".encode("latin-1"), "José"),
        ("(;CA[nonsense]SZ[5]PB[José])".encode(), "José"),
        ("(;CA[zlib]SZ[5]PB[José])".encode(), "José"),
        ("(;CA[UTF-7]SZ[5]PB[José])".encode(), "José"),
        ("(;CA[UTF-8]SZ[5]PB[José])".encode("latin-1"), "José"),
        ("\ufeff(;SZ[5]PB[José])".encode(), "José"),
        ("(;SZ[5]PB[囲碁])".encode("utf-16"), "囲碁"),
        ("(;SZ[5]PB[囲碁])".encode("utf-16-le"), "囲碁"),
        ("(;SZ[5]PB[囲碁])".encode("utf-16-be"), "囲碁"),
        ("(;SZ[5]PB[申真谞])".encode("gbk"), "申真谞"),
        ("(;CA[gb2312]SZ[5]PB[申真谞])".encode("gbk"), "申真谞"),
        ("(;CA[UTF-8]SZ[5]PB[申真谞])".encode("gbk"), "申真谞"),
        ("(;SZ[5]PB[申眞ソ])".encode("shift_jis"), "申眞ソ"),
        ("(;CA[ISO-8859-1]SZ[5]PB[申眞ソ])".encode("shift_jis"), "申眞ソ"),
        ("(;SZ[5]PB[林海許])".encode("big5"), "林海許"),
        ("(;SZ[5]PB[Müller])".encode("latin-1"), "Müller"),
    ],
)
def test_encodings_declared_and_not(content, name):
    assert sgf.read(content).players.black == name


@pytest.mark.parametrize("encoding", ["utf-8", "gbk", "shift_jis", "big5", "latin-1", "euc_kr"])
def test_no_move_is_lost_to_what_is_written_before_it(encoding):
    characters = [bytes([first, second]) for first in range(0x81, 0xFE) for second in (0x5B, 0x5C, 0x5D, 0xA1)]
    texts = []
    for character in characters:
        with contextlib.suppress(UnicodeError):
            texts.append(character.decode(encoding).replace("\\", "\\\\").replace("]", "\\]"))
    assert texts
    for text in texts[:: max(1, len(texts) // 60)]:
        content = f"(;SZ[9]PB[{text}]PW[{text * 3}];B[ee]C[{text} is here];W[cc];B[gg])".encode(encoding)
        assert len(sgf.read(content).moves) == 3, (encoding, text)


def test_komi_as_servers_write_it():
    def komi(about):
        return sgf.read(f"(;GM[1]SZ[19]{about};B[ee])").rules.komi

    assert [komi(f"AP[foxwq]KM[{km}]") for km in ("375", "325", "650", "50", "0")] == [7.5, 6.5, 6.5, 0.5, 0]
    assert [komi(f"KM[{km}]HA[0]") for km in ("375", "-650", "7.5", "6,5", "100", "")] == [7.5, -6.5, 7.5, 6.5, 100, 0]
    assert sgf.read(sgf.serialised(Game(Rules(19, 375)))).rules.komi == 375


@pytest.mark.parametrize("name", ["Japanese Rules", "Chinese rules", "KOREAN", "jp", "chinese_rule", " Japanese\n"])
def test_rules_by_any_name(name):
    assert sgf.read(f"(;SZ[9]RU[{name}])").rules.ko == "simple"


def test_many_comments_of_one_move_take_as_long_as_they_are():
    times = []
    for count in (4_000, 32_000):
        begun = time.process_time()
        game = sgf.read("(;SZ[9];B[ee]" + f";C[{'x' * 250}]" * (count + 1) + ")")
        times.append(time.process_time() - begun)
        assert len(game.comments[1]) == 251 * (count + 1) - 1
    assert times[1] < 20 * times[0]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "it is no SGF: no SGF data found"),
        (b"hello", "no SGF data found"),
        (b"(;SZ[9];B[aa];W[b", "it is damaged or cut short"),
        (b"(;SZ[9];B[aa]", "it is damaged or cut short"),
        (b"(;SZ[9];B)", "it is no SGF: property with no values"),
        (b"(;GM[2]SZ[8])", "it is a game of another kind: GM[2], and Go is GM[1]"),
        (b"(;SZ[9:7])", "its board is not square: SZ[9:7]"),
        (b"(;SZ[1])", "its board is SZ[1]; a board may be 2 to 19 points wide"),
        (b"(;SZ[20])", "a board may be 2 to 19"),
        (b"(;SZ[0])", "a board may be 2 to 19"),
        (b"(;SZ[-3])", "a board may be 2 to 19"),
        (b"(;SZ[nine])", "its board is SZ[nine]"),
        (b"(;SZ[" + b"9" * 5000 + b"])", "a board may be 2 to 19"),
        (b"(;SZ[0000000019" + b"9" * 5000 + b"])", "a board may be 2 to 19"),
        (b"(;SZ[9]KM[six])", "KM[six] is no number"),
        (b"(;SZ[9]KM[nan])", "KM[nan] is no number"),
        (b"(;SZ[9]KM[1e300])", "komi=1e+300 is not allowed"),
        (b"(;SZ[9]HA[many])", "HA[many] is no number"),
        (b"(;SZ[9]HA[77];W[aa])", "handicap=77 is not allowed"),
        (b"(;SZ[9]PL[green])", "PL[green] is no colour to play"),
        (b"(;SZ[9];B[aa];W[zz])", "move 2, white [zz], is no point of the board of 9x9"),
        (b"(;SZ[9];B[jj])", "move 1, black [jj], is no point of the board of 9x9"),
        (b"(;SZ[9];B[a])", "move 1, black [a], is no point"),
        (b"(;SZ[9];B[aa]W[bb])", "one node holds 2 moves"),
        (b"(;SZ[9];B[aa][bb])", "one node holds 2 moves"),
        (b"(;SZ[9];B[aa];AW[bb])", "stones are set up after move 1"),
        (b"(;SZ[9]AB[zz])", "off the board of 9x9"),
        (b"(;SZ[9]AB[aa]AW[aa])", "a black and a white stone on one point"),
        (b"(;C[" + b"x" * 10_000_000 + b"])", "more than 10 million bytes"),
    ],
    ids=lambda value: value[:20] if isinstance(value, bytes) else "",
)
def test_files_that_are_no_games(tmp_path, content, sentence):
    (tmp_path / "game.sgf").write_bytes(content)
    with pytest.raises(LabError, match=re.escape(sentence)) as caught:
        sgf.read(tmp_path / "game.sgf")
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path / 'game.sgf'}: ")


@pytest.mark.parametrize("source", [None, 0, 3.5, ["game.sgf"]])
def test_what_is_neither_a_path_nor_a_text(source):
    with pytest.raises(LabError, match=re.escape(f"{source!r} cannot be read; give the path of a file, or the text")):
        sgf.read(source)


@pytest.mark.parametrize("path", [None, 5, "", b"x"])
def test_paths_that_are_none_are_refused(path):
    with pytest.raises(LabError, match=r"path=.* is not allowed"):
        sgf.write(path, Board(5))


@pytest.mark.parametrize("move", [-1, 2, 0.5, "a", True])
def test_moves_that_a_game_does_not_have_are_refused(move):
    with pytest.raises(LabError, match=r"there is no move .*; the game has 1"):
        sgf.read("(;SZ[5];B[cc])").board(move)


@pytest.mark.parametrize("side", [None, 5])
def test_stones_that_are_no_points_are_refused(side):
    with pytest.raises(LabError, match=r"white=.* is not allowed; give the points of its stones"):
        Board(5).set_up(["C3"], side)


def test_files_that_are_not_there(tmp_path):
    for path in (tmp_path, tmp_path / "none.sgf", "no\0such"):
        with pytest.raises(LabError, match="cannot be read: "):
            sgf.read(path)
    for path in (tmp_path, tmp_path / "no" / "folder.sgf"):
        with pytest.raises(LabError, match="cannot be written: "):
            sgf.write(path, Board(5))


@functools.cache
def whole_file():
    game = random_game(Rules(5, 24.5), 1)
    return sgf.serialised(Game.of(game, players=("Zoë", "you"), comments={0: "a]\\b", 3: "c"}))


@settings(max_examples=150)
@given(seed=seeds, content=st.binary(max_size=40), where=st.integers(0, 10_000))
def test_damage_is_said_or_survived(seed, content, where):
    whole = bytearray(whole_file())
    where %= len(whole)
    whole[where : where + len(content)] = content
    try:
        board = sgf.read(bytes(whole[: seed % (2 * len(whole))])).board()
    except LabError:  # and nothing else
        return
    assert 2 <= board.size <= 19


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("(;SZ[9]HA[1.5];B[cc])", "HA[1.5] is no number of handicap stones"),
        ("(;SZ[9]HA[-1];B[cc])", "HA[-1] is no number of handicap stones"),
        ("(;SZ[9]HA[two];B[cc])", "HA[two] is no number"),
        (
            "(;SZ[9];b[cc];w[dd])",
            "a property at or after the start has a name in small letters; SGF has B[], W[], not",
        ),
        ("(;SZ[9];B[cc];w[dd])", "a property at or after move 1 has a name in small letters"),
        ("(;gm[3];B[cc])", "a property at or after the start has a name in small letters"),
    ],
)
def test_what_would_be_read_wrongly_is_named(text, sentence):
    with pytest.raises(LabError, match=re.escape(sentence)):
        sgf.read(text)


def test_small_letters_that_old_files_have():
    game = sgf.read("(;GaMe[1]SiZe[9]HAndicap[1]RE[w+resign]PLayer[white];White[cc];Black[dd])")
    assert (game.rules.size, game.result, len(game.moves)) == (9, "W+Resign", 2)
    assert [sgf.read(f"(;RE[{text}])").result for text in ("b+r", "B+2.5", "Draw", "0", "?")] == [
        "B+R",
        "B+2.5",
        "Draw",
        "0",
        "?",
    ]


def test_what_is_said_about_a_game_takes_the_place_of_what_it_has(tmp_path):
    board = Board(5)
    board.play("C3")
    game = Game.of(board, players=("me", "you"), comments={1: "The centre."})
    sgf.write(tmp_path / "game.sgf", game, players=("Anna", "Ben"), result="B+R")
    again = sgf.read(tmp_path / "game.sgf")
    assert (again.players, again.result, again.comments) == (("Anna", "Ben"), "B+R", {1: "The centre."})


@pytest.mark.parametrize("kind", [Board, lambda size: Game(Rules(size))])
@pytest.mark.parametrize(
    ("about", "sentence"),
    [
        ({"player": ("me", "you")}, "a game takes no 'player'; what is said about it is players, result, comments"),
        ({"moves": []}, "a game takes no 'moves'"),
        ({"players": "me"}, "players='me' is not allowed; it must be two names, Black's and White's"),
        ({"players": None}, "players=None is not allowed"),
        ({"players": ("me", 5)}, "players=('me', 5) is not allowed"),
        ({"result": 2.5}, "result=2.5 is not allowed; it must be a text such as 'B+2.5'"),
        ({"comments": {0: 5}}, "comments={0: 5} is not allowed"),
        ({"comments": {1: "late"}}, "a comment is for move 1; the game has 0"),
        ({"comments": {"first": "?"}}, "a comment is for move first; the game has 0"),
    ],
)
def test_what_cannot_be_said_about_a_game(kind, about, sentence, tmp_path):
    with pytest.raises(LabError, match=re.escape(sentence)):
        sgf.write(tmp_path / "game.sgf", kind(5), **about)
    assert not list(tmp_path.iterdir())


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sgfmill", None)
    with pytest.raises(LabError, match=r"pip install -e '\.\[go\]'"):
        sgf.read("(;SZ[5])")


def test_komi_that_is_the_boards_own_is_written():
    assert sgf.read(sgf.serialised(Game.of(Board(9)))).rules.komi == default_komi(9)
    assert sgf.read("(;SZ[9])").rules.komi == 0
    assert sgf_grammar.is_valid_property_value(b"7")
