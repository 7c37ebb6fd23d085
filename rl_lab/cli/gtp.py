"""`rl-lab gtp`: a GTP engine."""

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
    """Run a Go engine that speaks GTP 2 on standard input and output, for Sabaki, GoGui and other programs.

    Examples: rl-lab gtp --size 9 --agent mcts:2000; rl-lab gtp --agent runs/go5;
    echo "genmove black" | rl-lab gtp --agent greedy

    In Sabaki: Engines, Manage Engines, Add; the path is what `which rl-lab` prints, the arguments are
    gtp --agent mcts:2000. An agent mcts:N shows its analysis there.

    With GoGui's referee: gogui-twogtp -black "rl-lab gtp --agent mcts:500" -white "gnugo --mode gtp --level 1"
    -size 9 -komi 7 -games 10 -auto -sgffile games; ours, with intervals, is rl-lab match.

    Args:
        size: initial board size, 2 to 19; by default the size that the agent was trained on, or 9.
        agent: random, greedy, mcts:N with N playouts per move, gnugo:LEVEL, or the folder of a run.
        komi: initial komi; by default the komi that the agent was trained with, or that of the board.
        ko: initial ko rule.
        suicide: whether suicide is legal initially.
        seed: seed of all random numbers.
        env: a run's environment as module:id, where a module of yours registers it.
        resign: winning probability below which mcts:N resigns, such as 0.05; 0 never resigns.
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
        raise LabError(f"resign={resign} needs an agent with winning probabilities, mcts:N; {agent} has none")
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
