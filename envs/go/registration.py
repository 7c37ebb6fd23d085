"""Which ids there are, and where their definition is; importing this costs nothing."""

from typing import Any

GO = "rl_lab.envs.go.environment:go"

ENVIRONMENTS: dict[str, tuple[str, dict[str, Any]]] = {
    f"rl_lab/Go-{n}x{n}-v0": (GO, {"size": n}) for n in (5, 7, 9, 13, 19)
}
