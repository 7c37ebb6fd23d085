"""What the benchmarks share; their figures are looked at by `make bench`."""

import importlib
import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
common = importlib.import_module("benchmarks.common")
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
