"""Opponents inside environments: kernels, functions and programs answer alike, and games begin where one likes."""

import re
import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from sb3_contrib import MaskablePPO
from sb3_contrib.common.maskable.utils import get_action_masks, is_masking_supported
from stable_baselines3.common.env_checker import check_env as check_env_for_sb3

import rl_lab  # noqa: F401
from rl_lab.envs.go import environment, opponents
from rl_lab.envs.go.board import point_of, verdict
from rl_lab.envs.go.game import Board
from rl_lab.envs.go.layout import LEGAL, PASS
from rl_lab.envs.go.rules import Rules
from rl_lab.envs.go.search import Search
from rl_lab.errors import LabError

ID = "rl_lab/Go-5x5-v0"
MODES = ("NextStep", "SameStep", "Disabled")
CORNER = "X.O..\n.X...\n..O..\n.....\n....."


def first_move(state, stream, config):
    """The first legal point, or a pass: as a kernel."""
    for action in range(config.width * config.width):
        point = point_of(action, config)
        if verdict(state, point, np.int64(state.to_play), config) == LEGAL:
            return point
    return PASS


def first(board):
    """The same as a function of a Board."""
    return board.legal()[0]


@pytest.fixture
def kernel(monkeypatch):
    """`first_move` among the opponents."""
    monkeypatch.setitem(opponents.MOVES, "first", first_move)
    return "first"


def assert_same(ours, theirs):
    """Whether two things that environments gave back are equal, arrays and dicts inside."""
    assert type(ours) is type(theirs)
    if isinstance(ours, dict):
        assert ours.keys() == theirs.keys()
        for name in ours:
            assert_same(ours[name], theirs[name])
    elif isinstance(ours, (tuple, list)) or (isinstance(ours, np.ndarray) and ours.dtype == object):
        for one, other in zip(ours, theirs, strict=True):
            assert_same(one, other)
    else:
        np.testing.assert_array_equal(ours, theirs)


def some_actions(rng, masks):
    """Legal actions, now and then a pass or any at all."""
    actions = [int(rng.choice(np.flatnonzero(mask))) for mask in masks]
    return [25 if rng.random() < 0.1 else int(rng.integers(26)) if rng.random() < 0.03 else a for a in actions]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("arguments", [{"reward": "margin"}, {"colour": "white", "max_moves": 17, "komi": 3}])
def test_a_function_answers_as_a_kernel_does(kernel, mode, arguments):
    envs = [
        gym.make_vec(ID, num_envs=3, opponent=opponent, autoreset_mode=mode, debug=True, **arguments)
        for opponent in (kernel, first)
    ]
    rng, infos = np.random.default_rng(0), []
    for env in envs:
        observations, info = env.reset(seed=7)
        infos.append((observations, info))
    assert_same(*infos)
    ended = 0
    for _ in range(30):
        actions = some_actions(rng, infos[0][-1]["action_mask"])
        infos = [env.step(actions) for env in envs]
        assert_same(*infos)
        over = infos[0][2] | infos[0][3]
        ended += over.sum()
        if mode == "Disabled" and over.any():
            infos = [env.reset(options={"reset_mask": over}) for env in envs]
            assert_same(*infos)
    assert ended > 2
    fields = [name for name in envs[0].unwrapped.lanes.states.dtype.names if name not in ("answer", "waiting")]
    for name in fields:
        assert_same(*(env.unwrapped.save_state()[name] for env in envs))


def test_a_function_answers_a_single_environment_as_a_kernel_does(kernel):
    envs, rng = [gym.make(ID, opponent=opponent, debug=True) for opponent in (kernel, first)], np.random.default_rng(1)
    for seed in range(4):
        seen = [env.reset(seed=seed) for env in envs]
        assert_same(*seen)
        over = False
        while not over:
            action = some_actions(rng, [seen[0][-1]["action_mask"]])[0]
            seen = [env.step(action) for env in envs]
            assert_same(*seen)
            over = seen[0][2] or seen[0][3]


def test_what_was_saved_goes_on_with_a_function():
    env = gym.make(ID, opponent=first, colour="black", debug=True).unwrapped
    env.reset(seed=0)
    env.step(24)
    saved = env.save_state()
    twin, after = env.clone(), env.step(12)
    env.step(13)
    env.load_state(saved)
    assert_same(env.step(12), after)
    assert_same(twin.step(12), after)


