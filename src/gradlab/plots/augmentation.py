"""Contact sheets: images beside what augmentation and cropping make of them."""

from collections.abc import Mapping, Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import plotly.express as px
import plotly.graph_objects as go
from jaxtyping import Array, Float, UInt8

from gradlab.metrics.ten_crops import ten_crops
from gradlab.nn.module import Layer
from gradlab.nn.random import row_key
from gradlab.plots.theme import apply_theme

Images = Sequence[Float[np.ndarray, "_ _ _"]]
"""Images (height, width, channels), perhaps of several sizes; pixels from 0 to 1."""

TILE = 60
"""Points of the page that the side of an image takes."""


def augmentation_figure(
    images: Float[np.ndarray, "images height width channels"],
    layers: Mapping[str, Layer],
    *,
    draws: int = 6,
    seed: int = 0,
) -> go.Figure:
    """Draw a row for each augmentation: an image as it is, then several draws.

    Args:
        images: Pixels from 0 to 1, 1 or 3 channels; the rows take them in turn.
        layers: Name of each row and its augmentation.
        draws: Pictures beside the original.
        seed: Seed of the draws.
    """
    originals = [images[i % len(images)] for i in range(len(layers))]
    given = [jnp.asarray(image) for image in originals]
    changed = _changed(tuple(layers.values()), given, draws, jnp.asarray(seed))
    rows = {
        name: [original, *np.asarray(pictures)]
        for name, original, pictures in zip(layers, originals, changed, strict=True)
    }
    return contact_sheet(rows, ["original", *map(str, range(1, draws + 1))], title="Augmentation")


@eqx.filter_jit
def _changed(
    layers: tuple[Layer, ...], originals: list[Array], draws: int, seed: Array
) -> list[Array]:
    """Return several draws of every layer, each on its own image; one program is soon compiled."""
    key = row_key(seed, 0, jnp.arange(draws))
    changed = []
    for i, (layer, original) in enumerate(zip(layers, originals, strict=True)):
        copies = jnp.repeat(original[None], draws, axis=0)
        changed.append(layer(copies, (), key=key.fold(i), training=True)[0])
    return changed


def ten_crop_figure(
    image: Float[np.ndarray, "height width channels"], size: int | tuple[int, int]
) -> go.Figure:
    """Draw the ten crops of an image whose predictions are averaged, the mirrored ones below."""
    crops = ten_crops(image[None], size)[:, 0]
    rows = {"as it is": [image, *crops[:5]], "mirrored": [image[:, ::-1], *crops[5:]]}
    places = ["whole", "top<br>left", "top<br>right", "bottom<br>left", "bottom<br>right", "centre"]
    return contact_sheet(rows, places, title="Ten crops")


def contact_sheet(
    rows: Mapping[str, Images], columns: Sequence[str], *, title: str = ""
) -> go.Figure:
    """Draw rows of images, each in the middle of a tile as large as the largest.

    Args:
        rows: Name of each row and its images, as many as there are columns.
        columns: Names of the columns.
        title: Of the figure.
    """
    tiles = image_tiles(list(rows.values()))
    n_rows, n_columns, height, width, _ = tiles.shape
    sheet = tiles.swapaxes(1, 2).reshape(n_rows * height, n_columns * width, 4)
    # As a PNG inside the page, a tenth of the size of the same numbers written out.
    figure = px.imshow(sheet, binary_string=True, binary_backend="pypng")
    figure.update_traces(hoverinfo="skip", hovertemplate=None)
    figure.update_xaxes(
        tickvals=[(j + 0.5) * width - 0.5 for j in range(n_columns)],
        ticktext=list(columns),
        side="top",
        tickangle=0,
        constrain="domain",
        constraintoward="left",
    )
    figure.update_yaxes(
        tickvals=[(i + 0.5) * height - 0.5 for i in range(n_rows)],
        ticktext=list(rows),
        ticklabelstandoff=6,
        constrain="domain",
        constraintoward="top",
    )
    above = 64 + 18 * max(name.count("<br>") for name in columns)
    points = round(TILE * n_rows * height / max(height, width))
    figure.update_layout(title=title, height=above + points + 16)
    apply_theme(figure)
    figure.update_xaxes(showgrid=False, zeroline=False, showline=False)
    figure.update_yaxes(showgrid=False, zeroline=False, showline=False)
    figure.update_layout(margin={"t": above, "b": 16})
    return figure


def image_tiles(
    rows: Sequence[Images],
) -> UInt8[np.ndarray, "rows columns height width 4"]:
    """Return equal tiles of red, green, blue and opacity, each image in the middle of its own.

    >>> grey = np.ones((2, 2, 1))
    >>> image_tiles([[grey, grey[:1]]])[0, 1, :, 1, 3].tolist()
    [0, 255, 0]
    """
    images = [image for row in rows for image in row]
    height, width = (max(image.shape[axis] for image in images) for axis in (0, 1))
    gap = max(1, max(height, width) // 12)
    tiles = np.zeros((len(images), height + gap, width + gap, 4), np.uint8)
    for tile, image in zip(tiles, images, strict=True):
        top, left = ((tile.shape[axis] - image.shape[axis]) // 2 for axis in (0, 1))
        place = tile[top : top + image.shape[0], left : left + image.shape[1]]
        place[..., :3] = np.rint(255 * np.clip(image, 0, 1))  # one grey channel fills all three
        place[..., 3] = 255
    return tiles.reshape(len(rows), -1, *tiles.shape[1:])
