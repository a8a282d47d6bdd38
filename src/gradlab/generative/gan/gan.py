"""GAN: a generator and a discriminator of dense layers."""

import dataclasses
import math
from typing import Any

from gradlab.errors import RecipeError
from gradlab.generative.gan.base import Adversarial
from gradlab.generative.gan.pairs import DensePair, Pair

MOST_NUMBERS = 20_000
"""Of a row: beyond it a dense layer would hold tens of millions of weights."""


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class GAN(Adversarial):
    """Learn to make rows like those of the data: two networks of dense layers against each other.

        min_G max_D  V(D, G) = E log D(x) + E log(1 − D(G(z))),    z ~ p_z

    in steps of Algorithm 1: k of the discriminator with the generator fixed, one of the generator
    with the discriminator fixed. At the optimum the generated rows are distributed as the data,
    and D is ½ everywhere.

    Args:
        hidden: Units of the generator's hidden layers; the discriminator has them reversed.

    All other settings: see `Adversarial`.

    Source: Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661

    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal([3.0, -1.0], 0.5, (256, 2))
    >>> gan = GAN(hidden=(8,), epochs=2, measure_every=None).fit(x)
    >>> gan.sample(3, seed=1).shape, gan.history_.height
    ((3, 2), 2)
    """

    hidden: Any = (64, 64)

    def _pair(self, example_shape: tuple[int, ...], pictures: bool) -> Pair:
        hidden = (self.hidden,) if isinstance(self.hidden, int) else tuple(self.hidden)
        if not hidden or not all(isinstance(n, int) and n >= 1 for n in hidden):
            raise RecipeError(f"hidden are units of layers, such as (64, 64); got {self.hidden!r}.")
        if math.prod(example_shape) > MOST_NUMBERS:
            raise RecipeError(
                f"GAN has dense layers, for rows of at most {MOST_NUMBERS:,} numbers; got "
                f"{math.prod(example_shape):,}. Take DCGAN, or smaller pictures."
            )
        return DensePair(tuple(example_shape), self.noise_size, hidden, pictures)
