"""Where a network is measured: its layers with weights, at the activation that each goes through.

A site is a dense, convolutional or recurrent layer together with the activation that follows it in
its block. Of a user's own modules nothing is known but what enters and leaves them, so they are
no sites; what lies in an inner `Sequential` is seen like the rest.
"""

import dataclasses
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Num, PyTree

from gradlab.nn.activations import Activation, PReLU, linear, softmax
from gradlab.nn.encoder_decoder import EncoderDecoder
from gradlab.nn.module import Sequential, apply
from gradlab.nn.normalization import BatchNorm, statistics
from gradlab.nn.padded import Padded
from gradlab.nn.recurrent import Bidirectional, Recurrent, RNNCell
from gradlab.nn.recurrent.rnn import ACTIVATION

FLAT = 0.05
"""A slope below this share of the largest is flat: the unit is saturated there."""

STEEPEST: dict[str, float] = {
    "step": 0.0,
    "sigmoid": 0.25,
    "tanh": 1.0,
    "relu": 1.0,
    "leaky_relu": 1.0,
    "elu": 1.0,
    "selu": 1.7581,
    "gelu": 1.1290,
    "silu": 1.0998,
    "softplus": 1.0,
    "mish": 1.0885,
}
"""Largest slope of each activation with its usual parameters."""


@dataclasses.dataclass(frozen=True)
class Site:
    """Positions among `layers_of`.

    Args:
        layer: Of the layer with weights.
        output: Of the layer whose output is measured: the activation, a normalisation before
            none, or the layer itself.
    """

    layer: int
    output: int


class Seen(NamedTuple):
    """What a site gave for a batch; units on the last axis."""

    activation: Float[Array, "batch ..."]
    flat: Bool[Array, "batch ..."] | None
    """Where the slope of the activation function is flat; None where it never is."""
    real: Bool[Array, "batch time"] | None
    """False for the padding of sequences."""


class Gap(NamedTuple):
    """Statistics of a batch norm's input, and the running ones."""

    mean: Float[Array, " features"]
    variance: Float[Array, " features"]
    running_mean: Float[Array, " features"]
    running_variance: Float[Array, " features"]


def layers_of(network: Any) -> list[Any]:
    """Return the layers one by one, those of inner `Sequential`s and of both halves in turn.

    Works on trees of the same structure (gradients) too.
    """
    if isinstance(network, EncoderDecoder):
        return layers_of(network.encoder) + layers_of(network.decoder)
    if isinstance(network, Sequential):
        return [inner for layer in network.layers for inner in layers_of(layer)]
    return [network]


def states_of(network: Any, states: PyTree) -> list[PyTree]:
    """Return the states of the `layers_of` a network."""
    if isinstance(network, EncoderDecoder):
        return states_of(network.encoder, states[0]) + states_of(network.decoder, states[1])
    if isinstance(network, Sequential):
        pairs = zip(network.layers, states, strict=True)
        return [state for layer, own in pairs for state in states_of(layer, own)]
    return [states]


def has_weights(layer: Any) -> bool:
    """Tell whether a layer is dense, convolutional or recurrent."""
    return getattr(layer, "kind", "") == "linear" or isinstance(layer, Recurrent | Bidirectional)


def sites_of(network: Any) -> list[Site]:
    """Return the sites of a network in order; the last gives the scores.

    >>> from gradlab.nn import Activation, Dense, relu
    >>> dense = Dense(np.ones((2, 2)))
    >>> sites_of(Sequential((dense, Activation(relu), dense)))
    [Site(layer=0, output=1), Site(layer=2, output=2)]
    """
    layers = layers_of(network)
    starts = [i for i, layer in enumerate(layers) if has_weights(layer)]
    found = []
    for start, end in zip(starts, [*starts[1:], len(layers)], strict=True):
        kinds = [getattr(layer, "kind", "") for layer in layers[start:end]]
        if isinstance(layers[start], Recurrent | Bidirectional):
            found.append(Site(start, start))
            continue
        last = next(
            (kinds.index(kind) for kind in ("activation", "normalization") if kind in kinds), 0
        )
        found.append(Site(start, start + last))
    return found


