"""Points of the input space for points of a kernel's feature space: pre-images.

Few points of the feature space are images of some x, so a pre-image is an approximation: either
learnt from the training rows by kernel ridge regression, or found for each point by iteration.
"""

import numpy as np
from jaxtyping import Float
from scipy.linalg import solve

from gradlab.decomposition.kernels import kernel_matrix
from gradlab.errors import DataError


def ridge_coefficients(
    k: Float[np.ndarray, "rows rows"], X: Float[np.ndarray, "rows features"], alpha: float
) -> Float[np.ndarray, "rows features"]:
    """Return (K + α I)⁻¹ X, with K the kernel between the training rows' components.

    A row with kernel values k to those components then has the pre-image k (K + α I)⁻¹ X.

    Raises:
        DataError: If K + α I is singular.

    Source: Bakır, Weston and Schölkopf 2004, "Learning to find pre-images"
    """
    k = k.copy()
    k.flat[:: len(k) + 1] += alpha
    try:
        return solve(k, X, assume_a="pos", overwrite_a=True)
    except np.linalg.LinAlgError as error:
        raise DataError(
            "pre-images can't be learnt: the kernel between the components is singular. Set "
            f"alpha, the ridge, above {alpha}."
        ) from error


def fixed_points(
    weights: Float[np.ndarray, "rows training"],
    X: Float[np.ndarray, "training features"],
    *,
    gamma: float,
    steps: int,
    tol: float,
) -> Float[np.ndarray, "rows features"]:
    """Return for each row of weights the z whose RBF image is nearest to Σ_i w_i φ(x_i).

    z ← Σ_i w_i k(z, x_i) x_i / Σ_i w_i k(z, x_i), from the training row that is nearest in the
    feature space. A step whose denominator vanishes is not made; then z stays where it was.

    Args:
        weights: w, one row for each point.
        X: Training rows x_i.
        gamma: γ of the kernel.
        steps: Most iterations.
        tol: A row stops when it moves by less than this share of the spread of X.

    Source: Mika et al. 1998, "Kernel PCA and de-noising in feature spaces", eq. 10
    """
    weights = weights.astype(np.float64)
    shift = X.mean(axis=0)
    points = (X - shift[None, :]).astype(np.float64)
    spread = float(np.sqrt(np.mean(np.sum(points**2, axis=1)))) or 1.0
    # ⟨Σ w φ(x), φ(x_j)⟩ is greatest for the nearest x_j, since all φ(x_j) have length 1.
    among = kernel_matrix(points, kernel="rbf", gamma=gamma)
    z = points[(weights @ among).argmax(axis=1)]
    going = np.arange(len(z))
    for _ in range(steps):
        pull = weights[going] * kernel_matrix(z[going], points, kernel="rbf", gamma=gamma)
        total, size = pull.sum(axis=1), np.abs(pull).sum(axis=1)
        sound = np.abs(total) > 1e-8 * size  # positive near the start, where the rows agree
        going, pull, total = going[sound], pull[sound], total[sound]
        if not len(going):
            break
        moved = pull @ points / total[:, None]
        step = np.sqrt(np.sum((moved - z[going]) ** 2, axis=1))
        z[going] = moved
        going = going[step > tol * spread]
    return (z + shift[None, :].astype(np.float64)).astype(X.dtype)
