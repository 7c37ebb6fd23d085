"""What the lesson on words found: figures with intervals, lines, tables and the picture."""

from __future__ import annotations

import textwrap
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rl_lab.data.speech import WAKE
from rl_lab.lessons.findings import PageTable
from rl_lab.lessons.style import draw_counts, new_figure
from rl_lab.lessons.yes_or_no import COLOURS, OURS
from rl_lab.supervised.recogniser import NONE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from rl_lab.data.corpus import Scope
    from rl_lab.lessons.words import Test

MUST = "words right, if it must be one"
FLITES = "words right, flite's voices"
WIDE = 108  # characters of a line, as the page shows them
RARE = 0.01  # of other words that may raise a false alarm, where recall is asked for


class Human(NamedTuple):
    """What learners that heard every synthetic voice said of a human's recordings."""

    words: list[str]
    probabilities: dict[str, NDArray[np.float64]]  # by learner, (recordings, classes)
    strangers: NDArray[np.float64]  # (recordings, classes), ours, of words outside the vocabulary


def summary(test: Test, scope: Scope, human: Human, seed: int) -> dict[str, Any]:
    """Every figure; the unit of an interval is the voice, and for the one human the recording."""
    known = test.truth != NONE
    found: dict[str, Any] = {
        "classes": test.classes,
        "chance": 1 / len(scope.words),
        "voices": {"all": len(scope.voices), "flite": sum(voice.engine == "flite" for voice in scope.voices)},
        "held-out voices": {},
        "the human": {},
        "pairs": {"voices": _pairs(test.truth[known], test.probabilities[OURS][known], test.classes)},
    }
    flite = np.array([voice.engine == "flite" for voice in scope.voices])[test.voices]
    for name, shares in test.probabilities.items():
        right = _answers(shares, test.classes) == test.truth
        found["held-out voices"][name] = {
            "words right": _over_voices(right[known], test.voices[known], seed),
            FLITES: _over_voices(right[known & flite], test.voices[known & flite], seed),
            MUST: _over_voices(_best_word(shares, test.classes)[known] == test.truth[known], test.voices[known], seed),
            "strangers refused": _over_voices(right[~known], test.voices[~known], seed),
        }
    for name, shares in human.probabilities.items():
        answers = _answers(shares, test.classes)
        must = _best_word(shares, test.classes)
        truth = np.array(human.words)
        found["the human"][name] = {"words right": _wilson(answers == truth), MUST: _wilson(must == truth)}
    refused = _answers(human.strangers, test.classes) == NONE
    found["the human"][OURS]["strangers refused"] = _wilson(refused)
    answers = _answers(human.probabilities[OURS], test.classes)
    found["the human"]["heard"] = [list(pair) for pair in zip(human.words, answers.tolist(), strict=True)]
    found["wake phrase"] = _wake(test, human)
    return found


def summary_lines(found: dict[str, Any]) -> list[str]:
    """The findings as lines of text."""
    voices, human, wake = found["held-out voices"], found["the human"], found["wake phrase"]
    words = len(found["classes"]) - 1
    lines = [
        f"{words} words and {NONE!r}; by chance 1 word in {words} is right",
        f"synthetic voices never heard ({found['voices']['all']}, of which {found['voices']['flite']} are flite's):",
    ]
    for name in COLOURS:
        one = voices[name]
        lines.append(
            f"  {name:20} {_share(one['words right'])} of the words ({one[MUST][0]:.1%} if it must be one), "
            f"on flite's {one[FLITES][0]:.1%}; refuses {_share(one['strangers refused'])} of strange words never heard"
        )
    lines.append(f"one human, whom no learner heard ({len(human['heard'])} recordings of a telephone exchange):")
    for name in COLOURS:
        must = _share(human[name][MUST])
        lines.append(f"  {name:20} {_share(human[name]['words right'])} of the words ({must} if it must be one)")
    wrong = [f"{said} → {heard}" for said, heard in human["heard"] if said != heard]
    lines += [
        f"  ours mishears: {', '.join(wrong) or 'none'}",
        f"  ours refuses {_share(human[OURS]['strangers refused'])} of her words that are none of these",
        *_wake_lines(wake, found["prompts"]),
    ]
    return [part for line in lines for part in textwrap.wrap(line, WIDE, subsequent_indent=" " * 6)]


def _wake_lines(wake: dict[str, Any], prompts: dict[str, Any]) -> list[str]:
    worst = ", ".join(f"{text!r} {count}" for text, count in wake["false alarms by"])
    sure = " and ".join(f"{share:.2f}" for share in wake["the human"]) or "was not asked about"
    return [
        f"wake phrase {WAKE!r}, voices never heard: found {_share(wake['found'])}, false alarms on "
        f"{wake['false alarms']} of {wake['others']} other words, balanced accuracy {wake['balanced accuracy']:.3f}",
        f"  most of the false alarms: {worst or 'none'}",
        f"  at one false alarm in {1 / RARE:.0f} other words (a probability over {wake['threshold']:.2f}) "
        f"{wake['found at few false alarms']:.1%} are found",
        f"  the human's one recording of it: {sure}; false alarms in the {prompts['minutes']:.0f} minutes of all else "
        f"that she says: {prompts['false alarms']} in {prompts['stretches']} stretches, "
        f"{prompts['false alarms at threshold']} over that probability",
    ]


