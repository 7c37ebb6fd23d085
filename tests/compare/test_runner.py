"""Running: processes, what is kept, what fails, and scripts as people write them."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import cloudpickle
import gymnasium as gym
import pytest
from gymnasium.envs.registration import WrapperSpec

from rl_lab.compare import Contender, Environment, Evaluation, Plan, Run, compare
from rl_lab.compare.environments import Maker
from rl_lab.compare.measure import Point
from rl_lab.compare.progress import Display
from rl_lab.compare.runner import all_tasks, warnings
from rl_lab.compare.runs import Store
from rl_lab.errors import LabError
from rl_lab.files import PARTIAL, locked
from rl_lab.fingerprint import digest


class Fixed:
    def __init__(self, action):
        self.action = action

    def predict(self, observation, deterministic=True):
        return self.action, None


def contender(action, folder=None, end=None):
    """Takes its steps at random and always returns the same policy; leaves a file for each time that it ran."""

    def train(env, seed, steps):
        if folder is not None:
            (folder / f"{action}-{seed}-{time.time_ns()}").touch()
        if end is not None:
            end(seed)
        env.reset(seed=seed)
        for _ in range(steps):
            if env.step(env.action_space.sample())[2]:
                env.reset()
        return Fixed(action)

    return train


def killed(seed):
    if seed == 1:
        os.kill(os.getpid(), signal.SIGSEGV)


def raising(seed):
    if seed == 1:
        raise RuntimeError("the second seed is bad")


def leaving(seed):
    os._exit(0)


def options(**more):
    return {"steps": 40, "points": 2, "episodes": 2, "jobs": 1, "quiet": True, **more}


def test_finished_runs_are_kept_and_only_what_is_new_or_failed_is_run(tmp_path):
    ran = tmp_path / "ran"
    ran.mkdir()
    both = {"left": contender(0, ran), "bad": contender(1, ran, raising)}
    out = tmp_path / "out"
    first = compare("CartPole-v1", both, seeds=2, out=out, **options())
    assert len(list(ran.iterdir())) == 4
    assert [(run.contender, run.seed, run.failed) for run in first.runs] == [
        ("left", 0, False), ("left", 1, False), ("bad", 0, False), ("bad", 1, True),
    ]  # fmt: skip
    line = raising.__code__.co_firstlineno + 2
    assert first.failures == [
        f"FAILED  bad on CartPole-v1, seed 1: RuntimeError: the second seed is bad (test_runner.py, line {line})"
    ]
    assert "raise RuntimeError" in first.runs[3].traceback
    assert {path.name for path in out.iterdir()} >= {"report.html", "runs.csv", "verdicts.json"}

    again = compare("CartPole-v1", both | {"bad": contender(1, ran)}, seeds=3, out=out, **options())
    assert len(list(ran.iterdir())) == 4 + 1 + 3  # the third seed of both, and the contender that changed from seed 0
    assert not again.failures
    assert again.runs[0] == first.runs[0]


def test_a_run_that_crashes_takes_nothing_with_it():
    names = {"left": contender(0), "crashes": contender(1, None, killed), "leaves": contender(1, None, leaving)}
    result = compare("CartPole-v1", names, seeds=2, **options())
    failed = {(run.contender, run.seed): run.error for run in result.runs if run.failed}
    again = "; running the comparison again repeats only what failed"
    assert failed == {
        ("crashes", 1): f"the process of the run was ended by SIGSEGV{again}",
        ("leaves", 0): f"the contender ended its process, with exit code 0{again}",
        ("leaves", 1): f"the contender ended its process, with exit code 0{again}",
    }
    assert "FAILED  crashes" in result.verdict


def test_what_draws_from_the_streams_of_the_process_draws_by_its_seed(tmp_path):
    def train(env, seed, steps, name):
        import random

        import numpy as np
        import torch

        draws = [random.random(), float(np.random.rand()), float(torch.rand(()))]
        (tmp_path / f"{name}-{seed}").write_text(json.dumps(draws))
        return Fixed(0)

    names = {name: (train, {"name": name}) for name in ("one", "other")}
    compare("CartPole-v1", names, seeds=2, out=tmp_path / "out", **options())
    first, second = ([json.loads((tmp_path / f"{name}-{seed}").read_text()) for seed in (0, 1)] for name in names)
    assert first == second
    assert not set(first[0]) & set(first[1])


SCRIPT = """
import gymnasium as gym
import numpy as np
from rl_lab.compare import compare

