"""Plans: the TOML file and the Python objects are the same, and mistakes get a sentence."""

import copy
import re
import tomllib
from dataclasses import MISSING, fields, replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import torch

import rl_lab.compare
from rl_lab.compare import Contender, Environment, Evaluation, Plan, Question, compare_plan, load_plan
from rl_lab.compare.contenders import trainer_of
from rl_lab.compare.controls import with_controls
from rl_lab.compare.environments import Maker
from rl_lab.compare.reading import KEYS, plan_from
from rl_lab.compare.runner import all_tasks
from rl_lab.errors import LabError
from rl_lab.stages.pipeline import KINDS

TEXT = """
title = "Two learners"
steps = 4096
seeds = 12
baseline = "theirs"

[evaluation]
points = 8
episodes = 5

[hyperparameters]
num_envs = 4
n_steps = 64

[[environments]]
id = "CartPole-v1"
random = 22
optimal = 500
[environments.arguments]
sutton_barto_reward = false

[contenders.ours]
algorithm = "ppo"
gamma = 0.98

[contenders.theirs]
algorithm = "sb3:ppo"
n_steps = 128

[[questions]]
measure = "return"
claim = "equal"
margin = 0.05
"""


@pytest.fixture
def plan_file(tmp_path):
    def write(text):
        path = tmp_path / "plan.toml"
        path.write_text(text)
        return path

    return write


def contenders(*names):
    return [Contender(name, "sb3:ppo") for name in names]


def test_a_toml_plan_is_the_same_object(plan_file):
    assert load_plan(plan_file(TEXT)) == Plan(
        environments=[Environment("CartPole-v1", None, {"sutton_barto_reward": False}, 22, 500)],
        contenders=[
            Contender("ours", "ppo", {"num_envs": 4, "n_steps": 64, "gamma": 0.98}),
            Contender("theirs", "sb3:ppo", {"num_envs": 4, "n_steps": 128}),
        ],
        steps=4096,
        seeds=tuple(range(12)),
        questions=(Question("return", "equal", 0.05),),
        baseline="theirs",
        evaluation=Evaluation(8, 5),
        title="Two learners",
    )


def test_short_forms(plan_file):
    text = 'steps = 50\nseeds = [3, 5]\nenvironments = ["CartPole-v1"]\n[contenders]\na = "ppo"\nb = "mine:train"\n'
    plan = load_plan(plan_file(text))
    assert plan.seeds == (3, 5)
    assert [contender.algorithm for contender in plan.contenders] == ["ppo", "mine:train"]


def test_the_baseline_is_the_first_of_stable_baselines():
    mixed = [Contender("mine", print), Contender("a", "sb3:a2c"), Contender("b", "sb3:ppo")]
    assert Plan([Environment("x")], mixed, 100).baseline == "a"
    assert Plan([Environment("x")], [Contender("p", "ppo"), Contender("q", "ppo")], 100).baseline == "p"


def test_default_questions_need_references():
    both = contenders("a", "b")
    assert [q.measure for q in Plan([Environment("x")], both, 100).questions] == ["return", "final"]
    normalised = Plan([Environment("x", None, {}, 0, 1)], both, 100)
    assert [q.measure for q in normalised.questions] == ["return", "final", "time"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("steps = 4096", "setps = 4096", "unknown key of the plan 'setps'; did you mean 'steps'"),
        ("points = 8", "pionts = 8", "unknown key of the evaluation 'pionts'; did you mean 'points'"),
        ("num_envs = 4", "num_envs = 0", "num_envs of contender 'ours' is 0"),
        ("points = 8", "points = 0", "evaluation points is 0; it must be a whole number of at least 1"),
        ("points = 8", 'points = "8"', "evaluation points is '8'; it must be a number"),
        ("steps = 4096", "steps = -1", "steps is -1; it must be a whole number of at least 1"),
        ("seeds = 12", "seeds = 0", "seeds is 0; it must be"),
        ("seeds = 12", "seeds = [1, 1]", "none twice"),
        ("seeds = 12", "seeds = [-4]", "seed -4 is not a whole number from 0"),
        ('baseline = "theirs"', 'baseline = "thiers"', "unknown baseline 'thiers'; did you mean 'theirs'"),
        ('measure = "return"', 'measure = "retrun"', "unknown measure 'retrun'; did you mean 'return'"),
        ("margin = 0.05", "", "needs a margin"),
        ("margin = 0.05", "margin = -1", "margin is -1; it must be above 0"),
        ('measure = "return"', 'measure = "time"', "needs a threshold"),
        ('algorithm = "ppo"', "", "contender 'ours' has no algorithm"),
        ("optimal = 500", "", "has one reference"),
        ("optimal = 500", "optimal = 22", "they must differ"),
        ("optimal = 500", 'optimal = "500"', "reference optimal of environment 'CartPole-v1' is '500'; it must be a"),
        ("margin = 0.05", "margin = nan", "margin is nan; it must be a finite number"),
        ("margin = 0.05", f"margin = 1{400 * '0'}", "0…; it must be a finite number"),
        ("steps = 4096", "steps = 4096\ncontrols = 1", "controls is 1; it must be true or false"),
        ('id = "CartPole-v1"', "", "has no id"),
        ("steps = 4096", "", "'steps' is missing"),
        ("steps = 4096", "steps = ", "is not TOML"),
        ('[contenders.theirs]\nalgorithm = "sb3:ppo"\nn_steps = 128', "", "two contenders or more"),
    ],
)
def test_a_mistake_in_a_file_gets_a_sentence(plan_file, old, new, words):
    assert old in TEXT
    with pytest.raises(LabError, match=r"plan\.toml") as error:
        load_plan(plan_file(TEXT.replace(old, new, 1)))
    assert words in str(error.value)
    assert "\n" not in str(error.value) or "TOML" in words