def tables(found: dict[str, Any]) -> list[PageTable]:
    """The figures as a table."""
    rows = []
    for name in COLOURS:
        voices = found["held-out voices"][name]
        human = found["the human"][name]
        figures = [*voices.values(), human["words right"], human[MUST]]
        rows.append([name, *(_share(figure) for figure in figures)])
    columns = ["learner", "voices never heard", "of them flite's", "if it must be a word", "strange words refused"]
    columns += ["the human", "if it must be a word"]
    return [PageTable(columns, rows)]


def picture(test: Test, human: Human, found: dict[str, Any]) -> Figure:
    """Which words were taken for which: of voices never heard, and of the human."""
    figure = new_figure(13.5, 7.4)
    left, right = figure.subplots(1, 2)
    names = [name for name in _order(test.classes) if name != NONE or (test.truth == NONE).any()]
    share, low, high = found["held-out voices"][OURS]["words right"]
    _draw(left, names, test.truth, _answers(test.probabilities[OURS], test.classes))
    left.set_title(
        f"Synthetic voices never heard: {share:.1%} of words [{low:.1%}, {high:.1%}]", loc="left", fontsize=12
    )
    share, low, high = found["the human"][OURS]["words right"]
    truth = np.array([*human.words, *[NONE] * len(human.strangers)])
    shares = np.concatenate([human.probabilities[OURS], human.strangers])
    _draw(right, names, truth, _answers(shares, test.classes))
    right.set_title(f"A human: {share:.1%} of words [{low:.1%}, {high:.1%}]", loc="left", fontsize=12)
    return figure


def _draw(axes: Any, names: list[str], truth: np.ndarray, answers: np.ndarray) -> None:
    said = [name for name in names if name in truth]
    counts = np.zeros((len(said), len(names)), int)
    np.add.at(counts, ([said.index(str(name)) for name in truth], [names.index(str(name)) for name in answers]), 1)
    draw_counts(axes, counts, counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), 7)
    axes.set_xticks(range(len(names)), names, rotation=60, ha="right", rotation_mode="anchor", fontsize=9)
    axes.set_yticks(range(len(said)), said, fontsize=9)
    axes.set(xlabel="heard as", ylabel="said")


def _order(classes: list[str]) -> list[str]:
    """As the vocabulary has them; what is none of them comes last."""
    from rl_lab.data.speech import VOCABULARY

    return sorted(classes, key=lambda name: VOCABULARY.index(name) if name in VOCABULARY else len(VOCABULARY))


def _answers(shares: np.ndarray, classes: list[str]) -> np.ndarray:
    return np.array(classes)[shares.argmax(axis=1)]


def _best_word(shares: np.ndarray, classes: list[str]) -> np.ndarray:
    """The most probable word, where none of these is no answer."""
    return _answers(np.where(np.array(classes) == NONE, -1, shares), classes)


def _pairs(truth: np.ndarray, shares: np.ndarray, classes: list[str]) -> list[list[Any]]:
    answers = _answers(shares, classes)
    wrong = answers != truth
    pairs, counts = np.unique(np.stack([truth[wrong], answers[wrong]]), axis=1, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:10]
    return [[str(pairs[0, i]), str(pairs[1, i]), int(counts[i])] for i in order]


def _wake(test: Test, human: Human) -> dict[str, Any]:
    """How well the wake phrase is told from everything else."""
    place = test.classes.index(WAKE)
    scores, said = test.probabilities[OURS][:, place], test.truth == WAKE
    heard = test.probabilities[OURS].argmax(axis=1) == place
    threshold = np.sort(scores[~said])[::-1][int(RARE * (~said).sum())]
    return {
        "found": _wilson(heard[said]),
        "false alarms": int(heard[~said].sum()),
        "false alarms by": [list(pair) for pair in Counter(test.texts[heard & ~said].tolist()).most_common(4)],
        "threshold": float(threshold),
        "others": int((~said).sum()),
        "balanced accuracy": float((heard[said].mean() + (~heard[~said]).mean()) / 2),
        "found at few false alarms": float((scores[said] > threshold).mean()),
        "the human": [
            float(row[place]) for word, row in zip(human.words, human.probabilities[OURS], strict=True) if word == WAKE
        ],
    }


def _over_voices(right: np.ndarray, voices: np.ndarray, seed: int) -> list[float]:
    """The mean over voices of the share that is right, and its 95 % interval by SciPy's bootstrap over voices."""
    from scipy.stats import bootstrap

    means = np.array([right[voices == voice].mean() for voice in np.unique(voices)])
    if len(means) < 2 or np.ptp(means) == 0:
        return [float(means.mean()) if len(means) else float("nan")] * 3
    rng = np.random.default_rng(seed)
    interval = bootstrap((means,), np.mean, method="percentile", rng=rng).confidence_interval
    return [float(means.mean()), float(interval.low), float(interval.high)]


def _wilson(right: np.ndarray) -> list[float]:
    """The share that is right, and Wilson's 95 % interval."""
    from scipy.stats import binomtest

    interval = binomtest(int(right.sum()), len(right)).proportion_ci(0.95, "wilson")
    return [float(right.mean()), float(interval.low), float(interval.high)]


def _share(figure: list[float]) -> str:
    return "{:.1%} [{:.1%}, {:.1%}]".format(*figure)
