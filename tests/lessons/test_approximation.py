"""`rl-lab approximate`: errors over widths, pictures, and what is refused."""

import json

import numpy as np
import pytest
from PIL import Image

from rl_lab.errors import LabError
from rl_lab.lessons import approximation
from rl_lab.lessons.approximation import Options, approximate
from rl_lab.lessons.targets import target
from rl_lab.supervised import curves

WAVE = "sin(3*x) + 0.3*x**2"


@pytest.fixture
def hasty(monkeypatch):
    """Where it does not matter how good the fit is."""
    monkeypatch.setattr(curves, "GRADIENT_STEPS", 2000)


@pytest.fixture(scope="module")
def result():
    return approximate(Options(WAVE, hidden=50, most=100))


def test_the_fit_is_excellent_and_the_towers_get_there_too(result):
    assert result.trained_errors[50].largest < 1e-5
    assert result.trained_errors[1].largest > 1
    x = np.random.default_rng(0).uniform(-3, 3, (500, 1))  # places of nobody's choosing
    assert np.abs(result.trained[50](x)[:, 0] - (np.sin(3 * x) + 0.3 * x**2)[:, 0]).max() < 1e-5
    largest = [missed.largest for missed in result.built_errors.values()]
    assert largest == sorted(largest, reverse=True)
    for units, missed in result.built_errors.items():
        bound = (3 + 0.6 * 3) * 6 / max(1, units // 2)  # the steepest slope, over one tower
        assert missed.mean <= missed.largest <= bound


def test_findings_are_written_drawn_and_complete(result, tmp_path):
    findings = approximation.findings(result)
    page = findings.write(tmp_path)
    found = json.loads((tmp_path / "approximation.json").read_text())
    assert found["largest error"] == result.trained_errors[50].largest
    weights, biases, heads = (np.array(found["network"][key]) for key in ("weights", "biases", "output weights"))
    x = np.linspace(-3, 3, 50)
    outputs = np.tanh(x[:, None] * weights + biases) @ heads + found["network"]["output bias"]
    np.testing.assert_allclose(outputs, np.sin(3 * x) + 0.3 * x**2, atol=1e-5)
    assert 'rl-lab approximate "sin(3*x) + 0.3*x**2" --hidden 50 --most 100' in page.read_text().replace("&#34;", '"')
    for name in ("fit", "towers", "widths"):
        with Image.open(tmp_path / f"{name}.png") as picture:
            assert min(picture.size) > 400


def test_points_of_a_file(tmp_path):
    file = tmp_path / "points.csv"
    x = np.linspace(0, 10, 40)
    file.write_text("time,height\n" + "\n".join(f"{a},{np.log1p(a)}" for a in x))
    result = approximate(Options(str(file), hidden=8, most=8))
    assert result.trained_errors[8].largest < 0.01
    assert (result.target.low, result.target.high) == (0, 10)
    findings = approximation.findings(result)
    assert "points.csv, x from 0 to 10" in findings.text
    assert len(findings.pictures) == 3
    with pytest.raises(LabError, match="has a range of its own"):
        target(str(file), low=1)


def test_points_at_one_place_are_averaged(tmp_path):
    file = tmp_path / "points.csv"
    file.write_text("0,1\n0,3\n1,5\n")
    goal = target(str(file))
    np.testing.assert_array_equal(goal.function(np.array([0, 0.5, 1])), [2, 3.5, 5])


@pytest.mark.filterwarnings("error")
def test_a_constant_has_no_error_and_its_picture_no_warning(tmp_path, hasty):
    findings = approximation.findings(approximate(Options("5", hidden=4, most=4)))
    findings.write(tmp_path)
    assert findings.figures["largest error"] == 0


def test_two_variables(tmp_path, hasty):
    result = approximate(Options("sin(x)*cos(y)", hidden=10, most=24))
    assert result.target.variables == ("x", "y")
    assert result.built[24].sizes == (2, 8, 16, 1)
    assert result.trained_errors[10].mean < 0.1
    findings = approximation.findings(result)
    assert "24 hidden units, towers" in findings.text
    assert findings.write(tmp_path).exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Options("log(x)"), r"'log\(x\)' has no finite value at x=-3; choose a range without that place"),
        (Options("1/(x - 0.12345678)"), r"no finite value at x=0.1235"),
        (Options("tan(x)"), r"no finite value at x=-?1.571"),
        (Options("log(x)", low=0), "no finite value at x=0;"),
        (Options("log(y)", low=0), "no finite value at x=.*, y=0;"),
        (Options("exp(exp(x*x))"), "no finite value at x=-3"),
        (Options("exp(60*x)", low=0), "too large for float32"),
        (Options("x**1000"), "a power of 1000 is too large"),
        (Options("x", hidden=0), "hidden=0 is not allowed; it must be a whole number from 1 to 1000"),
        (Options("x", hidden=1001), "hidden=1001 is not allowed"),
        (Options("x", most=0), "most=0 is not allowed"),
        (Options("x", seed=-1), "seed=-1 is not allowed"),
        (Options("x", low=3), "the range from 3 to 3 is none"),
        (Options("x", low=4.0, high=-4.0), "the range from 4 to -4 is none"),
        (Options("x", high=float("inf")), "the range from -3 to inf is none"),
        (Options("x", low=float("nan")), "is none"),
        (Options("x", low=1e6, high=1e6 + 1), "too narrow or too wide for float32"),
        (Options("x", activation="swish"), "activation 'swish' is unknown"),
        (Options("nowhere.csv"), "nowhere.csv cannot be read"),
        (Options("points.txt"), r"'points.txt' is not allowed in an expression"),
    ],
)
def test_what_is_refused(options, message):
    with pytest.raises(LabError, match=message):
        approximate(options)


@pytest.mark.parametrize("text", ["exp(3*x)", "1/(x*x + 0.01)", "sqrt(abs(x))", "x**9", "floor(x)", "3"])
def test_steep_functions_are_not_taken_for_poles(text):
    assert np.isfinite(target(text).values(target(text).tested)).all()
