"""A2C: one update is Stable-Baselines3's, and all that agents do works with it, too."""

import csv
import json

import numpy as np
import pytest
import stable_baselines3 as sb3
from parity import flat, in_the_state_of, train_both, trained_model

from rl_lab.agents import A2C, PPO, run_folder, train_seeds
from rl_lab.agents.algorithm import Algorithm
from rl_lab.agents.on_policy import OnPolicyAlgorithm
from rl_lab.compare import compare
from rl_lab.errors import LabError
from rl_lab.sb3 import from_sb3, to_sb3
from rl_lab.stages import Context, Pipeline

CARTPOLE = "rl_lab/CartPole-v1"
VARIANTS = {
    "defaults": {},
    "every term": {"ent_coef": 0.01, "vf_coef": 0.7, "max_grad_norm": 0.05, "rms_prop_eps": 1e-3},
    "normalised": {"normalize_advantage": True, "learning_rate": 1e-3, "gae_lambda": 0.9, "gamma": 0.9},
    "Adam": {"use_rms_prop": False, "rms_prop_eps": 1e-3, "learning_rate": "lin_1e-3"},
}


@pytest.mark.parametrize("env", ["CartPole-v1", "Pendulum-v1"])
@pytest.mark.parametrize("settings", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("engine", ["compiled", "torch"])
def test_one_update_is_sb3s(env, settings, engine):
    theirs = settings | ({"learning_rate": 1e-3} if "learning_rate" in settings else {})
    model = trained_model(sb3.A2C, env, 5, **theirs)
    agent = A2C(env, num_envs=4, engine=engine, **settings)
    in_the_state_of(model, agent)
    losses, logged = train_both(model, agent), model.logger.name_to_value
    assert np.abs(agent.parameters - flat(model, agent)).max() <= 1e-5
    for name in ("policy_loss", "value_loss", "entropy_loss"):
        assert losses[name] == pytest.approx(logged[f"train/{name}"], rel=1e-3, abs=1e-5), name


def test_the_defaults_are_sb3s():
    model, agent = sb3.A2C("MlpPolicy", "CartPole-v1"), A2C("CartPole-v1")
    names = ("learning_rate", "n_steps", "gamma", "gae_lambda", "ent_coef", "vf_coef", "max_grad_norm")
    for name in (*names, "normalize_advantage"):
        assert getattr(agent, name) == getattr(model, name), name
    (group,) = model.policy.optimizer.param_groups
    assert (group["alpha"], group["eps"]) == (0.99, agent.rms_prop_eps)


@pytest.mark.parametrize("seed", [0, 1])
def test_it_learns_to_balance(seed):
    agent = A2C(CARTPOLE, num_envs=8, seed=seed).learn(100_000)
    assert agent.episode_returns().mean() > 150


@pytest.mark.parametrize("engine", ["compiled", "torch"])
@pytest.mark.parametrize("use_rms_prop", [True, False])
def test_a_run_resumes_exactly(tmp_path, engine, use_rms_prop):
    options = {"num_envs": 4, "engine": engine, "use_rms_prop": use_rms_prop, "normalize_observation": True}
    whole = A2C(CARTPOLE, **options).learn(400)
    A2C(CARTPOLE, **options).learn(400, callback=lambda agent: agent.num_timesteps < 200).save(tmp_path / "half")
    half = A2C.load(tmp_path / "half")
    assert (half.num_timesteps, half.use_rms_prop) == (200, use_rms_prop)
    assert half.train().parameters.tobytes() == whole.parameters.tobytes()


def test_a_checkpoint_of_another_algorithm_is_refused(tmp_path):
    A2C(CARTPOLE).save(tmp_path / "a2c")
    with pytest.raises(LabError, match="holds an agent of 'A2C', and not of PPO; load it with the class of its alg"):
        PPO.load(tmp_path / "a2c")
    with pytest.raises(LabError, match="A2C has no hyperparameter 'clip_range'"):
        A2C(CARTPOLE, clip_range=0.1)
    with pytest.raises(LabError, match=r"use_rms_prop cannot change once an agent is made; give it to A2C\(...\)"):
        A2C(CARTPOLE).use_rms_prop = False
    with pytest.raises(LabError, match="A2C has no hyperparameter 'batch_size'; DQN and PPO have"):
        A2C(CARTPOLE).batch_size = 8
    with pytest.raises(LabError, match="was not trained with Adam; leave out the argument that changes the optimiser"):
        A2C.load(tmp_path / "a2c", use_rms_prop=False)
    with pytest.raises(LabError, match="there is no algorithm None; choose one of a2c, dqn, ppo"):
        train_seeds(CARTPOLE, range(2), 80, algorithm=None)


def test_a_rollout_that_is_too_large_is_refused_without_hyperparameters_that_it_does_not_have():
    with pytest.raises(LabError, match="n_steps=1073741824 with num_envs=2, minibatches of 2147483648 and 1 epochs"):
        A2C(CARTPOLE, n_steps=2**30, num_envs=2)


def test_a_run_in_a_folder(tmp_path):
    run_folder.train(CARTPOLE, 400, tmp_path, algorithm="a2c", num_envs=4)
    assert json.loads((tmp_path / "config.json").read_text())["algorithm"] == "A2C"
    assert isinstance(run_folder.load(tmp_path), A2C)
    assert run_folder.resume(tmp_path, algorithm="A2C").num_timesteps == 400
    with pytest.raises(LabError, match="was trained by A2C, and ppo is another algorithm; leave it out"):
        run_folder.resume(tmp_path, algorithm="ppo")


def test_seeds_side_by_side():
    together = train_seeds(CARTPOLE, range(2), 80, algorithm="a2c")
    assert together[1].parameters.tobytes() == A2C(CARTPOLE, seed=1).learn(80).parameters.tobytes()


def test_weights_and_hyperparameters_go_to_sb3_and_back():
    agent = A2C("CartPole-v1", learning_rate="lin_1e-3", n_steps=7)
    model = to_sb3(agent)
    assert isinstance(model, sb3.A2C)
    assert (model.n_steps, model.learning_rate(0.5)) == (7, 5e-4)
    assert from_sb3(model).parameters.tobytes() == agent.parameters.tobytes()


def test_an_algorithm_without_a_counterpart_in_sb3_becomes_none():
    class Own(A2C):
        sb3 = ""

    agent = Own("CartPole-v1")
    with pytest.raises(LabError, match="Own has no counterpart in SB3; give one, such as algorithm=PPO"):
        to_sb3(agent)
    assert isinstance(to_sb3(agent, algorithm=sb3.PPO), sb3.PPO)


def test_stages_take_it():
    context = Context(CARTPOLE, hyperparameters={"n_steps": 8}, algorithm="a2c")
    trained = Pipeline([{"stage": "value", "steps": 256, "max_iter": 2}, {"stage": "finetune", "steps": 512}]).run(
        context
    )
    assert isinstance(trained.agent, A2C)
    assert trained.agent.num_timesteps == 512
    with pytest.raises(LabError, match="there is no algorithm 'a3c'; choose one of a2c, dqn, ppo"):
        Context(CARTPOLE, algorithm="a3c")


def test_it_is_a_contender(tmp_path):
    contenders = {"ours": "a2c", "theirs": "sb3:a2c"}
    result = compare("CartPole-v1", contenders, steps=200, seeds=2, out=tmp_path, points=2, quiet=True)
    assert {run.contender for run in result.runs if not run.failed} == {"ours", "theirs"}


def test_a_run_logs_every_hundredth_iteration_as_sb3_does_and_the_last(tmp_path):
    def rows(folder):
        with (folder / "metrics.csv").open(newline="") as file:
            return [int(float(row["time/iterations"])) for row in csv.DictReader(file)]

    options = {"algorithm": "a2c", "num_envs": 2}
    run_folder.train(CARTPOLE, 2550, tmp_path / "whole", **options)
    assert rows(tmp_path / "whole") == [100, 200, 255]
    run_folder.train(CARTPOLE, 2550, tmp_path / "run", **options, callback=lambda agent: agent.iterations < 120)
    assert rows(tmp_path / "run") == [100]
    run_folder.resume(tmp_path / "run")
    run_folder.resume(tmp_path / "run")
    assert rows(tmp_path / "run") == [100, 200, 255]


def test_classes_of_no_algorithm_load_none(tmp_path):
    A2C(CARTPOLE).save(tmp_path / "agent")
    for kind in (Algorithm, OnPolicyAlgorithm):
        with pytest.raises(
            LabError, match=f"{kind.__name__} is abstract, and .* an agent of 'A2C'; load it with the cl"
        ):
            kind.load(tmp_path / "agent")
