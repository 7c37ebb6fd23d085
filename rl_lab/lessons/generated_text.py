"""Text that nobody wrote: a model of characters beside n-grams and compressors, and how much of it was copied."""

from __future__ import annotations

import bz2
import gzip
import lzma
import shlex
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rl_lab.data import texts
from rl_lab.errors import LabError
from rl_lab.lessons.findings import Findings, PageTable, Picture, telling
from rl_lab.lessons.ngrams import bits_by_order
from rl_lab.lessons.style import new_figure
from rl_lab.unsupervised.alphabet import Alphabet
from rl_lab.unsupervised.characters import CharacterModel, check_request
from rl_lab.validation import whole_number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FEWEST = 20  # entries that can be parted into learning, choosing and testing
LARGE = 300_000  # characters from which a text is learnt by the larger model
END = "\x03"  # of an entry, for the compressors
COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda content: gzip.compress(content, 9, mtime=0),
    "bzip2": lambda content: bz2.compress(content, 9),
    "lzma": lambda content: lzma.compress(content, preset=9 | lzma.PRESET_EXTREME),
}


class Parts(NamedTuple):
    """Entries of a text: to learn from, to choose settings by, and to test on."""

    learned: list[str]
    chosen_by: list[str]
    tested: list[str]


class Wish(NamedTuple):
    """What is to be written."""

    prompt: str = ""
    length: int = 400  # the most characters after the prompt
    temperature: float = 0.8
    texts: int = 20


def study(
    corpus: str = "fortunes",
    wish: Wish | None = None,
    epochs: int | None = None,
    seed: int = 0,
) -> Findings:
    """Learn to write, measure how well on text never seen, and see how much of what was written was copied.

    Args:
        corpus: "fortunes", "names", or the path of a text file.
        wish: what is to be written.
        epochs: passes over the text; by default, as many as its length makes worth while.
        seed: of the split, the model and what is written.
    """
    wish = wish or Wish()
    if epochs is not None:
        whole_number("epochs", epochs, 1)
    entries = list(dict.fromkeys(load(corpus)))
    parts = split(entries, seed)
    model = settings(sum(map(len, parts.learned)), epochs, seed)
    check_request(Alphabet.of(parts.learned, model.least), wish.texts, wish.prompt, wish.length, wish.temperature)
    with telling("text") as tell:
        model.fit(
            parts.learned,
            validation=parts.chosen_by,
            report=lambda history: tell(f"learning to write, epoch {len(history.losses)} of {model.max_iter} done"),
        )
    order = int(bits_by_order(model.alphabet_, parts.learned, parts.chosen_by).argmin()) + 1
    bits = {
        "character model": model.bits_per_character(parts.tested),
        f"{order}-grams": float(bits_by_order(model.alphabet_, parts.learned, parts.tested, order)[-1]),
    } | compressed(parts, model.alphabet_)
    written = model.generate_many(wish.texts, wish.prompt, wish.length, wish.temperature, seed)
    found: dict[str, Any] = {
        "corpus": corpus,
        "entries": {name: len(part) for name, part in parts._asdict().items()},
        "characters": {name: sum(map(len, part)) for name, part in parts._asdict().items()},
        "symbols": model.alphabet_.size,
        "epochs": model.n_iter_,
        "best epoch": model.history_.best_epoch,
        "bits a character": bits,
        "copied": copied(written, parts, wish),
        "written": written,
    }
    if max(map(len, entries)) < 30:  # words and names, which can be made many of
        found["new words"] = newness(model, parts, wish, seed)
    learning = [np.log2(np.e) * np.array(losses) for losses in (model.loss_curve_, model.history_.validation_losses)]
    drawn = [Picture("bits", "Bits a character: fewer are better", picture(bits, *learning))]
    command = f"rl-lab generate text --corpus {shlex.quote(corpus)} --temperature {wish.temperature:g} --seed {seed}"
    command += f" --length {wish.length}" + (f" --prompt {shlex.quote(wish.prompt)}" if wish.prompt else "")
    command += f" --epochs {epochs}" if epochs else ""
    tables = [written_table(found["copied"]["samples"])]
    question = "Text that nobody wrote: how well is it guessed, and is it new?"
    return Findings("generated-text", question, summary_lines(found), found, command, tables, drawn)


def load(corpus: str) -> list[str]:
    """The entries of a corpus by name, or of a text file."""
    if corpus == "fortunes":
        return [entry for entries in texts.fortunes().values() for entry in entries]
    return texts.names() if corpus == "names" else texts.read(corpus)


def split(entries: Sequence[str], seed: int) -> Parts:
    """Eight tenths, one tenth and one tenth of different entries, at random."""
    if len(entries) < FEWEST:
        raise LabError(
            f"the text has {len(entries)} different entries (paragraphs, or lines where there are no empty ones); "
            f"at least {FEWEST} are needed to learn from some and test on others"
        )
    order = np.random.default_rng(np.random.SeedSequence(seed)).permutation(len(entries))
    tenth = len(entries) // 10
    held = [[entries[i] for i in part] for part in (order[tenth : 2 * tenth], order[:tenth])]
    return Parts([entries[i] for i in order[2 * tenth :]], *held)


