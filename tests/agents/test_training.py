"""Runs in folders: killed at any time, they end in the same bytes."""

import errno
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from rl_lab.agents import PPO, registry
from rl_lab.agents import run_folder as training
from rl_lab.agents.common import checkpoint
from rl_lab.core import weights
from rl_lab.errors import LabError

ARGUMENTS = {"num_envs": 8, "n_steps": 64, "batch_size": 64, "normalize_observation": True, "learning_rate": "lin_1e-3"}
STEPS = 60_000
SCRIPT = f"""
import sys
from rl_lab.agents.common import checkpoint
from rl_lab.agents import run_folder as training
if sys.argv[1] == "train":
    training.train("rl_lab/CartPole-v1", {STEPS}, sys.argv[2], seed=4, checkpoint_seconds=0.05, **{ARGUMENTS!r})
else:
    training.resume(sys.argv[2], checkpoint_seconds=0.05)
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "whole"
    training.train("rl_lab/CartPole-v1", STEPS, folder, seed=4, **ARGUMENTS)
    return folder


def start(what, folder):
    return subprocess.Popen([sys.executable, "-c", SCRIPT, what, str(folder)], stderr=subprocess.PIPE)


def test_killed_again_and_again_it_ends_in_the_same_bytes(whole, tmp_path):
    folder, kills, done = tmp_path / "run", 0, False
    process = start("train", folder)
    while not done:
        before = steps_of(folder)
        while process.poll() is None and steps_of(folder) < before + 8_000:
            time.sleep(0.005)
        done = process.poll() is not None
        if not done:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
            process = start("resume", folder)
    assert process.returncode == 0, process.stderr.read().decode()
    assert kills >= 3
    assert (folder / "policy.safetensors").read_bytes() == (whole / "policy.safetensors").read_bytes()
    assert columns(folder) == columns(whole)
    assert scalars(folder, "train/value_loss") == scalars(whole, "train/value_loss")
    assert [step for step, _ in scalars(folder, "train/value_loss")] == list(range(512, STEPS + 512, 512))


def steps_of(folder):
    """Steps that the metrics tell of."""
    try:
        return 512 * ((folder / "metrics.csv").read_text().count("\n") - 1)
    except FileNotFoundError:
        return 0


def columns(folder):
    """All metrics but those of time."""
    rows = [line.split(",") for line in (folder / "metrics.csv").read_text().splitlines()]
    keep = [i for i, name in enumerate(rows[0]) if name not in ("time/fps", "time/time_elapsed")]
    return [[row[i] for i in keep] for row in rows]


def test_a_run_leaves_what_others_can_read(whole):
    config = json.loads((whole / "config.json").read_text())
    assert config["env"] == "rl_lab/CartPole-v1"
    assert config["settings"]["n_steps"] == 64
    header = (whole / "metrics.csv").read_text().splitlines()[0]
    assert "rollout/ep_rew_mean" in header
    assert "train/approx_kl" in header
    tensors = weights.load(whole / "policy.safetensors")
    assert tensors["actor.0.weight"].shape == (4, 64)
    assert weights.load_with_metadata(whole / "policy.safetensors")[1] == {}


def test_tensorboard_gets_sb3s_tags(whole):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(whole / "tensorboard"))
    events.Reload()
    tags = set(events.Tags()["scalars"])
    assert {"rollout/ep_rew_mean", "rollout/ep_len_mean", "time/fps", "train/value_loss", "train/approx_kl"} <= tags


def scalars(folder, tag):
    """Steps and values of one tag, as TensorBoard shows them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "tensorboard"), size_guidance={"scalars": 0})
    events.Reload()
    return [(event.step, event.value) for event in events.Scalars(tag)]


def test_a_folder_has_one_run(whole):
    with pytest.raises(LabError, match="holds a run already"):
        training.train("rl_lab/CartPole-v1", 10, whole)


def test_a_run_that_another_process_made_meanwhile_stays(tmp_path, monkeypatch):
    """An agent takes seconds to make, and the folder was free before."""

    def slowly(env, **arguments):
        monkeypatch.undo()
        agent = PPO(env, **arguments)
        training.keep(agent, env, tmp_path)
        return agent

    monkeypatch.setitem(registry.ALGORITHMS, "ppo", slowly)
    with pytest.raises(LabError, match="holds a run already"):
        training.train("rl_lab/CartPole-v1", 512, tmp_path, seed=4, **ARGUMENTS)
    assert training.load(tmp_path).num_timesteps == 0


def test_a_folder_in_use_is_refused(tmp_path):
    folder = tmp_path / "run"
    process = start("train", folder)
    while not (folder / "config.json").exists() and process.poll() is None:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGSTOP)
    try:
        with pytest.raises(LabError, match="in use"):
            training.resume(folder)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()


