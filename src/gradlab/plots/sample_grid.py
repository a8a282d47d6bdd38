"""Sheets of generated images."""

from collections.abc import Sequence

import numpy as np
import plotly.express as px
import plotly.graph_objects as go
from jaxtyping import Float

from gradlab.errors import DataError
from gradlab.plots.augmentation import image_tiles
from gradlab.plots.theme import TEXT, apply_theme

Images = Float[np.ndarray, "images height width channels"]

POINTS = 56
"""Points of the page that the longer side of an image takes, where the page is wide enough."""


def sample_grid(images: Images, *, columns: int | None = None, title: str = "Samples") -> go.Figure:
    """Draw images side by side, line by line.

    Args:
        images: Pixels from 0 to 1 (beyond that they are cut off), one channel or three.
        columns: Of the sheet; None makes it about square, of at most 12 columns.
        title: Of the figure.

    Raises:
        DataError: If there is no image.
    """
    check_images(images)
    if columns is None:
        columns = min(12, int(np.ceil(np.sqrt(len(images)))))
    return sheet(lines(images, columns), title=title)


def check_images(images: Images) -> None:
    """Check that there are images, grey or coloured.

    Raises:
        DataError: If not.
    """
    if 0 in images.shape or images.shape[3] not in (1, 3):
        raise DataError(
            "expected at least one image (height, width, channels) of 1 or 3 channels; got shape "
            f"{images.shape}."
        )


def lines(images: Images, columns: int) -> list[list[Float[np.ndarray, "_ _ _"]]]:
    """Return images as lines of a sheet, the last one filled up with empty images."""
    blank = np.zeros((0, 0, images.shape[3]))
    filled = [*images, *[blank] * (-len(images) % columns)]
    return [filled[i : i + columns] for i in range(0, len(filled), columns)]


def sheet(
    rows: Sequence[Sequence[Float[np.ndarray, "_ _ _"]]],
    *,
    title: str,
    words: Sequence[Sequence[str]] | None = None,
) -> go.Figure:
    """Draw lines of images, with words below each.

    Args:
        rows: As many images in each; an image without pixels leaves its place empty.
        title: Of the figure.
        words: One text for each place; "" for none.
    """
    tiles = image_tiles(list(rows))
    columns, height, width = tiles.shape[1:4]
    room = max(2, round(0.3 * width))
    drawn, bottoms = [], []
    for i, line in enumerate(tiles):
        pixels = line.swapaxes(0, 1).reshape(height, columns * width, 4)
        below = room if words is not None and any(words[i]) else 0
        bottoms.append(sum(len(one) for one in drawn) + height)
        drawn.append(np.pad(pixels, [(0, below), (0, 0), (0, 0)]))
    pixels = np.concatenate(drawn)
    # As a PNG inside the page, a tenth of the size of the same numbers written out.
    figure = px.imshow(pixels, binary_string=True, binary_backend="pypng")
    figure.update_traces(hoverinfo="skip", hovertemplate=None)
    points = POINTS * len(pixels) / max(height, width)
    figure.update_layout(title=title, height=round(64 + max(points, POINTS)))
    apply_theme(figure)
    figure.update_xaxes(visible=False, constrain="domain", constraintoward="left")
    figure.update_yaxes(visible=False, constrain="domain", constraintoward="top")
    figure.update_layout(margin={"l": 8, "r": 8, "b": 8, "t": 52})
    for i, line in enumerate(words or ()):
        for j, text in enumerate(line):
            if text:
                figure.add_annotation(
                    x=(j + 0.5) * width,
                    y=bottoms[i] - 0.5,
                    text=text,
                    showarrow=False,
                    yanchor="top",
                    yshift=4,
                    font={"size": 10, "color": TEXT},
                )
    return figure
