"""`rl-lab compare`, `demo` and `verdict`: claims and their evidence."""

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
    """Run a comparison, or continue one that was stopped, and write its report.

    Example: rl-lab compare examples/robot.toml

    Args:
        plan: TOML file with environments, contenders, steps and seeds; docs/plans.md lists its keys.
        out: folder of the results, instead of the plan's own.
        jobs: number of runs at the same time; by default one per core.
        timeout: seconds after which a run is ended as failed; by default there is no limit.
        quiet: no progress display.
    """
    from rl_lab.compare import run_plan

    run_plan(plan, out, jobs, quiet, timeout)


@app.command
def demo(out: Path | None = None, jobs: int | None = None, quiet: bool = False) -> None:
    """Compare our PPO with SB3's on two robot tasks, ten seeds each; takes some minutes on two cores.

    Args:
        out: folder of the results; by default results/robot.
        jobs: number of runs at the same time; by default one per core.
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
    """Compare existing logs: SB3's evaluations.npz, one per seed, or our runs.csv.

    Example: rl-lab verdict mine/*/evaluations.npz --against sb3/*/evaluations.npz --threshold 450

    Args:
        logs: logs of the challenger.
        against: logs of the baseline.
        margin: differences of the return per step up to this count as equivalent.
        threshold: mean return that counts as solved; the steps to it are compared, too.
    """
    from rl_lab.compare import judge_logs

    print(judge_logs(logs, against, margin=margin, threshold=threshold).verdict)
