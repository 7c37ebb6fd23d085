"""`rl-lab gtp`: an agent for programs that show and play Go."""

from __future__ import annotations

import logging
from typing import Literal

from rl_lab.cli.app import app, know_env
from rl_lab.errors import LabError

log = logging.getLogger("rl_lab")


@app.command
def gtp(
    size: int | None = None,
    agent: str = "mcts:2000",
    komi: float | None = None,
    ko: Literal["positional", "situational", "simple"] = "positional",
    suicide: bool = False,
    seed: int = 0,
    env: str | None = None,
    resign: float = 0.0,
) -> None:
    """Speak GTP 2 on standard input and output: play Go in Sabaki, GoGui, or against other programs.

    Examples: rl-lab gtp --size 9 --agent mcts:2000; rl-lab gtp --agent runs/go5;
    echo "genmove black" | rl-lab gtp --agent greedy

    In Sabaki: Engines, Manage Engines, Add; the path is what `which rl-lab` prints, the arguments are
    gtp --agent mcts:2000. An agent mcts:N shows its thoughts there.

    With GoGui's referee: gogui-twogtp -black "rl-lab gtp --agent mcts:500" -white "gnugo --mode gtp --level 1"
    -size 9 -komi 7 -games 10 -auto -sgffile games; ours, with intervals, is rl-lab match.

    Args:
        size: of the board at first, 2 to 19; by default that which the agent was trained on, or 9.
        agent: random, greedy, mcts:N with N playouts a move, gnugo:LEVEL, or the folder of a run.
        komi: at first; by default that which the agent was trained with, or that of the board.
        ko: the rule of ko at first.
        suicide: allow it, at first.
        seed: of what is random.
        env: a run's environment as module:id, where a module of yours registers it.
        resign: mcts: give up when the chance to win is lower, such as 0.05; 0 plays on.
    """
    from rl_lab.cli.go_players import player_for, terms
    from rl_lab.envs.go.gtp.rules import KataRules
    from rl_lab.envs.go.gtp.server import serve
    from rl_lab.envs.go.gtp.session import GtpSession
    from rl_lab.envs.go.gtp.table import GameTable
    from rl_lab.envs.go.gtp.thinking import thinker_for

    if not 0 <= resign < 1:
        raise LabError(f"resign={resign} is not allowed; it must be at least 0 and less than 1")
    know_env(env)
    player = player_for(agent, seed)
    agreed = terms([player], size, komi)
    table = GameTable(agreed.size, agreed.komi, KataRules(ko.upper(), suicide=suicide))
    thinker = thinker_for(player, seed)
    if resign and not thinker.analyses:
        raise LabError(f"resign={resign} needs an agent that knows its chances, mcts:N; {agent} does not")
    if thinker.size not in (None, agreed.size):
        raise LabError(f"{agent} plays on {thinker.size}x{thinker.size} only; give --size {thinker.size}")
    if agreed.said:
        log.info("rl-lab: %s", agreed.said)
    session = GtpSession(table, thinker, resign)
    try:
        session.prepare()
        serve(session)
    finally:
        thinker.close()
