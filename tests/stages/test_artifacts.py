"""What stages made is kept, found again, and refused where it is damaged."""

import json
import os
import shutil
import time

import numpy as np
import pytest
from experts_of_tests import balance
from safetensors import safe_open

from rl_lab.errors import LabError
from rl_lab.stages import Artifact, Clone, Context, Demonstrate, FitValue, Pipeline, store

SMALL = {"num_envs": 4, "n_steps": 64, "batch_size": 64, "n_epochs": 2}
CARTPOLE = [Demonstrate(balance, 5), Clone(max_iter=30), FitValue(steps=512, max_iter=5)]


def test_what_was_made_is_not_made_again(tmp_path):
    reported = []
    first = Pipeline(CARTPOLE).run(Context("rl_lab/CartPole-v1", 1, None, SMALL, tmp_path))
    again = Pipeline(CARTPOLE).run(Context("rl_lab/CartPole-v1", 1, None, SMALL, tmp_path, report=reported.append))
    assert [text.split(":")[1].split(",")[0] for text in reported] == [" made before"] * 3
    assert again.digest == first.digest
    assert again.ledger == first.ledger  # what is used again is charged again
    assert again.parents == first.parents
    assert len(first.parents) == 2
    fresh = Pipeline(CARTPOLE).run(Context("rl_lab/CartPole-v1", 1, None, SMALL))
    assert fresh.digest == first.digest  # the same seed gives the same bytes
    kept = len(list(tmp_path.iterdir()))
    for changed in (
        Context("rl_lab/CartPole-v1", 2, None, SMALL, tmp_path),
        Context("rl_lab/CartPole-v1", 1, None, SMALL | {"gamma": 0.9}, tmp_path),
        Context("rl_lab/CartPole-v1", 1, {"max_steps": 400}, SMALL, tmp_path),
    ):
        Demonstrate(balance, 5).run(changed)
    Demonstrate(balance, 4).run(Context("rl_lab/CartPole-v1", 1, None, SMALL, tmp_path))
    assert len(list(tmp_path.iterdir())) == kept + 4


@pytest.mark.parametrize("harm", ["artifact.json", "artifact.safetensors"])
def test_damaged_artifacts_are_refused(tmp_path, harm):
    context = Context("rl_lab/CartPole-v1", 1, None, SMALL, tmp_path)
    made = Demonstrate(balance, 2).run(context)
    file = tmp_path / made.key / harm
    content = bytearray(file.read_bytes())
    content[-12] ^= 1
    file.write_bytes(content)
    with pytest.raises(LabError, match=r"delete .*, and it is made again"):
        Demonstrate(balance, 2).run(context)
    with pytest.raises(LabError, match="holds no artifact"):
        store.load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "changed",
    [
        [],
        {"ledger": {"learner_steps": -5}},
        {"ledger": {"learner_steps": "many"}},
        {"ledger": {"wall_seconds": float("nan")}},
        {"ledger": None},
        {"parents": ["../elsewhere"], "inherited": ["demonstrations.rows"]},
        {"parents": [], "inherited": ["demonstrations.rows"]},
        {"parents": ["itself"], "inherited": ["demonstrations.rows"]},
        {"parents": 5},
        {"digest": None},
        {"stage": 5},
    ],
)
def test_an_artifact_whose_description_makes_no_sense_is_refused(tmp_path, changed):
    rows = {"demonstrations.rows": np.zeros((2, 4), np.float32)}
    store.save(Artifact("demonstrations", rows, "CartPole-v1", "spaces", key="itself"), tmp_path / "itself")
    about = tmp_path / "itself" / "artifact.json"
    body = json.loads(about.read_text())
    about.write_text(json.dumps(body | changed if changed else changed))
    with pytest.raises(LabError, match=r"artifact.json is damaged; delete .*, and it is made again"):
        store.load(tmp_path / "itself")
    with pytest.raises(LabError, match=r"artifact.json is damaged"):
        store.holds(tmp_path / "itself")


def test_an_artifact_keeps_only_what_is_new(tmp_path):
    context = Context("rl_lab/CartPole-v1", 1, None, SMALL, tmp_path)
    shown = CARTPOLE[0].run(context)
    cloned = CARTPOLE[1].run(context, shown)
    with safe_open(tmp_path / cloned.key / "artifact.safetensors", "numpy") as file:
        assert not [name for name in file.keys() if name.startswith("demonstrations")]  # noqa: SIM118
    assert store.load(tmp_path / cloned.key).digest == cloned.digest
    shutil.rmtree(tmp_path / shown.key)
    assert not store.holds(tmp_path / cloned.key)
    again = Pipeline(CARTPOLE[:2]).run(context)
    assert again.digest == cloned.digest
    assert store.holds(tmp_path / cloned.key)


def test_a_store_forgets_what_was_not_used_for_longest(tmp_path):
    made = [
        Demonstrate(balance, episodes).run(Context("rl_lab/CartPole-v1", 1, None, SMALL, tmp_path))
        for episodes in (2, 3, 4)
    ]
    folders = [tmp_path / each.key for each in made]
    for age, folder in zip((300, 100, 200), folders, strict=True):
        os.utime(folder / "artifact.json", (time.time() - age,) * 2)
    store.prune(tmp_path)
    assert all(folder.exists() for folder in folders)  # there is room
    store.prune(tmp_path, limit=0, idle=150)
    assert [folder.exists() for folder in folders] == [False, True, False]  # the other is in use