def settings(characters: int, epochs: int | None, seed: int) -> CharacterModel:
    """A model for a text of so many characters, that takes about a minute at most."""
    if characters >= LARGE:
        most = max(1, min(12, 10_000_000 // characters))
        made = CharacterModel((512,), window=12, embedding=24, least=20, learning_rate_init=4e-3)
    else:
        most = max(4, min(15, 2_000_000 // characters))
        made = CharacterModel((256,), window=8, embedding=16, least=2, batch_size=64, alpha=0.05)
    return made.set_params(max_iter=epochs or most, n_iter_no_change=10**6, random_state=seed)


def compressed(parts: Parts, alphabet: Alphabet) -> dict[str, float]:
    """Bits a character that the tested text adds when it is compressed behind what the others learnt from."""
    learned, tested = (
        "".join(alphabet.folded(entry) + END for entry in part).encode() for part in (parts.learned, parts.tested)
    )
    characters = sum(len(entry) + 1 for entry in parts.tested)
    return {
        name: 8 * (len(compress(learned + tested)) - len(compress(learned))) / characters
        for name, compress in COMPRESSORS.items()
    }


def copied(written: Sequence[str], parts: Parts, wish: Wish) -> dict[str, Any]:
    """The longest stretch of each text that stands in what was learnt from, beside the same of people's own texts."""
    known = END.join(parts.learned)
    samples = [{"text": text, "copied": longest_copied(text[len(wish.prompt) :], known)} for text in written]
    people = [longest_copied(entry[: wish.length], known) for entry in parts.tested[: len(written)]]
    return {
        "samples": samples,
        "median length": float(np.median([len(sample["copied"]) for sample in samples])),
        "longest length": max(len(sample["copied"]) for sample in samples),
        "median length, people": float(np.median([len(stretch) for stretch in people])),
        "longest length, people": max(map(len, people)),
    }


def newness(model: CharacterModel, parts: Parts, wish: Wish, seed: int, count: int = 2000) -> dict[str, float]:
    """Of many short texts, such as names: how many were learnt by heart, and how many exist though never seen."""
    made = model.generate_many(count, wish.prompt, wish.length, wish.temperature, seed + 1)
    learned, unseen = set(parts.learned), set(parts.chosen_by) | set(parts.tested)
    return {
        "made": count,
        "different": len(set(made)) / count,
        "learned": sum(text in learned for text in made) / count,
        "unseen but real": sum(text in unseen for text in made) / count,
    }


def summary_lines(found: dict[str, Any]) -> list[str]:
    """The findings as lines of text."""
    entries, characters = found["entries"], found["characters"]
    bits = found["bits a character"]
    lines = [
        f"{found['corpus']}: {entries['learned']} entries of {characters['learned']} characters to learn from, "
        f"{entries['tested']} of {characters['tested']} to test on",
        "bits a character on the held-out text; gzip sees only the last 32 kB before it:",
    ]
    lines += [
        f"  {name:16} {cost:.3f}{'  fewest' if cost == min(bits.values()) else ''}" for name, cost in bits.items()
    ]
    of = found["copied"]
    lines += [
        "longest stretch that stands in the training text, in characters:",
        f"  generated texts         median {of['median length']:.0f}, most {of['longest length']}",
        f"  people's, held out      median {of['median length, people']:.0f}, most {of['longest length, people']}",
    ]
    if "new words" in found:
        new = found["new words"]
        lines += [
            f"of {new['made']} generated: {new['different']:.1%} different, {new['learned']:.1%} stand in the training "
            "text,",
            f"  {new['unseen but real']:.1%} exist and were never seen",
        ]
    return lines


def written_table(samples: Sequence[dict[str, str]]) -> PageTable:
    """What was written, each with its longest copied stretch."""
    rows = [[sample["text"], repr(sample["copied"]), str(len(sample["copied"]))] for sample in samples]
    return PageTable(["written", "longest stretch copied from the training text", "characters"], rows)


def picture(bits: dict[str, float], learning: np.ndarray, held: np.ndarray) -> Figure:
    """Bits a character of each contender, and of the model while it learnt."""
    figure = new_figure(11, 3.8)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.2))
    epochs = np.arange(1, len(learning) + 1)
    left.plot(epochs, learning, marker="o", markersize=4, color="#c4661f", label="training text, as it was met")
    left.plot(epochs, held, marker="o", markersize=4, color="#2a66ad", label="held out")
    left.set(xlabel="epoch", ylabel="bits a character")
    left.xaxis.get_major_locator().set_params(integer=True)
    left.legend(frameon=False)
    names = list(bits)[::-1]
    colours = ["#2a66ad" if name == "character model" else "#b9bec5" for name in names]
    right.barh(names, [bits[name] for name in names], color=colours, height=0.62)
    for place, name in enumerate(names):
        right.text(bits[name], place, f" {bits[name]:.2f}", va="center", fontsize=10)
    right.set(xlabel="bits a character, held out", xlim=(0, 1.12 * max(bits.values())))
    right.tick_params(left=False)
    right.spines["left"].set_visible(False)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def longest_copied(text: str, known: str) -> str:
    """The longest stretch of a text that occurs in a known one; the first of several.

    Example:
        >>> longest_copied("the cat sat", "a cat sits")
        ' cat s'
    """
    best, start, stop = "", 0, 1
    while stop <= len(text):
        if text[start:stop] in known:
            if stop - start > len(best):
                best = text[start:stop]
            stop += 1
        else:
            start += 1
            stop = max(stop, start + 1)
    return best
