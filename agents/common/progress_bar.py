"""A line of progress while an agent learns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rl_lab.agents.algorithm import Algorithm


@contextmanager
def bar(agent: Algorithm, enabled: bool) -> Iterator[Callable[[Algorithm], None]]:
    """A rich progress bar over `agent.total_timesteps`; calls of the yielded function move it."""
    if not enabled:
        yield lambda agent: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, TextColumn("{task.fields[note]}")) as progress:
        task = progress.add_task("steps", total=agent.total_timesteps, completed=agent.num_timesteps, note="")

        def show(agent: Algorithm) -> None:
            mean = agent.metrics.get("rollout/ep_rew_mean")
            note = f"{agent.metrics['time/fps']:,.0f} steps/s" + ("" if mean is None else f", mean return {mean:.3g}")
            progress.update(task, completed=min(agent.num_timesteps, agent.total_timesteps), note=note)

        yield show
