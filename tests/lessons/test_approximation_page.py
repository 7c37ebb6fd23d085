"""The interactive page, used in headless Chromium: its script computes what the core computes."""

import html
import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from rl_lab.core.mlp import MLP
from rl_lab.errors import LabError
from rl_lab.lessons import approximation_page
from rl_lab.lessons.approximation import Options, approximate
from rl_lab.supervised import curves

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SWITCHES = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--window-size=1200,900"),
)


@pytest.fixture(scope="module", autouse=True)
def hasty():
    """It does not matter here how good the fit is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(curves, "GRADIENT_STEPS", 2000)
        yield


@pytest.fixture(scope="module")
def result():
    return approximate(Options("sin(3*x) + 0.3*x**2", hidden=20, most=30))


@pytest.fixture(scope="module")
def page(result, tmp_path_factory):
    file = tmp_path_factory.mktemp("page") / "fit.html"
    approximation_page.write(result, file)
    return file


def used(page, profile):
    """What a page says of itself after its test has pressed its buttons and moved its sliders."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    profile = f"--user-data-dir={profile}"
    words = [CHROMIUM, *SWITCHES, profile, "--dump-dom", f"{page.as_uri()}#test"]
    dump = subprocess.run(words, capture_output=True, text=True, timeout=120).stdout
    found = re.search(r'<pre id="test" hidden="">(.*?)</pre>', dump, re.DOTALL)
    assert found, f"the page's script did not reach its end; the page: {dump[-2000:]}"
    return json.loads(html.unescape(found[1]))


@pytest.fixture(scope="module")
def report(page, tmp_path_factory):
    return used(page, tmp_path_factory.mktemp("profile"))


def core_outputs(network, x):
    """Outputs of the core for a network as the page has it."""
    core = MLP([1, len(network["w"]), 1], network["activation"])
    (weights, bias), (head, head_bias) = core.layers()
    weights[0], bias[:], head[:, 0], head_bias[:] = network["w"], network["b"], network["v"], network["c"]
    return core(np.array(x)[:, None])[:, 0]


def test_the_page_computes_what_the_core_computes(report, result):
    x = np.array(report["x"])[:, None]
    for name, network in (
        ("trained", result.trained[20]),
        ("restored", result.trained[20]),
        ("fewest", result.trained[1]),
        ("towers", result.built[20]),
    ):
        np.testing.assert_allclose(report[name]["outputs"], network(x)[:, 0], atol=1e-4, err_msg=name)
        np.testing.assert_allclose(report[name]["outputs"], report[name]["again"], atol=1e-12)
    for name in ("moved", "keys"):
        outputs = core_outputs(report[name]["network"], report["x"])
        np.testing.assert_allclose(report[name]["outputs"], outputs, atol=1e-4, err_msg=name)


def test_sliders_move_what_they_name(report):
    before, after = report["trained"]["network"], report["moved"]["network"]
    unit = int(report["moved"]["cards"][0].split()[1]) - 1
    for key in "wbv":  # set to a third of the slider's end, which is 1.5 times the largest
        assert after[key][unit] == pytest.approx(0.5 * np.abs(before[key]).max(), rel=1e-6)
        others = np.arange(20) != unit
        np.testing.assert_array_equal(np.array(after[key])[others], np.array(before[key])[others])
    assert after["c"] != before["c"]
    assert "You have changed it" in report["moved"]["story"]
    assert float(report["moved"]["largest"]) > float(report["trained"]["largest"])


def test_buttons_keys_and_the_number_of_units(report):
    assert [report[name]["units"] for name in ("trained", "fewest", "towers")] == [20, 1, 20]
    assert report["fewest"]["cards"] == ["Unit 1"]
    assert "10 towers" in report["towers"]["story"]
    assert report["restored"]["outputs"] == report["trained"]["outputs"]
    assert report["keys"]["network"]["activation"] == "sigmoid"
    assert report["keys"]["cards"] != report["towers"]["cards"]
    assert report["back"]["cards"][0] == "Unit 1"


def test_the_errors_that_it_shows(report, result):
    x = np.array(report["x"])
    missed = np.abs(np.array(report["towers"]["outputs"]) - result.target.function(x))
    assert float(report["towers"]["largest"]) == pytest.approx(missed.max(), rel=0.01)
    assert float(report["towers"]["mean"]) == pytest.approx(missed.mean(), rel=0.01)


def test_a_page_of_points_draws_between_them_and_measures_at_them(tmp_path):
    file = tmp_path / "points.csv"
    file.write_text("".join(f"{x},{np.sin(x)}\n" for x in (0, 1, 2.5, 4, 6)))
    result = approximate(Options(str(file), hidden=3, most=3, activation="relu"))
    approximation_page.write(result, tmp_path / "page.html")
    report = used(tmp_path / "page.html", tmp_path / "profile")
    assert len(report["x"]) == approximation_page.PLACES
    outputs = result.trained[3](np.array(report["x"])[:, None])[:, 0]
    np.testing.assert_allclose(report["trained"]["outputs"], outputs, atol=1e-4)
    assert float(report["trained"]["largest"]) == pytest.approx(result.trained_errors[3].largest, rel=0.01, abs=1e-4)


def test_it_is_one_file_that_asks_nobody(page):
    text = page.read_text()
    assert not re.search(r"https?:|src=|href=|import\s|fetch\(|@import|url\(", text)
    assert "prefers-color-scheme: dark" in text


def test_names_of_files_are_text(tmp_path):
    file = tmp_path / "<script>alert(1)<b>.csv"
    file.write_text("0,0\n1,1\n2,0\n")
    approximation_page.write(approximate(Options(str(file), hidden=2, most=2)), tmp_path / "page.html")
    assert "<script>alert" not in (tmp_path / "page.html").read_text()


def test_what_cannot_become_a_page(tmp_path):
    with pytest.raises(LabError, match="functions of x alone"):
        approximation_page.check(("x", "y"), tmp_path / "page.html")
    with pytest.raises(LabError, match="cannot be written; name a file"):
        approximation_page.check(("x",), tmp_path)
    with pytest.raises(LabError, match="cannot be written; name a file"):
        approximation_page.check(("x",), tmp_path / "nowhere" / "page.html")
