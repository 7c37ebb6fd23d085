"""Makes the gallery: runs every lesson as people run it, and keeps a picture and the words of each.

python docs/gallery.py [NAMES] [--out docs/gallery]
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import tyro
from tyro.conf import Positional

ROOT = Path(__file__).parents[1]
FUNDAMENTALS = "python examples/fundamentals"


class Shown(NamedTuple):
    """A command, and the picture of its that is shown."""

    command: str
    picture: str


GALLERY = {
    "neuron": Shown(f"{FUNDAMENTALS}/neuron.py", "neuron"),
    "rosenblatt": Shown(f"{FUNDAMENTALS}/rosenblatt.py", "bound"),
    "activations": Shown(f"{FUNDAMENTALS}/activations.py", "activations"),
    "chain": Shown(f"{FUNDAMENTALS}/chain.py", "circuits"),
    "eight_layers": Shown(f"{FUNDAMENTALS}/eight_layers.py", "gradients"),
    "approximate": Shown('rl-lab approximate "sin(3*x) + 0.3*x**2" --hidden 50', "fit"),
    "digits": Shown("rl-lab learn digits", "digits"),
    "faces": Shown("rl-lab learn faces", "faces"),
    "cats": Shown("rl-lab learn cats", "cats"),
    "words": Shown("rl-lab learn words", "words"),
    "cluster_processes": Shown("rl-lab cluster processes", "apart"),
    "cluster_digits": Shown("rl-lab cluster digits", "plane"),
    "cluster_fortunes": Shown("rl-lab cluster fortunes --method kmeans", "plane"),
    "generated_digits": Shown("rl-lab generate digits", "drawn"),
    "generated_text": Shown("rl-lab generate text", "bits"),
    "generated_names": Shown("rl-lab generate text --corpus names", "bits"),
    "generated_sound": Shown("rl-lab generate sound", "sounds"),
    "representations": Shown("rl-lab represent", "probes"),
    "go_game": Shown("python examples/go_game.py", "game"),
}

ON_THE_SHEET = ("approximate", "generated_digits", "cluster_processes", "faces")
WIDTH, GAP = 760, 24  # pixels


def main(names: Positional[tuple[str, ...]] = (), out: Path = Path("docs/gallery")) -> None:
    """Run commands, and keep a picture and the words of each.

    Args:
        names: which; all by default, which takes about twenty minutes. Needs `make data`.
        out: where pictures and words are kept.
    """
    out.mkdir(parents=True, exist_ok=True)
    unknown = [name for name in names if name not in GALLERY]
    if unknown:
        sys.exit(f"{unknown[0]!r} is not in the gallery; it has {', '.join(GALLERY)}")
    for name in names or GALLERY:
        start = time.perf_counter()
        words = made(name, out)
        print(f"{name}: {time.perf_counter() - start:.0f} s\n{words}", flush=True)
    if all((out / f"{name}.png").exists() for name in ON_THE_SHEET):
        sheet(out)


def sheet(out: Path) -> None:
    """Four of the pictures side by side, for the README."""
    from PIL import Image

    pictures = [Image.open(out / f"{name}.png").convert("RGB") for name in ON_THE_SHEET]
    scaled = [picture.resize((WIDTH, round(picture.height * WIDTH / picture.width))) for picture in pictures]
    columns = scaled[::2], scaled[1::2]
    height = max(sum(picture.height + GAP for picture in column) for column in columns)
    whole = Image.new("RGB", (2 * WIDTH + 3 * GAP, height + GAP), "white")
    for place, column in enumerate(columns):
        top = GAP
        for picture in column:
            whole.paste(picture, (GAP + place * (WIDTH + GAP), top))
            top += picture.height + GAP
    whole.save(out.parent / "gallery.png", optimize=True)


def made(name: str, out: Path) -> str:
    """Run one command; what it printed."""
    command, picture = GALLERY[name]
    folder = Path("results/gallery") / name
    program = {"python": [sys.executable], "rl-lab": [sys.executable, "-m", "rl_lab.cli"]}
    first, *rest = shlex.split(command)
    done = subprocess.run(
        [*program[first], *rest, "--out", str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    lines = [line for line in done.stdout.rstrip().split("\n") if not line.startswith("page: ")]
    (out / f"{name}.txt").write_text(f"$ {command}\n" + "\n".join(lines) + "\n")
    shutil.copy(ROOT / folder / f"{picture}.png", out / f"{name}.png")
    return "\n".join(lines)


if __name__ == "__main__":
    tyro.cli(main)
