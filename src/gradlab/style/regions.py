"""Regions of a picture that have a style of their own."""

from typing import Any

import numpy as np
from jaxtyping import Float

from gradlab.errors import DataError
from gradlab.style.pictures import as_picture, resized

Regions = Float[np.ndarray, "height width regions"]


def as_regions(mask: Any, n_styles: int) -> Float[np.ndarray, "height width regions"]:
    """Return how much each pixel belongs to each style's region, from 0 to 1.

    With one style, white (1) is where it goes and black (0) keeps the content; grey is between.
    With several, the mask has as many grey levels: the darkest region takes the first style.

    Args:
        mask: A picture's path, or an array as for pictures.
        n_styles: How many there are.

    Raises:
        DataError: If it can't be read, has other levels than there are styles, or marks nothing.

    >>> as_regions(np.repeat([[0, 255]], 16, 0).repeat(8, 1).astype(np.uint8), 2)[0, 0].tolist()
    [1.0, 0.0]
    """
    grey = as_picture(mask, "the mask").pixels.mean(-1)
    if n_styles == 1:
        if not grey.any():
            raise DataError("The mask is black all over, so no pixel takes the style. Paint white.")
        return grey[..., None]
    levels, counts = np.unique((grey * 255).round(), return_counts=True)
    # A drawn border has a few grey pixels between its levels: they go to the nearest.
    kept = np.sort(levels[np.argsort(-counts)[:n_styles]])
    if len(levels) < n_styles or counts[np.argsort(-counts)[:n_styles]].sum() < 0.9 * grey.size:
        raise DataError(
            f"The mask has {len(levels)} grey levels; expected {n_styles}, one for each style "
            "(the darkest for the first). Draw it with flat greys and save it as PNG."
        )
    nearest = np.abs(grey[..., None] * 255 - kept).argmin(-1)
    return (nearest[..., None] == np.arange(n_styles)).astype(np.float32)


def shares_of(
    regions: Float[np.ndarray, "height width regions"], size: tuple[int, int]
) -> Float[np.ndarray, "regions rows columns"]:
    """Return the regions over the places of a layer's maps, each region's sum being 1."""
    scaled = np.moveaxis(resized(regions, size), -1, 0)
    total = scaled.sum((1, 2), keepdims=True)
    return np.where(total > 0, scaled / np.maximum(total, 1e-12), 0).astype(np.float32)
