"""The one shape that all pictures of a data set get."""

import re
from collections import Counter

from gradlab.errors import DataError

MAX_SIDE = 8192

Size = tuple[int, int]
"""Height and width in pixels."""

ImageSize = str | int | tuple[int, ...] | list[int]
"""How a person may say a size: "32x48", 64 for a square, or a pair."""


def parse_size(given: ImageSize | None) -> Size | None:
    """Return the height and width that were asked for, None if none were.

    >>> parse_size("32x48"), parse_size(64), parse_size((28, 28))
    ((32, 48), (64, 64), (28, 28))
    """
    if given is None:
        return None
    sides: list = [given, given]
    if isinstance(given, str):
        matched = re.fullmatch(r"\s*(\d{1,6})(?:\s*[x×,]\s*(\d{1,6}))?\s*", given.lower())
        sides = [int(side) for side in matched.groups(matched[1])] if matched else []
    elif isinstance(given, (tuple, list)):
        sides = list(given)
    whole = all(isinstance(side, int) and not isinstance(side, bool) for side in sides)
    if len(sides) != 2 or not whole or not all(1 <= side <= MAX_SIDE for side in sides):
        raise DataError(
            f"image_size={given!r} is no size: expected height x width in pixels, "
            f"1 to {MAX_SIDE} each, such as '32x32', or one number for squares."
        )
    return sides[0], sides[1]


def commonest(sizes: list[Size]) -> Size:
    """Return the size that most pictures have; of several, the one of middle area.

    The middle keeps a stray picture of one pixel from deciding where all sizes differ.

    >>> commonest([(8, 8), (1, 1), (8, 8)]), commonest([(1, 1), (9, 9), (8, 8)])
    ((8, 8), (8, 8))
    """
    counts = Counter(sizes)
    most = max(counts.values())
    tied = [size for size, n in counts.items() if n == most]
    tied.sort(key=lambda size: (size[0] * size[1], size))
    return tied[(len(tied) - 1) // 2]
