"""Images read at places between their pixels."""

from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

Fill = Literal["edge", "zero"]
"""What lies outside an image: its nearest edge pixel, or 0.

"edge" suits every scaling of the inputs; 0 is black only while pixels run from 0 to 1.
"""

Coordinate = Float[Array, "#batch #height #width"]
"""Rows or columns in pixels; an axis along which they do not change may have length 1."""


def centred_grid(
    height: int, width: int, dtype: jnp.dtype
) -> tuple[Float[Array, "1 height 1"], Float[Array, "1 1 width"]]:
    """Return rows and columns of every pixel, in pixels from the image's centre.

    >>> [axis.ravel().tolist() for axis in centred_grid(2, 3, jnp.dtype("float32"))]
    [[-0.5, 0.5], [-1.0, 0.0, 1.0]]
    """
    rows = jnp.arange(height, dtype=dtype) - (height - 1) / 2
    columns = jnp.arange(width, dtype=dtype) - (width - 1) / 2
    return rows[None, :, None], columns[None, None, :]


def bilinear(
    images: Float[Array, "batch in_height in_width channels"],
    rows: Coordinate,
    columns: Coordinate,
    *,
    fill: Fill = "edge",
) -> Float[Array, "batch height width channels"]:
    """Read images at rows and columns counted in pixels from the first one.

    y = (1−v)(1−u) x[r, c] + (1−v) u x[r, c+1] + v (1−u) x[r+1, c] + v u x[r+1, c+1],
    r = ⌊row⌋, v = row − r, c = ⌊column⌋, u = column − c; at whole numbers exactly x[r, c].

    >>> image = jnp.array([[0.0, 1.0]]).reshape(1, 1, 2, 1)
    >>> columns = jnp.array([[[-0.5, 0.25, 1.5]]])
    >>> bilinear(image, jnp.zeros((1, 1, 1)), columns, fill="edge").ravel().tolist()
    [0.0, 0.25, 1.0]
    >>> bilinear(image, jnp.zeros((1, 1, 1)), columns, fill="zero").ravel().tolist()
    [0.0, 0.25, 0.5]
    """
    batch, height, width = images.shape[:3]
    shape = jnp.broadcast_shapes(rows.shape, columns.shape, (batch, 1, 1))
    rows, columns = jnp.broadcast_to(rows, shape), jnp.broadcast_to(columns, shape)
    row, column = jnp.floor(rows), jnp.floor(columns)
    v, u = (rows - row).astype(images.dtype), (columns - column).astype(images.dtype)
    row, column = row.astype(jnp.int32), column.astype(jnp.int32)

    def corner(down: int, right: int, weight: Float[Array, "batch height width"]) -> Array:
        r, c = row + down, column + right
        if fill == "zero":
            inside = (r >= 0) & (r < height) & (c >= 0) & (c < width)
            weight = jnp.where(inside, weight, 0)
        return weight[..., None] * _pixels(images, r, c)

    return (
        corner(0, 0, (1 - v) * (1 - u))
        + corner(0, 1, (1 - v) * u)
        + corner(1, 0, v * (1 - u))
        + corner(1, 1, v * u)
    )


def _pixels(images: Array, rows: Array, columns: Array) -> Array:
    """Return the nearest pixels inside."""
    rows = jnp.clip(rows, 0, images.shape[1] - 1)
    columns = jnp.clip(columns, 0, images.shape[2] - 1)
    read = jax.vmap(lambda image, r, c: image.at[r, c].get(mode="promise_in_bounds"))
    return read(images, rows, columns)


def cross(
    images: Float[Array, "batch in_height in_width channels"],
    rows: Int[Array, "batch height"],
    columns: Int[Array, "batch width"],
) -> Float[Array, "batch height width channels"]:
    """Read, of each image, the pixels where its rows and its columns cross; all must be inside.

    >>> image = jnp.array([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 2, 1)
    >>> cross(image, jnp.array([[0, 1]]), jnp.array([[1, 0]]))[0, ..., 0].tolist()
    [[2.0, 1.0], [4.0, 3.0]]
    """
    read = jax.vmap(
        lambda image, r, c: image.at[r[:, None], c[None, :]].get(mode="promise_in_bounds")
    )
    return read(images, rows, columns)


def affine_warp(
    images: Float[Array, "batch height width channels"],
    matrices: Float[Array, "#batch 2 3"],
    *,
    fill: Fill = "edge",
) -> Float[Array, "batch height width channels"]:
    """Warp images by affine maps.

    y[p] = x[A p + t] with the matrix (A | t) and p = (row, column) in pixels from the image's
    centre: the matrix says where an output pixel comes *from*, so the image moves the other way.

    >>> image = jnp.array([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 2, 1)
    >>> quarter_turn = jnp.array([[[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]]])
    >>> affine_warp(image, quarter_turn)[0, ..., 0].tolist()
    [[2.0, 4.0], [1.0, 3.0]]
    """
    height, width = images.shape[1:3]
    rows, columns = centred_grid(height, width, matrices.dtype)
    m = matrices[:, :, :, None, None]
    return bilinear(
        images,
        m[:, 0, 0] * rows + m[:, 0, 1] * columns + m[:, 0, 2] + (height - 1) / 2,
        m[:, 1, 0] * rows + m[:, 1, 1] * columns + m[:, 1, 2] + (width - 1) / 2,
        fill=fill,
    )
