"""Layouts of one's own: read, written back, played, and refused with line and column."""

import doctest
import re

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from minigrid_oracle import DONE, DROP, FORWARD, LEFT, ONE_EACH, PICKUP, RIGHT, TOGGLE, RandomWorld, position

from rl_lab.envs.robot import cells, map_words, maps, maps_writer, targets
from rl_lab.errors import LabError

CUSTOM, ROOM = "rl_lab/Robot-Custom-v0", "rl_lab/Robot-Empty-8x8-v0"
KEPT = ("cells", "contents", "mission", "x", "y", "direction", "carrying", "carrying_contents", "width", "height")
MEANT = ("target_x", "target_y", "other_x", "other_y")
SMALLEST = "#####\n#> G#\n#####"


def custom(layout, **arguments):
    return gym.make(CUSTOM, layout=layout, debug=True, **arguments).unwrapped


def rewards(env, actions):
    env.reset()
    return [env.step(action)[1] > 0 for action in actions]


def assert_same(before, after, fields=KEPT):
    for name in fields:
        assert np.array_equal(before[name], after[name]), name


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(5, 5), (9, 7), (4, 9)]), st.data())
def test_what_is_written_is_read_back(seed, size, data):
    theirs = RandomWorld(*size, False, max_steps=100)
    theirs.reset(seed=seed)
    carried = data.draw(st.sampled_from([{}, {"carrying": (6, 1)}, {"carrying": (7, 2), "carrying_contents": (5, 3)}]))
    env = gym.make(ROOM, size=9, debug=True).unwrapped
    env.reset(options=position(theirs) | {"mission": ""} | carried)
    before, text = env.save_state(), env.ascii()
    env.reset(seed=1)
    env.reset(options={"layout": text})
    assert_same(before, env.save_state())
    assert env.ascii() == text


@pytest.mark.parametrize("id", ONE_EACH)
def test_every_family_writes_what_it_reads(id):
    env = gym.make(id, debug=True).unwrapped
    options = targets.OPTIONS.get(int(env.lanes.config["task"][0]), ())
    meant = ["target", *(name for name in MEANT if name.startswith(options)), *({"obstacles"} & {*options})]
    for seed in range(3):
        env.reset(seed=seed)
        for _ in range(2):
            before = env.save_state()
            env.reset(options={"layout": env.ascii()})
            assert_same(before, env.save_state(), (*KEPT, *meant))
            for action in np.random.default_rng(seed).integers(0, min(5, env.action_space.n), 12):
                if env.step(int(action))[2]:
                    env.reset()


THINGS = st.sampled_from([thing for thing in range(cells.WALL, cells.LAVA + 1) if thing != cells.DOOR])
CELLS = st.one_of(
    st.just((cells.EMPTY, 0, 0)),
    st.tuples(THINGS, st.integers(0, 5), st.just(0)),
    st.tuples(st.just(cells.DOOR), st.integers(0, 5), st.integers(0, 2)),
)


@given(
    CELLS,
    st.none() | st.tuples(st.sampled_from(np.flatnonzero(cells.CONTAINABLE).tolist()), st.integers(0, 5)),
    st.none() | st.integers(0, 3),
)
def test_words_say_what_a_cell_is(encoding, inside, facing):
    cell = int(cells.pack(np.array(encoding)))
    is_box, stands = cell & cells.KIND == cells.BOX, bool(cells.STANDABLE[cell & cells.KIND])
    held = inside[0] | inside[1] << 4 if inside and is_box else None
    meaning = map_words.Meaning(cell, held, facing if stands else None)
    assert map_words.parse(maps_writer.words(meaning), "here") == meaning


def test_characters_are_single_and_mean_different_things():
    assert all(len(character) == 1 for character in map_words.CHARACTERS)
    assert len(set(map_words.CHARACTERS.values())) == len(map_words.CHARACTERS) - 1  # a blank is as empty as a dot


@pytest.mark.parametrize("module", [maps])
def test_examples_in_docstrings(module):
    assert doctest.testmod(module).failed == 0
    assert doctest.testmod(module).attempted > 0


