"""Functions that pretrain SB3 models: what they are charged, and the controls beside them."""

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from rl_lab.compare import Environment, compare
from rl_lab.compare.controls import with_controls
from rl_lab.compare.plan import Contender, Plan
from rl_lab.compare.progress import Display
from rl_lab.compare.runner import _Campaign, all_tasks
from rl_lab.compare.runs import Store
from rl_lab.errors import LabError
from rl_lab.sb3 import pretrain
from rl_lab.stages import FitValue, Ledger, experts


def balance(observation, info):
    return int(observation[2] + 0.5 * observation[3] > 0)


def pretrained(env, seed, steps):
    model = PPO("MlpPolicy", env, seed=seed, n_steps=256)
    warm = pretrain(model, env, expert=balance, episodes=2, value=FitValue(steps=512), warmup_steps=256)
    return model.learn(steps, callback=warm)


def elsewhere(env, seed, steps):
    model = PPO("MlpPolicy", env, seed=seed, n_steps=256)
    other = gym.make("CartPole-v1")
    return model.learn(steps, callback=pretrain(model, other, balance, 2, value=None, warmup_steps=0))


def from_a_dataset(env, seed, steps):
    model = PPO("MlpPolicy", env, seed=seed, n_steps=256)
    return model.learn(steps, callback=pretrain(model, env, dataset="cartpole/balance-v0", episodes=2, value=None))


class Shifted(gym.ObservationWrapper):
    def __init__(self, env):
        super().__init__(env)
        self.observation_space = gym.spaces.Box(-np.inf, np.inf, (5,), np.float32)

    def observation(self, observation):
        return np.append(observation, 1).astype(np.float32)


def wrapped(env, seed, steps):
    env = Shifted(env)
    model = PPO("MlpPolicy", env, seed=seed, n_steps=256)
    return model.learn(steps, callback=pretrain(model, env, balance, 2, value=FitValue(steps=256)))


def too_much(env, seed, steps):
    model = PPO("MlpPolicy", env, seed=seed, n_steps=256)
    return model.learn(steps, callback=pretrain(model, env, balance, 30))


def test_pretrained_sb3_models_are_charged_for_all_that_they_used(tmp_path, monkeypatch):
    """Demonstrations are never free, and wrappers are followed."""
    from rl_lab.data import collect

    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    collect(gym.make("CartPole-v1"), balance, 3).write("cartpole/balance-v0")
    contenders = {
        "pretrained": pretrained,
        "elsewhere": elsewhere,
        "dataset": from_a_dataset,
        "wrapped": wrapped,
        "too much": too_much,
    }
    options = {"steps": 2600, "seeds": [1], "points": 2, "episodes": 1, "controls": False, "jobs": 1, "quiet": True}
    made = compare("CartPole-v1", contenders, out=tmp_path / "out", **options)
    runs = {run.contender: run for run in made.runs}
    assert "pretraining took all 2600 steps of the budget" in runs.pop("too much").error
    for name, run in runs.items():
        assert not run.error
        cost = Ledger.from_dict(run.notes["pretraining"])
        assert run.ledger["demonstration_transitions"] == cost.demonstration_transitions > 300
        assert cost.learner_steps == {"pretrained": 512, "wrapped": 256}.get(name, 0)
        assert run.notes["switch"] == cost.learner_steps + cost.demonstration_transitions
        assert run.ledger["learner_steps"] + cost.demonstration_transitions == run.steps <= 2600
        assert [point.step for point in run.points][:3] == [0, run.notes["switch"] - 1, run.notes["switch"]]
        assert np.mean(run.points[2].returns) > 450
    assert np.mean(runs["pretrained"].points[0].returns) < 100


