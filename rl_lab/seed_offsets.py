"""How the seeds of a run's parts follow from its own, so that no two parts draw the same numbers.

A part that has environments adds its offset to the seed of the run, or multiplies by it where it plays many episodes,
whose seeds follow each other. A part that only draws numbers has a spawn key of `numpy.random.SeedSequence`.
"""

DEMONSTRATIONS = 100_003  # times the seed: the first episode that an expert plays
VALUE_FIT = 1_000_003  # agents whose returns a critic is fitted to
EXPERIENCE = 2_000_003  # agents whose observations a representation is learned from
PROBES = 5_000_011  # episodes that probes are tested on
LOOKS = 10_000_019  # episodes between trainings, which decide whether a policy is kept
EVALUATIONS = 1_000_000_000  # evaluation episode e of training seed s has seed EVALUATIONS + 1000 s + e

WEIGHTS, ACTIONS, PREDICTIONS = (0, 0), (0, 1), (0, 2)  # spawn keys of an agent: first weights, training, `predict`
SHUFFLED_ACTIONS, SPLITS, PROBE_ACTIONS = (7,), (8,), (11,)  # of controls, held-out episodes, and probes
