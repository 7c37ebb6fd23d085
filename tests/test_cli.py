"""The command line: what works prints its result, what does not prints one sentence and exits with 2."""

import importlib.metadata
import json
import logging
import os
import re
import subprocess
import sys

import pytest

from rl_lab.cli import Printable
from rl_lab.cli.app import app
from rl_lab.cli.overview import COMMANDS

DOORKEY = "rl_lab/Robot-DoorKey-5x5-v0"
CARTPOLE = ["train", "ppo", "--env", "rl_lab/CartPole-v1"]
SMALL = ["--num-envs", "4", "--n-steps", "32", "--batch-size", "64", "--quiet"]


def lab(*words, cwd=None, columns="200"):
    command = [sys.executable, "-m", "rl_lab.cli", *map(str, words)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": columns, "NO_COLOR": "1"}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli") / "run"
    done = lab("train", "ppo", "--env", "rl_lab/CartPole-v1", "--steps", "1e3", "--seed", 2, "--out", folder, *SMALL)
    assert done.returncode == 0, done.stderr
    assert "1024 steps" in done.stdout
    return folder


def test_a_run_is_evaluated(run):
    done = lab("eval", run, "--episodes", 5, "--json")
    result = json.loads(done.stdout)
    assert len(result["returns"]) == 5
    assert result["mean"] == pytest.approx(sum(result["returns"]) / 5)
    assert result["returns"] == [float(length) for length in result["lengths"]]
    assert lab("eval", run, "--episodes", 5, "--json").stdout == done.stdout
    assert "5 episodes of rl_lab/CartPole-v1" in lab("eval", run, "--episodes", 5).stdout


def test_signs_that_an_encoding_does_not_have_are_escaped(run, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    done = lab("eval", run, "--episodes", 2)
    assert (done.returncode, done.stderr) == (0, "")
    assert r" \xb1 " in done.stdout  # ±


@pytest.mark.skipif(os.name == "nt", reason="sh closes the stream")
@pytest.mark.parametrize("words", ["drive rl_lab/Robot-Empty-5x5-v0", "play go --size 5 --agent random"])
def test_input_that_the_shell_closed_ends_a_game(words):
    command = ["sh", "-c", f'"{sys.executable}" -m rl_lab.cli {words} <&-']
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0)
    assert "the input ended" in done.stdout or "You leave the game" in done.stdout


def test_a_run_is_evaluated_with_other_arguments_of_its_environment(run):
    done = lab("eval", run, "--episodes", 5, "--env-arg", "max_steps=3", "--json")
    assert json.loads(done.stdout)["lengths"] == [3] * 5
    wrong = lab("eval", run, "--env-arg", "max_stepz=3")
    assert wrong.returncode == 2
    assert "max_stepz" in wrong.stderr


def test_an_environment_is_given_in_its_place_or_as_an_option():
    for words in (["rl_lab/Nope-v1"], ["--env", "rl_lab/Nope-v1"]):
        for command in (["train", "ppo", "--steps", 64, "--out", "x"], ["profile"], ["drive"]):
            done = lab(*command, *words)
            assert done.returncode == 2
            assert "Nope" in done.stderr


def test_the_version_is_the_installed_one():
    assert lab("--version").stdout == f"rl-lab {importlib.metadata.version('rl-lab')}\n"


def test_a_run_on_a_module_of_the_users_is_evaluated_where_they_name_it(tmp_path):
    (tmp_path / "stranger.py").write_text(
        "import gymnasium\ngymnasium.register('Strange-v0', 'gymnasium.envs.classic_control:CartPoleEnv')\n"
    )
    env = "stranger:Strange-v0"
    done = lab("train", "ppo", env, "--steps", 128, "--out", "run", *SMALL, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for command in (["eval", "run", "--episodes", 2], ["train", "--resume", "run", "--quiet"]):
        refused = lab(*command, cwd=tmp_path)
        assert refused.returncode == 2
        assert f"--env {env}" in refused.stderr
        named = lab(*command, "--env", env, cwd=tmp_path)
        assert named.returncode == 0, named.stderr
    assert "Traceback" not in lab("gtp", "--agent", "run", "--env", env, cwd=tmp_path).stderr


def test_help_has_every_command_and_examples_on_one_screen():
    done = lab("--help")
    assert done.returncode == 0
    assert set(re.findall(r"^  ([a-z]+)  ", done.stdout, re.MULTILINE)) == set(app._subcommands)
    assert "rl-lab train ppo --env" in done.stdout
    lines = done.stdout.splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 80
    assert lab("-h").stdout == done.stdout
    without = lab()
    assert (without.returncode, without.stdout, without.stderr) == (2, "", done.stdout)
    assert "--learning-rate" in lab("train", "--help").stdout
    wrong = lab("trian")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr == f"rl-lab: there is no command 'trian'; choose one of {', '.join(COMMANDS)}\n"


@pytest.mark.parametrize("columns", ["1", "7"])
def test_help_in_a_window_of_few_columns_has_40(columns):
    done = lab("eval", "--help", columns=columns)
    assert done.returncode == 0
    assert "│ PATH            folder of a run, or  │" in done.stdout
    assert {len(line) for line in done.stdout.splitlines() if line[:1] in tuple("╭│╰")} == {40}


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="a folder in which even root cannot write")
@pytest.mark.parametrize(
    ("words", "folder", "option"),
    [
        (["approximate", "x", "--page", "/proc/self/page.html"], "/proc/self", "--page"),
        (["approximate", "x", "--out", "/proc/self/out"], "/proc/self/out", "--out"),
        (["learn", "digits", "--out", "/proc/self/out"], "/proc/self/out", "--out"),
        ([*CARTPOLE, "--steps", "9", "--out", "/proc/self/out"], "/proc/self/out", "another folder"),
    ],
)
def test_folders_that_cannot_be_written_to_are_refused_before_the_work(words, folder, option, tmp_path):
    done = lab(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert folder in done.stderr
    assert option in done.stderr
    assert "compiling" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [["a2c", "--help"], ["--quiet", "A2C", "-h"]])
