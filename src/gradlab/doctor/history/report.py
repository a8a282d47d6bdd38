"""What a recorder hands to the diagnosis: setup, data, record, and what is missing."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gradlab.doctor.checks import data_facts
from gradlab.doctor.evidence import DataFacts, Evidence, Record, Setup, TaskName
from gradlab.doctor.history.missing import what_is_missing
from gradlab.doctor.history.setting import read_fields, with_task
from gradlab.errors import DataError, GradlabError

Told = Setup | Mapping[str, Any] | str | Path | None
"""Settings that a person tells beside what a recorder sees."""

Rows = tuple[Any, Any] | None
"""Inputs and targets, as arrays or tensors."""


def setup_of(seen: Mapping[str, Any], told: Told, task: TaskName | None) -> Setup:
    """Return the setup: what was told counts before what was seen.

    >>> setup_of({"optimizer": "adam", "layers": ()}, {"batch_size": 32}, "binary").batch_size
    32
    """
    if isinstance(told, Setup):
        return told
    fields = dict(seen) | ({} if told is None else read_fields(told))
    if task is not None:
        fields["task"] = task
    return with_task(fields, None)


def evidence_of(
    setup: Setup,
    record: Record,
    *,
    train: Rows = None,
    validation: Rows = None,
    notes: tuple[str, ...] = (),
) -> Evidence:
    """Return the evidence of one recorded run.

    Args:
        setup: How it was set.
        record: The run.
        train, validation: Rows as the network is given them; images with channels last.
        notes: What the recorder decided.
    """
    data, unknown = _facts(setup, train, validation)
    if setup.validation is None:
        values = np.concatenate([record.validation_loss, record.validation_score])
        setup = replace(setup, validation="separate" if np.isfinite(values).any() else "none")
    if setup.epochs is None and record.status == "done" and len(record.train_loss):
        setup = replace(setup, epochs=len(record.train_loss))
    missing = what_is_missing(setup, (record,), data)
    return Evidence(setup, data, (record,), missing=(*missing, *unknown), notes=notes)


def _facts(setup: Setup, train: Rows, validation: Rows) -> tuple[DataFacts | None, tuple[str, ...]]:
    if train is None:
        return None, ()
    x, y = as_arrays(train, "train")
    judged = (None, None) if validation is None else as_arrays(validation, "validation")
    try:
        return data_facts(x, y, *judged, task=setup.task), ()
    except GradlabError as error:
        return None, (f"Facts about the rows: {error}",)


def as_arrays(rows: tuple[Any, Any], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return rows as NumPy arrays.

    Raises:
        DataError: If they are no pair of arrays.

    >>> as_arrays(([[1.0], [2.0]], [0, 1]), "train")[0].shape
    (2, 1)
    """
    if not isinstance(rows, tuple | list) or len(rows) != 2:
        raise DataError(f"{name}: expected a pair (inputs, targets); came {type(rows).__name__}.")
    arrays = []
    for part in rows:
        if hasattr(part, "detach"):  # a PyTorch tensor
            part = part.detach().cpu()
            part = part.float() if part.is_floating_point() else part
        arrays.append(np.asarray(part))
    x, y = arrays
    if x.dtype.kind not in "buif" or y.dtype.kind not in "buif":
        raise DataError(f"{name}: expected numbers; came {x.dtype} and {y.dtype}.")
    return x, y
