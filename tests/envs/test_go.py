"""Go as an environment: planes as the README says, masks, rewards and endings as the rules say."""

import importlib
import re
import sys
import warnings
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as check_env_for_sb3

import rl_lab  # noqa: F401
from rl_lab.envs import go
from rl_lab.envs.go.game import Board
from rl_lab.envs.go.planes import PLANES
from rl_lab.envs.go.registration import ENVIRONMENTS
from rl_lab.envs.go.rules import default_komi
from rl_lab.errors import LabError

sys.path.insert(0, str(Path(__file__).parents[2]))
Reference = importlib.import_module("benchmarks.proofs.go_reference").Reference
README = (Path(go.__file__).parent / "README.md").read_text()


def documented(game, moves, komi):
    """The planes of a plain reference's game, by the README's sentences."""
    size, me = game.size, game.to_play
    grid, planes = np.array(game.grid), np.zeros((len(PLANES), size, size), np.int8)
    planes[0], planes[1] = grid == me, grid == -me
    for plane, move in zip((2, 3), reversed(moves[-2:]), strict=False):
        if move < size * size:
            planes[plane].flat[move] = 1
    rows = [list(row) for row in game.grid]
    for point in np.argwhere(grid):
        _, edge = game.region(rows, tuple(point.tolist()))
        liberties = sum(grid[beside] == 0 for beside in edge)
        planes[3 + min(liberties, 3)][tuple(point)] = 1
    for point in np.argwhere(grid == 0):
        planes[7][tuple(point)] = "ko" in game.problem(tuple(point.tolist()))
    planes[8] = me == 1
    planes[9].flat[: int(2 * komi) // 2] = -2 * me
    planes[9].flat[int(2 * komi) // 2] = -me * (int(2 * komi) % 2)
    return planes


@pytest.mark.parametrize(("size", "ko"), [(2, "positional"), (3, "situational"), (5, "simple"), (9, "positional")])
def test_planes_and_masks_are_what_the_readme_says(size, ko):
    env, rng, barred = (
        gym.make("rl_lab/Go-5x5-v0", size=size, ko=ko, opponent="self", komi=2.5),
        np.random.default_rng(1),
        0,
    )
    for _ in range(30 if size < 5 else 2):
        observation, info = env.reset(seed=0)
        theirs, moves, over = Reference(size, ko), [], False
        while not over:
            np.testing.assert_array_equal(observation, documented(theirs, moves, 2.5))
            legal = [row * size + column for row, column in sorted(theirs.legal())]
            assert np.flatnonzero(info["action_mask"]).tolist() == [*legal, size * size]
            assert np.array_equal(env.unwrapped.action_masks(), info["action_mask"])
            barred += observation[7].sum()
            moves.append(int(rng.choice([*legal, size * size])))
            theirs.play(divmod(moves[-1], size) if moves[-1] < size**2 else None)
            observation, _, terminated, truncated, info = env.step(moves[-1])
            over = terminated or truncated
    assert barred > 0 or size == 5


def test_the_readme_names_the_planes():
    assert tuple(re.findall(r"^\| \d+ \| ([^|]+) \|", README, re.MULTILINE)) == PLANES


def test_the_readme_has_the_komi_that_is_in_force():
    table = {int(n): float(k) for n, k in re.findall(r"^\| (\d+)x\d+ \| (\d+) \|", README, re.MULTILINE)}
    others = float(re.findall(r"^\| all others \| (\d+) \|", README, re.MULTILINE)[0])
    assert {size: default_komi(size) for size in range(2, 20)} == {n: table.get(n, others) for n in range(2, 20)}


@pytest.mark.parametrize("opponent", ["random", "greedy", "self", "random+self"])
def test_checkers_find_nothing(opponent):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gym.make("rl_lab/Go-5x5-v0", opponent=opponent).unwrapped)
        warnings.filterwarnings("ignore", ".*looks like an image|.*image space|.*[Ii]mage.*")
        check_env_for_sb3(gym.make("rl_lab/Go-5x5-v0", opponent=opponent).unwrapped)


@pytest.mark.parametrize("id", ENVIRONMENTS)
def test_every_size_is_registered(id):
    env = gym.make(id)
    size = int(re.findall(r"\d+", id)[0])
    observation, _ = env.reset(seed=0)
    assert observation.shape == (len(PLANES), size, size)
    assert env.observation_space.contains(observation)
    assert env.action_space.n == size**2 + 1


@pytest.mark.parametrize("reward", ["result", "margin"])
def test_rewards_of_self_play_are_the_movers(reward):
    rng = np.random.default_rng(0)
    env = gym.make("rl_lab/Go-5x5-v0", size=4, opponent="self", reward=reward, komi=0.5)
    for seed in range(20):
        _, info = env.reset(seed=seed)
        board, over = Board(4, komi=0.5), False
        while not over:
            action = int(rng.choice(np.flatnonzero(info["action_mask"])))
            mover = board.to_play
            board.play(action)
            _, paid, terminated, truncated, info = env.step(action)
            over = terminated or truncated
            assert (terminated, truncated) == (board.has_ended, len(board.moves) >= 32)
        score = board.score() * (1 if mover == "black" else -1) if terminated else 0.0
        assert paid == (np.sign(score) if reward == "result" else score)


def test_an_illegal_action_loses_at_once():
    env = gym.make("rl_lab/Go-5x5-v0", opponent="self")
    env.reset(seed=0)
    assert env.step(12)[4]["illegal_action"] is False
    _, reward, terminated, _, info = env.step(12)
    assert (reward, terminated, info["illegal_action"]) == (-1.0, True, True)
    env = gym.make("rl_lab/Go-5x5-v0", opponent="self", reward="margin")
    env.reset(seed=0)
    env.step(12)
    assert env.step(12)[1] == -50  # the board and komi


@pytest.mark.parametrize("mode", ["NextStep", "SameStep", "Disabled"])
def test_lanes_tell_of_illegal_actions_in_the_last_step_only(mode):
    envs = gym.make_vec("rl_lab/Go-5x5-v0", num_envs=3, opponent="self", autoreset_mode=mode)
    envs.reset(seed=0)
    envs.step([0, 1, 2])
    _, rewards, terminated, _, info = envs.step([1, 1, 1])
    assert info["illegal_action"].tolist() == terminated.tolist() == [False, True, False]
    if mode == "SameStep":  # where Gymnasium has what the last step reported
        assert info["final_info"]["illegal_action"].tolist() == [False, True, False]
    assert rewards.tolist() == [0, -1, 0]
    if mode != "Disabled":
        assert not envs.step([3, 3, 3])[4]["illegal_action"].any()


def test_the_opponent_answers_and_colours_are_drawn():
    envs = gym.make_vec("rl_lab/Go-9x9-v0", num_envs=400)
    observations, _ = envs.reset(seed=0)
    black = observations[:, 8, 0, 0] == 1
    assert 150 < black.sum() < 250
    assert (observations[:, 1].sum(axis=(1, 2)) == ~black).all()  # White's agent sees the first stone
    observations, *_ = envs.step(np.full(400, 81))
    assert (observations[:, 8, 0, 0] == black).all()
    assert (observations[:, 1].sum(axis=(1, 2)) == 1 + ~black).all()
    for colour in ("black", "white"):
        observations, _ = gym.make_vec("rl_lab/Go-9x9-v0", num_envs=9, colour=colour).reset(seed=0)
        assert (observations[:, 8] == (colour == "black")).all()


def test_several_opponents_share_the_games_and_both_sides_are_played_in_the_others():
    several, alone = (
        gym.make_vec("rl_lab/Go-5x5-v0", num_envs=400, opponent=name) for name in ("greedy+self+random", "self")
    )
    several.reset(seed=3), alone.reset(seed=3)
    opponent = several.lanes.states["opponent"].copy()
    assert np.bincount(opponent, minlength=3).min() > 100
    for _ in range(2):
        several.step(np.arange(400) % 25), alone.step(np.arange(400) % 25)
        np.testing.assert_array_equal(several.lanes.states["turned"], opponent == 2)
    ours, theirs = (envs.lanes.states["moves"][opponent == 2] for envs in (several, alone))
    np.testing.assert_array_equal(ours, theirs)


def test_whole_games_against_the_random_opponent_end_by_score():
    envs = gym.make_vec("rl_lab/Go-5x5-v0", num_envs=64, komi=0.5, max_moves=400)
    _, info = envs.reset(seed=0)
    rng, results = np.random.default_rng(0), []
    for _ in range(120):
        actions = np.argmax(rng.random(info["action_mask"].shape) * info["action_mask"], axis=1)
        _, rewards, terminated, _, info = envs.step(actions)
        assert not info["illegal_action"].any()
        results += rewards[terminated].tolist()
    assert len(results) > 100
    assert set(results) == {-1.0, 1.0}


def test_a_game_that_is_too_long_is_truncated_and_pays_nothing():
    env = gym.make("rl_lab/Go-5x5-v0", opponent="self", max_moves=3)
    env.reset(seed=0)
    assert [env.step(action)[1:4] for action in (0, 1, 2)] == [(0, False, False), (0, False, False), (0, False, True)]


def test_debugging_plays_the_same_game():
    envs = [gym.make_vec("rl_lab/Go-5x5-v0", num_envs=2, debug=debug) for debug in (False, True)]
    infos = [env.reset(seed=4)[1] for env in envs]
    rng = np.random.default_rng(0)
    for _ in range(12):
        actions = [int(rng.choice(np.flatnonzero(mask))) for mask in infos[0]["action_mask"]]
        outcomes = [env.step(actions) for env in envs]
        for ours, theirs in zip(*(outcome[:4] for outcome in outcomes), strict=True):
            np.testing.assert_array_equal(ours, theirs)
        infos = [outcome[4] for outcome in outcomes]
    assert envs[0].save_state().tobytes() == envs[1].save_state().tobytes()


def test_four_thousand_games_stay_under_a_hundred_megabytes():
    lanes = gym.make_vec("rl_lab/Go-9x9-v0", num_envs=4096).unwrapped.lanes
    arrays = (lanes.states, lanes.observations, lanes.final_observations, lanes.masks, lanes.final_masks)
    assert sum(array.nbytes for array in arrays) < 100e6


def test_text_shows_the_board():
    env = gym.make("rl_lab/Go-5x5-v0", opponent="self", render_mode="ansi")
    env.reset(seed=0)
    env.step(0)
    env.step(12)
    board = Board(5)
    board.play(0)
    board.play(12)
    assert env.render() == board.ascii()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"size": 20}, "a board may be 2 to 19"),
        ({"opponent": "self+self"}, "opponent='self+self' is not allowed"),
        ({"opponent": "self+greedy", "max_moves": 255}, "max_moves=255 is not allowed where games with 'self'"),
        ({"opponent": "self+greedy", "max_moves": 400}, "superko remembers 509 on 5x5; give 1 to 254"),
        ({"opponent": "self+greedy", "size": 10, "max_moves": 767}, "superko remembers 1533 on 10x10; give 1 to 766"),
        ({"opponent": "random", "max_moves": 510}, "max_moves=510 is not allowed; a game on 5x5 may last 1 to 509"),
        ({"opponent": len, "max_moves": 510}, "max_moves=510 is not allowed; a game on 5x5 may last 1 to 509"),
        ({"opponent": "mcts"}, "opponent='mcts' is not allowed; it must be one of random, greedy, mcts:N, self"),
        ({"colour": "red"}, "colour='red' is not allowed; it must be one of black, white, drawn"),
        ({"reward": "komi"}, "reward='komi' is not allowed; it must be one of result, margin"),
        ({"komi": float("nan")}, "komi=nan"),
        ({"board": 5}, "go takes no argument 'board'"),
    ],
)
def test_bad_arguments(arguments, sentence):
    with pytest.raises(LabError, match=re.escape(sentence)):
        gym.make("rl_lab/Go-5x5-v0", **arguments)
