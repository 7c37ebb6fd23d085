"""What decides a run is in its key: the lab's own files, the user's files of every kind, versions, and values."""

import functools
import importlib.metadata
import io
import py_compile
import shutil
import sys
import zipfile
from collections import defaultdict, deque
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

from rl_lab import fingerprint, origins
from rl_lab.compare import Contender, Environment, Plan, runner
from rl_lab.errors import LabError
from rl_lab.fingerprint import describe, digest, own_source
from rl_lab.stages import Context, Demonstrate
from rl_lab.stages import stage as stages


def test_every_python_file_of_the_lab_counts(tmp_path, monkeypatch):
    copy = tmp_path / "rl_lab"
    shutil.copytree(Path(fingerprint.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(fingerprint, "__file__", str(copy / "fingerprint.py"))
    folders = {file.parent: file for file in copy.rglob("*.py")}  # one file of each folder
    assert {"unsupervised", "lessons", "go", "agents"} <= {folder.name for folder in folders}
    known = {own_source()}
    for file in folders.values():
        before = file.read_bytes()
        file.write_bytes(before + b"\n")
        known.add(own_source())
        file.write_bytes(before)
    (copy / "envs" / "new.py").touch()
    known.add(own_source())
    assert len(known) == len(folders) + 2


def test_keys_of_runs_and_of_artifacts_hold_the_labs_own_files(monkeypatch):
    plan = Plan([Environment("CartPole-v1")], [Contender("a", "sb3:ppo"), Contender("b", "sb3:a2c")], 100_000, 1)

    def keys():
        artifact = Demonstrate("planner", episodes=1).key(Context("rl_lab/Robot-Empty-5x5-v0"), None)
        return {artifact, *(task.key for task in runner.all_tasks(plan))}

    before = keys()
    assert keys() == before
    monkeypatch.setattr("rl_lab.fingerprint.own_source", lambda: "other")
    monkeypatch.setattr(stages, "own_source", lambda: "other")
    assert not before & keys()


@pytest.mark.parametrize("package", ["numpy", "sb3-contrib", "mujoco"])
def test_versions_of_packages_that_no_name_of_an_algorithm_or_environment_shows_count(package, monkeypatch):
    plan = Plan([Environment("CartPole-v1")], [Contender("a", "sb3:ppo"), Contender("b", "sb3:a2c")], 100_000, 1)
    known = importlib.metadata.version

    def keys(version):
        monkeypatch.setattr(importlib.metadata, "version", lambda name: version if name == package else known(name))
        return {task.key for task in runner.all_tasks(plan)}

    assert not keys("1.0") & keys("1.1")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder that Python imports from."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.syspath_prepend(home)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield home
    for name in ("tool", "tool.part"):
        sys.modules.pop(name, None)


def source(folder, text):
    (folder / "tool.py").write_text(text)


def encoded(folder, text):
    (folder / "tool.py").write_bytes(f"# coding: latin-1\n# é\n{text}".encode("latin-1"))


def marked(folder, text):
    (folder / "tool.py").write_bytes(b"\xef\xbb\xbf" + text.encode())


def wrong(folder, text):
    (folder / "tool.py").write_bytes(b"\xff\x00 no Python: " + text.encode())


def compiled(folder, text):
    (folder / f"tool{origins.importlib.machinery.EXTENSION_SUFFIXES[0]}").write_bytes(b"\x7fELF\xff" + text.encode())


def only_bytecode(folder, text):
    (folder / "text.py").write_text(text)
    py_compile.compile(str(folder / "text.py"), str(folder / "tool.pyc"))


def namespace(folder, text):
    (folder / "tool").mkdir(exist_ok=True)
    (folder / "tool" / "part.py").write_text(text)


def around(folder, text):
    namespace(folder, "")
    (folder / "tool" / "__init__.py").write_text(text)


def reached(folder, text):
    (folder / "tool.py").write_text("from deeper import *\n")
    (folder / "deeper.py").write_text(text)


@pytest.mark.parametrize("kind", [source, encoded, marked, wrong, compiled, only_bytecode, namespace, around, reached])
def test_a_module_of_the_users_own_counts_whatever_file_it_is(folder, write_module, kind):
    train = write_module(
        "def train(env, seed, steps):\n    import tool.part\n    from tool import part\n", "leaning"
    ).train
    kind(folder, "SCALE = 1\n")
    keys = [digest(train), digest(train)]
    kind(folder, "SCALE = 2\n")
    keys.append(digest(train))
    assert keys[0] == keys[1] != keys[2]
    assert "tool" not in sys.modules


def test_a_package_that_a_function_of_a_script_names_counts_with_all_its_files(folder):
    namespace(folder, "SCALE = 1\n")
    names = {"__name__": "__main__"}
    exec("import tool.part\ndef train(env, seed, steps):\n    return tool.part.SCALE\n", names)
    keys = [digest(names["train"])]
    namespace(folder, "SCALE = 2\n")
    assert digest(names["train"]) != keys[0]


IMPORTED = "import tool\ndef train(env, seed, steps):\n    return tool.SCALE\n"
WITHIN = "def train(env, seed, steps):\n    import tool\n    return tool.SCALE\n"
CAPTURED = "def make():\n    import tool\n    return lambda env, seed, steps: tool.SCALE\ntrain = make()\n"
CALLED = "import tool\ndef train(env, seed, steps):\n    return tool.scale()\n"


@pytest.mark.parametrize("text", [IMPORTED, WITHIN, CAPTURED, CALLED])
@pytest.mark.parametrize("module", ["__main__", "trainer"])
def test_values_of_the_users_own_modules_count_as_they_are_now_and_reach_other_processes(write_module, text, module):
    tool = write_module("SCALE = OTHER = 1\ndef scale():\n    return SCALE\n", "tool")
    if module == "__main__":
        names = {"__name__": "__main__", "__package__": None}
        exec(text, names)
        train = names["train"]
    else:
        train = write_module(text, module).train
    keys = [digest(train)]
    tool.OTHER = 2
    keys.append(digest(train))
    tool.SCALE = [2]
    with fingerprint.noted_values() as values:
        keys.append(digest(train))
    assert keys[0] == keys[1] != keys[2]
    assert ("tool", "OTHER") not in values
    tool.SCALE = 1
    fingerprint.set_values(values)
    assert tool.SCALE == [2]
    assert digest(train) == keys[2]


def test_an_archive_of_the_users_own_counts(folder, monkeypatch):
    found = []
    for scale in (1, 2):
        with zipfile.ZipFile(folder / "eggs.zip", "w") as archive:
            archive.writestr("tool/__init__.py", f"SCALE = {scale}\n")
        monkeypatch.syspath_prepend(folder / "eggs.zip")
        found.append(origins.imports_within("import tool"))
    assert found[0].keys() == found[1].keys() == {"tool"}
    assert found[0] != found[1]


@pytest.mark.parametrize("place", ["lib/site-packages", "lib/python3/dist-packages", "target"])
def test_what_is_installed_counts_with_its_version(tmp_path, monkeypatch, place):
    site = tmp_path / place
    about = site / "tool-1.dist-info"
    about.mkdir(parents=True)
    (site / "tool.py").write_text("import tool_of_tools\nSCALE = 1\n")
    (site / "by_hand.py").write_text("SCALE = 1\n")  # copied there, with no version
    monkeypatch.syspath_prepend(site)

    def found(version):
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: tool\nVersion: {version}\n")
        (about / "top_level.txt").write_text("tool\n")
        (about / "RECORD").write_text("tool.py,,\n")
        origins._distributions.cache_clear()
        return [origins.imports_within(f"import {name}") for name in ("tool", "by_hand")]

    assert found("1.0")[0] == {"tool": "1.0"}
    assert found("1.1")[0] == {"tool": "1.1"}
    before = found("1.1")
    (site / "tool.py").write_text("SCALE = 2\n")
    (site / "by_hand.py").write_text("SCALE = 2\n")
    after = found("1.1")
    origins._distributions.cache_clear()
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_a_package_that_is_linked_into_the_site_folder_is_the_users_own(tmp_path, monkeypatch):
    source, site = tmp_path / "source", tmp_path / "site-packages"
    source.mkdir()
    site.mkdir()
    (site / "tool").symlink_to(source)
    monkeypatch.syspath_prepend(site)
    found = []
    for scale in (1, 2):
        (source / "__init__.py").write_text(f"SCALE = {scale}\n")
        found.append(origins.imports_within("import tool"))
    assert found[0] != found[1]


class Slots:
    __slots__ = ("rate",)

    def __init__(self, rate):
        self.rate = rate


@dataclass
class Trainer:
    rate: float

    def train(self, env, seed, steps):
        return self.rate


def holding(value):
    class Holder:
        rate = value

        @classmethod
        def train(cls, env, seed, steps):
            return cls.rate

    return Holder


def within(value):
    def train(env, seed, steps):
        return lambda: value

    return train


class Attributes(dict):
    def __init__(self, rate):
        self.rate, self.itself = rate, self


def scaled(factor):
    class Scaled(NamedTuple):
        rate: float

        def train(self, env, seed, steps):
            return factor * self.rate

    return Scaled(1.0)


def with_metaclass(value):
    class Meta(type):
        rate = value

    class Made(metaclass=Meta):
        @classmethod
        def train(cls, env, seed, steps):
            return cls.rate

    return Made


def with_attribute(value):
    def train(env, seed, steps):
        return train.rate

    train.rate = value
    return train


def own_name(value):
    class Holder:
        __rate__ = value

    return Holder


LEFT, RIGHT = lambda: 1, lambda: 2  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b"1", b"2"),
        (1j, 2j),
        (range(3), range(4)),
        ({1: "a"}, {"1": "a"}),
        (Path("a"), Path("b")),
        (deque([1]), deque([2])),
        (np.zeros((2, 3)), np.zeros((3, 2))),
        (np.array([1, "a"], object), np.array([1, "b"], object)),
        (torch.ones(2, dtype=torch.bfloat16), torch.zeros(2, dtype=torch.bfloat16)),
        (np.random.default_rng(1), np.random.default_rng(2)),
        (Slots(1), Slots(2)),
        (Trainer(1).train, Trainer(2).train),
        (functools.partial(Trainer.train, 1), functools.partial(Trainer.train, 2)),
        (holding(1), holding(2)),
        (within(1), within(2)),
        (Attributes(1), Attributes(2)),
        (scaled(1), scaled(2)),
        (with_metaclass(1), with_metaclass(2)),
        (functools.cache(within(1)), functools.cache(within(2))),
        (defaultdict(list), defaultdict(int)),
        (defaultdict(LEFT), defaultdict(RIGHT)),
        ((each for each in [1]), (each for each in [2])),
        (with_attribute(1), with_attribute(2)),
        (own_name(1), own_name(2)),
        (LEFT, RIGHT),
        (eval("lambda: 1"), eval("lambda: 2")),
        (print, len),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_that_differ_have_keys_that_differ(one, other):
    assert digest(one) == digest(one)
    assert digest(one) != digest(other)


def test_sets_have_no_order_and_neither_have_dictionaries():
    def first():
        return None

    def second():
        return first

    assert describe({"a": first, "b": second}) == describe({"b": second, "a": first})
    assert describe({first, second, 3}) == describe({3, second, first})


def test_functions_that_all_name_each_other_have_a_key_at_once():
    names = {"__name__": "__main__"}
    every = ", ".join(f"f{number}" for number in range(40))
    exec("\n".join(f"def f{number}():\n    return {every}" for number in range(40)), names)
    assert digest(names["f0"]) == digest(names["f0"])


def test_files_that_a_function_names_stay_open():
    stream = io.TextIOWrapper(io.BytesIO())
    digest({"stream": stream})
    assert stream.write("still there") == 11


def test_an_object_that_says_it_has_all_attributes_has_a_key():
    class Anything:
        def __getattr__(self, name):
            return 1

    assert digest(Anything()) == digest(Anything())


def test_what_holds_itself_gets_a_sentence():
    endless = []
    endless.append(endless)
    with pytest.raises(LabError, match="a list holds itself or is nested too deeply"):
        digest(endless)
