"""What people look at: worlds as images in MiniGrid's style, or as text."""

from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rl_lab.envs.robot import cells, missions, wide_camera
from rl_lab.envs.robot.cells import COLOUR, COLOURS, EMPTY, KIND, UNSEEN
from rl_lab.envs.robot.tiles import tile
from rl_lab.envs.robot.world import FORWARD_X, FORWARD_Y, cells_of, place

LETTERS = {"wall": "W", "floor": "F", "door": "D", "key": "K", "ball": "A", "box": "B", "goal": "G", "lava": "V"}
ARROWS = (">", "V", "<", "^")
UP = 3  # where the robot faces in its own image
LOOKS, VISIBLE = KIND | COLOUR, 1 << 10  # bits of the number of a tile; those between say where the robot on it faces


def render(state: Any, config: Any, mode: str) -> NDArray[np.uint8] | str:
    """A frame of a lane, as last observed.

    Returns:
        In mode "rgb_array" uint8 `(height * tile_size, width * tile_size, 3)`, in which the cells that the robot sees
        are lighter; in mode "ansi" a text, two letters a cell, and what is carried below.
    """
    return draw(np.asarray(state).reshape(1), config)[0] if mode == "rgb_array" else write(state, config)


def draw(states: Any, config: Any, side: int | None = None) -> list[NDArray[np.uint8]]:
    """Several worlds, records `(lanes,)`, as images; `side` is pixels of a cell, by default the environment's."""
    sizes = states[["width", "height"]]
    if (sizes == sizes[0]).all():
        return list(painted(tiles_of(states, config), side or int(config.tile_size)))
    return [image for lane in range(len(states)) for image in draw(states[lane : lane + 1], config, side)]


def painted(numbers: NDArray[np.int64], side: int) -> NDArray[np.uint8]:
    """Images uint8 `(images, rows * side, columns * side, 3)` of tiles `(images, columns, rows)`; see `tiles_of`."""
    lanes, columns, rows = numbers.shape
    known, which = np.unique(numbers, return_inverse=True)
    which = which.reshape(numbers.shape)
    pictures = np.stack(
        [tile(number & LOOKS, (number >> 7 & 7) - 1, bool(number & VISIBLE), side) for number in known.tolist()]
    )
    images = np.empty((lanes, rows, side, columns, side, 3), np.uint8)
    for lane in range(lanes):  # one at a time stays in the processor's cache
        images[lane] = pictures[which[lane].T].transpose(0, 2, 1, 3, 4)
    return images.reshape(lanes, rows * side, columns * side, 3)


def tiles_of(states: Any, config: Any) -> NDArray[np.int64]:
    """Numbers of the tiles of worlds of one size, `(lanes, width, height)`: kind, colour, robot, whether it is seen."""
    stride, width, height = int(config.stride), int(states["width"][0]), int(states["height"][0])
    first, lanes = int(place(0, 0, stride)), np.arange(len(states))
    rows = states["cells"][:, first : first + height * stride].reshape(len(states), height, stride)
    numbers = rows[:, :, :width].transpose(0, 2, 1).astype(np.int64) & LOOKS
    numbers[lanes, states["x"], states["y"]] |= (states["direction"].astype(np.int64) + 1) << 7
    return numbers | visible_cells(states, config) * VISIBLE


def visible_cells(states: Any, config: Any) -> NDArray[np.bool_]:
    """Which cells of worlds of one size the robot sees, or saw when it looked, `(lanes, width, height)`."""
    size, since = int(config.view_size), "look_" if _looks(states) else ""
    seen = (
        np.stack([seen_by(state, config) for state in states]) if _blind(config) else states["seen"][:, : size * size]
    )
    column, row = np.indices((size, size))
    right, ahead = column - size // 2, size - 1 - row
    ahead_x, ahead_y = (axis[states[since + "direction"]][:, None, None] for axis in (FORWARD_X, FORWARD_Y))
    x = states[since + "x"][:, None, None] + ahead * ahead_x - right * ahead_y
    y = states[since + "y"][:, None, None] + ahead * ahead_y + right * ahead_x
    visible = np.zeros((len(states), int(states["width"][0]), int(states["height"][0])), np.bool_)
    inside = (x >= 0) & (x < visible.shape[1]) & (y >= 0) & (y < visible.shape[2])
    lit = inside & (seen.reshape(-1, size, size) != UNSEEN)
    visible[np.nonzero(lit)[0], x[lit], y[lit]] = True
    return visible


