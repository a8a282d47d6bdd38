"""Principal axes of rows, exactly: through the smaller of two Gram matrices, or by SVD."""

import dataclasses
from typing import Any, Literal

import numpy as np
import scipy.linalg
from jaxtyping import Bool, Float

from gradlab.decomposition.blocks import block_length, over_blocks
from gradlab.decomposition.covariance import (
    Moments,
    PerFeature,
    Rows,
    column_means,
    constant_features,
    moments,
)

Solver = Literal["covariance", "gram", "svd", "randomized"]
SMALL = 5 * 10**7
"""n · d · min(n, d) up to which SVD, the most accurate way, takes no time worth saving."""
LARGE = 2000
"""Rows and features beyond which a few components are cheaper to draw than to work out."""


@dataclasses.dataclass(frozen=True)
class Spectrum:
    """Principal axes of rows, by falling variance.

    Args:
        n: Rows.
        mean: Of each feature.
        variances: λ of each axis, never negative, in float64: the square of a float32 number
            may lie outside float32's range.
        axes: Orthonormal rows.
        total: Sum of the variances of all axes, kept or not.
        constant: Features that hold one number only.
    """

    n: int
    mean: PerFeature
    variances: Float[np.ndarray, " axes"]
    axes: Float[np.ndarray, "axes features"]
    total: float
    constant: Bool[np.ndarray, " features"]


def choose_solver(n: int, d: int, k: int | None) -> Solver:
    """Return the way to k axes (None for all, or for a number not known yet) of n rows.

    >>> choose_solver(1797, 64, None), choose_solver(60000, 784, 50)
    ('svd', 'covariance')
    >>> choose_solver(400, 4096, 100), choose_solver(60000, 20000, 50)
    ('gram', 'randomized')
    """
    smaller = min(n, d)
    if n * d * smaller <= SMALL:
        return "svd"
    if smaller > LARGE and k is not None and 10 * k <= smaller:
        return "randomized"
    return "covariance" if d <= n else "gram"


def by_covariance(x: Rows, k: int | None, factor: PerFeature | None = None) -> Spectrum:
    """Return the axes from the covariance matrix, (features, features).

    >>> by_covariance(np.array([[0.0, 0.0], [2.0, 2.0]]), 1).variances
    array([4.])
    """
    return of_moments(moments(x, factor), k, x.dtype)


def of_moments(found: Moments, k: int | None, dtype: np.dtype) -> Spectrum:
    """Return k axes (None: min(n, features)) of a scatter matrix, in the precision given.

    Constant features are left out of the eigenvalue problem: each is an axis of variance 0.
    """
    n, d = found.n, len(found.mean)
    count = int(min(n, d)) if k is None else k
    kept = np.flatnonzero(~found.constant)
    scatter = found.scatter if len(kept) == d else found.scatter[np.ix_(kept, kept)]
    total = float(np.trace(scatter)) / (n - 1)
    variances, axes = np.zeros(count), np.zeros((count, d), dtype)
    own = min(count, len(kept))
    if own and np.isfinite(total):
        values, vectors = _largest(scatter, own, dtype)
        variances[:own] = values / (n - 1)
        axes[:own, kept] = vectors.T
    axes[np.arange(own, count), np.flatnonzero(found.constant)[: count - own]] = 1
    return Spectrum(n, found.mean, variances, axes, total, found.constant)


