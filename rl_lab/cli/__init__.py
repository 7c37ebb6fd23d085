"""The command line, `rl-lab`.

Bad input ends with one sentence and exit code 2; what was written before stays.
"""

from __future__ import annotations

import importlib.metadata
import io
import logging
import os
import sys

from rl_lab.cli import (  # noqa: F401  # which register their commands
    approximate,
    cluster,
    comparing,
    drive,
    generate,
    gtp,
    learning,
    match,
    play,
    represent,
    training,
)
from rl_lab.cli.app import app, registry
from rl_lab.errors import LabError
from rl_lab.files import FULL

DESCRIPTION = """Does this agent, or this pretraining, really beat my Stable-Baselines3 baseline?

Examples:
  rl-lab demo                                        our PPO against SB3's on two robot tasks
  rl-lab compare plan.toml                           your own comparison
  rl-lab train ppo --env rl_lab/CartPole-v1 --steps 100000 --out runs/cartpole
  rl-lab eval runs/cartpole --episodes 100
  rl-lab demos rl_lab/Robot-DoorKey-8x8-v0 --expert planner --out doorkey/planner-v0
  rl-lab learn digits                                supervised learning; also faces, cats, words
  rl-lab listen said.wav                             the words that are spoken in a sound file
  rl-lab cluster digits                              clustering without labels
  rl-lab generate digits                             generative models; also text, sound
  rl-lab approximate "sin(3*x) + 0.3*x**2" --page fit.html
                                                     universal approximation with one hidden layer
  rl-lab represent rl_lab/Robot-DoorKey-8x8-v0       representation learning without labels
  rl-lab drive rl_lab/Robot-DoorKey-6x6-v0           drive the robot by hand
  rl-lab play go --size 9 --agent mcts:2000          Go in the terminal
  rl-lab gtp --size 9 --agent mcts:2000              a Go engine for Sabaki, GoGui and other GTP programs
  rl-lab match mcts:500 "gnugo --mode gtp --level 1" --games 20 --size 9
                                                     two players of Go: score, interval, Elo
  rl-lab profile rl_lab/Robot-DoorKey-8x8-v0         time per part of a training step
"""


def main() -> None:
    """Run the command line."""
    logging.basicConfig(format="%(message)s", stream=sys.stderr)
    logging.getLogger("rl_lab").setLevel(logging.INFO)
    sys.path.append(os.getcwd())  # so that my_package:MyEnv-v0 is found; last, or a scipy.py there would be imported
    if sys.argv[1:] == ["--version"]:
        print(f"rl-lab {importlib.metadata.version('rl-lab')}")
        return
    if sys.stdin is None:  # as it is where a shell closed it
        sys.stdin = open(os.devnull)  # noqa: SIM115  # until the process ends
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # signs such as − and ±, which not every encoding has
    try:
        app.cli(prog="rl-lab", description=DESCRIPTION, registry=registry)
        if sys.stdout is not None:  # as it is where a shell closed it
            sys.stdout.flush()
    except LabError as error:
        print(f"rl-lab: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("rl-lab: stopped; what was written stays", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        if error.errno not in FULL:
            raise
        where = error.filename or "what was printed or kept"
        print(
            f"rl-lab: {where} cannot be written: {error.strerror}; free space there, and start again", file=sys.stderr
        )
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or what was not printed fails again at the end
        sys.exit(2)
