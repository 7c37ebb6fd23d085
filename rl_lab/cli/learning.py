"""`rl-lab learn`, `listen`, `cluster`, `represent` and `approximate`: learning without rewards."""

from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from rl_lab.cli.app import Env, EnvOption, Json, app, one_env, ready, show, within

DEFAULT_WORLD = "rl_lab/Robot-DoorKey-8x8-v0"


@app.command
def learn(
    task: Positional[Literal["digits", "faces", "cats", "words"]],
    out: Path | None = None,
    splits: int | None = None,
    seed: int = 0,
    as_json: Json = False,
) -> None:
    """Supervised learning beside scikit-learn: scores, and the mistakes as a figure.

    Digits, faces and cats take less than a minute, words some minutes: 44 synthetic voices are recorded first, once.

    Examples: rl-lab learn digits; rl-lab learn words --out results/words

    Args:
        task: "digits", scikit-learn's 1797 handwritten digits of 8x8 pixels; "faces", whether a picture shows a face;
            "cats", whether a drawing shows a cat; "words", which word was spoken, and whether it was the wake phrase.
        out: folder of the results; by default results/TASK. "words" saves its recogniser there, for `rl-lab listen`.
        splits: number of test splits. By default 10 random thirds (digits), 10 folds of the pictures (faces, cats) or
            4 folds of the voices (words).
        seed: of all random numbers.
        as_json: print JSON.
    """
    from rl_lab.lessons import cats, digits, faces, words

    within(seed, splits=(splits, 2, 10_000))
    study = {"digits": digits.study, "faces": faces.study, "cats": cats.study, "words": words.study}[task]
    show(lambda: study(seed=seed) if splits is None else study(splits, seed), out, as_json)


@app.command
def listen(
    file: Positional[Path],
    model: Path = Path("results/words/recogniser.safetensors"),
    top: int = 3,
    as_json: Json = False,
) -> None:
    """Print the words that are spoken in a sound file, with their probabilities, one line between two pauses.

    Example: rl-lab listen /usr/share/asterisk/sounds/en_US_f_Allison/hello-world.wav

    Args:
        file: a WAV of any rate, mono or stereo, or another format that libsndfile reads; at most an hour.
        model: a recogniser, saved by `rl-lab learn words`.
        top: number of words that are printed for each stretch of speech.
        as_json: print JSON, with all words.
    """
    from rl_lab.lessons.words import heard_in

    print(heard_in(file, model, top, as_json))


@app.command
def cluster(
    data: Positional[str],
    clusters: int | Literal["auto"] = "auto",
    method: Literal["kmeans", "mixture"] = "mixture",
    out: Path | None = None,
    seed: int = 0,
    repeats: int = 10,
    as_json: Json = False,
) -> None:
    """Cluster samples with scikit-learn: number of clusters, members, and agreement with hidden labels.

    Try "rl-lab cluster processes", "rl-lab cluster digits", "rl-lab cluster fortunes --method kmeans", or a file of
    your own, "rl-lab cluster my.csv": labels.csv then holds the cluster of each row.

    Args:
        data: "processes", "digits", "fortunes" (`make data` installs them), or a CSV file of numbers.
        clusters: number of clusters; "auto" chooses it by the BIC of mixtures or the silhouette of k-means.
        method: k-means or a Gaussian mixture; "processes" shows both.
        out: folder of the results; by default results/cluster-DATA.
        seed: of all random numbers.
        repeats: seeds over which the agreement with hidden labels is averaged.
        as_json: print JSON.
    """
    from rl_lab.lessons import clusters as lesson

    within(seed, repeats=(repeats, lesson.LEAST, 10_000))
    show(lambda: lesson.study(data, clusters, method, seed, repeats), out, as_json)


@app.command
def represent(
    env: Env = None,
    env_option: EnvOption = None,
    out: Path | None = None,
    steps: int = 200_000,
    epochs: int = 5,
    seed: int = 0,
    as_json: Json = False,
) -> None:
    """Learn representations without labels; linear probes predict position, direction and what the robot carries.

    Example: rl-lab represent rl_lab/Robot-DoorKey-8x8-v0 --steps 200000

    Args:
        env: id of a robot environment; by default rl_lab/Robot-DoorKey-8x8-v0.
        env_option: the same, as an option.
        out: folder of the results; by default results/representations.
        steps: environment steps for each objective.
        epochs: passes over these steps.
        seed: of all random numbers.
        as_json: print JSON.
    """
    from rl_lab.lessons import representations

    within(seed, steps=(steps, 1_000, 10_000_000), epochs=(epochs, 1, 10_000))
    show(lambda: representations.study(one_env(env, env_option) or DEFAULT_WORLD, steps, epochs, seed), out, as_json)


@app.command
def approximate(
    source: Positional[str],
    hidden: int = 50,
    low: float | None = None,
    high: float | None = None,
    activation: str = "tanh",
    seed: int = 0,
    most: int = 1000,
    page: Path | None = None,
    out: Path | None = None,
    as_json: Json = False,
) -> None:
    """Fit a function with one hidden layer; shows the fit, each unit's part, towers, and the error over widths.

    Example: rl-lab approximate "sin(3*x) + 0.3*x**2" --hidden 50 --page fit.html

    Args:
        source: an expression of x, or of x and y; or a CSV of points, with two columns.
        hidden: units of the network that is drawn, 1 to 1000.
        low: start of the range; -3 for an expression.
        high: end of the range; 3 for an expression.
        activation: of the hidden units, "tanh", "sigmoid", "relu", "step" or "identity".
        seed: seed of the initial weights and of the training.
        most: units of the widest network that is measured, 1 to 1000.
        page: write an interactive page to this file.
        out: folder of the results; by default results/approximation.
        as_json: print JSON.
    """
    from rl_lab.lessons import approximation, approximation_page, targets

    options = approximation.Options(source, hidden, low, high, activation, seed, most)
    if page is not None:
        approximation_page.check(targets.target(source, low, high).variables, page)
        ready(page.absolute().parent, "--page")
    ready(out or Path("results"))
    result = approximation.approximate(options)
    show(lambda: approximation.findings(result), out, as_json)
    if page is not None:
        approximation_page.write(result, page)
        if not as_json:
            print(f"interactive: {page}")
