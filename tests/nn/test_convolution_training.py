"""Convolutional networks that learn, and their gradients inside the loops of the engine."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from sklearn.datasets import load_digits

from gradlab.nn import Dense, Sequential, activation_layer, cross_entropy, n_parameters, trainable
from gradlab.nn.convolution import Conv2D
from gradlab.nn.pooling import MaxPool2D
from gradlab.nn.reshape import Flatten
from gradlab.nn.weights import Weights

SIDE = 14


def dense(layer, n_in, n_out):
    return Dense(Weights(layer=layer)((n_in, n_out), n_in, n_out), np.zeros(n_out, np.float32))


def cnn():
    layers = [
        Conv2D.create(Weights(layer=0), 1, 8, kernel=3, padding="same"),
        MaxPool2D(2),
        activation_layer("relu", 8, {}),
        Conv2D.create(Weights(layer=1), 8, 16, kernel=3, padding="same"),
        MaxPool2D(2),
        activation_layer("relu", 16, {}),
        Flatten(),
    ]
    shape = (SIDE, SIDE, 1)
    for layer in layers:
        shape = layer.output_shape(shape) if hasattr(layer, "output_shape") else shape
    return Sequential((*layers, dense(2, *shape, 10)))


def mlp():
    hidden = dense(0, SIDE * SIDE, 48), activation_layer("relu", 48, {})
    return Sequential((Flatten(), *hidden, dense(1, 48, 10)))


def shifted_digits(rng):
    images, labels = load_digits(return_X_y=True)
    canvas = np.zeros((len(images), SIDE, SIDE, 1), np.float32)
    for canvas_image, image in zip(canvas, images.reshape(-1, 8, 8, 1), strict=True):
        top, left = rng.integers(0, SIDE - 8, 2)
        canvas_image[top : top + 8, left : left + 8] = image / 16
    return canvas, labels.astype(np.int32)


@pytest.mark.catalogue("CNN-13")
def test_a_small_cnn_beats_a_larger_mlp_on_shifted_images(rng):
    x, y = shifted_digits(rng)
    order = rng.permutation(len(x))
    train, test = order[:1200], order[1200:]
    batches = np.concatenate([rng.permutation(train) for _ in range(12)]).reshape(-1, 50)

    def accuracy(network):
        params, rest = eqx.partition(network, trainable(network))
        params = jax.tree.map(jnp.asarray, params)
        state = network.initial_state()
        adam = optax.adam(3e-3)

        def loss(params, x, y):
            scores, _ = eqx.combine(params, rest)(x, state, training=True)
            total, weight = cross_entropy(scores, y, jnp.ones(len(y)))
            return total / weight

        @jax.jit
        def fit(params, x, y):
            def update(carry, rows):
                params, moments = carry
                gradient = jax.grad(loss)(params, x[rows], y[rows])
                updates, moments = adam.update(gradient, moments)
                return (optax.apply_updates(params, updates), moments), None

            return jax.lax.scan(update, (params, adam.init(params)), batches)[0][0]

        fitted = eqx.combine(fit(params, jnp.asarray(x), jnp.asarray(y)), rest)
        scores, _ = jax.jit(lambda m, x: m(x, state))(fitted, x[test])
        return np.mean(scores.argmax(axis=1) == y[test])

    assert n_parameters(cnn()) < n_parameters(mlp())
    assert accuracy(cnn()) > accuracy(mlp()) + 0.1


def test_gradients_are_the_same_inside_scan_map_and_switch(rng):
    network = cnn()
    params, rest = eqx.partition(network, trainable(network))
    params = jax.tree.map(jnp.asarray, params)
    state = network.initial_state()
    x = jnp.asarray(rng.normal(size=(3, 4, SIDE, SIDE, 1)), jnp.float32)

    def gradient(params, x):
        return jax.grad(lambda p: jnp.sum(eqx.combine(p, rest)(x, state, training=True)[0] ** 2))(
            params
        )

    def run(x):
        def step(total, x):
            return jax.tree.map(jnp.add, total, gradient(params, x)), None

        return jax.lax.scan(step, jax.tree.map(jnp.zeros_like, params), x)[0]

    @jax.jit
    def population(kinds, x):
        branches = [run, lambda x: jax.tree.map(jnp.zeros_like, params)]
        return jax.lax.map(lambda kind: jax.lax.switch(kind, branches, x), kinds)

    got = population(jnp.array([0, 1, 0]), x)
    expected = jax.jit(gradient)(params, x.reshape(-1, *x.shape[2:]))
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a[0], b, rtol=1e-3, atol=1e-3 * np.abs(b).max())
        np.testing.assert_array_equal(a[0], a[2])
        assert not a[1].any()
