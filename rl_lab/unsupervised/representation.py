"""Representations for policies: a trunk that learns from what was seen and done, without labels or reward."""

import functools
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from rl_lab.core import activations, mlp
from rl_lab.core.mlp import MLP
from rl_lab.core.optim import make_adam
from rl_lab.errors import LabError, short
from rl_lab.estimators import ParameterMixin, check_layers, check_report
from rl_lab.memory import check_memory
from rl_lab.supervised.training import CHUNK, History, Schedule, activate, compiled, descend, predicted
from rl_lab.unsupervised import trunks
from rl_lab.unsupervised.trunks import FIXED, NEXT, NOTHING, THIS, Objective, Transitions, TrunkLayout, TrunkScratch
from rl_lab.validation import choice, real_array

# What is predicted, and whether the action is to be told.
OBJECTIVES = {
    "autoencoder": (THIS, False),
    "forward": (NEXT, False),
    "inverse": (NOTHING, True),
    "both": (NEXT, True),
    "novelty": (FIXED, False),
}
RND_OUTPUTS = 32  # numbers that the fixed random network answers with
SCALED_BY = 8192  # samples by which what is predicted is scaled


class Experience(NamedTuple):
    """What an agent saw and did, step by step."""

    rows: np.ndarray  # (steps, lanes, size), of an encoder, as they are kept: one byte a number for the robot's images
    actions: np.ndarray  # int64 (steps, lanes, 1), or float32 (steps, lanes, width)
    goes_on: np.ndarray  # bool (steps, lanes), whether the row of the next step belongs to the same episode


