"""Columns that give the answer away."""

import numpy as np
from jaxtyping import Float, Int

from gradlab.doctor.checks.labels import Answers
from gradlab.doctor.checks.reference import reference
from gradlab.doctor.checks.rows import Rows, sample

AT_LEAST = 50
"""Rows below which a column may follow the target by chance or by nature."""

AT_MOST = 2000
COPY = 1 - 1e-8
NEAR = 0.98
"""Share of the target's variance that a column must explain alone: as a copy, up to rounding in 32
bits, and as one with noise of a seventh of the target's deviation."""

SINGLE_COMPANY = 10.0
COMPANY = {"classes": 1.5, "numbers": 3.0}
"""A column is no leak if the others together leave less than so many times its error; class numbers
are codes of our own making, which nothing natural follows as closely as one amount another."""


def leaking_columns(rows: Rows, answers: Answers) -> tuple[tuple[str, float], ...]:
    """Return columns that alone give the answer, with r², the share that each explains.

    A feature may be strong by nature, so being a good predictor is not enough. A column leaks if

    - it is a copy of the target (or of class numbers), in whatever units;
    - it is one with noise, r² ≥ 0.98, and has no company, which natural features have: all others
      together leave at least 3 times (of class numbers 1.5 times) its error, and each alone leaves
      10 times its error. Lags of a smooth series have company;
    - it and others are the classes' indicators: one for each class but one;
    - it is a row number, all values distinct and equally spaced, and classes stand in blocks along
      it: neighbours by this number alone are right in 98 % of what chance leaves.

    Looked for in plain rows of at least two columns that vary, and from 50 rows on; where there are
    several questions, or the row itself is to be reproduced, equal columns are the task.

    >>> rng = np.random.default_rng(0)
    >>> x, y = rng.normal(size=(200, 3)), rng.normal(size=(200, 1))
    >>> leaky = Rows(np.concatenate([x, 2 * y + 1], 1), "columns", names=("a", "b", "c", "d"))
    >>> leaking_columns(leaky, Answers(None, y, None, None, True, ()))
    (('d', 1.0),)
    """
    single = answers.codes is not None or answers.numbers.shape[1] == 1
    if rows.kind != "columns" or len(rows) < AT_LEAST or not (answers.per_row and single):
        return ()
    if "constant" in answers.problems:
        return ()
    chosen = sample(len(rows), AT_MOST)
    x = rows.values[chosen].astype(np.float64)
    varies = np.flatnonzero(np.nan_to_num(np.nanmax(_finite(x), 0) - np.nanmin(_finite(x), 0)) > 0)
    if len(varies) < 2:
        return ()
    codes = None if answers.codes is None else answers.codes[chosen]
    y = answers.numbers[chosen, 0] if codes is None or answers.numbers.shape[1] == 1 else codes
    found: dict[int, float] = {}
    explained = _explained(x[:, varies], np.asarray(y, np.float64)[:, None])[0]
    copies = explained >= COPY
    for i in np.flatnonzero(explained >= NEAR):
        column, own = int(varies[i]), float(explained[i])
        if copies[i] or _has_no_company(rows, answers, column, own, explained, varies):
            found[column] = own
    if codes is not None:
        found |= _indicators(x, codes, varies)
        assert answers.codes is not None
        for column in varies:
            if int(column) in found or not _is_distinct(x[:, column]):
                continue
            whole = rows.values[:, column].astype(np.float64)
            if _is_row_number(whole) and (right := _by_neighbours(whole, answers.codes)) >= NEAR:
                found[int(column)] = right
    return tuple((rows.name(i), round(found[i], 4)) for i in sorted(found))


def _finite(x: np.ndarray) -> np.ndarray:
    """Return x with NaN for what is not finite, and no column all NaN."""
    kept = np.where(np.isfinite(x), x, np.nan)
    kept[0] = np.where(np.isnan(kept).all(0), 0.0, kept[0])
    return kept


def _explained(
    x: Float[np.ndarray, "rows columns"], y: Float[np.ndarray, "rows targets"]
) -> Float[np.ndarray, "targets columns"]:
    """Return r² of each column with each target; 0 for constant columns and missing values."""
    usable = np.isfinite(x).all(0)
    x = np.where(usable, x, 0.0)
    x /= np.maximum(np.abs(x).max(0), 1e-300)
    x -= x.mean(0)
    y = y - y.mean(0)
    squares = np.sum(x**2, 0)
    total = np.sum(y**2, 0)[:, None] * squares[None, :]
    # Of a column that is nearly constant, rounding is all that is left.
    real = (usable & (squares > 1e-20 * len(x)))[None, :] & (total > 0)
    return np.where(real, (y.T @ x) ** 2 / np.where(total > 0, total, 1.0), 0.0)


def _has_no_company(
    rows: Rows,
    answers: Answers,
    column: int,
    own: float,
    explained: Float[np.ndarray, " varying"],
    varies: Int[np.ndarray, " varying"],
) -> bool:
    """Whether all other columns but copies leave far more of the target than this one does."""
    other = (varies != column) & (explained < COPY)
    if not other.any() or 1 - explained[other].max() < SINGLE_COMPANY * (1 - own):
        return False
    numbers = answers.numbers
    if answers.codes is not None and numbers.shape[1] > 1:
        numbers = answers.codes[:, None] * 1.0
    company = COMPANY["numbers" if answers.codes is None else "classes"]
    target = Answers(None, numbers, None, None, True, ())
    rest = reference(Rows(rows.values[:, varies[other]], "columns"), target)
    return rest is not None and bool(1 - rest.score >= company * (1 - own))


def _indicators(
    x: np.ndarray, codes: Int[np.ndarray, " rows"], varies: np.ndarray
) -> dict[int, float]:
    """Return columns that are indicators of classes, if all classes but one have one."""
    classes = np.unique(codes)
    if not 2 < len(classes) <= 200:  # of two classes, one column is the copy
        return {}
    of_class = _explained(x[:, varies], (codes[:, None] == classes) * 1.0)
    copies = of_class >= COPY
    if np.sum(~copies.any(1)) > 1:
        return {}
    return {int(varies[i]): float(of_class[:, i].max()) for i in np.flatnonzero(copies.any(0))}


def _is_distinct(column: Float[np.ndarray, " rows"]) -> bool:
    """Whether all values differ, looking at a few first."""
    few = column[:100]
    return len(np.unique(few)) == len(few) and len(np.unique(column)) == len(column)


def _is_row_number(column: Float[np.ndarray, " rows"]) -> bool:
    """Whether values are all distinct and lie on a grid of which a third at least is taken."""
    gaps = np.diff(np.sort(column))
    if not np.isfinite(gaps).all() or len(gaps) == 0 or gaps.min() <= 0:
        return False
    steps = gaps / gaps.min()
    return bool(np.abs(steps - np.round(steps)).max() < 0.05 and steps.mean() < 3)


def _by_neighbours(column: Float[np.ndarray, " rows"], codes: Int[np.ndarray, " rows"]) -> float:
    """Return how far the two neighbours along a column give the class: 0 as chance, 1 always."""
    order = np.argsort(column, kind="stable")
    ranked = codes[order]
    right = (ranked[1:-1] == ranked[:-2]) & (ranked[1:-1] == ranked[2:])
    shares = np.bincount(codes) / len(codes)
    chance = np.sum(shares**3)
    return float((right.mean() - chance) / (1.0 - chance)) if chance < 1 else 0.0
