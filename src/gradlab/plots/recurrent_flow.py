"""Recurrent networks as boxes and arrows: unrolled over time, stacked, and inside a cell."""

from collections.abc import Mapping

import plotly.graph_objects as go

from gradlab.errors import RecipeError, unknown
from gradlab.plots.flow import Arrow, Box, flow_figure
from gradlab.plots.theme import BLUE, GREEN, ORANGE, PURPLE

STRUCTURES: Mapping[str, tuple[str, str]] = {
    "one to one": ("x", "y"),
    "one to many": ("x..", "yyy"),
    "many to one": ("xxx", "..y"),
    "many to many": ("xxx", "yyy"),
    "delayed": ("xxx..", "...yy"),
}
"""Name -> at which steps there are inputs and outputs; names as in `nn.recurrent.structures`."""


def structure_figure(structure: str, *, layers: int = 1) -> go.Figure:
    """Draw a network unrolled over time: inputs below, a cell a step and layer, outputs above.

    Args:
        structure: In STRUCTURES.
        layers: Cells stacked upon each other; the state of each goes to the right.

    Raises:
        RecipeError: If there is no such structure.

    Source: catalogue RNN-01 and RNN-03.
    """
    if structure not in STRUCTURES:
        raise RecipeError(unknown("structure", structure, STRUCTURES))
    inputs, outputs = STRUCTURES[structure]
    boxes, arrows = {}, []
    for t in range(len(inputs)):
        for layer in range(1, layers + 1):
            name = "h" if layers == 1 else f"h<sup>{layer}</sup>"
            boxes[f"h{layer}{t}"] = Box(f"{name}<sub>{t + 1}</sub>", 1.15 * t, layer, GREEN)
            if t:
                arrows.append(Arrow(f"h{layer}{t - 1}", f"h{layer}{t}"))
            if layer > 1:
                arrows.append(Arrow(f"h{layer - 1}{t}", f"h{layer}{t}"))
        if inputs[t] == "x":
            boxes[f"x{t}"] = Box(f"x<sub>{t + 1}</sub>", 1.15 * t, 0, BLUE)
            arrows.append(Arrow(f"x{t}", f"h1{t}"))
        if outputs[t] == "y":
            boxes[f"y{t}"] = Box(f"y<sub>{t + 1}</sub>", 1.15 * t, layers + 1, ORANGE)
            arrows.append(Arrow(f"h{layers}{t}", f"y{t}"))
    title = structure[0].upper() + structure[1:]
    return flow_figure(boxes, arrows, title=title, row_pixels=84)


def cell_figure(cell: str) -> go.Figure:
    """Draw what a cell computes: gates, and the states that they let through.

    x is the input of a step, h′ and C′ are the states of the step before, ∘ is the product of
    numbers at the same place; biases are left out. The GRU is the documents', Cho et al. 2014 (see
    `nn.GRUCell`).

    Args:
        cell: "rnn", "lstm", "peephole" or "gru".

    Raises:
        RecipeError: If there is no drawing of it.

    Source: catalogue RNN-05…RNN-13; Gers and Schmidhuber 2000 for peepholes.
    """
    drawings = {"rnn": _rnn, "lstm": _lstm, "peephole": _peephole, "gru": _gru}
    if cell not in drawings:
        raise RecipeError(unknown("cell", cell, drawings))
    boxes, arrows, title = drawings[cell]()
    return flow_figure(boxes, arrows, title=title, row_pixels=104)


Drawing = tuple[dict[str, Box], list[Arrow], str]
STEP = 1.25
"""From the middle of a box to that of the next."""


def _rnn() -> Drawing:
    boxes = {
        "in": Box("input x, state h′", 0, 0, BLUE),
        "h": Box("state<br>h = tanh(x W + h′ R)", 0, 1, GREEN),
        "next": Box("to the output<br>and the next step", 0, 2, ORANGE),
    }
    return boxes, [Arrow("in", "h"), Arrow("h", "next")], "A simple recurrent cell"


def _lstm() -> Drawing:
    boxes = {
        "f": Box(_gate("forget gate", "f"), 0, 0, PURPLE),
        "i": Box(_gate("input gate", "i"), STEP, 0, PURPLE),
        "C": Box("cell state<br>C = f ∘ C′ + i ∘ g", 0, 1, GREEN),
        "g": Box("candidate<br>g = tanh(x W<sub>g</sub><br>+ h′ R<sub>g</sub>)", STEP, 1, GREEN),
        "h": Box("state<br>h = o ∘ tanh(C)", 0, 2, ORANGE),
        "o": Box(_gate("output gate", "o"), STEP, 2, PURPLE),
    }
    arrows = [Arrow(part, "C") for part in "fig"]
    return boxes, [*arrows, Arrow("C", "h"), Arrow("o", "h")], "Long short-term memory"


def _peephole() -> Drawing:
    boxes, arrows, _ = _lstm()
    boxes["C′"] = Box("cell state before<br>C′", 0, -1, GREEN)
    arrows += [Arrow("C′", "f", "p<sub>f</sub>"), Arrow("C′", "i", "p<sub>i</sub>")]
    arrows += [Arrow("C", "o", "p<sub>o</sub>")]
    return boxes, arrows, "LSTM with peepholes: gates see C"


def _gru() -> Drawing:
    boxes = {
        "r": Box(_gate("reset gate", "r"), 0, 0, PURPLE),
        "z": Box(_gate("update gate", "z"), STEP, 0, PURPLE),
        "n": Box("candidate<br>n = tanh(x W<sub>n</sub><br>+ (r ∘ h′) R<sub>n</sub>)", 0, 1, GREEN),
        "h": Box("state<br>h = (1 − z) ∘ n<br>+ z ∘ h′", STEP, 1, ORANGE),
    }
    return boxes, [Arrow("r", "n"), Arrow("n", "h"), Arrow("z", "h")], "Gated recurrent unit"


def _gate(name: str, letter: str) -> str:
    return f"{name}<br>{letter} = σ(x W<sub>{letter}</sub><br>+ h′ R<sub>{letter}</sub>)"
