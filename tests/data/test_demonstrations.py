"""Demonstrations as Minari data sets that Minari itself loads, and that replay to the same rewards."""

import io
import json
import os
import shutil
import sys

import gymnasium as gym
import h5py
import minari
import numpy as np
import pytest
from gymnasium import spaces
from PIL import Image

from rl_lab.data import Demonstrations, collect
from rl_lab.envs.robot.planner import Planner
from rl_lab.errors import LabError


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))


def left(observation, info):
    return 0


def same(one, other):
    if isinstance(one, dict):
        return all(same(one[name], other[name]) for name in one)
    return one == other if isinstance(one, str) else np.array_equal(one, other)


@pytest.mark.parametrize("mode", ["flat", "dict"])
def test_minari_reads_what_was_written_and_it_replays(mode):
    env = gym.make("rl_lab/Robot-DoorKey-6x6-v0", observation=mode)
    shown = collect(env, Planner(), 5, seed=3)
    shown.write("doorkey/planner-v0", "planner")
    dataset = minari.load_dataset("doorkey/planner-v0")
    assert (dataset.total_episodes, dataset.total_steps) == (5, shown.transitions)
    again = dataset.recover_environment()
    read = Demonstrations.read("doorkey/planner-v0")
    assert (read.environment, read.arguments) == (shown.environment, shown.arguments)
    for theirs, ours, episode in zip(dataset.iterate_episodes(), shown.episodes, read.episodes, strict=True):
        assert episode.seed == ours.seed
        assert all(same(a, b) for a, b in zip(episode.observations, ours.observations, strict=True))
        observation, _ = again.reset(seed=episode.seed)
        assert same(observation, ours.observations[0])
        rewards = [again.step(action)[1] for action in theirs.actions]
        np.testing.assert_array_equal(rewards, ours.rewards)
        assert theirs.terminations[-1] == ours.terminated


def test_continuous_actions_and_limits_of_time():
    env = gym.make("Pendulum-v1", max_episode_steps=7)
    shown = collect(env, lambda observation, info: np.array([0.5]), 2)
    assert shown.actions().shape == (14, 1)
    assert not any(episode.terminated for episode in shown.episodes)
    shown.write("pendulum/still-v0")
    read = Demonstrations.read("pendulum/still-v0")
    np.testing.assert_array_equal(read.actions(), shown.actions())
    assert not any(episode.terminated for episode in read.episodes)


def test_predict_of_a_model_is_an_expert():
    from stable_baselines3 import PPO

    model = PPO("MlpPolicy", "CartPole-v1", n_steps=64)
    shown = collect(gym.make("CartPole-v1"), lambda observation, info: model.predict(observation), 2)
    assert shown.transitions == sum(shown.returns)


@pytest.mark.parametrize("episodes", [10**12, 10**400])
def test_more_episodes_than_fit_into_memory_are_refused_after_the_first(episodes):
    played = []
    with pytest.raises(LabError, match=r"episodes=10+[.]* needs .* GiB of memory, .*; record fewer"):
        collect(gym.make("CartPole-v1"), lambda observation, info: 0, episodes, report=played.append)
    assert len(played) <= 1


@pytest.mark.parametrize("file", ["metadata.json", "main_data.hdf5"])
def test_a_pipe_in_a_data_set_is_not_waited_for(tmp_path, file):
    collect(gym.make("rl_lab/Robot-Empty-5x5-v0"), Planner(), 1).write("piped/one-v0")
    (tmp_path / "piped/one-v0/data" / file).unlink()
    os.mkfifo(tmp_path / "piped/one-v0/data" / file)
    with pytest.raises(LabError, match=rf"data set 'piped/one-v0' is damaged \(.*{file} is a pipe\); write"):
        Demonstrations.read("piped/one-v0")


