"""Forecast windows: what stands in them, and that nothing comes from the future."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradlab.data import features_like, folds, load_dataset, split_rows
from gradlab.data.fitting import fit_preprocessor
from gradlab.data.sequences.windows import forecast_dataset
from gradlab.errors import DataError

MONTHS = [f"{1950 + i // 12}-{i % 12 + 1:02}" for i in range(60)]
TABLE = "Month,rain,sold\n" + "\n".join(f"{m},{i % 5}.5,{i}" for i, m in enumerate(MONTHS))


def csv(tmp_path, content=TABLE):
    path = tmp_path / "sales.csv"
    path.write_text(content)
    return path


def times_of(data, rows, window):
    """Return the times that inputs and targets of rows use; features hold the time itself."""
    inputs = data.features.numeric[rows].reshape(len(rows), window, -1)[:, :, 0]
    return inputs, data.y[rows]


sizes = st.tuples(
    st.integers(40, 80), st.integers(1, 6), st.integers(1, 6), st.sampled_from([1, 2, 3])
)


@given(sizes)
def test_no_training_window_uses_a_time_of_later_targets(size):
    n_steps, window, horizon, n_series = size
    clock = np.concatenate([np.arange(float(n_steps))] * n_series)
    starts = [i * n_steps for i in range(n_series)]
    data = forecast_dataset(clock, window=window, horizon=horizon, time=clock, starts=starts)
    split = split_rows(data)
    train_x, train_y = times_of(data, split.train, window)
    valid_x, valid_y = times_of(data, split.validation, window)
    test_x, test_y = times_of(data, split.test, window)
    for x, y in ((train_x, train_y), (valid_x, valid_y), (test_x, test_y)):
        assert (x.max(axis=1) < y.min(axis=1)).all()
    assert max(train_x.max(), train_y.max()) < valid_y.min()
    assert max(valid_x.max(), valid_y.max()) < test_y.min()
    # Only windows across a border are lost, and what is left has the shares asked for.
    counts = [len(part) for part in (split.train, split.validation, split.test)]
    assert data.n_rows - sum(counts) == 2 * (horizon - 1) * n_series
    np.testing.assert_allclose(np.array(counts) / sum(counts), [0.6, 0.2, 0.2], atol=0.05)


@given(sizes)
def test_folds_and_resampled_parts_do_not_leak_either(size):
    from dataclasses import replace

    n_steps, window, horizon, _ = size
    data = forecast_dataset(np.arange(float(n_steps)), window=window, horizon=horizon)
    for train, validation in folds(data, 3):
        assert data.y[train].max(initial=-1) < data.y[validation].min()
    fixed = replace(data, test_rows=split_rows(data).test)
    again = split_rows(fixed, ratios=(3, 1, 0))
    assert data.y[again.train].max() < data.y[again.validation].min()
    assert data.y[again.validation].max() < data.y[again.test].min()


def test_scaling_sees_training_times_only():
    rng = np.random.default_rng(0)
    past, future = rng.normal(size=60), rng.normal(size=40)
    fitted = []
    for factor in (1.0, 1e6):
        series = np.concatenate([past, future * factor])
        data = forecast_dataset(series, window=5, horizon=3)
        split = split_rows(data)
        assert data.y[split.train].max() < 60  # all from the past
        fitted.append(fit_preprocessor(data.features, split.train).to_dict())
    assert fitted[0] == fitted[1]


def test_windows_of_a_table(tmp_path):
    data = load_dataset(csv(tmp_path), horizon=3, window=6)
    assert (data.task, data.classes, data.target_name) == ("regression", None, "sold")
    assert data.features.names == ("rain", "sold")
    assert data.features.row_shape == (6, 2)
    assert data.y.shape == (52, 3)
    np.testing.assert_array_equal(data.y[7], [13, 14, 15])
    np.testing.assert_array_equal(data.features.numeric[7, 1::2], np.arange(7, 13))
    assert any("Time: 'Month'" in note for note in data.notes)
    assert "sequences of 6 steps with 2 features" in data.describe()[0]
    assert "regression, 3 a row" in data.describe()[1]


def test_one_series_is_not_copied():
    data = forecast_dataset(np.arange(10_000.0), window=500, horizon=1)
    assert data.features.numeric.base is not None
    assert data.features.numeric.strides == (8, 8)


def test_windows_do_not_cross_series(tmp_path):
    rows = [f"{s},{t},{100 * s + t}" for t in range(8) for s in (1, 2)]  # interleaved
    path = csv(tmp_path, "shop,day,sold\n" + "\n".join(rows))
    data = load_dataset(path, series="shop", time="day", horizon=2, window=3)
    assert data.features.names == ("sold",)
    together = np.concatenate([data.features.numeric, data.y], axis=1)
    assert (np.diff(together, axis=1) == 1).all()
    assert data.n_rows == 2 * (8 - 3 - 2 + 1)


def test_missing_values_in_targets_cost_windows_and_in_inputs_do_not():
    series = np.arange(20.0)
    series[10] = np.nan
    data = forecast_dataset(series, window=3, horizon=2)
    assert data.n_rows == 16 - 2
    assert np.isfinite(data.y).all()
    assert any("2 windows lack" in note for note in data.notes)
    x = fit_preprocessor(data.features).transform(data.features)
    assert np.isfinite(x).all()


def test_the_future_is_forecast_from_the_last_window(tmp_path):
    path = csv(tmp_path)
    data = load_dataset(path, horizon=3, window=6)
    fitted = fit_preprocessor(data.features, split_rows(data).train)
    last = features_like(path, fitted, horizon=3)
    assert last.numeric[0, 1::2].tolist() == [54, 55, 56, 57, 58, 59]
    with pytest.raises(DataError, match="a forecast needs the last 6"):
        features_like(csv(tmp_path, "\n".join(TABLE.split("\n")[:5])), fitted, horizon=3)


@pytest.mark.parametrize(
    ("old", "new", "options", "match"),
    [
        ("1950-03,", "1950-02,", {}, r"row 3: time 1950-02 twice \(also in row 2\)"),
        ("1950-03,", "1949-03,", {}, "row 3: time 1949-03 after 1950-02"),
        ("", "", {"horizon": 40, "window": 30}, "60 steps; a window of 30 .* need 70"),
        ("", "", {"horizon": 0}, "horizon is a number of steps, at least 1; got 0"),
        ("", "", {"target": "Month", "time": "Month"}, "can't be forecast"),
        ("", "", {"groups": "rain"}, "leave task=, groups= and test= out"),
        ("", "", {"task": "binary"}, "regression parted in time"),
        ("1950-03,2.5", "1950-03,two", {}, "row 3 says 'two'"),
    ],
)
def test_bad_series_are_refused(tmp_path, old, new, options, match):
    rows = TABLE.replace(",2.5,", ",2.25,").replace("1950-03,2.25", "1950-03,2.5")
    varied = "\n".join(
        line if i == 0 else line.replace(".5,", f".{i + 10},") if i != 3 else line
        for i, line in enumerate(rows.split("\n"))
    )
    assert old in varied
    with pytest.raises(DataError, match=match):
        load_dataset(csv(tmp_path, varied.replace(old, new)), **{"horizon": 3, **options})


def test_a_series_too_short_to_part_is_refused():
    data = forecast_dataset(np.arange(14.0), window=2, horizon=6)
    with pytest.raises(DataError, match="part would be empty"):
        split_rows(data)


def test_without_times_the_order_of_rows_counts(tmp_path):
    path = csv(tmp_path, "sold\n" + "\n".join(str(i**2 % 17) for i in range(40)))
    data = load_dataset(path, horizon=2)
    assert data.features.row_shape == (4, 1)
    assert any("order of the rows" in note for note in data.notes)
