"""From a table to a data set, or to the features that a fitted preprocessor wants."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from gradlab.data import columns
from gradlab.data.arrays import Arrays, answers, check_finite, target_array
from gradlab.data.assemble import finish, per_row, rows_with_target
from gradlab.data.dataset import Dataset, FeatureTable, Nominal
from gradlab.data.preprocessor import Preprocessor
from gradlab.data.tables import python_series, series_of
from gradlab.errors import DataError, suggest


@dataclass(frozen=True, eq=False)
class Table:
    """A table as it came, all columns in it; the last `n_test` rows are a given test part."""

    name: str
    frame: pl.DataFrame
    target_name: str | None = None
    n_test: int = 0
    notes: tuple[str, ...] = ()


def frame_and_target(frame: pl.DataFrame, y: Any, target_name: str) -> Table:
    """Join a frame of features and its target, however that came."""
    if target_name in frame.columns:
        target_name = next(n for n in ("target", "y", "(y)") if n not in frame.columns)
    column = series_of(y)
    if column is None:
        array = answers(Arrays("y", np.empty((len(frame), 0)), target_array(y)))
        column = python_series(target_name, array.tolist())
    if len(column) != len(frame):
        raise DataError(f"X has {len(frame)} rows, y has {len(column)} values. Give one a row.")
    return Table("frame", frame.with_columns(column.alias(target_name)), target_name)


def text_columns(x: np.ndarray) -> pl.DataFrame:
    """Return an array of text or of Python objects as a frame with columns x0, x1, …"""
    return pl.DataFrame([python_series(f"x{i}", list(values)) for i, values in enumerate(x.T)])


def join_tables(train: Table, test: Table) -> Table:
    """Append a test part, whose columns may come in another order."""
    lacking = [name for name in train.frame.columns if name not in test.frame.columns]
    if lacking:
        raise DataError(
            f"The test part {test.name} lacks column '{lacking[0]}' of {train.name}."
            f"{suggest(lacking[0], test.frame.columns)} Both need the same columns."
        )
    try:
        frame = pl.concat(
            [train.frame, test.frame.select(train.frame.columns)], how="vertical_relaxed"
        )
    except pl.exceptions.PolarsError as error:
        raise DataError(
            f"The columns of {train.name} and {test.name} are of different types: "
            f"{str(error).splitlines()[0]}."
        ) from error
    notes = (*train.notes, *(note for note in test.notes if note not in train.notes))
    return replace(train, frame=frame, n_test=test.frame.height, notes=notes)


def dataset_from_table(
    data: Table,
    target: str | int | None,
    task: str,
    groups: Any,
    time: Any,
    drop: tuple[str, ...],
    max_bytes: int | None,
) -> Dataset:
    """Part the columns into target, groups, time and features; see `load_dataset`."""
    frame, where = columns.clean(data.frame), data.name
    names = frame.columns
    if target is None and data.target_name is not None:
        target = data.target_name
    target_name = columns.resolve(-1 if target is None else target, names, "target", where)
    notes = list(data.notes)
    if target is None:
        notes.append(f"Target: the last column, '{target_name}' (target='…' for another).")
    values = columns.target_values(frame[target_name], where)
    kept, dropped = rows_with_target(values, target_name)
    n_test = data.n_test
    if not kept.all():
        n_test = int(kept[len(kept) - n_test :].sum())
        frame, values = frame.filter(kept), values[kept]
    taken = {target_name}
    orders = {}
    for role, given in (("groups", groups), ("time", time)):
        if given is None:
            orders[role] = None
        elif isinstance(given, (str, int)):
            name = columns.resolve(given, names, role, where)
            read = columns.group_codes if role == "groups" else columns.order_values
            orders[role] = read(frame[name])
            taken.add(name)
        else:
            orders[role] = per_row(given, role, kept)
    for name in drop:
        taken.add(columns.resolve(name, names, "drop", where))
    if target_name in drop:
        raise DataError(f"'{target_name}' is the target and can't be dropped. Name another target.")
    inputs = frame.select([name for name in names if name not in taken])
    if inputs.width == 0:
        raise DataError(
            f"{where} has no column left to learn from: {', '.join(names[:5])} "
            "and the target or dropped columns are all there is."
        )
    features, left_out = columns.feature_table(inputs, where, max_bytes)
    return finish(
        name=where,
        features=features,
        values=values,
        task=task,
        target_name=target_name,
        groups=orders["groups"],
        time=orders["time"],
        n_test=n_test,
        are_labels=False,
        notes=[*notes, *dropped, *left_out],
    )


def table_like(data: Table, preprocessor: Preprocessor) -> FeatureTable:
    """Return the columns that a preprocessor was fitted on; see `features_like`."""
    frame = columns.clean(data.frame)
    block = np.empty((frame.height, len(preprocessor.numeric_names)))
    for i, name in enumerate(preprocessor.numeric_names):
        column = frame[_present(name, frame.columns, data.name)]
        found = columns.numbers(column)
        if found is None:
            row, value = (
                columns.first_non_number(column) if column.dtype == pl.String else (1, column[0])
            )
            raise DataError(
                f"{data.name}, row {row}: column '{name}' says {str(value)[:40]!r}, but the model "
                "was trained on numbers there. Mend the cell, or leave it empty if it is missing."
            )
        block[:, i] = found.to_numpy()
    check_finite(block, preprocessor.numeric_names, data.name)
    nominal = {}
    for name, known in preprocessor.categories.items():
        column = frame[_present(name, frame.columns, data.name)]
        nominal[name] = _like_nominal(column, known, data.name)
    return FeatureTable(preprocessor.columns, block, nominal)


def _like_nominal(column: pl.Series, known: tuple[str, ...], where: str) -> Nominal:
    if column.dtype == pl.Boolean:
        column = column.cast(pl.String).str.to_titlecase()
    if column.dtype != pl.String and column.dtype != pl.Null:
        given = column.drop_nulls().cast(pl.String)
        if not given.is_in(known).any():
            raise DataError(
                f"{where}, row 1: column '{column.name}' holds {column.dtype} ({column[0]!r}), but "
                f"the model was trained on names there ({', '.join(known[:5])})."
            )
    return columns.nominal_column(column.cast(pl.String))


def _present(name: str, names: list[str], where: str) -> str:
    if name not in names:
        raise DataError(
            f"{where} lacks column '{name}', which the model was trained on."
            f"{suggest(name, names)} Its columns: {', '.join(names[:20])}."
        )
    return name
