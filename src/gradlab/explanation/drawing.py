"""The network of an explanation as a drawing (SVG) with numbers on its edges and in its nodes.

Text is drawn at 12 pixels in a width that a narrow window holds; larger networks scroll.
"""

from typing import NamedTuple

import numpy as np

from gradlab.explanation.document import input_names
from gradlab.explanation.explanation import Explanation, Layer, Parameter
from gradlab.explanation.taps import elementary
from gradlab.explanation.words import number
from gradlab.nn.dense import Dense
from gradlab.report.tables import text

STAGES = ("forward", "loss", "backward", "update", "again")

MOST_WIDE, MOST_COLUMNS, MOST_LABELLED = 6, 8, 16
"""Units of a column, columns, and labelled edges between two columns."""

INPUT, NODE, GAP, LINE, SPACE = 78, 132, 110, 17, 62
"""Widths of a box, of the gap between columns, height of a line of text, space between boxes."""


Pixels = int | float


class Box(NamedTuple):
    """A node: where it stands, and what stands in it (name, value)."""

    x: Pixels
    y: Pixels
    width: Pixels
    lines: list[tuple[str, str]]

    @property
    def height(self) -> Pixels:
        """In pixels."""
        return LINE * len(self.lines) + 10


def drawable(e: Explanation) -> bool:
    """Tell whether the network is a small one of dense layers."""
    if not e.is_textbook or not isinstance(elementary(e.step.network)[0], Dense):
        return False
    blocks = _blocks(e)
    widths = [np.asarray(e.step.x).shape[1], *(block[0].before.shape[1] for block in blocks)]
    return max(widths) <= MOST_WIDE and len(widths) <= MOST_COLUMNS


def network_svg(e: Explanation, stage: str) -> str:
    """Return the drawing of one stage: forward, loss, backward, update or again.

    Args:
        e: What to draw; `drawable`.
        stage: Which numbers stand on it.
    """
    columns = _columns(e, stage)
    tall = max(sum(box.height + SPACE for box in column) for column in columns)
    placed = [_stacked(column, tall) for column in columns]
    edges = "".join(_edges(e, stage, i, placed[i], placed[i + 1]) for i in range(len(placed) - 1))
    nodes = "".join(_node(box, stage) for column in placed for box in column)
    width = placed[-1][0].x + NODE + 6
    height = tall + 6
    outcome, more = _outcome(e, stage, placed[-1], height)
    height += more
    return (
        f'<svg class="network" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'style="width:{1.3 * width:.0f}px;min-width:{min(width, 440):.0f}px" role="img" '
        f'aria-label="{_told(stage)}">'
        f"{edges}{nodes}{outcome}</svg>"
    )


def _told(stage: str) -> str:
    return {
        "forward": "The network with its weights on the edges and what every unit gives.",
        "loss": "The network with its answer and the loss.",
        "backward": "The network with the gradient of every weight on its edge.",
        "update": "The network with the new weights on its edges.",
        "again": "The network with its new weights and what every unit gives now.",
    }[stage]


def _blocks(e: Explanation) -> list[list[Layer]]:
    """Return the layers in blocks, each opened by a dense one."""
    blocks: list[list[Layer]] = []
    for part, layer in zip(elementary(e.step.network), e.layers, strict=True):
        if isinstance(part, Dense):
            blocks.append([])
        blocks[-1].append(layer)
    return blocks


def _columns(e: Explanation, stage: str) -> list[list[Box]]:
    row = e.row
    x = np.asarray(e.step.x)[row]
    named = [(name, number(v)) for name, v in zip(input_names(e), x, strict=True)]
    wide = INPUT if max(len(value) for _, value in named) <= 5 else INPUT + 28
    inputs = [Box(4, 0, wide, [line]) for line in named]
    columns, left = [inputs], 4.0 + wide + GAP
    parameters = {p.name: p for p in e.parameters}
    for block in _blocks(e):
        column = []
        for j in range(block[0].before.shape[1]):
            shown = [layer for layer in block if j < len(layer.units or ())]
            lines = [_line(layer, j, row, stage) for layer in shown]
            bias = parameters.get(f"{block[0].name.block} bias")
            if bias is not None:
                lines.insert(0, (_weight_name(bias, (j,), stage), _weight(bias, (j,), stage)))
            column.append(Box(left, 0, NODE, lines))
        columns.append(column)
        left += NODE + GAP
    return columns


