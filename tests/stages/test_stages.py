"""Stages hand weights on, keep what they made, and pay for all that they used."""

import ast
import json
import os
import shutil
import time
from dataclasses import dataclass, fields
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from experts_of_tests import balance, swing_up
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open

import rl_lab.stages
from rl_lab.agents import PPO
from rl_lab.errors import LabError
from rl_lab.stages import Artifact, Clone, Context, Demonstrate, Finetune, FitValue, Ledger, Pipeline, Stage, store
from rl_lab.stages.experts import described
from rl_lab.stages.pipeline import KINDS
from rl_lab.stages.stage import load_policy
from rl_lab.stages.value import monte_carlo

SMALL = {"num_envs": 4, "n_steps": 64, "batch_size": 64, "n_epochs": 2}
CARTPOLE = [Demonstrate(balance, 5), Clone(max_iter=30), FitValue(steps=512, max_iter=5), Finetune(steps=1024)]


class Counting(gym.Wrapper):
    """An environment that counts for itself, over all that were made."""

    taken = 0

    def step(self, action):
        Counting.taken += 1
        return self.env.step(action)


def counting():
    return Counting(gym.make("CartPole-v1"))


@pytest.mark.parametrize("env", [counting, "rl_lab/CartPole-v1"])
def test_the_ledger_counts_what_an_independent_counter_counts(env, tmp_path):
    Counting.taken = 0
    context = Context(env, seed=1, hyperparameters=SMALL, store=tmp_path)
    artifact = None
    for stage in CARTPOLE:
        before = artifact.ledger if artifact else Ledger()
        artifact = stage.run(context, artifact)
        cost = artifact.ledger
        if env is counting:
            assert cost.learner_steps + cost.demonstration_transitions == Counting.taken
        assert cost.wall_seconds > before.wall_seconds
        if stage.kind == "demonstrations":
            assert cost.demonstration_transitions == artifact.notes["demonstrations"]["transitions"] > 0
        elif stage.kind == "clone":
            assert cost.labels == before.demonstration_transitions
            assert cost.gradient_steps > 0
            assert cost.learner_steps == 0
        elif stage.kind == "value":
            assert cost.learner_steps == 512
        else:
            assert cost.learner_steps == 512 + 1024
            assert cost.gradient_steps - before.gradient_steps == 1024 // 256 * 2 * 4
    assert cost.steps("free") == cost.learner_steps
    assert cost.steps() == cost.steps("charged") == cost.learner_steps + cost.demonstration_transitions
    assert cost.steps("teacher") == cost.steps() + cost.teacher_steps
    assert Ledger.from_dict(json.loads(json.dumps(cost.as_dict()))) == cost


def test_a_pipeline_is_the_same_in_both_engines():
    """What the stages fit is equal, and training from there counts, holds and learns alike."""
    made = {}
    for engine in ("compiled", "torch"):
        context = Context("rl_lab/CartPole-v1", seed=1, hyperparameters=SMALL | {"engine": engine})
        cloned = Pipeline([*CARTPOLE[:2], FitValue(steps=512, max_iter=5)]).run(context)
        made[engine] = cloned, Finetune(steps=1024, warmup_steps=256).run(context, cloned)
    (clone, tuned), (by_torch, tuned_by_torch) = made.values()
    for name, array in clone.part("actor").items():
        np.testing.assert_array_equal(by_torch.part("actor")[name], array)
    assert by_torch.part("critic").keys() == clone.part("critic").keys()
    for ours, begun in ((tuned, clone), (tuned_by_torch, by_torch)):
        moved = [np.abs(array - begun.part("actor")[name]).max() for name, array in ours.part("actor").items()]
        assert 0 < max(moved) < 0.05
    assert tuned.ledger.gradient_steps == tuned_by_torch.ledger.gradient_steps
    assert tuned.ledger.learner_steps == tuned_by_torch.ledger.learner_steps


