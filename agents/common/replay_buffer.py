"""Experience of many iterations in preallocated rings, and minibatches of transitions drawn from it.

Each environment has a ring of slots. A slot holds an observation and what its step brought; the slot after it holds the
next observation, so that each is kept once. Where an episode ended, what it saw last lies apart. One slot more than
there are transitions holds what is seen now.

Transitions are drawn uniformly, or in proportion to priorities, which a tree of sums holds (Schaul et al., 2016).
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
LARGEST, ROOT = range(2)
MOST_TRIES = 100
SMALL = 1e-6  # keeps every priority above 0
RINGS = ("observations", "masks", "final_masks", "actions", "rewards", "ends", "valid", "turned")
SCALARS = 7  # bytes of a transition beside observations, masks and action


class ReplayBuffer(NamedTuple):
    """Experience; a step of one environment is a transition."""

    observations: np.ndarray  # (slots, num_envs, size), rows of the encoder as the environment gave them
    finals: np.ndarray  # (slots, num_envs, size), what was seen last where an episode ended
    masks: np.ndarray  # bool (slots, num_envs, actions), or (slots, num_envs, 0)
    final_masks: np.ndarray  # bool (slots, num_envs, actions), where an episode ended; or (slots, num_envs, 0)
    actions: np.ndarray  # int64 (slots, num_envs, 1) or float32 (slots, num_envs, dimensions)
    rewards: np.ndarray  # float32 (slots, num_envs), as the environment gave them
    ends: np.ndarray  # uint8 (slots, num_envs): GOES_ON, TERMINATED or TRUNCATED
    valid: np.ndarray  # bool (slots, num_envs), False for steps that only reset an environment
    turned: np.ndarray  # bool (slots, num_envs), whether the value of what follows changes its sign, as in a game
    place: np.ndarray  # int64 (2,): the slot of what is seen now, and the number of slots behind it that hold steps
    priorities: np.ndarray  # float64 (2 leaves,): the largest so far, and a tree of sums from its root on; or (0,)


class ReplaySamples(NamedTuple):
    """A minibatch of transitions over one or several steps."""

    observations: np.ndarray  # float32 (batch, size), the networks' inputs
    actions: np.ndarray  # (batch, width)
    rewards: np.ndarray  # float32 (batch,), discounted sum over the steps
    discounts: np.ndarray  # float32 (batch,), factor of the value of what follows; 0 where the episode terminated
    next_observations: np.ndarray  # float32 (batch, size)
    next_masks: np.ndarray  # bool (batch, actions), or (batch, 0)
    weights: np.ndarray  # float32 (batch,), of the losses; all 1 where transitions are drawn uniformly
    places: np.ndarray  # int64 (batch,), where in the buffer they lie
    errors: np.ndarray  # float32 (batch,), temporal differences, which a gradient step fills for new priorities


def make_replay_buffer(capacity: int, num_envs: int, policy: Policy, prioritized: bool = False) -> ReplayBuffer:
    """Memory for `capacity` transitions over all environments; untouched pages cost nothing yet."""
    shape = (capacity // num_envs + 1, num_envs)
    size, dtype = policy.encoder.size, policy.encoder.dtype
    priorities = np.zeros(2 * _leaves(shape) if prioritized else 0)
    priorities[:1] = 1.0  # of the first transitions
    return ReplayBuffer(
        observations=np.zeros((*shape, size), dtype),
        finals=np.zeros((*shape, size), dtype),
        masks=np.zeros((*shape, policy.masks), np.bool_),
        final_masks=np.zeros((*shape, policy.masks), np.bool_),
        actions=np.zeros((*shape, policy.action_width), policy.action_dtype),
        rewards=np.zeros(shape, np.float32),
        ends=np.zeros(shape, np.uint8),
        valid=np.zeros(shape, np.bool_),
        turned=np.zeros(shape, np.bool_),
        place=np.zeros(2, np.int64),
        priorities=priorities,
    )


def _leaves(shape: tuple[int, int]) -> int:
    """Leaves of the tree of sums: a power of two."""
    return 1 << (shape[0] * shape[1] - 1).bit_length()


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
        weights=np.ones(batch, np.float32),
        places=np.zeros(batch, np.int64),
        errors=np.zeros(batch, np.float32),
    )


def check_replay(capacity: int, num_envs: int, policy: Policy, batch: int, prioritized: bool = False) -> None:
    """Refuse a replay buffer or minibatches that do not fit into memory, or less than two steps of each environment.

    Raises:
        LabError: says both figures.
    """
    if capacity < 2 * num_envs:  # of two steps in a row, one at least does more than reset an environment
        raise LabError(
            f"buffer_size={capacity} holds less than two steps of each of {num_envs} environments; give at least "
            f"{2 * num_envs}"
        )
    action = policy.action_width * policy.action_dtype.itemsize
    each = 2 * (policy.encoder.size * policy.encoder.dtype.itemsize + policy.masks) + action + SCALARS
    each += 32 * prioritized  # at most, of the tree
    check_memory(
        float(each) * (capacity // num_envs + 1) * num_envs,
        f"a replay buffer of buffer_size={capacity} transitions of {each} bytes",
        "choose a smaller buffer_size",
    )
    row = 8 * policy.encoder.size + policy.masks + action + 20
    units = 4 * max(sum(network.sizes) for network in policy.networks.values())
    check_memory(float(batch) * (row + 3 * units), f"a minibatch of batch_size={batch}", "choose a smaller one")
    check_memory(float(num_envs) * 2 * units, f"acting in num_envs={num_envs}", "choose fewer")


def begin(replay: ReplayBuffer, view: StepView) -> None:
    """Take in what is seen after a reset; episodes that this cut off count as truncated."""
    head, stored = replay.place.tolist()
    last = (head - 1) % len(replay.rewards)
    if stored:
        cut_off = replay.ends[last] == GOES_ON
        replay.finals[last, cut_off] = replay.observations[head, cut_off]
        replay.final_masks[last, cut_off] = replay.masks[head, cut_off]
        replay.ends[last, cut_off] = TRUNCATED
    replay.observations[head], replay.masks[head] = view.observations, view.masks


def set_priority(tree, leaf, value):
    """Change the priority of a transition, and all sums above it."""
    node = leaf + tree.shape[0] // 2
    tree[node] = value
    while node > ROOT:
        node //= 2
        tree[node] = tree[2 * node] + tree[2 * node + 1]


def find_priority(tree, share):
    """The leaf in which a share of the sum of all priorities, from 0 to 1, ends."""
    rest, node = share * tree[ROOT], ROOT
    while node < tree.shape[0] // 2:
        node *= 2
        if rest >= tree[node] and tree[node + 1] > 0.0:
            rest -= tree[node]
            node += 1
    return node - tree.shape[0] // 2


def prioritize(replay, samples, exponent):
    """Give the transitions of a minibatch the priorities that follow from their errors."""
    tree = replay.priorities
    for i in range(samples.errors.shape[0]):
        priority = (abs(np.float64(samples.errors[i])) + SMALL) ** exponent
        if not priority < np.inf:  # of a run that diverges; the caller refuses its weights
            priority = tree[LARGEST]
        tree[LARGEST] = max(tree[LARGEST], priority)
        set_priority(tree, samples.places[i], priority)


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
            replay.final_masks[head, n, j] = view.final_masks[n, j]
        replay.valid[after, n] = False
        if replay.priorities.shape[0] > 0:
            set_priority(replay.priorities, after * view.rewards.shape[0] + n, 0.0)
            first = replay.priorities[LARGEST] if view.valid[n] else 0.0
            set_priority(replay.priorities, head * view.rewards.shape[0] + n, first)
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


def sample(stream, replay, normalizer, scale, n_steps, beta, samples):
    """Fill a minibatch with transitions, each over up to `n_steps` steps of one episode.

    Args:
        stream: random stream, uint64 `(1,)`.
        replay: `ReplayBuffer` with at least one valid step.
        normalizer: whose `gamma` is the discount.
        scale: of the observations.
        n_steps: most steps of a transition; it ends before with its episode, or with the last step that is stored.
        beta: exponent of the weights that make up for priorities, from 0, not at all, to 1, in full.
        samples: `ReplaySamples`, filled.
    """
    slots, num_envs = replay.rewards.shape
    head, stored, tree = replay.place[HEAD], replay.place[STORED], replay.priorities
    largest = 0.0
    for i in range(samples.rewards.shape[0]):
        place, tries = np.int64(0), 0
        while tries == 0 or not replay.valid[place // num_envs, place % num_envs]:
            tries += 1
            if tries > MOST_TRIES:  # nearly all steps only reset an environment
                place = np.int64((place + 1) % (slots * num_envs))
            elif tree.shape[0] > 0:
                place = np.int64(find_priority(tree, random.random(stream)))
            else:
                slot = (head - 1 - random.integers(stream, 0, stored)) % slots
                place = np.int64(slot * num_envs + random.integers(stream, 0, num_envs))
        slot, n = place // num_envs, place % num_envs
        samples.places[i] = place
        if tree.shape[0] > 0:
            share = tree[tree.shape[0] // 2 + place] / tree[ROOT]
            samples.weights[i] = (share * stored * num_envs) ** -beta
            largest = max(largest, np.float64(samples.weights[i]))
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
            masks = replay.masks[following, n] if end == GOES_ON else replay.final_masks[slot, n]
            samples.next_masks[i, j] = masks[j]
    if tree.shape[0] > 0:
        for i in range(samples.weights.shape[0]):
            samples.weights[i] /= largest


def saved(replay: ReplayBuffer) -> dict[str, np.ndarray]:
    """What a checkpoint keeps of it: the slots in use, from the oldest to what is seen now."""
    slots = _in_use(replay, *replay.place.tolist())
    arrays = {name: getattr(replay, name)[slots] for name in RINGS}
    arrays |= {"finals": replay.finals[slots][arrays["ends"] != GOES_ON], "place": replay.place}
    if (tree := replay.priorities).size:
        leaves = tree[len(tree) // 2 :][: replay.rewards.size].reshape(replay.rewards.shape)
        arrays |= {"priorities": leaves[slots], "largest": tree[: LARGEST + 1]}
    return arrays


def _in_use(replay: ReplayBuffer, head: int, stored: int) -> np.ndarray:
    """Slots from the oldest to what is seen now."""
    return np.arange(head - stored, head + 1) % len(replay.rewards)


def restore(replay: ReplayBuffer, kept: dict[str, np.ndarray], actions: int, source: str) -> None:
    """Go on from what `saved` gave.

    Args:
        replay: filled.
        kept: arrays by name.
        actions: number of Discrete actions; 0 where they are continuous.
        source: where the arrays came from, for messages.

    Raises:
        LabError: an array is missing, does not fit or holds what no training writes.
    """
    again, slots = f"{source} cannot be used: its replay buffer", len(replay.rewards)
    place = kept.get("place", np.zeros(0))
    if place.dtype != np.int64 or place.shape != (2,) or not (place >= 0).all() or not (place < slots).all():
        raise LabError(
            f"{again} does not fit one of {slots - 1} steps of each environment; give the buffer_size of its run"
        )
    used = _in_use(replay, *place.tolist())
    for name in RINGS:
        whole, given = getattr(replay, name), kept.get(name, np.zeros(0))
        if given.dtype != whole.dtype or given.shape != (len(used), *whole.shape[1:]):
            raise LabError(f"{again} has no {name} that fit; use another checkpoint")
        whole[used] = given
    ended, finals = replay.ends[used] != GOES_ON, kept.get("finals", np.zeros(0))
    if finals.dtype != replay.finals.dtype or finals.shape != (ended.sum(), replay.finals.shape[2]):
        raise LabError(f"{again} has no finals that fit; use another checkpoint")
    where = np.argwhere(ended)
    replay.finals[used[where[:, 0]], where[:, 1]] = finals
    chosen = replay.actions[used]
    impossible = not np.isfinite(chosen).all() or (actions and not ((chosen >= 0) & (chosen < actions)).all())
    replay.valid[used[-1]] = False  # nothing is known yet of what follows
    numbers: tuple[Any, ...] = replay.observations[used], finals, replay.rewards[used]
    if impossible or not all(np.isfinite(array).all() for array in numbers) or (replay.ends[used] > TRUNCATED).any():
        raise LabError(f"{again} holds NaN, infinity, or actions or ends that there are not; use another checkpoint")
    if len(used) > 1 and not replay.valid[used].any():
        raise LabError(f"{again} holds no valid step; use another checkpoint")
    replay.place[:] = place
    if replay.priorities.size:
        _restore_priorities(replay, used, kept, again)


def _restore_priorities(replay: ReplayBuffer, used: np.ndarray, kept: dict[str, np.ndarray], again: str) -> None:
    given, largest = kept.get("priorities", np.zeros(0)), kept.get("largest", np.zeros(0))
    if (
        given.shape != replay.rewards[used].shape
        or largest.shape != (1,)
        or not (given.dtype == largest.dtype == np.float64)
    ):
        raise LabError(f"{again} has no priorities that fit; use another checkpoint")
    if (
        not np.isfinite(given).all()
        or not given.max() <= largest[0] < np.inf
        or ((given > 0) != replay.valid[used]).any()
    ):
        raise LabError(f"{again} holds priorities that no training gives; use another checkpoint")
    tree = replay.priorities
    leaves = np.zeros(replay.rewards.shape)
    leaves[used] = given
    tree[:] = 0.0
    tree[len(tree) // 2 :][: leaves.size], tree[LARGEST] = leaves.ravel(), largest[0]
    for node in range(len(tree) // 2 - 1, 0, -1):
        tree[node] = tree[2 * node] + tree[2 * node + 1]
