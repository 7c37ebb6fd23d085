"""What two players agree on before a game of Go, checked, and as the config that kernels read."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from rl_lab.envs.go.layout import CAPACITIES, POSITIONS, capacity_for
from rl_lab.envs.go.vertices import action_at, handicap_vertices
from rl_lab.errors import LabError, short
from rl_lab.validation import choice, real, switches, whole

KO_RULES = ("simple", "positional", "situational")  # by their numbers in `layout`
# What names of rules say about ko and suicide (lightvector.github.io/KataGo/rules.html).
NAMED_RULES = {
    **dict.fromkeys(("tromp-taylor", "goe", "ing"), ("positional", True)),
    **dict.fromkeys(("nz", "new-zealand"), ("situational", True)),
    **dict.fromkeys(("aga", "aga-button", "bga", "french"), ("situational", False)),
    **dict.fromkeys(("chinese-ogs", "chinese-kgs"), ("positional", False)),
    **dict.fromkeys(("chinese", "japanese", "korean", "cn", "jp", "kr", "stone-scoring"), ("simple", False)),
}

# Black's margin in area under best play.
# 2x2: B. Taylor's proof under superko (senseis.xmp.net/?2x2Board), and ours.
# 3x3, 4x4, 5x5: E. van der Werf, J. van den Herik, J. Uiterwijk, "Solving Go on small boards", ICGA Journal 26(2),
# 2003.
# 6x6: what those believe who mean to solve it. The largest board that is solved is 5x6, +4 as well: E. van der Werf,
# M. Winands, "Solving Go for rectangular boards", ICGA Journal 32(2), 2009.
# 7x7: analysed since 1977 (J. Davies, American Go Journal 29(3), 1995), and KataGo's opening book, 2021.
# 8x8, 9x9: KataGo's opening books under Tromp and Taylor's rules, 2021 and 2023 (katagobooks.org).
MARGINS = {2: 1, 3: 9, 4: 2, 5: 25, 6: 4, 7: 9, 8: 10, 9: 7}
USUAL_KOMI = 7.0  # for boards without a margin: strong programs find it fair on 9x9 and on 19x19 alike
MOST_KOMI = 1000.0


@dataclass(frozen=True)
class Rules:
    """The rules of a game; two passes end it, Tromp and Taylor's area counts.

    Raises:
        LabError: one of them is not allowed.
    """

    size: int
    """Side of the board, 2 to 19."""
    komi: float | None = None
    """What White gets; default is Black's margin under best play, which makes a draw, or 7 where none is known."""
    ko: str = "positional"
    """`positional`: no position comes back; `situational`: none with the same side to play; `simple`: a single
    stone that took a single stone is not taken back at once."""
    suicide: bool = False
    """Whether a move may leave its own chain without liberties; the chain is taken off."""
    handicap: int = 0
    """Black stones at GTP's fixed places before White's first move."""
    max_moves: int | None = None
    """Moves, passes among them, after which the game is broken off; default twice the points."""

    def __post_init__(self) -> None:
        if not whole(self.size, 2, CAPACITIES[-1]):
            raise LabError(f"size={self.size!r} is not allowed; a board may be 2 to {CAPACITIES[-1]} points wide")
        choice("ko", self.ko, KO_RULES)
        switches(suicide=self.suicide)
        handicap_vertices(self.size, self.handicap)
        if self.komi is not None and not real(self.komi, -MOST_KOMI, MOST_KOMI):
            allowed = f"a finite number from -{MOST_KOMI:g} to {MOST_KOMI:g}"
            raise LabError(f"komi={short(self.komi)} is not allowed; it must be {allowed}")
        most = most_moves(self.size)
        if self.max_moves is not None and not whole(self.max_moves, 1, most):
            raise LabError(
                f"max_moves={self.max_moves!r} is not allowed; a game on {self.size}x{self.size} may last 1 to {most} "
                "moves, since superko remembers all of them"
            )

    @property
    def capacity(self) -> int:
        """The largest board that the same machine code serves."""
        return capacity_for(self.size)

    @property
    def komi_in_force(self) -> float:
        """The komi, or its default."""
        return default_komi(self.size) if self.komi is None else float(self.komi)

    @property
    def longest(self) -> int:
        """The cap on moves, or its default."""
        return 2 * self.size**2 if self.max_moves is None else int(self.max_moves)

    def config(self) -> dict[str, Any]:
        """What kernels read."""
        stride, points = self.size + 1, np.zeros(9, np.int64)
        for index, name in enumerate(handicap_vertices(self.size, self.handicap)):
            row, column = divmod(action_at(name, self.size), self.size)
            points[index] = (row + 1) * stride + column + 1
        return {
            "width": int(self.size),
            "komi": self.komi_in_force,
            "ko": KO_RULES.index(self.ko),
            "suicide": bool(self.suicide),
            "handicap": int(self.handicap),
            "handicap_points": points,
            "max_moves": self.longest,
        }


def most_moves(size: int) -> int:
    """The longest game whose positions superko can remember.

    Example:
        >>> most_moves(9), most_moves(19)
        (509, 1533)
    """
    return POSITIONS[capacity_for(size)] - 3  # an environment may play two moves past the cap


def default_komi(size: int) -> float:
    """Black's margin under best play, which leaves a draw; 7 on boards whose margin is unknown.

    Take half a point off for games that are always decided.

    Example:
        >>> default_komi(5), default_komi(9), default_komi(13)
        (25.0, 7.0, 7.0)
    """
    return float(MARGINS.get(size, USUAL_KOMI))
