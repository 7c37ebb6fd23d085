"""Pretraining for models of Stable-Baselines3, which stay ordinary models; import it from `rl_lab.sb3`.

The actor is cloned from an expert, the critic fitted to the returns of the clone's own rollouts. Then SB3's own
`learn` goes on, with a callback that keeps the clone from being lost in the first updates: it hooks into the
optimiser's step, and takes its hooks away when training ends.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3 import A2C, PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.distributions import kl_divergence
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.vec_env import VecEnv, VecNormalize, is_vecenv_wrapped

from rl_lab import seed_offsets
from rl_lab.agents.common.kickstarting import KickstartSchedule
from rl_lab.agents.common.networks import ActorCritic
from rl_lab.data.demonstrations import Demonstrations
from rl_lab.data.playing import collect
from rl_lab.errors import LabError
from rl_lab.sb3_weights import from_sb3, put_weights
from rl_lab.stages import experts
from rl_lab.stages.clone import Clone
from rl_lab.stages.demonstrate import rows_of, shuffled_actions
from rl_lab.stages.ledger import Ledger
from rl_lab.stages.step_budget import CLONE_ONLY, SHUFFLED, WARM_UP_ONLY, BudgetSpent, StepBudget, step_budget_of
from rl_lab.stages.value import ROUNDS, FitValue, Played
from rl_lab.supervised import Classifier, Regressor
from rl_lab.supervised.estimator import Estimator
from rl_lab.validation import whole_number

CLONE, VALUE = Clone(), FitValue()


def pretrain(
    model: OnPolicyAlgorithm,
    env: gym.Env | VecEnv,
    expert: Any = None,
    episodes: int = 50,
    *,
    dataset: str | None = None,
    clone: Clone | None = CLONE,
    value: FitValue | None = VALUE,
    warmup_steps: int | None = None,
    ramp_steps: int | None = None,
    actor_rate: float = 1.0,
    kl_coef: float = 1.0,
    kl_steps: int | None = None,
) -> KickstartCallback:
    """Clone an expert into a model, fit its critic, and get a callback for `model.learn(steps, callback=...)`.

    Args:
        model: PPO or A2C with `MlpPolicy`, or with `MultiInputPolicy` on a Dict without images.
        env: what the model was made with; an expert plays in a single environment.
        expert: `expert(observation, info) -> action`, a name such as "planner", a trained model; see
            `rl_lab.stages.experts.find`.
        episodes: that the expert shows.
        dataset: name of a Minari data set, in place of an expert.
        clone: how the actor is fitted; None leaves it as it is.
        value: how the critic is fitted, and on how many steps of the clone's own; None leaves it as it is.
        warmup_steps: of `learn`, in which the critic is trained alone; None for 8192, at most a tenth of them.
        ramp_steps: over which the actor's steps then grow from nothing; None for 16,384, at most a fifth.
        actor_rate: to which share of their full length.
        kl_coef: of the divergence from the clone in the loss, at first.
        kl_steps: over which it falls to 0; None for 100,000, at most the whole training.

    Returns:
        The callback. In a comparison, all that was used is charged to the contender.

    Raises:
        LabError: the model is of another kind, the expert never succeeds or answers out of range, or the data set
            is one of another environment.
    """
    _check(model, env, clone, value)
    if (expert is None) == (dataset is None):
        raise LabError("pretrain takes an expert or a dataset; give exactly one of them")
    whole_number("episodes", episodes, 1)
    schedule = KickstartSchedule(warmup_steps, ramp_steps, actor_rate, kl_coef, kl_steps)
    held, source = KickstartCallback(schedule), _Source(expert, dataset, episodes)
    meter, outer = step_budget_of(model.env)
    if meter is None:  # where the model's environment is not the one that the comparison counts
        meter, outer = step_budget_of(env)
    if meter is None:
        _pretrained(model, env, source, clone, value)
    elif meter.control == WARM_UP_ONLY:
        return KickstartCallback(replace(schedule, kl_coef=0.0))
    else:
        _charged(meter, outer, model, env, source, clone, value)
    return held


def _check(model: Any, env: Any, clone: Any, value: Any) -> None:
    """Refuse what cannot be pretrained, and give a model that was loaded without an environment the one it has."""
    if not isinstance(model, (PPO, A2C)):
        raise LabError(f"{type(model).__name__} cannot be pretrained so; use PPO or A2C")
    if not isinstance(env, (gym.Env, VecEnv)):
        raise LabError(f"env is {env!r}; give the environment itself that the model was made with")
    for name, given, kind in (("clone", clone, Clone), ("value", value, FitValue)):
        if given is not None and not isinstance(given, kind):
            raise LabError(f"{name}={given!r} is not allowed; give a {kind.__name__}(...) of rl_lab.stages, or None")
    if model.env is None:
        model.set_env(env)
    assert model.env is not None
    if is_vecenv_wrapped(model.env, VecNormalize):
        raise LabError("the model's environment is in a VecNormalize, which pretraining cannot follow; leave it out")


def _charged(
    meter: StepBudget, outer: Any, model: Any, env: Any, source: _Source, clone: Clone | None, value: FitValue | None
) -> None:
    """Pretrain in a comparison, which counts the steps and judges what they gave; or only as much as a control says."""
    before = meter.steps
    meter.evaluate_if_due(model, outer)
    with meter.off_the_clock():  # compile what actor and critic are fitted with, or load it from the cache
        inputs, targets = np.zeros((8, 1), np.float32), np.arange(8) % 2
        for estimator in (Classifier, Regressor):
            estimator((2,), "tanh", max_iter=1, early_stopping=True, validation_fraction=0.5).fit_to(inputs, targets)
    wanted = None if value is None or meter.control == CLONE_ONLY else replace(value, steps=value.within(meter.budget))
    try:
        spent = _pretrained(model, env, source._replace(shuffled=meter.control == SHUFFLED), clone, wanted)
    except BudgetSpent as error:
        raise LabError(
            f"pretraining took all {meter.budget} steps of the budget; give more steps, fewer episodes, or fewer steps "
            "to the critic with value=FitValue(steps=...)"
        ) from error
    meter.charge(spent.steps() - (meter.steps - before))
    meter.switch(spent, model, outer)
    if meter.control == CLONE_ONLY:
        meter.rest()


class _Source(NamedTuple):
    expert: Any
    dataset: str | None
    episodes: int
    shuffled: bool = False


def _pretrained(
    model: Any, env: gym.Env | VecEnv, source: _Source, clone: Clone | None, value: FitValue | None
) -> Ledger:
    """Fit the model's actor and critic; what that cost."""
    policy, seed = from_sb3(model), model.seed or 0
    if not isinstance(policy, ActorCritic):
        raise LabError(f"{type(model).__name__} has no separate actor and critic; use PPO, A2C or MaskablePPO")
    shown, teacher_steps = _shown(env, source, seed)
    shown.check_fits("the model", policy.observation_space, policy.action_space, getattr(env, "spec", None))
    actions = shuffled_actions(shown.actions(), seed) if source.shuffled else shown.actions()
    spent = Ledger(demonstration_transitions=shown.transitions, teacher_steps=teacher_steps)

    def fit(estimator: Estimator, rows: np.ndarray, targets: np.ndarray, **more: Any) -> Estimator:
        nonlocal spent
        estimator.fit_to(rows, targets, **more)
        spent += Ledger(labels=len(rows), gradient_steps=estimator.history_.gradient_steps)
        return estimator

    if clone is not None:
        clone.fit(policy, rows_of(policy.encoder, shown), actions, seed, fit)
        put_weights(policy, model)
    if value is not None:
        player = _Player(model, policy, value.within(None))
        value.fit(policy, player, model.gamma, seed, fit)
        spent += Ledger(learner_steps=player.taken)
        put_weights(policy, model)
    model.pretraining_steps = getattr(model, "pretraining_steps", 0) + spent.steps("teacher")  # where it is an expert
    model.policy.optimizer.state.clear()
    model._last_obs = None  # `learn` starts with a reset: the expert has moved the environment
    return spent


