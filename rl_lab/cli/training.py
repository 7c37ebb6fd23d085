"""`rl-lab train`, `eval`, `profile` and `demos`."""

from __future__ import annotations

import json
import logging
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import Positional, arg

from rl_lab.agents.common.config import Config
from rl_lab.agents.registry import ALGORITHMS, algorithm_named
from rl_lab.cli.app import Env, EnvOption, Json, app, given_options, key_values, needed_env, one_env
from rl_lab.errors import LabError

if TYPE_CHECKING:
    pass

log = logging.getLogger("rl_lab")
USUAL = "ppo"
FLAGS = ("-h", "--help", "--quiet", "--no-quiet")  # options without a value, after which the algorithm may come
Name = Annotated[Positional[str | None], arg(metavar="|".join(sorted(ALGORITHMS)))]
RESUMING = ("resume", "env", "device", "checkpoint-seconds", "quiet", "no-quiet")  # what goes with --resume


@app.command
def train(
    algorithm: Name = None,
    env: Env = None,
    env_option: EnvOption = None,
    steps: int | None = None,
    seed: int = 0,
    out: Path | None = None,
    num_envs: int | None = None,
    env_arg: tuple[str, ...] = (),
    engine: Literal["compiled", "torch"] | None = None,
    device: str | None = None,
    stages: Path | None = None,
    resume: Path | None = None,
    checkpoint_seconds: float = 10.0,
    quiet: bool = False,
    settings: Annotated[Config, arg(name="")] = ALGORITHMS[USUAL].config_class(),  # noqa: B008  # see `take_settings`
) -> None:
    """Train an agent and save it to a folder; a stopped run resumes bit-exactly with --resume.

    Resuming is bit-exact for environments whose state can be saved, as all of the lab's can; others begin their
    episodes again, and a message reports it.

    Examples: rl-lab train ppo --env rl_lab/CartPole-v1 --steps 100000 --seed 1 --out runs/cartpole;
    rl-lab train --resume runs/cartpole

    Args:
        algorithm: by default ppo; `rl-lab train NAME --help` shows the hyperparameters of another algorithm.
        env: Gymnasium id, or module:id.
        env_option: the same, as an option.
        steps: budget of environment steps, over all environments.
        seed: seed of all random numbers.
        out: new folder for the run.
        num_envs: number of parallel environments; by default 8, and 1 for algorithms with a replay buffer, as dqn.
        env_arg: arguments of the environment, as key=value.
        engine: by default compiled for perceptrons on a CPU.
        device: of the torch engine, such as cuda; by default cpu, and with --resume that of the run.
        stages: TOML file with [[stages]] of pretraining, as in studies/pretraining.toml; it may also set algorithm,
            env, seed, env_kwargs, hyperparameters and budget, and options given here override it. Such a run cannot be
            resumed: the same command begins its last training again.
        resume: folder of a run to resume; goes only with --device, --checkpoint-seconds, --quiet, and --env for an
            environment that a module of yours registers, because loading a file imports nothing.
        checkpoint_seconds: seconds between two checkpoints.
        quiet: no progress display.
        settings: hyperparameters.
    """
    from rl_lab.agents import run_folder

    kind = algorithm_named(algorithm or USUAL)
    if not isinstance(settings, kind.config_class):
        raise LabError(f"write the algorithm first: rl-lab train {algorithm} --env ...")
    num_envs = kind.config_class.num_envs if num_envs is None else num_envs
    options: dict[str, Any] = {"checkpoint_seconds": checkpoint_seconds, "progress_bar": not quiet}
    env = one_env(env, env_option)
    if resume is not None:
        if unused := [name for name in given_options() if name not in RESUMING]:
            raise LabError(
                f"--{unused[0]} does not go with --resume: a resumed run keeps its steps, seed and settings; leave it "
                "out, or start a new run with --out"
            )
        folder, agent = resume, run_folder.resume(resume, env, algorithm=algorithm, device=device, **options)
    elif stages is not None:
        if out is None:
            raise LabError("train needs --out, a new folder for the run")
        if "checkpoint-seconds" in given_options():
            raise LabError(
                "--checkpoint-seconds does not go with --stages: such a run is not resumed and saves no checkpoints "
                "before its end; leave it out"
            )
        hyperparameters = {"num_envs": num_envs, "engine": engine, "device": device, **settings.as_json()}
        from rl_lab.stages import Pipeline, store

        here = {"algorithm": algorithm, "env": env, "budget": steps, "env_kwargs": key_values(env_arg) or None}
        named = {option.removeprefix("no-").replace("-", "_") for option in given_options()}
        chosen, given = ({key: each[key] for key in each if key in named} for each in (hyperparameters, {"seed": seed}))
        given |= {name: value for name, value in here.items() if value is not None}
        folder, agent = out, Pipeline.train(stages, out, store.usual(), hyperparameters=chosen, **given)
    elif env is None or steps is None or out is None:
        missing = [f"--{name}" for name, value in (("env", env), ("steps", steps), ("out", out)) if value is None]
        raise LabError(f"train needs {', '.join(missing)}; or --resume DIR to resume a run")
    else:
        options |= {"num_envs": num_envs, "env_kwargs": key_values(env_arg), "engine": engine}
        options |= {"device": device or "cpu", "seed": seed, "algorithm": algorithm or USUAL}
        folder, agent = out, run_folder.train(env, steps, out, **options, **settings.as_json())
    returns = agent.episode_returns()
    mean = f", mean return {returns.mean():.3g} over the last {len(returns)} episodes" if len(returns) else ""
    rollout, weights = agent.rollout_steps, folder / "policy.safetensors"
    whole = f" (whole rollouts of {rollout})" if agent.num_timesteps > agent.total_timesteps else ""
    print(f"{agent.num_timesteps} steps{whole} in {agent.seconds:.1f} s{mean}; weights: {weights}")


