"""Classifier and Regressor against scikit-learn and torch, and what they refuse."""

import contextlib
import json
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.datasets import load_digits, make_regression
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, StratifiedShuffleSplit, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rl_lab import jit
from rl_lab.core import weights as files
from rl_lab.core.mlp import MLP
from rl_lab.core.torch_mlp import TorchMLP
from rl_lab.errors import LabError
from rl_lab.supervised import Classifier, Regressor, losses
from rl_lab.supervised.training import Schedule, TrainingSamples, train

X, Y = load_digits(return_X_y=True)
X = X / 16


@settings(max_examples=30)
@given(st.integers(1, 70), st.integers(2, 9), st.integers(0, 2**32 - 1))
def test_gradients_of_losses_are_those_of_autograd(batch, width, seed):
    rng = np.random.default_rng(seed)
    outputs = (3 * rng.standard_normal((batch, width))).astype(np.float32)
    weights = rng.random(batch).astype(np.float32)
    labels, numbers = rng.integers(width, size=batch), rng.standard_normal((batch, width)).astype(np.float32)
    theirs = torch.tensor(outputs, dtype=torch.float64, requires_grad=True)
    by_torch = {
        losses.cross_entropy: lambda: torch.nn.functional.cross_entropy(
            theirs, torch.from_numpy(labels), reduction="none"
        ),
        losses.squared_error: lambda: 0.5 * ((theirs - torch.from_numpy(numbers)) ** 2).sum(dim=1),
    }
    for loss, targets in ((losses.cross_entropy, labels[:, None]), (losses.squared_error, numbers)):
        gradient = np.full_like(outputs, np.nan)
        total = jit.specialize(loss)(outputs, targets, weights, gradient)
        expected = (by_torch[loss]() * torch.from_numpy(weights)).sum()
        theirs.grad = None
        (expected / batch).backward()
        np.testing.assert_allclose(total, expected.item(), rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(gradient, theirs.grad.numpy(), rtol=1e-4, atol=1e-6)


def test_an_epoch_is_torchs_with_the_same_order_and_penalty():
    rng = np.random.default_rng(0)
    samples = TrainingSamples(X[:200].astype(np.float32), Y[:200, None], (0.5 + rng.random(200)).astype(np.float32))
    network = MLP([64, 32, 10], "relu")
    network.initialise(rng)
    other = MLP(network.sizes, "relu", network.parameters.copy())
    module, flat = TorchMLP(other), other.parameters
    optimiser = torch.optim.Adam(module.parameters(), lr=1e-2, eps=1e-8)
    order = np.random.default_rng(7).permutation(200)
    for start in range(0, 200, 64):
        chosen = order[start : start + 64]
        each = torch.nn.functional.cross_entropy(
            module(torch.from_numpy(samples.inputs[chosen])), torch.from_numpy(Y[chosen]), reduction="none"
        )
        penalty = sum((weights**2).sum() for weights in _matrices(module, other.sizes))
        loss = (each * torch.from_numpy(samples.weights[chosen])).mean() + 0.3 * penalty / (2 * len(chosen))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    history = train(
        network, losses.cross_entropy, samples, Schedule(64, 1e-2, 0.3, 1, 1, 0.0), np.random.default_rng(7)
    )
    assert history.gradient_steps == 4
    np.testing.assert_allclose(network.parameters, flat, atol=2e-5)


def _matrices(module, sizes):
    start = 0
    for rows, columns in pairwise(sizes):
        yield module.parameters_flat[start : start + rows * columns]
        start += (rows + 1) * columns


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_digits_are_learned_as_well_as_by_scikit_learn():
    splits = list(StratifiedShuffleSplit(3, test_size=1 / 3, random_state=0).split(X, Y))
    ours = [Classifier((100,), random_state=i).fit(X[a], Y[a]).score(X[b], Y[b]) for i, (a, b) in enumerate(splits)]
    theirs = [
        MLPClassifier(random_state=i, max_iter=300).fit(X[a], Y[a]).score(X[b], Y[b])
        for i, (a, b) in enumerate(splits[:1])
    ]
    assert np.mean(ours) > 0.965
    assert ours[0] > theirs[0] - 0.012


def test_scikit_learns_own_tools_take_them():
    assert cross_val_score(Classifier((32,), max_iter=60), X[:600], Y[:600]).mean() > 0.85
    piped = make_pipeline(StandardScaler(), Classifier((32,), max_iter=60)).fit(X[:900], Y[:900])
    assert piped.score(X[900:1200], Y[900:1200]) > 0.85
    search = GridSearchCV(Regressor(max_iter=50), {"alpha": [0.0, 1.0]}, cv=2).fit(X[:200], Y[:200].astype(float))
    assert search.best_params_["alpha"] in (0.0, 1.0)
    assert clone(Classifier((3,), alpha=0.5)).get_params() == Classifier((3,), alpha=0.5).get_params()


def test_numbers_are_learned():
    inputs, targets = make_regression(400, 5, n_targets=2, random_state=0)
    targets /= targets.std(axis=0)
    fitted = Regressor(learning_rate_init=3e-3, early_stopping=True, max_iter=400).fit(inputs[:300], targets[:300])
    predicted = fitted.predict(inputs[300:])
    assert predicted.shape == (100, 2)
    assert fitted.score(inputs[300:], targets[300:]) > 0.95
    np.testing.assert_allclose(fitted.score(inputs[300:], targets[300:]), r2_score(targets[300:], predicted), atol=1e-6)
    assert Regressor(max_iter=2).fit(inputs, targets[:, 0]).predict(inputs).shape == (400,)


def test_early_stopping_keeps_the_best_weights():
    rng = np.random.default_rng(0)
    labels = np.where(rng.random(300) < 0.3, rng.integers(10, size=300), Y[:300])  # noise, to be learned by heart
    fitted = Classifier((200,), early_stopping=True, learning_rate_init=5e-3, validation_fraction=0.3)
    fitted.fit(X[:300], labels)
    history = fitted.history_
    assert history.best_epoch == int(np.argmin(history.validation_losses)) + 1
    assert len(history.losses) < 200
    assert len(history.losses) >= history.best_epoch + fitted.n_iter_no_change
    best = Classifier((200,), learning_rate_init=5e-3, validation_fraction=0.3, early_stopping=True)
    best.set_params(max_iter=history.best_epoch).fit(X[:300], labels)
    np.testing.assert_array_equal(best.network_.parameters, fitted.network_.parameters)


def test_weights_count():
    rows, labels = [[0.0], [0.0], [1.0]], ["a", "b", "a"]
    for weights, wanted in (([3, 1, 1], 0.75), ([1, 3, 1], 0.25)):
        fitted = Classifier((8,), learning_rate_init=0.05, tol=0, max_iter=500).fit(rows, labels, weights)
        assert fitted.predict_proba([[0.0]])[0, 0] == pytest.approx(wanted, abs=0.02)
        by_class = Classifier(
            (8,), learning_rate_init=0.05, tol=0, max_iter=500, class_weight={"b": weights[1] / weights[0]}
        )
        assert by_class.fit(rows, labels).predict_proba([[0.0]])[0, 0] == pytest.approx(wanted, abs=0.02)
    rare = Classifier((), learning_rate_init=0.05, tol=0, max_iter=300, class_weight="balanced")
    rare.fit([[0.0]] * 10, [0] * 9 + [1])
    assert rare.predict_proba([[0.0]])[0, 1] == pytest.approx(0.5, abs=0.02)


def test_the_same_seed_gives_the_same_bytes_and_a_file_the_same_answers(tmp_path):
    for fitted in (Classifier(max_iter=5).fit(X, Y.astype(str)), Regressor(max_iter=5).fit(X, Y)):
        again = type(fitted)(**fitted.get_params()).fit(X, Y.astype(str) if isinstance(fitted, Classifier) else Y)
        assert again.network_.parameters.tobytes() == fitted.network_.parameters.tobytes()
        fitted.save(tmp_path / "file.safetensors")
        loaded = type(fitted).load(tmp_path / "file.safetensors")
        np.testing.assert_array_equal(loaded.predict(X), fitted.predict(X))
        assert loaded.get_params() == fitted.get_params()
    network = MLP([64, 8, 10], "tanh")
    network.initialise(np.random.default_rng(0))
    odd = Classifier((np.int64(8),), max_iter=2, class_weight={0: 2}).fit(X, Y, network=network)
    odd.save(tmp_path / "odd.safetensors")
    loaded = Classifier.load(tmp_path / "odd.safetensors")
    np.testing.assert_array_equal(loaded.predict_proba(X), odd.predict_proba(X))
    loaded.fit(X, Y)
    with pytest.raises(LabError, match="lower the learning rate"):
        loaded.set_params(learning_rate_init=1e30, class_weight=None).fit(X, Y + 20)
    assert set(loaded.predict(X)) <= set(range(10))
    with pytest.raises(LabError, match=r"holds a Regressor; load it with Regressor.load"):
        Classifier.load(tmp_path / "file.safetensors")


def test_a_network_is_trained_in_place():
    network = MLP([64, 10])
    fitted = Classifier(max_iter=20).fit(X, Y, network=network)
    assert fitted.network_ is network
    assert fitted.score(X, Y) > 0.8
    before = network.parameters.copy()
    Classifier(max_iter=1, learning_rate_init=0.0, alpha=0.0).fit(X, Y, network=network)
    np.testing.assert_array_equal(network.parameters, before)


NAN = np.where(np.arange(64) == 3, np.nan, X[:20])
REFUSED = {
    "X has shape (1797,)": lambda: Classifier().fit(X[:, 0], Y),
    "X[0, 3] is nan; every number must be finite": lambda: Classifier().fit(NAN, Y[:20]),
    "y holds one class only, 0": lambda: Classifier().fit(X[:5], [0] * 5),
    "X has 20 samples and y 19": lambda: Classifier().fit(X[:20], Y[:19]),
    "y[1] is nan; every class must be known": lambda: Classifier().fit(X[:3], [1.0, np.nan, 2.0]),
    "class 9 was not among those to learn, [0, 1, 2, 3, 4]": lambda: Classifier(max_iter=1).fit(
        X[:20], Y[:20] % 5, validation=(X[:1], [9])
    ),
    "class_weight names 'z', which is not among the classes": lambda: Classifier(class_weight={"z": 1}).fit(X, Y),
    "class_weight='even' is not allowed": lambda: Classifier(class_weight="even").fit(X, Y),
    "sample_weight has shape (3,); it must be (20,)": lambda: Classifier().fit(X[:20], Y[:20], [1, 2, 3]),
    "max_iter=0 is not allowed": lambda: Classifier(max_iter=0).fit(X, Y),
    "hidden_layer_sizes=64 is not allowed": lambda: Classifier(64).fit(X, Y),
    "hidden_layer_sizes=(0,) is not allowed": lambda: Classifier((0,)).fit(X, Y),
    "random_state=-1 is not allowed": lambda: Regressor(random_state=-1).fit(X, Y),
    "X cannot be read as numbers": lambda: Classifier().fit([["a", "b"], ["c", "d"]], [0, 1]),
    "activation 'swish'": lambda: Classifier(activation="swish").fit(X, Y),
    "learning_rate_init=-1 is not allowed": lambda: Classifier(learning_rate_init=-1).fit(X, Y),
    "learning_rate_init=True is not allowed": lambda: Classifier(learning_rate_init=True).fit(X, Y),
    "validation_fraction=1.5 is not allowed": lambda: Classifier(early_stopping=True, validation_fraction=1.5).fit(
        X, Y
    ),
    "this Classifier is not fitted yet": lambda: Classifier().predict(X),
    "X has 3 features; this one was fitted to 64": lambda: Classifier(max_iter=1).fit(X, Y).predict(X[:, :3]),
    "a network of sizes (3, 10) does not fit": lambda: Classifier().fit(X, Y, network=MLP([3, 10])),
    "Classifier has no parameter 'layers'": lambda: Classifier().set_params(layers=3),
    "lower the learning rate, which is 1e+30": lambda: Regressor(learning_rate_init=1e30).fit(X, Y),
    "y[2] is inf": lambda: Regressor().fit(X[:3], [1, 2, np.inf]),
    "missing.safetensors is not there": lambda: Regressor.load("missing.safetensors"),
}


@pytest.mark.parametrize("words", REFUSED)
def test_bad_input_gets_a_sentence(words):
    with pytest.raises(LabError) as error:
        REFUSED[words]()
    assert words in str(error.value)


ODD_LABELS = {
    "y\\[1\\] is None; every class must be known": ["a", None] * 10,
    "y\\[0\\] is None": [None] * 20,
    "X has 20 samples and y 3; they must be as many": [0, 0, 0],
    "y has shape \\(0,\\)": [],
    "y is ragged": [[1], [1, 2]] * 10,
    "which is no class; for numbers there is a Regressor": list(np.linspace(0, 1, 20)),
    "y mixes int and str": np.array(["a", 1] * 10, object),
    "y has shape \\(\\)": (label for label in [0, 1]),
}


@pytest.mark.parametrize("told", ODD_LABELS)
def test_odd_labels_get_a_sentence(told):
    with pytest.raises(LabError, match=told):
        Classifier(max_iter=1).fit(X[:20], ODD_LABELS[told])


def test_odd_samples_get_a_sentence():
    from scipy.sparse import csr_matrix

    fitted = Classifier((4,), max_iter=1).fit(X[:20], Y[:20])
    with pytest.raises(LabError, match=r"X.reshape\(1, -1\) is one sample"):
        fitted.predict(X[0])
    with pytest.raises(LabError, match=r"sparse; give X.toarray"):
        fitted.predict(csr_matrix(X[:20]))
    with pytest.raises(LabError, match="complex"):
        fitted.predict(X[:20] + 1j)
    with pytest.raises(LabError, match="X has 20 samples and y 2"):
        fitted.score(X[:20], Y[:2])
    with pytest.raises(LabError, match="y cannot be read as numbers"):
        Regressor().fit(X[:20], ["se"] * 20)
    with pytest.raises(LabError, match="weights must be finite and at least 0"):
        Classifier(class_weight={0: -1}).fit(X[:20], Y[:20])


def test_columns_of_a_data_frame_keep_their_order():
    import pandas as pd

    frame = pd.DataFrame(X[:40, :4], columns=list("abcd"))
    fitted = Regressor((4,), max_iter=1).fit(frame, Y[:40].astype(float))
    assert fitted.feature_names_in_.tolist() == list("abcd")
    np.testing.assert_array_equal(fitted.predict(frame), fitted.predict(X[:40, :4]))
    with pytest.raises(LabError, match="their order counts"):
        fitted.predict(frame[list("dcba")])
    with pytest.raises(LabError, match="their order counts"):
        fitted.fit(frame, Y[:40].astype(float), validation=(frame[list("dcba")], Y[:40].astype(float)))


def test_a_file_keeps_the_names_of_the_features(tmp_path):
    import pandas as pd

    frame = pd.DataFrame(X[:40, :4], columns=list("abcd"))
    Regressor((4,), max_iter=1).fit(frame, Y[:40].astype(float)).save(tmp_path / "named")
    with pytest.raises(LabError, match=r"X has the columns \['d', 'c', 'b', 'a'\]; this one was fitted to \['a', 'b'"):
        Regressor.load(tmp_path / "named").predict(frame[list("dcba")])
    tensors, metadata = files.load_with_metadata(tmp_path / "named")
    header = json.loads(metadata["rl_lab"])
    for names in (["a"], [*"abc", 4], "abcd", 4, {"a": 1}, None):
        files.save(tmp_path / "forged", tensors, {"rl_lab": json.dumps(header | {"feature_names": names})})
        with pytest.raises(LabError, match="is no file of a Regressor"):
            Regressor.load(tmp_path / "forged")


def test_parameters_from_numpy_are_saved_as_the_numbers_that_they_are(tmp_path):
    given = {"random_state": np.int64(3), "batch_size": np.int32(16), "alpha": np.float32(0.5), "max_iter": np.int64(2)}
    weights = {np.int64(0): np.float32(1), np.int64(1): 2.0}
    fitted = Classifier((4,), class_weight=weights, early_stopping=np.True_, **given).fit(X[:40], Y[:40] % 2)
    fitted.save(tmp_path / "a")
    loaded = Classifier.load(tmp_path / "a")
    assert loaded.get_params() == fitted.get_params()
    np.testing.assert_array_equal(loaded.fit(X[:40], Y[:40] % 2).predict(X), fitted.predict(X))


@pytest.mark.parametrize(
    ("arguments", "fitting", "message"),
    [
        ({"early_stopping": "no"}, {}, "early_stopping='no' is not allowed; it must be True or False"),
        ({"early_stopping": True, "validation_fraction": "x"}, {}, "validation_fraction='x' is not allowed"),
        ({}, {"classes": [[0, 1]]}, r"classes has shape \(1, 2\)"),
        ({}, {"classes": [0, 1, np.nan]}, r"classes\[2\] is nan; every class must be known"),
        ({}, {"classes": ["0", 1]}, "classes mixes int and str"),
    ],
)
def test_parameters_and_classes_that_are_none_are_refused(arguments, fitting, message):
    with pytest.raises(LabError, match=message):
        Classifier((4,), max_iter=1, **arguments).fit(X[:40], Y[:40] % 2, **fitting)


def test_labels_of_another_kind_or_shape_have_no_score():
    fitted = Classifier((4,), max_iter=1).fit(X[:40], Y[:40] % 2)
    with pytest.raises(
        LabError, match=r"y holds \['0', .*, and the classes are \[0, 1\]; give labels of the same kind"
    ):
        fitted.score(X[:40], (Y[:40] % 2).astype(str))
    line = Regressor((4,), max_iter=1).fit(X[:40], Y[:40])
    with pytest.raises(LabError, match=r"y has shape \(40, 2\), and predictions have \(40,\)"):
        line.score(X[:40], np.stack([Y[:40], Y[:40]], axis=1))
    assert line.score(X[:40], Y[:40, None]) == line.score(X[:40], Y[:40])


def test_what_scikit_learn_takes_is_taken():
    column = Classifier((8,), max_iter=2).fit(X[:50], Y[:50, None])
    assert column.predict(X[:5]).shape == (5,)
    assert column.network_.sizes == (64, 8, 10)
    drawn = [Classifier((8,), max_iter=1, random_state=None).fit(X[:50], Y[:50]) for _ in range(2)]
    assert (drawn[0].outputs(X[:5]) != drawn[1].outputs(X[:5])).any()


def test_a_file_that_says_something_else_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    rows = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    Classifier(hidden_layer_sizes=(4,), max_iter=2).fit(rows, rows[:, 0] > 0).save(tmp_path / "a")
    tensors, metadata = files.load_with_metadata(tmp_path / "a")
    header = json.loads(metadata["rl_lab"])
    forged = [(header | {name: value}, tensors) for name in header for value in (True, -1, 10**30, "x", [1], {"a": 1})]
    forged += [({name: header[name] for name in header if name != missing}, tensors) for missing in header]
    forged += [([], tensors), (3, tensors), (None, tensors)]
    for name, array in tensors.items():
        values = np.full_like(array, np.nan), array[:1], array.astype(np.float64), array.reshape(-1)[0]
        forged += [(header, tensors | {name: value}) for value in values]
        forged.append((header, {other: kept for other, kept in tensors.items() if other != name}))
    for body, arrays in forged:
        files.save(tmp_path / "b", arrays, {"rl_lab": json.dumps(body)})
        with contextlib.suppress(LabError):
            assert Classifier.load(tmp_path / "b").predict(rows).shape == (40,)
    files.save(tmp_path / "b", tensors | {"1.bias": np.full_like(tensors["1.bias"], np.nan)}, metadata)
    with pytest.raises(LabError, match=r"'1.bias' that holds NaN"):
        Classifier.load(tmp_path / "b")