def test_a_network_of_your_own_has_no_stages():
    with pytest.raises(LabError, match="stages train the actor and the critic of net_arch"):
        Context("rl_lab/CartPole-v1", hyperparameters={"policy": lambda inputs, outputs: None})


def test_a_stage_that_looks_pays_for_it():
    context = Context(counting, seed=1, hyperparameters=SMALL)
    artifact = Pipeline(CARTPOLE[:2]).run(context)
    Counting.taken = 0
    tuned = Finetune(steps=256, fall_back=5, warmup_steps=0).run(context, artifact)
    assert tuned.ledger.learner_steps == Counting.taken > 256


def test_what_was_made_is_not_made_again(tmp_path):
    told = []
    first = Pipeline(CARTPOLE[:3]).run(Context("rl_lab/CartPole-v1", 1, None, SMALL, tmp_path))
    again = Pipeline(CARTPOLE[:3]).run(Context("rl_lab/CartPole-v1", 1, None, SMALL, tmp_path, report=told.append))
    assert [text.split(":")[1].split(",")[0] for text in told] == [" made before"] * 3
    assert again.digest == first.digest
    assert again.ledger == first.ledger  # what is used again is charged again
    assert again.parents == first.parents
    assert len(first.parents) == 2
    fresh = Pipeline(CARTPOLE[:3]).run(Context("rl_lab/CartPole-v1", 1, None, SMALL))
    assert fresh.digest == first.digest  # the same seed gives the same bytes
    kept = len(list(tmp_path.iterdir()))
    for changed in (
        Context("rl_lab/CartPole-v1", 2, None, SMALL, tmp_path),
        Context("rl_lab/CartPole-v1", 1, None, SMALL | {"gamma": 0.9}, tmp_path),
        Context("rl_lab/CartPole-v1", 1, {"max_steps": 400}, SMALL, tmp_path),
    ):
        Demonstrate(balance, 5).run(changed)
    Demonstrate(balance, 4).run(Context("rl_lab/CartPole-v1", 1, None, SMALL, tmp_path))
    assert len(list(tmp_path.iterdir())) == kept + 4


@pytest.mark.parametrize("harm", ["artifact.json", "artifact.safetensors"])
def test_damaged_artifacts_are_refused(tmp_path, harm):
    context = Context("rl_lab/CartPole-v1", 1, None, SMALL, tmp_path)
    made = Demonstrate(balance, 2).run(context)
    file = tmp_path / made.key / harm
    content = bytearray(file.read_bytes())
    content[-12] ^= 1
    file.write_bytes(content)
    with pytest.raises(LabError, match=r"delete .*, and it is made again"):
        Demonstrate(balance, 2).run(context)
    with pytest.raises(LabError, match="holds no artifact"):
        store.load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "changed",
    [
        [],
        {"ledger": {"learner_steps": -5}},
        {"ledger": {"learner_steps": "many"}},
        {"ledger": {"wall_seconds": float("nan")}},
        {"ledger": None},
        {"parents": ["../elsewhere"], "inherited": ["demonstrations.rows"]},
        {"parents": [], "inherited": ["demonstrations.rows"]},
        {"parents": ["itself"], "inherited": ["demonstrations.rows"]},
        {"parents": 5},
        {"digest": None},
        {"stage": 5},
    ],
)
def test_an_artifact_whose_description_makes_no_sense_is_refused(tmp_path, changed):
    rows = {"demonstrations.rows": np.zeros((2, 4), np.float32)}
    store.save(Artifact("demonstrations", rows, "CartPole-v1", "spaces", key="itself"), tmp_path / "itself")
    about = tmp_path / "itself" / "artifact.json"
    body = json.loads(about.read_text())
    about.write_text(json.dumps(body | changed if changed else changed))
    with pytest.raises(LabError, match=r"artifact.json is damaged; delete .*, and it is made again"):
        store.load(tmp_path / "itself")
    with pytest.raises(LabError, match=r"artifact.json is damaged"):
        store.holds(tmp_path / "itself")


