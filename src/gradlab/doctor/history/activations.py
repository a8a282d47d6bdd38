"""Activation functions and their slopes in NumPy, to tell which activations are saturated."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import erf, expit, log_softmax, softmax

from gradlab.training.sites import FLAT

Numbers = Float[np.ndarray, "..."]


class Curve(NamedTuple):
    """An activation function."""

    value: Callable[[Numbers], Numbers]
    slope: Callable[[Numbers], Numbers]
    largest: float  # slope within 5 of 0


SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def _softmax_slope(z: Numbers) -> Numbers:
    shares = softmax(z, axis=-1)
    return shares * (1 - shares)


def _gelu_slope(z: Numbers) -> Numbers:
    return 0.5 * (1 + erf(z / np.sqrt(2))) + z * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)


def _silu_slope(z: Numbers) -> Numbers:
    share = expit(z)
    return share * (1 + z * (1 - share))


def _mish_slope(z: Numbers) -> Numbers:
    bent = np.tanh(np.logaddexp(0, z))
    return bent + z * (1 - bent**2) * expit(z)


def _falling(z: Numbers) -> Numbers:
    return np.exp(np.minimum(z, 0))  # of what is exponential below 0


CURVES: dict[str, Curve] = {
    "linear": Curve(lambda z: z, np.ones_like, 1.0),
    "relu": Curve(lambda z: np.where(z > 0, z, 0), lambda z: (z > 0).astype(z.dtype), 1.0),
    "relu6": Curve(lambda z: np.clip(z, 0, 6), lambda z: ((z > 0) & (z < 6)).astype(z.dtype), 1.0),
    "leaky_relu": Curve(
        lambda z: np.where(z > 0, z, 0.01 * z), lambda z: np.where(z > 0, 1.0, 0.01), 1.0
    ),
    "sigmoid": Curve(expit, lambda z: expit(z) * expit(-z), 0.25),
    "log_sigmoid": Curve(lambda z: -np.logaddexp(0, -z), lambda z: expit(-z), 1.0),
    "tanh": Curve(np.tanh, lambda z: 1 - np.tanh(z) ** 2, 1.0),
    "softmax": Curve(lambda z: softmax(z, axis=-1), _softmax_slope, 0.25),
    "log_softmax": Curve(lambda z: log_softmax(z, axis=-1), _softmax_slope, 0.25),
    "elu": Curve(
        lambda z: np.where(z > 0, z, _falling(z) - 1),
        lambda z: np.where(z > 0, 1, _falling(z)),
        1.0,
    ),
    "selu": Curve(
        lambda z: SELU_SCALE * np.where(z > 0, z, SELU_ALPHA * (_falling(z) - 1)),
        lambda z: SELU_SCALE * np.where(z > 0, 1, SELU_ALPHA * _falling(z)),
        SELU_SCALE * SELU_ALPHA,
    ),
    "softplus": Curve(lambda z: np.logaddexp(0, z), expit, float(expit(5))),
    "softsign": Curve(lambda z: z / (1 + np.abs(z)), lambda z: (1 + np.abs(z)) ** -2.0, 1.0),
    "hard_sigmoid": Curve(
        lambda z: np.clip(z / 6 + 0.5, 0, 1), lambda z: (np.abs(z) < 3) / 6, 1 / 6
    ),
    "hard_tanh": Curve(lambda z: np.clip(z, -1, 1), lambda z: (np.abs(z) < 1).astype(z.dtype), 1.0),
    "gelu": Curve(lambda z: 0.5 * z * (1 + erf(z / np.sqrt(2))), _gelu_slope, 1.1289),
    "silu": Curve(lambda z: z * expit(z), _silu_slope, 1.0998),
    "mish": Curve(lambda z: z * np.tanh(np.logaddexp(0, z)), _mish_slope, 1.0885),
    "exponential": Curve(np.exp, np.exp, float(np.exp(5))),
    "sine": Curve(np.sin, np.cos, 1.0),
}
"""By name. A softmax's slope is that of a share by its own score."""


def saturated(
    name: str | None, before: Float[np.ndarray, "..."], *, negative_slope: float | None = None
) -> Bool[np.ndarray, "..."] | None:
    """Tell which activations are saturated; None if the function is not known.

    Saturated is where |f'(z)| < 0.05 · max |f'|, the largest within 5 of 0. A linear one never is.

    Args:
        name: Of the function f, in Gradlab's words.
        before: Its inputs z; units last.
        negative_slope: Of a leaky ReLU below 0; 0.01 if not told.

    >>> saturated("sigmoid", np.array([0.0, 5.0])).tolist()
    [False, True]
    """
    if name in (None, "linear"):
        return np.zeros(before.shape, bool)
    if name in ("leaky_relu", "prelu") and negative_slope is not None:
        slope = abs(negative_slope)
        return np.where(before > 0, 1.0, slope) < FLAT * max(1.0, slope)
    if name not in CURVES:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        return np.abs(CURVES[name].slope(before)) < FLAT * CURVES[name].largest
