"""What `explain` gives: every number of one step of training."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from gradlab.explanation.cost import GradientCost
from gradlab.explanation.finite_differences import (
    MOST_CHECKED,
    Differences,
    central_differences,
    spread,
)
from gradlab.explanation.names import (
    Address,
    LayerName,
    find,
    is_textbook,
    layer_names,
    parameter_names,
    place,
    short_names,
    unit_names,
)
from gradlab.explanation.passes import Passed, passes, values_of
from gradlab.explanation.paths import PathFinder, WeightPaths
from gradlab.explanation.recurrent import TimeSteps, unrolled
from gradlab.explanation.splitting import Taken, take_step
from gradlab.explanation.step import FLOAT64, Step, parameters_of, parted
from gradlab.explanation.taps import elementary, states_after
from gradlab.explanation.unit import UnitDetail, find_unit, unit_detail
from gradlab.explanation.update import Parts
from gradlab.nn.recurrent import Bidirectional, Recurrent
from gradlab.training.precision import precision

if TYPE_CHECKING:
    from rich.console import Console

MOST_CHAINS = 20
"""Weights of a network whose every gradient is written factor by factor."""

CHECKING = 5e8
"""Products with weights that the check by finite differences may take, about a second."""


@dataclasses.dataclass(frozen=True, eq=False)
class Layer:
    """One layer on the way forward and back.

    Args:
        name: What it is called.
        units: Short names of one row's numbers; None where there are none.
        before, after: Output before the step, and with the new weights; (rows, …).
        blame: ∂E/∂output.
        details: What it drew or measured: a mask, a mean, a variance.
        times: Unrolled time steps of a recurrent layer.
    """

    name: LayerName
    units: tuple[str, ...] | None
    before: np.ndarray
    after: np.ndarray
    blame: np.ndarray
    details: dict[str, Any]
    times: tuple[TimeSteps, ...] = ()


@dataclasses.dataclass(frozen=True, eq=False)
class Parameter:
    """One array of weights, and what the step does to it.

    Args:
        name: "layer 1 weight".
        short: Short names, shaped like the array; None where there are none.
        value: Before the step.
        gradient: ∂E/∂w, penalties included.
        data_gradient: The same without penalties.
        clipped: After clipping; None without.
        numerical: Finite differences, NaN where none was taken.
        parts: What Δw is made of; None of an opaque optimizer.
        change: Δw.
        new: After the step.
        evaluated: The weight behind a look-ahead point; None where they are the same.
    """

    name: str
    short: np.ndarray | None
    value: np.ndarray
    gradient: np.ndarray
    data_gradient: np.ndarray
    clipped: np.ndarray | None
    numerical: np.ndarray
    parts: Parts | None
    change: np.ndarray
    new: np.ndarray
    evaluated: np.ndarray | None

    @property
    def error(self) -> float:
        """Largest difference of gradient and finite differences; NaN if none was taken."""
        off = np.abs(self.gradient - self.numerical)
        return float(np.nanmax(off)) if np.isfinite(off).any() else float("nan")

    def called(self, index: tuple[int, ...]) -> str:
        """Return the short name of one number, or its address."""
        return place(self.name, index) if self.short is None else str(self.short[index])


@dataclasses.dataclass(frozen=True, eq=False)
class Explanation:
    """Every number of one step of training; `print` it, or see `show`, `page` and the others.

    Args:
        title: What was explained.
        notes: What should be known of it.
        step: The step before it was taken.
        layers: On the way forward and back.
        parameters: And what becomes of them.
        loss, new_loss: E before, and with the new weights on the same batch.
        penalty: Part of the loss that stands for small weights.
        of_rows: Loss of every answer by itself.
        taken: The step as the optimizer took it.
        differences: The check by finite differences.
        cost: Of gradients, one way and the other.
        row: Row of the batch that is written out.
        chosen: The weight that is written out, and its ways to the loss.
        chains: Ways of every weight of a very small network, by its short name.
        unit: The unit that is written out, if one was asked for.
        line: Loss at fractions of the step, (2, points).
        command: What explains it again.
        new_states: Of the layers, after the step.
    """

    title: str
    notes: tuple[str, ...]
    step: Step
    layers: tuple[Layer, ...]
    parameters: tuple[Parameter, ...]
    loss: float
    new_loss: float
    penalty: float
    of_rows: np.ndarray
    taken: Taken
    differences: Differences
    cost: GradientCost
    row: int
    chosen: tuple[Address, WeightPaths | None] | None
    chains: dict[str, WeightPaths]
    unit: UnitDetail | None
    line: np.ndarray
    command: str
    new_states: PyTree

    @property
    def is_textbook(self) -> bool:
        """Whether it is small enough to be written out like a textbook's."""
        return all(layer.units is not None for layer in self.layers)

    def weight(self, name: str) -> float:
        """Return a weight after the step, named as w5 or "layer 1[3, 2]"."""
        address = self.address(name)
        return float(self.parameters[address.parameter].new[address.index])

    def gradient(self, name: str) -> float:
        """Return ∂E/∂w of a weight, named as w5 or "layer 1[3, 2]"."""
        address = self.address(name)
        return float(self.parameters[address.parameter].gradient[address.index])

    def address(self, name: str) -> Address:
        """Return the place of a weight.

        Raises:
            RecipeError: If there is no such weight.
        """
        names = [p.name for p in self.parameters]
        return find(name, names, [p.value.shape for p in self.parameters], self.short())

    def short(self) -> dict[str, Address]:
        """Return the short names of weights, if there are any."""
        if not self.is_textbook:
            return {}
        return short_names([p.name for p in self.parameters], [p.value for p in self.parameters])

    def numbers(self, row: int | None = None) -> dict[str, float]:
        """Return what every unit of one row gives, by its short name; {} without such names."""
        row = self.row if row is None else row
        return {
            name: float(value)
            for layer in self.layers
            for name, value in zip(layer.units or (), layer.before[row].ravel(), strict=False)
        }

    def after(self, x: Any = None, y: Any = None, **options: Any) -> "Explanation":
        """Return the explanation of the next step, from the new weights.

        Args:
            x, y: Its batch, as the network sees it; the same again by default.
            options: See `explain_step`.
        """
        with precision(FLOAT64):
            _, fixed = parted(self.step.network)
            key = self.step.key
            rows = self.step.n_rows if y is None else len(y)
            own = jnp.arange(rows) if rows != len(key.rows) else key.rows
            step = dataclasses.replace(
                self.step,
                network=eqx.combine(self.taken.new, fixed),
                states=self.new_states,
                optimizer=self.taken.state,
                x=self.step.x if x is None else np.asarray(x, np.float64),
                y=self.step.y if y is None else np.asarray(y),
                weight=self.step.weight if y is None else np.ones(rows),
                key=dataclasses.replace(key, step=key.step + 1, rows=own),
            )
        return explain_step(step, title=self.title, **options)

    def show(self, console: "Console | None" = None) -> None:
        """Print everything as tables in the terminal."""
        from gradlab.explanation.document import document
        from gradlab.explanation.terminal import show

        show(document(self), console)

    def __str__(self) -> str:
        """Return everything as Markdown."""
        return self.markdown()

    def __repr__(self) -> str:
        """Return the title and the losses."""
        return f"Explanation({self.title!r}, loss {self.loss:.6g} → {self.new_loss:.6g})"

    def markdown(self) -> str:
        """Return everything as Markdown."""
        from gradlab.explanation.document import document
        from gradlab.explanation.markdown import markdown

        return markdown(document(self))

    def latex(self) -> str:
        """Return everything as LaTeX, a fragment for the body of a document."""
        from gradlab.explanation.document import document
        from gradlab.explanation.latex import latex

        return latex(document(self))

    def to_dict(self) -> dict[str, Any]:
        """Return every number as plain data."""
        from gradlab.explanation.plain_data import plain_data

        return plain_data(self)

    def page(self, path: str | Path) -> Path:
        """Write one HTML file that works offline: the network drawn, step by step."""
        from gradlab.explanation.page import write_page

        return write_page(self, path)


