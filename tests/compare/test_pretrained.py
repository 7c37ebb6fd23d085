"""Pretrained contenders: what they are charged, the controls beside them, and what the report says of both."""

import json
from dataclasses import replace

import numpy as np
import pytest

from rl_lab.compare import Environment, Question, compare, compare_plan, load_plan
from rl_lab.compare.contenders import trainer_of
from rl_lab.compare.controls import controls, with_controls
from rl_lab.compare.payoff import payoffs
from rl_lab.compare.plan import Contender, Plan
from rl_lab.compare.runner import warnings
from rl_lab.errors import LabError
from rl_lab.stages import Clone, Demonstrate, Finetune, FitValue, Ledger

PLAN = """
steps = 4096
seeds = 2
baseline = "scratch"
[[environments]]
id = "rl_lab/Robot-DoorKey-5x5-v0"
random = 0.0
optimal = 1.0
[[questions]]
measure = "steps"
threshold = 0.8
[evaluation]
points = 4
episodes = 8
deterministic = false
[hyperparameters]
num_envs = 4
n_steps = 64
batch_size = 64
[contenders.scratch]
algorithm = "ppo"
[contenders.pretrained]
algorithm = "ppo"
stages = [
    { stage = "demonstrations", expert = "planner", episodes = 20 },
    { stage = "clone" },
    { stage = "value", steps = 512 },
    { stage = "finetune", warmup_steps = 512, ramp_steps = 512 },
]
"""
STAGES = [Demonstrate("planner", 20), Clone(), FitValue(steps=512), Finetune(warmup_steps=512, ramp_steps=512)]


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pretrained")
    file = folder / "plan.toml"
    file.write_text(PLAN)
    made = compare_plan(file, out=folder / "out", jobs=1, quiet=True)
    return made, folder


def runs_of(result, name):
    return [run for run in result.runs if run.contender == name]


def test_controls_stand_beside_a_pretrained_contender(result):
    made, _ = result
    names = [contender.name for contender in made.plan.contenders]
    assert names == ["scratch", "pretrained", "clone only", "shuffled", "warm-up only"]
    assert not [run.error for run in made.runs if run.failed]
    assert len(made.runs) == 10


def test_the_curve_begins_untrained_and_goes_on_where_pretraining_is_paid_for(result):
    for run in runs_of(result[0], "pretrained"):
        switch, cost = run.notes["switch"], Ledger.from_dict(run.notes["pretraining"])
        assert switch == cost.steps() == 512 + cost.demonstration_transitions
        steps = [point.step for point in run.points]
        assert steps[:3] == [0, switch - 1, switch]
        assert run.points[0].returns == run.points[1].returns
        assert np.mean(run.points[2].returns) > np.mean(run.points[0].returns) + 0.5
        assert run.points[2].seconds >= run.points[1].seconds > 0
        assert steps == sorted(steps)
        whole = Ledger.from_dict(run.ledger)
        assert whole.steps() == run.steps <= 4096
        assert whole.demonstration_transitions == cost.demonstration_transitions
    for run in runs_of(result[0], "scratch"):
        assert run.ledger["learner_steps"] == run.steps
        assert run.ledger["demonstration_transitions"] == 0
    for run in runs_of(result[0], "clone only"):
        assert [point.step for point in run.points][-4:] == [1024, 2048, 3072, 4096]  # it learns and pays nothing more
        assert run.points[-1].returns == run.points[2].returns
        assert Ledger.from_dict(run.ledger).steps() == run.notes["switch"]


def test_pretraining_varies_with_the_seed_of_the_run(result):
    first, second = (run.notes["pretraining"]["demonstration_transitions"] for run in runs_of(result[0], "pretrained"))
    assert first != second


def test_the_three_views(result):
    made, _ = result
    found = {payoff.contender: payoff for payoff in payoffs(made.plan, made.runs, made.plan.environments[0])}
    assert list(found) == ["pretrained", "clone only", "shuffled", "warm-up only"]
    payoff = found["pretrained"]
    shown = payoff.cost.demonstration_transitions
    assert payoff.reached["charged"] - payoff.reached["free"] == pytest.approx(shown)
    assert payoff.reached["teacher"] == payoff.reached["charged"]
    assert payoff.pretrained > payoff.untrained + 0.5
    mean, worst = payoff.drops
    assert 0 <= mean <= worst < 0.2
    assert payoff.repaid == 0.0
    assert found["shuffled"].pretrained < payoff.pretrained - 0.3
    assert found["clone only"].drops is None


