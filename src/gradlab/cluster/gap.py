"""Whether data falls apart better than data without groups does: the gap statistic."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from sklearn.utils import check_random_state

from gradlab.cluster.candidates import check_ks, take_sample, train_candidates
from gradlab.errors import RecipeError, unknown

REFERENCES = ("components", "box")
EXACT = 1e-12
"""A distortion at most this share of J(1) counts as so much: its logarithm must be a number."""


@dataclass(frozen=True)
class Gap:
    """Gap statistic of the best k-means for several K.

    Attributes:
        ks: Numbers of groups.
        gaps: Mean of log W* over the reference sets, minus log W of the data.
        errors: s_k = sd(log W*) √(1 + 1/B).
        best: The smallest k with gap(k) >= gap(next k) - error(next k); if there is none, that of
            the largest gap.
        clear: Whether the rule was met before the last k.
        n_references: B, the number of reference sets.
        sentence: All that in words.
    """

    ks: tuple[int, ...]
    gaps: Float[np.ndarray, " ks"]
    errors: Float[np.ndarray, " ks"]
    best: int
    clear: bool
    n_references: int
    sentence: str


def gap_statistic(
    X: object,
    ks: Iterable[int] = range(1, 11),
    *,
    n_references: int = 20,
    reference: str = "components",
    n_init: int = 3,
    max_rows: int = 3000,
    random_state: int | np.random.RandomState | None = None,
) -> Gap:
    """Compare the fall of J(K) with that in uniform data, and choose K by the standard-error rule.

        gap(k) = (1/B) Σ_b log W*_kb - log W_k,    W_k = Σ_t ‖x_t - μ_c(t)‖²

    It can choose K = 1, no groups at all. Data and reference sets are trained alike.

    Args:
        X: Rows, (n, d). Units matter: scale columns that should count alike.
        ks: Numbers of groups.
        n_references: B, the number of reference sets.
        reference: "components" draws from a box along the data's principal components, "box" from
            one along its columns: choices (b) and (a) of the paper.
        n_init: k-means++ starts for each K, of data and of references.
        max_rows: From larger data so many rows are drawn.
        random_state: Seed.

    Raises:
        RecipeError: If a setting is out of range.
        DataError: If there are fewer rows than groups, or fewer than 3 different rows.

    Source: Tibshirani, Walther & Hastie 2001, J. Royal Statistical Society B 63(2).

    >>> cloud = np.random.default_rng(0).uniform(size=(200, 2))
    >>> gap_statistic(cloud, range(1, 5), random_state=0).best
    1
    """
    if reference not in REFERENCES:
        raise RecipeError(unknown("reference", str(reference), REFERENCES))
    if n_references < 2:
        raise RecipeError(f"gap_statistic needs n_references >= 2; got {n_references!r}.")
    random = check_random_state(random_state)
    sample = take_sample(X, max_rows, random)
    ks = check_ks(ks, len(sample.x), least=1)
    mean = sample.x.mean(axis=0)
    centred = sample.x - mean
    axes = np.eye(centred.shape[1], dtype=centred.dtype)
    if reference == "components":
        largest = np.abs(centred).max()
        axes = np.linalg.svd(centred / largest, full_matrices=False)[2]
    turned = centred @ axes.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    sets = [sample.x] + [
        (random.uniform(low, high, turned.shape) @ axes + mean).astype(centred.dtype)
        for _ in range(n_references)
    ]
    fits = [train_candidates(rows, ks, n_init=n_init, random=random) for rows in sets]
    floors = EXACT * np.array(
        [max(np.var(s, axis=0, dtype=np.float64).sum(), 1e-300) for s in sets]
    )
    logs = np.log(np.maximum([fit.distortions for fit in fits], floors[:, None]))
    gaps = logs[1:].mean(axis=0) - logs[0]
    errors = logs[1:].std(axis=0) * np.sqrt(1 + 1 / n_references)
    met = np.flatnonzero(gaps[:-1] >= gaps[1:] - errors[1:])
    clear = len(met) > 0
    at = int(met[0]) if clear else int(gaps.argmax())
    best = ks[at]
    if not clear:
        words = f"The gap grows up to the last K; it is largest at K = {best}: try larger K"
    elif best == 1:
        words = "By the gap there is one group: the next K falls apart no better than uniform data"
    else:
        words = f"K = {best} is the smallest whose gap ({gaps[at]:.2f}) the next does not exceed"
    highest = int(gaps.argmax())
    if clear and gaps[highest] > gaps[at] + errors[highest]:
        words += f" (though the gap is larger, {gaps[highest]:.2f}, at K = {ks[highest]})"
    sentence = f"{words}, with {n_references} uniform reference sets{sample.said}."
    return Gap(ks, gaps, errors, best, clear, n_references, sentence)
