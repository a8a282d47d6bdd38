"""The two networks of a GAN as boxes and arrows."""

import plotly.graph_objects as go

from gradlab.plots.flow import Arrow, Box, flow_figure
from gradlab.plots.theme import BLUE, GREEN, ORANGE, PURPLE

STEP = 1.35


def adversarial_figure(*, noise_size: int | None = None) -> go.Figure:
    """Draw noise → generator → made row, and made and real rows → discriminator → its answer.

    Args:
        noise_size: Numbers of noise; None leaves them out.

    Source: Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661; catalogue GEN-03…GEN-05.
    """
    size = "" if noise_size is None else f"<br>{noise_size} numbers"
    boxes = {
        "z": Box(f"noise z{size}", 0, 0, PURPLE),
        "G": Box("generator<br>G(z)", 0, 1, GREEN),
        "data": Box("data<br>x", STEP, 1, BLUE),
        "D": Box("discriminator<br>D(x), D(G(z))", STEP / 2, 2, BLUE),
        "answer": Box("real or made?<br>0 to 1", STEP / 2, 3, ORANGE),
    }
    arrows = [Arrow("z", "G"), Arrow("G", "D"), Arrow("data", "D"), Arrow("D", "answer")]
    title = "One network makes, the other judges"
    return flow_figure(boxes, arrows, title=title, row_pixels=96)
