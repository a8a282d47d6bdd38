"""The projected LSTM against PyTorch's (tools/oracles/projected_lstm.py), the only one it has."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from safetensors.numpy import load_file

from gradlab.nn.recurrent import LSTMState, unroll
from gradlab.nn.recurrent.zoo import PeepholeLSTMCell

ORACLE = load_file(Path(__file__).parents[2] / "oracles" / "projected_lstm.safetensors")


def test_projected_lstm_and_its_gradients_are_pytorchs(float64):
    cell = PeepholeLSTMCell(
        ORACLE["weight_ih"].T,
        ORACLE["weight_hh"].T,
        ORACLE["bias_ih"] + ORACLE["bias_hh"],
        weight_projection=ORACLE["weight_hr"].T,
    )
    start = LSTMState(ORACLE["c0"][0], ORACLE["h0"][0])

    @jax.jit
    def run(cell, x, start):
        outputs, state = unroll(cell, x, initial_state=start)
        return jnp.sum(outputs * ORACLE["cotangent"]) + jnp.sum(state.c**2), (outputs, state.c)

    slopes, (outputs, c) = jax.grad(run, argnums=(0, 1, 2), has_aux=True)(cell, ORACLE["x"], start)
    of_cell, of_x, of_start = slopes
    for ours, theirs in [
        (outputs, ORACLE["y"]),
        (c, ORACLE["c"][0]),
        (of_cell.weight_input, ORACLE["weight_ih.grad"].T),
        (of_cell.weight_recurrent, ORACLE["weight_hh.grad"].T),
        (of_cell.bias, ORACLE["bias_ih.grad"]),
        (of_cell.weight_projection, ORACLE["weight_hr.grad"].T),
        (of_x, ORACLE["x.grad"]),
        (of_start.h, ORACLE["h0.grad"][0]),
        (of_start.c, ORACLE["c0.grad"][0]),
    ]:
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)
