"""What autoencoders learn, as pictures: reconstructions, patches, sparsity and the data's curve."""

from collections.abc import Callable, Mapping

import numpy as np
import plotly.express as px
import plotly.graph_objects as go
from jaxtyping import Float

from gradlab.errors import DataError
from gradlab.nn.sparsity import bernoulli_divergence
from gradlab.plots.augmentation import TILE, contact_sheet, image_tiles
from gradlab.plots.theme import BLUE, GREEN, VERMILLION, apply_theme, fade

MOST_COLUMNS = 12


def reconstruction_figure(
    images: Float[np.ndarray, "images height width channels"],
    reconstructions: Mapping[str, Float[np.ndarray, "images height width channels"]],
    *,
    corrupted: Float[np.ndarray, "images height width channels"] | None = None,
    title: str = "Reconstructions",
) -> go.Figure:
    """Draw images above what is left of them, with what the encoder was shown between.

    Args:
        images: Pixels from 0 to 1; the first dozen is drawn.
        reconstructions: Name of each autoencoder and what it made of the images.
        corrupted: What it was shown, where that differs.
        title: Of the figure.
    """
    rows = {"original": images}
    if corrupted is not None:
        rows["shown"] = corrupted
    rows |= reconstructions
    n = min(len(images), MOST_COLUMNS)
    drawn = {name: list(row[:n]) for name, row in rows.items()}
    return contact_sheet(drawn, [str(i + 1) for i in range(n)], title=title)


def patches_figure(
    patches: Float[np.ndarray, "units height width channels"],
    *,
    columns: int | None = None,
    title: str = "Inputs that excite each hidden unit most",
) -> go.Figure:
    """Draw one image a hidden unit, each stretched from its own darkest to its brightest pixel.

    Grey that has no channel of its own stands for 0 in every patch: a patch of weights is shown
    about its middle, from minus to plus its largest number.

    Args:
        patches: As `maximizing_inputs` gives them.
        columns: Of the sheet; None makes it about square.
        title: Of the figure.
    """
    n = len(patches)
    columns = int(np.ceil(np.sqrt(n))) if columns is None else columns
    largest = np.abs(patches).max(axis=(1, 2, 3), keepdims=True)
    shown = 0.5 + 0.5 * patches / np.where(largest > 0, largest, 1)
    blank = np.zeros((0, 0, shown.shape[3]))
    filled = [*shown, *[blank] * (-n % columns)]
    rows = [filled[i : i + columns] for i in range(0, len(filled), columns)]
    tiles = image_tiles(rows)
    n_rows, n_columns, height, width, _ = tiles.shape
    sheet = tiles.swapaxes(1, 2).reshape(n_rows * height, n_columns * width, 4)
    figure = px.imshow(sheet, binary_string=True, binary_backend="pypng")
    figure.update_traces(hoverinfo="skip", hovertemplate=None)
    points = round(max(TILE * 0.75 * n_rows * height / max(height, width), TILE))
    figure.update_layout(title=title, height=points + 68)
    apply_theme(figure)
    figure.update_xaxes(visible=False, constrain="domain", constraintoward="left")
    figure.update_yaxes(visible=False, constrain="domain", constraintoward="top")
    figure.update_layout(margin={"l": 8, "b": 8})
    return figure


def sparsity_figure(target: float = 0.2) -> go.Figure:
    """Draw KL(ρ ‖ ρ̂) over ρ̂: 0 at ρ̂ = ρ, and growing on both sides.

    Args:
        target: ρ.
    """
    means = np.linspace(0.005, 0.995, 199)
    values = np.asarray(bernoulli_divergence(target, means))
    figure = go.Figure(
        go.Scatter(
            x=means,
            y=values,
            mode="lines",
            line={"color": BLUE, "width": 2.5},
            name="penalty",
            hovertemplate="ρ̂ = %{x:.3f}: %{y:.3f}<extra></extra>",
            showlegend=False,
        )
    )
    figure.add_trace(
        go.Scatter(
            x=[target],
            y=[0.0],
            mode="markers+text",
            marker={"size": 10, "color": VERMILLION},
            text=[f"ρ = {target:g}"],
            textposition="top center",
            hoverinfo="skip",
            showlegend=False,
            name="target",
        )
    )
    figure.update_xaxes(title="mean activation ρ̂", range=[0, 1])
    figure.update_yaxes(title="KL(ρ ‖ ρ̂), nats", rangemode="tozero")
    figure.update_layout(title="Penalty on a unit that is not sparse", height=380)
    return apply_theme(figure)


