"""Whether a contender can learn in an environment, before anything is trained."""

from __future__ import annotations

from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete

from rl_lab.agents.common.networks import ActorCritic
from rl_lab.compare.contenders import CONTRIB, is_lab, is_sb3
from rl_lab.compare.environments import Maker
from rl_lab.compare.plan import Contender
from rl_lab.errors import LabError

ACTIONS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("ddpg", "sac", "td3"), (Box,)),
    "dqn": (Discrete,),
    "maskable_ppo": (Discrete, MultiDiscrete, MultiBinary),
}


def trainer_of(contender: Contender, maker: Maker) -> Maker:
    """The environment that a contender trains on.

    Raises:
        LabError: it cannot be made, or what it shows and takes is not what the judge's does.
    """
    trainer = maker.for_training(contender.training)
    if contender.training:
        mine, judged = trainer.single(), maker.single()
        for name in ("observation_space", "action_space"):
            if getattr(mine, name) != getattr(judged, name):
                raise LabError(
                    f"contender {contender.name!r} trains on {maker.environment.name} with "
                    f"{dict(contender.training)}, which changes its {name.replace('_', ' ')} to {getattr(mine, name)}: "
                    f"it is judged with {getattr(judged, name)}"
                )
    return trainer


def check_spaces(contender: Contender, maker: Maker) -> None:
    """Refuse an environment that a named contender cannot learn in.

    Raises:
        LabError: it cannot be made, its algorithm does not take one of its spaces, or it gives no masks to one that
            needs them.
    """
    env = maker.single()
    seen, actions, who = env.observation_space, env.action_space, f"contender {contender.name!r}"
    where = f"environment {maker.environment.name!r}"
    if is_lab(contender):
        ActorCritic(seen, actions)
    elif is_sb3(contender):
        name = str(contender.algorithm).partition(":")[2]
        if not isinstance(actions, kinds := ACTIONS.get(name, (Box, Discrete, MultiDiscrete, MultiBinary))):
            raise LabError(
                f"{who} is {contender.algorithm!r}, which takes {' or '.join(kind.__name__ for kind in kinds)} "
                f"actions, and {where} has {actions}; choose another algorithm"
            )
        for key, part in seen.spaces.items() if isinstance(seen, Dict) else [("", seen)]:
            if not isinstance(part, (Box, Discrete, MultiDiscrete, MultiBinary)):
                raise LabError(
                    f"{who} is {contender.algorithm!r}, which takes no {type(part).__name__} as observation"
                    f"{f' {key!r}' if key else ''} of {where}; give a function that makes the environment in a wrapper "
                    "that leaves it out or encodes it, for MiniGrid minigrid.wrappers.ImgObsWrapper or FlatObsWrapper"
                )
        if name in CONTRIB and not maker.batched and not env.has_wrapper_attr("action_masks"):
            raise LabError(
                f"{who} is {contender.algorithm!r}, and {where} has no method action_masks(), by which it gives masks; "
                "put it into sb3_contrib's ActionMasker"
            )
    env.close()
