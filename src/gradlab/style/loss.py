"""The number that a picture is moved to make small, whole or in bands."""

from typing import Any

import equinox as eqx
import jax
from jaxtyping import Array, Float

from gradlab.style.bands import Bands, sent_back, sums_of_bands
from gradlab.style.network import FeatureNetwork
from gradlab.style.objective import (
    Piece,
    Plan,
    Terms,
    Weights,
    in_range,
    outside,
    sums,
    terms_of,
)


class Task(eqx.Module):
    """One picture to be made at one size.

    Attributes:
        network: That looks at it.
        piece: What its maps are compared with; with bands, one for each, stacked.
        style: A / (N M_a) by style layer, (regions, channels, channels).
        weights: Of the terms.
        plan: Layers and forms.
        bands: How the picture is cut; None to take it whole.
    """

    network: FeatureNetwork
    piece: Piece
    style: dict[str, Float[Array, "_ _ _"]]
    weights: Weights
    plan: Plan = eqx.field(static=True)
    bands: Bands | None = eqx.field(static=True)

    def terms(self, image: Float[Array, "height width 3"]) -> Terms:
        """Return the losses of a picture with pixels from 0 to 1."""
        if self.bands is None:
            found = sums(image, self.network, self.piece, self.plan)
        else:
            found = sums_of_bands(image, self.network, self.piece, self.plan, self.bands)
        return terms_of(found, self.style, image, self.plan)

    def total(self, image: Float[Array, "height width 3"]) -> Float[Array, ""]:
        """Return the total loss α L_content + β L_style + γ R."""
        if self.bands is None:
            return self.terms(image).total(self.weights)
        return self._total_of_bands(image)

    def to_minimise(self, image: Float[Array, "height width 3"]) -> Float[Array, ""]:
        """Return the total of the picture within its range and the price of leaving it.

        It is multiplied by the numbers of the picture: the derivative of one pixel, and with it
        the right learning rate, then does not depend on the size.
        """
        return image.size * (self.total(in_range(image)) + outside(image))

    def _total_of_bands(self, image: Array) -> Array:
        bands = self.bands
        assert bands is not None

        def forward(image: Array) -> tuple[Array, Array]:
            found = sums_of_bands(image, self.network, self.piece, self.plan, bands)

            def total(found: Any, image: Array) -> Array:
                return terms_of(found, self.style, image, self.plan).total(self.weights)

            value, (of_sums, direct) = jax.value_and_grad(total, argnums=(0, 1))(found, image)
            indirect = sent_back(image, self.network, self.piece, self.plan, bands, of_sums)
            return value, direct + indirect

        banded = jax.custom_vjp(lambda image: forward(image)[0])
        banded.defvjp(forward, lambda gradient, cotangent: (cotangent * gradient,))
        return banded(image)
