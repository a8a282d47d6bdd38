"""Kernel matrices k(x_i, z_j), their widths, and centring, block by block on all cores.

| name | k(x, z) |
|---|---|
| linear | x · z |
| rbf | exp(−γ ‖x − z‖²) |
| poly | (γ x · z + c)^degree |
| sigmoid | tanh(γ x · z + c) |
| cosine | x · z / (‖x‖ ‖z‖) |
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from jaxtyping import Float
from sklearn.metrics.pairwise import pairwise_kernels

from gradlab.errors import DataError
from gradlab.process import cores

KERNELS = ("linear", "rbf", "poly", "sigmoid", "cosine")
"""Kernels with a formula of their own; besides them "precomputed" and any function of two rows."""

WIDTHS = ("scale", "median")
"""Names for γ: 1 / (d · variance of all numbers), and 1 / (2 · squared median distance)."""

BLOCK = 2**17
"""Numbers of a kernel matrix that a core works on at once."""

MEDIAN_ROWS = 1000
"""Rows, evenly spaced, among which the median distance is taken."""


def kernel_matrix(
    first: Float[np.ndarray, "rows features"],
    second: Float[np.ndarray, "others features"] | None = None,
    *,
    kernel: str | Callable[..., Any] = "rbf",
    gamma: float | int = 1.0,
    degree: float | int = 3,
    coef0: float | int = 1.0,
    kernel_params: dict[str, Any] | None = None,
) -> Float[np.ndarray, "rows _"]:
    """Return k between all rows of two tables, shape (n_first, n_second).

    Args:
        first: Rows x_i.
        second: Rows z_j; None takes `first`.
        kernel: One of `KERNELS`, or a function of two rows.
        gamma: γ of rbf, poly and sigmoid.
        degree: Of poly.
        coef0: c of poly and sigmoid.
        kernel_params: More arguments of a kernel that is a function.

    Raises:
        DataError: If the kernel overflows, or a function gives numbers that are not finite.

    >>> kernel_matrix(np.eye(2), kernel="rbf", gamma=0.5).round(3)
    array([[1.   , 0.368],
           [0.368, 1.   ]])
    """
    other = first if second is None else second
    if callable(kernel):
        metric: Any = kernel
        k = pairwise_kernels(first, other, metric=metric, **(kernel_params or {}))
        k = k.astype(first.dtype, copy=False)
    elif kernel == "rbf":
        k = _rbf(first, second, gamma)
    elif kernel == "cosine":
        k = _unit(first) @ _unit(other).T
    else:
        with np.errstate(over="ignore", invalid="ignore"):
            k = first @ other.T
            if kernel != "linear":
                bend = np.tanh if kernel == "sigmoid" else None
                _in_blocks(k, lambda block, _: _bent(block, gamma, coef0, degree, bend))
    if not np.isfinite(k).all():
        raise DataError(
            f"the {kernel if isinstance(kernel, str) else 'given'} kernel overflows or gives "
            "numbers that are not finite on these rows. Bring the columns to one scale first, for "
            "example with StandardScaler, or take another gamma."
        )
    return k


def kernel_width(gamma: float | int | str | None, X: Float[np.ndarray, "rows features"]) -> float:
    """Return γ as a number: None is 1 / n_features; "scale" and "median" look at the rows.

    >>> kernel_width(None, np.eye(4))
    0.25
    """
    if gamma is None:
        return 1 / X.shape[1]
    if not isinstance(gamma, str):
        return float(gamma)
    X = X.astype(np.float64)
    if gamma == "scale":
        variance = float(X.var())
        return 1 / (X.shape[1] * variance) if variance > 0 else 1.0
    some = X[np.linspace(0, len(X) - 1, min(len(X), MEDIAN_ROWS)).astype(int)]
    squares = _squared_distances(some, some, some.mean(axis=0))
    median = float(np.median(squares[np.triu_indices(len(some), 1)])) if len(some) > 1 else 0.0
    return 1 / (2 * median) if median > 0 else 1.0


def centre(k: Float[np.ndarray, "rows rows"]) -> tuple[Float[np.ndarray, " rows"], float]:
    """Centre a square kernel matrix in place: K_c = K − 1K − K1 + 1K1, 1 = a matrix of 1/n.

    Returns the mean of each column of K and the mean of all, which `centre_rows` needs.
    """
    means = np.empty(len(k))
    _in_blocks(k, lambda block, rows: means.__setitem__(rows, block.mean(axis=1, dtype=float)))
    mean = float(means.mean())
    by_row, by_column = means.astype(k.dtype), (means - mean).astype(k.dtype)

    def subtract(block: np.ndarray, rows: slice) -> None:
        block -= by_row[rows, None]
        block -= by_column[None, :]

    _in_blocks(k, subtract)
    return by_row, mean


def centre_rows(
    k: Float[np.ndarray, "rows training"], means: Float[np.ndarray, " training"], mean: float
) -> Float[np.ndarray, "rows training"]:
    """Centre, in place, kernels between new rows and the rows that `centre` saw."""
    own = k.mean(axis=1, keepdims=True)
    k -= own
    k -= (means - k.dtype.type(mean))[None, :]
    return k


def _rbf(first: np.ndarray, second: np.ndarray | None, gamma: float | int) -> np.ndarray:
    # Distances do not change under shifts, and small numbers cancel less.
    shift = (first if second is None else second).mean(axis=0)
    k = _squared_distances(first, first if second is None else second, shift)
    width = k.dtype.type(-gamma)

    def to_kernel(block: np.ndarray, rows: slice) -> None:
        block *= width
        np.exp(block, out=block)
        if second is None:
            block[np.arange(len(block)), np.arange(rows.start, rows.start + len(block))] = 1

    _in_blocks(k, to_kernel)
    return k


def _squared_distances(first: np.ndarray, second: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Return ‖x − z‖² = ‖x‖² + ‖z‖² − 2 x · z, never below 0."""
    with np.errstate(over="ignore", invalid="ignore"):
        x, z = first - shift[None, :], second - shift[None, :]
        if first is second:
            z = x  # one product of a matrix with itself takes half as long
        squares = x @ z.T
        of_x, of_z = np.einsum("ij,ij->i", x, x), np.einsum("ij,ij->i", z, z)

        def complete(block: np.ndarray, rows: slice) -> None:
            with np.errstate(over="ignore", invalid="ignore"):  # set for each thread
                block *= -2
                block += of_x[rows, None]
                block += of_z[None, :]
                np.maximum(block, 0, out=block)

        _in_blocks(squares, complete)
    return squares


