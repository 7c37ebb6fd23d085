"""DQN: its updates are Stable-Baselines3's, its replay buffer keeps what was seen, and what papers added is right."""

import gymnasium as gym
import numpy as np
import pytest
import stable_baselines3 as sb3
import torch
from scipy.stats import chisquare
from stable_baselines3.common.buffers import NStepReplayBuffer
from stable_baselines3.common.type_aliases import ReplayBufferSamples

from rl_lab.agents import DQN, off_policy, run_folder
from rl_lab.agents.common import replay_buffer
from rl_lab.errors import LabError
from rl_lab.sb3 import from_sb3, to_sb3

SMALL = {"buffer_size": 400, "learning_starts": 50, "net_arch": [16, 16], "target_update_interval": 1000}


def weights_of(model):
    return from_sb3(model).layout["q"]


class OneBatch:
    """A replay buffer of SB3 that always gives the same minibatch."""

    def __init__(self, samples):
        rows = [samples.observations, samples.actions, samples.next_observations, np.zeros(len(samples.rewards))]
        tensors = [torch.from_numpy(np.array(each)) for each in (*rows, samples.rewards, samples.discounts)]
        tensors[3:] = [tensor.reshape(-1, 1) for tensor in tensors[3:]]
        self.samples = ReplayBufferSamples(*tensors)

    def sample(self, *arguments, **keywords):
        return self.samples


@pytest.mark.parametrize("engine", ["compiled", "torch"])
@pytest.mark.parametrize(("batch_size", "n_steps"), [(32, 1), (100, 3)])
def test_an_update_is_that_of_sb3(engine, batch_size, n_steps):
    settings = SMALL | {"batch_size": batch_size, "n_steps": n_steps, "learning_rate": 1e-3}
    agent = DQN("rl_lab/CartPole-v1", engine=engine, seed=3, **settings).learn(48)  # nothing is learned yet
    model = to_sb3(agent, "CartPole-v1")
    model._setup_learn(100)
    for kind in (agent, model):
        kind.learning_starts = 0
    first = weights_of(model).copy()
    for _ in range(5):
        agent.total_timesteps = agent.num_timesteps + 4
        agent.iterate()
        samples = agent.engine.scratch.samples if engine == "compiled" else agent.engine.samples
        model.replay_buffer = OneBatch(samples)
        model.train(1, batch_size)
        np.testing.assert_allclose(agent.policy.layout["q"], weights_of(model), atol=1e-5)
        logged = model.logger.name_to_value["train/loss"]
        assert agent.metrics["train/loss"] == pytest.approx(logged, rel=1e-4, abs=1e-6)
    assert np.abs(weights_of(model) - first).max() > 3e-3


def test_steps_updates_and_schedules_are_those_of_sb3():
    settings = {"learning_starts": 70, "train_freq": 3, "gradient_steps": 2, "target_update_interval": 25, "tau": 0.5}
    settings |= {"exploration_fraction": 0.4, "learning_rate": 1e-3, "buffer_size": 300}
    seen = []

    class Watch(sb3.common.callbacks.BaseCallback):
        def _on_step(self):
            seen.append(self.model.exploration_rate)
            return True

    model = sb3.DQN("MlpPolicy", "CartPole-v1", device="cpu", **settings)
    model.learn(301, callback=Watch())
    agent = DQN("rl_lab/CartPole-v1", **settings)
    agent.total_timesteps = 301
    schedule = agent._schedule()
    assert agent.learn(301).num_timesteps == model.num_timesteps == len(schedule.exploration)
    assert agent.metrics["train/n_updates"] == model._n_updates == schedule.updates.sum()
    assert schedule.syncs.sum() == 303 // 25
    np.testing.assert_allclose(schedule.exploration[70:], seen[70:])
    assert (schedule.exploration[:70] == 1).all()


def filled(n_steps=1, env="rl_lab/CartPole-v1", steps=500, **settings):
    agent = DQN(env, buffer_size=300, learning_starts=10**6, seed=1, n_steps=n_steps, **settings)
    return agent.learn(steps)


