"""Forecasting a series from its past."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from gradlab.data import (
    AnyPreprocessor,
    Dataset,
    FeatureTable,
    forecast_dataset,
    last_windows,
    split_rows,
)
from gradlab.errors import DataError
from gradlab.estimators.backtest import Backtest
from gradlab.estimators.inputs.sequences import fit_sequences
from gradlab.estimators.network import Network, Rows
from gradlab.estimators.regressor import mean_and_deviation
from gradlab.estimators.saving import plain
from gradlab.metrics.forecasts import seasonal_naive
from gradlab.training.supervised import dtype_of


@dataclass(kw_only=True, eq=False, repr=False)
class Forecaster(Network):
    """Recurrent network that forecasts the next steps of a series from a window of its past.

    It learns how far each step will lie from the value a whole number of seasons before (with
    season=1, from the last value), so that a series that grows is forecast at its height:

        ŷ_{t+h} = y_{t+h-k·m} + network(window - level)_h,    m = season, smallest k that is past

    The level is the mean of the last season. All features of a step are seen; one is forecast.
    Validation windows are the latest ones, and none that overlaps their targets is learnt from.

    Args:
        horizon: Steps to forecast.
        window: Steps seen; None is twice the horizon, or two seasons if these are longer.
        season: Steps of a season (12 for months, 24 for hours); 1 for none; None learns the values
            themselves.
        target: Feature to forecast, by number or by name.
        layers: "recurrent", or a list, one layer a line: ["gru 32"], ["flatten", "dense 64"].
        cell: Of recurrent layers that name none: "lstm", "gru", "rnn", …
        scaling: Of the features: "standard", "minmax" or "none".

    The other settings and the attributes are those of all networks
    (`gradlab.estimators.Network`); it computes in float32.

    >>> waves = np.sin(np.arange(120) / 2) + np.arange(120) / 20
    >>> settings = {"layers": ["gru 8"], "learning_rate": 0.01, "random_state": 0}
    >>> forecaster = Forecaster(horizon=3, window=12, **settings)
    >>> forecaster.fit(waves).predict().shape
    (3,)
    >>> bool(forecaster.backtest(waves).ratio < 0.5)
    True
    """

    horizon: Any = 1
    window: Any = None
    season: Any = 1
    target: Any = -1
    layers: Any = "recurrent"
    cell: Any = "lstm"
    kernel: Any = 3
    pooling: Any = "max"
    scaling: Any = "standard"

    def __sklearn_tags__(self):
        """Return scikit-learn's tags: a series is no table of samples."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.input_tags.allow_nan = True
        tags.target_tags.required = False
        return tags

    def fit(self, series, y=None):
        """Learn from a series; return self.

        Args:
            series: (time,), (time, features), a frame whose rows are moments, or a list of such
                series.
            y: Of no account.

        Raises:
            DataError: If the series is too short for a window and a horizon, or the season is
                longer than the window.
            RecipeError: If a setting is out of range, or training diverged.
        """
        values, starts, names, single = _series(series)
        dataset = self._windows(values, starts, names)
        last = last_windows(values, dataset.features.names, window=_window(dataset), starts=starts)
        self._fit_windows(dataset)
        self._last, self._single = last.numeric, single
        return self

    def predict(self, series=None):
        """Return the next steps, shape (horizon,), or (series, horizon) if there are several.

        Args:
            series: Whose future to forecast, with the features of the training, at least a window
                long; None continues the series of `fit`.
        """
        check_is_fitted(self, "model_")
        if series is None:
            features, single = self._table(self._last), self._single
        else:
            values, starts, _, single = _series(series)
            self._check_width(values)
            window = self.model_.interface.input_shape[0]
            features = last_windows(values, self._step_names, window=window, starts=starts)
        forecasts = self._forecasts(features)
        return forecasts[0] if single else forecasts

    def backtest(self, series, *, test_fraction: float = 0.2, season: int | None = None):
        """Learn from the earlier part of a series, forecast the later, compare with the naive.

        A copy of this forecaster is trained; itself it stays as it is. Every window of the later
        part is forecast once, without learning more on the way.

        Args:
            series: As in `fit`.
            test_fraction: Share of the windows that are forecast, the latest.
            season: Of the naive forecast; None takes the forecaster's.

        Returns:
            The `Backtest`.
        """
        values, starts, names, _ = _series(series)
        dataset = self._windows(values, starts, names)
        split = split_rows(dataset, ratios=(1 - test_fraction, 0, test_fraction))
        copy: Any = clone(self)
        copy._fit_windows(_some(dataset, split.train))
        later = _some(dataset, split.test)
        against = int(season or self.season or 1)
        forecasts = copy._forecasts(later.features)
        return Backtest(later.y, forecasts, seasonal_naive(later, against), against)

    def _windows(self, values: np.ndarray, starts: list[int], names: Any) -> Dataset:
        horizon, window = plain(self.horizon), plain(self.window)
        if window is None and isinstance(horizon, int):
            window = 2 * max(horizon, int(self.season or 1))
        dataset = forecast_dataset(
            values,
            horizon=horizon,
            window=window,
            target=self.target,
            names=names,
            starts=starts,
        )
        if self.season is not None and not 1 <= self.season <= _window(dataset):
            raise DataError(
                f"A season of {self.season} steps; a window has {_window(dataset)}. Give a longer "
                "window."
            )
        return dataset

    def _fit_windows(self, dataset: Dataset) -> None:
        recipe, start = self._recipe(), self._start()
        if start is not None:
            recipe = recipe.replace(epochs=start.epochs + recipe.epochs)
        share, n = self._validation_share(), dataset.n_rows
        train, validation = np.arange(n), np.zeros(0, np.int64)
        if share:
            split = split_rows(dataset, ratios=(1 - share, share, 0))
            train, validation = split.train, split.validation
        used = _some(dataset, np.concatenate([train, validation]))
        self._step_names = dataset.features.names
        self._at = dataset.features.names.index(dataset.target_name)
        windows, ahead = self._relative(used.features, used.y.shape[1])
        y = used.y - ahead
        if start is None:
            shift, scale = mean_and_deviation(y[: len(train)], np.ones(len(train)))
            # Where every training window has the same answer it is given, whatever the scores.
            varies = np.abs(y[: len(train)] - np.atleast_2d(shift)).max(axis=0) > 1e-9
            scale = tuple(np.where(varies, scale, 0).tolist())
        else:
            shift, scale = self.model_.target_shift, self.model_.target_scale
        unit = np.where(np.atleast_2d(scale) == 0, 1, np.atleast_2d(scale))
        model = self._train(
            recipe,
            start,
            Rows(windows, (y - np.atleast_2d(shift)) / unit, np.ones(len(y))),
            epochs=int(self.epochs),
            seed=self._seed(start),
            kind="regression",
            n_outputs=y.shape[1],
            held=np.arange(len(train), len(y)),
        )
        self.model_ = replace(
            model, target_shift=shift, target_scale=scale, target_name=dataset.target_name
        )

    def _forecasts(self, features: FeatureTable) -> Float[np.ndarray, "rows horizon"]:
        windows, ahead = self._relative(features, self.model_.n_outputs)
        dtype = dtype_of(self.model_.network)
        seen = self._examples(windows, self.model_.preprocessor, dtype)
        return self.model_.predict(seen.x, seen.lengths).reshape(len(ahead), -1) + ahead

    def _relative(
        self, features: FeatureTable, horizon: int
    ) -> tuple[FeatureTable, Float[np.ndarray, "rows horizon"]]:
        """Return windows whose target lies around 0, and what is to be added to the answers."""
        width = len(features.names)
        values = features.numeric.reshape(features.n_rows, -1, width)
        if self.season is None:
            windows, ahead = values, np.zeros((len(values), horizon))
        else:
            past, season = _filled(values[:, :, self._at]), int(self.season)
            ahead = past[:, past.shape[1] - season + np.arange(horizon) % season]
            windows = values.copy()
            windows[:, :, self._at] -= past[:, -season:].mean(axis=1, keepdims=True)
        flat = windows.reshape(len(values), -1).astype(np.float32)
        return replace(features, numeric=flat), ahead

    def _preprocessor(
        self,
        features: FeatureTable,
        rows: Int[np.ndarray, " training"],
        weights: Float[np.ndarray, " rows"],
    ) -> AnyPreprocessor | None:
        return fit_sequences(features, rows, weights, scaling=self.scaling, max_length=None)

    def _check_width(self, values: np.ndarray) -> None:
        if values.shape[1] != len(self._step_names):
            raise DataError(
                f"The series has {values.shape[1]} features a step; the forecaster was trained on "
                f"{len(self._step_names)} ({', '.join(self._step_names)})."
            )

    def _table(self, windows: np.ndarray) -> FeatureTable:
        width = len(self._step_names)
        return FeatureTable(self._step_names, windows, row_shape=(windows.shape[1] // width, width))

    def _notes(self) -> dict[str, Any]:
        return {"names": self._step_names, "at": self._at, "single": self._single}

    def _arrays(self) -> dict[str, np.ndarray]:
        return {"last": np.ascontiguousarray(self._last)}

    def _restore(self, notes: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        self._step_names, self._at = tuple(notes["names"]), notes["at"]
        self._last, self._single = arrays["last"], notes["single"]


def _window(dataset: Dataset) -> int:
    assert dataset.features.row_shape is not None  # windows have one
    return dataset.features.row_shape[0]


def _some(dataset: Dataset, rows: Int[np.ndarray, " some"]) -> Dataset:
    """Return some windows, in the order given."""
    assert dataset.time is not None
    assert dataset.until is not None
    return replace(
        dataset,
        features=dataset.features.take(rows),
        y=dataset.y[rows],
        time=dataset.time[rows],
        until=dataset.until[rows],
    )


def _filled(past: Float[np.ndarray, "rows window"]) -> Float[np.ndarray, "rows window"]:
    """Return the past without gaps: each the value before it, the first ones that behind them."""
    missing = np.isnan(past)
    if not missing.any():
        return past
    steps = np.broadcast_to(np.arange(past.shape[1]), past.shape)
    seen = np.maximum.accumulate(np.where(missing, -1, steps), axis=1)
    first = np.argmin(missing, axis=1, keepdims=True)
    filled = np.take_along_axis(past, np.where(seen < 0, first, seen), axis=1)
    return np.nan_to_num(filled)  # a window without any value says nothing


def _series(
    series: Any,
) -> tuple[Float[np.ndarray, "steps features"], list[int], list[str] | None, bool]:
    """Return the steps of all series, where each begins, names of features, and if it is one."""
    several = isinstance(series, list | tuple) and len(series) > 0 and np.ndim(series[0]) > 0
    given = list(series) if several else [series]
    if not given or len(given[0]) == 0:
        raise DataError("The series has no steps: there is nothing to forecast from.")
    columns = getattr(given[0], "columns", None)
    names = None if columns is None else [str(name) for name in columns]
    parts = []
    for number, one in enumerate(given, 1):
        try:
            values = np.asarray(one, np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(
                f"Series {number} holds what is no number ({error}). Give (time,) or (time, "
                "features) of numbers; leave a column of dates out."
            ) from None
        values = values[:, None] if values.ndim == 1 else values
        if values.ndim != 2 or len(values) == 0 or (parts and values.shape[1] != parts[0].shape[1]):
            raise DataError(
                f"Series {number} has shape {values.shape}; expected (time,) or (time, features), "
                "at least one step, and as many features in each."
            )
        parts.append(values)
    starts = np.cumsum([0, *(len(part) for part in parts[:-1])]).tolist()
    return np.concatenate(parts), starts, names, not several