class KickstartCallback(BaseCallback):
    """Keeps a pretrained policy from being lost, as the schedule says."""

    def __init__(self, schedule: KickstartSchedule) -> None:
        super().__init__()
        if schedule.actor_rate > 1:
            raise LabError(f"actor_rate={schedule.actor_rate} is not allowed; it is a share of a step, at most 1")
        self.schedule = schedule
        self._hooks: list[Any] = []
        self._begun = 0
        self._reference: Any = None
        self._before: list[tuple[torch.Tensor, torch.Tensor]] = []

    def _on_training_start(self) -> None:
        self._on_training_end()  # of a `learn` that was broken off
        if self._reference is None:  # the first `learn` after pretraining
            model: Any = self.model
            policy = model.policy  # tensors that it keeps from training do not let it be copied as it is
            self._reference = type(policy)(**policy._get_constructor_parameters()).to(policy.device)
            self._reference.load_state_dict(policy.state_dict())
            self._begun = self.num_timesteps
            self.schedule = self.schedule.over(model._total_timesteps - self.num_timesteps)
            self._rng = np.random.default_rng(self.model.seed or 0)
        optimiser = self.model.policy.optimizer
        self._hooks = [
            optimiser.register_step_pre_hook(self._before_step),
            optimiser.register_step_post_hook(self._after_step),
        ]

    def _on_step(self) -> bool:
        return True

    def _on_training_end(self) -> None:
        for hook in self._hooks:
            hook.remove()
        self._hooks = []

    @property
    def _rates(self) -> tuple[float, float]:
        """The share of the actor's step, and the coefficient of the divergence."""
        model: Any = self.model
        return self.schedule.rates(max(0, self.num_timesteps - model.n_steps * model.n_envs - self._begun))

    def _before_step(self, *_: Any) -> None:
        rate, coefficient = self._rates
        policy: Any = self.model.policy
        actor = [*policy.mlp_extractor.policy_net.parameters(), *policy.action_net.parameters()]
        actor += [policy.log_std] if hasattr(policy, "log_std") else []
        if rate == 0:
            for parameter in actor:
                parameter.grad = None  # the optimiser then leaves it as it is
            return
        if coefficient > 0:
            self._add_divergence(actor, coefficient)
        self._before = [(parameter, parameter.detach().clone()) for parameter in actor] if rate < 1 else []

    def _after_step(self, *_: Any) -> None:
        rate = self._rates[0]
        for parameter, before in self._before:
            parameter.data.copy_(before + rate * (parameter.data - before))
        self._before = []

    def _add_divergence(self, actor: list[torch.nn.Parameter], coefficient: float) -> None:
        """Add the gradient of the divergence from the clone, on a minibatch of the rollout."""
        observations = _minibatch(self.model, self._rng)
        with torch.no_grad():
            there = self._reference.get_distribution(observations)
        policy: Any = self.model.policy
        here = policy.get_distribution(observations)
        loss = coefficient * kl_divergence(there, here).mean()
        gradients = torch.autograd.grad(loss, actor, allow_unused=True)
        for parameter, gradient in zip(actor, gradients, strict=True):
            if gradient is not None:
                parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient


