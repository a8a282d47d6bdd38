"""Forecasting: windows of a long series and the steps that follow each."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64, Int

from gradlab.data.arrays import as_array
from gradlab.data.dataset import Dataset, FeatureTable
from gradlab.data.limits import check_memory
from gradlab.errors import DataError


def forecast_dataset(
    values: Any,
    *,
    horizon: int,
    window: int | None = None,
    target: str | int = -1,
    names: Sequence[str] | None = None,
    time: Any = None,
    starts: Sequence[int] = (0,),
    name: str = "series",
    notes: Sequence[str] = (),
    max_bytes: int | None = None,
) -> Dataset:
    """Cut series into every window that has targets behind it.

    With W = window, H = horizon, row t is (x, y):

        x = values[t : t + W],    y = values[t + W : t + W + H, target]

    `time` and `until` of the data set are those of the first and last target, by which
    `split_rows` parts the rows. Windows overlap; of one series without missing targets they are
    not copied.

    Args:
        values: (steps, features) or (steps,), in the order of time, series after series. NaN is a
            missing value; windows with a missing target are left out.
        horizon: Steps to forecast.
        window: Steps seen; twice the horizon by default.
        target: Feature to forecast, by name or index.
        names: Of the features.
        time: Of each step; its number in the series by default.
        starts: Where each series begins.
        name: Of the data.
        notes: What was decided before.
        max_bytes: See `check_memory`.

    Raises:
        DataError: If no series is long enough, or values are infinite.

    >>> data = forecast_dataset(np.arange(6.0), window=3, horizon=2)
    >>> data.features.numeric.tolist(), data.y.tolist()
    ([[0.0, 1.0, 2.0], [1.0, 2.0, 3.0]], [[3.0, 4.0], [4.0, 5.0]])
    """
    steps = _checked_values(values, name)
    names = _names(names, steps.shape[1], name)
    at = _target_index(target, names, name)
    said = [*notes]
    if window is None:
        window = 2 * _positive(horizon, "horizon")
        said.append(f"A window shows {window} steps, twice the horizon (window=… for another).")
    window, horizon = _positive(window, "window"), _positive(horizon, "horizon")
    begins = np.asarray(starts, np.int64)
    lengths = np.diff(begins, append=len(steps))
    rows = _windows_with_targets(begins, lengths, window, horizon, name)
    n_short = int((lengths < window + horizon).sum())
    if n_short:
        are = "series are" if n_short > 1 else "series is"
        said.append(f"{n_short} {are} shorter than window and horizon together: left out.")
    future = np.lib.stride_tricks.sliding_window_view(steps[:, at], horizon)
    known = ~np.isnan(future[rows + window]).any(axis=1)
    if not known.all():
        n_lost = int((~known).sum())
        said.append(
            f"{n_lost} window{'s lack' if n_lost > 1 else ' lacks'} a value of '{names[at]}' to "
            "forecast: left out."
        )
        rows = rows[known]
        if not len(rows):
            raise DataError(f"{name}: '{names[at]}' misses a value in every window. Fill gaps in.")
    if time is None:
        moments = np.arange(len(steps), dtype=np.float64) - np.repeat(begins, lengths)
    else:
        moments = np.asarray(time, np.float64)
    if (n_missing := int(np.isnan(steps).sum())) > 0:
        said.append(
            f"{n_missing} values are missing: in a window each becomes the last one before it, or "
            "the training mean where there is none; a feature 'is missing' tells them apart."
        )
    said.append(
        f"{len(rows)} windows of {window} steps, each with the next {horizon} "
        f"step{'s' * (horizon != 1)} of '{names[at]}' to forecast."
    )
    return Dataset(
        name=name,
        features=FeatureTable(
            names, _views(steps, rows, window, name, max_bytes), {}, (window, len(names))
        ),
        y=future[rows + window].copy(),
        task="regression",
        classes=None,
        target_name=names[at],
        time=moments[rows + window],
        until=moments[rows + window + horizon - 1],
        notes=tuple(said),
    )


def last_windows(
    values: Float64[np.ndarray, "steps features"],
    names: tuple[str, ...],
    *,
    window: int,
    starts: Sequence[int] = (0,),
    name: str = "series",
) -> FeatureTable:
    """Return the last window of each series: what a forecast of its future is made from.

    Raises:
        DataError: If a series is shorter than the window.

    >>> last_windows(np.array([[1.0], [2.0], [3.0]]), ("value",), window=2).numeric.tolist()
    [[2.0, 3.0]]
    """
    begins = np.asarray(starts, np.int64)
    lengths = np.diff(begins, append=len(values))
    short = np.flatnonzero(lengths < window)
    if len(short):
        raise DataError(
            f"{name}: series {short[0] + 1} has {lengths[short[0]]} steps; a forecast needs the "
            f"last {window}."
        )
    rows = begins + lengths - window
    return FeatureTable(
        names, _views(values, rows, window, name, None), {}, (window, values.shape[1])
    )


def _windows_with_targets(
    begins: np.ndarray, lengths: np.ndarray, window: int, horizon: int, name: str
) -> Int[np.ndarray, " windows"]:
    """Return the step at which each window begins."""
    if (lengths < 1).any():
        raise DataError(f"{name}: a series without steps. Leave it out.")
    counts = np.maximum(lengths - window - horizon + 1, 0)
    if not counts.any():
        raise DataError(
            f"{name}: the longest series has {lengths.max()} steps; a window of {window} and a "
            f"horizon of {horizon} need {window + horizon}. Make them shorter."
        )
    return np.concatenate(
        [np.arange(b, b + n, dtype=np.int64) for b, n in zip(begins, counts, strict=True)]
    )


def _views(
    steps: Float64[np.ndarray, "steps features"],
    rows: Int[np.ndarray, " windows"],
    window: int,
    name: str,
    max_bytes: int | None,
) -> Float64[np.ndarray, "windows columns"]:
    """Return windows as rows; a view where these follow each other, since they overlap."""
    width = steps.shape[1]
    flat = np.ascontiguousarray(steps).reshape(-1)
    every = np.lib.stride_tricks.sliding_window_view(flat, window * width)[::width]
    if len(rows) == rows[-1] - rows[0] + 1:
        return every[rows[0] : rows[-1] + 1]
    what = f"{name} ({len(rows)} windows of {window} steps with {width} features)"
    check_memory(what, len(rows) * window * width * 8, max_bytes)
    return every[rows]


def _checked_values(values: Any, name: str) -> Float64[np.ndarray, "steps features"]:
    array = as_array(values, name)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or array.dtype.kind not in "iufb" or 0 in array.shape:
        raise DataError(
            f"{name}: an array of shape {array.shape} and dtype {array.dtype}; expected numbers, "
            "(steps,) or (steps, features)."
        )
    steps = array.astype(np.float64)
    infinite: Bool[np.ndarray, "steps features"] = np.isinf(steps)
    if infinite.any():
        step, column = (int(i) for i in np.argwhere(infinite)[0])
        raise DataError(f"{name}: step {step + 1}, feature {column} is infinite. Mend it.")
    return steps


def _names(names: Sequence[str] | None, width: int, name: str) -> tuple[str, ...]:
    if names is None:
        return ("value",) if width == 1 else tuple(f"x{i}" for i in range(width))
    if len(names) != width:
        raise DataError(f"{name}: {width} features a step but {len(names)} names. Name each.")
    return tuple(names)


def _target_index(target: str | int, names: tuple[str, ...], name: str) -> int:
    if isinstance(target, str):
        if target not in names:
            raise DataError(f"{name} has no feature '{target}'; it has {', '.join(names[:20])}.")
        return names.index(target)
    if not -len(names) <= target < len(names):
        raise DataError(f"{name} has {len(names)} features; target {target} is none of them.")
    return target % len(names)


def _positive(value: int, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise DataError(f"{what} is a number of steps, at least 1; got {value!r}.")
    return int(value)
