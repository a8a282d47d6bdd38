"""How much of a batch to take through a network at once, so that its maps stay in the cache."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from gradlab.nn.module import Sequential

CACHED_NUMBERS = 2**19
"""Numbers of the largest map of a micro-batch: 2 MB of float32."""

FEWEST = 4
"""Below so many images the loop costs more than the cache gives."""


def micro_batch(network: Sequential, input_shape: Sequence[int], batch_size: int) -> int:
    """Return the size of the parts in which to sum a batch's gradients: it divides the batch.

    Gradients of parts add up to the batch's, exactly but for the order of the sum, unless a layer
    couples examples (batch norm): then the batch is not split. What is won is the time that maps of
    the whole batch would take through main memory, up to a tenth of a step on a CPU.

    Args:
        network: Its layers tell their `output_shape` where they change it.
        input_shape: Of one example.
        batch_size: Rows of a batch.

    >>> from gradlab.nn.convolution import Conv2D
    >>> from gradlab.nn.weights import Weights
    >>> layer = Conv2D.create(Weights(), 1, 32, kernel=3, padding="same")
    >>> micro_batch(Sequential((layer,)), (28, 28, 1), 128)
    16
    """
    layers = list(_flat(network))
    if any(getattr(layer, "couples_examples", False) for layer in layers):
        return batch_size
    largest, shape = math.prod(input_shape), tuple(input_shape)
    for layer in layers:
        if hasattr(layer, "output_shape"):
            shape = layer.output_shape(shape)
            largest = max(largest, math.prod(shape))
    fitting = CACHED_NUMBERS // largest
    sizes = (n for n in range(FEWEST, min(fitting, batch_size) + 1) if batch_size % n == 0)
    return max(sizes, default=FEWEST if batch_size % FEWEST == 0 else batch_size)


def _flat(network: Sequential) -> Iterator[Any]:
    for layer in network.layers:
        if isinstance(layer, Sequential):
            yield from _flat(layer)
        else:
            yield layer
