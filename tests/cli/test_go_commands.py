"""`rl-lab gtp` and `rl-lab match`: what works, what is refused in a sentence, and what stays after Ctrl-C."""

import io
import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from rl_lab import cli
from rl_lab.agents.ppo import PPO
from rl_lab.cli import go_players
from rl_lab.envs.go import sgf
from rl_lab.envs.go.game import Board
from rl_lab.envs.go.gtp.rules import KataRules
from rl_lab.envs.go.gtp.session import GtpSession
from rl_lab.envs.go.gtp.table import GameTable
from rl_lab.envs.go.gtp.thinking import thinker_for
from rl_lab.errors import LabError

sys.path.insert(0, str(Path(__file__).parents[1] / "envs"))
from go_engines import bad


def lab(*words):
    """Run a command in this process."""
    cli.app.cli(prog="rl-lab", args=[str(word) for word in words])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """An agent of 5x5, as a run keeps it; it has learned nothing yet."""
    folder = tmp_path_factory.mktemp("runs") / "go5"
    PPO("rl_lab/Go-5x5-v0", num_envs=2, n_steps=32, batch_size=32, engine="torch").save(folder / "checkpoint")
    return folder


def test_a_match_keeps_every_game(tmp_path, capsys):
    out = tmp_path / "match"
    lab("match", "mcts:20", "random", "--games", 4, "--size", 5, "--komi", 0.5, "--out", out, "--seed", 3, "--json")
    told = json.loads(capsys.readouterr().out)
    assert told == json.loads((out / "match.json").read_text())
    assert (told["games"], told["distinct"]) == (4, 4)
    assert told["score"]["low"] < told["score"]["value"] <= 1
    for game in told["played"]:
        kept = sgf.read(out / game["file"])
        assert kept.result == game["result"]
        assert kept.players == (("mcts:20", "random") if game["first_plays"] == "black" else ("random", "mcts:20"))
        assert len(kept.moves) == game["moves"]
        assert kept.board().result() == game["result"]
    with pytest.raises(LabError, match="holds a match already; name another folder with --out"):
        lab("match", "random", "random", "--games", 1, "--out", out)


def test_programs_and_folders_play(trained, tmp_path, capsys):
    program = shlex.join([sys.executable, "-m", "rl_lab.cli", "gtp", "--agent", str(trained), "--size", "5"])
    lab("match", trained / "checkpoint.safetensors", program, "--games", 2, "--size", 5, "--out", tmp_path)
    said = capsys.readouterr().out
    assert "rl-lab go5" in said
    assert "no illegal move, no time-out, no crash" in said
    assert f"games: {tmp_path}" in said


def test_a_program_that_fails_loses_and_is_counted(tmp_path, capsys):
    lab("match", "random", shlex.join(bad("dies")), "--games", 2, "--size", 5, "--out", tmp_path)
    assert "games lost by crash: random 0, Bad 2" in capsys.readouterr().out
    assert "has died" in sgf.read(tmp_path / "game-1.sgf").comments[5]  # after four moves of the opening and one


def test_what_an_agent_sees_of_a_board_is_what_the_environment_shows(trained):
    import gymnasium as gym

    from rl_lab.envs.go.board_observation import see

    env, board = gym.make("rl_lab/Go-5x5-v0", opponent="self"), Board(5)
    rng = np.random.default_rng(0)
    observation, info = env.reset(seed=0)
    for _ in range(60):
        seen, mask = see(board)
        np.testing.assert_array_equal(seen, observation)
        np.testing.assert_array_equal(mask, info["action_mask"])
        if board.is_over:
            break
        action = int(rng.choice(board.legal()[:-1] or board.legal()))
        observation, *_, info = env.step(action)
        board.play(action)
    else:
        pytest.fail("the game has no end")


def test_a_trained_agent_plays_its_most_probable_move(trained):
    from rl_lab.envs.go.board_observation import see

    agent, board = go_players.player_for(str(trained)), Board(5)
    assert (agent.name, agent.size) == ("go5", 5)
    action = agent(board)
    seen, mask = see(board)
    assert action == PPO.load(trained / "checkpoint.safetensors").predict(seen, action_mask=mask)[0]
    board.play(action)
    assert board.is_legal(agent(board))


