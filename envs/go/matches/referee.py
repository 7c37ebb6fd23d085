"""One game between two sides on our board, which alone knows what is legal and who has won."""

from dataclasses import dataclass

from rl_lab.envs.go.game import Board
from rl_lab.envs.go.matches.sides import ILLEGAL, RESIGN, TIME_OUT, Failure, Side
from rl_lab.envs.go.rules import Rules
from rl_lab.envs.go.vertices import vertex
from rl_lab.errors import LabError

LETTERS = {"black": "B", "white": "W"}
OTHER = {"black": "white", "white": "black"}


@dataclass(frozen=True)
class PlayedGame:
    """A game that was played."""

    board: Board  # as it stands at the end
    winner: str | None  # "black" or "white"; None for a draw
    result: str  # as SGF has it: "B+2.5", "0" for a draw, "B+R" by resignation, "B+T" by time, "B+F" by forfeit
    ended: str  # "passes", "resignation", "length" (broken off, and scored as the board stands), or a failure's kind
    failure: str = ""  # what happened, in one sentence, where the loser failed


class Stopped(KeyboardInterrupt):
    """Ctrl-C in the middle of a game; it holds the board so far."""

    def __init__(self, board: Board) -> None:
        super().__init__()
        self.board = board


def play(sides: dict[str, Side], rules: Rules, opening: tuple[int, ...] = ()) -> PlayedGame:
    """Play a game after an opening; one that lasts `max_moves` is broken off and scored as the board stands.

    Raises:
        LabError: a side does not play on such a board, or cannot be started at all.
        Stopped: Ctrl-C was pressed.
    """
    board, asked = Board.of(rules), ""  # the side that is asked, and loses if it fails
    try:
        for asked in sides:
            sides[asked].begin(board)
        for action in opening:
            for asked in sides:
                sides[asked].notify(board.to_play, action, board.size)
            board.play(action)
        while not board.is_over:
            asked = colour = board.to_play
            action = _asked(sides[colour], board)
            if action == RESIGN:
                return PlayedGame(board, OTHER[colour], f"{LETTERS[OTHER[colour]]}+R", "resignation")
            board.play(action)
            asked = OTHER[colour]
            sides[asked].notify(colour, action, board.size)
    except Failure as failure:
        result = f"{LETTERS[OTHER[asked]]}+{'T' if failure.kind == TIME_OUT else 'F'}"
        return PlayedGame(board, OTHER[asked], result, failure.kind, str(failure))
    except KeyboardInterrupt:
        raise Stopped(board) from None
    score = board.score()
    winner = None if score == 0 else "black" if score > 0 else "white"
    return PlayedGame(board, winner, board.result(), "passes" if board.has_ended else "length")


def _asked(side: Side, board: Board) -> int:
    """The move of a side, legal or RESIGN."""
    action = side.move(board)
    if action == RESIGN:
        return RESIGN
    try:
        legal = board.is_legal(action)
    except LabError as error:
        raise Failure(ILLEGAL, f"{side.name}: {error}") from None
    if not legal:
        raise Failure(ILLEGAL, f"{side.name} plays {vertex(action, board.size)}: {board.problem(action)}")
    return action
