"""Opponents who are no kernels: functions of a Board, and programs that speak GTP."""

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from rl_lab import random
from rl_lab.envs.definition import Definition
from rl_lab.envs.go.game import Board
from rl_lab.envs.go.players import Player, player
from rl_lab.envs.go.rules import Rules
from rl_lab.envs.go.turn_kernels import continue_external
from rl_lab.envs.go.vertices import checked_action, vertex
from rl_lab.envs.lanes import Lanes
from rl_lab.envs.loops import NEXT_STEP
from rl_lab.errors import LabError

SEEDS = 2**31


class ExternalOpponentLanes(Lanes):
    """Lanes whose opponent is asked, in Python, before machine code plays its answer.

    For every lane it is shown the board after the agent's move; then the loop over lanes steps all of them, as it does
    with an opponent that is a kernel. Where it begins a new game, it is asked once more.

    Args:
        opponent: a function `(board) -> move`, or the name of a player.
        rules: of the games.
        longest: how many moves one may have.
        definition, count, threads, debug: see `Lanes`.

    Raises:
        LabError: from `step` and `reset`: it raised an exception, or answered with something that is no legal move.
            Where `step` asks for an answer, all lanes are as they were; where a game is to begin, it needs a `reset`.
    """

    def __init__(
        self,
        opponent: str | Callable[[Board], int | str],
        rules: Rules,
        longest: int,
        definition: Definition,
        count: int,
        *,
        threads: int = 1,
        debug: bool = False,
    ) -> None:
        super().__init__(definition, count, threads=threads, debug=debug)
        self.step_loop = None  # an agent that compiled it into a loop of its own would leave nobody to ask
        self.opponent = opponent = player(opponent) if isinstance(opponent, str) else opponent
        self.name = getattr(opponent, "name", None) or getattr(opponent, "__name__", type(opponent).__name__)
        self._rules = replace(rules, max_moves=longest)
        self._boards = [self._fresh() for _ in range(count)]
        self._begin = self._loop("openings", functools.partial(begin_lanes, continue_external))

    def reset(self, chosen: np.ndarray, options: dict[str, Any] | None = None) -> None:
        """Start an episode in the chosen lanes, and let the opponent begin where it is his turn."""
        super().reset(chosen, options)
        self._open()

    def step(self, mode: int) -> None:
        """Ask the opponent for his answers, step all lanes, and let him begin new games."""
        if self.states["waiting"].any():
            raise LabError(f"the opponent {self.name} has not begun his games; call reset()")
        after = list(self._boards)
        for lane in range(self.count):
            if mode == NEXT_STEP and self.states["done"][lane]:
                continue
            board, action = self._board(lane), int(self.actions[lane])
            if board.is_legal(action):
                after[lane] = board.copy()
                after[lane].play(action)
                if not after[lane].has_ended:
                    self._ask(lane, after[lane])
        super().step(mode)
        self._boards = after
        self._open()

    def close(self) -> None:
        """End the process of an opponent who has one."""
        if isinstance(self.opponent, Player):
            self.opponent.close()

    def _open(self) -> None:
        """Let the opponent begin the games that wait for him."""
        waiting = np.flatnonzero(self.states["waiting"]).tolist()
        for lane in waiting:
            self._boards[lane] = self._board(lane).copy()
            self._ask(lane, self._boards[lane])
        if waiting:
            self._begin(self.states, self.config)
            self.observe()

    def _ask(self, lane: int, board: Board) -> None:
        """Note the opponent's move, and play it on the board."""
        action = self._answer(lane, board)
        board.play(action)
        self.states["answer"][lane] = action

    def _answer(self, lane: int, board: Board) -> int:
        if isinstance(self.opponent, Player):  # its luck is the lane's
            self.opponent.seed(int(random.integers(self.states["random"][lane], 0, SEEDS)))
            return self.opponent(board)
        try:
            move = self.opponent(board.copy())
        except Exception as error:
            raise LabError(
                f"the opponent {self.name} fails on move {len(board.moves) + 1}: {type(error).__name__}: {error}"
            ) from error
        problem = f"the opponent {self.name} answers {move!r} as {board.to_play} on move {len(board.moves) + 1}"
        if move is None:
            raise LabError(f"{problem}; it must return an action from 0 to {board.size**2}, or a vertex such as 'C3'")
        try:
            action = checked_action(move, board.size)
        except LabError as error:
            raise LabError(f"{problem}: {error}") from None
        if reason := board.problem(action):
            raise LabError(f"{problem}, and {vertex(action, board.size)} is illegal: {reason}")
        return action

    def _board(self, lane: int) -> Board:
        """The lane's game as a Board, with the moves that led there if all went through these hands."""
        board, state = self._boards[lane], self.states[lane]
        if not board.holds(state):
            board = self._fresh()
            if not board.holds(state):
                board = Board.from_state(state, board.rules)
        return board

    def _fresh(self) -> Board:
        return Board.of(self._rules)


def begin_lanes(begin, states, config):
    """Begin the games that wait; `begin` is `continue_external`."""
    for n in range(states.shape[0]):
        if states[n].waiting:
            begin(states[n], config[0])
