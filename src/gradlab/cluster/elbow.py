"""The elbow of J(K): where more groups stop paying, and whether there is such a place."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from sklearn.utils import check_random_state

from gradlab.cluster.candidates import (
    Candidates,
    Sample,
    check_ks,
    take_sample,
    train_candidates,
)
from gradlab.errors import RecipeError

CLEAR = 2.5
"""Sharpness from which on a bend is clear. Uniform and normal clouds of 1 to 10 features stay below
2.4 but for chance, which random halves don't repeat; groups whose centres are 4 standard deviations
apart reach 2.3 to 6."""

FLAT = 0.25
"""Least slope that a sharpness divides by: in many dimensions slopes are small and mostly noise."""

EXACT = 1e-9
"""J at most this share of J(1) counts as 0."""

N_PARTS, MOST_ROWS = 20, 2000
"""Random parts in which the bend is looked for again: half of the rows, but no more than these."""


@dataclass(frozen=True)
class Elbow:
    """Where J(K) bends.

    Attributes:
        ks: Numbers of groups, 1 first.
        distortions: J of each, the best over restarts, never rising.
        best: The K of the sharpest bend, whether it is clear or not.
        sharpness: Of the bend at each K; NaN at the first and last, which have no two sides.
        clear: Whether it is a bend: sharp, and at the same K in at least half of the random parts.
        confidence: Share of the random parts that say the same: a clear bend at `best`, or none.
        sentence: All that in words.
    """

    ks: tuple[int, ...]
    distortions: Float[np.ndarray, " ks"]
    best: int
    sharpness: Float[np.ndarray, " ks"]
    clear: bool
    confidence: float
    sentence: str


def elbow(
    X: object,
    ks: Iterable[int] = range(1, 11),
    *,
    n_init: int = 10,
    max_rows: int = 10_000,
    random_state: int | np.random.RandomState | None = None,
) -> Elbow:
    """Find the K at which J(K) bends, by a rule that may say that it doesn't.

        slope p(k_i) = ln(J(k_{i-1}) / J(k_i)) / ln(k_i / k_{i-1})
        sharpness s(k_i) = p(k_i) / max(p(k_{i+1}), 1/4)

    In a cloud without groups J falls like K^(-2/d): all slopes are alike, and the sharpness is
    about 1. Up to the number of separate groups J falls much faster than after it. The bend is at
    the largest sharpness, and is clear if that reaches 2.5 and at least half of 20 random
    halves of the rows (2000 of them at most) bend there clearly too.

    Args:
        X: Rows, (n, d). Units matter: scale columns that should count alike.
        ks: Numbers of groups; 1 is added. The largest can't be chosen, as nothing follows it.
        n_init: k-means++ starts for each K.
        max_rows: From larger data so many rows are drawn.
        random_state: Seed.

    Raises:
        RecipeError: If ks has fewer than two numbers above 1.
        DataError: If there are fewer rows than groups, or fewer than 3 different rows.

    >>> blobs = [[0.0, 0.1], [0.1, 0.0], [9.0, 9.1], [9.1, 9.0], [0.0, 9.0], [0.1, 9.1]]
    >>> found = elbow(np.repeat(blobs, 5, axis=0), range(1, 6), random_state=0)
    >>> found.best, found.clear
    (3, True)
    """
    random = check_random_state(random_state)
    sample = take_sample(X, max_rows, random)
    ks = with_one(ks, len(sample.x))
    candidates = train_candidates(sample.x, ks, n_init=n_init, random=random)
    return elbow_of(candidates, sample, random)


def with_one(ks: Iterable[int], n_rows: int) -> tuple[int, ...]:
    """Return ascending numbers of groups from 1 on, among which a bend can be looked for."""
    ks = check_ks([1, *ks], n_rows, least=1)
    if len(ks) < 3:
        raise RecipeError(f"A bend needs at least two numbers of groups above 1; got ks={ks[1:]}.")
    return ks


def elbow_of(candidates: Candidates, sample: Sample, random: np.random.RandomState) -> Elbow:
    """Judge the bend of groupings that are there already."""
    ks, distortions = candidates.ks, candidates.distortions
    sharpness = _sharpness(ks, distortions)
    place = int(np.nanargmax(sharpness))
    answers = _in_parts(ks, sample.x, random)
    n_same = sum(answer == ks[place] for answer in answers)
    clear = bool(sharpness[place] >= CLEAR and 2 * n_same >= len(answers))
    n_agree = n_same if clear else sum(answer is None for answer in answers)
    falls = [_fold(distortions[i - 1], distortions[i]) for i in (place, place + 1)]
    before, best, after = ks[place - 1 : place + 2]
    if clear:
        words = (
            f"J falls {falls[0]} from K = {before} to {best} and {falls[1]} from {best} to "
            f"{after}: a clear bend at K = {best}, also in {n_same} of {len(answers)} random halves"
        )
    else:
        words = (
            f"No clear bend: J falls much alike before and after every K. The sharpest place is "
            f"K = {best} ({falls[0]} before it, {falls[1]} after it); {n_same} of {len(answers)} "
            "random halves bend clearly there"
        )
    return Elbow(
        ks,
        distortions,
        best,
        sharpness,
        clear,
        n_agree / len(answers),
        f"{words}{sample.said}.",
    )


def _sharpness(ks: Sequence[int], distortions: np.ndarray) -> np.ndarray:
    j = np.maximum(distortions, EXACT * distortions[0])
    slopes = np.log(j[:-1] / j[1:]) / np.log(np.divide(ks[1:], ks[:-1]))
    return np.array([np.nan, *(slopes[:-1] / np.maximum(slopes[1:], FLAT)), np.nan])


def _in_parts(
    ks: tuple[int, ...], x: np.ndarray, random: np.random.RandomState
) -> list[int | None]:
    """Return the clear bend, or None, in each of many random parts of the rows."""
    n = max(min(len(x) // 2, MOST_ROWS), min(len(x), max(ks)))
    answers: list[int | None] = []
    for _ in range(N_PARTS):
        part = x[random.choice(len(x), n, replace=False)]
        candidates = train_candidates(part, ks, n_init=3, random=random)
        if candidates.distortions[0] == 0:  # all rows of the part are equal
            answers.append(None)
            continue
        sharpness = _sharpness(ks, candidates.distortions)
        place = int(np.nanargmax(sharpness))
        answers.append(ks[place] if sharpness[place] >= CLEAR else None)
    return answers


def _fold(before: float, after: float) -> str:
    return f"{before / after:.3g}-fold" if after > EXACT * before else "to 0"
