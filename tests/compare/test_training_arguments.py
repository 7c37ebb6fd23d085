"""Contenders that train with other arguments of the environment than those that they are judged with."""

import sys

import gymnasium as gym
import pytest

from rl_lab.compare import Contender, Environment, Evaluation, Plan, load_plan
from rl_lab.compare.contenders import trainer_of
from rl_lab.compare.controls import with_controls
from rl_lab.compare.environments import Maker
from rl_lab.compare.runner import all_tasks, warnings
from rl_lab.compare.worker import Job, execute
from rl_lab.errors import LabError
from rl_lab.sb3 import vec_env

GO = Environment("small", None, {"size": 3, "komi": 8.5, "opponent": "greedy"}, id="rl_lab/Go-5x5-v0")
SMALL = {"num_envs": 4, "n_steps": 16, "batch_size": 32, "n_epochs": 1}
BOTH_SIDES = {"opponent": "self"}


def executed(contender, steps=256):
    job = Job(0, Maker.of(GO), contender, 1, steps, Evaluation(2, 4, deterministic=False))
    return execute(job, lambda step, value: None)


@pytest.mark.parametrize("algorithm", ["ppo", "sb3:maskable_ppo"])
def test_what_trains_on_one_opponent_is_judged_on_another(algorithm, monkeypatch):
    trained, judged = [], []
    vector, evaluation = Maker.vector, Maker.evaluation
    monkeypatch.setattr(
        Maker, "vector", lambda self, n: trained.append(self.environment.arguments["opponent"]) or vector(self, n)
    )
    monkeypatch.setattr(
        Maker,
        "evaluation",
        lambda self, n: judged.append(self.environment.arguments["opponent"]) or evaluation(self, n),
    )
    found = executed(Contender("mine", algorithm, SMALL, BOTH_SIDES))
    assert found["steps"] == 256
    assert "self" in trained
    assert set(judged) == {"greedy"}


def test_contenders_that_take_both_sides_for_one_are_warned_of(caplog):
    contenders = [Contender(name, algorithm, SMALL, BOTH_SIDES) for name, algorithm in (("a", "ppo"), ("b", "sb3:ppo"))]
    said = [line for line in warnings(Plan([GO], [*contenders, Contender("c", "sb3:ppo")], 1024)) if "sides" in line]
    assert [line.partition(", and")[0] for line in said] == ["warning: b trains on small for both sides"]
    vec_env(gym.make_vec("rl_lab/Go-5x5-v0", 2))
    assert not caplog.text
    vec_env(gym.make_vec("rl_lab/Go-5x5-v0", 2, opponent="self"))
    assert "with the wrong sign; give another opponent, such as opponent='greedy', or train with" in caplog.text


def test_a_function_is_given_what_it_trains_on():
    seen = []

    def mine(env, seed, steps):
        seen.append(env.unwrapped.definition.turned)
        return type("Passes", (), {"predict": lambda self, observation: 9})()

    executed(Contender("mine", mine, {}, BOTH_SIDES))
    assert seen == ["turned"]


def test_training_that_shows_something_else_is_refused_before_anything_runs():
    other = Contender("mine", "ppo", SMALL, {"size": 4})
    with pytest.raises(LabError, match=r"(?s)which changes its observation space to .* it is evaluated with"):
        trainer_of(other).maker_for_training(Maker.of(GO))
    with pytest.raises(LabError, match="opponent='nobody' is not allowed"):
        trainer_of(Contender("mine", "ppo", SMALL, {"opponent": "nobody"})).maker_for_training(Maker.of(GO))


def test_what_a_contender_trains_on_is_part_of_the_key_of_its_runs():
    both = [Contender("a", "ppo", SMALL), Contender("b", "ppo", SMALL, BOTH_SIDES)]
    one, other = (task.key for task in all_tasks(Plan([GO], both, 1024, [0])))
    assert one != other


def test_controls_train_on_what_the_pretrained_contender_does():
    stages = [{"stage": "demonstrations", "expert": "mcts:10"}, {"stage": "clone"}, {"stage": "finetune"}]
    contenders = [Contender("pretrained", "ppo", {**SMALL, "stages": stages}, BOTH_SIDES), Contender("sb3", "sb3:ppo")]
    added = with_controls(Plan([GO], contenders, 100_000)).contenders[2:]
    assert [contender.training for contender in added] == [BOTH_SIDES] * len(added)
    assert len(added) >= 3


def test_a_plan_says_it_in_toml(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text("""
        steps = 4096
        [[environments]]
        id = "rl_lab/Go-5x5-v0"
        name = "against random moves"
        [[environments]]
        id = "rl_lab/Go-5x5-v0"
        name = "against greedy moves"
        arguments = { opponent = "greedy" }
        [contenders.ours]
        algorithm = "ppo"
        training = { opponent = "self" }
        [contenders.theirs]
        algorithm = "sb3:maskable_ppo"
    """)
    plan = load_plan(path)
    assert [environment.name for environment in plan.environments] == ["against random moves", "against greedy moves"]
    assert [Maker.of(environment).id for environment in plan.environments] == ["rl_lab/Go-5x5-v0"] * 2
    assert [contender.training for contender in plan.contenders] == [BOTH_SIDES, {}]
    assert plan.baseline == "theirs"


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sb3_contrib", None)
    with pytest.raises(LabError, match=r"needs the package sb3-contrib; install it with: pip install -e '\.\[masks\]'"):
        trainer_of(Contender("theirs", "sb3:maskable_ppo")).validate()
