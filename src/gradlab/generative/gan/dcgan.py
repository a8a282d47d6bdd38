"""DCGAN: a generator and a discriminator of convolutions, for pictures."""

import dataclasses
from typing import Any

from gradlab.errors import DataError
from gradlab.generative.checks import whole
from gradlab.generative.gan.base import Adversarial
from gradlab.generative.gan.pairs import ConvolutionalPair, Pair


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class DCGAN(Adversarial):
    """Learn to make pictures: a GAN whose networks are convolutional, with batch norm.

    The generator projects noise onto a few pixels with many channels; stride-2 transposed
    convolutions double the size, layer by layer, with batch norm and ReLU in all but the output
    layer, which has tanh. The discriminator mirrors it, see `ConvolutionalPair`, also for sizes
    that are no power of two.

    Args:
        width: Channels next to the picture; doubled with every layer away from it.

    All other settings: see `Adversarial`. Adam with β1 = 0.5 and learning rate 0.0002 are the
    paper's.

    Source: Radford et al. 2016, https://arxiv.org/abs/1511.06434

    >>> import numpy as np
    >>> x = np.random.default_rng(0).random((32, 8, 8, 1))
    >>> gan = DCGAN(width=4, noise_size=8, batch_size=16, epochs=1, measure_every=None).fit(x)
    >>> gan.sample(2).shape
    (2, 8, 8, 1)
    """

    noise_size: Any = 100
    learning_rate: Any = 0.0002
    reuse_noise: Any = True
    epochs: Any = 20
    width: Any = 32

    def _pair(self, example_shape: tuple[int, ...], pictures: bool) -> Pair:
        if not pictures:
            raise DataError(
                "DCGAN takes pictures, shape (n, height, width, channels); got vectors of "
                f"{example_shape[0]} numbers. Take GAN, or reshape them."
            )
        whole("noise_size", self.noise_size)
        return ConvolutionalPair(tuple(example_shape), self.noise_size, whole("width", self.width))
