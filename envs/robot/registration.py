"""Which ids there are, and where their definitions are; importing this costs nothing."""

from typing import Any

PREFIX, HOME = "rl_lab/Robot-", "rl_lab.envs.robot.layouts."
OWN = tuple(PREFIX + name for name in ("Custom", "Maze", "Scout"))  # how ids begin that MiniGrid has not

# By the file and function of a family: MiniGrid's ids without `MiniGrid-`, the version kept, and their arguments.
FAMILIES: dict[str, dict[str, dict[str, Any]]] = {
    "empty:empty": {
        **{f"Empty-{n}x{n}-v0": {"size": n} for n in (5, 6, 8, 16)},
        **{f"Empty-Random-{n}x{n}-v0": {"size": n, "random_start": True} for n in (5, 6)},
    },
    "doorkey:door_key": {f"DoorKey-{n}x{n}-v0": {"size": n} for n in (5, 6, 8, 16)},
    "fourrooms:four_rooms": {"FourRooms-v0": {}},
    "lavagap:lava_gap": {f"LavaGapS{n}-v0": {"size": n} for n in (5, 6, 7)},
    "crossing:crossing": {
        f"{name}CrossingS{size}N{crossings}-v0": {"size": size, "crossings": crossings, "lava": name == "Lava"}
        for name in ("Lava", "Simple")
        for size, crossings in ((9, 1), (9, 2), (9, 3), (11, 5))
    },
    "distshift:dist_shift": {"DistShift1-v0": {"strip": 2}, "DistShift2-v0": {"strip": 5}},
    "obstacles:dynamic_obstacles": {
        f"Dynamic-Obstacles-{'Random-' * drawn}{n}x{n}-v0": {"size": n, "obstacles": n // 2, "random_start": drawn}
        for n, drawn in ((5, False), (5, True), (6, False), (6, True), (8, False), (16, False))
    },
    "things:fetch": {
        f"Fetch-{n}x{n}-N{objects}-v0": {"size": n, "objects": objects} for n, objects in ((5, 2), (6, 2), (8, 3))
    },
    "gotodoor:go_to_door": {f"GoToDoor-{n}x{n}-v0": {"size": n} for n in (5, 6, 8)},
    "things:go_to_object": {f"GoToObject-{n}x{n}-N2-v0": {"size": n, "objects": 2} for n in (6, 8)},
    "things:put_near": {
        f"PutNear-{n}x{n}-N{objects}-v0": {"size": n, "objects": objects} for n, objects in ((6, 2), (8, 3))
    },
    "unlock:unlock": {"Unlock-v0": {}},
    "unlock:unlock_pickup": {"UnlockPickup-v0": {}},
    "unlock:blocked_unlock_pickup": {"BlockedUnlockPickup-v0": {}},
    "keycorridor:key_corridor": {
        f"KeyCorridorS{size}R{rows}-v0": {"room_size": size, "rows": rows}
        for size, rows in ((3, 1), (3, 2), (3, 3), (4, 3), (5, 3), (6, 3))
    },
    "lockedroom:locked_room": {"LockedRoom-v0": {}},
    "multiroom:multi_room": {
        "MultiRoom-N2-S4-v0": {"rooms": 2, "room_size": 4},
        "MultiRoom-N4-S5-v0": {"rooms": 6, "room_size": 5},  # as MiniGrid's has
        "MultiRoom-N4-S5-v1": {"rooms": 4, "room_size": 5},
        "MultiRoom-N6-v0": {"rooms": 6},
    },
    "memory:memory": {
        **{f"MemoryS{n}-v0": {"size": n} for n in (7, 9, 11, 13)},
        **{f"MemoryS{n}Random-v0": {"size": n, "random_length": True} for n in (13, 17)},
    },
    "obstructed:obstructed_pair": {
        "ObstructedMaze-1Dl-v0": {"boxed": False, "blocked": False},
        "ObstructedMaze-1Dlh-v0": {"blocked": False},
        "ObstructedMaze-1Dlhb-v0": {},
    },
    "obstructed:obstructed_maze": {
        "ObstructedMaze-2Dl-v0": {"quarters": 1, "start_in_middle": False, "boxed": False, "blocked": False},
        "ObstructedMaze-2Dlh-v0": {"quarters": 1, "start_in_middle": False, "blocked": False},
        **{
            f"ObstructedMaze-{name}-v{version}": {**arguments, "keys_last": version == 1}
            for name, arguments in (
                ("2Dlhb", {"quarters": 1, "start_in_middle": False}),
                ("1Q", {"quarters": 1}),
                ("2Q", {"quarters": 2, "start_in_middle": False}),
                ("Full", {}),
            )
            for version in (0, 1)
        },
    },
    "redblue:red_blue_doors": {f"RedBlueDoors-{n}x{n}-v0": {"size": n} for n in (6, 8)},
    "playground:playground": {"Playground-v0": {}},
    "maze:maze": {
        **{f"Maze-{n}x{n}-v0": {"size": n} for n in (9, 15, 25, 41)},
        **{f"Maze-Braided-{n}x{n}-v0": {"size": n, "braid": 1.0} for n in (9, 15, 25, 41)},
    },
    "scout:scout": {
        f"Scout-{n}x{n}-v0": {"size": n, "chambers": chambers, "look": True}
        for n, chambers in ((7, 2), (9, 2), (13, 3))
    },
}
ENVIRONMENTS: dict[str, tuple[str, dict[str, Any]]] = {
    PREFIX + name: (HOME + place, arguments) for place, names in FAMILIES.items() for name, arguments in names.items()
} | {PREFIX + "Custom-v0": (HOME + "custom:custom", {})}