def test_continuous_actions_are_cloned_too():
    context = Context("Pendulum-v1", 0, None, {"num_envs": 4, "n_steps": 256, "gamma": 0.9})
    artifact = Pipeline([Demonstrate(swing_up, 20), Clone()]).run(context)
    agent = context.agent()
    load_policy(agent, artifact, "actor", "log_std")
    context.books.begin(Ledger())
    assert -300 < context.look(agent, 40) < -100  # random actions: -1200
    assert agent.policy.log_std[0] < 0
    assert artifact.notes["clone"]["score"] > 0.5


def test_shuffled_demonstrations_keep_only_how_often_an_action_is_taken():
    context = Context("rl_lab/Robot-DoorKey-5x5-v0", 0, None, SMALL)
    stages = Demonstrate("planner", 10), Demonstrate("planner", 10, shuffled=True)
    plain, shuffled = (stage.run(context).part("demonstrations") for stage in stages)
    np.testing.assert_array_equal(plain["rows"], shuffled["rows"])
    np.testing.assert_array_equal(np.bincount(plain["actions"]), np.bincount(shuffled["actions"]))
    assert (plain["actions"] != shuffled["actions"]).any()


def test_the_pretrained_policy_comes_back_when_training_spoils_it():
    context = Context("rl_lab/CartPole-v1", 0, None, SMALL | {"learning_rate": 0.3})
    held = {"warmup_steps": 0, "ramp_steps": 0, "kl_coef": 0.0, "fall_back": 10}
    stages = [Demonstrate(balance, 10), Clone()]
    artifact = Pipeline([*stages, Finetune(steps=2048, **held)]).run(context)
    assert artifact.notes["finetune"]["returns to the clone"] > 0
    without = Pipeline([*stages, Finetune(steps=2048, **held | {"fall_back": 0})]).run(context)
    assert without.notes["finetune"]["returns to the clone"] == 0


@given(st.integers(1, 12), st.integers(1, 3), st.floats(0.1, 0.99), st.integers(0, 2**32 - 1))
def test_returns_are_those_of_their_definition(steps, lanes, gamma, seed):
    rng = np.random.default_rng(seed)
    rewards = rng.standard_normal((steps, lanes)).astype(np.float32)
    dones = rng.random((steps, lanes)) < 0.3
    truncated = dones & (rng.random((steps, lanes)) < 0.5)
    returns, known = monte_carlo(rewards, dones, truncated, np.zeros_like(dones), gamma)
    for lane in range(lanes):
        for step in range(steps):
            total, weight, end = 0.0, 1.0, None
            for later in range(step, steps):
                total += weight * rewards[later, lane]
                weight *= gamma
                if dones[later, lane]:
                    end = later
                    break
            np.testing.assert_allclose(returns[step, lane], total, rtol=1e-4, atol=1e-4)
            open_end = end is None or truncated[end, lane]
            assert known[step, lane] == (not open_end or weight < 0.05)


TRAINING = {"adam", "backward", "make_adam", "sgd", "learn", "iterate", "fit_to"}
MAKING = {"make_vec", "make_adapter", "PPO", "SyncVectorEnv"}


def test_stages_hold_no_training_loop_of_their_own():
    """What trains stands below; the context alone calls it, where it is counted, and one factory makes environments."""
    for file in Path(rl_lab.stages.__file__).parent.glob("*.py"):
        nodes = list(ast.walk(ast.parse(file.read_text())))
        calls = [node.func for node in nodes if isinstance(node, ast.Call)]
        called = {call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "") for call in calls}
        imports = [node for node in nodes if isinstance(node, (ast.Import, ast.ImportFrom))]
        imported = {alias.name.rpartition(".")[2] for node in imports for alias in node.names}
        if file.name == "context.py":
            assert called & TRAINING == {"learn", "fit_to"}
        elif file.name == "environment.py":
            assert not called & TRAINING
            assert called & MAKING == {"make_adapter"}
        else:
            assert not (called | imported) & (TRAINING | MAKING - {"PPO"}), file.name
            assert "PPO" not in called, file.name
        assert not imported & {"optim", "torch"}, file.name


