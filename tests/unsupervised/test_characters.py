"""The model of text: gradients against autograd, a source of known entropy, and what it refuses."""

import functools
from difflib import SequenceMatcher

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rl_lab.core.optim import make_adam
from rl_lab.core.torch_mlp import TorchMLP
from rl_lab.errors import LabError
from rl_lab.lessons.generated_text import longest_copied
from rl_lab.supervised.training import compiled
from rl_lab.unsupervised import CharacterModel, windows
from rl_lab.unsupervised.alphabet import EDGE, OTHER, Alphabet
from rl_lab.unsupervised.characters import make_scratch

TEXTS = ["the cat sat on the mat", "a dog ate the log", "the dog sat", "no cat ate a mat"] * 5


@settings(max_examples=30)
@given(
    activation=st.sampled_from(["tanh", "relu", "sigmoid", "identity"]),
    hidden=st.lists(st.integers(1, 70), max_size=2),
    window=st.integers(1, 9),
    embedding=st.integers(1, 9),
    count=st.integers(1, 150),
    seed=st.integers(0, 999),
)
def test_gradients_are_those_of_autograd(activation, hidden, window, embedding, count, seed):
    rng = np.random.default_rng(seed)
    model = CharacterModel(tuple(hidden), activation, window=window, embedding=embedding)
    model._build(Alphabet.of(TEXTS), rng)
    encoded = model._encoded(TEXTS)
    places = rng.choice(encoded.places, count)  # with repetitions, and with windows over the edge
    scratch = make_scratch(model._shape(), count)
    for name, array in scratch._asdict().items():
        if name != "weights":
            array[:] = np.nan if array.dtype == np.float32 else -1  # so that a number read too early shows
    given = model.parameters_, model._shape(), model.network_.code, encoded.codes, places
    mean = compiled(windows.epoch, "an epoch")(
        *given, make_adam(len(model.parameters_)), scratch, 0.0, 0.0, 0.0
    )  # which moves nothing

    table = torch.tensor(model.embeddings_, dtype=torch.float64, requires_grad=True)
    network = TorchMLP(model.network_).double()
    contexts = torch.from_numpy(encoded.codes[places[:, None] + np.arange(-window, 0)])
    logits = network(torch.nn.functional.embedding(contexts, table).flatten(1))
    loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(encoded.codes[places]))
    loss.backward()
    expected = np.concatenate([table.grad.numpy().ravel(), network.parameters_flat.grad.numpy()])
    assert mean == pytest.approx(loss.item(), rel=1e-4)
    assert np.abs(scratch.gradient - expected).max() <= 1e-5 * np.abs(expected).max()


def test_a_source_whose_entropy_is_known_costs_its_entropy():
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(["ab", "cd"], 50)) for _ in range(120)]  # one bit in two characters
    model = CharacterModel((32,), window=2, embedding=4, max_iter=12, learning_rate_init=0.01).fit(texts[:100])
    entropy = 50 / 101 + -(np.log2(50 / 51) * 50 + np.log2(1 / 51)) / 101  # and where the end is, unseen by the window
    assert entropy - 0.01 < model.bits_per_character(texts[100:]) < entropy + 0.03
    written = model.generate(length=40, seed=3)
    assert set(written[i : i + 2] for i in range(0, len(written) - 1, 2)) <= {"ab", "cd"}


def test_text_is_learned_and_written():
    model = CharacterModel((64,), window=6, embedding=8, max_iter=60, learning_rate_init=0.01).fit(TEXTS)
    assert model.bits_per_character(TEXTS) < 0.5
    assert model.bits_per_character("the cat sat") < model.bits_per_character("tac eht tas")
    assert model.score(TEXTS) == -model.bits_per_character(TEXTS)
    assert model.generate("the c", length=30, temperature=0.01).startswith("the cat sat")
    many = model.generate_many(50, length=60, seed=1)
    assert all(set(text) <= set("".join(TEXTS)) for text in many)
    assert len(set(many)) > len(set(model.generate_many(50, length=60, temperature=0.05, seed=1)))
    assert len(model.generate("no", length=3)) <= 5


def test_probabilities_are_a_softmax_over_the_alphabet_and_the_end():
    model = CharacterModel((8,), window=3, max_iter=1).fit(["ab", "ba"])
    logits = model._logits(np.array([[EDGE, EDGE, EDGE]])).astype(np.float64)[0]
    shares = np.exp(logits) / np.exp(logits).sum()
    assert model.bits_per_character(["", "a"]) * 3 == pytest.approx(
        -2 * np.log2(shares[[EDGE, 2]]).mean() - np.log2(_end_after(model, "a"))
    )
    assert model.alphabet_.size == len(shares) == 4  # a, b, the end, and all others


