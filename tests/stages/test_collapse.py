"""The known failure, and that the cures cure it: a cloned policy under PPO, ours and SB3's, on Pendulum."""

import gymnasium as gym
import numpy as np
import pytest
from experts_of_tests import swing_up

from rl_lab.stages import Clone, Context, Demonstrate, Finetune, FitValue, Ledger
from rl_lab.stages.stage import load_policy

RANDOM, BEST = -1200.0, -150.0
SETTINGS = {"num_envs": 4, "n_steps": 1024, "gamma": 0.9, "learning_rate": 1e-3}
NAIVE = {"warmup_steps": 0, "ramp_steps": 0, "kl_coef": 0.0}
ROLLOUT = 4096
STEPS = 6 * ROLLOUT


def score(mean):
    return (mean - RANDOM) / (BEST - RANDOM)


@pytest.fixture(scope="module")
def cloned():
    context = Context("Pendulum-v1", 0, None, SETTINGS)
    return context, Clone().run(context, Demonstrate(swing_up, 20).run(context))


def tuned(cloned, stage, value):
    """Scores of the clone, and of the policy after each rollout."""
    context, artifact = cloned
    if value:
        artifact = FitValue().run(context, artifact)
    context.books.begin(Ledger())
    clone = context.agent()
    load_policy(clone, artifact, "actor", "log_std")
    before, scores = score(context.look(clone, 40)), []
    context.watch = lambda agent, ledger: scores.append(score(context.look(agent, 40)))
    stage.run(context, artifact)
    context.watch = None
    return before, scores


def test_naive_finetuning_loses_the_clone(cloned):
    before, scores = tuned(cloned, Finetune(steps=STEPS, fall_back=0, **NAIVE), value=False)
    assert before > 0.8
    assert min(scores) < 0.3


def test_with_the_cures_at_most_a_twentieth_is_lost(cloned):
    before, scores = tuned(cloned, Finetune(steps=STEPS), value=True)
    assert len(scores) == 6
    assert min(scores) >= 0.95 * before


def played(model, episodes=30):
    env, returns = gym.make("Pendulum-v1"), []
    for seed in range(episodes):
        observation, _ = env.reset(seed=seed)
        total, done = 0.0, False
        while not done:
            observation, reward, terminated, truncated, _ = env.step(model.predict(observation, deterministic=False)[0])
            total, done = total + float(reward), terminated or truncated
        returns.append(total)
    return score(np.mean(returns))


@pytest.mark.parametrize(("cures", "rollouts"), [(False, 2), (True, 4)])
def test_the_same_for_stable_baselines3(cures, rollouts):
    from stable_baselines3 import PPO
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.env_util import make_vec_env

    from rl_lab.sb3 import pretrain

    settings = {name: value for name, value in SETTINGS.items() if name != "num_envs"}
    model = PPO("MlpPolicy", make_vec_env("Pendulum-v1", 4, seed=0), seed=0, **settings)
    options = {} if cures else NAIVE | {"value": None}
    warm = pretrain(model, gym.make("Pendulum-v1"), expert=swing_up, episodes=20, **options)
    before, scores = played(model), []

    class Watch(BaseCallback):
        def _on_step(self):
            return True

        def _on_rollout_start(self):
            scores.append(played(self.model, 15))

    model.learn(rollouts * ROLLOUT, callback=[warm, Watch()])
    scores.append(played(model))
    assert before > 0.8
    assert len(scores) == rollouts + 1
    assert (min(scores) >= 0.95 * before) if cures else (min(scores) < 0.6 * before)
