"""The stages of a stacked autoencoder: each layer learns to give back the codes below it."""

from collections.abc import Sequence

import plotly.graph_objects as go

from gradlab.plots.flow import Arrow, Box, flow_figure
from gradlab.plots.theme import BLUE, GREEN, GREY, ORANGE

STEP = 1.15


def stages_figure(widths: Sequence[int], *, n_outputs: int | None = None) -> go.Figure:
    """Draw the pre-training of each layer, a line each, and the fine tuning of all of them.

    Args:
        widths: Inputs, then units of each layer.
        n_outputs: Classes of the classifier that fine tuning makes of it; None tunes the
            reconstruction, down to the code and up again.

    Source: catalogue AUT-04 and AUT-05; Bengio et al. 2007, "Greedy layer-wise training of deep
    networks".
    """
    n_stages = len(widths) - 1
    lines = [
        (f"stage {i + 1}", [widths[i], widths[i + 1], widths[i]], [BLUE, GREEN, GREY])
        for i in range(n_stages)
    ]
    if n_outputs is None:
        down = list(widths)
        colours = [BLUE, *[GREEN] * n_stages, *[GREY] * n_stages]
        lines.append(("fine tuning", down + down[-2::-1], colours))
    else:
        colours = [BLUE, *[GREEN] * n_stages, ORANGE]
        lines.append(("fine tuning", [*widths, n_outputs], colours))
    boxes, arrows = {}, []
    for line, (name, units, hues) in enumerate(lines):
        y = len(lines) - 1 - line
        for place, (n, colour) in enumerate(zip(units, hues, strict=True)):
            word = "" if place else f"{name}<br>"
            boxes[f"{line}.{place}"] = Box(f"{word}{n} units", STEP * place, y, colour)
            if place:
                arrows.append(Arrow(f"{line}.{place - 1}", f"{line}.{place}"))
    return flow_figure(boxes, arrows, title="Layer by layer, then all together", row_pixels=84)