def test_bad_experts_and_names_get_a_sentence():
    env = gym.make("rl_lab/Robot-DoorKey-5x5-v0", max_steps=20)
    with pytest.raises(LabError, match=r"the expert answered 9 at step 0 .*Discrete\(7\): a whole number from 0 to 6"):
        collect(env, lambda observation, info: 9, 1)
    with pytest.raises(LabError, match="earned no reward in 3 episodes; an expert that never succeeds teaches nothing"):
        collect(env, left, 3)
    with pytest.raises(LabError, match="episodes=0 is not allowed"):
        collect(env, Planner(), 0)
    shown = collect(env, Planner(), 1)
    shown.write("doorkey/one-v0")
    with pytest.raises(LabError, match="data set 'doorkey/one-v0' exists already"):
        shown.write("doorkey/one-v0")
    with pytest.raises(LabError, match="'no name' is not a name of a data set"):
        shown.write("no name")
    with pytest.raises(LabError, match=r"'nowhere-v0' cannot be read.*local data sets: doorkey/one-v0"):
        Demonstrations.read("nowhere-v0")
    six = gym.make("rl_lab/Robot-DoorKey-6x6-v0")
    with pytest.raises(LabError, match=r"these are demonstrations of rl_lab/Robot-DoorKey-5x5-v0 .* but the"):
        shown.check_fits("six", six.observation_space, six.action_space, six.spec)
    shown.check_fits("five", env.observation_space, env.action_space, env.spec)
    other = gym.make("CartPole-v1")
    with pytest.raises(LabError, match=r"demonstrations of rl_lab/Robot-DoorKey-5x5-v0 .* give demonstrations of the"):
        shown.check_fits("CartPole", other.observation_space, other.action_space)


class Nan(gym.ObservationWrapper):
    def observation(self, observation):
        return observation * np.float32(np.nan)


