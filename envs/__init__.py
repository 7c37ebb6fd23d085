"""Environments in plain Python at machine speed; see `rl_lab.envs.Definition` and `rl_lab.envs.register`."""

if __name__ == "envs":
    raise ImportError(
        "this folder is installed as a part of rl_lab: write `import rl_lab.envs` instead of `import envs`"
    )

from rl_lab.envs.definition import Definition as Definition
from rl_lab.envs.registration import register as register

__all__ = ["Definition", "register"]