def look(
    network: Any,
    states: PyTree,
    x: Any,
    nudges: list[Array] | None = None,
    *,
    batch_statistics: bool = True,
) -> tuple[Any, list[Seen], list[Gap]]:
    """Return a network's answers, what its sites give, and the statistics of its batch norms.

    Nothing is drawn at random: there is no dropout, noise or augmentation.

    Args:
        network: Traced, or with arrays.
        states: Of its layers.
        x: Batch.
        nudges: Added to what each site gives; zeros, to take derivatives with respect to them.
        batch_statistics: Whether batch norm takes those of the batch, as in training.
    """
    layers = layers_of(network)
    sites = sites_of(network)
    at = {site.output: i for i, site in enumerate(sites)}
    seen: list[Seen] = []
    gaps: list[Gap] = []
    for i, (layer, state) in enumerate(zip(layers, states_of(network, states), strict=True)):
        if isinstance(network, EncoderDecoder) and hasattr(layer, "untied"):
            layer = layer.untied(network.encoder)
        before = x
        of_batch = batch_statistics and isinstance(layer, BatchNorm)
        x, _ = apply(layer, x, state, None, of_batch, None)
        if isinstance(layer, BatchNorm):
            gaps.append(_gap(before, state))
        if i in at:
            values = jnp.asarray(x.values if isinstance(x, Padded) else x)
            if nudges is not None:
                values = values + nudges[at[i]]
                x = Padded(values, x.lengths) if isinstance(x, Padded) else values
            real = x.real if isinstance(x, Padded) else None
            seen.append(Seen(values, _flat(layer, before, values), real))
    return x, seen, gaps


def _gap(x: Any, state: PyTree) -> Gap:
    values = jnp.asarray(x.values if isinstance(x, Padded) else x)
    axes = tuple(range(values.ndim - 1))
    if isinstance(x, Padded):
        # Rows and steps on one axis, which a mask can mark.
        values = values.reshape(-1, values.shape[-1])
        mean, variance = statistics(values, 0, mask=x.real.reshape(-1))
    else:
        mean, variance = statistics(values, axes)
    return Gap(mean.reshape(-1), variance.reshape(-1), *state)


def _flat(layer: Any, before: Any, output: Array) -> Array | None:
    """Return where the activation of a site has next to no slope."""
    if isinstance(layer, Recurrent | Bidirectional):
        cell = layer.cell if isinstance(layer, Recurrent) else layer.forward
        # The output of a gated cell is a share of a tanh.
        name = cell.activation if isinstance(cell, RNNCell) else "tanh"
        largest = 0.25 if name == "sigmoid" else 1.0
        return None if name == "linear" else ACTIVATION[name][1](output) < FLAT * largest
    if not isinstance(layer, Activation | PReLU):
        return None
    if isinstance(layer, Activation) and layer.function is linear:
        return None
    if isinstance(layer, Activation) and layer.function is softmax:
        return output * (1 - output) < FLAT * 0.25
    x = jnp.asarray(before.values if isinstance(before, Padded) else before)
    slope = jnp.abs(_slope(layer, jax.lax.stop_gradient(x)))
    return slope < FLAT * _largest_slope(layer, x.dtype)


def _slope(layer: Activation | PReLU, x: Array) -> Array:
    return jax.jvp(lambda x: layer(x, ())[0], (x,), (jnp.ones_like(x),))[1]


def _largest_slope(layer: Activation | PReLU, dtype: Any) -> Array:
    if isinstance(layer, PReLU):
        return jnp.maximum(1, jnp.max(jnp.abs(jnp.asarray(layer.slope, dtype))))
    if not layer.numbers and layer.function.__name__ in STEEPEST:
        return jnp.asarray(STEEPEST[layer.function.__name__], dtype)
    # Every activation is steepest within a few units of 0.
    grid = jnp.linspace(-5, 5, 101, dtype=dtype)
    return jnp.nanmax(jnp.abs(_slope(layer, grid[:, None])))