def test_a_teacher_that_had_to_learn_is_paid_off_over_tasks(result):
    made, _ = result
    dear = [
        run.as_dict() | {"notes": run.notes | {"pretraining": run.notes["pretraining"] | {"teacher_steps": 10_000}}}
        if run.contender == "pretrained"
        else run.as_dict()
        for run in made.runs
    ]
    from rl_lab.compare.runs import Run

    runs = [Run.from_dict(values) for values in dear]
    payoff = payoffs(made.plan, runs, made.plan.environments[0])[0]
    assert payoff.reached["teacher"] == payoff.reached["charged"] + 10_000
    assert payoff.repaid > 1


def test_the_report_shows_it_and_nothing_runs_twice(result):
    _, folder = result
    page = (folder / "out" / "report.html").read_text()
    for words in (
        "Did pretraining pay?",
        "Pretraining raised the score of pretrained from",
        "demonstrations free",
        "expert charged",
        "clone only",
    ):
        assert words in page
    before = {file: file.stat().st_mtime_ns for file in (folder / "out" / "runs").iterdir()}
    compare_plan(folder / "plan.toml", out=folder / "out", quiet=True)
    assert before == {file: file.stat().st_mtime_ns for file in (folder / "out" / "runs").iterdir()}
    verdicts = json.loads((folder / "out" / "verdicts.json").read_text())
    assert verdicts


def test_controls_by_their_stages():
    contender = Contender("mine", "ppo", {"gamma": 0.9, "stages": STAGES})
    named = {control.name: control.hyperparameters for control in controls(contender)}
    assert named["scratch"] == {"gamma": 0.9}
    assert named["clone only"]["stages"] == STAGES[:2]
    assert named["shuffled"]["stages"][0] == Demonstrate("planner", 20, shuffled=True)
    assert named["warm-up only"]["stages"] == [Finetune(warmup_steps=512, ramp_steps=512, kl_coef=0.0, fall_back=0)]
    plan = Plan([Environment("CartPole-v1")], [contender, Contender("scratch", "sb3:ppo")], steps=100_000)
    whole = with_controls(plan)
    names = [each.name for each in whole.contenders]
    assert names == ["mine", "scratch", "scratch (mine)", "clone only", "shuffled", "warm-up only"]
    assert whole.contenders[1].algorithm == "sb3:ppo"  # what the plan calls so stays
    assert whole.challengers == ["mine"]  # nothing is asked about controls
    other = Contender("other", "ppo", {"gamma": 0.8, "stages": STAGES})
    both = with_controls(Plan([Environment("CartPole-v1")], [contender, other], steps=100_000)).contenders
    assert [each.name for each in both[2:6]] == [f"{name} (mine)" for name in named]
    assert all(each.hyperparameters["gamma"] == 0.8 for each in both[6:])
    assert warnings(whole)[-1].startswith("40 of 60 runs are controls (scratch (mine), clone only, shuffled, warm-up")
    alone = with_controls(replace(plan, controls=False))
    assert alone.contenders == plan.contenders
    assert warnings(alone) == []
    plain = Plan([Environment("CartPole-v1")], [Contender("a", "ppo"), Contender("b", "ppo")], steps=100_000)
    assert with_controls(plain) is plain


