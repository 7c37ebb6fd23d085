"""The colours and the frame of every drawing."""

from __future__ import annotations

from typing import Any

BLUE, ORANGE, GREEN, PURPLE, ROSE = "#2a66ad", "#c4661f", "#2f8558", "#8753a8", "#b03a5b"
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, ROSE)
INK, SOFT, FAINT, RULE = "#1d2126", "#5a626c", "#a9b0b8", "#e4e2dd"


def frame(axes: Any, title: str = "", **labels: Any) -> None:
    """Give axes a title on the left and labels, and take away the upper and right edges."""
    axes.set(**labels)
    if title:
        axes.set_title(title, loc="left", fontsize=11, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(colors=SOFT, labelsize=9, length=3)
    axes.xaxis.label.set(color=SOFT, fontsize=10)
    axes.yaxis.label.set(color=SOFT, fontsize=10)


def legend(axes: Any, **more: Any) -> None:
    """A legend without a box."""
    axes.legend(**{"frameon": False, "fontsize": 9, "labelcolor": INK} | more)
