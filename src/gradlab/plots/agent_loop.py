"""Agent and environment as boxes: the loop between them, the elements of an agent, a floor plan."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from gradlab.plots.flow import Arrow, Box, flow_figure
from gradlab.plots.grid_map import FREE, WALL, draw_walls, fit_map
from gradlab.plots.theme import BLUE, GREEN, ORANGE, PALETTE, PURPLE, TEXT, apply_theme, fade


def agent_loop_figure() -> go.Figure:
    """Draw the loop: the agent acts, the environment answers with reward and observation.

    At step t the agent takes A_t; the environment gives R_{t+1} and O_{t+1}.
    """
    boxes = {
        "agent": Box("agent<br>S<sub>t</sub> = f(H<sub>t</sub>)", 0.0, 1, BLUE),
        "environment": Box("environment", 0.0, 0, GREEN),
    }
    arrows = (
        Arrow("agent", "environment", "action A<sub>t</sub>"),
        Arrow("environment", "agent", "reward R<sub>t+1</sub>,<br>observation O<sub>t+1</sub>",
              around=True),
    )  # fmt: skip
    figure = flow_figure(boxes, arrows, title="Agent and environment", row_pixels=120)
    return figure.update_xaxes(range=(-0.5, 1.15))


def agent_elements_figure() -> go.Figure:
    """Draw what an agent may consist of: policy, reward, value, and a model, which is optional."""
    boxes = {
        "reward": Box("reward signal<br>what was good just now", 0.0, 1, ORANGE),
        "value": Box("value function<br>what is good in the long run", 1.35, 1, BLUE),
        "model": Box("model (optional)<br>what would follow", 0.0, 0, PURPLE),
        "policy": Box("policy<br>what to do", 1.35, 0, GREEN),
    }
    arrows = (
        Arrow("reward", "value", "adds up to"),
        Arrow("value", "policy", "is followed by"),
        Arrow("model", "policy", "plans for"),
    )
    return flow_figure(boxes, arrows, title="Elements of an agent", row_pixels=120)


def floor_plan_figure(
    rows: Sequence[str], legend: Mapping[str, str], *, title: str = "Floor plan"
) -> go.Figure:
    """Draw a text map: a colour and a letter a kind of cell.

    Args:
        rows: The map, one string a row; # is a wall.
        legend: Meaning of the letters.
        title: Title.
    """
    figure = go.Figure()
    kinds = [letter for letter in legend if letter != WALL and any(letter in row for row in rows)]
    size = 0.72 * min(72.0, 420.0 / len(rows), 560.0 / len(rows[0]))
    marked = [letter for letter in kinds if letter not in FREE]
    for letter in kinds:
        places = np.array(
            [(r, c) for r, row in enumerate(rows) for c, x in enumerate(row) if x == letter]
        )
        plain = letter in FREE
        colour = TEXT if plain else PALETTE[marked.index(letter) % len(PALETTE)]
        figure.add_trace(
            go.Scatter(
                x=places[:, 1],
                y=places[:, 0],
                mode="markers" if plain else "markers+text",
                text=[letter] * len(places),
                textfont={"color": TEXT, "size": 14},
                marker={
                    "symbol": "square",
                    "size": size,
                    "color": fade(colour, 0.08 if plain else 0.3),
                    "line": {"width": 0},
                },
                name=f"{letter} {legend[letter]}",
                hovertemplate=f"{legend[letter]}<extra></extra>",
            )
        )
    draw_walls(figure, rows)
    figure.update_layout(title=title)
    figure = fit_map(apply_theme(figure), rows)
    height = figure.layout["height"] + 60
    return figure.update_layout(
        height=height, margin_b=72, legend={"itemsizing": "constant", "font": {"size": 12}}
    )
