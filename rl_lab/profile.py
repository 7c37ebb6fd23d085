"""Where the time of training goes: environment, policy or update, with Stable-Baselines3 and with the lab.

Both train PPO on the same environment at the same hyperparameters, in one thread. What a free environment would
gain follows from Amdahl's law: total / (total - environment).
"""

import contextlib
import math
import sys
import time
import warnings
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np

from rl_lab import jit
from rl_lab.agents import PPO
from rl_lab.agents.common.encoder import Encoder
from rl_lab.agents.common.runner import SAME_STEP
from rl_lab.agents.common.vec_adapter import CompiledAdapter
from rl_lab.errors import LabError
from rl_lab.profile_report import ProfileReport, Timing
from rl_lab.validation import whole_number

SETTINGS: dict[str, Any] = {"batch_size": 64, "n_epochs": 10}  # SB3's defaults
SB3, SB3_BATCHED, LAB = "SB3", "SB3, rl_lab.sb3.vec_env", "rl_lab"
SECONDS = 6.0  # a measurement of SB3 takes about so long
LAB_SECONDS = 1.5
MOST_STEPS = 8192


def profile(env: str, steps: int | None = None, num_envs: int = 8, quiet: bool = False) -> ProfileReport:
    """Measure where the time of PPO goes in an environment.

    Args:
        env: a Gymnasium id, also "module:id".
        steps: environment steps to train SB3 for; by default what takes some seconds.
        num_envs: number of environments.
        quiet: show no progress.

    Returns:
        Seconds in environment, policy and update, for SB3 with the `DummyVecEnv` that its users have, for SB3 with
        the environment batched where it is one of ours, and for the lab.

    Raises:
        LabError: there is no such environment, or a space of it is unsupported.
    """
    if steps is not None:
        whole_number("steps", steps, 1)
    from rich.console import Console

    def say(message: str) -> None:
        status.update(f"{message} …")

    with Console(stderr=True, quiet=quiet).status("") as status:
        say(f"compiling {env}, or loading it")
        agent = PPO(env, num_envs=num_envs, n_steps=8, **SETTINGS)
        agent.total_timesteps = 8 * num_envs
        agent.iterate()
        with _one_thread():
            say("timing the environment")
            vec_env = _dummy_vec_env(env, num_envs)
            unit = 64 // math.gcd(64, num_envs)  # steps of each lane, so that rollouts are made of whole minibatches
            n_steps = max(1, round((steps or _affordable(vec_env)) / num_envs / unit)) * unit
            say(f"training SB3 for {n_steps * num_envs:,} steps")
            timings = [_time_sb3(SB3, vec_env, n_steps)]
            if isinstance(agent.source, CompiledAdapter):
                from rl_lab.sb3 import vec_env as batched

                say("training SB3 in the batched environment")
                batch = gym.make_vec(env, num_envs=num_envs)
                timings.append(_time_sb3(SB3_BATCHED, batched(batch), n_steps))
            say("training the lab's PPO")
            timings.append(_time_lab(env, num_envs, n_steps))
    return ProfileReport(env, num_envs, agent.source.compiled, tuple(timings))


def _time_sb3(name: str, vec_env: Any, n_steps: int) -> Timing:
    from stable_baselines3 import PPO as Theirs

    clock = _Clock()
    Theirs("MlpPolicy", vec_env, n_steps=8, n_epochs=1, batch_size=8, device="cpu").learn(1)  # torch starts slowly
    clock.watch(vec_env, "step_async", "environment")
    clock.watch(vec_env, "step_wait", "environment")
    clock.watch(vec_env, "reset", "environment")
    model = Theirs("MlpPolicy", vec_env, n_steps=n_steps, device="cpu", **SETTINGS)
    clock.watch(model, "train", "update")
    start = time.perf_counter()
    model.learn(n_steps * vec_env.num_envs)
    total = time.perf_counter() - start
    vec_env.close()
    environment, update = clock.seconds["environment"], clock.seconds["update"]
    return Timing(name, n_steps * vec_env.num_envs, environment, total - environment - update, update)


