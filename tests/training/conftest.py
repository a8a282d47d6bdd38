"""A toy task, and training with a chosen block size and number of epochs a call."""

import dataclasses
from typing import NamedTuple

import jax
import numpy as np
import pytest

from gradlab.process import crowded
from gradlab.training.executors import Checkpoint, Progressed, RunResult, device_data, execute
from gradlab.training.plan import Plan, plan
from gradlab.training.task import Task

COMPILED: dict[str, dict] = {}


class Outcome(NamedTuple):
    """What a training gave, in the order of its runs."""

    plan: Plan
    results: list[RunResult]
    checkpoints: dict[int, list[Checkpoint]]


def train(task, runs, *, members=None, epochs=None, workers=1, checkpoints=None) -> Outcome:
    """Train runs; `members` and `epochs` (a call) override what the planner chooses."""
    made = plan(task, runs, workers=workers)
    given = {k: v for k, v in {"members": members, "epochs": epochs}.items() if v is not None}
    programs = tuple(
        dataclasses.replace(program, shape=dataclasses.replace(program.shape, **given))
        for program in made.programs
    )
    made = dataclasses.replace(made, programs=programs)
    # Compiling is what takes time: a test that trains the same program again need not.
    learners = [learner.structure for program in programs for learner in program.learners]
    shapes = [program.shape for program in programs]
    arrays = jax.tree.map(lambda x: (x.shape, x.dtype), device_data(made))
    lengths = [len(rows) for rows, _ in task.splits]
    if crowded():
        COMPILED.clear()
    compiled = COMPILED.setdefault(repr((learners, shapes, arrays, lengths)), {})
    results, seen = {}, {}
    for event in execute(made, programs=compiled, workers=workers, checkpoints=checkpoints):
        if isinstance(event, RunResult):
            results[event.index] = event
        elif isinstance(event, Progressed):
            seen.setdefault(event.index, []).append(event.checkpoint)
    return Outcome(made, [results[i] for i in range(len(runs))], seen)


def classes_task(n_train=23, n_validation=9, *, noise=1.0, weight=None, dtype=np.float32) -> Task:
    """Return three overlapping clouds in four dimensions; 23 rows leave a ragged batch of 8."""
    rng = np.random.default_rng(7)
    n = n_train + n_validation
    y = (np.arange(n) % 3).astype(np.int32)
    centres = np.array([[2.0, 0, 0, 0], [0, 2, 0, 0], [0, 0, 2, 1]])
    x = (centres[y] + noise * rng.normal(size=(n, 4))).astype(dtype)
    rows = rng.permutation(n).astype(np.int32)
    return Task(
        x=x,
        y=y,
        weight=np.ones(n, dtype) if weight is None else weight(rng, n).astype(dtype),
        splits=((rows[:n_train], rows[n_train:]),),
        test=rows[:0],
        kind="multiclass",
        n_outputs=3,
    )


def numbers_task(n_train=23, n_validation=9, *, dtype=np.float32) -> Task:
    """Return a smooth function of four numbers, standardised, with a little noise."""
    rng = np.random.default_rng(8)
    n = n_train + n_validation
    x = rng.normal(size=(n, 4))
    y = np.sin(x[:, :1]) + 0.5 * x[:, 1:2] + 0.1 * rng.normal(size=(n, 1))
    y = (y - y.mean()) / y.std()
    rows = rng.permutation(n).astype(np.int32)
    return Task(
        x=x.astype(dtype),
        y=y.astype(dtype),
        weight=np.ones(n, dtype),
        splits=((rows[:n_train], rows[n_train:]),),
        test=rows[:0],
        kind="regression",
        n_outputs=1,
    )


@pytest.fixture(name="train", scope="session")
def _train():
    return train


@pytest.fixture(name="classes_task", scope="session")
def _classes_task():
    return classes_task


@pytest.fixture(name="numbers_task", scope="session")
def _numbers_task():
    return numbers_task
