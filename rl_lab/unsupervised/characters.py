"""A model of text on the core: the next character from a window of those before it (Bengio et al. 2003)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rl_lab.core import mlp, weights
from rl_lab.core.mlp import MLP
from rl_lab.core.optim import make_adam
from rl_lab.errors import LabError
from rl_lab.estimators import check_report
from rl_lab.memory import check_memory
from rl_lab.supervised.estimator import Estimator
from rl_lab.supervised.training import CHUNK, History, compiled, descend
from rl_lab.unsupervised import windows
from rl_lab.unsupervised.alphabet import EDGE, OTHER, Alphabet, Encoded, checked_texts, shown
from rl_lab.validation import whole_number


@dataclass(eq=False, repr=False)
class CharacterModel(Estimator):
    """Learns which character comes next in texts, and writes new ones.

    The last characters, each an embedding that is learnt too, are the inputs of perceptrons in layers, whose softmax
    is over all characters and the end (Bengio et al. 2003, "A neural probabilistic language model"). The step size
    of Adam falls evenly to 0.

    Args:
        window: characters that are seen.
        embedding: numbers by which each is known.
        least: times that a character must occur in the text to be known; see `Estimator` for the other
            parameters, whose samples are characters, and texts in what is held out.

    Attributes:
        alphabet_: the characters that it knows.
        embeddings_: float32 `(symbols, embedding)`.
        network_: `MLP` from a window's embeddings to logits of symbols.
        parameters_: float32, the flat buffer that both look into.

    Example:
        >>> model = CharacterModel((32,), window=3, max_iter=30, learning_rate_init=0.01).fit(["abcabcabc"] * 50)
        >>> model.generate("ab", length=4, temperature=0.1)
        'abcabc'
    """

    max_iter: int = field(default=10, kw_only=True)
    learning_rate_init: float = field(default=2e-3, kw_only=True)
    alpha: float = field(default=0.0, kw_only=True)
    window: int = field(default=8, kw_only=True)
    embedding: int = field(default=16, kw_only=True)
    least: int = field(default=1, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.alphabet_: Alphabet
        self.embeddings_: NDArray[np.float32]
        self.parameters_: NDArray[np.float32]

    def fit(
        self,
        texts: Sequence[str],
        y: object = None,
        *,
        validation: Sequence[str] | None = None,
        report: Callable[[History], None] | None = None,
    ) -> Self:
        """Learn.

        Args:
            texts: each with a beginning and an end of its own.
            y: not looked at.
            validation: texts held out, in place of a part of `texts`.
            report: called with the history after each epoch; its losses are in nats a character.

        Raises:
            LabError: there is no text, or a parameter is not allowed.
        """
        self._check()
        check_report(report)
        learned = checked_texts(texts)
        streams = np.random.SeedSequence(self.random_state).spawn(3)
        rng, of_weights, of_split = (np.random.default_rng(stream) for stream in streams)
        held = None if validation is None else checked_texts(validation)
        if held is None and self.early_stopping:
            learned, held = self._split_texts(learned, of_split)
        with self._unless_refused():
            self._build(Alphabet.of(learned, self.least), of_weights)
            judged = None if held is None else self._encoded(held)
            self.history_ = self._descend(self._encoded(learned), judged, rng, report)
        return self

    def bits_per_character(self, text: str | Sequence[str]) -> float:
        """How many bits a character of a text, or of several, costs: minus the mean logarithm of its probability.

        The end of each text is counted as a character. Characters that are not known are one symbol.

        Raises:
            LabError: it is not fitted, or no character is known.
        """
        self._check_fitted()
        return self._nats(self._encoded(checked_texts([text] if isinstance(text, str) else text))) / float(np.log(2))

    def score(self, texts: str | Sequence[str], y: object = None) -> float:
        """Minus the bits a character: higher is better."""
        return -self.bits_per_character(texts)

    def generate(self, prompt: str = "", length: int = 200, temperature: float = 1.0, seed: int = 0) -> str:
        """Write on from a prompt until an end comes, or `length` characters were written.

        Args:
            prompt: what the text begins with.
            length: the most characters after it.
            temperature: 1 draws by probability, less prefers the probable, more the improbable.
            seed: of the draws.

        Raises:
            LabError: it is not fitted, no character of the prompt is known, or a number is not allowed.
        """
        return self.generate_many(1, prompt, length, temperature, seed)[0]

    def generate_many(
        self, count: int, prompt: str = "", length: int = 200, temperature: float = 1.0, seed: int = 0
    ) -> list[str]:
        """Several texts, written side by side; see `generate`."""
        self._check_fitted()
        check_request(self.alphabet_, count, prompt, length, temperature, seed)
        begun = self.alphabet_.codes(prompt)
        rng = np.random.default_rng(seed)
        codes = np.concatenate([np.full(self.window, EDGE), begun])
        written = np.tile(codes, (count, 1))
        going = np.ones(count, np.bool_)
        while going.any() and written.shape[1] < len(codes) + length:
            logits = self._logits(written[:, -self.window :]).astype(np.float64) / temperature
            logits[:, OTHER] = -np.inf  # nobody could read it
            gumbel = -np.log(-np.log(rng.random(logits.shape)))  # whose argmax is a draw from the softmax
            drawn = np.where(going, (logits + gumbel).argmax(axis=1), EDGE)
            going &= drawn != EDGE
            written = np.column_stack([written, drawn])
        continued = written[:, len(codes) :]
        return [prompt + self.alphabet_.text(row[row != EDGE].tolist()) for row in continued]

    def _descend(
        self,
        learned: Encoded,
        held: Encoded | None,
        rng: np.random.Generator,
        report: Callable[[History], None] | None,
    ) -> History:
        schedule, shape = self._schedule(len(learned.places)), self._shape()
        run = compiled(windows.epoch, "training of a model of text")
        adam, scratch = make_adam(len(self.parameters_)), make_scratch(shape, schedule.batch)

        def one_epoch(number: int) -> float:
            places = rng.permutation(learned.places)
            rates = (schedule.learning_rate * (1 - done / schedule.epochs) for done in (number - 1, number))
            given = self.parameters_, shape, self.network_.code, learned.codes, places, adam, scratch
            return run(*given, *rates, float(schedule.alpha))

        def judge() -> tuple[float, float]:
            assert held is not None
            loss = self._nats(held)
            return loss, -loss / float(np.log(2))

        return descend(one_epoch, self.parameters_, adam, schedule, None if held is None else judge, report)

    def _nats(self, encoded: Encoded) -> float:
        """The mean of minus the logarithms of the probabilities of all symbols that have to be predicted."""
        total = 0.0
        for start in range(0, len(encoded.places), CHUNK):
            places = encoded.places[start : start + CHUNK]
            logits = self._logits(encoded.codes[places[:, None] + np.arange(-self.window, 0)]).astype(np.float64)
            logits -= logits.max(axis=1, keepdims=True)
            chosen = logits[np.arange(len(places)), encoded.codes[places]]
            total += float((np.log(np.exp(logits).sum(axis=1)) - chosen).sum())
        return total / len(encoded.places)

    def _logits(self, contexts: NDArray[np.int64]) -> NDArray[np.float32]:
        """Logits `(contexts, symbols)` of what follows windows of symbols `(contexts, window)`."""
        return self.network_(self.embeddings_[contexts].reshape(len(contexts), -1))

    def _build(self, alphabet: Alphabet, rng: np.random.Generator | None = None) -> None:
        sizes = [self.window * self.embedding, *self.hidden_layer_sizes, alphabet.size]
        middle = alphabet.size * self.embedding
        self.alphabet_ = alphabet
        self.parameters_ = np.zeros(middle + mlp.count(sizes), np.float32)
        self.embeddings_ = self.parameters_[:middle].reshape(alphabet.size, self.embedding)
        self.network_ = MLP(sizes, self.activation, self.parameters_[middle:])
        self.n_features_in_ = self.window
        if rng is not None:
            self.embeddings_[:] = rng.standard_normal(self.embeddings_.shape)
            self.network_.initialise(rng, gain=0.1)

    def _shape(self) -> windows.WindowShape:
        return windows.WindowShape(self.network_.size_array, self.window, self.embedding, self.embeddings_.size)

    def _encoded(self, texts: Sequence[str]) -> Encoded:
        return self.alphabet_.encode(texts, self.window)

    def _split_texts(self, texts: list[str], rng: np.random.Generator) -> tuple[list[str], list[str]]:
        order = rng.permutation(len(texts))
        count = round(self.validation_fraction * len(texts))
        if not 0 < count < len(texts):
            raise LabError(
                f"validation_fraction={self.validation_fraction} of {len(texts)} texts leaves nothing on one side; "
                "give more texts, or early_stopping=False"
            )
        return [texts[i] for i in order[count:]], [texts[i] for i in order[:count]]

    def _check(self) -> None:
        super()._check()
        self._check_whole(window=1, embedding=1, least=1)
        numbers = 5 * self.window * self.embedding * self.hidden_layer_sizes[0] if self.hidden_layer_sizes else 0
        given = f"window={self.window} with embedding={self.embedding}"
        check_memory(4.0 * numbers, given, "choose smaller ones")

    def _tensors(self) -> dict[str, np.ndarray]:
        return weights.of_network(self.network_) | {"embeddings": self.embeddings_}

    def _header(self) -> dict[str, Any]:
        return {"characters": self.alphabet_.characters}

    def _restore(self, header: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
        self._build(Alphabet(header["characters"]))
        kept = weights.network(tensors, self.activation)
        if kept.sizes != self.network_.sizes or tensors["embeddings"].shape != self.embeddings_.shape:
            raise KeyError("layers")
        self.network_.parameters[:] = kept.parameters
        self.embeddings_[:] = tensors["embeddings"]
        self.history_ = History()


def check_request(alphabet: Alphabet, count: int, prompt: str, length: int, temperature: float, seed: int = 0) -> None:
    """Refuse what `generate_many` cannot write: a number that is not allowed, or a prompt with no known character."""
    whole_number("count", count, 1)
    whole_number("length", length, 1)
    whole_number("seed", seed, 0)
    if not isinstance(temperature, (int, float, np.number)) or not 0 < temperature < np.inf:
        raise LabError(f"temperature={temperature!r} is not allowed; it must be a number over 0, such as 0.8")
    if not isinstance(prompt, str):
        raise LabError(f"prompt={prompt!r} is no text; give a str")
    check_memory(16.0 * count * length, f"count={count} texts of length={length}", "write fewer or shorter ones")
    if prompt and (alphabet.codes(prompt) == OTHER).all():
        known = shown(alphabet.characters)
        raise LabError(f"no character of the prompt {prompt!r} is known; known are {known}")


def make_scratch(shape: windows.WindowShape, batch: int) -> windows.WindowScratch:
    """Memory for a minibatch of so many places."""
    sizes = shape.sizes.tolist()
    return windows.WindowScratch(
        np.zeros((batch, sizes[0]), np.float32),
        np.zeros((batch, 1), np.int64),
        np.ones(batch, np.float32),
        np.zeros((batch, sizes[0]), np.float32),
        np.zeros((batch, sizes[-1]), np.float32),
        np.zeros(mlp.hidden_size(sizes, batch), np.float32),
        np.zeros(mlp.scratch_size(sizes, batch), np.float32),
        np.zeros(shape.middle + mlp.count(sizes), np.float32),
    )
