"""Our batches beside SB3's own DummyVecEnv, and weights that give the same numbers in both libraries."""

import sys
import warnings
from dataclasses import replace
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import stable_baselines3 as sb3
import torch
from gymnasium import spaces
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack, VecMonitor, VecNormalize

from rl_lab.agents import PPO
from rl_lab.agents.common.networks import ActorCritic
from rl_lab.envs.batch import BatchEnv, BatchVectorEnv
from rl_lab.envs.classic.cartpole import cartpole as cartpole_definition
from rl_lab.errors import LabError
from rl_lab.sb3 import from_sb3, to_sb3, vec_env

sys.path.append(str(Path(__file__).parent / "envs"))
from sample_environments import ALL, dice, gather, glide

LANES = 3


def cartpole(num_envs=LANES):
    return vec_env(gym.make_vec("rl_lab/CartPole-v1", num_envs=num_envs))


def assert_equal(ours, theirs, where=""):
    if isinstance(theirs, dict):
        assert ours.keys() == theirs.keys(), where
        for key in theirs:
            if key != "t":  # seconds
                assert_equal(ours[key], theirs[key], f"{where}/{key}")
    else:
        np.testing.assert_array_equal(ours, theirs, where)
        assert np.asarray(ours).dtype == np.asarray(theirs).dtype, where


def random_actions(env, masks, rng):
    space = env.action_space
    if isinstance(space, spaces.Discrete):
        return np.array([rng.choice(np.flatnonzero(mask)) for mask in masks])
    if isinstance(space, spaces.MultiDiscrete):
        return rng.integers(0, space.nvec, (env.num_envs, len(space.nvec)))
    return rng.uniform(-1, 1, (env.num_envs, *space.shape)).astype(np.float32)


@pytest.mark.parametrize("name", ALL)
def test_the_same_as_a_dummy_vec_env(name):
    ours = vec_env(BatchVectorEnv(ALL[name], LANES))
    theirs = DummyVecEnv([lambda: Monitor(BatchEnv(ALL[name]))] * LANES)
    assert (ours.observation_space, ours.action_space) == (theirs.observation_space, theirs.action_space)
    rng, ended = np.random.default_rng(0), 0
    for seed in (7, None):
        for env in (ours, theirs):
            if seed is not None:
                env.seed(seed)
        assert_equal(ours.reset(), theirs.reset())
        assert_equal(dict(enumerate(ours.reset_infos)), dict(enumerate(theirs.reset_infos)))
        for _ in range(60):
            masks = np.ones((LANES, 9), bool)
            if ours.has_attr("action_masks"):
                masks = np.stack(ours.env_method("action_masks"))
            elif isinstance(ours.action_space, spaces.Discrete):
                masks = masks[:, : ours.action_space.n]
            actions = random_actions(ours, masks, rng)
            observations, rewards, dones, infos = ours.step(actions)
            expected = theirs.step(actions)
            assert_equal(observations, expected[0])
            assert_equal(rewards, expected[1])
            assert_equal(dones, expected[2])
            assert_equal(dict(enumerate(infos)), dict(enumerate(expected[3])))
            assert_equal(dict(enumerate(ours.reset_infos)), dict(enumerate(theirs.reset_infos)))
            ended += dones.sum()
    assert ended > 10


REPORTED = {
    "fields of the state": (replace(cartpole_definition(max_steps=12), info=("x", "theta_dot")), {}),
    "an illegal move": ("rl_lab/Go-5x5-v0", {"max_moves": 20}),
    "the optimum": ("rl_lab/Robot-Empty-5x5-v0", {"planner": True, "max_steps": 9}),
}


@pytest.mark.parametrize(("env", "arguments"), REPORTED.values(), ids=REPORTED)
def test_infos_are_those_of_single_environments(env, arguments):
    if isinstance(env, str):
        ours = vec_env(gym.make_vec(env, num_envs=LANES, **arguments))
        theirs = DummyVecEnv([lambda: Monitor(gym.make(env, **arguments))] * LANES)
    else:
        ours, theirs = vec_env(BatchVectorEnv(env, LANES)), DummyVecEnv([lambda: Monitor(BatchEnv(env))] * LANES)
    rng = np.random.default_rng(0)
    for vector in (ours, theirs):
        vector.seed(3)
        vector.reset()
    assert_equal(dict(enumerate(ours.reset_infos)), dict(enumerate(theirs.reset_infos)))
    for _ in range(40):
        actions = rng.integers(0, ours.action_space.n, LANES)
        infos, expected = ours.step(actions)[3], theirs.step(actions)[3]
        assert_equal(dict(enumerate(infos)), dict(enumerate(expected)))
        assert_equal(dict(enumerate(ours.reset_infos)), dict(enumerate(theirs.reset_infos)))


