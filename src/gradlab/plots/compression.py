"""Compressed pictures: quality against size, and what they look like."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.express as px
import plotly.graph_objects as go
import polars as pl
from jaxtyping import UInt8
from plotly.subplots import make_subplots

from gradlab.plots.theme import DASHES, PALETTE, apply_theme

TICKS = [digit * 10.0**power for power in range(-3, 7) for digit in (1, 3)]
"""Of a logarithmic axis that is 300 points wide."""


def compression_figure(
    tables: Mapping[str, pl.DataFrame], *, title: str = "Quality against size"
) -> go.Figure:
    """Draw PSNR and, below it, SSIM over the bytes stored, a line for each way to compress.

    Args:
        tables: Name of each way and its table: components, bytes, psnr, ssim.
        title: Of the figure.
    """
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.07)
    for i, (name, table) in enumerate(tables.items()):
        for row, column in ((1, "psnr"), (2, "ssim")):
            own = table.filter(pl.col(column).is_finite())
            figure.add_trace(
                go.Scatter(
                    x=own["bytes"].to_numpy() / 1000,
                    y=own[column].to_numpy(),
                    customdata=own["components"].to_numpy(),
                    mode="lines+markers",
                    name=name,
                    legendgroup=name,
                    showlegend=row == 1 and len(tables) > 1,
                    line={"color": PALETTE[i % len(PALETTE)], "dash": DASHES[i % len(DASHES)]},
                    hovertemplate="%{customdata} components, %{x:.3g} kB: %{y:.4g}<extra></extra>",
                ),
                row=row,
                col=1,
            )
    figure.update_xaxes(title="kB stored", row=2, col=1)
    figure.update_yaxes(title="PSNR, dB", row=1, col=1)
    figure.update_yaxes(title="SSIM", row=2, col=1)
    figure.update_xaxes(type="log", tickvals=TICKS, tickformat="~g", tickangle=0)
    figure.update_layout(title=title, height=480)
    return apply_theme(figure)


def compressed_pictures_figure(
    original: UInt8[np.ndarray, "..."],
    compressed: Mapping[int, UInt8[np.ndarray, "..."]],
    table: pl.DataFrame,
    *,
    columns: int = 3,
    title: str = "Reconstructed from the first components",
) -> go.Figure:
    """Draw a picture from few and from many components, and itself, with size and PSNR.

    Args:
        original: (height, width) or (height, width, channels).
        compressed: Number of components and the picture.
        table: A row for each: components, bytes, psnr.
        columns: Pictures beside each other.
        title: Of the figure.
    """
    facts = {row["components"]: row for row in table.iter_rows(named=True)}
    pictures = {}
    for n, image in sorted(compressed.items()):
        size, quality = facts[n]["bytes"] / 1000, facts[n]["psnr"]
        name = f"{n} component{'s' * (n != 1)}<br>{size:.3g} kB, {quality:.1f} dB"
        pictures[name] = image
    pictures[f"original<br>{original.nbytes / 1000:.3g} kB"] = original
    n_rows = -(-len(pictures) // columns)
    height, width = original.shape[:2]
    figure = make_subplots(
        rows=n_rows,
        cols=columns,
        subplot_titles=list(pictures),
        horizontal_spacing=0.02,
        vertical_spacing=min(0.16, 0.5 / n_rows),
    )
    for i, image in enumerate(pictures.values()):
        figure.add_trace(_picture(image), row=i // columns + 1, col=i % columns + 1)
    figure.update_layout(title=title, height=round(90 + n_rows * (60 + 220 * height / width)))
    apply_theme(figure)
    figure.update_xaxes(visible=False, constrain="domain")
    figure.update_yaxes(visible=False, constrain="domain", constraintoward="top")
    figure.update_annotations(font={"size": 12})
    figure.update_layout(margin={"l": 8, "r": 8, "b": 8, "t": 100})
    return figure


def _picture(image: np.ndarray) -> go.Image:
    """Return the picture as a PNG inside the page, a tenth of the size of its numbers."""
    flat = image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image
    trace: Any = px.imshow(flat, binary_string=True, binary_backend="pypng").data[0]
    return go.Image(source=trace.source, hoverinfo="skip")
