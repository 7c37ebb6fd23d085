"""Pictures of boards: what stands where, what is marked, and letters that can be read."""

import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

import rl_lab  # noqa: F401
from rl_lab.envs.go.game import Board
from rl_lab.envs.go.picture import background, draw, lettered, spacing
from rl_lab.envs.go.vertices import COLUMNS, action_at

CHARACTERS = COLUMNS + "0123456789"


def middles(frame, size):
    """Brightness around the middle of every point, `(size, size)`, from 0 to 255."""
    cell, margin = spacing(size)
    cells = frame[margin : margin + size * cell, margin : margin + size * cell].mean(axis=2)
    cells = cells.reshape(size, cell, size, cell)
    return cells[:, cell // 3 : -(cell // 3), :, cell // 3 : -(cell // 3)].mean(axis=(1, 3))


@settings(max_examples=40)
@given(size=st.integers(2, 19), seed=st.integers(0, 2**32 - 1))
def test_stones_are_seen_where_they_stand(size, seed):
    stones = np.random.default_rng(seed).integers(-1, 2, (size, size)).astype(np.int8)
    frame = draw(stones)
    assert (frame.dtype, frame.shape[0], frame.shape[2]) == (np.uint8, frame.shape[1], 3)
    assert frame.shape[0] % 2 == 0
    assert frame.flags["C_CONTIGUOUS"]
    bright = middles(frame, size)
    assert (bright[stones == 1] < 80).all()
    assert (bright[stones == -1] > 215).all()
    assert ((bright[stones == 0] > 100) & (bright[stones == 0] < 200)).all()


def test_an_empty_board_is_the_background_and_frames_are_ones_own():
    frame = draw(np.zeros((9, 9), np.int8))
    assert np.array_equal(frame, background(9))
    frame[...] = 0
    assert draw(np.zeros((9, 9), np.int8)).min() > 0


def test_shadows_fall_to_the_right_and_below_and_go_on_past_the_edge():
    stones = np.zeros((5, 5), np.int8)
    stones[2, 2] = stones[4, 4] = 1
    cell, margin = spacing(5)
    darker = (draw(stones).astype(int) - background(5)).sum(axis=2) < 0
    inside = darker[margin : margin + 5 * cell, margin : margin + 5 * cell].reshape(5, cell, 5, cell).any(axis=(1, 3))
    assert np.argwhere(inside).tolist() == [[2, 2], [2, 3], [3, 2], [4, 4]]
    assert darker[margin + 5 * cell :].any()
    assert darker[:, margin + 5 * cell :].any()
    assert not darker[:, :margin].any()


def test_the_last_move_and_ko_are_marked():
    board = Board(4)
    for move in ("B4", "C4", "A3", "D3", "B2", "C2", "C3", "B3"):
        board.play(move)
    marked = np.argwhere(np.abs(middles(board.picture(), 4) - middles(draw(board.stones), 4)) > 5).tolist()
    assert marked == sorted([list(divmod(action_at(move, 4), 4)) for move in ("B3", "C3")])
    board.play(None)
    assert np.array_equal(board.picture(), draw(board.stones))


@pytest.mark.parametrize("opponent", ["self", "random"])
def test_environments_show_what_boards_do(opponent):
    env = gym.make("rl_lab/Go-5x5-v0", opponent=opponent, colour="black", render_mode="rgb_array")
    env.reset(seed=0)
    env.step(12)
    frame = env.render()
    board = Board(5)
    board.play(12)
    if opponent == "random":
        (white,) = np.flatnonzero(env.unwrapped.lanes.observations[0, 1])
        board.play(int(white))
    assert np.array_equal(frame, board.picture())


def test_a_batch_shows_every_lane_and_ko():
    envs = gym.make_vec("rl_lab/Go-5x5-v0", num_envs=2, size=4, opponent="self", render_mode="rgb_array")
    envs.reset(seed=0)
    board = Board(4)
    for move in ("B4", "C4", "A3", "D3", "B2", "C2", "C3", "B3"):
        board.play(move)
        envs.step([action_at(move, 4), 16])
        envs.reset(options={"reset_mask": np.array([False, True])})
    first, second = envs.render()
    assert np.array_equal(first, board.picture())
    assert np.array_equal(second, background(4))


def test_films_are_made_and_checkers_content(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gym.make("rl_lab/Go-5x5-v0", opponent="self").unwrapped)  # every render mode, by its spec
    env = gym.make("rl_lab/Go-5x5-v0", render_mode="rgb_array", max_moves=8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        film = gym.wrappers.RecordVideo(env, str(tmp_path), episode_trigger=lambda episode: True)
        film.reset(seed=0)
        for _ in range(4):
            film.step(25)
        film.close()
    (made,) = tmp_path.glob("*.mp4")
    assert made.stat().st_size > 1000


def in_the_box(cover):
    """The ink of a character, as large as it is, in a box of 24 by 16."""
    rows, columns = np.flatnonzero(cover.max(axis=1) > 0.3), np.flatnonzero(cover.max(axis=0) > 0.3)
    ink = cover[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    box = Image.fromarray((255 * ink).astype(np.uint8)).resize((16, 24), Image.Resampling.BOX)
    return np.asarray(box, float).ravel() / 255


def test_letters_can_be_read():
    """Each is more like its own, printed large, than like any other of them."""
    font, printed = ImageFont.load_default(60.0), {}
    for character in CHARACTERS:
        page = Image.new("L", (100, 100))
        ImageDraw.Draw(page).text((20, 10), character, font=font, fill=255)
        printed[character] = in_the_box(np.asarray(page) / 255)
    ours = {character: in_the_box(lettered(character, 48)) for character in CHARACTERS}
    taken_for = {c: max(printed, key=lambda other: np.corrcoef(ink, printed[other])[0, 1]) for c, ink in ours.items()}
    assert all(character == other for character, other in taken_for.items())
    alike = [(c, d) for c in ours for d in ours if c < d and np.corrcoef(ours[c], ours[d])[0, 1] > 0.9]
    assert alike == [("0", "O")]
    assert lettered("19", 9.0).shape[1] > lettered("1", 9.0).shape[1]
