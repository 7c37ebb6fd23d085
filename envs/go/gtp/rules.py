"""KataGo's names of rules, as far as we have them (lightvector.github.io/KataGo/rules.html)."""

import json
from dataclasses import asdict, dataclass, replace
from typing import Any

from rl_lab.envs.go.gtp.framing import Refused
from rl_lab.envs.go.rules import NAMED_RULES

NAMES = {
    "ko": "ko",
    "scoring": "scoring",
    "tax": "tax",
    "suicide": "suicide",
    "hasButton": "has_button",
    "whiteHandicapBonus": "white_handicap_bonus",
    "friendlyPassOk": "friendly_pass_ok",
}


@dataclass(frozen=True)
class KataRules:
    """Rules by KataGo's names; area scoring without tax and button is all that there is."""

    ko: str = "POSITIONAL"
    scoring: str = "AREA"
    tax: str = "NONE"
    suicide: bool = False
    has_button: bool = False
    white_handicap_bonus: str = "0"
    """Points that White gets for Black's handicap: "0", "N" or "N-1"."""
    friendly_pass_ok: bool = False
    """Kept, and of no effect: no stone is dead here but what was taken."""

    def as_json(self) -> str:
        """As `kata-get-rules` answers."""
        values = asdict(self)
        return json.dumps({name: values[field] for name, field in NAMES.items()}, separators=(",", ":"), sort_keys=True)

    def bonus(self, stones: int) -> int:
        """What White gets for so many handicap stones."""
        return {"0": 0, "N": stones, "N-1": max(0, stones - 1)}[self.white_handicap_bonus]


ALLOWED: dict[str, tuple[Any, ...]] = {
    "ko": ("SIMPLE", "POSITIONAL", "SITUATIONAL"),
    "scoring": ("AREA",),
    "tax": ("NONE",),
    "suicide": (True, False),
    "has_button": (False,),
    "white_handicap_bonus": ("0", "N", "N-1"),
    "friendly_pass_ok": (True, False),
}
CHINESE = {"white_handicap_bonus": "N", "friendly_pass_ok": True}
AMERICAN = {"white_handicap_bonus": "N-1", "friendly_pass_ok": True}
JAPANESE = {"scoring": "TERRITORY", "tax": "SEKI"}
BESIDE: dict[str, dict[str, Any]] = {  # what shorthands say beside ko and suicide
    "tromp-taylor": {},
    "chinese": CHINESE,
    "chinese-ogs": CHINESE,
    "chinese-kgs": CHINESE,
    "aga": AMERICAN,
    "bga": AMERICAN,
    "aga-button": AMERICAN | {"has_button": True},
    "new-zealand": {"friendly_pass_ok": True},
    "japanese": JAPANESE,
    "korean": JAPANESE,
    "stone-scoring": {"tax": "ALL"},
}


def read(text: str, present: KataRules) -> KataRules:
    """Rules from a shorthand such as `chinese`, or from JSON; what JSON leaves out stays as it is."""
    name = text.strip().lower().replace("_", "-")
    if name in BESIDE:
        ko, suicide = NAMED_RULES[name]
        return checked(KataRules(ko.upper(), suicide=suicide, **BESIDE[name]))
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise Refused(f"unknown rules; known are JSON and {', '.join(BESIDE)}")
    return change(values, present)


def change(values: dict[str, Any], present: KataRules) -> KataRules:
    """Rules with some of them changed, by KataGo's names."""
    fields: dict[str, Any] = {}
    for name, value in values.items():
        if name not in NAMES:
            raise Refused(f"unknown rule {name[:40]!r}; known are {', '.join(NAMES)}")
        fields[NAMES[name]] = value.upper() if isinstance(value, str) else value
    return checked(replace(present, **fields))


def checked(rules: KataRules) -> KataRules:
    """The rules, if we have them, or `Refused`."""
    for name, field in NAMES.items():
        value, allowed = getattr(rules, field), ALLOWED[field]
        if not any(type(value) is type(other) and value == other for other in allowed):
            raise Refused(f"{name} {json.dumps(value)[:40]} is not supported; it can be {json.dumps(allowed)[1:-1]}")
    return rules
