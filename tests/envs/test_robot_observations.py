"""Observations and rewards by argument: MiniGrid's and Gymnasium's wrappers see the same."""

import importlib
import inspect
import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import FrameStackObservation
from minigrid.wrappers import FullyObsWrapper, OneHotPartialObsWrapper, ViewSizeWrapper
from minigrid_oracle import (
    DROP,
    FORWARD,
    ONE_EACH,
    PICKUP,
    TOGGLE,
    RandomWorld,
    at_random,
    numbers,
    position,
    with_shared_layout,
)

from rl_lab.envs.robot import camera, frames, tabular, wide_camera
from rl_lab.envs.robot.observations import KINDS
from rl_lab.envs.robot.registration import ENVIRONMENTS
from rl_lab.envs.single import BatchEnv
from rl_lab.errors import LabError

ROOM, DOOR_KEY = "rl_lab/Robot-Empty-8x8-v0", "rl_lab/Robot-DoorKey-8x8-v0"
SMALL, CUSTOM = "rl_lab/Robot-DoorKey-5x5-v0", "rl_lab/Robot-Custom-v0"
LAYOUT = "###########\n#>.{}....G.#\n#.........#\n#.........#\n#.........#\n#.........#\n###########"
OTHER_MISSION = LAYOUT.format("o") + "\n\nmission = pick up the blue ball"
FULL_AND_STACKED = {"observation": "full", "frame_stack": 2}


def in_step(wrapped, see_through_walls=False, seeds=6, steps=40, **arguments):
    """Both observations in lock-step from MiniGrid's random worlds; yields MiniGrid's, wrapped, and ours."""
    theirs = RandomWorld(8, 8, see_through_walls, max_steps=100)
    view, ours = wrapped(theirs), gym.make(ROOM, see_through_walls=see_through_walls, debug=True, **arguments)
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        theirs.reset(seed=seed)
        mine = ours.reset(options=position(theirs))[0]
        yield view.observation(theirs.gen_obs()), mine, theirs
        for _ in range(steps):
            action = at_random(theirs, rng)
            seen, _, ended, *_ = view.step(action)
            mine = ours.step(action)[0]
            yield seen, mine, theirs
            if ended:
                break


def assert_same(theirs, mine):
    assert np.array_equal(theirs["image"], mine["image"])
    assert theirs["direction"] == mine["direction"]
    assert theirs["mission"] == mine["mission"]


@pytest.mark.parametrize("see_through_walls", [False, True])
@pytest.mark.parametrize("size", [3, 5, 9, 13])
def test_other_cameras_are_those_of_minigrids_wrapper(size, see_through_walls):
    def wrapped(env):
        return ViewSizeWrapper(env, agent_view_size=size)

    for theirs, mine, _ in in_step(wrapped, see_through_walls, seeds=4, observation="dict", view_size=size):
        assert_same(theirs, mine)


def test_the_general_camera_is_the_usual_one_at_seven():
    env = gym.make(DOOR_KEY, debug=True).unwrapped
    for seed in range(20):
        env.reset(seed=seed)
        state, config = env.lanes.record(0)
        camera.look(state, config)
        usual = state.seen[:49].tolist()
        wide_camera.look(state, config)
        assert state.seen[:49].tolist() == usual


def test_onehot_is_that_of_minigrids_wrapper():
    for theirs, mine, _ in in_step(OneHotPartialObsWrapper, observation="onehot"):
        assert_same(theirs, mine)


def test_full_is_that_of_minigrids_wrapper_and_what_is_carried():
    carried = set()
    for theirs, mine, world in in_step(FullyObsWrapper, seeds=15, observation="full"):
        assert_same(theirs, mine)
        thing, colour = numbers(world.carrying) if world.carrying else (4, 5)
        assert mine["carrying"] == 1 + 6 * (thing - 5) + colour
        carried.add(int(mine["carrying"]))
    assert 0 in carried
    assert len(carried) > 4


@pytest.mark.parametrize("observation", KINDS)
@pytest.mark.parametrize("count", [2, 4])
def test_stacked_frames_are_those_of_gymnasiums_wrapper(observation, count):
    arguments = {"observation": observation, "max_steps": 20, "debug": True, "view_size": 5}
    one, stacked = gym.make(SMALL, **arguments), gym.make(SMALL, frame_stack=count, **arguments)
    images = one if observation in ("flat", "state") else gym.wrappers.FilterObservation(one, _not_mission(one))
    wrapped = FrameStackObservation(images, count)
    assert stacked.observation_space == wrapped.observation_space or observation not in ("flat", "state")
    rng = np.random.default_rng(0)
    for episode in range(4):
        theirs, mine, ended = wrapped.reset(seed=episode)[0], stacked.reset(seed=episode)[0], False
        while not ended:
            for name in images.observation_space if isinstance(theirs, dict) else [...]:
                assert np.array_equal(theirs[name], np.asarray(mine[name]))
            action = int(rng.integers(6))
            theirs, mine = wrapped.step(action)[0], stacked.step(action)
            ended, mine = mine[2] or mine[3], mine[0]


