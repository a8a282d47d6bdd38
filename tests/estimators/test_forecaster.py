"""Forecaster: levels, seasons, several series, no leakage, and what is refused."""

import numpy as np
import polars as pl
import pytest

from gradlab.errors import DataError
from gradlab.estimators import Forecaster

STEPS = np.arange(150)
WAVES = np.sin(STEPS / 2) + STEPS / 20


def forecaster(**settings) -> Forecaster:
    return Forecaster(
        **{
            "horizon": 3,
            "window": 12,
            "layers": ["gru 6"],
            "epochs": 3,
            "learning_rate": 0.01,
            "random_state": 0,
            **settings,
        }
    )


class TestForecasts:
    def test_of_a_wave_that_climbs(self):
        model = forecaster(epochs=40).fit(WAVES)
        ahead = np.arange(150, 153)
        np.testing.assert_allclose(model.predict(), np.sin(ahead / 2) + ahead / 20, atol=0.15)

    def test_where_seasons_repeat_the_naive_forecast_is_exact(self):
        season = np.tile([1.0, 5.0, 3.0, 9.0], 20)
        model = forecaster(season=4, horizon=6, epochs=1).fit(season)
        np.testing.assert_allclose(model.predict(), [1, 5, 3, 9, 1, 5], atol=1e-6)

    def test_the_height_of_a_series_is_of_no_account(self):
        model = forecaster().fit(WAVES)
        shifted = model.predict(WAVES + 1000) - 1000
        np.testing.assert_allclose(shifted, model.predict(WAVES), atol=1e-3)
        raw = forecaster(season=None).fit(WAVES)
        assert np.abs(raw.predict(WAVES + 1000) - 1000 - raw.predict(WAVES)).max() > 10

    def test_new_series_and_the_one_of_the_fit(self):
        model = forecaster().fit(WAVES)
        np.testing.assert_array_equal(model.predict(WAVES), model.predict())
        np.testing.assert_array_equal(model.predict(WAVES[-12:]), model.predict())
        assert np.abs(model.predict(WAVES[:-5]) - model.predict()).max() > 0.01

    def test_several_series(self):
        model = forecaster().fit([WAVES, -WAVES[:50], np.cos(STEPS[:80])])
        assert model.predict().shape == (3, 3)
        np.testing.assert_allclose(model.predict(WAVES), model.predict()[0], atol=1e-5)

    def test_features_and_the_one_that_is_forecast(self):
        # The second feature tells what the first will be in a step.
        noise = np.random.default_rng(0).normal(size=301)
        both = np.stack([noise[:-1], noise[1:]], axis=1)
        told = forecaster(horizon=1, target=0, window=3, epochs=60, season=None)
        alone = forecaster(horizon=1, window=3, epochs=60, season=None)
        assert told.backtest(both).error < 0.3 * alone.backtest(both[:, 0]).error
        frame = pl.DataFrame(both, schema=["now", "next"])
        named = forecaster(horizon=1, target="now", window=3, epochs=60, season=None)
        np.testing.assert_array_equal(named.fit(frame).predict(), told.fit(both).predict())

    def test_gaps(self):
        broken = WAVES.copy()
        broken[[5, 40, 41, 149]] = np.nan
        model = forecaster(epochs=40, season=1).fit(broken)
        assert np.isfinite(model.predict()).all()
        assert model.backtest(broken).ratio < 1


class TestBacktest:
    def test_what_is_forecast_was_not_learnt(self):
        # A jump in the last fifth: whoever had seen it would forecast it.
        jumpy = np.random.default_rng(0).normal(size=200)
        model = forecaster(epochs=2)
        before = model.backtest(jumpy)
        jumpy[-5:] += 50
        after = model.backtest(jumpy)
        np.testing.assert_array_equal(after.forecast[:-8], before.forecast[:-8])
        # A fifth of 200 - 12 - 3 + 1 = 186 windows.
        assert len(before.truth) == len(before.forecast) == len(before.naive) == 37

    def test_it_is_better_than_the_naive_where_there_is_something_to_learn(self):
        test = forecaster(epochs=40).backtest(WAVES)
        assert test.ratio < 0.2
        assert test.error == pytest.approx(np.abs(test.forecast - test.truth).mean())
        assert test.by_step.shape == (3,)
        assert "seasonal naive (season 1)" in str(test)

    def test_the_naive_forecast_is_that_of_the_season(self):
        test = forecaster(season=4, horizon=2, epochs=1).backtest(np.tile([1.0, 5, 3, 9], 30))
        assert test.naive_error == 0
        assert test.season == 4

    def test_the_forecaster_stays_as_it_was(self):
        model = forecaster().fit(WAVES)
        before = model.predict()
        model.backtest(WAVES[:100])
        np.testing.assert_array_equal(model.predict(), before)


class TestTraining:
    def test_validation_windows_are_the_latest(self):
        broken = WAVES.copy()
        broken[-20:] += 100 * np.arange(20)  # only validation windows see it
        plain = forecaster(validation_fraction=0.2).fit(WAVES)
        other = forecaster(validation_fraction=0.2).fit(broken)
        np.testing.assert_array_equal(other.history_["train_loss"], plain.history_["train_loss"])
        assert other.history_["validation_loss"][-1] > 10 * plain.history_["validation_loss"][-1]

    def test_a_warm_start_goes_on(self):
        whole = forecaster(epochs=3).fit(WAVES)
        parts = forecaster(epochs=1, warm_start=True).fit(WAVES)
        parts.set_params(epochs=2).fit(WAVES)
        np.testing.assert_array_equal(parts.predict(), whole.predict())

    def test_a_file_forecasts_the_same_bits(self, tmp_path):
        model = forecaster(season=4).fit([WAVES, -WAVES])
        loaded = Forecaster.load(model.save(tmp_path / "model.safetensors"))
        np.testing.assert_array_equal(loaded.predict(), model.predict())
        np.testing.assert_array_equal(loaded.predict(WAVES), model.predict(WAVES))
        assert "gru 6" in loaded.summary()


@pytest.mark.parametrize(
    ("series", "settings", "match"),
    [
        (WAVES[:14], {}, "longest series has 14 steps; a window of 12 and a horizon of 3 need 15"),
        ([], {}, "has no steps"),
        (np.ones((3, 3, 3)), {}, r"expected .time,. or .time, features."),
        (["a", "b"], {}, "holds what is no number"),
        ([WAVES, np.ones((20, 2))], {}, r"Series 2 has shape \(20, 2\)"),
        (np.where(STEPS == 7, np.inf, WAVES), {}, "step 8, feature 0 is infinite"),
        (WAVES, {"season": 13}, "A season of 13 steps; a window has 12"),
        (WAVES, {"horizon": 0}, "horizon is a number of steps, at least 1; got 0"),
        (WAVES, {"target": "x"}, "has no feature 'x'"),
    ],
)
def test_what_cannot_be_forecast_is_said(series, settings, match):
    with pytest.raises(DataError, match=match):
        forecaster(**settings).fit(series)


def test_new_series_must_be_like_those_of_the_fit():
    model = forecaster().fit(WAVES)
    with pytest.raises(DataError, match="has 11 steps; a forecast needs the last 12"):
        model.predict(WAVES[:11])
    with pytest.raises(DataError, match="2 features a step; the forecaster was trained on 1"):
        model.predict(np.ones((20, 2)))
