"""Gradients through time: exact, vanishing in a plain network, kept by gates."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gradlab.nn.dense import Dense
from gradlab.nn.losses import binary_cross_entropy
from gradlab.nn.module import Sequential
from gradlab.nn.recurrent import CELLS, LSTMCell, Recurrent, RNNCell, gradient_through_time, unroll
from gradlab.nn.weights import Weights


@pytest.mark.catalogue("RNN-04")
def test_the_chain_rule_through_time_and_how_it_vanishes(float64):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20, 3))
    cell = RNNCell.create(Weights("xavier_uniform", dtype=np.float64), 3, 6)
    norms = gradient_through_time(cell, x)

    # Numerically: the last state as a function of each earlier one.
    states = np.concatenate([np.zeros((1, 6)), unroll(cell, x[None])[0][0]])
    for k in (0, 10, 19):
        columns = []
        for unit in range(6):
            nudge = np.zeros(6)
            nudge[unit] = 1e-6
            ends = [
                unroll(cell, x[None, k:], initial_state=(states[k] + sign * nudge)[None])[1][0]
                for sign in (1, -1)
            ]
            columns.append((ends[0] - ends[1]) / 2e-6)
        numeric = np.linalg.norm(np.stack(columns, axis=1), ord=2)
        assert norms[k] == pytest.approx(numeric, rel=1e-4, abs=1e-12)

    assert norms[0] < 1e-3 * norms[-1]
    slope = np.polyfit(np.arange(20), np.log(norms), 1)[0]
    assert slope > 0.1  # a tenth and more is lost with every step back


def test_the_weights_gradient_is_the_sum_over_all_paths_back(float64):
    """∂E_3/∂R = Σ_k ∂E_3/∂s_3 · ∂s_3/∂s_k · ∂s_k/∂R, term by term."""
    cell = RNNCell.create(Weights("xavier_uniform", dtype=np.float64), 2, 3)
    x = np.random.default_rng(0).normal(size=(1, 4, 2))
    states = [np.zeros((1, 3))]
    for t in range(4):
        states.append(cell(x[:, t], states[-1])[0])

    def step(recurrent, state, t):
        return RNNCell(cell.weight_input, recurrent, cell.bias)(x[:, t], state)[0]

    total, product = 0, jnp.ones(3)  # E is the sum of the last state
    for t in (3, 2, 1, 0):
        of_weight, of_state = jax.jacrev(step, argnums=(0, 1))(
            jnp.asarray(cell.weight_recurrent), states[t], t
        )
        total = total + jnp.einsum("u,uij->ij", product, of_weight[0])
        product = product @ of_state[0, :, 0]

    def energy(recurrent):
        return unroll(RNNCell(cell.weight_input, recurrent, cell.bias), x)[1].sum()

    np.testing.assert_allclose(
        jax.grad(energy)(jnp.asarray(cell.weight_recurrent)), total, rtol=1e-12
    )


def test_an_open_forget_gate_carries_gradients_far(float64):
    x = np.random.default_rng(0).normal(size=(60, 3))
    weights = Weights("xavier_uniform", dtype=np.float64)
    kept = gradient_through_time(LSTMCell.create(weights, 3, 6, forget_bias=5.0), x)
    lost = gradient_through_time(LSTMCell.create(weights, 3, 6, forget_bias=-1.0), x)
    assert kept[0] > 0.3
    assert lost[0] < 1e-8


def accuracies_of_memory(cell_name: str, lag: int) -> np.ndarray:
    """Train a cell to tell, after a stretch of noise, the symbol that came before it.

    Returns the accuracy from each of four starts.
    """
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(2e-2))

    def network_of(seed):
        weights = [Weights("xavier_uniform", layer=i, seed=seed) for i in range(2)]
        layer = Recurrent(CELLS[cell_name].create(weights[0], 2, 12), outputs="last")
        return Sequential((layer, Dense(weights[1]((12, 1), 12, 1), weights[1].zeros(1))))

    def batch(key):
        of_symbol, of_noise = jax.random.split(key)
        symbol = jax.random.bernoulli(of_symbol, 0.5, (32,))
        x = jax.random.normal(of_noise, (32, lag, 2))
        return x.at[:, 0, 1].set(2.0 * symbol - 1), symbol.astype(jnp.int32)

    def loss(network, x, y):
        total, weight = binary_cross_entropy(network(x, ((), ()))[0], y, jnp.ones(32))
        return total / weight

    def step(carry, key):
        network, state = carry
        updates, state = optimizer.update(jax.grad(loss)(network, *batch(key)), state)
        return (optax.apply_updates(network, updates), state), None

    def train(network, key):
        keys = jax.random.split(key, 400)
        (network, _), _ = jax.lax.scan(step, (network, optimizer.init(network)), keys)
        x, y = jax.vmap(batch)(jax.random.split(jax.random.key(99), 16))
        scores = jax.vmap(lambda x: network(x, ((), ()))[0][:, 0])(x)
        return ((scores > 0) == (y > 0)).mean()

    networks = jax.tree.map(lambda *leaves: np.stack(leaves), *map(network_of, range(4)))
    return np.asarray(jax.jit(jax.vmap(train))(networks, jax.vmap(jax.random.key)(jnp.arange(4))))


@pytest.mark.catalogue("RNN-17")
def test_an_lstm_remembers_further_than_a_plain_network():
    assert accuracies_of_memory("rnn", lag=3).min() > 0.95
    assert accuracies_of_memory("lstm", lag=20).min() > 0.9
    assert accuracies_of_memory("rnn", lag=20).min() < 0.8