def explain_step(
    step: Step,
    *,
    title: str = "One step of training",
    notes: tuple[str, ...] = (),
    weight: str | None = None,
    unit: str | None = None,
    row: int | None = None,
    command: str = "",
) -> Explanation:
    """Return every number of a step.

    Args:
        step: Before it is taken.
        title: What to call it.
        notes: What should be known of it.
        weight: The weight to write out, as "layer 1[3, 2]"; None for a telling one.
        unit: A unit to write out, as "layer 1[3]".
        row: Row of the batch to write out; None for the first.
        command: What explains it again.

    Raises:
        RecipeError: If there is no such weight or unit.
    """
    with precision(FLOAT64):
        run = passes(step)
        start = parameters_of(step.network)
        before = run.forward_and_backward(start)
        taken = take_step(step, before.gradients)
        after = run.forward_and_backward(taken.new)
        layers = elementary(step.network)
        outputs = [values_of(one.output) for one in before.seen]
        parameters = [np.asarray(leaf) for leaf in jax.tree.leaves(start)]
        names = parameter_names(step.network, layers)
        plain = is_textbook(layers, step.network, outputs)
        logits = step.kind in ("binary", "multiclass")
        units = unit_names(layers, outputs, logits=logits) if plain else None
        short = short_names(names, parameters) if plain else {}
        shapes = [p.shape for p in parameters]
        chosen = _chosen(weight, names, shapes, short, before)
        cost = _cost(layers, outputs, parameters, step)
        differences = _differences(run.loss, start, parameters, chosen, cost)
        find_ways = PathFinder(step, before)
        ways = None if chosen is None else find_ways(chosen, row=row)
        shown_row = row if row is not None else ways.row if ways and step.n_rows > 1 else 0
        detail = None
        if unit is not None:
            where = find_unit(unit, layer_names(layers), before)
            detail = unit_detail(step, before, *where, shown_row)
        return Explanation(
            title=title,
            notes=notes,
            step=step,
            layers=_layers(step, before, after, units),
            parameters=_parameters(names, parameters, before, taken, differences, plain),
            loss=before.loss,
            new_loss=after.loss,
            penalty=before.penalty,
            of_rows=before.of_rows,
            taken=taken,
            differences=differences,
            cost=cost,
            row=shown_row,
            chosen=None if chosen is None else (chosen, ways),
            chains={
                name: found
                for name, address in short.items()
                if len(short) <= MOST_CHAINS and (found := find_ways(address, row=shown_row))
            },
            unit=detail,
            line=_line(run.loss, start, taken.new),
            command=command,
            new_states=states_after(step.network, before.seen),
        )