def _minibatch(model: Any, rng: np.random.Generator) -> Any:
    buffer = model.rollout_buffer
    count = buffer.buffer_size * buffer.n_envs
    chosen = rng.integers(count, size=min(count, getattr(model, "batch_size", count)))

    def take(array: np.ndarray, shape: tuple[int, ...]) -> torch.Tensor:
        return torch.as_tensor(array.reshape(count, *shape)[chosen], device=model.device)

    if isinstance(buffer.observations, dict):
        return {name: take(array, buffer.obs_shape[name]) for name, array in buffer.observations.items()}
    return take(buffer.observations, buffer.obs_shape)


def _shown(env: gym.Env | VecEnv, source: _Source, seed: int) -> tuple[Demonstrations, int]:
    """Demonstrations, and the steps that it took to make whoever gave them."""
    if source.dataset is not None:
        return Demonstrations.read(source.dataset).drawn(source.episodes, seed), 0
    if not isinstance(env, gym.Env):
        raise LabError(
            f"an expert plays in a single environment, and {type(env).__name__} is a batch; give the environment that "
            "it was made of, or a dataset"
        )
    known = experts.find(source.expert, env)
    return collect(env, known.act, source.episodes, seed=seed * seed_offsets.DEMONSTRATIONS), known.teacher_steps


class _Player:
    """Plays on with a model's actor, which learns nothing from it, and with our critic."""

    def __init__(self, model: Any, policy: ActorCritic, steps: int) -> None:
        self.model, self.policy, self.taken = model, policy, 0
        self.venv = model.get_env()
        self.length = -(-steps // (ROUNDS * self.venv.num_envs))
        self.observations = self.venv.reset()

    def __call__(self) -> Played:
        kept: tuple[list[np.ndarray], ...] = ([], [], [], [])
        for _ in range(self.length):
            rows = self._rows(self.observations, self.venv.num_envs)
            actions, _ = self.model.predict(self.observations, deterministic=False)
            self.observations, rewards, dones, infos = self.venv.step(actions)
            cut_off = np.array([bool(info.get("TimeLimit.truncated", False)) for info in infos])
            earned = np.asarray(rewards, np.float32).copy()
            for lane in np.flatnonzero(cut_off):
                earned[lane] += self.model.gamma * self._values(infos[lane]["terminal_observation"], 1)[0]
            self.taken += self.venv.num_envs
            for parts, array in zip(kept, (rows, earned, dones, cut_off), strict=True):
                parts.append(np.asarray(array))
        rows, earned, dones, cut_off = (np.stack(parts) for parts in kept)
        always, never = np.ones_like(dones), np.zeros_like(dones)
        return Played(rows, earned, dones, cut_off, never, always, self._values(self.observations, len(dones[0])))

    def _values(self, observations: Any, batch: int) -> np.ndarray:
        return self.policy.values(self._rows(observations, batch))

    def _rows(self, observations: Any, batch: int) -> np.ndarray:
        return self.policy.encoder(_ours(observations, self.policy, batch), batch).copy()


def _ours(observations: Any, policy: ActorCritic, batch: int) -> Any:
    """Observations with the channels of an image where the environment has them, last."""
    shape = policy.observation_space.shape
    if isinstance(observations, np.ndarray) and shape is not None and observations.shape[-len(shape) :] != shape:
        return observations.reshape(batch, *observations.shape[-3:]).transpose(0, 2, 3, 1)
    return observations
