"""`rl-lab drive`: what keys do, what is told, and the screens that it is driven on."""

import os
import pty
import select
import subprocess
import sys

import gymnasium as gym
import numpy as np
import pytest

from rl_lab.cli import robot_drive, robot_screen
from rl_lab.envs.robot import cells
from rl_lab.envs.robot.looking import ACTIONS
from rl_lab.errors import LabError

EMPTY, DOOR_KEY = "rl_lab/Robot-Empty-5x5-v0", "rl_lab/Robot-DoorKey-5x5-v0"
CUSTOM = "rl_lab/Robot-Custom-v0"
KEY_AND_BALL = "#######\n#>k..G#\n#.....#\n#######\n\nk = red key"


class Script:
    """Presses the keys that it is given, and keeps what it is shown."""

    def __init__(self, *keys):
        self.keys, self.scenes, self.said = list(keys), [], []

    def show(self, scene):
        self.scenes.append((list(scene.lines), robot_screen.plain(scene)))

    def key(self):
        return self.keys.pop(0) if self.keys else None

    def say(self, text):
        self.said.append(text)


def drive(*keys, id=EMPTY, seed=0, **arguments):
    script = Script(*keys)
    robot_drive.Drive(robot_drive.world(id, arguments), script).run(seed)
    return script


def test_a_level_is_solved_and_the_optimum_is_shown():
    done = drive(*"wwdwwrq")
    lines = [lines for lines, _ in done.scenes]
    assert lines[0][:2] == [
        "get to the green goal square",
        "carrying nothing, step 0 of 100 (optimum: 5), return 0",
    ]
    assert [told for _, _, told in lines[1:5]] == ["forward", "forward", "right", "forward"]
    assert lines[5][2] == ("forward: solved after 5 steps (optimum: 5), reward 0.955; r starts a new level, q quits")
    assert "return 0.955" in lines[5][1]
    assert "step 0 of 100" in lines[6][1]
    assert done.said == ["2 levels, 1 solved"]


def test_the_end_of_the_input_ends_politely():
    assert drive("w").said == ["the input ended; 1 level, 0 solved"]


@pytest.mark.parametrize("keys", [["right", "left", "p", "up", "s"], list("dapws"), [*"DAPWS".lower()]])
def test_arrows_and_letters_do_the_same(keys):
    done = drive(*keys, id=CUSTOM, layout=KEY_AND_BALL)
    told = [lines[2] for lines, _ in done.scenes[1:]]
    assert told == ["right", "left", "pickup", "forward", "drop"]
    assert "carrying red key" in done.scenes[3][0][1]
    assert "carrying nothing" in done.scenes[5][0][1]


def test_every_action_has_a_key():
    assert set(robot_drive.KEYS.values()) >= set(ACTIONS)


def test_what_cannot_be_done_is_said():
    done = drive("z", "l", "t", "e", "h", "q")
    told = [lines[2] for lines, _ in done.scenes]
    assert told[1].startswith("'z' has no action; arrows or w a d: drive")
    assert told[2] == "this environment has no action look"
    assert told[5] == "the planner would choose forward; 5 steps left"
    over = drive("d", "w", "w", "w", id=CUSTOM, layout="####\n#>.#\n#~G#\n####")
    assert over.scenes[2][0][2].startswith("forward: mission failed after 2 steps")
    assert over.scenes[3][0][2] == "this level is over: r starts a new one, q quits"


def test_where_the_optimum_is_not_known_it_is_said():
    done = drive("h", "q", id="rl_lab/Robot-Playground-v0")
    assert "(optimum: unknown)" in done.scenes[0][0][1]
    assert done.scenes[0][0][0] == "no mission"
    assert done.scenes[1][0][2] == (
        "success is impossible from here, or has no definition; call reset(), or fix the grid"
    )


def test_the_key_line_has_the_keys_of_the_world():
    scout = drive("h", "l", "q", id="rl_lab/Robot-Scout-7x7-v0")
    told = [lines[2] for lines, _ in scout.scenes]
    assert "e: done   l: look   h: hint" in told[0]
    assert told[1].startswith("things move or doors turn by themselves in this world, and no plan is sure")
    assert told[2] == "look"
    assert "look" not in drive("q").scenes[0][0][2]
    obstacles = drive("q", id="rl_lab/Robot-Dynamic-Obstacles-5x5-v0").scenes[0][0][2]
    assert obstacles == "arrows or w a d: drive   h: hint   r: new level   q: quit"


