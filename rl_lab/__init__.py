"""rl_lab: does this agent, or this pretraining, really beat my Stable-Baselines3 baseline?

Importing it registers the environments with Gymnasium, and does no more: no torch, no compilation.
"""

from rl_lab.envs import register as _register
from rl_lab.envs.go.registration import ENVIRONMENTS as _GO_ENVIRONMENTS
from rl_lab.envs.robot.registration import ENVIRONMENTS as _ROBOT_ENVIRONMENTS

__version__ = "0.1.0"

_register("rl_lab/CartPole-v1", "rl_lab.envs.classic.cartpole:cartpole")
for _id, (_place, _arguments) in (_ROBOT_ENVIRONMENTS | _GO_ENVIRONMENTS).items():
    _register(_id, _place, **_arguments)