def test_a_plan_that_is_not_there(tmp_path):
    with pytest.raises(LabError, match="there is no plan"):
        load_plan(tmp_path / "nowhere.toml")
    with pytest.raises(LabError, match="cannot be read"):
        load_plan(tmp_path)


@pytest.mark.parametrize(
    ("contender", "words"),
    [
        (Contender("a", "sb3:pppo"), "did you mean 'sb3:ppo'"),
        (Contender("a", "poo"), "unknown contender 'poo'; did you mean 'ppo'"),
        (Contender("a", "nowhere_at_all:train"), "module 'nowhere_at_all' cannot be imported"),
        (Contender("a", "json:lods"), "unknown function of json 'lods'; did you mean 'loads'"),
        (Contender("a", 17), "must be a name or a function"),
        (Contender("a", "sb3:ppo", {"gama": 1}), "unknown hyperparameter of a 'gama'; did you mean 'gamma'"),
        (Contender("a", "ppo", {"n_stepps": 1}), "did you mean 'n_steps'"),
        (Contender("a", lambda env, seed, steps: None, {"gamma": 1}), "unknown hyperparameter of a 'gamma'"),
    ],
)
def test_a_contender_that_does_not_exist(contender, words):
    with pytest.raises(LabError) as error:
        trainer_of(contender).validate()
    assert words in str(error.value)


def test_shared_names_reach_stable_baselines():
    contender = Contender("a", "sb3:ppo", {"net_arch": [32], "activation": "relu", "learning_rate": "lin_1e-3"})
    trainer_of(contender).validate()
    options = trainer_of(contender).options()
    assert options["policy_kwargs"] == {"net_arch": [32], "activation_fn": torch.nn.ReLU}
    assert options["learning_rate"](0.5) == 5e-4


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("CartPol-v1", "did you mean 'CartPole-v1'"),
        ("CartPole-v7", "did you mean 'CartPole-v1'"),
        ("rl_lab/CartPol-v1", "did you mean 'rl_lab/CartPole-v1'? If another package registers it, write the id as"),
        ("nowhere_at_all:X-v0", "module 'nowhere_at_all' cannot be imported"),
        ("Unheard-v0", "package:Unheard-v0"),
    ],
)
def test_an_environment_that_does_not_exist(name, words):
    with pytest.raises(LabError) as error:
        Maker.of(Environment(name))
    assert words in str(error.value)


def test_an_environment_that_cannot_be_made():
    with pytest.raises(LabError, match="cannot be made: TypeError"):
        Maker.of(Environment("CartPole-v1", None, {"gravty": 1})).single()
    with pytest.raises(LabError, match="must give a gymnasium"):
        Maker.of(Environment("mine", lambda: 3)).single()


def test_the_shipped_plans_are_plans_and_the_demo_is_the_example():
    package = Path(rl_lab.compare.__file__).parent
    examples = package.parents[1] / "examples"
    assert (package / "demo.toml").read_text() == (examples / "robot.toml").read_text()
    plan = load_plan(package / "demo.toml")
    assert [(q.measure, q.claim, q.margin, q.threshold) for q in plan.questions] == [
        ("return", "equal", 0.05, None),
        ("time", "better", 0.1, 0.9),
    ]
    for contender in plan.contenders:
        trainer_of(contender).validate()
    for environment in plan.environments:
        assert Maker.of(environment).batched


STAGES = """
[[contenders.ours.stages]]
stage = "demonstrations"
expert = "planner"
episodes = 2
[[contenders.ours.stages]]
stage = "clone"
"""
BAD = [True, 0, -1, 2_000_000_000, 10**400, float("nan"), float("inf"), "", "\x1b[31m", [], ["x"], [{}], {}, {"x": 1}]
BAD += [date(2020, 1, 1), None]


def places(value, at=()):
    """Where something stands in nested tables and lists."""
    yield at
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from places(value[key], (*at, key))


TABLE = tomllib.loads(TEXT.replace('algorithm = "ppo"', 'algorithm = "ppo"\nnet_arch = [8]') + STAGES)
TABLE |= {"timeout": 10.0, "keep": "best", "controls": True, "out": "out"}


