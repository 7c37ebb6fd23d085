"""The variational autoencoder: gradients against autograd, the bound against a likelihood that is known."""

import functools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.datasets import load_digits

from rl_lab.core.optim import make_adam
from rl_lab.core.torch_mlp import TorchMLP
from rl_lab.errors import LabError
from rl_lab.supervised import Classifier
from rl_lab.supervised.training import compiled
from rl_lab.unsupervised import VariationalAutoencoder, evidence
from rl_lab.unsupervised.evidence import LIKELIHOODS
from rl_lab.unsupervised.vae import make_scratch

X, Y = load_digits(return_X_y=True)
X = X / 16
ORDER = np.random.default_rng(0).permutation(len(X))


def by_torch(likelihood, encoder, decoder, log_noise, inputs, noise, beta):
    """Minus the bounds, summed, from torch's own distributions in float64, and the gradient over the batch's size."""
    down, up = TorchMLP(encoder).double(), TorchMLP(decoder).double()
    spread = torch.tensor(log_noise, dtype=torch.float64, requires_grad=True)
    targets = torch.from_numpy(inputs).double()
    mean, log_variance = down(targets).chunk(2, dim=1)
    posterior = torch.distributions.Normal(mean, torch.exp(log_variance / 2))
    outputs = up(posterior.loc + torch.from_numpy(noise) * posterior.scale)
    if likelihood == "bernoulli":
        fit = -torch.nn.functional.binary_cross_entropy_with_logits(outputs, targets, reduction="sum") + 0 * spread
    else:
        fit = torch.distributions.Normal(outputs, torch.exp(spread)).log_prob(targets).sum()
    prior = torch.distributions.Normal(torch.zeros_like(mean), torch.ones_like(mean))
    loss = -fit + beta * torch.distributions.kl_divergence(posterior, prior).sum()
    (loss / len(inputs)).backward()
    parts = (down.parameters_flat.grad.numpy(), up.parameters_flat.grad.numpy(), spread.grad.numpy().reshape(1))
    return loss.item(), np.concatenate(parts)


@settings(max_examples=30)
@given(
    likelihood=st.sampled_from(list(LIKELIHOODS)),
    activation=st.sampled_from(["tanh", "relu", "sigmoid", "identity"]),
    hidden=st.lists(st.integers(1, 70), max_size=2),
    width=st.integers(1, 70),
    size=st.integers(1, 9),
    batch=st.integers(1, 150),
    beta=st.sampled_from([1.0, 0.0, 2.5]),
    seed=st.integers(0, 999),
)
def test_gradients_are_those_of_autograd(likelihood, activation, hidden, width, size, batch, beta, seed):
    rng = np.random.default_rng(seed)
    model = VariationalAutoencoder(tuple(hidden), activation, n_components=size, likelihood=likelihood)
    model._build(width, rng)
    for network in (model.encoder_, model.decoder_):
        network.parameters[:] += 0.1 * rng.standard_normal(network.parameters.size)
    model.parameters_[-1] = rng.normal(scale=0.3)
    inputs = rng.random((batch, width)).astype(np.float32)
    noise = rng.standard_normal((batch, size)).astype(np.float32)
    expected, gradient = by_torch(
        likelihood, model.encoder_, model.decoder_, model.parameters_[-1].copy(), inputs, noise, beta
    )
    scratch = make_scratch(model._shape(), batch)
    for array in scratch:
        array[:] = np.nan  # so that a number read before it was written shows
    common = LIKELIHOODS[likelihood], model.parameters_, model._shape(), model.encoder_.code, inputs, noise
    adam = make_adam(len(model.parameters_))
    mean = compiled(evidence.epoch, "an epoch")(
        *common, np.arange(batch), beta, adam, scratch, 0.0, 0.0
    )  # which moves nothing
    assert mean == pytest.approx(expected / batch, rel=1e-4)
    assert np.abs(scratch.gradient - gradient).max() <= 1e-5 * np.abs(gradient).max()


