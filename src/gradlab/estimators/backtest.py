"""How good forecasts would have been, beside those that need no learning."""

import dataclasses

import numpy as np
from jaxtyping import Float


@dataclasses.dataclass(frozen=True)
class Backtest:
    """Forecasts of a part of a series that was not learnt from.

    Args:
        truth: What came, one row a forecast, one column a step ahead.
        forecast: What the network said.
        naive: What the seasonal naive forecast said: the value a whole number of seasons before.
        season: Of the naive forecast, in steps.

    >>> truth = np.array([[2.0, 4.0]])
    >>> test = Backtest(truth, truth - 1, truth + 2, season=1)
    >>> test.error, test.naive_error, test.ratio
    (1.0, 2.0, 0.5)
    """

    truth: Float[np.ndarray, "forecasts horizon"]
    forecast: Float[np.ndarray, "forecasts horizon"]
    naive: Float[np.ndarray, "forecasts horizon"]
    season: int

    @property
    def error(self) -> float:
        """Mean absolute error of the network, in the units of the series."""
        return float(np.nanmean(np.where(self._known, np.abs(self.forecast - self.truth), np.nan)))

    @property
    def naive_error(self) -> float:
        """Mean absolute error of the seasonal naive forecast."""
        return float(np.nanmean(np.where(self._known, np.abs(self.naive - self.truth), np.nan)))

    @property
    def ratio(self) -> float:
        """Share of the naive error that is left: below 1, the network is the better of the two."""
        return self.error / self.naive_error if self.naive_error > 0 else float("inf")

    @property
    def by_step(self) -> Float[np.ndarray, " horizon"]:
        """Mean absolute error of the network for each step ahead."""
        return np.abs(self.forecast - self.truth).mean(axis=0)

    @property
    def _known(self) -> np.ndarray:
        return ~np.isnan(self.naive)

    def __str__(self) -> str:
        """Return the comparison in a sentence."""
        return (
            f"mean absolute error {self.error:.4g} over {len(self.truth)} forecasts of "
            f"{self.truth.shape[1]} steps; seasonal naive (season {self.season}) "
            f"{self.naive_error:.4g}; ratio {self.ratio:.3f}"
        )
