"""Go as an environment: against an opponent inside it, or one move after the other for both sides."""

import functools
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from rl_lab.envs import Definition
from rl_lab.envs.definition import Versus
from rl_lab.envs.go import picture, planes, turn_kernels, uct, validation
from rl_lab.envs.go.diagram import write
from rl_lab.envs.go.expert import named
from rl_lab.envs.go.external_opponents import ExternalOpponentLanes
from rl_lab.envs.go.layout import KO, PASS, on_board, state_dtype, stones_of
from rl_lab.envs.go.opponents import SELF, Opponent, Opponents, opponents
from rl_lab.envs.go.playouts import random_move
from rl_lab.envs.go.positions import Beginning
from rl_lab.envs.go.rules import Rules, most_moves
from rl_lab.envs.go.turn_kernels import CHOICES
from rl_lab.errors import LabError
from rl_lab.validation import choice

REWARDS = ("result", "margin")


def go(
    size: int = 9,
    opponent: Opponent = "random",
    colour: str = "drawn",
    reward: str = "result",
    komi: float | None = None,
    ko: str = "positional",
    suicide: bool = False,
    handicap: int = 0,
    max_moves: int | None = None,
) -> Definition:
    """A game of Go; `action` is `row * size + column` from the upper left, and `size * size` passes.

    An action that the rules forbid loses at once, with `info["illegal_action"]`; `info["action_mask"]` says which
    are allowed. A game that reaches its longest length is truncated and pays nothing.

    `reset(options=...)` begins elsewhere: `{"moves": ["C3", "D2"]}` plays these first, vertices or actions;
    `{"position": text, "to_play": "white"}` puts up a position as `Board.ascii` writes it, with moves after it if there
    are any. A drawn colour is then that of the side to play. An episode that an autoreset starts begins as always.

    Args:
        size: side of the board, 2 to 19.
        opponent: the other side.

            - "random" plays uniformly random moves that fill no eye of its own, and passes where there are none.
            - "greedy" captures, or else saves what is in atari, or else plays so; see `greedy`.
            - "mcts:N" searches with N random playouts a move; see `uct`.
            - "self": every step is a move of the side to play, which sees the board from its own view and gets the
              reward of that move.
            - Several of these, such as "self+greedy", of which each game draws one.
            - "gnugo:LEVEL" is GNU Go at a level from 0 to 10, a process; see `gnugo`.
            - A function `(board) -> move` gets a `Board` and gives an action or a vertex such as "C3" or "pass".
        colour: what the agent plays against an opponent: "black", "white", or "drawn" by lot every game.
        reward: "result", 1 for a win, -1 for a loss, 0 for a draw; or "margin", the points that one is ahead after
            komi, and for an illegal action the whole board and komi behind.
        komi: for White; default is Black's margin under best play, see `rules.default_komi`.
        ko: "positional", "situational" or "simple".
        suicide: whether that is allowed.
        handicap: Black's stones before the first move, which is White's then.
        max_moves: of both sides together, 1 to 509 on boards up to 9x9 and to 1533 on larger ones; default
            `2 * size**2`. Against an opponent each side gets half of them, rounded down. Where games with "self" and
            others are mixed, the agent gets all of them in both, so that the most is half as many.

    Raises:
        LabError: an argument is not allowed.
    """
    choice("colour", colour, CHOICES)
    choice("reward", reward, REWARDS)
    rules = Rules(size, komi, ko, suicide, handicap, max_moves)
    others = opponents(opponent)
    steps, most = _lengths(rules, others)
    # With "self" alone nobody answers, but the kernels are compiled with somebody who could.
    answering = others.moves or (random_move,)
    begin, step = turn_kernels.against(answering)
    more = {
        "max_steps": steps,
        "colour": CHOICES.index(colour),
        "by_margin": reward == "margin",
        "opponents": len(others.moves) + others.alone,
        "alone": len(others.moves) if others.alone else -1,
        "playouts": np.array(others.playouts or (0,)),
    }
    return Definition(
        name="Go",
        state=lane_fields(rules.capacity, max(others.playouts, default=0)),
        config=rules.config() | more,
        reset=turn_kernels.begin_external if others.outside else begin,
        step=step,
        observe=planes.observe,
        action_mask=planes.action_mask,
        observation_space=observation_space(rules),
        action_space=spaces.Discrete(size * size + 1),
        render=render,
        render_modes=("rgb_array", "ansi"),
        endings=("illegal_action",),
        validate=validation.validate,
        expert=named,
        expert_names=("random", "greedy", "mcts:500", "gnugo:10"),
        versus=_versus(opponent, size, komi),
        turned="turned" if others.alone else "",
        inject=Beginning(rules, most, turn_kernels.one_of(answering), others.outside),
        lanes=functools.partial(ExternalOpponentLanes, opponent, rules, most) if others.outside else None,
    )