def _looks(states: Any) -> bool:
    """Whether the robot sees only when it looks."""
    return "age" in states.dtype.names


def how_things_stand(state: Any) -> str:
    """What the robot carries, and when it looked, where it has to."""
    words = f"carrying {cells.describe(int(state.carrying))}"
    if _looks(state):
        age = int(state.age)
        ago = "not looked yet" if not state.has_looked else "just looked" if age == 0 else f"looked {age} steps ago"
        return f"{words}, {ago.replace(' 1 steps', ' 1 step')}"
    return words


def _blind(config: Any) -> bool:
    """Whether observing did not use the camera, so that the state does not hold what it shows."""
    return bool(config.whole or config.numbers)


def seen_by(state: Any, config: Any) -> NDArray[np.uint8]:
    """What the camera shows in a state, as bytes `(view_size**2,)`, [column * view_size + row]."""
    size = int(config.view_size)
    if not _blind(config):
        return np.asarray(state["seen"])[: size * size]
    scratch = SimpleNamespace(
        cells=state["cells"],
        seen=np.zeros(size * size, np.uint8),
        **{name: int(state[name]) for name in ("x", "y", "direction", "carrying")},
    )
    wide_camera.look(scratch, config)
    return scratch.seen


def write(state: Any, config: Any) -> str:
    """The world as text in the letters of MiniGrid's `pprint_grid`, mission and hands below."""
    grid = cells_of(state, config)
    lines = ["".join(letters(int(cell)) for cell in row) for row in grid.T]
    x, y = int(state.x), int(state.y)
    lines[y] = lines[y][: 2 * x] + 2 * ARROWS[int(state.direction)] + lines[y][2 * x + 2 :]
    status = [missions.text(state.mission), how_things_stand(state), f"step {int(state.steps)}"]
    return "\n".join([*lines, "; ".join(filter(None, status))])


def caption(state: Any, config: Any) -> str:
    """Two lines below an image: the mission, and how things stand."""
    where = f"step {int(state.steps)} of {int(config.max_steps)}"
    return f"{missions.text(state.mission)}\n{how_things_stand(state)}, {where}"


def letters(cell: int) -> str:
    """Two letters for a cell: the thing (a door by its state), and its colour."""
    thing, colour, state = (int(number) for number in cells.unpack(cell))
    if thing == EMPTY:
        return "  "
    if thing == cells.DOOR and state == cells.OPEN:
        return "__"
    letter = "L" if thing == cells.DOOR and state == cells.LOCKED else LETTERS[cells.OBJECTS[thing]]
    return letter + COLOURS[colour][0].upper()


def camera_cells(state: Any, config: Any) -> NDArray[np.uint8]:
    """What the camera shows, as bytes `(view_size, view_size)`, [column, row]; the robot's cell is what it holds."""
    size = int(config.view_size)
    return seen_by(state, config).reshape(size, size)


def camera_image(state: Any, config: Any, side: int | None = None) -> NDArray[np.uint8]:
    """What the camera shows as an image, the robot below in the middle, looking up; `side` as in `draw`."""
    size = int(config.view_size)
    seen = camera_cells(state, config).astype(np.int64)
    numbers = (seen & LOOKS) | (seen != UNSEEN) * VISIBLE
    numbers[size // 2, size - 1] |= (UP + 1) << 7
    return painted(numbers[None], side or int(config.tile_size))[0]
