"""Stages that turn weights into better weights, and pay for it; see `Pipeline`."""

from rl_lab.stages.artifact import Artifact as Artifact
from rl_lab.stages.clone import Clone as Clone
from rl_lab.stages.context import Context as Context
from rl_lab.stages.demonstrate import Demonstrate as Demonstrate
from rl_lab.stages.finetune import Finetune as Finetune
from rl_lab.stages.ledger import Ledger as Ledger
from rl_lab.stages.pipeline import Pipeline as Pipeline
from rl_lab.stages.represent import Represent as Represent
from rl_lab.stages.stage import Stage as Stage
from rl_lab.stages.value import FitValue as FitValue
