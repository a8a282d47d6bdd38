"""What the curve of a training loss looks like, and what that says of the learning rate."""

from typing import Literal

import numpy as np
from jaxtyping import Float

Shape = Literal["converged", "slow", "oscillating", "diverging", "flat", "unknown"]

TAIL = 1 / 3
"""The last part of a curve that says how it ends."""


def curve_shape(
    loss: Float[np.ndarray, " points"],
    *,
    slope: float = 0.05,
    swing: float = 0.1,
    flat: float = 0.02,
) -> Shape:
    """Name the shape of a loss curve.

        diverging    it is not finite somewhere, or ends above where it began
        flat         max − min < flat · |first|: nothing happens
        oscillating  ups / (ups + downs) of the last third is at least swing / (1 + swing), and the
                     ups sum to at least swing · (first − lowest)
        slow         still falling: the last third takes off at least slope · (first − last)
        converged    neither

    A rate that is too large shows as diverging or oscillating, one that is too small as slow or
    flat.

    Args:
        loss: Once an epoch or a step, from before training on.
        slope: Share of the whole fall that the last third must still bring to be called slow.
        swing: How much of the whole fall must come back as ups to be called oscillating.
        flat: Relative change below which nothing happens.

    >>> curve_shape(0.99 ** np.arange(50))
    'slow'
    >>> curve_shape(np.array([1.0, 0.2, 0.7, 0.25, 0.8, 0.2, 0.7]))
    'oscillating'

    Source: Goodfellow et al. 2016, section 11.4.1 and figure 11.1; catalogue DIF-13.
    """
    loss = np.asarray(loss, float)
    if len(loss) < 3:
        return "diverging" if len(loss) and not np.isfinite(loss).all() else "unknown"
    if not np.isfinite(loss).all() or loss[-1] > loss[0] + flat * abs(loss[0]):
        return "diverging"
    if np.ptp(loss) < flat * abs(loss[0]):
        return "flat"
    tail = loss[-max(3, round(len(loss) * TAIL)) :]
    steps = np.diff(tail)
    ups, fall = float(steps[steps > 0].sum()), float(loss[0] - loss.min())
    if fall <= 0:
        return "diverging"
    backwards = ups / max(float(np.abs(steps).sum()), 1e-300)
    if ups >= swing * fall and backwards >= swing / (1 + swing):
        return "oscillating"
    return "slow" if tail[0] - tail[-1] >= slope * (loss[0] - loss[-1]) else "converged"
