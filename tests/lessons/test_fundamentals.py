"""From the neuron to the network: what the lessons measure, and the examples that teach it."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from rl_lab.core import activations
from rl_lab.core.perceptron import Perceptron
from rl_lab.core.torch_mlp import ACTIVATIONS
from rl_lab.errors import LabError
from rl_lab.lessons import chain, depth, derivatives, neuron, rosenblatt

EXAMPLES = Path(__file__).parents[2] / "examples" / "fundamentals"


@settings(max_examples=50)
@given(
    weights=st.lists(st.integers(-8, 8), min_size=1, max_size=6),
    threshold=st.integers(-8, 8),
    data=st.data(),
)
def test_a_neuron_fires_where_the_sum_exceeds_the_threshold(weights, threshold, data):
    inputs = data.draw(st.lists(st.integers(-8, 8), min_size=len(weights), max_size=len(weights)))
    fires = neuron.neuron(weights, threshold).predict([inputs])[0]
    assert fires == (sum(w * x for w, x in zip(weights, inputs, strict=True)) > threshold)


@settings(max_examples=50)
@given(
    samples=st.integers(2, 300), width=st.integers(1, 30), margin=st.floats(0.01, 0.4), seed=st.integers(0, 2**32 - 1)
)
def test_novikoffs_bound_holds_where_the_margin_is_known(samples, width, margin, seed):
    data = rosenblatt.separable(samples, width, margin, np.random.default_rng(seed))
    assert data.margin >= margin
    unit = Perceptron(width)
    assert unit.fit(data.inputs, data.labels, passes=1_000_000) <= data.bound
    np.testing.assert_array_equal(unit.predict(data.inputs), data.labels)


def test_rosenblatt_learns_all_but_xor(tmp_path):
    findings = rosenblatt.study(sets=2)
    found = findings.figures
    assert len(found["trials"]) == 2 * len(rosenblatt.WIDTHS) * len(rosenblatt.MARGINS)
    assert all(trial["learned"] and 0 <= trial["mistakes"] <= trial["bound"] for trial in found["trials"])
    assert min(found["mistakes on XOR, pass by pass"]) >= 1
    assert found["right on XOR"]["one unit"] < 4
    assert found["right on XOR"]["two layers"] == 4
    assert json.loads((findings.write(tmp_path).with_suffix(".json")).read_text()) == found


@pytest.mark.parametrize("seed", range(5))
def test_two_layers_learn_xor_from_every_seed(seed):
    np.testing.assert_array_equal(rosenblatt.two_layers(seed).predict(rosenblatt.SQUARE), rosenblatt.XOR)


@pytest.mark.parametrize("name", activations.CODES)
def test_derivatives_are_those_of_finite_differences_and_of_autograd(name):
    places = np.linspace(-7, 7, 400)  # neither the corner nor the jump among them
    np.testing.assert_allclose(
        derivatives.derivative(name, places), derivatives.finite_difference(name, places), atol=1e-4
    )
    np.testing.assert_allclose(
        derivatives.derivative(name, places), derivatives.exact_derivative(name, places), atol=1e-6
    )


def test_what_the_docstring_says_of_corners_and_tails():
    corner = torch.zeros(1, requires_grad=True)
    ACTIVATIONS["relu"](corner).backward()
    assert derivatives.derivative("relu", [0.0])[0] == corner.grad[0] == 0
    assert derivatives.derivative("step", [0.0])[0] == 0
    for name, off, cut, rest in (("sigmoid", 11.4, 15.9, 1.2e-7), ("tanh", 5.7, 8.0, 4.8e-7)):
        near = np.linspace(0, off, 2000)
        exact = derivatives.exact_derivative(name, near)
        np.testing.assert_allclose(derivatives.derivative(name, near), exact, rtol=0.011)
        far = np.concatenate([np.linspace(cut, 80, 200), -np.linspace(cut, 80, 200)])
        np.testing.assert_allclose(derivatives.derivative(name, far), rest, rtol=0.01)
        assert derivatives.exact_derivative(name, [80.0])[0] < 1e-30
    assert derivatives.study().figures["corner of relu"] == {"slope below": 0, "slope above": 1, "the core takes": 0}


@given(units=st.integers(2, 12), steps=st.integers(1, 40))
@settings(max_examples=20)
def test_a_chain_passes_a_signal_on_and_a_ring_keeps_it(units, steps):
    links = {(unit, unit + 1): 1.0 for unit in range(units - 1)}
    time, unit = np.indices((steps, units))
    fired = chain.run(chain.Circuit("", units, links, {0: [0]}), steps)
    np.testing.assert_array_equal(fired, time == unit)
    fired = chain.run(chain.Circuit("", units, links | {(units - 1, 0): 1.0}, {0: [0]}), steps)
    np.testing.assert_array_equal(fired, time % units == unit)


def test_circuits_and_graded_chains(tmp_path):
    findings = chain.study()
    found = findings.figures["circuits"]
    assert found["chain"]["firings"] == [2] * 10
    assert found["weak"]["firings"] == [2] * 5 + [0] * 5
    assert found["ring"]["last step with a firing unit"] == chain.STEPS - 1
    assert found["stopped"]["last step with a firing unit"] == 14
    assert found["meeting"]["firings"][6] == 1
    assert findings.write(tmp_path).exists()


@pytest.mark.parametrize(("activation", "weight"), [("sigmoid", 1.0), ("sigmoid", 4.0), ("tanh", 1.5), ("relu", 0.5)])
def test_influence_along_a_chain_is_autograds(activation, weight):
    one = chain.graded(activation, weight, depth=6)
    sums = [torch.tensor(0.0, requires_grad=True) for _ in range(6)]
    value, signal = torch.tensor(1.0), []
    for extra in sums:  # added to each unit's sum
        value = ACTIVATIONS[activation](weight * value - (weight / 2 if activation == "sigmoid" else 0) + extra)
        signal.append(float(value.detach()))
    value.backward()
    np.testing.assert_allclose(one.signal, signal, rtol=1e-5)
    np.testing.assert_allclose(one.influence, [float(extra.grad) for extra in sums], rtol=1e-4, atol=1e-9)


@pytest.fixture(scope="module")
def eight_layers():
    with pytest.MonkeyPatch.context() as patch:  # fewer learning rates, for time
        patch.setattr(depth, "RATES", {"gradient descent": (0.01, 0.1), "Adam": (1e-3, 1e-2)})
        return depth.study(seeds=2, epochs=40)


def outcome(findings, activation, optimiser, gain=2**0.5):
    wanted = {"activation": activation, "optimiser": optimiser, "gain": gain}
    return next(one for one in findings.figures["outcomes"] if wanted.items() <= one.items())


def test_the_gradient_vanishes_through_sigmoids_and_not_through_relu(eight_layers):
    at_start = {
        name: outcome(eight_layers, name, "gradient descent")["gradient by layer at the start"]
        for name in ("sigmoid", "relu")
    }
    assert at_start["sigmoid"][0] < at_start["sigmoid"][6] / 300
    assert at_start["sigmoid"] == sorted(at_start["sigmoid"])
    assert at_start["relu"][0] > at_start["relu"][6] / 3
    assert min(at_start["relu"][:7]) > 1000 * at_start["sigmoid"][0]


def test_relu_learns_where_the_sigmoid_does_not(eight_layers):
    assert max(outcome(eight_layers, "sigmoid", "gradient descent")["accuracies"]) < 0.2
    assert min(outcome(eight_layers, "relu", "gradient descent")["accuracies"]) > 0.85
    assert min(outcome(eight_layers, "tanh", "gradient descent")["accuracies"]) > 0.85
    assert min(outcome(eight_layers, "relu", "Adam")["accuracies"]) > 0.9


def test_the_right_gain_lets_the_sigmoid_learn_too(eight_layers):
    assert np.mean(outcome(eight_layers, "sigmoid", "gradient descent", 4.0)["accuracies"]) > 0.5
    assert np.mean(outcome(eight_layers, "sigmoid", "Adam", 4.0)["accuracies"]) > 0.85


def test_eight_layers_are_drawn(eight_layers, tmp_path):
    page = eight_layers.write(tmp_path)
    assert "gradient, layer 1 / layer 7" in page.read_text()
    for name in ("gradients", "learning"):
        with Image.open(tmp_path / f"{name}.png") as picture:
            assert min(picture.size) > 400


def load(name):
    spec = importlib.util.spec_from_file_location(f"fundamentals_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("neuron", {}, "[1, 1, 0] fires\n[1, 1, 1] is silent"),
        ("rosenblatt", {"sets": 1}, "XOR, two layers: [False, True, True, False]"),
        ("activations", {}, "relu at its corner: 0"),
        ("chain", {}, "step 3: ...#\nstep 4: ....\na ring, after a thousand steps: still firing"),
        ("eight_layers", {"seeds": 1, "epochs": 2}, "relu"),
    ],
)
def test_examples_run_from_top_to_bottom(name, options, says, tmp_path, capsys):
    load(name).main(tmp_path / "out", **options)
    said = capsys.readouterr().out
    assert says in said
    assert Path(said.strip().splitlines()[-1].removeprefix("page: ")).exists()
    assert len(list((tmp_path / "out").glob("*.png"))) >= 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: neuron.neuron([], 1.0), "inputs=0 is not allowed; it must be a whole number of at least 1"),
        (lambda: neuron.neuron([1.0, float("nan")], 1.0), "must all be finite"),
        (lambda: neuron.study(weights=(1.0, 2.0)), "2 weights cannot be drawn here; give three"),
        (lambda: rosenblatt.separable(10, 2, 0.0, np.random.default_rng(0)), "margin above 0"),
        (lambda: rosenblatt.separable(1, 2, 0.1, np.random.default_rng(0)), "at least 2 samples"),
        (lambda: rosenblatt.study(sets=0), "sets=0 is not allowed"),
        (lambda: chain.run(chain.Circuit("", 2, {(0, 2): 1.0}, {}), 3), "of 2 units has no unit 2"),
        (lambda: chain.run(chain.Circuit("", 2, {}, {}), 0), "steps=0 is not allowed"),
        (lambda: depth.study(seeds=0), "seeds=0 and epochs=60 must both be at least 1"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(LabError, match=message):
        call()
