"""Our agents and Stable-Baselines3's models in one state, to learn from the same rollout."""

import numpy as np
import stable_baselines3 as sb3
import torch

from rl_lab.agents.common.rollout_buffer import RolloutSamples

NUM_ENVS, SEED = 4, 3


def copy_weights(model, agent):
    """SB3's weights into ours."""
    policy = model.policy
    heads = (
        (agent.policy.actor, [*policy.mlp_extractor.policy_net, policy.action_net]),
        (agent.policy.critic, [*policy.mlp_extractor.value_net, policy.value_net]),
    )
    for mlp, modules in heads:
        linear = [m for m in modules if isinstance(m, torch.nn.Linear)]
        for (weights, bias), layer in zip(mlp.layers(), linear, strict=True):
            weights[:] = layer.weight.detach().numpy().T
            bias[:] = layer.bias.detach().numpy()
    if not agent.policy.discrete:
        agent.policy.log_std[:] = policy.log_std.detach().numpy()


def flat(model, agent):
    """SB3's weights in the order of our buffer."""
    twin = type(agent)(agent.source.name, n_steps=8)
    copy_weights(model, twin)
    return twin.parameters.copy()


def callback(model):
    """One that does nothing, as SB3's `collect_rollouts` wants it."""
    made = sb3.common.callbacks.CallbackList([])
    made.init_callback(model)
    return made


def trained_model(kind, env, n_steps, **settings):
    """A model of SB3 that has learned from one rollout and has collected another."""
    torch.set_num_threads(1)
    vector = sb3.common.env_util.make_vec_env(env, n_envs=NUM_ENVS, seed=SEED)
    model = kind("MlpPolicy", vector, n_steps=n_steps, seed=SEED, **settings)
    model.learn(1)
    model.collect_rollouts(model.env, callback(model), model.rollout_buffer, n_steps)
    return model


def in_the_state_of(model, agent):
    """Give an agent SB3's weights and the moments of its optimiser."""
    copy_weights(model, agent)
    theirs = model.policy.optimizer.state
    count = int(theirs[next(iter(model.policy.parameters()))]["step"])
    moments = {ours: _moment(model, agent, name) for ours, name in agent.optimizer.moments.items()}
    if agent.engine.name == "compiled":
        prefix = agent.optimizer.torch.lower()
        state = {f"{prefix}.{name}": array for name, array in moments.items()}
        agent.engine.restore(state | {f"{prefix}.count": np.full(3, count)})
        return
    parts = agent.policy.layout.segments
    for name, parameter in agent.engine.module.named_parameters():
        place = slice(parts[name.split(".")[0]].begin, parts[name.split(".")[0]].end)
        agent.engine.optimizer.state[parameter] = {
            agent.optimizer.moments[ours]: torch.from_numpy(array[place].copy()) for ours, array in moments.items()
        } | {"step": torch.tensor(float(count))}


def _moment(model, agent, name):
    """A moment of SB3's optimiser in the order of our buffer."""
    saved = [parameter.data.clone() for parameter in model.policy.parameters()]
    for parameter in model.policy.parameters():
        parameter.data = model.policy.optimizer.state[parameter][name].clone()
    found = flat(model, agent)
    for parameter, data in zip(model.policy.parameters(), saved, strict=True):
        parameter.data = data
    return found


def samples_of(buffer, agent):
    """SB3's rollout as ours; its `train` has flattened it."""
    width = 1 if agent.policy.discrete else agent.policy.outputs
    actions = buffer.actions.reshape(-1, width).astype(np.int64 if agent.policy.discrete else np.float32)
    return RolloutSamples(
        buffer.observations.reshape(-1, agent.policy.encoder.size).astype(np.float32),
        np.ones((len(actions), 0), np.bool_),
        actions,
        *(a.reshape(-1).copy() for a in (buffer.log_probs, buffer.values, buffer.advantages, buffer.returns)),
        np.zeros((len(actions), 0), np.float32),
    )


def train_both(model, agent, epochs=1):
    """Let SB3 and ours learn from SB3's rollout, in the same order; what our engine reports."""
    np.random.seed(11)
    size = model.n_steps * NUM_ENVS
    order = np.stack([np.random.permutation(size) for _ in range(epochs)]).astype(np.int64)
    np.random.seed(11)  # SB3's buffer draws the same permutations
    model.train()
    agent.num_timesteps, agent.total_timesteps = 0, 1  # schedules are at their start
    return agent.engine.update(samples_of(model.rollout_buffer, agent), order, agent._settings())
