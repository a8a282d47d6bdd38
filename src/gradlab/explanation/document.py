"""An explanation as headings, sentences, formulas and tables, for whatever writes it down."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradlab.explanation.cost import OPERATIONS_A_SECOND, dense_cost
from gradlab.explanation.explanation import Explanation, Layer, Parameter
from gradlab.explanation.recurrent import TimeSteps
from gradlab.explanation.taps import elementary
from gradlab.explanation.tracks import formulas_of_weight
from gradlab.explanation.words import LOSS_FORMULAS, added, factor, number, numbers, optimizer_line
from gradlab.nn.dense import Dense
from gradlab.training.predict import probabilities

MOST_ROWS = 6
"""Rows of a batch that stand side by side; of larger ones the chosen row does."""

MOST_LINES = 70
"""Lines of a table of weights."""


@dataclass(frozen=True)
class Heading:
    """A heading; level 1 is the title."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Sentence:
    """Words."""

    text: str


@dataclass(frozen=True)
class Formula:
    """A line of mathematics."""

    text: str


@dataclass(frozen=True)
class Grid:
    """A table of texts; the first column names, the others are numbers."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Block = Heading | Sentence | Formula | Grid


def document(explanation: Explanation) -> list[Block]:
    """Return an explanation from top to bottom."""
    return [
        Heading(explanation.title, 1),
        *(Sentence(note) for note in explanation.notes),
        *forward(explanation),
        *loss(explanation),
        *backward(explanation),
        *update(explanation),
        *again(explanation),
        *cost(explanation),
    ]


def forward(e: Explanation) -> list[Block]:
    """Return step 1: what every layer gives."""
    blocks: list[Block] = [Heading("1. Forward")]
    blocks += [Formula(line) for line in sums(e)]
    if e.is_textbook:
        blocks.append(units_grid(e, [layer.before for layer in e.layers], "Every number, forwards"))
    else:
        blocks.append(_layers_grid(e))
    for layer in e.layers:
        blocks += _details(e, layer)
    return [*blocks, *_unit(e)]


def sums(e: Explanation) -> list[str]:
    """Return the weighted sum of every unit of a textbook network, "a1 = 0.5 × 0.5 + …"."""
    if not e.is_textbook:
        return []
    x, lines = np.asarray(e.step.x)[e.row], []
    parameters = {p.name: p for p in e.parameters}
    for part, layer in zip(elementary(e.step.network), e.layers, strict=True):
        if isinstance(part, Dense) and layer.units is not None:
            weight = parameters[f"{layer.name.block} weight"]
            bias = parameters.get(f"{layer.name.block} bias")
            for j, unit in enumerate(layer.units):
                names = [f"{weight.called((i, j))}·{n}" for i, n in enumerate(_inputs(e, layer))]
                terms = [
                    f"{number(w)} × {factor(v)}" for w, v in zip(weight.value[:, j], x, strict=True)
                ]
                if bias is not None:
                    names.append(bias.called((j,)))
                    terms.append(number(bias.value[j]))
                value = number(layer.before[e.row, j])
                lines.append(f"{unit} = {' + '.join(names)} = {added(terms)} = {value}")
        elif layer.units is not None:
            before = _inputs(e, layer)
            lines += [
                f"{unit} = {layer.name.what}({name}) = {layer.name.what}({number(v)}) = {number(y)}"
                for unit, name, v, y in zip(
                    layer.units, before, x, layer.before[e.row], strict=True
                )
            ]
        x = layer.before[e.row]
    return lines


def _inputs(e: Explanation, layer: Layer) -> Sequence[str]:
    position = e.layers.index(layer)
    if position == 0:
        return input_names(e)
    return e.layers[position - 1].units or ()


def input_names(e: Explanation) -> list[str]:
    """Return x1, x2, … of a row."""
    width = np.asarray(e.step.x).shape[1]
    return ["x"] if width == 1 else [f"x{i + 1}" for i in range(width)]


def units_grid(e: Explanation, values: Sequence[np.ndarray], caption: str) -> Grid:
    """Return the numbers of every unit, a column a row of the batch."""
    rows = list(range(e.step.n_rows)) if e.step.n_rows <= MOST_ROWS else [e.row]
    columns = ("", "layer", *_row_titles(e, rows))
    x = np.asarray(e.step.x)
    lines = []
    for i, name in enumerate(input_names(e)):
        lines.append((name, "input", *numbers(x[rows, i])))
    for layer, value in zip(e.layers, values, strict=True):
        for j, unit in enumerate(layer.units or ()):
            lines.append((unit, layer.name.label, *numbers(value[rows, j])))
    return Grid(caption, columns, tuple(lines))


def _row_titles(e: Explanation, rows: Iterable[int]) -> tuple[str, ...]:
    rows = tuple(rows)
    if e.step.n_rows == 1:
        return ("value",)
    return tuple(f"row {row}" for row in rows)


def _layers_grid(e: Explanation) -> Grid:
    lines = []
    for layer in e.layers:
        y, g = layer.before, layer.blame
        shape = "×".join(map(str, y.shape[1:]))
        share = float(np.mean(y == 0))
        stats = (y.mean(), y.std(), np.linalg.norm(y), np.linalg.norm(g))
        lines.append((layer.name.label, shape, f"{100 * share:.3g} %", *numbers(stats)))
    columns = ("layer", "shape", "zeros", "mean", "spread", "‖output‖", "‖∂E/∂output‖")
    return Grid(f"Every layer, over {e.step.n_rows} rows", columns, tuple(lines))


def _details(e: Explanation, layer: Layer) -> list[Block]:
    blocks: list[Block] = []
    details = layer.details
    if "kept" in details:
        kept = details["kept"][e.row]
        shown = "".join("1" if on else "0" for on in kept.ravel()[:120])
        dots = " …" if kept.size > 120 else ""
        blocks.append(
            Sentence(
                f"{layer.name.label} keeps {int(kept.sum())} of {kept.size} numbers of row {e.row} "
                f"(1 = kept): {shown}{dots}"
            )
        )
    if "noise" in details:
        noise = details["noise"][e.row].ravel()
        blocks.append(Sentence(f"{layer.name.label} adds to row {e.row}: {_listed(noise)}"))
    if "mean" in details:
        mean, variance = details["mean"], details["variance"]
        shared = "batch" in layer.name.what
        which = "over the batch" if shared and e.step.training else "kept from training"
        if not shared:
            mean, variance = np.atleast_1d(mean[e.row]), np.atleast_1d(variance[e.row])
            which = f"of row {e.row}"
        mean, variance = mean.ravel(), variance.ravel()
        blocks.append(
            Sentence(
                f"{layer.name.label}, {which}: mean {_listed(mean)}; variance {_listed(variance)}."
            )
        )
    for times in layer.times:
        blocks += _time_steps(e, layer, times)
    return blocks


def _time_steps(e: Explanation, layer: Layer, times: TimeSteps) -> list[Block]:
    columns = list(times.numbers.items())
    columns += [(f"∂E/∂{name}", values) for name, values in times.blame.items()]
    title = f" {times.title}" if times.title else ""
    lines = [
        (f"{t}", name, _listed(values[i, e.row], most=8))
        for i, t in enumerate(times.times)
        if times.real[i, e.row]
        for name, values in columns
    ]
    lines, cut = lines[: 4 * MOST_LINES], len(lines) > 4 * MOST_LINES
    more = ", its first steps" if cut else ""
    caption = f"{layer.name.label}{title}, unrolled over row {e.row}{more}"
    return [Grid(caption, ("time", "what", "units"), tuple(lines))]


def _listed(values: np.ndarray, most: int = 12) -> str:
    shown = ", ".join(numbers(values[:most]))
    return shown + (", …" if len(values) > most else "")


def _unit(e: Explanation) -> list[Block]:
    detail = e.unit
    if detail is None:
        return []
    name = f"{e.layers[detail.layer].name.label}[{', '.join(map(str, detail.index))}]"
    lines = tuple(
        (str(list(t.place)), number(t.value), number(t.factor), number(t.product))
        for t in detail.terms
    )
    factor = "weight" if detail.is_sum else "∂output/∂input"
    of = f", the strongest {len(lines)} of {detail.n_terms}" if detail.n_terms > len(lines) else ""
    caption = f"{name} of row {detail.row}: what it depends on{of}"
    blocks: list[Block] = [Heading(f"Unit {name}", 3)]
    if lines:
        blocks.append(Grid(caption, ("input", "value", factor, "product"), lines))
    bias = f", bias {number(detail.bias)}" if detail.bias is not None else ""
    blocks.append(
        Sentence(f"Output {number(detail.output)}{bias}; ∂E/∂output = {number(detail.blame)}.")
    )
    return blocks


def loss(e: Explanation) -> list[Block]:
    """Return step 2: how wrong it is."""
    formula = LOSS_FORMULAS.get(e.step.loss, e.step.loss)
    mean = "" if e.of_rows.size == 1 else f", the mean over {e.of_rows.size} answers"
    blocks: list[Block] = [Heading("2. Loss"), Formula(f"E = {formula}")]
    out = e.layers[-1]
    if e.of_rows.size <= MOST_ROWS and e.of_rows.size > 1:
        lines = tuple((f"row {i}", number(v)) for i, v in enumerate(e.of_rows))
        blocks.append(Grid("Loss of every row", ("", "E"), lines))
    if out.before.ndim == 2 and out.before.shape[1] <= 20:
        targets = np.asarray(e.step.y)[e.row] if e.step.kind != "reconstruction" else None
        y = "" if targets is None else f"; y = {_listed(np.atleast_1d(targets).astype(float))}"
        blocks.append(
            Sentence(f"The network answers {_listed(out.before[e.row])}{_probabilities(e)}{y}.")
        )
    penalised = f", {number(e.penalty)} of it the penalty on weights" if e.penalty else ""
    blocks.append(Sentence(f"E = {number(e.loss)}{mean}{penalised}."))
    return blocks


def _probabilities(e: Explanation) -> str:
    if e.step.kind not in ("binary", "multiclass"):
        return ""
    name = "sigmoid" if e.step.kind == "binary" else "softmax"
    shares = probabilities(e.layers[-1].before[e.row][None])[0]
    shares = shares[1:] if e.step.kind == "binary" else shares
    return f" (its {name}: {_listed(shares)})"


def backward(e: Explanation) -> list[Block]:
    """Return step 3: the chain rule, and every gradient beside a finite difference."""
    blocks: list[Block] = [Heading("3. Backward")]
    blocks += [Formula(line) for line in formulas_of_weight(e)]
    if e.is_textbook:
        grid = units_grid(e, [layer.blame for layer in e.layers], "∂E by every number, backwards")
        own = tuple(row for row in grid.rows if row[1] != "input")
        blocks.append(Grid(grid.caption, grid.columns, own))
        blocks.append(_gradients_grid(e))
    else:
        blocks.append(_gradient_norms(e))
    worst = max((p.error for p in e.parameters if np.isfinite(p.error)), default=float("nan"))
    checked = len(e.differences.places)
    total = sum(p.value.size for p in e.parameters)
    of = "all" if checked == total else f"{checked:,} of"
    blocks.append(
        Sentence(
            f"Checked by central differences of {of} {total:,} numbers: the largest difference is "
            f"{number(worst, 2)}."
        )
    )
    return blocks


def _gradients_grid(e: Explanation) -> Grid:
    lines = []
    for p in e.parameters:
        for index in np.ndindex(p.value.shape):
            row = (p.called(index), p.name, p.value[index], p.gradient[index], p.numerical[index])
            off = abs(p.gradient[index] - p.numerical[index])
            lines.append((*row[:2], *numbers(row[2:]), number(off, 2)))
    columns = ("", "of", "w", "∂E/∂w", "by differences", "off by")
    return Grid("Every gradient, by the chain rule and by differences", columns, tuple(lines))


def _gradient_norms(e: Explanation) -> Grid:
    lines = []
    for p in e.parameters:
        norms = (np.linalg.norm(p.value), np.linalg.norm(p.gradient), np.abs(p.gradient).max())
        shape = "×".join(map(str, p.value.shape)) or "1"
        checked = int(np.isfinite(p.numerical).sum())
        off = number(p.error, 2) if checked else "–"
        lines.append((p.name, shape, *numbers(norms), str(checked), off))
    columns = ("weights", "shape", "‖w‖", "‖∂E/∂w‖", "steepest", "checked", "off by")
    return Grid("Gradients of every array", columns, tuple(lines))


def update(e: Explanation) -> list[Block]:
    """Return step 4: what the optimizer makes of the gradients."""
    blocks: list[Block] = [Heading("4. Update"), Formula(optimizer_line(e.step))]
    clipped = any(p.clipped is not None for p in e.parameters)
    if clipped:
        blocks.append(Sentence("The gradients are clipped before the optimizer sees them."))
    if e.is_textbook:
        blocks.append(_update_grid(e))
    else:
        blocks.append(_update_norms(e))
        blocks += _one_update(e)
    if e.taken.parts is None:
        blocks.append(Sentence("The optimizer is not one of Gradlab's own: its step stays whole."))
    return blocks


def parts_of(p: Parameter) -> dict[str, Any]:
    """Return what Δw of an array is made of, by name; only what there is."""
    found: dict[str, Any] = {}
    if p.clipped is not None:
        found["clipped ∂E/∂w"] = p.clipped
    if p.parts is None:
        return found
    if p.parts.scale is not None:
        found["scale"] = p.parts.scale
    found |= {name: value for name, value in p.parts.memory.items() if np.shape(value)}
    found["by gradient"] = p.parts.gradient
    if p.parts.momentum is not None:
        found["by momentum"] = p.parts.momentum
    if p.parts.decay is not None:
        found["by decay"] = p.parts.decay
    return found


def _update_grid(e: Explanation) -> Grid:
    titles = list(dict.fromkeys(name for p in e.parameters for name in parts_of(p)))
    behind = e.taken.evaluated is not None
    lines = []
    for p in e.parameters:
        parts = parts_of(p)
        for index in np.ndindex(p.value.shape):
            own = [number(parts[t][index]) if t in parts else "" for t in titles]
            more = [number(p.evaluated[index])] if p.evaluated is not None else []
            ends = numbers((p.change[index], p.new[index]))
            lines.append((p.called(index), *numbers((p.value[index], p.gradient[index])), *own,
                          *ends, *more))  # fmt: skip
    columns = ("", "w", "∂E/∂w", *titles, "Δw", "new w", *(("behind it",) if behind else ()))
    return Grid("Every weight and its step", columns, tuple(lines))


def _update_norms(e: Explanation) -> Grid:
    titles = list(dict.fromkeys(name for p in e.parameters for name in parts_of(p)))
    lines = []
    for p in e.parameters:
        parts = parts_of(p)
        own = [number(float(np.linalg.norm(parts[t]))) if t in parts else "" for t in titles]
        moved, size = float(np.linalg.norm(p.change)), float(np.linalg.norm(p.value))
        ratio = number(moved / size, 3) if size else "–"
        lines.append((p.name, number(size), *own, number(moved), ratio))
    columns = ("weights", "‖w‖", *(f"‖{t}‖" for t in titles), "‖Δw‖", "‖Δw‖/‖w‖")
    return Grid("The step of every array", columns, tuple(lines))


def _one_update(e: Explanation) -> list[Block]:
    if e.chosen is None:
        return []
    p, index = e.parameters[e.chosen[0].parameter], e.chosen[0].index
    lines = [("w", number(p.value[index])), ("∂E/∂w", number(p.gradient[index]))]
    lines += [(name, number(float(value[index]))) for name, value in parts_of(p).items()]
    lines += [("Δw", number(p.change[index])), ("new w", number(p.new[index]))]
    return [Grid(f"The step of {p.called(index)}", ("", "value"), tuple(lines))]


def again(e: Explanation) -> list[Block]:
    """Return step 5: forward again."""
    blocks: list[Block] = [Heading("5. Forward again")]
    if e.is_textbook:
        values = [layer.after for layer in e.layers]
        blocks.append(units_grid(e, values, "Every number, with the new weights"))
    change = e.new_loss - e.loss
    if change == 0:
        verdict = "it stays as it was"
    else:
        verdict = f"{'a fall' if change < 0 else 'a rise'} of {number(abs(change))}"
    blocks.append(
        Sentence(f"E = {number(e.new_loss)}, before the step {number(e.loss)}: {verdict}.")
    )
    return blocks


def cost(e: Explanation) -> list[Block]:
    """Return what the gradients cost, one way and the other."""
    c = e.cost
    lines = (
        ("products with weights in one loss", f"{c.loss:,}"),
        ("losses that one-sided differences ask for", f"{c.evaluations:,}"),
        ("products, one-sided differences", f"{c.numerical:,}"),
        ("losses that central differences ask for", f"{c.central_evaluations:,}"),
        ("products, back-propagation (1 forwards, 2 back)", f"{c.back_propagation:,}"),
        ("times as many by differences", number(c.ratio, 3)),
    )
    digits = dense_cost(784, 100, 10, rows=56_000)
    return [
        Heading("What the gradients cost"),
        Grid("Operations for all gradients of this step", ("", "number"), lines),
        Sentence(
            "Of a 784-100-10 network on 56,000 pictures, the course's example, one update would "
            f"take {digits.loss:,} × {digits.evaluations:,} = {digits.numerical:,} operations by "
            f"differences, {digits.seconds() / 3600:.3f} hours at {OPERATIONS_A_SECOND:,.0f} a "
            f"second; by back-propagation {digits.back_propagation:,}, "
            f"{digits.back_propagation / OPERATIONS_A_SECOND:.1f} seconds."
        ),
    ]