def test_masks():
    masked, plain = vec_env(BatchVectorEnv(gather, LANES)), cartpole()
    masked.reset()
    assert masked.has_attr("action_masks")
    assert not plain.has_attr("action_masks")
    masks = np.stack(masked.env_method("action_masks"))
    assert masks.shape == (LANES, 4)
    assert_equal(np.stack(masked.env_method("action_masks", indices=[1])), masks[[1]])
    assert_equal(masked.get_attr("action_masks", 2)[0](), masks[2])
    with pytest.raises(AttributeError):
        plain.env_method("action_masks")
    with pytest.raises(AttributeError, match="action_masks and render"):
        masked.env_method("jump")


def test_what_was_handed_out_stays_as_it_is():
    env = cartpole()
    first = env.reset()
    kept = first.copy()
    second, rewards, dones, _ = env.step(np.zeros(LANES, int))
    kept_rewards, kept_dones = rewards.copy(), dones.copy()
    for _ in range(30):
        env.step(np.zeros(LANES, int))
    np.testing.assert_array_equal(first, kept)
    assert (second != first).any()
    np.testing.assert_array_equal(rewards, kept_rewards)
    np.testing.assert_array_equal(dones, kept_dones)


def test_options():
    env = vec_env(BatchVectorEnv(glide, LANES))
    env.set_options({"position": (0.5, 0.25)})
    np.testing.assert_array_equal(env.reset(), [[0.5, 0.25]] * LANES)
    env.set_options([{"position": (lane, 1)} for lane in range(LANES)])
    np.testing.assert_array_equal(env.reset(), [[lane, 1] for lane in range(LANES)])
    assert (env.reset() != [[lane, 1] for lane in range(LANES)]).any()  # they count once


def test_algorithms_of_sb3_learn_and_log():
    env = cartpole(4)
    model = sb3.PPO("MlpPolicy", env, n_steps=64, batch_size=64, n_epochs=2, device="cpu", seed=0).learn(512)
    episodes = list(model.ep_info_buffer)  # from which SB3 logs ep_rew_mean
    assert len(episodes) > 5
    assert all(episode["r"] == episode["l"] > 5 for episode in episodes)
    dqn = sb3.DQN("MlpPolicy", cartpole(2), learning_starts=50, device="cpu", seed=0).learn(600)
    assert len(dqn.ep_info_buffer) > 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # SB3 warns where there is no Monitor
        returns, lengths = evaluate_policy(model, env, 7, return_episode_rewards=True)
    assert returns == lengths
    assert len(returns) == 7


ROBOT = "rl_lab/Robot-Empty-5x5-v0"


@pytest.mark.parametrize(
    ("observation", "policy"),
    [
        ("flat", "MlpPolicy"),
        ("state", "MlpPolicy"),
        ("onehot", "MultiInputPolicy"),
        ("full", "MultiInputPolicy"),
    ],
)
def test_what_the_robot_sees_is_taken_by_sb3(observation, policy):
    """As the README of the robot has it."""
    envs = gym.make_vec(ROBOT, num_envs=2, observation=observation, debug=True)
    model = sb3.PPO(policy, vec_env(envs), n_steps=16, batch_size=16, n_epochs=1, device="cpu").learn(32)
    assert model.num_timesteps == 32
    single = gym.make(ROBOT, observation=observation, debug=True)
    if policy == "MlpPolicy":
        sb3.PPO(policy, single, n_steps=16, batch_size=16, n_epochs=1, device="cpu").learn(16)
    else:
        with pytest.raises(TypeError):  # of the mission, which is text there
            sb3.PPO(policy, single, device="cpu")


def test_minigrids_own_images_are_too_small_for_the_network_of_sb3():
    envs = vec_env(gym.make_vec(ROBOT, num_envs=2, observation="dict", debug=True))
    with pytest.raises(RuntimeError, match="Kernel size can't be greater than actual input size"):
        sb3.PPO("MultiInputPolicy", envs, device="cpu")


