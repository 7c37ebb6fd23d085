"""The key of what a stage makes covers all that decides it."""

import gymnasium as gym

from rl_lab.agents import PPO
from rl_lab.stages import Context, Demonstrate, FitValue
from rl_lab.stages.experts import described

SMALL = {"num_envs": 4, "n_steps": 64, "batch_size": 64, "n_epochs": 2}


def test_keys_cover_what_experts_and_environments_are(write_module, tmp_path):
    expert = "def act(observation, info):\n    return {}\n"
    game = (
        "import gymnasium as gym\nfrom gymnasium.envs.classic_control import CartPoleEnv\n"
        "class Game(CartPoleEnv):\n    bonus = {}\n"
        "gym.register('Keyed-v0', Game)\n"
    )

    def key(answer, bonus):
        write_module(expert.format(answer), "keyed_expert")
        gym.registry.pop("Keyed-v0", None)
        write_module(game.format(bonus), "keyed_game")
        return Demonstrate("keyed_expert:act", 2).key(Context("Keyed-v0"), None)

    keys = [key(0, 1), key(0, 1), key(1, 1), key(0, 2)]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3
    import torch

    layers = [torch.nn.Linear(2, 2) for _ in range(2)]
    models = [type("Model", (), {"predict": None, "policy": layer, "num_timesteps": 5})() for layer in layers]
    assert Demonstrate(models[0]).described() != Demonstrate(models[1]).described()
    gym.registry.pop("Keyed-v0")


class Rule:
    """An expert of your own with a `predict`, which acts by its one number."""

    def __init__(self, bound):
        self.bound = bound

    def predict(self, observation):
        return int(observation[2] > self.bound)


def test_keys_cover_all_that_an_agent_acts_by():
    from stable_baselines3 import PPO as SB3PPO
    from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

    def key(expert):
        return Demonstrate(expert, 2).key(Context("rl_lab/CartPole-v1"), None)

    assert key(Rule(0.0)) == key(Rule(0.0)) != key(Rule(0.1))
    normalised = VecNormalize(DummyVecEnv([lambda: gym.make("CartPole-v1")]))
    theirs = SB3PPO("MlpPolicy", normalised, n_steps=32, batch_size=32)
    ours = PPO("rl_lab/CartPole-v1", **SMALL, normalize_observation=True)
    for model, mean in ((theirs, normalised.obs_rms.mean), (ours, ours.normalizer.mean)):
        before = key(model)
        assert key(model) == before
        mean[2] += 0.3
        assert key(model) != before
    before = key(theirs)
    theirs.policy.__class__ = type("Other", (type(theirs.policy),), {})
    assert key(theirs) != before


def test_keys_cover_the_limit_of_an_id_and_the_steps_that_follow_from_a_budget():
    def key(limit, stage=FitValue(), **more):  # noqa: B008
        gym.registry.pop("Limited-v0", None)
        gym.register("Limited-v0", "gymnasium.envs.classic_control:CartPoleEnv", max_episode_steps=limit)
        return stage.key(Context("Limited-v0", **more), None)

    assert key(50) == key(50) != key(60)
    assert key(50) == key(50, budget=100_000) == key(50, FitValue(steps=8192)) == key(50, FitValue(8192), budget=9)
    assert key(50, budget=3000) == key(50, FitValue(steps=300)) != key(50, budget=4000)
    gym.registry.pop("Limited-v0")


def test_folders_that_are_called_like_experts_do_not_make_them_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("planner", "explorer"):
        (tmp_path / name).mkdir()
    assert described("planner") != described("explorer")