def _chosen(
    weight: str | None, names: list[str], shapes: list, short: dict, before: Passed
) -> Address | None:
    if weight is not None:
        return find(weight, names, shapes, short)
    # A weight of the last layer has the shortest way; of those the one with the steepest slope.
    gradients = jax.tree.leaves(before.gradients)
    matrices = [i for i, name in enumerate(names) if "weight" in name] or list(range(len(names)))
    if not matrices:
        return None
    last = matrices[-1]
    steepest = int(np.abs(gradients[last]).argmax()) if not short else 0
    index = tuple(int(i) for i in np.unravel_index(steepest, shapes[last])) if shapes[last] else ()
    return Address(last, index)


def _differences(
    loss: Any,
    start: PyTree,
    parameters: list[np.ndarray],
    chosen: Address | None,
    cost: GradientCost,
) -> Differences:
    total = sum(p.size for p in parameters)
    affordable = int(CHECKING / (4 * max(1, cost.loss)))
    places = spread(total, max(20, min(MOST_CHECKED, affordable)))
    if chosen is not None:
        before = sum(p.size for p in parameters[: chosen.parameter])
        shape = parameters[chosen.parameter].shape
        own = before + int(np.ravel_multi_index(chosen.index, shape)) if shape else before
        places = np.union1d(places, [own])
    return central_differences(loss, start, places=places)


def _layers(
    step: Step, before: Passed, after: Passed, units: list[list[str]] | None
) -> tuple[Layer, ...]:
    layers = elementary(step.network)
    return tuple(
        Layer(
            name=name,
            units=None if units is None else tuple(units[i]),
            before=np.asarray(values_of(before.seen[i].output)),
            after=np.asarray(values_of(after.seen[i].output)),
            blame=before.blame[i],
            details=dict(before.seen[i].details),
            times=unrolled(layers[i], before.seen[i], before.blame[i], training=step.training),
        )
        for i, name in enumerate(layer_names(layers))
    )


def _parameters(
    names: list[str],
    values: list[np.ndarray],
    before: Passed,
    taken: Taken,
    differences: Differences,
    plain: bool,
) -> tuple[Parameter, ...]:
    numerical = np.full(sum(v.size for v in values), np.nan)
    numerical[differences.places] = differences.values
    named = {a: name for name, a in short_names(names, values).items()} if plain else {}
    found, first = [], 0
    columns = zip(
        jax.tree.leaves(before.gradients),
        jax.tree.leaves(before.data_gradients),
        jax.tree.leaves(taken.new),
        strict=True,
    )
    for i, (gradient, data, new) in enumerate(columns):
        value = values[i]
        found.append(
            Parameter(
                name=names[i],
                short=_called(named, i, value.shape) if plain else None,
                value=value,
                gradient=np.asarray(gradient),
                data_gradient=np.asarray(data),
                clipped=None if taken.clipped is None else taken.clipped[i],
                numerical=numerical[first : first + value.size].reshape(value.shape),
                parts=None if taken.parts is None else taken.parts[i],
                change=taken.change[i],
                new=np.asarray(new),
                evaluated=None if taken.evaluated is None else taken.evaluated[i],
            )
        )
        first += value.size
    return tuple(found)


def _called(named: dict[Address, str], parameter: int, shape: tuple[int, ...]) -> np.ndarray:
    names = np.empty(shape, object)
    for index in np.ndindex(shape):
        names[index] = named[Address(parameter, index)]
    return names


def _cost(
    layers: list[Any], outputs: list[np.ndarray], parameters: list[np.ndarray], step: Step
) -> GradientCost:
    """Count the products with weights of one row, a weight once for every place it serves."""
    products = 0
    for layer, output in zip(layers, outputs, strict=True):
        sizes = [p.size for p in jax.tree.leaves(parameters_of(layer)) if p.ndim > 1]
        places = int(np.prod(output.shape[1:-1])) if output.ndim > 2 else 1
        if isinstance(layer, Recurrent | Bidirectional):
            places = values_of(step.x).shape[1]
        products += sum(sizes) * places
    return GradientCost(products, sum(p.size for p in parameters), step.n_rows)


def _line(loss: Any, start: PyTree, new: PyTree) -> np.ndarray:
    """Return fractions of the step, from behind it to twice its length, and the loss at each."""
    fractions = np.linspace(-0.5, 2.5, 61)

    def at(t: Any) -> Any:
        return loss(jax.tree.map(lambda a, b: a + t * (b - a), start, new))

    losses = jax.jit(lambda ts: jax.lax.map(at, ts))(fractions)
    return np.stack([fractions, np.asarray(losses)])
