"""What other libraries of Go get wrong, a test for each; where the library is installed, beside it."""

import warnings

import gymnasium as gym
import numpy as np
import pytest

import rl_lab  # noqa: F401
from rl_lab.envs.go import pettingzoo
from rl_lab.envs.go.game import Board
from rl_lab.envs.go.planes import PLANES
from rl_lab.envs.go.vertices import action_at, vertex

KO_RULES = ("simple", "positional", "situational")
ROUND = ("A2", "B2", "A1", "B1", "A2", "A1")  # on 2x2; now Black's A2 would make the third position again


def played(board, *moves):
    for move in moves:
        board.play(move)
    return board


def in_zoo(env, size, *moves):
    """One of PettingZoo's environments after moves."""
    env.reset(seed=0)
    for move in moves:
        env.step(action_at(move, size))
    return env


def their_zoo(size, komi=0.0):
    """PettingZoo's own Go."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of importing it, of illegal moves
        from pettingzoo.classic.go import go
    return go.env(board_size=size, komi=komi)


def test_pettingzoo_and_gymgo_leave_superko_out_of_the_mask():
    theirs, ours = in_zoo(their_zoo(2), 2, *ROUND), in_zoo(pettingzoo.env(size=2), 2, *ROUND)
    assert theirs.last()[0]["action_mask"][action_at("A2", 2)] == 1
    assert ours.last()[0]["action_mask"].tolist() == [0, 0, 0, 0, 1]
    env = gym.make("rl_lab/Go-5x5-v0", size=2, opponent="self")
    env.reset(seed=0)
    for move in ROUND:
        *_, info = env.step(action_at(move, 2))
    assert info["action_mask"].tolist() == [False, False, False, False, True]


def test_pgx_lets_the_mover_lose_who_repeats():
    """Here a repetition is illegal: nobody can make one by a legal move, and nothing is decided by it."""
    for ko in KO_RULES:
        board = played(Board(2, ko=ko), *ROUND)
        assert board.problem("A2") == ("" if ko == "simple" else "superko")
        assert not board.is_over
    ours = in_zoo(pettingzoo.env(size=2, ko="simple"), 2, *ROUND, "A2")
    assert ours.rewards == {"black_0": 0.0, "white_0": 0.0}
    assert not any(ours.terminations.values())


@pytest.mark.parametrize(
    (
        "size",
        "games",
        "share",
    ),  # where passes are as likely as any move; with fewer of them there are several times more
    [(2, 400, 0.066), (3, 400, 0.013), (5, 1000, 0.004)],
)
def test_openspiel_calls_a_repetition_a_draw(size, games, share):
    """Ours gets to none of the games that it draws so: there the last move was illegal."""
    pyspiel = pytest.importorskip("pyspiel", reason="open_spiel has no wheel for this system")
    game = pyspiel.load_game(f"go(board_size={size},komi=0.5,max_game_length=400)")
    rng, drawn = np.random.default_rng(0), 0
    for _ in range(games):
        theirs, ours = game.new_initial_state(), Board(size, max_moves=400)
        while not theirs.is_terminal():
            action = int(rng.choice(theirs.legal_actions()))
            row, column = divmod(action, size)  # theirs count rows from below
            mine = action if action == size**2 else (size - 1 - row) * size + column
            theirs.apply_action(action)
            if theirs.is_terminal() and theirs.returns() == [0.0, 0.0]:  # half a point of komi leaves no other draw
                drawn += 1
                assert ours.problem(mine) == "superko", (ours.ascii(), vertex(mine, size))
            else:
                ours.play(mine)
    assert share / 2 < drawn / games < 2 * share


@pytest.mark.parametrize("colour", ["black", "white"])
def test_pufferlibs_ko_never_stops_the_agent(colour):
    """Against an opponent, and whichever colour one plays, ko is seen, masked, and loses."""
    envs = gym.make_vec("rl_lab/Go-5x5-v0", num_envs=64, size=4, ko="simple", colour=colour, autoreset_mode="SameStep")
    observations, info = envs.reset(seed=0)
    rng, barred, met = np.random.default_rng(0), PLANES.index("points barred by ko or superko"), 0
    for _ in range(40):
        ko = observations[:, barred].reshape(64, -1) == 1
        assert not (info["action_mask"][:, :-1] & ko).any()
        actions = np.argmax(rng.random(info["action_mask"].shape) * info["action_mask"], axis=1)
        actions[ko.any(axis=1)] = ko.argmax(axis=1)[ko.any(axis=1)]
        observations, rewards, terminated, _, info = envs.step(actions)
        assert (rewards[ko.any(axis=1)] == -1).all()
        assert (terminated & info["illegal_action"])[ko.any(axis=1)].all()
        met += ko.any(axis=1).sum()
    assert met > 5


def test_pufferlib_counts_a_full_board_with_an_eye_of_two_points_as_23():
    board = Board(5, max_moves=100)
    for action in range(23):
        board.play(action, "black")
    assert board.area() == (25, 0)


def test_pettingzoos_plane_0_holds_the_opponents_stones():
    theirs, ours = in_zoo(their_zoo(5), 5, "C3"), in_zoo(pettingzoo.env(size=5), 5, "C3")
    assert theirs.agent_selection == ours.agent_selection == "white_0"
    seen = theirs.last()[0]["observation"]  # its documents: plane 0 is the current player's, who has none yet
    assert (seen[:, :, 0].sum(), seen[:, :, 1].sum()) == (1, 0)
    seen = ours.last()[0]["observation"]
    assert (seen[PLANES.index("own stones")].sum(), seen[PLANES.index("opposing stones")].sum()) == (0, 1)


def test_pettingzoo_pays_white_for_a_draw():
    theirs, ours = in_zoo(their_zoo(5), 5, "pass", "pass"), in_zoo(pettingzoo.env(size=5, komi=0), 5, "pass", "pass")
    assert theirs.rewards == {"black_0": -1, "white_0": 1}
    assert ours.rewards == {"black_0": 0.0, "white_0": 0.0}
    assert all(ours.terminations.values())


def test_pettingzoo_crashes_with_two_board_sizes_in_one_process():
    theirs = in_zoo(their_zoo(9), 9)
    in_zoo(their_zoo(5), 5)
    with pytest.raises(IndexError, match="is out of bounds for axis 0 with size 9"):
        theirs.step(action_at("A1", 9))
    environments = [pettingzoo.env(size=size) for size in (9, 5, 19, 2)]
    for env, size in zip(environments, (9, 5, 19, 2), strict=True):
        in_zoo(env, size, "A1")
    for env, size in zip(environments, (9, 5, 19, 2), strict=True):
        env.step(action_at("B1", size))
        assert env.last()[0]["observation"].shape == (len(PLANES), size, size)
        assert env.last()[0]["action_mask"].sum() == size**2 - 2 + 1
    boards = [played(Board(size), "A1") for size in (5, 9, 19, 2)]
    assert [int((board.stones != 0).sum()) for board in boards] == [1, 1, 1, 1]
