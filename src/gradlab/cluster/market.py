"""A customary number of groups, ordered by size: T-shirts, shoes, markets."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import _get_feature_names

from gradlab.cluster.candidates import PRECISIONS
from gradlab.cluster.kmeans import KMeans
from gradlab.decomposition.standards import standards
from gradlab.errors import DataError, RecipeError


@dataclass(frozen=True)
class MarketGroups:
    """Named groups, smallest first.

    Attributes:
        names: Of the groups.
        labels: Place of each row's group among the names, (n,).
        centroids: Middle of each group in the units of the data, (groups, d).
        counts: Rows in each group.
        columns: Names of the features.
        sentences: One a group: how many rows, and its middle.
    """

    names: tuple[str, ...]
    labels: Int[np.ndarray, " n"]
    centroids: Float[np.ndarray, "groups d"]
    counts: Int[np.ndarray, " groups"]
    columns: tuple[str, ...]
    sentences: tuple[str, ...]

    def named(self) -> np.ndarray:
        """Return the name of each row's group."""
        return np.array(self.names)[self.labels]


def market_groups(
    X: object,
    names: Sequence[str] = ("S", "M", "L"),
    *,
    n_init: int = 10,
    random_state: int | np.random.RandomState | None = None,
) -> MarketGroups:
    """Divide measures of size into as many groups as there are names, smallest first.

    K is what the market is used to, not what the data say. Columns count alike: each is divided by
    its standard deviation. The size of a group is the mean of its middle's columns in these units,
    so every column has to grow with size.

    Args:
        X: Measures, (n, d), such as height and weight.
        names: Of the groups, from the smallest to the largest; two or more different ones.
        n_init: k-means++ starts.
        random_state: Seed.

    Raises:
        RecipeError: If there are fewer than two names, or one comes twice.
        DataError: If there are fewer different rows than names.

    >>> height_and_weight = [[158, 50], [160, 54], [172, 68], [174, 70], [188, 90], [190, 95]]
    >>> groups = market_groups(height_and_weight, random_state=0)
    >>> groups.named().tolist()
    ['S', 'S', 'M', 'M', 'L', 'L']
    >>> groups.sentences[0]
    'S: 2 of 6 rows about feature 0 = 159, feature 1 = 52.'
    """
    names = tuple(names)
    if len(names) < 2 or len(set(names)) < len(names):
        raise RecipeError(f"market_groups needs two or more different names; got {list(names)}.")
    given = _get_feature_names(X)
    x = np.asarray(check_array(X, dtype=PRECISIONS))
    different = len(np.unique(x, axis=0))
    if different < len(names):
        raise DataError(
            f"{len(names)} groups need as many different rows; there are {different}. Give fewer "
            "names."
        )
    mean, spread, _ = standards(x)
    scaled = (x - mean[None, :]) / spread[None, :]
    random = check_random_state(random_state)
    model = KMeans(len(names), n_init=n_init, random_state=random).fit(scaled)
    order = np.argsort(model.cluster_centers_.mean(axis=1), kind="stable")
    place = np.argsort(order)
    labels = place[model.labels_]
    counts = np.bincount(labels, minlength=len(names))
    centroids = np.stack([x[labels == g].mean(axis=0) for g in range(len(names))])
    numbers = range(x.shape[1])
    columns = tuple(f"feature {i}" for i in numbers) if given is None else tuple(map(str, given))
    middles = [
        ", ".join(f"{column} = {value:.4g}" for column, value in zip(columns, middle, strict=True))
        for middle in centroids
    ]
    sentences = tuple(
        f"{name}: {count} of {len(x)} rows about {middle}."
        for name, count, middle in zip(names, counts, middles, strict=True)
    )
    return MarketGroups(names, labels, centroids, counts, columns, sentences)
