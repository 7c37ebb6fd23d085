"""`rl-lab drive`: the robot steered by hand."""

from rl_lab.cli.app import Env, EnvOption, app, key_values, one_env

DEFAULT = "rl_lab/Robot-DoorKey-6x6-v0"


@app.command
def drive(
    env: Env = None,
    env_option: EnvOption = None,
    seed: int | None = None,
    env_arg: tuple[str, ...] = (),
    window: bool = False,
) -> None:
    """Steer the robot at the keyboard; shows the grid, the camera's view, the mission, and the optimal number of steps.

    Keys: arrows or w a d move, p picks up, s or down puts down, t or the space bar toggles, e is the action done, l the
    action look (where there is one), h shows the planner's action, r starts a new level, q quits.

    Examples: rl-lab drive rl_lab/Robot-ObstructedMaze-1Dlhb-v0 --seed 3;
    rl-lab drive rl_lab/Robot-Custom-v0 --env-arg layout=mine.txt --window;
    rl-lab drive rl_lab/Robot-Maze-15x15-v0 --env-arg view_size=5;
    echo wwdwwq | rl-lab drive rl_lab/Robot-Empty-5x5-v0

    Where the input is not a terminal, each letter is a key, and the grid is plain text.

    Args:
        env: id of a robot environment; by default rl_lab/Robot-DoorKey-6x6-v0.
        env_option: the same, as an option.
        seed: seed of the first level; by default a new one every time.
        env_arg: arguments of the environment, as key=value.
        window: open a window; needs pip install -e '.[window]'.
    """
    from rl_lab.cli.robot_drive import Drive, world
    from rl_lab.cli.robot_screen import screen_for

    made = world(one_env(env, env_option) or DEFAULT, key_values(env_arg))
    with screen_for(window) as screen:
        Drive(made, screen).run(seed)
