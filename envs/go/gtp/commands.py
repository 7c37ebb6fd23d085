"""What each command does (GTP 2, chapter 6), those for analysis apart, which are in `analysis`."""

import time
from collections.abc import Callable, Iterator
from importlib import metadata

import numpy as np

from rl_lab.envs.go.gtp import rules, words
from rl_lab.envs.go.gtp.analysis import ANALYSIS
from rl_lab.envs.go.gtp.clock import GameClock
from rl_lab.envs.go.gtp.framing import Refused, refusing
from rl_lab.envs.go.gtp.session import GtpSession
from rl_lab.envs.go.vertices import vertex

Command = Callable[[GtpSession, list[str]], "str | Iterator[str] | None"]
COMMANDS: dict[str, Command] = {  # here those that only report something
    "protocol_version": lambda session, arguments: "2",
    "name": lambda session, arguments: f"rl-lab {session.thinker.name}",
    "version": lambda session, arguments: metadata.version("rl-lab"),
    "list_commands": lambda session, arguments: "\n".join(known(session)),
    "quit": lambda session, arguments: "",  # the server ends the conversation
    "final_score": lambda session, arguments: session.table.board.result(),  # what is not taken is alive
    "showboard": lambda session, arguments: "\n" + session.table.board.ascii(),
    "cputime": lambda session, arguments: f"{time.process_time():.3f}",  # as GoGui's tools want to know
    "kata-get-rules": lambda session, arguments: session.table.rules.as_json(),
}


def command(function: Command) -> Command:
    """Register a function as the command of its name."""
    COMMANDS[function.__name__] = function
    return function


def known(session: GtpSession) -> dict[str, Command]:
    """The commands of a session: agents that cannot analyse have none for that."""
    return COMMANDS | ANALYSIS if session.thinker.analyses else COMMANDS


@command
def known_command(session: GtpSession, arguments: list[str]) -> str:
    """Whether a command is known."""
    return "true" if words.word(arguments, 0) in known(session) else "false"


@command
def boardsize(session: GtpSession, arguments: list[str]) -> None:
    """Another board, empty."""
    sizes = {words.whole(text) for text in arguments[:2]}
    if not sizes:
        raise Refused(words.SYNTAX)
    size = sizes.pop()
    if sizes or session.thinker.size not in (None, size):
        raise Refused("unacceptable size")
    before = session.table.board.rules.capacity
    with refusing("unacceptable size"):
        session.table.clear(size)
    session.clock.restart()
    if session.table.board.rules.capacity != before:  # other machine code
        session.prepare()


@command
def clear_board(session: GtpSession, arguments: list[str]) -> None:
    """A new game."""
    session.table.clear()
    session.clock.restart()


@command
def komi(session: GtpSession, arguments: list[str]) -> None:
    """What White gets."""
    session.table.set_komi(words.number(words.word(arguments, 0)))


@command
def get_komi(session: GtpSession, arguments: list[str]) -> str:
    """What White gets, without what handicap brings."""
    table = session.table
    return f"{table.board.rules.komi_in_force - table.rules.bonus(table.handicap):g}"


@command
def play(session: GtpSession, arguments: list[str]) -> None:
    """A move of either side."""
    colour = words.colour(words.word(arguments, 0))
    action = words.action(words.word(arguments, 1), session.table.size, off_board="illegal move")
    session.table.play(action, colour)


@command
def genmove(session: GtpSession, arguments: list[str]) -> str:
    """A move of ours, played."""
    colour = words.colour(words.word(arguments, 0))
    board, seconds = session.think_for(colour)
    with session.on_the_clock(colour):
        action = session.thinker.choose(board, seconds)
    return shown(session.settle(action, colour))


@command
def reg_genmove(session: GtpSession, arguments: list[str]) -> str:
    """A move of ours, not played; no clock runs."""
    colour = words.colour(words.word(arguments, 0))
    board, _ = session.think_for(colour)
    return shown(vertex(session.thinker.choose(board), board.size))


@command
def undo(session: GtpSession, arguments: list[str]) -> None:
    """The last move is taken back."""
    session.table.undo()


@command
def time_settings(session: GtpSession, arguments: list[str]) -> None:
    """Main time, and overtime for so many stones."""
    main, period = (words.number(words.word(arguments, index)) for index in (0, 1))
    stones = words.whole(words.word(arguments, 2))
    if min(main, period, stones) < 0:
        raise Refused(words.SYNTAX)
    session.clock = GameClock.of(main, period, stones)


