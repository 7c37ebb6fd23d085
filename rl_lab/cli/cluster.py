"""`rl-lab cluster`: clustering without labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from rl_lab.cli.app import app, show, within


@app.command
def cluster(
    data: Positional[str],
    clusters: int | Literal["auto"] = "auto",
    method: Literal["kmeans", "mixture"] = "mixture",
    out: Path | None = None,
    seed: int = 0,
    repeats: int = 10,
    as_json: Annotated[bool, arg(name="json")] = False,
) -> None:
    """Cluster samples with scikit-learn: number of clusters, members, and agreement with hidden labels.

    Try "rl-lab cluster processes", "rl-lab cluster digits", "rl-lab cluster fortunes --method kmeans", or a file of
    your own, "rl-lab cluster my.csv": labels.csv then holds the cluster of each row.

    Args:
        data: "processes", "digits", "fortunes" (`make data` installs them), or a CSV file of numbers.
        clusters: number of clusters; "auto" chooses it by the BIC of mixtures or the silhouette of k-means.
        method: k-means or a Gaussian mixture; "processes" shows both.
        out: folder of the results; by default results/cluster-DATA.
        seed: of all random numbers.
        repeats: seeds over which the agreement with hidden labels is averaged.
        as_json: print JSON.
    """
    from rl_lab.lessons import clusters as lesson

    within(seed, repeats=(repeats, lesson.LEAST, 10_000))
    show(lambda: lesson.study(data, clusters, method, seed, repeats), out, as_json)
