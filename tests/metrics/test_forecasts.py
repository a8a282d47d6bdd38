"""The seasonal naive forecast."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradlab.data.sequences import forecast_dataset, sequence_dataset
from gradlab.errors import DataError
from gradlab.metrics.forecasts import seasonal_naive


@given(st.integers(1, 6), st.integers(0, 4), st.integers(1, 9))
def test_it_is_right_for_a_series_that_repeats(season, more, horizon):
    rng = np.random.default_rng(0)
    wave = np.tile(rng.normal(size=season), 20)
    both = np.stack([wave, rng.normal(size=len(wave))], axis=1)
    data = forecast_dataset(both, window=season + more, horizon=horizon, target=0)
    np.testing.assert_array_equal(seasonal_naive(data, season), data.y)


def test_a_season_of_one_is_the_last_value():
    data = forecast_dataset(np.arange(9.0), window=4, horizon=2)
    assert seasonal_naive(data, 1)[0].tolist() == [3, 3]


def test_it_needs_windows_as_long_as_a_season():
    data = forecast_dataset(np.arange(9.0), window=4, horizon=2)
    with pytest.raises(DataError, match="Give 1 to 4"):
        seasonal_naive(data, 5)
    with pytest.raises(DataError, match="no windows"):
        seasonal_naive(sequence_dataset(np.zeros((4, 3)), [0, 1, 0, 1]), 2)
