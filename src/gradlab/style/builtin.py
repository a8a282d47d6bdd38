"""The feature network that comes with Gradlab, trained by Gradlab on patterns it drew itself."""

from functools import cache
from pathlib import Path

import numpy as np

from gradlab.errors import DataError
from gradlab.nn.activations import Activation, relu
from gradlab.nn.convolution import Conv2D
from gradlab.nn.pooling.max import MaxPool2D
from gradlab.nn.weight_files import read_weights
from gradlab.style.network import FeatureNetwork

WEIGHTS = Path(__file__).with_name("builtin.safetensors")
"""Written by tools/train_style_network.py, in half precision."""

WIDTHS = ((24, 24), (48, 48), (64, 64), (96,))
"""Channels of the convolutions between the poolings."""


@cache
def builtin_network() -> FeatureNetwork:
    """Return the network that comes with Gradlab: seven 3x3 convolutions, 157,000 weights.

    It was trained to tell drawn patterns apart (random fields, stripes, checks, cells, leaves,
    brush strokes …) and has seen no photograph: it knows colours, edges, strokes and grain, but
    no things.

    Raises:
        DataError: If its file is missing from the installation.

    >>> builtin_network().names[:3]
    ('conv1_1', 'relu1_1', 'conv1_2')
    """
    if not WEIGHTS.exists():
        raise DataError(f"{WEIGHTS} is missing; install Gradlab again.")
    tensors = read_weights(WEIGHTS).tensors
    layers = {}
    for block, widths in enumerate(WIDTHS, 1):
        for number in range(1, len(widths) + 1):
            name = f"{block}_{number}"
            kernel, bias = (
                tensors[f"conv{name}.{part}"].astype(np.float32) for part in ("weight", "bias")
            )
            layers[f"conv{name}"] = Conv2D(
                kernel, bias, stride=(1, 1), padding="same", dilation=(1, 1), groups=1, chunk=None
            )
            layers[f"relu{name}"] = Activation(relu)
        if block < len(WIDTHS):
            layers[f"pool{block}"] = MaxPool2D((2, 2), stride=(2, 2), padding="valid", ceil=False)
    return FeatureNetwork(
        layers,
        convention="unit",
        content_layers=("relu3_2",),
        style_layers=("relu1_1", "relu1_2", "relu2_2", "relu3_2", "relu4_1"),
        title="built-in network",
    )
