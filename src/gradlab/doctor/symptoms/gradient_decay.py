"""How fast gradients shrink or grow from layer to layer, or from time step to time step."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from gradlab.errors import DataError


@dataclass(frozen=True)
class GradientDecay:
    """A geometric law, ‖g_k‖ ≈ ‖g_K‖ · rate^(K−k).

    Attributes:
        rate: Factor per step away from the loss: below 1 gradients vanish, above they explode.
        ratio: Norm farthest from the loss over the norm next to it.
        fit: R² of the straight line through log ‖g‖; 1 for an exactly geometric law.
    """

    rate: float
    ratio: float
    fit: float

    @property
    def verdict(self) -> str:
        """ "vanishing" below 0.01 end to end, "exploding" above 100, else "kept"."""
        if self.ratio < 0.01:
            return "vanishing"
        return "exploding" if self.ratio > 100 else "kept"


def gradient_decay(norms: Float[np.ndarray, " steps"]) -> GradientDecay:
    """Fit the rate at which gradient norms change away from the loss.

        log ‖g_k‖ = a + (K − k) · log rate,  k = 1 … K, least squares

    Args:
        norms: Of layers from the input to the output, or of a recurrent state by time from the
            first step to the last: the last entry is next to the loss.

    Raises:
        DataError: With fewer than two norms, or a negative or non-finite one.

    >>> decay = gradient_decay(0.25 ** np.arange(10.0)[::-1])
    >>> round(decay.rate, 6), f"{decay.ratio:.3g}", decay.verdict
    (0.25, '3.81e-06', 'vanishing')

    Source: Hochreiter 1991; Pascanu et al. 2013, section 2; catalogue ACT-11, DIF-07, DIF-09.
    """
    norms = np.asarray(norms, float)
    if len(norms) < 2 or not np.isfinite(norms).all() or (norms < 0).any():
        raise DataError(
            "A rate of decay needs at least 2 gradient norms that are finite and not negative; "
            f"got {norms.tolist()}. Leave out steps that were not measured."
        )
    logs = np.log(np.maximum(norms, 1e-300))
    away = np.arange(len(norms))[::-1].astype(float)
    slope, level = np.polyfit(away, logs, 1)
    left = logs - (slope * away + level)
    spread = float(np.sum((logs - logs.mean()) ** 2))
    fit = 1 - float(np.sum(left**2)) / spread if spread > 1e-20 else 1.0
    return GradientDecay(float(np.exp(slope)), float(np.exp(logs[0] - logs[-1])), fit)


def decay_table(norms: Float[np.ndarray, " steps"], names: tuple[str, ...] = ()) -> str:
    """Print the norms with the factor from each to the one before, and the fitted rate.

    >>> print(decay_table(np.array([0.001, 0.03, 1.0]), ("first", "second", "third")))
    first   0.001  × 0.0333
    second  0.03   × 0.03
    third   1
    rate 0.0316 a step, 0.001 in all: vanishing
    """
    names = names or tuple(str(i + 1) for i in range(len(norms)))
    decay = gradient_decay(norms)
    wide = max(map(len, names))
    values = [f"{x:.3g}" for x in norms]
    broad = max(map(len, values))
    lines = []
    for i, (name, value) in enumerate(zip(names, values, strict=True)):
        if i + 1 < len(norms) and norms[i + 1] > 0:
            lines.append(f"{name:<{wide}}  {value:<{broad}}  × {norms[i] / norms[i + 1]:.3g}")
        else:
            lines.append(f"{name:<{wide}}  {value}")
    end = f"rate {decay.rate:.3g} a step, {decay.ratio:.3g} in all: {decay.verdict}"
    return "\n".join([*lines, end])