def _end_after(model, text):
    codes = np.array([[EDGE] * (3 - len(text)) + model.alphabet_.codes(text).tolist()])
    logits = model._logits(codes).astype(np.float64)[0]
    return np.exp(logits[EDGE]) / np.exp(logits).sum()


def test_the_same_seed_gives_the_same_bytes_and_a_file_the_same_text(tmp_path):
    fitted, again = (CharacterModel((16,), max_iter=2, random_state=3).fit(TEXTS) for _ in range(2))
    assert fitted.parameters_.tobytes() == again.parameters_.tobytes()
    fitted.save(tmp_path / "model.safetensors")
    loaded = CharacterModel.load(tmp_path / "model.safetensors")
    assert loaded.generate("the", seed=5) == fitted.generate("the", seed=5)
    assert loaded.generate("the", seed=5) != fitted.generate("the", seed=6)
    assert loaded.bits_per_character(TEXTS) == fitted.bits_per_character(TEXTS)
    assert loaded.get_params() == fitted.get_params()


def test_early_stopping_watches_texts_held_out():
    model = CharacterModel((64,), window=4, max_iter=200, learning_rate_init=0.02, n_iter_no_change=3)
    model.set_params(early_stopping=True, validation_fraction=0.5).fit(["ah", "bg", "cf", "de", "ed", "fc"])
    history = model.history_
    assert history.best_epoch == int(np.argmin(history.validation_losses)) + 1 < 200
    held = CharacterModel((64,), window=4, max_iter=3).fit(TEXTS, validation=["a cat"])
    assert held.validation_scores_[-1] == pytest.approx(-held.bits_per_character("a cat"), abs=0.5)


def test_rare_characters_are_one_symbol():
    alphabet = Alphabet.of(["aab", "aéb"], least=2)
    assert alphabet.characters == "ab"
    assert alphabet.codes("abé😀").tolist() == [2, 3, OTHER, OTHER]
    assert alphabet.folded("a😀b") == "a\N{REPLACEMENT CHARACTER}b"
    model = CharacterModel((8,), window=2, least=2, max_iter=1).fit(["aab", "aéb"])
    assert np.isfinite(model.bits_per_character("aé😀"))
    assert "\N{REPLACEMENT CHARACTER}" not in "".join(model.generate_many(200, "é a", length=10, temperature=5.0))


@given(st.text("ab", max_size=14), st.text("ab", max_size=30))
def test_the_longest_copied_stretch_is_the_longest_common_one(text, known):
    match = SequenceMatcher(None, text, known, autojunk=False).find_longest_match()
    copied = longest_copied(text, known)
    assert len(copied) == match.size
    assert copied in text
    assert copied in known


@functools.cache
def fitted():
    return CharacterModel((4,), max_iter=1).fit(TEXTS)


REFUSED = {
    "this CharacterModel is not fitted yet; call fit(texts) first": lambda: CharacterModel().generate(),
    "no character of the prompt '日本' is known; known are 'acdeghlmnost'": lambda: fitted().generate("日本"),
    "no character of the text is known; known are": lambda: fitted().bits_per_character("日本"),
    "the text is empty": lambda: CharacterModel().fit(["", ""]),
    "the text is empty; give": lambda: fitted().bits_per_character(""),
    "texts must be a list of texts": lambda: CharacterModel().fit("abc"),
    "length=0 is not allowed": lambda: fitted().generate(length=0),
    "count=0 is not allowed": lambda: fitted().generate_many(0),
    "temperature=0 is not allowed; it must be a number over 0": lambda: fitted().generate(temperature=0),
    "temperature=-1 is not allowed": lambda: fitted().generate(temperature=-1),
    "temperature=nan is not allowed": lambda: fitted().generate(temperature=float("nan")),
    "window=0 is not allowed": lambda: CharacterModel(window=0).fit(TEXTS),
    "of 1 texts leaves nothing on one side": lambda: CharacterModel(early_stopping=True).fit(["one"]),
    "lower the learning rate": lambda: CharacterModel(learning_rate_init=1e30).fit(TEXTS),
}


@pytest.mark.parametrize("words", REFUSED)
def test_bad_input_gets_a_sentence(words):
    with pytest.raises(LabError) as error:
        REFUSED[words]()
    assert words in str(error.value)
