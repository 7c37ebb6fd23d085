"""What `robot_optimum` found, as tables: for the terminal, and for the README of `envs/robot`."""

from __future__ import annotations

import re
from collections import Counter

from rich.console import Console
from rich.table import Table

from rl_lab.envs.robot.registration import PREFIX

SHOWN = (
    "executed",
    "brute",
    "unsolvable",
    "walked",
    "random",
    "equalled",
    "levels",
    "known",
    "no way",
    "above the cap",
    "explored",
)


def show(found: dict[str, dict[str, int]]) -> None:
    """Print what was found as a table."""
    table = Table(box=None, pad_edge=False)
    for heading in ("id", *SHOWN, "won", "x optimum", "levels/s", "wrong"):
        table.add_column(heading, justify="left" if heading == "id" else "right", no_wrap=True)
    for id, row in found.items():
        won, optimal = row.get("explorer won", 0), row.get("optimal steps", 0)
        multiple = f"{row['explorer steps'] / optimal:.2f}" if optimal else ""
        cells = [f"{row.get(name, 0):,}" for name in SHOWN]
        rest = [f"{won:,}", multiple, f"{row['levels a second']:,}", str(row.get("wrong", 0))]
        table.add_row(id.removeprefix(PREFIX), *cells, *rest)
    Console(highlight=False, width=160).print(table)


def explorers(found: dict[str, dict[str, int]]) -> list[str]:
    """The explorer by family, as rows of a table in Markdown."""
    families: dict[str, Counter[str]] = {}
    for id, row in found.items():
        name = re.match("[A-Za-z]+?(?=S?[0-9]|-|$)", id.removeprefix(PREFIX))
        assert name is not None
        families.setdefault(name[0], Counter()).update(row)
    rows = ["| family | solved | steps, times the optimum |", "|---|---|---|"]
    for family, row in families.items():
        multiple = row["explorer steps"] / row["optimal steps"]
        rows.append(f"| {family} | {row['explorer won']} of {row['explored']} | {multiple:.2f} |")
    return rows


def verdict(id: str, found: dict[str, dict[str, int]]) -> str:
    """Whether the optimum of an id is known, for the table of all ids."""
    if id not in found:
        return "up to the cap" if id == PREFIX + "Custom-v0" else "no"
    row = found[id]
    known, lost = row["known"], row.get("no way", 0)
    if known == row["levels"]:
        return "yes"
    return f"{known:,} of {row['levels']:,} levels" + f", {lost} have no way" * (lost > 0)
