"""Levels of the robot gridworld: one reset kernel a family, with the same distribution as MiniGrid's generator."""
