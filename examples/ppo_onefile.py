"""Proximal policy optimisation in one file, on the perceptron core: copy it and make it yours.

    python examples/ppo_onefile.py
    python examples/ppo_onefile.py --env Acrobot-v1 --total-timesteps 500000

It is plain Python that `jit.specialize` compiles, at the first run for half a minute; afterwards it is three
quarters as fast as `rl_lab.agents.PPO`, which adds continuous actions, masks, normalisation and exact resume. The
environment may be any with Discrete actions and a flat Box. The loss stands in one function, `loss_gradient`; to
write a loss in torch instead, see `own_loss.py`.
"""

import time
from dataclasses import dataclass
from typing import NamedTuple

import gymnasium as gym
import numpy as np
import tyro
from gymnasium.vector import AutoresetMode

import rl_lab  # noqa: F401  registers the environments
from rl_lab import jit, random
from rl_lab.core import mlp, optim
from rl_lab.core.activations import TANH, exp
from rl_lab.core.mlp import MLP

PRINT = 40  # iterations from line to line


@dataclass
class Args:
    """Hyperparameters; the defaults are those of rl-zoo for CartPole."""

    env: str = "rl_lab/CartPole-v1"
    """Gymnasium id."""
    seed: int = 0
    """Of weights, actions, minibatches and environments."""
    total_timesteps: int = 100_000
    """Steps over all lanes."""
    num_envs: int = 8
    """Lanes of the environment."""
    n_steps: int = 32
    """Steps of each lane in a rollout."""
    batch_size: int = 256
    """Samples in a minibatch."""
    n_epochs: int = 20
    """How often each rollout is gone through."""
    learning_rate: float = 1e-3
    """Step size of Adam at first; it falls linearly to zero, and so does `clip_range`."""
    gamma: float = 0.98
    """Discount."""
    gae_lambda: float = 0.8
    """Bias-variance trade-off of generalised advantage estimation."""
    clip_range: float = 0.2
    """How far the probability ratio may move."""
    ent_coef: float = 0.0
    """Weight of the entropy."""
    vf_coef: float = 0.5
    """Weight of the value loss."""
    max_grad_norm: float = 0.5
    """Longest gradient."""


class Agent(NamedTuple):
    """Actor and critic, over one flat buffer, with the memory that their passes need."""

    parameters: np.ndarray  # float32: the actor's, then the critic's
    actor_end: int
    actor_sizes: np.ndarray  # int64 (layers + 1,)
    critic_sizes: np.ndarray
    actor_hidden: np.ndarray  # float32 workspaces
    critic_hidden: np.ndarray
    scratch: np.ndarray
    gradient: np.ndarray  # float32 (parameters,), and Adam's state
    first: np.ndarray
    second: np.ndarray
    steps: np.ndarray  # int64 (1,)


class Rollout(NamedTuple):
    """Experience; all are `(steps, lanes)` but where a shape is given. Flattened, `(samples,)`."""

    observations: np.ndarray  # float32 (steps, lanes, inputs)
    actions: np.ndarray  # int64
    log_probs: np.ndarray  # float32, of the actions when they were taken
    values: np.ndarray  # float32
    rewards: np.ndarray  # float32
    dones: np.ndarray  # bool, whether the episode ended with this step
    advantages: np.ndarray  # float32
    returns: np.ndarray  # float32


@jit.fast
def forward(agent, inputs):
    """Logits `(batch, actions)` and values `(batch, 1)`."""
    actor, critic = agent.parameters[: agent.actor_end], agent.parameters[agent.actor_end :]
    logits = mlp.forward(actor, agent.actor_sizes, TANH, inputs, agent.actor_hidden)
    return logits, mlp.forward(critic, agent.critic_sizes, TANH, inputs, agent.critic_hidden)


@jit.fast
def log_softmax(logits):
    """Turn logits into log-probabilities, in place."""
    for i in range(logits.shape[0]):
        total = np.float32(0)
        top = logits[i].max()
        for j in range(logits.shape[1]):
            total += exp(logits[i, j] - top)
        logits[i] -= top + np.log(total)


@jit.fast
def sample(t, observations, logits, values, rollout, stream):
    """Draw actions, and store them with what was seen at step `t` and what it was worth."""
    log_softmax(logits)
    rollout.observations[t] = observations
    for lane in range(logits.shape[0]):
        left = random.random(stream)
        action = 0
        while action < logits.shape[1] - 1 and left >= exp(logits[lane, action]):
            left -= exp(logits[lane, action])
            action += 1
        rollout.actions[t, lane] = action
        rollout.log_probs[t, lane] = logits[lane, action]
        rollout.values[t, lane] = values[lane, 0]


