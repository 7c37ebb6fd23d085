"""The robot gridworld as people use it: observations, spaces, drawing, arguments, memory."""

import doctest
import warnings
from pathlib import Path

import gymnasium as gym
import minigrid
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given
from hypothesis import strategies as st
from minigrid_oracle import MINIGRIDS, ONE_EACH, with_shared_layout

from rl_lab.envs import robot
from rl_lab.envs.batch import BatchVectorEnv
from rl_lab.envs.registration import resolve
from rl_lab.envs.robot import cells, mission_parser, missions
from rl_lab.envs.robot.registration import ENVIRONMENTS
from rl_lab.errors import LabError

assert minigrid  # importing it registers its environments
DOOR_KEY, RANDOM = "rl_lab/Robot-DoorKey-8x8-v0", "rl_lab/Robot-Empty-Random-6x6-v0"
SMALL = "rl_lab/Robot-DoorKey-5x5-v0"


@pytest.mark.parametrize("module", [robot, missions, mission_parser])
def test_examples_in_docstrings(module):
    assert doctest.testmod(module).failed == 0
    assert doctest.testmod(module).attempted > 0


def test_ids_are_those_of_minigrid():
    wanted = {id for id in gym.registry if id.startswith("MiniGrid-") and "-WFC-" not in id}
    assert {id.replace("rl_lab/Robot-", "MiniGrid-") for id in MINIGRIDS} == wanted
    assert len(ENVIRONMENTS) == len(wanted) + 12  # eight mazes, three of Scout, and Custom


def test_the_readme_lists_every_id_as_it_is():
    text = (Path(robot.__file__).parent / "README.md").read_text(encoding="utf-8")
    listed = {}
    for line in text.splitlines():
        if line.startswith("| `") and line.count("|") == 7:
            name, size, steps, through, *_ = (cell.strip(" `") for cell in line.strip("|").split("|"))
            listed[f"rl_lab/Robot-{name}"] = size, steps, through
    configs = {id: resolve(place, arguments).config for id, (place, arguments) in ENVIRONMENTS.items()}
    assert listed == {
        id: (f"{c['width']}x{c['height']}", str(c["max_steps"]), "yes" if c["see_through_walls"] else "no")
        for id, c in configs.items()
    }


def test_registering_imports_no_kernels(python):
    python("import rl_lab, sys; assert not {'rl_lab.envs.robot.camera', 'numba', 'torch'} & set(sys.modules)")


def test_families_share_the_machine_code_of_a_step():
    lanes = (gym.make_vec(id, num_envs=1).unwrapped.lanes for id in (SMALL, "rl_lab/Robot-GoToDoor-5x5-v0"))
    one, other = ({link.digest for link in each.step_loop.module.links.values()} for each in lanes)
    assert one & other


@pytest.mark.parametrize("id", [DOOR_KEY, RANDOM])
def test_flat_is_the_image_and_the_direction_of_dict(id):
    flat, parts = (gym.make_vec(id, num_envs=16, observation=kind, max_steps=50) for kind in ("flat", "dict"))
    rows, fields = flat.reset(seed=3)[0], parts.reset(seed=3)[0]
    actions = np.random.default_rng(0).integers(0, 7, (200, 16))
    for action in actions:
        assert np.array_equal(rows[:, :147], fields["image"].reshape(16, 147))
        assert np.array_equal(rows[:, 147:], np.eye(4)[fields["direction"]])
        assert rows in flat.observation_space
        assert fields in parts.observation_space
        rows, fields = flat.step(action)[0], parts.step(action)[0]


def test_missions_are_text_in_one_environment_and_tokens_in_a_batch():
    one, batch = gym.make(DOOR_KEY, observation="dict"), gym.make_vec(DOOR_KEY, num_envs=2, observation="dict")
    mission = one.reset(seed=0)[0]["mission"]
    assert mission == gym.make("MiniGrid-DoorKey-8x8-v0").reset()[0]["mission"]
    for row in batch.reset(seed=0)[0]["mission"]:
        assert row.tolist() == missions.tokens(mission).tolist()


@pytest.mark.parametrize("observation", ["flat", "dict"])
@pytest.mark.parametrize("id", [DOOR_KEY, RANDOM])
def test_gymnasiums_checker_passes(id, observation):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gym.make(id, observation=observation).unwrapped)


def test_a_window_is_a_render_mode_where_it_can_be_one(monkeypatch):
    assert gym.make(RANDOM).metadata["render_modes"] == ["rgb_array", "ansi", "human"]
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)  # as without pygame
    env, envs = gym.make(RANDOM), gym.make_vec(RANDOM, num_envs=2)
    assert env.metadata["render_modes"] == envs.metadata["render_modes"] == ["rgb_array", "ansi"]
    check_env(env.unwrapped)


@pytest.mark.parametrize("id", [DOOR_KEY, RANDOM])
def test_stable_baselines_checker_passes(id):
    from stable_baselines3.common.env_checker import check_env as check_for_sb3

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_for_sb3(gym.make(id).unwrapped)


