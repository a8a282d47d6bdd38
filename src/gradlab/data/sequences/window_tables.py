"""Forecasting from a table whose rows are moments of one or several series."""

import polars as pl

from gradlab.data import columns
from gradlab.data.dataset import Dataset, FeatureTable
from gradlab.data.sequences.long_form import step_values, steps_of, values_like
from gradlab.data.sequences.windows import forecast_dataset, last_windows
from gradlab.data.tabular import Table
from gradlab.errors import DataError


def windows_from_table(
    data: Table,
    *,
    horizon: int,
    window: int | None = None,
    series: str | int | None = None,
    time: str | int | None = None,
    target: str | int | None = None,
    drop: tuple[str, ...] = (),
    max_bytes: int | None = None,
) -> Dataset:
    """Cut the series of a table into windows; see `forecast_dataset`.

    Args:
        data: The table, one row a moment.
        horizon: Steps to forecast.
        window: Steps seen; twice the horizon by default.
        series: Column that names the series of a row, if there are several.
        time: Column of times, which must rise; the only column of dates by default.
        target: Column to forecast, the last one by default. Its past is a feature too.
        drop: Columns to leave out.
        max_bytes: See `check_memory`.

    Raises:
        DataError: If times do not rise or come twice (named, with the series), or no series is
            long enough.
    """
    frame, where = columns.clean(data.frame), data.name
    names, notes = frame.columns, [*data.notes]
    dropped = {columns.resolve(name, names, "drop", where) for name in drop}
    series_name = None if series is None else columns.resolve(series, names, "series", where)
    time_name = None if time is None else columns.resolve(time, names, "time", where)
    if time_name is None:
        time_name = _only_dates(frame, dropped | {series_name})
        if time_name is not None:
            notes.append(f"Time: '{time_name}', the only column of dates (time='…' for another).")
    free = [name for name in names if name not in {*dropped, series_name, time_name}]
    if not free:
        raise DataError(f"{where} has no column besides series and time: nothing to forecast.")
    target_name = columns.resolve(free[-1] if target is None else target, names, "target", where)
    if target_name not in free:
        raise DataError(f"'{target_name}' can't be forecast: it is the series, time or dropped.")
    if target is None:
        notes.append(f"Target: the last column, '{target_name}' (target='…' for another).")
    if columns.numbers(frame[target_name]) is None:
        columns.target_values(frame[target_name], where)  # says what is wrong with a typing mistake
        raise DataError(
            f"'{target_name}' of {where} holds {frame[target_name].dtype}, e.g. "
            f"{frame[target_name].drop_nulls().head(1).to_list()}; a forecast needs numbers."
        )
    steps = steps_of(frame, series_name, time_name, where)
    values, feature_names, said = step_values(frame, free, where, max_bytes)
    if target_name not in feature_names:
        raise DataError(f"'{target_name}' of {where} never changes: there is nothing to forecast.")
    return forecast_dataset(
        values[steps.order],
        horizon=horizon,
        window=window,
        target=target_name,
        names=feature_names,
        time=steps.time,
        starts=steps.starts.tolist(),
        name=where,
        notes=(*notes, *steps.notes, *said),
        max_bytes=max_bytes,
    )


def last_windows_like(
    data: Table,
    wanted: tuple[str, ...],
    window: int,
    *,
    series: str | int | None = None,
    time: str | int | None = None,
) -> FeatureTable:
    """Return the last window of each series of new data, with the features of the training."""
    frame, where = columns.clean(data.frame), data.name
    series_name = (
        None if series is None else columns.resolve(series, frame.columns, "series", where)
    )
    time_name = None if time is None else columns.resolve(time, frame.columns, "time", where)
    if time_name is None:
        time_name = _only_dates(frame, {series_name, *wanted})
    steps = steps_of(frame, series_name, time_name, where)
    values = values_like(frame, wanted, where)[steps.order]
    return last_windows(values, wanted, window=window, starts=steps.starts.tolist(), name=where)


def _only_dates(frame: pl.DataFrame, taken: set[str | None]) -> str | None:
    dates = [
        column.name
        for column in frame.get_columns()
        if column.name not in taken
        and (column.dtype.is_temporal() or columns.share_of_dates(column) >= 0.9)
    ]
    return dates[0] if len(dates) == 1 else None
