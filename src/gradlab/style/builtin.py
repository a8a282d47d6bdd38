"""The feature network that comes with Gradlab, learnt by Gradlab from patterns it drew itself."""

from functools import cache
from pathlib import Path

import numpy as np

from gradlab.errors import DataError
from gradlab.nn.activations import Activation, relu
from gradlab.nn.convolution import Conv2D
from gradlab.nn.pooling.average import AveragePool2D
from gradlab.nn.weight_files import read_weights
from gradlab.style.network import FeatureNetwork

WEIGHTS = Path(__file__).with_name("builtin.safetensors")
"""Written by tools/train_style_network.py, in half precision."""

WIDTHS = (32, 64, 96, 128)
"""Channels of the convolutions, each at half the size of the one before."""


def pooling() -> AveragePool2D:
    """Return what lies between two convolutions.

    Averages, since a maximum passes its derivative to one pixel in four: the picture gets grain.
    """
    return AveragePool2D((2, 2), stride=(2, 2), padding="valid", ceil=False)


@cache
def builtin_network() -> FeatureNetwork:
    """Return the network that comes with Gradlab: four 3x3 convolutions, 185,000 weights.

    Its filters are what windows of drawn patterns (random fields, stripes, checks, cells, leaves,
    brush strokes …) have in common, found by k-means layer by layer. It has seen no photograph: it
    knows colours, edges, strokes and grain, but no things.

    Raises:
        DataError: If its file is missing from the installation.

    >>> builtin_network().names[:4]
    ('conv1', 'relu1', 'pool1', 'conv2')
    """
    if not WEIGHTS.exists():
        raise DataError(f"{WEIGHTS} is missing; install Gradlab again.")
    tensors = read_weights(WEIGHTS).tensors
    layers = {}
    for number in range(1, len(WIDTHS) + 1):
        kernel, bias = (
            tensors[f"conv{number}.{part}"].astype(np.float32) for part in ("weight", "bias")
        )
        if number > 1:
            layers[f"pool{number - 1}"] = pooling()
        layers[f"conv{number}"] = Conv2D(
            kernel, bias, stride=(1, 1), padding="same", dilation=(1, 1), groups=1, chunk=None
        )
        layers[f"relu{number}"] = Activation(relu)
    return FeatureNetwork(
        layers,
        convention="torch",
        content_layers=("relu3",),
        style_layers=tuple(f"relu{number}" for number in range(1, len(WIDTHS) + 1)),
        title="built-in network",
    )
