"""VGG: deep stacks of 3x3 convolutions."""

import itertools
from collections.abc import Iterator
from typing import Any

from gradlab.errors import RecipeError, unknown
from gradlab.nn.activations import Activation, relu
from gradlab.nn.convolution import Conv2D
from gradlab.nn.dense import Dense
from gradlab.nn.module import Sequential
from gradlab.nn.noise import Dropout
from gradlab.nn.pooling.max import MaxPool2D
from gradlab.nn.reshape import Flatten
from gradlab.nn.weights import Weights

CHANNELS = (64, 128, 256, 512, 512)
CONVOLUTIONS = {
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}
"""Depth -> how many convolutions stand before each pooling."""

N_HIDDEN = 4096
POOLED = 7
"""Pixels along an axis after five poolings of 224."""


def vgg(
    depth: int = 19,
    n_classes: int = 1000,
    *,
    initializer: str = "he_normal",
    seed: int | None = 0,
) -> Sequential:
    """Return VGG for images of 224 x 224 x 3; its outputs are logits.

    Its layers stand in torchvision's order, whose files load by order and shape with
    `load_weights(network, path, input_shape=(224, 224, 3))`. Of its 144 million weights (at
    depth 19) 124 million are in the dense layers.

    Args:
        depth: Layers with weights: 11, 13, 16 or 19.
        n_classes: Outputs.
        initializer: Name in INITIALIZERS.
        seed: Of the initial weights; None for zeros, where a file gives them.

    Raises:
        RecipeError: If there is no VGG of that depth.

    Source: Simonyan & Zisserman 2015, table 1, https://arxiv.org/abs/1409.1556
    """
    sources = (Weights(initializer, seed=seed, layer=i) for i in itertools.count())
    features, _ = _features(depth, sources)

    def dense(n_in: int, n_out: int) -> Dense:
        source = next(sources)
        return Dense(source((n_in, n_out), n_in, n_out), source.zeros(n_out))

    flat = POOLED * POOLED * CHANNELS[-1]
    head = (
        *(dense(flat, N_HIDDEN), Activation(relu), Dropout(rate=0.5)),
        *(dense(N_HIDDEN, N_HIDDEN), Activation(relu), Dropout(rate=0.5)),
        dense(N_HIDDEN, n_classes),
    )
    return Sequential((*features, Flatten(), *head))


def vgg_features(
    last: str = "conv5_1",
    *,
    depth: int = 19,
    initializer: str = "he_normal",
    seed: int | None = 0,
) -> Sequential:
    """Return VGG up to one of its layers, for images of any size.

    The maps between are what style transfer and feature visualisation look at.

    Args:
        last: Layer that ends it: "conv5_1" (before the ReLU), "relu4_2", "pool5".
        depth: Layers with weights of the whole network: 11, 13, 16 or 19.
        initializer: Name in INITIALIZERS.
        seed: Of the initial weights; None for zeros, where a file gives them.

    Raises:
        RecipeError: If there is no such network or layer.

    >>> [type(layer).__name__ for layer in vgg_features("pool1", depth=11, seed=None).layers]
    ['Conv2D', 'Activation', 'MaxPool2D']
    """
    sources = (Weights(initializer, seed=seed, layer=i) for i in itertools.count())
    layers, names = _features(depth, sources, last)
    if last not in names:
        raise RecipeError(unknown("layer of VGG", last, names))
    return Sequential(tuple(layers[: names.index(last) + 1]))


def _features(
    depth: int, sources: Iterator[Weights], last: str | None = None
) -> tuple[list[Any], list[str]]:
    """Return the layers before the dense ones (those after `last` left out) and their names."""
    if depth not in CONVOLUTIONS:
        known = ", ".join(map(str, CONVOLUTIONS))
        raise RecipeError(f"VGG has a depth of {known}; got depth={depth}.")
    layers, names, n_in = [], [], 3
    for block, (n_out, times) in enumerate(zip(CHANNELS, CONVOLUTIONS[depth], strict=True), 1):
        for number in range(1, times + 1):
            layers += [Conv2D.create(next(sources), n_in, n_out, kernel=3, padding=1)]
            layers += [Activation(relu)]
            names += [f"conv{block}_{number}", f"relu{block}_{number}"]
            n_in = n_out
        layers.append(MaxPool2D((2, 2), stride=(2, 2), padding="valid", ceil=False))
        names.append(f"pool{block}")
        if last in names:
            break
    return layers, names
