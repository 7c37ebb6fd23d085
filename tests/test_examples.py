"""The examples that people copy: they run, and they learn."""

import importlib.util
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

from rl_lab.envs import robot

EXAMPLES = Path(__file__).parents[1] / "examples"


def load(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--black", "foo"], "go_game.py: there is no player 'foo'"),
        (["--size", "1"], "go_game.py: size=1 is not allowed"),
        (["--out", "/dev/null/x"], "go_game.py: /dev/null/x cannot be made or written to"),
    ],
)
def test_a_game_that_cannot_be_is_one_sentence(words, sentence, tmp_path):
    command = [sys.executable, str(EXAMPLES / "go_game.py"), *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(sentence)
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_plans_write_where_git_does_not_look():
    plans = [*EXAMPLES.glob("*.toml")]
    assert {file.name for file in plans} >= {"go5.toml", "robot.toml"}
    for file in plans:
        assert tomllib.loads(file.read_text())["out"] == f"results/{file.stem}"


@pytest.fixture(scope="module")
def onefile():
    return load("ppo_onefile")


def test_one_file_learns_cartpole(onefile, capsys):
    returns = onefile.train(onefile.Args(seed=0, total_timesteps=50_000))
    assert np.mean(returns[:20]) < 60  # what chance reaches
    assert np.mean(returns[-50:]) > 150
    assert "mean return" in capsys.readouterr().out


def test_one_file_takes_other_peoples_environments(onefile, capsys):
    returns = onefile.train(onefile.Args(env="CartPole-v1", total_timesteps=15_000))
    assert np.mean(returns[-20:]) > 1.5 * np.mean(returns[:20])


def test_one_file_is_one_page(onefile):
    assert len((EXAMPLES / "ppo_onefile.py").read_text().splitlines()) <= 300


def test_the_loss_is_what_is_descended(onefile):
    """`loss_gradient` against autograd."""
    import torch

    rng = np.random.default_rng(0)
    count, actions, clip, ent_coef, vf_coef = 40, 3, 0.2, 0.03, 0.5
    logits, values = rng.normal(size=(count, actions)).astype("f4"), rng.normal(size=(count, 1)).astype("f4")
    chosen, advantages = rng.permutation(count), rng.normal(size=count)
    column = [rng.normal(size=count).astype("f4") for _ in range(2)]
    taken, old = rng.integers(0, actions, count), (-1.1 + 0.4 * rng.normal(size=count)).astype("f4")
    samples = onefile.Rollout(None, taken, old, None, None, None, column[0], column[1])
    by_logits, by_values = np.zeros((count, actions), "f4"), np.zeros((count, 1), "f4")

    z, v = torch.tensor(logits, requires_grad=True), torch.tensor(values, requires_grad=True)
    log_softmax = z.log_softmax(1)
    ratio = (log_softmax[range(count), taken[chosen]] - torch.tensor(old[chosen])).exp()
    advantage = torch.tensor(advantages)
    entropy = -(log_softmax.exp() * log_softmax).sum(1).mean()
    surrogate = torch.minimum(advantage * ratio, advantage * ratio.clamp(1 - clip, 1 + clip)).mean()
    loss = -surrogate - ent_coef * entropy + vf_coef * (v[:, 0] - torch.tensor(column[1][chosen])).square().mean()
    loss.backward()

    weights = clip, ent_coef, vf_coef
    onefile.loss_gradient(logits, values, samples, advantages, chosen, *weights, by_logits, by_values)
    np.testing.assert_allclose(by_logits, z.grad, atol=1e-6)
    np.testing.assert_allclose(by_values, v.grad, atol=1e-6)


def test_a_loss_of_ones_own_learns():
    agent = load("own_loss").train(15_000, quiet=True)
    assert agent.engine.name == "torch"
    assert agent.episode_returns().mean() > 60


def test_pretraining_on_doorkey_stage_by_stage(capsys):
    load("pretrain_doorkey").once(24_000)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["demonstrations", "clone", "value", "finetune"]
    assert "24," not in lines[-1].split("steps")[0]  # within its budget


def test_the_example_for_ones_own_sb3_agent(tmp_path):
    example = load("pretrain_my_sb3")
    env = example.doorkey()
    observation, _ = env.reset(seed=0)
    assert observation in env.observation_space
    explorer, done = example.Explorer(), False
    explorer.reset()
    while not done:
        observation, reward, done, truncated, _ = env.step(explorer(observation, {}))
        assert not truncated
    assert reward > 0
    model = example.pretrained(env, 0, 512)
    assert model.num_timesteps == 512


def test_four_families_of_the_robot_beside_the_optimum(tmp_path, monkeypatch, capsys):
    example = load("solve_robot")
    monkeypatch.setattr(example, "LEVELS", 50)
    monkeypatch.setattr(example, "TASKS", (example.Task("Empty-Random-6x6-v0", 150_000),))
    example.main(2, [], tmp_path / "found.json")
    before, line = capsys.readouterr().out.splitlines()
    assert before == "Empty-Random-6x6-v0: 2 x 150,000 steps, after compiling where that is new"
    assert line.endswith(": solved")
    assert " of the optimum [" in line
    (found,) = json.loads((tmp_path / "found.json").read_text())["tasks"]
    assert all(0.9 < share <= 1 for share in found["shares"])  # of the optimum on the same levels
    one = example.told(found | {"shares": [0.95], "mean": 0.95, "interval": None})
    assert "0.950 of the optimum by one seed;" in one
    monkeypatch.setattr(example, "TASKS", (example.Task("Empty-Random-6x6-v0", 4096),))
    example.main(1, [], tmp_path / "found.json")
    assert json.loads((tmp_path / "found.json").read_text())["tasks"][0]["interval"] is None


def test_the_optimum_is_what_plans_earn(monkeypatch):
    example = load("solve_robot")
    monkeypatch.setattr(example, "LEVELS", 20)
    (task,) = (task for task in example.TASKS if task.name == "DoorKey-6x6-v0")
    env, earned = gym.make(task.id), []
    for level in range(20):
        env.reset(seed=example.FIRST_SEED + level)
        rewards = [env.step(action)[1] for action in robot.plan(env)]
        earned.append(sum(rewards))
    np.testing.assert_allclose(example.optimum(task), earned)


def test_a_game_of_go_is_drawn_and_kept(tmp_path, capsys):
    from PIL import Image

    from rl_lab.envs.go import sgf

    load("go_game").main("greedy", "random", 5, 0, tmp_path)
    game = sgf.read(tmp_path / "game.sgf")
    assert game.players == ("greedy", "random")
    assert capsys.readouterr().out.strip().endswith(f"{len(game.moves)} moves, captures {words(game)}, {game.result}")
    assert np.asarray(Image.open(tmp_path / "game.png")).shape == (916, 1264, 3)


def words(game):
    black, white = game.board().captures
    return f"{black}-{white}"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["solve_robot.py", "--seeds", "0"], "--seeds 0 is not allowed; give at least 1"),
        (["solve_robot.py", "--out", "."], "--out . is a folder; give a file"),
        (["fundamentals/eight_layers.py", "--out="], "an empty path is not allowed"),
        (["fundamentals/chain.py", "--out="], "an empty path is not allowed"),
        (["go_game.py", "--out="], "an empty path is not allowed"),
    ],
)
def test_arguments_that_are_not_allowed_are_refused_before_the_work(words, message, tmp_path):
    command = [sys.executable, str(EXAMPLES / words[0]), *words[1:]]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=os.environ | {"COLUMNS": "200"})
    assert done.returncode == 2
    assert message in done.stderr
    assert list(tmp_path.iterdir()) == []
