"""Published networks, built from Gradlab's layers; `load_weights` fills them from a file."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from gradlab.nn.architectures.fire import Fire as Fire
from gradlab.nn.architectures.imagenet import imagenet_input as imagenet_input
from gradlab.nn.architectures.imagenet import normalized as normalized
from gradlab.nn.architectures.residual import ResidualBlock as ResidualBlock
from gradlab.nn.architectures.resnet import names as resnet_names
from gradlab.nn.architectures.resnet import resnet as resnet
from gradlab.nn.architectures.squeezenet import NAMES as SQUEEZENET_NAMES
from gradlab.nn.architectures.squeezenet import squeezenet as squeezenet
from gradlab.nn.architectures.vgg import vgg as vgg
from gradlab.nn.architectures.vgg import vgg_features as vgg_features
from gradlab.nn.module import Sequential


@dataclass(frozen=True)
class Architecture:
    """One published network."""

    create: Callable[..., Sequential]
    """(n_classes=, seed=, …) -> network; seed=None for zeros that a file replaces."""
    input_shape: tuple[int, int, int]
    """(height, width, channels) that it was trained on."""
    names: Mapping[str, str] | None
    """For `load_weights`: layer in the published file -> layer here; None by order and shape."""


ARCHITECTURES = {
    "squeezenet": Architecture(squeezenet, (227, 227, 3), SQUEEZENET_NAMES),
    **{
        f"resnet{depth}": Architecture(partial(resnet, depth), (32, 32, 3), resnet_names(depth))
        for depth in (20, 32, 44, 56, 110)
    },
    **{
        f"vgg{depth}": Architecture(partial(vgg, depth), (224, 224, 3), None)
        for depth in (11, 13, 16, 19)
    },
}
"""Name -> what builds the network, its input, and the names of its published weights."""
