"""Rows times a matrix, block by block: the scores of components, and the way back."""

import numpy as np
from jaxtyping import Float, Int

from gradlab.decomposition.blocks import block_length, even_length, over_blocks
from gradlab.decomposition.products import Columns, Multiplication, can_multiply

Matrix = Float[np.ndarray, "d k"]


def times_matrix(
    x: Float[np.ndarray, "n d"],
    matrix: Matrix,
    *,
    before: Float[np.ndarray, " d"] | None = None,
    after: Float[np.ndarray, " k"] | None = None,
) -> Float[np.ndarray, "n k"]:
    """Return (x - before) @ matrix + after; None stands for 0.

    >>> times_matrix(np.ones((1, 2)), np.array([[1.0, 2.0], [3.0, 4.0]]), before=np.array([1.0, 0]))
    array([[3., 4.]])
    """
    (n, d), k = x.shape, matrix.shape[1]
    out = np.empty((n, k), np.result_type(x, matrix))
    if x.dtype == matrix.dtype and can_multiply(n, d, k, x.dtype):
        before = np.zeros(d, x.dtype) if before is None else before
        after = np.zeros(k, x.dtype) if after is None else after
        _by_machine_code(x, matrix, before, after, out)
        return out

    def of_block(rows: slice) -> None:
        np.matmul(x[rows] if before is None else x[rows] - before, matrix, out=out[rows])
        if after is not None:
            out[rows] += after

    for _ in over_blocks(of_block, n, block_length(max(matrix.shape))):
        pass
    return out


def _by_machine_code(
    x: np.ndarray, matrix: Matrix, before: np.ndarray, after: np.ndarray, out: np.ndarray
) -> None:
    together, features = _lone(matrix)
    kept = np.delete(np.arange(len(matrix)), features)
    columns = Columns(kept, before[kept].astype(x.dtype), np.ones(len(kept), x.dtype))
    multiply = Multiplication(columns, matrix[kept, :together], after[:together])
    factor = matrix[features, np.arange(together, matrix.shape[1])]

    def of_block(rows: slice) -> None:
        multiply(x[rows], out[rows])
        if len(features):
            out[rows, together:] = (x[rows][:, features] - before[features]) * factor
            out[rows, together:] += after[together:]

    for _ in over_blocks(of_block, len(x), even_length(len(x))):
        pass


def _lone(matrix: Matrix) -> tuple[int, Int[np.ndarray, " lone"]]:
    """Return where the last columns begin that each read one feature alone, and those features.

    A constant feature is such a component: images have dozens of them at their margins.

    >>> _lone(np.array([[1.0, 2.0, 0.0], [3.0, 4.0, 0.0], [0.0, 0.0, 5.0]]))
    (2, array([2]))
    """
    read = matrix != 0
    feature = read.argmax(axis=0)
    lone = (read.sum(axis=0) == 1) & (read.sum(axis=1)[feature] == 1)
    others = np.flatnonzero(~lone)
    begin = int(others[-1]) + 1 if len(others) else 0
    return begin, feature[begin:]
