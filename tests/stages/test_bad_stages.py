"""Stages that cannot be, or cannot follow each other, get a sentence before anything is trained."""

import os
from dataclasses import fields

import pytest
from experts_of_tests import balance

from rl_lab.errors import LabError
from rl_lab.stages import Clone, Context, Demonstrate, Finetune, FitValue, Pipeline
from rl_lab.stages.pipeline import KINDS

SMALL = {"num_envs": 4, "n_steps": 64, "batch_size": 64, "n_epochs": 2}


def test_a_network_of_your_own_has_no_stages():
    with pytest.raises(LabError, match="stages train the actor and the critic of net_arch"):
        Context("rl_lab/CartPole-v1", hyperparameters={"policy": lambda inputs, outputs: None})


BAD = {
    "stage 'clone' needs demonstrations, which no stage before it gives": lambda: Pipeline([Clone()]),
    "stage 'clonne' is unknown; choose among demonstrations, represent, clone": lambda: Pipeline([{"stage": "clonne"}]),
    "stage 'clone' has no setting 'epochs'; it has max_iter": lambda: Pipeline([{"stage": "clone", "epochs": 3}]),
    "a pipeline without stages does nothing": lambda: Pipeline([]),
    "takes an expert or a dataset; give exactly one": lambda: Demonstrate(),
    "stage 'demonstrations': episodes=0 is not allowed": lambda: Demonstrate(balance, 0),
    "expert 'planner' is unknown to": lambda: Demonstrate("planner").run(Context("CartPole-v1")),
    "expert 'nobody' is unknown": lambda: Demonstrate("nobody").run(Context("CartPole-v1")),
    "random, greedy, mcts:500, gnugo:10": lambda: Demonstrate("gnugo").run(Context("rl_lab/Go-5x5-v0")),
    "'mcts:0' is not allowed": lambda: Demonstrate("mcts:0").run(Context("rl_lab/Go-5x5-v0")),
    "'json:nothing' cannot be imported": lambda: Demonstrate("json:nothing").run(Context("CartPole-v1")),
    "fall_back=101 is not allowed": lambda: Finetune(fall_back=101),
    "stage 'finetune' has no steps": lambda: Finetune().run(Context("rl_lab/CartPole-v1", 0, None, SMALL)),
    "the expert answered 5 at step 0 of the episode with seed 0; the action space is Discrete(2)": lambda: Demonstrate(
        lambda o, i: 5, 1
    ).run(Context("CartPole-v1")),
    "environment 'Nope-v0' cannot be made": lambda: Context("Nope-v0").environment.spaces,
    "expert 'math:pi' is 3.14": lambda: Demonstrate("math:pi").run(Context("CartPole-v1")),
    "stage 'finetune': warmup_steps=-1 is not allowed": lambda: Finetune(warmup_steps=-1),
    "10 steps are left for stage 'finetune', less than one rollout of 256": lambda: Finetune(steps=10).run(
        Context("rl_lab/CartPole-v1", 0, None, SMALL)
    ),
}


@pytest.mark.parametrize("value", [-1, "x", float("nan"), float("inf"), [], {}, (0,), object(), b"x"])
def test_every_setting_of_every_stage_refuses_what_it_cannot_mean_before_anything_is_trained(value):
    for kind, stage in KINDS.items():
        for item in fields(stage):
            if isinstance(value, str) and item.name in ("expert", "dataset"):
                continue
            needed = {"expert": balance} if kind == "demonstrations" and item.name != "dataset" else {}
            with pytest.raises(LabError, match=item.name):
                stage(**needed | {item.name: value})


@pytest.mark.parametrize("words", BAD)
def test_bad_input_gets_a_sentence(words):
    with pytest.raises(LabError) as error:
        BAD[words]()
    assert words in str(error.value)


def test_stages_do_not_cross_environments_or_networks():
    artifact = Demonstrate(balance, 1).run(Context("CartPole-v1"))
    with pytest.raises(LabError, match=r"but Acrobot-v1 has .* pipelines stay in one environment"):
        Clone().run(Context("Acrobot-v1"), artifact)
    cloned = Clone(max_iter=1).run(Context("CartPole-v1"), artifact)
    with pytest.raises(LabError, match="use the same net_arch in all stages"):
        FitValue(steps=64).run(Context("CartPole-v1", 0, None, SMALL | {"net_arch": [32]}), cloned)


def test_a_pipe_as_expert_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.safetensors")
    for expert, said in ((tmp_path / "a.safetensors", "a pipe or a device"), (tmp_path, "holds no checkpoint")):
        stage = Demonstrate(expert, episodes=2)
        with pytest.raises(LabError, match=said):
            stage.run(Context("rl_lab/CartPole-v1"), None)


@pytest.mark.parametrize(
    ("kind", "settings", "sentence"),
    [
        (Clone, {"learning_rate": -1}, "stage 'clone': learning_rate=-1"),
        (Clone, {"max_iter": 0}, "stage 'clone': max_iter=0"),
        (Clone, {"validation_fraction": 1}, "stage 'clone': validation_fraction=1"),
        (FitValue, {"steps": 0}, "stage 'value': steps=0"),
        (FitValue, {"alpha": float("nan")}, "stage 'value': alpha=nan"),
        (Finetune, {"steps": 1.5}, "stage 'finetune': steps=1.5"),
        (Finetune, {"kl_coef": "much"}, "stage 'finetune': kl_coef='much'"),
    ],
)
def test_settings_are_checked_before_anything_runs(kind, settings, sentence):
    with pytest.raises(LabError) as error:
        kind(**settings)
    assert sentence in str(error.value)
