"""The robot gridworld: MiniGrid's cells, actions, camera and levels, at machine speed.

Ids are MiniGrid's with `MiniGrid-` replaced by `rl_lab/Robot-`; `registration` lists them, `families` has
their arguments, `options` starts from any position.

Example:
    >>> import gymnasium as gym, rl_lab
    >>> env = gym.make("rl_lab/Robot-DoorKey-8x8-v0", observation="dict", render_mode="ansi")
    >>> observation, info = env.reset(seed=3)
    >>> observation["mission"]
    'use the key to open the door and then get to the goal'
    >>> print(env.render())
    WGWGWGWGWGWGWGWG
    WG^^      WG  WG
    WG        WG  WG
    WG        LY  WG
    WG    KY  WG  WG
    WG        WG  WG
    WG        WGGGWG
    WGWGWGWGWGWGWGWG
    use the key to open the door and then get to the goal; carrying nothing; step 0
"""