@pytest.mark.parametrize("observation", ["flat", "dict"])
@pytest.mark.parametrize("id", ONE_EACH)
def test_gymnasiums_checker_passes_on_every_family(id, observation):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gym.make(id, observation=observation, debug=True).unwrapped, skip_render_check=True)


@pytest.mark.parametrize("id", ONE_EACH)
def test_plain_python_steps_alike_in_every_family(id):
    levels, definition = gym.make_vec(id, num_envs=2).unwrapped, with_shared_layout(id)
    levels.reset(seed=1)
    plain, machine = (BatchVectorEnv(definition, 2, debug=debug) for debug in (True, False))
    for env in (plain, machine):
        env.load_state(levels.save_state())
    for action in np.random.default_rng(1).integers(0, definition.action_space.n, (40, 2)):
        for env in (plain, machine):
            env.step(action)
        assert plain.save_state().tobytes() == machine.save_state().tobytes()


@pytest.mark.parametrize("observation", ["flat", "dict"])
@pytest.mark.parametrize(("id", "arguments"), [(SMALL, {"max_steps": 60}), (RANDOM, {})])
def test_plain_python_is_the_same_program(id, arguments, observation):
    plain, machine = (
        gym.make_vec(id, num_envs=1, observation=observation, debug=debug, **arguments).unwrapped
        for debug in (True, False)
    )
    for env in (plain, machine):
        env.reset(seed=1)
    for action in np.random.default_rng(1).integers(0, 7, (1_000, 1)):
        plain.step(action)
        machine.step(action)
        assert plain.save_state().tobytes() == machine.save_state().tobytes()
        assert plain.lanes.observations.tobytes() == machine.lanes.observations.tobytes()


def test_a_state_of_another_family_is_refused():
    door_key, go_to = (gym.make_vec(id, num_envs=2).unwrapped for id in (SMALL, "rl_lab/Robot-GoToDoor-5x5-v0"))
    go_to.reset(seed=0)
    before = go_to.save_state()
    with pytest.raises(LabError, match=r"random\[0\]=0; it must be a stream that reset\(\) has seeded"):
        door_key.load_state(door_key.save_state())  # before the first reset
    door_key.reset(seed=0)
    with pytest.raises(LabError, match="a state of another family or variant cannot be loaded into Robot-GoToDoor"):
        go_to.load_state(door_key.save_state())
    assert go_to.save_state().tobytes() == before.tobytes()


def test_four_thousand_lanes_take_under_50_mb():
    for size in (8, 16, 41):
        lanes = gym.make_vec(DOOR_KEY, num_envs=4096, size=size).unwrapped.lanes
        arrays = [value for value in vars(lanes).values() if isinstance(value, np.ndarray)]
        assert sum(array.nbytes for array in arrays) < 50e6


def test_frames_have_the_size_that_was_asked_for_and_lighten_what_is_seen():
    env = gym.make(DOOR_KEY, render_mode="rgb_array", tile_size=8)
    env.reset(seed=0)
    frame = env.render()
    assert frame.shape == (64, 64, 3)
    assert frame.dtype == np.uint8
    through = gym.make(DOOR_KEY, render_mode="rgb_array", tile_size=8, see_through_walls=True)
    through.reset(seed=0)
    lighter = through.render() != frame
    assert lighter.any()
    assert (through.render()[lighter] > frame[lighter]).all()


def test_text_shows_mission_and_hands():
    env = gym.make(DOOR_KEY, render_mode="ansi")
    env.reset(seed=0)
    *rows, status = env.render().split("\n")
    assert [len(row) for row in rows] == [16] * 8
    assert status == "use the key to open the door and then get to the goal; carrying nothing; step 0"