def test_limits_end_levels_too():
    done = drive("a", "a", max_steps=2)
    assert done.scenes[-1][0][2].startswith("left: step limit reached after 2 steps")


def test_seeds_give_the_same_level():
    first, again, other = (drive("q", id=DOOR_KEY, seed=seed).scenes[0][1] for seed in (4, 4, 5))
    assert first == again
    assert first != other


def test_the_world_stands_beside_what_the_camera_sees():
    _, rows = drive("q", id=CUSTOM, layout=KEY_AND_BALL, view_size=3).scenes[0]
    assert rows == [
        "WGWGWGWGWGWGWG    WG",
        "WG>>KR    GGWG    WGKR",
        "WG          WG    WG^^",
        "WGWGWGWGWGWGWG",
    ]


def test_colours_show_every_kind_of_cell():
    shown = {}
    for thing in range(cells.EMPTY, cells.LAVA + 1):
        for state in range(3) if thing == cells.DOOR else [0]:
            cell = int(cells.pack(np.array([thing, cells.GREEN, state])))
            shown[thing, state] = robot_screen.block(cell, True, None)
            assert len(shown[thing, state][0]) == 2
            assert robot_screen.block(cell, True, 2)[0] == "◀ "
    assert len(set(shown.values())) == len(shown)
    env = robot_drive.world(CUSTOM, {"layout": KEY_AND_BALL})
    env.reset()
    text = robot_screen.coloured(robot_drive.Scene(*env.lanes.record(0), ["", "", ""]))
    assert [len(row) for row in text.plain.split("\n")] == [14 + 4 + 14] * 7


def test_keys_of_terminals_have_names():
    names = {"\x1b": {"[A": "up", "OC": "right", "[5~": "another key", "": "q"}}
    for more, name in names["\x1b"].items():
        assert robot_screen.key_named("\x1b", lambda more=more: more) == name
    assert [robot_screen.key_named(key, str) for key in ("W", " ", "\r", "\x04", "")] == [
        "w",
        "blank",
        "enter",
        "q",
        None,
    ]


@pytest.mark.parametrize(
    ("id", "arguments", "words"),
    [
        ("rl_lab/CartPole-v1", {}, "rl_lab/CartPole-v1 is not a robot environment"),
        ("CartPole-v1", {}, "CartPole-v1 is not a robot environment"),
        ("rl_lab/Robot-Nope-v0", {}, r"'rl_lab/Robot-Nope-v0'; rl-lab drive takes .* such as rl_lab/Robot-DoorKey-6x6"),
        ("MiniGrid-Empty-5x5-v0", {}, r"did you mean rl_lab/Robot-Empty-5x5-v0\?$"),
        ("Robot-DoorKey-6x6-v0", {}, r"did you mean rl_lab/Robot-DoorKey-6x6-v0\?$"),
        ("rl_lab/Robot-DorKey-6x6-v0", {}, r"did you mean rl_lab/Robot-DoorKey-6x6-v0\?$"),
        ("nowhere:Empty-v0", {}, "module 'nowhere' cannot be imported"),
        ("rl_lab/Robot-Scout-7x7-v0", {"chambers": 3}, "chambers=3 is not allowed; size=7 has room for 2"),
        (EMPTY, {"view_size": 2}, "it must be an odd number from 3 to 63"),
        (EMPTY, {"size": 2}, "size=2 is not allowed"),
        (EMPTY, {"colour": 2}, "takes no argument 'colour'"),
    ],
)
def test_what_cannot_be_driven_is_refused(id, arguments, words):
    with pytest.raises(LabError, match=words):
        robot_drive.world(id, arguments)


def lab(*words, **more):
    environment = os.environ | {"COLUMNS": "120", "NO_COLOR": "1"} | more.pop("env", {})
    return subprocess.run(
        [sys.executable, "-m", "rl_lab.cli", *words], capture_output=True, text=True, env=environment, **more
    )


def test_the_command_reads_a_pipe():
    done = lab("drive", EMPTY, "--seed", "0", "--env-arg", "max_steps=50", input="ww\n d w w")
    assert done.returncode == 0
    assert done.stderr == ""
    assert "forward: solved after 5 steps (optimum: 5), reward 0.91" in done.stdout
    assert done.stdout.endswith("the input ended; 1 level, 1 solved\n")