@jit.fast
def estimate_advantages(last_values, rollout, gamma, gae_lambda):
    """Generalised advantage estimation (Schulman et al., 2016, equation 16)."""
    steps, lanes = rollout.rewards.shape
    for lane in range(lanes):
        advantage, next_value = 0.0, last_values[lane, 0]
        for t in range(steps - 1, -1, -1):
            going_on = 0.0 if rollout.dones[t, lane] else 1.0
            delta = rollout.rewards[t, lane] + gamma * next_value * going_on - rollout.values[t, lane]
            advantage = delta + gamma * gae_lambda * going_on * advantage
            rollout.advantages[t, lane] = advantage
            rollout.returns[t, lane] = advantage + rollout.values[t, lane]
            next_value = rollout.values[t, lane]


@jit.fast
def loss_gradient(logits, values, samples, advantages, chosen, clip, ent_coef, vf_coef, by_logits, by_values):
    """THE LOSS, as its gradient with respect to logits and values. This is what to change.

    loss = mean of  -min(A r, A clip(r, 1 - c, 1 + c)) - ent_coef H + vf_coef (V - R)²

    with the ratio r = p / p_old of the action's probabilities and the entropy H (Schulman et al., 2017). Through
    the softmax, d log p(a) / d z_j = [j = a] - p_j and d H / d z_j = -p_j (log p_j + H).
    """
    count = len(chosen)
    log_softmax(logits)
    for i in range(count):
        k = chosen[i]
        action, advantage = samples.actions[k], advantages[i]
        ratio = exp(logits[i, action] - samples.log_probs[k])
        bounded = min(max(ratio, 1 - clip), 1 + clip)
        by_log_prob = -advantage * ratio / count if advantage * ratio <= advantage * bounded else 0.0
        entropy = 0.0
        for j in range(logits.shape[1]):
            entropy -= exp(logits[i, j]) * logits[i, j]
        for j in range(logits.shape[1]):
            p = exp(logits[i, j])
            by_logits[i, j] = -p * by_log_prob + ent_coef / count * p * (logits[i, j] + entropy)
        by_logits[i, action] += by_log_prob
        by_values[i, 0] = 2 * vf_coef * (values[i, 0] - samples.returns[k]) / count


@jit.fast
def descend(agent, inputs, by_logits, by_values, learning_rate, max_grad_norm):
    """One step of Adam along the gradient of the loss, clipped."""
    actor, critic = agent.parameters[: agent.actor_end], agent.parameters[agent.actor_end :]
    to_actor, to_critic = agent.gradient[: agent.actor_end], agent.gradient[agent.actor_end :]
    mlp.backward(actor, agent.actor_sizes, TANH, inputs, agent.actor_hidden, by_logits, to_actor, agent.scratch)
    mlp.backward(critic, agent.critic_sizes, TANH, inputs, agent.critic_hidden, by_values, to_critic, agent.scratch)
    optim.clip_norm(agent.gradient, max_grad_norm)
    agent.steps[0] += 1
    moments = agent.first, agent.second
    optim.adam(agent.parameters, agent.gradient, *moments, agent.steps[0], learning_rate, 0.9, 0.999, 1e-5)


@jit.fast
def update(agent, samples, order, batch_size, learning_rate, clip, ent_coef, vf_coef, max_grad_norm):
    """Go through the samples, minibatch by minibatch; `order` is int64 `(epochs, samples)`."""
    actions = agent.actor_sizes[-1]
    inputs_memory = np.empty((batch_size, agent.actor_sizes[0]), np.float32)
    by_logits, by_values = np.empty((batch_size, actions), np.float32), np.empty((batch_size, 1), np.float32)
    for epoch in range(order.shape[0]):
        for start in range(0, order.shape[1], batch_size):
            chosen = order[epoch, start : start + batch_size]
            count = len(chosen)
            inputs = inputs_memory[:count]
            for i in range(count):
                inputs[i] = samples.observations[chosen[i]]
            advantages = samples.advantages[chosen]
            advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
            logits, values = forward(agent, inputs)
            loss_gradient(logits, values, samples, advantages, chosen, clip, ent_coef, vf_coef, by_logits, by_values)
            descend(agent, inputs, by_logits[:count], by_values[:count], learning_rate, max_grad_norm)


