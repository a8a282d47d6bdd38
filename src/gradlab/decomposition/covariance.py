"""Mean and scatter of rows: in one pass without a centred copy, without cancellation, mergeable.

    S = Σ_i (x_i - m)ᵀ (x_i - m) = Σ_i (x_i - s)ᵀ (x_i - s) - n (m - s)ᵀ (m - s)

holds for any shift s. With s = 0 the difference cancels where |m| is large against the spread;
with s near m nothing is lost. s is the mean of a thousand rows spread over the data.

Source: Chan, Golub and LeVeque 1983, "Algorithms for computing the sample variance", The American
Statistician 37(3): merging and shifted data.
"""

import dataclasses
import threading

import numpy as np
from jaxtyping import Bool, Float, Int

from gradlab.decomposition.blocks import block_length, even_length, over_blocks
from gradlab.decomposition.products import Columns, assembled, can_multiply, products_of_columns

SAMPLE = 1024
"""Rows whose mean is the shift."""

Rows = Float[np.ndarray, "rows features"]
PerFeature = Float[np.ndarray, " features"]
Kept = Int[np.ndarray, " kept"]
PerKept = Float[np.ndarray, " kept"]


@dataclasses.dataclass(frozen=True)
class Moments:
    """What the rows seen so far have in common.

    Args:
        n: Rows.
        mean: m.
        scatter: S, not divided by anything.
        first: The first row; a feature is constant if all rows agree with it.
        constant: Which features are.
    """

    n: int
    mean: PerFeature
    scatter: Float[np.ndarray, "features features"]
    first: PerFeature
    constant: Bool[np.ndarray, " features"]


def moments(x: Rows, factor: PerFeature | None = None) -> Moments:
    """Return the mean of x and the scatter of factor · x, both in float64.

    The products of a block of rows are computed in the precision of x and added in float64.
    Constant features are left out of them: theirs are 0.

    Args:
        x: Finite numbers.
        factor: Of each feature; None for 1.

    >>> m = moments(np.array([[1.0, 5.0], [3.0, 5.0]]))
    >>> m.mean, m.scatter[0], m.constant
    (array([2., 5.]), array([2., 0.]), array([False,  True]))
    """
    n, d = x.shape
    constant = constant_features(x)
    kept = np.flatnonzero(~constant)
    mean, scatter = x[0].astype(np.float64), np.zeros((d, d))
    own = np.ones(len(kept)) if factor is None else factor[kept]
    if len(kept) == d:
        scatter, mean = _scatter(x, kept, own)
    elif len(kept):
        scatter[np.ix_(kept, kept)], mean[kept] = _scatter(x, kept, own)
    return Moments(n, mean, scatter, x[0].astype(np.float64), constant)


def _scatter(x: Rows, kept: Kept, factor: PerKept) -> tuple[np.ndarray, np.ndarray]:
    """Return scatter and mean of the kept columns."""
    n, d = len(x), len(kept)
    sample = x[:: -(-n // SAMPLE)].take(kept, axis=1)
    shift = (sample / x.dtype.type(len(sample))).sum(axis=0)
    in_code = can_multiply(n, d, d, x.dtype)
    products = _by_machine_code if in_code else _by_blas
    scatter, total = products(x, kept, shift, factor.astype(x.dtype))
    with np.errstate(over="ignore", invalid="ignore"):
        scatter -= np.outer(total / n, total)
        return scatter, shift + total / (n * factor)


def _by_machine_code(
    x: Rows, kept: Kept, shift: PerKept, factor: PerKept
) -> tuple[np.ndarray, np.ndarray]:
    """Return the products of the columns of (x - shift) · factor, and the columns' sums."""
    columns = Columns(kept, shift, factor)
    parts = over_blocks(
        lambda rows: products_of_columns(x[rows], columns), len(x), even_length(len(x))
    )
    tiles = next(parts).astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):  # as below
        for more in parts:
            tiles += more
    return assembled(tiles, len(kept))


def _by_blas(x: Rows, kept: Kept, shift: PerKept, factor: PerKept) -> tuple[np.ndarray, np.ndarray]:
    """Return the same."""
    n, d = len(x), len(kept)
    length = block_length(d, fewest=1024)
    local = threading.local()  # each worker has one buffer, used again for each of its blocks
    all_kept, scaled = d == x.shape[1], bool((factor != 1).any())

    def of_block(rows: slice) -> tuple[np.ndarray, np.ndarray]:
        if not hasattr(local, "buffer"):
            local.buffer = np.empty((min(length, n), d), x.dtype)
        block = local.buffer[: rows.stop - rows.start]
        with np.errstate(over="ignore", invalid="ignore"):  # the caller finds out and mends it
            if all_kept:
                np.subtract(x[rows], shift, out=block)
            else:
                np.take(x[rows], kept, axis=1, out=block, mode="clip")
                block -= shift
            if scaled:
                block *= factor
            return block.T @ block, np.ones(len(block), x.dtype) @ block

    products, total = np.zeros((d, d)), np.zeros(d)
    for of_rows, sums in over_blocks(of_block, n, length):
        products += of_rows
        total += sums
    return products, total


def merged(a: Moments, b: Moments) -> Moments:
    """Return the moments of the rows of a and b together.

    S = S_a + S_b + n_a n_b / (n_a + n_b) δᵀδ,   δ = m_b - m_a
    """
    n = a.n + b.n
    delta = b.mean - a.mean
    return Moments(
        n,
        a.mean + delta * (b.n / n),
        a.scatter + b.scatter + np.outer(delta * (a.n * b.n / n), delta),
        a.first,
        a.constant & b.constant & (a.first == b.first),
    )


def constant_features(x: Rows) -> Bool[np.ndarray, " features"]:
    """Return which columns hold one number only.

    Few columns look constant in a sample; only these are read in full.

    >>> constant_features(np.array([[1.0, 2.0], [1.0, 3.0]]))
    array([ True, False])
    """
    sample = x[:: -(-len(x) // SAMPLE)]
    constant = (sample == x[0]).all(axis=0)
    suspects = np.flatnonzero(constant)
    if not len(suspects) or len(sample) == len(x):
        return constant
    first = x[0, suspects]

    def agrees(rows: slice) -> np.ndarray:
        return (x[rows].take(suspects, axis=1) == first).all(axis=0)

    length = block_length(len(suspects), most=2**12)
    constant[suspects] = np.logical_and.reduce(list(over_blocks(agrees, len(x), length)))
    return constant


def column_means(x: Rows) -> PerFeature:
    """Return the means in float64; the sum of large numbers does not overflow."""
    parts = over_blocks(
        lambda rows: (x[rows].astype(np.float64) / len(x)).sum(axis=0),
        len(x),
        block_length(x.shape[1]),
    )
    return np.sum(list(parts), axis=0)


def deviations(x: Rows) -> tuple[PerFeature, PerFeature]:
    """Return of each column the largest distance from its mean and the standard deviation.

    sqrt(Σ (x - m)² / (n - 1)), with the squares taken of (x - m) / largest, so that they neither
    overflow nor vanish; 0 for a constant column.
    """
    mean, length = column_means(x), block_length(x.shape[1])
    far = over_blocks(lambda rows: np.abs(x[rows] - mean).max(axis=0), len(x), length)
    largest = np.max(list(far), axis=0)
    largest[constant_features(x)] = 0
    unit = np.where(largest > 0, largest, 1)
    squares = over_blocks(lambda rows: (((x[rows] - mean) / unit) ** 2).sum(axis=0), len(x), length)
    total = np.sum(list(squares), axis=0)
    return largest, largest * np.sqrt(total / max(len(x) - 1, 1))
