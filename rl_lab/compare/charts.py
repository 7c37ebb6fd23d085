"""The report's charts."""

import math
from collections.abc import Sequence

from rl_lab.compare import wording
from rl_lab.compare.curves import median_time
from rl_lab.compare.summary import Band, Interval, Summary, logarithmic
from rl_lab.compare.svg import AxisScale, SvgDrawing, nice_limits, tick_label
from rl_lab.compare.verdict import Verdict

WIDTH, NARROW, HEIGHT = 480.0, 330.0, 290.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 12.0, 12.0, 40.0
EDGE, VALUES = 8.0, 66.0  # of charts whose rows have their names inside, and their values at the right


def learning(summaries: Sequence[Summary], over: str, score: str, level: float | None) -> str:
    """Learning curves over `steps` or `seconds`: every seed thin, their interquartile mean with its interval.

    `score` names the vertical axis; `level`, the score that counts as solved, is drawn as a line.
    """
    bands = [(each, each.by_steps if over == "steps" else each.by_seconds) for each in summaries]
    shown = [(summary, band) for summary, band in bands if band is not None]
    if not shown:
        return ""
    drawing = SvgDrawing(WIDTH, HEIGHT, f"{score} over {over}")
    x, y = _axes(drawing, shown, over, score, level)
    for summary, _ in shown:
        for run, curve in zip(summary.runs, summary.curves, strict=True):
            along = curve.steps if over == "steps" else curve.seconds
            inside = along >= x.low * 0.999 if x.logarithmic else along >= 0
            title = f"{summary.contender}, seed {run.seed}"
            drawing.path(x(along[inside]), y(curve.scores[inside]), f"seed c{summary.place}", title)
    for summary, band in shown:
        drawing.area(x(band.along), y(band.low), y(band.high), f"band c{summary.place}")
    for summary, band in shown:
        drawing.path(x(band.along), y(band.middle), f"curve c{summary.place}", summary.contender)
    return drawing.render()


def times(summaries: Sequence[Summary], level: float) -> str:
    """Seconds of training to the threshold: a dot for each seed, hollow where it was never reached."""
    shown = [summary for summary in summaries if summary.times]
    if not shown:
        return ""
    values = [value.low for summary in shown for value in summary.times]
    spread = max(values) > 8 * min(values) > 0
    height = 26 + 44 * len(shown) + BOTTOM
    drawing = SvgDrawing(WIDTH, height, f"seconds of training to {level:g}")
    low, high = (min(values) / 1.4, max(values) * 1.4) if spread else (0.0, max(values) * 1.1 or 1.0)
    x = AxisScale(low, high, EDGE, WIDTH - RIGHT - VALUES, spread)
    _horizontal(drawing, x, height, f"seconds of training{', logarithmic' if spread else ''}")
    for place, summary in enumerate(shown):
        middle = 30 + 44 * place
        drawing.text(EDGE, middle - 8, summary.contender, "name")
        drawing.line(EDGE, middle + 6, WIDTH - RIGHT - VALUES, middle + 6, "rail")
        for number, value in enumerate(sorted(summary.times, key=lambda value: value.low)):
            kind = f"open c{summary.place}" if value.censored else f"point c{summary.place}"
            title = f"not within {wording.seconds(value.low)}" if value.censored else wording.seconds(value.low)
            drawing.dot(float(x(value.low)), middle + 6 + (number % 3 - 1) * 3.5, 4, kind, title)
        median = median_time(summary.times)
        if median is not None:
            drawing.line(float(x(median)), middle - 5, float(x(median)), middle + 17, f"median c{summary.place}")
        label = "never" if median is None else wording.seconds(median)
        drawing.text(WIDTH - RIGHT, middle + 10, label, "value", "end")
    return drawing.render()


