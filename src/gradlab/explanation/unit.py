"""One unit in full: what it adds up, and what comes back to it."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from gradlab.errors import RecipeError, suggest
from gradlab.explanation.names import LayerName
from gradlab.explanation.passes import Passed, values_of
from gradlab.explanation.step import Step, on_device
from gradlab.explanation.taps import elementary
from gradlab.nn.convolution.layer import Convolution
from gradlab.nn.dense import Dense
from gradlab.nn.module import apply, initial_state

MOST_TERMS = 60


@dataclasses.dataclass(frozen=True)
class Term:
    """What one input brings to a unit.

    Args:
        place: Of the input, in what the layer takes.
        value: The input.
        factor: ∂output/∂input: the weight, of a dense or convolutional layer.
    """

    place: tuple[int, ...]
    value: float
    factor: float

    @property
    def product(self) -> float:
        """Value times factor."""
        return self.value * self.factor


@dataclasses.dataclass(frozen=True)
class UnitDetail:
    """One number that a layer gives.

    Args:
        layer: Position of the layer.
        index: Of the number within one row's output.
        row: Row of the batch.
        terms: Inputs that it depends on, the strongest first.
        n_terms: How many there are.
        bias: What is added; None where the layer is no weighted sum.
        output: The number.
        blame: ∂E/∂output.
    """

    layer: int
    index: tuple[int, ...]
    row: int
    terms: tuple[Term, ...]
    n_terms: int
    bias: float | None
    output: float
    blame: float

    @property
    def is_sum(self) -> bool:
        """Whether the output is the sum of value times factor, and the bias."""
        return self.bias is not None


def find_unit(text: str, names: list[LayerName], passed: Passed) -> tuple[int, tuple[int, ...]]:
    """Return layer and index of a unit that was named, as "layer 1[3]" or "layer 1 relu[3]".

    A block's name alone means its layer of weights.

    Raises:
        RecipeError: If there is none; says which there are.
    """
    name, bracket, rest = " ".join(text.split()).partition("[")
    name, numbers = name.strip().lower(), rest.rstrip("]")
    labels = [known.label for known in names]
    found = [i for i, known in enumerate(names) if known.label == name]
    found = found or [i for i, known in enumerate(names) if known.block == name]
    if not found or not bracket or not all(p.strip().isdecimal() for p in numbers.split(",")):
        raise RecipeError(
            f"There is no unit '{text}'.{suggest(name, labels)} Name one as "
            f"{labels[0]}[0]; layers: {', '.join(labels[:20])}; indices count from 0."
        )
    index = tuple(int(part) for part in numbers.split(","))
    shape = passed.blame[found[0]].shape[1:]
    if len(index) != len(shape) or any(i >= n for i, n in zip(index, shape, strict=True)):
        raise RecipeError(
            f"'{text}': one row of {labels[found[0]]} has shape {shape}; give so many indices, "
            "each below."
        )
    return found[0], index


def unit_detail(
    step: Step, passed: Passed, layer: int, index: tuple[int, ...], row: int
) -> UnitDetail:
    """Return one number of a layer's output with all that it is made of."""
    part, seen = elementary(step.network)[layer], passed.seen[layer]
    x = seen.input
    output = float(values_of(seen.output)[(row, *index)])
    blame = float(passed.blame[layer][(row, *index)])
    terms: list[Term] = []
    n_terms = 0
    values = values_of(x)
    if values is x and np.issubdtype(values.dtype, np.floating):
        slopes = np.asarray(_slopes(step, part, seen, x, row, index))
        used = np.flatnonzero(slopes)
        n_terms = len(used)
        strength = np.abs(slopes.ravel()[used] * values[row].ravel()[used])
        for n in used[np.argsort(-strength, kind="stable")][:MOST_TERMS]:
            place = tuple(int(i) for i in np.unravel_index(int(n), slopes.shape))
            terms.append(Term(place, float(values[row][place]), float(slopes[place])))
    bias = None
    if isinstance(part, Dense | Convolution):
        bias = 0.0 if part.bias is None else float(np.asarray(part.bias)[index[-1]])
    return UnitDetail(layer, index, row, tuple(terms), n_terms, bias, output, blame)


def _slopes(step: Step, layer: Any, seen: Any, x: Any, row: int, index: tuple[int, ...]) -> Array:
    mask = jnp.asarray(step.weight > 0)
    state = initial_state(layer) if step.training else seen.state

    def of(values: Array) -> Array:
        inputs = jnp.asarray(x).at[row].set(values)
        y, _ = apply(on_device(layer), inputs, state, seen.key, step.training, mask)
        return y[(row, *index)]

    return jax.jit(jax.grad(of))(jnp.asarray(x[row]))
