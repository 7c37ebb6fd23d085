"""A game of Go between two tree searches, in pictures.

    python examples/go_game.py --out results/go

Writes game.png, the board at six times, and game.sgf, the whole game for any Go program.
"""

import sys
from pathlib import Path

import matplotlib
import numpy as np
import tyro
from PIL import Image, ImageDraw, ImageFont

from rl_lab.cli.app import registry
from rl_lab.envs.go import sgf, sgf_reader
from rl_lab.envs.go.game import Board
from rl_lab.envs.go.players import player
from rl_lab.envs.go.record import Game
from rl_lab.errors import LabError
from rl_lab.files import make_folder

SIDE, GAP, CAPTION = 400, 16, 34  # pixels of a board in the picture, around it, and of the line below


def main(
    black: str = "mcts:20000", white: str = "mcts:20000", size: int = 9, seed: int = 1, out: Path = Path("results/go")
) -> None:
    """Let two players play, and draw the game.

    Args:
        black: random, greedy, mcts:N or gnugo:LEVEL.
        white: likewise.
        size: of the board.
        seed: of what is random.
        out: folder of the results.
    """
    sgf_reader.sgfmill_sgf()  # which writes the game; better to miss it now than after the last move
    board, players = Board(size), {"black": player(black, seed), "white": player(white, seed + 1)}
    make_folder(out)
    while not board.is_over:
        board.play(players[board.to_play](board))
    for one in players.values():
        one.close()
    game, last = Game.of(board, players=(black, white)), len(board.moves) - 2 * board.has_ended  # before the passes
    stages = np.unique(np.linspace(0, last, 7).round().astype(int))[1:].tolist()
    captions = [f"after {stage} moves" for stage in stages[:-1]] + [f"the end: {board.result()}"]
    mosaic([game.board(stage).picture() for stage in stages], captions).save(out / "game.png", optimize=True)
    sgf.write(out / "game.sgf", game)
    print(f"{black} plays {white} on {size}x{size}, komi {board.rules.komi_in_force:g}:", end=" ")
    print(f"{len(board.moves)} moves, captures {board.captures.black}-{board.captures.white}, {board.result()}")


def mosaic(pictures: list[np.ndarray], captions: list[str]) -> Image.Image:
    """Pictures in two rows, each with a line below it."""
    font = ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"), 17)
    columns = (len(pictures) + 1) // 2
    width, height = columns * (SIDE + GAP) + GAP, 2 * (SIDE + CAPTION + GAP) + GAP
    whole = Image.new("RGB", (width, height), "white")
    for place, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        left, top = GAP + place % columns * (SIDE + GAP), GAP + place // columns * (SIDE + CAPTION + GAP)
        whole.paste(Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.LANCZOS), (left, top))
        ImageDraw.Draw(whole).text((left + SIDE / 2, top + SIDE + 8), caption, "#333333", font, anchor="ma")
    return whole


if __name__ == "__main__":
    try:
        tyro.cli(main, registry=registry)
    except LabError as error:
        sys.exit(f"go_game.py: {error}")
