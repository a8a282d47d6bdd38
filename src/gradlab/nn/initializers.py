"""Weight initialisers: pure transforms of one shared standard normal draw.

`draw` holds independent standard normal numbers, made by `standard_normal` from (seed, layer), so
two initialisers of one layer are compared on the same random numbers. The uniform ones map the
draw through the normal distribution function. `n_in` and `n_out` are the fans: inputs of a unit
and units of the layer. `gain` is the variance times the fan (ReLU: 2), see `activations.GAIN`.

All take NumPy or JAX arrays, in float32 or float64, and return the same kind, shape and dtype.
The lecture notes print the variances of the normal forms under a square root; that root is the
standard deviation.
"""

from collections.abc import Callable

import jax
import numpy as np
import scipy.special
from jaxtyping import Array, Float
from numpy.typing import DTypeLike

from gradlab.errors import RecipeError
from gradlab.scalars import Positive, Real

Weights = Float[Array | np.ndarray, "*shape"]
"""Of one kind, shape and dtype in and out."""

GOLDEN = 0x9E3779B97F4A7C15  # 2**64 / golden ratio: spreads consecutive counters


def _mix(x: np.ndarray) -> np.ndarray:
    """Scramble 64-bit words in place: the finaliser of SplitMix64 (Steele et al. 2014)."""
    x ^= x >> np.uint64(30)
    x *= np.uint64(0xBF58476D1CE4E5B9)
    x ^= x >> np.uint64(27)
    x *= np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return x


def standard_normal(
    seed: int, layer: int, shape: tuple[int, ...], dtype: DTypeLike = np.float32
) -> Float[np.ndarray, "..."]:
    """Draw standard normal numbers, element (i, j, …) a hash of (seed, layer, i, j, …).

    So a wider or deeper-fanned layer extends a narrower one, and networks of different widths are
    compared on common random numbers.

    Args:
        seed: Seed of the run.
        layer: Number of the layer within the network.
        shape: Shape of the weights.
        dtype: float32 or float64.

    >>> wide, narrow = standard_normal(0, 1, (3, 5)), standard_normal(0, 1, (3, 2))
    >>> bool((wide[:, :2] == narrow).all())
    True
    """
    word = np.zeros(1, np.uint64)
    for number in (seed, layer):
        word = _mix(word + np.full(1, (number + 1) * GOLDEN % 2**64, np.uint64))
    word = word[0]
    for n in shape:
        word = _mix(word[..., None] + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(GOLDEN))
    uniform = ((word >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53  # never 0 or 1
    return scipy.special.ndtri(uniform).astype(dtype)


def _uniform(draw: Weights, variance: Real) -> Weights:
    """Map a standard normal draw to numbers uniform in ±√(3 variance)."""
    erf = jax.scipy.special.erf if isinstance(draw, jax.Array) else scipy.special.erf
    return (3 * variance) ** 0.5 * erf(draw * 0.5**0.5)


def _fan(rule: str, fan: int) -> int:
    if fan < 1:
        raise RecipeError(
            f"{rule} divides by the number of inputs (or units) of a layer, which must be at "
            f"least 1; got {fan}. Check the data's columns and the widths in `hidden`."
        )
    return fan


def constant(draw: Weights, n_in: int, n_out: int, *, value: Real = 0.1) -> Weights:
    """Return weights that are all `value`: units stay copies of each other, whatever is learnt.

    >>> constant(standard_normal(0, 0, (1, 2)), 1, 2, value=0.5).tolist()
    [[0.5, 0.5]]
    """
    return 0 * draw + value


def zeros(draw: Weights, n_in: int, n_out: int) -> Weights:
    """Return zeros: no signal passes, and hidden units get no gradient."""
    return 0 * draw


def small_normal(draw: Weights, n_in: int, n_out: int, *, std: Positive = 0.01) -> Weights:
    """Return w ~ N(0, std²), the same for every width: deep signals fade."""
    return std * draw


def lecun_normal(draw: Weights, n_in: int, n_out: int, *, gain: Positive = 1.0) -> Weights:
    """Return w ~ N(0, gain / n_in): a linear unit keeps the variance of its inputs.

    Source: LeCun et al. 1998, "Efficient BackProp", eq. 16
    """
    return (gain / _fan("lecun_normal", n_in)) ** 0.5 * draw


def lecun_uniform(draw: Weights, n_in: int, n_out: int, *, gain: Positive = 1.0) -> Weights:
    """Return w uniform in ±√(3 gain / n_in), variance gain / n_in like `lecun_normal`."""
    return _uniform(draw, gain / _fan("lecun_uniform", n_in))


def lecun_uniform_document(draw: Weights, n_in: int, n_out: int) -> Weights:
    """Return w uniform in ±√(1 / n_in), the lecture notes' form: variance 1 / (3 n_in).

    It is also what PyTorch's `Linear` starts from.
    """
    return _uniform(draw, 1 / (3 * _fan("lecun_uniform_document", n_in)))


def xavier_normal(draw: Weights, n_in: int, n_out: int, *, gain: Positive = 1.0) -> Weights:
    """Return w ~ N(0, 2 gain / (n_in + n_out)), for S-shaped activations.

    Source: Glorot & Bengio 2010, eq. 12, https://proceedings.mlr.press/v9/glorot10a.html

    >>> w = xavier_normal(standard_normal(0, 0, (784, 100)), 784, 100)
    >>> abs(float(w.std()) / (2 / 884) ** 0.5 - 1) < 0.01
    True
    """
    return (2 * gain / _fan("xavier_normal", n_in + n_out)) ** 0.5 * draw


def xavier_uniform(draw: Weights, n_in: int, n_out: int, *, gain: Positive = 1.0) -> Weights:
    """Return w uniform in ±√(6 gain / (n_in + n_out)), variance like `xavier_normal`.

    Source: Glorot & Bengio 2010, eq. 16, https://proceedings.mlr.press/v9/glorot10a.html
    """
    return _uniform(draw, 2 * gain / _fan("xavier_uniform", n_in + n_out))


def he_normal(draw: Weights, n_in: int, n_out: int, *, gain: Positive = 2.0) -> Weights:
    """Return w ~ N(0, gain / n_in), which carries the scale of a signal through ReLU layers.

    Half of a ReLU's inputs are cut off, hence the 2.

    Source: He et al. 2015, eq. 10, https://arxiv.org/abs/1502.01852
    """
    return (gain / _fan("he_normal", n_in)) ** 0.5 * draw


def he_uniform(draw: Weights, n_in: int, n_out: int, *, gain: Positive = 2.0) -> Weights:
    """Return w uniform in ±√(3 gain / n_in) (±√(6 / n_in)), variance like `he_normal`."""
    return _uniform(draw, gain / _fan("he_uniform", n_in))


INITIALIZERS: dict[str, Callable] = {
    "zeros": zeros,
    "constant": constant,
    "small_normal": small_normal,
    "lecun_normal": lecun_normal,
    "lecun_uniform": lecun_uniform,
    "lecun_uniform_document": lecun_uniform_document,
    "xavier_normal": xavier_normal,
    "xavier_uniform": xavier_uniform,
    "he_normal": he_normal,
    "he_uniform": he_uniform,
}
"""Name -> initialiser(draw, n_in, n_out, **numbers) -> weights."""
