"""Units that do nothing, or do the same: counted on weights and activations."""

import numpy as np
from jaxtyping import Array, Float


def dead_share(
    activations: Float[Array | np.ndarray, "rows units"], *, tolerance: float = 0.0
) -> float:
    """Return the share of units that are zero on every row given.

    A rectifier that is zero on the whole data set has zero slope there too, so nothing moves it
    any more. On one batch the share is larger: pass all rows.

    Args:
        activations: After the activation function.
        tolerance: |a| up to it counts as zero.

    >>> dead_share(np.array([[0.0, 1.0], [0.0, 0.0]]))
    0.5

    Source: Maas et al. 2013, section 2; catalogue DIF-12.
    """
    silent = np.all(np.abs(np.asarray(activations)) <= tolerance, axis=0)
    return float(np.mean(silent))


def identical_units(
    weights: Float[Array | np.ndarray, "inputs units"], *, tolerance: float = 1e-6
) -> tuple[tuple[int, ...], ...]:
    """Return the groups of units whose incoming weights are the same: they do the same work.

    Two columns are alike if they differ by at most tolerance · max |w|.

    Args:
        weights: As in `Dense`: a column a unit. For a weight matrix with a row a unit pass its
            transpose.
        tolerance: Relative.

    >>> identical_units(np.array([[1.0, 2.0, 1.0], [3.0, 4.0, 3.0]]))
    ((0, 2),)

    Source: Goodfellow et al. 2016, section 8.4; catalogue DIF-11, INI-01.
    """
    columns = np.asarray(weights, float).T
    bound = tolerance * max(float(np.abs(columns).max(initial=0.0)), 1e-300)
    left, groups = list(range(len(columns))), []
    while left:
        first, rest = left[0], left[1:]
        near = np.max(np.abs(columns[rest] - columns[first]), axis=1, initial=0.0) <= bound
        same = [first, *(int(i) for i in np.asarray(rest, int)[near])]
        if len(same) > 1:
            groups.append(tuple(same))
        left = [i for i in rest if i not in same]
    return tuple(groups)
