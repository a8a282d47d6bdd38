"""From features and answers to a data set: what all sources have in common."""

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Int, Shaped

from gradlab.data import arrays as arrays_module
from gradlab.data.arrays import Arrays
from gradlab.data.dataset import Dataset, FeatureTable
from gradlab.data.preprocessor import Preprocessor
from gradlab.data.targets import encode_target, missing
from gradlab.errors import DataError, suggest


def dataset_from_arrays(
    data: Arrays, task: str, groups: Any, time: Any, drop: tuple[str, ...]
) -> Dataset:
    """Make features of arrays; see `load_dataset`."""
    values = arrays_module.answers(data)
    kept, notes = rows_with_target(values, data.target_name)
    if not kept.all():
        data = replace(
            data, x=data.x[kept], y=values[kept], n_test=int(kept[len(kept) - data.n_test :].sum())
        )
        values = values[kept]
    features, left_out = arrays_module.feature_table(data, drop=drop)
    return finish(
        name=data.name,
        features=features,
        values=values,
        task=task,
        target_name=data.target_name,
        groups=None if groups is None else per_row(groups, "groups", kept),
        time=None if time is None else per_row(time, "time", kept),
        n_test=data.n_test,
        are_labels=data.are_labels,
        notes=[*data.notes, *notes, *left_out],
    )


def arrays_like(data: Arrays, preprocessor: Preprocessor) -> FeatureTable:
    """Return the columns that a preprocessor was fitted on, by name or else by position."""
    table, _ = arrays_module.feature_table(data, keep_all=True)
    if preprocessor.categories:
        raise DataError(
            f"The model was trained on a table with nominal columns "
            f"({', '.join(preprocessor.categories)}); give a table with these columns."
        )
    wanted = preprocessor.numeric_names
    at = {name: i for i, name in enumerate(table.names)}
    if all(name in at for name in wanted):
        block = table.numeric
        if wanted != table.names:
            block = block[:, [at[name] for name in wanted]]
    elif len(table.names) == len(wanted):
        block = table.numeric
    else:
        raise DataError(
            f"{data.name} has {len(table.names)} columns, the model was trained on {len(wanted)} "
            f"({', '.join(wanted[:5])}{', …' if len(wanted) > 5 else ''}). Give these."
        )
    return FeatureTable(wanted, block, {}, table.row_shape)


def images_from_arrays(data: Any, shape: tuple[int, ...]) -> FeatureTable:
    """Return arrays as images of the shape that a model was trained on.

    Rows of as many numbers as an image has pixels are taken for images laid flat.

    Raises:
        DataError: If the data is no arrays, or of another shape.
    """
    if not isinstance(data, Arrays):
        raise DataError(f"The model was trained on images; {data.name} holds none.")
    table, _ = arrays_module.feature_table(data, keep_all=True)
    found = table.row_shape or (table.numeric.shape[1],)
    if found not in (shape, (math.prod(shape),)):
        raise DataError(
            f"{data.name} holds rows of {' x '.join(map(str, found))}; the model was trained on "
            f"images of {' x '.join(map(str, shape))} (height, width, channels)."
        )
    return replace(table, row_shape=shape)


def finish(
    *,
    name: str,
    features: FeatureTable,
    values: Shaped[np.ndarray, " rows"],
    task: str,
    target_name: str,
    groups: np.ndarray | None,
    time: np.ndarray | None,
    n_test: int,
    are_labels: bool,
    notes: Iterable[str],
) -> Dataset:
    """Encode the target, check it against the test part, and collect the notes."""
    target = encode_target(values, task, target_name, are_labels=are_labels)
    test_rows = np.arange(len(values) - n_test, len(values)) if n_test else None
    if test_rows is not None and target.classes is not None:
        seen = np.unique(target.y[: len(values) - n_test])
        strange = sorted(set(range(len(target.classes))) - set(seen.tolist()))
        if strange:
            known = [str(target.classes[i]) for i in seen]
            label = str(target.classes[strange[0]])
            raise DataError(
                f"The test part of {name} has class {label!r}, which the training part lacks."
                f"{suggest(label, known)} Classes: {', '.join(known[:20])}."
            )
    missing_cells = _missing_note(features)
    told = [] if target.classes is None else leaks(features, target.y)
    return Dataset(
        name=name,
        features=features,
        y=target.y,
        task=target.task,
        classes=target.classes,
        target_name=target_name,
        groups=groups,
        time=time,
        test_rows=test_rows,
        notes=(*notes, *target.notes, *missing_cells, *told),
    )


