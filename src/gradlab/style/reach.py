"""How far a network sees, and by how many pixels its maps are spaced."""

from dataclasses import dataclass
from typing import Any

from gradlab.nn.activations import Activation
from gradlab.nn.architectures.fire import Fire
from gradlab.nn.convolution import Conv2D
from gradlab.nn.module import Sequential
from gradlab.nn.pooling.windows import Pooling


@dataclass(frozen=True)
class Reach:
    """Of one place of a layer's maps.

    Attributes:
        stride: Pixels from one place to the next.
        pixels: Pixels that it sees beyond its own on any side, at most.
    """

    stride: int
    pixels: int


def reach_of(layers: tuple[Any, ...]) -> Reach | None:
    """Return the reach of the last of some layers; None where one of them is not known here.

    Known are convolutions, fire modules, poolings and what works place by place.

    >>> from gradlab.nn.architectures import vgg_features
    >>> reach_of(vgg_features("pool2", seed=None).layers)
    Reach(stride=4, pixels=15)
    """
    stride, pixels = 1, 0
    for layer in _flat(layers):
        steps = _window(layer)
        if steps is None:
            return None
        width, step = steps
        pixels += stride * width
        stride *= step
    return Reach(stride, pixels)


def _flat(layers: tuple[Any, ...]) -> list[Any]:
    inner = []
    for layer in layers:
        if isinstance(layer, Sequential):
            inner += _flat(layer.layers)
        elif isinstance(layer, Fire):
            inner.append(layer.expand3x3)
        else:
            inner.append(layer)
    return inner


def _window(layer: Any) -> tuple[int, int] | None:
    """Return the taps beyond one, and the stride, of the wider axis."""
    if isinstance(layer, Activation):
        return 0, 1
    if isinstance(layer, Conv2D):
        taps = max(d * (k - 1) for d, k in zip(layer.dilation, layer.weight.shape[:2], strict=True))
    elif isinstance(layer, Pooling):
        taps = max(layer.window) - 1
    else:
        return None
    return (taps, layer.stride[0]) if len(set(layer.stride)) == 1 else None
