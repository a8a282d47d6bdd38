"""A network whose every layer writes down what went in and out, and can be nudged there.

Adding a probe of zeros to the output of a layer changes nothing, and the derivative of the loss
with respect to the probe is ∂E/∂output, whatever the layer is. What was seen travels out in the
place of the layers' states, so the network's own code runs, with its own keys and masks.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from gradlab.nn.encoder_decoder import DECODER, EncoderDecoder
from gradlab.nn.module import Layer, Sequential
from gradlab.nn.noise import Dropout, GaussianNoise
from gradlab.nn.normalization import BatchNorm, InstanceNorm, LayerNorm, statistics
from gradlab.nn.padded import Padded
from gradlab.nn.random import RowKey


class Seen(eqx.Module):
    """What one layer saw.

    Args:
        input, output: Of the layer, the probe added to the output.
        state: After the call.
        details: What it drew or measured, by name.
        key: What it drew from.
    """

    input: Any
    output: Any
    state: PyTree
    details: dict[str, Any]
    key: RowKey | None


class Tap(Layer):
    """A layer that writes down what it sees, with a probe added to its output."""

    layer: Any
    probe: Array | None

    @property
    def kind(self) -> str:  # type: ignore[override]
        """As the layer inside."""
        return getattr(self.layer, "kind", Layer.kind)

    @property
    def takes_padded(self) -> bool:  # type: ignore[override]
        """As the layer inside."""
        return getattr(self.layer, "takes_padded", False)

    @property
    def couples_examples(self) -> bool:  # type: ignore[override]
        """As the layer inside."""
        return getattr(self.layer, "couples_examples", False)

    def __call__(self, x, state, *, key=None, training=False, mask=None) -> tuple[Any, Any]:
        """Map a batch; instead of the layer's state comes what was `Seen`."""
        y, new = self.layer(x, state, key=key, training=training, mask=mask)
        if self.probe is not None:
            y = (
                Padded(y.values + self.probe, y.lengths)
                if isinstance(y, Padded)
                else y + self.probe
            )
        details = details_of(self.layer, x, state, key, training, mask)
        return y, Seen(x, y, new, details, key)


def details_of(
    layer: Any, x: Any, state: PyTree, key: RowKey | None, training: bool, mask: Any
) -> dict[str, Array]:
    """Return what a layer drew or measured in a call: a mask, noise, a mean and a variance."""
    if isinstance(x, Padded):
        return {}
    if isinstance(layer, Dropout) and training and key is not None:
        return {"kept": ~key.bernoulli(layer.rate.value, x.shape[1:])}
    if isinstance(layer, GaussianNoise) and training and key is not None:
        return {"noise": layer.std.value * key.normal(x.shape[1:]).astype(x.dtype)}
    axes, over = None, None
    if isinstance(layer, BatchNorm):
        if not training:
            return {"mean": jnp.asarray(state[0]), "variance": jnp.asarray(state[1])}
        axes, over = tuple(range(x.ndim - 1)), mask
    elif isinstance(layer, LayerNorm):
        axes = tuple(range(1, x.ndim))
    elif isinstance(layer, InstanceNorm):
        axes = tuple(range(1, x.ndim - 1))
    if axes is None:
        return {}
    mean, variance = statistics(x, axes, mask=over)
    return {"mean": jnp.squeeze(mean, axes), "variance": jnp.squeeze(variance, axes)}


def elementary(network: Any) -> list[Any]:
    """Return the layers of a network one by one, those of an inner `Sequential` among them."""
    if isinstance(network, EncoderDecoder):
        return elementary(network.encoder) + elementary(network.untied_decoder())
    if isinstance(network, Sequential):
        return [inner for layer in network.layers for inner in elementary(layer)]
    return [network]


def call(
    network: Any, states: PyTree, probes: list[Any], x: Any, key: RowKey, training: bool, mask: Any
) -> tuple[Any, Any, list[Seen]]:
    """Return answers, an autoencoder's code (else None), and what every layer saw.

    Args:
        network, states: As they are trained.
        probes: One for each of the `elementary` layers, or None.
        x, key, training, mask: See `Layer`.
    """
    left = iter(probes)
    named: dict[str, Any] = {"training": training, "mask": mask}
    if isinstance(network, EncoderDecoder):
        encoder = _tapped(network.encoder, left)
        decoder = _tapped(network.untied_decoder(), left)
        code, first = encoder(x, states[0], key=key, **named)
        answers, second = decoder(code, states[1], key=key.fold(DECODER), **named)
        seen = (first, second)
    else:
        code = None
        answers, seen = _tapped(network, left)(x, states, key=key, **named)
    return answers, code, [s for s in jax.tree.leaves(seen, is_leaf=_is_seen) if _is_seen(s)]


def states_after(network: Any, seen: list[Seen]) -> PyTree:
    """Return the layers' states after the call, as the network takes them."""
    left = iter(seen)

    def gather(part: Any) -> PyTree:
        if isinstance(part, EncoderDecoder):
            return gather(part.encoder), gather(part.decoder)
        if isinstance(part, Sequential):
            return tuple(gather(layer) for layer in part.layers)
        return next(left).state

    return gather(network)


def _tapped(network: Any, probes: Any) -> Any:
    if isinstance(network, Sequential):
        return Sequential(tuple(_tapped(layer, probes) for layer in network.layers))
    return Tap(network, next(probes))


def _is_seen(node: Any) -> bool:
    return isinstance(node, Seen)
