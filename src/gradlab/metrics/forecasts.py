"""Forecasts that need no learning, to hold a network's against."""

import numpy as np
from jaxtyping import Float64

from gradlab.data.dataset import Dataset
from gradlab.errors import DataError


def seasonal_naive(dataset: Dataset, season: int) -> Float64[np.ndarray, "rows horizon"]:
    """Forecast that every step is as it was a whole number of seasons before.

    ŷ_{t+h} = y_{t+h-k·m}, m = season, with the smallest k for which that step has been seen. With
    m = 1 this is the last value again. Source: Hyndman and Athanasopoulos, Forecasting, 3rd ed.,
    section 5.2.

    Args:
        dataset: Windows from `forecast_dataset` or `load_dataset(…, horizon=…)`.
        season: Steps of a season: 12 for months, 24 for hours; at most the window.

    Returns:
        A forecast for every row, in the target's own units; NaN where the step it comes from is
        missing.

    Raises:
        DataError: If the data holds no windows, or the season is longer than the window.

    >>> from gradlab.data.sequences import forecast_dataset
    >>> seasonal_naive(forecast_dataset(np.arange(7.0), window=3, horizon=4), 2).tolist()
    [[1.0, 2.0, 1.0, 2.0]]
    """
    features = dataset.features
    if features.kind != "sequence" or features.row_shape is None or dataset.y.ndim != 2:
        raise DataError(
            f"{dataset.name} holds no windows to forecast from. Read it with horizon= and window=."
        )
    window, width = features.row_shape
    if not 1 <= season <= window:
        raise DataError(
            f"A season of {season} steps; the windows of {dataset.name} have {window}. Give 1 to "
            f"{window}, or a longer window=."
        )
    past = features.numeric[:, features.names.index(dataset.target_name) :: width]
    ahead = np.arange(dataset.y.shape[1])
    return past[:, window - season + ahead % season].astype(np.float64)
