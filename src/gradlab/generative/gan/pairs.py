"""The two networks of a GAN: dense ones for rows of numbers, convolutional ones for pictures."""

import dataclasses
import itertools
import math
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import PyTree

from gradlab.errors import DataError
from gradlab.nn.activations import Activation, leaky_relu, relu, tanh
from gradlab.nn.convolution import Conv2D, TransposedConv2D
from gradlab.nn.dense import Dense
from gradlab.nn.module import Layer, Sequential
from gradlab.nn.normalization import BatchNorm
from gradlab.nn.reshape import Flatten, Reshape
from gradlab.nn.weights import Weights
from gradlab.training.sharing import IMAGES, Sharing, sharing_of_images

LEAK = 0.2
"""Slope of the discriminator below 0: the generator gets a gradient from every unit."""

KEPT = 0.9
"""Share of the past in batch norm's averages: the networks move fast, so it is short."""

DISCRIMINATOR = 64
"""Its layers are numbered from here, so that their draws are none of the generator's."""


@runtime_checkable
class Pair(Protocol):
    """A generator and a discriminator to be built, and how their rows lie."""

    @property
    def example_shape(self) -> tuple[int, ...]:
        """Of a row of the data."""
        ...

    @property
    def noise_size(self) -> int:
        """Numbers of noise a row."""
        ...

    @property
    def pictures(self) -> bool:
        """Whether rows lie in [0, 1] and go through the networks in [−1, 1]."""
        ...

    def build(self, seed: int | None) -> tuple[Sequential, Sequential]:
        """Return generator and discriminator with initial weights; zeros without a seed."""
        ...

    def sharing(self, discriminator_steps: int) -> Sharing | None:
        """Return how the cores share a batch."""
        ...

    def operations(self) -> float:
        """Return about how many products a row takes through both, forward."""
        ...


@dataclasses.dataclass(frozen=True)
class DensePair:
    """Two networks of dense layers, mirror images of each other.

    noise -> hidden, ReLU -> row (tanh for pictures);  row -> hidden reversed, leaky ReLU -> logit

    Args:
        example_shape: Of a row.
        noise_size: Numbers of noise.
        hidden: Units of the generator's hidden layers.
        pictures: See `Pair`.

    >>> generator, discriminator = DensePair((2,), noise_size=4, hidden=(16, 8)).build(seed=0)
    >>> [layer.weight.shape for layer in discriminator.layers if hasattr(layer, "weight")]
    [(2, 8), (8, 16), (16, 1)]
    """

    example_shape: tuple[int, ...]
    noise_size: int
    hidden: tuple[int, ...]
    pictures: bool = False

    def build(self, seed: int | None) -> tuple[Sequential, Sequential]:
        """Return generator and discriminator."""
        numbers = math.prod(self.example_shape)
        sizes = (self.noise_size, *self.hidden, numbers)
        generator = _dense(sizes, relu, {}, seed, 0)
        if self.pictures:
            generator.append(Activation(tanh))
        if len(self.example_shape) > 1:
            generator.append(Reshape(self.example_shape))
        backwards = (numbers, *reversed(self.hidden), 1)
        first = [Flatten()] if len(self.example_shape) > 1 else []
        judge = _dense(backwards, leaky_relu, {"slope": LEAK}, seed, DISCRIMINATOR)
        return Sequential(tuple(generator)), Sequential((*first, *judge))

    def sharing(self, discriminator_steps: int) -> Sharing | None:
        """Return None: the layers are small, and runs have a core each."""
        return None

    def operations(self) -> float:
        """Return the products of one row."""
        sizes = (self.noise_size, *self.hidden, math.prod(self.example_shape))
        return 2.0 * sum(a * b for a, b in itertools.pairwise(sizes))


