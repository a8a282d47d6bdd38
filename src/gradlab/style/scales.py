"""What the losses of a layer are measured by, so that layers and networks can be compared.

The maps of one layer may be a thousand times those of another, and a network whose maps are far
from 0 on the average has Gram matrices that hardly change with what is seen. So each loss is
divided by what it would be for a picture that has every map's mean, but no detail:

    content, a place:  ½ mean_k Σ_i (P_ik − P̄_i)²
    style:             ¼ Σ_ij (A_ij / (N M) − ā_i ā_j / N)²,  ā_i the mean of map i

They are found once, on the pictures at a small size.
"""

from dataclasses import dataclass, field

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from gradlab.style.network import FeatureNetwork
from gradlab.style.objective import Plan
from gradlab.style.pictures import fitted, resized

SMALL = 256
"""Longer side of the pictures that are measured, in pixels; smaller ones keep theirs."""


@dataclass(frozen=True)
class Scales:
    """Losses of a picture without detail.

    Attributes:
        content: By content layer, per place of its maps.
        style: By style layer.
    """

    content: dict[str, float] = field(default_factory=dict)
    style: dict[str, float] = field(default_factory=dict)


def scales_of(
    content: Float[np.ndarray, "_ _ 3"],
    styles: tuple[Float[np.ndarray, "_ _ 3"], ...],
    shares: tuple[float, ...],
    network: FeatureNetwork,
    plan: Plan,
) -> Scales:
    """Return the scales of content and styles; of several styles their mean by share."""
    of_content = _of_content(_small(content), network, plan)
    of_style = [_of_style(_small(style), network, plan) for style in styles]
    return Scales(
        {name: float(scale) for name, scale in of_content.items()},
        {
            name: float(sum(share * one[name] for share, one in zip(shares, of_style, strict=True)))
            for name in plan.style_layers
        },
    )


def _small(pixels: np.ndarray) -> Array:
    longest = min(SMALL, max(pixels.shape[:2]))
    return jnp.asarray(resized(pixels, fitted(pixels.shape, longest)))


@eqx.filter_jit
def _of_content(image: Array, network: FeatureNetwork, plan: Plan) -> dict[str, Array]:
    maps = network.maps(image, plan.content_layers) if plan.content_layers else {}
    return {name: 0.5 * jnp.sum(jnp.var(found, axis=(0, 1))) for name, found in maps.items()}


@eqx.filter_jit
def _of_style(image: Array, network: FeatureNetwork, plan: Plan) -> dict[str, Array]:
    maps = network.maps(image, plan.style_layers) if plan.style_layers else {}
    scales = {}
    for name, found in maps.items():
        flat = found.reshape(-1, found.shape[-1])
        flat = flat - jnp.mean(flat, axis=0, keepdims=True)
        scales[name] = 0.25 * jnp.sum((flat.T @ flat / flat.size) ** 2)
    return scales
