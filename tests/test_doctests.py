"""The examples in docstrings run."""

import doctest
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HOMES = {"rl_lab": "rl_lab", "rl_lab.envs": "envs", "rl_lab.agents": "agents"}
MODULES = [
    ".".join([home, *file.relative_to(ROOT / folder).with_suffix("").parts]).removesuffix(".__init__")
    for home, folder in HOMES.items()
    for file in sorted((ROOT / folder).rglob("*.py"))
    if re.search(r"^\s*>>> ", file.read_text(), re.MULTILINE)
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    results = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert results.attempted > 0
    assert results.failed == 0
