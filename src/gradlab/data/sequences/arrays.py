"""Sequences of steps, of one length or of unlike ones, each with one answer."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Int32, Num

from gradlab.data.arrays import as_array, target_array
from gradlab.data.dataset import Dataset, FeatureTable
from gradlab.data.examples import Examples, dataset_from_examples
from gradlab.data.limits import check_memory
from gradlab.errors import DataError


def sequence_dataset(
    x: Any,
    y: Any,
    *,
    lengths: Any = None,
    names: Sequence[str] | None = None,
    task: str = "auto",
    groups: Any = None,
    name: str = "sequences",
    target_name: str = "target",
) -> Dataset:
    """Make a data set of sequences that are in memory.

    Args:
        x: An array (rows, time, features) or (rows, time), or a list of arrays (time, features)
            or (time,) of unlike length. NaN is a missing value.
        y: One answer a sequence.
        lengths: Real steps of each row of an array; what stands behind them is ignored.
        names: Of the features of a step.
        task: "binary", "multiclass", "regression", or "auto" to find out.
        groups: One value a sequence; equal ones do not part in a split.
        name: Of the data.
        target_name: Of the answer.

    Raises:
        DataError: If shapes do not fit, a sequence has no step, or values are infinite.

    >>> data = sequence_dataset([[1.0, 2.0], [3.0], [4.0, 5.0, 6.0], [7.0]], list("abab"))
    >>> data.features.row_shape, data.features.lengths.tolist()
    ((3, 1), [2, 1, 3, 1])
    """
    features = sequence_features(x, lengths=lengths, names=names, where=name)
    answers = target_array(y)
    if answers.shape != (features.n_rows,):
        raise DataError(
            f"{name}: {features.n_rows} sequences, but a target of shape {answers.shape}. "
            "Give one value for each sequence."
        )
    notes = tuple(sequence_notes(features))
    examples = Examples(name, features, answers, target_name, notes=notes)
    return dataset_from_examples(examples, task, groups=groups)


def sequence_features(
    x: Any,
    *,
    lengths: Any = None,
    names: Sequence[str] | None = None,
    where: str = "sequences",
    max_bytes: int | None = None,
) -> FeatureTable:
    """Return sequences as features; see `sequence_dataset`."""
    if isinstance(x, np.ndarray) and x.dtype != object:
        block, given = x, lengths
    else:
        if lengths is not None:
            raise DataError(f"{where}: lengths= goes with an array; a list of arrays has its own.")
        block, given = _padded(x, where, max_bytes)
    if block.ndim == 2:
        block = block[:, :, None]
    if block.ndim != 3 or 0 in block.shape:
        raise DataError(
            f"{where}: an array of shape {block.shape}; expected (rows, time, features) or "
            "(rows, time), with at least one of each."
        )
    if block.dtype.kind not in "iufb":
        raise DataError(f"{where}: values of dtype {block.dtype}; expected numbers.")
    if block.dtype.name not in ("float32", "float64", "uint8"):
        block = block.astype(np.float64)
    n_rows, n_steps, width = block.shape
    names = default_names(width) if names is None else tuple(names)
    if len(names) != width:
        raise DataError(f"{where}: {width} features a step but {len(names)} names. Name each.")
    if given is not None:
        given = _checked_lengths(given, n_rows, n_steps, where)
        real = np.arange(n_steps) < given[:, None]
        block = np.where(real[:, :, None], block, block.dtype.type(0))
        if (given == n_steps).all():
            given = None
    if block.dtype.kind == "f" and np.isinf(block).any():
        row, step, column = (int(i) for i in np.argwhere(np.isinf(block))[0])
        raise DataError(
            f"{where}: sequence {row + 1}, step {step + 1}, feature '{names[column]}' is infinite. "
            "Mend it, or give NaN if the value is missing."
        )
    flat = np.ascontiguousarray(block).reshape(n_rows, n_steps * width)
    return FeatureTable(names, flat, {}, (n_steps, width), given)


def default_names(width: int) -> tuple[str, ...]:
    """Return names for nameless features of a step.

    >>> default_names(1), default_names(2)
    (('value',), ('channel_1', 'channel_2'))
    """
    if width == 1:
        return ("value",)
    return tuple(f"channel_{i}" for i in range(1, width + 1))


def sequence_notes(features: FeatureTable) -> list[str]:
    """Say how long the sequences are and what they miss."""
    assert features.row_shape is not None
    n_steps, width = features.row_shape
    notes = []
    if features.lengths is not None:
        shortest, usual = int(features.lengths.min()), int(np.median(features.lengths))
        notes.append(
            f"The sequences have {shortest} to {n_steps} steps (median {usual}): padded to "
            f"{n_steps}, and what stands in the padding is of no account."
        )
        if n_single := int((features.lengths == 1).sum()):
            have = "sequence has" if n_single == 1 else "sequences have"
            notes.append(f"{n_single} {have} one step only: there is no order in it to learn from.")
    if features.numeric.dtype.kind == "f":
        missing = np.isnan(features.numeric).reshape(-1, width).sum(axis=0)
        affected = {name: int(n) for name, n in zip(features.names, missing, strict=True) if n}
        if affected:
            shown = ", ".join(f"'{name}' {n}" for name, n in list(affected.items())[:5])
            more = ", …" if len(affected) > 5 else ""
            notes.append(
                f"{sum(affected.values())} values are missing ({shown}{more}): each becomes the "
                "last one before it in its sequence, or the training mean where there is none; a "
                "feature 'is missing' tells them apart."
            )
    return notes


def _padded(
    sequences: Any, where: str, max_bytes: int | None
) -> tuple[Num[np.ndarray, "rows time features"], Int32[np.ndarray, " rows"]]:
    """Put arrays of unlike length into one, zeros behind their ends."""
    arrays = [as_array(sequence, where) for sequence in sequences]
    if not arrays:
        raise DataError(f"{where}: there are no sequences.")
    arrays = [array[:, None] if array.ndim == 1 else array for array in arrays]
    width = arrays[0].shape[-1] if arrays[0].ndim == 2 else 0
    for i, array in enumerate(arrays, start=1):
        if array.ndim != 2 or array.shape[1] != width or array.dtype.kind not in "iufb":
            raise DataError(
                f"{where}: sequence {i} has shape {array.shape} and dtype {array.dtype}; expected "
                f"numbers, (time, {width or 'features'}), as many features in each."
            )
        if not len(array):
            raise DataError(f"{where}: sequence {i} has no steps. Leave it out, with its target.")
    lengths = np.array([len(array) for array in arrays], np.int32)
    longest = int(lengths.max())
    what = f"{where} ({len(arrays)} sequences padded to {longest} steps of {width} features)"
    dtype = np.float32 if all(array.dtype == np.float32 for array in arrays) else np.float64
    needed = len(arrays) * longest * width * np.dtype(dtype).itemsize
    check_memory(what, needed, max_bytes)
    block = np.zeros((len(arrays), longest, width), dtype)
    for row, array in zip(block, arrays, strict=True):
        row[: len(array)] = array
    return block, lengths


def _checked_lengths(
    given: Any, n_rows: int, n_steps: int, where: str
) -> Int32[np.ndarray, " rows"]:
    lengths = as_array(given, "lengths")
    if lengths.shape != (n_rows,) or lengths.dtype.kind not in "iu":
        raise DataError(
            f"{where}: lengths of shape {lengths.shape} and dtype {lengths.dtype}; expected "
            f"{n_rows} whole numbers."
        )
    wrong = np.flatnonzero((lengths < 1) | (lengths > n_steps))
    if len(wrong):
        raise DataError(
            f"{where}: sequence {wrong[0] + 1} has length {lengths[wrong[0]]}; expected 1 to "
            f"{n_steps}. Leave sequences without steps out."
        )
    return lengths.astype(np.int32)
