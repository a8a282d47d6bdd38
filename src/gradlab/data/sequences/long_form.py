"""Tables of series: in long form, where a row is a step, or with one series a row."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from jaxtyping import Float64, Int, Shaped

from gradlab.data import columns
from gradlab.data.arrays import check_finite
from gradlab.data.dataset import FeatureTable
from gradlab.data.examples import Examples
from gradlab.data.limits import check_memory
from gradlab.data.sequences.arrays import sequence_features, sequence_notes
from gradlab.data.tabular import Table
from gradlab.errors import DataError

ROWS = "rows"
"""series="rows": each row of the table is a series, its columns the steps in order."""

GAP = 1.5
"""A step of time this many times longer than the usual one is a gap."""

HAS_CATEGORY = " = "
"""Between a nominal column and its category, in the name of the feature that is 1 there."""


@dataclass(frozen=True, eq=False)
class Steps:
    """The rows of a table, sorted into series.

    Attributes:
        order: Row numbers, series after series, each in the order of time.
        starts: Where in `order` each series begins.
        series: What each series is called, in the order of the table.
        time: Time of each row of `order`; its number in the series if there is no time column.
        notes: What was decided.
    """

    order: Int[np.ndarray, " rows"]
    starts: Int[np.ndarray, " series"]
    series: tuple[str, ...]
    time: Float64[np.ndarray, " rows"]
    notes: tuple[str, ...] = ()

    @property
    def lengths(self) -> Int[np.ndarray, " series"]:
        """Number of steps of each series."""
        return np.diff(self.starts, append=len(self.order))


def sequences_from_table(
    data: Table,
    *,
    series: str | int,
    time: str | int | None = None,
    target: str | int | None = None,
    groups: str | int | None = None,
    drop: tuple[str, ...] = (),
    max_bytes: int | None = None,
) -> Examples:
    """Return the series of a table, each with one answer.

    Args:
        data: The table.
        series: Column that names the series of a row; "rows" where each row is a series.
        time: Column to order the steps of a series by; the order of the rows without it.
        target: Column with the answer, the same in all rows of a series; the last one by default.
        groups: Column, constant in a series too, of which equal values must not part in a split.
        drop: Columns to leave out.
        max_bytes: See `check_memory`.

    Raises:
        DataError: Naming series and time, if times do not rise or come twice; if the target varies
            within a series; or if there is one series only.
    """
    frame, where = columns.clean(data.frame), data.name
    if is_one_a_row(series, frame.columns):
        return _one_series_a_row(data, frame, target, time, groups, drop, max_bytes)
    names = frame.columns
    series_name = columns.resolve(series, names, "series", where)
    time_name = None if time is None else columns.resolve(time, names, "time", where)
    taken = {series_name, time_name, *(columns.resolve(n, names, "drop", where) for n in drop)}
    free = [name for name in names if name not in taken]
    if not free:
        raise DataError(f"{where} has no column besides the series and the time: nothing to learn.")
    target_name = columns.resolve(free[-1] if target is None else target, names, "target", where)
    steps = steps_of(frame, series_name, time_name, where, n_test=data.n_test)
    if len(steps.series) < 2:
        raise DataError(
            f"{where} holds a single series ('{''.join(steps.series)}'), and whole series are "
            "compared here. To forecast how a series goes on, leave series= out and give horizon= "
            "(steps to forecast) and window= (steps seen)."
        )
    notes = [*data.notes, *steps.notes]
    if target is None:
        notes.append(f"Target: the last column, '{target_name}' (target='…' for another).")
    y = _constant(columns.target_values(frame[target_name], where), steps, target_name, where)
    codes = group_name = None
    if groups is not None:
        group_name = columns.resolve(groups, names, "groups", where)
        codes = _constant(columns.group_codes(frame[group_name]), steps, group_name, where)
    inputs = [name for name in free if name not in {target_name, group_name}]
    values, feature_names, said = step_values(frame, inputs, where, max_bytes)
    features = padded_steps(values, feature_names, steps, where, max_bytes)
    is_test = steps.order[steps.starts] >= frame.height - data.n_test
    return Examples(
        where,
        features,
        y,
        target_name,
        n_test=int(is_test.sum()),
        groups=codes,
        notes=(*notes, *said, *sequence_notes(features)),
    )


def series_like(
    data: Table,
    wanted: tuple[str, ...],
    *,
    series: str | int,
    time: str | int | None = None,
    left_out: Sequence[str] = (),
) -> FeatureTable:
    """Return the series of new data with the features of the training, one row a series.

    Where each row is a series, all columns but those left out are its steps, in their order.
    """
    frame, where = columns.clean(data.frame), data.name
    if is_one_a_row(series, frame.columns):
        return _rows_as_series(frame, where, left_out)
    steps = _steps_like(frame, where, series, time)
    return padded_steps(values_like(frame, wanted, where), wanted, steps, where)


def answers_of_series(
    data: Table, target: str, *, series: str | int, time: str | int | None = None
) -> Shaped[np.ndarray, " series"]:
    """Return the answer of each series of new data in long form, the same in all of its rows."""
    frame, where = columns.clean(data.frame), data.name
    values = columns.target_values(frame[target], where)
    return _constant(values, _steps_like(frame, where, series, time), target, where)


def is_one_a_row(series: str | int, names: Sequence[str]) -> bool:
    """Return whether series= says that each row is a series, and names no column."""
    return series == ROWS and ROWS not in names


def _steps_like(
    frame: pl.DataFrame, where: str, series: str | int, time: str | int | None
) -> Steps:
    series_name = columns.resolve(series, frame.columns, "series", where)
    time_name = None if time is None else columns.resolve(time, frame.columns, "time", where)
    return steps_of(frame, series_name, time_name, where)


def steps_of(
    frame: pl.DataFrame, series: str | None, time: str | None, where: str, *, n_test: int = 0
) -> Steps:
    """Sort rows into series and check their times.

    Series of the last `n_test` rows are other ones than those before, whatever their names.
    """
    height = frame.height
    if series is None:
        names, codes = ("",), np.zeros(height, np.int64)
    else:
        column = frame[series].cast(pl.String)
        if column.null_count():
            row = int(column.is_null().arg_max() or 0) + 1
            raise DataError(f"{where}, row {row}: the series column '{series}' is empty. Fill it.")
        part = (pl.int_range(height, eager=True) >= height - n_test).cast(pl.UInt8)
        keys = pl.DataFrame({"part": part, "name": column})
        distinct = keys.unique(maintain_order=True).with_row_index("code")
        codes = keys.join(distinct, on=["part", "name"], how="left", maintain_order="left")["code"]
        names, codes = tuple(distinct["name"]), codes.to_numpy().astype(np.int64)
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(len(names)))
    if time is None:
        position = np.arange(height) - starts[codes[order]]
        said = "of the rows (time='…' for a column)"
        notes = (f"No time column: the steps are taken in the order {said}.",)
        return Steps(order, starts, names, position.astype(np.float64), notes)
    moments = columns.order_values(frame[time])[order]
    first = np.zeros(height, bool)
    first[starts] = True
    change = np.diff(moments, prepend=np.nan)
    change[first] = np.nan
    wrong = np.flatnonzero(change <= 0)
    if len(wrong):
        raise DataError(_not_rising(frame[time], order, int(wrong[0]), names, codes, where))
    return Steps(
        order, starts, names, moments, tuple(_gaps(change, frame[time], order, names, codes))
    )


def step_values(
    frame: pl.DataFrame, inputs: list[str], where: str, max_bytes: int | None
) -> tuple[Float64[np.ndarray, "rows features"], tuple[str, ...], list[str]]:
    """Return the columns of a table as numbers, a 0/1 feature for each category, and notes."""
    if not inputs:
        raise DataError(
            f"{where} has no column left to learn from besides series, time, target and dropped "
            "ones. A step needs at least one feature."
        )
    table, notes = columns.feature_table(frame.select(inputs), where, max_bytes)
    names, parts = [], []
    for name in table.names:
        if name not in table.nominal:
            names.append(name)
            parts.append(table.numeric[:, [table.numeric_names.index(name)]].astype(np.float64))
            continue
        column = table.nominal[name]
        names += [f"{name}{HAS_CATEGORY}{category}" for category in column.categories]
        parts.append((column.codes[:, None] == np.arange(len(column.categories))).astype(float))
    if table.nominal:
        listed = ", ".join(f"'{name}'" for name in list(table.nominal)[:5])
        notes.append(f"Each category of {listed} becomes a feature that is 1 or 0.")
    return np.concatenate(parts, axis=1), tuple(names), notes


def values_like(
    frame: pl.DataFrame, wanted: tuple[str, ...], where: str
) -> Float64[np.ndarray, "rows features"]:
    """Return the features of steps by name, of a clean table that may have others too."""
    block = np.empty((frame.height, len(wanted)))
    for i, name in enumerate(wanted):
        column, _, category = name.rpartition(HAS_CATEGORY)
        if name not in frame.columns and column in frame.columns:
            is_so = frame[column].cast(pl.String) == category
            block[:, i] = is_so.cast(pl.Float64).fill_null(0.0).to_numpy()
            continue
        present = frame[columns.resolve(name, frame.columns, "features of a step", where)]
        found = columns.numbers(present)
        if found is None:
            row, value = columns.first_non_number(present.cast(pl.String))
            raise DataError(
                f"{where}, row {row}: column '{name}' says {value[:40]!r}, but the model was "
                "trained on numbers there. Mend the cell, or leave it empty if it is missing."
            )
        block[:, i] = found.to_numpy()
    check_finite(block, wanted, where)
    return block


def padded_steps(
    values: Float64[np.ndarray, "rows features"],
    names: tuple[str, ...],
    steps: Steps,
    where: str,
    max_bytes: int | None = None,
) -> FeatureTable:
    """Lay the steps of each series in a row, zeros behind its end."""
    lengths, width = steps.lengths, values.shape[1]
    longest = int(lengths.max())
    what = f"{where} ({len(lengths)} series padded to {longest} steps of {width} features)"
    check_memory(what, len(lengths) * longest * width * 8, max_bytes)
    block = np.zeros((len(lengths), longest, width))
    row = np.repeat(np.arange(len(lengths)), lengths)
    block[row, np.arange(len(row)) - steps.starts[row]] = values[steps.order]
    same = (lengths == longest).all()
    flat = block.reshape(len(lengths), -1)
    return FeatureTable(
        names, flat, {}, (longest, width), None if same else lengths.astype(np.int32)
    )


def _one_series_a_row(
    data: Table,
    frame: pl.DataFrame,
    target: str | int | None,
    time: str | int | None,
    groups: str | int | None,
    drop: tuple[str, ...],
    max_bytes: int | None,
) -> Examples:
    """Read a table of UCR's form; missing cells at the end of a row end its series."""
    where, names = data.name, frame.columns
    if time is not None or groups is not None:
        role = "time" if time is not None else "groups"
        raise DataError(
            f"{role}= goes with one step a row; with series='{ROWS}' the columns of {where} are "
            f"the steps. Leave {role}= out."
        )
    target_name = columns.resolve(-1 if target is None else target, names, "target", where)
    left_out = {target_name, *(columns.resolve(name, names, "drop", where) for name in drop)}
    features = _rows_as_series(frame, where, left_out, max_bytes)
    notes = [*data.notes, f"Each row of {where} is a series, its columns in order the steps."]
    if target is None:
        notes.append(f"Target: the last column, '{target_name}' (target='…' for another).")
    return Examples(
        where,
        features,
        columns.target_values(frame[target_name], where),
        target_name,
        n_test=data.n_test,
        notes=(*notes, *sequence_notes(features)),
    )


