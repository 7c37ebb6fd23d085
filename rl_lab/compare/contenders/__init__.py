"""Contenders: from a name, a function or stages to a trained model."""

from rl_lab.compare.contenders.base import STAGES, Trainer
from rl_lab.compare.contenders.function import FunctionTrainer
from rl_lab.compare.contenders.lab import LabTrainer
from rl_lab.compare.contenders.pipeline import PipelineTrainer
from rl_lab.compare.contenders.sb3 import SB3Trainer
from rl_lab.compare.plan import Contender


def trainer_of(contender: Contender) -> Trainer:
    """What trains a contender of a plan."""
    name = contender.algorithm
    if isinstance(name, str) and name.startswith("sb3:"):
        return SB3Trainer(contender)
    if not isinstance(name, str) or ":" in name:
        return FunctionTrainer(contender)
    return PipelineTrainer(contender) if STAGES in contender.hyperparameters else LabTrainer(contender)
