"""Images of the robot's worlds: as MiniGrid draws them, many at once, and side by side."""

import doctest

import gymnasium as gym
import numpy as np
import pytest
from minigrid_oracle import RandomWorld, position

from rl_lab.envs import screen
from rl_lab.envs.robot import render
from rl_lab.errors import LabError, RenderModeError

ROOM, DOOR_KEY = "rl_lab/Robot-Empty-8x8-v0", "rl_lab/Robot-DoorKey-8x8-v0"


def made(id=ROOM, **arguments):
    return gym.make(id, render_mode="rgb_array", debug=True, **arguments).unwrapped


@pytest.mark.parametrize("view_size", [3, 5, 7, 11])
@pytest.mark.parametrize("observation", ["flat", "full"])
def test_what_is_seen_is_as_light_as_minigrids(view_size, observation):
    theirs = RandomWorld(8, 8, False, max_steps=60)
    theirs.agent_view_size = view_size
    ours = made(see_through_walls=False, view_size=view_size, observation=observation)
    for seed in range(4):
        theirs.reset(seed=seed)
        ours.reset(options=position(theirs))
        frame, wanted = ours.render(), theirs.get_frame(tile_size=32)
        tiles = np.abs(frame.astype(float) - wanted).reshape(8, 32, 8, 32, 3).mean(axis=(1, 3, 4))
        assert tiles.max() < 4  # of 255, in every tile


def test_the_cameras_own_image_is_minigrids():
    theirs = RandomWorld(8, 8, False, max_steps=60)
    ours = made(see_through_walls=False)
    for seed in range(4):
        theirs.reset(seed=seed)
        theirs.carrying = None
        ours.reset(options=position(theirs))
        frame, wanted = render.camera_image(*ours.lanes.record(0)), theirs.get_frame(tile_size=32, agent_pov=True)
        seen = ours.lanes.states["seen"][0, :49].reshape(7, 7).T != 0
        tiles = np.abs(frame.astype(float) - wanted).reshape(7, 32, 7, 32, 3).mean(axis=(1, 3, 4))
        assert tiles[seen].max() < 4


def test_images_of_many_lanes_are_those_of_each():
    envs = gym.make_vec(DOOR_KEY, num_envs=7, render_mode="rgb_array", debug=True, tile_size=9).unwrapped
    envs.reset(seed=3)
    envs.step([0, 1, 2, 2, 1, 0, 3])
    images = envs.render()
    assert isinstance(images, tuple)
    for lane, image in enumerate(images):
        assert image.dtype == np.uint8
        assert np.array_equal(image, envs.lanes.render(lane, "rgb_array"))
    assert len({image.tobytes() for image in images}) == 7


def test_lanes_may_differ_in_size():
    envs = gym.make_vec(ROOM, num_envs=3, render_mode="rgb_array", debug=True, tile_size=8).unwrapped
    envs.reset(seed=0)
    only = np.array([False, True, False])
    envs.reset(options={"layout": "#####\n#> G#\n#####", "reset_mask": only})
    assert [image.shape for image in envs.render()] == [(64, 64, 3), (24, 40, 3), (64, 64, 3)]
    assert envs.mosaic().shape == (2 * 68 - 4, 2 * 68 - 4, 3)
    assert envs.mosaic(columns=3).shape == (64, 3 * 68 - 4, 3)


def test_a_mosaic_holds_every_lane():
    envs = gym.make_vec(DOOR_KEY, num_envs=5, debug=True, tile_size=8).unwrapped
    envs.reset(seed=0)
    whole, images = envs.mosaic(2), envs.lanes.images()
    assert whole.shape == (3 * 68 - 4, 2 * 68 - 4, 3)
    for lane, image in enumerate(images):
        top, left = lane // 2 * 68, lane % 2 * 68
        assert np.array_equal(whole[top : top + 64, left : left + 64], image)
    assert (whole[2 * 68 :, 68:] == 255).all()
    for columns in (0, 6, 2.0, True):
        with pytest.raises(LabError, match=f"columns={columns!r} is not allowed; .* from 1 to 5"):
            envs.mosaic(columns)
    with pytest.raises(RenderModeError, match="'rgb_array' is not offered by CartPole"):
        gym.make_vec("rl_lab/CartPole-v1", num_envs=2).unwrapped.mosaic()
    assert doctest.testmod(screen) == (0, 2)


def test_games_of_go_have_a_mosaic_too():
    envs = gym.make_vec("rl_lab/Go-5x5-v0", num_envs=4, debug=True).unwrapped
    envs.reset(seed=0)
    image = envs.lanes.images()[0]
    assert envs.mosaic().shape == (2 * len(image) + 4, 2 * image.shape[1] + 4, 3)


@pytest.mark.parametrize("observation", ["dict", "onehot", "full", "state"])
def test_what_is_observed_does_not_change_the_image(observation):
    images = []
    for kind in ("flat", observation):
        env = made(DOOR_KEY, observation=kind)
        env.reset(seed=5)
        env.step(1)
        images.append(env.render())
    assert np.array_equal(*images)