def test_another_komi_than_the_agent_has_learned_with_is_said(tmp_path, caplog, monkeypatch, capsys):
    run = tmp_path / "go5.safetensors"
    PPO("rl_lab/Go-5x5-v0", num_envs=2, n_steps=32, batch_size=32, engine="torch", env_kwargs={"komi": 24.5}).save(run)
    advice = "go5.safetensors has learned with komi 24.5, and plays with komi 25 here"
    for komi, said in (("25", [advice]), ("24.5", [])):
        caplog.clear()
        lab("match", run, "random", "--games", 1, "--size", 5, "--komi", komi, "--out", tmp_path / komi)
        assert [record.getMessage()[8 : 8 + len(advice)] for record in caplog.records] == said
        capsys.readouterr()
        monkeypatch.setattr(sys, "stdin", io.StringIO("quit\n"))
        lab("play", "go", "--size", 5, "--agent", run, "--komi", komi)
        assert (advice in capsys.readouterr().out) == bool(said)
    caplog.clear()
    agent = go_players.player_for(str(run))
    session = GtpSession(GameTable(5, 25.0, KataRules("POSITIONAL")), thinker_for(agent))
    session.prepare()
    assert not caplog.records  # a client may still set its own
    for komi in (24.5, 25.0, 25.0):
        session.table.set_komi(komi)
        session.think_for("black")
    assert [record.getMessage()[8 : 8 + len(advice)] for record in caplog.records] == [advice]


@pytest.fixture(scope="module")
def half_komi(tmp_path_factory):
    """An agent of 5x5 with a komi of its own."""
    run = tmp_path_factory.mktemp("runs") / "half.safetensors"
    PPO("rl_lab/Go-5x5-v0", num_envs=2, n_steps=32, batch_size=32, engine="torch", env_kwargs={"komi": 24.5}).save(run)
    return run


@pytest.mark.parametrize(
    ("asked", "komi", "said"),
    [
        ((), 24.5, "half.safetensors plays on 5x5 with komi 24.5, as it was trained"),
        (("--size", 5), 24.5, "half.safetensors plays with komi 24.5, as it was trained"),
        (("--komi", 3), 3.0, "half.safetensors plays on 5x5, as it was trained"),
        (("--size", 5, "--komi", 24.5), 24.5, ""),
    ],
)
def test_an_agent_brings_its_size_and_komi(asked, komi, said, half_komi, tmp_path, caplog, monkeypatch, capsys):
    caplog.set_level("INFO", "rl_lab")
    lab("match", half_komi, "random", "--games", 1, "--out", tmp_path / "match", *asked)
    assert f"1 games on 5x5, komi {komi:g}" in capsys.readouterr().out
    begun = []
    monkeypatch.setattr("rl_lab.envs.go.gtp.server.serve", lambda session: begun.append(session.table))
    lab("gtp", "--agent", half_komi, *asked)
    assert [(table.board.size, table.board.rules.komi_in_force) for table in begun] == [(5, komi)]
    assert capsys.readouterr().out == ""  # which is for answers alone
    lines = [record.getMessage().removeprefix("rl-lab: ") for record in caplog.records]
    assert [line for line in lines if "as it was trained" in line] == ([said, said] if said else [])
    monkeypatch.setattr(sys, "stdin", io.StringIO("quit\n"))
    lab("play", "go", "--agent", half_komi, *asked)
    shown = capsys.readouterr().out
    assert said in shown
    assert ("as it was trained" in shown) == bool(said)
    assert f"komi {komi:g}. A move, or help:" in shown


@pytest.mark.parametrize("words", [["gtp", "--agent"], ["play", "go", "--agent"], ["match", "random"]])
def test_a_size_that_an_agent_does_not_play_is_an_error(words, half_komi, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LabError, match=r"half.safetensors plays on 5x5 only; give --size 5"):
        lab(*words, half_komi, "--size", 9)


def test_agents_of_two_sizes_do_not_meet(half_komi, tmp_path):
    run = tmp_path / "three.safetensors"
    arguments = {"size": 3}
    PPO("rl_lab/Go-5x5-v0", num_envs=2, n_steps=32, batch_size=32, engine="torch", env_kwargs=arguments).save(run)
    sentence = "half.safetensors plays on 5x5 only and three.safetensors on 3x3; they cannot meet"
    with pytest.raises(LabError, match=sentence):
        lab("match", half_komi, run, "--out", tmp_path / "match")


def test_a_folder_named_like_a_player_is_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "greedy").mkdir()
    assert not go_players.is_kept("greedy")
    assert go_players.is_kept("./greedy")


