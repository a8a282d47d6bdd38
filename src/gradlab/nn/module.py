"""What every layer has in common, and which of its numbers are trained.

A layer is an Equinox module with

    layer(x, state, *, key=None, training=False, mask=None) -> (y, state)

x is a batch; `state` is `()` where the layer has none (running statistics live outside the
trainable module, see `initial_state`); `key` is a `RowKey` for layers that draw numbers while
training; `mask` marks the real rows of a padded batch, for layers that couple examples.
"""

from typing import Any, ClassVar

import equinox as eqx
import jax
from jaxtyping import Array, Bool, PyTree

from gradlab.nn.padded import Padded
from gradlab.nn.random import RowKey


class Layer(eqx.Module):
    """Base of Gradlab's layers; a user's own module needs only the same call."""

    couples_examples: ClassVar[bool] = False
    """True if one example's output depends on the others of the batch (batch norm)."""

    takes_padded: ClassVar[bool] = False
    """True if it takes `Padded` sequences itself; other layers are given their values alone."""

    kind: ClassVar[str] = "other"
    """What it is in a block: one of `gradlab.nn.BLOCK_ORDER`, or "other"."""

    def initial_state(self) -> PyTree:
        """Return the state before training; `()` for a layer without one."""
        return ()

    def __call__(
        self,
        x: Array,
        state: PyTree,
        *,
        key: RowKey | None = None,
        training: bool = False,
        mask: Bool[Array, " batch"] | None = None,
    ) -> tuple[Array, PyTree]:
        """Map a batch; see the module's docstring."""
        raise NotImplementedError(f"{type(self).__name__} has no __call__.")


class Fixed(eqx.Module):
    """A number inside a module that is traced like a weight but never trained (a dropout rate)."""

    value: Any


def trainable(model: PyTree) -> PyTree:
    """Return a tree of booleans: which leaves are inexact arrays outside every `Fixed`.

    >>> trainable({"weight": jax.numpy.ones(2), "rate": Fixed(jax.numpy.array(0.5))})["weight"]
    True
    """

    def mark(node: PyTree) -> PyTree:
        if isinstance(node, Fixed):
            return jax.tree.map(lambda _: False, node)
        return eqx.is_inexact_array_like(node) and not isinstance(node, (float, complex))

    return jax.tree.map(mark, model, is_leaf=lambda node: isinstance(node, Fixed))


AUGMENTED = 2**16
"""Augmentations count from here, past any number of layers."""


class Sequential(Layer):
    """Layers one after another; its state is the tuple of theirs.

    Layer i draws its random numbers from `key.fold(i)`, so adding a layer at the end leaves the
    masks of the others as they were. Layers of kind "shape" don't count, and those of kind
    "augmentation" count for themselves: an image that is flattened, or turned, is masked like one
    that is not.
    """

    takes_padded: ClassVar[bool] = True

    layers: tuple

    def initial_state(self) -> PyTree:
        """Return the tuple of the layers' states."""
        return tuple(initial_state(layer) for layer in self.layers)

    def __call__(self, x, state, *, key=None, training=False, mask=None):
        """Map a batch through every layer in turn."""
        new_states = []
        number, augmented = 0, AUGMENTED
        for layer, layer_state in zip(self.layers, state, strict=True):
            kind = getattr(layer, "kind", Layer.kind)
            augments = kind == "augmentation"
            layer_key = None if key is None else key.fold(augmented if augments else number)
            augmented += augments
            number += not augments and kind != "shape"
            x, layer_state = apply(layer, x, layer_state, layer_key, training, mask)
            new_states.append(layer_state)
        return x, tuple(new_states)


def apply(
    layer: Any,
    x: Any,
    state: PyTree,
    key: RowKey | None,
    training: bool,
    mask: Bool[Array, " batch"] | None,
) -> tuple[Any, PyTree]:
    """Map a batch through one layer; of `Padded` sequences most layers see the values alone."""
    if not isinstance(x, Padded) or getattr(layer, "takes_padded", False):
        return layer(x, state, key=key, training=training, mask=mask)
    if getattr(layer, "couples_examples", False):
        mask = x.real if mask is None else x.real & mask[:, None]
    y, state = layer(x.values, state, key=key, training=training, mask=mask)
    return Padded(y, x.lengths), state


def initial_state(layer: Any) -> PyTree:
    """Return a layer's own initial state, or `()` for a module that declares none."""
    return layer.initial_state() if hasattr(layer, "initial_state") else ()


def kinds_of(network: Sequential) -> list[str]:
    """Return the kind of every layer in turn, those inside an inner `Sequential` one by one.

    A user's own module that declares no kind is "other".

    >>> from gradlab.nn import Activation, Dropout, tanh
    >>> kinds_of(Sequential((Activation(tanh), Sequential((Dropout(),)), eqx.nn.Identity())))
    ['activation', 'dropout', 'other']
    """
    kinds = []
    for layer in network.layers:
        inner = isinstance(layer, Sequential)
        kinds += kinds_of(layer) if inner else [getattr(layer, "kind", Layer.kind)]
    return kinds