class Units(NamedTuple):
    """The units of one layer over a whole set of rows; a unit of a convolution is a channel.

    A unit is dead if it is 0 for every row and at every place, and stuck if it is flat there.
    """

    mean: Float[np.ndarray, " units"]
    std: Float[np.ndarray, " units"]
    zero: Float[np.ndarray, " units"]
    """Share of its activations that are 0."""
    saturated: Float[np.ndarray, " units"]
    """Share that is flat."""

    @property
    def dead(self) -> Bool[np.ndarray, " units"]:
        """Which are 0 always."""
        return self.zero == 1

    @property
    def stuck(self) -> Bool[np.ndarray, " units"]:
        """Which are flat always."""
        return self.saturated == 1


def examine_units(
    network: PyTree,
    states: PyTree,
    x: Num[np.ndarray, "rows *shape"],
    lengths: Int[np.ndarray, " rows"] | None = None,
    *,
    chunk: int = 256,
) -> list[Units]:
    """Return what every unit does over all rows: counted over the data set, not a batch.

    Args:
        network, states: As `trained_network` gives them.
        x: Inputs as the network sees them; images as bytes are read as shares of 255.
        lengths: Real steps of each sequence, where they differ.
        chunk: Rows at once. Batch norm takes its running statistics, as at inference.

    >>> from gradlab.nn import Dense, relu
    >>> network = Sequential((Dense(np.array([[1.0, -1.0]])), Activation(relu)))
    >>> (layer,) = examine_units(network, network.initial_state(), np.array([[1.0], [2.0]]))
    >>> layer.dead.tolist(), layer.mean.tolist()
    ([False, True], [1.5, 0.0])
    """
    chunk = min(chunk, 1 << max(0, len(x) - 1).bit_length())
    totals: list[np.ndarray] | None = None
    for start in range(0, len(x), chunk):
        piece = x[start : start + chunk]
        if piece.dtype == np.uint8:
            piece = piece / np.float32(255)
        extra = chunk - len(piece)
        inputs: Any = np.pad(piece, [(0, extra)] + [(0, 0)] * (piece.ndim - 1))
        if lengths is not None:
            inputs = Padded(inputs, np.pad(lengths[start : start + chunk], (0, extra)))
        counted = np.arange(chunk) < len(piece)
        sums = [np.asarray(s, np.float64) for s in _unit_sums(network, states, inputs, counted)]
        totals = sums if totals is None else [a + b for a, b in zip(totals, sums, strict=True)]
    found = []
    for count, total, squares, zero, flat in totals or []:
        mean = total / count
        std = np.sqrt(np.maximum(squares / count - mean**2, 0))
        found.append(Units(mean, std, zero / count, flat / count))
    return found


@eqx.filter_jit
def _unit_sums(network: Any, states: PyTree, x: Any, counted: Any) -> list[Array]:
    """Return for each site count, Σa, Σa², zeros and flats of every unit, shape (5, units)."""
    sums = []
    for seen in look(network, states, x, batch_statistics=False)[1]:
        a = seen.activation
        weight = jnp.asarray(counted, a.dtype).reshape(-1, *[1] * (a.ndim - 1))
        if seen.real is not None and a.ndim > 2:
            weight = weight * seen.real.astype(a.dtype)[..., None]
        weight = jnp.broadcast_to(weight, a.shape)
        flat = jnp.zeros_like(a) if seen.flat is None else seen.flat.astype(a.dtype)
        of_units = tuple(range(a.ndim - 1))
        columns = [jnp.ones_like(a), a, a * a, (a == 0).astype(a.dtype), flat]
        sums.append(jnp.stack([jnp.sum(weight * column, axis=of_units) for column in columns]))
    return sums
