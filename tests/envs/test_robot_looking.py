"""Looking as an action: what is seen between looks, what is felt, and that the world does not mind being looked at."""

import dataclasses
import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st
from minigrid_oracle import ONE_EACH

from rl_lab.envs.registration import resolve
from rl_lab.envs.robot import camera, looking, tasks
from rl_lab.envs.robot.registration import ENVIRONMENTS
from rl_lab.envs.single import BatchEnv
from rl_lab.errors import LabError

DOOR_KEY, SCOUT = "rl_lab/Robot-DoorKey-5x5-v0", "rl_lab/Robot-Scout-7x7-v0"
FORWARD, DONE, LOOK = 2, 6, 7
LATER = ("frames", "first_frame", "felt", "age", "has_looked", "bump", "look_x", "look_y", "look_direction")
SEEN = ("seen", "columns", "variant")
GOES_ON = [id for id in ONE_EACH if "GoTo" not in id]  # where `done` does not end the episode

actions_with_looks = st.lists(st.integers(0, LOOK) | st.sampled_from([FORWARD, LOOK]), min_size=1, max_size=40)
how = st.fixed_dictionaries(
    {
        "first_look": st.booleans(),
        "between_looks": st.sampled_from(looking.BETWEEN),
        "look_cost": st.sampled_from([0.0, 0.25]),
    }
)


def definition_of(id, **arguments):
    place, defaults = ENVIRONMENTS[id]
    return resolve(place, defaults | arguments)


def single(id, render_mode=None, **arguments):
    arguments = {"look": True, "observation": "dict"} | arguments
    return BatchEnv(definition_of(id, **arguments), debug=True, render_mode=render_mode)


def always_seeing(id, render_mode=None, **arguments):
    """The same world without looking, in which all the seven other actions are allowed."""
    seeing = definition_of(id, look=False, observation="dict", **arguments)
    seeing = dataclasses.replace(seeing, action_space=spaces.Discrete(7))
    return BatchEnv(seeing, debug=True, render_mode=render_mode)


def world_of(env):
    state = env.lanes.states[0]
    return {name: state[name].tobytes() for name in state.dtype.names if name not in (*LATER, *SEEN)}


@pytest.mark.parametrize("id", GOES_ON)
@settings(max_examples=4)
@given(seed=st.integers(0, 999), actions=actions_with_looks, how=how)
def test_a_look_is_a_step_in_which_nothing_is_done_and_images_are_those_of_the_last_look(id, seed, actions, how):
    env, seeing = single(id, **how), always_seeing(id)
    observation, there = env.reset(seed=seed)[0], seeing.reset(seed=seed)[0]
    last, age = there["image"] * how["first_look"], 0
    for action in [None, *actions]:
        if action is not None:
            is_obstacle_course = seeing.lanes.config["task"][0] == tasks.DODGE
            waits = action == LOOK or (is_obstacle_course and action > FORWARD)
            observation, reward, *ended, _ = env.step(action)
            there, plain_reward, *plain_ended, _ = seeing.step(DONE if waits else action)
            assert reward == plain_reward - how["look_cost"] * (action == LOOK)
            assert ended == plain_ended
            last, age = (there["image"], 0) if action == LOOK else (last, age + 1)
        world, plain = world_of(env), world_of(seeing)
        assert world.pop("episode_return") == plain.pop("episode_return") or how["look_cost"]
        assert world == plain
        assert observation["age"] == age
        assert observation["direction"] == there["direction"]
        assert observation["mission"] == there["mission"]
        shown = 0 * last if age and how["between_looks"] == "blank" else last
        assert np.array_equal(observation["image"], shown)
        if action is not None and any(ended):
            break


@pytest.mark.parametrize("id", [DOOR_KEY, SCOUT, "rl_lab/Robot-Maze-9x9-v0"])
@settings(max_examples=20)
@given(seed=st.integers(0, 999), actions=actions_with_looks)
def test_what_is_felt_adds_up_to_the_moves_since_the_look(id, seed, actions):
    env = single(id, max_steps=1_000)
    env.reset(seed=seed)
    at, facing, step_of = 0j, 1, {0: 1, 1: 1j, 2: -1, 3: -1j}  # ahead is 1, right is 1j, as the robot faced at the look
    for action in actions:
        before = env.lanes.states[["x", "y"]].copy()
        observation, _, *ended, _ = env.step(action)
        stayed = before == env.lanes.states[["x", "y"]]
        assert observation["bump"] == (action == FORWARD and stayed)
        if action == LOOK:
            at, facing = 0j, 1
        elif action == FORWARD and not observation["bump"]:
            at += facing
        elif action < FORWARD:
            facing *= -1j if action == 0 else 1j
        assert complex(*observation["moved"]) == at
        assert step_of[int(observation["turned"])] == facing
        if any(ended):
            break


