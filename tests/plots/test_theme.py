"""The shared look."""

import subprocess
import sys

import numpy as np
import plotly.graph_objects as go
import pytest

from gradlab.plots.theme import PALETTE, TEXT, apply_theme, fade


def luminance(colour):
    channel = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(channel <= 0.04045, channel / 12.92, ((channel + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_text_reads_on_white_and_on_black():
    assert 1.05 / (luminance(TEXT) + 0.05) > 4.5
    assert (luminance(TEXT) + 0.05) / 0.05 > 4.5


def test_the_first_colours_are_seen_on_white_and_on_black():
    for colour in PALETTE[:4]:
        assert 1.05 / (luminance(colour) + 0.05) > 2.9
        assert (luminance(colour) + 0.05) / 0.05 > 2.9
    assert len(set(PALETTE)) == 8


def test_the_theme_is_transparent_and_returns_the_same_figure():
    figure = go.Figure(go.Scatter(y=[1, 2]), layout={"title": "t"})
    assert apply_theme(figure) is figure
    assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == "rgba(0, 0, 0, 0)"
    assert figure.layout.font.color == TEXT
    assert list(figure.layout.template.layout.colorway) == list(PALETTE)
    assert figure.layout.legend.orientation == "h"
    assert figure.layout.xaxis.automargin
    assert figure.layout.margin.l + figure.layout.margin.r < 0.2 * 400


def test_titles_of_panels_get_room():
    plain = apply_theme(go.Figure())
    panels = apply_theme(go.Figure(layout={"annotations": [{"text": "panel"}]}))
    assert panels.layout.margin.t > plain.layout.margin.t
    assert panels.layout.annotations[0].font.color == TEXT


def test_fading_keeps_the_colour():
    assert fade("#D55E00", 0.25) == "rgba(213, 94, 0, 0.25)"


@pytest.mark.parametrize("module", ["gradlab.plots", "gradlab.nn.perceptron"])
def test_plotly_is_not_loaded_before_a_picture_is_asked_for(module):
    code = f"import sys, {module}; sys.exit('plotly' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
