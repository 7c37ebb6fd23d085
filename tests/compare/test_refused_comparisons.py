"""What makes no sense is refused, or announced, before anything runs."""

import gymnasium as gym
import pytest
from fixed_policies import contender, options

from rl_lab.compare import Contender, Environment, Plan, compare
from rl_lab.compare.runner import warnings
from rl_lab.errors import LabError


def test_a_budget_below_a_rollout_is_refused_before_anything_runs(tmp_path):
    eight = ("sb3:ppo", {"num_envs": 8})
    with pytest.raises(LabError, match=r"6000 steps are less than one rollout of sb3, 16384 steps \(8 environments"):
        compare("CartPole-v1", {"mine": contender(0), "sb3": eight}, steps=6000, seeds=1, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_fewer_than_ten_updates_are_announced():
    names = [Contender("sb3", "sb3:ppo"), Contender("lab", "ppo", {"n_steps": 128}), Contender("dqn", "sb3:dqn")]
    (line,) = warnings(Plan([Environment("CartPole-v1"), Environment("CartPole-v0", steps=20_480)], names, 20_479))
    assert line.startswith("warning: sb3 gets 9 updates from 20,479 steps, one for each rollout of 2,048 (num_envs=1,")


def test_a_function_that_cannot_be_called_is_refused_before_anything_runs():
    def two(env, seed):
        return None

    with pytest.raises(LabError, match=r"'mine' is two\(env, seed\); it must take \(env, seed, steps\)"):
        compare("CartPole-v1", {"mine": two, "other": contender(0)}, steps=40, points=2)


ONE, SHORT = gym.make("CartPole-v1"), {"n_steps": 32, "batch_size": 32}


def WORDS():
    space = gym.spaces.Dict({"words": gym.spaces.Text(9), "numbers": gym.spaces.Box(0, 1, (2,))})
    return gym.wrappers.TransformObservation(gym.make("CartPole-v1"), lambda observation: observation, space)


def named(algorithm, **hyperparameters):
    return {"contenders": {"a": (algorithm, hyperparameters), "b": contender(0)}, "steps": 2**52}


def missing():
    raise gym.error.DependencyNotInstalled("toolbox is not installed, run `pip install toolbox`")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"jobs": 0}, "jobs is 0"),
        ({"contenders": {"a": "sb3:ppo"}}, "two contenders or more"),
        ({"contenders": [contender(0)]}, "must be a dictionary"),
        ({"contenders": {"a": ("ppo", 3), "b": "ppo"}}, "or a pair of it and a dictionary"),
        ({"env": 7}, "environment 7"),
        ({"env": "CartPole-v9"}, "did you mean 'CartPole-v1'"),
        ({"seeds": True}, "seed True"),
        ({"references": ("0", "500")}, "reference random of environment 'CartPole-v1' is '0'; it must be a finite"),
        ({"references": (0, float("nan"))}, "reference optimal of environment 'CartPole-v1' is nan"),
        (
            {"env": "Pendulum-v1", "contenders": {"a": "sb3:dqn", "b": contender(0)}},
            "'a' is 'sb3:dqn', which takes Disc",
        ),
        (
            {"contenders": {"a": "sb3:sac", "b": contender(0)}},
            "takes Box actions, and environment 'CartPole-v1' has Disc",
        ),
        ({"contenders": {"a": "sb3:maskable_ppo", "b": contender(0)}, "steps": 2048}, "has no method action_masks()"),
        (
            {"env": "Blackjack-v1", "contenders": {"a": "sb3:dqn", "b": contender(0)}},
            "takes no Tuple as observation of",
        ),
        (
            {"env": "Blackjack-v1", "contenders": {"a": ("ppo", SHORT), "b": contender(0)}},
            "unsupported because of Tuple",
        ),
        (
            {"env": WORDS, "contenders": {"a": "sb3:dqn", "b": contender(0)}},
            "no Text as observation 'words' of environ",
        ),
        ({"env": lambda: ONE, "steps": 2048}, "is one object each time; its function must make a new one at each call"),
        ({"env": "MiniGrid-Empty-5x5-v7"}, "write 'minigrid:MiniGrid-Empty-5x5-v7'"),
        (
            {"env": missing, "steps": 2048},
            "environment 'missing' cannot be made: toolbox is not installed, run `pip install toolbox`",
        ),
        ({"references": 500}, "references is 500; give a pair"),
        ({"env_arguments": 3}, "arguments of environment 'CartPole-v1' is 3; it must be a table"),
        ({"deterministic": "no"}, "evaluation deterministic is 'no'; it must be true or false"),
        ({"controls": "no"}, "controls is 'no'; it must be true or false"),
        ({"questions": ["return"]}, "questions has 'return'; each must be of the class Question"),
        ({"steps": 1}, "with 2 evaluation points it must be as many"),
        (named("ppo", learning_rate="fast"), "contender 'a': learning_rate='fast' is not allowed; give a number"),
        (named("ppo", n_steps=2**31 - 1, num_envs=99), "'a': a rollout of n_steps=2147483647 with num_envs=99"),
        (
            named("sb3:ppo", n_steps=10**12),
            "'a': a rollout of n_steps=1000000000000 with num_envs=1 needs 40,978.2 GiB",
        ),
        (named("sb3:ppo", n_steps=2, num_envs=10**12), "contender 'a': num_envs=1000000000000 needs 953,674.3 GiB"),
        (named("sb3:ppo", net_arch="x"), "contender 'a': sb3:ppo cannot be made with its hyperparameters: "),
        (named("sb3:dqn", buffer_size=10**15), "sb3:dqn cannot be made with its hyperparameters: Unable to allocate"),
    ],
)
def test_what_makes_no_sense_is_said_before_anything_runs(tmp_path, change, words):
    arguments = {"env": "CartPole-v1", "contenders": {"a": "sb3:ppo", "b": "sb3:a2c"}, "seeds": 1} | options() | change
    with pytest.raises(LabError) as error:
        compare(arguments.pop("env"), arguments.pop("contenders"), out=tmp_path / "out", **arguments)
    assert words in str(error.value)
