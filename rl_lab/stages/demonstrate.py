"""Episodes of an expert, as rows that a network reads."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from rl_lab import seed_offsets
from rl_lab.agents.common.encoder import Encoder
from rl_lab.data.demonstrations import Demonstrations
from rl_lab.data.playing import collect
from rl_lab.errors import LabError
from rl_lab.stages import experts
from rl_lab.stages.artifact import Artifact
from rl_lab.stages.context import Context
from rl_lab.stages.ledger import Ledger
from rl_lab.stages.stage import Stage, extended
from rl_lab.validation import switches, whole_number


@dataclass(frozen=True)
class Demonstrate(Stage):
    """Has an expert play, or reads a Minari data set of it.

    Args:
        expert: see `experts.find`.
        episodes: how many.
        dataset: name of a Minari data set, in place of an expert.
        shuffled: whether actions are dealt out at random among the observations: a control, from which nothing can
            be learned but how often each action is taken.
    """

    expert: Any = None
    episodes: int = 50
    dataset: str | None = None
    shuffled: bool = False
    kind: ClassVar[str] = "demonstrations"
    gives: ClassVar[tuple[str, ...]] = ("demonstrations",)

    def __post_init__(self) -> None:
        if (self.expert is None) == (self.dataset is None):
            raise LabError("stage 'demonstrations' takes an expert or a dataset; give exactly one of them")
        if self.dataset is not None and not (isinstance(self.dataset, str) and self.dataset):
            raise LabError(f"stage 'demonstrations': dataset={self.dataset!r} is not allowed; give a data set's name")
        acts = callable(self.expert) or hasattr(self.expert, "predict")
        if self.expert is not None and not (acts or (isinstance(self.expert, (str, Path)) and str(self.expert))):
            raise LabError(f"stage 'demonstrations': expert={self.expert!r} is not allowed; {experts.OTHER_FORMS}")
        switches(**{"stage 'demonstrations': shuffled": self.shuffled})
        whole_number("stage 'demonstrations': episodes", self.episodes, 1)

    def described(self) -> dict[str, Any]:
        """With what an expert or a data set is, whatever it is called."""
        return super().described() | {
            "expert": experts.described(self.expert),
            "dataset": None if self.dataset is None else Demonstrations.read(self.dataset).digest(),
        }

    def minimal(self) -> Stage:
        """A few episodes, enough for some to be held out."""
        return replace(self, episodes=min(10, self.episodes))

    def least(self, rollout: int, budget: int) -> int:
        """A step for each episode; a data set may hold fewer than were asked for."""
        return self.episodes if self.dataset is None else 1

    def make(self, context: Context, artifact: Artifact | None) -> Artifact:
        """Play, or read."""
        shown = self._read(context) if self.dataset else self._played(context)
        rows, actions = rows_of(Encoder(shown.observation_space), shown), shown.actions()
        if self.shuffled:
            actions = shuffled_actions(actions, context.seed)
        notes = {
            "episodes": len(shown.episodes),
            "transitions": shown.transitions,
            "return": float(shown.returns.mean()),
        }
        return extended(self, context, artifact, notes, demonstrations={"rows": rows, "actions": actions})

    def _played(self, context: Context) -> Demonstrations:
        env = context.expert_env()
        known = experts.find(self.expert, env)
        context.books.book(Ledger(teacher_steps=known.teacher_steps))
        called = getattr(self.expert, "__name__", type(self.expert).__name__)
        called = self.expert if isinstance(self.expert, str) else called
        context.report(f"demonstrations: {self.episodes} episodes of {called}")
        return collect(env, known.act, self.episodes, seed=context.seed * seed_offsets.DEMONSTRATIONS)

    def _read(self, context: Context) -> Demonstrations:
        shown = Demonstrations.read(str(self.dataset))
        env = context.expert_env()
        shown.check_fits(context.environment.name, env.observation_space, env.action_space, env.spec)
        shown = shown.drawn(self.episodes, context.seed)
        context.books.book(Ledger(demonstration_transitions=shown.transitions))
        return shown


def shuffled_actions(actions: np.ndarray, seed: int) -> np.ndarray:
    """The same actions in another order, which has nothing to do with what was observed."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=seed_offsets.SHUFFLED_ACTIONS)).permutation(
        actions
    )


def rows_of(encoder: Encoder, shown: Demonstrations) -> np.ndarray:
    """Rows `(transitions, size)` of what was seen before each step."""
    return np.concatenate([encoder(_batch(observation), 1) for observation, _ in shown.pairs()])


def _batch(observation: Any) -> Any:
    if isinstance(observation, dict):
        return {name: _batch(part) for name, part in observation.items()}
    return np.asarray(observation)[None]
