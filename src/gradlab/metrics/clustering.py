"""How good a clustering is: scikit-learn's measures, under one roof.

The first four compare labels with the truth and don't care how clusters are numbered; the last
three need the data and no truth.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Num, Shaped

from gradlab.errors import DataError
from gradlab.metrics.checks import Array, labels, numbers, paired_labels, same_length


def adjusted_rand_index(y: Array, clusters: Array) -> float:
    """Return the share of pairs on which both agree, adjusted so that chance gives 0; 1 at best.

    Args:
        y: True classes, or another clustering.
        clusters: Cluster of each row.

    Raises:
        DataError: If the lengths differ, or labels are missing.

    >>> adjusted_rand_index([0, 0, 1, 1], ["b", "b", "a", "a"])
    1.0

    Source: Hubert and Arabie 1985.
    """
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(*_both(y, clusters)))


def normalized_mutual_information(y: Array, clusters: Array) -> float:
    """Return the mutual information over the mean of both entropies: 0 to 1, not adjusted.

    Many small clusters score over 0 by chance: prefer `adjusted_rand_index` to compare numbers of
    clusters.

    Args:
        y, clusters: As for `adjusted_rand_index`.

    >>> normalized_mutual_information([0, 0, 1, 1], [0, 1, 0, 1])
    0.0
    """
    from sklearn.metrics import normalized_mutual_info_score

    # Rounding may leave it a hair outside of its range.
    return float(np.clip(normalized_mutual_info_score(*_both(y, clusters)), 0.0, 1.0))


def homogeneity(y: Array, clusters: Array) -> float:
    """Return 1 - H(y | clusters) / H(y): 1 where each cluster holds one class only.

    Args:
        y, clusters: As for `adjusted_rand_index`.

    >>> round(homogeneity([0, 0, 1, 1], [0, 1, 2, 3]), 9)
    1.0
    """
    from sklearn.metrics import homogeneity_score

    return float(homogeneity_score(*_both(y, clusters)))


def completeness(y: Array, clusters: Array) -> float:
    """Return 1 - H(clusters | y) / H(clusters): 1 where each class lies in one cluster only.

    Args:
        y, clusters: As for `adjusted_rand_index`.

    >>> round(completeness([0, 0, 1, 1], [0, 1, 2, 3]), 9)
    0.5
    """
    from sklearn.metrics import completeness_score

    return float(completeness_score(*_both(y, clusters)))


def v_measure(y: Array, clusters: Array) -> float:
    """Return the harmonic mean of homogeneity and completeness.

    Args:
        y, clusters: As for `adjusted_rand_index`.

    >>> round(v_measure([0, 0, 1, 1], [0, 1, 2, 3]), 6)
    0.666667
    """
    from sklearn.metrics import v_measure_score

    return float(v_measure_score(*_both(y, clusters)))


def silhouette(
    x: Num[np.ndarray, "rows features"], clusters: Array, *, n_rows: int = 5000, seed: int = 0
) -> float:
    """Return the mean of (b - a) / max(a, b), -1 to 1; more is better.

    a is a row's mean distance to its own cluster, b to the nearest other one.

    Args:
        x: Data.
        clusters: Cluster of each row.
        n_rows: Most rows that are compared pairwise; more are sampled, as memory grows with the
            square.
        seed: Of the sample.

    Raises:
        DataError: If there are not 2 to rows - 1 clusters, or lengths differ.

    >>> x = np.array([[0.0], [1.0], [10.0], [11.0]])
    >>> round(silhouette(x, [0, 0, 1, 1]), 4)
    0.8997

    Source: Rousseeuw 1987.
    """
    from sklearn.metrics import silhouette_score

    data, found = _data(x, clusters)
    sample = n_rows if len(data) > n_rows else None
    return float(silhouette_score(data, found, sample_size=sample, random_state=seed))


def davies_bouldin(x: Num[np.ndarray, "rows features"], clusters: Array) -> float:
    """Return how much clusters overlap: mean of the worst (s_i + s_j) / d_ij; less is better.

    Args:
        x, clusters: As for `silhouette`.

    >>> x = np.array([[0.0], [1.0], [10.0], [11.0]])
    >>> round(davies_bouldin(x, [0, 0, 1, 1]), 3)
    0.1
    """
    from sklearn.metrics import davies_bouldin_score

    return float(davies_bouldin_score(*_data(x, clusters)))


def calinski_harabasz(x: Num[np.ndarray, "rows features"], clusters: Array) -> float:
    """Return the variance between clusters over that within them; more is better.

    Args:
        x, clusters: As for `silhouette`.

    >>> x = np.array([[0.0], [1.0], [10.0], [11.0]])
    >>> calinski_harabasz(x, [0, 0, 1, 1])
    200.0
    """
    from sklearn.metrics import calinski_harabasz_score

    return float(calinski_harabasz_score(*_data(x, clusters)))


def _both(y: Array, clusters: Array) -> tuple[Shaped[np.ndarray, " rows"], ...]:
    return paired_labels(y, clusters)


def _data(x: Num[np.ndarray, "rows features"], clusters: Array):
    data, found = numbers(x, "x"), labels(clusters, "clusters")
    same_length(data, found, "clusters")
    n_clusters = len(np.unique(found))
    if not 2 <= n_clusters < len(data):
        raise DataError(
            f"Clusters are judged by their distances where there are 2 to {len(data) - 1} of them "
            f"(rows - 1); there are {n_clusters}."
        )
    return data, found


CLUSTERING: dict[str, Callable[[Array, Array], float]] = {
    "adjusted_rand_index": adjusted_rand_index,
    "normalized_mutual_information": normalized_mutual_information,
    "homogeneity": homogeneity,
    "completeness": completeness,
    "v_measure": v_measure,
}
"""Measures of clusters against true classes."""
