"""Eigenfaces as pictures, and faces from more and more of them."""

from collections.abc import Mapping

import numpy as np
import plotly.express as px
import plotly.graph_objects as go
from jaxtyping import Float

from gradlab.errors import DataError
from gradlab.plots.augmentation import contact_sheet, image_tiles
from gradlab.plots.theme import TEXT, apply_theme


def eigenfaces_figure(
    mean_face: Float[np.ndarray, "..."],
    eigenfaces: Float[np.ndarray, "faces ..."],
    *,
    contribution: Float[np.ndarray, " faces"] | None = None,
    columns: int = 6,
    title: str = "Mean face and eigenfaces",
) -> go.Figure:
    """Draw the mean face and then the eigenfaces, line by line, with what each contributes.

    Args:
        mean_face: (height, width) or (height, width, channels); stretched from its darkest
            pixel to its brightest.
        eigenfaces: As `EigenFaces.images()` gives them, from 0 to 1; the last line is cut short
            so that all lines are full, where there are several.
        contribution: Share of each in the whole variance.
        columns: Of the sheet.
        title: Of the figure.

    Raises:
        DataError: If the shapes differ.
    """
    if mean_face.shape != eigenfaces.shape[1:]:
        raise DataError(
            f"the mean face has shape {mean_face.shape}, the eigenfaces {eigenfaces.shape[1:]}."
        )
    pictures = [_pixels(_stretched(mean_face)), *(_pixels(face) for face in eigenfaces)]
    words = ["mean"] + [
        f"{i + 1}" + ("" if contribution is None else f": {contribution[i]:.1%}")
        for i in range(len(eigenfaces))
    ]
    columns = min(columns, len(pictures))
    blank = np.zeros((0, 0, pictures[0].shape[2]))
    filled = [*pictures, *[blank] * (-len(pictures) % columns)]
    rows = [filled[i : i + columns] for i in range(0, len(filled), columns)]
    tiles = image_tiles(rows)
    n_rows, _, height, width, _ = tiles.shape
    # Room for a line of words above each row of pictures.
    room = max(2, round(0.2 * width))
    tiles = np.pad(tiles, [(0, 0), (0, 0), (room, 0), (0, 0), (0, 0)])
    height += room
    sheet = tiles.swapaxes(1, 2).reshape(n_rows * height, columns * width, 4)
    figure = px.imshow(sheet, binary_string=True, binary_backend="pypng")
    figure.update_traces(hoverinfo="skip", hovertemplate=None)
    figure.update_layout(title=title, height=round(70 + 110 * n_rows * height / width))
    apply_theme(figure)
    figure.update_xaxes(visible=False, constrain="domain", constraintoward="left")
    figure.update_yaxes(visible=False, constrain="domain", constraintoward="top")
    figure.update_layout(margin={"l": 8, "r": 8, "b": 8, "t": 52})
    for i, text in enumerate(words):
        figure.add_annotation(
            x=(i % columns + 0.5) * width,
            y=(i // columns) * height + room - 1,
            text=text,
            showarrow=False,
            yanchor="bottom",
            font={"size": 11, "color": TEXT},
        )
    return figure


def face_reconstruction_figure(
    faces: Float[np.ndarray, "faces height width *channels"],
    reconstructions: Mapping[int, Float[np.ndarray, "faces height width *channels"]],
    *,
    title: str = "Faces from the first eigenfaces",
) -> go.Figure:
    """Draw a line for each face: the mean and more and more eigenfaces, and the face itself.

    Args:
        faces: The faces; half a dozen is plenty. Pixels of any range: black and white are the
            darkest and brightest of all faces.
        reconstructions: Number of eigenfaces and what they make of the faces.
        title: Of the figure.
    """
    low, high = float(faces.min()), float(faces.max())
    span = (high - low) or 1.0
    counts = sorted(reconstructions)
    rows = {
        f"face {i + 1}": [
            _pixels((picture - low) / span)
            for picture in [*(reconstructions[n][i] for n in counts), faces[i]]
        ]
        for i in range(len(faces))
    }
    return contact_sheet(rows, [*map(str, counts), "face"], title=title)


def _stretched(image: np.ndarray) -> np.ndarray:
    low, high = float(image.min()), float(image.max())
    return (image - low) / ((high - low) or 1.0)


def _pixels(image: np.ndarray) -> np.ndarray:
    """Return an image with a channel axis, in float64."""
    return np.atleast_3d(np.asarray(image, np.float64))
