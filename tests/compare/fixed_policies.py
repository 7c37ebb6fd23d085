"""Contenders that step at random and return a policy of one action, and small settings of a comparison of them."""

import time


class Fixed:
    def __init__(self, action):
        self.action = action

    def predict(self, observation, deterministic=True):
        return self.action, None


def contender(action, folder=None, end=None):
    """Takes its steps at random and always returns the same policy; leaves a file for each time that it ran."""

    def train(env, seed, steps):
        if folder is not None:
            (folder / f"{action}-{seed}-{time.time_ns()}").touch()
        if end is not None:
            end(seed)
        env.reset(seed=seed)
        for _ in range(steps):
            if env.step(env.action_space.sample())[2]:
                env.reset()
        return Fixed(action)

    return train


def options(**more):
    return {"steps": 40, "points": 2, "episodes": 2, "jobs": 1, "quiet": True, **more}
