"""A conversation in GTP, without a process."""

import io
import re

from rl_lab.envs.go.gtp.rules import KataRules
from rl_lab.envs.go.gtp.server import Server
from rl_lab.envs.go.gtp.session import GtpSession
from rl_lab.envs.go.gtp.table import GameTable
from rl_lab.envs.go.gtp.thinking import thinker_for
from rl_lab.envs.go.players import player

ANSWER = re.compile(r"[=?][0-9]*(?: [^\n]*)?\n(?:[^\n]+\n)*\n")  # begins, goes on without empty lines, and ends


def session(agent="random", size=9, resign=0.0, ko="positional", **arguments):
    return GtpSession(GameTable(size, rules=KataRules(ko.upper()), **arguments), thinker_for(player(agent)), resign)


def said(text, current=None, **arguments):
    """All that comes out when bytes go in."""
    out = []
    Server(current or session(**arguments), io.BytesIO(text).read, out.append).run()
    return "".join(out)


def answers(written):
    """The answers in what came out, which must hold nothing else."""
    found = ANSWER.findall(written)
    assert "".join(found) == written
    return [answer.strip() for answer in found]


def talk(*lines, **arguments):
    """The answers to lines, one each."""
    found = answers(said("".join(f"{line}\n" for line in lines).encode(), **arguments))
    assert len(found) == len(lines)
    return found
