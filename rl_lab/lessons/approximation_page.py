"""The interactive page of an approximation: one file, without a server and without the network."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from rl_lab.core.mlp import MLP
from rl_lab.errors import LabError
from rl_lab.files import write_text
from rl_lab.lessons.approximation import Approximation
from rl_lab.lessons.targets import Points

TEMPLATE = Path(__file__).with_name("approximation_page.html")
SCRIPT = Path(__file__).with_name("approximation_page.js")
PLACES = 801  # at which the page draws curves; points are kept as they are, up to so many
WIDEST = 100  # network that the page's slider reaches, besides the one that was asked for


def write(result: Approximation, path: Path) -> None:
    """Write the page of a function of one variable."""
    from jinja2 import Environment as Templates
    from markupsafe import Markup

    template = Templates(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(TEMPLATE.read_text("utf-8"))
    content = contents(result)
    page = template.render(
        text=result.target.text,
        points=content["points"],
        data=Markup(json.dumps(content).replace("<", "\\u003c")),
        script=Markup(SCRIPT.read_text("utf-8")),
    )
    write_text(path, page)


def check(variables: tuple[str, ...], path: Path) -> None:
    """Refuse, before anything is trained, what cannot become a page."""
    if len(variables) > 1:
        raise LabError("a page draws functions of x alone, and this one names y; leave --page out")
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise LabError(f"{path} cannot be written; name a file in a folder that is there, such as fit.html")


def contents(result: Approximation) -> dict[str, Any]:
    """What the page's script reads: the function at some places, and the networks of each width."""
    goal, options = result.target, result.options
    shown = [width for width in result.trained if width <= WIDEST or width == options.hidden]
    x = at = np.linspace(goal.low, goal.high, PLACES)
    if isinstance(goal.function, Points):
        at = goal.function.x[np.linspace(0, len(goal.function.x) - 1, min(PLACES, len(goal.function.x))).astype(int)]
    return {
        "points": isinstance(goal.function, Points),
        "activation": options.activation,
        "hidden": options.hidden,
        "widths": shown,
        "x": _short(x),
        "at": _short(at),
        "y": _short(goal.function(at)),
        "networks": {
            "trained": {width: _network(result.trained[width]) for width in shown},
            "towers": {width: _network(result.built[width]) for width in shown},
        },
    }


def _network(network: MLP) -> dict[str, Any]:
    (weights, bias), (head, head_bias) = network.layers()
    return {
        "activation": network.activation,
        "w": _short(weights[0]),
        "b": _short(bias),
        "v": _short(head[:, 0]),
        "c": _short(head_bias)[0],
    }


def _short(values: np.ndarray) -> list[float]:
    """Nine digits, which hold a float32 exactly."""
    return [float(f"{value:.9g}") for value in values]
