"""The first number of a run that is not finite: its step, its layer and what it is."""

import jax
import numpy as np
import pytest

from gradlab.explanation.first_non_finite import NonFinite, first_non_finite
from gradlab.explanation.retraining import Retraining
from gradlab.nn.module import apply
from gradlab.training.executors import RunResult, execute
from gradlab.training.network import build_network
from gradlab.training.order import batch_order
from gradlab.training.plan import Run, plan
from gradlab.training.recipe import Recipe
from gradlab.training.sites import layers_of, states_of
from gradlab.training.task import Task

pytestmark = pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")


def task_of(x, y, kind="multiclass", judged=20):
    rows = np.arange(len(x), dtype=np.int32)
    return Task(
        x=x,
        y=y,
        weight=np.ones(len(x), np.float32),
        splits=((rows[:-20], rows[-20:][:judged]),),
        test=rows[:0],
        kind=kind,
        n_outputs=3 if kind == "multiclass" else 1,
    )


def clouds(shape=(140, 6)):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, shape[0]).astype(np.int32)
    x = rng.normal(size=shape) + y.reshape(-1, *[1] * (len(shape) - 1))
    return task_of(x.astype(np.float32), y)


def run_of(task, run):
    found = execute(plan(task, [run], workers=1), workers=1)
    (result,) = [event for event in found if isinstance(event, RunResult)]
    return result


def by_numpy(task, run):
    """Train dense layers with ReLU by plain gradient descent; return step and layer that break."""
    recipe, network = run.recipe, build_network(run.recipe, task.interface, seed=run.seed)
    dense = [layer for layer in network.layers if layer.kind == "linear"]
    weights = [np.array(layer.weight) for layer in dense]
    biases = [np.array(layer.bias) for layer in dense]
    order = batch_order(
        task.splits[0][0],
        seed=run.seed,
        epochs=range(recipe.epochs),
        batch_size=recipe.batch_size,
        n_steps=-(-len(task.splits[0][0]) // recipe.batch_size),
        shuffle=True,
    )
    for number, rows in enumerate(order.reshape(-1, order.shape[-1])):
        rows = rows[rows >= 0]
        kept = [task.x[rows]]
        for i, (w, b) in enumerate(zip(weights, biases, strict=True)):
            z = kept[-1] @ w + b
            if not np.isfinite(z).all():
                return number + 1, i
            kept.append(np.maximum(z, 0) if i + 1 < len(weights) else z)
        shifted = kept[-1] - kept[-1].max(axis=1, keepdims=True)
        p = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
        delta = (p - np.eye(3, dtype=np.float32)[task.y[rows]]) / np.float32(len(rows))
        for i in range(len(weights))[::-1]:
            slopes = kept[i].T @ delta, delta.sum(axis=0)
            delta = (delta @ weights[i].T) * (kept[i] > 0)
            assert all(np.isfinite(slope).all() for slope in slopes)
            weights[i] = weights[i] - np.float32(recipe.learning_rate) * slopes[0]
            biases[i] = biases[i] - np.float32(recipe.learning_rate) * slopes[1]
    return None


@pytest.mark.parametrize(("rate", "seed"), [(300.0, 1), (1e6, 2)])
def test_a_dense_network_breaks_where_one_of_numpy_does(rate, seed):
    task = clouds()
    sgd = {"optimizer": "sgd", "learning_rate": rate}
    run = Run(Recipe(hidden=(16, 8), epochs=6, batch_size=16, **sgd), seed)
    found = first_non_finite(task, run)
    expected = by_numpy(task, run)
    assert expected is not None
    assert found is not None
    assert (found.step, found.layer, found.what, found.own) == (*expected, "activations", True)
    assert found.epoch == (found.step - 1) // 8 + 1


def breaks_within(task, run, found):
    """Assert that the layers give finite numbers before the one that is named, and not there."""
    again = Retraining(task, run)
    n_steps = again.program.shape.n_steps
    stand = again.epochs(found.epoch - 1)
    place = (found.step - 1) % n_steps
    for step in (place - 1, place):
        if step < 0:
            continue
        state = again.state(again.part(stand, found.epoch - 1, step))
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state))
        network = build_network(run.recipe, task.interface, seed=0)
        arrays = jax.tree.leaves(state.model)
        network = jax.tree.unflatten(jax.tree.structure(network), arrays)
        rows = again.order(found.epoch - 1)[0, step]
        x, count = task.x[rows[rows >= 0]], -1
        for layer, own in zip(layers_of(network), states_of(network, state.layers), strict=True):
            count += layer.kind == "linear" or type(layer).__name__ == "Recurrent"
            x, _ = apply(layer, x, own, None, True, None)
            if not np.isfinite(np.asarray(x)).all():
                break
        else:
            count = None
        assert count == (found.layer if step == place else None)