@pytest.mark.parametrize(
    ("learned_with", "asked", "met"),
    [
        ({"opponent": "self"}, (), "random"),
        ({"opponent": "self+greedy"}, (), "greedy"),
        ({"opponent": "greedy"}, ("opponent=self",), "random"),
        ({}, ("opponent=greedy",), "greedy"),
    ],
)
def test_evaluations_of_go_count_games_against_somebody_else(learned_with, asked, met, tmp_path, capsys, caplog):
    caplog.set_level("INFO", "rl_lab")
    run, arguments = tmp_path / "go.safetensors", {"komi": 24.5, "max_moves": 12, **learned_with}
    env = "rl_lab/Go-5x5-v0"
    PPO(env, num_envs=2, n_steps=32, batch_size=32, engine="torch", env_kwargs=arguments).save(run)
    words = ["eval", run, "--episodes", 20, "--stochastic", *(("--env-arg", *asked) if asked else ())]
    lab(*words, "--json")
    told = json.loads(capsys.readouterr().out)
    wanted = asked[0].removeprefix("opponent=") if asked else learned_with["opponent"]
    news = f"rl-lab: opponent={wanted} is replaced by {met}: against itself an agent wins as often as it loses"
    assert [news in record.getMessage() for record in caplog.records if "is replaced" in record.getMessage()] == (
        [True] if wanted != met else []
    )
    assert told["opponent"] == met
    assert told["won"] + told["drawn"] + told["lost"] + told["broken_off"] == 20
    assert told["won"] == told["returns"].count(1.0)
    assert told["lost"] == told["returns"].count(-1.0)
    assert told["broken_off"] > 0  # after six moves each
    lab(*words)
    said = capsys.readouterr().out
    assert f"against {met}: {told['won']} won, {told['drawn']} drawn, {told['lost']} lost, " in said
    assert f"rl-lab match {run} mcts:500 --size 5 --komi 24.5" in said


def test_an_evaluation_on_another_board_is_one_sentence(trained):
    with pytest.raises(
        LabError, match=r"trained with observations of shape \(10, 5, 5\), but here they have shape \(10, 9, 9\)"
    ):
        lab("eval", trained, "--env-arg", "size=9")


def test_agents_of_other_worlds_do_not_play_go(tmp_path):
    run = tmp_path / "cartpole.safetensors"
    PPO("rl_lab/CartPole-v1", num_envs=2, n_steps=32, batch_size=32, engine="torch").save(run)
    with pytest.raises(LabError, match=r"was trained on rl_lab/CartPole-v1, which is not Go"):
        go_players.player_for(str(run))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["gtp", "--agent", "mcts:none"], "there is no player 'mcts:none'"),
        (["gtp", "--agent", "alphago"], "there is no player 'alphago'.*or give the folder of a run"),
        (["gtp", "--agent", "."], r"\. holds no checkpoint"),
        (["gtp", "--size", 1], "size=1 is not allowed; a board may be 2 to 19 points wide"),
        (["gtp", "--size", 20], "size=20 is not allowed"),
        (["gtp", "--komi", "nan"], "komi=nan is not allowed"),
        (["gtp", "--komi", "1e9"], "komi=1000000000.0 is not allowed"),
        (["gtp", "--resign", 1.5], "resign=1.5 is not allowed"),
        (["gtp", "--agent", "greedy", "--resign", 0.1], "resign=0.1 needs an agent with winning probabilities"),
        (["gtp", "--seed", -1], "seed=-1 is not allowed"),
        (["match", "random", "alphago"], "'alphago' is neither a player nor a program"),
        (["match", "random", ""], "a player's name is empty"),
        (["match", "random", "gnugo 'unfinished"], "is not a command line: No closing quotation"),
        (["match", "random", "mcts:0"], "'mcts:0' is not allowed; a search may have 1 to 10000000 playouts a move"),
        (["match", "random", "mcts:1000000000"], "'mcts:1000000000' is not allowed; a search may have 1 to 10000000"),
        (["match", "random", "gnugo:11"], "'gnugo:11' is not allowed; GNU Go has levels from 0 to 10"),
        (["match", "random", "gnugo:1+random"], r"'gnugo:1\+random' is not one player; only training draws from sev"),
        (["match", "random", shlex.join(bad("has no board"))], "refuses 'boardsize 9': unacceptable size"),
        (["match", "random", "random", "--games", 0], "games=0 is not allowed"),
        (["match", "random", "random", "--size", 0], "size=0 is not allowed"),
        (["match", "random", "random", "--seconds", -1], "seconds=-1.0 is not allowed"),
        (["match", "random", "random", "--seconds", "nan"], "seconds=nan is not allowed"),
        (["match", "random", "random", "--max-moves", 9999], "max_moves=9999 is not allowed"),
        (["match", "random", "random", "--out", "/dev/null/x"], "cannot be made or written to"),
        (["match", "random", shlex.join([sys.executable, "-c", "print(1)"])], "answers 'name' with '1'|has died"),
    ],
)
def test_bad_input_is_one_sentence(words, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LabError, match=sentence):
        lab(*words)
    assert not list(tmp_path.iterdir())