@settings(max_examples=10)
@given(seed=st.integers(0, 999), actions=actions_with_looks, how=how)
def test_flat_and_onehot_say_what_dict_says(seed, actions, how):
    envs = [single(DOOR_KEY, observation=kind, **how) for kind in ("dict", "flat", "onehot")]
    shown = [env.reset(seed=seed)[0] for env in envs]
    for action in [None, *actions]:
        steps = [env.step(action) for env in envs] if action is not None else []
        parts, flat, bits = [step[0] for step in steps] or shown
        carried = parts["carrying"]
        thing = (1, 0) if carried == 0 else (5 + (carried - 1) // 6, (carried - 1) % 6)
        felt = [parts["age"][0], parts["bump"], *thing, *parts["moved"], *np.eye(4)[parts["turned"]]]
        assert flat.tolist() == [*parts["image"].ravel(), *np.eye(4)[parts["direction"]], *felt]
        assert np.array_equal(bits["image"][..., :11].argmax(-1), parts["image"][..., 0])
        assert all(np.array_equal(bits[name], parts[name]) for name in parts if name != "image")
        for env, observation in zip(envs, (parts, flat, bits), strict=True):
            assert observation in env.observation_space
        if steps and (steps[0][2] or steps[0][3]):
            break


@pytest.mark.parametrize("observation", ["flat", "dict"])
@settings(max_examples=5)
@given(seed=st.integers(0, 999), actions=actions_with_looks)
def test_stacked_frames_are_the_last_ones(observation, seed, actions):
    env, stacked = (single(DOOR_KEY, observation=observation, frame_stack=n, max_steps=100) for n in (1, 3))

    def numbers(shown):
        return shown if observation == "flat" else {name: shown[name] for name in shown if name != "mission"}

    history = [numbers(env.reset(seed=seed)[0])] * 3
    last = numbers(stacked.reset(seed=seed)[0])
    for action in [*actions, None]:
        if observation == "flat":
            assert np.array_equal(last, history)
        else:
            assert all(np.array_equal(last[name], [frame[name] for frame in history]) for name in last)
        if action is None or env.lanes.states["done"][0]:
            break
        history = [*history[1:], numbers(env.step(action)[0])]
        last = numbers(stacked.step(action)[0])


def test_without_looking_worlds_run_the_kernels_and_keep_the_states_that_they_always_did():
    for id in ONE_EACH:
        plain = definition_of(id, look=False)
        assert (plain.step, plain.observe) == (tasks.step, camera.observe_flat)
        assert not {"age", "felt", "has_looked"} & set(plain.state.names)
        assert not {"look_cost", "blank", "first_look"} & set(plain.config)
        assert definition_of(id, look=True).action_space == spaces.Discrete(8)


def test_plain_python_is_the_same_program():
    arguments = {"look": True, "observation": "onehot", "look_cost": 0.1, "max_steps": 50, "frame_stack": 2}
    plain, machine = (gym.make_vec(DOOR_KEY, num_envs=2, debug=debug, **arguments).unwrapped for debug in (True, False))
    for env in (plain, machine):
        env.reset(seed=1)
    for action in np.random.default_rng(1).integers(0, 8, (150, 2)):
        answers = [env.step(action) for env in (plain, machine)]
        assert answers[0][1].tolist() == answers[1][1].tolist()
        assert plain.save_state().tobytes() == machine.save_state().tobytes()
        assert plain.lanes.observations.tobytes() == machine.lanes.observations.tobytes()


@pytest.mark.parametrize("observation", ["flat", "dict", "onehot"])
@pytest.mark.parametrize(
    "arguments", [{"frame_stack": 2, "view_size": 5}, {"between_looks": "blank", "look_cost": 0.5}]
)
def test_gymnasiums_checker_passes(observation, arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gym.make(DOOR_KEY, observation=observation, look=True, debug=True, **arguments)
        check_env(env.unwrapped, skip_render_check=True)


def test_stable_baselines_checker_passes():
    from stable_baselines3.common.env_checker import check_env as check_for_sb3

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_for_sb3(gym.make(SCOUT, debug=True).unwrapped)


def test_saved_states_remember_what_was_seen():
    env = single(SCOUT)
    env.reset(seed=4)
    for action in (0, LOOK, FORWARD, 1):
        observation, *_ = env.step(action)
    twin = single(SCOUT)
    loaded, _ = twin.load_state(env.save_state())
    for other in (loaded, env.clone()._observation()):
        assert all(np.array_equal(other[name], observation[name]) for name in observation)
    assert observation["age"] == 2


def test_a_position_from_options_has_been_looked_at_once_or_never():
    grid = np.tile((2, 5, 0), (5, 5, 1))
    grid[1:4, 1:4] = 1, 0, 0
    options = {"grid": grid, "agent": (2, 3, 3), "step": 7}
    for first_look in (True, False):
        env = single(DOOR_KEY, first_look=first_look, frame_stack=2)
        env.reset(seed=0)
        env.step(FORWARD)
        observation, _ = env.reset(options=options)
        assert observation["age"].tolist() == [[0], [0]]
        assert observation["image"].any() == first_look
        assert observation["moved"].tolist() == [[0, 0], [0, 0]]


def test_states_with_and_without_looking_are_not_mixed_up():
    env, seeing = single(DOOR_KEY), always_seeing(DOOR_KEY)
    env.reset(seed=0)
    with pytest.raises(LabError, match="load what the same environment saved"):
        seeing.load_state(env.save_state())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"look": 1}, "look=1 .* True or False"),
        ({"look": True, "first_look": "yes"}, "first_look='yes' .* True or False"),
        ({"look": True, "look_cost": float("nan")}, "look_cost=nan .* finite number of at least 0"),
        ({"look": True, "look_cost": float("inf")}, "look_cost=inf .* finite"),
        ({"look": True, "look_cost": 10**400}, "look_cost=10+ .* finite"),
        ({"look": True, "look_cost": -0.1}, "look_cost=-0.1 .* at least 0"),
        ({"look": True, "look_cost": "much"}, "look_cost='much'"),
        ({"look": True, "look_cost": True}, "look_cost=True"),
        ({"look": True, "look_cost": np.ones(2)}, "look_cost=array"),
        ({"look": True, "between_looks": "dark"}, "between_looks='dark' .* one of frozen, blank"),
        ({"look_cost": 0.1}, "look_cost=0.1 says how looking works, but look is False; add look=True"),
        ({"look": True, "between_looks": np.zeros(2)}, "between_looks=array.* is not allowed"),
        ({"between_looks": "blank"}, "between_looks='blank' says how"),
        ({"first_look": False}, "first_look=False says how"),
        ({"look": True, "observation": "full"}, "observation='full' is not offered with look=True"),
        ({"look": True, "observation": "state"}, "observation='state' is not offered with look=True"),
    ],
)
def test_arguments_that_are_not_allowed(arguments, words):
    with pytest.raises(LabError, match=words) as caught:
        gym.make(DOOR_KEY, **arguments)
    assert "\n" not in str(caught.value)


def test_a_look_is_no_action_where_looking_is_off():
    env = gym.make(DOOR_KEY, debug=True)
    env.reset(seed=0)
    with pytest.raises(LabError, match="action 7 is out of range"):
        env.step(LOOK)


def test_pictures_lighten_what_was_seen_when_the_robot_looked_and_words_say_when():
    env, words = (single(DOOR_KEY, render_mode=mode) for mode in ("rgb_array", "ansi"))
    seeing = always_seeing(DOOR_KEY, render_mode="rgb_array")
    for each in (env, words, seeing):
        each.reset(seed=2)
    assert words.render().endswith("carrying nothing, just looked; step 0")
    before = (env.render() == seeing.render()).all()
    for each in (env, words, seeing):
        each.step(0)
    assert before
    assert words.render().endswith("carrying nothing, looked 1 step ago; step 1")
    assert (env.render() != seeing.render()).any()
    env.step(LOOK)
    assert (env.render() == seeing.render()).all()
    blind = single(DOOR_KEY, render_mode="ansi", first_look=False)
    blind.reset(seed=2)
    assert "not looked yet" in blind.render()