def _not_mission(env):
    return [name for name in env.observation_space if name != "mission"]


@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_stacks_begin_anew_with_every_episode_and_go_with_the_state(mode):
    envs = gym.make_vec(SMALL, num_envs=3, frame_stack=3, max_steps=5, debug=True, vectorization_mode=None)
    batch = type(envs)(envs.definition, 3, autoreset_mode=mode, debug=True)
    observations, _ = batch.reset(seed=0)
    assert (observations == observations[:, :1]).all()
    rng, begun = np.random.default_rng(0), 0
    for _ in range(30):
        before, fresh = observations, batch.lanes.states["done"].copy()
        observations, _, terminated, truncated, info = batch.step(rng.integers(0, 3, 3))
        fresh |= (terminated | truncated) if mode == "SameStep" else False
        assert (observations[fresh] == observations[fresh][:, :1]).all()
        assert (observations[~fresh][:, :2] == before[~fresh][:, 1:]).all()
        begun += fresh.sum()
        if mode == "SameStep" and fresh.any():
            last = np.stack(info["final_obs"][fresh])
            assert (last[:, :2] == before[fresh][:, 1:]).all()
    assert begun > 10
    again, _ = batch.load_state(batch.save_state())
    assert np.array_equal(again, observations)


def test_a_stack_that_begins_in_a_given_position_holds_it_alone():
    env = gym.make(ROOM, frame_stack=4, debug=True)
    env.reset(seed=0)
    env.step(FORWARD)
    theirs = RandomWorld(6, 6, True, 100)
    theirs.reset(seed=0)
    for step in (0, 7):
        observation, _ = env.reset(options=position(theirs) | {"step": step})
        assert (observation == observation[0]).all()
        observation = env.step(0)[0]
        assert (observation[:3] == observation[0]).all()
        assert (observation[3] != observation[0]).any()