def test_functions_see_the_whole_game_and_cannot_spoil_it():
    seen = []

    def meddler(board):
        seen.append(list(board.moves))
        answer = board.legal()[0]
        board.play(answer)
        board.play(board.legal()[0])
        return answer

    env = gym.make(ID, opponent=meddler, colour="black", debug=True)
    env.reset(seed=0)
    for action in (24, 23):
        env.step(action)
    assert seen == [[("black", 24)], [("black", 24), ("white", 0), ("black", 23)]]
    assert env.step(22)[0][1].sum() == 3  # stones of the meddler


@pytest.mark.parametrize(
    ("opponent", "sentence"),
    [
        (lambda board: None, "the opponent <lambda> answers None as white on move 2; it must return an action from 0"),
        (lambda board: 26, "answers 26 as white on move 2: move 26 is off the board of 5x5"),
        (lambda board: "Z9", "answers 'Z9' as white on move 2: 'Z9' is no move"),
        (lambda board: 2.5, "answers 2.5 as white on move 2: 2.5 is no move"),
        (lambda board: "C3", "answers 'C3' as white on move 2, and C3 is illegal: occupied"),
        (lambda board: {}["x"], "the opponent <lambda> fails on move 2: KeyError: 'x'"),
        (print, "the opponent print answers None"),
    ],
)
def test_functions_that_fail_are_named_and_nothing_is_lost(opponent, sentence):
    env = gym.make(ID, opponent=opponent, colour="black", debug=True)
    env.reset(seed=0)
    before = env.unwrapped.save_state().tobytes()
    for _ in range(2):
        with pytest.raises(LabError, match=re.escape(sentence)):
            env.step(12)
        assert env.unwrapped.save_state().tobytes() == before


def test_a_function_that_fails_at_the_beginning_needs_a_reset():
    answers = iter([None, 12])
    env = gym.make(ID, opponent=lambda board: next(answers), colour="white", debug=True)
    with pytest.raises(LabError, match="as black on move 1"):
        env.reset(seed=0)
    observation, _ = env.reset(seed=0)
    assert observation[1, 2, 2] == 1


def test_vertices_are_answers_too():
    env = gym.make(ID, opponent=lambda board: "pass" if board.moves else "C3", colour="white", debug=True)
    observation, _ = env.reset(seed=0)
    assert observation[1].sum() == observation[1, 2, 2] == 1
    _, reward, terminated, *_ = env.step(25)
    assert (reward, terminated) == (0.0, True)  # 25 points and as many of komi


def test_a_search_in_a_lane_is_the_search_of_a_board():
    envs, playouts = gym.make_vec(ID, num_envs=3, opponent="mcts:40", komi=0.5), 40
    _, info = envs.reset(seed=3)
    lanes, rng = envs.unwrapped.lanes, np.random.default_rng(0)
    for _ in range(6):
        actions, wanted = [int(rng.choice(np.flatnonzero(mask))) for mask in info["action_mask"]], []
        for state, action in zip(lanes.states, actions, strict=True):
            board, search = Board.from_state(state, Rules(5, 0.5)), Search(5, playouts)
            search._streams[0] = state["random"]
            board.play(action)
            search.start(board)
            search.think(playouts)
            board.play(search.best())
            wanted.append(board.stones.tolist())
        *_, info = envs.step(actions)
        assert [Board.from_state(state, Rules(5, 0.5)).stones.tolist() for state in lanes.states] == wanted


def test_a_tree_lies_in_the_lane_only_where_it_is_needed():
    def fields(opponent):
        return environment.go(size=5, opponent=opponent).state

    assert not {"tree", "nodes"} & set(fields("greedy").names)
    assert fields("mcts:1") == fields("mcts:100") == fields("self+mcts:127+greedy")  # so they share machine code
    assert fields("mcts:500").itemsize < 32_000


