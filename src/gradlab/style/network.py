"""A network that looks at pictures: frozen, and asked for the maps of some of its layers."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from gradlab.errors import RecipeError, unknown
from gradlab.nn.architectures.imagenet import BGR_MEAN, RGB_DEVIATION, RGB_MEAN
from gradlab.nn.module import Layer, Sequential, initial_state
from gradlab.style.reach import Reach, reach_of

Convention = Literal["torch", "caffe", "unit", "grey"]
LUMA = (0.299, 0.587, 0.114)


class FeatureNetwork(eqx.Module):
    """A convolutional network whose maps measure what a picture shows and how it is painted.

    Nothing in it is ever trained here: derivatives are taken of the picture alone.

    Args:
        layers: Name -> layer, in their order: Gradlab's, or anything called as
            `layer(x, state) -> (y, state)` on a batch (1, height, width, channels). Also a
            `Sequential`, or an `eqx.nn.Sequential` of layers for (channels, height, width), whose
            layers are named by their numbers from 0.
        convention: How pixels from 0 to 1 enter. "torch": in RGB less ImageNet's mean, divided by
            its deviation; "caffe": 0 to 255 in BGR less (104, 117, 123); "unit": as they are;
            "grey": one channel, the luma.
        content_layers: Layers that tell what a picture shows; None for one at three fifths.
        style_layers: Layers that tell how it is painted; None for up to five spread over the
            network, behind activations where there are any.
        title: Name in reports.
        state: Of the layers, e.g. a batch norm's averages; None for their initial one.

    Raises:
        RecipeError: If there is no layer, or a name is not one of them.

    >>> from gradlab.nn.architectures import vgg_features
    >>> network = FeatureNetwork(vgg_features("relu1_2", seed=None), content_layers=["3"])
    >>> network.names, network.content_layers
    (('0', '1', '2', '3'), ('3',))
    >>> network.maps(jnp.zeros((8, 8, 3)), ("3",))["3"].shape
    (8, 8, 64)
    """

    layers: tuple[Any, ...]
    state: tuple[PyTree, ...]
    names: tuple[str, ...] = eqx.field(static=True)
    convention: Convention = eqx.field(static=True)
    content_layers: tuple[str, ...] = eqx.field(static=True)
    style_layers: tuple[str, ...] = eqx.field(static=True)
    title: str = eqx.field(static=True)

    def __init__(
        self,
        layers: Mapping[str, Any] | Sequential | eqx.nn.Sequential,
        *,
        convention: Convention = "unit",
        content_layers: Sequence[str] | None = None,
        style_layers: Sequence[str] | None = None,
        title: str = "own network",
        state: Sequence[PyTree] | None = None,
    ):
        """Keep the layers under their names."""
        named = _named(layers)
        if not named:
            raise RecipeError("A feature network needs a layer; got none.")
        self.layers = tuple(jax.tree.map(_as_jax, layer) for layer in named.values())
        self.state = tuple(map(initial_state, self.layers) if state is None else state)
        self.names = tuple(named)
        self.convention = convention
        self.title = title
        usual_content, usual_style = _usual(self.names, self.layers)
        self.content_layers = self.known(
            usual_content if content_layers is None else content_layers
        )
        self.style_layers = self.known(usual_style if style_layers is None else style_layers)

    def known(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return names of layers, in the network's order.

        Raises:
            RecipeError: If one is not the network's, or there is none.
        """
        for name in names:
            if name not in self.names:
                raise RecipeError(unknown(f"layer of the {self.title}", str(name), self.names))
        return tuple(name for name in self.names if name in names)

    def maps(
        self, image: Float[Array, "height width 3"], names: tuple[str, ...]
    ) -> dict[str, Float[Array, "_ _ _"]]:
        """Return the maps (height, width, channels) of some layers.

        Args:
            image: RGB from 0 to 1.
            names: Of the layers; what lies behind the last of them is not computed.

        Raises:
            RecipeError: If the picture is too small for them.
        """
        x = _entering(image, self.convention)[None]
        found = {}
        for name, layer, state in zip(self.names, self.layers, self.state, strict=True):
            if len(found) == len(names):
                break
            x, _ = layer(x, state)
            if name in names:
                found[name] = x[0]
        return found

    def up_to(self, names: tuple[str, ...]) -> "FeatureNetwork":
        """Return the network without what lies behind the last of some layers."""
        last = max(map(self.names.index, names)) + 1
        return FeatureNetwork(
            dict(zip(self.names[:last], self.layers[:last], strict=True)),
            convention=self.convention,
            content_layers=[n for n in self.content_layers if n in self.names[:last]] or names,
            style_layers=[n for n in self.style_layers if n in self.names[:last]] or names,
            title=self.title,
            state=self.state[:last],
        )

    def reach(self, name: str) -> Reach | None:
        """Return the stride of a layer's maps and how far each place sees; None if not known."""
        return reach_of(self.layers[: self.names.index(name) + 1])


class ChannelsFirst(Layer):
    """An Equinox layer for one example (channels, height, width), among layers for batches."""

    layer: Any

    def __call__(self, x, state, *, key=None, training=False, mask=None):
        """Map a batch; the state passes through."""
        y = jax.vmap(self.layer)(jnp.moveaxis(x, -1, 1))
        return jnp.moveaxis(y, 1, -1), state


def _named(layers: Mapping[str, Any] | Sequential | eqx.nn.Sequential) -> dict[str, Any]:
    if isinstance(layers, Mapping):
        return {str(name): layer for name, layer in layers.items()}
    if isinstance(layers, eqx.nn.Sequential):
        return {str(i): ChannelsFirst(layer) for i, layer in enumerate(layers.layers)}
    return {str(i): layer for i, layer in enumerate(layers.layers)}


def _usual(names: tuple[str, ...], layers: tuple[Any, ...]) -> tuple[list[str], list[str]]:
    """Return the layers for content and for style of a network that nobody knows."""
    behind = [
        name
        for name, layer in zip(names, layers, strict=True)
        if getattr(layer, "kind", Layer.kind) == "activation"
    ] or list(names)
    places = np.unique(np.linspace(0, len(behind) - 1, 5).round().astype(int))
    return [behind[round(0.6 * (len(behind) - 1))]], [behind[i] for i in places]


def _entering(image: Array, convention: Convention) -> Array:
    if convention == "torch":
        return (image - _row(RGB_MEAN, image)) / _row(RGB_DEVIATION, image)
    if convention == "caffe":
        return 255 * image[..., ::-1] - _row(BGR_MEAN, image)
    if convention == "grey":
        return jnp.sum(image * _row(LUMA, image), axis=-1, keepdims=True)
    return image


def _row(numbers: tuple[float, ...], image: Array) -> Array:
    return jnp.asarray(numbers, image.dtype)[None, None]


def _as_jax(leaf: Any) -> Any:
    return jnp.asarray(leaf) if isinstance(leaf, np.ndarray) else leaf
