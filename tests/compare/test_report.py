"""The report: one file, well formed, with the verdict first and numbers drawn where they belong."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_runs import ENVIRONMENT, plan, rising, run

from rl_lab.compare import Environment, Question, Result, Run
from rl_lab.compare.charts import times
from rl_lab.compare.environments import Maker
from rl_lab.compare.evaluation import JudgedEpisode
from rl_lab.compare.frames import strip
from rl_lab.compare.summary import summarise
from rl_lab.compare.svg import AxisScale, tick_label

QUESTIONS = (Question("return", "equal", 0.05), Question("time", threshold=0.9, margin=0.1))


class Checker(HTMLParser):
    """Collects the text, and whatever a browser would load; refuses tags that do not close."""

    EMPTY = ("meta", "img", "line", "rect", "polygon", "br")

    def __init__(self):
        super().__init__()
        self.open, self.loaded, self.words, self.attributes = [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.loaded += [value for name, value in attributes if name in ("src", "href", "srcset", "data", "action")]
        self.attributes += [(tag, dict(attributes))]
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.attributes += [(tag, dict(attributes))]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def read(text):
    checker = Checker()
    checker.feed(text)
    checker.close()
    assert checker.open == []
    return checker


def result(seeds=10, **more):
    runs = [run("ours", s, rising(2 + s % 3), 1.0 + s / 50) for s in range(seeds)]
    runs += [run("theirs", s, rising(3 + s % 2, 0.97 if s else 0.5), 20.0 + s) for s in range(seeds)]
    return Result(plan(*QUESTIONS, seeds=seeds), runs, command="rl-lab compare mine.toml", hardware="a machine", **more)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return result(versions={"python": "3.x"}).save(tmp_path_factory.mktemp("report") / "report.html").read_text()


def test_the_report_says_where_the_numbers_are(tmp_path):
    alone = result().save(tmp_path / "alone" / "report.html")
    assert [file.name for file in alone.parent.iterdir()] == ["report.html"]
    assert "in the same folder" not in alone.read_text()
    assert 'result.save("runs.csv")' in "".join(read(alone.read_text()).words)
    together = result().save_all(tmp_path / "together")
    assert "in the same folder, in runs.csv and verdicts.json" in "".join(read(together.read_text()).words)
    assert {file.name for file in together.parent.iterdir()} == {"report.html", "runs.csv", "verdicts.json"}


def test_the_report_is_one_file_that_loads_nothing(report):
    page = read(report)
    assert page.loaded == []  # these runs have no episodes; pictures are data URIs, see below
    assert not re.search(r"https?://|@import|url\(", report)
    assert "<script" not in report
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in page.attributes


def test_the_verdicts_come_first_and_everything_is_there(report):
    words = " ".join(read(report).words)
    order = ["Verdicts", "Is the return per step of ours equal", "Is the time to 0.9",
             "Learning over environment steps", "Learning over wall-clock", "Wall-clock to 0.9",
             "Probability of a higher return per step than theirs",
             "Method", "rl-lab compare mine.toml", "a machine"]  # fmt: skip
    places = [words.index(words_there) for words_there in order]
    assert places == sorted(places)
    assert "1 of 10 runs of theirs never reached it" in words
    assert "python 3.x" in words
    assert "nan" not in report.lower().replace("finance", "")


def test_every_seed_and_both_bands_are_drawn(report):
    classes = [
        attributes.get("class", "") for tag, attributes in read(report).attributes if tag in ("polyline", "polygon")
    ]
    for place in (0, 1):
        assert classes.count(f"seed c{place}") == 2 * 10  # over steps and over seconds
        assert classes.count(f"band c{place}") == 2
        assert classes.count(f"curve c{place}") == 2


def test_runs_above_the_threshold_from_the_start_are_drawn_at_0():
    runs = [run(name, seed, rising(0 if name == "ours" else 3)) for name in ("ours", "theirs") for seed in range(3)]
    for each in (runs, [replace(one, contender=name) for name in ("ours", "theirs") for one in runs[:3]]):
        drawn = times(summarise(plan(*QUESTIONS, seeds=3), each, ENVIRONMENT, True), 0.9)
        assert ("0 ms" in drawn, "nan" in drawn) == (True, False)


def test_names_are_escaped_and_failures_shown(tmp_path):
    runs = [run("<b>ours</b>", s, rising(2)) for s in range(3)] + [
        Run("task", "theirs", 0, error="<script>alert(1)</script>")
    ]
    text = (
        Result(plan(*QUESTIONS, seeds=3, names=("<b>ours</b>", "theirs")), runs).save(tmp_path / "r.html").read_text()
    )
    read(text)
    assert "<script" not in text
    assert "<b>ours" not in text
    assert "Failed runs" in text
    assert "no verdict" in text


def test_a_comparison_in_which_everything_failed_still_has_a_report(tmp_path):
    runs = [Run("task", name, s, error="it broke") for name in ("ours", "theirs") for s in range(3)]
    text = Result(plan(*QUESTIONS, seeds=3), runs).save(tmp_path / "r.html").read_text()
    assert "no runs to compare" in " ".join(read(text).words)


def played(env, seed, steps):
    env.reset(seed=seed)
    actions, value = [], 0.0
    for _ in range(steps):
        actions.append(int(env.action_space.sample()))
        _, reward, terminated, truncated, _ = env.step(actions[-1])
        value += reward
        if terminated or truncated:
            break
    return JudgedEpisode(seed, float(value), actions)


class Painted(gym.Env):
    """Its pictures are as dark as its steps are many."""

    render_mode, metadata = "rgb_array", {"render_modes": ["rgb_array"]}
    observation_space, action_space = gym.spaces.Box(0, 1, (1,)), gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.steps += 1
        return np.zeros(1, np.float32), float(self.np_random.random() < 0.5), self.steps == 30, False, {}

    def render(self):
        return np.full((40, 60, 3), 8 * self.steps, np.uint8)


def test_an_episode_is_played_again_as_pictures():
    episode = played(Painted(), 5, 30)
    shown = strip(Maker.of(Environment("painted", Painted)), episode)
    assert [step for step, _ in shown.pictures] == [0, 4, 9, 13, 17, 21, 26, 30]
    assert all(picture.startswith("data:image/png;base64,") for _, picture in shown.pictures)
    assert len({picture for _, picture in shown.pictures}) == 8


def test_what_cannot_be_drawn_gets_a_note():
    episode = played(gym.make("CartPole-v1"), 3, 10)
    blind = strip(Maker.of(Environment("blind", lambda: gym.make("CartPole-v1"))), episode)
    assert (blind.pictures, "does not render rgb_array" in blind.note) == ([], True)
    wrong = strip(Maker.of(Environment("painted", Painted)), JudgedEpisode(3, 99.0, [0, 1, 0]))
    assert "does not play the same episode again" in wrong.note


def test_bands_lie_around_the_curve_and_times_count_the_unreached():
    ours, theirs = summarise(result().plan, result().runs, result().plan.environments[0], True)
    for band in (ours.by_steps, ours.by_seconds, theirs.by_steps):
        assert np.all((band.low <= band.middle + 1e-9) & (band.middle <= band.high + 1e-9))
    assert sum(value.censored for value in theirs.times) == 1
    assert theirs.improvement is None  # it is the baseline
    assert ours.improvement.low <= ours.improvement.value <= ours.improvement.high


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.booleans())
def test_ticks_lie_on_the_axis_and_are_round(low, size, logarithmic):
    low = abs(low) + 1e-3 if logarithmic else low
    scale = AxisScale(low, low + size, 10.0, 110.0, logarithmic)
    ticks = scale.ticks()
    places = scale(ticks)
    assert np.all((places >= 10 - 0.2) & (places <= 110 + 0.2))
    assert np.all(np.diff(places) > 0)
    assert 2 <= len(ticks) <= 10 if logarithmic else 3 <= len(ticks) <= 6
    assert scale([low, low + size]) == pytest.approx([10, 110])


def test_tick_labels():
    assert [tick_label(value) for value in (0, 0.25, -3, 2500, 20_000, 1_500_000)] == [
        "0",
        "0.25",
        "−3",
        "2,500",
        "20 k",
        "1.5 M",
    ]