def test_the_command_refuses_in_one_sentence():
    done = lab("drive", "rl_lab/Robot-Custom-v0", "--env-arg", "layout=nowhere.txt", input="")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("rl-lab: layout file 'nowhere.txt' cannot be read")
    assert done.stderr.count("\n") == 1
    assert "Examples:" in lab("drive", "--help").stdout


def test_a_terminal_takes_single_keys_and_is_left_as_it_was():
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30", "PYTHONUTF8": "1"}
    command = [sys.executable, "-m", "rl_lab.cli", "drive", EMPTY, "--seed", "0"]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, close_fds=True)
    os.close(theirs)
    seen, keys = b"", [b"w", b"\x1b[A", b"\x1b[C", b"w", b"w", b"q"]
    waits = [b"arrows", b"forward", b"step 2", b"right", b"forward", b"solved", b"1 solved"]
    while waits and select.select([ours], [], [], 60)[0]:
        try:
            seen += os.read(ours, 65536)
        except OSError:  # it has closed its side
            break
        while waits and waits[0] in seen:
            seen = seen[seen.index(waits[0]) + len(waits.pop(0)) :]
            os.write(ours, keys.pop(0) if keys else b"")
    assert not waits
    assert process.wait(timeout=30) == 0
    os.close(ours)


@pytest.fixture
def pygame(monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    import pygame

    yield pygame
    pygame.display.quit()


def test_a_window_is_driven(pygame, capsys):
    with robot_screen.screen_for(window=True) as pane:
        for key in (pygame.K_UP, pygame.K_w, pygame.K_d, pygame.K_UP, pygame.K_UP, pygame.K_SPACE, pygame.K_ESCAPE):
            pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=key))
        env = robot_drive.world(EMPTY, {"tile_size": 16})
        robot_drive.Drive(env, pane).run(0)
        image = pane.window.picture()
    assert capsys.readouterr().out == "1 level, 1 solved\n"
    assert image.shape[1] == 420 + 24
    assert ((image[..., 1] == 255) & (image[..., 0] < 100)).any()  # the goal
    assert pane.window.closed


def test_a_closed_window_quits(pygame, capsys):
    with robot_screen.screen_for(window=True) as pane:
        pygame.event.post(pygame.event.Event(pygame.QUIT))
        robot_drive.Drive(robot_drive.world(EMPTY, {}), pane).run(0)
    assert capsys.readouterr().out == "1 level, 0 solved\n"


def test_large_worlds_fit_a_window():
    env = robot_drive.world("rl_lab/Robot-Maze-41x41-v0", {})
    env.reset(seed=0)
    height, width, _ = robot_screen.picture(robot_drive.Scene(*env.lanes.record(0), [])).shape
    assert height == 820
    assert width < 1000


def test_environments_with_a_window(pygame):
    env = gym.make(EMPTY, render_mode="human", debug=True)
    env.reset(seed=0)
    env.step(2)
    assert env.render() is None
    shown = env.unwrapped._screen._window.picture()
    assert shown.shape[0] > 5 * 32
    env.close()
    batch = gym.make_vec(EMPTY, num_envs=5, render_mode="human", debug=True, tile_size=8)
    batch.reset(seed=0)
    assert batch.render() is None
    assert batch.unwrapped._screen._window.picture().shape[:2] == (2 * 44 - 4 + 24, 3 * 44 - 4 + 24)
    batch.close()


def test_a_window_that_cannot_be_opened_is_a_sentence(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(LabError, match=r"needs pygame, which is not installed; run pip install -e '\.\[window\]'"):
        gym.make(EMPTY, render_mode="human")
    monkeypatch.undo()
    monkeypatch.setenv("SDL_VIDEODRIVER", "nowhere")
    with pytest.raises(LabError, match="no window can be opened here: nowhere not available"):
        robot_screen.Pane()
    monkeypatch.delenv("SDL_VIDEODRIVER")
    monkeypatch.setattr("pygame.display.get_driver", lambda: "offscreen")  # as SDL has it without a screen
    monkeypatch.setattr("pygame.display.init", lambda: None)
    with pytest.raises(LabError, match="no window can be opened here: there is no screen; use render_mode="):
        robot_screen.Pane()