def test_the_bound_is_near_a_likelihood_that_is_known():
    """A linear Gaussian decoder is probabilistic PCA, whose bound is tight (Lucas et al. 2019)."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((2000, 1)) @ [[1.5, -1.0, 0.5]] + 0.3 * rng.standard_normal((2000, 3)) + [1, 2, 3]
    covariance = np.cov(rows.T, bias=True)
    known = -0.5 * (3 * np.log(2 * np.pi) + np.linalg.slogdet(covariance)[1] + 3)  # of the best normal distribution
    model = VariationalAutoencoder(
        (), n_components=1, likelihood="gaussian", alpha=0, tol=0, max_iter=100, learning_rate_init=0.01
    ).fit(rows)
    assert known - 0.1 < model.score(rows) < known
    assert np.exp(model.parameters_[-1]) == pytest.approx(0.3, abs=0.03)
    drawn = model.sample(4000, seed=1)
    np.testing.assert_allclose(drawn.mean(axis=0), rows.mean(axis=0), atol=0.1)
    np.testing.assert_allclose(np.cov(drawn.T) + 0.09 * np.eye(3), covariance, atol=0.15)


def test_a_posterior_is_encoded_and_decoded():
    model = VariationalAutoencoder((32,), n_components=3, max_iter=3).fit(X)
    means, deviations = model.posterior(X)
    np.testing.assert_array_equal(model.encode(X), means)
    assert (deviations > 0).all()
    images = model.decode(means)
    assert 0 <= images.min() < images.max() <= 1
    np.testing.assert_array_equal(images, model.reconstruct(X))
    outputs = model.decoder_(means).astype(np.float64)
    np.testing.assert_allclose(images, 1 / (1 + np.exp(-outputs)), atol=1e-6)


def test_what_it_draws_are_digits():
    learned, held = X[ORDER[:1200]], X[ORDER[1200:]]
    model = VariationalAutoencoder((128, 64), n_components=8, alpha=0, tol=0, max_iter=500, batch_size=64).fit(learned)
    assert model.score(held) > model.score(np.random.default_rng(0).permutation(held.ravel()).reshape(held.shape)) + 10
    judge = Classifier((256,)).fit(learned, Y[ORDER[:1200]])
    drawn = judge.predict_proba(model.sample(500))
    real = judge.predict_proba(held)
    assert (drawn.max(axis=1) > 0.9).mean() > 0.6 * (real.max(axis=1) > 0.9).mean()
    assert len(set(drawn.argmax(axis=1))) >= 9


def test_scikit_learns_own_tools_take_it():
    made = VariationalAutoencoder((3,), n_components=5, likelihood="gaussian", beta=0.5)
    assert clone(made).get_params() == made.get_params()


@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_the_same_seed_gives_the_same_bytes_and_a_file_the_same_samples(tmp_path, likelihood):
    common = {"n_components": 2, "likelihood": likelihood, "max_iter": 3, "random_state": 4}
    fitted, again = (VariationalAutoencoder((16,), **common).fit(X) for _ in range(2))
    assert fitted.parameters_.tobytes() == again.parameters_.tobytes()
    other = VariationalAutoencoder((16,), **common | {"random_state": 5}).fit(X)
    assert fitted.parameters_.tobytes() != other.parameters_.tobytes()
    fitted.save(tmp_path / "model.safetensors")
    loaded = VariationalAutoencoder.load(tmp_path / "model.safetensors")
    assert loaded.parameters_.tobytes() == fitted.parameters_.tobytes()
    np.testing.assert_array_equal(loaded.sample(4, seed=2), fitted.sample(4, seed=2))
    np.testing.assert_array_equal(loaded.elbo(X), fitted.elbo(X))
    assert loaded.get_params() == fitted.get_params()


def test_early_stopping_watches_the_bound():
    model = VariationalAutoencoder((32,), n_components=2, max_iter=300, early_stopping=True, learning_rate_init=0.01)
    history = model.fit(X[:300]).history_
    assert len(history.losses) < 300
    assert history.best_epoch == int(np.argmin(history.validation_losses)) + 1


def test_a_fit_that_fails_leaves_the_one_before():
    model = VariationalAutoencoder((8,), max_iter=2, likelihood="gaussian").fit(X)
    before = model.parameters_
    with pytest.raises(LabError, match="lower the learning rate"):
        model.set_params(learning_rate_init=1e30).fit(X)
    assert model.parameters_ is before


@functools.cache
def fitted():
    return VariationalAutoencoder(max_iter=1).fit(X)


REFUSED = {
    "this VariationalAutoencoder is not fitted yet; call fit(X) first": lambda: VariationalAutoencoder().sample(3),
    "X has one sample only": lambda: VariationalAutoencoder().fit(X[:1]),
    "X[0, 0] is inf; every number must be finite": lambda: VariationalAutoencoder().fit([[np.inf], [0.0]]),
    "likelihood='bernoulli' takes numbers from 0 to 1": lambda: VariationalAutoencoder().fit(16 * X),
    "X[1, 0] is -1; likelihood='bernoulli' takes": lambda: fitted().elbo(np.outer([0, -1], np.ones(64))),
    "likelihood='poisson' is not allowed; it must be one of": lambda: VariationalAutoencoder(likelihood="poisson").fit(
        X
    ),
    "beta=-1 is not allowed": lambda: VariationalAutoencoder(beta=-1).fit(X),
    "n=0 is not allowed": lambda: fitted().sample(0),
    "X has 3 features; this one was fitted to 2": lambda: fitted().decode(np.zeros((1, 3))),
}


@pytest.mark.parametrize("words", REFUSED)
def test_bad_input_gets_a_sentence(words):
    with pytest.raises(LabError) as error:
        REFUSED[words]()
    assert words in str(error.value)


def test_a_bound_that_is_no_number_is_refused():
    rows = np.random.default_rng(0).normal(size=(40, 3))
    fitted = VariationalAutoencoder(n_components=2, likelihood="gaussian", max_iter=3, random_state=0).fit(rows)
    for judge in (fitted.elbo, fitted.score):
        with pytest.raises(LabError, match=r"the bound of X\[\d\] is (nan|-inf), since it is too far from the samples"):
            judge(1e30 * rows[:2])