def mean_activation_figure(
    codes: Mapping[str, Float[np.ndarray, "rows units"]], *, target: float
) -> go.Figure:
    """Draw the mean activation of every hidden unit, smallest first, beside the wanted one.

    Args:
        codes: Name of each autoencoder and its codes of the same rows.
        target: ρ.
    """
    figure = go.Figure()
    for name, activations in codes.items():
        means = np.sort(activations.mean(axis=0))
        figure.add_trace(
            go.Scatter(x=np.arange(1, len(means) + 1), y=means, mode="markers", name=name)
        )
    figure.add_hline(y=target, line={"color": VERMILLION, "dash": "dash"})
    figure.update_xaxes(title="hidden unit, by its mean")
    figure.update_yaxes(title="mean activation ρ̂", range=[0, 1])
    figure.update_layout(title=f"Mean activations; wanted is ρ = {target:g}", height=380)
    return apply_theme(figure)


def manifold_figure(
    points: Float[np.ndarray, "rows features"],
    reconstruct: Callable[[Float[np.ndarray, "places 2"]], Float[np.ndarray, "places 2"]],
    *,
    arrows: int = 17,
    title: str = "Where a denoising autoencoder moves a point",
) -> go.Figure:
    """Draw data on a curve, and from places all around an arrow g(f(x̃)) − x̃.

    A denoising autoencoder has learnt the way back to the data.

    Args:
        points: Data of two features.
        reconstruct: x̃ -> g(f(x̃)), such as `autoencoder.reconstruct`.
        arrows: Along each side.
        title: Of the figure.

    Raises:
        DataError: If the data has more than two features.
    """
    if points.shape[1] != 2:
        raise DataError(
            f"the picture is of the plane, so the data has 2 features; got {points.shape[1]}."
        )
    low, high = points.min(axis=0), points.max(axis=0)
    room = 0.2 * (high - low)
    axes = [np.linspace(low[i] - room[i], high[i] + room[i], arrows) for i in range(2)]
    places = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2).astype(points.dtype)
    ends = reconstruct(places)
    gap = np.full((len(places), 1), np.nan)
    lines = [
        np.concatenate([places[:, i : i + 1], ends[:, i : i + 1], gap], axis=1) for i in (0, 1)
    ]
    figure = go.Figure(
        go.Scatter(
            x=lines[0].ravel(),
            y=lines[1].ravel(),
            mode="lines",
            line={"color": fade(BLUE, 0.55), "width": 1.2},
            name="way from x̃ …",
            hoverinfo="skip",
        )
    )
    figure.add_trace(
        go.Scatter(
            x=points[:, 0],
            y=points[:, 1],
            mode="markers",
            marker={"size": 5, "color": GREEN},
            name="data",
            hoverinfo="skip",
        )
    )
    figure.add_trace(
        go.Scatter(
            x=ends[:, 0],
            y=ends[:, 1],
            mode="markers",
            marker={"size": 4, "color": VERMILLION},
            name="… to g(f(x̃))",
            hoverinfo="skip",
        )
    )
    figure.update_xaxes(title="x₁", range=[axes[0][0], axes[0][-1]], constrain="domain")
    figure.update_yaxes(
        title="x₂", range=[axes[1][0], axes[1][-1]], scaleanchor="x", constrain="domain"
    )
    figure.update_layout(title=title, height=560)
    return apply_theme(figure)