def test_bad_stages_get_a_sentence(tmp_path):
    def refused(stages, algorithm="ppo", steps=4096):
        options = {"num_envs": 4, "n_steps": 64}
        return compare(
            "rl_lab/Robot-DoorKey-5x5-v0",
            {"bad": (algorithm, options | {"stages": stages}), "other": ("ppo", options)},
            steps=steps,
            seeds=1,
            points=2,
            episodes=2,
            out=tmp_path / "out",
            jobs=1,
            quiet=True,
        )

    with pytest.raises(LabError, match="contender 'bad': stage 'clone' needs demonstrations"):
        refused([{"stage": "clone"}])
    with pytest.raises(LabError, match="contender 'bad' has stages, which go with a2c and ppo, and not with 'sb3:ppo'"):
        refused(STAGES, "sb3:ppo")
    with pytest.raises(LabError, match="contender 'bad' has stages, which go with a2c and ppo, and not with 'dqn'"):
        trainer_of(Contender("bad", "dqn", {"stages": STAGES})).validate()
    with pytest.raises(LabError, match="stages of contender 'bad' are 3; give a list"):
        refused(3)
    with pytest.raises(LabError, match="the stages of bad cost at least 788 steps, of which 256 are one rollout, and"):
        refused(STAGES, steps=600)
    made = refused(STAGES, steps=800)  # the demonstrations take more than a step each
    assert "steps are left for stage 'finetune'" in next(run.error for run in made.runs if run.contender == "bad")


def test_plans_with_stages_are_read(tmp_path):
    file = tmp_path / "plan.toml"
    file.write_text(PLAN.replace('stage = "clone"', 'stage = "clone", epochs = 3'))
    with pytest.raises(LabError, match="contender 'pretrained': stage 'clone' has no setting 'epochs'"):
        compare_plan(load_plan(file), quiet=True)


def test_contenders_that_are_judged_more_often_gain_nothing_by_it(tmp_path):
    """PPO as a stage, with every help off, is PPO: the same steps to any threshold."""
    options = {"num_envs": 4, "n_steps": 64, "batch_size": 64}
    plain = Finetune(warmup_steps=0, ramp_steps=0, kl_coef=0.0, fall_back=0)
    made = compare(
        "rl_lab/CartPole-v1",
        {"scratch": ("ppo", options), "staged": ("ppo", options | {"stages": [plain]})},
        steps=20_000,
        seeds=3,
        points=4,
        episodes=5,
        references=(22.0, 500.0),
        questions=[Question("steps", threshold=0.2, margin=0.1), Question("return", margin=0.05)],
        baseline="scratch",
        out=tmp_path / "out",
        jobs=1,
        quiet=True,
    )
    assert not [run.error for run in made.runs if run.failed]
    for verdict in made.verdicts:
        assert verdict.value == pytest.approx(verdict.against, rel=0.02)
    assert len(runs_of(made, "staged")[0].points) > len(runs_of(made, "scratch")[0].points)


@pytest.mark.parametrize(
    ("stage", "told"),
    [
        (Demonstrate("test_pretrained:nobody", 2), "'test_pretrained:nobody' cannot be imported"),
        (Demonstrate("test_pretrained:outside", 2), "the expert answered 9 at step 0"),
        (Demonstrate("test_pretrained:broken", 2), "ZeroDivisionError"),
        (Demonstrate(dataset="nobody/made-v0"), "data set 'nobody/made-v0' cannot be read"),
    ],
)
def test_experts_are_tried_out_before_anything_is_trained(stage, told, tmp_path):
    with pytest.raises(LabError) as error:
        compare(
            "rl_lab/Robot-Empty-5x5-v0",
            {"scratch": ("ppo", {"n_steps": 64}), "mine": ("ppo", {"n_steps": 64, "stages": [stage, Clone()]})},
            steps=2048,
            seeds=1,
            points=1,
            out=tmp_path / "out",
            jobs=1,
            quiet=True,
        )
    assert told in str(error.value)
    assert not list((tmp_path / "out" / "runs").glob("*")) if (tmp_path / "out" / "runs").exists() else True


def outside(observation, info):
    return 9


def broken(observation, info):
    return 1 // 0


def test_whether_pretraining_pays_is_asked_about_steps():
    contenders = [Contender("scratch", "ppo"), Contender("mine", "ppo", {"stages": STAGES})]
    plan = Plan([Environment("a", None, {}, 0.0, 1.0)], contenders, steps=100_000)
    for each in (plan, replace(plan, timeout=9.0, out="out")):
        assert [question.measure for question in with_controls(each).questions] == ["return", "final", "steps"]
    given = Plan(
        [Environment("a", None, {}, 0.0, 1.0)], contenders, steps=100_000, questions=[Question("time", threshold=0.5)]
    )
    assert [question.measure for question in with_controls(given).questions] == ["time"]
