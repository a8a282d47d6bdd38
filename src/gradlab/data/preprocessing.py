"""Scaling, codes and densities, as plain functions on NumPy arrays."""

import numpy as np
from jaxtyping import Float, Int, Num, Shaped

from gradlab.errors import DataError


def min_max_scale(
    x: Num[np.ndarray, "rows *columns"],
    *,
    minimum: Num[np.ndarray, "*columns"] | float | int | None = None,
    maximum: Num[np.ndarray, "*columns"] | float | int | None = None,
) -> Float[np.ndarray, "rows *columns"]:
    """Scale each column to [0, 1]: (x - minimum) / (maximum - minimum).

    A constant column (maximum = minimum), which the formula leaves open, becomes 0.

    Args:
        x: Numbers; a float dtype is kept, others become float64.
        minimum: Smallest value of each column, in its unit; learnt from x by default. Give the
            training data's to scale other data, which may then leave [0, 1].
        maximum: Largest value, likewise.

    >>> min_max_scale(np.array([0.0, 1.0, 100.0]))
    array([0.  , 0.01, 1.  ])
    """
    x = _floating(x)
    low = x.min(axis=0) if minimum is None else np.asarray(minimum, x.dtype)
    high = x.max(axis=0) if maximum is None else np.asarray(maximum, x.dtype)
    return _divide(x - low, high - low)


def standardize(
    x: Num[np.ndarray, "rows *columns"],
    *,
    ddof: int = 0,
    mean: Num[np.ndarray, "*columns"] | float | int | None = None,
    deviation: Num[np.ndarray, "*columns"] | float | int | None = None,
) -> Float[np.ndarray, "rows *columns"]:
    """Give each column mean 0 and standard deviation 1: (x - mean) / deviation.

    A constant column becomes 0.

    Args:
        x: Numbers; a float dtype is kept, others become float64.
        ddof: The variance divides by rows - ddof: 0 as scikit-learn and batch normalisation do,
            1 (the sample's) as pandas does.
        mean: Mean of each column, in its unit; learnt from x by default.
        deviation: Standard deviation, likewise.

    >>> standardize(np.array([1.0, 2.0, 3.0]), ddof=1)
    array([-1.,  0.,  1.])
    """
    x = _floating(x)
    centre = x.mean(axis=0, dtype=np.float64) if mean is None else np.asarray(mean)
    centred = x.astype(np.float64) - centre  # in float32, 1e8 + 1 is 1e8
    if deviation is None:
        own = np.sqrt((centred**2).sum(axis=0) / max(len(x) - ddof, 1))
        constant = x.min(axis=0) == x.max(axis=0)  # rounding of the mean must not show
        deviation = np.where(constant, 0.0, own)
    return _divide(centred, np.asarray(deviation)).astype(x.dtype)


def one_hot(
    values: Shaped[np.ndarray, " rows"], categories: Shaped[np.ndarray, " categories"] | None = None
) -> Float[np.ndarray, "rows categories"]:
    """Give a nominal value as many bits as it has categories; a row holds one 1.

    Args:
        values: Names or numbers.
        categories: The known ones, in the order of the columns; the sorted values by default. A
            value outside them becomes a row of zeros.

    >>> one_hot(np.array([2, 1, 2]))
    array([[0., 1.],
           [1., 0.],
           [0., 1.]])
    """
    known = np.unique(values) if categories is None else np.asarray(categories)
    return (values[:, None] == known[None, :]).astype(np.float64)


def normal_density(
    x: Num[np.ndarray, "*shape"], mean: float | int = 0.0, deviation: float | int = 1.0
) -> Float[np.ndarray, "*shape"]:
    """Return N(x | mean, deviation^2) = exp(-(x - mean)^2 / (2 deviation^2)) / (deviation √2π).

    >>> normal_density(np.array([0.0, 1.0])).round(6)
    array([0.398942, 0.241971])
    """
    if not deviation > 0:
        raise DataError(f"normal_density needs deviation > 0; got {deviation}.")
    z = (_floating(x) - mean) / deviation
    return np.exp(-0.5 * z * z) / (deviation * np.sqrt(2 * np.pi))


