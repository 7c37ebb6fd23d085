"""Pretrained contenders: what they are charged, the controls beside them, and what the report says of both."""

import json
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from rl_lab.compare import Environment, Question, compare, compare_plan, load_plan
from rl_lab.compare.contenders import trainer_of
from rl_lab.compare.controls import controls, with_controls
from rl_lab.compare.payoff import payoffs
from rl_lab.compare.plan import Contender, Plan
from rl_lab.compare.progress import Display
from rl_lab.compare.runner import _Campaign, all_tasks, warnings
from rl_lab.compare.runs import Store
from rl_lab.errors import LabError
from rl_lab.sb3 import pretrain
from rl_lab.stages import Clone, Demonstrate, Finetune, FitValue, Ledger, experts

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
    plan = Plan([Environment("a")], [contender, Contender("scratch", "sb3:ppo")], steps=100_000)
    whole = with_controls(plan)
    names = [each.name for each in whole.contenders]
    assert names == ["mine", "scratch", "scratch (mine)", "clone only", "shuffled", "warm-up only"]
    assert whole.contenders[1].algorithm == "sb3:ppo"  # what the plan calls so stays
    assert whole.challengers == ["mine"]  # nothing is asked about controls
    other = Contender("other", "ppo", {"gamma": 0.8, "stages": STAGES})
    both = with_controls(Plan([Environment("a")], [contender, other], steps=100_000)).contenders
    assert [each.name for each in both[2:6]] == [f"{name} (mine)" for name in named]
    assert all(each.hyperparameters["gamma"] == 0.8 for each in both[6:])
    assert warnings(whole)[-1].startswith("40 of 60 runs are controls (scratch (mine), clone only, shuffled, warm-up")
    alone = with_controls(replace(plan, controls=False))
    assert alone.contenders == plan.contenders
    assert warnings(alone) == []
    plain = Plan([Environment("a")], [Contender("a", "ppo"), Contender("b", "ppo")], steps=100_000)
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
    options = {"steps": 2600, "seeds": 1, "points": 2, "episodes": 1, "controls": False, "jobs": 1, "quiet": True}
    made = compare("CartPole-v1", contenders, out=tmp_path / "out", **options)
    assert "pretraining took all 2600 steps of the budget" in runs_of(made, "too much")[0].error
    for name in contenders.keys() - {"too much"}:
        (run,) = runs_of(made, name)
        assert not run.error
        cost = Ledger.from_dict(run.notes["pretraining"])
        assert run.ledger["demonstration_transitions"] == cost.demonstration_transitions > 300
        assert cost.learner_steps == {"pretrained": 512, "wrapped": 256}.get(name, 0)
        assert run.notes["switch"] == cost.learner_steps + cost.demonstration_transitions
        assert run.ledger["learner_steps"] + cost.demonstration_transitions == run.steps <= 2600
        assert [point.step for point in run.points][:3] == [0, run.notes["switch"] - 1, run.notes["switch"]]
        assert np.mean(run.points[2].returns) > 450
    assert np.mean(runs_of(made, "pretrained")[0].points[0].returns) < 100


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
