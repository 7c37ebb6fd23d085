"""What the benchmarks share; their figures are looked at by `make bench`."""

import importlib
import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rl_lab.errors import LabError

ROOT = Path(__file__).parents[1]
PROOFS = ROOT / "benchmarks" / "proofs"
sys.path.insert(0, str(ROOT))
common = importlib.import_module("benchmarks.common")
robot_table = importlib.import_module("benchmarks.robot_table")
main = importlib.import_module("benchmarks.__main__")
proofs = importlib.import_module("benchmarks.proofs.__main__")


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


def run_proof(*words, **environment):
    command = [sys.executable, "-m", *words]
    return subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True)


def test_proofs_say_what_there_is():
    done = run_proof("benchmarks.proofs", "--help")
    assert done.returncode == 0
    for name in {path.stem for path in PROOFS.glob("*.toml")} | set(proofs.SCRIPTS):
        assert re.search(rf"\n  {name} +\S.* \(.*\)\n", done.stdout), name


def test_a_proof_that_there_is_not_is_refused_before_any_is_run(monkeypatch):
    monkeypatch.setattr(proofs, "run_plan", None)
    with pytest.raises(LabError, match=r"there is no proof 'robot_partiy'; there are acrobot, .*robot_parity"):
        proofs.main(("cartpole", "robot_partiy"))
    done = run_proof("benchmarks.proofs", "robot_partiy")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", proofs.SCRIPTS)
def test_help_starts_no_proof(name, monkeypatch, capsys):
    script = importlib.import_module(f"benchmarks.proofs.{name}")
    assert (PROOFS / f"{name}.py").read_text().endswith('if __name__ == "__main__":\n    entry.run(main)\n')
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as end:
        script.entry.run(script.main)
    assert end.value.code == 0
    assert inspect.getdoc(script.main).partition("\n")[0][:50] in capsys.readouterr().out


@pytest.mark.parametrize(
    "words", [("benchmarks.proofs.robot_levels",), ("benchmarks.proofs", "cartpole", "robot_parity")]
)
def test_a_proof_beside_minigrid_says_how_to_get_it(words, tmp_path):
    (tmp_path / "minigrid.py").write_text("raise ModuleNotFoundError")  # found before the one that is installed
    done = run_proof(*words, PYTHONPATH=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.endswith("MiniGrid, which is not installed; pip install -c constraints.txt -e '.[minigrid]'\n")
    assert done.stderr.count("\n") == 1