@dataclass(eq=False, repr=False)
class Representation(ParameterMixin):
    """A trunk whose features say what a head needs to know.

    The objectives: "autoencoder", to see again what was seen; "forward", what is seen after an action; "inverse",
    which action lay between two observations (Pathak et al. 2017); "both" of these; "novelty", what a fixed random
    network answers, whose error is large on what was seldom seen (random network distillation, Burda et al. 2019).

    Args:
        objective: one of these.
        hidden_layer_sizes: units of the trunk's layers; the last are the features.
        activation: of the trunk and of the heads' hidden layer.
        actions: number of discrete actions; 0 where they are continuous.
        scale: what rows are multiplied by.
        batch_size: samples in a minibatch.
        learning_rate_init: step size of Adam.
        max_iter: epochs; 0 leaves the trunk as it was drawn.
        random_state: seed of the weights and of the order of the samples.

    Attributes:
        trunk_: `MLP` from rows to features before their activation.
        history_: losses, epoch by epoch.
    """

    objective: str = "both"
    hidden_layer_sizes: tuple[int, ...] = (64, 64)
    activation: str = "tanh"
    _: KW_ONLY
    actions: int = 0
    scale: float = 1.0
    batch_size: int = 256
    learning_rate_init: float = 1e-3
    max_iter: int = 5
    random_state: int = 0

    def __post_init__(self) -> None:
        self.trunk_: MLP
        self.history_: History
        self._check()

    def fit(self, experience: Experience, report: Callable[[History], None] | None = None) -> Self:
        """Learn.

        Args:
            experience: what was seen and done.
            report: called with the history after each epoch.

        Raises:
            LabError: no step is followed by another one of its episode, an array is of another shape or kind, or a
                parameter is not allowed.
        """
        self._check()
        check_report(report)
        self._check_experience(experience)
        samples = np.flatnonzero(experience.goes_on[:-1])
        if len(samples) == 0:
            raise LabError("no step of the experience is followed by another one of its episode; give more steps")
        order, weights = (np.random.default_rng(each) for each in np.random.SeedSequence(self.random_state).spawn(2))
        size, lanes = experience.rows.shape[2], experience.rows.shape[1]
        task, layout = self._build(size, experience.actions.shape[2], weights)
        seen = self._seen(task, experience.rows.reshape(-1, size), experience.actions, lanes, weights)
        batch = min(self.batch_size, len(samples))
        adam, scratch = make_adam(len(self.parameters_)), make_scratch(layout, seen, batch, len(self.parameters_))
        code = activations.code(self.activation)
        run = compiled(trunks.epoch, "training of a representation")

        def one_epoch(number: int) -> float:
            order.shuffle(samples)
            common = task, self.parameters_, layout, code, seen, samples, batch
            return run(*common, adam, scratch, float(self.learning_rate_init))

        schedule = Schedule(batch, self.learning_rate_init, 0.0, self.max_iter, self.max_iter + 1, 0.0)
        self.history_ = descend(one_epoch, self.parameters_, adam, schedule, None, report)
        self._judged = task, layout, seen
        return self

    def transform(self, rows: NDArray[np.generic]) -> NDArray[np.float32]:
        """Features `(samples, features)` of rows `(samples, size)`."""
        self._check_fitted()
        if np.ndim(rows) != 2 or np.shape(rows)[1] != self.trunk_.sizes[0] or not len(rows):
            raise LabError(f"rows have shape {np.shape(rows)}; they must be (samples, {self.trunk_.sizes[0]})")
        wanted = "they must be (samples, size)"
        parts = [rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]
        features = np.concatenate(
            [self.trunk_(real_array("rows", part, wanted) * np.float32(self.scale)) for part in parts]
        )
        if not np.isfinite(features).all():
            raise LabError("rows hold NaN, infinity, or numbers too large for the trunk; give finite ones")
        activate(activations.code(self.activation), features)
        return features

    def errors(self, experience: Experience) -> NDArray[np.float64]:
        """Loss of each step that is followed by another one of its episode; for "novelty", how new it is.

        Args:
            experience: with the sizes of what was learned from.

        Raises:
            LabError: it is not fitted, or an array is of another shape or kind.
        """
        self._check_fitted()
        self._check_experience(experience)
        sizes = experience.rows.shape[2], experience.actions.shape[2]
        if sizes != (learned := (self._judged[2].rows.shape[1], self._judged[2].actions.shape[1])):
            raise LabError(f"rows and actions have sizes {sizes}; those that were learned from had {learned}")
        task, layout, seen = self._judged
        rows = experience.rows.reshape(-1, experience.rows.shape[2])
        actions, lanes = experience.actions.reshape(len(rows), -1), experience.rows.shape[1]
        seen = seen._replace(rows=rows, actions=actions, lanes=lanes)
        scratch = make_scratch(layout, seen, 1, len(self.parameters_))
        samples = np.flatnonzero(experience.goes_on[:-1])
        found = np.zeros(len(samples))
        run = compiled(trunks.losses_of, "losses of a representation")
        run(task, self.parameters_, layout, activations.code(self.activation), seen, samples, scratch, found)
        return found

    def _check(self) -> None:
        choice("objective", self.objective, OBJECTIVES)
        check_layers(self.hidden_layer_sizes)
        if not self.hidden_layer_sizes:
            raise LabError("hidden_layer_sizes=() is not allowed; the units of the last layer are the features")
        self._check_whole(actions=0, batch_size=1, max_iter=0, random_state=0)
        self._check_at_least_0("learning_rate_init", "scale")

    def _check_fitted(self) -> None:
        if not hasattr(self, "_judged"):
            raise LabError("this Representation is not fitted yet; call fit(experience) first")

    def _check_experience(self, experience: Experience) -> None:
        """Refuse arrays that compiled code would read beyond their ends."""
        if not isinstance(experience, Experience) or not all(isinstance(part, np.ndarray) for part in experience):
            raise LabError(f"experience={short(experience)} is not allowed; give an Experience of three arrays")
        rows, actions, goes_on = experience
        if rows.ndim != 3 or actions.ndim != 3 or not rows.shape[:2] == actions.shape[:2] == goes_on.shape:
            raise LabError(
                f"rows, actions and goes_on have shapes {rows.shape}, {actions.shape} and {goes_on.shape}; they must "
                "be (steps, lanes, size), (steps, lanes, width) and (steps, lanes)"
            )
        if goes_on.dtype != np.bool_ or rows.dtype.kind not in "biuf" or actions.dtype.kind not in "iuf":
            raise LabError(
                f"rows, actions and goes_on hold {rows.dtype}, {actions.dtype} and {goes_on.dtype}; they must hold "
                "numbers, numbers and bools"
            )
        if not all(np.isfinite(part).all() for part in (rows, actions) if part.dtype.kind == "f"):
            raise LabError("rows or actions hold NaN or infinity; every number must be finite")
        discrete = self.actions > 0
        if discrete and (actions.dtype.kind == "f" or actions.min() < 0 or actions.max() >= self.actions):
            raise LabError(
                f"actions hold {actions.dtype} from {actions.min()} to {actions.max()}; with actions={self.actions} "
                f"they must be whole numbers from 0 to {self.actions - 1}"
            )

    def _build(self, size: int, width: int, rng: np.random.Generator) -> tuple[Objective, TrunkLayout]:
        prediction, inverse = OBJECTIVES[self.objective]
        features, acted = self.hidden_layer_sizes[-1], self.actions or width
        middle = self.hidden_layer_sizes[0]
        inputs = features + acted if prediction == NEXT else features
        outputs = RND_OUTPUTS if prediction == FIXED else size
        needed = 5 * mlp.count([size + acted, *self.hidden_layer_sizes, size])  # weights, gradient, Adam's, the best
        check_memory(4.0 * needed, f"hidden_layer_sizes={self.hidden_layer_sizes}", "choose smaller layers")
        sizes = [[size, *self.hidden_layer_sizes], [inputs, middle, outputs], [2 * features, middle, acted]]
        wanted = [True, prediction != NOTHING, inverse]
        ends = np.cumsum([mlp.count(each) if used else 0 for each, used in zip(sizes, wanted, strict=True)])
        self.parameters_ = np.zeros(ends[2], np.float32)
        self.trunk_ = MLP(sizes[0], self.activation, self.parameters_[: ends[0]])
        self.trunk_.initialise(rng, gain=2**0.5)  # as the hidden layers that it will become are initialised
        for number in (1, 2):
            if wanted[number]:
                head = MLP(sizes[number], self.activation, self.parameters_[ends[number - 1] : ends[number]])
                head.initialise(rng)
        trunk, predictor, teller = (np.array(each, np.int64) for each in sizes)
        layout = TrunkLayout(trunk, predictor, teller, int(ends[0]), int(ends[1]))
        return Objective(prediction, inverse, self.actions), layout

    def _seen(
        self, task: Objective, rows: np.ndarray, actions: np.ndarray, lanes: int, rng: np.random.Generator
    ) -> Transitions:
        sizes = [rows.shape[1], 64, RND_OUTPUTS]
        fixed = MLP(sizes, self.activation)
        fixed.initialise(rng)
        some = rows[:: max(1, len(rows) // SCALED_BY)].astype(np.float32) * np.float32(self.scale)
        asked = predicted(fixed, some) if task.prediction == FIXED else some
        deviation = asked.std(axis=0)
        deviation[deviation < 1e-3] = 1  # what never changes needs no scale
        moments = asked.mean(axis=0).astype(np.float32), deviation.astype(np.float32)
        flat = actions.reshape(len(rows), -1)
        return Transitions(rows, flat, lanes, np.float32(self.scale), *moments, fixed.parameters, fixed.size_array)


def make_scratch(layout: TrunkLayout, seen: Transitions, batch: int, parameters: int) -> TrunkScratch:
    """Memory for minibatches of up to so many samples."""
    trunk, predictor, inverse = (each.tolist() for each in (layout.trunk, layout.predictor, layout.inverse))
    heads, widest = (predictor, inverse), max(predictor[-1], inverse[-1])
    networks = [(trunk, 2 * batch), *((each, batch) for each in heads)]
    entering = max(each[0] for each in heads) * batch
    room = functools.partial(np.zeros, dtype=np.float32)
    return TrunkScratch(
        inputs=room((2 * batch, trunk[0])),
        by_features=room((2 * batch, trunk[-1])),
        head_inputs=room(entering),
        by_head_inputs=room(entering),
        targets=room(batch * widest),
        by_outputs=room(batch * widest),
        labels=np.zeros((batch, 1), np.int64),
        weights=room(batch),
        hidden=room(mlp.hidden_size(trunk, 2 * batch)),
        head_hidden=room(max(mlp.hidden_size(each, batch) for each in heads)),
        fixed_hidden=room(mlp.hidden_size(seen.fixed_sizes.tolist(), batch)),
        flow=room(max(mlp.scratch_size(each, count) for each, count in networks)),
        gradient=room(parameters),
    )
