"""What a fully connected network does to an image: flattening, and no idea of a shift."""

import numpy as np
from jaxtyping import Num

LETTER_Y = np.array(
    [
        [1, 0, 0, 0, 1],
        [0, 1, 0, 1, 0],
        [0, 0, 1, 0, 0],
        [0, 0, 1, 0, 0],
        [0, 0, 1, 0, 0],
    ]
)
LETTER_Y.setflags(write=False)


def flatten(image: Num[np.ndarray, "height width"]) -> Num[np.ndarray, " pixels"]:
    """Return the image's rows one after another.

    Pixels above each other end up `width` places apart, and the vector alone does not say how
    wide the image was.

    >>> flatten(np.array([[1, 2, 3], [4, 5, 6]]))
    array([1, 2, 3, 4, 5, 6])
    """
    return image.reshape(-1)


def shift(
    images: Num[np.ndarray, "images height width"], *, down: int = 0, right: int = 0
) -> Num[np.ndarray, "images height width"]:
    """Move images by whole pixels; what leaves is lost, what enters is 0.

    >>> shift(np.array([[[1, 2], [3, 4]]]), right=1).tolist()
    [[[0, 1], [0, 3]]]
    """
    height, width = images.shape[1:]
    moved = np.zeros_like(images)
    rows, columns = max(0, height - abs(down)), max(0, width - abs(right))
    top, left = max(0, down), max(0, right)
    moved[:, top : top + rows, left : left + columns] = images[
        :, max(0, -down) : max(0, -down) + rows, max(0, -right) : max(0, -right) + columns
    ]
    return moved
