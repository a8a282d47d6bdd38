"""Recurrent layers over the steps of a sequence, with steps that may be left out."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float

from gradlab.doctor.program.activations import ACTIVATIONS
from gradlab.doctor.program.settings import Init, Recurrent
from gradlab.doctor.program.weights import starting_weights

GATES = {"lstm": 4, "gru": 3, "rnn": 1, "simple_rnn": 1}
"""Blocks of the weights: input, forget, candidate, output; update, reset, candidate; candidate."""


def starting_recurrent(
    words: Recurrent, n_in: int, *, seed: int, number: int
) -> dict[str, np.ndarray]:
    """Return the starting weights: Glorot for the inputs, orthogonal within, forget bias 1."""
    arrays: dict[str, np.ndarray] = {}
    gates, units = GATES[words.type], words.units
    for direction in ("", "_back") if words.bidirectional else ("",):
        for kind, init, rows in (
            ("weight", words.init, n_in),
            ("recurrent", words.recurrent_init, units),
        ):
            number += 1
            arrays[kind + direction] = _blocks(init, rows, units, gates, seed, number)
        bias = np.zeros(gates * units, np.float32)
        if words.type == "lstm":
            bias[units : 2 * units] = 1
        arrays["bias" + direction] = bias
    return arrays


def _blocks(init: Init, rows: int, units: int, gates: int, seed: int, number: int) -> np.ndarray:
    """Return a matrix for all gates at once; fans are those of the whole, as libraries count."""
    return starting_weights(
        init, (rows, gates * units), rows, gates * units, seed=seed, number=number
    )


def recurrent(
    words: Recurrent,
    arrays: dict[str, Any],
    x: Float[Array, "batch steps features"],
    real: Bool[Array, "batch steps"] | None,
) -> Float[Array, "batch ..."]:
    """Return the outputs of all steps, or of the last; a step that is not real leaves the state.

    Args:
        words: The layer.
        arrays: Its weights.
        x: Sequences.
        real: Steps that count; None for all.
    """
    ahead = _direction(words, arrays, "", x, real)
    if not words.bidirectional:
        return ahead
    turned = None if real is None else real[:, ::-1]
    back = _direction(words, arrays, "_back", x[:, ::-1], turned)
    if words.return_sequences:
        back = back[:, ::-1]
    return jnp.concatenate([ahead, back], axis=-1)


def _direction(
    words: Recurrent,
    arrays: dict[str, Any],
    direction: str,
    x: Array,
    real: Array | None,
) -> Array:
    # The share of the inputs in all steps is one product.
    bias = jnp.asarray(arrays["bias" + direction])
    driven = x @ arrays["weight" + direction]
    driven = jnp.swapaxes(driven + jnp.broadcast_to(bias, driven.shape), 0, 1)
    inner = jnp.asarray(arrays["recurrent" + direction])
    batch, units = x.shape[0], words.units
    steps = jnp.ones(x.shape[:2], bool) if real is None else real
    zero = jnp.zeros((batch, units), x.dtype)
    advance = {"lstm": _lstm, "gru": _gru}.get(words.type, _rnn)

    def step(carry: tuple, now: tuple) -> tuple:
        drive, kept = now
        new = advance(words, carry, drive, inner)
        if real is not None:
            new = tuple(
                jnp.where(kept[:, None], after, before)
                for after, before in zip(new, carry, strict=True)
            )
        return new, new[0]

    last, outputs = lax.scan(step, (zero, zero), (driven, jnp.swapaxes(steps, 0, 1)))
    return jnp.swapaxes(outputs, 0, 1) if words.return_sequences else last[0]


def _lstm(words: Recurrent, carry: tuple, drive: Array, inner: Array) -> tuple:
    hidden, cell = carry
    gate, act = ACTIVATIONS[words.recurrent_activation], ACTIVATIONS[words.activation]
    i, f, g, o = jnp.split(drive + hidden @ inner, 4, axis=-1)
    cell = gate(f) * cell + gate(i) * act(g)
    return gate(o) * act(cell), cell


def _gru(words: Recurrent, carry: tuple, drive: Array, inner: Array) -> tuple:
    hidden, _ = carry
    gate, act = ACTIVATIONS[words.recurrent_activation], ACTIVATIONS[words.activation]
    own = hidden @ inner
    z, r, n = jnp.split(drive, 3, axis=-1)
    own_z, own_r, own_n = jnp.split(own, 3, axis=-1)
    update, reset = gate(z + own_z), gate(r + own_r)
    hidden = update * hidden + (1 - update) * act(n + reset * own_n)
    return hidden, hidden


def _rnn(words: Recurrent, carry: tuple, drive: Array, inner: Array) -> tuple:
    hidden = ACTIVATIONS[words.activation](drive + carry[0] @ inner)
    return hidden, hidden


def n_recurrent_parameters(words: Recurrent, n_in: int) -> int:
    """Return how many numbers training changes."""
    one = GATES[words.type] * words.units * (n_in + words.units + 1)
    return one * (2 if words.bidirectional else 1)
