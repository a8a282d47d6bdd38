"""Residual networks for 32 x 32 images (CIFAR)."""

import itertools

from gradlab.errors import RecipeError
from gradlab.nn.activations import Activation, relu
from gradlab.nn.architectures.residual import ResidualBlock
from gradlab.nn.convolution import Conv2D
from gradlab.nn.dense import Dense
from gradlab.nn.module import Sequential
from gradlab.nn.normalization import BatchNorm
from gradlab.nn.pooling.globally import GlobalAveragePool
from gradlab.nn.weights import Weights

WIDTHS = (16, 32, 64)


def resnet(
    depth: int = 20,
    n_classes: int = 10,
    *,
    initializer: str = "he_normal",
    seed: int | None = 0,
) -> Sequential:
    """Return the residual network of one depth; its outputs are logits.

    A convolution, three stages of (depth − 2) / 6 blocks with 16, 32 and 64 channels, the mean over
    space and a dense layer.

    Args:
        depth: Layers with weights, 6 n + 2 (the paper's: 20, 32, 44, 56, 110).
        n_classes: Outputs.
        initializer: Name in INITIALIZERS.
        seed: Of the initial weights; None for zeros, where a file gives them.

    Raises:
        RecipeError: If the depth is not 6 n + 2.

    Source: He et al. 2016, section 4.2, https://arxiv.org/abs/1512.03385

    >>> from gradlab.nn import n_parameters
    >>> n_parameters(resnet(20, seed=None))
    269722
    """
    sources = (Weights(initializer, seed=seed, layer=i) for i in itertools.count())
    layers = [
        Conv2D.create(next(sources), 3, WIDTHS[0], kernel=3, padding=1, bias=False),
        BatchNorm(WIDTHS[0]),
        Activation(relu),
    ]
    channels = WIDTHS[0]
    for width in WIDTHS:
        for block in range(_blocks(depth)):
            stride = 2 if block == 0 and width != WIDTHS[0] else 1
            layers.append(ResidualBlock.create(sources, channels, width, stride=stride))
            channels = width
    source = next(sources)
    head = Dense(source((channels, n_classes), channels, n_classes), source.zeros(n_classes))
    return Sequential((*layers, GlobalAveragePool(), head))


def names(depth: int = 20) -> dict[str, str]:
    """Return where the layers of a published file stand in the network.

    The names are those of https://github.com/akamaster/pytorch_resnet_cifar10.

    >>> names(20)["layer2.0.bn1"]
    'layers.6.norm1'
    """
    blocks = _blocks(depth)
    of_layer = {"conv1": "layers.0", "bn1": "layers.1", "linear": f"layers.{3 * blocks + 4}"}
    for stage, block in itertools.product(range(3), range(blocks)):
        theirs, ours = f"layer{stage + 1}.{block}", f"layers.{3 + stage * blocks + block}"
        parts = {"conv1": "conv1", "bn1": "norm1", "conv2": "conv2", "bn2": "norm2"}
        of_layer |= {f"{theirs}.{a}": f"{ours}.{b}" for a, b in parts.items()}
    return of_layer


def _blocks(depth: int) -> int:
    if depth < 8 or depth % 6 != 2:
        raise RecipeError(
            f"A residual network for CIFAR has 6 n + 2 layers (20, 32, 44, 56, 110); got "
            f"depth={depth}."
        )
    return (depth - 2) // 6
