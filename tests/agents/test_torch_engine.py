"""The torch engine does all that the compiled one does: networks of your own, and their weights."""

import numpy as np
import pytest
import torch

from rl_lab.agents import PPO
from rl_lab.agents.run_folder import train
from rl_lab.core import weights
from rl_lab.errors import LabError

CARTPOLE = "rl_lab/CartPole-v1"
SMALL = {"num_envs": 4, "n_steps": 32, "batch_size": 64, "n_epochs": 2}


class Own(torch.nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.heads = torch.nn.Linear(inputs, outputs + 1)

    def forward(self, observations):
        both = self.heads(observations)
        return both[:, :-1], both[:, -1]


def test_the_weights_of_a_network_of_your_own_are_the_agents(tmp_path):
    agent = train(CARTPOLE, 256, tmp_path / "run", policy=Own, **SMALL)
    own = {name: tensor.numpy() for name, tensor in agent.engine.module.state_dict().items()}
    np.testing.assert_array_equal(np.sort(agent.parameters), np.sort(np.concatenate([a.ravel() for a in own.values()])))
    with pytest.raises(ValueError, match="read-only"):
        agent.parameters[:] = 0
    kept = weights.load(tmp_path / "run" / "policy.safetensors")
    assert kept.keys() == own.keys()
    for name, array in own.items():
        np.testing.assert_array_equal(kept[name], array)
    agent.engine.module.heads.weight.data[:] = float("nan")
    with pytest.raises(LabError, match="the policy gave nan"):
        agent.learn(128)
    with pytest.raises(LabError, match="outputs are not finite"):
        agent.predict(np.zeros(4))


class Wide(Own):
    def forward(self, observations):
        outputs, values = super().forward(observations)
        return outputs, values[:, None]


class Few(Own):
    def forward(self, observations):
        return self.heads(observations)


@pytest.mark.parametrize(
    ("env", "policy", "message"),
    [
        (CARTPOLE, Wide, r"policy gave shapes \[\(4, 2\), \(4, 1\)\] for 4 observations; .* \(4,\), values"),
        (CARTPOLE, Few, "policy gave 'Tensor' for 4 observations; it must give a pair"),
        ("Pendulum-v1", Own, "policy Own has no log_std"),
        (CARTPOLE, lambda inputs, outputs: 3, "policy gave 3"),
        (CARTPOLE, 3, "policy gave 3"),
    ],
)
def test_a_network_that_keeps_no_contract(env, policy, message):
    with pytest.raises(LabError, match=message):
        PPO(env, policy=policy, **SMALL).learn(128)
