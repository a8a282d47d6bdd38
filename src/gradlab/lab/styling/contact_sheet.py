"""Pictures of a sweep in rows and columns."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8


def grid_of(
    pictures: Sequence[UInt8[np.ndarray, "_ _ 3"]], columns: int, gap: int = 8
) -> UInt8[np.ndarray, "height width 3"]:
    """Return pictures in rows of so many columns, on white.

    >>> grid_of([np.zeros((2, 3, 3), np.uint8)] * 4, 2).shape
    (12, 14, 3)
    """
    height = max(picture.shape[0] for picture in pictures)
    width = max(picture.shape[1] for picture in pictures)
    rows = -(-len(pictures) // columns)
    shape = (rows * (height + gap) - gap, columns * (width + gap) - gap, 3)
    sheet = np.full(shape, 255, np.uint8)
    for i, picture in enumerate(pictures):
        top, left = (i // columns) * (height + gap), (i % columns) * (width + gap)
        sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return sheet