def copied(whole, tmp_path):
    for file in whole.glob("*.*"):
        if file.is_file():
            (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


@pytest.mark.parametrize("harm", ["truncated", "tampered", "missing"])
def test_a_damaged_checkpoint_is_refused_and_the_one_before_is_used(whole, tmp_path, harm, caplog):
    folder = copied(whole, tmp_path)
    file = folder / "checkpoint.safetensors"
    content = bytearray(file.read_bytes())
    if harm == "truncated":
        file.write_bytes(content[: len(content) // 2])
    elif harm == "tampered":
        content[-9] ^= 1
        file.write_bytes(content)
    else:
        file.unlink()
    file_was = file.read_bytes() if file.exists() else b""
    agent = training.resume(folder)
    assert (folder / "policy.safetensors").read_bytes() == (whole / "policy.safetensors").read_bytes()
    assert agent.num_timesteps >= STEPS
    if harm != "missing":
        assert "damaged" in caplog.text or "altered" in caplog.text
        assert "so the checkpoint before it is used" in caplog.text
        assert (folder / "checkpoint.damaged.safetensors").read_bytes() == bytes(file_was)
    for name in ("checkpoint", "checkpoint.previous"):
        checkpoint.read(folder / f"{name}.safetensors")


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(LabError, match="file cannot be made: File exists; name another folder"):
        training.train("rl_lab/CartPole-v1", 64, tmp_path / "file")


def test_without_a_good_checkpoint_it_says_so(whole, tmp_path):
    folder = copied(whole, tmp_path)
    for file in folder.glob("checkpoint*"):
        file.write_bytes(b"\x00" * 100)
    with pytest.raises(LabError, match="damaged"):
        training.resume(folder)
    with pytest.raises(LabError, match="holds no run"):
        training.resume(tmp_path / "nowhere")


def test_a_checkpoint_of_another_environment_is_refused(whole):
    with pytest.raises(LabError, match="was trained on rl_lab/CartPole-v1"):
        PPO.load(whole / "checkpoint.safetensors", env="Pendulum-v1")


def test_a_run_is_loaded_by_its_folder_and_by_its_policy(whole, tmp_path):
    agents = [PPO.load(whole / name) for name in ("", "checkpoint", "checkpoint.safetensors", "policy.safetensors")]
    observation = np.array([[0.1, 0.5, -0.1, 0.3]], np.float32)
    for agent in agents:
        assert agent.parameters.tobytes() == agents[0].parameters.tobytes()
        assert agent.num_timesteps >= STEPS
        assert agent.normalizer.mean.any()
        assert agent.predict(observation)[0] == agents[0].predict(observation)[0]
    tensors = weights.load(whole / "policy.safetensors")
    folder = copied(whole, tmp_path)
    weights.save(folder / "policy.safetensors", {name: 2 * array for name, array in tensors.items()})
    assert (PPO.load(folder / "policy.safetensors").parameters == 2 * agents[0].parameters).all()
    for file in folder.glob("checkpoint*"):
        file.unlink()
    with pytest.raises(LabError, match="holds weights alone and is no checkpoint"):
        PPO.load(folder / "policy.safetensors")
    with pytest.raises(LabError, match="holds no checkpoint"):
        PPO.load(folder)
    with pytest.raises(LabError, match="is a folder; name a file"):
        agents[0].save(folder)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b'a,"' + b"x" * 200_000, "folder", "pipe"])
def test_metrics_that_cannot_be_read_are_a_sentence(whole, tmp_path, content):
    folder = copied(whole, tmp_path)
    (folder / "metrics.csv").unlink()
    if content == "folder":
        (folder / "metrics.csv").mkdir()
    elif content == "pipe":
        os.mkfifo(folder / "metrics.csv")
    else:
        (folder / "metrics.csv").write_bytes(content)
    with pytest.raises(LabError, match=r"metrics\.csv (is damaged|is empty|is a pipe|cannot be written)"):
        training.resume(folder)


def test_what_a_kill_at_the_start_left_is_no_run(whole, tmp_path):
    """A run begins with its checkpoint, and counts once its config is there."""
    (tmp_path / "config.json").touch()
    (tmp_path / "metrics.csv").write_bytes(b"\xff")
    agent = training.train("rl_lab/CartPole-v1", 512, tmp_path, seed=4, **ARGUMENTS)
    assert agent.num_timesteps == 512
    (tmp_path / "config.json").unlink()
    with pytest.raises(LabError, match="holds no run"):
        training.resume(tmp_path)
    training.train("rl_lab/CartPole-v1", 512, tmp_path, seed=4, **ARGUMENTS)
    assert len(columns(tmp_path)) == 2


def test_a_disk_that_becomes_full_leaves_a_run_that_is_resumed(whole, tmp_path, monkeypatch):
    sync, calls = os.fsync, []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) > 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LabError, match=r"checkpoint\.safetensors cannot be written: No space left on device; free"):
        training.train("rl_lab/CartPole-v1", STEPS, tmp_path, seed=4, checkpoint_seconds=0, **ARGUMENTS)
    monkeypatch.undo()
    assert not [name for name in os.listdir(tmp_path) if name.endswith("partial")]
    training.resume(tmp_path)
    assert (tmp_path / "policy.safetensors").read_bytes() == (whole / "policy.safetensors").read_bytes()
    assert columns(tmp_path) == columns(whole)


def test_a_disk_that_is_full_at_the_start_leaves_the_folder_free(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LabError, match="No space left on device"):
        training.train("rl_lab/CartPole-v1", 512, tmp_path, seed=4, **ARGUMENTS)
    assert os.listdir(tmp_path) == [".lock"]


@pytest.mark.parametrize("seconds", [float("nan"), -1, "5", True])
def test_checkpoints_that_never_become_due_are_refused(seconds, tmp_path):
    for start in (training.train, training.resume):
        arguments = ("rl_lab/CartPole-v1", STEPS, tmp_path / "run") if start is training.train else (tmp_path / "run",)
        with pytest.raises(LabError, match=r"checkpoint_seconds=.* is not allowed; it must be a number of at least 0"):
            start(*arguments, checkpoint_seconds=seconds)
    assert not (tmp_path / "run").exists()