@dataclasses.dataclass(frozen=True)
class ConvolutionalPair:
    """The two networks of a DCGAN, for pictures of any size from 8 x 8.

    With L doublings, as many as leave the shorter side 4 to 7 pixels (28: two, 7 → 14 → 28; 32:
    three, 4 → 8 → 16 → 32), noise is projected onto ceil(side / 2^L) pixels of 2^(L−1) width
    channels; every layer doubles the size and halves the channels, and the last one gives the
    picture. Sides that 2^L does not divide are cut at the end, half on either side.

        generator:      dense, reshape, [batch norm, ReLU, transposed conv 4x4 / 2] x L, tanh
        discriminator:  [conv 4x4 / 2, batch norm but in the first, leaky ReLU 0.2] x L, dense

    Args:
        example_shape: (height, width, channels).
        noise_size: Numbers of noise.
        width: Channels next to the picture.

    Raises:
        DataError: If a side is shorter than 8 pixels, or the channels are neither 1 nor 3.

    Source: Radford et al. 2016, section 3, https://arxiv.org/abs/1511.06434

    >>> ConvolutionalPair((64, 64, 3), noise_size=100, width=128).sizes
    ((4, 4, 1024), (8, 8, 512), (16, 16, 256), (32, 32, 128), (64, 64, 3))
    """

    example_shape: tuple[int, ...]
    noise_size: int
    width: int = 64
    pictures: bool = True

    def __post_init__(self) -> None:
        """Check the shape."""
        shape = self.example_shape
        if len(shape) != 3 or min(shape[:2]) < 8 or shape[2] not in (1, 3):
            raise DataError(
                "DCGAN takes pictures of at least 8 x 8 pixels with 1 channel (grey) or 3 "
                f"(colour), shape (rows, height, width, channels); got rows of shape {shape}. Make "
                "the pictures larger, turn them grey or RGB, or take GAN."
            )

    @property
    def doublings(self) -> int:
        """L, the number of transposed convolutions."""
        return max(1, int(math.log2(min(self.example_shape[:2]) / 4)))

    @property
    def sizes(self) -> tuple[tuple[int, int, int], ...]:
        """Height, width and channels of every map of the generator; the last before it is cut."""
        layers, (height, width, channels) = self.doublings, self.example_shape
        first = -(-height // 2**layers), -(-width // 2**layers)
        found = []
        for i in range(layers + 1):
            maps = channels if i == layers else self.width * 2 ** (layers - 1 - i)
            found.append((first[0] * 2**i, first[1] * 2**i, maps))
        return tuple(found)

    def build(self, seed: int | None) -> tuple[Sequential, Sequential]:
        """Return generator and discriminator."""
        return Sequential(tuple(self._generator(seed))), Sequential(tuple(self._judge(seed)))

    def _generator(self, seed: int | None) -> list[Layer]:
        sizes = self.sizes
        numbers = math.prod(sizes[0])
        weight = _weights(seed, 0)((self.noise_size, numbers), n_in=self.noise_size, n_out=numbers)
        layers: list[Any] = [Dense(weight), Reshape(sizes[0])]
        for i, ((*_, n_in), (*_, n_out)) in enumerate(itertools.pairwise(sizes)):
            last = i == len(sizes) - 2
            layers += [BatchNorm(n_in, momentum=KEPT), Activation(relu)]
            # Batch norm takes a bias away again, so only the last layer has one.
            layers.append(
                TransposedConv2D.create(
                    _weights(seed, i + 1), n_in, n_out, kernel=4, stride=2,
                    padding=self._cut() if last else "same", bias=last,
                )
            )  # fmt: skip
        return [*layers, Activation(tanh)]

    def _cut(self) -> tuple[tuple[int, int], ...]:
        """Return the padding of the last layer: that of "same", and what is cut off besides."""
        extra = [n - side for n, side in zip(self.sizes[-1], self.example_shape[:2], strict=False)]
        return tuple((1 + n // 2, 1 + n - n // 2) for n in extra)

    def _judge(self, seed: int | None) -> list[Layer]:
        height, width, n_in = self.example_shape
        layers: list[Any] = []
        for i in range(self.doublings):
            n_out = self.width * 2**i
            layers.append(
                Conv2D.create(
                    _weights(seed, DISCRIMINATOR + i), n_in, n_out, kernel=4, stride=2,
                    padding="same", bias=i == 0,
                )
            )  # fmt: skip
            if i > 0:
                layers.append(BatchNorm(n_out, momentum=KEPT))
            layers.append(Activation(leaky_relu, numbers={"slope": LEAK}))
            height, width, n_in = -(-height // 2), -(-width // 2), n_out
        numbers = height * width * n_in
        last = _weights(seed, DISCRIMINATOR + self.doublings)
        weight = last((numbers, 1), n_in=numbers, n_out=1)
        return [*layers, Flatten(), Dense(weight, np.zeros(1, np.float32))]

    def sharing(self, discriminator_steps: int) -> Sharing | None:
        """Return that all cores take every layer together, for batch norm couples the rows."""
        parameters = sum(16 * a * b for (*_, a), (*_, b) in self._steps())
        largest = max(math.prod(size) for size in self.sizes)
        shared = sharing_of_images(2 * parameters, largest, coupled=True)
        return dataclasses.replace(shared, fewest=IMAGES * discriminator_steps)

    def operations(self) -> float:
        """Return the products of one row."""
        convolutions = sum(4 * h * w * a * b for (*_, a), (h, w, b) in self._steps())
        return 2.0 * convolutions + self.noise_size * math.prod(self.sizes[0])

    def _steps(self):
        return zip(self.sizes, self.sizes[1:], strict=False)


def _dense(
    sizes: tuple[int, ...], function: Any, numbers: dict[str, float], seed: int | None, first: int
) -> list[Layer]:
    layers: list[Layer] = []
    for i, (n_in, n_out) in enumerate(itertools.pairwise(sizes)):
        if i:
            layers.append(Activation(function, numbers=numbers))
        weight = Weights("he_normal", seed=seed, layer=first + i)((n_in, n_out), n_in, n_out)
        layers.append(Dense(weight, np.zeros(n_out, np.float32)))
    return layers


def _weights(seed: int | None, layer: int) -> Weights:
    return Weights("small_normal", seed=seed, layer=layer, parameters={"std": 0.02})


def unpicture(pair: Pair, rows: PyTree) -> PyTree:
    """Return what a generator gave in the range of the data."""
    return (rows + 1) / 2 if pair.pictures else rows
