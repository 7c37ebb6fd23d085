"""The environments of an agent behind one interface, compiled or stepped from Python.

Our compiled batches run inside the agent's own loops; any other VectorEnv, in any autoreset mode, is stepped from
Python, and nothing that it gives or gets is an array that either side goes on using.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode

from rl_lab.agents.common.actions import inside
from rl_lab.agents.common.boundary import as_sentence, failures
from rl_lab.agents.common.encoder import Encoder, checked
from rl_lab.agents.common.masks import ActionMasks
from rl_lab.agents.common.runner import SAME_STEP, StepView
from rl_lab.errors import LabError

_owners: weakref.WeakValueDictionary[int, VecAdapter] = weakref.WeakValueDictionary()  # by `id` of an environment


class VecAdapter:
    """Lanes of an environment.

    Attributes:
        name: id of the environment, or the name of its class.
        view: what a step shows; `step` overwrites its arrays.
        masked: whether actions are masked.
        compiled: whether an agent may run the environment's kernels in a loop of its own.
    """

    compiled = False

    def __init__(self, vector: gym.vector.VectorEnv, name: str) -> None:
        self.vector, self.name, self.lanes = vector, name, vector.num_envs
        self.encoder = Encoder(vector.single_observation_space)
        self.view: StepView
        self.masked = False
        self.owned, self._steps = True, 0
        self._bases = [vector.unwrapped, *(env.unwrapped for env in getattr(vector.unwrapped, "envs", ()))]
        if len({id(base) for base in self._bases}) < len(self._bases):
            raise LabError(
                f"{name}: one environment object stands in several of the {self.lanes} environments; give a function "
                "that makes a new one each time it is called"
            )

    @property
    def taken(self) -> int:
        """Environment steps taken in all lanes since they were made."""
        raise NotImplementedError

    def reset(self, seed: int) -> None:
        """Start all lanes from scratch, with seeds that derive from `seed`; they belong to this source from now on."""
        for base in self._bases:
            if (before := _owners.get(id(base))) is not None:
                before.owned = False
            _owners[id(base)] = self
        self.owned = True
        self._reset(seed)

    def check_owned(self) -> None:
        """Refuse to go on in an environment that another agent has reset since.

        Raises:
            LabError: there is one.
        """
        if not self.owned:
            raise LabError(
                f"{self.name}: another agent uses the same environment object since; give each agent its own, by an id "
                "or a function that makes a new one"
            )

    def step(self) -> None:
        """Step all lanes with `view.actions`."""
        raise NotImplementedError

    def save(self) -> np.ndarray | None:
        """All that the lanes are, or None where that cannot be had."""
        return None

    def load(self, states: np.ndarray) -> None:
        """Go on from what `save` gave."""
        raise NotImplementedError

    def _reset(self, seed: int) -> None:
        raise NotImplementedError

    def _check_finite(
        self, rows: np.ndarray, where: str, what: str = "observation", given: Callable[[int], np.ndarray] | None = None
    ) -> None:
        """Refuse NaN and infinity in rows of observations, one a lane; `given` is the row of a lane in float64."""
        if rows.dtype.kind == "f" and not np.isfinite(rows).all():
            lane, column = np.argwhere(~np.isfinite(rows))[0].tolist()
            value = given(lane)[column] if given else rows[lane, column]
            shown = f"{self.name}: environment {lane}, {where}: {what}[{column}] is {value}"
            if np.isfinite(value):
                raise LabError(
                    f"{shown}, and agents see float32, at most {np.finfo(np.float32).max:.2g}; scale it in a "
                    "gymnasium.ObservationWrapper"
                )
            raise LabError(f"{shown}; observations must be finite numbers: fix the environment")

    def _check_rewards(self, where: str) -> None:
        if not np.isfinite(self.view.rewards).all():
            lane = int(np.flatnonzero(~np.isfinite(self.view.rewards))[0])
            raise LabError(
                f"{self.name}: environment {lane}, {where}: the reward is {self.view.rewards[lane]}; it must be a "
                "finite number: fix the environment"
            )


class Records(NamedTuple):
    """The lanes of a batch in machine code."""

    states: np.ndarray  # records (lanes,)
    config: np.ndarray  # record (1,)
    buffers: Any  # `rl_lab.envs.loops.StepBuffers`


class CompiledAdapter(VecAdapter):
    """Our own batched environments."""

    def __init__(self, vector: Any, name: str) -> None:
        super().__init__(vector, name)
        lanes = self.batch = vector.unwrapped.lanes
        self.masked = lanes.masks.shape[1] > 0
        self.compiled = self.encoder.plain and not lanes.debug and self.encoder.dtype == lanes.observations.dtype
        shape = (self.lanes, self.encoder.size)
        observations, finals = np.zeros(shape, self.encoder.dtype), np.zeros(shape, self.encoder.dtype)
        if self.compiled:
            observations, finals = lanes.observations.reshape(shape), lanes.final_observations.reshape(shape)
        self.view = StepView(
            observations,
            lanes.masks,
            lanes.actions,
            lanes.rewards,
            lanes.terminated,
            lanes.truncated,
            finals,
            np.ones(self.lanes, np.bool_),
            first_action(vector.single_action_space),
            lanes.states[turned] if (turned := lanes.definition.turned) else np.zeros(0, np.bool_),
            lanes.final_masks,
        )

    def step(self) -> None:
        """Step all lanes."""
        self.batch.step(SAME_STEP)  # whatever the mode of the VectorEnv that was given
        self._encode()
        self._steps += 1
        view, where = self.view, f"step {self._steps}"
        ended = (view.terminated | view.truncated)[:, None]
        self._check_rewards(where)
        self._check_finite(view.observations, where, given=lambda lane: self._given(self.batch.observations)[lane])
        if ended.any():
            finals = np.where(ended, view.final_observations, 0)
            given = self.batch.final_observations
            self._check_finite(finals, where, "the last observation", lambda lane: self._given(given)[lane])

    def save(self) -> np.ndarray:
        """All that the lanes are."""
        return self.batch.save()

    def load(self, states: np.ndarray) -> None:
        """Go on from what `save` gave."""
        self.vector.unwrapped.load_state(states)  # type: ignore[attr-defined]
        self.batch.begin_ended()
        self._encode()

    @property
    def taken(self) -> int:
        """Environment steps, counted by the loop around the kernels."""
        return int(self.batch.taken)

    @property
    def step_loop(self) -> Callable[..., None]:
        """The function over the lanes that `engines.collect.collect` is compiled around."""
        assert self.batch.step_loop is not None  # or it would be no source in machine code
        return self.batch.step_loop

    @property
    def records(self) -> Records:
        """The lanes as `step_loop` takes them."""
        return Records(self.batch.states, self.batch.config, self.batch.buffers)

    def _reset(self, seed: int) -> None:
        self.vector.reset(seed=seed)
        self._encode()

    def _given(self, observations: Any) -> np.ndarray:
        return self.encoder(observations, self.lanes, np.float64)

    def _encode(self) -> None:
        if not self.compiled:
            self.view.observations[...] = self.encoder(self.batch.observations, self.lanes)
            self.view.final_observations[...] = self.encoder(self.batch.final_observations, self.lanes)


class SteppedAdapter(VecAdapter):
    """Any other VectorEnv, in any autoreset mode."""

    def __init__(self, vector: gym.vector.VectorEnv, name: str) -> None:
        super().__init__(vector, name)
        self.mode = autoreset_mode(vector, name)
        space, lanes = vector.single_action_space, self.lanes
        discrete = isinstance(space, spaces.Discrete)
        shape = (lanes, self.encoder.size)
        self.view = StepView(
            np.zeros(shape, self.encoder.dtype),
            np.ones((lanes, 0), np.bool_),
            np.zeros(lanes, np.int64) if discrete else np.zeros((lanes, *(space.shape or ())), np.float32),
            np.zeros(lanes),
            np.zeros(lanes, np.bool_),
            np.zeros(lanes, np.bool_),
            np.zeros(shape, self.encoder.dtype),
            np.ones(lanes, np.bool_),
            first_action(space),
            self._turned(),
            np.ones((lanes, 0), np.bool_),
        )
        self._masks = ActionMasks(vector, name)
        self._resetting = np.zeros(lanes, np.bool_)
        self._taken = 0

    @property
    def taken(self) -> int:
        """Environment steps, those that only reset a lane apart."""
        return self._taken

    def step(self) -> None:
        """Step all lanes; whatever the mode, a lane that ended shows its last observation apart."""
        view, where = self.view, f"step {self._steps + 1}"
        try:
            observations, rewards, terminated, truncated, info = self.vector.step(self._actions())
            view.rewards[:] = _rewards(rewards, self.lanes)
            view.terminated[:], view.truncated[:] = terminated, truncated
            self._check_rewards(where)
            self._show(observations, where)
        except (Exception, SystemExit) as error:
            raise as_sentence(error, f"{self.name}, {where} failed") from error
        self._steps += 1
        view.valid[:] = ~self._resetting
        self._taken += int(view.valid.sum())
        ended = view.terminated | view.truncated
        if self.mode == AutoresetMode.SAME_STEP:
            self._take_finals(ended, info, where)
        else:
            view.final_observations[ended] = view.observations[ended]
        if self.mode == AutoresetMode.NEXT_STEP:
            self._resetting[:] = ended
            self._mask(info, ~ended, where)
        elif self.mode == AutoresetMode.DISABLED and ended.any():
            self._mask(info, ~ended, where)
            self._begin_again(ended, where)
        else:
            self._mask(info, None, where)

    def _turned(self) -> np.ndarray:
        """Of a game of ours that is played for both sides, whether a step has passed the turn; see `StepView`.

        Raises:
            LabError: it stands behind wrappers, of which one may take several steps, or none.
        """
        games = [game for base in self._bases if (game := getattr(base, "definition", None)) and game.turned]
        if not games:
            return np.zeros(0, np.bool_)
        if self._bases != [self.vector]:
            raise LabError(
                f"{self.name} is played for both sides, and in wrappers or from a function an agent does not learn "
                "whose turn it is; give its id, with env_kwargs, or what gym.make_vec makes for it, without wrappers"
            )
        turned: np.ndarray = self.vector.lanes.states[games[0].turned]  # type: ignore[attr-defined]
        return turned

    def _reset(self, seed: int) -> None:
        # One seed a lane from a hash: counting up from the seed would give neighbouring seeds the same lanes.
        seeds = [int(np.random.SeedSequence(seed, spawn_key=(i,)).generate_state(1)[0] >> 1) for i in range(self.lanes)]
        takes_list = isinstance(self.vector.unwrapped, (gym.vector.SyncVectorEnv, gym.vector.AsyncVectorEnv))
        with failures(f"{self.name}, a reset failed"):
            observations, info = self.vector.reset(seed=seeds if takes_list else seeds[0])  # type: ignore[arg-type]
            masks = self._masks.begin(info)
            self._show(observations, "a reset")
        self.masked = self._masks.given
        if masks is not None:
            self.view = self.view._replace(masks=masks, final_masks=np.ones_like(masks))
        self._resetting[:] = False

    def _begin_again(self, ended: np.ndarray, where: str) -> None:
        """Reset the lanes that ended, in the mode DISABLED."""
        with failures(f"{self.name}, the reset after {where} failed"):
            kept = self.view.observations[~ended].copy()
            observations, info = self.vector.reset(options={"reset_mask": ended.copy()})
            self._show(observations, f"the reset after {where}")
        self.view.observations[~ended] = kept
        if self.masked:
            self.view.masks[ended] = self._masks.after(info, ended, f"the reset after {where}")[ended]  # type: ignore[index]

    def _actions(self) -> Any:
        """A copy for the environment, which may keep it."""
        space = self.vector.single_action_space
        return inside(space, self.view.actions) if isinstance(space, spaces.Box) else self.view.actions.copy()

    def _mask(self, info: dict[str, Any], live: np.ndarray | None, where: str) -> None:
        masks = self._masks.after(info, live, where)
        if masks is not None:
            self.view.masks[:] = masks

    def _show(self, observations: Any, where: str) -> None:
        rows = self.encoder(observations, self.lanes)
        self._check_finite(rows, where, given=lambda lane: self.encoder(observations, self.lanes, np.float64)[lane])
        self.view.observations[...] = rows

    def _take_finals(self, ended: np.ndarray, info: dict[str, Any], where: str) -> None:
        if not ended.any():
            return
        if "final_obs" not in info:
            raise LabError(
                f"{self.name}, {where}: an episode ended without info['final_obs']; in autoreset mode SAME_STEP it "
                "must be there"
            )
        space, finals = self.vector.single_observation_space, self.view.final_observations
        last = dict[int, Any]()
        for lane in np.flatnonzero(ended).tolist():
            place = f"{self.name}: environment {lane}, {where}"
            begun = getattr(self.vector.unwrapped, "_env_obs", None)  # of a SyncVectorEnv, what the reset returned
            if begun is not None and begun[lane] is info["final_obs"][lane] and isinstance(begun[lane], np.ndarray):
                raise LabError(
                    f"{place}: step and reset return the same array, and the reset has overwritten the last "
                    "observation; return a copy, or give a function that makes one environment in place of the "
                    "SyncVectorEnv"
                )
            final = checked(space, _row(info["final_obs"], lane), place, "the last observation")
            last[lane] = _batch_of_one(final)
            finals[lane] = self.encoder(last[lane], 1)[0]
        rows = np.where(ended[:, None], finals, 0)
        self._check_finite(rows, where, "the last observation", lambda lane: self.encoder(last[lane], 1, np.float64)[0])


def autoreset_mode(vector: gym.vector.VectorEnv, name: str) -> AutoresetMode:
    """The mode of a VectorEnv; NEXT_STEP, Gymnasium's default, where it does not say.

    Raises:
        LabError: it is none that Gymnasium has.
    """
    mode = (getattr(vector, "metadata", None) or {}).get("autoreset_mode", AutoresetMode.NEXT_STEP)
    try:
        return mode if isinstance(mode, AutoresetMode) else AutoresetMode(mode)
    except ValueError:
        allowed = ", ".join(f"AutoresetMode.{known.name}" for known in AutoresetMode)
        raise LabError(f"{name}: metadata['autoreset_mode'] is {mode!r}; use one of {allowed}") from None


def first_action(space: gym.Space) -> int:
    """Number of the first action of a Discrete space."""
    return int(space.start) if isinstance(space, spaces.Discrete) else 0


def _rewards(rewards: Any, lanes: int) -> np.ndarray:
    found = np.asarray(rewards, np.float64)
    if found.shape != (lanes,):
        raise LabError(
            f"the rewards have shape {found.shape}; there must be one number for each of {lanes} environments"
        )
    return found


def _row(finals: Any, lane: int) -> Any:
    """One of the last observations, which come as an array of objects or as one batch."""
    if isinstance(finals, dict):
        return {name: _row(part, lane) for name, part in finals.items()}
    return finals[lane]


def _batch_of_one(observation: Any) -> Any:
    if isinstance(observation, dict):
        return {name: _batch_of_one(part) for name, part in observation.items()}
    return np.asarray(observation)[None]