@command
def time_left(session: GtpSession, arguments: list[str]) -> None:
    """What a side has left: of main time, or for so many stones of overtime."""
    colour, seconds = words.colour(words.word(arguments, 0)), words.number(words.word(arguments, 1))
    stones = words.whole(words.word(arguments, 2))
    if stones < 0:
        raise Refused(words.SYNTAX)
    session.clock.left[colour] = (seconds, stones)


@command
def fixed_handicap(session: GtpSession, arguments: list[str]) -> str:
    """Black's handicap on its usual points."""
    return " ".join(session.table.place_fixed(words.whole(words.word(arguments, 0))))


@command
def place_free_handicap(session: GtpSession, arguments: list[str]) -> str:
    """Black's handicap where we like it."""
    return " ".join(session.table.place_freely(words.whole(words.word(arguments, 0))))


@command
def set_free_handicap(session: GtpSession, arguments: list[str]) -> None:
    """Black's handicap where the client likes it."""
    size = session.table.size
    session.table.check_empty()
    actions = [words.action(text, size, off_board="bad vertex list") for text in arguments]
    if len(actions) < 2 or size * size in actions:
        raise Refused("bad vertex list")
    session.table.place([vertex(action, size) for action in actions])


@command
def final_status_list(session: GtpSession, arguments: list[str]) -> str:
    """Stones by what became of them: all are alive, since nothing is dead but what was taken."""
    status = words.word(arguments, 0).lower()
    if status not in ("alive", "dead", "seki"):
        raise Refused(words.SYNTAX)
    return stones_of(session, 1, -1) if status == "alive" else ""


@command
def loadsgf(session: GtpSession, arguments: list[str]) -> None:
    """A game from a file, up to the position before a move where that is named."""
    words.word(arguments, 0)
    numbered = len(arguments) > 1 and words.WHOLE.fullmatch(arguments[-1])
    before = words.whole(arguments[-1]) if numbered else None
    session.table.load(" ".join(arguments[:-1] if numbered else arguments), before, session.thinker.size)
    session.clock.restart()


@command
def list_stones(session: GtpSession, arguments: list[str]) -> str:
    """Where a side has stones."""
    return stones_of(session, 1 if words.colour(words.word(arguments, 0)) == "black" else -1)


@command
def all_legal(session: GtpSession, arguments: list[str]) -> str:
    """Where a side may put a stone."""
    colour, size = words.colour(words.word(arguments, 0)), session.table.size
    return " ".join(vertex(action, size) for action in np.flatnonzero(session.table.board.mask(colour)[:-1]).tolist())


@command
def is_legal(session: GtpSession, arguments: list[str]) -> str:
    """Whether a side may play somewhere, 1 or 0."""
    colour = words.colour(words.word(arguments, 0))
    action = words.action(words.word(arguments, 1), session.table.size)
    return "0" if session.table.board.problem(action, colour) else "1"


@command
def captures(session: GtpSession, arguments: list[str]) -> str:
    """Stones that a side has taken."""
    taken = session.table.board.captures
    return str(taken.black if words.colour(words.word(arguments, 0)) == "black" else taken.white)


def kata_set_rules(session: GtpSession, arguments: list[str]) -> None:
    """Rules as KataGo names them."""
    words.word(arguments, 0)
    session.table.set_rules(rules.read(" ".join(arguments), session.table.rules))


def kata_set_rule(session: GtpSession, arguments: list[str]) -> None:
    """One rule as KataGo names it."""
    value: object = words.word(arguments, 1)
    value = {"true": True, "false": False}.get(str(value).lower(), value)
    session.table.set_rules(rules.change({arguments[0]: value}, session.table.rules))


COMMANDS |= {"kata-set-rules": kata_set_rules, "kata-set-rule": kata_set_rule}


def shown(move: str) -> str:
    """A move as `genmove` answers it."""
    return "PASS" if move == "pass" else move


def stones_of(session: GtpSession, *sides: int) -> str:
    """Where stones stand, 1 for Black's and -1 for White's."""
    grid = session.table.board.stones.reshape(-1)
    return " ".join(vertex(action, session.table.size) for action in np.flatnonzero(np.isin(grid, sides)).tolist())
