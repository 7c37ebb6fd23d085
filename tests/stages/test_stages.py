"""Stages hand weights on, keep what they made, and pay for all that they used."""

import ast
import json
from dataclasses import dataclass
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from experts_of_tests import balance, swing_up
from hypothesis import given
from hypothesis import strategies as st

import rl_lab.stages
from rl_lab.agents import PPO
from rl_lab.errors import LabError
from rl_lab.stages import Artifact, Clone, Context, Demonstrate, Finetune, FitValue, Ledger, Pipeline, Stage
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


def test_a_stage_that_looks_pays_for_it():
    context = Context(counting, seed=1, hyperparameters=SMALL)
    artifact = Pipeline(CARTPOLE[:2]).run(context)
    Counting.taken = 0
    tuned = Finetune(steps=256, fall_back=5, warmup_steps=0).run(context, artifact)
    assert tuned.ledger.learner_steps == Counting.taken > 256


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
