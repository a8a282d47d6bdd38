"""Starting weights, from a hash of (seed, layer, place): a wider layer extends a narrower one."""

import math

import numpy as np
import scipy.special
from jaxtyping import Float

from gradlab.doctor.program.settings import Init
from gradlab.errors import DataError
from gradlab.nn.initializers import standard_normal

TWO = scipy.special.ndtr(2.0)
"""Share of normal numbers below two deviations."""
CUT = 0.87962566103423978
"""Standard deviation of standard normal numbers that are cut off at two deviations."""


def starting_weights(
    init: Init, shape: tuple[int, ...], n_in: int, n_out: int, *, seed: int, number: int
) -> Float[np.ndarray, "..."]:
    """Return the starting weights of one array, float32.

    Args:
        init: Which.
        shape: Of the array.
        n_in: Fan-in.
        n_out: Fan-out.
        seed: Of the run.
        number: Of the array within the network.

    Raises:
        DataError: If the initialiser lacks its number.

    >>> starting_weights(Init(name="ones"), (2,), 1, 2, seed=0, number=0).tolist()
    [1.0, 1.0]
    """
    name = init.name
    if name in ("zeros", "ones"):
        return np.full(shape, float(name == "ones"), np.float32)
    if name == "constant":
        return np.full(shape, 0.0 if init.value is None else init.value, np.float32)
    if name == "identity":
        return np.eye(*shape[-2:], dtype=np.float32) if len(shape) == 2 else _wrong(init, shape)
    draw = standard_normal(seed, number, shape, np.float64)
    if name == "orthogonal":
        return _orthogonal(draw).astype(np.float32)
    if name == "random_normal":
        values = init.mean + _number(init.stddev, 0.05) * draw
    elif name == "truncated_normal":
        values = init.mean + _number(init.stddev, 0.05) * _truncated(draw)
    elif name == "random_uniform":
        values = init.mean + _number(init.limit, 0.05) * _uniform(draw)
    else:
        variance = _variance(name, n_in, n_out)
        if name.endswith("_uniform"):
            values = math.sqrt(3 * variance) * _uniform(draw)
        else:
            values = math.sqrt(variance) / CUT * _truncated(draw)
    return values.astype(np.float32)


def usual_deviation(init: Init, n_in: int, n_out: int) -> float:
    """Return the standard deviation of an initialiser's weights."""
    name = init.name
    if name in ("zeros", "ones", "constant"):
        return 0.0
    if name == "random_normal":
        return _number(init.stddev, 0.05)
    if name == "truncated_normal":
        return CUT * _number(init.stddev, 0.05)
    if name == "random_uniform":
        return _number(init.limit, 0.05) / math.sqrt(3)
    if name in ("orthogonal", "identity"):
        return 1 / math.sqrt(max(n_in, n_out))
    return math.sqrt(_variance(name, n_in, n_out))


def _number(value: float | None, usual: float) -> float:
    return usual if value is None else value


def _variance(name: str, n_in: int, n_out: int) -> float:
    rule = name.split("_")[0]
    return {"glorot": 2 / (n_in + n_out), "he": 2 / n_in, "lecun": 1 / n_in}[rule]


def _uniform(draw: np.ndarray) -> np.ndarray:
    """Map standard normal numbers to numbers uniform in −1 … 1."""
    return scipy.special.erf(draw * math.sqrt(0.5))


def _truncated(draw: np.ndarray) -> np.ndarray:
    """Map standard normal numbers to those that lie within two deviations."""
    return scipy.special.ndtri(1 - TWO + (2 * TWO - 1) * scipy.special.ndtr(draw))


def _orthogonal(draw: np.ndarray) -> np.ndarray:
    flat = draw.reshape(-1, draw.shape[-1])
    tall = flat if flat.shape[0] >= flat.shape[1] else flat.T
    q, r = np.linalg.qr(tall)
    q = q * np.sign(np.diag(r))
    return (q if tall is flat else q.T).reshape(draw.shape)


def _wrong(init: Init, shape: tuple[int, ...]) -> np.ndarray:
    raise DataError(f"init {init.name!r} is for matrices; the weights have the shape {shape}.")
