"""What a generator makes on the way from one noise to another, as a strip and in motion."""

from collections.abc import Mapping

import numpy as np
import plotly.express as px
import plotly.graph_objects as go
from jaxtyping import Float

from gradlab.plots.augmentation import contact_sheet, image_tiles
from gradlab.plots.contours import animation_controls
from gradlab.plots.sample_grid import Images, check_images
from gradlab.plots.theme import apply_theme


def interpolation_strip(
    ways: Mapping[str, Images], *, title: str = "From one noise to another"
) -> go.Figure:
    """Draw a line of images for each way, from t = 0 on the left to t = 1 on the right.

    Args:
        ways: Name of each line and its images, as many in each, pixels from 0 to 1.
        title: Of the figure.
    """
    for images in ways.values():
        check_images(images)
    (n,) = {len(images) for images in ways.values()}
    marks = [f"{t:.2g}" for t in np.linspace(0, 1, n)]
    return contact_sheet({name: list(way) for name, way in ways.items()}, marks, title=title)


def interpolation_animation(
    images: Images | Float[np.ndarray, "frames images height width channels"],
    *,
    title: str = "From one noise to another",
) -> go.Figure:
    """Draw the way as a film, with a play button and a slider over t.

    Args:
        images: A frame each; or several images a frame, side by side, each on a way of its own.
            Pixels from 0 to 1.
        title: Of the figure.
    """
    frames = images[:, None] if images.ndim == 4 else images
    check_images(frames[0])
    columns = int(np.ceil(np.sqrt(frames.shape[1])))
    blank = np.zeros((0, 0, frames.shape[4]))
    pictures = []
    for frame in frames:
        filled = [*frame, *[blank] * (-len(frame) % columns)]
        tiles = image_tiles([filled[i : i + columns] for i in range(0, len(filled), columns)])
        n_rows, _, height, width, _ = tiles.shape
        sheet = tiles.swapaxes(1, 2).reshape(n_rows * height, columns * width, 4)
        pictures.append(px.imshow(sheet, binary_string=True, binary_backend="pypng"))
    figure = pictures[0]
    names = [f"{t:.2f}" for t in np.linspace(0, 1, len(frames))]
    figure.frames = [
        go.Frame(name=name, data=[{"type": "image", "source": picture.data[0].source}])
        for name, picture in zip(names, pictures, strict=True)
    ]
    figure.update_traces(hoverinfo="skip", hovertemplate=None)
    apply_theme(figure)
    figure.update_xaxes(visible=False, constrain="domain", constraintoward="left")
    figure.update_yaxes(visible=False, constrain="domain", constraintoward="top")
    figure.update_layout(title=title, height=480, **animation_controls(names, "t = "))
    figure.update_layout(
        sliders=[{"active": 0, "y": -0.02}],
        updatemenus=[{"y": -0.02}],
        margin={"l": 8, "r": 16, "t": 52, "b": 100},
    )
    return figure