class Alarm:
    """A timer whose time comes at once, or never."""

    def __init__(self, rings, cancelled):
        self.rings, self.cancelled = rings, cancelled

    def __call__(self, seconds, function, arguments):
        assert 1 < seconds < 5
        self.ring = lambda: function(*arguments)
        return self

    def start(self):
        if self.rings:
            self.ring()

    def cancel(self):
        self.cancelled.append(self.ring)


@pytest.mark.parametrize("slow", [True, False])
def test_whom_everybody_waits_for_is_said(slow, tmp_path, monkeypatch, caplog):
    caplog.set_level("INFO", "rl_lab")
    cancelled = []
    monkeypatch.setattr("rl_lab.cli.match.threading.Timer", Alarm(slow, cancelled))
    lab("match", "random", shlex.join(bad("passes")), "--games", 1, "--size", 5, "--out", tmp_path)
    said = f"rl-lab: waiting for {sys.executable} to start"
    assert (said in [record.getMessage() for record in caplog.records]) == slow
    assert len(cancelled) == 3  # the program's start, and both sides' first board


def test_help_says_how_other_programs_find_us(capsys):
    with pytest.raises(SystemExit):
        lab("gtp", "--help")
    said = capsys.readouterr().out
    assert all(word in said for word in ("Sabaki", "gogui-twogtp", "--agent mcts:2000", "runs/go5"))


def test_the_exit_code_of_bad_input(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["rl-lab", "gtp", "--agent", "alphago"])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("words", [["match", "random", "random"], ["play", "go", "--sgf", "new/game.sgf"]])
def test_what_writes_sgf_is_missed_before_the_first_move(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "sgfmill", None)
    with pytest.raises(LabError, match=r"sgfmill, which is not installed; run pip install -e '\.\[go\]'"):
        lab(*words)
    assert list(tmp_path.iterdir()) == []


def test_a_match_that_cannot_begin_leaves_no_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for second in ("mcts:0", shlex.join([sys.executable, "-c", "print(1)"])):
        with pytest.raises(LabError):
            lab("match", "random", second)
    assert list(tmp_path.iterdir()) == []


class Interrupted:
    """Passes, until somebody presses Ctrl-C."""

    name = "interrupted"

    def __init__(self, moves):
        self.moves = moves

    def __call__(self, board):
        self.moves -= 1
        if self.moves < 0:
            raise KeyboardInterrupt
        return board.size**2

    def prepare(self, board):
        pass

    def close(self):
        pass


def test_ctrl_c_in_the_middle_of_a_game_keeps_it_as_far_as_it_went(tmp_path, monkeypatch):
    agents = {"mcts:1": Interrupted(2), "mcts:2": Interrupted(99)}
    monkeypatch.setattr(go_players, "player_for", lambda spec, seed: agents[spec])
    with pytest.raises(KeyboardInterrupt):
        lab("match", "mcts:1", "mcts:2", "--games", 10, "--size", 5, "--opening-moves", 2, "--out", tmp_path)
    told = json.loads((tmp_path / "match.json").read_text())
    assert told["games"] == 2
    kept = sgf.read(tmp_path / "game-03-unfinished.sgf")
    assert (len(kept.moves), kept.result, kept.players) == (2, "", ("mcts:1", "mcts:2"))
    assert sorted(path.name for path in tmp_path.glob("*.sgf")) == [
        "game-01.sgf",
        "game-02.sgf",
        "game-03-unfinished.sgf",
    ]


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no such signal")
def test_ctrl_c_keeps_what_was_finished(tmp_path, interrupt):
    out = tmp_path / "match"
    words = ["match", "mcts:100", "mcts:100", "--games", "5000", "--size", "5", "--out", str(out)]
    with subprocess.Popen(
        [sys.executable, "-m", "rl_lab.cli", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as run:
        while not list(out.glob("game-*2.sgf")) and run.poll() is None:
            time.sleep(0.05)
        said, complaints = interrupt(run)
    told = json.loads((out / "match.json").read_text())
    assert run.returncode == 130, complaints
    assert b"stopped; what was written stays" in complaints
    assert b"Traceback" not in complaints
    assert 2 <= told["games"] == len(told["played"]) < 5000
    assert f"{told['games']} games on 5x5".encode() in said
    for game in told["played"]:
        assert (out / game["file"]).exists()
