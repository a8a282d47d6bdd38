"""The engine's steps are the textbook's: a second implementation, in float64 NumPy by hand."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gradlab.errors import RecipeError
from gradlab.nn.losses import class_weights
from gradlab.training.executors import trained_network
from gradlab.training.interface import Interface
from gradlab.training.network import build_network
from gradlab.training.order import batch_order
from gradlab.training.plan import Run
from gradlab.training.recipe import Recipe

SEED = 5
BASE = Recipe(
    hidden=(8,), optimizer="sgd", learning_rate=0.1, batch_size=8, epochs=2, activation="tanh"
)
RECIPES = {
    "sgd": BASE,
    "adam": BASE.replace(optimizer="adam", learning_rate=0.01),
    "l1": BASE.replace(l1=0.02),
    "l2": BASE.replace(l2=0.3),
    "clip_value": BASE.replace(clip_value=0.05),
    "clip_norm": BASE.replace(clip_norm=0.1),
    "weight_decay": BASE.replace(optimizer="adam", learning_rate=0.01, weight_decay=0.5),
    "nesterov": BASE.replace(
        optimizer="nesterov", learning_rate=0.05, l2=0.3, clip_norm=0.5, weight_decay=0.2
    ),
}
WEIGHTS = (0, 2)  # positions of the weight matrices among (W1, b1, W2, b2)


def start(recipe, n_outputs=3, dtype=np.float64):
    network = build_network(recipe, Interface((4,), n_outputs), seed=SEED)
    first, _, last = network.layers
    leaves = (first.weight, first.bias, last.weight, last.bias)
    return [np.asarray(leaf, dtype) for leaf in leaves]


def forward(params, x):
    w1, b1, w2, b2 = params
    hidden = np.tanh(x @ w1 + b1)
    return hidden, hidden @ w2 + b2


def errors_and_slopes(task, scores, y):
    """Return the loss of each row and its gradient with respect to the scores."""
    if task.kind == "regression":
        return ((scores - y) ** 2).sum(1), 2 * (scores - y)
    exp = np.exp(scores - scores.max(1, keepdims=True))
    p = exp / exp.sum(1, keepdims=True)
    onehot = np.eye(3)[y]
    return -np.log((p * onehot).sum(1)), p - onehot


def gradient(task, params, rows):
    x, y, weight = task.x[rows].astype(float), task.y[rows], task.weight[rows].astype(float)
    hidden, scores = forward(params, x)
    errors, slopes = errors_and_slopes(task, scores, y)
    delta2 = slopes * (weight / weight.sum())[:, None]
    delta1 = (delta2 @ params[2].T) * (1 - hidden**2)
    gradients = [x.T @ delta1, delta1.sum(0), hidden.T @ delta2, delta2.sum(0)]
    return gradients, (errors * weight).sum(), weight.sum()


def reference(task, recipe):
    """Train by hand; return the weights and the history."""
    params = start(recipe, task.n_outputs)
    train, validation = task.splits[0]
    order = batch_order(train, seed=SEED, epochs=range(recipe.epochs), batch_size=8)
    m, v, velocity = ([np.zeros_like(p) for p in params] for _ in range(3))
    rate, t, history = recipe.learning_rate, 0, []
    w = params
    for epoch in order:
        total = count = 0
        for rows in epoch:
            t += 1
            gradients, loss, weight = gradient(task, params, rows[rows >= 0])
            total, count = total + loss, count + weight
            for i in WEIGHTS:
                gradients[i] = gradients[i] + recipe.l2 * params[i] + recipe.l1 * np.sign(params[i])
            if recipe.clip_value:
                gradients = [np.clip(g, -recipe.clip_value, recipe.clip_value) for g in gradients]
            if recipe.clip_norm:
                norm = np.sqrt(sum((g**2).sum() for g in gradients))
                gradients = [g * min(1, recipe.clip_norm / norm) for g in gradients]
            decay = [
                rate * (recipe.weight_decay or 0) * p if i in WEIGHTS else 0
                for i, p in enumerate(params)
            ]
            if recipe.optimizer == "adam":
                m = [0.9 * a + 0.1 * g for a, g in zip(m, gradients, strict=True)]
                v = [0.999 * a + 0.001 * g**2 for a, g in zip(v, gradients, strict=True)]
                steps = [
                    rate * (a / (1 - 0.9**t)) / (np.sqrt(b / (1 - 0.999**t)) + 1e-8)
                    for a, b in zip(m, v, strict=True)
                ]
            elif recipe.optimizer == "nesterov":
                # Gradients are taken ahead of w, at w + momentum · velocity.
                velocity = [0.9 * a - rate * g for a, g in zip(velocity, gradients, strict=True)]
                steps = [-a for a in velocity]
            else:
                steps = [rate * g for g in gradients]
            w = [a - s - d for a, s, d in zip(w, steps, decay, strict=True)]
            params = [a + 0.9 * b for a, b in zip(w, velocity, strict=True)]
        scores = forward(w, task.x[validation].astype(float))[1]
        errors, _ = errors_and_slopes(task, scores, task.y[validation])
        weight = task.weight[validation].astype(float)
        if task.kind == "regression":
            right = ((scores - task.y[validation]) ** 2).mean(1)
        else:
            right = scores.argmax(1) == task.y[validation]
        history.append(
            [total / count, np.average(errors, weights=weight), np.average(right, weights=weight)]
        )
    return w, np.array(history)


def weights_of(outcome, recipe, i=0):
    network, _ = trained_network(outcome.plan, recipe, outcome.results[i].weights)
    first, last = network.layers[0], network.layers[-1]
    return [np.asarray(leaf) for leaf in (first.weight, first.bias, last.weight, last.bias)]


@pytest.fixture(scope="module")
def task(classes_task):
    # Unequal weights, as sample or class weights give: padding and weights take one road.
    return classes_task(weight=lambda rng, n: rng.uniform(0.3, 3, n))


@pytest.fixture(scope="module")
def trained(train, task):
    return train(task, [Run(recipe, SEED) for recipe in RECIPES.values()], members=4, epochs=2)


@pytest.mark.parametrize("name", RECIPES)
def test_steps_equal_a_second_implementation(trained, task, name):
    recipe = RECIPES[name]
    i = list(RECIPES).index(name)
    params, history = reference(task, recipe)
    np.testing.assert_allclose(trained.results[i].history, history, rtol=2e-5)
    for leaf, expected in zip(weights_of(trained, recipe, i), params, strict=True):
        np.testing.assert_allclose(leaf, expected, rtol=2e-4, atol=2e-6)


def test_the_penalties_and_limits_above_did_something(trained):
    curves = {name: r.history for name, r in zip(RECIPES, trained.results, strict=True)}
    for name in ("l1", "l2", "clip_value", "clip_norm"):
        assert np.abs(curves[name] - curves["sgd"]).max() > 1e-3


def test_regression(train, numbers_task):
    task = numbers_task()
    outcome = train(task, [Run(BASE, SEED)], members=1, epochs=2)
    params, history = reference(task, BASE)
    np.testing.assert_allclose(outcome.results[0].history, history, rtol=2e-5)
    for leaf, expected in zip(weights_of(outcome, BASE), params, strict=True):
        np.testing.assert_allclose(leaf, expected, rtol=2e-4, atol=2e-6)


def test_balanced_classes_count_the_same(train, classes_task):
    task = classes_task()
    rows = task.splits[0][0]
    rare = rows[(task.y[rows] != 2) | (np.cumsum(task.y[rows] == 2) <= 2)]
    weight = np.ones(len(task.x), np.float32)
    weight[rare] = class_weights(task.y[rare], "balanced")
    task = dataclasses.replace(task, weight=weight, splits=((rare, task.splits[0][1]),))
    outcome = train(task, [Run(BASE, SEED)], members=1, epochs=2)
    np.testing.assert_allclose(outcome.results[0].history, reference(task, BASE)[1], rtol=2e-5)
    totals = [weight[rare][task.y[rare] == label].sum() for label in range(3)]
    np.testing.assert_allclose(totals, len(rare) / 3, rtol=1e-6)


def test_weight_two_is_the_row_twice(train, numbers_task):
    task = numbers_task()
    rows, validation = task.splits[0]
    recipe = BASE.replace(batch_size="full", shuffle=False, epochs=5)
    doubled = np.concatenate([rows, rows[:6]])
    twice = dataclasses.replace(task, splits=((doubled, validation),))
    weight = np.ones(len(task.x), np.float32)
    weight[rows[:6]] = 2
    heavy = dataclasses.replace(task, weight=weight)
    a, b = (train(t, [Run(recipe, SEED)], members=1).results[0] for t in (twice, heavy))
    np.testing.assert_allclose(a.history[:, 0], b.history[:, 0], rtol=1e-5)
    np.testing.assert_allclose(a.history[:, 1], b.history[:, 1], rtol=1e-5)


def test_a_users_transformation_trains_as_in_its_own_loop(train, numbers_task):
    task = numbers_task()
    own = optax.chain(optax.clip_by_global_norm(0.5), optax.adabelief(0.03))
    recipe = BASE.replace(optimizer=own, learning_rate=None)
    outcome = train(task, [Run(recipe, SEED)], members=1, epochs=2)

    inputs, targets = jnp.asarray(task.x), jnp.asarray(task.y)

    def loss(params, rows):
        w1, b1, w2, b2 = params
        scores = jnp.tanh(inputs[rows] @ w1 + b1[None]) @ w2 + b2[None]
        return jnp.mean((scores - targets[rows]) ** 2)

    params = [jnp.asarray(leaf) for leaf in start(recipe, 1, np.float32)]
    memory = own.init(params)

    @jax.jit
    def step(params, memory, rows):
        updates, memory = own.update(jax.grad(loss)(params, rows), memory, params)
        return optax.apply_updates(params, updates), memory

    order = batch_order(task.splits[0][0], seed=SEED, epochs=range(2), batch_size=8)
    for rows in order.reshape(-1, 8):
        params, memory = step(params, memory, rows[rows >= 0])
    for leaf, expected in zip(weights_of(outcome, recipe), params, strict=True):
        np.testing.assert_allclose(leaf, expected, rtol=1e-4, atol=1e-5)


def test_a_loss_that_does_not_fit_the_target_is_refused(train, numbers_task):
    with pytest.raises(RecipeError, match="loss=cross_entropy does not fit a regression target;"):
        train(numbers_task(), [Run(BASE.replace(loss="cross_entropy"), 0)])


def test_binary_targets(train, classes_task):
    task = classes_task()
    task = dataclasses.replace(
        task, y=np.minimum(task.y, 1).astype(np.int32), kind="binary", n_outputs=1
    )
    outcome = train(task, [Run(BASE.replace(epochs=20), SEED)], members=1)
    result = outcome.results[0]
    network, states = trained_network(outcome.plan, BASE, result.weights)
    rows = task.splits[0][1]
    score = np.asarray(network(task.x[rows], states)[0], float)[:, 0]
    p = 1 / (1 + np.exp(-score))
    loss = -np.where(task.y[rows] == 1, np.log(p), np.log(1 - p)).mean()
    np.testing.assert_allclose(result.history[-1, 1], loss, rtol=1e-5)
    np.testing.assert_allclose(result.history[-1, 2], np.mean((p > 0.5) == task.y[rows]), rtol=1e-6)