def rows_with_target(values: np.ndarray, name: str) -> tuple[np.ndarray, list[str]]:
    """Return which rows have a target value, and a note on the others."""
    lost = missing(values)
    if lost.all():
        raise DataError(f"Target '{name}' has no value in any row. Choose another target.")
    n_lost = int(lost.sum())
    if len(values) - n_lost < 2:
        raise DataError(
            f"Target '{name}' has a value in 1 row only; a data set to learn from needs more rows."
        )
    if not n_lost:
        return ~lost, []
    rows = "row has" if n_lost == 1 else "rows have"
    return ~lost, [f"{n_lost} {rows} no value of target '{name}': left out."]


def per_row(given: Any, role: str, kept: np.ndarray) -> np.ndarray:
    """Return groups or times that came as one value a row."""
    if isinstance(given, (str, int)):
        raise DataError(
            f"{role}={given!r} names a column, but the data came as arrays. Give one value a row."
        )
    values = arrays_module.as_array(given, role)
    if values.shape != kept.shape:
        raise DataError(f"{role} has shape {values.shape}; expected one value a row, {kept.shape}.")
    values = values[kept]
    if missing(values).any():
        raise DataError(f"{role} has missing values. Fill them in.")
    if role == "groups":
        return np.unique(values, return_inverse=True)[1].astype(np.int32)
    if values.dtype.kind == "M":
        return values.astype("datetime64[ms]").astype(np.float64) / 1000
    if values.dtype.kind not in "iufb" or not np.isfinite(values).all():
        raise DataError("time must be finite numbers or dates (datetime64).")
    return values.astype(np.float64)


def _missing_note(features: FeatureTable) -> list[str]:
    """Say how many cells are missing and what will be done about it."""
    if features.kind == "sequence":  # its own note knows the real steps
        return []
    counts = {name: int((column.codes < 0).sum()) for name, column in features.nominal.items()}
    if features.numeric.dtype.kind == "f" and features.numeric.size:
        per_column = np.isnan(features.numeric).sum(axis=0)
        counts |= dict(zip(features.numeric_names, per_column.tolist(), strict=True))
    affected = {name: count for name, count in counts.items() if count}
    if not affected:
        return []
    ordered = sorted(affected.items(), key=lambda item: -item[1])
    shown = ", ".join(f"'{name}' {count}" for name, count in ordered[:5])
    more = ", …" if len(ordered) > 5 else ""
    note = (
        f"{sum(affected.values())} cells are missing ({shown}{more}): numbers become the "
        "training mean, names no category; a column 'is missing' tells them apart."
    )
    return [note]


def leaks(features: FeatureTable, y: Int[np.ndarray, " rows"]) -> list[str]:
    """Warn of a nominal column that gives the answer away: each of its values has one class.

    Args:
        features: Of every row.
        y: Class of every row; -1 where it is not known.
    """
    notes = []
    known = y >= 0
    y = y[known]
    for name, column in features.nominal.items():
        n_categories = len(column.categories)
        if len(y) < 50 or 10 * n_categories > len(y):
            continue
        low = np.full(n_categories + 1, np.iinfo(np.int32).max)
        high = np.full(n_categories + 1, -1)
        codes = column.codes[known]  # -1, missing, uses the last place
        np.minimum.at(low, codes, y)
        np.maximum.at(high, codes, y)
        used = high >= 0
        if used.sum() > 1 and (low[used] == high[used]).all() and len(np.unique(low[used])) > 1:
            notes.append(
                f"Column '{name}' tells the target in every row. If it is the answer in other "
                f"words, leave it out with drop=('{name}',)."
            )
    return notes