def multivariate_normal_density(
    x: Num[np.ndarray, "rows columns"],
    mean: Num[np.ndarray, " columns"],
    covariance: Num[np.ndarray, "columns columns"],
) -> Float[np.ndarray, " rows"]:
    """Return (2π)^(-d/2) |Σ|^(-1/2) exp(-½ (x - μ)ᵀ Σ⁻¹ (x - μ)) for each row x.

    Args:
        x: Points, d columns.
        mean: μ.
        covariance: Σ, symmetric and positive definite.

    Raises:
        DataError: If the covariance is singular or not a covariance.

    >>> multivariate_normal_density(np.zeros((1, 2)), np.zeros(2), np.eye(2)).round(6)
    array([0.159155])
    """
    from scipy.stats import multivariate_normal

    try:
        density = multivariate_normal.pdf(x, mean, covariance)  # type: ignore[arg-type]
    except (ValueError, np.linalg.LinAlgError) as error:
        raise DataError(
            f"The covariance must be symmetric and positive definite ({error})."
        ) from error
    return np.atleast_1d(density)


def whiten(x: Num[np.ndarray, "rows columns"]) -> Float[np.ndarray, "rows columns"]:
    """Rotate and scale to covariance I: Λ^(-1/2) Pᵀ (x - μ), with the covariance P Λ Pᵀ.

    The columns are the principal components, the largest variance first (PCA whitening); the
    covariance divides by rows - 1. Standardising alone only makes its diagonal 1.

    Raises:
        DataError: If columns are linearly dependent, where Λ^(-1/2) does not exist.
    """
    x = _floating(x)
    centred = x - x.mean(axis=0)[None, :]
    # Singular values rather than the covariance's eigenvalues: they keep twice the digits.
    _, singular, components = np.linalg.svd(centred, full_matrices=False)
    tiny = np.finfo(x.dtype).eps * max(x.shape) * singular[0]
    if len(singular) < x.shape[1] or singular[-1] <= tiny:
        raise DataError(
            f"whiten: the {x.shape[1]} columns of {x.shape[0]} rows are linearly dependent, so "
            "some direction has no variance. Leave out constant or repeated columns, or add rows."
        )
    return (centred @ components.T) * (np.sqrt(len(x) - 1) / singular)[None, :]


def batch_means(
    x: Num[np.ndarray, " rows"], batch_size: int, *, n_batches: int = 1000, seed: int = 0
) -> Float[np.ndarray, " batches"]:
    """Return the means of random mini-batches of a column.

    Scaling the whole column to mean 0 and variance 1 does not give that to its batches: their
    means scatter with variance 1 / batch_size (rows drawn with replacement).

    >>> batch_means(np.ones(10), batch_size=4, n_batches=2)
    array([1., 1.])
    """
    if batch_size < 1 or n_batches < 1:
        raise DataError(f"batch_size and n_batches start at 1; got {batch_size}, {n_batches}.")
    rows = np.random.default_rng(seed).integers(0, len(x), (n_batches, batch_size))
    return _floating(x)[rows].mean(axis=1)


def feature_scale_ratio(
    first: Int[np.ndarray, "2"] | Float[np.ndarray, "2"],
    second: Int[np.ndarray, "2"] | Float[np.ndarray, "2"],
) -> float:
    """Return how many times a difference in one feature exceeds that in another.

    A first-layer weight learns in proportion to its input, so the weight of the small feature is
    about that many times slower.

    >>> round(feature_scale_ratio(np.array([1.885, 1.525]), np.array([65.5, 45.0])), 6)
    56.944444
    """
    return float(abs(second[1] - second[0]) / abs(first[1] - first[0]))


def _floating(x: np.ndarray) -> np.ndarray:
    return x if x.dtype.kind == "f" else x.astype(np.float64)


def _divide(numerator: np.ndarray, denominator: np.ndarray | np.floating) -> np.ndarray:
    safe = np.where(denominator == 0, 1, denominator).astype(numerator.dtype)
    return np.where(denominator == 0, 0, numerator / safe).astype(numerator.dtype)
