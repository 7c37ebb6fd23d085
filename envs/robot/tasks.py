"""What a mission asks for beyond the goal: when an episode ends, and with what reward, as MiniGrid's families say.

All families share one step; `config.task` says which of these rules it ends with. A success is worth
`1 - 0.9 * steps / max_steps`, or 1 with sparse rewards. The places and the thing meant are in the state, put there by
the layout:

| task     | families                    | `target`       | `target_x`, `target_y` | `other_x`, `other_y` |
| REACH    | all with a goal, Playground |                |                        |                      |
| DODGE    | Dynamic-Obstacles           |                |                        |                      |
| OPEN     | Unlock                      |                | the door               |                      |
| PICK_UP  | those that end with a thing | the thing      |                        |                      |
| FETCH    | Fetch                       | the thing      |                        |                      |
| GO_TO    | GoToDoor, GoToObject        |                | the place to stand by  |                      |
| PUT_NEAR | PutNear                     | what to move   | the place to put it by |                      |
| IN_ORDER | RedBlueDoors                |                | the first door         | the second door      |
| MATCH    | Memory                      |                | where to go            | where not to go      |
| SCOUT    | Scout, whose doors turn     |                |                        |                      |
"""

import numpy as np

from rl_lab import random
from rl_lab.envs.robot.cells import BALL, BLUE, DOOR, EMPTY, GOAL, KIND, NOTHING
from rl_lab.envs.robot.clocks import turn_doors
from rl_lab.envs.robot.dynamics import DONE, DROP, FORWARD, PICKUP, TOGGLE, act, ahead_of, success
from rl_lab.envs.robot.world import MOST_OBSTACLES, NOWHERE, place, put

REACH, DODGE, OPEN, PICK_UP, FETCH, GO_TO, PUT_NEAR, IN_ORDER, MATCH, SCOUT = range(10)
BLUE_BALL = np.int64(BALL | BLUE << 4)
TRIES = 101  # how often MiniGrid draws a place for an obstacle before it leaves it where it is


def step(state, action, config):
    """One step in any family."""
    task = config.task
    x, y = ahead_of(state)
    before = np.int64(state.cells[place(x, y, config.stride)])
    held = np.int64(state.carrying)
    if task == DODGE:
        move_obstacles(state, config)
    elif task == MATCH and action == PICKUP:
        action = TOGGLE
    reward, ended = act(state, action, x, y, config)
    if task == SCOUT:
        turn_doors(state, config)
    if task in (REACH, SCOUT):
        return reward, ended
    return judge(state, action, x, y, before, held, reward, ended, config)


def judge(state, action, x, y, before, held, reward, ended, config):
    """Reward and ending by the task's rule, from those by what all families share.

    The state is that after the step; the cell (x, y) was ahead, `before` is what was in it, `held` what was carried.
    """
    task, carrying = config.task, np.int64(state.carrying)
    is_target = carrying != EMPTY and carrying == np.int64(state.target)
    if task == DODGE:
        if action == FORWARD and before & KIND != EMPTY and before & KIND != GOAL:
            return config.collision, True
    elif task == OPEN:
        if action == TOGGLE and is_open(state, state.target_x, state.target_y, config):
            return success(state, config), True
    elif task == PICK_UP:
        if action == PICKUP and is_target:
            return success(state, config), True
    elif task == FETCH:
        if carrying != EMPTY:
            return (success(state, config) if is_target else 0.0), True
    elif task == GO_TO:
        if action == DONE:
            is_beside = distance(state.x, state.y, state.target_x, state.target_y) == 1
            return (success(state, config) if is_beside else reward), True
        return reward, ended or action == TOGGLE
    elif task == PUT_NEAR:
        if action == DROP and held != EMPTY:
            is_near = abs(x - np.int64(state.target_x)) <= 1 and abs(y - np.int64(state.target_y)) <= 1
            return (success(state, config) if is_near and carrying == EMPTY else reward), True
        return reward, ended or (action == PICKUP and carrying != EMPTY and not is_target)
    elif task == IN_ORDER:
        return judge_order(state, x, y, before, reward, ended, config)
    elif task == MATCH:
        if distance(state.x, state.y, state.other_x, state.other_y) == 0:
            return 0.0, True
        if distance(state.x, state.y, state.target_x, state.target_y) == 0:
            return success(state, config), True
    return reward, ended


def judge_order(state, x, y, before, reward, ended, config):
    """The second door ends the episode, and so does the first after the second; only the right order succeeds."""
    first = is_open(state, state.target_x, state.target_y, config)
    second = is_open(state, state.other_x, state.other_y, config)
    was_open = before & KIND == DOOR
    first_before = was_open if distance(x, y, state.target_x, state.target_y) == 0 else first
    second_before = was_open if distance(x, y, state.other_x, state.other_y) == 0 else second
    if second:
        return (success(state, config) if first_before else 0.0), True
    if first and second_before:
        return 0.0, True
    return reward, ended


def distance(x, y, to_x, to_y):
    """How many cells apart two places are, along the axes."""
    return abs(np.int64(x) - np.int64(to_x)) + abs(np.int64(y) - np.int64(to_y))


def is_open(state, x, y, config):
    """Whether an open door is at a place."""
    return state.cells[place(np.int64(x), np.int64(y), config.stride)] & KIND == DOOR


def move_obstacles(state, config):
    """Move every obstacle, one after the other, to a free cell around it that is drawn."""
    for k in range(MOST_OBSTACLES):
        x, y = np.int64(state.obstacles[k, 0]), np.int64(state.obstacles[k, 1])
        if x == NOWHERE:
            break
        left, top = x - (x > 0), y - (y > 0)
        right = left + 3 if left + 3 < state.width else np.int64(state.width)
        bottom = top + 3 if top + 3 < state.height else np.int64(state.height)
        for _ in range(TRIES):
            to_x = random.integers(state.random, left, right)
            to_y = random.integers(state.random, top, bottom)
            free = state.cells[place(to_x, to_y, config.stride)] == EMPTY
            if free and distance(to_x, to_y, state.x, state.y) > 0:
                put(state, to_x, to_y, BLUE_BALL, config.stride)
                put(state, x, y, NOTHING, config.stride)
                state.obstacles[k, 0] = to_x
                state.obstacles[k, 1] = to_y
                break