def test_an_sb3_model_stays_an_ordinary_one(tmp_path):
    env = gym.make("CartPole-v1")
    model = PPO("MlpPolicy", env, seed=0, n_steps=256)
    warm = pretrain(model, env, balance, 3, value=FitValue(steps=256), warmup_steps=512, ramp_steps=512, kl_steps=2048)
    actor = {name: tensor.clone() for name, tensor in model.policy.state_dict().items() if "policy_net" in name}
    model.learn(512, callback=warm)
    for name, tensor in actor.items():
        assert (model.policy.state_dict()[name] == tensor).all()  # the critic was trained alone
    model.learn(2048, callback=warm, reset_num_timesteps=False)
    assert not model.policy.optimizer._optimizer_step_pre_hooks
    assert not model.policy.optimizer._optimizer_step_post_hooks
    model.save(tmp_path / "model")
    loaded = PPO.load(tmp_path / "model", env)
    observation, _ = env.reset(seed=0)
    assert loaded.predict(observation, deterministic=True)[0] == model.predict(observation, deterministic=True)[0]
    loaded.learn(256)


def test_what_cannot_be_pretrained_gets_a_sentence():
    from stable_baselines3 import A2C, DQN

    env = gym.make("CartPole-v1")
    with pytest.raises(LabError, match="DQN cannot be pretrained so; use PPO or A2C"):
        pretrain(DQN("MlpPolicy", env), env, balance)
    with pytest.raises(LabError, match="takes an expert or a dataset"):
        pretrain(PPO("MlpPolicy", env), env)
    for name, value in (("kl_coef", float("nan")), ("warmup_steps", -5), ("actor_rate", 3)):
        with pytest.raises(LabError, match=f"{name}=.* is not allowed"):
            pretrain(PPO("MlpPolicy", env), env, balance, **{name: value})
    normalised = VecNormalize(DummyVecEnv([lambda: gym.make("CartPole-v1")]))
    with pytest.raises(LabError, match="is in a VecNormalize, which pretraining cannot follow"):
        pretrain(PPO("MlpPolicy", normalised), env, balance)
    model = A2C("MlpPolicy", env, seed=0)
    with pytest.raises(LabError, match="an expert plays in a single environment"):
        pretrain(model, model.get_env(), balance)
    assert model.learn(64, callback=pretrain(model, env, balance, 2, value=FitValue(steps=64))).num_timesteps >= 64
    assert experts.find(model, env).teacher_steps == model.num_timesteps + model.pretraining_steps > 64 + 64


def pretrained_model(env, seed, steps):
    model = PPO("MlpPolicy", env, seed=seed, n_steps=256)
    warm = pretrain(model, env, expert="planner", episodes=20, value=FitValue(steps=512), warmup_steps=512)
    return model.learn(steps, callback=warm)


def plain_model(env, seed, steps):
    return PPO("MlpPolicy", env, seed=seed, n_steps=256).learn(steps)


def test_controls_of_functions_that_their_runs_have_shown_to_pretrain():
    contenders = [Contender("mine", pretrained_model), Contender("scratch", plain_model)]
    plan = Plan([Environment("a")], contenders, steps=100_000)
    assert with_controls(plan) is plan
    whole = with_controls(plan, {"mine"})
    assert [each.control for each in whole.contenders[3:]] == ["clone only", "shuffled", "warm-up only"]
    assert whole.contenders[2].algorithm == "ppo"
    assert with_controls(whole, {"mine", "clone only"}) == whole  # controls get none of their own


class LastFirst:
    """An executor whose jobs end in the reverse order; only runs of "mine" from seed 0 are pretrained."""

    def __init__(self):
        self.jobs = []

    @property
    def slots(self):
        return 8 - len(self.jobs)

    def submit(self, job):
        self.jobs.append(job)

    def events(self):
        job = self.jobs.pop()
        notes = {"pretraining": {}} if (job.contender.name, job.seed) == ("mine", 0) else {}
        point = {"step": 4096, "seconds": 1.0, "cpu_seconds": 1.0, "returns": [0.0], "lengths": [1]}
        yield {"job": job.number, "outcome": {"points": [point], "notes": notes}}


def last_first(environment, folder):
    """A comparison of `LastFirst` that has ended."""
    contenders = [Contender("mine", pretrained_model), Contender("scratch", plain_model)]
    plan = Plan([environment], contenders, steps=4096, seeds=3)
    tasks = all_tasks(plan)
    with Display(tasks, 1) as view:
        campaign = _Campaign(plan, Store(folder), None, view, LastFirst())
        campaign.add(tasks)
        campaign.go()
    return campaign


