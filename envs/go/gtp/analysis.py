"""Analysis while one watches, in Leela Zero's format and in KataGo's.

An analysis ends as soon as anything is sent, be it an empty line or a comment. The forms that end with a move do not:
like `genmove` they think to the end, and what is sent meanwhile is answered then, as KataGo does it
(github.com/lightvector/KataGo, docs/GTP_Extensions.md). Either says at least one line.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from rl_lab.envs.go.game import Board
from rl_lab.envs.go.gtp import words
from rl_lab.envs.go.gtp.framing import Refused
from rl_lab.envs.go.gtp.session import GtpSession
from rl_lab.envs.go.gtp.thinking import MOST_ANALYSED, SearchThinker
from rl_lab.envs.go.vertices import vertex

if TYPE_CHECKING:
    from rl_lab.envs.go.search import Candidate, Search

FULL_SECONDS = 0.05  # between two looks for input when the tree is full
IGNORED = (  # KataGo's, true or false; what they ask for is left out
    *("ownership", "ownershipstdev", "movesownership", "movesownershipstdev"),
    *("pvvisits", "pvedgevisits", "rootinfo", "noresultvalue"),
)


@dataclass
class AnalyzeRequest:
    """What a client wants to see."""

    colour: str  # whose move is thought about
    interval: float = 1.0  # seconds between two lines
    most: int = words.LARGE  # moves in a line

    @classmethod
    def of(cls, arguments: list[str], to_play: str) -> AnalyzeRequest:
        """From `[colour] [interval] [key value]...`; an interval is in hundredths of a second."""
        request, rest = cls(to_play), list(arguments)
        if rest and rest[0].lower() in words.COLOURS:
            request.colour = words.colour(rest.pop(0))
        if rest and words.NUMBER.fullmatch(rest[0]):
            rest.insert(0, "interval")
        while rest:
            key, value = rest.pop(0).lower(), words.word(rest, 0)
            rest.pop(0)
            if key == "interval":
                request.interval = max(0.0, words.number(value) / 100)
            elif key == "maxmoves":
                request.most = max(1, words.whole(value))
            elif key == "minmoves":
                words.whole(value)
            elif key not in IGNORED or value.lower() not in ("true", "false"):
                raise Refused(words.SYNTAX)
        return request


def lz_info(order: int, move: Candidate, size: int) -> str:
    """A candidate as Leela Zero writes it: chances in 1/10000."""
    chances = f"winrate {round(10_000 * move.winrate)} prior {round(10_000 * move.prior)}"
    return f"info move {vertex(move.action, size)} visits {move.visits} {chances} order {order} pv {_line(move, size)}"


def kata_info(order: int, move: Candidate, size: int) -> str:
    """A candidate as KataGo writes it: chances from 0 to 1, and the points that one is ahead."""
    return (
        f"info move {vertex(move.action, size)} visits {move.visits} winrate {move.winrate:.6f} "
        f"scoreLead {move.score_lead:.6f} prior {move.prior:.6f} order {order} pv {_line(move, size)}"
    )


Info = Callable[[int, Any, int], str]


def analyse(info: Info, session: GtpSession, arguments: list[str]) -> Iterator[str]:
    """Lines about the position, until something is sent."""
    request = AnalyzeRequest.of(arguments, session.table.board.to_play)
    session.table.check_room()
    return _analysed(info, session, request, session.table.board_for(request.colour))


def move_analysed(info: Info, session: GtpSession, arguments: list[str]) -> Iterator[str]:
    """Lines about the position while a move is thought of, and the move, which is played."""
    request = AnalyzeRequest.of(arguments, session.table.board.to_play)
    board, seconds = session.think_for(request.colour)
    return _moved(info, session, request, board, seconds)


ANALYSIS = {
    "lz-analyze": partial(analyse, lz_info),
    "kata-analyze": partial(analyse, kata_info),
    "lz-genmove_analyze": partial(move_analysed, lz_info),
    "kata-genmove_analyze": partial(move_analysed, kata_info),
}


def _analysed(info: Info, session: GtpSession, request: AnalyzeRequest, board: Board) -> Iterator[str]:
    thinker, due = session.thinker, time.monotonic() + request.interval
    assert isinstance(thinker, SearchThinker)  # others are not asked
    for search in thinker.chunks(board, MOST_ANALYSED):
        if session.inbox.waits():
            break
        if time.monotonic() >= due:
            yield _report(info, search, request, board.size)
            due = time.monotonic() + request.interval
    yield _report(info, search, request, board.size)
    while not session.inbox.waits(max(request.interval, FULL_SECONDS)):
        yield _report(info, search, request, board.size)


def _moved(
    info: Info, session: GtpSession, request: AnalyzeRequest, board: Board, seconds: float | None
) -> Iterator[str]:
    thinker, due = session.thinker, time.monotonic() + request.interval
    assert isinstance(thinker, SearchThinker)
    with session.on_the_clock(request.colour):
        for search in thinker.chunks(board, thinker.playouts, seconds):
            if time.monotonic() >= due:
                yield _report(info, search, request, board.size)
                due = time.monotonic() + request.interval
    yield _report(info, search, request, board.size)
    yield f"play {session.settle(search.best(), request.colour)}"


def _report(info: Info, search: Search, request: AnalyzeRequest, size: int) -> str:
    return " ".join(info(order, move, size) for order, move in enumerate(search.moves()[: request.most]))


def _line(move: Candidate, size: int) -> str:
    return " ".join(vertex(action, size) for action in move.pv or [move.action])