@pytest.mark.parametrize(("opponent", "steps"), [("greedy", 12), ("mcts:6", 5)])
def test_debugging_plays_the_same_game(opponent, steps):
    envs = [gym.make_vec(ID, num_envs=2, debug=debug, opponent=opponent) for debug in (False, True)]
    infos = [env.reset(seed=4)[1] for env in envs]
    rng = np.random.default_rng(0)
    for _ in range(steps):
        actions = some_actions(rng, infos[0]["action_mask"])
        outcomes = [env.step(actions) for env in envs]
        assert_same(*outcomes)
        infos = [outcome[4] for outcome in outcomes]
    assert envs[0].unwrapped.save_state().tobytes() == envs[1].unwrapped.save_state().tobytes()


def test_each_game_draws_one_of_several_who_search_or_not():
    envs = gym.make_vec(ID, num_envs=9, debug=True, opponent="mcts:2+greedy+mcts:3")
    envs.reset(seed=0)
    states = envs.unwrapped.lanes.states
    assert set(states["opponent"]) == {0, 1, 2}
    envs.step([12] * 9)
    searched = states["opponent"] != 1
    playouts = states["nodes"]["visits"][:, 0]  # at the root
    assert playouts.tolist() == np.where(searched, 2 + (states["opponent"] == 2), 0).tolist()


def test_gnugo_plays_games_and_its_process_ends_with_the_environment():
    envs, rng = gym.make_vec(ID, num_envs=2, opponent="gnugo:0", komi=24.5), np.random.default_rng(0)
    runs = []
    for _ in range(2):
        _, info = envs.reset(seed=5)
        rng, rewards = np.random.default_rng(0), []
        for _ in range(25):
            actions = [int(rng.choice(np.flatnonzero(mask))) for mask in info["action_mask"]]
            observations, reward, *_, info = envs.step(actions)
            rewards += reward.tolist()
        runs.append((rewards, observations.tolist()))
    assert -1.0 in rewards
    assert runs[0] == runs[1]
    process = envs.unwrapped.lanes.opponent._engine.process
    envs.close()
    assert process.poll() is not None


@pytest.mark.parametrize("opponent", ["greedy", "mcts:12", "gnugo:0", first])
def test_checkers_find_nothing_and_masks_are_found(opponent):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gym.make(ID, opponent=opponent).unwrapped)
        warnings.filterwarnings("ignore", ".*looks like an image|.*image space|.*[Ii]mage.*")
        check_env_for_sb3(gym.make(ID, opponent=opponent).unwrapped)
    env = gym.make(ID, opponent=opponent)
    assert is_masking_supported(env)
    MaskablePPO("MlpPolicy", env, n_steps=128, batch_size=64, n_epochs=1, device="cpu").learn(256)
    assert np.array_equal(get_action_masks(env), env.unwrapped.action_masks())
    env.close()


@pytest.mark.parametrize("opponent", ["greedy", first])
def test_games_begin_elsewhere(opponent):
    env = gym.make(ID, opponent=opponent, komi=0.5)
    observation, info = env.reset(seed=0, options={"moves": ["C3", 0, None]})  # White is to play, and so the agent
    assert observation[0, 0, 0] == observation[1, 2, 2] == 1
    assert observation[:2].sum() == 2
    assert not info["action_mask"][[0, 12]].any()
    observation, _ = env.reset(options={"position": CORNER, "to_play": "white", "moves": ["A1"]})
    assert observation[8].all()  # Black's turn
    assert observation[0].sum() == 2
    assert observation[1].sum() == 3
    assert observation[2, 4, 0] == 1
    assert not env.step(25)[2]
    observation, _ = env.reset()
    assert observation[0].sum() == 0  # as always, again


@pytest.mark.parametrize("opponent", ["greedy", first])
def test_an_opponent_who_is_to_play_there_plays(opponent):
    env = gym.make(ID, opponent=opponent, colour="black")
    observation, _ = env.reset(seed=0, options={"position": CORNER, "to_play": "white"})
    assert observation[8].all()
    assert observation[1].sum() == 3


