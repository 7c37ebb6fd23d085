"""Games of Go in files: SGF, version 4 (red-bean.com/sgf), through sgfmill."""

from __future__ import annotations

from importlib import metadata
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rl_lab.envs.go.game import Board
from rl_lab.envs.go.record import Game, Start
from rl_lab.envs.go.sgf_reader import MOST_BYTES, Reader, fixed_handicap, place_of, sgfmill_sgf
from rl_lab.errors import LabError
from rl_lab.files import path_of, write_bytes

if TYPE_CHECKING:
    from sgfmill.sgf import Node

LETTERS = {"black": "b", "white": "w"}


def read(source: Path | str | bytes) -> Game:
    """Read the first game of a file, along its main line.

    Rules that the file does not name, or that have a name we do not know, are ours: positional superko, no suicide.
    Komi is 0 where none is named. Moves may break the rules; `Game.board` says which does.

    Args:
        source: path of a file, or its text or bytes; a text begins with "(".

    Raises:
        LabError: there is no such file, it is damaged, holds another game than Go, or uses an unsupported feature.
    """
    if isinstance(source, bytes):
        return parse(source, "the SGF")
    if not isinstance(source, (str, PathLike)):  # a number would be taken for an open file
        raise LabError(f"{source!r} cannot be read; give the path of a file, or the text or bytes of a game")
    if isinstance(source, str) and source.lstrip("\ufeff \t\r\n").startswith("("):
        return parse(source.encode("utf-8", "replace"), "the SGF")
    try:
        with open(source, "rb") as file:
            content = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError for a path with a null byte
        raise LabError(f"{str(source)!r} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    return parse(content, str(source))


def parse(content: bytes, name: str) -> Game:
    """`read`, of the bytes of a file whose name is for messages."""
    try:
        return Reader(content).game()
    except LabError as error:
        raise LabError(f"{name}: {error}") from None


def write(path: Path | str, game: Game | Board, **about: Any) -> None:
    """Write a game to a file.

    Args:
        path: of the file, which is replaced where it exists.
        game: a game, or a board with what has been played on it.
        about: players, result or comments, as `Game` has them; they take the place of what the game has.

    Raises:
        LabError: the file cannot be written, or what is said about the game is not allowed.

    Example:
        >>> import tempfile
        >>> board = Board(9, komi=7)
        >>> board.play("E5")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write(f"{folder}/game.sgf", board, players=("me", "mcts:2000"), comments={1: "The centre."})
        ...     read(f"{folder}/game.sgf").comments
        {1: 'The centre.'}
    """
    content = serialised(Game.of(game, **about) if isinstance(game, Board) else game.with_about(about))
    write_bytes(path_of(path), content)


def serialised(game: Game) -> bytes:
    """A game as SGF, in UTF-8."""
    size, rules = game.rules.size, game.rules
    sgf = sgfmill_sgf().Sgf_game(size)
    root: Node = sgf.get_root()
    texts = {"PB": game.players.black, "PW": game.players.white, "RE": game.result, "C": game.comments.get(0, "")}
    texts["RU"] = f"ko{rules.ko.upper()}scoreAREAtaxNONEsui{int(rules.suicide)}"  # KataGo's way to say all of it
    for name, text in texts.items():
        if text:
            root.set(name, _clean(text))
    root.set("KM", rules.komi_in_force)
    root.set("AP", ("rl_lab", metadata.version("rl-lab")))
    if game.handicap:
        root.set("HA", game.handicap)
    start = game.start or (Start(tuple(fixed_handicap(size, rules.handicap)), (), "white") if rules.handicap else None)
    if start is not None:
        root.set_setup_stones(*([place_of(action, size) for action in side] for side in (start.black, start.white)))
        root.set("PL", LETTERS[start.to_play])
    for number, (colour, action) in enumerate(game.moves, 1):
        node = sgf.extend_main_sequence()
        node.set_move(LETTERS[colour], place_of(action, size))
        if game.comments.get(number):
            node.set("C", _clean(game.comments[number]))
    return sgf.serialise()


def _clean(text: str) -> str:
    """Text that UTF-8 can hold."""
    return text.encode("utf-8", "replace").decode()