def make_agent(inputs: int, actions: int, rows: int, seed: int) -> Agent:
    """Networks as SB3 starts them, for batches of up to `rows`."""
    sizes = (inputs, 64, 64, actions), (inputs, 64, 64, 1)
    ends = np.cumsum([mlp.count(s) for s in sizes])
    parameters = np.zeros(ends[1], np.float32)
    actor, critic = MLP(sizes[0], "tanh", parameters[: ends[0]]), MLP(sizes[1], "tanh", parameters[ends[0] :])
    rng = np.random.default_rng(seed)
    actor.initialise(rng, gain=0.01)
    critic.initialise(rng, gain=1.0)
    hidden = (np.zeros(mlp.hidden_size(s, rows), np.float32) for s in sizes)
    scratch = np.zeros(mlp.scratch_size(sizes[0], rows), np.float32)
    moments = (np.zeros_like(parameters) for _ in range(3))
    sizes_ = actor.size_array, critic.size_array
    return Agent(parameters, int(ends[0]), *sizes_, *hidden, scratch, *moments, np.zeros(1, np.int64))


def make_environment(args: Args) -> gym.vector.VectorEnv:
    """Environments that restart in the step in which they end."""
    mode = {"autoreset_mode": AutoresetMode.SAME_STEP}
    if args.env.startswith("rl_lab/"):
        return gym.make_vec(args.env, num_envs=args.num_envs, **mode)
    return gym.make_vec(args.env, num_envs=args.num_envs, vectorization_mode="sync", vector_kwargs=mode)


def train(args: Args) -> list[float]:
    """Train, print how it goes, and return the returns of all episodes."""
    envs, rng, stream = make_environment(args), np.random.default_rng(args.seed), np.zeros(1, np.uint64)
    random.seed_stream(stream, np.random.SeedSequence(args.seed))
    inputs, actions = envs.single_observation_space.shape[0], int(envs.single_action_space.n)
    agent = make_agent(inputs, actions, max(args.num_envs, args.batch_size), args.seed)
    shape, f32 = (args.n_steps, args.num_envs), np.float32
    arrays = [np.zeros(shape, dtype) for dtype in (np.int64, f32, f32, f32, np.bool_, f32, f32)]
    rollout = Rollout(np.zeros((*shape, inputs), f32), *arrays)
    samples = Rollout(*(array.reshape(-1, *array.shape[2:]) for array in rollout))  # the same memory
    evaluate, draw = jit.specialize(forward), jit.specialize(sample)
    estimate, improve = jit.specialize(estimate_advantages), jit.specialize(update)

    observations = np.array(envs.reset(seed=args.seed)[0], f32)
    lane_returns, returns, last_print = np.zeros(args.num_envs), [], time.perf_counter()
    iterations = -(-args.total_timesteps // rollout.rewards.size)
    for iteration in range(iterations):
        for t in range(args.n_steps):
            draw(t, observations, *evaluate(agent, observations), rollout, stream)
            seen, rewards, terminated, truncated, info = envs.step(rollout.actions[t])
            observations[:], rollout.rewards[t], rollout.dones[t] = seen, rewards, terminated | truncated
            lane_returns += rewards
            for lane in np.flatnonzero(rollout.dones[t]):
                returns.append(float(lane_returns[lane]))
                lane_returns[lane] = 0
                if not terminated[lane]:  # truncated: what would have come next is worth what the critic says
                    final = np.array(info["final_obs"][lane], f32)[None]
                    rollout.rewards[t, lane] += args.gamma * evaluate(agent, final)[1][0, 0]
        estimate(evaluate(agent, observations)[1], rollout, args.gamma, args.gae_lambda)
        remaining = 1 - iteration / iterations
        order = np.array([rng.permutation(rollout.rewards.size) for _ in range(args.n_epochs)])
        rates = args.learning_rate * remaining, args.clip_range * remaining
        improve(agent, samples, order, args.batch_size, *rates, args.ent_coef, args.vf_coef, args.max_grad_norm)
        if returns and (iteration + 1) % PRINT == 0:
            speed = PRINT * rollout.rewards.size / (time.perf_counter() - last_print)
            steps, mean, last_print = (
                (iteration + 1) * rollout.rewards.size,
                np.mean(returns[-100:]),
                time.perf_counter(),
            )
            print(f"{steps:9d} steps  {speed:8,.0f} steps/s  mean return {mean:.1f}")
    return returns


if __name__ == "__main__":
    train(tyro.cli(Args, description=__doc__))