def test_a_layout_with_everything():
    env = custom("""
        #########
        #_R k~ G#
        # B D   #
        #o######
        ########

        R = robot facing left on grey floor
        B = red box with green key
        D = yellow locked door
        o = purple ball
        carrying = blue box with red ball
        mission = get to the green goal square
    """)
    env.reset()
    written = maps.read(env.ascii(), 41)
    assert written.agent == (2, 1, 2)
    assert written.grid[:, 1].tolist() == [
        [2, 5, 0], [3, 2, 0], [3, 5, 0], [1, 0, 0], [5, 4, 0], [9, 0, 0], [1, 0, 0], [8, 1, 0], [2, 5, 0],
    ]  # fmt: skip
    assert written.contents == {(2, 2): (cells.KEY, cells.GREEN)}
    assert written.more["carrying"] == (cells.BOX, cells.BLUE)
    assert written.more["carrying_contents"] == (cells.BALL, cells.RED)


def test_doors_keys_boxes_and_lava_do_what_they_do():
    layout = "########\n#>bD.G.#\n#..#~..#\n########\n\nb = red box with yellow key"
    way = [TOGGLE, PICKUP, FORWARD, TOGGLE, FORWARD, FORWARD, FORWARD]
    assert rewards(custom(layout), way) == [False] * 6 + [True]
    env = custom(layout)
    env.reset()
    for action in [*way[:6], RIGHT]:
        assert not env.step(action)[2]
    assert env.step(FORWARD)[1:3] == (0.0, True)


MISSIONS = {
    "pick up the blue ball": [PICKUP],
    "go to the blue ball": [DONE],
    "put the blue ball near the red key": [PICKUP, FORWARD, DROP],
    "open the green door": [LEFT, TOGGLE],
    "get to the green goal square": [LEFT, TOGGLE, FORWARD, FORWARD],
}


@pytest.mark.parametrize("mission", MISSIONS)
def test_missions_of_layouts(mission):
    layout = f"""
        #########
        #G#     #
        #d#     #
        #>o k   #
        #########

        d = green closed door
        k = red key
        mission = {mission}
    """
    env = custom(layout, observation="dict")
    assert env.reset()[0]["mission"] == mission
    assert rewards(env, MISSIONS[mission]) == [False] * (len(MISSIONS[mission]) - 1) + [True]


def test_who_is_to_go_somewhere_opens_nothing_but_passes_open_doors():
    layout = "######\n#>/.{}#\n######\n\nmission = go to the {}"
    assert rewards(custom(layout.format("o", "blue ball")), [FORWARD, FORWARD, DONE]) == [False, False, True]
    assert rewards(custom(layout.format("D", "yellow door").replace("/", ".")), [FORWARD, FORWARD, DONE])[-1]


def test_of_several_doors_the_one_that_is_named_is_meant():
    layout = "####\n#>d#\n#.e#\n####\n\nd = red closed door\ne = blue closed door\nmission = open the {} door"
    assert rewards(custom(layout.format("red")), [TOGGLE]) == [True]
    env = custom(layout.format("blue"))
    assert rewards(env, [TOGGLE, RIGHT, FORWARD, LEFT, TOGGLE]) == [False] * 4 + [True]


def test_files_are_read_and_batches_made_of_them(tmp_path):
    file = tmp_path / "mine.txt"
    file.write_bytes(SMALLEST.replace("\n", "\r\n").encode())
    for place in (file, str(file)):
        env = gym.make_vec(CUSTOM, num_envs=3, layout=place, max_steps=10, debug=True).unwrapped
        env.reset(seed=0)
        assert env.ascii(2).split("\n")[:3] == ["#####", "#>.G#", "#####"]
        env.step([FORWARD] * 3)
        assert env.step([FORWARD] * 3)[1].tolist() == [pytest.approx(1 - 0.9 * 2 / 10)] * 3


