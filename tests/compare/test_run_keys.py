"""Finished runs are found by a key that covers all that decides them, and read only where they are whole."""

import json
import sys
from dataclasses import replace

import cloudpickle
import gymnasium as gym
import pytest
from fixed_policies import contender
from gymnasium.envs.registration import WrapperSpec

from rl_lab.compare import Contender, Environment, Evaluation, Plan, Run
from rl_lab.compare.environments import Maker
from rl_lab.compare.measure import Point
from rl_lab.compare.runner import all_tasks
from rl_lab.compare.runs import Store
from rl_lab.fingerprint import digest


def keys(environment=None, hyperparameters=None, algorithm="sb3:ppo", steps=100_000, seeds=(0,), evaluation=None):
    other = Contender("other", "sb3:a2c")
    chosen = Contender("mine", algorithm, hyperparameters or {})
    environment = environment or Environment("CartPole-v1")
    return [
        task.key
        for task in all_tasks(Plan([environment], [chosen, other], steps, seeds, evaluation=evaluation or Evaluation()))
    ]


def wrapper_limit(limit):
    """Keys with an entry of which only a wrapper differs."""
    wrapper = WrapperSpec("TimeLimit", "gymnasium.wrappers:TimeLimit", {"max_episode_steps": limit})
    with pytest.MonkeyPatch.context() as patch:
        entry = replace(gym.registry["CartPole-v1"], additional_wrappers=(wrapper,))
        patch.setitem(gym.registry, "CartPole-v1", entry)
        return keys()


def test_an_entry_that_a_script_has_changed_counts_in_the_processes_of_its_runs(monkeypatch):
    stock = gym.registry["CartPole-v1"]
    monkeypatch.setitem(gym.registry, "CartPole-v1", replace(stock, max_episode_steps=5))
    sent = cloudpickle.dumps(Maker.of(Environment("CartPole-v1")))
    monkeypatch.setitem(gym.registry, "CartPole-v1", stock)  # as another process finds it
    assert cloudpickle.loads(sent).single().spec.max_episode_steps == 5


def test_the_key_of_a_run_covers_what_decides_it():
    same = keys()
    assert same == keys()
    assert len(set(same)) == 2
    different = [
        keys(Environment("CartPole-v0")),
        keys(Environment("CartPole-v1", None, {"sutton_barto_reward": True})),
        keys(Environment("mine", lambda: gym.make("CartPole-v1"))),
        keys(hyperparameters={"gamma": 0.9}),
        keys(algorithm="sb3:a2c", hyperparameters={"gamma": 0.98}),
        keys(algorithm=contender(0)),
        keys(algorithm=contender(1)),
        keys(steps=200_000),
        keys(seeds=(1,)),
        keys(evaluation=Evaluation(episodes=3)),
        keys(evaluation=Evaluation(deterministic=False)),
    ]
    assert len({key[0] for key in [same, *different]}) == len(different) + 1
    wrapped = [wrapper_limit(limit) for limit in (8, 9)]
    assert wrapped[0] != wrapped[1]
    references = keys(Environment("CartPole-v1", None, {}, 0.0, 500.0))
    assert references == same  # they change the scores, not the runs


def test_the_key_of_a_function_covers_what_it_leans_on(write_module):
    text = "LIMIT = {}\ndef helper(x):\n    return x + {}\ndef train(env, seed, steps):\n    return helper(LIMIT)\n"
    numbers = [(1, 1), (1, 1), (2, 1), (1, 2)]
    made = [digest(write_module(text.format(*pair), "leaning").train) for pair in numbers]
    assert made[0] == made[1]
    assert len(set(made)) == 3


def test_the_key_of_a_function_covers_modules_that_it_imports(write_module, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "__init__.py").write_text("from .deeper import SCALE\n")
    (tools / "deeper.py").write_text("SCALE = 1\n")
    (tools / "other.py").write_text("raise RuntimeError('is not imported for its name')\n")
    train = write_module(
        "def train(env, seed, steps):\n    from tools import SCALE, other\n    import missing.part\n    return SCALE\n",
        "importing",
    ).train
    keys = [digest(train)]
    for name, text in (("deeper", "SCALE = 2\n"), ("other", "raise RuntimeError('still')\n")):
        (tools / f"{name}.py").write_text(text)
        keys.append(digest(train))
    assert len({*keys}) == 3
    assert digest(train) == keys[-1]
    assert "tools" not in sys.modules


@pytest.mark.parametrize(
    "change",
    [
        {"returns": [float("inf")]},
        {"returns": [float("nan")]},
        {"returns": ["1"]},
        {"returns": 1.0},
        {"returns": []},
        {"step": 1},
        {"step": None},
        {"seconds": float("inf")},
        {"lengths": None},
        {"nonsense": 1},
    ],
)
def test_a_file_of_a_run_that_is_damaged_is_run_again(tmp_path, change):
    store = Store(tmp_path)
    points = [Point(step, 0.1 * step, 0.1 * step, [1.0], [1]) for step in (1, 2)]
    run = Run("task", "mine", 0, points, 2, 0.2, 0.2)
    store.put("key", run)
    assert store.get("key", "task", "mine", 0) == run
    values = run.as_dict()
    (tmp_path / "key.json").write_text(
        json.dumps({**values, "points": [values["points"][0], values["points"][1] | change]})
    )
    assert store.get("key", "task", "mine", 0) is None
    whole = [
        {"notes": []},
        {"ledger": []},
        {"ledger": {"learner_steps": "x"}},
        {"seed": "x"},
        {"seed": 1},
        {"agent": None},
    ]
    whole += [{"notes": {"updates": "x"}}, {"notes": {"switch": None}}, {"notes": {"pretraining": {"labels": "x"}}}]
    whole += [{end: {"seed": 1, "value": "x", "actions": []}} for end in ("best", "worst")]
    outside = [{"agent": name} for name in ("../x.zip", "/x.zip", "a/x.zip", "..")]
    texts = [json.dumps(values | forged) for forged in whole + outside]
    for text in ("{", "[]", "[" * 100_000, '{"points": 3}', "", "null", '{"points": []}', *texts):
        (tmp_path / "key.json").write_text(text)
        assert store.get("key", "task", "mine", 0) is None