ARGUMENTS = [
    *({"observation": kind} for kind in KINDS),
    {"observation": "dict", "view_size": 3, "frame_stack": 2},
    FULL_AND_STACKED,
    {"observation": "state", "frame_stack": 3},
]


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=str)
def test_spaces_hold_what_is_observed_single_and_batched(arguments):
    one, batch = gym.make(SMALL, debug=True, **arguments), gym.make_vec(SMALL, num_envs=3, debug=True, **arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(one.unwrapped, skip_render_check=True)
    observations, _ = batch.reset(seed=0)
    for action in np.random.default_rng(0).integers(0, 7, (60, 3)):
        assert observations in batch.observation_space
        observations = batch.step(action)[0]


@pytest.mark.parametrize("arguments", [{"observation": "onehot", "view_size": 5}, FULL_AND_STACKED], ids=str)
def test_plain_python_is_the_same_program(arguments):
    plain, machine = (
        gym.make_vec(SMALL, num_envs=4, debug=debug, max_steps=30, **arguments).unwrapped for debug in (1, 0)
    )
    for env in (plain, machine):
        env.reset(seed=1)
    for action in np.random.default_rng(1).integers(0, 7, (100, 4)):
        plain.step(action)
        machine.step(action)
        assert plain.save_state().tobytes() == machine.save_state().tobytes()
        assert plain.lanes.observations.tobytes() == machine.lanes.observations.tobytes()


def reachable(env, index):
    """The numbers of all states that actions lead to from the present one, by all that tells them apart."""
    state, config = env.lanes.record(0)

    def key():
        return b"".join(np.asarray(state[name]).tobytes() for name in ("cells", "x", "y", "direction", "carrying"))

    frontier, known = [env.lanes.save()], {key(): int(index(state, config))}
    while frontier:
        saved = frontier.pop()
        for action in (0, 1, FORWARD, PICKUP, DROP, TOGGLE):
            saved["steps"], saved["done"] = 0, False
            env.load_state(saved)
            ended = env.step(action)[2]
            if key() not in known:
                known[key()] = int(index(state, config))
                frontier += [] if ended else [env.lanes.save()]
    return known


@pytest.mark.parametrize(
    ("name", "seeds"), [("Empty-5x5-v0", 2), ("DistShift1-v0", 1), ("LavaGapS5-v0", 12), ("DoorKey-5x5-v0", 6)]
)
def test_every_state_has_a_number_of_its_own(name, seeds):
    id, states = f"rl_lab/Robot-{name}", {}
    levels = gym.make_vec(id, num_envs=seeds, observation="state", debug=True).unwrapped
    levels.reset(seed=0)
    env = BatchEnv(with_shared_layout(id))
    env.reset(seed=0)
    code = tabular.CODES[env.definition.name]
    for saved in levels.save_state():
        here = env.save_state()
        for field in set(here.dtype.names) - {"variant"}:  # which shows something else of the same world
            here[field] = saved[field]
        env.load_state(here)
        states |= reachable(env, code.index)
    assert len(set(states.values())) == len(states) > 30
    assert min(states.values()) >= 0
    assert max(states.values()) < levels.single_observation_space.n


@pytest.mark.parametrize("layout", ["#####\n#>oG#\n#.D##\n#.k##\n#####", "#####\n#>kk#\n##..#\n##.G#\n#####"])
def test_so_has_every_state_of_a_layout(layout):
    env = gym.make(CUSTOM, observation="state", layout=layout).unwrapped
    env.reset()
    states = reachable(env, lambda state, config: env.lanes.observations[0, 0])
    assert len(set(states.values())) == len(states) > 100
    assert min(states.values()) >= 0
    assert max(states.values()) < env.observation_space.n


def test_numbers_of_states_end_in_the_pose():
    env = gym.make("rl_lab/Robot-DistShift1-v0", observation="state", debug=True).unwrapped
    observation, _ = env.reset(seed=0)
    assert env.observation_space.n == 4 * 7 * 5
    assert observation == 0
    assert env.step(1)[0] == 1
    assert env.step(FORWARD)[0] == 4 * 7 + 1


def test_sparse_rewards_are_one_for_success_and_nothing_else():
    rewards = {}
    for reward in ("minigrid", "sparse"):
        env = gym.make_vec("rl_lab/Robot-Empty-Random-5x5-v0", num_envs=20, reward=reward, debug=True)
        env.reset(seed=0)
        actions = np.random.default_rng(0).choice([1, 2, 2], (60, 20))
        rewards[reward] = np.array([env.step(action)[1] for action in actions])
    assert set(np.unique(rewards["sparse"])) == {0.0, 1.0}
    assert np.array_equal(rewards["sparse"] > 0, rewards["minigrid"] > 0)
    assert len(np.unique(rewards["minigrid"])) > 5


def test_sparse_rewards_do_not_punish():
    ends = {}
    for reward in ("minigrid", "sparse"):
        env = gym.make_vec("rl_lab/Robot-Dynamic-Obstacles-5x5-v0", num_envs=20, reward=reward, debug=True)
        env.reset(seed=0)
        steps = [env.step(np.full(20, FORWARD))[1:3] for _ in range(5)]
        ends[reward] = np.concatenate([rewards[terminated] for rewards, terminated in steps])
    assert set(ends["minigrid"]) == {-1.0}
    assert set(ends["sparse"]) == {0.0}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"observation": "pixels"}, "observation='pixels' .* one of flat, dict, onehot, full, state"),
        ({"observation": None}, "observation=None is not allowed"),
        ({"observation": ["flat"]}, r"observation=\['flat'\] is not allowed"),
        ({"view_size": 6}, "view_size=6 is not allowed; it must be an odd number from 3 to 63"),
        ({"view_size": 2}, "view_size=2 is not allowed; it must be an odd number from 3 to 63"),
        ({"view_size": 1}, "view_size=1 .* from 3 to 63"),
        ({"view_size": 65}, "view_size=65 .* from 3 to 63"),
        ({"view_size": "7"}, "view_size='7'"),
        ({"frame_stack": 0}, "frame_stack=0 .* from 1 to 64"),
        ({"frame_stack": 65}, "frame_stack=65"),
        ({"frame_stack": 2.5}, "frame_stack=2.5"),
        ({"reward": "dense"}, "reward='dense' .* one of minigrid, sparse"),
        ({"max_steps": float("nan")}, "max_steps=nan is not allowed; it must be a whole number from 1 to 2147483647"),
        ({"see_through_walls": 1}, "see_through_walls=1 .* True or False"),
        ({"observation": "state", "size": 41}, "there would be .* states, more than"),
    ],
)
def test_arguments_that_are_not_allowed(arguments, words):
    with pytest.raises(LabError, match=words):
        gym.make(DOOR_KEY, **arguments)
    if "size" not in arguments:
        with pytest.raises(LabError, match=words):
            gym.make(CUSTOM, layout="#####\n#> G#\n#####", **arguments)