def test_help_of_an_algorithm_has_its_hyperparameters(words):
    shown = lab("train", *words).stdout
    assert "--use-rms-prop" in shown
    assert "--n-epochs" not in shown


def test_help_stays_cheap():
    code = "import sys, rl_lab.cli; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split()
    assert not {"torch", "stable_baselines3", "numba", "matplotlib", "scipy", "jinja2"} & set(loaded)


def test_arguments_of_environments_and_modules_of_the_working_folder(tmp_path):
    (tmp_path / "my_package.py").write_text(
        "import gymnasium as gym\n"
        "gym.register('Mine-v0', 'gymnasium.envs.classic_control.cartpole:CartPoleEnv', max_episode_steps=20)\n"
    )
    words = ["--steps", 128, "--out", tmp_path / "run", *SMALL]
    done = lab("train", "ppo", "--env", "my_package:Mine-v0", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    words = ["--env-arg", "max_steps=7", "--steps", 128, "--out", tmp_path / "short", *SMALL]
    assert lab("train", "ppo", "--env", "rl_lab/CartPole-v1", *words).returncode == 0
    assert set(json.loads(lab("eval", tmp_path / "short", "--episodes", 3, "--json").stdout)["lengths"]) == {7}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "ppo"], "--env, --steps, --out"),
        (["train", "ppo", "--env", "Nope-v3", "--steps", "10", "--out", "x"], "Nope-v3"),
        ([*CARTPOLE, "--steps", "0", "--out", "x"], "steps=0"),
        ([*CARTPOLE, "--steps", "-4", "--out", "x"], "steps=-4"),
        ([*CARTPOLE, "--steps", "9", "--out", "x", "--num-envs", "0"], "num_envs=0"),
        ([*CARTPOLE, "--steps", "9", "--out", "x", "--env-arg", "size"], "key=value"),
        ([*CARTPOLE, "--steps", "9", "--out", "x", "--env-arg", "size=3"], "size"),
        ([*CARTPOLE, "--steps", "9", "--out", "x", "--env-arg", f"size={'[' * 50_000}"], "size"),
        ([*CARTPOLE, "--steps", "9", "--out", "x", "--env-arg", f"size={'1' * 5_000}"], "size"),
        ([*CARTPOLE, "--steps", "9", "--out", "x", "--learning-rate", "quick"], "quick"),
        ([*CARTPOLE, "--steps", "9", "--out", "x", "--zork", "1"], "zork"),
        ([*CARTPOLE, "--use-rms-prop"], "--use-rms-prop is a hyperparameter of a2c, and not of ppo; leave it out"),
        (["train", "A2C", "X-v0", "--n-epochs=2"], "--n-epochs is a hyperparameter of ppo, and not of a2c; leave it"),
        ([*CARTPOLE, "--steps", "9", "--out", "x", "--env-arg", "a=1", "a=2"], "twice, the second time as 'a=2'"),
        ([*CARTPOLE, "--steps", "9", "--out", ""], "an empty path is not allowed"),
        ([*CARTPOLE, "--steps", "9", "--out", "x", "--stages="], "an empty path is not allowed"),
        (["train", "--resume", ""], "an empty path is not allowed"),
        (["eval", ""], "an empty path is not allowed"),
        (["compare", ""], "an empty path is not allowed"),
        (["compare", "plan.toml", "--out", ""], "an empty path is not allowed"),
        (["verdict", "a.npz", "--against", ""], "for arguments: ['']"),
        (["listen", "a.wav", "--model", ""], "an empty path is not allowed"),
        (["generate", "digits", "--out", ""], "an empty path is not allowed"),
        (["approximate", "x", "--page", ""], "an empty path is not allowed"),
        (["play", "go", "--sgf", ""], "an empty path is not allowed"),
        (["match", "random", "random", "--out", ""], "an empty path is not allowed"),
        (["train", "--resume", "nowhere"], "holds no run"),
        (["train", "--resume", "nowhere", "--gamma", "0.99"], "--gamma does not go with --resume"),
        (["train", "--resume", "nowhere", "--seed", "0"], "--seed does not go with --resume"),
        (["train", "--resume", "nowhere", "--num-envs=4"], "--num-envs does not go with --resume"),
        (["train", "--resume", "nowhere", "--engine", "torch"], "--engine does not go with --resume"),
        (["train", "ppo", "A-v0", "--env", "B-v0", "--steps", "1"], "two environments were given, A-v0 and --env B-v0"),
        (["profile"], "profile needs an environment"),
        (["train", "ppo", "X-v0", "--steps", "1.5", "--out", "x"], "1.5 is not a whole number"),
        (["train", "ppo", "X-v0", "--steps", "1e999", "--out", "x"], "1e999 is not a whole number"),
        (["train", "ppo", "--env", "CartPole-v1", "--env-arg", "sise=4", "--steps", "9", "--out", "x"], "sise"),
        (["eval", "nowhere"], "is not there"),
        (["eval", "."], "no checkpoint"),
        (["compare", "nowhere.toml"], "nowhere.toml"),
        (["profile", "Nope-v3"], "Nope-v3"),
        (["verdict", "a.npz", "--against", "b.npz"], "a.npz"),
        (["demos", "CartPole-v1", "--expert", "planner", "--out", "a-v0"], "expert 'planner' is unknown to"),
        (["demos", DOORKEY, "--expert", "planer", "--out", "a-v0"], "expert 'planer' is unknown"),
        (["demos", DOORKEY, "--expert", "nowhere:act", "--out", "a-v0"], "expert 'nowhere:act' cannot be imported"),
        (["demos", DOORKEY, "--expert", "planner", "--out", "no name"], "is not a name of a data set"),
        (["demos", DOORKEY, "--expert", "planner", "--out", "a-v0", "--episodes", "0"], "episodes=0"),
        (["learn", "digits", "--splits", "1"], "splits=1 is not allowed"),
        (["learn", "faces", "--seed", "-1"], "seed=-1 is not allowed; it must be from 0 to 4,294,967,295"),
        (["generate", "digits", "--samples", "1000000000000"], "samples=1000000000000 is not allowed"),
        (["represent", "--steps", "1000000000000"], "steps=1000000000000 is not allowed"),
        (["approximate", "__import__('os')"], "'__import__' is not allowed in an expression"),
        (["approximate", "1/x"], "'1/x' has no finite value at x=0"),
        (["approximate", "x", "--hidden", "0"], "hidden=0 is not allowed; it must be a whole number from 1 to 1000"),
        (["approximate", "x", "--low", "2", "--high", "2"], "the range from 2 to 2 is none"),
        (["approximate", "nowhere.csv"], "nowhere.csv cannot be read"),
        (["approximate", "x*y", "--page", "page.html"], "a page draws functions of x alone"),
        (["approximate", "x", "--page", "nowhere/page.html"], "nowhere/page.html cannot be written"),
        (["cluster", "cats"], "'cats' is not known; give processes, digits, fortunes"),
        (["cluster", "digits", "--clusters", "0"], "clusters=0 is not allowed"),
        (["dance"], "dance"),
    ],
)
def test_bad_input_gets_one_sentence_and_exit_code_two(words, message, tmp_path):
    done = lab(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_demonstrations_are_kept_and_not_overwritten(tmp_path, monkeypatch):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    (tmp_path / "mine.py").write_text(
        "from rl_lab.envs.robot.exploration import Explorer\nclass Guide(Explorer):\n    pass\n"
    )
    for expert in ("planner", "explorer", "mine:Guide"):
        words = ["--expert", expert, "--episodes", 3, "--out", f"doorkey/{expert.partition(':')[0]}-v0"]
        done = lab("demos", DOORKEY, *words, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("3 episodes, ")
    again = lab("demos", DOORKEY, *words, cwd=tmp_path)
    assert again.returncode == 2
    assert "exists already" in again.stderr


@pytest.mark.parametrize("episodes", ["0", "-2"])
def test_episodes_are_counted_from_one(run, episodes):
    done = lab("eval", run, "--episodes", episodes)
    assert done.returncode == 2
    assert "episodes" in done.stderr
    assert "Traceback" not in done.stderr


def test_names_in_messages_change_no_state_of_the_terminal():
    record = logging.makeLogRecord({"msg": "waiting for %s to start", "args": ("Engine \x1b[31m",)})
    assert Printable().format(record) == r"waiting for Engine \x1b[31m to start"


def test_a_run_is_not_overwritten(run):
    before = (run / "policy.safetensors").read_bytes()
    done = lab(*CARTPOLE, "--steps", 64, "--out", run)
    assert done.returncode == 2
    assert "holds a run already" in done.stderr
    assert (run / "policy.safetensors").read_bytes() == before
