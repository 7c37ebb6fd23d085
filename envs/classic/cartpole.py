"""CartPole-v1 as Gymnasium has it (Barto, Sutton and Anderson, 1983): a whole environment in one file."""

import math

import numpy as np
from gymnasium.spaces import Box, Discrete

from rl_lab import random
from rl_lab.envs import Definition

STATE = np.dtype([("x", "f8"), ("x_dot", "f8"), ("theta", "f8"), ("theta_dot", "f8")])  # m, m/s, rad, rad/s
GRAVITY, CART, POLE, HALF_LENGTH, FORCE, TAU = 9.8, 1.0, 0.1, 0.5, 10.0, 0.02
MAX_POSITION, MAX_ANGLE = 2.4, 12 * 2 * math.pi / 360


def reset(state, config):
    """Stand almost still."""
    state.x = random.uniform(state.random, -0.05, 0.05)
    state.x_dot = random.uniform(state.random, -0.05, 0.05)
    state.theta = random.uniform(state.random, -0.05, 0.05)
    state.theta_dot = random.uniform(state.random, -0.05, 0.05)


def step(state, action, config):
    """Push left (0) or right (1); the pole may not fall, and the cart may not leave."""
    force = FORCE if action == 1 else -FORCE
    cosine, sine = math.cos(state.theta), math.sin(state.theta)
    push = (force + POLE * HALF_LENGTH * state.theta_dot**2 * sine) / (CART + POLE)
    turning = (GRAVITY * sine - cosine * push) / (HALF_LENGTH * (4.0 / 3.0 - POLE * cosine**2 / (CART + POLE)))
    acceleration = push - POLE * HALF_LENGTH * turning * cosine / (CART + POLE)
    state.x += TAU * state.x_dot
    state.x_dot += TAU * acceleration
    state.theta += TAU * state.theta_dot
    state.theta_dot += TAU * turning
    return 1.0, abs(state.x) > MAX_POSITION or abs(state.theta) > MAX_ANGLE


def observe(state, observation, config):
    """Show the four numbers of the state."""
    observation[0] = state.x
    observation[1] = state.x_dot
    observation[2] = state.theta
    observation[3] = state.theta_dot


def validate(states, config):
    """Saved states hold numbers whose squares are finite, or an episode would not see that it ends."""
    for name in ("x", "x_dot", "theta", "theta_dot"):
        yield name, np.abs(states[name]) <= 1e6, "a number from -1e6 to 1e6"


def cartpole(max_steps=500):
    """Balance a pole on a cart for up to `max_steps` steps."""
    high = np.array([2 * MAX_POSITION, np.inf, 2 * MAX_ANGLE, np.inf], np.float32)
    space = Box(-high, high)
    config, actions = {"max_steps": max_steps}, Discrete(2)
    return Definition("CartPole", STATE, config, reset, step, observe, space, actions, validate=validate)
