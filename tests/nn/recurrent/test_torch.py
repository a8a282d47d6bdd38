"""PyTorch's modules as oracles: outputs, states and every gradient, in float64."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import load_file

from gradlab.nn.padded import Padded
from gradlab.nn.recurrent import (
    Bidirectional,
    Cell,
    Embedding,
    GRUCell,
    LSTMCell,
    LSTMState,
    RNNCell,
    StackedCells,
    unroll,
)

ORACLE = load_file(Path(__file__).parents[2] / "oracles" / "recurrent.safetensors")
LENGTHS = ORACLE["lengths"]
CLOSE = {"rtol": 1e-11, "atol": 1e-13}


class Looped(Cell):
    """The same steps, but none of the cell's own way through a whole sequence."""

    cell: Cell

    @property
    def n_units(self):
        return self.cell.n_units

    def zero_state(self, batch_size, dtype):
        return self.cell.zero_state(batch_size, dtype)

    def __call__(self, x, state, *, key=None, training=False):
        return self.cell(x, state, key=key, training=training)


def parameters(name: str, suffix: str = "", layer: str = "l0") -> dict[str, np.ndarray]:
    """Return PyTorch's parameters (or their gradients) of one layer in our layout.

    Our one bias is the sum of its two, so its gradient is that of either.
    """
    weight_input, weight_recurrent, bias_input, bias_recurrent = (
        ORACLE[f"{name}.{kind}_{which}_{layer}{suffix}"]
        for kind in ("weight", "bias")
        for which in ("ih", "hh")
    )
    ours = {"weight_input": weight_input.T, "weight_recurrent": weight_recurrent.T}
    if "gru" not in name:
        return {**ours, "bias": bias_input + (0 if suffix else bias_recurrent)}
    n_gates = 2 * weight_recurrent.shape[1]
    bias = bias_input.copy()
    if not suffix:
        bias[:n_gates] += bias_recurrent[:n_gates]
    return {**ours, "bias": bias, "bias_recurrent": bias_recurrent[n_gates:]}


def cell_of(name: str, values: dict[str, np.ndarray]) -> Cell:
    """Return our cell with the given arrays."""
    if name.startswith("rnn"):
        return RNNCell(**values, activation="relu" if name == "rnn_relu" else "tanh")
    if name.endswith("gru"):
        return GRUCell(**values, reset_after=True)
    return LSTMCell(**values)


def state_of(name: str, suffix: str = "", number: int = 0):
    """Return one of the module's states."""
    h = ORACLE[f"{name}.h{suffix}"][number]
    return LSTMState(ORACLE[f"{name}.c{suffix}"][number], h) if "lstm" in name else h


@pytest.mark.parametrize("looped", [False, True], ids=["fused", "looped"])
@pytest.mark.parametrize("name", ["rnn", "rnn_relu", "lstm", "gru"])
def test_cells_give_pytorchs_outputs_states_and_gradients(float64, name, looped):
    def total(values, x, state):
        cell = cell_of(name, values)
        outputs, final = unroll(
            Looped(cell) if looped else cell,
            x,
            lengths=LENGTHS,
            initial_state=state,
            time_major=True,
        )
        objective = (outputs * ORACLE[f"{name}.outputs.cotangent"]).sum()
        cotangents = state_of(name, ".cotangent")
        products = jax.tree.map(lambda a, b: (a * b).sum(), final, cotangents)
        return objective + sum(jax.tree.leaves(products)), (outputs, final)

    arguments = (parameters(name), ORACLE[f"{name}.x"], state_of(name, "0"))
    gradient = jax.jit(jax.grad(total, argnums=(0, 1, 2), has_aux=True))
    (of_parameters, of_x, of_state), (outputs, final) = gradient(*arguments)

    np.testing.assert_allclose(outputs, ORACLE[f"{name}.outputs"], **CLOSE)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, **CLOSE), final, state_of(name))
    np.testing.assert_allclose(of_x, ORACLE[f"{name}.x.grad"], **CLOSE)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, **CLOSE), of_state, state_of(name, "0.grad")
    )
    expected = parameters(name, ".grad")
    assert of_parameters.keys() == expected.keys()
    for key, value in of_parameters.items():
        np.testing.assert_allclose(value, expected[key], **CLOSE, err_msg=key)


def test_bidirectional_gives_pytorchs_outputs(float64):
    name = "bidirectional_lstm"
    cells = [cell_of(name, parameters(name, layer=layer)) for layer in ("l0", "l0_reverse")]

    def from_state(cell, number, reverse):
        state = state_of(name, "0", number)
        x = ORACLE[f"{name}.x"]
        return unroll(
            cell, x, lengths=LENGTHS, initial_state=state, time_major=True, reverse=reverse
        )

    halves = [from_state(cell, number, bool(number)) for number, cell in enumerate(cells)]
    outputs = np.concatenate([outputs for outputs, _ in halves], axis=-1)
    np.testing.assert_allclose(outputs, ORACLE[f"{name}.outputs"], **CLOSE)
    for number, (_, final) in enumerate(halves):
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, **CLOSE),
            final,
            state_of(name, number=number),
        )

    # The layer starts at zero; it is these two halves side by side.
    x = Padded(np.swapaxes(ORACLE[f"{name}.x"], 0, 1), LENGTHS)
    both = Bidirectional(*cells)(x, ())[0].values
    for reverse, (cell, part) in enumerate(zip(cells, np.split(both, 2, axis=-1), strict=True)):
        alone, _ = unroll(cell, x.values, lengths=LENGTHS, reverse=bool(reverse))
        np.testing.assert_array_equal(part, alone)


def test_stacked_cells_give_pytorchs_two_layers(float64):
    name = "stacked_gru"
    cells = tuple(cell_of(name, parameters(name, layer=f"l{i}")) for i in range(2))
    for stack in (StackedCells(cells), Looped(StackedCells(cells))):
        outputs, final = unroll(
            stack,
            ORACLE[f"{name}.x"],
            lengths=LENGTHS,
            initial_state=tuple(ORACLE[f"{name}.h0"]),
            time_major=True,
        )
        np.testing.assert_allclose(outputs, ORACLE[f"{name}.outputs"], **CLOSE)
        np.testing.assert_allclose(np.stack(final), ORACLE[f"{name}.h"], **CLOSE)


def test_embedding_gives_pytorchs_vectors_and_gradient(float64):
    tokens, cotangent = ORACLE["embedding.tokens"], ORACLE["embedding.cotangent"]

    def total(weight):
        vectors = Embedding(weight, padding_index=2)(tokens, ())[0]
        return (vectors * cotangent).sum(), vectors

    gradient, vectors = jax.grad(total, has_aux=True)(jnp.asarray(ORACLE["embedding.weight"]))
    np.testing.assert_allclose(vectors, ORACLE["embedding.vectors"], **CLOSE)
    np.testing.assert_allclose(gradient, ORACLE["embedding.weight.grad"], **CLOSE)
