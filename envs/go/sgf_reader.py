"""From the bytes of an SGF to a game: what files hold, and what they should not."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from rl_lab.envs.go.encodings import decoded
from rl_lab.envs.go.layout import CAPACITIES
from rl_lab.envs.go.record import Game, Players, Start
from rl_lab.envs.go.rules import KO_RULES, MOST_KOMI, NAMED_RULES, Rules
from rl_lab.envs.go.vertices import action_at, handicap_vertices
from rl_lab.errors import LabError, extra

if TYPE_CHECKING:
    from sgfmill.sgf import Node, Sgf_game

MOST_POINTS = CAPACITIES[-1] ** 2  # no komi is larger, but one that is written in hundredths
MOST_BYTES = 10_000_000  # as much as the comments of a hundred thousand moves
COLOURS = {"b": "black", "w": "white"}


class Reader:
    """Reads the bytes of one game."""

    def __init__(self, content: bytes) -> None:
        if len(content) > MOST_BYTES:
            raise LabError(f"it is no game of Go: it has more than {MOST_BYTES // 10**6} million bytes")
        if not content.strip():
            raise LabError("it is empty")
        self.sgf = self._tree(decoded(content))
        self.size = self.sgf.get_size()
        self.root: Node = self.sgf.get_root()

    def game(self) -> Game:
        """The game; a `LabError` where it uses an unsupported feature."""
        stones: dict[int, str] = {}
        moves: list[tuple[str, int]] = []
        comments: dict[int, list[str]] = {}
        for node in self.sgf.main_sequence_iter():
            if node.has_property(""):  # what sgfmill leaves of a name, whose small letters old files may add
                where = f"move {len(moves)}" if moves else "the start"
                raise LabError(f"a property at or after {where} has a name in small letters; SGF has B[], W[], not b[]")
            if node.has_setup_stones():
                if moves:
                    raise LabError(f"stones are set up after move {len(moves)}")
                stones = self._set_up(node, stones)
            moves += self._moves(node, len(moves) + 1)
            if comment := self._text(node, "C"):
                comments.setdefault(len(moves), []).append(comment)
        rules, start = self._begin(stones, moves)
        players = Players(self._text(self.root, "PB"), self._text(self.root, "PW"))
        said = {number: "\n".join(texts) for number, texts in comments.items()}
        return Game(rules, moves, start, players, self._result(), said)

    def _tree(self, text: str) -> Sgf_game:
        sgf = sgfmill_sgf()
        with extra("go", "SGF"):
            from sgfmill import sgf_grammar

        try:
            tree = sgf_grammar.parse_sgf_game(text.encode("utf-8", "replace"))
        except ValueError as error:
            if "unexpected end" in str(error):
                raise LabError("it is damaged or cut short: it ends in the middle of the game") from None
            raise LabError(f"it is no SGF: {error}") from None
        root = tree.sequence[0]
        if root.get("GM", [b"1"])[0].strip() not in (b"1", b""):
            raise LabError(f"it is a game of another kind: GM[{_shown(root['GM'][0])}], and Go is GM[1]")
        sides = [side.strip() for side in root.get("SZ", [b"19"])[0].split(b":")]
        if len(set(sides)) > 1:
            raise LabError(f"its board is not square: SZ[{_shown(root['SZ'][0])}]")
        if not (sides[0].isdigit() and len(sides[0]) < 10 and 2 <= int(sides[0]) <= CAPACITIES[-1]):
            allowed = f"2 to {CAPACITIES[-1]} points wide"
            raise LabError(f"its board is SZ[{_shown(root['SZ'][0])}]; a board may be {allowed}")
        root["SZ"] = [str(int(sides[0])).encode()]
        return sgf.Sgf_game.from_coarse_game_tree(tree, override_encoding="utf-8")

    def _begin(self, stones: dict[int, str], moves: list[tuple[str, int]]) -> tuple[Rules, Start | None]:
        """The rules, and the position that was set up unless it is a fixed handicap."""
        ko, suicide = self._ko_and_suicide()
        handicap, komi = self._number("HA"), self._komi()
        if not handicap.is_integer() or handicap < 0:
            raise LabError(f"HA[{self._text(self.root, 'HA')[:40]}] is no number of handicap stones")
        black, white = (tuple(sorted(a for a, c in stones.items() if c == colour)) for colour in ("b", "w"))
        first = self._first(moves, "white" if handicap > 1 else "black")
        if handicap > 1 and not stones and first == "white":
            black = tuple(fixed_handicap(self.size, int(handicap)))  # which some programs leave out
        fixed = 0
        if first == "white" and not white and len(black) > 1 and self._is_fixed(black):
            fixed = len(black)
        rules = Rules(self.size, komi, ko, suicide, fixed)
        said = first == "white" and self.root.has_property("PL")
        return rules, Start(black, white, first) if (black or white or said) and not fixed else None

    def _is_fixed(self, black: tuple[int, ...]) -> bool:
        try:
            return black == tuple(sorted(fixed_handicap(self.size, len(black))))
        except LabError:
            return False

    def _first(self, moves: list[tuple[str, int]], default: str) -> str:
        """Who plays first: as is said, or as was played."""
        said = self._text(self.root, "PL").strip().lower()
        if said and said[0] not in COLOURS:
            raise LabError(f"PL[{said[:20]}] is no colour to play; it must be B or W")
        return COLOURS[said[0]] if said else moves[0][0] if moves else default

    def _ko_and_suicide(self) -> tuple[str, bool]:
        name = re.sub(r"[\s_-]+", "-", self._text(self.root, "RU").strip().lower())
        if name.startswith("ko") and "sui" in name:  # KataGo's, such as koPOSITIONALscoreAREAtaxNONEsui0
            ko, allowed = name[2:].partition("score")[0], name.partition("sui")[2][:1] == "1"
            return (ko, allowed) if ko in KO_RULES else ("positional", allowed)
        return NAMED_RULES.get(re.sub("-?rules?$", "", name), ("positional", False))

    def _result(self) -> str:
        """Who won, in capitals."""
        text = self._text(self.root, "RE")
        return text[:2].upper() + text[2:].capitalize() if text[:2].lower() in ("b+", "w+") else text

    def _komi(self) -> float:
        """Komi in points. Fox writes hundredths, under Chinese rules those of stones, which are two points each."""
        komi, program = self._number("KM"), self._text(self.root, "AP").strip().lower()
        in_hundredths = program.startswith("fox") or (abs(komi) > MOST_POINTS and not program.startswith("rl_lab"))
        if komi % 25 or not in_hundredths or abs(komi) > 100 * MOST_KOMI:
            return komi
        return komi / 100 if komi % 50 == 0 else komi / 50

    def _number(self, name: str) -> float:
        text = self._text(self.root, name).strip().replace(",", ".")
        try:
            value = float(text or 0)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise LabError(f"{name}[{text[:40]}] is no number")
        return value

    def _text(self, node: Node, name: str) -> str:
        if not node.has_property(name):
            return ""
        with extra("go", "SGF"):
            from sgfmill import sgf_grammar

        values = node.get_raw_list(name)
        clean = sgf_grammar.text_value if name == "C" else sgf_grammar.simpletext_value
        return clean(values[0]).decode("utf-8", "replace")

    def _set_up(self, node: Node, stones: dict[int, str]) -> dict[int, str]:
        try:
            black, white, empty = node.get_setup_stones()
        except ValueError:
            raise LabError(f"its setup holds points that are off the board of {self.size}x{self.size}") from None
        if black & white:
            raise LabError("its setup puts a black and a white stone on one point")
        sides = {"b": black, "w": white, "": empty}
        points = {action_of(point, self.size): colour for colour, side in sides.items() for point in side}
        return {action: colour for action, colour in (stones | points).items() if colour}

    def _moves(self, node: Node, number: int) -> list[tuple[str, int]]:
        values = [
            (letter, value) for letter in "BW" if node.has_property(letter) for value in node.get_raw_list(letter)
        ]
        if len(values) > 1:
            raise LabError(f"move {number} is more than one: one node holds {len(values)} moves")
        try:
            return [(COLOURS[letter.lower()], action_of(node.get_move()[1], self.size)) for letter, _ in values]
        except ValueError:
            ((letter, value),) = values
            colour = COLOURS[letter.lower()]
            raise LabError(
                f"move {number}, {colour} [{_shown(value)}], is no point of the board of {self.size}x{self.size}"
            ) from None


def sgfmill_sgf() -> Any:
    """The module `sgfmill.sgf`, or a `LabError` where it is not installed."""
    with extra("go", "SGF"):
        from sgfmill import sgf
    return sgf


def fixed_handicap(size: int, stones: int) -> list[int]:
    """Where a fixed handicap stands."""
    return [action_at(name, size) for name in handicap_vertices(size, stones)]


def place_of(action: int, size: int) -> tuple[int, int] | None:
    """An action as sgfmill has points: row from below and column, None for a pass."""
    row, column = divmod(action, size)
    return None if action == size * size else (size - 1 - row, column)


def action_of(point: tuple[int, int] | None, size: int) -> int:
    """The action of a point as sgfmill has it."""
    return size * size if point is None else (size - 1 - point[0]) * size + point[1]


def _shown(value: bytes) -> str:
    """A few characters of a value, for messages."""
    return "".join(c for c in value[:20].decode("utf-8", "replace") if c.isprintable())
