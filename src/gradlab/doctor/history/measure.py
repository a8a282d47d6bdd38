"""The formulas of probes in NumPy, for recorders of other frameworks.

They are those of `gradlab.training.measure`: rows come in equal parts, so that the gradients of
parts can be compared and little memory is needed.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Shaped

from gradlab.training.measure import ALIKE
from gradlab.training.probes import PARTS


class OfPart(NamedTuple):
    """What one part of the probe rows tells of a layer."""

    size: float  # activations
    mean: float
    squares: float  # Σ of squared deviations from the mean
    zero: float  # activations that are 0
    flat: float  # that are saturated; NaN if that can't be told
    alive: Bool[np.ndarray, " units"]  # not 0 on some row
    steep: Bool[np.ndarray, " units"]  # not saturated on some row
    slope: float  # Σ of the squared gradient of each row's own loss; NaN if there is none


class Statistics(NamedTuple):
    """Mean and variance of a normalisation layer's input in a part, and the running ones."""

    mean: Float[np.ndarray, " features"]
    variance: Float[np.ndarray, " features"]
    running_mean: Float[np.ndarray, " features"]
    running_variance: Float[np.ndarray, " features"]


def rows_a_part(n_rows: int) -> int:
    """Return how many rows each part has; those that don't fill all parts are left out.

    >>> rows_a_part(130), rows_a_part(5)
    (32, 5)
    """
    return n_rows // PARTS if n_rows >= 2 * PARTS else n_rows


def of_part(
    activation: Shaped[np.ndarray, "rows ..."],
    flat: Bool[np.ndarray, "rows ..."] | None,
    slope: Shaped[np.ndarray, "rows ..."] | None,
    scores: Shaped[np.ndarray, "rows ..."] | None = None,
) -> OfPart:
    """Measure a layer on a part of the rows; units on the last axis.

    Args:
        activation: What the layer gives.
        flat: Where it is saturated; None if that can't be told.
        slope: Gradient of the sum of the rows' losses with respect to it; None if unknown.
        scores: What mean and spread are of, if not the activation: of the last layer, before it.

    >>> of_part(np.array([[0.0, 2.0], [0.0, 4.0]]), None, None).alive.tolist()
    [False, True]
    """
    a = activation.astype(np.float64)
    measured = a if scores is None else scores.astype(np.float64)
    units = tuple(range(a.ndim - 1))
    with np.errstate(over="ignore", invalid="ignore"):
        mean = measured.mean()
        squares = np.square(measured - mean).sum()
        slopes = np.nan if slope is None else np.square(slope.astype(np.float64)).sum()
    return OfPart(
        size=float(a.size),
        mean=float(mean),
        squares=float(squares),
        zero=float((a == 0).sum()),
        flat=np.nan if flat is None else float(flat.sum()),
        alive=np.any(a != 0, axis=units),
        steep=np.ones(a.shape[-1], bool) if flat is None else np.any(~flat, axis=units),
        slope=float(slopes),
    )


def of_layer(parts: list[OfPart]) -> dict[str, float]:
    """Join what parts tell of a layer.

    Means and squares are joined as in Chan et al. 1979, eq. 2.1.

    >>> one = of_part(np.array([[1.0], [3.0]]), None, None)
    >>> two = of_part(np.array([[5.0], [7.0]]), None, None)
    >>> told = of_layer([one, two])
    >>> told["mean"], round(told["std"], 3)
    (4.0, 2.236)
    """
    counts = np.array([part.size for part in parts])
    means = np.array([part.mean for part in parts])
    count = counts.sum()
    with np.errstate(over="ignore", invalid="ignore"):
        mean = (counts * means).sum() / count
        squares = sum(part.squares for part in parts) + (counts * (means - mean) ** 2).sum()
    flat = sum(part.flat for part in parts)
    return {
        "mean": float(mean),
        "std": float(np.sqrt(squares / count)),
        "zero": sum(part.zero for part in parts) / count,
        "saturated": flat / count,
        "dead": float(np.mean(~np.any([part.alive for part in parts], axis=0))),
        "stuck": float(np.mean(~np.any([part.steep for part in parts], axis=0)))
        if np.isfinite(flat)
        else np.nan,
        "gradient_out": float(np.sqrt(sum(part.slope for part in parts) / count)),
    }


