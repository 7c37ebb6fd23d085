"""Experience of many iterations in preallocated rings, and minibatches of transitions drawn from it.

Each environment has a ring of slots. A slot holds an observation and what its step brought; the slot after it holds the
next observation, so that each is kept once. Where an episode ended, what it saw last lies apart. One slot more than
there are transitions holds what is seen now.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from rl_lab import jit, random
from rl_lab.agents.common.networks import Policy
from rl_lab.agents.common.normalizer import normalize_reward, normalize_row
from rl_lab.agents.common.runner import StepView
from rl_lab.errors import LabError
from rl_lab.memory import check_memory

GOES_ON, TERMINATED, TRUNCATED = range(3)
HEAD, STORED = range(2)
SCALARS = 7  # bytes of a transition beside observations, masks and action


class ReplayBuffer(NamedTuple):
    """Experience; a step of one environment is a transition."""

    observations: np.ndarray  # (slots, num_envs, size), rows of the encoder as the environment gave them
    finals: np.ndarray  # (slots, num_envs, size), what was seen last where an episode ended
    masks: np.ndarray  # bool (slots, num_envs, actions), or (slots, num_envs, 0)
    actions: np.ndarray  # int64 (slots, num_envs, 1) or float32 (slots, num_envs, dimensions)
    rewards: np.ndarray  # float32 (slots, num_envs), as the environment gave them
    ends: np.ndarray  # uint8 (slots, num_envs): GOES_ON, TERMINATED or TRUNCATED
    valid: np.ndarray  # bool (slots, num_envs), False for steps that only reset an environment
    turned: np.ndarray  # bool (slots, num_envs), whether the value of what follows changes its sign, as in a game
    place: np.ndarray  # int64 (2,): the slot of what is seen now, and the number of slots behind it that hold steps


class ReplaySamples(NamedTuple):
    """A minibatch of transitions over one or several steps."""

    observations: np.ndarray  # float32 (batch, size), the networks' inputs
    actions: np.ndarray  # (batch, width)
    rewards: np.ndarray  # float32 (batch,), discounted sum over the steps
    discounts: np.ndarray  # float32 (batch,), factor of the value of what follows; 0 where the episode terminated
    next_observations: np.ndarray  # float32 (batch, size)
    next_masks: np.ndarray  # bool (batch, actions), all True at the end of an episode, or (batch, 0)


def make_replay_buffer(capacity: int, num_envs: int, policy: Policy) -> ReplayBuffer:
    """Memory for `capacity` transitions over all environments; untouched pages cost nothing yet."""
    shape = (capacity // num_envs + 1, num_envs)
    size, dtype = policy.encoder.size, policy.encoder.dtype
    return ReplayBuffer(
        observations=np.zeros((*shape, size), dtype),
        finals=np.zeros((*shape, size), dtype),
        masks=np.zeros((*shape, policy.masks), np.bool_),
        actions=np.zeros((*shape, policy.action_width), policy.action_dtype),
        rewards=np.zeros(shape, np.float32),
        ends=np.zeros(shape, np.uint8),
        valid=np.zeros(shape, np.bool_),
        turned=np.zeros(shape, np.bool_),
        place=np.zeros(2, np.int64),
    )


def make_replay_samples(batch: int, policy: Policy) -> ReplaySamples:
    """Memory for a minibatch."""
    size = policy.encoder.size
    return ReplaySamples(
        observations=np.zeros((batch, size), np.float32),
        actions=np.zeros((batch, policy.action_width), policy.action_dtype),
        rewards=np.zeros(batch, np.float32),
        discounts=np.zeros(batch, np.float32),
        next_observations=np.zeros((batch, size), np.float32),
        next_masks=np.zeros((batch, policy.masks), np.bool_),
    )


def check_replay(capacity: int, num_envs: int, policy: Policy) -> None:
    """Refuse a replay buffer that does not fit into memory, or holds no step of each environment.

    Raises:
        LabError: says both figures.
    """
    if capacity < num_envs:
        raise LabError(
            f"buffer_size={capacity} holds no step of each of {num_envs} environments; give at least num_envs"
        )
    action = policy.action_width * policy.action_dtype.itemsize
    each = 2 * policy.encoder.size * policy.encoder.dtype.itemsize + policy.masks + action + SCALARS
    check_memory(
        float(each) * (capacity // num_envs + 1) * num_envs,
        f"a replay buffer of buffer_size={capacity} transitions of {each} bytes",
        "choose a smaller buffer_size",
    )


def begin(replay: ReplayBuffer, view: StepView) -> None:
    """Take in what is seen after a reset; episodes that this cut off count as truncated."""
    head, stored = replay.place.tolist()
    last = (head - 1) % len(replay.rewards)
    if stored:
        cut_off = replay.ends[last] == GOES_ON
        replay.finals[last, cut_off] = replay.observations[head, cut_off]
        replay.ends[last, cut_off] = TRUNCATED
    replay.observations[head], replay.masks[head] = view.observations, view.masks


def store(replay, view):
    """Keep what a step brought; its actions are in `replay` already."""
    slots = replay.rewards.shape[0]
    head = replay.place[HEAD]
    after = (head + 1) % slots
    for n in range(view.rewards.shape[0]):
        replay.rewards[head, n] = view.rewards[n]
        replay.valid[head, n] = view.valid[n]
        replay.turned[head, n] = view.turned.shape[0] > 0 and view.turned[n]
        end = TERMINATED if view.terminated[n] else (TRUNCATED if view.truncated[n] else GOES_ON)
        replay.ends[head, n] = end
        for j in range(view.observations.shape[1]):
            replay.observations[after, n, j] = view.observations[n, j]
            if end != GOES_ON:
                replay.finals[head, n, j] = view.final_observations[n, j]
        for j in range(view.masks.shape[1]):
            replay.masks[after, n, j] = view.masks[n, j]
    replay.place[HEAD] = after
    replay.place[STORED] = min(replay.place[STORED] + 1, slots - 1)


@jit.fast
def load_row(normalizer, scale, row, inputs):
    """An observation as the networks' input, normalised by today's moments where that is wanted."""
    if normalizer.observations:
        normalize_row(normalizer, row, inputs)
    else:
        for j in range(row.shape[0]):
            inputs[j] = np.float32(row[j]) * scale


def sample(stream, replay, normalizer, scale, n_steps, samples):
    """Fill a minibatch with transitions drawn uniformly, each over up to `n_steps` steps of one episode.

    Args:
        stream: random stream, uint64 `(1,)`.
        replay: `ReplayBuffer` with at least one valid step.
        normalizer: whose `gamma` is the discount.
        scale: of the observations.
        n_steps: most steps of a transition; it ends before with its episode, or with the last step that is stored.
        samples: `ReplaySamples`, filled.
    """
    slots, num_envs = replay.rewards.shape
    head, stored = replay.place[HEAD], replay.place[STORED]
    for i in range(samples.rewards.shape[0]):
        n, slot = np.int64(0), np.int64(0)
        found = False
        while not found:
            slot = (head - 1 - random.integers(stream, 0, stored)) % slots
            n = random.integers(stream, 0, num_envs)
            found = replay.valid[slot, n]
        load_row(normalizer, scale, replay.observations[slot, n], samples.observations[i])
        for j in range(samples.actions.shape[1]):
            samples.actions[i, j] = replay.actions[slot, n, j]
        total, factor = 0.0, 1.0
        for step in range(n_steps):
            reward = np.float64(replay.rewards[slot, n])
            if normalizer.rewards:
                reward = normalize_reward(normalizer, reward)
            total += factor * reward
            factor *= -normalizer.gamma if replay.turned[slot, n] else normalizer.gamma
            following = (slot + 1) % slots
            if step + 1 == n_steps or replay.ends[slot, n] != GOES_ON or following == head:
                break
            slot = following
        end, following = replay.ends[slot, n], (slot + 1) % slots
        samples.rewards[i] = total
        samples.discounts[i] = 0.0 if end == TERMINATED else factor
        seen = replay.observations[following, n] if end == GOES_ON else replay.finals[slot, n]
        load_row(normalizer, scale, seen, samples.next_observations[i])
        for j in range(samples.next_masks.shape[1]):
            samples.next_masks[i, j] = end != GOES_ON or replay.masks[following, n, j]


def saved(replay: ReplayBuffer) -> dict[str, np.ndarray]:
    """What a checkpoint keeps of it: the slots in use, from the oldest to what is seen now."""
    head, stored = replay.place.tolist()
    slots = np.arange(head - stored, head + 1) % len(replay.rewards)
    arrays = {name: getattr(replay, name)[slots] for name in replay._fields if name not in ("finals", "place")}
    ended = arrays["ends"] != GOES_ON
    return arrays | {"finals": replay.finals[slots][ended]}


def restore(replay: ReplayBuffer, kept: dict[str, np.ndarray], actions: int, source: str) -> None:
    """Go on from what `saved` gave; it begins at the first slot then, which changes nothing.

    Args:
        replay: filled.
        kept: arrays by name.
        actions: number of Discrete actions; 0 where they are continuous.
        source: where the arrays came from, for messages.

    Raises:
        LabError: an array is missing, does not fit or holds what no training writes.
    """
    again = f"{source} cannot be used: its replay buffer"
    count = len(kept.get("rewards", ()))
    if not 1 <= count <= len(replay.rewards):
        raise LabError(
            f"{again} has {count} slots, from 1 to {len(replay.rewards)} are possible; use another checkpoint"
        )
    for name in replay._fields:
        if name in ("finals", "place"):
            continue
        whole, given = getattr(replay, name), kept.get(name)
        if given is None or given.dtype != whole.dtype or given.shape != (count, *whole.shape[1:]):
            raise LabError(f"{again} has no {name} that fit; use another checkpoint")
        whole[:count] = given
    ended = replay.ends[:count] != GOES_ON
    finals = kept.get("finals", np.zeros(0))
    if finals.dtype != replay.finals.dtype or finals.shape != (ended.sum(), replay.finals.shape[2]):
        raise LabError(f"{again} has no finals that fit; use another checkpoint")
    replay.finals[:count][ended] = finals
    numbers: tuple[Any, ...] = replay.observations[:count], replay.finals[:count], replay.rewards[:count]
    chosen, last = replay.actions[:count], count - 1
    impossible = not np.isfinite(chosen).all() or (actions and not ((chosen >= 0) & (chosen < actions)).all())
    if impossible or not all(np.isfinite(array).all() for array in numbers) or (replay.ends[:count] > TRUNCATED).any():
        raise LabError(f"{again} holds NaN, infinity, or actions or ends that there are not; use another checkpoint")
    if last and not replay.valid[:last].any():
        raise LabError(f"{again} holds no valid step; use another checkpoint")
    replay.place[:] = last, last
