"""The stage that learns layers without labels, and where they go."""

import numpy as np
import pytest

from rl_lab.compare.controls import controls
from rl_lab.compare.plan import Contender
from rl_lab.core import weights
from rl_lab.errors import LabError
from rl_lab.stages import Clone, Context, Demonstrate, Finetune, FitValue, Ledger, Pipeline, Represent
from rl_lab.stages.represent import experienced

ROBOT = "rl_lab/Robot-DoorKey-5x5-v0"
SMALL = {"num_envs": 4, "n_steps": 64, "batch_size": 64, "n_epochs": 2}


@pytest.mark.parametrize("objective", ["autoencoder", "both"])
def test_layers_go_into_actor_and_critic(objective, tmp_path):
    context = Context(ROBOT, 0, None, SMALL, tmp_path)
    artifact = Represent(objective, steps=1000, epochs=2).run(context)
    assert artifact.ledger.learner_steps == 1024  # whole rollouts
    assert artifact.ledger.gradient_steps > 0
    assert artifact.ledger.labels == artifact.ledger.demonstration_transitions == 0
    assert artifact.notes["represent"]["grafted"] == "layers copied 0, 1; skipped 2"
    trunk = weights.network(artifact.part("trunk"), "tanh")
    assert trunk.sizes == (151, 64, 64)
    trained = []

    def watch(agent, ledger):
        trained.append(agent)

    follow = Context(ROBOT, 0, None, SMALL | {"learning_rate": 1e-12}, tmp_path, watch=watch)
    tuned = Finetune(steps=256).run(follow, artifact)
    assert trained[0].reference is None  # there is no policy to hold
    for part in ("actor", "critic"):
        for number in range(2):
            np.testing.assert_allclose(tuned.part(part)[f"{number}.weight"], trunk.layers()[number][0], atol=1e-6)


def test_clones_and_critics_start_from_it_too():
    context = Context(ROBOT, 0, None, SMALL)
    before = Represent("inverse", steps=1024, epochs=1).run(context)
    trunk = before.part("trunk")["0.weight"]
    cloned = Pipeline([Demonstrate("planner", 5), Clone(max_iter=1, learning_rate=1e-9)]).run(context, before)
    np.testing.assert_allclose(cloned.part("actor")["0.weight"], trunk, atol=1e-6)
    judged = FitValue(steps=128, max_iter=1, learning_rate=1e-9).run(context, cloned)
    np.testing.assert_allclose(judged.part("critic")["0.weight"], trunk, atol=1e-6)


def test_what_was_seen_is_kept_as_the_environment_gave_it():
    context = Context(ROBOT, 0, None, SMALL)
    context.books.begin(Ledger())
    seen = experienced(context.agent(), 600)
    assert seen.rows.shape == (192, 4, 151)
    assert seen.rows.dtype == np.uint8
    assert not seen.goes_on.all() or seen.goes_on.sum() == 768


def test_a_control_learns_nothing():
    stages = [Represent("both", steps=2048), Finetune()]
    named = {control.name: control for control in controls(Contender("mine", "ppo", {"stages": stages}))}
    assert list(named) == ["scratch", "untrained layers"]
    assert named["untrained layers"].hyperparameters["stages"][0] == Represent("autoencoder", steps=2048, epochs=0)
    artifact = Represent("both", steps=256, epochs=0).run(Context(ROBOT, 0, None, SMALL))
    assert artifact.ledger.gradient_steps == 0
    assert artifact.ledger.learner_steps == 256


def test_bad_input_gets_a_sentence():
    with pytest.raises(
        LabError, match="stage 'represent': objective='dream' is not allowed; it must be one of autoencoder"
    ):
        Represent("dream")
    with pytest.raises(LabError, match="stage 'represent': epochs=-1"):
        Represent(epochs=-1)
    with pytest.raises(LabError, match="net_arch has none"):
        Represent(steps=256).run(Context(ROBOT, 0, None, SMALL | {"net_arch": []}))
