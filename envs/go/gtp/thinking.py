"""Choosing moves: by a search that can be stopped between chunks of playouts, or by an agent that only names one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from rl_lab.envs.go.game import Board

if TYPE_CHECKING:
    from rl_lab.envs.go.players import Searcher
    from rl_lab.envs.go.search import Search

MOST_ANALYSED = 1_000_000  # playouts of one analysis, after which it waits; its tree has to lie in memory


class Agent(Protocol):
    """What chooses moves; `envs.go.players` has some."""

    name: str

    def __call__(self, board: Board) -> int:
        """The action for the side to play."""

    def prepare(self, board: Board) -> None:
        """Compile what there is to compile for such boards, and start what there is to start."""

    def close(self) -> None:
        """Let go of what it holds."""


def komi_advice(agent: Agent, komi: float) -> str:
    """What to say of a game whose komi is not the one that an agent has learned with; "" where there is nothing."""
    known = getattr(agent, "komi", None)
    if known in (None, komi):
        return ""
    return f"{agent.name} has learned with komi {known:g}, and plays with komi {komi:g} here; --komi {known:g} suits it"


class Thinker:
    """An agent that names its move and nothing else: it cannot analyse, nor keep to a time."""

    analyses = False

    def __init__(self, agent: Agent) -> None:
        self.agent = agent

    @property
    def name(self) -> str:
        """Of the agent."""
        return self.agent.name

    @property
    def size(self) -> int | None:
        """The only board that it plays on; None for any."""
        return getattr(self.agent, "size", None)

    def choose(self, board: Board, seconds: float | None = None) -> int:
        """The action for the side to play."""
        return int(self.agent(board))

    def winrate(self) -> float | None:
        """The chance to win, 0 to 1, of the side that was to play with the action that was chosen; None if unknown."""
        return None

    def close(self) -> None:
        """Let go of what the agent holds."""
        self.agent.close()


class SearchThinker(Thinker):
    """A search that may be stopped after any chunk of its playouts; `seed` is that of the playouts."""

    analyses = True

    def __init__(self, agent: Searcher, seed: int = 0) -> None:
        super().__init__(agent)
        self.playouts, self.seed = agent.playouts, seed
        self._search: Search | None = None

    def choose(self, board: Board, seconds: float | None = None) -> int:
        """The action for the side to play, by all playouts or as many as there is time for."""
        for search in self.chunks(board, self.playouts, seconds):  # noqa: B007  the last one counts
            pass
        return search.best()

    def winrate(self) -> float | None:
        """The chance to win of the side that was to play with the best action."""
        moves = self._search.moves() if self._search is not None else []
        return moves[0].winrate if moves else None

    def chunks(self, board: Board, playouts: int, seconds: float | None = None) -> Iterator[Search]:
        """Think about a position, and come back after each chunk of playouts, at least once; see `Search.chunks`."""
        search = self._started(board)
        for _ in search.chunks(playouts, seconds):
            yield search

    def _started(self, board: Board) -> Search:
        """The search, at a position; one for each capacity of boards, the last one is kept."""
        from rl_lab.envs.go.search import Search

        if self._search is None or self._search.capacity != board.rules.capacity:
            self._search = Search(board.size, self.playouts, self.seed)
        self._search.start(board)
        return self._search


def thinker_for(agent: Agent, seed: int = 0) -> Thinker:
    """The thinker of an agent: a search can be watched while it thinks, others only asked."""
    from rl_lab.envs.go.players import Searcher

    return SearchThinker(agent, seed) if isinstance(agent, Searcher) else Thinker(agent)
