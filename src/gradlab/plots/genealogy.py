"""The family tree of optimizers, by what each changed: the direction or the size of the step."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from gradlab.plots.theme import BLUE, GREEN, GREY, TEXT, VERMILLION, apply_theme, fade

COLUMNS = {"direction": (0.0, BLUE), "size": (2.0, VERMILLION)}
MIDDLE = (1.0, GREEN)
"""Column and colour of those that change both; roots stand in the column too."""


def genealogy_figure(
    parents: Mapping[str, Sequence[str]], changes: Mapping[str, str], *, title: str = "Family tree"
) -> go.Figure:
    """Draw each member below its parents: left if it turns the step, right if it sizes it.

    Args:
        parents: Names of the parents by name; () for a root.
        changes: "direction" or "size" by name; anything else stands in the middle.
        title: Title.
    """
    generation: dict[str, int] = {}

    def count(name: str) -> int:
        if name not in generation:
            generation[name] = 1 + max((count(parent) for parent in parents[name]), default=-1)
        return generation[name]

    for name in parents:
        count(name)
    place = _places(parents, changes, generation)
    figure = go.Figure()
    for child, of in parents.items():
        for parent in of:
            (x0, y0), (x1, y1) = place[parent], place[child]
            figure.add_trace(
                go.Scatter(
                    x=[x0, x1],
                    y=[y0, y1],
                    mode="lines",
                    line={"color": fade(GREY, 0.7), "width": 1.5},
                    name=f"{parent} → {child}",
                    showlegend=False,
                    hoverinfo="name",
                )
            )
    for label, (_, colour) in (*COLUMNS.items(), ("both", MIDDLE)):
        names = [
            name for name in parents if COLUMNS.get(changes.get(name, ""), MIDDLE)[1] == colour
        ]
        figure.add_trace(
            go.Scatter(
                x=[place[name][0] for name in names],
                y=[place[name][1] for name in names],
                mode="markers+text",
                text=names,
                textposition="middle right",
                textfont={"color": TEXT},
                marker={"color": colour, "size": 14},
                name={"direction": "which direction", "size": "how far"}.get(label, "both"),
            )
        )
    figure.update_xaxes(visible=False, range=(-0.7, 3.6))
    deepest = max(generation.values())
    figure.update_yaxes(visible=False, range=(-deepest - 0.4, 0.6))
    figure.update_layout(title=title, height=140 + 100 * (deepest + 1))
    return apply_theme(figure)


def _places(
    parents: Mapping[str, Sequence[str]],
    changes: Mapping[str, str],
    generation: Mapping[str, int],
) -> dict[str, tuple[float, float]]:
    """Give each a column by its idea and a height by its generation; cousins stand apart."""
    groups: dict[tuple[float, int], list[str]] = {}
    for name in parents:
        column = COLUMNS.get(changes.get(name, ""), MIDDLE)[0] if parents[name] else MIDDLE[0]
        groups.setdefault((column, generation[name]), []).append(name)
    place = {}
    for (column, depth), names in groups.items():
        for i, name in enumerate(names):
            aside = i - (len(names) - 1) / 2
            place[name] = (column + 0.6 * aside, -depth - 0.35 * (i % 2 if len(names) > 1 else 0))
    return place
