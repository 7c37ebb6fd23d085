"""Does pretraining pay for my Stable-Baselines3 agent? Ten lines of your own code, and a verdict.

    python examples/pretrain_my_sb3.py            ten seeds, about half an hour on two cores
    python examples/pretrain_my_sb3.py --seeds 2  a smoke test

The environment is MiniGrid's own DoorKey-6x6, with its image as a flat vector; the expert is a robot that explores
with the camera's image alone, so that a memoryless policy can follow it most of the way. Put your own environment
and `expert(observation, info) -> action` in their place. Needs `pip install minigrid`.
"""

import argparse

import gymnasium as gym
import numpy as np
from stable_baselines3 import PPO

from rl_lab.compare import Question, compare
from rl_lab.envs.robot.exploration import Explorer
from rl_lab.sb3 import pretrain

SETTINGS = {"n_steps": 512, "batch_size": 64, "ent_coef": 0.01, "gamma": 0.99}


def doorkey():
    """MiniGrid's DoorKey-6x6, seen as a vector of the image and the direction."""
    import minigrid  # noqa: F401  (registers its ids)

    return FlatImage(gym.make("MiniGrid-DoorKey-6x6-v0", render_mode="rgb_array"))


class FlatImage(gym.ObservationWrapper):
    """The image `(7, 7, 3)` and the direction, one after the other."""

    def __init__(self, env):
        super().__init__(env)
        self.observation_space = gym.spaces.Box(0, 255, (151,), "uint8")

    def observation(self, observation):
        """One flat vector, as the lab's own robot environments have it."""
        direction = np.eye(4, dtype=np.uint8)[observation["direction"]]
        return np.concatenate([observation["image"].reshape(-1), direction])


def scratch(env, seed, steps):
    """The baseline."""
    return PPO("MlpPolicy", env, seed=seed, **SETTINGS).learn(steps)


def pretrained(env, seed, steps):
    """The same, after fifty episodes of an expert, which are charged to it."""
    model = PPO("MlpPolicy", env, seed=seed, **SETTINGS)
    warm = pretrain(model, env, expert=Explorer(), episodes=50)
    return model.learn(steps, callback=warm)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--out", default="studies/sb3")
    given = parser.parse_args()
    result = compare(
        doorkey,
        {"scratch": scratch, "pretrained": pretrained},
        steps=given.steps,
        seeds=given.seeds,
        baseline="scratch",
        references=(0.0, 1.0),
        questions=[Question("steps", margin=0.1, threshold=0.9), Question("return", margin=0.05)],
        deterministic=False,
        out=given.out,
    )
    print(result.verdict)
