"""Training recipes for the doctor: several at once, and what they did as records."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import Int

from gradlab.doctor.evidence import Probes, Record
from gradlab.nn.losses import LOSSES
from gradlab.process import cores
from gradlab.training.executors import RunResult, execute, trained_network
from gradlab.training.network import build_network
from gradlab.training.plan import (
    CALL_SECONDS,
    Plan,
    Run,
    plan,
    step_flops,
    step_seconds,
    with_reducer,
)
from gradlab.training.population import HISTORY
from gradlab.training.predict import forward, rows_a_call, score_rows
from gradlab.training.probes import Measured, measured
from gradlab.training.recipe import Recipe
from gradlab.training.sites import examine_units
from gradlab.training.supervised import loss_name
from gradlab.training.task import Task

PROBE_SHARE = 0.25
"""Of a run's time that its measurements may take: the doctor wants to see more than a study."""

PROBES = 24
"""And how often a run is measured in any case."""

MOST_SCORED = 2048
"""Training rows that are scored at a run's end; a sample is as good."""

MOST_UNITS_ROWS = 4096
EPOCHS_A_CALL = 8


def train_recipes(
    task: Task,
    recipes: Sequence[Recipe],
    seeds: Sequence[int],
    *,
    split: int = 0,
    probes: bool = False,
    places: Sequence[Sequence[str]] = (),
    alone: set[tuple] | None = None,
) -> list[list[Record]]:
    """Return a record for each recipe and seed.

    The shape of a call does not depend on how many runs and epochs there are, so that recipes
    which differ in numbers alone, epochs among them, are compiled once a process.

    Args:
        task: What is learnt.
        recipes: How.
        seeds: Of each recipe.
        split: Of the task.
        probes: Whether to measure inside.
        places: Of each recipe's layers with weights, to say where a number stopped being finite;
            needed with probes.
        alone: Structures that have a program of their own, and whether it measures; added to.
    """
    records: list[list[Record]] = [[] for _ in recipes]
    alone = set() if alone is None else alone
    for group in _groups(recipes, alone):
        structure = recipes[group[0]].structure()
        # A program that measures trains to the same numbers: better than compiling another.
        inside = probes or (structure, True) in alone
        if len({recipes[i].structure() for i in group}) == 1:
            alone.add((structure, inside))
        runs = [Run(recipes[i], seed, split) for i in group for seed in seeds]
        wanted = {"probe_share": PROBE_SHARE, "probe_least": PROBES} if probes else {}
        planned = steady(plan(task, runs, workers=1, probes=inside, **wanted))
        results: dict[int, RunResult] = {}
        for event in execute(planned, workers=cores()):
            if isinstance(event, RunResult):
                results[event.index] = event
        for j, run in enumerate(runs):
            i = group[j // len(seeds)]
            own = places[i] if probes else None
            records[i].append(_record(planned, run, results[j], own))
    return records


def _groups(recipes: Sequence[Recipe], alone: set[tuple]) -> list[list[int]]:
    """Return which recipes are compiled together.

    A structure that has a program of its own keeps it; new ones share one, which costs less than
    one for each.
    """
    known: dict[tuple, list[int]] = {}
    new: list[int] = []
    for i, recipe in enumerate(recipes):
        structure = recipe.structure()
        if (structure, True) in alone or (structure, False) in alone:
            known.setdefault(structure, []).append(i)
        else:
            new.append(i)
    return [*known.values(), *([new] if new else [])]


def steady(planned: Plan) -> Plan:
    """Return the plan with calls whose shape its recipes' numbers do not decide."""
    programs = []
    for program in planned.programs:
        seconds = program.shape.n_steps * step_seconds(step_flops(program, planned.task))
        epochs = int(max(1, min(EPOCHS_A_CALL, CALL_SECONDS / seconds)))
        shape = dataclasses.replace(program.shape, epochs=epochs, members=1)
        programs.append(dataclasses.replace(program, shape=shape))
    return dataclasses.replace(planned, programs=tuple(programs))


def _record(planned: Plan, run: Run, result: RunResult, places: Sequence[str] | None) -> Record:
    """Return the record of a run; `places` of its layers if it was to be measured."""
    task, recipe = planned.task, run.recipe
    train, validation = task.splits[run.split]
    history = dict(zip(HISTORY, np.asarray(result.history, np.float64).T, strict=True))
    network, states = trained_network(planned, recipe, result.weights)
    if len(validation):
        scores = [task.score(value, validation) for value in history["validation_score"]]
        history["validation_score"] = np.array(scores)
    train_score = np.full(result.epochs, np.nan)
    if result.status != "diverged":
        rows = sample(train, MOST_SCORED)
        chunk = rows_a_call(recipe, task.interface)
        score = score_rows(task, network, states, rows, split=run.split, chunk=chunk)
        # Of the weights that were kept, which with patience are not those of the last epoch.
        train_score[[result.best_epoch - 1, -1] if recipe.patience else -1] = score
    found = None if places is None or result.probes is None else measured(result.probes)
    probes = None
    if found is not None:
        units = None
        if result.status != "diverged" and recipe.patience is None:
            units = _units(task, run, network, states, found)
        probes = probes_of(found, units)
    return Record(
        train_loss=history["train_loss"],
        validation_loss=history["validation_loss"],
        train_score=train_score,
        validation_score=history["validation_score"],
        initial_loss=initial_loss(task, run) if probes is None else float(probes.loss[0]),
        status=result.status,
        non_finite=None if found is None else non_finite(found, places or ()),
        probes=probes,
        seed=run.seed,
        seconds=result.seconds,
    )


def sample(rows: Int[np.ndarray, " rows"], n: int) -> Int[np.ndarray, " some"]:
    """Return so many rows at most, evenly spaced.

    >>> sample(np.arange(10), 5).tolist()
    [0, 2, 4, 6, 8]
    """
    return rows if len(rows) <= n else rows[np.arange(n) * len(rows) // n]


def initial_loss(task: Task, run: Run) -> float:
    """Return the mean loss before the first step, on a sample of the training rows."""
    recipe = run.recipe
    network = build_network(recipe, task.interface, seed=run.seed, dtype=task.dtype)
    if recipe.reduce != "none":
        network = with_reducer(network, task.reducers[recipe.reduce][run.split])
    rows = sample(task.splits[run.split][0], MOST_SCORED)
    x, chunk = task.inputs(rows, run.split), rows_a_call(recipe, task.interface)
    lengths = None if task.lengths is None else task.lengths[rows]
    scores = forward(network, network.initial_state(), x, lengths, chunk=chunk)
    y = x.reshape(len(rows), -1) if task.kind == "reconstruction" else task.y[rows]
    if task.kind == "reconstruction":
        scores = scores.reshape(len(rows), -1)
    weight = np.ones(len(rows), task.dtype)
    if scores.ndim == 3:
        weight = np.ones(scores.shape[:2], task.dtype)
        if lengths is not None:
            weight = (np.arange(scores.shape[1])[None, :] < lengths[:, None]).astype(task.dtype)
        scores, y, weight = scores.reshape(-1, scores.shape[-1]), y.reshape(-1), weight.reshape(-1)
    total, n = jax.jit(LOSSES[loss_name(recipe, task.kind)].loss)(scores, y, weight)
    return float(total) / float(n)


def _units(
    task: Task, run: Run, network: Any, states: Any, found: Measured
) -> list[tuple[float, float]] | None:
    """Return the shares of dead and stuck units over the training rows; None if there are none.

    A unit that moves on some probe row moves on the data too, so mostly there is nothing to do.
    """
    if (
        not (np.nan_to_num(found.layers["dead"][-1]) > 0).any()
        and not (np.nan_to_num(found.layers["stuck"][-1]) > 0).any()
    ):
        return None
    rows = sample(task.splits[run.split][0], MOST_UNITS_ROWS)
    lengths = None if task.lengths is None else task.lengths[rows]
    layers = examine_units(network, states, task.inputs(rows, run.split), lengths)
    return [(float(layer.dead.mean()), float(layer.stuck.mean())) for layer in layers]


def probes_of(found: Measured, units: list[tuple[float, float]] | None = None) -> Probes:
    """Return what was measured as evidence.

    Args:
        found: Of one run.
        units: Shares of dead and stuck units of each layer at the end, counted over the data.
    """
    layers = {name: values.copy() for name, values in found.layers.items()}
    if units is not None:
        layers["dead"][-1], layers["stuck"][-1] = np.array(units).T
    return Probes(time=found.time, **layers, **found.scalars)


def non_finite(found: Measured, places: Sequence[str]) -> tuple[str, float] | None:
    """Return where a number first stopped being finite, and the time; None if all were.

    That is a layer if a measurement saw it before the loss of a step showed it, else the loss.
    """
    inner = np.stack([found.layers[name] for name in ("mean", "gradient", "weight")])
    bad: np.ndarray = np.logical_not(np.isfinite(inner).all(axis=0))
    points = np.flatnonzero(np.any(bad, axis=1))
    of_loss = np.isfinite(found.non_finite)
    if not len(points):
        return ("loss", found.non_finite) if of_loss else None
    time = float(found.time[points[0]])
    layer = int(np.flatnonzero(bad[points[0]])[0])
    if of_loss and found.non_finite < time and bad[points[0]].all():
        return "loss", found.non_finite
    return (places[layer] if layer < len(places) else f"layer {layer + 1}"), time