def test_other_layouts_come_with_reset():
    env = custom(SMALLEST, size=12)
    text = "############\n#>        G#\n############"
    env.reset(options={"layout": text, "step": 3, "mission": "get to the red goal square"})
    assert env.ascii().split("\n")[1] == "#>........G#"
    assert env.save_state()["steps"] == 3
    assert env.ascii().endswith("mission = get to the red goal square")
    env.reset()
    assert env.ascii().split("\n")[1] == "#>.G#"
    batch = gym.make_vec(ROOM, num_envs=4, debug=True).unwrapped
    batch.reset(seed=0)
    batch.reset(options={"layout": SMALLEST, "reset_mask": np.array([False, True, False, True])})
    assert [len(batch.ascii(lane).split("\n")[0]) for lane in range(4)] == [8, 5, 8, 5]


def test_the_example_can_be_solved():
    env = gym.make(CUSTOM, debug=True).unwrapped
    env.reset()
    assert env.ascii().count("~") == 4


BAD = {
    "no robot": ("#####\n#  G#\n#####", r"layout has no robot; put one of > v < \^"),
    "two robots": ("#####\n#> G#\n#v###\n#####", "line 3, column 2: this is a second robot, the first is in line 2"),
    "unknown character": ("#####\n#>?G#\n#####", r"line 2, column 3: '\?' is not known; known are # . G"),
    "indented": ("\n\n   #####\n   #>?G#\n   #####\n", "line 4, column 6: '.' is not known"),
    "unclosed": ("#####\n#>  G\n#####", r"walk out of the grid at layout, line 2, column 5, where there is green goal"),
    "short row": ("#####\n#>\n##G##\n#####", "walk out of the grid at layout, line 2, column 5, where there is noth"),
    "no way": ("#####\n#>#G#\n#####", "layout cannot be solved: no way leads to a goal"),
    "lava": ("######\n#>~.G#\n######", "cannot be solved: no way leads to a goal"),
    "no key": ("#####\n#>DG#\n#####", "cannot be solved: no way leads to a goal"),
    "wrong key": ("#######\n#k>D.G#\n#######\n\nk = red key", "cannot be solved"),
    "key behind its door": ("#######\n#>.DkG#\n#######", "cannot be solved"),
    "unreachable thing": ("######\n#>.#o#\n######\n\nmission = pick up the blue ball", "no way leads to a blue ball"),
    "nothing to do": ("#####\n#>..#\n#####", "layout has no goal G and no mission"),
    "no such thing": ("#####\n#>.G#\n#####\n\nmission = pick up the red ball", "no way leads to a red ball"),
    "too wide": (f"{'#' * 42}\n#>G{'#' * 39}\n{'#' * 42}", "line 1, column 42: the map is 42 cells wide; .* up to 41"),
    "too high": ("####\n#>G#\n" + "####\n" * 40, "line 42, column 1: the map is 42 cells high"),
    "too low": ("#>G#", "line 1, column 1: the map is 4x1 cells; a side must be at least 3"),
    "empty": ("\n \n", "layout is empty"),
    "odd line": (SMALLEST + "\n\nhello", "line 5, column 1: 'hello' is not understood"),
    "odd name": (SMALLEST + "\n\ngoal = 3", "line 5, column 1: 'goal' is not known; .* one of mission, carrying"),
    "twice": (SMALLEST + "\n\nk = red key\nk = blue key", "line 6, column 1: 'k' is explained a second time"),
    "odd thing": (SMALLEST + "\n\nk = pink key", r"line 5, column 5: 'pink key' is not understood; write a colour"),
    "stateless door": (SMALLEST + "\n\nd = red door", "'red door' is not understood"),
    "locked key": (SMALLEST + "\n\nk = red locked key", "'red locked key' is not understood"),
    "full key": (SMALLEST + "\n\nk = red key with blue ball", "'red key' holds nothing; only boxes do"),
    "box of walls": (SMALLEST + "\n\nb = red box with grey wall", "a box cannot hold 'grey wall'"),
    "robot in a wall": (SMALLEST + "\n\nR = robot facing up on grey wall", "cannot stand on 'grey wall'"),
    "carried wall": (SMALLEST + "\n\ncarrying = grey wall", "'grey wall' cannot be carried"),
    "odd word": (SMALLEST + "\n\nmission = pick up the grape key", "line 5, column 23: .* 'grape', .* mean 'grey'?"),
    "very odd word": (SMALLEST + "\n\nmission = xyz", "line 5, column 11: .* 'xyz', .*; known are a, and"),
    "long mission": (SMALLEST + "\n\nmission =" + " the" * 21, "line 5, column 91: .* has 21 words; .* up to 20"),
    "two boxes": (
        "######\n#>b b#\n######\n\nmission = go to the purple box",
        "line 5, column 11: .* holds 2, at line 2, column 3 and line 2, column 5; leave .* such as target = 2, 1",
    ),
    "no box": (SMALLEST + "\n\nmission = go to the purple box", "line 5, column 11: .* there is no purple box"),
    "no such place": (
        "#####\n#>d.#\n#####\n\nmission = open the yellow door\ntarget = 9, 9",
        "line 6, column 10: 9, 9 is outside the map, whose columns are 0 to 4 and rows 0 to 2",
    ),
    "a place to match": (
        f"{SMALLEST}\n\nmission = go to the matching object at the end of the hallway",
        "line 5, column 11: .* place that the grid does not determine; add a line such as target = 1, 1",
    ),
    "tab in the map": ("#####\n#>\tG#\n#####", "line 2, column 3: a tab may be any number"),
    "indented odd name": (SMALLEST + "\n\n   goal = 3", "line 5, column 4: 'goal' is not known"),
    "odd place": (SMALLEST + "\n\nmission = open the door\ntarget = there", "line 6, column 10: 'there' is no place"),
    "a long number": (
        f"#####\n#>d.#\n#####\n\nmission = open the door\ntarget = {'1' * 5000}, 1",
        "line 6, column 10: '1+, 1' is no place",
    ),
    "two places": (
        "#####\n#>d.#\n#####\n\nmission = open the door\ntarget = 1, 1 2, 1",
        "line 6, column 10: '1, 1 2, 1' is no place",
    ),
    "behind a door": ("######\n#>/do#\n######\n\nmission = go to the blue ball", "leads to line 2, column 5"),
    "another door": ("#####\n#>d.#\n#####\n\nmission = open the grey door", "line 5, column 11: .* no grey door"),
    "no door": (SMALLEST + "\n\nmission = open the door\ntarget = 2, 1", "line 6, column 10: .* it must be a door"),
    "target of nothing": (SMALLEST + "\n\ntarget = 2, 1", "line 5, column 10: 'target' is not known here"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_layouts_are_refused_in_one_sentence(case):
    layout, words = BAD[case]
    with pytest.raises(LabError, match=words) as refused:
        custom(layout if "\n" in layout else layout + "\n")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("case", ["two robots", "unknown character", "unclosed", "no way", "odd line"])
def test_reset_refuses_them_too_and_the_file_is_named(case, tmp_path):
    layout, words = BAD[case]
    env = gym.make(ROOM, debug=True).unwrapped
    env.reset(seed=0)
    with pytest.raises(LabError, match=words):
        env.reset(options={"layout": layout})
    file = tmp_path / "mine.txt"
    file.write_text(layout)
    with pytest.raises(LabError, match=r"mine\.txt"):
        custom(file)


def test_what_is_no_layout_is_refused(tmp_path):
    (tmp_path / "noise").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "long").write_bytes(b"#" * 200_000)
    for layout, words in {
        "nowhere.txt": "'nowhere.txt' cannot be read: no such file",
        tmp_path: "cannot be read: is a directory",
        tmp_path / "noise": "cannot be read: it is no text",
        tmp_path / "long": "larger than 100000 bytes",
        7: "layout=7 is not allowed",
        "": "^layout is empty; it must be a map",
    }.items():
        with pytest.raises(LabError, match=words):
            custom(layout)
    for size in (2, 42, "8"):
        with pytest.raises(LabError, match=f"size={size!r} is not allowed"):
            custom(None, size=size)
    with pytest.raises(LabError, match=r"size=10 is too small for the example, .* at least 11"):
        custom(None, size=10)
    env = gym.make(ROOM, debug=True).unwrapped
    env.reset(seed=0)
    with pytest.raises(LabError, match="layout=7 is not allowed; it must be the name of a file"):
        env.reset(options={"layout": 7})
    with pytest.raises(LabError, match="have 'layout' and 'agent', which the layout says"):
        env.reset(options={"layout": SMALLEST, "agent": (1, 1, 0)})
    with pytest.raises(LabError, match="the map is 12 cells wide; a side may be up to 9 cells here"):
        env.reset(options={"layout": "############\n#>        G#\n############"})


SCOUT_LINES = {
    "clocks = 9, 9, 0": "line 5, column 10: 9, 9 is outside the map, whose columns are 0 to 4",
    "clocks = 2, 1, 0": "line 5, column 10: a door in clocks is (2, 1), where there is nothing; it must be a door",
    "clocks = 2, 1": "line 5, column 10: '2, 1' is no clock; write column, row and phase",
    "clocks = 2, 1, 256": "line 5, column 10",
}


@pytest.mark.parametrize("line", SCOUT_LINES)
def test_lines_about_clocks_are_refused_where_they_stand(line):
    env = gym.make("rl_lab/Robot-Scout-7x7-v0", debug=True).unwrapped
    with pytest.raises(LabError, match=re.escape(SCOUT_LINES[line])):
        env.reset(options={"layout": f"{SMALLEST}\n\n{line}"})


def test_lines_about_obstacles_are_refused_where_they_stand():
    env = gym.make("rl_lab/Robot-Dynamic-Obstacles-5x5-v0", debug=True).unwrapped
    for line, words in {
        "obstacles = 3, 9": "line 5, column 13: 3, 9 is outside the map",
        "obstacles = 2, 1": "line 5, column 13: obstacles names (2, 1), where there is no ball",
        "obstacles = 2": "line 5, column 13: '2' is no list of places",
    }.items():
        with pytest.raises(LabError, match=re.escape(words)):
            env.reset(options={"layout": f"{SMALLEST}\n\n{line}"})


def test_reset_takes_files_as_make_does(tmp_path):
    file, env = tmp_path / "mine.txt", gym.make(ROOM, debug=True).unwrapped
    file.write_bytes(b"\xef\xbb\xbf" + SMALLEST.encode())
    for layout in (file, str(file), "\ufeff" + SMALLEST):
        env.reset(options={"layout": layout})
        assert env.ascii().startswith("#####\n#>.G#\n#####\n")
    with pytest.raises(LabError, match=r"'nowhere\.txt' cannot be read: no such file"):
        env.reset(options={"layout": "nowhere.txt"})
    with pytest.raises(LabError, match="target' is not known here; allowed are"):
        env.reset(options={"layout": SMALLEST, "target": (1, 1)})
    with pytest.raises(LabError, match=r"target is 'there'; it must be a place"):
        gym.make("rl_lab/Robot-Unlock-v0", debug=True).unwrapped.reset(
            options={"layout": "#####\n#>d.#\n#####", "target": "there"}
        )


def test_nothing_is_said_of_what_there_is_not():
    env = gym.make("rl_lab/Robot-Playground-v0", debug=True).unwrapped
    env.reset(seed=0)
    assert "mission" not in env.ascii()
    env = gym.make("rl_lab/Robot-Scout-7x7-v0", debug=True).unwrapped
    env.reset(options={"layout": SMALLEST})
    assert "clocks" not in env.ascii()
    env = gym.make(ROOM, debug=True).unwrapped
    env.reset(options={"layout": f"{SMALLEST}\n\nmission = nothing"})
    assert env.ascii().endswith("\nmission = nothing")
    assert not env.save_state()["mission"].any()


def test_other_environments_write_no_layouts():
    env = gym.make("rl_lab/CartPole-v1").unwrapped
    env.reset(seed=0)
    with pytest.raises(LabError, match="CartPole writes no layouts"):
        env.ascii()
