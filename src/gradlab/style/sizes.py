"""From coarse to fine: the sizes at which a picture is made, and how long each takes."""

from dataclasses import dataclass

from gradlab.style.pictures import fitted

COARSEST = 192
"""Pixels of the longer side below which halving ends; a network sees little in fewer."""

FEWEST = 20
"""Steps at any size, unless fewer are asked for."""


@dataclass(frozen=True)
class Level:
    """One size of the pyramid.

    Attributes:
        size: (height, width).
        steps: Steps of the optimiser.
    """

    size: tuple[int, int]
    steps: int


def levels_for(shape: tuple[int, ...], longest: int, steps: int, n: int | None) -> list[Level]:
    """Return the sizes from coarse to fine, each twice the one before.

    Large strokes and shapes are settled where they are cheap; what is left to a finer size is
    detail, so each has half the steps of the one before.

    Args:
        shape: Of the content picture.
        longest: The longer side at the end.
        steps: At the coarsest size.
        n: How many sizes; None for as many as leave the coarsest at least `COARSEST`.

    >>> [(level.size, level.steps) for level in levels_for((600, 800), 800, 100, None)]
    [((150, 200), 100), ((300, 400), 50), ((600, 800), 25)]
    """
    if n is None:
        n = 1
        while longest / 2**n >= COARSEST:
            n += 1
    fewest = min(steps, FEWEST)
    return [
        Level(fitted(shape, max(1, round(longest / 2 ** (n - 1 - i)))), max(steps // 2**i, fewest))
        for i in range(n)
    ]
