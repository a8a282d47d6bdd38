"""Generated images, each above the training image that is nearest to it."""

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Bool, Float

from gradlab.errors import DataError
from gradlab.plots.sample_grid import Images, check_images, lines, sheet


def neighbour_sheet(
    samples: Images,
    neighbours: Float[np.ndarray, "_ _ _ _"],
    distances: Float[np.ndarray, " images"],
    *,
    copies: Bool[np.ndarray, " images"] | None = None,
    columns: int = 10,
    title: str = "Generated (above) and the nearest training image (below)",
) -> go.Figure:
    """Draw pairs, a sample above its nearest training image, with the distance below.

    A model that repeats what it saw shows pairs that are the same.

    Args:
        samples: Pixels from 0 to 1.
        neighbours: For each, the nearest image of the data.
        distances: Between the two.
        copies: Which samples count as copies; they are named so.
        columns: Pairs a line.
        title: Of the figure.

    Raises:
        DataError: If there are not as many neighbours as samples, or their sizes differ.
    """
    check_images(samples)
    if samples.shape != neighbours.shape:
        raise DataError(
            f"expected a neighbour of its own size for each sample; got shapes {samples.shape} "
            f"and {neighbours.shape}."
        )
    columns = min(columns, len(samples))
    marks = [f"{distance:.3g}" for distance in distances]
    if copies is not None:
        marks = [f"copy, {m}" if c else m for m, c in zip(marks, copies, strict=True)]
    marks += [""] * (-len(marks) % columns)
    rows, words = [], []
    pairs = zip(lines(samples, columns), lines(neighbours, columns), strict=True)
    for i, (above, below) in enumerate(pairs):
        rows += [above, below]
        words += [[""] * columns, marks[i * columns : (i + 1) * columns]]
    return sheet(rows, title=title, words=words)
