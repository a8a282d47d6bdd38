"""Pictures in rows and columns with their words: the contact sheet of a sweep."""

from collections.abc import Sequence

import numpy as np
import plotly.express as px
import plotly.graph_objects as go
from jaxtyping import UInt8
from PIL import Image

from gradlab.plots.theme import apply_theme

CELL = 320
"""Longer side of a picture of the sheet, in pixels."""

GAP = 10
WORDS = 26
"""Pixels above each picture for its words."""


def style_sheet_figure(
    pictures: Sequence[Sequence[UInt8[np.ndarray, "_ _ 3"]]],
    words: Sequence[Sequence[str]],
    *,
    title: str = "Contact sheet",
) -> go.Figure:
    """Draw pictures in rows and columns, each below its words.

    Args:
        pictures: Rows of pictures; they may differ in size.
        words: One text for each.
        title: Title.
    """
    shown = [[_shrunk(picture) for picture in row] for row in pictures]
    width = max(picture.shape[1] for row in shown for picture in row)
    heights = [max(picture.shape[0] for picture in row) for row in shown]
    n_columns = max(map(len, shown))
    total_width = n_columns * (width + GAP) - GAP
    total_height = sum(heights) + len(heights) * (WORDS + GAP) - GAP
    sheet = np.zeros((total_height, total_width, 4), np.uint8)
    notes, top = [], WORDS
    for row, texts, height in zip(shown, words, heights, strict=True):
        for i, (picture, text) in enumerate(zip(row, texts, strict=True)):
            left = i * (width + GAP)
            sheet[top : top + picture.shape[0], left : left + picture.shape[1], :3] = picture
            sheet[top : top + picture.shape[0], left : left + picture.shape[1], 3] = 255
            notes.append((left, top, text))
        top += height + GAP + WORDS
    figure = px.imshow(sheet, binary_string=True, binary_backend="pypng")
    figure.update_traces(hoverinfo="skip", hovertemplate=None)
    for left, at, text in notes:
        figure.add_annotation(
            x=left, y=at, text=text, showarrow=False, xanchor="left", yanchor="bottom", xshift=-4
        )
    figure.update_layout(title=title)
    apply_theme(figure)
    figure.update_layout(
        width=total_width + 24, height=total_height + 64, margin={"l": 8, "r": 8, "b": 8, "t": 48}
    )
    figure.update_xaxes(visible=False, constrain="domain", constraintoward="left")
    figure.update_yaxes(visible=False, constrain="domain", constraintoward="top")
    return figure


def _shrunk(picture: np.ndarray) -> np.ndarray:
    scale = min(1.0, CELL / max(picture.shape[:2]))
    if scale == 1:
        return picture
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))
