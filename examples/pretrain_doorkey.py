"""Does pretraining pay on DoorKey-8x8? Fifty demonstrations of a planner, cloned, valued, and tuned by PPO.

    python examples/pretrain_doorkey.py            one run, and what each stage brought and cost
    python examples/pretrain_doorkey.py --seeds 10 a comparison with controls, five minutes on two cores

Put your own environment's id and `expert(observation, info) -> action` in the place of these.
"""

import argparse

from rl_lab.compare import Question, compare
from rl_lab.stages import Clone, Context, Demonstrate, Finetune, FitValue, Pipeline

ENV = "rl_lab/Robot-DoorKey-8x8-v0"
SETTINGS = {
    "num_envs": 16,
    "n_steps": 128,
    "batch_size": 256,
    "n_epochs": 4,
    "learning_rate": 1e-3,
    "ent_coef": 0.01,
}
STAGES = [Demonstrate("planner", episodes=50), Clone(), FitValue(), Finetune()]


def once(steps):
    """One pipeline, stage by stage."""
    context = Context(ENV, seed=0, hyperparameters=SETTINGS, budget=steps)
    artifact = None
    for stage in Pipeline(STAGES).stages:
        artifact = stage.run(context, artifact)
        cost = artifact.ledger
        print(f"{stage.kind:15} {cost.steps():>8,} steps charged so far, {cost.labels:>6,} labels, ", end="")
        print(f"{cost.wall_seconds:6.1f} s; found {artifact.notes[stage.kind]}")


def compared(steps, seeds):
    """The pipeline beside PPO from scratch, with the controls that `compare` adds."""
    return compare(
        ENV,
        {"scratch": ("ppo", SETTINGS), "pretrained": ("ppo", SETTINGS | {"stages": STAGES})},
        steps=steps,
        seeds=seeds,
        baseline="scratch",
        references=(0.0, 1.0),
        questions=[Question("steps", margin=0.1, threshold=0.9), Question("return", margin=0.05)],
        points=40,
        deterministic=False,
        out="results/pretrain_doorkey",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--steps", type=int, default=2_000_000)
    given = parser.parse_args()
    if given.seeds == 1:
        once(min(given.steps, 200_000))
    else:
        print(compared(given.steps, given.seeds).verdict)
