"""Representations learn what their objective asks, with the gradients of autograd."""

import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
import torch

from rl_lab import jit
from rl_lab.core import activations
from rl_lab.core.mlp import MLP
from rl_lab.core.torch_mlp import TorchMLP
from rl_lab.errors import LabError
from rl_lab.unsupervised import trunks
from rl_lab.unsupervised.representation import OBJECTIVES, Experience, Representation, make_scratch


def walks(steps=60, lanes=5, discrete=True, seed=0):
    """Points that walk: an action moves the first number, the second is noise, the third never changes."""
    rng = np.random.default_rng(seed)
    rows, goes_on = np.zeros((steps, lanes, 3), np.float32), np.ones((steps, lanes), bool)
    actions = rng.integers(3, size=(steps, lanes, 1)) if discrete else rng.uniform(-1, 1, (steps, lanes, 1))
    moves = (actions[:, :, 0] - 1.0) if discrete else actions[:, :, 0]
    rows[0, :, 0] = rng.standard_normal(lanes)
    for step in range(1, steps):
        rows[step, :, 0] = rows[step - 1, :, 0] + moves[step - 1]
    rows[:, :, 1], rows[:, :, 2] = rng.standard_normal((steps, lanes)), 2
    goes_on[steps // 2] = False
    return Experience(rows, actions.astype(np.int64 if discrete else np.float32), goes_on)


@pytest.mark.parametrize("discrete", [True, False])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_gradients_are_those_of_autograd(objective, discrete):
    experience = walks(discrete=discrete)
    made = Representation(objective, (8, 6), "tanh", actions=3 if discrete else 0, scale=0.5, max_iter=0)
    made.fit(experience)
    task, layout, seen = made._judged
    chosen = np.flatnonzero(experience.goes_on[:-1])[7:47]
    scratch = make_scratch(layout, seen, len(chosen), len(made.parameters_))
    code = activations.code("tanh")
    total = jit.specialize(trunks.loss_gradient)(task, made.parameters_, layout, code, seen, chosen, scratch)
    ends = 0, layout.trunk_end, layout.predictor_end, len(made.parameters_)
    parts = [made.parameters_[a:b].copy() for a, b in pairwise(ends)]
    sizes = layout.trunk, layout.predictor, layout.inverse
    trunk, *heads = [
        TorchMLP(MLP(size, "tanh", part)) if len(part) else None for size, part in zip(sizes, parts, strict=True)
    ]
    now, then = (torch.from_numpy(seen.rows[chosen + ahead] * np.float32(0.5)) for ahead in (0, seen.lanes))
    features, following = torch.tanh(trunk(now)), torch.tanh(trunk(then))
    done = seen.actions[chosen]
    acted = torch.eye(3)[done[:, 0]] if discrete else torch.from_numpy(done)
    expected = torch.zeros(())
    if task.prediction:
        asked = torch.cat([features, acted], 1) if task.prediction == trunks.NEXT else features
        fixed = TorchMLP(MLP(seen.fixed_sizes, "tanh", seen.fixed))
        target = {trunks.THIS: lambda: now, trunks.NEXT: lambda: then, trunks.FIXED: lambda: fixed(now).detach()}
        wanted = (target[task.prediction]() - torch.from_numpy(seen.mean)) / torch.from_numpy(seen.deviation)
        expected = expected + (0.5 * (heads[0](asked) - wanted) ** 2).mean(dim=1).sum()
    if task.inverse:
        told = heads[1](torch.cat([features, following], 1))
        if discrete:
            expected = expected + torch.nn.functional.cross_entropy(told, torch.from_numpy(done[:, 0]), reduction="sum")
        else:
            expected = expected + (0.5 * (told - acted) ** 2).sum()
    (expected / len(chosen)).backward()
    np.testing.assert_allclose(total, expected.item(), rtol=1e-4)
    theirs = np.concatenate([each.parameters_flat.grad.numpy() for each in (trunk, *heads) if each is not None])
    np.testing.assert_allclose(scratch.gradient, theirs, atol=1e-5 * np.abs(theirs).max())


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_losses_fall_and_the_same_seed_gives_the_same_bytes(objective):
    experience = walks(400, 8)
    first, again = (Representation(objective, (32, 16), actions=3, max_iter=30).fit(experience) for _ in range(2))
    assert first.history_.losses[-1] < 0.8 * first.history_.losses[0]
    assert first.parameters_.tobytes() == again.parameters_.tobytes()
    features = first.transform(experience.rows.reshape(-1, 3))
    assert features.shape == (3200, 16)
    assert np.abs(features).max() <= 1
    np.testing.assert_allclose(features, np.tanh(first.trunk_(experience.rows.reshape(-1, 3))), atol=1e-5)


def test_what_was_seldom_seen_is_new():
    experience = walks(400, 8)
    fitted = Representation("novelty", (32, 16), actions=3, max_iter=60).fit(experience)
    elsewhere = experience._replace(rows=experience.rows + np.float32([0, 8, 0]))
    assert fitted.errors(elsewhere).mean() > 5 * fitted.errors(experience).mean()


def test_rows_stay_as_they_are_kept():
    """A million images of 151 bytes take 200 MB at most: nothing of theirs is copied."""
    rng = np.random.default_rng(0)
    steps, lanes = 2000, 25
    rows = rng.integers(10, size=(steps, lanes, 151), dtype=np.uint8)
    experience = Experience(rows, rng.integers(7, size=(steps, lanes, 1)), np.ones((steps, lanes), bool))
    Representation("both", actions=7, max_iter=1).fit(Experience(*(array[:20] for array in experience)))  # compiles
    tracemalloc.start()
    Representation("both", actions=7, max_iter=1).fit(experience)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    bytes_a_row = (rows.nbytes + experience.actions.nbytes + experience.goes_on.nbytes + peak - 12e6) / (steps * lanes)
    assert bytes_a_row < 200  # 12 MB are scaling and minibatches, however many rows there are


def test_bad_input_gets_a_sentence():
    with pytest.raises(LabError, match="objective='guess' is not allowed; it must be one of autoencoder"):
        Representation("guess")
    with pytest.raises(LabError, match="max_iter=-1 is not allowed"):
        Representation(max_iter=-1)
    lonely = walks()._replace(goes_on=np.zeros((60, 5), bool))
    with pytest.raises(LabError, match="no step of the experience is followed by another one"):
        Representation(actions=3).fit(lonely)


SMALL = Experience(np.zeros((9, 2, 3), np.float32), np.zeros((9, 2, 1), np.int64), np.ones((9, 2), np.bool_))
WRONG = {
    "nothing": (None, "give an Experience of three arrays"),
    "a tuple": (tuple(SMALL), "give an Experience of three arrays"),
    "lists": (Experience(*(part.tolist() for part in SMALL)), "give an Experience of three arrays"),
    "one lane less": (SMALL._replace(rows=SMALL.rows[:, 0]), r"have shapes \(9, 3\), \(9, 2, 1\) and \(9, 2\)"),
    "fewer actions": (SMALL._replace(actions=SMALL.actions[:5]), "have shapes"),
    "more steps that go on": (SMALL._replace(goes_on=np.ones((50, 2), np.bool_)), "have shapes"),
    "numbers that go on": (SMALL._replace(goes_on=np.full((9, 2), 5)), "they must hold numbers, numbers and bools"),
    "texts": (SMALL._replace(rows=SMALL.rows.astype(str)), "they must hold numbers, numbers and bools"),
    "nan": (SMALL._replace(rows=SMALL.rows * np.nan), "hold NaN or infinity"),
    "actions too high": (SMALL._replace(actions=SMALL.actions + 3), "they must be whole numbers from 0 to 2"),
    "actions too low": (SMALL._replace(actions=SMALL.actions - 1), "they must be whole numbers from 0 to 2"),
    "fractions": (SMALL._replace(actions=SMALL.actions + 0.5), "they must be whole numbers from 0 to 2"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_experience_beyond_whose_ends_compiled_code_would_read_is_refused(wrong):
    experience, sentence = WRONG[wrong]
    fitted = Representation("both", (4,), actions=3, max_iter=1).fit(SMALL)
    for use in (fitted.fit, fitted.errors):
        with pytest.raises(LabError, match=sentence):
            use(experience)


@pytest.mark.parametrize("rows", [None, 5, np.zeros((2, 4)), np.zeros((0, 3)), [["a"] * 3], np.full((2, 3), np.nan)])
def test_rows_that_have_no_features_are_refused(rows):
    with pytest.raises(LabError, match=r"rows (have shape|cannot be read as numbers|hold NaN)"):
        Representation("both", (4,), actions=3, max_iter=0).fit(SMALL).transform(rows)
    with pytest.raises(LabError, match="is not fitted yet"):
        Representation("both", (4,), actions=3).transform(np.zeros((2, 3)))


@pytest.mark.parametrize(
    "changed",
    [{"objective": ["both"]}, {"hidden_layer_sizes": ()}, {"hidden_layer_sizes": ("a",)}, {"scale": np.nan}],
)
def test_parameters_that_are_not_allowed_are_refused(changed):
    with pytest.raises(LabError, match=f"{next(iter(changed))}=.* is not allowed"):
        Representation(**({"objective": "both", "hidden_layer_sizes": (4,)} | changed))


def test_layers_beyond_memory_are_refused():
    with pytest.raises(LabError, match="GiB of memory"):
        Representation("both", (10**9, 10**9), actions=3).fit(SMALL)
