"""Samples, labels and parameters that nothing can be learned from: each estimator refuses them with a sentence."""

import numpy as np
import pytest
import scipy.sparse

from rl_lab.core.mlp import MLP
from rl_lab.errors import LabError
from rl_lab.supervised import Classifier, Regressor
from rl_lab.supervised.curves import fit_curve
from rl_lab.supervised.recogniser import Recogniser
from rl_lab.unsupervised import Autoencoder, CharacterModel, VariationalAutoencoder
from rl_lab.unsupervised.probe import probe

ROWS = np.random.default_rng(0).normal(size=(40, 3))
LABELS = np.arange(40) % 2
ESTIMATORS = {
    "Classifier": Classifier((4,), max_iter=2),
    "Regressor": Regressor((4,), max_iter=2),
    "Autoencoder": Autoencoder(n_components=2, max_iter=2),
    "VariationalAutoencoder": VariationalAutoencoder(n_components=2, max_iter=2),
}


def with_value(value):
    rows = ROWS.copy()
    rows[3, 1] = value
    return rows


SAMPLES = {
    "nan": (with_value(np.nan), r"X\[3, 1\] is nan; every number must be finite"),
    "infinite": (with_value(np.inf), r"X\[3, 1\] is inf; every number must be finite"),
    "complex": (ROWS + 1j, "X holds complex numbers"),
    "dates": (np.zeros((40, 3), "M8[s]"), r"X holds datetime64\[s\]"),
    "texts": ([["a", "b"]] * 40, "X cannot be read as numbers"),
    "none": ([[None, 1.0]] * 40, r"X cannot be read as numbers|X\[0, 0\] is None"),
    "ragged": ([[1, 2], [3]], "X cannot be read as numbers"),
    "sparse": (scipy.sparse.csr_matrix(ROWS), r"X is sparse; give X.toarray\(\)"),
    "masked": (np.ma.masked_greater(ROWS, 1), r"X hides values behind a mask; fill them"),
    "one dimension": (ROWS[:, 0], r"X has shape \(40,\); it must be \(samples, features\)"),
    "no samples": (ROWS[:0], r"X has shape \(0, 3\)"),
    "no features": (ROWS[:, :0], r"X has shape \(40, 0\)"),
    "nothing": (None, "X cannot be read as numbers|X has shape"),
}


@pytest.mark.parametrize("samples", SAMPLES)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_samples_that_are_no_table_of_finite_numbers_are_refused(name, samples):
    given, sentence = SAMPLES[samples]
    labels = {"y": LABELS} if name in ("Classifier", "Regressor") else {}
    with pytest.raises(LabError, match=sentence):
        ESTIMATORS[name].fit(given, **labels)


def test_large_numbers_that_single_precision_cannot_hold_are_named_as_they_were_given():
    with pytest.raises(LabError, match=r"X\[3, 1\] is 1e\+39; every number must be finite, in float32"):
        ESTIMATORS["Regressor"].fit(with_value(1e39), LABELS)


CLASSES = {
    "mixed kinds": (["a", 1] * 20, "y mixes int and str; all classes must be of one kind"),
    "missing": (["a", None] * 20, r"y\[1\] is None; every class must be known"),
    "not a number": ([1.0, np.nan] * 20, r"y\[1\] is nan; every class must be known"),
    "bytes": ([b"a", b"b"] * 20, r"y holds \|S1; classes must be texts, whole numbers or bools"),
    "complex": ([1j, 2] * 20, "y holds complex128"),
    "masked": (np.ma.masked_equal(LABELS, 1), "y hides values behind a mask"),
    "ragged": ([[1], [2, 3]] * 20, "y is ragged"),
    "fractions": ([0.5, 1.5] * 20, "which is no class; for numbers there is a Regressor"),
    "one only": ([1] * 40, "y holds one class only"),
}


@pytest.mark.parametrize("classes", CLASSES)
def test_classes_that_are_none_are_refused(classes):
    given, sentence = CLASSES[classes]
    with pytest.raises(LabError, match=sentence):
        ESTIMATORS["Classifier"].fit(ROWS, given)


@pytest.mark.parametrize("given", [["a"] * 40, [1j] * 40, np.zeros(40, "M8[s]"), [None] * 40, [1e39] * 40])
def test_targets_that_are_no_numbers_are_refused(given):
    with pytest.raises(LabError, match=r"y cannot be read as numbers|every number must be finite"):
        ESTIMATORS["Regressor"].fit(ROWS, given)


@pytest.mark.parametrize("weights", [["a"] * 40, [1e308] * 40, [-1] * 40, [0] * 40, [np.nan] * 40, [1]])
def test_weights_that_weigh_nothing_are_refused(weights):
    for name in ("Classifier", "Regressor"):
        with pytest.raises(LabError, match="sample_weight"):
            ESTIMATORS[name].fit(ROWS, LABELS, weights)


