"""Activation functions, and the layers that carry their parameters.

Every function is elementwise (softmax works along the last axis), takes float32 or float64 of any
shape and returns the same. Where a function has a kink the comparison is written so that NaN
passes through: a diverged run must not look healthy behind a ReLU.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal, get_origin, get_type_hints

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree

from gradlab.errors import RecipeError, unknown
from gradlab.nn.module import Fixed, Layer
from gradlab.nn.random import RowKey
from gradlab.scalars import NonNegative, Positive, Real


@jax.custom_jvp
def _undefined_at_zero(y: Array, x: Array) -> Array:
    """Return y; its derivative with respect to x is NaN where x = 0 and unchanged elsewhere."""
    return y


@_undefined_at_zero.defjvp
def _undefined_at_zero_jvp(primals, tangents):
    y, x = primals
    y_dot, x_dot = tangents
    return y, y_dot + x_dot * jnp.where(x == 0, jnp.nan, 0).astype(x.dtype)


def step(
    x: Float[Array | np.ndarray, "*shape"],
    *,
    coding: Literal["signed", "binary"] = "signed",
    derivative_at_zero: Literal[0, "undefined"] = 0,
) -> Float[Array, "*shape"]:
    """Return 1 where x >= 0 and -1 (signed) or 0 (binary) elsewhere.

    The derivative is 0 for x != 0 and undefined at 0, so no gradient reaches the layers before:
    a perceptron learns by its own rule instead.

    Args:
        x: Weighted sums.
        coding: Outputs {-1, 1} ("signed") or {0, 1} ("binary").
        derivative_at_zero: 0, or "undefined" for NaN.

    >>> step(jnp.array([-0.5, 0.0, 0.5])).tolist()
    [-1.0, 1.0, 1.0]
    """
    x = jnp.asarray(x)
    low = -1 if coding == "signed" else 0
    y = jnp.where(x >= 0, 1, low).astype(x.dtype)
    return _undefined_at_zero(y, x) if derivative_at_zero == "undefined" else y


def sigmoid(
    x: Float[Array | np.ndarray, "*shape"], *, slope: Positive = 1.0
) -> Float[Array, "*shape"]:
    """Return 1 / (1 + exp(-slope x)), between 0 and 1.

    The derivative is slope f (1 - f), at most slope / 4: 0.25 for slope 1, 0.0177 at x = ±4, where
    learning almost stops.

    >>> derivative(sigmoid, jnp.array([0.0])).tolist()
    [0.25]
    """
    return jax.nn.sigmoid(slope * x)


def tanh(
    x: Float[Array | np.ndarray, "*shape"], *, slope: Positive = 2.0
) -> Float[Array, "*shape"]:
    """Return 2 / (1 + exp(-slope x)) - 1 = tanh(slope x / 2), between -1 and 1.

    With the default slope 2 this is the plain hyperbolic tangent, f' = 1 - f²; in general
    f' = slope / 2 (1 - f²). Texts that write the first form with slope 1 mean tanh(x / 2).

    >>> round(float(tanh(jnp.array(1.0))), 6)
    0.761594
    """
    return jnp.tanh((0.5 * slope) * x)


def relu(
    x: Float[Array | np.ndarray, "*shape"], *, derivative_at_zero: Literal[0, 1, "undefined"] = 0
) -> Float[Array, "*shape"]:
    """Return max(0, x).

    The derivative is 1 for x > 0 and 0 for x < 0; at 0 the texts differ.

    Args:
        x: Any numbers.
        derivative_at_zero: 0 (the usual one), 1, or "undefined" for NaN.

    Source: Nair & Hinton 2010, https://icml.cc/Conferences/2010/papers/432.pdf

    >>> relu(jnp.array([-2.0, 0.0, 3.0])).tolist()
    [0.0, 0.0, 3.0]
    """
    # A select, not jnp.maximum: its derivative at the tie x = 0 is 0, not 0.5, and NaN passes.
    x = jnp.asarray(x)
    if derivative_at_zero == 0:
        return jnp.where(x <= 0, 0, x)
    y = jnp.where(x < 0, 0, x)
    return _undefined_at_zero(y, x) if derivative_at_zero == "undefined" else y


def leaky_relu(
    x: Float[Array | np.ndarray, "*shape"], *, slope: NonNegative = 0.01
) -> Float[Array, "*shape"]:
    """Return x where x > 0 and slope x elsewhere, so that no unit is ever without a gradient.

    Source: Maas et al. 2013, https://ai.stanford.edu/~amaas/papers/relu_hybrid_icml2013_final.pdf

    >>> leaky_relu(jnp.array([-1.0, 2.0]), slope=0.5).tolist()
    [-0.5, 2.0]
    """
    return jnp.where(x <= 0, slope * x, x)


def elu(x: Float[Array | np.ndarray, "*shape"], *, alpha: Positive = 1.0) -> Float[Array, "*shape"]:
    """Return x where x > 0 and alpha (exp(x) - 1) elsewhere; f' = f + alpha there.

    Source: Clevert et al. 2016, eq. 15, https://arxiv.org/abs/1511.07289

    >>> elu(jnp.array([-100.0, 2.0])).tolist()
    [-1.0, 2.0]
    """
    return jax.nn.elu(x, alpha)


def softmax(
    x: Float[Array | np.ndarray, "*batch outputs"],
) -> Float[Array, "*batch outputs"]:
    """Return exp(x_j) / sum_i exp(x_i) along the last axis: positive, sum 1, stable at any scale.

    >>> print(softmax(jnp.array([1.0, 2.0, 3.0])).round(4))
    [0.09   0.2447 0.6652]
    """
    return jax.nn.softmax(x, axis=-1)


def linear(x: Float[Array | np.ndarray, "*shape"]) -> Float[Array, "*shape"]:
    """Return x; layers with only this between them collapse to one matrix."""
    return jnp.asarray(x)


def selu(x: Float[Array | np.ndarray, "*shape"]) -> Float[Array, "*shape"]:
    """Return the scaled ELU that keeps mean 0 and variance 1 under LeCun normal weights.

    Source: Klambauer et al. 2017, eq. 2, https://arxiv.org/abs/1706.02515
    """
    return jax.nn.selu(x)


def gelu(
    x: Float[Array | np.ndarray, "*shape"], *, approximate: bool = False
) -> Float[Array, "*shape"]:
    """Return x Φ(x), Φ the standard normal distribution function.

    Args:
        x: Any numbers.
        approximate: Replace Φ by the paper's tanh formula (off by at most 0.0005).

    Source: Hendrycks & Gimpel 2016, section 2, https://arxiv.org/abs/1606.08415
    """
    return jax.nn.gelu(x, approximate=approximate)


def silu(x: Float[Array | np.ndarray, "*shape"]) -> Float[Array, "*shape"]:
    """Return x sigmoid(x), also called Swish.

    Source: Elfwing et al. 2017, eq. 5, https://arxiv.org/abs/1702.03118
    """
    return jax.nn.silu(x)


def softplus(x: Float[Array | np.ndarray, "*shape"]) -> Float[Array, "*shape"]:
    """Return log(1 + exp(x)), a smooth ReLU whose derivative is the sigmoid.

    Source: Dugas et al. 2001, section 3, "Incorporating second-order functional knowledge"
    """
    return jax.nn.softplus(x)


def mish(x: Float[Array | np.ndarray, "*shape"]) -> Float[Array, "*shape"]:
    """Return x tanh(softplus(x)).

    Source: Misra 2019, eq. 1, https://arxiv.org/abs/1908.08681
    """
    return jax.nn.mish(x)


class PReLU(Layer):
    """Leaky ReLU with a learnt slope: x where x > 0, slope x elsewhere; ∂f/∂slope = min(0, x).

    Args:
        n_features: Units of the layer.
        slope: Start value of the slope.
        per_unit: One slope for every unit rather than one for the layer.

    Source: He et al. 2015, eq. 1, https://arxiv.org/abs/1502.01852

    >>> layer = PReLU(2)
    >>> layer(jnp.array([[-4.0, 4.0]]), ())[0].tolist()
    [[-1.0, 4.0]]
    """

    kind: ClassVar[str] = "activation"

    slope: Float[Array | np.ndarray, "..."]

    def __init__(self, n_features: int, *, slope: Real = 0.25, per_unit: bool = False):
        """Start every slope at `slope`."""
        self.slope = jnp.asarray(np.full((n_features,) if per_unit else (), slope), float)

    def __call__(
        self,
        x: Float[Array | np.ndarray, "batch *shape"],
        state: PyTree,
        *,
        key: RowKey | None = None,
        training: bool = False,
        mask: Bool[Array | np.ndarray, " batch"] | None = None,
    ) -> tuple[Float[Array, "batch *shape"], PyTree]:
        """Map a batch; the state passes through."""
        return jnp.where(x <= 0, jnp.broadcast_to(self.slope, x.shape) * x, x), state


class Activation(Layer):
    """An activation function as a layer; its numbers are traced but not trained.

    Args:
        function: An activation, `f(x, **parameters)`.
        numbers: Numeric parameters; what is left out keeps the function's default, which then is
            a constant of the compiled program.
        options: Parameters that change the program (a coding, a convention).
    """

    kind: ClassVar[str] = "activation"

    function: Callable[..., Array] = eqx.field(static=True)
    numbers: dict[str, Fixed]
    options: tuple[tuple[str, Any], ...] = eqx.field(static=True)

    def __init__(
        self,
        function: Callable[..., Array],
        *,
        numbers: Mapping[str, Real] | None = None,
        options: Mapping[str, Any] | None = None,
    ):
        """Wrap the function with its parameters."""
        self.function = function
        self.numbers = {
            name: Fixed(jnp.asarray(value, float)) for name, value in (numbers or {}).items()
        }
        self.options = tuple((options or {}).items())

    def __call__(
        self,
        x: Float[Array | np.ndarray, "batch *shape"],
        state: PyTree,
        *,
        key: RowKey | None = None,
        training: bool = False,
        mask: Bool[Array | np.ndarray, " batch"] | None = None,
    ) -> tuple[Float[Array, "batch *shape"], PyTree]:
        """Map a batch; the state passes through."""
        numbers = {name: fixed.value.astype(x.dtype) for name, fixed in self.numbers.items()}
        return self.function(x, **numbers, **dict(self.options)), state


def activation_layer(name: str, n_features: int, parameters: Mapping[str, Any]) -> Layer:
    """Return the layer of a named activation.

    Args:
        name: A key of `ACTIVATIONS`.
        n_features: Units of the layer; only PReLU with `per_unit` needs it.
        parameters: Keyword parameters of the activation. Those annotated with a range are traced
            numbers, the others are part of the program.

    Raises:
        RecipeError: If the name or a parameter does not exist.

    >>> layer = activation_layer("leaky_relu", 2, {"slope": 0.5})
    >>> layer(jnp.array([[-4.0, 4.0]]), ())[0].tolist()
    [[-2.0, 4.0]]
    """
    if name not in ACTIVATIONS:
        raise RecipeError(unknown("activation", name, ACTIVATIONS))
    part = ACTIVATIONS[name]
    signature = part.__init__ if isinstance(part, type) else part
    known = [
        p.name for p in inspect.signature(signature).parameters.values() if p.kind is p.KEYWORD_ONLY
    ]
    for parameter in parameters:
        if not known:
            raise RecipeError(f"Activation '{name}' takes no parameters; got '{parameter}'.")
        if parameter not in known:
            raise RecipeError(unknown(f"parameter of activation '{name}'", parameter, known))
    if isinstance(part, type):
        return part(n_features, **parameters)
    hints = get_type_hints(part, include_extras=True)
    traced = {p for p in parameters if get_origin(hints[p]) is Annotated}
    return Activation(
        part,
        numbers={p: value for p, value in parameters.items() if p in traced},
        options={p: value for p, value in parameters.items() if p not in traced},
    )


def derivative(
    function: Callable[[Array], Array], x: Float[Array | np.ndarray, "*shape"]
) -> Float[Array, "*shape"]:
    """Return f'(x) at every element, for an elementwise function.

    >>> derivative(relu, jnp.array([-1.0, 0.0, 1.0])).tolist()
    [0.0, 0.0, 1.0]
    """
    x = jnp.asarray(x)
    return jax.jvp(function, (x,), (jnp.ones_like(x),))[1]


def saturated_share(
    function: Callable[[Array], Array],
    x: Float[Array | np.ndarray, "*shape"],
    *,
    slope_below: Positive = 0.02,
) -> Float[Array, ""]:
    """Return the share of units, 0 to 1, whose slope is so small that they hardly learn.

    The default calls a sigmoid saturated beyond about ±3.9.

    >>> float(saturated_share(tanh, jnp.array([0.0, 9.0])))
    0.5
    """
    return jnp.mean(jnp.abs(derivative(function, x)) < slope_below)


ACTIVATIONS: dict[str, Callable[..., Array] | type[PReLU]] = {
    "step": step,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "relu": relu,
    "leaky_relu": leaky_relu,
    "prelu": PReLU,
    "elu": elu,
    "softmax": softmax,
    "linear": linear,
    "selu": selu,
    "gelu": gelu,
    "silu": silu,
    "softplus": softplus,
    "mish": mish,
}
"""Name -> function of x; where something is learnt, the layer's class, called with n_features."""

