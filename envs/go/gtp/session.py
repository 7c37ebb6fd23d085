"""What the commands of one conversation share."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rl_lab.envs.go.game import Board
from rl_lab.envs.go.gtp.clock import GameClock
from rl_lab.envs.go.gtp.framing import Inbox
from rl_lab.envs.go.gtp.table import GameTable
from rl_lab.envs.go.gtp.thinking import Thinker, komi_advice
from rl_lab.envs.go.vertices import vertex

log = logging.getLogger("rl_lab")


@dataclass
class GtpSession:
    """A game, who plays it, and what they have agreed on."""

    table: GameTable
    thinker: Thinker
    resign: float = 0.0  # give up when the chance to win is lower than this; 0 never does
    clock: GameClock = field(default_factory=GameClock)
    _seen: set[float] = field(default_factory=set)  # komi of which the agent has warned
    inbox: Inbox = field(default_factory=Inbox)  # a running analysis ends as soon as there is anything

    def prepare(self) -> None:
        """Compile what there is to compile, before anybody waits for an answer."""
        board = self.table.board.copy()
        self.thinker.choose(board.copy(), 0.0)
        self.thinker.winrate()
        board.play("pass")
        board.mask()
        board.score()

    def think_for(self, colour: str) -> tuple[Board, float | None]:
        """The game as a side has to think about it, and for how many seconds it may."""
        self.table.check_room()
        board = self.table.board_for(colour)
        komi = board.rules.komi_in_force
        if komi not in self._seen and (advice := komi_advice(self.thinker.agent, komi)):
            log.warning("rl-lab: %s", advice)
        self._seen.add(komi)
        return board, self.clock.budget(colour, int((board.stones == 0).sum()) // 2)

    def settle(self, action: int, colour: str) -> str:
        """Play a move that was just thought of, or resign; returns it as a vertex, "pass" or "resign"."""
        winrate = self.thinker.winrate() if self.resign else None
        if winrate is not None and winrate < self.resign:
            return "resign"
        self.table.play(action, colour)
        return vertex(action, self.table.size)

    @contextmanager
    def on_the_clock(self, colour: str) -> Iterator[None]:
        """Count the time that a side takes."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self.clock.spend(colour, time.monotonic() - begun)
