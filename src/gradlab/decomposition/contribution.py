"""How much each component contributes, how many to keep, and where the scree bends."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from jaxtyping import Float

from gradlab.errors import DataError, RecipeError
from gradlab.scalars import Scalar

Eigenvalues = Float[np.ndarray, " components"] | Sequence[float]


def contribution_table(eigenvalues: Eigenvalues, *, total: Scalar | None = None) -> pl.DataFrame:
    """Return component, eigenvalue, contribution and cumulative contribution, shares from 0 to 1.

    contribution_j = λ_j / Σ_i λ_i

    Args:
        eigenvalues: Falling, none negative.
        total: Σ over all components, where only the first are given.

    Raises:
        DataError: If an eigenvalue is negative or not finite, or they don't fall.

    >>> contribution_table([3.0, 1.0])["cumulative"].to_list()
    [0.75, 1.0]
    """
    values = _checked(eigenvalues)
    everything = float(values.sum()) if total is None else float(total)
    shares = values / everything if everything > 0 else np.zeros(len(values))
    return pl.DataFrame(
        {
            "component": np.arange(1, len(values) + 1),
            "eigenvalue": values,
            "contribution": shares,
            "cumulative": np.minimum(np.cumsum(shares), 1.0),
        }
    )


def components_for(
    eigenvalues: Eigenvalues, share: Scalar = 0.7, *, total: Scalar | None = None
) -> int:
    """Return the fewest components whose contributions add up to the share; 70 % by default.

    Raises:
        RecipeError: If the share is not above 0 and at most 1.
        DataError: If all the given components together don't reach it.

    >>> components_for([5.0, 3.0, 2.0], 0.7)
    2
    """
    if not 0 < share <= 1:
        raise RecipeError(f"a share of the variance lies above 0 and is at most 1; got {share}.")
    cumulative = contribution_table(eigenvalues, total=total)["cumulative"].to_numpy()
    # Shares of 1/3 and the like add up to a rounding less than they should.
    enough = np.flatnonzero(cumulative >= share - 1e-12)
    if not len(enough):
        reached = cumulative[-1] if len(cumulative) else 0.0
        raise DataError(
            f"the {len(cumulative)} components kept reach {reached:.1%} of the variance, less "
            f"than the {share:.1%} asked for; keep more components."
        )
    return int(enough[0]) + 1


def scree_bend(eigenvalues: Eigenvalues) -> int | None:
    """Return the number of the component at which the scree plot bends most, counted from 1.

    The bend is the point farthest below the straight line from the first eigenvalue to the last,
    after both axes are scaled to [0, 1]. None where no point lies below it: two components or
    fewer, equal eigenvalues, or a curve that falls ever faster.

    Source: the "kneedle" of Satopää et al. 2011, without its smoothing, on a falling curve.

    >>> scree_bend([4.724, 1.143, 0.884, 0.599, 0.502]), scree_bend([3.0, 2.0, 1.0])
    (2, None)
    """
    values = _checked(eigenvalues)
    if len(values) < 3 or values[0] == values[-1]:
        return None
    height = (values - values[-1]) / (values[0] - values[-1])
    below = np.linspace(1, 0, len(values)) - height
    place = int(np.argmax(below))
    return place + 1 if below[place] > 1e-9 else None


def _checked(eigenvalues: Eigenvalues) -> Float[np.ndarray, " components"]:
    values = np.asarray(eigenvalues, dtype=np.float64)
    if not np.isfinite(values).all() or (values < 0).any() or (np.diff(values) > 0).any():
        raise DataError(
            f"eigenvalues are finite, not negative, and fall; got {values.tolist()[:10]}."
        )
    return values