GAIN: dict[str, float] = {
    "step": 1.0,
    "sigmoid": 1.0,
    "tanh": (5 / 3) ** 2,
    "relu": 2.0,
    "leaky_relu": 2 / (1 + 0.01**2),
    "prelu": 2 / (1 + 0.25**2),
    "elu": 1.5505,
    "softmax": 1.0,
    "linear": 1.0,
    "selu": 1.0,
    "gelu": 2.3517,
    "silu": 2.8108,
    "softplus": 1.0855,
    "mish": 2.2107,
}
"""Name -> recommended `gain` of an initialiser: the *variance* of a weight times its fan.

This is the square of the factor on the standard deviation that PyTorch's `calculate_gain` returns
(ReLU √2 there, 2 here), with its values for linear, sigmoid, tanh, ReLU and leaky ReLU. The others
are 1 / E[f(z)²] for a standard normal z, the rule that gives ReLU its 2; so SELU has 1, which its
self-normalisation needs, where PyTorch returns 3/4.
"""

INITIALIZER_FOR: dict[str, str] = {
    "step": "xavier_normal",
    "sigmoid": "xavier_normal",
    "tanh": "xavier_normal",
    "relu": "he_normal",
    "leaky_relu": "he_normal",
    "prelu": "he_normal",
    "elu": "he_normal",
    "softmax": "xavier_normal",
    "linear": "xavier_normal",
    "selu": "lecun_normal",
    "gelu": "he_normal",
    "silu": "he_normal",
    "softplus": "he_normal",
    "mish": "he_normal",
}
"""Name -> the initialiser that suits it: Xavier for S-shaped units, He for those like ReLU."""