@pytest.mark.parametrize(
    ("estimator", "sentence"),
    [
        (Classifier((10**9, 10**9)), r"GiB of memory, and [\d,.]+ GiB are available here; choose smaller layers"),
        (Classifier(class_weight=3), "class_weight=3 is not allowed"),
        (Classifier(class_weight={0: "a"}), r"class_weight=\{0: 'a'\} is not allowed"),
        (Autoencoder(n_components=10**12), "GiB of memory"),
        (VariationalAutoencoder(n_components="2"), "n_components='2' is not allowed"),
    ],
)
def test_parameters_that_are_not_allowed_are_refused(estimator, sentence):
    with pytest.raises(LabError, match=sentence):
        estimator.fit(ROWS, LABELS) if isinstance(estimator, Classifier) else estimator.fit(ROWS)


TEXTS = ["hello world", "abc"] * 4


class Tensor:
    """Like torch's where it requires gradients."""

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")


@pytest.mark.parametrize("name", ESTIMATORS)
def test_tensors_with_gradients_are_refused(name):
    labels = {"y": LABELS} if name in ("Classifier", "Regressor") else {}
    with pytest.raises(LabError, match=r"X cannot be read as numbers \(.* Use tensor.detach\(\).numpy\(\) instead"):
        ESTIMATORS[name].fit(Tensor(), **labels)


@pytest.mark.parametrize("report", ["x", 3, lambda: None])
@pytest.mark.parametrize("name", [*ESTIMATORS, "CharacterModel"])
def test_what_cannot_be_called_after_an_epoch_is_refused_before_the_first(name, report):
    fits = {
        name: lambda estimator=estimator, **more: estimator.fit(ROWS, **more) for name, estimator in ESTIMATORS.items()
    }
    for labelled in ("Classifier", "Regressor"):
        fits[labelled] = lambda labelled=labelled, **more: ESTIMATORS[labelled].fit(ROWS, LABELS, **more)
    fits["CharacterModel"] = lambda **more: CharacterModel((4,), max_iter=1).fit(TEXTS, **more)
    with pytest.raises(LabError, match=r"report=.* is not allowed \(.*\); give a function of the history"):
        fits[name](report=report)


@pytest.mark.parametrize("name", ["Classifier", "Regressor", "Autoencoder"])
def test_networks_and_held_out_samples_of_other_kinds_are_refused(name):
    given = (ROWS,) if name == "Autoencoder" else (ROWS, LABELS)
    with pytest.raises(LabError, match="network='x' is not allowed; give an MLP"):
        ESTIMATORS[name].fit(*given, network="x")
    if name != "Autoencoder":
        for validation in (ROWS, ROWS[:2], (ROWS,), (ROWS, LABELS, LABELS), "xy", 5):
            with pytest.raises(LabError, match=r"validation=.* is not allowed; give samples and labels as \(X, y\)"):
                ESTIMATORS[name].fit(*given, validation=validation)


@pytest.mark.parametrize(("learned", "held"), [(1, 2), (2, 1)])
def test_held_out_numbers_with_another_number_of_outputs_are_refused(learned, held):
    targets = np.stack([LABELS, LABELS], axis=1)
    with pytest.raises(LabError, match=f"y of validation has {held} outputs, and y {learned}; they must be as many"):
        ESTIMATORS["Regressor"].fit(ROWS, targets[:, :learned], validation=(ROWS, targets[:, :held]))


def test_labels_that_are_tensors_with_gradients_are_refused():
    fitted = ESTIMATORS["Classifier"].fit(ROWS, LABELS)
    for use in (fitted.fit, fitted.score):
        with pytest.raises(LabError, match=r"y cannot be read \(.* Use tensor.detach\(\).numpy\(\) instead"):
            use(ROWS, Tensor())


@pytest.mark.parametrize(
    ("places", "values", "more", "message"),
    [
        (None, None, {}, "places have shape"),
        ([1, 2], [1, 2], {}, "places have shape"),
        ([[1], [2]], [1], {}, r"values \(1,\); they must be"),
        ([], [], {}, "places have shape"),
        ([[1], [2]], ["a", "b"], {}, "values cannot be read as numbers"),
        ([[1], [2]], [1, 2], {"units": 1.5}, r"hidden=1.5 is not allowed"),
        ([[1], [2]], [1, 2], {"seed": -1}, "seed=-1 is not allowed"),
        ([[1], [2]], [1, 2], {"ridge": -1}, "ridge=-1 is not allowed"),
    ],
)
def test_points_that_make_no_curve_are_refused(places, values, more, message):
    with pytest.raises(LabError, match=message):
        fit_curve(places, values, **({"units": 3} | more))