def test_what_goes_wrong_while_an_expert_plays_is_told_with_its_place():
    with pytest.raises(LabError, match="the observation of the environment holds nan at the reset with seed 3"):
        collect(Nan(gym.make("CartPole-v1")), lambda observation, info: 0, 1, seed=3)
    with pytest.raises(
        LabError, match=r"the expert failed at step 0 .*: ZeroDivisionError: .*test_demonstrations.py, line \d+"
    ):
        collect(gym.make("CartPole-v1"), lambda observation, info: 1 // 0, 1)
    with pytest.raises(LabError, match="it is called as expert\\(observation, info\\)"):
        collect(gym.make("CartPole-v1"), lambda observation: 1, 1)
    with pytest.raises(LabError, match="seed=-5 is not allowed"):
        collect(gym.make("CartPole-v1"), lambda observation, info: 1, 1, seed=-5)
    with pytest.raises(LabError, match=r"float32 of shape \(1,\), and this has shape \(2,\)"):
        collect(gym.make("Pendulum-v1"), lambda observation, info: [0.0, 0.0], 1)


class Parts(gym.Env):
    """Observes a Tuple of a vector, an image that JPEG would change, and a text; its arrays are reused."""

    observation_space = spaces.Tuple(
        [
            spaces.Box(-1, 1, (2,)),
            spaces.Dict({"seen": spaces.Box(0, 255, (32, 32, 3), np.uint8), "said": spaces.Text(9)}),
        ]
    )
    action_space = spaces.Discrete(2, start=3)

    def __init__(self, size=(1, 2)):
        self.count, self.vector = 0, np.zeros(2, np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.count = 0
        return self._observed(), {}

    def step(self, action):
        self.count += 1
        return self._observed(), 1.0, self.count == 3, False, {}

    def _observed(self):
        seen = self.np_random.integers(0, 255, (32, 32, 3), np.uint8)
        self.vector[:] = self.count / 8
        return self.vector, {"seen": seen, "said": "go" * self.count}


@pytest.fixture
def parts():
    gym.register("tests/Parts-v0", entry_point=Parts, max_episode_steps=9, kwargs={"size": (3, 4)})
    yield gym.make("tests/Parts-v0")
    gym.registry.pop("tests/Parts-v0")


def test_an_environment_of_ones_own_class_with_every_kind_of_part(parts, tmp_path):
    shown = collect(parts, lambda observation, info: 4, 2)
    assert [float(vector[0]) for vector, _ in shown.episodes[0].observations] == [0, 0.125, 0.25, 0.375]
    shown.write("mine/parts-v0")
    read = Demonstrations.read("mine/parts-v0")
    read.check_fits("tests/Parts-v0", parts.observation_space, parts.action_space, parts.spec)
    assert read.digest() == shown.digest()
    first, second = shown.episodes[1].observations[2], read.episodes[1].observations[2]
    assert np.array_equal(first[0], second[0])
    assert same(first[1], second[1])
    assert {path.name for path in tmp_path.iterdir()} == {"mine"}
    with pytest.raises(LabError, match=r"demonstrations of tests/Parts-v0 with \{'size': \[3, 4\]\}, but"):
        read.check_fits(
            "tests/Parts-v0", parts.observation_space, parts.action_space, gym.make(parts.spec, size=1).spec
        )


def test_what_cannot_be_written_leaves_nothing_and_its_name_free(parts, tmp_path, monkeypatch):
    shown = collect(parts, lambda observation, info: 4, 2)
    with monkeypatch.context() as patch:
        patch.setattr(h5py.Group, "create_dataset", lambda *given, **named: (_ for _ in ()).throw(OSError(28, "full")))
        with pytest.raises(LabError, match=r"mine/parts-v0 cannot be written: full; free space"):
            shown.write("mine/parts-v0")
    assert not list(tmp_path.iterdir())
    shown.write("mine/parts-v0")
    object_ = gym.make("tests/Parts-v0", size=object())
    with pytest.raises(LabError, match=r"cannot be kept .* make it with numbers"):
        collect(object_, lambda observation, info: 4, 1).write("mine/object-v0")


def edited(change, name="mine/cart-v0"):
    """A data set of CartPole, changed on the disk."""
    collect(gym.make("CartPole-v1"), lambda observation, info: 0, 2).write(name)
    folder = minari.storage.get_dataset_path(name) / "data"
    about = json.loads((folder / "metadata.json").read_text())
    with h5py.File(folder / "main_data.hdf5", "a") as file:
        change(about, file["episode_1"])
    (folder / "metadata.json").write_text(json.dumps(about))
    return folder


def put(name, values):
    def change(about, episode):
        steps = len(episode["rewards"])
        del episode[name]
        episode[name] = values(steps)

    return change


def images(about, episode):
    """A million steps, of which only the first image is there."""
    Image.new("L", (5000, 5000)).save(picture := io.BytesIO(), "JPEG")
    shown = episode.create_dataset("infos/camera", (10**6,), h5py.vlen_dtype(np.uint8), chunks=(1,))
    shown[0] = np.frombuffer(picture.getvalue(), np.uint8)


DAMAGE = {
    "other shape": (put("observations", lambda n: np.zeros((n + 1, 5))), r"observations have shape \(\d+, 5\)"),
    "too few": (put("observations", lambda n: np.zeros((n - 1, 4))), "observations have shape"),
    "nan": (put("observations", lambda n: np.full((n + 1, 4), np.nan)), "observations hold nan; every number must be"),
    "text": (put("observations", lambda n: [b"a"] * (n + 1)), "observations are of dtype object, not numbers"),
    "group": (lambda about, episode: (episode.pop("observations"), episode.create_group("observations")), "is damaged"),
    "infinite reward": (put("rewards", lambda n: np.full(n, np.inf)), "rewards hold inf"),
    "rewards of two": (put("rewards", lambda n: np.zeros((n, 2))), "rewards have shape"),
    "action outside": (put("actions", lambda n: np.full(n, 7)), r"actions hold values outside Discrete\(2\)"),
    "half an action": (put("actions", lambda n: np.full(n, 0.5)), r"actions hold values outside Discrete\(2\)"),
    "no end": (put("terminations", lambda n: np.zeros(0, bool)), r"terminations have shape \(0,\)"),
    "missing": (lambda about, episode: episode.pop("actions"), "is damaged"),
    "episodes that are not there": (lambda about, episode: about.update(total_episodes=9), "is damaged"),
    "a billion episodes": (
        lambda about, episode: about.update(total_episodes=10**9),
        "is damaged: of 1000000000 episodes 2 are there; write the data set again",
    ),
    "external numbers": (
        lambda about, episode: episode.create_dataset("infos/x", (9,), "u1", external=[("/etc/passwd", 0, 9)]),
        "is damaged: it links to other files, or to one array twice",
    ),
    "external link": (
        lambda about, episode: episode.parent.update(other=h5py.ExternalLink("other.hdf5", "/episode_0")),
        "it links to other files",
    ),
    "huge images": (images, r"needs [\d,.]+ GiB of memory, and [\d,.]+ GiB are available"),
    "linked twice": (lambda about, episode: episode.parent.update(episode_2=episode), "to one array twice"),
    "no episodes": (lambda about, episode: about.update(total_episodes=0), "is empty"),
    "another space": (lambda about, episode: about.update(observation_space='{"type": "Odd"}'), "is damaged"),
    "no space": (lambda about, episode: about.pop("action_space"), "does not state its spaces, and making its"),
    "actions of parts": (
        lambda about, episode: about.update(action_space='{"type": "Tuple", "subspaces": []}'),
        "has actions .* unsupported",
    ),
    "no version": (lambda about, episode: about.pop("minari_version"), "is damaged"),
    "huge": (
        lambda about, episode: episode.create_dataset("infos/big", (10**9, 10**6), "f8", chunks=(1, 1000)),
        r"needs [\d,.]+ GiB of memory, and [\d,.]+ GiB are available",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_data_set_that_is_not_whole_is_a_sentence(damage):
    change, sentence = DAMAGE[damage]
    edited(change)
    with pytest.raises(LabError, match=sentence):
        Demonstrations.read("mine/cart-v0")


def test_files_that_are_no_data_sets_are_a_sentence(tmp_path):
    folder = edited(lambda about, episode: None)
    (folder / "main_data.hdf5").write_bytes(b"nonsense")
    with pytest.raises(LabError, match="'mine/cart-v0' is damaged"):
        Demonstrations.read("mine/cart-v0")
    (folder / "metadata.json").write_text("{")
    with pytest.raises(LabError, match="'mine/cart-v0' is damaged"):
        Demonstrations.read("mine/cart-v0")
    shutil.rmtree(folder.parent)
    for name in ("mine/cart-v0", "cart", "../x-v0", 7, None):
        with pytest.raises(LabError, match=r"is not there; local data sets: none|is not a name of a data set"):
            Demonstrations.read(name)


def test_the_last_observation_may_be_missing_and_empty_episodes_are_left_out():
    edited(put("observations", lambda n: np.zeros((n, 4), np.float32)))
    first, second = Demonstrations.read("mine/cart-v0").episodes
    assert len(first.observations) == len(first.actions) + 1
    assert len(second.observations) == len(second.actions)

    def empty(about, episode):
        for name in ("observations", "actions", "rewards", "terminations", "truncations"):
            put(name, lambda n, shape=(0, 4) if name == "observations" else 0: np.zeros(shape))(about, episode)

    edited(empty, "mine/empty-v0")
    assert len(Demonstrations.read("mine/empty-v0").episodes) == 1


def test_reading_imports_nothing_that_a_data_set_names(tmp_path, monkeypatch):
    (tmp_path / "planted.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    spec = gym.spec("CartPole-v1").to_json().replace("gymnasium.envs.classic_control.cartpole:", "planted:")
    assert "planted" in spec
    edited(lambda about, episode: about.update(env_spec=spec, eval_env_spec=spec))
    assert Demonstrations.read("mine/cart-v0").environment == "CartPole-v1"
    edited(lambda about, episode: (about.update(env_spec=spec), about.pop("observation_space")), "mine/other-v0")
    with pytest.raises(LabError, match="could run any code"):
        Demonstrations.read("mine/other-v0")
    assert "planted" not in sys.modules


def test_actions_are_kept_as_they_were_taken():
    class Buttons(gym.Env):
        observation_space, action_space = spaces.Box(0, 9, (1,)), spaces.MultiBinary(2)
        pressed = 0

        def reset(self, *, seed=None, options=None):
            super().reset(seed=seed)
            self.pressed = 0
            return np.zeros(1, np.float32), {}

        def step(self, action):
            action[:] = 1
            self.pressed += 1
            return np.full(1, self.pressed, np.float32), 1.0, self.pressed == 3, False, {}

    buffer = np.zeros(2, np.int8)

    def expert(observation, info):
        buffer[:] = observation[0] == 1, 0
        return buffer

    shown = collect(Buttons(), expert, 1)
    assert shown.actions().tolist() == [[0, 0], [1, 0], [0, 0]]
    shown.write("mine/buttons-v0")  # of an environment that has no id
    assert Demonstrations.read("mine/buttons-v0").environment == "Buttons"


def test_the_digest_holds_what_was_observed():
    one = collect(gym.make("CartPole-v1"), lambda observation, info: 0, 1)
    for observation in (
        (other := collect(gym.make("CartPole-v1"), lambda observation, info: 0, 1)).episodes[0].observations
    ):
        observation += 1
    assert one.digest() != other.digest()


@pytest.mark.parametrize("name", ["a/b-v0", "robot/planner", "no name-v0"])
def test_a_name_that_minari_cannot_have_is_refused_with_the_form_of_names(name):
    with pytest.raises(LabError, match=f"'{name}' is not a name .* a namespace has at least two characters; write"):
        Demonstrations.read(name)