def _rows_as_series(
    frame: pl.DataFrame, where: str, left_out: Collection[str], max_bytes: int | None = None
) -> FeatureTable:
    inputs = tuple(name for name in frame.columns if name not in left_out)
    if not inputs:
        raise DataError(f"{where} has no column besides the target: expected the steps.")
    check_memory(f"The series of {where}", frame.height * len(inputs) * 8, max_bytes)
    block = values_like(frame, inputs, where)
    lengths = len(inputs) - np.isnan(block)[:, ::-1].argmin(axis=1)
    empty = np.flatnonzero(np.isnan(block).all(axis=1))
    if len(empty):
        raise DataError(f"{where}, row {empty[0] + 1}: a series without a value. Leave it out.")
    longest = int(lengths.max())
    return sequence_features(block[:, :longest], lengths=lengths, where=where, max_bytes=max_bytes)


def _constant(
    values: Shaped[np.ndarray, " rows"], steps: Steps, name: str, where: str
) -> Shaped[np.ndarray, " series"]:
    """Return the value that all rows of each series share."""
    ordered = values[steps.order]
    each = ordered[steps.starts]
    expected = np.repeat(each, steps.lengths)
    both_missing = (ordered != ordered) & (expected != expected)
    differs = np.flatnonzero((ordered != expected) & ~both_missing)
    if len(differs):
        at = int(differs[0])
        series = steps.series[int(np.searchsorted(steps.starts, at, side="right")) - 1]
        raise DataError(
            f"{where}: '{name}' varies within series '{series}': {expected[at]} in its first row, "
            f"{ordered[at]} in row {steps.order[at] + 1}. Expected one value for a whole series; "
            "to forecast a column that varies, give horizon=."
        )
    return each


