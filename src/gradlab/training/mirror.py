"""The decoder that undoes an encoder layer by layer."""

from collections.abc import Callable, Sequence
from typing import Any

from gradlab.errors import RecipeError
from gradlab.nn.convolution.geometry import by
from gradlab.nn.dense import Dense
from gradlab.nn.encoder_decoder import Tied, create_transpose, has_transpose
from gradlab.nn.noise import GaussianNoise
from gradlab.nn.pooling import Pooling
from gradlab.nn.reshape import Flatten, Reshape, Upsample2D
from gradlab.nn.weights import Weights

ELEMENTWISE = ("activation", "normalization", "dropout")
Shape = tuple[int, ...]


def mirror(
    layers: Sequence[Any], input_shape: Shape, weights: Callable[[], Weights], *, tied: bool
) -> list[list[Any]]:
    """Return the layers of the decoder, each with weights together with what follows it.

    Dense and convolutional layers are answered by their transposes, pooling by repeated pixels,
    flattening by the shape before it. Between two transposes stand the normalisation, activation,
    noise and dropout that the encoder has there, for both reproduce the same representation; the
    last transpose gives the scores.

    Args:
        layers: Of the encoder.
        input_shape: What the first takes, without the batch.
        weights: Gives the initial weights of the next layer.
        tied: Whether transposes have the encoder's own weights.

    Raises:
        RecipeError: If a layer has no mirror image.
    """
    taken = [tuple(input_shape)]
    for layer in layers:
        taken.append(shape_after(layer, taken[-1]))
    groups: list[list[Any]] = []
    shapes: list[Any] = []
    others: list[Any] = []
    for position in reversed(range(len(layers))):
        layer, shape = layers[position], taken[position]
        if has_transpose(layer):
            if groups:
                groups[-1] += [*shapes, *reversed(others)]
                shapes = []
            if tied:
                bias = weights().zeros(shape[-1])
                back: Any = Tied(bias, of=position, input_shape=shape)
            else:
                back = create_transpose(weights(), layer, shape)
            groups.append([*shapes, back])  # of the code's own shape, before the first
            shapes, others = [], []
        elif isinstance(layer, Flatten | Reshape):
            shapes.append(Reshape(shape))
        elif isinstance(layer, Pooling):
            shapes.append(_enlarged(layer, shape))
        elif _is_elementwise(layer):
            others.append(layer)
        elif getattr(layer, "kind", "") != "augmentation":
            raise _no_mirror(type(layer).__name__)
    if not groups:
        raise RecipeError(
            "an autoencoder needs an encoder: name at least one layer, such as 'dense 32'."
        )
    groups[-1] += shapes  # of what stands before the first layer with weights
    return groups


def shape_after(layer: Any, shape: Shape) -> Shape:
    """Return the shape that leaves a layer of an encoder or its mirror image.

    Raises:
        RecipeError: If the layer has no mirror image.
    """
    if isinstance(layer, Dense):
        return (*shape[:-1], layer.weight.shape[-1])
    if hasattr(layer, "output_shape"):
        return tuple(layer.output_shape(shape))
    if _is_elementwise(layer) or getattr(layer, "kind", "") == "augmentation":
        return shape
    raise _no_mirror(type(layer).__name__)


def _is_elementwise(layer: Any) -> bool:
    return isinstance(layer, GaussianNoise) or getattr(layer, "kind", "") in ELEMENTWISE


def _enlarged(layer: Pooling, shape: Sequence[int]) -> Upsample2D:
    pooled = layer.output_shape(shape)
    if layer.n_axes != 2:
        raise _no_mirror(type(layer).__name__)
    grown = Upsample2D(layer.stride)
    if grown.output_shape(pooled) != tuple(shape):
        raise RecipeError(
            f"pooling {by(shape)} gives {by(pooled)}, from which repeated pixels make "
            f"{by(grown.output_shape(pooled))}. Choose a window that divides the image, or name "
            "the decoder's layers: decoder=['upsample 2', 'conv 16']."
        )
    return grown


def _no_mirror(name: str) -> RecipeError:
    return RecipeError(
        f"{name} has no mirror image. Name the decoder's layers, decoder=['dense 64'], or let the "
        "output layer be all of it, decoder='none'."
    )