def _largest(matrix: np.ndarray, k: int, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """Return the k largest eigenvalues, falling and not negative, and their vectors as columns."""
    size = len(matrix)
    unit = float(np.trace(matrix)) or 1.0
    scaled = (matrix / unit).astype(dtype)
    # A quarter of the vectors is about where finding only them begins to pay.
    some: dict[str, Any] = {"driver": "evr", "subset_by_index": (size - k, size - 1)}
    options: dict[str, Any] = some if 4 * k <= size else {"driver": "evd"}
    values, vectors = scipy.linalg.eigh(scaled, check_finite=False, overwrite_a=True, **options)
    values = np.maximum(values[::-1][:k].astype(np.float64), 0) * unit
    return values, vectors[:, ::-1][:, :k]


def by_gram(x: Rows, k: int | None, factor: PerFeature | None = None) -> Spectrum:
    """Return the axes from the products of the rows, (rows, rows): Z Zᵀ u = λ u, v = Zᵀ u / √λ.

    The products are taken in float64, because dividing by √λ of a small axis would magnify the
    rounding of float32 until the axes were no longer orthogonal.

    >>> by_gram(np.array([[0.0, 0.0, 0.0], [2.0, 2.0, 0.0]]), 1).variances
    array([4.])
    """
    n, d = x.shape
    mean, constant = column_means(x), constant_features(x)
    mean[constant] = x[0, constant]
    length = block_length(n, fewest=256)

    def centred(columns: slice) -> np.ndarray:
        block = x[:, columns] - mean[columns]
        return block if factor is None else block * factor[columns]

    gram = np.zeros((n, n))
    with np.errstate(over="ignore", invalid="ignore"):
        for products in over_blocks(lambda c: (b := centred(c)) @ b.T, d, length):
            gram += products
    total = float(np.trace(gram)) / (n - 1)
    count = int(min(n, d)) if k is None else k
    if not np.isfinite(total):
        return Spectrum(n, mean, np.zeros(count), np.zeros((count, d), x.dtype), total, constant)
    values, vectors = _largest(gram, count, np.dtype(np.float64))
    # Centred rows have one dimension less, and what lies below the rounding has no direction.
    rank = int((values > 10 * n * np.finfo(np.float64).eps * values[0]).sum())
    rank = min(rank, n - 1)
    sides = vectors[:, :rank] / np.sqrt(values[:rank])
    raw = np.concatenate(list(over_blocks(lambda c: centred(c).T @ sides, d, length)))
    values[rank:] = 0
    axes = orthonormal(raw, count)
    return Spectrum(n, mean, values / (n - 1), axes.astype(x.dtype), total, constant)


def orthonormal(
    columns: Float[np.ndarray, "features given"], k: int
) -> Float[np.ndarray, "{k} features"]:
    """Return k orthonormal rows: the columns one after another, then any that are orthogonal.

    >>> orthonormal(np.array([[2.0], [0.0]]), 2).round(6)[0] + 0.0
    array([1., 0.])
    """
    d, given = columns.shape
    filled = np.concatenate([columns, np.random.default_rng(0).normal(size=(d, k - given))], axis=1)
    q, r = np.linalg.qr(filled)
    return (q * np.where(np.diag(r) < 0, -1, 1)).T


def by_svd(x: Rows, k: int | None, factor: PerFeature | None = None) -> Spectrum:
    """Return the axes from the singular values of the centred rows: Z = U D Vᵀ, λ = D² / (n - 1).

    A copy of the rows is made. Axes far smaller than the first are found that the squares of a
    Gram matrix lose.

    >>> by_svd(np.array([[0.0, 0.0], [2.0, 2.0]]), 1).variances.round(12)
    array([4.])
    """
    n, d = x.shape
    count = int(min(n, d)) if k is None else k
    mean, constant = column_means(x), constant_features(x)
    mean[constant] = x[0, constant]
    # Centred in float64 and rounded once; LAPACK sees to large and small scales itself.
    with np.errstate(over="ignore", invalid="ignore"):
        z = ((x - mean) * (1.0 if factor is None else factor)).astype(x.dtype, copy=False)
    if not np.isfinite(z).all():
        return Spectrum(n, mean, np.zeros(count), np.zeros((count, d), x.dtype), np.inf, constant)
    _, singular, axes = scipy.linalg.svd(
        z, full_matrices=False, check_finite=False, overwrite_a=True
    )
    with np.errstate(over="ignore"):
        variances = singular.astype(np.float64) ** 2 / (n - 1)
    return Spectrum(n, mean, variances[:count], axes[:count], float(variances.sum()), constant)
