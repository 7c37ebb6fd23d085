"""Drawing: axes and marks as SVG text, coloured by the style sheet of the page that they lie in."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class AxisScale:
    """Maps numbers of an axis to a stretch of the drawing."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def __call__(self, values: ArrayLike) -> NDArray[np.float64]:
        """Where numbers lie in the drawing; those beyond the axis lie at its ends."""
        shown = np.clip(np.asarray(values, float), self.low, self.high)
        low, high = self.low, self.high
        if self.logarithmic:
            shown, low, high = np.log(shown), math.log(low), math.log(high)
        return self.start + (shown - low) / (high - low) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Three to six round numbers along the axis; on a logarithmic one, decades and round parts of them."""
        if self.logarithmic and len(found := self._decades()) >= 2:
            return found
        power = 10.0 ** math.floor(math.log10((self.high - self.low) / 6))
        for step in (digit * power for digit in (1, 2, 2.5, 5, 10, 20)):
            first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
            if last - first < 6:
                break
        return [number * step for number in range(first, last + 1)]

    def _decades(self) -> list[float]:
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        for digits in ((1, 2, 5), (1, 3), (1,)):
            found = [digit * 10.0**power for power in decades for digit in digits]
            found = [value for value in found if self.low * 0.999 <= value <= self.high * 1.001]
            if len(found) <= 7:
                break
        return found


@dataclass
class SvgDrawing:
    """An SVG picture that grows mark by mark."""

    width: float
    height: float
    label: str
    """What it shows, for those who cannot see it."""
    parts: list[str] = field(default_factory=list)

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str) -> None:
        """A straight line."""
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>')

    def path(self, xs: ArrayLike, ys: ArrayLike, kind: str, title: str = "") -> None:
        """A line through points."""
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(np.asarray(xs), np.asarray(ys), strict=True))
        self.parts.append(f'<polyline points="{points}" class="{kind}">{_title(title)}</polyline>')

    def area(self, xs: ArrayLike, low: ArrayLike, high: ArrayLike, kind: str) -> None:
        """What lies between two lines."""
        there = [f"{x:.1f},{y:.1f}" for x, y in zip(np.asarray(xs), np.asarray(low), strict=True)]
        back = [f"{x:.1f},{y:.1f}" for x, y in zip(np.asarray(xs), np.asarray(high), strict=True)]
        self.parts.append(f'<polygon points="{" ".join(there + back[::-1])}" class="{kind}"/>')

    def box(self, x: float, y: float, width: float, height: float, kind: str) -> None:
        """A rectangle."""
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" class="{kind}"/>')

    def dot(self, x: float, y: float, radius: float, kind: str, title: str = "") -> None:
        """A disc."""
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" class="{kind}">{_title(title)}</circle>')

    def text(self, x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> None:
        """Words."""
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}">{escape(text)}</text>')

    def render(self) -> str:
        """The SVG element."""
        head = f'<svg viewBox="0 0 {self.width:g} {self.height:g}" role="img" aria-label="{escape(self.label)}">'
        return head + "".join(self.parts) + "</svg>"


def tick_label(value: float) -> str:
    """A number on an axis."""
    if value == 0:
        return "0"
    if abs(value) >= 1_000_000:
        return f"{value / 1_000_000:g} M".replace("-", "−")
    if abs(value) >= 10_000:
        return f"{value / 1000:g} k".replace("-", "−")
    return f"{value:,.6g}".replace("-", "−")


def nice_limits(values: Sequence[float], margin: float = 0.04) -> tuple[float, float]:
    """Limits of an axis that has some numbers on it, with a little air."""
    low, high = min(values), max(values)
    if low == high:
        low, high = low - 0.5, high + 0.5
    air = (high - low) * margin
    return low - air, high + air


def _title(text: str) -> str:
    return f"<title>{escape(text)}</title>" if text else ""