def test_a_recogniser_needs_a_fitted_classifier_and_a_probe_samples_of_one_length():
    with pytest.raises(LabError, match="classifier=None is not allowed"):
        Recogniser(None)
    with pytest.raises(LabError, match="this Classifier is not fitted yet"):
        Recogniser(Classifier())
    with pytest.raises(LabError, match="features, labels and groups have shapes"):
        probe(ROWS, LABELS, LABELS[:3])


@pytest.mark.parametrize("given", [{"draws": 0}, {"draws": -1}, {"draws": 1.5}, {"seed": -1}, {"seed": "a"}])
def test_draws_of_codes_that_are_none_are_refused(given):
    fitted = VariationalAutoencoder(n_components=2, max_iter=1, likelihood="gaussian").fit(ROWS)
    with pytest.raises(LabError, match=f"{next(iter(given))}=.* is not allowed; it must be a whole number of at least"):
        fitted.elbo(ROWS, **given)
    for n in (None, "a", 0, 1.5, True):
        with pytest.raises(LabError, match=r"n=.* is not allowed; it must be a whole number of at least 1"):
            fitted.sample(n)
    with pytest.raises(LabError, match="GiB of memory"):
        fitted.sample(10**13)


@pytest.mark.parametrize("path", [None, 5, "", b"x", ["a"]])
def test_paths_that_are_none_are_refused(path):
    with pytest.raises(LabError, match=r"path=.* is not allowed; give the path of a file"):
        ESTIMATORS["Regressor"].fit(ROWS, LABELS).save(path)


def test_weights_behind_a_mask_are_refused():
    with pytest.raises(LabError, match="sample_weight hides values behind a mask"):
        ESTIMATORS["Regressor"].fit(ROWS, LABELS, np.ma.masked_equal(LABELS, 1))


def test_a_fit_that_was_refused_leaves_what_was_fitted_before():
    targets = np.stack([LABELS, LABELS], axis=1)
    fitted = Regressor((4,), max_iter=2).fit(ROWS, LABELS)
    before = fitted.predict(ROWS)
    for rate, rows, network in ((1e-3, ROWS[:, :2], MLP([5, 2])), (1e38, np.c_[ROWS, ROWS], None)):
        fitted.learning_rate_init = rate
        with pytest.raises(LabError, match=r"does not fit|the loss became"):
            fitted.fit(rows, targets, network=network)
        np.testing.assert_array_equal(fitted.predict(ROWS), before)


@pytest.mark.parametrize("texts", [None, 5, "abc", b"abc", [1, 2], [b"a"], [["a"]], [float("nan")]])
def test_what_is_no_list_of_texts_is_refused(texts):
    model = CharacterModel((4,), max_iter=1)
    with pytest.raises(LabError, match="texts must be a list of texts"):
        model.fit(texts)
    with pytest.raises(LabError, match="the text is empty"):
        model.fit([])


@pytest.mark.parametrize("changed", [{"window": 10**12}, {"embedding": 10**12}])
def test_a_model_of_text_larger_than_memory_is_refused(changed):
    with pytest.raises(LabError, match="GiB of memory"):
        CharacterModel((4,), **changed).fit(TEXTS)


@pytest.mark.parametrize(
    "request_", [{"prompt": 5}, {"length": "a"}, {"length": 1.5}, {"temperature": "a"}, {"seed": -1}, {"count": 10**15}]
)
def test_what_a_model_of_text_cannot_write_is_refused(request_):
    from rl_lab.unsupervised.alphabet import Alphabet
    from rl_lab.unsupervised.characters import check_request

    given = {"count": 1, "prompt": "a", "length": 5, "temperature": 1.0, "seed": 0} | request_
    with pytest.raises(LabError, match=next(iter(request_))):
        check_request(Alphabet.of(TEXTS), **given)


@pytest.mark.parametrize("name", ["Autoencoder", "VariationalAutoencoder"])
def test_columns_in_another_order_are_refused(name):
    import pandas as pd

    frame = pd.DataFrame(np.abs(ROWS) / 10, columns=list("abc"))
    fitted = ESTIMATORS[name].fit(frame)
    judges = {"transform", "score", "elbo", "encode"}
    for judge in sorted(judges & set(dir(fitted))):
        getattr(fitted, judge)(frame)
        getattr(fitted, judge)(frame.to_numpy())
        with pytest.raises(
            LabError, match=r"X has the columns \['b', 'a', 'c'\]; this one was fitted to \['a', 'b', 'c'\]"
        ):
            getattr(fitted, judge)(frame[["b", "a", "c"]])