def test_lanes_that_are_chosen_begin_elsewhere():
    envs = gym.make_vec(ID, num_envs=3, opponent="greedy", autoreset_mode="Disabled")
    envs.reset(seed=0)
    mask = np.array([False, True, False])
    observations, _ = envs.reset(options={"reset_mask": mask, "moves": ["C3", "D3"]})
    assert observations[:, 0, 2, 2].tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"start": 1}, "Go takes no reset option 'start'; it takes moves, position, to_play"),
        ({"moves": "C3"}, "moves='C3' is not allowed; it must be a list of moves such as ['C3', 'D2']"),
        ({"moves": ["C3", "D3", "C3"]}, "move 3 of 3 cannot be played: black cannot play C3: a stone is there already"),
        ({"moves": ["C9"]}, "move 1 of 1 cannot be played: 'C9' is off the board of 5x5"),
        ({"moves": [None, None]}, "the game that the reset options describe is over; leave out its last move"),
        ({"position": 5}, "position=5 is not allowed; it must be a text"),
        ({"position": "X.\n.."}, "the position is 2x2, but this environment is 5 wide"),
        ({"position": "X.\n"}, "a position of 1 rows with 2 points each is no board; it must be square"),
        ({"position": CORNER.replace("X", "Q")}, "the line 'Q.O..' is no row of a board"),
        ({"position": "XX\nXX"}, "stones without a liberty cannot stand on a board"),
        ({"position": CORNER, "to_play": "green"}, "to_play='green' is not allowed; it must be black or white"),
        ({"to_play": "white"}, "to_play='white' needs a position"),
        ({"to_play": np.array([1, 2])}, "to_play=array([1, 2]) is not allowed; it must be black or white"),
        ({"moves": np.array("C3")}, "moves=array('C3', dtype='<U2') is not allowed; it must be a list of moves"),
    ],
)
def test_positions_that_cannot_be(options, sentence):
    env = gym.make(ID, opponent="greedy")
    with pytest.raises(LabError, match=re.escape(sentence)):
        env.reset(seed=0, options=options)


@pytest.mark.parametrize("options", ["moves", ["moves"], 5])
def test_options_that_are_no_dictionary(options):
    for env in (gym.make(ID), gym.make_vec(ID, num_envs=2)):
        with pytest.raises(LabError, match=re.escape(f"reset options {options!r} are not allowed; give a dictionary")):
            env.reset(options=options)


def test_superko_has_room_for_what_came_before():
    env = gym.make(ID, opponent="self", max_moves=509)
    env.reset(options={"moves": ["C3", "C2"]})
    with pytest.raises(LabError, match="3 moves before the start are too many with max_moves=509; give 2 or less"):
        env.reset(options={"moves": ["C3", "C2", "B2"]})


@pytest.mark.parametrize(
    ("opponent", "most", "steps"),
    [("greedy", 509, 254), (first, 509, 254), ("self", 509, 509), ("self+greedy", 254, 254)],
)
def test_the_longest_games_that_the_readme_allows(opponent, most, steps):
    envs = gym.make_vec(ID, num_envs=1, opponent=opponent, max_moves=most, debug=True)
    assert envs.unwrapped.lanes.config["max_steps"] == steps


@pytest.mark.parametrize(
    "opponent",
    [
        "mcts:x",
        "mcts",
        "gnugo:1+random",
        "gnugo",
        "self+gnugo:1",
        "greedy+greedy",
        "",
        "me",
        3,
        None,
    ],
)
def test_opponents_that_are_none(opponent):
    with pytest.raises(LabError, match=re.escape(f"opponent={opponent!r} is not allowed; it must be one of random, ")):
        gym.make(ID, opponent=opponent)


@pytest.mark.parametrize(
    ("opponent", "reason"),
    [
        ("mcts:0", "a search may have 1 to 10000000 playouts a move"),
        ("self+mcts:10000001", "a search may have 1 to 10000000 playouts a move"),
        ("gnugo:11", "GNU Go has levels from 0 to 10"),
    ],
)
def test_opponents_with_a_number_that_is_not_allowed(opponent, reason):
    with pytest.raises(LabError, match=f"{re.escape(f'opponent={opponent!r} is not allowed; {reason}')}$"):
        gym.make(ID, opponent=opponent)


def test_gnugo_that_is_missing_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("rl_lab.envs.go.engine.GAMES", str(tmp_path))
    with pytest.raises(LabError, match="apt-get install gnugo"):
        gym.make(ID, opponent="gnugo:1")
