"""Pictures of an episode, played again from its seed and its actions."""

import base64
import io
import math
import os
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from rl_lab.compare.environments import Maker
from rl_lab.compare.evaluation import JudgedEpisode
from rl_lab.errors import LabError

PICTURES = 8
SIDE = 132  # longest side of a picture, in pixels


@dataclass(frozen=True)
class Strip:
    """An episode as a row of pictures."""

    pictures: list[tuple[int, str]]
    """Step and data URI of each."""
    note: str = ""
    """Why there are none."""


def strip(maker: Maker, episode: JudgedEpisode) -> Strip:
    """Play an episode again and keep some pictures, evenly spaced, the first and the last among them."""
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # pygame draws into memory, and looks for no screen
    try:
        env = _drawing(maker)
    except (LabError, ImportError) as error:
        return Strip([], f"no pictures: {error}")
    if env is None:
        return Strip([], "no pictures: the environment does not render rgb_array")
    try:
        return _played(env, episode)
    except Exception as error:  # rendering is other people's code, and a report without pictures is still one
        return Strip([], f"no pictures: {type(error).__name__}: {error}")
    finally:
        env.close()


def _drawing(maker: Maker) -> gym.Env | None:
    """The environment, made so that it draws, or None if it cannot."""
    if maker.environment.make is None:
        modes = maker.single().metadata.get("render_modes") or []
        return maker.single(render_mode="rgb_array") if "rgb_array" in modes else None
    env = maker.single()
    return env if env.render_mode == "rgb_array" else None


def _played(env: gym.Env, episode: JudgedEpisode) -> Strip:
    length = len(episode.actions)
    wanted = {round(place) for place in np.linspace(0, length, min(PICTURES, length + 1))}
    env.reset(seed=episode.seed)
    pictures, value = [], 0.0
    for step in range(length + 1):
        if step in wanted:
            pictures.append((step, _encoded(env.render())))
        if step < length:
            value += float(env.step(_action(env.action_space, episode.actions[step]))[1])
    if not math.isclose(value, episode.value, rel_tol=1e-4, abs_tol=1e-4):
        return Strip([], "no pictures: the environment does not play the same episode again from its seed")
    return Strip(pictures)


def _action(space: gym.Space, action: Any) -> Any:
    return action if isinstance(space, gym.spaces.Discrete) else np.asarray(action, space.dtype)


def _encoded(picture: Any) -> str:
    """A picture as a small PNG in a data URI."""
    from PIL import Image

    image = Image.fromarray(np.asarray(picture, np.uint8))
    image.thumbnail((SIDE * 2, SIDE * 2), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.convert("P", palette=Image.Palette.ADAPTIVE, colors=48).save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
