"""Scatter within and between classes, and Fisher's criterion for two of them.

In the documents' notation, with m_i the mean of class i and sums, not means, over its rows:

    S_i = Σ (x − m_i)(x − m_i)ᵀ,    S_w = Σ_i S_i
    y = wᵀx,   m̃_i = wᵀm_i,   s̃_i² = Σ (y − m̃_i)² = wᵀ S_i w
    J(w) = (m̃_1 − m̃_2)² / (s̃_1² + s̃_2²) = wᵀ S_B w / wᵀ S_w w,   S_B = (m_1 − m_2)(m_1 − m_2)ᵀ

J is maximised (the documents' "minimize" is a slip): ∂J/∂w = 0 where S_B w = λ S_w w, λ = J(w), and
S_B w always points along m_1 − m_2, so w = S_w⁻¹ (m_1 − m_2).

Source: Fisher 1936, https://doi.org/10.1111/j.1469-1809.1936.tb02137.x
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped

from gradlab.decomposition.checking import checked_array, checked_pair
from gradlab.errors import DataError


@dataclass(frozen=True)
class Scatter:
    """How rows scatter within and between classes; `total` = `within` + `between`.

    Attributes:
        classes: Labels, sorted.
        counts: Rows n_k of each class.
        means: Mean m_k of each class.
        mean: Mean m of all rows.
        within: S_w = Σ_k Σ (x − m_k)(x − m_k)ᵀ.
        between: Σ_k n_k (m_k − m)(m_k − m)ᵀ; for two classes n_1 n_2 / n times the documents' S_B.
    """

    classes: Shaped[np.ndarray, " classes"]
    counts: Int[np.ndarray, " classes"]
    means: Float[np.ndarray, "classes features"]
    mean: Float[np.ndarray, " features"]
    within: Float[np.ndarray, "features features"]
    between: Float[np.ndarray, "features features"]

    @property
    def total(self) -> Float[np.ndarray, "features features"]:
        """Σ (x − m)(x − m)ᵀ over all rows."""
        return self.within + self.between


def scatter_matrices(X: Any, y: Any) -> Scatter:
    """Return the scatter of rows X (n_samples, n_features) with labels y (n_samples,).

    Raises:
        ValueError: If X is no table of finite numbers, or y has another length.

    >>> scatter = scatter_matrices([[1.0], [3.0], [7.0], [9.0]], ["a", "a", "b", "b"])
    >>> scatter.within, scatter.between
    (array([[4.]]), array([[36.]]))
    """
    X, y = checked_pair(X, y, dtype=np.float64)
    classes, labels, counts = np.unique(y, return_inverse=True, return_counts=True)
    means = np.stack([X[labels == k].mean(axis=0) for k in range(len(classes))])
    mean = X.mean(axis=0)
    inside = X - means[labels]
    outside = (means - mean[None, :]) * np.sqrt(counts)[:, None]
    return Scatter(classes, counts, means, mean, inside.T @ inside, outside.T @ outside)


def fisher_direction(first: Any, second: Any) -> Float[np.ndarray, " features"]:
    """Return w = S_w⁻¹ (m_1 − m_2), the direction of greatest J.

    Columns are brought to one scale for the solution, so that units do not matter. Where S_w is
    singular, its pseudo-inverse is taken; but if the means differ along directions in which no
    class varies, J is unbounded there, and w is the part of m_1 − m_2 that lies in them.

    Args:
        first: Rows of class 1, shape (n_1, n_features).
        second: Rows of class 2, shape (n_2, n_features).

    Raises:
        DataError: If the means coincide, or the rows have different lengths.

    >>> fisher_direction([[0.0, 0.0], [2.0, 2.0], [1.0, 0.0]], [[0.0, 3.0], [2.0, 5.0], [1.0, 3.0]])
    array([ 2.25, -2.25])
    """
    parts = _same_columns(first, second)
    unit = np.max([np.abs(rows).max(axis=0) for rows in parts if rows.size], axis=0)
    unit = np.where(unit > 0, unit, 1)  # columns of absurd size neither overflow nor vanish
    difference, within = _two_classes(parts[0] / unit, parts[1] / unit)
    if not difference.any():
        raise DataError(
            "fisher_direction needs two classes with different means; these coincide. Classes "
            "that differ otherwise can be told apart after KernelPCA or PolynomialPCA."
        )
    spread = np.sqrt(np.diag(within))
    scale = np.where(spread > 0, spread, 1)
    values, vectors = np.linalg.eigh(within / (scale[:, None] * scale[None, :]))
    kept = values > len(values) * np.finfo(values.dtype).eps * max(values[-1], 1e-300)
    along = vectors.T @ (difference / scale)
    if np.linalg.norm(along[~kept]) > 1e-7 * np.linalg.norm(along):
        return vectors[:, ~kept] @ along[~kept] / scale / unit
    return vectors[:, kept] @ (along[kept] / values[kept]) / scale / unit


def fisher_criterion(w: Any, first: Any, second: Any) -> float:
    """Return J(w) = (wᵀ(m_1 − m_2))² / wᵀ S_w w; infinite where only the means differ.

    Raises:
        DataError: If w does not have one number a column, or the rows do not vary along it.

    >>> first, second = [[1.0], [3.0]], [[7.0], [9.0]]
    >>> fisher_criterion([0.5], first, second)
    9.0
    """
    difference, within = _two_classes(first, second)
    w = _direction(w, len(difference))
    return _ratio(float(w @ difference) ** 2, float(w @ within @ w))


def fisher_gradient(w: Any, first: Any, second: Any) -> Float[np.ndarray, " features"]:
    """Return ∂J/∂w = 2 S_B w / β − (2α / β²) S_w w, with α = wᵀ S_B w and β = wᵀ S_w w.

    It is 0 at `fisher_direction(first, second)`.

    Raises:
        DataError: If β is 0, where J has no derivative.

    >>> fisher_gradient([0.5], [[1.0], [3.0]], [[7.0], [9.0]])
    array([0.])
    """
    difference, within = _two_classes(first, second)
    w = _direction(w, len(difference))
    alpha, beta = float(w @ difference) ** 2, float(w @ within @ w)
    if beta <= 0:
        raise DataError("J has no derivative at w: no class varies along it.")
    return 2 * difference * (w @ difference) / beta - (2 * alpha / beta**2) * (within @ w)


def class_overlap(first: Any, second: Any) -> float:
    """Return the share of numbers on the wrong side of the best threshold between two classes.

    The two classes count alike, so 0.5 means that no threshold tells them apart, and 0 that one
    does without error. It needs no bins, and depends on the order of the numbers alone.

    >>> class_overlap([1.0, 2.0, 3.0, 4.0], [3.5, 5.0])
    0.125
    """
    first = checked_array(first, dtype=np.float64, ensure_2d=False)
    second = checked_array(second, dtype=np.float64, ensure_2d=False)
    cuts = np.unique(np.concatenate([first, second]))
    below_first = np.searchsorted(np.sort(first), cuts, side="right") / len(first)
    below_second = np.searchsorted(np.sort(second), cuts, side="right") / len(second)
    return float((1 - np.abs(below_first - below_second).max()) / 2)


def _two_classes(first: Any, second: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return m_1 − m_2 and S_w."""
    parts = _same_columns(first, second)
    centred = [rows - rows.mean(axis=0)[None, :] for rows in parts]
    within = centred[0].T @ centred[0] + centred[1].T @ centred[1]
    difference = parts[0].mean(axis=0) - parts[1].mean(axis=0)
    # A column that is the same everywhere has no part; its means may differ by rounding.
    constant = (np.concatenate(parts) == parts[0][:1]).all(axis=0)
    difference[constant] = within[constant] = within[:, constant] = 0
    return difference, within


def _same_columns(first: Any, second: Any) -> list[np.ndarray]:
    parts = [checked_array(rows, dtype=np.float64) for rows in (first, second)]
    if parts[0].shape[1] != parts[1].shape[1]:
        raise DataError(
            "both classes need the same columns; the first has "
            f"{parts[0].shape[1]}, the second {parts[1].shape[1]}."
        )
    return parts


def _direction(w: Any, n_features: int) -> np.ndarray:
    w = checked_array(w, dtype=np.float64, ensure_2d=False)
    if w.shape != (n_features,):
        raise DataError(
            f"w needs one number for each of the {n_features} columns; got shape {w.shape}."
        )
    return w


def _ratio(between: float, within: float) -> float:
    if within > 0:
        return between / within
    if between > 0:
        return float("inf")
    raise DataError("J(w) is 0 / 0: the rows do not vary along w at all.")
