"""SqueezeNet v1.1: ImageNet's classes with 1.2 million weights."""

import itertools

from gradlab.nn.activations import Activation, relu
from gradlab.nn.architectures.fire import Fire
from gradlab.nn.convolution import Conv2D
from gradlab.nn.module import Sequential
from gradlab.nn.noise import Dropout
from gradlab.nn.pooling.globally import GlobalAveragePool
from gradlab.nn.pooling.max import MaxPool2D
from gradlab.nn.weights import Weights

STAGES = (
    ((16, 64), (16, 64)),
    ((32, 128), (32, 128)),
    ((48, 192), (48, 192), (64, 256), (64, 256)),
)
"""(squeezed, expanded) channels of the fire modules between the poolings."""

NAMES = {
    "conv1": "layers.0",
    **{f"fire{i}": f"layers.{i + 1 + (i > 3) + (i > 5)}" for i in range(2, 10)},
    "conv10": "layers.14",
}
"""Where the layers of the published file (the authors' names) stand in the network."""


def squeezenet(
    n_classes: int = 1000, *, border: int = 1, initializer: str = "he_uniform", seed: int | None = 0
) -> Sequential:
    """Return SqueezeNet v1.1; its outputs are logits, for images of about 227 x 227 x 3.

    Args:
        n_classes: Outputs.
        border: Rows of zeros round the last maps, which the mean counts: 1 in the authors' network
            and weights, 0 in torchvision's.
        initializer: Name in INITIALIZERS.
        seed: Of the initial weights; None for zeros, where a file gives them.

    Source: Iandola et al. 2016, https://arxiv.org/abs/1602.07360; v1.1 is the authors' later form
    with fewer operations (3x3 kernels at first, earlier pooling), https://github.com/forresti/SqueezeNet

    >>> from gradlab.nn import n_parameters
    >>> n_parameters(squeezenet(seed=None))
    1235496
    """
    sources = (Weights(initializer, seed=seed, layer=i) for i in itertools.count())
    layers = [Conv2D.create(next(sources), 3, 64, kernel=3, stride=2), Activation(relu)]
    channels = 64
    for stage in STAGES:
        layers.append(MaxPool2D((3, 3), stride=(2, 2), padding="valid", ceil=True))
        for n_squeezed, n_expanded in stage:
            fire = Fire.create(sources, channels, n_squeezed=n_squeezed, n_expanded=n_expanded)
            layers.append(fire)
            channels = 2 * n_expanded
    last = Conv2D.create(next(sources), channels, n_classes, kernel=1, padding=border)
    return Sequential((*layers, Dropout(rate=0.5), last, Activation(relu), GlobalAveragePool()))