def _versus(opponent: Opponent, size: int, komi: float | None) -> Versus:
    """In evaluations, the others of a mixture play instead of the agent itself, or random moves."""
    rules = f"--size {size}" + (f" --komi {komi:g}" if komi is not None else "")
    advice = f"others: --env-arg opponent=greedy; a match: rl-lab match {{run}} mcts:500 {rules}"
    names = opponent.split("+") if isinstance(opponent, str) else []
    if SELF not in names:
        return Versus(str(opponent), advice=advice)
    reason = "against itself an agent wins as often as it loses, whatever its strength"
    met = "+".join(name for name in names if name != SELF) or "random"
    return Versus(str(opponent), {"opponent": met}, reason, advice)


def _lengths(rules: Rules, others: Opponents) -> tuple[int, int]:
    """How many moves a game may have: those of the agent, and all of them."""
    if not others.moves:
        return rules.longest, rules.longest
    steps = rules.longest if others.alone else max(1, rules.longest // 2)
    bound = most_moves(rules.size)
    if 2 * steps > bound:
        raise LabError(
            f"max_moves={rules.max_moves} is not allowed where games with 'self' and others are mixed: the agent may "
            f"make so many moves and an opponent as many, and superko remembers {bound} on {rules.size}x{rules.size}; "
            f"give 1 to {bound // 2}"
        )
    return steps, 2 * steps + 1  # an opponent may begin


def lane_fields(capacity: int, playouts: int = 0) -> np.dtype:
    """The fields of a game and of what an environment adds, a tree for that many playouts among them."""
    game = state_dtype(capacity)
    fields: list[Any] = [(name, game.fields[name][0]) for name in game.names or ()]  # type: ignore[index]
    return np.dtype(
        [
            *fields,
            ("verdicts", np.uint8, game["stones"].shape),  # by empty point: what the rules say of the next move there
            ("counts", np.int16, game["stones"].shape),  # by chain: its liberties; NO_POINT has none
            ("opponent", np.uint8),  # of this game: its place among them, the last one if the agent plays both sides
            ("answer", np.uint16),  # the action of an opponent who is no kernel
            ("waiting", np.bool_),  # whether such an opponent is to begin the game
            ("illegal_action", np.bool_),  # whether the last action was
            ("turned", np.bool_),  # whether the agent goes on for the other side
            *(uct.lane_fields(capacity, playouts) if playouts else ()),
        ],
        align=True,
    )


def observation_space(rules: Rules) -> spaces.Box:
    """Planes of 0 and 1, but for komi, which is paid or got."""
    low = np.zeros((len(planes.PLANES), rules.size, rules.size), np.int8)
    high = np.ones_like(low)
    low[planes.KOMI], high[planes.KOMI] = -planes.FULL, planes.FULL
    return spaces.Box(low, high, dtype=np.int8)


def render(state: Any, config: Any, mode: str) -> NDArray[np.uint8] | str:
    """A frame of a lane, as last observed.

    Returns:
        In mode "rgb_array" uint8 `(height, width, 3)` with a ring on the last move and squares where ko or superko
        forbids a move, see `picture.draw`; in mode "ansi" a text, see `diagram.write`.
    """
    if mode == "ansi":
        return write(state, config)
    size = int(config.width)
    verdicts = on_board(np.asarray(state.verdicts), size)
    last = int(state.last[0])
    row, column = divmod(last, size + 1)
    played = None if last == PASS else (row - 1) * size + column - 1
    return picture.draw(stones_of(state, config), played, np.flatnonzero(verdicts >= KO).tolist())
