"""Forward and backward passes against torch's autograd, finite differences and the same kernels as plain Python."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rl_lab import jit
from rl_lab.core import mlp
from rl_lab.core.gemm import LANES
from rl_lab.core.mlp import FEW, MLP
from rl_lab.core.torch_mlp import TorchMLP
from rl_lab.errors import LabError

forward, backward = jit.specialize(mlp.forward), jit.specialize(mlp.backward)
through = jit.specialize(mlp.backward_through)
SMOOTH = ["identity", "relu", "tanh", "sigmoid"]
DEPTHS = {1: [5, 3], 2: [7, 64, 2], 3: [151, 64, 64, 7], 4: [3, 130, 17, 65, 1]}


def random_network(sizes, activation="tanh", seed=0):
    rng = np.random.default_rng(seed)
    network = MLP(sizes, activation)
    network.parameters[:] = rng.standard_normal(network.parameters.size) / np.sqrt(max(sizes))
    return network, rng


def passes(network, inputs, output_gradient, run_forward=forward, run_backward=backward):
    """Outputs and gradient; the workspaces start full of NaN, so that a number read before it was written shows."""
    workspace = np.full(mlp.hidden_size(network.sizes, len(inputs)), np.nan, np.float32)
    scratch = np.full(mlp.scratch_size(network.sizes, len(inputs)), np.nan, np.float32)
    gradient = np.full_like(network.parameters, np.nan)
    common = network.parameters, network.size_array, network.code, inputs, workspace
    outputs = run_forward(*common)
    first = outputs.copy()
    run_backward(*common, output_gradient, gradient, scratch)
    np.testing.assert_allclose(outputs, first, rtol=1e-5, atol=1e-5)  # backward leaves them where they are
    return first, gradient


def by_torch(network, inputs, output_gradient):
    module = TorchMLP(network)
    outputs = module(torch.from_numpy(inputs))
    outputs.backward(torch.from_numpy(output_gradient))
    return outputs.detach().numpy(), module.parameters_flat.grad.numpy()


def close(ours, theirs, tolerance=1e-5):
    return np.abs(ours - theirs).max() <= tolerance * np.abs(theirs).max()


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("activation", SMOOTH)
def test_gradients_are_those_of_autograd(activation, depth):
    network, rng = random_network(DEPTHS[depth], activation)
    for batch in (1, FEW - 1, FEW, LANES, LANES + 1, 3 * LANES + 7):
        inputs = rng.standard_normal((batch, network.sizes[0])).astype(np.float32)
        output_gradient = rng.standard_normal((batch, network.sizes[-1])).astype(np.float32)
        outputs, gradient = passes(network, inputs, output_gradient)
        expected_outputs, expected = by_torch(network, inputs, output_gradient)
        assert close(outputs, expected_outputs)
        assert close(gradient, expected)


@settings(max_examples=20)
@given(
    sizes=st.lists(st.integers(1, 150), min_size=2, max_size=5),
    batch=st.integers(1, 150),
    activation=st.sampled_from(SMOOTH),
    seed=st.integers(0, 99),
)
def test_gradients_reach_the_inputs(sizes, batch, activation, seed):
    network, rng = random_network(sizes, activation, seed)
    inputs = rng.standard_normal((batch, sizes[0])).astype(np.float32)
    output_gradient = rng.standard_normal((batch, sizes[-1])).astype(np.float32)
    workspace = np.full(mlp.hidden_size(sizes, batch), np.nan, np.float32)
    scratch = np.full(mlp.scratch_size(sizes, batch), np.nan, np.float32)
    gradient, input_gradient = np.full_like(network.parameters, np.nan), np.full_like(inputs, np.nan)
    common = network.parameters, network.size_array, network.code, inputs, workspace
    forward(*common)
    through(*common, output_gradient, gradient, input_gradient, scratch)
    leaf = torch.from_numpy(inputs).requires_grad_()
    TorchMLP(network)(leaf).backward(torch.from_numpy(output_gradient))
    assert close(input_gradient, leaf.grad.numpy(), 3e-5)
    np.testing.assert_array_equal(gradient, passes(network, inputs, output_gradient)[1])


@settings(max_examples=60)
@given(
    sizes=st.lists(st.integers(1, 150), min_size=2, max_size=5),
    batch=st.integers(1, 150),
    activation=st.sampled_from(SMOOTH),
    seed=st.integers(0, 99),
)
def test_any_shape(sizes, batch, activation, seed):
    network, rng = random_network(sizes, activation, seed)
    inputs = rng.standard_normal((batch, sizes[0])).astype(np.float32)
    output_gradient = rng.standard_normal((batch, sizes[-1])).astype(np.float32)
    outputs, gradient = passes(network, inputs, output_gradient)
    expected_outputs, expected = by_torch(network, inputs, output_gradient)
    assert close(outputs, expected_outputs)
    assert close(gradient, expected, 3e-5)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
def test_gradients_are_slopes(activation):
    network, rng = random_network([3, 8, 8, 2], activation)
    inputs = rng.standard_normal((40, 3)).astype(np.float32)
    weights = rng.standard_normal((40, 2)).astype(np.float32)
    _, gradient = passes(network, inputs, weights)
    step = 1e-2
    for place in range(0, network.parameters.size, 5):
        before = network.parameters[place]
        network.parameters[place] = before + step
        higher = float((network(inputs).astype(np.float64) * weights).sum())
        network.parameters[place] = before - step
        lower = float((network(inputs).astype(np.float64) * weights).sum())
        network.parameters[place] = before
        assert gradient[place] == pytest.approx((higher - lower) / (2 * step), abs=2e-3 * float(np.abs(gradient).max()))


def test_no_gradient_passes_a_step():
    network, rng = random_network([4, 16, 2], "step")
    inputs = rng.standard_normal((50, 4)).astype(np.float32)
    output_gradient = rng.standard_normal((50, 2)).astype(np.float32)
    outputs, gradient = passes(network, inputs, output_gradient)
    expected_outputs, _ = by_torch(network, inputs, output_gradient)
    np.testing.assert_allclose(outputs, expected_outputs, atol=1e-5)
    (weights, bias), (head_weights, _) = MLP(network.sizes, "step", gradient).layers()
    assert not weights.any()
    assert not bias.any()
    assert head_weights.any()


def test_plain_python_is_the_same_program():
    network, rng = random_network([3, 20, 64, 2])
    for batch in (3, 70):
        inputs = rng.standard_normal((batch, 3)).astype(np.float32)
        output_gradient = rng.standard_normal((batch, 2)).astype(np.float32)
        compiled = passes(network, inputs, output_gradient)
        plain = passes(network, inputs, output_gradient, mlp.forward, mlp.backward)
        for ours, theirs in zip(compiled, plain, strict=True):
            assert close(ours, theirs)


def test_equal_calls_give_equal_bytes():
    network, rng = random_network([151, 64, 64, 7])
    inputs = rng.standard_normal((100, 151)).astype(np.float32)
    output_gradient = rng.standard_normal((100, 7)).astype(np.float32)
    first = passes(network, inputs, output_gradient)
    keep = [np.empty(offset, np.uint8) for offset in (16, 48, 1000)]  # so that the arrays lie elsewhere
    again = passes(network, inputs.copy(), output_gradient.copy())
    assert len(keep) == 3
    assert all(a.tobytes() == b.tobytes() for a, b in zip(first, again, strict=True))


def test_a_view_into_a_larger_buffer():
    buffer = np.zeros(mlp.count([4, 8, 2]) + 5, np.float32)
    network = MLP([4, 8, 2], parameters=buffer[5:])
    network.initialise(np.random.default_rng(0))
    assert buffer[5:].any()
    assert not buffer[:5].any()
    assert all(np.shares_memory(buffer, array) for layer in network.layers() for array in layer)


@pytest.mark.parametrize("shape", [(64, 4), (4, 64), (64, 64), (64, 1)])
def test_orthogonal_as_sb3_initialises(shape):
    for gain in (2**0.5, 0.01):
        ours = mlp.orthogonal(shape, gain, np.random.default_rng(3)).astype(np.float64)
        theirs = torch.empty(*shape)
        torch.nn.init.orthogonal_(theirs, gain)
        for matrix in (ours, theirs.numpy().astype(np.float64)):
            product = matrix @ matrix.T if shape[0] < shape[1] else matrix.T @ matrix
            np.testing.assert_allclose(product, gain**2 * np.eye(min(shape)), atol=1e-5 * gain**2)


def test_initial_gains():
    network = MLP([8, 64, 64, 2])
    network.parameters[:] = 9
    network.initialise(np.random.default_rng(0), gain=0.01)
    norms = [np.linalg.norm(weights, 2) for weights, _ in network.layers()]
    np.testing.assert_allclose(norms, [2**0.5, 2**0.5, 0.01], rtol=1e-5)
    assert not any(bias.any() for _, bias in network.layers())


def test_orthogonal_matrices_have_no_favourite_direction():
    corners = [mlp.orthogonal((3, 3), 1.0, np.random.default_rng(seed))[0, 0] for seed in range(400)]
    assert abs(np.mean(corners)) < 4 * np.sqrt(1 / 3 / 400)  # their variance is 1/3 for the uniform distribution
    assert np.var(corners) == pytest.approx(1 / 3, rel=0.2)


def test_bad_input_is_refused():
    with pytest.raises(LabError, match="sizes"):
        MLP([4])
    with pytest.raises(LabError, match="sizes"):
        MLP([4, 0, 2])
    with pytest.raises(LabError, match=r"'gelu' is unknown; choose one of .*tanh"):
        MLP([4, 2], "gelu")
    with pytest.raises(LabError, match=r"need float32 of shape \(10,\)"):
        MLP([4, 2], parameters=np.zeros(9, np.float32))
    with pytest.raises(LabError, match="contiguous"):
        MLP([4, 2], parameters=np.zeros(20, np.float32)[::2])
    with pytest.raises(LabError, match=r"takes \(batch, 4\)"):
        MLP([4, 2])(np.zeros((3, 5)))


@pytest.mark.parametrize("sizes", [None, 5, "ab", [3, "a"], [2.5, 1], ["3", 2], [np.nan, 1], [True, 2], {3: 1, 2: 1}])
def test_sizes_that_are_no_whole_numbers_are_refused(sizes):
    with pytest.raises(LabError, match="do not make a network; give at least two whole numbers"):
        MLP(sizes)


@pytest.mark.parametrize("sizes", [[10**9, 10**9], [10**30, 2]])
def test_a_network_larger_than_memory_is_refused(sizes):
    with pytest.raises(LabError, match=r"a network of sizes .* needs [\d,.]+ GiB of memory"):
        MLP(sizes)


@pytest.mark.parametrize("inputs", ["ab", [["a", "b"]], [[1, 2], [3]], [[1j, 2]], np.ma.masked_equal([[1, 2]], 2)])
def test_inputs_that_are_no_numbers_are_refused(inputs):
    with pytest.raises(LabError, match=r"inputs cannot be read as numbers|inputs hides values behind a mask"):
        MLP([2, 1])(inputs)
