"""The contract of the engine: a run's numbers depend on its recipe, seed and data alone."""

import jax
import numpy as np
import pytest

from gradlab.training.executors import trained_network
from gradlab.training.plan import Run
from gradlab.training.recipe import Dense, Recipe

BASE = Recipe(hidden=(8,), batch_size=8, epochs=6)

# Five kinds with everything in them that has a state, a mask or a number of its own.
KINDS = {
    "adam, batch norm, dropout, noise, two unlike layers": Recipe(
        layers=(
            Dense(units=6, norm="batch", dropout=0.3),
            Dense(units=5, activation="elu", noise=0.1),
        ),
        input_noise=0.05,
        learning_rate=0.02,
        batch_size=8,
        epochs=5,
    ),
    "nesterov, l1, l2, clip by norm": BASE.replace(
        optimizer="nesterov", l1=1e-3, l2=1e-2, clip_norm=0.5, learning_rate=0.05
    ),
    "momentum, PReLU, weight decay, clip by value": BASE.replace(
        optimizer="momentum",
        activation="prelu",
        weight_decay=0.1,
        clip_value=0.1,
        learning_rate=0.05,
        schedule="cosine",
        warmup_epochs=1,
    ),
    "adam, layer norm, early stopping": BASE.replace(
        norm="layer", patience=2, learning_rate=0.1, epochs=9
    ),
    "rmsprop, wider": BASE.replace(hidden=(13,), optimizer="rmsprop", activation="tanh"),
}
RUNS = [Run(recipe, seed) for recipe in KINDS.values() for seed in (3, 11)]


NAMES = [name for name in KINDS for _ in range(2)]


def same_bits(result, other) -> bool:
    return (
        (result.status, result.epochs, result.best_epoch)
        == (other.status, other.epochs, other.best_epoch)
        and result.history.tobytes() == other.history.tobytes()
        and result.weights.tobytes() == other.weights.tobytes()
    )


def assert_same(results, others):
    for name, result, other in zip(NAMES, results, others, strict=True):
        assert same_bits(result, other), name


@pytest.fixture(scope="module")
def together(train, classes_task):
    """Everything in one program, two runs a call, all epochs in one call."""
    return train(classes_task(), RUNS, members=2, epochs=9)


@pytest.fixture(scope="module")
def in_small_calls(train, classes_task):
    """The same, kinds in the opposite order, five runs and two epochs a call, two threads."""
    return train(classes_task(), RUNS[::-1], members=5, epochs=2, workers=2)


def test_it_learns(together):
    assert {result.status for result in together.results} == {"done", "early"}
    for result in together.results:
        assert result.history[-1, 0] < result.history[0, 0]
        assert np.isfinite(result.history).all()


def test_the_same_in_any_block_order_chunk_and_thread(together, in_small_calls):
    assert len(together.plan.programs) == 1
    assert_same(together.results, in_small_calls.results[::-1])


@pytest.mark.parametrize(
    ("kind", "members", "epochs"),
    # One run, or one run beside two empty places; one epoch a call, or all.
    [(0, 1, 1), (2, 3, 9)],
)
def test_the_same_alone(together, train, classes_task, kind, members, epochs):
    alone = train(classes_task(), [RUNS[2 * kind]], members=members, epochs=epochs)
    assert same_bits(alone.results[0], together.results[2 * kind]), list(KINDS)[kind]


def test_the_same_again(together, train, classes_task):
    again = train(classes_task(), RUNS, members=2, epochs=9, workers=2)
    assert_same(again.results, together.results)


def test_the_same_resumed_in_another_company(together, in_small_calls, train, classes_task):
    # Checkpoints after 2 epochs, taken in a program of five kinds, resumed in one of two kinds
    # whose states are shorter.
    chosen = [2, 3, 6, 7]
    runs = [RUNS[i] for i in chosen]
    seen = [in_small_calls.checkpoints[len(RUNS) - 1 - i][0] for i in chosen]
    assert [int(checkpoint.control.epoch) for checkpoint in seen] == [2] * 4
    resumed = train(classes_task(), runs, members=4, checkpoints=dict(enumerate(seen)))
    for i, result in zip(chosen, resumed.results, strict=True):
        assert same_bits(result, together.results[i])


def test_resumed_at_every_checkpoint(together, in_small_calls, train, classes_task):
    # The first and the last of each run.
    for which in (0, -1):
        seen = {i: checkpoints[which] for i, checkpoints in in_small_calls.checkpoints.items()}
        assert len(seen) == len(RUNS)
        resumed = train(classes_task(), RUNS[::-1], members=5, epochs=2, checkpoints=seen)
        assert_same(resumed.results[::-1], together.results)


def test_the_same_in_float64(train, classes_task):
    recipes = list(KINDS.values())
    runs = [Run(recipes[0], 3), Run(recipes[2], 3)]
    task = classes_task(dtype=np.float64)
    together = train(task, runs, members=2, epochs=6)
    alone = train(task, runs[1:], members=1, epochs=2)
    assert together.results[0].history.dtype == np.float64
    assert same_bits(alone.results[0], together.results[1])
    for run, result in zip(runs, together.results, strict=True):
        arrays, _ = trained_network(together.plan, run.recipe, result.weights)
        leaves = [leaf for leaf in jax.tree.leaves(arrays) if hasattr(leaf, "dtype")]
        assert {leaf.dtype for leaf in leaves} == {np.dtype(np.float64)}


def test_float64_is_the_same_run_with_less_rounding(together, train, classes_task):
    run = RUNS[4]  # momentum, whose steps are smooth in the gradient
    exact = train(classes_task(dtype=np.float64), [RUNS[0], run], members=2, epochs=6)
    close = together.results[4].history
    np.testing.assert_allclose(exact.results[1].history, close, rtol=2e-5, atol=2e-6)
