"""What `rl-lab --help` prints: every command in its group, on one screen; each command's own help has the details."""

GROUPS = {
    "Train and compare": {
        "demo": "compare our PPO with Stable-Baselines3's on two robot tasks",
        "compare": "run the comparison that a plan describes, and write its report",
        "verdict": "judge the logs of runs that you already have",
        "train": "train an agent, or resume a run",
        "eval": "evaluate a trained agent",
        "demos": "record an expert's episodes as a Minari data set",
        "profile": "time the parts of a training step",
    },
    "Environments and games": {
        "drive": "steer the robot at the keyboard",
        "play": "play Go in the terminal",
        "gtp": "a Go engine for Sabaki, GoGui and other GTP programs",
        "match": "a match of two Go players: score, interval, Elo",
    },
    "Learning without rewards": {
        "learn": "supervised learning: digits, faces, cats, words",
        "listen": "recognise the words in a sound file",
        "cluster": "clustering with scikit-learn",
        "generate": "generative models of digits, text and sound",
        "represent": "representations of an environment's observations",
        "approximate": "fit a function with one hidden layer",
    },
}
COMMANDS = tuple(name for group in GROUPS.values() for name in group)
TEXT = """\
usage: rl-lab COMMAND ...

Does this agent, or this pretraining, really beat my Stable-Baselines3
baseline?

{groups}

Examples:
  rl-lab demo
  rl-lab train ppo --env rl_lab/CartPole-v1 --steps 100000 --out runs/cartpole
  rl-lab eval runs/cartpole --episodes 100
  rl-lab compare plan.toml

rl-lab COMMAND --help shows a command's arguments and more examples."""


def overview() -> str:
    """The text, at most 80 columns wide."""
    groups = (
        "\n".join([f"{title}:", *(f"  {name:12} {what}" for name, what in commands.items())])
        for title, commands in GROUPS.items()
    )
    return TEXT.format(groups="\n\n".join(groups))
