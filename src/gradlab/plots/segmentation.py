"""A photograph in a few colours, beside itself, above its palettes."""

from collections.abc import Mapping

import numpy as np
import plotly.express as px
import plotly.graph_objects as go
from jaxtyping import Int, UInt8
from PIL import Image

from gradlab.plots.theme import apply_theme

MOST_PIXELS = 640
"""Longest side of an image in the picture; larger ones keep every so many pixels."""

GAP = 12
STRIP = 0.09
"""Height of a palette, as a share of the longest side."""


def segmentation_figure(
    original: UInt8[np.ndarray, "*image"],
    images: Mapping[int, UInt8[np.ndarray, "*image"]],
    palettes: Mapping[int, UInt8[np.ndarray, "_ channels"]],
    counts: Mapping[int, Int[np.ndarray, " _"]],
    *,
    title: str = "Segmentation by colour",
) -> go.Figure:
    """Draw an image and its segmentations, two a row, with each palette by share of the pixels.

    Args:
        original: The image: grey, RGB or RGBA.
        images: By K.
        palettes: By K, (colours, channels).
        counts: By K: pixels of each colour.
        title: Title.
    """
    step = max(1, -(-max(original.shape[:2]) // MOST_PIXELS))
    tiles = [_rgba(original[::step, ::step])]
    tiles += [_rgba(image[::step, ::step]) for image in images.values()]
    words = ["original"] + [f"K = {k}" for k in images]
    height, width = tiles[0].shape[:2]
    strip = max(8, round(STRIP * max(height, width)))
    strips = [np.zeros((strip, width, 4), np.uint8)]
    strips += [_strip(palettes[k], counts[k], strip, width) for k in images]
    cells = [np.concatenate([t, _clear(4, width), s]) for t, s in zip(tiles, strips, strict=True)]
    cell = cells[0].shape[0]
    band = max(GAP, round(0.09 * max(height, width)))  # room for the words above each image
    n_rows = -(-len(cells) // 2)
    sheet = _clear(n_rows * (cell + band), 2 * width + GAP)
    for i, content in enumerate(cells):
        top, left = (i // 2) * (cell + band) + band, (i % 2) * (width + GAP)
        sheet[top : top + cell, left : left + width] = content
    figure = px.imshow(sheet, binary_string=True, binary_backend="pypng")
    figure.update_traces(hoverinfo="skip", hovertemplate=None)
    for i, text in enumerate(words):
        figure.add_annotation(
            x=(i % 2) * (width + GAP),
            y=(i // 2) * (cell + band) + band,
            text=text,
            showarrow=False,
            xanchor="left",
            yanchor="bottom",
        )
    figure.update_layout(title=title)
    apply_theme(figure)
    shape = sheet.shape[0] / sheet.shape[1]
    figure.update_layout(
        height=round(60 + 520 * min(shape, 1.4)), margin={"l": 8, "r": 8, "b": 8, "t": 48}
    )
    figure.update_xaxes(visible=False, constrain="domain", constraintoward="left")
    figure.update_yaxes(visible=False, constrain="domain", constraintoward="top")
    return figure


def _rgba(image: np.ndarray) -> np.ndarray:
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[:, :, 0]
    return np.asarray(Image.fromarray(image).convert("RGBA"))


def _strip(palette: np.ndarray, counts: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return the colours beside each other, as wide as their shares, but none invisible."""
    shares = np.maximum(counts / counts.sum(), 0.02)
    edges = np.round(np.cumsum(shares) / shares.sum() * width).astype(int)
    place = np.searchsorted(edges, np.arange(width), side="right").clip(max=len(palette) - 1)
    colours = palette if palette.shape[1] == 3 else np.repeat(palette, 3, axis=1)
    row = np.hstack([colours, np.full((len(colours), 1), 255, np.uint8)])[place]
    return np.broadcast_to(row, (height, width, 4)).astype(np.uint8)


def _clear(height: int, width: int) -> np.ndarray:
    return np.zeros((height, width, 4), np.uint8)
