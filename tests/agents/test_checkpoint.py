"""A checkpoint is loaded as it was saved, or refused in one sentence; nothing that a file says is run or imported."""

import json
import os
import sys
import types
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest

from rl_lab.agents import A2C, PPO
from rl_lab.agents import run_folder as training
from rl_lab.agents.common import checkpoint, stored
from rl_lab.core import weights
from rl_lab.errors import LabError

CARTPOLE = "rl_lab/CartPole-v1"
SMALL = {"n_steps": 32, "batch_size": 32, "num_envs": 2}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Nothing here has to outlive a power cut."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """A checkpoint of each engine, as its body and its tensors."""
    found = {}
    for engine in ("compiled", "torch"):
        file = tmp_path_factory.mktemp("honest") / engine
        PPO(CARTPOLE, engine=engine, normalize_observation=True, **SMALL).learn(128).save(file)
        found[engine] = checkpoint.read(file)
    return found


def write(file, body, tensors):
    """A checkpoint whose hash fits whatever it says."""
    text = body if isinstance(body, str) else json.dumps(body, sort_keys=True)
    header = {"sha256": checkpoint._digest(text, tensors), "body": text}
    weights.save(file, tensors, {"rl_lab": json.dumps(header)})
    return file


def loaded_or_refused(file, **arguments):
    """The agent, learning on, or the sentence that refuses it."""
    try:
        agent = PPO.load(file, **arguments)
        agent.learn(64, reset_num_timesteps=False) if agent.num_timesteps < 10**9 else None
    except LabError as error:
        return str(error)
    return agent


WRONG = [None, True, -1, 10**30, 10**400, float("nan"), "x", [1], {"a": 1}]


@pytest.mark.parametrize("engine", ["compiled", "torch"])
def test_whatever_a_body_says_is_used_or_refused(honest, tmp_path, engine):
    body, tensors = honest[engine]
    for name in body:
        without = {key: value for key, value in body.items() if key != name}
        for value in WRONG:
            loaded_or_refused(write(tmp_path / "a.safetensors", without | {name: value}, tensors))
        refused = loaded_or_refused(write(tmp_path / "a.safetensors", without, tensors))
        assert isinstance(refused, str) != (name in ("device", "pretraining_steps"))
    for name in body["settings"]:
        for value in WRONG:
            changed = body | {"settings": body["settings"] | {name: value}}
            loaded_or_refused(write(tmp_path / "a.safetensors", changed, tensors))


@pytest.mark.parametrize("body", ["", "[]", "3", "null", "{}", "[" * 100_000, '{"format": ' + "9" * 5000 + "}"])
def test_a_body_that_is_no_table_is_refused(honest, tmp_path, body):
    assert isinstance(loaded_or_refused(write(tmp_path / "a.safetensors", body, honest["compiled"][1])), str)


@pytest.mark.parametrize("engine", ["compiled", "torch"])
def test_tensors_that_do_not_fit_are_refused(honest, engine):
    body, tensors = honest[engine]
    agent = PPO(CARTPOLE, engine=engine, normalize_observation=True, **SMALL)
    for name, array in tensors.items():
        rest = {key: value for key, value in tensors.items() if key != name}
        changes = {"missing": rest, "shorter": rest | {name: array.reshape(-1)[:-1]}}
        changes["other dtype"] = rest | {name: array.astype(np.float64 if array.dtype != np.float64 else np.float32)}
        if array.shape != (1,):
            changes["broadcast"] = rest | {name: array.reshape(-1)[:1]}
        if array.dtype.kind == "f":
            changes["NaN"] = rest | {name: np.full_like(array, np.nan)}
            changes["infinity"] = rest | {name: np.full_like(array, np.inf)}
        for forged in changes.values():
            with pytest.raises(LabError, match=r"^a\.safetensors has "):
                checkpoint.restore(agent, checkpoint.Stored(Path("a.safetensors"), body, forged))
    checkpoint.restore(agent, checkpoint.Stored(Path("a.safetensors"), body, tensors))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("progress.episodes", [-1]),
        ("progress.lane_lengths", [3, -1]),
        ("normalizer.variance", [1.0, -1.0, 1.0, 1.0]),
        ("normalizer.count", [-1.0]),
        ("normalizer.return_moments", [0.0, -1.0, 5.0]),
        ("engine.adam.count", [3, -1, 3]),
        ("engine.adam.second", None),
    ],
)
def test_negative_counts_and_variances_are_refused(honest, tmp_path, name, values):
    body, tensors = honest["compiled"]
    forged = -1 - tensors[name] if values is None else np.array(values, tensors[name].dtype)
    file = write(tmp_path / "a.safetensors", body, tensors | {name: forged})
    with pytest.raises(LabError, match=f"{name.removeprefix('engine.')}' with negative numbers"):
        PPO.load(file)


def test_a_random_stream_that_would_stay_at_0_is_refused(honest, tmp_path):
    body, tensors = honest["compiled"]
    file = write(tmp_path / "a.safetensors", body, tensors | {"progress.stream": np.zeros(1, np.uint64)})
    with pytest.raises(LabError, match="has a random stream of 0, which no training writes"):
        PPO.load(file)


@pytest.mark.parametrize(("engine", "name"), [("compiled", "rmsprop.square"), ("torch", "rmsprop.0.square_avg")])
def test_negative_squares_of_rmsprop_are_refused(tmp_path, engine, name):
    A2C("rl_lab/CartPole-v1", num_envs=2, engine=engine).learn(10).save(tmp_path / "a")
    body, tensors = checkpoint.read(tmp_path / "a")
    key = f"engine.{name}"
    file = write(tmp_path / "b.safetensors", body, tensors | {key: -1 - tensors[key]})
    with pytest.raises(LabError, match=f"'{name}' with negative numbers"):
        A2C.load(file)


def test_what_a_file_alone_says_wrong_names_the_file(honest, tmp_path):
    body, tensors = honest["compiled"]
    file = tmp_path / "a.safetensors"
    for changed, said in (
        ({"num_envs": 10**6}, r"num_envs is 1000000, and its tensor 'progress.lane_lengths' has shape \(2,\)"),
        ({"env_kwargs": {"max_steps": "x"}}, "max_steps='x'"),
        ({"settings": body["settings"] | {"gamma": 2}}, "gamma=2 is not allowed"),
    ):
        write(file, body | changed, tensors)
        with pytest.raises(LabError, match=rf"a\.safetensors cannot be used: .*{said}"):
            PPO.load(file)
    with pytest.raises(LabError, match=r"^gamma=3 is not allowed"):  # which the caller says
        PPO.load(file, gamma=3)
    write(file, body | {"spaces": "x" * 10**6}, tensors)
    with pytest.raises(LabError, match=r"differs in its spaces.* and were 'xxx[x]*\.\.\.; give") as caught:
        PPO.load(file)
    assert len(str(caught.value)) < 500


@pytest.fixture
def watched(tmp_path, monkeypatch):
    """A folder on the path with a module that leaves a mark when it is imported, and a function that does so too."""
    (tmp_path / "stranger.py").write_text(
        "import gymnasium, pathlib\n"
        f"mark = pathlib.Path({str(tmp_path / 'mark')!r})\n"
        "mark.touch()\n"
        "def function(**arguments): mark.touch()\n"
        "gymnasium.register('Strange-v0', 'gymnasium.envs.classic_control:CartPoleEnv', max_episode_steps=500)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("stranger", None)
    gym.registry.pop("Strange-v0", None)


@pytest.mark.parametrize(
    "change",
    [
        {"environment": "stranger:Strange-v0"},
        {"environment": "stranger:CartPole-v1"},
        {"env_kwargs": {"definition": "stranger:function"}},
        {"env_kwargs": {"definition": "stranger:function", "cmd": "touch mark"}},
        {"env_kwargs": {"entry_point": "stranger:function"}},
        {"env_kwargs": {"wrappers": ["stranger:function"]}},
        {"env_kwargs": {"anything": {"deep": ["stranger:function"]}}},
        {"environment": "GymV26Environment-v0", "env_kwargs": {"env_id": "stranger:Strange-v0"}},
        {"settings": {"learning_rate": "stranger:function"}},
        {"device": "stranger:function", "engine": "torch"},
    ],
)
def test_nothing_that_a_file_names_is_imported_or_called(honest, watched, change):
    body, tensors = honest["compiled"]
    found = loaded_or_refused(write(watched / "a.safetensors", body | change, tensors))
    assert not (watched / "mark").exists()
    assert "stranger" not in sys.modules
    assert isinstance(found, str) or change == {"environment": "stranger:CartPole-v1"}


@pytest.mark.parametrize("value", ["str\u00e4nger:f", "my-part:f", "1.part:f", "\tstranger:f", [{"stranger:f": 1}]])
def test_a_place_of_code_is_known_however_it_is_written(value):
    with pytest.raises(LabError, match="may name code"):
        stored.checked_arguments({"env_kwargs": {"x": value}}, "CartPole-v1", Path("a.safetensors"))


def test_what_names_no_code_is_left_alone():
    honest = {"opponent": "random+mcts:500", "at": "C:/layouts", "table": {"a": [1, None]}}
    assert stored.checked_arguments({"env_kwargs": honest}, "CartPole-v1", Path("a.safetensors")) is honest


def test_the_user_may_name_a_module_that_a_file_may_not(watched):
    folder = watched / "run"
    training.train("stranger:Strange-v0", 64, folder, **SMALL)
    sys.modules.pop("stranger")
    gym.registry.pop("Strange-v0")
    (watched / "mark").unlink()
    for refused in (lambda: PPO.load(folder), lambda: training.resume(folder), lambda: training.load(folder)):
        with pytest.raises(LabError, match=r"no module imported.* --env stranger:Strange-v0 on the command line"):
            refused()
    assert not (watched / "mark").exists()
    with pytest.raises(LabError, match="CartPole-v1 is another environment"):
        training.resume(folder, "CartPole-v1")
    agent = training.resume(folder, "stranger:Strange-v0")
    assert (watched / "mark").exists()
    assert agent.num_timesteps == 64
    assert PPO.load(folder).num_timesteps == 64  # registered by now


def test_an_argument_that_is_code_is_given_again(tmp_path):
    def length(half):
        return half

    gym.register("Callable-v0", lambda reward, size: gym.make("CartPole-v1"), kwargs={"reward": abs, "size": 1})
    try:
        agent = PPO("Callable-v0", env_kwargs={"reward": length, "size": np.int64(3)}, **SMALL)
        agent.save(tmp_path / "a")
        assert checkpoint.read(tmp_path / "a")[0]["env_kwargs"]["size"] == 3
        with pytest.raises(LabError, match="env_kwargs 'reward'"):
            PPO.load(tmp_path / "a")
        assert PPO.load(tmp_path / "a", env_kwargs={"reward": length, "size": 3}).env_kwargs["reward"] is length
    finally:
        gym.registry.pop("Callable-v0")


def test_plain_arguments_come_back(tmp_path):
    PPO("Pendulum-v1", env_kwargs={"g": 9.81}, **SMALL).save(tmp_path / "a")
    assert PPO.load(tmp_path / "a").env_kwargs == {"g": 9.81}
    assert PPO.load(tmp_path / "a", env=gym.make("Pendulum-v1")).source.lanes == 1


def test_missions_are_no_part_of_the_spaces_that_are_compared(tmp_path):
    minigrid = pytest.importorskip("minigrid")
    assert minigrid
    id = "MiniGrid-Empty-5x5-v0"
    agent = PPO(id, **SMALL)
    agent.save(tmp_path / "a")
    body, tensors = checkpoint.read(tmp_path / "a")
    assert PPO.load(tmp_path / "a").parameters.tobytes() == agent.parameters.tobytes()
    text = f"{agent.source.vector.single_observation_space} -> {agent.source.vector.single_action_space}"
    moved = text.replace(" at 0x", " at 0x7")
    assert moved != text
    old = write(tmp_path / "old.safetensors", body | {"spaces": moved}, tensors)
    assert PPO.load(old).parameters.tobytes() == agent.parameters.tobytes()
    other = write(
        tmp_path / "other.safetensors", body | {"spaces": text.replace("Discrete(7)", "Discrete(8)")}, tensors
    )
    with pytest.raises(LabError, match="differs in its spaces"):
        PPO.load(other)


def bounded(high):
    env = gym.make("Pendulum-v1")
    env.action_space = gym.spaces.Box(-high, high, (1,))
    return env


def test_other_bounds_of_actions_are_another_environment(tmp_path):
    PPO(lambda: bounded(2), **SMALL).save(tmp_path / "a")
    assert PPO.load(tmp_path / "a", env=lambda: bounded(2))
    with pytest.raises(LabError, match=r"differs in its actions, which are \['Box', \[-3.0\], \[3.0\]\]"):
        PPO.load(tmp_path / "a", env=lambda: bounded(3))


def test_the_moments_of_observations_stay_with_another_number_of_environments(tmp_path):
    agent = PPO(CARTPOLE, normalize_observation=True, **SMALL).learn(128)
    agent.save(tmp_path / "a")
    for twin in (PPO.load(tmp_path / "a", num_envs=4), PPO.load(tmp_path / "a", env=gym.make("CartPole-v1"))):
        assert (twin.normalizer.mean == agent.normalizer.mean).all()
        assert (twin.normalizer.variance == agent.normalizer.variance).all()
        assert twin.num_timesteps == 128


def test_the_engine_and_the_device_come_back(honest, tmp_path, monkeypatch, caplog):
    body, tensors = honest["torch"]
    assert body["device"] == "cpu"
    file = write(tmp_path / "cuda.safetensors", body | {"device": "cuda:99"}, tensors)
    with pytest.raises(LabError, match=r"'cuda:99' is not available here; use 'cpu' \(device='cpu' in Python, "):
        PPO.load(file)
    assert PPO.load(file, device="cpu").engine.name == "torch"
    assert training.load(file).engine.device.type == "cpu"  # to play with
    compiled = write(tmp_path / "compiled.safetensors", *honest["compiled"])
    with pytest.raises(LabError, match="trained with engine='compiled' and cannot go on with 'torch'"):
        PPO.load(compiled, engine="torch")


def test_weights_on_another_device_are_the_agents_too(tmp_path, monkeypatch):
    """A GPU is another memory, which a copy of the module stands for here."""
    import copy

    from rl_lab.agents.engines import torch as torch_engine

    here = PPO(CARTPOLE, engine="torch", **SMALL).learn(128)
    here.save(tmp_path / "here")
    monkeypatch.setattr(torch_engine.Perceptrons, "to", lambda self, device: copy.deepcopy(self))

    class Engine(torch_engine.TorchEngine):
        shares_memory = property(lambda self: False, lambda self, value: None)

    monkeypatch.setattr(torch_engine, "TorchEngine", Engine)
    there = PPO(CARTPOLE, engine="torch", **SMALL).learn(128)
    np.testing.assert_allclose(there.parameters, here.parameters, atol=1e-6)
    moved = PPO.load(tmp_path / "here")
    rows = np.ones((2, 4), np.float32)
    np.testing.assert_allclose(moved.engine.outputs(rows), here.engine.outputs(rows), atol=1e-6)
    moved.parameters[:] = 0
    assert (moved.engine.outputs(rows) == 0).all()
    there.save(tmp_path / "there")
    monkeypatch.undo()
    back = PPO.load(tmp_path / "there")
    assert back.parameters.tobytes() == there.parameters.tobytes()
    np.testing.assert_allclose(back.engine.outputs(rows), there.engine.outputs(rows), atol=1e-6)


def test_hyperparameters_of_the_update_change_by_assignment():
    agent = PPO(CARTPOLE, **SMALL).learn(64)
    agent.learning_rate = 0.0
    agent.n_epochs = 1
    before = agent.parameters.copy()
    agent.learn(64, reset_num_timesteps=False)
    assert (agent.parameters == before).all()
    assert (agent.learning_rate, agent.gamma) == (0.0, 0.99)
    with pytest.raises(LabError, match="learning_rate=-1"):
        agent.learning_rate = -1
    with pytest.raises(LabError, match="clip_range=True is not allowed; give a number"):
        agent.clip_range = np.bool_(True)
    with pytest.raises(LabError, match="n_steps cannot change"):
        agent.n_steps = 64
    assert agent.config.n_steps == 32


def test_the_state_of_foreign_environments_is_not_saved_and_a_message_says_so(tmp_path, caplog):
    first = PPO("CartPole-v1", **SMALL).learn(64)
    first.save(tmp_path / "a")
    message = "the state of CartPole-v1 cannot be saved: episodes begin again, and the weights will differ"
    with caplog.at_level("INFO", logger="rl_lab"):
        agent = PPO.load(tmp_path / "a")
        assert message not in caplog.text  # who only plays loses nothing
        agent.learn(64, reset_num_timesteps=False)
        assert message in caplog.text
        caplog.clear()
        again = PPO.load(tmp_path / "a").learn(64)  # which counts from zero
        assert message not in caplog.text
    assert (again.iterations, again.num_timesteps) == (first.iterations, first.num_timesteps)


@pytest.mark.parametrize("missing", [types.SimpleNamespace(name="no"), "folder"])
def test_paths_that_hold_nothing_are_refused(tmp_path, missing):
    path = tmp_path / ("no" if missing != "folder" else "")
    with pytest.raises(LabError, match="is not there; give" if missing != "folder" else "holds no checkpoint"):
        PPO.load(path)