@pytest.mark.parametrize("at", list(places(TABLE)), ids=lambda at: ".".join(map(str, at)) or "plan")
def test_whatever_stands_in_a_plan_it_is_a_plan_or_gets_a_sentence(at):
    said = []
    for value in BAD:
        table = {"plan": copy.deepcopy(TABLE)}
        *above, last = ("plan", *at)
        place = table
        for key in above:
            place = place[key]
        place[last] = value
        try:
            plan = with_controls(plan_from(table["plan"]))
            for contender in plan.contenders:
                trainer_of(contender).validate()
            if isinstance(plan.seeds, tuple) and len(plan.seeds) < 100:
                all_tasks(plan)
        except LabError as error:
            said.append(str(error))
    assert all(sentence.isprintable() and len(sentence) < 800 for sentence in said)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x00\x01", "is not TOML"),
        (b"\xff\xfes\x00", "is not TOML"),
        (b"steps = " + b"9" * 5_000, "is not TOML"),
        (b"steps = " + b"[" * 100_000, "nested too deeply"),
        (b"", "'environments' is missing"),
        (b"seeds = 1\nseeds = 2", "is not TOML"),
    ],
)
def test_a_file_that_is_no_plan_gets_a_sentence(tmp_path, content, words):
    (tmp_path / "plan.toml").write_bytes(content)
    with pytest.raises(LabError, match=words):
        load_plan(tmp_path / "plan.toml")


def test_a_byte_order_mark_does_not_matter(tmp_path):
    (tmp_path / "plan.toml").write_text(TEXT, encoding="utf-8-sig")
    assert load_plan(tmp_path / "plan.toml").title == "Two learners"


def rows_of(page):
    """The first cells of every table, by heading."""
    found = {}
    for part in page.split("\n## ")[1:]:
        title, _, text = part.partition("\n")
        found[title] = re.findall(r"^\| `(.+?)` \| (.+?) \|", text, re.MULTILINE)
    return found


def test_the_documented_keys_of_a_plan_are_those_that_it_may_have():
    page = (Path(rl_lab.compare.__file__).parents[2] / "docs" / "plans.md").read_text()
    rows = rows_of(page)
    stages = {(stage, key) for stage, key in rows.pop("stages")}
    assert stages == {(kind, f"`{item.name}`") for kind, stage in KINDS.items() for item in fields(stage)}
    documented = {title.lower(): [key for key, _ in table] for title, table in rows.items()}
    accepted = KEYS | {"contenders": [*KEYS["contenders"], "stages"]}
    assert {title: sorted(keys) for title, keys in documented.items()} == {
        title: sorted(keys) for title, keys in accepted.items()
    }
    for title, kind in (("questions", Question), ("evaluation", Evaluation)):
        for item, (key, default) in zip(fields(kind), rows[title], strict=True):
            assert item.name == key
            if default.startswith("`"):
                assert tomllib.loads(f"key = {default.strip('`')}")["key"] == item.default
            else:
                assert default == ("required" if item.default is MISSING else "none")


def test_the_first_example_on_plans_is_a_plan(plan_file):
    page = (Path(rl_lab.compare.__file__).parents[2] / "docs" / "plans.md").read_text()
    plan = load_plan(plan_file(re.search(r"```toml\n(.+?)```", page, re.DOTALL)[1]))
    assert [contender.name for contender in plan.contenders] == ["lab", "sb3"]


def test_numpys_numbers_make_the_same_plan():
    def plan(whole, number, switch):
        return Plan(
            [Environment("CartPole-v1", None, {}, number(0), number(500), whole(4096))],
            contenders("a", "b"),
            steps=whole(4096),
            seeds=[whole(1), whole(2)],
            questions=[Question("return", margin=number(0.5))],
            evaluation=Evaluation(whole(8), whole(5), switch(True)),
            timeout=number(60),
        )

    assert repr(plan(np.int64, np.float32, np.bool_)) == repr(plan(int, float, bool))
    assert repr(replace(plan(int, float, bool), seeds=np.int64(3)).seeds) == "(0, 1, 2)"


def test_algorithms_are_named_in_small_letters_or_capitals():
    names = {"lab": "PPO", "sb3": "SB3:A2C", "mine": "Module:Function"}
    table = {"steps": 100, "environments": ["CartPole-v1"], "contenders": names, "hyperparameters": {"gamma": 0.9}}
    lab, theirs, mine = plan_from(table).contenders
    assert (lab.algorithm, theirs.algorithm, mine.algorithm) == ("ppo", "sb3:a2c", "Module:Function")
    assert (lab.hyperparameters, theirs.hyperparameters, mine.hyperparameters) == ({"gamma": 0.9}, {"gamma": 0.9}, {})
    assert trainer_of(lab).kind.__name__ == "PPO"
    assert trainer_of(theirs).kind.__module__ == "stable_baselines3.a2c.a2c"


def test_what_is_wrong_with_a_contender_names_the_plan(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(TEXT.replace('"sb3:ppo"', '"sb3:pppo"'))
    with pytest.raises(LabError, match=r"^plan '.*mine.toml': unknown contender 'sb3:pppo'; did you mean 'sb3:ppo'"):
        compare_plan(file, tmp_path / "out")
