"""Members side by side (`vmap`, for accelerators) learn what members in turn learn."""

import numpy as np
import pytest

from gradlab.training.executors import RunResult, execute
from gradlab.training.plan import Run, plan
from gradlab.training.recipe import Recipe
from gradlab.training.task import Task


@pytest.fixture
def task(rng):
    x = rng.normal(size=(60, 5)).astype(np.float32)
    y = (x[:, 0] + x[:, 1] > 0).astype(np.int32)
    rows = np.arange(60, dtype=np.int32)
    split = (rows[:40], rows[40:])
    return Task(x, y, np.ones(60, np.float32), (split,), rows[:0], "binary", 1)


def results(task, runs, *, side_by_side):
    planned = plan(task, runs, workers=1, side_by_side=side_by_side)
    events = execute(planned, workers=1, side_by_side=side_by_side)
    return {e.index: e for e in events if isinstance(e, RunResult)}


def test_vmap_agrees_with_map_within_rounding(task):
    base = Recipe(hidden=(6,), epochs=4, batch_size=16, norm="batch", dropout=0.2)
    # One diverges: under vmap its neighbours go on beside it.
    runs = [
        Run(base, 0),
        Run(base, 1),
        Run(base.replace(optimizer="sgd", norm="none", learning_rate=1e30), 0),
    ]
    in_turn = results(task, runs, side_by_side=False)
    beside = results(task, runs, side_by_side=True)
    for i in (0, 1):
        np.testing.assert_allclose(beside[i].history, in_turn[i].history, rtol=2e-3, atol=1e-4)
    assert [beside[i].status for i in range(3)] == ["done", "done", "diverged"]


def test_an_accelerator_gets_a_program_for_each_kind(task):
    runs = [Run(Recipe(activation=name, epochs=2), 0) for name in ("relu", "tanh")]
    assert len(plan(task, runs, workers=1, side_by_side=True).programs) == 2
    assert len(plan(task, runs, workers=1).programs) == 1
