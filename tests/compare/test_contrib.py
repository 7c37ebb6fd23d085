"""SB3-Contrib's algorithms as contenders by name."""

import numpy as np
import pytest

from rl_lab.compare import compare
from rl_lab.compare.contenders import sb3, trainer_of
from rl_lab.compare.plan import Contender
from rl_lab.errors import LabError

SMALL = {"n_steps": 64}
FEW = {"learning_starts": 20, "buffer_size": 500}
CONTENDERS = {
    "CartPole-v1": {"recurrent_ppo": SMALL, "trpo": SMALL, "qrdqn": FEW},
    "Pendulum-v1": {"tqc": FEW, "crossq": FEW},
}


def test_all_are_tried():
    contrib = {name for name, known in sb3.SB3.items() if known.package == sb3.CONTRIB}
    tried = {name for algorithms in CONTENDERS.values() for name in algorithms}
    assert {*tried, "maskable_ppo"} == contrib  # masks are tried in test_training_arguments


@pytest.mark.parametrize("env", CONTENDERS)
def test_they_train_and_are_judged(env, tmp_path):
    contenders = {name: (f"sb3:{name}", options) for name, options in CONTENDERS[env].items()}
    result = compare(env, contenders, steps=128, seeds=1, points=2, episodes=2, jobs=1, out=tmp_path, quiet=True)
    assert result.failures == []
    for run in result.runs:
        assert run.steps == 128
        assert len(run.points) == 3
        assert np.isfinite(run.points[-1].returns).all()


def test_what_it_does_not_take_gets_a_sentence():
    with pytest.raises(LabError, match=r"hyperparameter of mine 'n_stepz'; did you mean 'n_steps'"):
        trainer_of(Contender("mine", "sb3:trpo", {"n_stepz": 1})).validate()
    with pytest.raises(LabError, match=r"unknown contender 'sb3:tqcc'; did you mean 'sb3:tqc'"):
        trainer_of(Contender("mine", "sb3:tqcc")).validate()