def _not_rising(
    times: pl.Series,
    order: np.ndarray,
    at: int,
    names: tuple[str, ...],
    codes: np.ndarray,
    where: str,
) -> str:
    here, before = times[int(order[at])], times[int(order[at - 1])]
    series = names[codes[order[at]]]
    whose = f"series '{series}' has " if series else ""
    place = f"{where}, row {order[at] + 1}: {whose}time {here}"
    if here == before:
        return (
            f"{place} twice (also in row {order[at - 1] + 1}). A series has one row for each "
            "time: merge them, or name the column that tells the series apart (series=…)."
        )
    return (
        f"{place} after {before}. Expected rising times: sort the rows by '{times.name}', or name "
        "the column that tells the series apart (series=…)."
    )


def _gaps(
    change: np.ndarray,
    times: pl.Series,
    order: np.ndarray,
    names: tuple[str, ...],
    codes: np.ndarray,
) -> list[str]:
    known = ~np.isnan(change)
    if not known.any():
        return []
    usual = float(np.median(change[known]))
    gaps = np.flatnonzero(change > GAP * usual)
    if not len(gaps):
        return []
    at = int(gaps[0])
    series = names[codes[order[at]]]
    whose = f" of series '{series}'" if series else ""
    are = "gaps are" if len(gaps) > 1 else "gap is"
    note = (
        f"{len(gaps)} {are} longer than the usual step of time (the first{whose} between "
        f"{times[int(order[at - 1])]} and {times[int(order[at])]}): the rows before and after "
        "count as neighbours."
    )
    return [note]
