"""`rl-lab compare`, `demo` and `verdict`: claims and their evidence."""

from __future__ import annotations

from pathlib import Path

from tyro.conf import Positional

from rl_lab.cli.app import app


@app.command
def compare(
    plan: Positional[Path],
    out: Path | None = None,
    jobs: int | None = None,
    timeout: float | None = None,
    quiet: bool = False,
) -> None:
    """Run a comparison, or go on with one that stopped, and write its report.

    Example: rl-lab compare examples/robot.toml

    Args:
        plan: TOML file that names environments, contenders, steps and seeds; docs/plans.md lists its keys.
        out: folder of the results, instead of the plan's own.
        jobs: runs at once; by default one a core.
        timeout: seconds after which a run is ended as failed; by default it may take as long as it wants.
        quiet: no progress display.
    """
    from rl_lab.compare import run_plan

    run_plan(plan, out, jobs, quiet, timeout)


@app.command
def demo(out: Path | None = None, jobs: int | None = None, quiet: bool = False) -> None:
    """Compare our PPO with SB3's on two robot tasks, ten seeds each; some minutes on two cores.

    Args:
        out: folder of the results; by default results/robot.
        jobs: runs at once; by default one a core.
        quiet: no progress display.
    """
    import rl_lab.compare as package

    package.run_plan(Path(package.__file__).with_name("demo.toml"), out or Path("results/robot"), jobs, quiet)


@app.command
def verdict(
    logs: Positional[tuple[Path, ...]],
    against: tuple[Path, ...],
    margin: float | None = None,
    threshold: float | None = None,
) -> None:
    """Judge logs that you already have: SB3's evaluations.npz, one a seed, or our runs.csv.

    Example: rl-lab verdict mine/*/evaluations.npz --against sb3/*/evaluations.npz --threshold 450

    Args:
        logs: logs of one side.
        against: logs of the other side.
        margin: differences of the return per step up to this count as equivalent.
        threshold: mean return from which the task is solved; asks for the steps to it, too.
    """
    from rl_lab.compare import judge_logs

    print(judge_logs(logs, against, margin=margin, threshold=threshold).verdict)
