"""What a mission's words ask for: MiniGrid's sentences, which layouts, reset options and the explorer understand alike.

| sentence                                                         | task     | first, second         |
| pick up THING                                                    | PICK_UP  | the thing             |
| get, go get, fetch, go fetch, you must fetch THING               | FETCH    | the thing             |
| go to THING or DOOR                                              | GO_TO    | the thing or door     |
| put THING near THING or DOOR                                     | PUT_NEAR | what to move, by what |
| open the door                                                    | OPEN     |                       |
| open DOOR                                                        | OPEN     | the door              |
| open DOOR then DOOR, of two colours                              | IN_ORDER | the doors             |
| go to the matching object at the end of the hallway              | MATCH    |                       |
| get KEY from the COLOUR room, unlock DOOR and go to the goal     | REACH    |                       |
| everything else                                                  | REACH    |                       |

THING is such as "the red ball" or "a blue box", DOOR such as "the grey door". Only whole sentences count.
"""

import re
from typing import NamedTuple

from rl_lab.envs.robot import tasks
from rl_lab.envs.robot.cells import COLOURS, DOOR, OBJECTS

SENTENCES = (
    ("pick up THING", tasks.PICK_UP),
    ("(?:go |)get THING", tasks.FETCH),
    ("(?:go |you must |)fetch THING", tasks.FETCH),
    ("go to ANY", tasks.GO_TO),
    ("put THING near ANY", tasks.PUT_NEAR),
    ("open the door", tasks.OPEN),
    ("open SHUT", tasks.OPEN),
    ("open SHUT then SHUT", tasks.IN_ORDER),
    ("go to the matching object at the end of the hallway", tasks.MATCH),
)
COLOUR = f"({'|'.join(COLOURS)})"
THINGS = {"THING": "key|ball|box", "ANY": "key|ball|box|door", "SHUT": "door"}
HINT = re.compile(rf"get the {COLOUR} key from the {COLOUR} room, unlock the {COLOUR} door and go to the goal")


def _pattern(sentence: str) -> re.Pattern[str]:
    for name, kinds in THINGS.items():
        sentence = sentence.replace(name, f"(?:a|the) {COLOUR} ({kinds})")
    return re.compile(sentence)


PATTERNS = [(_pattern(sentence), task) for sentence, task in SENTENCES]


class ParsedMission(NamedTuple):
    """A mission, understood."""

    task: int  # one of those in `tasks`
    first: int | None = None  # the thing or door that it is about, as a byte; doors have the kind of open ones
    second: int | None = None  # another one: what to put something near, the door to open last
    hint: int | None = None  # the door behind which the key is


def understood(mission: str) -> ParsedMission:
    """The errand that a mission's text describes; to reach a goal where it says nothing else.

    Example:
        >>> understood("put the red ball near the blue box")
        ParsedMission(task=6, first=6, second=39, hint=None)
        >>> understood("go to the goal") == ParsedMission(tasks.REACH)
        True
    """
    mission = " ".join(mission.split())
    for pattern, task in PATTERNS:
        if said := pattern.fullmatch(mission):
            things = [_byte(*said.group(k, k + 1)) for k in range(1, pattern.groups, 2)]
            if task != tasks.IN_ORDER or things[0] != things[1]:
                return ParsedMission(task, *things)
    said = HINT.fullmatch(mission)
    return ParsedMission(tasks.REACH, hint=_byte(said[2], OBJECTS[DOOR]) if said else None)


def _byte(colour: str, thing: str) -> int:
    return OBJECTS.index(thing) | COLOURS.index(colour) << 4
