"""The robot gridworld: MiniGrid's cells, actions, camera and levels, at machine speed."""