def drawn(agent, count=2000):
    samples = replay_buffer.make_replay_samples(count, agent.policy)
    settings = agent.runner.stream, agent.replay, agent.normalizer, np.float32(1), agent.config.n_steps
    replay_buffer.sample(*settings, 1.0, samples)
    return samples


def test_n_step_returns_are_those_of_sb3():
    agent = filled(n_steps=4, steps=248, gamma=0.9)
    replay, space = agent.replay, gym.make("CartPole-v1")
    theirs = NStepReplayBuffer(300, space.observation_space, space.action_space, "cpu", n_steps=4, gamma=0.9)
    for slot in range(248):
        end = replay.ends[slot, 0]
        after = replay.finals[slot] if end else replay.observations[slot + 1]
        info = [{"TimeLimit.truncated": bool(end == replay_buffer.TRUNCATED)}]
        row = replay.observations[slot], after, replay.actions[slot], replay.rewards[slot]
        theirs.add(*row, np.array([end > 0]), info)
    expected = theirs._get_samples(np.arange(248))
    known = {tuple(row): i for i, row in enumerate(expected.observations.numpy())}
    ours = drawn(agent)
    places = [known[tuple(row)] for row in ours.observations]
    assert len(set(places)) > 240
    discounts = (expected.discounts * (1 - expected.dones))[places, 0]
    np.testing.assert_allclose(ours.rewards, expected.rewards[places, 0], rtol=1e-6)
    np.testing.assert_allclose(ours.discounts, discounts, rtol=1e-6)
    bootstrapped = ours.discounts > 0
    np.testing.assert_array_equal(
        ours.next_observations[bootstrapped], expected.next_observations[places][bootstrapped]
    )


@pytest.mark.parametrize("num_envs", [1, 4])
def test_the_ring_keeps_the_last_steps_with_what_followed(num_envs):
    agent = filled(num_envs=num_envs, steps=1500)
    per_env = 300 // num_envs
    assert agent.replay.place[1] == per_env
    samples = drawn(agent)
    kept = {tuple(row) for row in agent.replay.observations.reshape(-1, 4)}
    assert {tuple(row) for row in samples.observations} <= kept
    assert len({tuple(row) for row in samples.observations}) > 280
    x, x_dot = samples.observations[:, 0], samples.observations[:, 1]
    np.testing.assert_allclose(samples.next_observations[:, 0], x + 0.02 * x_dot, atol=1e-6)  # physics of CartPole
    assert (samples.discounts == 0).any()


def test_transitions_are_drawn_in_proportion_to_their_priorities():
    agent = filled(num_envs=2, steps=700, prioritized=True)
    replay, samples = agent.replay, replay_buffer.make_replay_samples(50_000, agent.policy)
    leaves = replay.priorities[len(replay.priorities) // 2 :][: replay.rewards.size]
    stored = np.ones(replay.rewards.shape, bool)
    stored[replay.place[0]] = False
    np.testing.assert_array_equal(leaves > 0, stored.ravel())
    some = replay_buffer.make_replay_samples(400, agent.policy)
    some.places[:], some.errors[:] = np.flatnonzero(leaves)[np.arange(400) % 300], np.arange(400) % 300 - 150.0
    replay_buffer.prioritize(replay, some, 0.7)
    expected = np.zeros(leaves.size)
    expected[some.places] = (np.abs(some.errors.astype(np.float64)) + 1e-6) ** 0.7
    np.testing.assert_allclose(leaves, expected)
    assert replay.priorities[1] == pytest.approx(expected.sum())
    assert replay.priorities[0] == expected.max()
    settings = agent.runner.stream, replay, agent.normalizer, np.float32(1), 1, 0.5
    replay_buffer.sample(*settings, samples)
    counts, likely = np.bincount(samples.places, minlength=leaves.size), expected > 1
    assert chisquare(counts[likely], expected[likely] / expected[likely].sum() * counts[likely].sum()).pvalue > 0.001
    assert counts[~likely].sum() < 5
    weights = (300 * expected[samples.places] / expected.sum()) ** -0.5
    np.testing.assert_allclose(samples.weights, weights / weights.max(), rtol=1e-5)


def test_what_is_learned_does_not_depend_on_the_length_of_an_iteration(monkeypatch):
    whole = DQN("rl_lab/CartPole-v1", num_envs=2, **SMALL).learn(600)
    monkeypatch.setattr(off_policy, "STEPS", 40)
    short = DQN("rl_lab/CartPole-v1", num_envs=2, **SMALL).learn(600)
    assert short.iterations > whole.iterations
    assert short.parameters.tobytes() == whole.parameters.tobytes()


@pytest.mark.parametrize(
    "settings", [{"double": True}, {"dueling": True}, {"double": True, "dueling": True, "prioritized": True}]
)
def test_both_engines_learn_the_same(settings):
    agents = [DQN("rl_lab/CartPole-v1", engine=engine, seed=2, **SMALL, **settings) for engine in ("compiled", "torch")]
    for agent in agents:
        agent.learn(120)
    np.testing.assert_allclose(agents[0].parameters, agents[1].parameters, atol=1e-5)
    rows = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)
    assert (agents[0].predict(rows)[0] == agents[0].engine.outputs(rows).argmax(axis=1)).all()


