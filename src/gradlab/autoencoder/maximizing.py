"""The inputs to which hidden units answer most."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from sklearn.utils.validation import check_is_fitted

from gradlab.errors import RecipeError
from gradlab.nn.initializers import standard_normal
from gradlab.nn.module import Sequential
from gradlab.training.precision import precision

if TYPE_CHECKING:
    from gradlab.autoencoder.base import AutoencoderBase


def linear_maximizers(
    weight: Float[Array | np.ndarray, "inputs units"],
) -> Float[np.ndarray, "units inputs"]:
    """Return, for every unit f(wᵀ x + b) with a rising f, the x of norm 1 that excites it most.

    x_j = w_j / √(Σ_j w_j²), by the Cauchy-Schwarz inequality; zeros for a unit without weights.

    Source: Ng 2011, CS294A lecture notes, Sparse autoencoder, section 4

    >>> linear_maximizers(np.array([[3.0], [4.0]])).round(6).tolist()
    [[0.6, 0.8]]
    """
    rows = np.asarray(weight).T
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(length > 0, length, 1)


def maximizing_inputs(
    autoencoder: "AutoencoderBase",
    *,
    units: Sequence[int] | None = None,
    steps: int = 200,
    seed: int = 0,
) -> Float[np.ndarray, "units *shape"]:
    """Return the input of norm 1 to which each unit of the code answers most.

    A code of one dense layer has the closed form of `linear_maximizers`. Elsewhere the unit's value
    before its activation climbs its gradient on the unit sphere, from random numbers: a local
    maximum.

    Args:
        autoencoder: A trained one.
        units: Positions within the code's row; None for all.
        steps: Of the climb.
        seed: Of where it begins.

    Raises:
        RecipeError: If there is no such unit.
    """
    check_is_fitted(autoencoder, "model_")
    network, shape = autoencoder.network_, autoencoder.input_shape_
    n_codes = int(np.prod(autoencoder.code_shape_))
    chosen = np.arange(n_codes) if units is None else np.asarray(units, int).ravel()
    if len(chosen) == 0 or chosen.min() < 0 or chosen.max() >= n_codes:
        raise RecipeError(f"units are from 0 to {n_codes - 1}, at least one; got {units}.")
    encoder, states = _before_activation(network.encoder, autoencoder.model_.states[0])
    weighted = [x for x in encoder.layers if getattr(x, "weight", None) is not None]
    kinds = {getattr(x, "kind", "") for x in encoder.layers}
    if len(weighted) == 1 and weighted[0].weight.ndim == 2 and kinds <= {"linear", "augmentation"}:
        return linear_maximizers(weighted[0].weight)[chosen].reshape(-1, *shape)
    dtype = weighted[0].weight.dtype
    start = standard_normal(seed, 0, (len(chosen), *shape), dtype)
    with precision(dtype):
        return np.asarray(_climb(encoder, states, start, chosen, steps))


def _before_activation(encoder: Sequential, states: Any) -> tuple[Sequential, Any]:
    """Return the encoder without what follows its last weights element by element."""
    n = len(encoder.layers)
    while n > 1 and getattr(encoder.layers[n - 1], "kind", "") in ("activation", "dropout"):
        n -= 1
    return Sequential(encoder.layers[:n]), states[:n]


@eqx.filter_jit
def _climb(
    encoder: Sequential,
    states: Any,
    start: Float[Array | np.ndarray, "units *shape"],
    chosen: Int[Array | np.ndarray, " units"],
    steps: int,
) -> Float[Array, "units *shape"]:
    numbers = jnp.arange(len(chosen))

    def excitement(x: Array) -> Array:
        code, _ = encoder(x, states, training=False)
        return code.reshape(len(x), -1)[numbers, chosen].sum()  # rows don't meet

    def on_sphere(x: Array) -> Array:
        rows = x.reshape(len(x), -1)
        length = jnp.linalg.norm(rows, axis=1, keepdims=True)
        return (rows / jnp.maximum(length, jnp.finfo(x.dtype).tiny)).reshape(x.shape)

    def step(x: Array, rate: Array) -> tuple[Array, None]:
        return on_sphere(x + rate * on_sphere(jax.grad(excitement)(x))), None

    # Steps of equal length, ever shorter: far first, then to the top.
    rates = jnp.linspace(0.5, 0.0, steps, endpoint=False, dtype=start.dtype)
    return jax.lax.scan(step, on_sphere(jnp.asarray(start)), rates)[0]
