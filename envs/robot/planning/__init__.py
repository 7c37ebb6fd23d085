"""The search for the fewest actions: kernels; `rl_lab.envs.robot.planner` is for people."""
