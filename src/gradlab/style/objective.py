"""What the picture is asked to become: content, style and calm, weighed against each other.

The losses see a picture only through sums over its places: the Gram matrices of the style layers,
and the squared differences of the content layers. `sums` adds them up over one piece of a picture,
so a large picture may be taken band by band (`bands`), and all that follows is the same.
"""

from dataclasses import dataclass

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from gradlab.style.content import content_loss
from gradlab.style.gram import gram_distance, gram_matrix
from gradlab.style.network import FeatureNetwork
from gradlab.style.variation import Border, total_variation

OUTSIDE = 100.0
"""Price of the mean squared step out of a pixel's range."""


@dataclass(frozen=True)
class Plan:
    """What is part of the compiled program: layers and the form of the total variation."""

    content_layers: tuple[str, ...]
    style_layers: tuple[str, ...]
    beta: float = 2.0
    border: Border = "interior"

    @property
    def layers(self) -> tuple[str, ...]:
        """All layers, each once."""
        return tuple(dict.fromkeys((*self.content_layers, *self.style_layers)))


class Weights(eqx.Module):
    """How much every term counts; numbers alone, so that a sweep shares one program.

    Attributes:
        content: α.
        style: β.
        variation: γ, of the total variation per number of the picture.
        of_content: v_l, one for each content layer.
        of_style: w_l, one for each style layer.
    """

    content: Float[Array, ""]
    style: Float[Array, ""]
    variation: Float[Array, ""]
    of_content: Float[Array, " content_layers"]
    of_style: Float[Array, " style_layers"]


class Terms(eqx.Module):
    """The losses of a picture, before they are weighed.

    Attributes:
        content: L_content by content layer.
        style: E_l by style layer, the mean over its regions.
        variation: The total variation divided by the numbers of the picture.
    """

    content: Float[Array, " content_layers"]
    style: Float[Array, " style_layers"]
    variation: Float[Array, ""]

    def total(self, weights: Weights) -> Float[Array, ""]:
        """Return α Σ v_l L_content + β Σ w_l E_l + γ R."""
        return (
            weights.content * jnp.sum(weights.of_content * self.content)
            + weights.style * jnp.sum(weights.of_style * self.style)
            + weights.variation * self.variation
        )


class Piece(eqx.Module):
    """What is known beforehand of one piece of the picture, often the whole.

    Attributes:
        start: Its first row.
        content: P by content layer, (height, width, channels); 0 where not counted.
        counted: Rows of the maps that this piece counts, by content layer; None for all.
        shares: How much each place adds to a region's Gram matrix, (regions, height, width), by
            style layer: over all pieces each region's sum is 1.
    """

    start: Int[Array, "*pieces"]
    content: dict[str, Float[Array, "*pieces _ _ _"]]
    counted: dict[str, Float[Array, "*pieces _"]] | None
    shares: dict[str, Float[Array, "*pieces _ _ _"]] | None


class Sums(eqx.Module):
    """What the losses need to know of the maps: sums over places.

    Attributes:
        grams: G / (N M) by style layer, (regions, channels, channels).
        content: L_content by content layer.
    """

    grams: dict[str, Float[Array, "_ _ _"]]
    content: Float[Array, " content_layers"]


def sums(
    image: Float[Array, "height width 3"], network: FeatureNetwork, piece: Piece, plan: Plan
) -> Sums:
    """Return the sums of a picture, or of a piece of one.

    Args:
        image: RGB from 0 to 1; of a piece its rows alone.
        network: That looks at it.
        piece: What it is compared with.
        plan: Which layers.
    """
    maps = network.maps(image, plan.layers)
    grams = {
        name: gram_shares(maps[name], None if piece.shares is None else piece.shares[name])
        for name in plan.style_layers
    }
    content = []
    for name in plan.content_layers:
        found = maps[name]
        if piece.counted is not None:
            found = found * piece.counted[name][:, None, None]
        content.append(content_loss(found, piece.content[name]))
    return Sums(grams, jnp.stack(content) if content else jnp.zeros((0,), image.dtype))


def gram_shares(
    maps: Float[Array, "height width channels"],
    shares: Float[Array, "regions height width"] | None,
) -> Float[Array, "regions channels channels"]:
    """Return G / (N M) of every region; without shares of one, all places alike."""
    if shares is None:
        return gram_matrix(maps)[None] / maps.size
    flat = maps.reshape(-1, maps.shape[-1])
    weighed = [(flat * share.reshape(-1, 1)).T @ flat for share in shares]
    return jnp.stack(weighed) / maps.shape[-1]


def terms_of(
    found: Sums,
    style: dict[str, Float[Array, "_ _ _"]],
    image: Float[Array, "height width 3"],
    plan: Plan,
) -> Terms:
    """Return the losses that follow from the sums and the picture itself."""
    losses = [
        gram_distance(found.grams[name], style[name]) / len(style[name])
        for name in plan.style_layers
    ]
    variation = total_variation(image, beta=plan.beta, border=plan.border) / image.size
    none = jnp.zeros((0,), image.dtype)
    return Terms(found.content, jnp.stack(losses) if losses else none, variation)


def in_range(image: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return the picture with every pixel from 0 to 1; its derivative is 1 within, 0 outside.

    A pixel on the border counts as within: a white sky could never change otherwise.
    """
    inside = (image >= 0) & (image <= 1)
    return jnp.where(inside, image, lax.stop_gradient(jnp.clip(image, 0, 1)))


def outside(image: Float[Array, "*shape"]) -> Float[Array, ""]:
    """Return what leaving the range costs: it pulls stray pixels back, where the losses can't."""
    stray = image - lax.stop_gradient(jnp.clip(image, 0, 1))
    return OUTSIDE * jnp.mean(stray * stray)
