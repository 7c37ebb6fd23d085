"""What an explorer plans for, the best first: to do its mission with what it knows, or to see what it does not.

This is where the rules of MiniGrid's families are known: what must not be picked up, opened or entered before its time.
"""

from collections.abc import Iterator

from rl_lab.envs.robot import tasks
from rl_lab.envs.robot.cells import BALL, BOX, CLOSED_DOOR, COLOUR, DOOR, GOAL, KEY, LOCKED_DOOR
from rl_lab.envs.robot.mission_parser import ParsedMission
from rl_lab.envs.robot.occupancy_map import NO_THING, Goal, OccupancyMap, Place

WHILE_EXPLORING = {tasks.OPEN: tasks.REACH, tasks.IN_ORDER: tasks.REACH}  # else the mission's own rules hold
ALONE, AT_END = -1, (-2, 2)  # rows, counted from the hallway's, of Memory's first thing and of the two at the end


def explorer_goals(errand: ParsedMission, belief: OccupancyMap, carried: int) -> Iterator[Goal]:
    """Goals for a mission, the best first; `carried` is the byte of what the robot carries."""
    fulfilment = _fulfilment(errand, belief, carried)
    if fulfilment is not None:
        yield fulfilment
    task, walls = WHILE_EXPLORING.get(errand.task, errand.task), tuple(_traps(errand, belief))
    boxes = tuple(place for place in belief.places(BOX) if belief.at(place) != errand.first)
    if errand.hint is not None:
        others = [place for place in belief.places(CLOSED_DOOR) if (belief.at(place) ^ errand.hint) & COLOUR]
        yield Goal(task, walls=(*walls, *others), new=True)
    yield Goal(task, walls=walls, new=True, boxes=boxes if belief.lacks_key(carried) else ())
    if boxes:
        yield Goal(task, walls=walls, boxes=boxes)


def _fulfilment(errand: ParsedMission, belief: OccupancyMap, carried: int) -> Goal | None:
    """What does the mission, if all that it is about is known."""
    first, second = (belief.first_seen.get(thing) for thing in (errand.first or NO_THING, errand.second or NO_THING))
    if errand.task == tasks.REACH:
        return Goal(tasks.REACH) if belief.places(GOAL) else None
    if errand.task == tasks.OPEN:
        doors = belief.places(CLOSED_DOOR, LOCKED_DOOR)
        if errand.first is not None:
            doors = [place for place in doors if (belief.at(place) ^ errand.first) & COLOUR == 0]
        return Goal(tasks.OPEN, place=doors[0]) if doors else None
    if errand.task == tasks.MATCH:
        return _match(belief)
    if errand.task == tasks.GO_TO:
        return Goal(tasks.GO_TO, place=first) if first else None
    if errand.task == tasks.IN_ORDER:
        return Goal(tasks.IN_ORDER, place=first, other=second) if first and second else None
    if errand.task == tasks.PUT_NEAR:
        is_known = second and (first or carried == errand.first)
        return Goal(tasks.PUT_NEAR, errand.first or NO_THING, second) if is_known else None
    return Goal(errand.task, errand.first or NO_THING) if first else None


def _traps(errand: ParsedMission, belief: OccupancyMap) -> Iterator[Place]:
    """Places that end the episode, if the robot goes or opens there before its time."""
    if errand.task == tasks.IN_ORDER:
        colour = (errand.second or DOOR) & COLOUR
        yield from (place for place in belief.places(CLOSED_DOOR) if belief.at(place) & COLOUR == colour)
    elif errand.task == tasks.MATCH:
        for x, y in belief.places(KEY, BALL):
            if y in AT_END:
                yield from ((x, -1), (x, 1))


def _match(belief: OccupancyMap) -> Goal | None:
    """Memory: the right place is beside the twin of the thing that lies alone, the wrong one beside the other."""
    things = {place: belief.at(place) for place in belief.places(KEY, BALL)}
    alone = [thing for (_, y), thing in things.items() if y == ALONE]
    ends = [place for place in things if place[1] in AT_END]
    if not alone or not ends:
        return None
    x, y = ends[0]
    side = y // 2 if things[ends[0]] == alone[0] else -y // 2
    return Goal(tasks.MATCH, place=(x, side), other=(x, -side))
