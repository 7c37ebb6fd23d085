"""What the benchmarks share; their figures are looked at by `make bench`."""

import importlib
import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
common = importlib.import_module("benchmarks.common")
robot_table = importlib.import_module("benchmarks.robot_table")
main = importlib.import_module("benchmarks.__main__")


def test_sides_take_turns():
    calls = []

    def side(name):
        calls.append(name)
        return float(len(calls))

    samples = common.interleave(3, ours=lambda: side("ours"), peer=lambda: side("peer"))
    assert calls == ["ours", "peer"] * 3
    assert samples == {"ours": [1.0, 3.0, 5.0], "peer": [2.0, 4.0, 6.0]}


def test_the_ratio_is_a_median_of_pairs():
    """So a round in which the machine was slow for both, or for one, does not count."""
    figure = common.compared("any", "steps/s", [30.0, 3.0, 30.0], [10.0, 1.0, 100.0], "peer", bar=3)
    assert figure.ratio == 3.0
    assert figure.met
    assert (figure.ours, figure.peer) == (30.0, 10.0)


@pytest.mark.parametrize(
    ("figure", "met"),
    [
        (common.Figure("fast enough", "steps/s", 8.0, 2.0, "peer", 4.0, bar=4.0), True),
        (common.Figure("too slow", "steps/s", 8.0, 2.0, "peer", 4.0, bar=4.1), False),
        (common.Figure("small enough", "MB", 50.0, bar=50.0), True),
        (common.Figure("too large", "MB", 51.0, bar=50.0), False),
        (common.Figure("no bar", "MB", 51.0), None),
    ],
)
def test_bars(figure, met):
    assert figure.met is met


def test_figures_are_kept(tmp_path, capsys):
    figure = common.compared("any", "steps/s", [30.0], [10.0], "peer", bar=4)
    common.save(tmp_path / "bench.json", "command", common.machine(), {"group": [figure]})
    read = json.loads((tmp_path / "bench.json").read_text())
    assert read["figures"]["group"][0]["ratio"] == 3.0
    assert read["figures"]["group"][0]["met"] is False
    assert read["machine"]["packages"]["numba"]
    common.show("a table", [figure])
    assert "MISSED" in capsys.readouterr().out
    common.show("nothing", [])
    assert "nothing" in capsys.readouterr().out


@pytest.mark.parametrize("name", main.TITLES)
def test_every_benchmark_can_be_run_by_name(name):
    assert callable(importlib.import_module(f"benchmarks.{name}").run)


def test_the_table_of_families(tmp_path, capsys):
    minigrid = [
        common.compared("DoorKey-5x5-v0", "steps/s", [9e6], [9e3], "MiniGrid"),
        common.compared("DoorKey-8x8-v0", "steps/s", [8.04e6], [1e4], "MiniGrid"),
        common.Figure("Maze-9x9-v0", "steps/s", 5e6),
        common.compared("LavaCrossingS9N1-v0", "steps/s", [4e6], [4e3], "MiniGrid"),
        common.compared("SimpleCrossingS9N1-v0", "steps/s", [4e6], [4e3], "MiniGrid"),
    ]
    envpool = [common.compared("DoorKey-8x8-v0", "steps/s", [8e6], [1e5], "EnvPool")]
    figures = {"robot_steps": minigrid, "envpool_steps": envpool}
    common.save(tmp_path / "robot.json", "command", common.machine(), figures)
    robot_table.main(tmp_path / "robot.json")
    assert capsys.readouterr().out.splitlines()[2:] == [
        "| DoorKey | 2 | 8.0 to 9.0 | 804 to 1,000 | 80 |",
        "| LavaCrossingS9N1 … SimpleCrossingS9N1 | 2 | 4.0 | 1,000 |  |",
        "| Maze-9x9 | 1 | 5.0 |  |  |",
    ]
