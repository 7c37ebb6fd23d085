"""What all benchmarks share: sides measured in turn, figures as ratios, a table and a file of them."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from rl_lab.files import write_text

PACKAGES = ("gymnasium", "numpy", "numba", "torch", "stable-baselines3", "minigrid", "envpool", "open_spiel")


@dataclass
class Figure:
    """One line of the table."""

    name: str
    """What was measured."""
    unit: str
    """Of both sides; seconds and megabytes are better when small."""
    ours: float
    """Median of our side."""
    peer: float | None = None
    """Median of the other side, or None where there is none."""
    peer_name: str = ""
    """Who that is."""
    ratio: float | None = None
    """How many times better ours is: the median over pairs measured one after the other."""
    bar: float | None = None
    """The least ratio allowed, or the most of `ours` where there is no peer."""
    goal: float | None = None
    """The ratio hoped for."""
    note: str = ""
    """What the reader must know."""
    samples: dict[str, list[float]] = field(default_factory=dict)
    """Every measurement."""

    @property
    def met(self) -> bool | None:
        """Whether the bar is met; None without one."""
        if self.bar is None:
            return None
        return self.ours <= self.bar if self.ratio is None else self.ratio >= self.bar


def interleave(rounds: int, **sides: Callable[[], float]) -> dict[str, list[float]]:
    """Measure sides in turn, A B A B …, so that whatever else the machine does slows all of them alike.

    Args:
        rounds: how often each is measured.
        sides: functions that do some work and return how fast it was.
    """
    samples: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            samples[name].append(side())
    return samples


def speed(steps: int, work: Callable[[], object]) -> float:
    """Steps per second of some work."""
    start = time.perf_counter()
    work()
    return steps / (time.perf_counter() - start)


def compared(name: str, unit: str, ours: list[float], peer: list[float], peer_name: str, **more: Any) -> Figure:
    """A figure of two sides measured in turn, better when large."""
    ratio = statistics.median(a / b for a, b in zip(ours, peer, strict=True))
    medians = statistics.median(ours), statistics.median(peer)
    return Figure(name, unit, *medians, peer_name, ratio, **more, samples={"ours": ours, peer_name: peer})


def machine() -> dict[str, Any]:
    """Where this ran."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = None
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": versions,
        "load": os.getloadavg() if hasattr(os, "getloadavg") else None,
        "time": time.strftime("%Y-%m-%d %H:%M"),
    }


def save(path: Path, command: str, at_start: dict[str, Any], figures: dict[str, list[Figure]]) -> None:
    """Write all figures as JSON, whole or not at all."""
    content = {
        "command": command,
        "machine": at_start,
        "load at the end": machine()["load"],
        "figures": {
            group: [asdict(figure) | {"met": figure.met} for figure in rows] for group, rows in figures.items()
        },
    }
    write_text(path, json.dumps(content, indent=1) + "\n")


def show(title: str, figures: list[Figure]) -> None:
    """Print figures as a table."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, width=130)
    if not figures:
        console.print(f"[bold]{title}[/]\n")
        return
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, title_style="bold")
    for heading in ("", "ours", "peer", "ratio", "bar"):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for f in figures:
        peer = "" if f.peer is None else f"{_number(f.peer)} {f.peer_name}"
        ratio = "" if f.ratio is None else f"{f.ratio:.3g} x"
        bar = "" if f.bar is None else f"{f.bar:g}{' x' if f.ratio is not None else ''} {'met' if f.met else 'MISSED'}"
        table.add_row(f.name, f"{_number(f.ours)} {f.unit}", peer, ratio, bar)
    console.print(table)
    for f in figures:
        if f.note:
            console.print(f"  {f.name}: {f.note}", markup=False)
    console.print()


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()