def _line(layer: Layer, j: int, row: int, stage: str) -> tuple[str, str]:
    assert layer.units is not None  # so says `drawable`
    name = layer.units[j]
    if stage == "backward":
        return f"∂E/∂{name}", number(layer.blame[row, j])
    return name, number((layer.after if stage == "again" else layer.before)[row, j])


def _weight(p: Parameter, index: tuple[int, ...], stage: str) -> str:
    if stage == "backward":
        return number(p.gradient[index])
    return number((p.new if stage in ("update", "again") else p.value)[index])


def _weight_name(p: Parameter, index: tuple[int, ...], stage: str) -> str:
    name = p.called(index)
    return f"∂E/∂{name}" if stage == "backward" else name


def _stacked(column: list[Box], tall: Pixels) -> list[Box]:
    step = tall / len(column)
    return [box._replace(y=3 + step * (i + 0.5) - box.height / 2) for i, box in enumerate(column)]


def _edges(e: Explanation, stage: str, i: int, left: list[Box], right: list[Box]) -> str:
    block = _blocks(e)[i][0].name.block
    weight = next(p for p in e.parameters if p.name == f"{block} weight")
    labelled = len(left) * len(right) <= MOST_LABELLED
    lines, labels = [], []
    # Labels stand near their sources, where lines to n targets are 1/(n + 2) of their way apart.
    share = 1 / (len(right) + 2)
    for a, source in enumerate(left):
        for b, target in enumerate(right):
            x0, y0 = source.x + source.width, source.y + source.height / 2
            x1, y1 = target.x, target.y + target.height / 2
            marked = _is_marked(e, weight, (a, b), stage)
            css = ' class="marked"' if marked else ""
            ends = f'x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}"'
            lines.append(f"<line {ends}{css}/>")
            if labelled or marked:
                y = y0 + share * (y1 - y0) + 4
                labels.append(
                    f'<text class="edge{" marked" if marked else ""}" x="{x0 + 10:.1f}" '
                    f'y="{y:.1f}"><tspan class="of">{text(weight.called((a, b)))}</tspan> '
                    f"{text(_weight(weight, (a, b), stage))}</text>"
                )
    return "".join([*lines, *labels])


def _is_marked(e: Explanation, weight: Parameter, index: tuple[int, ...], stage: str) -> bool:
    if stage != "backward" or e.chosen is None:
        return False
    chosen = e.parameters[e.chosen[0].parameter]
    return chosen is weight and e.chosen[0].index == index


def _node(box: Box, stage: str) -> str:
    lines = "".join(
        f'<text x="{box.x + 8:.1f}" y="{box.y + 5 + LINE * (i + 0.75):.1f}">'
        f'<tspan class="of">{text(name)}</tspan></text>'
        f'<text class="value" x="{box.x + box.width - 8:.1f}" '
        f'y="{box.y + 5 + LINE * (i + 0.75):.1f}">{text(value)}</text>'
        for i, (name, value) in enumerate(box.lines)
    )
    return (
        f'<rect x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" '
        f'height="{box.height:.1f}" rx="8"/>{lines}'
    )


def _outcome(e: Explanation, stage: str, outputs: list[Box], top: Pixels) -> tuple[str, Pixels]:
    """Return the box of the loss below the outputs, and how much taller the drawing becomes."""
    if stage not in ("loss", "again", "backward"):
        return "", 0.0
    loss = e.new_loss if stage == "again" else e.loss
    y = np.asarray(e.step.y)[e.row].astype(float)
    lines = [("y", ", ".join(number(v) for v in np.atleast_1d(y)[:3])), ("E", number(loss))]
    box = Box(outputs[-1].x, top + 14, NODE, lines)
    bottom = outputs[-1].y + outputs[-1].height
    middle = box.x + box.width / 2
    line = f'<line x1="{middle:.1f}" y1="{bottom:.1f}" x2="{middle:.1f}" y2="{box.y:.1f}"/>'
    return f'{line}<g class="loss">{_node(box, stage)}</g>', box.height + 20
