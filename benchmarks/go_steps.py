"""Moves of Go through the public interfaces: 9x9, random legal moves, beside OpenSpiel from Python and PettingZoo.

    python -m benchmarks go_steps

Ours is the VectorEnv in self-play form with full superko in the mask and all planes, on one core; choosing the moves
is part of its time. OpenSpiel's side asks for the legal list and the observation tensor of every position, simple ko.
PettingZoo's, `go_v5`, is played as its documents say, masks and observations with every move, simple ko; so is our own
environment of that form.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np

from benchmarks.common import Figure, compared, interleave, speed

LANES, STEPS, OPENSPIEL_STEPS, ROUNDS = 256, 200_000, 20_000, 9
ZOO_STEPS, OUR_ZOO_STEPS = 2_000, 10_000


def run(full: bool) -> list[Figure]:
    try:
        import pettingzoo  # noqa: F401
        import pyspiel  # noqa: F401
    except ImportError:
        return []
    sides = {"alone": ours("self"), "buffers": ours("self", copy=False), "random": ours("random"), "peer": openspiel()}
    zoos = {"zoo": theirs_in_pettingzoo(), "ours_in_zoo": ours_in_pettingzoo()}
    samples = interleave(ROUNDS, **sides, **zoos)
    return [
        compared("self-play, one thread", "moves/s", samples["alone"], samples["peer"], "OpenSpiel", bar=6),
        compared("with copy=False", "moves/s", samples["buffers"], samples["peer"], "OpenSpiel"),
        compared("against the random opponent", "steps/s", samples["random"], samples["peer"], "OpenSpiel"),
        compared("self-play beside go_v5", "moves/s", samples["alone"], samples["zoo"], "PettingZoo", bar=100),
        compared("as PettingZoo has games", "moves/s", samples["ours_in_zoo"], samples["zoo"], "PettingZoo"),
    ]


def ours(opponent: str, **arguments: bool) -> Callable[[], float]:
    """Steps per second of our 9x9."""
    envs = gym.make_vec("rl_lab/Go-9x9-v0", num_envs=LANES, opponent=opponent, **arguments)
    _, info = envs.reset(seed=0)
    noise = np.random.default_rng(0).integers(1, 2**16, (31, LANES, 82), np.uint16)

    def work(steps: int = STEPS // LANES) -> None:
        nonlocal info
        for step in range(steps):
            actions = np.argmax(noise[step % 31] * info["action_mask"], axis=1)  # any that is allowed
            *_, info = envs.step(actions)

    work(200)  # compiles, or loads, and spreads the lanes over all stages of the game
    return lambda: speed(STEPS // LANES * LANES, work)


def openspiel() -> Callable[[], float]:
    """Moves per second of OpenSpiel's Go from Python."""
    import pyspiel

    game = pyspiel.load_game("go(board_size=9,komi=7.0)")
    draws = np.random.default_rng(0).random(997).tolist()

    def work() -> None:
        state = game.new_initial_state()
        for step in range(OPENSPIEL_STEPS):
            if state.is_terminal():
                state = game.new_initial_state()
            legal = state.legal_actions()
            state.observation_tensor()
            state.apply_action(legal[int(draws[step % 997] * len(legal))])

    return lambda: speed(OPENSPIEL_STEPS, work)


def theirs_in_pettingzoo() -> Callable[[], float]:
    """Moves per second of PettingZoo's Go."""
    from pettingzoo.classic.go import go

    return in_pettingzoo(go.env(board_size=9, komi=7.0), ZOO_STEPS)


def ours_in_pettingzoo() -> Callable[[], float]:
    """Moves per second of our environment for PettingZoo."""
    from rl_lab.envs.go import pettingzoo

    return in_pettingzoo(pettingzoo.env(size=9), OUR_ZOO_STEPS)


def in_pettingzoo(env: Any, steps: int) -> Callable[[], float]:
    """Moves per second of an environment of PettingZoo's; a game goes on from one round to the next."""
    draws = np.random.default_rng(0).random(997).tolist()

    def work() -> None:
        for step in range(steps):
            observation, _, terminated, truncated, _ = env.last()
            if terminated or truncated:
                env.reset()
                continue
            legal = np.flatnonzero(observation["action_mask"])
            env.step(legal[int(draws[step % 997] * len(legal))])

    env.reset(seed=0)
    work()
    return lambda: speed(steps, work)