def test_a_convolution_breaks_where_its_layers_do():
    task = clouds((140, 6, 6, 1))
    layers = ["conv 4", "pool 2", "conv 6", "dense 8"]
    sgd = {"optimizer": "sgd", "learning_rate": 1e3}
    run = Run(Recipe(layers=layers, epochs=6, batch_size=16, **sgd), 1)
    assert run_of(task, run).status == "diverged"
    found = first_non_finite(task, run)
    assert found is not None
    assert found.what == "activations"
    breaks_within(task, run, found)


@pytest.mark.parametrize(("judged", "what"), [(0, "loss"), (20, "validation")])
def test_a_slow_divergence_is_found_in_a_later_epoch(judged, what):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(84, 3)).astype(np.float32)
    task = task_of(x, x[:, :1].copy(), "regression", judged)
    sgd = {"optimizer": "sgd", "learning_rate": 1.5, "shuffle": False}
    run = Run(Recipe(hidden=(), epochs=40, batch_size=16, **sgd), 0)
    (layer,) = build_network(run.recipe, task.interface, seed=0).layers
    weight, bias = np.array(layer.weight), np.array(layer.bias)

    def off(rows):
        return x[rows] @ weight + bias - task.y[rows]

    def breaks():
        nonlocal weight, bias
        for step in range(160):
            rows = slice(16 * (step % 4), 16 * (step % 4) + 16)
            error = off(rows)
            if not np.isfinite((error**2).sum()):
                return NonFinite(step + 1, step // 4 + 1, "loss")
            weight = weight - np.float32(1.5) * 2 * (x[rows].T @ error) / 16
            bias = bias - np.float32(1.5) * 2 * error.mean(axis=0)
            if step % 4 == 3 and not np.isfinite((off(task.splits[0][1]) ** 2).sum()):
                return NonFinite(step + 1, step // 4 + 1, "validation")
        return None

    expected = breaks()
    assert expected is not None
    assert expected.epoch > 3
    assert expected.what == what
    assert first_non_finite(task, run) == expected
    assert run_of(task, run).epochs == expected.epoch


def test_an_update_past_the_largest_number_is_one_of_weights():
    recipe = Recipe(hidden=(4,), epochs=2, batch_size=16, optimizer="sgd", learning_rate=3e38)
    task = clouds()
    big = task_of(100 * task.x, task.y)
    found = first_non_finite(big, Run(recipe, 0))
    assert found is not None
    assert (found.step, found.epoch, found.what) == (1, 1, "weights")


def test_a_loss_that_overflows_though_no_activation_does():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 3)).astype(np.float32)
    y = np.full((60, 1), 1e22, np.float32)  # its square is past float32
    found = first_non_finite(task_of(x, y, "regression"), Run(Recipe(hidden=(4,), epochs=2), 0))
    assert found == NonFinite(1, 1, "loss")


def test_numbers_that_are_none_among_the_inputs():
    task = clouds()
    task.x[7, 2] = np.nan
    found = first_non_finite(task, Run(Recipe(hidden=(4,), epochs=2, batch_size=16), 0))
    order = batch_order(
        task.splits[0][0], seed=0, epochs=range(1), batch_size=16, n_steps=8, shuffle=True
    )
    (place,) = np.flatnonzero((order[0] == 7).any(axis=1))
    assert found == NonFinite(int(place) + 1, 1, "inputs")


def test_a_run_that_stays_finite_has_none():
    assert first_non_finite(clouds(), Run(Recipe(hidden=(4,), epochs=2, patience=1), 0)) is None
