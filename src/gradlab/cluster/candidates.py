"""The best k-means for each of several K, which everything that chooses K begins with."""

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array

from gradlab.cluster.kmeans import KMeans
from gradlab.errors import DataError, RecipeError

PRECISIONS: Any = [np.float64, np.float32]
"""Kept as they come; all else becomes the first."""


@dataclass(frozen=True)
class Candidates:
    """The best grouping found for each K.

    Attributes:
        ks: Numbers of groups, ascending.
        distortions: J of each, the mean squared distance to the nearest centroid; never rising.
        labels: Group of each row, (len(ks), rows).
        centroids: Of each K, (K, features).
    """

    ks: tuple[int, ...]
    distortions: Float[np.ndarray, " ks"]
    labels: Int[np.ndarray, "ks n"]
    centroids: tuple[Float[np.ndarray, "_ d"], ...]


@dataclass(frozen=True)
class Sample:
    """The rows among which K is chosen.

    Attributes:
        x: The rows, or a random sample of them.
        n_rows: How many there are in all.
    """

    x: Float[np.ndarray, "n d"]
    n_rows: int

    @property
    def said(self) -> str:
        """Say how many rows were looked at, if not all: " (from 5000 of 70000 rows)", or ""."""
        n = len(self.x)
        return "" if n == self.n_rows else f" (from {n} of {self.n_rows} rows)"


def take_sample(X: object, max_rows: int, random: np.random.RandomState) -> Sample:
    """Return the rows, or `max_rows` of them drawn at random.

    Raises:
        DataError: If there are fewer than 3 different rows, between which there is no choice.
        RecipeError: If max_rows is below 3.
    """
    if not isinstance(max_rows, Integral) or max_rows < 3:
        raise RecipeError(f"max_rows needs a whole number >= 3; got {max_rows!r}.")
    whole = np.asarray(check_array(X, dtype=PRECISIONS, order="C"))
    x = whole
    if len(x) > max_rows:
        x = x[np.sort(random.choice(len(x), max_rows, replace=False))]
    different = len(np.unique(x, axis=0))
    if different < 3:
        raise DataError(
            f"Choosing K needs at least 3 different rows; {len(x)} rows hold {different}. Give "
            "more rows, or drop the columns that hold the same value everywhere."
        )
    return Sample(x, len(whole))


def check_ks(ks: Iterable[int], n_rows: int, *, least: int) -> tuple[int, ...]:
    """Return the numbers of groups from `least` up, in ascending order.

    Raises:
        RecipeError: If one is no whole number >= 1, or none is >= `least`.
        DataError: If one is larger than the number of rows.
    """
    given = list(ks)
    if any(not isinstance(k, Integral) or k < 1 for k in given):
        raise RecipeError(f"ks needs whole numbers of groups >= 1; got {given}.")
    kept = sorted({int(k) for k in given if k >= least})
    if not kept:
        raise RecipeError(f"ks needs a number of groups >= {least}; got {given}.")
    if kept[-1] > n_rows:
        raise DataError(f"ks asks for {kept[-1]} groups of {n_rows} rows. Give ks up to {n_rows}.")
    return tuple(kept)


def train_candidates(
    x: Float[np.ndarray, "n d"],
    ks: Sequence[int],
    *,
    n_init: int,
    random: np.random.RandomState,
) -> Candidates:
    """Return the best of `n_init` k-means++ starts for every K, each no worse than fewer groups."""
    if not isinstance(n_init, Integral) or n_init < 1:
        raise RecipeError(f"n_init needs a whole number >= 1; got {n_init!r}.")
    kept: list[KMeans] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # more groups than different rows
        for k in ks:
            fit = KMeans(k, n_init=n_init, random_state=random.randint(2**31 - 1)).fit(x)
            if kept and fit.distortion_ > kept[-1].distortion_:
                # From the fewer centroids and the rows farthest from them, J can only be less.
                fewer = kept[-1].cluster_centers_
                apart = np.asarray(kept[-1].transform(x))
                far = apart.min(axis=1).argsort()[::-1][: k - len(fewer)]
                fit = KMeans(k, init=np.concatenate([fewer, x[far]]), n_init=1).fit(x)
            kept.append(fit)
    distortions = np.array([fit.distortion_ for fit in kept], np.float64)
    return Candidates(
        tuple(ks),
        np.minimum.accumulate(distortions),  # equal ones may differ in their last digit
        np.stack([fit.labels_ for fit in kept]),
        tuple(fit.cluster_centers_ for fit in kept),
    )