@dataclass(frozen=True)
class Polish(Stage):
    """A stage of one's own."""

    kind = "polish"
    needs = ("actor",)

    def make(self, context, artifact):
        return Artifact(
            self.kind, artifact.tensors, context.environment.name, context.environment.spaces, notes={"polished": True}
        )


def test_a_stage_of_ones_own():
    artifact = Pipeline([Demonstrate(balance, 2), Clone(max_iter=1), Polish()]).run(
        Context("rl_lab/CartPole-v1", 0, None, SMALL)
    )
    assert artifact.notes == {"polished": True}
    assert artifact.ledger.labels > 0


def test_a_pipeline_gives_an_agent():
    context = Context("rl_lab/CartPole-v1", 1, {"max_steps": 400}, SMALL)
    cloned = Pipeline(CARTPOLE[:2]).run(context)
    np.testing.assert_array_equal(cloned.agent.policy.tensors()["actor.0.weight"], cloned.part("actor")["0.weight"])
    assert (cloned.agent.num_timesteps, cloned.agent.env_kwargs) == (0, {"max_steps": 400})
    tuned = Pipeline(CARTPOLE).run(context)
    assert tuned.agent.num_timesteps == 1024
    assert tuned.agent.reference is None
    assert tuned.ledger.steps() > 1024
    np.testing.assert_array_equal(tuned.agent.policy.tensors()["actor.0.weight"], tuned.part("actor")["0.weight"])
    assert tuned.predict(np.zeros(4, np.float32))[0] in (0, 1)
    with pytest.raises(LabError, match="ends with stage 'demonstrations' and makes no policy; add a stage 'clone'"):
        Pipeline(CARTPOLE[:1]).run(context).save("nowhere")


