"""A history that another program wrote, as evidence."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from gradlab.doctor.evidence import Evidence, Layer, Record, Setup, TaskName
from gradlab.doctor.history.cells import Cells, numbers
from gradlab.doctor.history.layer_columns import layer_probes, layers_named
from gradlab.doctor.history.missing import what_is_missing
from gradlab.doctor.history.names import (
    ACCURACIES,
    DETERMINATIONS,
    LOSSES,
    PLAIN,
    SCORES,
    UNDERSTOOD,
    Column,
    column,
)
from gradlab.doctor.history.runs import Epochs, non_finite_from
from gradlab.doctor.history.scores import as_shares
from gradlab.doctor.history.setting import read_fields, with_task
from gradlab.doctor.history.tables import Table, read_rows
from gradlab.errors import DataError, RecipeError, suggest

Given = tuple[Column, Cells]


def read_history(
    source: Any,
    *,
    setup: Setup | str | Path | Mapping[str, Any] | None = None,
    task: TaskName | None = None,
) -> Evidence:
    """Read the history of a training that another program did.

    Args:
        source: Path of a CSV or JSON file, a frame, a dict of columns (Keras' `history.history`)
            or a list of epochs. `docs/doctor_other_frameworks.md` tells the names of columns.
            Epochs may have gaps, come twice or be out of order; scores are shares or percentages.
        setup: How the training was set; see `read_setup`. A JSON history may carry it as "setup".
        task: If the setup does not tell it; guessed from loss, outputs and scores otherwise.

    Returns:
        Evidence with a record a run; `notes` tells what was decided, `missing` what was not there.

    Raises:
        DataError: If nothing in it is understood, or a cell is not a number; says which.
        RecipeError: If the setup has a name or value that can't be.

    >>> evidence = read_history({"loss": [0.9, 0.5], "val_loss": [0.9, 0.6], "acc": [60, 80]})
    >>> evidence.records[0].train_score.tolist(), evidence.notes
    ([0.6, 0.8], ("'acc' is in percent: divided by 100.",))
    """
    table = read_rows(source)
    notes = list(table.notes)
    columns = _understood(table, notes)
    fields = _setup_fields(setup, table, task)
    guess = _task_of_scores(columns)
    whole = with_task(fields, guess)
    missing = []
    if whole.task != with_task(fields, None).task or not _task_is_told(fields):
        missing.append(
            f"The task: taken as {whole.task}"
            + (" by the scores." if guess else ". Give task=, so that its usual loss is known.")
        )
    named = layers_named([what for what, _ in columns])
    if named and not whole.weighted:
        layers = tuple(Layer("dense", place) for place in named)
        whole = replace(whole, layers=layers)
        missing.append("Kinds and activations of the layers: only their names are known.")
    records = tuple(_records(columns, whole, table, notes))
    whole = _with_learning_rate(whole, columns)
    if whole.validation is None:
        judged = any(what.side != "train" for what, _ in columns)
        whole = replace(whole, validation="separate" if judged else "none")
    missing.extend(what_is_missing(whole, records, None))
    return Evidence(
        setup=whole,
        records=records,
        missing=tuple(missing),
        notes=tuple(dict.fromkeys(notes)),
    )


def _understood(table: Table, notes: list[str]) -> list[Given]:
    found: list[Given] = []
    unused = []
    for series in table.frame:
        what = column(series.name)
        if what.quantity == "unknown":
            unused.append(series.name)
        elif what.quantity == "run":
            found.append((what, _labels(series)))
        else:
            found.append((what, numbers(series, table.where)))
    if not any(what.quantity in ("loss", "score", "error_rate") for what, _ in found):
        names = list(table.frame.columns)
        hints = "".join(
            f" '{name}' is not understood.{suggest(name, PLAIN)}"
            for name in unused
            if suggest(name, PLAIN)
        )
        raise DataError(
            f"{table.where}: expected a loss or a score among the columns; came "
            f"{', '.join(names[:12])}{' …' if len(names) > 12 else ''}.{hints} Understood are "
            f"{UNDERSTOOD}. Rename the columns."
        )
    if unused:
        notes.append(f"Not used: {', '.join(unused[:12])}{' …' if len(unused) > 12 else ''}.")
    return found


def _labels(series: pl.Series) -> Cells:
    """Number the runs, which may be called anything."""
    names = series.cast(pl.String).fill_null("").to_list()
    numbers = {name: i for i, name in enumerate(dict.fromkeys(names))}
    values = np.array([numbers[name] for name in names], float)
    return Cells(values, np.full(len(values), True), False)


def _setup_fields(
    setup: Setup | str | Path | Mapping[str, Any] | None, table: Table, task: TaskName | None
) -> dict[str, Any]:
    if isinstance(setup, Setup):
        fields = dict(vars(setup))
    else:
        given = setup if setup is not None else table.setup
        fields = read_fields(given) if given is not None else {}
    if task is not None:
        if fields.get("task", task) != task:
            raise RecipeError(
                f"The setup says that the task is {fields['task']}, and task= {task}. Leave one "
                "out."
            )
        fields["task"] = task
    return fields


def _task_of_scores(columns: list[Given]) -> TaskName | None:
    scored = {what.word for what, _ in columns if what.quantity in ("score", "error_rate")}
    words = scored | {what.word for what, _ in columns if what.quantity == "loss"}
    if words & {"binary_accuracy", "bce"}:
        return "binary"
    if words & {*ACCURACIES, "cross_entropy", "crossentropy", "ce", "nll", "error_rate"}:
        return "multiclass"
    if words & {*DETERMINATIONS, "mse", "mean_squared_error", "mae", "mean_absolute_error"}:
        return "regression"
    return None


def _task_is_told(fields: dict[str, Any]) -> bool:
    return with_task(fields, "regression").task == with_task(fields, "multilabel").task


def _with_learning_rate(setup: Setup, columns: list[Given]) -> Setup:
    rates = [cells for what, cells in columns if what.quantity == "learning_rate"]
    if not rates:
        return setup
    values = rates[0].values[np.isfinite(rates[0].values)]
    if values.size and setup.learning_rate is None:
        setup = replace(setup, learning_rate=float(values[0]))
    if values.size and setup.schedule is None:
        setup = replace(setup, schedule="constant" if np.ptp(values) == 0 else "varied")
    return setup


def _records(columns: list[Given], setup: Setup, table: Table, notes: list[str]) -> list[Record]:
    run = _first(columns, "run")
    rows = np.arange(table.frame.height)
    if run is None:
        return [_record(columns, rows, setup, 0, table.where, notes)]
    return [
        _record(columns, rows[run.values == value], setup, int(value), table.where, notes)
        for value in np.unique(run.values)
    ]


def _first(columns: list[Given], quantity: str) -> Cells | None:
    return next((cells for what, cells in columns if what.quantity == quantity), None)


class _Picked(NamedTuple):
    """Of a loss or score: the column that was taken, if there is one."""

    what: Column
    cells: Cells


def _pick(columns: list[Given], side: str, quantities: tuple[str, ...], order: tuple[str, ...]):
    """Return the column to take: by the order of words, and an epoch's own before a step's."""
    found = [
        _Picked(what, cells)
        for what, cells in columns
        if what.quantity in quantities and what.side == side
    ]
    place = {word: i for i, word in enumerate(order)}
    found.sort(key=lambda one: (place.get(one.what.word, len(order)), one.what.within))
    return found[0] if found else None


def _record(
    columns: list[Given],
    rows: np.ndarray,
    setup: Setup,
    seed: int,
    where: str,
    notes: list[str],
) -> Record:
    epochs = Epochs(rows, _first(columns, "epoch"), _first(columns, "step"), where)
    notes.extend(epochs.notes)
    judge = "validation"
    if not any(what.side == judge for what, _ in columns):
        judge = "test"
        if any(what.side == judge for what, _ in columns):
            notes.append("There are no validation columns: those of the test rows are taken.")
    losses = {side: _pick(columns, side, ("loss",), LOSSES) for side in ("train", judge)}
    scores = {
        side: _pick(columns, side, ("score", "error_rate"), SCORES) for side in ("train", judge)
    }
    nothing = np.full(len(epochs.numbers), np.nan)
    loss, first = {}, None
    for side, picked in losses.items():
        loss[side] = nothing
        if picked is None:
            continue
        loss[side] = epochs.collect(picked.cells, mean=side == "train")
        if doubled := epochs.doubled(picked.cells):
            notes.append(
                f"{doubled} epochs come more than once: the last row counts. A column 'run' "
                "tells runs apart."
            )
        place, gaps = non_finite_from(
            loss[side], epochs.written(picked.cells), is_train=side == "train"
        )
        if gaps:
            notes.append(
                f"'{picked.what.name}' is NaN where numbers follow: taken as not measured."
            )
        if place is not None:
            at = float(epochs.numbers[place])
            first = at if first is None else min(first, at)
    taken = [picked for picked in scores.values() if picked is not None]
    raw = [
        (one.what, epochs.collect(one.cells, mean=False), one.what.percent or one.cells.percent)
        for one in taken
    ]
    shares, said = as_shares(raw, where)
    notes.extend(said)
    score = {one.what.side: values for one, values in zip(taken, shares, strict=True)}
    initial = _first(columns, "initial_loss")
    started = initial.values[rows][np.isfinite(initial.values[rows])] if initial else np.empty(0)
    return Record(
        train_loss=loss["train"],
        validation_loss=loss[judge],
        train_score=score.get("train", nothing),
        validation_score=score.get(judge, nothing),
        initial_loss=float(started[0]) if started.size else None,
        status=_status(first, epochs, setup),
        non_finite=None if first is None else ("loss", first),
        probes=layer_probes(columns, epochs, setup),
        seed=seed,
    )


def _status(first: float | None, epochs: Epochs, setup: Setup):
    if first is not None:
        return "diverged"
    if setup.epochs is not None and epochs.numbers[-1] < setup.epochs:
        return "early"
    return "done"
