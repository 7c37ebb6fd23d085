"""The command line: `rl-lab compare`, `train`, `eval`, `verdict`, `demos`, `learn`, `profile`, `demo`.

Bad input ends with one sentence and exit code 2; what was written before stays.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from tyro.conf import Positional, arg

from rl_lab.agents.settings import PPOSettings
from rl_lab.errors import LabError

DESCRIPTION = """Does this agent, or this pretraining, really beat my Stable-Baselines3 baseline?

Examples:
  rl-lab demo                                        our PPO against SB3's on two robot tasks
  rl-lab compare plan.toml                           a comparison of your own
  rl-lab train ppo --env rl_lab/CartPole-v1 --steps 100000 --out runs/cartpole
  rl-lab eval runs/cartpole --episodes 100
  rl-lab demos rl_lab/Robot-DoorKey-8x8-v0 --expert planner --out doorkey/planner-v0
  rl-lab learn digits                                learning with labels
  rl-lab profile rl_lab/Robot-DoorKey-8x8-v0         where does the time go?
"""

app = tyro.extras.SubcommandApp()


@app.command
def compare(plan: Positional[Path], out: Path | None = None, jobs: int | None = None, quiet: bool = False) -> None:
    """Run a comparison, or go on with one that stopped, and write its report.

    Example: rl-lab compare examples/robot.toml

    Args:
        plan: TOML file that names environments, contenders, steps and seeds.
        out: folder of the results, instead of the plan's own.
        jobs: runs at once; by default one a core.
        quiet: no progress display.
    """
    from rl_lab.compare import run_plan

    run_plan(plan, out, jobs, quiet)


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


@app.command
def train(
    algorithm: Positional[Literal["ppo"]] = "ppo",
    env: str | None = None,
    steps: int | None = None,
    seed: int = 0,
    out: Path | None = None,
    num_envs: int = 8,
    env_arg: tuple[str, ...] = (),
    engine: Literal["compiled", "torch"] | None = None,
    device: str = "cpu",
    resume: Path | None = None,
    checkpoint_seconds: float = 10.0,
    quiet: bool = False,
    settings: Annotated[PPOSettings, arg(name="")] = PPOSettings(),  # noqa: B008
) -> None:
    """Train an agent in a folder; killed at any time, it goes on exactly with --resume.

    Examples: rl-lab train ppo --env rl_lab/CartPole-v1 --steps 100000 --seed 1 --out runs/cartpole;
    rl-lab train --resume runs/cartpole

    Args:
        algorithm: ppo.
        env: Gymnasium id, or module:id.
        steps: environment steps, over all lanes.
        seed: of everything random.
        out: folder of the run; must be new.
        num_envs: lanes of the environment.
        env_arg: arguments of the environment, as key=value.
        engine: by default compiled for perceptrons on a CPU.
        device: of the torch engine, such as cuda.
        resume: folder of a run to go on with; nothing else is needed.
        checkpoint_seconds: how often the run is saved.
        quiet: no progress display.
        settings: hyperparameters.
    """
    from rl_lab.agents import training

    options: dict[str, Any] = {"checkpoint_seconds": checkpoint_seconds, "progress_bar": not quiet}
    if resume is not None:
        if settings != PPOSettings() or env or steps or env_arg:
            raise LabError("a resumed run keeps its environment, steps and settings; give --resume DIR alone")
        folder, agent = resume, training.resume(resume, **options)
    elif env is None or steps is None or out is None:
        missing = [f"--{name}" for name, value in (("env", env), ("steps", steps), ("out", out)) if value is None]
        raise LabError(f"train needs {', '.join(missing)}; or --resume DIR to go on with a run")
    else:
        options |= {"num_envs": num_envs, "env_kwargs": key_values(env_arg), "engine": engine, "device": device}
        folder, agent = out, training.train(env, steps, out, seed=seed, **options, **settings.as_json())
    returns = agent.episode_returns()
    mean = f", mean return {returns.mean():.3g} over the last {len(returns)} episodes" if len(returns) else ""
    rollout, weights = agent.rollout.rewards.size, folder / "policy.safetensors"
    whole = f" (whole rollouts of {rollout})" if agent.num_timesteps > agent.total_timesteps else ""
    print(f"{agent.num_timesteps} steps{whole} in {agent.seconds:.1f} s{mean}; weights: {weights}")


@app.command(name="eval")
def evaluate(
    run: Positional[Path],
    episodes: int = 100,
    seed: int = 0,
    stochastic: bool = False,
    as_json: Annotated[bool, arg(name="json")] = False,
) -> None:
    """Play episodes with a trained agent and print their returns.

    Example: rl-lab eval runs/cartpole --episodes 100 --json

    Args:
        run: folder of a run, or a file that PPO.save wrote.
        episodes: how many.
        seed: of the environment; the same seed gives the same episodes.
        stochastic: draw actions instead of taking the most probable.
        as_json: print JSON.
    """
    import numpy as np

    from rl_lab.agents.checks import whole_number
    from rl_lab.agents.training import load
    from rl_lab.compare.environments import Maker
    from rl_lab.compare.evaluation import Judge
    from rl_lab.compare.plan import Environment, Evaluation

    whole_number("episodes", episodes, 1)
    agent = load(run)
    environment = Environment(agent.source.name, None, agent.env_kwargs)
    seeds = np.random.SeedSequence(seed).generate_state(episodes).tolist()
    played = Judge(Maker.of(environment), Evaluation(episodes=episodes, deterministic=not stochastic), seeds)(agent)
    returns, lengths = played.returns, played.lengths
    if as_json:
        summary = {"episodes": episodes, "mean": returns.mean(), "std": returns.std(ddof=1 if episodes > 1 else 0)}
        print(json.dumps(summary | {"returns": returns.tolist(), "lengths": lengths.tolist()}))
    else:
        spread = f" ± {returns.std(ddof=1):.3g} (standard deviation)" if episodes > 1 else ""
        print(f"mean return {returns.mean():.4g}{spread}, from {returns.min():.4g} to {returns.max():.4g}, ", end="")
        print(f"mean length {lengths.mean():.4g}, {episodes} episodes of {agent.source.name}")


@app.command
def profile(
    env: Positional[str],
    steps: int | None = None,
    num_envs: int = 8,
    as_json: Annotated[bool, arg(name="json")] = False,
) -> None:
    """Show where training time goes, with SB3 and with ours, and what a free environment would gain.

    Example: rl-lab profile CartPole-v1

    Args:
        env: Gymnasium id, or module:id.
        steps: environment steps to measure; by default enough for a good figure.
        num_envs: lanes.
        as_json: print JSON.
    """
    from rl_lab.profile import profile

    report = profile(env, num_envs=num_envs, steps=steps)
    print(json.dumps(report.as_dict()) if as_json else report.text)


@app.command
def demos(
    env: Positional[str],
    expert: str,
    out: str,
    episodes: int = 50,
    seed: int = 0,
    env_arg: tuple[str, ...] = (),
) -> None:
    """Have an expert play, and keep its episodes as a Minari data set.

    Example: rl-lab demos rl_lab/Robot-DoorKey-8x8-v0 --expert planner --episodes 50 --out doorkey/planner-v0

    Args:
        env: Gymnasium id, or module:id.
        expert: "planner" or "explorer" (of the robot's worlds), module:function, or the folder of a run.
        out: name of the data set; it must be new.
        episodes: how many.
        seed: of the first episode; the others follow.
        env_arg: arguments of the environment, as key=value.
    """
    from rl_lab.compare.environments import Maker
    from rl_lab.compare.plan import Environment
    from rl_lab.data.demonstrations import check_name, collect
    from rl_lab.stages import experts

    check_name(out)
    single = Maker.of(Environment(env, None, key_values(env_arg))).single()
    shown = collect(single, experts.find(expert, single).act, episodes, seed)
    shown.write(out, expert)
    returns = shown.returns
    print(
        f"{len(returns)} episodes, {shown.transitions} transitions, mean return {returns.mean():.4g}, "
        f"from {returns.min():.4g} to {returns.max():.4g}; data set {out}"
    )


@app.command
def learn(
    task: Positional[Literal["digits"]],
    out: Path | None = None,
    splits: int = 10,
    as_json: Annotated[bool, arg(name="json")] = False,
) -> None:
    """Learn with labels, beside scikit-learn: what it reached, and its mistakes as a picture.

    Example: rl-lab learn digits

    Args:
        task: "digits", scikit-learn's 1797 handwritten digits of 8x8 pixels.
        out: folder of the results; by default results/digits.
        splits: random thirds that are held out in turn.
        as_json: print JSON.
    """
    from rl_lab.supervised import digits

    folder = out or Path("results") / task
    found = digits.study(folder, splits)
    print(json.dumps(found) if as_json else f"{digits.told(found)}\npicture: {folder / 'digits.png'}")


def key_values(pairs: tuple[str, ...]) -> dict[str, Any]:
    """`key=value` words as a dictionary; a value is read as JSON where it is that, otherwise as text."""
    values: dict[str, Any] = {}
    for pair in pairs:
        key, sign, text = pair.partition("=")
        if not sign or not key.isidentifier():
            raise LabError(f"{pair!r} is not key=value; write, for example, --env-arg size=8")
        try:
            values[key] = json.loads(text)
        except json.JSONDecodeError:
            values[key] = {"True": True, "False": False, "None": None}.get(text, text)
    return values


def main() -> None:
    """Run the command line."""
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("rl_lab").setLevel(logging.INFO)
    sys.path.insert(0, os.getcwd())  # so that my_package:MyEnv-v0 is found, as with `python -m`
    try:
        app.cli(prog="rl-lab", description=DESCRIPTION)
    except LabError as error:
        print(f"rl-lab: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("rl-lab: stopped; what was written stays", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)


if __name__ == "__main__":
    main()