def test_an_agent_is_trained_with_the_stages_of_a_file(tmp_path):
    file = tmp_path / "stages.toml"
    file.write_text(
        'env = "rl_lab/Nothing-v0"\n[hyperparameters]\nnum_envs = 2\nn_steps = 64\nbatch_size = 64\nn_epochs = 2\n'
        '[[stages]]\nstage = "demonstrations"\nexpert = "experts_of_tests:balance"\nepisodes = 5\n'
        '[[stages]]\nstage = "clone"\nmax_iter = 30\n[[stages]]\nstage = "finetune"\n'
    )
    given = {"env": "rl_lab/CartPole-v1", "budget": 3600, "hyperparameters": {"num_envs": 4}}
    agent = Pipeline.train(file, tmp_path / "run", **given)
    assert agent.source.lanes == 4
    assert agent.num_timesteps == 1024  # what 2500 demonstrated steps leave, in whole rollouts
    again = PPO.load(tmp_path / "run" / "checkpoint.safetensors")
    np.testing.assert_array_equal(again.parameters, agent.parameters)
    with pytest.raises(LabError, match="holds a run already"):
        Pipeline.train(file, tmp_path / "run", **given)
    with pytest.raises(LabError, match=r"Nothing-v0"):
        Pipeline.train(file, tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_stages_that_do_not_learn_from_reward_are_reported_before_they_begin(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(Pipeline, "run", lambda pipeline, context: pytest.fail("begun"))
    stages = ['[[stages]]\nstage = "demonstrations"\nexpert = "planner"\n', '[[stages]]\nstage = "clone"\n']
    file = tmp_path / "stages.toml"
    file.write_text('env = "rl_lab/Robot-Empty-5x5-v0"\n' + "".join(stages))
    with pytest.raises(pytest.fail.Exception, match="begun"):
        Pipeline.train(file, tmp_path / "run")
    assert "ends with stage 'clone': the agent is only pretrained, and does not learn from reward" in caplog.text
    file.write_text('env = "rl_lab/Robot-Empty-5x5-v0"\n' + stages[0])
    with pytest.raises(LabError, match="ends with stage 'demonstrations' and makes no policy; add a stage 'clone'"):
        Pipeline.train(file, tmp_path / "run")


def test_a_pipeline_from_a_file(tmp_path):
    file = tmp_path / "pipeline.toml"
    file.write_text(
        'env = "rl_lab/Robot-DoorKey-5x5-v0"\nseed = 3\n[hyperparameters]\nnum_envs = 4\nn_steps = 64\n'
        '[[stages]]\nstage = "demonstrations"\nexpert = "planner"\nepisodes = 3\n[[stages]]\nstage = "clone"\n'
    )
    pipeline, options = Pipeline.load(file)
    assert pipeline.stages == [Demonstrate("planner", 3), Clone()]
    assert Pipeline(pipeline.stages).run(Context(**options)).part("actor")


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


def test_keys_cover_what_experts_and_environments_are(write_module, tmp_path):
    expert = "def act(observation, info):\n    return {}\n"
    game = (
        "import gymnasium as gym\nfrom gymnasium.envs.classic_control import CartPoleEnv\n"
        "class Game(CartPoleEnv):\n    bonus = {}\n"
        "gym.register('Keyed-v0', Game)\n"
    )

    def key(answer, bonus):
        write_module(expert.format(answer), "keyed_expert")
        gym.registry.pop("Keyed-v0", None)
        write_module(game.format(bonus), "keyed_game")
        return Demonstrate("keyed_expert:act", 2).key(Context("Keyed-v0"), None)

    keys = [key(0, 1), key(0, 1), key(1, 1), key(0, 2)]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3
    import torch

    layers = [torch.nn.Linear(2, 2) for _ in range(2)]
    models = [type("Model", (), {"predict": None, "policy": layer, "num_timesteps": 5})() for layer in layers]
    assert Demonstrate(models[0]).described() != Demonstrate(models[1]).described()
    gym.registry.pop("Keyed-v0")


class Rule:
    """An expert of your own with a `predict`, which acts by its one number."""

    def __init__(self, bound):
        self.bound = bound

    def predict(self, observation):
        return int(observation[2] > self.bound)


def test_keys_cover_all_that_an_agent_acts_by():
    from stable_baselines3 import PPO as SB3PPO
    from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

    def key(expert):
        return Demonstrate(expert, 2).key(Context("rl_lab/CartPole-v1"), None)

    assert key(Rule(0.0)) == key(Rule(0.0)) != key(Rule(0.1))
    normalised = VecNormalize(DummyVecEnv([lambda: gym.make("CartPole-v1")]))
    theirs = SB3PPO("MlpPolicy", normalised, n_steps=32, batch_size=32)
    ours = PPO("rl_lab/CartPole-v1", **SMALL, normalize_observation=True)
    for model, mean in ((theirs, normalised.obs_rms.mean), (ours, ours.normalizer.mean)):
        before = key(model)
        assert key(model) == before
        mean[2] += 0.3
        assert key(model) != before
    before = key(theirs)
    theirs.policy.__class__ = type("Other", (type(theirs.policy),), {})
    assert key(theirs) != before


def test_keys_cover_the_limit_of_an_id_and_the_steps_that_follow_from_a_budget():
    def key(limit, stage=FitValue(), **more):  # noqa: B008
        gym.registry.pop("Limited-v0", None)
        gym.register("Limited-v0", "gymnasium.envs.classic_control:CartPoleEnv", max_episode_steps=limit)
        return stage.key(Context("Limited-v0", **more), None)

    assert key(50) == key(50) != key(60)
    assert key(50) == key(50, budget=100_000) == key(50, FitValue(steps=8192)) == key(50, FitValue(8192), budget=9)
    assert key(50, budget=3000) == key(50, FitValue(steps=300)) != key(50, budget=4000)
    gym.registry.pop("Limited-v0")


def test_a_pipe_as_expert_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.safetensors")
    for expert, said in ((tmp_path / "a.safetensors", "a pipe or a device"), (tmp_path, "holds no checkpoint")):
        stage = Demonstrate(expert, episodes=2)
        with pytest.raises(LabError, match=said):
            stage.run(Context("rl_lab/CartPole-v1"), None)


def test_trained_agents_are_experts_and_their_training_is_the_teachers(tmp_path):
    from rl_lab.agents import PPO
    from rl_lab.agents import run_folder as training

    training.train("rl_lab/CartPole-v1", 256, tmp_path / "run", **SMALL)
    agent = PPO("rl_lab/CartPole-v1", **SMALL).learn(512)
    for expert, steps in ((str(tmp_path / "run"), 256), (agent, 512)):
        artifact = Demonstrate(expert, 1).run(Context("rl_lab/CartPole-v1"))
        assert artifact.ledger.teacher_steps == steps
    (tmp_path / "model.zip").touch()
    with pytest.raises(LabError, match="loading it can run any code that is in it"):
        Demonstrate(str(tmp_path / "model.zip"), 1).run(Context("rl_lab/CartPole-v1"))


def test_what_a_pipeline_has_made_is_an_expert_that_cost_all_its_steps(tmp_path):
    def made():
        context = Context("rl_lab/CartPole-v1", 0, None, SMALL, tmp_path, budget=2000)
        return Pipeline([Demonstrate(balance, 2), Clone(max_iter=2), Finetune(steps=256)]).run(context)

    first, second = made(), made()
    assert first.num_timesteps == 256 + first.ledger.demonstration_transitions > 256
    assert Demonstrate(first, 1).described() == Demonstrate(second, 1).described()
    shown = Demonstrate(first, 1).run(Context("rl_lab/CartPole-v1"))
    assert shown.ledger.teacher_steps == first.num_timesteps
    first.save(tmp_path / "agent")
    for expert in (first.agent, str(tmp_path / "agent.safetensors")):
        assert Demonstrate(expert, 1).run(Context("rl_lab/CartPole-v1")).ledger.teacher_steps == first.num_timesteps
    second.agent.parameters[:] += 1
    assert Demonstrate(first, 1).described() != Demonstrate(second, 1).described()


def test_a_normaliser_is_handed_on():
    options = SMALL | {"normalize_observation": True, "normalize_reward": True}
    context = Context("Pendulum-v1", 0, None, options | {"n_steps": 256, "gamma": 0.9})
    shown = Demonstrate(swing_up, 50).run(context)
    cloned = Clone().run(context, shown)
    moments = cloned.part("normalizer")
    rows = shown.part("demonstrations")["rows"]
    np.testing.assert_allclose(moments["mean"], rows.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(moments["variance"], rows.var(axis=0), rtol=1e-5)
    judged = FitValue(steps=2048).run(context, cloned)
    assert judged.ledger.learner_steps == 2048 + 1024  # the scale of the rewards is learned first
    assert judged.part("normalizer")["return_moments"][1] > 1
    assert judged.notes["value"]["score"] > 0.5
    tuned = Finetune(steps=1024, fall_back=0).run(context, judged)
    np.testing.assert_allclose(tuned.part("normalizer")["mean"], moments["mean"], atol=1e-4)  # as the clone knows them
    assert tuned.part("normalizer")["return_moments"][2] > judged.part("normalizer")["return_moments"][2]
    agent = context.agent()
    load_policy(agent, tuned)
    context.books.begin(Ledger())
    assert -350 < context.look(agent, 40) < -100  # random actions: -1200


def test_returns_go_on_past_a_limit_of_time():
    """A critic that took the limit for an end would value the last steps of an episode at nothing."""
    env = lambda: gym.make("CartPole-v1", max_episode_steps=50)  # noqa: E731
    options = {"num_envs": 8, "n_steps": 64, "gamma": 0.99, "net_arch": [32]}
    context = Context(env, 0, None, options)
    artifact = Pipeline([Demonstrate(balance, 30), Clone(), FitValue(steps=8192)]).run(context)
    agent = context.agent()
    load_policy(agent, artifact)
    values = agent.policy.values(np.zeros((1, 4), np.float32))
    assert values[0] > 30  # about 22, the mean over an episode, if fifty steps were all that there is; for ever, 100


def test_an_artifact_keeps_only_what_is_new(tmp_path):
    context = Context("rl_lab/CartPole-v1", 1, None, SMALL, tmp_path)
    shown = CARTPOLE[0].run(context)
    cloned = CARTPOLE[1].run(context, shown)
    with safe_open(tmp_path / cloned.key / "artifact.safetensors", "numpy") as file:
        assert not [name for name in file.keys() if name.startswith("demonstrations")]  # noqa: SIM118
    assert store.load(tmp_path / cloned.key).digest == cloned.digest
    shutil.rmtree(tmp_path / shown.key)
    assert not store.holds(tmp_path / cloned.key)
    again = Pipeline(CARTPOLE[:2]).run(context)
    assert again.digest == cloned.digest
    assert store.holds(tmp_path / cloned.key)


def test_a_store_forgets_what_was_not_used_for_longest(tmp_path):
    made = [
        Demonstrate(balance, episodes).run(Context("rl_lab/CartPole-v1", 1, None, SMALL, tmp_path))
        for episodes in (2, 3, 4)
    ]
    folders = [tmp_path / each.key for each in made]
    for age, folder in zip((300, 100, 200), folders, strict=True):
        os.utime(folder / "artifact.json", (time.time() - age,) * 2)
    store.prune(tmp_path)
    assert all(folder.exists() for folder in folders)  # there is room
    store.prune(tmp_path, limit=0, idle=150)
    assert [folder.exists() for folder in folders] == [False, True, False]  # the other is in use


@pytest.mark.parametrize(
    ("kind", "settings", "told"),
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
def test_settings_are_checked_before_anything_runs(kind, settings, told):
    with pytest.raises(LabError) as error:
        kind(**settings)
    assert told in str(error.value)


def test_an_expert_that_always_does_the_same_can_be_cloned():
    context = Context("CartPole-v1", 0, None, SMALL)
    artifact = Pipeline([Demonstrate(lambda observation, info: 1, 5), Clone(max_iter=50)]).run(context)
    agent = context.agent()
    load_policy(agent, artifact)
    assert (agent.predict(np.zeros((3, 4)))[0] == 1).all()


def test_lengths_that_nobody_gave_follow_the_budget(caplog):
    context = Context("rl_lab/CartPole-v1", 0, None, SMALL, budget=4000)
    artifact = Pipeline([Demonstrate(balance, 2), Clone(max_iter=5), FitValue(max_iter=2)]).run(context)
    assert artifact.ledger.learner_steps == 400
    agent, made = None, context.agent
    context.agent = lambda **options: made(**options)
    Finetune(steps=2560, fall_back=0).run(context, artifact)
    agent = context.trained
    assert (agent.reference.schedule.warmup_steps, agent.reference.schedule.ramp_steps) == (256, 512)
    assert agent.reference.schedule.kl_steps == 2560
    assert not caplog.records
    Finetune(steps=256, warmup_steps=9000, fall_back=0).run(context, artifact)
    assert "the policy stays as it was cloned, since warmup_steps=9000 are all of its 256 steps" in caplog.text


def test_ids_with_a_module(tmp_path, monkeypatch):
    (tmp_path / "line_worlds.py").write_text(
        "import gymnasium\n"
        "gymnasium.register('Line-v0', 'gymnasium.envs.classic_control:CartPoleEnv', max_episode_steps=50)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    context = Context("line_worlds:Line-v0", 0, None, SMALL, store=tmp_path / "store")
    assert Pipeline([Demonstrate(balance, 2), Clone(max_iter=2)]).run(context).key
    for name in ("line_worlds:Nope-v0", "nowhere:Line-v0"):
        with pytest.raises(LabError, match=f"environment '{name}' cannot be made"):
            Pipeline([Demonstrate(balance, 2)]).run(Context(name, store=tmp_path / "store"))


def test_folders_that_are_called_like_experts_do_not_make_them_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("planner", "explorer"):
        (tmp_path / name).mkdir()
    assert described("planner") != described("explorer")
