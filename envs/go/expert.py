"""Players as experts: they answer for the side to play in an environment of Go."""

from __future__ import annotations

from typing import Any

from rl_lab.envs.go.game import Board
from rl_lab.envs.go.players import Player, known, player
from rl_lab.envs.go.rules import KO_RULES, Rules
from rl_lab.errors import LabError


def named(name: str) -> PlayerExpert | None:
    """The player of a name as an expert; None where there is none."""
    return PlayerExpert(name) if known(name) else None


class PlayerExpert:
    """A player that shows how it is done: `expert(observation, info) -> action`, of the environment last `reset`.

    `who` is a player, or its name, see `players.player`, and `seed` is that of a player that is named.
    """

    def __init__(self, who: str | Player, seed: int = 0) -> None:
        self.player = player(who, seed) if isinstance(who, str) else who
        self._lanes: Any = None
        self._rules: Rules | None = None

    def reset(self, env: Any) -> None:
        """Look at a single environment, which is Go's, from now on."""
        self._lanes = env.unwrapped.lanes
        self._rules = rules_of(self._lanes.config[0])

    def __call__(self, observation: Any, info: dict[str, Any] | None = None) -> int:
        """The player's move."""
        if self._rules is None:
            raise LabError("a Go expert has to see its environment; call reset(env) at the start of each episode")
        return self.player(Board.from_state(self._lanes.states[0], self._rules))


def rules_of(config: Any) -> Rules:
    """The rules that a config was made from; see `Rules.config`."""
    return Rules(
        int(config["width"]),
        float(config["komi"]),
        KO_RULES[int(config["ko"])],
        bool(config["suicide"]),
        int(config["handicap"]),
        int(config["max_moves"]),
    )
