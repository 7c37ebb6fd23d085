"""`rl-lab cluster`: which groups are there, if nobody says?"""

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
    """Find groups without labels, beside scikit-learn: how many, which, and whether they are those that were hidden.

    Try "rl-lab cluster processes", "rl-lab cluster digits", "rl-lab cluster fortunes --method kmeans", or a file of
    your own, "rl-lab cluster my.csv": labels.csv has the cluster of each of its rows.

    Args:
        data: "processes", "digits", "fortunes" (`make data` installs them), or a CSV file of numbers.
        clusters: how many; "auto" chooses by the BIC of mixtures or the silhouette of k-means.
        method: of clustering; "processes" shows both.
        out: folder of the results; by default results/cluster-DATA.
        seed: of everything random.
        repeats: seeds over which the agreement with hidden labels is averaged.
        as_json: print JSON.
    """
    from rl_lab.lessons import clusters as lesson

    within(seed, repeats=(repeats, lesson.LEAST, 10_000))
    show(lambda: lesson.study(data, clusters, method, seed, repeats), out, as_json)
