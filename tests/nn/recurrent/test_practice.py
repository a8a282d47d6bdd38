"""The course's practice: one script for each cell, with a projection and with two cells stacked."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gradlab.nn.recurrent import CELLS, StackedCells, unroll
from gradlab.nn.recurrent.wrappers import OutputProjectionWrapper
from gradlab.nn.weights import Weights

STEPS, UNITS = 6, 8


def single(name):
    return CELLS[name].create(Weights("xavier_uniform", layer=0), 2, UNITS)


def projected(name):
    return OutputProjectionWrapper.create(Weights("xavier_uniform"), single(name), n_outputs=4)


def stacked(name):
    above = CELLS[name].create(Weights("xavier_uniform", layer=1), UNITS, UNITS)
    return StackedCells((single(name), above))


@pytest.mark.catalogue("CMP-33")
@pytest.mark.parametrize("form", [single, projected, stacked])
@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_the_same_script_runs_with_each_cell(name, form, capsys):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, STEPS, 2)).astype(np.float32)
    y = x[:, :, 0].sum(axis=1)
    cell = form(name)
    width = 4 if form is projected else UNITS
    readout = jnp.zeros((width, 1))

    def loss(model):
        cell, readout = model
        outputs, _ = unroll(cell, x)
        return jnp.mean(((outputs[:, -1] @ readout)[:, 0] - y) ** 2)

    outputs, state = unroll(cell, x)
    print(f"{name}, {form.__name__}: outputs {outputs.shape}")
    for part in jax.tree.leaves(state):
        print("state", part.shape)

    optimizer = optax.adam(0.02)
    numbers, rest = eqx.partition((cell, readout), eqx.is_array)
    held = optimizer.init(numbers)

    @jax.jit
    def step(numbers, held):
        value, slopes = jax.value_and_grad(lambda n: loss(eqx.combine(n, rest)))(numbers)
        changes, held = optimizer.update(slopes, held)
        return optax.apply_updates(numbers, changes), held, value

    losses = []
    for _ in range(60):
        numbers, held, value = step(numbers, held)
        losses.append(float(value))
    print(f"loss {losses[0]:.3f} -> {losses[-1]:.3f}")

    told = capsys.readouterr().out
    assert f"outputs (64, {STEPS}, {width})" in told
    n_states = (2 if name == "lstm" else 1) * (2 if form is stacked else 1)
    assert told.count(f"state (64, {UNITS})") == n_states
    assert losses[-1] < 0.3 * losses[0]