class Corridor(gym.Env):
    observation_space = gym.spaces.Box(0, 9, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place = 0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.place = max(self.place + 2 * action - 1, 0)
        return np.full(1, self.place, np.float32), float(self.place == 9), self.place == 9, False, {}

    @classmethod
    def limited(cls):
        return gym.wrappers.TimeLimit(cls(), 20)

gym.register("Corridor-v0", "__main__:Corridor", max_episode_steps=30)

def make(action):
    def walk(env, seed, steps):
        env.reset()
        for _ in range(steps):
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()
        class Model:
            predict = staticmethod(lambda observation: action)
        print("printed by a contender")
        return Model()
    return walk

result = compare(["Corridor-v0", Corridor.limited], {"right": make(1), "left": make(0)}, steps=60, seeds=2, points=2,
                 episodes=2, jobs=1, quiet=True, references=(0, 1))
print([run.points[-1].returns for run in result.runs])
print(result.verdict)
result.save("report.html")
"""


def test_a_script_without_main_guard_with_closures_and_environments_of_its_own(python, tmp_path):
    printed = python(SCRIPT, RL_LAB_CACHE=str(tmp_path / "cache"))
    right, left = [[1.0, 1.0]] * 2, [[0.0, 0.0]] * 2
    assert str([*right, *left, *right, *left]) in printed
    assert "Corridor-v0" in printed
    assert "limited  ·  2 paired seeds" in printed
    assert "a smoke test: 2 seeds of the 10" in printed
    assert "printed by a contender" not in printed
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")
    assert len(list((tmp_path / "cache" / "compare" / "runs").iterdir())) == 8  # without `out`, kept in the cache


NOTEBOOK = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for cell in ['''
import gymnasium as gym
import numpy as np
from rl_lab import jit
from rl_lab.compare import compare
''', '''
def forward(place, action):
    return place + 2.0 * action - 1.0
''', '''
class Corridor(gym.Env):
    observation_space = gym.spaces.Box(-99, 99, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def __init__(self):
        self.forward = jit.specialize(forward)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place = 0.0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.place = self.forward(self.place, float(action))
        return np.full(1, self.place, np.float32), self.place, abs(self.place) >= 3, False, {}

gym.register("Corridor-v0", Corridor, max_episode_steps=5)
gym.register("Corridor-v1", "__main__:Corridor", max_episode_steps=5)
''', '''
class Always:
    def __init__(self, action):
        self.action = action
    def predict(self, observation):
        return self.action

def right(env, seed, steps):
    return Always(1)

def left(env, seed, steps):
    return Always(0)

result = compare(["Corridor-v0", "Corridor-v1", Corridor], {"right": right, "left": left}, steps=10, seeds=1, points=1,
                 episodes=1, jobs=1, quiet=True)
''']:
    shell.run_cell(cell, store_history=True).raise_error()
print([run.error or run.points[-1].returns for run in shell.user_ns["result"].runs])
"""


def test_a_notebook_with_environments_and_kernels_of_its_own(python, tmp_path):
    assert str([[6.0], [-6.0]] * 3) in python(NOTEBOOK, RL_LAB_CACHE=str(tmp_path / "cache"))


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


def test_files_of_others_are_not_replaced(tmp_path):
    (tmp_path / "report.html").write_text("precious")
    with pytest.raises(LabError, match=r"holds report\.html, which no comparison wrote there; name another folder"):
        compare("CartPole-v1", {"a": contender(0), "b": contender(1)}, seeds=1, out=tmp_path, **options())
    assert (tmp_path / "report.html").read_text() == "precious"


def test_a_rule_of_thumb_is_a_contender(tmp_path):
    result = compare(
        "CartPole-v1",
        {"always left": lambda env, seed, steps: Fixed(0), "trained": contender(1)},
        seeds=1,
        out=tmp_path / "out",
        **options(),
    )
    assert not any(run.failed for run in result.runs)
    assert next(run for run in result.runs if run.contender == "always left").steps == 0


def running(pid):
    """Whether a process is more than a corpse that nobody has buried yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def test_ctrl_c_keeps_finished_runs_and_leaves_no_process(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import os, sys, time\n"
        "from rl_lab.compare import compare\n"
        "class Model:\n    predict = staticmethod(lambda observation: 0)\n"
        "def quick(env, seed, steps):\n    env.reset(); env.step(0)\n    return Model()\n"
        "def slow(env, seed, steps):\n    open(f'{seed}.pid', 'w').write(str(os.getpid())); time.sleep(600)\n"
        "compare('CartPole-v1', {'quick': quick, 'slow': slow}, steps=40, seeds=2, points=1, out='out', jobs=2)\n"
    )
    process = subprocess.Popen(
        [sys.executable, str(script)],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    runs, waited = tmp_path / "out" / "runs", time.monotonic() + 60
    while len(list(tmp_path.glob("*.pid"))) < 2 and time.monotonic() < waited:
        time.sleep(0.1)
    with pytest.raises(LabError, match="in use by another run"), locked(tmp_path / "out"):
        pass
    process.send_signal(signal.SIGINT)
    _, printed = process.communicate(timeout=20)
    assert "KeyboardInterrupt" in printed
    assert [json.loads(path.read_text())["contender"] for path in runs.iterdir()] == ["quick", "quick"]
    for path in tmp_path.glob("*.pid"):
        assert not running(int(path.read_text()))


def test_an_output_folder_in_use_is_refused(tmp_path):
    with locked(tmp_path), pytest.raises(LabError, match="is in use by another run"):
        compare("CartPole-v1", {"a": contender(0), "b": contender(1)}, seeds=1, out=tmp_path, **options())
    (tmp_path / "file").touch()
    with pytest.raises(LabError, match="cannot be made"):
        compare("CartPole-v1", {"a": contender(0), "b": contender(1)}, seeds=1, out=tmp_path / "file", **options())


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


def bad_news(env, seed, steps):
    raise RuntimeError("[/b] \x1b[31mred\x07")


def test_names_and_messages_of_others_are_shown_as_they_are(capsys, tmp_path):
    names = {"a[/b]": contender(0), "[red]": bad_news}
    result = compare("CartPole-v1", names, seeds=1, out=tmp_path / "[/out]", **options(quiet=False))
    shown = capsys.readouterr().err + result.verdict
    assert "a[/b] on CartPole-v1, seed 0: return" in shown
    assert "[red] on CartPole-v1, seed 0: RuntimeError: [/b] \\x1b[31mred\\x07" in shown
    assert "\x1b" not in shown
    with pytest.raises(LabError, match="needs a name, as text without control characters"):
        compare("CartPole-v1", {"\x1b[31m": contender(0), "b": contender(1)}, seeds=1, **options())


def test_a_full_bar_of_names_in_markup(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    both = [Contender("a[/b]", contender(0)), Contender("[bold", contender(1))]
    tasks = all_tasks(Plan([Environment("CartPole-v1")], both, 40, 1, evaluation=Evaluation(2, 2)))
    with Display(tasks, 1) as view:
        view.compiling("a[/b] on [/c]")
        view.step(tasks[0].job, 20, 1.0)
        view.say("[/d]")
        table = view.progress.make_tasks_table(view.progress.tasks)
    assert table.row_count == 4


def test_a_full_disk_ends_a_comparison_with_a_sentence_and_finished_runs_stay(tmp_path, monkeypatch):
    real, out = os.fsync, tmp_path / "out"

    def full(descriptor):
        if len(list((out / "runs").glob("*.json"))) == 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    both = {"a": contender(0), "b": contender(1)}
    with pytest.raises(LabError, match=r"No space left on device; .*; the runs that finished before") as error:
        compare("CartPole-v1", both, seeds=1, out=out, **options())
    assert "\n" not in str(error.value)
    assert [file.suffix for file in (out / "runs").iterdir()] == [".json"]
    monkeypatch.undo()
    (out / "agents").mkdir()
    for name in ("runs", "agents"):
        (out / name / f".left{PARTIAL}").touch()  # by a process that was killed
    again = compare("CartPole-v1", both, seeds=1, out=out, **options())
    assert not again.failures
    assert sorted(file.suffix for file in (out / "runs").iterdir()) == [".json", ".json"]
    assert not any((out / "agents").iterdir())


def test_a_run_of_which_nothing_is_heard_is_mentioned_once(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("rl_lab.compare.runner.SILENCE", 0.5)

    def slow(env, seed, steps):
        time.sleep(2)
        return Fixed(0)

    compare("CartPole-v1", {"slow": slow, "fixed": slow}, seeds=1, **options(quiet=False, out=tmp_path))
    shown = capsys.readouterr().err
    assert shown.count("of slow on CartPole-v1, seed 0; if it hangs, stop the comparison and start it again") == 1


def test_runs_use_the_values_that_a_script_has_set_in_modules(tmp_path, python):
    (tmp_path / "settings_of_mine.py").write_text("ACTION = 0\nclass Options:\n    action = 0\n")
    (tmp_path / "worlds_of_mine.py").write_text(
        "import gymnasium as gym\n"
        "from gymnasium.envs.classic_control import CartPoleEnv\n"
        "SCALE = 1.0\n"
        "class World(CartPoleEnv):\n"
        "    def step(self, action):\n"
        "        seen, reward, *rest = super().step(action)\n"
        "        return seen, SCALE * reward, *rest\n"
        "gym.register('OfMine-v0', 'worlds_of_mine:World', max_episode_steps=20)\n"
    )
    printed = python(
        """
        import settings_of_mine, worlds_of_mine
        from rl_lab.compare import compare

        class Fixed:
            def __init__(self, action):
                self.action = action
            def predict(self, observation, deterministic=True):
                return self.action, None

        def one(env, seed, steps):
            return Fixed(settings_of_mine.ACTION)

        def other(env, seed, steps):
            return Fixed(settings_of_mine.Options.action)

        if __name__ == "__main__":
            def returns():
                contenders = {"one": one, "other": other}
                result = compare("OfMine-v0", contenders, steps=100, seeds=1, points=1, jobs=1, quiet=True, out="out")
                return [run.points[-1].returns for run in result.runs]
            first = returns()
            worlds_of_mine.SCALE = 2.0
            doubled = returns()
            assert doubled == [[2 * value for value in run] for run in first]
            settings_of_mine.ACTION = settings_of_mine.Options.action = 1
            assert [one != two for one, two in zip(returns(), doubled)] == [True, True]
            worlds_of_mine.SCALE, settings_of_mine.ACTION, settings_of_mine.Options.action = 1.0, 0, 0
            assert returns() == first
            print("alike")
        """
    )
    assert "alike" in printed