def test_episodes_are_recorded_as_video(tmp_path):
    env = gym.make(RANDOM, render_mode="rgb_array", max_steps=5)
    env = gym.wrappers.RecordVideo(env, str(tmp_path / "videos"), episode_trigger=lambda episode: True)
    env.reset(seed=0)
    for _ in range(5):
        env.step(0)
    env.close()
    assert [file.stat().st_size > 1000 for file in tmp_path.glob("videos/*.mp4")] == [True]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"size": 4}, "size=4 .* from 5 to 41"),
        ({"size": 42}, "size=42"),
        ({"size": 8.0}, "size=8.0"),
        ({"size": True}, "size=True"),
        ({"max_steps": 0}, "max_steps=0"),
        ({"max_steps": -5}, "max_steps=-5"),
        ({"observation": "pixels"}, "observation='pixels' .* flat, dict"),
        ({"see_through_walls": "no"}, "see_through_walls='no' .* True or False"),
        ({"tile_size": 0}, "tile_size=0"),
        ({"colour": "red"}, "'colour'"),
    ],
)
def test_arguments_that_are_not_allowed(arguments, words):
    with pytest.raises(LabError, match=words):
        gym.make(DOOR_KEY, **arguments)


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("LavaGapS5", {"size": 4}, "size=4 .* from 5 to 41"),
        ("SimpleCrossingS9N1", {"size": 8}, "size=8 .* must be odd"),
        ("SimpleCrossingS9N1", {"crossings": 7}, "crossings=7 .* from 1 to 6"),
        ("SimpleCrossingS9N1", {"lava": 1}, "lava=1 .* True or False"),
        ("DistShift1", {"strip": 6}, "strip=6 .* from 2 to 5"),
        ("Dynamic-Obstacles-5x5", {"obstacles": 4}, "obstacles=4 .* from 0 to 3"),
        ("Fetch-5x5-N2", {"objects": 9}, "objects=9 .* from 1 to 8"),
        ("GoToDoor-5x5", {"size": 42}, "size=42 .* from 5 to 41"),
        ("PutNear-6x6-N2", {"objects": 3}, "objects=3 .* with size=6"),
        ("PutNear-6x6-N2", {"objects": 1}, "objects=1 .* from 2 to 18"),
        ("Unlock", {"size": 8}, "unlock takes no argument 'size'; its arguments are: observation, "),
        ("KeyCorridorS3R1", {"room_size": 2}, "room_size=2 .* from 3 to 14"),
        ("KeyCorridorS3R1", {"rows": 6}, "rows=6 .* from 1 to 5"),
        ("KeyCorridorS6R3", {"room_size": 14, "rows": 4}, "rows=4 .* from 1 to 3"),
        ("MultiRoom-N6", {"rooms": 9}, "rooms=9 .* from 1 to 8"),
        ("MultiRoom-N6", {"room_size": 3}, "room_size=3 .* from 4 to 10"),
        ("MemoryS7", {"size": 8}, "size=8 .* must be odd"),
        ("MemoryS7", {"random_length": None}, "random_length=None .* True or False"),
        ("ObstructedMaze-Full", {"quarters": 5}, "quarters=5 .* from 1 to 4"),
        ("RedBlueDoors-6x6", {"size": 21}, "size=21 .* from 5 to 20"),
        ("Maze-9x9", {"size": 10}, "size=10 .* must be odd"),
        ("Maze-9x9", {"braid": 1.5}, "braid=1.5 .* from 0 to 1"),
        ("Maze-9x9", {"braid": float("nan")}, "braid=nan"),
        ("Maze-9x9", {"braid": "all"}, "braid='all'"),
    ],
)
def test_arguments_that_a_family_does_not_take(name, arguments, words):
    version = 1 if "Full" in name else 0
    with pytest.raises(LabError, match=words):
        gym.make(f"rl_lab/Robot-{name}-v{version}", **arguments)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("LavaGapS5-v0", {"size": 41}),
        ("SimpleCrossingS9N1-v0", {"size": 41, "crossings": 38}),
        ("LavaCrossingS9N1-v0", {"size": 5, "crossings": 2}),
        ("Dynamic-Obstacles-5x5-v0", {"size": 41, "obstacles": 21}),
        ("Fetch-5x5-N2-v0", {"size": 5, "objects": 8}),
        ("GoToObject-6x6-N2-v0", {"size": 41, "objects": 18}),
        ("PutNear-6x6-N2-v0", {"size": 15, "objects": 18}),
        ("KeyCorridorS3R1-v0", {"room_size": 9, "rows": 5}),
        ("MultiRoom-N6-v0", {"rooms": 8}),
        ("MultiRoom-N6-v0", {"rooms": 1, "room_size": 4}),
        ("RedBlueDoors-6x6-v0", {"size": 20}),
        ("MemoryS7-v0", {"size": 41, "random_length": True}),
        ("ObstructedMaze-Full-v1", {"quarters": 3, "keys_last": False}),
    ],
)
def test_the_largest_and_smallest_that_families_take(name, arguments):
    env = gym.make(f"rl_lab/Robot-{name}", debug=True, observation="dict", **arguments)
    observation, _ = env.reset(seed=0)
    assert observation in env.observation_space


def test_empty_rooms_have_their_own_smallest_size_and_flag():
    with pytest.raises(LabError, match=r"size=3 .* from 4 to 41"):
        gym.make(RANDOM, size=3)
    with pytest.raises(LabError, match=r"random_start=1 .* True or False"):
        gym.make(RANDOM, random_start=1)
    env = gym.make_vec(RANDOM, num_envs=50, size=4)
    env.reset(seed=0)
    poses = env.unwrapped.lanes.states[["x", "y"]]
    assert {tuple(int(n) for n in pose) for pose in poses} == {(1, 1), (2, 1), (1, 2)}


VALID = st.one_of(
    st.just((cells.EMPTY, 0, 0)),
    st.tuples(st.sampled_from([2, 3, 5, 6, 7, 8, 9]), st.integers(0, 5), st.just(0)),
    st.tuples(st.just(cells.DOOR), st.integers(0, 5), st.integers(0, 2)),
)


@given(st.lists(VALID, min_size=1))
def test_a_byte_holds_a_cell(encoding):
    packed = cells.pack(np.array(encoding))
    assert packed.dtype == np.uint8
    assert cells.unpack(packed).tolist() == [list(cell) for cell in encoding]


@given(st.lists(st.sampled_from(missions.VOCABULARY[1:]), max_size=20))
def test_tokens_hold_a_mission(words):
    assert missions.text(missions.tokens(" ".join(words))) == " ".join(words)
