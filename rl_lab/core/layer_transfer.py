"""Putting layers of one network into another, and saying what was done."""

from __future__ import annotations

from dataclasses import dataclass, field

from rl_lab.core.mlp import MLP
from rl_lab.errors import LabError


@dataclass(frozen=True)
class CopiedLayers:
    """What `layer_transfer` did, layer by layer, counted from 0."""

    copied: list[int] = field(default_factory=list)
    """Layers of one shape."""
    reshaped: list[int] = field(default_factory=list)
    """Layers of which the part was copied that both have."""
    skipped: list[int] = field(default_factory=list)
    """Layers of the target that were left as they are."""

    def __str__(self) -> str:
        told = [
            f"{name} {', '.join(map(str, layers))}"
            for name, layers in (("copied", self.copied), ("reshaped", self.reshaped), ("skipped", self.skipped))
            if layers
        ]
        return f"layers {'; '.join(told)}"


def copy_layers(source: MLP, target: MLP, layers: int | None = None) -> CopiedLayers:
    """Put the lowest layers of one network into another, in place.

    Where two layers differ in shape, the first inputs and the first units that both have are copied, and the rest of
    the target stays as it is.

    Args:
        source: where layers come from.
        target: where they go.
        layers: how many; None for all but the target's last, which is its own.

    Returns:
        Which layers were copied, reshaped and skipped.

    Raises:
        LabError: the activations differ, or there are not so many layers.
    """
    theirs, ours = source.layers(), target.layers()
    most = min(len(theirs), len(ours))
    count = min(most, len(ours) - 1) if layers is None else layers
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= most:
        raise LabError(f"layers={layers!r} is not allowed; the networks have {len(theirs)} and {len(ours)} layers")
    if source.activation != target.activation:
        raise LabError(
            f"a {source.activation} network cannot be grafted into a {target.activation} one: its layers would mean "
            "something else; train it with the target's activation"
        )
    done = CopiedLayers(skipped=list(range(count, len(ours))))
    for number, ((from_matrix, from_bias), (matrix, bias)) in enumerate(zip(theirs[:count], ours[:count], strict=True)):
        rows, units = (min(pair) for pair in zip(from_matrix.shape, matrix.shape, strict=True))
        matrix[:rows, :units], bias[:units] = from_matrix[:rows, :units], from_bias[:units]
        (done.copied if from_matrix.shape == matrix.shape else done.reshaped).append(number)
    return done
