"""Every algorithm, by name: what the command line, comparisons, stages and checkpoints know of them.

A new algorithm is a file beside this one and an import here.
"""

from rl_lab.agents.a2c import A2C as A2C
from rl_lab.agents.algorithm import Algorithm
from rl_lab.agents.dqn import DQN as DQN
from rl_lab.agents.ppo import PPO as PPO
from rl_lab.errors import LabError, short

ALGORITHMS: dict[str, type[Algorithm]] = {
    each.config_class.algorithm.lower(): each
    for each in tuple(globals().values())
    if isinstance(each, type) and issubclass(each, Algorithm) and each is not Algorithm
}


def algorithm_named(name: str) -> type[Algorithm]:
    """The class of an algorithm, such as `PPO` of "ppo".

    Raises:
        LabError: there is none of this name.
    """
    if not isinstance(name, str) or name.lower() not in ALGORITHMS:
        raise LabError(f"there is no algorithm {short(name)}; choose one of {', '.join(sorted(ALGORITHMS))}")
    return ALGORITHMS[name.lower()]