def test_controls_do_not_depend_on_which_run_ends_first(tmp_path):
    campaign = last_first(Environment("rl_lab/Robot-DoorKey-5x5-v0"), tmp_path)
    assert campaign.plan.control_names == ("ours from scratch", "clone only", "shuffled", "warm-up only")
    assert len(campaign.done) == 18


def one_of_two():
    """An environment whose actions ours does not take; a function may wrap it."""
    env = gym.make("CartPole-v1")
    return gym.wrappers.TransformAction(env, lambda action: int(action[0]), gym.spaces.MultiDiscrete([2]))


def test_controls_that_cannot_learn_in_an_environment_are_left_out_with_a_word(tmp_path, capsys):
    campaign = last_first(Environment("wrapped", one_of_two), tmp_path)
    assert campaign.plan.control_names == ("clone only", "shuffled", "warm-up only")
    assert len(campaign.done) == 15
    assert "a control is left out: contender 'ours from scratch': action space Multi" in capsys.readouterr().err


def test_functions_get_controls_too():
    contenders = {"scratch": plain_model, "pretrained": pretrained_model}
    options = {"steps": 2048, "seeds": 1, "points": 2, "episodes": 2, "references": (0, 1), "quiet": True, "jobs": 1}
    result = compare("rl_lab/Robot-DoorKey-5x5-v0", contenders, **options)
    assert not [run.error for run in result.runs if run.failed]
    runs = {run.contender: run for run in result.runs}
    assert list(runs) == ["scratch", "pretrained", "ours from scratch", "clone only", "shuffled", "warm-up only"]
    assert result.plan.controls == ("ours from scratch", "clone only", "shuffled", "warm-up only")
    shown = runs["pretrained"].ledger["demonstration_transitions"]
    clone, shuffled, warm = (runs[name] for name in ("clone only", "shuffled", "warm-up only"))
    assert clone.ledger["demonstration_transitions"] == shuffled.ledger["demonstration_transitions"] == shown > 0
    assert Ledger.from_dict(clone.ledger).steps() == shown == clone.notes["switch"]
    assert clone.points[-1].step == 2048
    assert len({tuple(point.returns) for point in clone.points if point.step >= shown}) == 1  # nothing changes any more
    assert shuffled.ledger["learner_steps"] > 512
    assert warm.ledger["demonstration_transitions"] == 0
    assert "switch" not in warm.notes
    for run in result.runs:
        assert run.ledger["evaluation_steps"] > 0
    alone = compare("rl_lab/Robot-DoorKey-5x5-v0", contenders, controls=False, **options)  # whose runs are finished
    assert [run.contender for run in alone.runs] == ["scratch", "pretrained"]
    for each in (result, alone):
        assert [question.measure for question in each.plan.questions] == ["return", "final", "steps"]


def test_models_that_were_loaded_and_odd_arguments():
    env = gym.make("rl_lab/Robot-Empty-5x5-v0")
    model = PPO("MlpPolicy", env, n_steps=64, seed=0)
    model.env = None  # as `load` without an environment leaves it
    warm = pretrain(model, env, expert="planner", episodes=10, value=FitValue(steps=128))
    model.learn(128, callback=warm)
    assert warm.schedule.warmup_steps == 12
    for options, told in (
        ({"clone": True}, r"clone=True is not allowed; give a Clone\(...\)"),
        ({"value": 3}, r"value=3 is not allowed; give a FitValue\(...\)"),
        ({"episodes": 0}, "episodes=0 is not allowed"),
    ):
        with pytest.raises(LabError, match=told):
            pretrain(model, env, expert="planner", **options)
    with pytest.raises(LabError, match="env is 'rl_lab/Robot-Empty-5x5-v0'; give the environment itself"):
        pretrain(model, "rl_lab/Robot-Empty-5x5-v0", expert="planner")