def take_settings(words: Sequence[str]) -> None:
    """Let `train` take the hyperparameters of the algorithm that the command line names, and of no other."""
    places = (word.lower() for before, word in pairwise(words) if before in FLAGS or not before.startswith("-"))
    name = next((word for word in places if word in ALGORITHMS), USUAL)
    config = ALGORITHMS[name].config_class
    for option in given_options() if words[0] == "train" else ():
        field = option.removeprefix("no-").replace("-", "_")
        owners = [each for each, kind in ALGORITHMS.items() if field in kind.config_class.__dataclass_fields__]
        if owners and name not in owners:
            raise LabError(
                f"--{option} is a hyperparameter of {' and '.join(owners)}, and not of {name}; leave it out, or write "
                f"the algorithm first: rl-lab train {owners[0]} --env ..."
            )
    train.__annotations__["settings"] = Annotated[config, arg(name="")]
    train.__defaults__ = (*(train.__defaults__ or ())[:-1], config())


@app.command(name="eval")
def evaluate(
    run: Positional[Path],
    episodes: int = 100,
    seed: int = 0,
    env: str | None = None,
    env_arg: tuple[str, ...] = (),
    stochastic: bool = False,
    as_json: Json = False,
) -> None:
    """Play episodes with a trained agent and print their returns.

    Examples: rl-lab eval runs/cartpole --episodes 100 --json; rl-lab eval runs/go --env-arg opponent=greedy

    An agent that learned a game by self-play is evaluated against other players, by default random ones: its returns
    against itself do not measure its strength.

    Args:
        run: folder of a run, or a file that an agent's save wrote.
        episodes: number of episodes.
        seed: seed of the environment; the same seed gives the same episodes.
        env: the run's environment as module:id, where a module of yours registers it.
        env_arg: arguments of the environment, as key=value, in addition to those of training or instead of them.
        stochastic: sample actions instead of taking the most probable one.
        as_json: print JSON.
    """
    import numpy as np

    from rl_lab.agents.common.spaces import described
    from rl_lab.agents.run_folder import load
    from rl_lab.cli.games_won import Tally, versus
    from rl_lab.compare.environments import Maker
    from rl_lab.compare.evaluation import Judge
    from rl_lab.compare.plan import Environment, Evaluation
    from rl_lab.validation import whole_number

    whole_number("episodes", episodes, 1)
    agent = load(run, env)
    maker = Maker.of(Environment(agent.source.name, None, {**agent.env_kwargs, **key_values(env_arg)}))
    game = versus(maker)
    if game and game.evaluated:
        for name, value in game.evaluated.items():
            asked = maker.environment.arguments.get(name)
            log.info("rl-lab: %s=%s is replaced by %s: %s", name, asked, value, game.reason)
        maker = maker.for_training(game.evaluated)
        game = versus(maker)
    seeds = np.random.SeedSequence(seed).generate_state(episodes).tolist()
    judge = Judge(maker, Evaluation(episodes=episodes, deterministic=not stochastic), seeds)
    vector, shown = agent.source.vector, judge.observation_space
    learned, actions = vector.single_observation_space, vector.single_action_space
    if described(learned, actions)["observation"] != described(shown, actions)["observation"]:
        raise LabError(
            f"the agent was trained with observations of shape {learned.shape}, but here they have shape "
            f"{shown.shape}; leave out the --env-arg that changes them"
        )
    played = judge(agent)
    tally = Tally.of(played, game.opponent) if game else None
    returns, lengths = played.returns, played.lengths
    if as_json:
        summary = {"episodes": episodes, "mean": returns.mean(), "std": returns.std(ddof=1 if episodes > 1 else 0)}
        summary |= asdict(tally) if tally else {}
        print(json.dumps(summary | {"returns": returns.tolist(), "lengths": lengths.tolist()}))
    else:
        if tally:
            print(tally.text)
        spread = f" ± {returns.std(ddof=1):.3g} (standard deviation)" if episodes > 1 else ""
        print(f"mean return {returns.mean():.4g}{spread}, from {returns.min():.4g} to {returns.max():.4g}, ", end="")
        print(f"mean length {lengths.mean():.4g}, {episodes} episodes of {agent.source.name}")
        if game:
            print(game.advice.format(run=shlex.quote(str(run))))


