"""Which arrays of a network a file of weights may fill, and how the file lays them out."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import equinox as eqx
import jax
import numpy as np
from jaxtyping import PyTree, Shaped

from gradlab.errors import RecipeError
from gradlab.nn.activations import PReLU
from gradlab.nn.convolution import Conv1D, Conv2D, TransposedConv2D
from gradlab.nn.dense import Dense
from gradlab.nn.module import Layer, Sequential, initial_state, trainable
from gradlab.nn.normalization import BatchNorm, GroupNorm, InstanceNorm, LayerNorm
from gradlab.nn.recurrent.embedding import Embedding
from gradlab.nn.reshape import Flatten

TRANSPOSED = (Conv1D, Conv2D, TransposedConv2D, Dense)
"""Layers whose weight PyTorch holds with outputs first, then inputs, then the kernel."""

NORMALIZATIONS = (BatchNorm, GroupNorm, InstanceNorm, LayerNorm)
PYTORCH_NAMES = {
    "scale": "weight",
    "shift": "bias",
    "mean": "running_mean",
    "variance": "running_var",
}
"""What PyTorch calls the arrays of a normalisation."""

Layout = Literal["pytorch", "gradlab"]


def _as_is(values: np.ndarray) -> np.ndarray:
    return values


@dataclass(frozen=True)
class Slot:
    """One array of a network or of its state."""

    layer: str
    """Path of the layer, like "layers.3.conv1"."""
    name: str
    """Name within the layer."""
    file_name: str
    """Name within the layer as the file has it."""
    file_shape: tuple[int, ...]
    dtype: np.dtype
    from_file: Callable[[Shaped[np.ndarray, "..."]], Shaped[np.ndarray, "..."]] = _as_is
    """Turns an array of `file_shape` into ours."""

    @property
    def path(self) -> str:
        """Where it stands: layer and name."""
        return f"{self.layer}.{self.name}".lstrip(".")

    @property
    def file_path(self) -> str:
        """The same with the name that the file has for it."""
        return f"{self.layer}.{self.file_name}".lstrip(".")


def slots(
    network: PyTree, *, layout: Layout = "pytorch", input_shape: tuple[int, ...] | None = None
) -> list[Slot]:
    """Return every trained array of a network and every running average, in its order.

    Args:
        network: Any tree of layers.
        layout: "pytorch", or "gradlab" for files laid out as our layers are.
        input_shape: Of one example; needed for "pytorch" where dense layers follow a `Flatten`.

    Raises:
        RecipeError: If PyTorch's layout of some array is not known, or input_shape is missing.

    >>> [(slot.path, slot.file_shape) for slot in slots(Dense(np.ones((3, 2)), np.zeros(2)))]
    [('weight', (2, 3)), ('bias', (2,))]
    """
    found = []
    flattened = _flattened(network, input_shape) if layout == "pytorch" else {}
    weights, _ = jax.tree_util.tree_flatten_with_path(eqx.filter(network, trainable(network)))
    for keys, array in weights:
        layer = _at(network, keys[:-1])
        path, name = _path(keys[:-1]), _path(keys[-1:])
        slot = Slot(path, name, name, array.shape, np.dtype(array.dtype))
        found.append(slot if layout == "gradlab" else _of_pytorch(slot, layer, flattened))
        if isinstance(layer, BatchNorm) and name == "shift":
            for average in ("mean", "variance"):
                theirs = average if layout == "gradlab" else PYTORCH_NAMES[average]
                found.append(Slot(path, average, theirs, array.shape, np.dtype(array.dtype)))
    return found


def _of_pytorch(slot: Slot, layer: Any, flattened: dict[str, int | None]) -> Slot:
    """Return the slot as PyTorch names it and lays it out."""
    if isinstance(layer, NORMALIZATIONS):
        return dataclasses.replace(slot, file_name=PYTORCH_NAMES[slot.name])
    rank = len(slot.file_shape)
    if isinstance(layer, TRANSPOSED) and slot.name == "weight":
        channels = flattened.get(slot.layer, 1)
        if channels is None:
            raise RecipeError(
                f"{slot.path} follows a Flatten. PyTorch flattens with the channels first, so its "
                "weights have another order: say what one example is, as in "
                "input_shape=(28, 28, 1), or layout='gradlab' if the file has our order."
            )
        shape = (*slot.file_shape[:-3:-1], *slot.file_shape[:-2])
        return dataclasses.replace(
            slot, file_shape=shape, from_file=lambda values: _transposed(values, channels)
        )
    if rank > 1 and not isinstance(layer, (Embedding, PReLU)):
        raise RecipeError(
            f"How PyTorch lays out {slot.path} ({type(layer).__name__}) is not known here. Put the "
            "arrays of your file in our shapes and load them with layout='gradlab'."
        )
    return slot


def _transposed(values: Shaped[np.ndarray, "..."], channels: int) -> Shaped[np.ndarray, "..."]:
    """Return (outputs, inputs, *kernel) as (*kernel, inputs, outputs).

    Inputs that PyTorch flattened as (channels, places) come as (places, channels).
    """
    if channels > 1:
        n_out, n_in = values.shape
        values = values.reshape(n_out, channels, -1).swapaxes(1, 2).reshape(n_out, n_in)
    return np.transpose(values, (*range(2, values.ndim), 1, 0))


def _flattened(network: PyTree, input_shape: tuple[int, ...] | None) -> dict[str, int | None]:
    """Return the channels that a `Flatten` brought before each dense layer right behind it.

    None where the input's shape is not told.
    """
    channels: dict[str, int | None] = {}
    if not any(isinstance(node, Flatten) for node in _nodes(network)):
        return channels
    after: tuple[Flatten, int | None] | None = None
    x = None if input_shape is None else jax.ShapeDtypeStruct((1, *input_shape), np.float32)
    for path, layer in _chain(network, ""):
        if isinstance(layer, Flatten):
            after = layer, None if x is None else (x.shape[-1] if x.ndim > 2 else 1)
        elif after is not None and isinstance(layer, Dense):
            channels[path] = after[1]
            after = None
        if x is not None:
            x = eqx.filter_eval_shape(lambda x, layer=layer: layer(x, initial_state(layer))[0], x)
    return channels


def _chain(network: Any, path: str) -> list[tuple[str, Any]]:
    """Return the layers of a `Sequential` with their paths, those of inner ones in their place."""
    if not isinstance(network, Sequential):
        return [(path, network)]
    prefix = f"{path}.layers." if path else "layers."
    inner = (_chain(layer, f"{prefix}{i}") for i, layer in enumerate(network.layers))
    return [entry for entries in inner for entry in entries]


def _nodes(network: PyTree) -> list[Any]:
    return jax.tree.leaves(network, is_leaf=lambda node: isinstance(node, Flatten))


def _path(keys: tuple[Any, ...]) -> str:
    return jax.tree_util.keystr(keys, simple=True, separator=".")


def _at(tree: Any, keys: tuple[Any, ...]) -> Any:
    for key in keys:
        if isinstance(key, jax.tree_util.GetAttrKey):
            tree = getattr(tree, key.name)
        else:
            tree = tree[key.idx if isinstance(key, jax.tree_util.SequenceKey) else key.key]
    return tree


class _Placeholder(Layer):
    """Stands where a batch norm stood, with the paths of its averages as its state."""

    path: str = eqx.field(static=True)

    def initial_state(self) -> PyTree:
        return f"{self.path}.mean".lstrip("."), f"{self.path}.variance".lstrip(".")


def state_paths(network: PyTree) -> PyTree:
    """Return the network's state with the path of each running average in its place.

    A network composes its state as it likes; it is asked for it with placeholders inside.

    >>> state_paths(Sequential((BatchNorm(2), Flatten())))
    (('layers.0.mean', 'layers.0.variance'), ())
    """
    with_placeholders = jax.tree_util.tree_map_with_path(
        lambda keys, node: _Placeholder(_path(keys)) if isinstance(node, BatchNorm) else node,
        network,
        is_leaf=lambda node: isinstance(node, BatchNorm),
    )
    return initial_state(with_placeholders)