@pytest.mark.parametrize("prioritized", [False, True])
@pytest.mark.parametrize("engine", ["compiled", "torch"])
def test_a_saved_agent_goes_on_bit_exactly(engine, prioritized, tmp_path):
    whole = DQN("rl_lab/CartPole-v1", num_envs=2, engine=engine, prioritized=prioritized, **SMALL)
    whole.total_timesteps = 1200
    whole.iterate()
    whole.save(tmp_path / "agent")
    resumed = DQN.load(tmp_path / "agent")
    assert resumed.replay.place[1] == whole.replay.place[1] == 200
    np.testing.assert_array_equal(resumed.replay.priorities, whole.replay.priorities)
    for agent in (whole, resumed):
        agent.train()
    assert resumed.num_timesteps == 1200
    assert resumed.parameters.tobytes() == whole.parameters.tobytes()


def test_masked_actions_are_never_taken():
    agent = DQN("rl_lab/Go-5x5-v0", num_envs=4, buffer_size=2000, learning_starts=100, net_arch=[16], n_steps=2)
    agent.learn(800)
    head, stored = agent.replay.place
    slots = np.arange(head - stored, head) % len(agent.replay.rewards)
    assert np.take_along_axis(agent.replay.masks[slots], agent.replay.actions[slots], -1).all()
    observation, info = gym.make("rl_lab/Go-5x5-v0").reset(seed=0)
    for deterministic in (True, False):
        action, _ = agent.predict(observation, action_mask=info["action_mask"], deterministic=deterministic)
        assert info["action_mask"][action]


def test_an_environment_of_gymnasium_teaches_the_same_way():
    agent = DQN("CartPole-v1", num_envs=2, **SMALL).learn(300)
    samples = drawn(agent)
    x, x_dot = samples.observations[:, 0], samples.observations[:, 1]
    np.testing.assert_allclose(samples.next_observations[:, 0], x + 0.02 * x_dot, atol=1e-6)