def _bent(
    block: np.ndarray,
    gamma: float | int,
    coef0: float | int,
    degree: float | int,
    bend: Callable[..., Any] | None,
) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        block *= block.dtype.type(gamma)
        block += block.dtype.type(coef0)
        if bend is not None:
            bend(block, out=block)
        elif degree in (2, 3):  # products are much faster than powers
            square = block * block
            np.multiply(square, block if degree == 3 else 1, out=block)
        else:
            np.power(block, block.dtype.type(degree), out=block)


def _unit(rows: np.ndarray) -> np.ndarray:
    largest = np.abs(rows).max(axis=1, keepdims=True)
    rows = rows / np.where(largest > 0, largest, 1)
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
    return rows / np.where(lengths > 0, lengths, 1)


def _in_blocks(k: np.ndarray, work: Callable[[np.ndarray, slice], None]) -> None:
    """Let the cores work on blocks of rows, in place; NumPy lets go of Python meanwhile."""
    size = max(1, BLOCK // max(1, k.shape[1]))
    blocks = [slice(start, start + size) for start in range(0, len(k), size)]
    if len(blocks) == 1 or cores() == 1:
        for rows in blocks:
            work(k[rows], rows)
        return
    with ThreadPoolExecutor(cores()) as pool:
        for _ in pool.map(lambda rows: work(k[rows], rows), blocks):
            pass
