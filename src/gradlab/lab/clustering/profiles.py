"""What tells the clusters of a table apart, in the units it came in."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from gradlab.lab.analysis.inputs import Inputs

NOTICEABLE = 0.5
"""Deviations of a column over all rows, below which a cluster's mean is not worth a word."""

MOST_MARKS = 3
"""Columns that a cluster is described by."""


@dataclass(frozen=True)
class Profile:
    """One column over the clusters.

    Attributes:
        column: Its name.
        is_share: The numbers are shares of rows (of a category, of missing cells), not means.
        overall: Over all rows, in the column's own unit.
        means: Over the rows of each cluster; NaN of one that holds no row.
        away: Distance of each mean from the overall one, in deviations over all rows;
            0 of a cluster that holds no row.
        told_apart: Share of the column's variance that lies between the clusters, 0 to 1.
    """

    column: str
    is_share: bool
    overall: float
    means: tuple[float, ...]
    away: tuple[float, ...]
    told_apart: float


def profiles(inputs: Inputs, labels: Int[np.ndarray, " rows"], n_clusters: int) -> list[Profile]:
    """Return every column of a table over the clusters, the one that tells most apart first."""
    x = inputs.x
    numeric = inputs.data.features.numeric
    n_numeric = numeric.shape[1]
    sizes = np.bincount(labels, minlength=n_clusters)
    means = means_by(x, labels, n_clusters)
    overall = x.mean(axis=0, dtype=np.float64)
    variance = x.var(axis=0, dtype=np.float64)
    # A column that is constant, or all but, has nothing to tell.
    safe = np.where(variance > 0, variance, 1.0)
    away = np.where((sizes > 0)[:, None], (means - overall) / np.sqrt(safe), 0.0)
    between = sizes @ (means - overall) ** 2 / sizes.sum() / safe
    raw_means, raw_overall = means.copy(), overall.copy()
    raw_means[:, :n_numeric] = _means_of_present(numeric, labels, n_clusters)
    raw_means[sizes == 0] = np.nan
    raw_overall[:n_numeric] = _means_of_present(numeric, np.zeros_like(labels), 1)[0]
    found = [
        Profile(
            column=name,
            is_share=i >= n_numeric,
            overall=float(raw_overall[i]),
            means=tuple(map(float, raw_means[:, i])),
            away=tuple(map(float, away[:, i])),
            told_apart=float(min(1.0, between[i])),
        )
        for i, name in enumerate(inputs.names)
    ]
    return sorted(found, key=lambda profile: -profile.told_apart)


def means_by(
    x: Float[np.ndarray, "rows columns"], labels: Int[np.ndarray, " rows"], n_clusters: int
) -> Float[np.ndarray, "clusters columns"]:
    """Return the mean row of each cluster; of an empty one zeros."""
    sums = np.zeros((n_clusters, x.shape[1]))
    for cluster in range(n_clusters):
        rows = labels == cluster
        if rows.any():
            sums[cluster] = x[rows].mean(axis=0, dtype=np.float64)
    return sums


def _means_of_present(x: np.ndarray, labels: np.ndarray, n_clusters: int) -> np.ndarray:
    """Return means over the cells that are not missing; NaN where all are."""
    means = np.full((n_clusters, x.shape[1]), np.nan)
    for cluster in range(n_clusters):
        cells = x[labels == cluster].astype(np.float64)
        present = ~np.isnan(cells)
        count = present.sum(axis=0)
        total = np.where(present, cells, 0).sum(axis=0)
        means[cluster, count > 0] = total[count > 0] / count[count > 0]
    return means


def cluster_sentence(
    found: list[Profile], cluster: int, size: int, n_rows: int, *, harder: str = "a larger beta"
) -> str:
    """Say what marks a cluster: its columns that lie farthest from the mean of all rows.

    Fuzzy clusters can hold no row: where memberships are too soft, centroids coincide; `harder`
    says what makes them less so.
    """
    if size == 0:
        return (
            f"Cluster {cluster + 1} holds no row: it coincides with others; ask for fewer clusters "
            f"or {harder}."
        )
    marks: list[Profile] = []
    for profile in sorted(found, key=lambda profile: -abs(profile.away[cluster])):
        # Of a column with two names, one says what the other does.
        said = {mark.column.split(" = ")[0] for mark in marks if mark.is_share}
        if profile.is_share and profile.column.split(" = ")[0] in said:
            continue
        if abs(profile.away[cluster]) >= NOTICEABLE and len(marks) < MOST_MARKS:
            marks.append(profile)
    rows = f"{size:,} row{'s' * (size != 1)}"
    head = f"Cluster {cluster + 1} ({rows}, {size / n_rows:.0%})"
    if not marks:
        return f"{head} lies near the mean of all rows in every column."
    return f"{head}: " + ", ".join(_mark(profile, cluster) for profile in marks) + "."


def _mark(profile: Profile, cluster: int) -> str:
    where = "high" if profile.away[cluster] > 0 else "low"
    mean, overall = profile.means[cluster], profile.overall
    if profile.is_share:
        often = "often" if profile.away[cluster] > 0 else "seldom"
        return f"{often} {profile.column} ({mean:.0%}; all rows {overall:.0%})"
    return f"{where} {profile.column} ({_number(mean)}; all rows {_number(overall)})"


def _number(value: float) -> str:
    """Write three digits, without an exponent where a person would write none.

    >>> _number(3706.2), _number(0.2467), _number(3e30)
    ('3,710', '0.247', '3e+30')
    """
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if 1000 <= abs(rounded) < 1e9 else f"{rounded:g}"
