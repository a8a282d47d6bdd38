"""The look that all figures share: colours for everyone, light and dark pages, narrow screens."""

import plotly.graph_objects as go

BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, YELLOW, GREY = "#E69F00", "#56B4E9", "#F0E442", "#767676"

PALETTE = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, GREY, YELLOW)
"""The colours of Okabe and Ito (2008), told apart with every kind of colour vision.

Grey stands for their black, which vanishes on a dark page, and the colours that are hard to see
on white come late.
"""

DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
"""Second sign beside the colour, for print and for more lines than colours."""

SEQUENTIAL = "Cividis"  # even steps of lightness, made for colour-blind readers
TEXT = GREY  # contrast 4.5 on white and 4.6 on black: one figure serves both pages
GRID = "rgba(128, 128, 128, 0.25)"
AXIS = "rgba(128, 128, 128, 0.6)"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif"


def fade(colour: str, opacity: float) -> str:
    """Return a colour of the palette, written #RRGGBB, with an opacity from 0 to 1.

    >>> fade("#0072B2", 0.5)
    'rgba(0, 114, 178, 0.5)'
    """
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity})"


def apply_theme(figure: go.Figure) -> go.Figure:
    """Give a figure the shared look, in place, and return it.

    The background is transparent and text is a grey that reads on white and on black. Margins
    grow with the labels, and the legend lies below, so that 400 pixels of width are enough.
    """
    axis = {
        "gridcolor": GRID,
        "zerolinecolor": AXIS,
        "linecolor": AXIS,
        "automargin": True,
        "title": {"standoff": 8},
    }
    scene_axis = {
        "gridcolor": GRID,
        "zerolinecolor": AXIS,
        "backgroundcolor": "rgba(0, 0, 0, 0)",
    }
    figure.update_layout(
        template={"layout": {"colorway": list(PALETTE)}},
        paper_bgcolor="rgba(0, 0, 0, 0)",
        plot_bgcolor="rgba(0, 0, 0, 0)",
        font={"family": FONT, "size": 13, "color": TEXT},
        title={
            "font": {"size": 16},
            "x": 0,
            "xref": "paper",
            "xanchor": "left",
            "y": 1,
            "yref": "container",
            "yanchor": "top",
            "pad": {"t": 14},
        },
        margin={"l": 48, "r": 16, "t": 76 if figure.layout["annotations"] else 52, "b": 48},
        legend={
            "orientation": "h",
            "yref": "container",
            "y": 0.01,
            "yanchor": "bottom",
            "x": 0,
            "xanchor": "left",
        },
        hoverlabel={"font": {"family": FONT}},
    )
    figure.update_xaxes(axis)
    figure.update_yaxes(axis)
    figure.update_scenes(xaxis=scene_axis, yaxis=scene_axis, zaxis=scene_axis)
    figure.update_annotations(font={"color": TEXT})
    return figure