@pytest.mark.parametrize("name", ["Fetch-5x5-N2", "GoToObject-6x6-N2"])
def test_a_size_beyond_all_floats_is_refused(name):
    with pytest.raises(LabError, match="size=1e\\+308 is not allowed"):
        gym.make(f"rl_lab/Robot-{name}-v0", size=1e308)


def test_states_are_numbered_where_they_can_be_and_levels_shown_where_they_fit():
    with pytest.raises(LabError, match=r"not offered by Robot-FourRooms, .* Empty, DistShift, LavaGap, DoorKey"):
        gym.make("rl_lab/Robot-FourRooms-v0", observation="state")
    with pytest.raises(LabError, match=r"boxes; take them out"):
        gym.make(CUSTOM, observation="state", layout="#####\n#>bG#\n#####")
    with pytest.raises(LabError, match=r"17 doors .* up to 16"):
        gym.make(CUSTOM, observation="state", layout=f"{'#' * 21}\n#>{'d' * 17}G#\n{'#' * 21}")
    theirs = RandomWorld(6, 6, True, 100)
    theirs.reset(seed=0)
    with pytest.raises(LabError, match="observation='state', which numbers"):
        gym.make(ROOM, observation="state", debug=True).reset(options=position(theirs))
    with pytest.raises(LabError, match="6x6, but observation='full' shows 5x5"):
        gym.make("rl_lab/Robot-Empty-5x5-v0", observation="full", debug=True).reset(options=position(theirs))


@pytest.mark.parametrize(
    ("saved", "loaded"),
    [
        ((SMALL, {}), ("rl_lab/Robot-Empty-5x5-v0", {})),
        ((SMALL, {}), (SMALL, {"size": 7})),
        ((SMALL, {}), (SMALL, {"size": 12})),
        ((SMALL, {}), (SMALL, {"frame_stack": 2})),
        ((SMALL, {}), (SMALL, {"view_size": 5})),
        ((SMALL, {}), (SMALL, {"look": True})),
        ((SMALL, {}), ("rl_lab/CartPole-v1", {})),
        (("rl_lab/Robot-Maze-9x9-v0", {}), ("rl_lab/Robot-Maze-Braided-9x9-v0", {})),
        ((SMALL, {"observation": "full"}), (DOOR_KEY, {"observation": "full"})),
        ((SMALL, {"observation": "state"}), (DOOR_KEY, {"observation": "state"})),
        ((CUSTOM, {"observation": "state"}), (CUSTOM, {"observation": "state", "layout": LAYOUT.format("d")})),
        ((CUSTOM, {"layout": LAYOUT.format(".")}), (CUSTOM, {"layout": OTHER_MISSION})),
        ((CUSTOM, {"layout": LAYOUT.format(".")}), (CUSTOM, {"layout": LAYOUT.format("d")})),
    ],
)
def test_states_go_on_in_their_own_variant_only(saved, loaded):
    one, other = (gym.make(id, debug=True, **arguments).unwrapped for id, arguments in (saved, loaded))
    one.reset(seed=0)
    other.reset(seed=0)
    before = other.save_state().tobytes()
    with pytest.raises(LabError, match=r"a state of another family or variant cannot be loaded into [^']{,200}$"):
        other.load_state(one.save_state())
    assert other.save_state().tobytes() == before


def test_states_go_on_where_only_what_is_shown_or_paid_differs():
    one = gym.make(SMALL, debug=True).unwrapped
    one.reset(seed=3)
    for arguments in ({"observation": "dict"}, {"max_steps": 7}, {"reward": "sparse"}, {"tile_size": 8}):
        other = gym.make(SMALL, debug=True, **arguments).unwrapped
        other.load_state(one.save_state())
        assert np.array_equal(other.save_state()["cells"], one.save_state()["cells"])


def test_bits_and_numbers():
    assert frames.BITS == 20
    assert tabular.CODES["Robot-DoorKey"].total(5, 5) == 3 * 1 * 2 * 10 * 36


@pytest.mark.parametrize("id", ONE_EACH)
def test_sizes_too_small_for_a_family_are_refused(id):
    definer = resolve_function(id)
    names = [name for name in ("size", "room_size") if name in inspect.signature(definer).parameters]
    for name in names:
        with pytest.raises(LabError, match=rf"{name}=2 is not allowed; it must be a whole number from \d+ to \d+"):
            gym.make(id, **{name: 2})


def resolve_function(id):
    module, _, name = ENVIRONMENTS[id][0].partition(":")
    return getattr(importlib.import_module(module), name)
