"""A recurrent layer unrolled: what every time step computes and what it is blamed for."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from gradlab.explanation.passes import values_of
from gradlab.explanation.taps import Seen
from gradlab.nn.padded import Padded
from gradlab.nn.recurrent import Bidirectional, GRUCell, LSTMCell, Recurrent, RNNCell
from gradlab.nn.recurrent.cell import StepKey
from gradlab.nn.recurrent.unroll import where_real

MOST_STEPS = 200
"""Time steps that are unrolled; of longer sequences the summary of the layer is all."""


@dataclasses.dataclass(frozen=True)
class TimeSteps:
    """One cell over one batch, step by step, in the order in which the steps are taken.

    Args:
        title: "forward" or "backward" of two directions, else "".
        times: Number of each step, from 0.
        numbers: By name (i, f, g, o, c, h; r, z, n, h; a, h; or state 1, …): (steps, rows, units).
        blame: ∂E/∂state after each step, by name: everything that comes of it later included.
        real: Which steps of which rows are no padding, (steps, rows).
    """

    title: str
    times: tuple[int, ...]
    numbers: dict[str, Float[np.ndarray, "steps rows ..."]]
    blame: dict[str, Float[np.ndarray, "steps rows ..."]]
    real: np.ndarray


def unrolled(layer: Any, seen: Seen, blame: Any, *, training: bool) -> tuple[TimeSteps, ...]:
    """Return the steps of a recurrent layer; () for any other, or for a very long sequence.

    Args:
        layer: Of the network.
        seen: By it.
        blame: ∂E/∂output of the layer.
        training: Whether it was training.
    """
    if values_of(seen.input).shape[1:2] > (MOST_STEPS,):
        return ()
    if isinstance(layer, Recurrent):
        return (
            _steps("", layer.cell, layer.reverse, layer.outputs, seen, blame, seen.key, training),
        )
    if isinstance(layer, Bidirectional):
        width = layer.forward.n_units
        keys = (None, None) if seen.key is None else (seen.key.fold(0), seen.key.fold(1))
        halves = (blame[..., :width], blame[..., width:])
        cells = (layer.forward, layer.backward)
        return tuple(
            _steps(title, cell, title == "backward", layer.outputs, seen, half, key, training)
            for title, cell, half, key in zip(
                ("forward", "backward"), cells, halves, keys, strict=True
            )
        )
    return ()


def _steps(
    title: str,
    cell: Any,
    reverse: bool,
    outputs: str,
    seen: Seen,
    blame: Any,
    key: Any,
    training: bool,
) -> TimeSteps:
    padded = isinstance(seen.input, Padded)
    values = jnp.asarray(values_of(seen.input))
    n_steps, n_rows = values.shape[1], values.shape[0]
    real = np.asarray(seen.input.real).T if padded else np.ones((n_steps, n_rows), bool)
    times = list(range(n_steps))[:: -1 if reverse else 1]
    start = cell.zero_state(n_rows, values.dtype)

    def run(nudges: list[PyTree]) -> tuple[Array, tuple[list, list]]:
        """Return Σ blame · output, whose slope by a nudge of a state is ∂E/∂state."""
        state, total = start, jnp.zeros(())
        before, after = [], []
        output = jnp.zeros((n_rows, cell.n_units))
        for t, nudge in zip(times, nudges, strict=True):
            own = None if key is None else StepKey(key.seed, key.step, key.rows, key.path, t)
            before.append(state)
            now, new = cell(_only_real(values[:, t], real[t]), state, key=own, training=training)
            # A state that is the output is nudged in both places.
            same = new is now
            new = jax.tree.map(jnp.add, new, nudge)
            now = new if same else _nudged_output(cell, now, new)
            is_real = jnp.asarray(real[t])
            state = jax.tree.map(functools.partial(where_real, is_real), new, state)
            output = where_real(is_real, now, output)
            after.append(state)
            if outputs == "sequence":
                total = total + jnp.sum(where_real(is_real, now, 0 * now) * blame[:, t])
        if outputs == "last":
            total = jnp.sum(output * blame)
        return total, (before, after)

    nudges = [jax.tree.map(jnp.zeros_like, start) for _ in times]
    (_, (before, after)), slopes = jax.jit(jax.value_and_grad(run, has_aux=True))(nudges)
    numbers: dict[str, list] = {}
    blamed: dict[str, list] = {}
    for t, old, new, slope in zip(times, before, after, slopes, strict=True):
        for name, part in _inside(cell, np.asarray(values[:, t]), old).items():
            numbers.setdefault(name, []).append(part)
        for name, part in _state_parts(cell, new).items():
            numbers.setdefault(name, []).append(part)
        for name, part in _state_parts(cell, slope).items():
            blamed.setdefault(name, []).append(part)
    stack = {name: np.stack([np.asarray(p) for p in parts]) for name, parts in numbers.items()}
    of_states = {name: np.stack([np.asarray(p) for p in parts]) for name, parts in blamed.items()}
    return TimeSteps(title, tuple(times), stack, of_states, real[times])


def _only_real(x: Array, real: np.ndarray) -> Array:
    return where_real(jnp.asarray(real), x, jnp.zeros_like(x))


def _nudged_output(cell: Any, output: Array, state: PyTree) -> Array:
    """Return the output as it lies in a nudged state, where the cell says where that is."""
    return cell.output_of(state) if hasattr(cell, "output_of") else output


def _state_parts(cell: Any, state: PyTree) -> dict[str, Any]:
    if isinstance(cell, LSTMCell):
        return {"c": state.c, "h": state.h}
    leaves = jax.tree.leaves(state)
    if len(leaves) == 1:
        return {"h": leaves[0]}
    return {f"state {i + 1}": leaf for i, leaf in enumerate(leaves)}


def _inside(cell: Any, x: np.ndarray, state: PyTree) -> dict[str, np.ndarray]:
    """Return gates and candidates of one step, of the cells whose formulas are known here."""
    if isinstance(cell, RNNCell):
        a = x @ cell.weight_input + np.asarray(state) @ cell.weight_recurrent + cell.bias[None]
        return {"a": a}
    if isinstance(cell, LSTMCell):
        h = np.asarray(state.h)
        z = x @ cell.weight_input + h @ cell.weight_recurrent + cell.bias[None]
        i, f, g, o = np.split(z, 4, axis=1)
        return {"i": _sigmoid(i), "f": _sigmoid(f), "g": np.tanh(g), "o": _sigmoid(o)}
    if isinstance(cell, GRUCell):
        h, n = np.asarray(state), cell.n_units
        w, r_all, b = cell.weight_input, cell.weight_recurrent, cell.bias[None]
        r = _sigmoid(x @ w[:, :n] + h @ r_all[:, :n] + b[:, :n])
        z = _sigmoid(x @ w[:, n : 2 * n] + h @ r_all[:, n : 2 * n] + b[:, n : 2 * n])
        now = x @ w[:, 2 * n :] + b[:, 2 * n :]
        if cell.bias_recurrent is None:
            past = (r * h) @ r_all[:, 2 * n :]
        else:
            past = r * (h @ r_all[:, 2 * n :] + cell.bias_recurrent[None])
        return {"r": r, "z": z, "n": np.tanh(now + past)}
    return {}


def _sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))
