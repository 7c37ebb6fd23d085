"""PPO with a custom loss: a function in torch that is passed to the agent.

    python examples/own_loss.py

The loss selects the torch engine by itself. Here it is that of simple policy optimisation (Xie et al., 2024,
arXiv:2401.16025), which pulls the probability ratio back by a square where PPO clips it. What a loss may use is
listed in `rl_lab.agents.engines.torch.Minibatch`. To write a loss that is compiled, see `ppo_onefile.py`.
"""

import torch

from rl_lab.agents import PPO
from rl_lab.agents.engines.torch import Minibatch


def simple_policy_loss(batch: Minibatch) -> torch.Tensor:
    """-mean(A r - |A| (r - 1)² / 2c), with PPO's value loss and entropy bonus."""
    ratio = (batch.log_probs - batch.old_log_probs).exp()
    pull = batch.advantages.abs() * (ratio - 1).square() / (2 * batch.settings.clip_range)
    policy_loss = -(batch.advantages * ratio - pull).mean()
    value_loss = (batch.values - batch.returns).square().mean()
    return policy_loss + batch.settings.vf_coef * value_loss - batch.settings.ent_coef * batch.entropy.mean()


def train(total_timesteps: int = 50_000, seed: int = 0, quiet: bool = False) -> PPO:
    """Train on CartPole with rl-zoo's hyperparameters, but a constant `clip_range`."""
    settings = {"n_steps": 32, "batch_size": 256, "n_epochs": 20, "gamma": 0.98, "gae_lambda": 0.8}
    settings |= {"learning_rate": "lin_1e-3", "clip_range": 0.2}
    agent = PPO("rl_lab/CartPole-v1", num_envs=8, seed=seed, loss=simple_policy_loss, **settings)
    return agent.learn(total_timesteps, progress_bar=not quiet)


if __name__ == "__main__":
    print(f"mean return of the last 100 episodes: {train().episode_returns().mean():.1f}")
