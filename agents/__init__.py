"""Agents built on the one perceptron core; `from rl_lab.agents import PPO`."""

if __name__ == "agents":
    raise ImportError(
        "this folder is installed as a part of rl_lab: write `import rl_lab.agents` instead of `import agents`"
    )

from rl_lab.agents.ppo import PPO as PPO
from rl_lab.agents.seeds import train_seeds as train_seeds

__all__ = ["PPO", "train_seeds"]