def test_a_second_training_cuts_off_the_episode_of_the_first():
    agent = filled(steps=28)
    last = int(agent.replay.place[0]) - 1
    seen = agent.replay.observations[last + 1].copy()
    going_on = agent.replay.ends[last, 0] == replay_buffer.GOES_ON
    agent.learn(28)
    assert agent.replay.place[1] == 56
    if going_on:
        assert agent.replay.ends[last, 0] == replay_buffer.TRUNCATED
        np.testing.assert_array_equal(agent.replay.finals[last], seen)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"env": "Pendulum-v1"}, r"action space Box.* is unsupported; it must be Discrete"),
        ({"buffer_size": 10**9 * 2}, r"buffer_size=2000000000 transitions of 47 bytes needs .* GiB .* available here"),
        ({"buffer_size": 7, "num_envs": 4}, r"buffer_size=7 holds less than two steps of each of 4 .* at least 8"),
        ({"batch_size": 2**31 - 1}, r"a minibatch of batch_size=2147483647 needs .* GiB of memory"),
        ({"gradient_steps": -2}, r"gradient_steps=-2 is not allowed; it must be a whole number from -1"),
        ({"exploration_fraction": 1.5}, r"exploration_fraction=1.5 is not allowed; it must be a number from 0 to 1"),
        ({"clip_range": 0.1}, r"DQN has no hyperparameter 'clip_range'"),
        ({"net_arch": {"pi": [8], "vf": [8]}}, r"net_arch has keys \['pi', 'vf'\]; give a list of units"),
        ({"policy": torch.nn.Linear(4, 2)}, r"policy= is unsupported by DQN"),
    ],
)
def test_bad_input_gets_a_sentence(arguments, sentence):
    with pytest.raises(LabError, match=sentence):
        DQN(**({"env": "CartPole-v1"} | arguments))


class Short(gym.Env):
    """Episodes of one step; what is given last, and the mask, may be wrong."""

    observation_space, action_space = gym.spaces.Box(-9, 9, (1,), np.float32), gym.spaces.Discrete(2)

    def __init__(self, last=1.0, mask=(True, True)):
        self.last, self.mask = np.full(1, last, np.float32), np.array(mask)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {"action_mask": self.mask}

    def step(self, action):
        return self.last, 1.0, True, False, {"action_mask": self.mask}


def test_steps_that_only_reset_are_not_learned_from():
    vector = gym.vector.SyncVectorEnv([Short] * 2, autoreset_mode=gym.vector.AutoresetMode.NEXT_STEP)
    agent = DQN(vector, buffer_size=4, learning_starts=1, train_freq=1, net_arch=[4]).learn(40)
    assert agent.replay.valid.any()
    samples = drawn(agent, 50)
    assert (samples.observations == 0).all()
    assert (samples.next_observations == 1).all()


def test_what_an_environment_does_wrong_is_named():
    with pytest.raises(LabError, match=r"environment 0, step 1: the last observation\[0\] is nan"):
        DQN(lambda: Short(last=np.nan), **SMALL).learn(8)
    with pytest.raises(LabError, match=r"allows no(thing| action)"):
        DQN(lambda: Short(mask=(False, False)), **SMALL).learn(8)


def test_a_run_that_has_learned_nothing_yet_is_saved_and_goes_on(tmp_path):
    settings = SMALL | {"learning_starts": 2000}
    agent = run_folder.train("rl_lab/CartPole-v1", 2100, tmp_path, algorithm="dqn", engine="torch", **settings)
    assert agent.metrics["train/n_updates"] > 0
    with pytest.raises(LabError, match="50 steps are not more than learning_starts=100, up to which all actions are"):
        run_folder.train("rl_lab/CartPole-v1", 50, tmp_path / "new", algorithm="dqn")


def test_damaged_experience_is_refused():
    agent = filled(steps=40)
    kept = {name: array.copy() for name, array in agent.experience().items()}
    broken = [(name, np.full_like(kept[name], value)) for name, value in (("actions", 7), ("rewards", np.nan))]
    broken += [("valid", np.zeros_like(kept["valid"])), ("ends", np.where(kept["ends"] > 0, 9, 0).astype(np.uint8))]
    assert kept["ends"].any()
    for name, array in broken:
        with pytest.raises(LabError, match="its replay buffer holds"):
            agent.restore_experience(kept | {name: array}, "a file")
    for place in (np.array([301, 2]), np.array([-1, 2]), np.array([1.0, 2.0])):
        with pytest.raises(LabError, match="does not fit one of 300 steps of each environment; give the buffer_size"):
            agent.restore_experience(kept | {"place": place}, "a file")
    with pytest.raises(LabError, match="has no masks that fit"):
        agent.restore_experience(kept | {"masks": kept["masks"][1:]}, "a file")
    agent.restore_experience(kept, "a file")