def test_wrappers_of_sb3():
    env = VecFrameStack(VecNormalize(cartpole(), gamma=0.9), 2)
    assert env.reset().shape == (LANES, 8)
    with pytest.warns(UserWarning, match="already wrapped"):
        monitored = VecMonitor(cartpole())
    monitored.seed(3)
    monitored.reset()
    episodes = []
    for _ in range(60):
        before = monitored.episode_returns.copy()
        _, rewards, dones, infos = monitored.step(np.ones(LANES, int))
        episodes += [info["episode"]["r"] == before[i] + rewards[i] for i, info in enumerate(infos) if dones[i]]
    assert len(episodes) > 3
    assert all(episodes)


def test_frames():
    env = vec_env(gym.make_vec("rl_lab/Robot-Empty-5x5-v0", num_envs=4, render_mode="rgb_array"))
    env.reset()
    frames = env.get_images()
    height, width = frames[0].shape[:2]
    assert env.render().shape == (2 * height, 2 * width, 3)
    assert cartpole().env_method("render") == [None] * LANES


def test_states_are_saved_and_restored():
    env = cartpole()
    env.seed(0)
    env.reset()
    state = env.batch.save_state()
    first = [env.step(np.ones(LANES, int))[0] for _ in range(30)]
    env.batch.load_state(state)
    again = [env.step(np.ones(LANES, int))[0] for _ in range(30)]
    np.testing.assert_array_equal(first, again)


def test_bad_use_is_refused():
    with pytest.raises(LabError, match=r"before its first reset; call reset\(\)"):
        cartpole().step(np.zeros(LANES, int))
    env = cartpole()
    env.reset()
    with pytest.raises(LabError, match="out of range"):
        env.step(np.array([0, 1, 2]))
    with pytest.raises(LabError, match="needs integers of shape"):
        env.step(np.zeros(LANES + 1, int))
    with pytest.raises(LabError, match="cannot be set"):
        env.set_attr("gravity", 5)
    with pytest.raises(LabError, match="no batched environment of the lab"):
        vec_env(gym.make_vec("CartPole-v1", num_envs=2))
    with pytest.raises(LabError, match="wrap the VecEnv instead"):
        vec_env(gym.wrappers.vector.RecordEpisodeStatistics(gym.make_vec("rl_lab/CartPole-v1", num_envs=2)))


class Spaces(gym.Env):
    """Random observations of any space."""

    def __init__(self, observation_space, action_space):
        self.observation_space, self.action_space = observation_space, action_space

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.observation_space.sample(), {}

    def step(self, action):
        return self.observation_space.sample(), 0.0, False, False, {}


OBSERVATIONS = {
    "floats": spaces.Box(-2, 2, (5,), np.float64),
    "grid": spaces.Box(-2, 2, (3, 4), np.float32),
    "bytes": spaces.Box(0, 10, (151,), np.uint8),
    "discrete": spaces.Discrete(6),
    "several": spaces.MultiDiscrete([3, 4, 2]),
    "bits": spaces.MultiBinary(7),
    "image": spaces.Box(0, 255, (8, 9, 3), np.uint8),
    "parts": spaces.Dict(b=spaces.Box(-1, 1, (3,)), a=spaces.Discrete(4), c=spaces.Box(0, 3, (2, 2), np.uint8)),
}
ACTIONS = {"discrete": spaces.Discrete(5), "continuous": spaces.Box(-1, 1, (3,), np.float32)}


def batch_of(space, count):
    samples = [space.sample() for _ in range(count)]
    if isinstance(space, spaces.Dict):
        return {name: np.stack([sample[name] for sample in samples]) for name in space.spaces}
    return np.stack(samples)


def by_sb3(model, observations):
    """Logits or means, and values."""
    policy = model.policy
    with torch.no_grad():
        tensor, _ = policy.obs_to_tensor(observations)
        features = policy.extract_features(tensor)
        own, shared = features if isinstance(features, tuple) else (features, features)
        outputs = policy.action_net(policy.mlp_extractor.forward_actor(own))
        values = policy.value_net(policy.mlp_extractor.forward_critic(shared))
    return outputs.numpy(), values.numpy()[:, 0]