def gradient_noise(sizes: list[float], whole: float, rows: float | int) -> float:
    """Return tr(Σ) / ‖G‖² in rows; inf where the noise hides the gradient, NaN for one part.

    E‖G_b‖² = ‖G‖² + tr(Σ) / b for b rows; parts and whole give both unknowns.

    Args:
        sizes: ‖g‖² of the mean loss of each part.
        whole: The same of all rows.
        rows: Of a part.

    Source: McCandlish et al. 2018, appendix A.1, https://arxiv.org/abs/1812.06162

    >>> gradient_noise([4.0, 4.0], 4.0, rows=8), gradient_noise([2.0, 2.0], 1.5, rows=1)
    (0.0, 1.0)
    """
    parts, small = len(sizes), float(np.mean(sizes))
    if parts == 1 or not (np.isfinite(small) and small > 0):
        return float("nan")
    variance = (small - whole) * rows * parts / (parts - 1)
    signal = (parts * whole - small) / (parts - 1)
    return max(variance, 0.0) / signal if signal > 0 else float("inf")


def output_spread(
    said: Shaped[np.ndarray, "rows ..."], wanted: Shaped[np.ndarray, "rows ..."] | None
) -> float:
    """Return the standard deviation of outputs over rows, against that of the targets.

    Both are roots of the mean of the columns' variances.

    Args:
        said: Probabilities of classes, or numbers.
        wanted: Targets that are numbers; None of classes.

    >>> output_spread(np.array([[1.0], [3.0]]), np.array([0.0, 4.0]))
    0.5
    """
    own = _spread(said)
    if wanted is None:
        return own
    other = _spread(wanted)
    return own / other if other > 0 else float("nan")


def _spread(rows: np.ndarray) -> float:
    flat = rows.reshape(len(rows), -1).astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.sqrt(flat.var(axis=0).mean()))


def norm_gap(layers: list[list[Statistics]]) -> float:
    """Return the largest distance of running statistics from those of the rows, in deviations.

    The root mean square over features, of the mean or of the deviation itself; NaN without layers.

    Args:
        layers: The parts of each normalisation layer.

    >>> one = Statistics(np.array([2.0]), np.array([4.0]), np.array([0.0]), np.array([4.0]))
    >>> round(norm_gap([[one]]), 4)
    1.0
    """
    largest = float("nan")
    for parts in layers:
        means = np.array([part.mean for part in parts], np.float64)
        mean = means.mean(axis=0)
        variance = np.mean([part.variance for part in parts], axis=0) + means.var(axis=0)
        std = np.sqrt(variance + 1e-5)
        off = np.square((parts[0].running_mean - mean) / std).mean()
        scaled = np.square(np.sqrt(parts[0].running_variance + 1e-5) / std - 1).mean()
        largest = float(np.fmax(largest, np.sqrt(max(off, scaled))))
    return largest


def alike_share(columns: Shaped[np.ndarray, "inputs units"]) -> float:
    """Return the share of units whose weights equal another unit's, to 1e-4 of the largest.

    Units are sorted by a fixed random projection, where equal ones are neighbours.

    >>> alike_share(np.array([[1.0, 2.0, 1.0, 3.0]]))
    0.5
    """
    n_in, n_units = columns.shape
    if n_units == 1:
        return 0.0
    if not np.isfinite(columns).all():
        return float("nan")
    direction = np.random.Generator(np.random.Philox(key=0)).normal(size=n_in)
    ordered = columns[:, np.argsort(direction.astype(columns.dtype) @ columns)]
    apart = np.abs(np.diff(ordered, axis=1)).max(axis=0)
    same = apart <= ALIKE * np.abs(columns).max()
    return float((np.append(same, False) | np.append(False, same)).mean())


def norm(arrays: list[Shaped[np.ndarray, "..."]]) -> float:
    """Return the root of the sum of squares of all numbers.

    >>> norm([np.array([3.0]), np.array([[4.0]])])
    5.0
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.sqrt(sum(np.square(a.astype(np.float64)).sum() for a in arrays)))