def _time_lab(env: str, num_envs: int, n_steps: int) -> Timing:
    """Train our PPO; a compiled environment's part is what the same steps take once more, alone."""
    agent = PPO(env, num_envs=num_envs, n_steps=n_steps, **SETTINGS)
    source, clock = agent.source, _Clock()
    agent.total_timesteps = sys.maxsize
    clock.watch(agent.engine, "update", "update")
    if not source.compiled:
        clock.watch(source, "step", "environment")
    steps, environment, total = 0, 0.0, 0.0
    while total < LAB_SECONDS and steps < 200 * n_steps * num_envs:
        before = source.save()
        start = time.perf_counter()
        agent.iterate()
        total += time.perf_counter() - start
        steps += n_steps * num_envs
        if source.compiled and before is not None:
            source.load(before)
            environment += time_replay(agent)
    environment += clock.seconds["environment"]
    update = clock.seconds["update"]
    return Timing(LAB, steps, environment, total - environment - update, update)


def time_replay(agent: PPO) -> float:
    """Seconds of the compiled environment alone, in the steps of the agent's last rollout; it ends where that did."""
    source = agent.source
    assert isinstance(source, CompiledAdapter)
    view, records = source.view, source.records
    actions = agent.rollout.actions.reshape(-1, *view.actions.shape)
    space = source.vector.single_action_space
    if isinstance(space, gym.spaces.Box):
        actions = np.clip(actions, space.low, space.high)
    actions = np.ascontiguousarray(actions + view.first_action, view.actions.dtype)
    loop = jit.specialize(replay, name=f"the steps of {source.name}", step_lanes=source.step_loop)
    loop(actions[:0], records)  # compiles
    start = time.perf_counter()
    loop(actions, records)
    return time.perf_counter() - start


def replay(step_lanes, actions, lanes):
    """Step all lanes with `actions`, `(steps, lanes, ...)`, in the mode in which agents step them."""
    for t in range(actions.shape[0]):
        lanes.buffers.actions[:] = actions[t]
        step_lanes(0, lanes.states.shape[0], SAME_STEP, lanes.states, lanes.config, lanes.buffers)


class _Clock:
    """Adds up the seconds that methods take, by name."""

    def __init__(self) -> None:
        self.seconds = {"environment": 0.0, "update": 0.0}

    def watch(self, owner: Any, method: str, name: str) -> None:
        """Time a method of one object."""
        function = getattr(owner, method)

        def timed(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self.seconds[name] += time.perf_counter() - start

        setattr(owner, method, timed)


def _dummy_vec_env(env: str, num_envs: int) -> Any:
    """What SB3's users have: a `DummyVecEnv` of monitored environments, observations of parts in a row."""
    from stable_baselines3.common.env_util import make_vec_env

    def make() -> gym.Env:
        single = gym.make(env)
        if not isinstance(single.observation_space, gym.spaces.Dict):
            return single
        encoder = Encoder(single.observation_space)
        space = gym.spaces.Box(-np.inf, np.inf, (encoder.size,), np.float32)
        return gym.wrappers.TransformObservation(single, lambda seen: encoder(seen, 1)[0].astype(np.float32), space)

    try:
        return make_vec_env(make, n_envs=num_envs, seed=0)
    except Exception as error:
        raise LabError(f"SB3 cannot be profiled in {env}: {error}") from error


def _affordable(vec_env: Any) -> int:
    """Steps that SB3 can be trained for in `SECONDS`, if it learns from 4,000 a second beside the environment."""
    vec_env.reset()
    steps, start = 0, time.perf_counter()
    while (seconds := time.perf_counter() - start) < 0.5:
        vec_env.step([vec_env.action_space.sample() for _ in range(vec_env.num_envs)])
        steps += vec_env.num_envs
    return min(int(SECONDS / (seconds / steps + 1 / 4000)), MOST_STEPS)


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.set_num_threads(before)
