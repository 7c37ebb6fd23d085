"""Arguments of commands: colours, points and numbers (GTP 2, 2.8–2.11)."""

import math
import re

from rl_lab.envs.go.gtp.framing import Refused, refusing
from rl_lab.envs.go.vertices import action_at

SYNTAX = "syntax error"
COLOURS = {"b": "black", "black": "black", "w": "white", "white": "white"}
VERTEX = re.compile(r"(?:pass|[a-hj-z][0-9]{1,2})", re.IGNORECASE | re.ASCII)
WHOLE = re.compile(r"[+-]?[0-9]+", re.ASCII)
NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?", re.IGNORECASE | re.ASCII)
LARGE = 10**9  # stands for all whole numbers from there on


def word(arguments: list[str], index: int) -> str:
    """An argument, or `Refused` if there are fewer."""
    if index >= len(arguments):
        raise Refused(SYNTAX)
    return arguments[index]


def colour(text: str) -> str:
    """A colour, "black" or "white", from its name in any case or its first letter."""
    if text.lower() not in COLOURS:
        raise Refused(SYNTAX)
    return COLOURS[text.lower()]


def action(text: str, size: int, off_board: str = SYNTAX) -> int:
    """The action of a vertex in any case; `off_board` is the message where it is one of a larger board."""
    if not VERTEX.fullmatch(text):
        raise Refused(SYNTAX)
    with refusing(off_board):
        return action_at(text, size)


def whole(text: str) -> int:
    """A whole number, cut off at LARGE."""
    if not WHOLE.fullmatch(text):
        raise Refused(SYNTAX)
    return max(-LARGE, min(LARGE, int(text))) if len(text) < 1000 else LARGE


def number(text: str) -> float:
    """A finite number."""
    value = float(text) if NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value):
        raise Refused(SYNTAX)
    return value
