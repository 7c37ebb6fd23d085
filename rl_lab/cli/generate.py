"""`rl-lab generate`: digits, text and sound from generative models."""

from pathlib import Path

from tyro.extras import SubcommandApp

from rl_lab.cli.app import Json, app, show, within
from rl_lab.errors import printable

generate = SubcommandApp()
app.command(generate, name="generate", help="Generate digits, text or spoken words.")


@generate.command
def digits(
    out: Path | None = None, samples: int = 1000, epochs: int = 2000, seed: int = 0, as_json: Json = False
) -> None:
    """Generate digits with a variational autoencoder, and classify them with the digit classifier.

    Example: rl-lab generate digits

    Args:
        out: folder of the results; by default results/generated-digits.
        samples: number of digits.
        epochs: passes over the training digits.
        seed: of all random numbers.
        as_json: print JSON.
    """
    from rl_lab.lessons import generated_digits

    within(seed, samples=(samples, 20, 1_000_000), epochs=(epochs, 1, 1_000_000))
    show(lambda: generated_digits.study(samples, epochs, seed), out, as_json)


@generate.command
def text(
    corpus: str = "fortunes",
    prompt: str = "",
    length: int = 400,
    temperature: float = 0.8,
    epochs: int | None = None,
    out: Path | None = None,
    seed: int = 0,
    as_json: Json = False,
) -> None:
    """Generate text with a character model: bits per character, and how much of the text is copied.

    Example: rl-lab generate text --corpus names --temperature 1

    Args:
        corpus: "fortunes", "names" or the path of a text file; a file's entries are its paragraphs, or its lines
            where it has no empty ones.
        prompt: beginning of the text.
        length: maximum number of characters after the prompt.
        temperature: of the softmax; below 1 prefers probable characters, above 1 improbable ones.
        epochs: passes over the text; by default about a minute of them.
        out: folder of the results; by default results/generated-text.
        seed: of all random numbers.
        as_json: print JSON.
    """
    from rl_lab.lessons import generated_text

    within(seed, length=(length, 1, 1_000_000), epochs=(epochs, 1, 1_000_000))
    wish = generated_text.Wish(prompt, length, temperature)
    findings = show(lambda: generated_text.study(corpus, wish, epochs, seed), out, as_json)
    if not as_json:
        print(printable("\n\n".join(findings.figures["written"][:3])))


@generate.command
def sound(
    word: str | None = None,
    samples: int = 20,
    epochs: int = 500,
    model: Path | None = None,
    out: Path | None = None,
    seed: int = 0,
    as_json: Json = False,
) -> None:
    """Generate spoken digits with variational autoencoders, and recognise them with the word recogniser.

    Example: rl-lab generate sound --word seven

    Args:
        word: a digit, such as seven; all ten by default.
        samples: number of sounds for each word.
        epochs: passes over the training words.
        model: file of a recogniser from `rl-lab learn words`; by default one is trained on other voices.
        out: folder of the results, WAV files among them; by default results/generated-sound.
        seed: of all random numbers.
        as_json: print JSON.
    """
    from rl_lab.lessons import generated_sound

    within(seed, samples=(samples, 1, 10_000), epochs=(epochs, 1, 1_000_000))
    show(lambda: generated_sound.study(word, samples, epochs, seed, model), out, as_json)