def seen(id, steps=50):
    """Observations `(4 steps, ...)` of random actions."""
    env = gym.make_vec(id, num_envs=4)
    env.reset(seed=0)
    env.action_space.seed(0)
    return np.concatenate([env.step(env.action_space.sample())[0] for _ in range(steps)])


def assert_agree(policy, model, observations=None):
    if observations is None:
        policy.observation_space.seed(0)
        observations = batch_of(policy.observation_space, 200)
    rows = policy.encoder(observations, 200)
    expected_outputs, expected_values = by_sb3(model, observations)
    for ours, theirs in ((policy.outputs_of(rows), expected_outputs), (policy.values(rows), expected_values)):
        assert (np.abs(ours - theirs) <= 1e-6 * np.maximum(1, np.abs(theirs))).all(), np.abs(ours - theirs).max()
    assert np.ptp(expected_values) > 0.01


def shaken(model, seed=0):
    """A model whose weights are those of no initialisation."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.policy.parameters():
        parameter.data += 0.05 * torch.randn(parameter.shape, generator=generator)
    return model


@pytest.mark.parametrize("actions", ACTIONS)
@pytest.mark.parametrize("observations", OBSERVATIONS)
def test_sb3_weights_in_our_policy_and_back(observations, actions):
    env = Spaces(OBSERVATIONS[observations], ACTIONS[actions])
    kind = "MultiInputPolicy" if observations == "parts" else "MlpPolicy"
    algorithm = sb3.PPO if actions == "discrete" else sb3.A2C
    model = shaken(algorithm(kind, env, device="cpu", seed=0))
    policy = from_sb3(model)
    assert policy.observation_space == env.observation_space
    assert_agree(policy, model)
    if not policy.discrete:
        np.testing.assert_array_equal(policy.log_std, model.policy.log_std.detach().numpy())
    back = to_sb3(policy, env, algorithm)
    for name, tensor in model.policy.state_dict().items():
        assert torch.equal(tensor, back.policy.state_dict()[name]), name
    assert_agree(policy, to_sb3(policy))  # without an environment too


@pytest.mark.parametrize("net_arch", [[], [32], [128, 16, 16], {"pi": [8], "vf": [32, 32]}, {"pi": [], "vf": [4]}])
@pytest.mark.parametrize("activation", [torch.nn.Tanh, torch.nn.ReLU, torch.nn.Sigmoid])
def test_architectures(net_arch, activation):
    options = {
        "net_arch": net_arch,
        "activation_fn": activation,
        "share_features_extractor": activation is not torch.nn.Tanh,
    }
    env = Spaces(OBSERVATIONS["floats"], ACTIONS["discrete"])
    model = shaken(sb3.PPO("MlpPolicy", env, policy_kwargs=options, device="cpu"))
    policy = from_sb3(model.policy)
    assert_agree(policy, model)
    assert_agree(policy, to_sb3(policy))


def test_the_robots_camera():
    id = "rl_lab/Robot-DoorKey-5x5-v0"
    policy = ActorCritic(gym.make(id).observation_space, spaces.Discrete(7))
    policy.initialise(np.random.default_rng(0))
    assert_agree(policy, to_sb3(policy), seen(id))


@pytest.mark.parametrize("id", ["rl_lab/CartPole-v1", "Pendulum-v1"])
def test_an_agent_goes_on_in_sb3(id, tmp_path):
    agent = PPO(id, num_envs=2, n_steps=64, gamma=0.97, learning_rate="lin_1e-3", target_kl=0.5).learn(256)
    model = to_sb3(agent, agent.source.vector if id.startswith("rl_lab") else gym.make(id))
    assert (model.n_steps, model.gamma, model.target_kl) == (64, 0.97, 0.5)
    assert model.lr_schedule(0.5) == pytest.approx(5e-4)
    observations = seen(id)
    assert_agree(agent.policy, model, observations)
    ours, theirs = agent.predict(observations)[0], model.predict(observations, deterministic=True)[0]
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    model.learn(128).save(tmp_path / "model")
    returned = sb3.PPO.load(tmp_path / "model", device="cpu")
    agent.parameters[:] = from_sb3(returned).parameters
    np.testing.assert_allclose(
        agent.predict(observations)[0], returned.predict(observations, deterministic=True)[0], atol=1e-5
    )


def test_random_numbers_of_torch_are_left_alone():
    policy = ActorCritic(OBSERVATIONS["floats"], ACTIONS["discrete"])
    policy.initialise(np.random.default_rng(0))
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    to_sb3(policy)
    assert torch.equal(torch.rand(3), expected)


def test_models_that_cannot_be_taken_over():
    discrete = Spaces(OBSERVATIONS["floats"], ACTIONS["discrete"])
    continuous = Spaces(OBSERVATIONS["floats"], ACTIONS["continuous"])
    image = spaces.Box(0, 255, (36, 36, 3), np.uint8)
    with pytest.raises(LabError, match="SAC has neither an actor and a critic nor values of actions; use PPO, A2C"):
        from_sb3(sb3.SAC("MlpPolicy", continuous, buffer_size=10))
    with pytest.raises(LabError, match="algorithm DQN does not have the networks of ActorCritic; PPO, A2C and"):
        to_sb3(ActorCritic(discrete.observation_space, discrete.action_space), algorithm=sb3.DQN)
    with pytest.raises(LabError, match="gSDE"):
        from_sb3(sb3.PPO("MlpPolicy", continuous, use_sde=True))
    with pytest.raises(LabError, match="NatureCNN; only MlpPolicy"):
        from_sb3(sb3.PPO("CnnPolicy", Spaces(image, ACTIONS["discrete"]), n_steps=2, batch_size=2))
    for given in ({}, {"norm_obs": False}):
        normalised = VecNormalize(DummyVecEnv([lambda: discrete]), **given)
        model = sb3.PPO("MlpPolicy", normalised, n_steps=2, batch_size=2)
        assert from_sb3(model.policy).action_space == discrete.action_space
        if not given:
            with pytest.raises(LabError, match="VecNormalize, whose statistics"):
                from_sb3(model)
    assert from_sb3(model).action_space == discrete.action_space
    with pytest.raises(LabError, match="use ELU; the lab has tanh"):
        from_sb3(sb3.PPO("MlpPolicy", discrete, policy_kwargs={"activation_fn": torch.nn.ELU}))


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers_are_not_taken_over(wrong):
    model = to_sb3(ActorCritic(OBSERVATIONS["floats"], ACTIONS["continuous"], [8]))
    for tensor in (model.policy.action_net.weight, model.policy.log_std, model.policy.value_net.bias):
        before = tensor.data.clone()
        tensor.data.view(-1)[0] = wrong
        with pytest.raises(LabError, match="weights of the model are NaN or infinite"):
            from_sb3(model)
        tensor.data.copy_(before)
    policy = from_sb3(model)
    policy.parameters[3] = wrong
    with pytest.raises(LabError, match="weights of the model are NaN or infinite"):
        to_sb3(policy)


def test_agents_that_cannot_be_handed_over():
    policy = ActorCritic(OBSERVATIONS["floats"], ACTIONS["discrete"])
    with pytest.raises(LabError, match="observations are"):
        to_sb3(policy, Spaces(OBSERVATIONS["grid"], ACTIONS["discrete"]))
    with pytest.raises(LabError, match="actions are"):
        to_sb3(policy, Spaces(OBSERVATIONS["floats"], ACTIONS["continuous"]))
    with pytest.raises(LabError, match="VecNormalize"):
        to_sb3(PPO("rl_lab/CartPole-v1", n_steps=8, batch_size=8, normalize_observation=True))
    with pytest.raises(LabError, match="activation 'step' has no layer in torch"):
        to_sb3(PPO("rl_lab/CartPole-v1", n_steps=8, batch_size=8, activation="step"))
    with pytest.raises(LabError, match="no policy of the lab"):
        to_sb3("policy")
    assert dice().action_space == spaces.MultiDiscrete([4, 5])
    with pytest.raises(LabError, match="is unsupported"):
        from_sb3(sb3.PPO("MlpPolicy", BatchEnv(dice), n_steps=2, batch_size=2))


@pytest.mark.parametrize("env", ["rl_lab/CartPole-v1", "rl_lab/Robot-Empty-5x5-v0"])
def test_sb3s_make_vec_env_takes_our_ids(env):
    """It asks for rgb_array, and for no drawing only after a TypeError."""
    from stable_baselines3.common.env_util import make_vec_env

    vector = make_vec_env(env, n_envs=2)
    assert len(vector.reset()) == 2
