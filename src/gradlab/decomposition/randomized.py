"""A few principal axes of data with many rows and many features, by drawing a random subspace."""

import numpy as np
from jaxtyping import Float

from gradlab.decomposition.blocks import block_length, over_blocks
from gradlab.decomposition.covariance import (
    PerFeature,
    Rows,
    column_means,
    constant_features,
)
from gradlab.decomposition.spectrum import Spectrum

SPARE = 10
"""Directions beyond those asked for."""
PASSES = 8
"""Times that the subspace is turned towards the largest axes; each reads the data once."""


def by_random_subspace(
    x: Rows, k: int, factor: PerFeature | None = None, *, rng: np.random.RandomState
) -> Spectrum:
    """Return the k largest axes, nearly: those of the data seen within a subspace Q.

        Q <- orth(Zᵀ Z Q),  repeated from a normal draw;  then the axes of Z Q

    Each pass shrinks what lies outside the k largest axes by (λ_{k+11} / λ_k) once more.

    Args:
        x: Rows.
        k: Axes wanted.
        factor: Of each feature; None for 1.
        rng: Source of the draw.

    Source: Halko, Martinsson and Tropp 2011, algorithm 4.4, https://arxiv.org/abs/0909.4061

    >>> x = np.diag([3.0, 2.0, 1.0])
    >>> by_random_subspace(x, 1, rng=np.random.RandomState(0)).axes.round(3).shape
    (1, 3)
    """
    n, d = x.shape
    mean, constant = column_means(x), constant_features(x)
    mean[constant] = x[0, constant]
    shift = mean.astype(x.dtype)
    scale = np.where(constant, 0, 1.0 if factor is None else factor).astype(x.dtype)
    length = block_length(d)

    def centred(rows: slice) -> np.ndarray:
        with np.errstate(over="ignore", invalid="ignore"):
            return (x[rows] - shift) * scale

    def turned(q: Float[np.ndarray, "features directions"]) -> np.ndarray:
        total = np.zeros(q.shape)
        for part in over_blocks(lambda rows: (z := centred(rows)).T @ (z @ q), n, length):
            total += part
        return total

    def seen(q: Float[np.ndarray, "features directions"]) -> tuple[np.ndarray, float]:
        def of_block(rows: slice) -> tuple[np.ndarray, float]:
            z = centred(rows)
            y = (z @ q).astype(np.float64)
            return y.T @ y, float(np.einsum("ij,ij->", z, z, dtype=np.float64))

        products, total = np.zeros((q.shape[1],) * 2), 0.0
        for part, own in over_blocks(of_block, n, length):
            products += part
            total += own
        return products, total

    q = rng.standard_normal(size=(d, min(k + SPARE, n, d))).astype(x.dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(PASSES):
            q = turned(q)
            largest = np.abs(q).max()
            if not np.isfinite(largest):
                return Spectrum(n, mean, np.zeros(k), np.zeros((k, d), x.dtype), np.inf, constant)
            # Scaled columns keep float32 from overflowing when axes differ much in size.
            q = np.linalg.qr(q / (largest or 1))[0].astype(x.dtype)
        products, total = seen(q)
    values, vectors = np.linalg.eigh(products)
    values = np.maximum(values[::-1][:k], 0)
    axes = np.linalg.qr(q @ vectors[:, ::-1][:, :k])
    axes = (axes[0] * np.where(np.diag(axes[1]) < 0, -1, 1)).T
    return Spectrum(n, mean, values / (n - 1), axes.astype(x.dtype), total / (n - 1), constant)
