"""Which maps answer together, wherever that is: how a picture is painted."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


def gram_matrix(
    maps: Float[Array | np.ndarray, "*places channels"],
) -> Float[Array, "channels channels"]:
    """Return the Gram matrix of one layer's maps.

        G_ij = Σ_k F_ik F_jk

    for maps i, j and places k: where in the picture the maps answer plays no part.

    Args:
        maps: F transposed, places first: (height, width, channels), or (places, channels).

    Source: Gatys et al. 2016, eq. 3, https://doi.org/10.1109/CVPR.2016.265

    >>> gram_matrix(jnp.array([[1.0, 3.0], [2.0, 4.0]])).tolist()
    [[5.0, 11.0], [11.0, 25.0]]
    """
    flat = jnp.asarray(maps).reshape(-1, maps.shape[-1])
    gram = flat.T @ flat
    # A product may sum G_ij and G_ji in different orders (it does on processors without AVX-512).
    return (gram + gram.T) / 2


def style_loss(
    gram: Float[Array | np.ndarray, "channels channels"],
    target: Float[Array | np.ndarray, "channels channels"],
    n_places: int,
    target_places: int | None = None,
) -> Float[Array, ""]:
    """Return the style loss of one layer.

        E = 1 / (4 N² M²) Σ_ij (G_ij − A_ij)²

    A style picture of another size has another number of places, M_a; its Gram matrix is then
    brought to the size of the generated one: E = ¼ Σ (G / (N M) − A / (N M_a))².

    Args:
        gram: G, of the generated picture; N is its size.
        target: A, of the style picture.
        n_places: M, height times width of the generated picture's maps.
        target_places: M_a; None for M, the documents' form.

    Source: Gatys et al. 2016, eq. 4.

    >>> float(style_loss(jnp.array([[5.0, 11.0], [11.0, 25.0]]), jnp.zeros((2, 2)), 2))
    13.9375
    """
    channels = gram.shape[0]
    other = n_places if target_places is None else target_places
    # Divided before they are squared: the squares of sums over a picture leave float32's range.
    return gram_distance(gram / (channels * n_places), target / (channels * other))


def gram_distance(
    gram: Float[Array | np.ndarray, "*regions channels channels"],
    target: Float[Array | np.ndarray, "*regions channels channels"],
) -> Float[Array, ""]:
    """Return ¼ Σ (G − A)² of Gram matrices that were divided by N M already.

    >>> float(gram_distance(jnp.ones((2, 2)), jnp.zeros((2, 2))))
    1.0
    """
    difference = jnp.asarray(gram) - target
    return 0.25 * jnp.sum(difference * difference)
