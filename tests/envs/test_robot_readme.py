"""What the robot's README shows is what there is: blocks of Python run, and files that it names exist."""

import re
import sys
from pathlib import Path

import pytest
from readme_blocks import python_blocks, run

from rl_lab.envs import robot

sys.path.insert(0, str(Path(__file__).parents[2]))  # for the benchmarks
from benchmarks.proofs.__main__ import SCRIPTS

ROOT = Path(__file__).parents[2]
FOLDER = Path(robot.__file__).parent
README = (FOLDER / "README.md").read_text()
LAYOUT = re.findall(r"```\n(#####.*?)```", README, re.DOTALL)[0]


def test_the_blocks_of_python_run_and_show_what_they_say(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.txt").write_text(LAYOUT)
    names = {"text": LAYOUT}
    shown = {given.source: given for given in run(python_blocks(FOLDER / "README.md"), names, lanes=16)}
    mean = shown.pop("envs.reset(seed=0)[1]['optimal_steps'].mean()")  # over fewer levels than the README's
    assert mean.value == pytest.approx(float(mean.comment), abs=3)
    for given in shown.values():
        assert given.text == given.comment, given.source
    assert len(shown) == 5
    assert names["terminated"]  # by the explorer
    assert names["reward"] > 0


def test_what_the_readme_names_is_there():
    for path in re.findall(r"\]\(((?!http)[^)]*)\)", README):
        assert (FOLDER / path).exists(), path
    for path in re.findall(r"`((?:benchmarks|examples|studies|tests)/[\w/.]+)`", README):
        assert (ROOT / path).exists(), path
    proofs = set(re.findall(r"benchmarks\.proofs\.(\w+)", README))
    assert proofs == {name for name in SCRIPTS if name.startswith("robot_")}


def test_the_table_of_files_is_complete():
    inside = README.partition("## Inside")[2]
    named = set(re.findall(r"`(\w+\.py|\w+/)`", inside))
    files = {path.name for path in FOLDER.glob("*.py")} - {"__init__.py"}
    folders = {f"{path.parent.name}/" for path in FOLDER.glob("*/__init__.py")}
    assert files | folders <= named
    assert all(next(FOLDER.rglob(name), None) for name in named)
