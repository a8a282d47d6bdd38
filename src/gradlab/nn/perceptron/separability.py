"""Can one perceptron tell the two classes apart? Answered by linear programming."""

from itertools import combinations

import numpy as np
from jaxtyping import Float, Int, Real
from scipy.optimize import linprog

from gradlab.errors import DataError
from gradlab.nn.perceptron.unit import perceptron

LARGEST_EXHAUSTIVE = 16  # rows; 2**16 subsets are the most that is searched without complaint


def separating_perceptron(
    x: Real[np.ndarray, "rows inputs"], labels: Int[np.ndarray, " rows"]
) -> tuple[Float[np.ndarray, " inputs"], float] | None:
    """Return weights and bias of a perceptron that is right on every row, or None.

    The rows are separable if and only if some w, b have t_i (w · x_i + b) >= 1 for all i, with
    t_i = ±1: a linear programme without an objective, so the answer does not depend on a number
    of training steps.

    Args:
        x: Inputs.
        labels: 0 or 1 (or -1 and +1).

    >>> from gradlab.nn.perceptron.tables import OR, XOR
    >>> separating_perceptron(*OR) is None, separating_perceptron(*XOR) is None
    (False, True)
    """
    x = np.asarray(x, dtype=float)
    # In units of the spread the solver's tolerance means the same for every feature.
    centre = x.mean(axis=0)
    spread = np.ptp(x, axis=0)
    spread[spread == 0] = 1.0
    scaled = (x - centre) / spread
    signs = np.where(labels > 0, 1.0, -1.0)
    plane = signs[:, None] * np.column_stack([scaled, np.ones(len(x))])
    answer = linprog(
        c=np.zeros(plane.shape[1]), A_ub=-plane, b_ub=-np.ones(len(x)), bounds=(None, None)
    )
    if not answer.success:
        return None
    weights = answer.x[:-1] / spread
    return weights, float(answer.x[-1] - weights @ centre)


def is_linearly_separable(
    x: Real[np.ndarray, "rows inputs"], labels: Int[np.ndarray, " rows"]
) -> bool:
    """Return whether some perceptron is right on every row.

    >>> from gradlab.nn.perceptron.tables import AND, XOR
    >>> is_linearly_separable(*AND), is_linearly_separable(*XOR)
    (True, False)
    """
    return separating_perceptron(x, labels) is not None


def best_perceptron(
    x: Real[np.ndarray, "rows inputs"], labels: Int[np.ndarray, " rows"]
) -> tuple[Float[np.ndarray, " inputs"], float, float]:
    """Return weights, bias and share of rows right of the best possible single perceptron.

    Tries to leave out no row, then every single row, then every pair, and so on, until the rest
    is separable.

    Raises:
        DataError: For more than 16 rows, where the number of subsets explodes.

    >>> from gradlab.nn.perceptron.tables import XOR
    >>> best_perceptron(*XOR)[2]
    0.75
    """
    rows = len(x)
    if rows > LARGEST_EXHAUSTIVE:
        raise DataError(
            f"The best perceptron is found by trying subsets of at most {LARGEST_EXHAUSTIVE} "
            f"rows; got {rows}. Train a Perceptron instead, or take fewer rows."
        )
    for n_wrong in range(rows):
        for left_out in combinations(range(rows), n_wrong):
            kept = np.setdiff1d(np.arange(rows), left_out)
            found = separating_perceptron(x[kept], labels[kept])
            if found is not None:
                right = perceptron(x, *found) == (labels > 0)
                return *found, float(right.mean())
    raise DataError("The best perceptron needs at least one row; got none.")