def scores(
    rows: Sequence[tuple[str, int, Interval | None]], label: str, around: float | None = None, width: float = WIDTH
) -> str:
    """Numbers with their intervals, a row for each contender: name, place in the plan, interval; `around` is marked."""
    shown = [(name, place, interval) for name, place, interval in rows if interval is not None]
    if not shown:
        return ""
    ends = [end for _, _, interval in shown for end in (interval.low, interval.high, interval.value)]
    limits = (0.0, 1.0) if around is not None else nice_limits(ends, 0.15)
    height = 26 + 44 * len(shown) + BOTTOM
    drawing = SvgDrawing(width, height, label)
    x = AxisScale(*limits, EDGE, width - RIGHT - VALUES)
    _horizontal(drawing, x, height, label)
    if around is not None:
        drawing.line(float(x(around)), 12, float(x(around)), height - BOTTOM, "level")
    for row, (name, place, interval) in enumerate(shown):
        middle = 30 + 44 * row
        drawing.text(EDGE, middle - 8, name, "name")
        drawing.line(float(x(interval.low)), middle + 6, float(x(interval.high)), middle + 6, f"whisker c{place}")
        drawing.dot(float(x(interval.value)), middle + 6, 5.5, f"point c{place}")
        drawing.text(width - RIGHT, middle + 10, wording.number(interval.value), "value", "end")
    return drawing.render()


def verdict_bar(verdict: Verdict, place: int) -> str:
    """The estimate with its interval against no difference and the margin, as a strip."""
    if verdict.estimate is None and verdict.low is None and verdict.high is None:
        return ""
    width, height, middle = 300.0, 46.0, 16.0
    drawing = SvgDrawing(width, height, wording.estimate(verdict))
    low, high, value, margin = verdict.low, verdict.high, verdict.estimate, verdict.margin
    if verdict.ratio:
        low, high, value = (None if end is None else math.log(end) for end in (low, high, value))
        margin = None if margin is None else math.log1p(margin)
    reach = 1.15 * max(abs(end) for end in (low, high, value, margin, 1e-9) if end is not None)
    x = AxisScale(-reach, reach, 8, width - 8)
    if margin is not None:
        left, right = (float(x(end)) for end in (-margin, margin))
        drawing.box(left, 4, right - left, 24, "margin")
    drawing.line(8, middle, width - 8, middle, "rail")
    drawing.line(float(x(0.0)), 2, float(x(0.0)), 30, "zero")
    start, end = (float(x(side * reach if limit is None else limit)) for side, limit in ((-1, low), (1, high)))
    drawing.line(start, middle, end, middle, f"whisker c{place}")
    if value is not None:
        drawing.dot(float(x(value)), middle, 5.5, f"point c{place}")
    drawing.text(float(x(0.0)), 43, "no difference", "tick", "middle")
    worse, better = ("slower", "faster") if verdict.measure == "time" else ("worse", "better")
    drawing.text(8, 43, f"‹ {worse}", "tick")
    drawing.text(width - 8, 43, f"{better} ›", "tick", "end")
    return drawing.render()


def _axes(
    drawing: SvgDrawing, shown: list[tuple[Summary, Band]], over: str, score: str, level: float | None
) -> tuple[AxisScale, AxisScale]:
    spread = over == "seconds" and logarithmic([summary for summary, _ in shown])
    ends = [float(end) for _, band in shown for end in (band.along[0], band.along[-1])]
    low, high = (min(ends), max(ends)) if spread else (0.0, max(ends))
    x = AxisScale(low, high, LEFT, WIDTH - RIGHT, spread)
    heights = [float(value) for summary, _ in shown for curve in summary.curves for value in curve.scores]
    bottom, top = nice_limits([*heights, *([level] if level is not None else [])])
    y = AxisScale(bottom, top, HEIGHT - BOTTOM, TOP)
    for tick in y.ticks():
        drawing.line(LEFT, float(y(tick)), WIDTH - RIGHT, float(y(tick)), "grid")
        drawing.text(LEFT - 7, float(y(tick)) + 4, tick_label(tick), "tick", "end")
    if level is not None:
        drawing.line(LEFT, float(y(level)), WIDTH - RIGHT, float(y(level)), "level")
    name = "environment steps" if over == "steps" else f"seconds of training{', logarithmic' if spread else ''}"
    _horizontal(drawing, x, HEIGHT, name, grid=False)
    drawing.text(LEFT, TOP - 2, score, "axis")
    return x, y


def _horizontal(drawing: SvgDrawing, x: AxisScale, height: float, name: str, grid: bool = True) -> None:
    floor = height - BOTTOM
    drawing.line(x.start, floor, x.end, floor, "rule")
    for tick in x.ticks():
        place = float(x(tick))
        if grid:
            drawing.line(place, 12, place, floor, "grid")
        drawing.text(place, floor + 16, tick_label(tick), "tick", "middle")
    drawing.text((x.start + x.end) / 2, height - 6, name, "axis", "middle")
