"""How far the maps of two pictures are apart, place by place: what a picture shows."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

Maps = Float[Array | np.ndarray, "*places channels"]
"""Feature maps of one layer; the documents' matrix F (maps by places) is their transpose."""


def content_loss(
    maps: Float[Array | np.ndarray, "*places channels"],
    target: Float[Array | np.ndarray, "*places channels"],
) -> Float[Array, ""]:
    """Return the content loss of one layer.

        L = ½ Σ_ij (F_ij − P_ij)²

    The maps of a layer behind a ReLU are never negative, and its derivative with respect to what
    enters that ReLU is (F − P)_ij where F_ij > 0 and 0 elsewhere: see `content_gradient`.

    Args:
        maps: F, of the generated picture.
        target: P, of the content picture; the same shape.

    Source: Gatys et al. 2016, eqs. 1 and 2, https://doi.org/10.1109/CVPR.2016.265

    >>> target = jnp.array([[0.0, 3.0], [2.0, 3.0]])
    >>> float(content_loss(jnp.array([[1.0, 3.0], [2.0, 4.0]]), target))
    1.0
    """
    difference = jnp.asarray(maps) - target
    return 0.5 * jnp.sum(difference * difference)


def content_gradient(
    maps: Float[Array | np.ndarray, "*places channels"],
    target: Float[Array | np.ndarray, "*places channels"],
) -> Float[Array, "*places channels"]:
    """Return the documents' derivative of the content loss: (F − P)_ij if F_ij > 0, else 0.

    It is what automatic differentiation finds in front of the layer's ReLU, written out. Where F
    is exactly 0 the documents say nothing; it is 0 here, as ReLU's derivative is.

    Args:
        maps: F, of the generated picture.
        target: P, of the content picture; the same shape.

    Source: Gatys et al. 2016, eq. 2.

    >>> content_gradient(jnp.array([[2.0, -1.0, 0.5]]), jnp.array([[0.0, 0.0, 1.0]])).tolist()
    [[2.0, 0.0, -0.5]]
    """
    return jnp.where(jnp.asarray(maps) > 0, jnp.asarray(maps) - target, 0)
