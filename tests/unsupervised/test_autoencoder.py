"""The autoencoder against principal components, and what scikit-learn's tools and files make of it."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rl_lab.core.mlp import MLP
from rl_lab.errors import LabError
from rl_lab.supervised import Classifier
from rl_lab.unsupervised import Autoencoder

X, Y = load_digits(return_X_y=True)
X = X / 16


def by_components(learned, tested, size):
    fitted = PCA(size).fit(learned)
    return float(np.mean((fitted.inverse_transform(fitted.transform(tested)) - tested) ** 2))


def test_without_curves_it_is_principal_components():
    """Baldi and Hornik 1989: the best a linear autoencoder can do is their subspace."""
    fitted = Autoencoder((), "identity", n_components=4, alpha=0, tol=0, max_iter=300, learning_rate_init=5e-3)
    error = float(np.mean((fitted.fit(X).reconstruct(X) - X) ** 2))
    best = by_components(X, X, 4)
    assert best <= error < 1.005 * best
    assert fitted.score(X) == pytest.approx(PCA(4).fit(X).explained_variance_ratio_.sum(), abs=0.005)


def test_with_curves_it_is_better_on_digits_never_seen():
    order = np.random.default_rng(0).permutation(len(X))
    learned, held = X[order[:1200]], X[order[1200:]]
    fitted = Autoencoder((128, 64), n_components=8, alpha=0, tol=0, max_iter=300, batch_size=64).fit(learned)
    error = float(np.mean((fitted.reconstruct(held) - held) ** 2))
    assert error < 0.8 * by_components(learned, held, 8)


def test_the_code_is_the_narrow_layer():
    fitted = Autoencoder((32, 16), "sigmoid", n_components=3, max_iter=3).fit(X)
    codes = fitted.encode(X)
    assert codes.shape == (len(X), 3)
    assert 0 < codes.min() < codes.max() < 1
    assert fitted.network_.sizes == (64, 32, 16, 3, 16, 32, 64)
    np.testing.assert_allclose(fitted.decode(codes), fitted.network_(X), atol=1e-6)
    np.testing.assert_array_equal(fitted.reconstruct(X), fitted.inverse_transform(fitted.transform(X)))
    assert np.shares_memory(fitted.encoder_.parameters, fitted.network_.parameters)
    assert np.shares_memory(fitted.decoder_.parameters, fitted.network_.parameters)


def test_scikit_learns_own_tools_take_it():
    assert clone(Autoencoder((3,), n_components=5)).get_params() == Autoencoder((3,), n_components=5).get_params()
    coder = Autoencoder((64,), n_components=8, max_iter=100, batch_size=64)
    piped = make_pipeline(StandardScaler(with_std=False), coder, Classifier((64,)))
    assert piped.fit(X[:1200], Y[:1200]).score(X[1200:], Y[1200:]) > 0.7
    assert coder.fit_transform(X[:100]).shape == (100, 8)


def test_the_same_seed_gives_the_same_bytes_and_a_file_the_same_codes(tmp_path):
    fitted, again = (Autoencoder((16,), n_components=2, max_iter=3, random_state=4).fit(X) for _ in range(2))
    assert fitted.network_.parameters.tobytes() == again.network_.parameters.tobytes()
    fitted.save(tmp_path / "coder.safetensors")
    loaded = Autoencoder.load(tmp_path / "coder.safetensors")
    np.testing.assert_array_equal(loaded.encode(X), fitted.encode(X))
    assert loaded.get_params() == fitted.get_params()
    with pytest.raises(LabError, match=r"holds a Autoencoder; load it with Autoencoder.load"):
        Classifier.load(tmp_path / "coder.safetensors")


def test_training_goes_on_and_watches_what_is_held_out():
    fitted = Autoencoder((16,), n_components=2, max_iter=5).fit(X[:1200], validation=X[1200:])
    assert len(fitted.history_.validation_losses) == 5
    before = fitted.history_.validation_losses[-1]
    fitted.fit(X[:1200], network=fitted.network_, validation=X[1200:])
    assert fitted.history_.validation_losses[-1] < before
    assert fitted.validation_scores_[-1] == pytest.approx(fitted.score(X[1200:]), abs=1e-6)


REFUSED = {
    "this Autoencoder is not fitted yet; call fit(X) first": lambda: Autoencoder().encode(X),
    "X has one sample only": lambda: Autoencoder().fit(X[:1]),
    "X[0, 3] is nan; every number must be finite": lambda: Autoencoder().fit(
        np.where(np.arange(64) == 3, np.nan, X[:20])
    ),
    "n_components=0 is not allowed": lambda: Autoencoder(n_components=0).fit(X),
    "X has 3 features; this one was fitted to 2": lambda: (
        Autoencoder(n_components=2, max_iter=1).fit(X).decode(X[:, :3])
    ),
    "X has 3 features; this one was fitted to 64": lambda: Autoencoder(max_iter=1).fit(X).encode(X[:, :3]),
    "a network of sizes (64, 2, 64) does not fit": lambda: Autoencoder((8,)).fit(X, network=MLP([64, 2, 64])),
}


@pytest.mark.parametrize("words", REFUSED)
def test_bad_input_gets_a_sentence(words):
    with pytest.raises(LabError) as error:
        REFUSED[words]()
    assert words in str(error.value)


def test_what_joblib_maps_into_memory_encodes(tmp_path):
    joblib = pytest.importorskip("joblib")
    fitted = Autoencoder((16,), n_components=2, max_iter=3).fit(X)
    joblib.dump(fitted, tmp_path / "a")
    mapped = joblib.load(tmp_path / "a", mmap_mode="r")
    np.testing.assert_array_equal(mapped.transform(X), fitted.transform(X))
    np.testing.assert_array_equal(mapped.fit(X).transform(X), fitted.transform(X))