@app.command
def profile(
    env: Env = None,
    env_option: EnvOption = None,
    steps: int | None = None,
    num_envs: int = 8,
    as_json: Json = False,
) -> None:
    """Measure where training time goes, with SB3 and with ours, and the gain from an environment of no cost.

    Example: rl-lab profile CartPole-v1

    Args:
        env: Gymnasium id, or module:id.
        env_option: the same, as an option.
        steps: environment steps to measure; by default enough for a reliable figure.
        num_envs: number of parallel environments.
        as_json: print JSON.
    """
    from rl_lab.profile import profile

    report = profile(needed_env(env, env_option, "profile"), num_envs=num_envs, steps=steps)
    print(json.dumps(report.as_dict()) if as_json else report.text)


@app.command
def demos(
    env: Env = None,
    *,
    env_option: EnvOption = None,
    expert: str,
    out: str,
    episodes: int = 50,
    seed: int = 0,
    env_arg: tuple[str, ...] = (),
) -> None:
    """Record episodes of an expert as a Minari data set.

    Example: rl-lab demos rl_lab/Robot-DoorKey-8x8-v0 --expert planner --episodes 50 --out doorkey/planner-v0

    Args:
        env: Gymnasium id, or module:id.
        env_option: the same, as an option.
        expert: an expert of the environment by name, such as planner; module:function; or the folder of a run.
        out: name of the new data set.
        episodes: number of episodes.
        seed: seed of the first episode; the following episodes use the next ones.
        env_arg: arguments of the environment, as key=value.
    """
    from rl_lab.compare.environments import Maker
    from rl_lab.compare.plan import Environment
    from rl_lab.data import minari_datasets
    from rl_lab.data.playing import collect
    from rl_lab.stages import experts

    single = Maker.of(Environment(needed_env(env, env_option, "demos"), None, key_values(env_arg))).single()
    minari_datasets.check(out, single.observation_space, single.action_space)
    shown = collect(single, experts.find(expert, single).act, episodes, seed)
    shown.write(out, expert)
    returns = shown.returns
    print(
        f"{len(returns)} episodes, {shown.transitions} transitions, mean return {returns.mean():.4g}, "
        f"from {returns.min():.4g} to {returns.max():.4g}; data set {out}"
    )
