"""Agents built on the one perceptron core; `from rl_lab.agents import PPO`."""

if __name__ == "agents":
    raise ImportError(
        "this folder is installed as a part of rl_lab: write `import rl_lab.agents` instead of `import agents`"
    )

from rl_lab.agents.registry import *  # noqa: F403  # every algorithm
from rl_lab.agents.seeds import train_seeds as train_seeds
