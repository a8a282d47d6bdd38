"""RecurrentClassifier and RecurrentRegressor: lengths, gaps, scales, and what is refused."""

import numpy as np
import pytest

from gradlab.errors import DataError, RecipeError
from gradlab.estimators import RecurrentClassifier, RecurrentRegressor


@pytest.fixture(scope="module")
def series():
    """Sequences of 2 to 6 steps with two features; the class is the sign of the last step."""
    random = np.random.default_rng(0)
    x = [random.normal(size=(n, 2)).astype(np.float32) for n in random.integers(2, 7, 120)]
    return x, np.array([one[-1, 0] > 0 for one in x])


def classifier(**settings) -> RecurrentClassifier:
    return RecurrentClassifier(
        **{"layers": ["gru 6"], "epochs": 3, "learning_rate": 0.02, "random_state": 0, **settings}
    )


class TestWhatSequencesMayBe:
    def test_of_unlike_length(self, series):
        x, y = series
        model = classifier(epochs=30).fit(x[:90], y[:90])
        assert model.score(x[90:], y[90:]) > 0.85
        one_by_one = [model.predict([one])[0] for one in x[90:95]]
        np.testing.assert_array_equal(one_by_one, model.predict(x[90:95]))

    def test_what_stands_behind_an_end_is_of_no_account(self, series):
        x, y = series
        model = classifier().fit(x, y)
        short = [one for one in x if len(one) == 3]
        np.testing.assert_allclose(
            model.predict_proba(np.stack(short)),
            model.predict_proba([*short, x[0]])[:-1],
            atol=1e-6,
        )

    def test_one_feature_may_lack_its_axis(self):
        x = np.random.default_rng(0).normal(size=(60, 5))
        y = x[:, -1] > 0
        plain = classifier().fit(x, y).predict_proba(x)
        np.testing.assert_array_equal(classifier().fit(x[..., None], y).predict_proba(x), plain)
        np.testing.assert_array_equal(classifier().fit(list(x), y).predict_proba(x), plain)

    def test_lists_of_numbers_of_unlike_length(self):
        x = [[1.0, 2.0], [3.0], [-1.0], [2.0, -2.0, -4.0]] * 10
        y = [1, 1, 0, 0] * 10
        assert classifier(epochs=40).fit(x, y).score(x, y) == 1

    def test_a_table_has_the_columns_of_the_training(self):
        x = np.random.default_rng(0).normal(size=(30, 5))
        model = classifier().fit(x, x[:, 0] > 0)
        with pytest.raises(ValueError, match="X has 4 features"):
            model.predict(x[:, 1:])
        assert model.predict(x[:, 1:, None]).shape == (30,)

    def test_gaps_are_filled_from_the_past(self, series):
        x, y = series
        gaps = [one.copy() for one in x]
        for one in gaps[::3]:
            one[0, 1] = np.nan
        model = classifier(epochs=30).fit(gaps, y)
        assert model.model_.interface.input_shape == (6, 3)  # and which value was missing
        assert model.score(gaps, y) > 0.9

    def test_longer_ones_lose_their_end(self, series):
        x, y = series
        model = classifier(max_length=3).fit(x, y)
        assert model.model_.interface.input_shape == (3, 2)
        cut = [one[:3] for one in x]
        np.testing.assert_array_equal(model.predict_proba(x), model.predict_proba(cut))

    def test_scaling_makes_units_of_no_account(self, series):
        x, y = series
        wide = [1000 * one - 5 for one in x]
        np.testing.assert_allclose(
            classifier().fit(wide, y).predict_proba(wide),
            classifier().fit(x, y).predict_proba(x),
            atol=1e-3,
        )
        raw = classifier(scaling="none").fit(x, y).model_.preprocessor
        assert raw.scale.tolist() == [1, 1]


class TestRefused:
    @pytest.mark.parametrize(
        ("x", "match"),
        [
            ([np.ones((2, 1)), np.ones((0, 1))], "sequence 2 has no steps"),
            ([np.ones((2, 1)), np.ones((3, 2))], "sequence 2 has shape"),
            ([["a"], ["b", "c"]], "expected numbers"),
            (np.ones((4, 3, 2, 2)), "Sequences are"),
        ],
    )
    def test_what_is_no_sequence_of_numbers(self, x, match):
        with pytest.raises(DataError, match=match):
            classifier().fit(x, np.arange(len(x)) % 2)

    def test_infinite_values_and_missing_targets(self, series):
        x, y = series
        with pytest.raises(DataError, match=r"sequence 1, step 1, feature .* is infinite"):
            classifier().fit([np.full((2, 2), np.inf), *x[1:]], y)
        with pytest.raises(ValueError, match="X has 120 rows, but y has 3"):
            classifier().fit(x, y[:3])

    def test_layers_that_cannot_stand_unlike_lengths(self, series):
        with pytest.raises(RecipeError, match=r"layer 1, 'dense 4'.*differ in length"):
            classifier(layers=["dense 4"]).fit(*series)

    def test_other_features_than_in_training(self, series):
        x, y = series
        model = classifier().fit(x, y)
        with pytest.raises(DataError, match="have 1 features a step; the network was trained on 2"):
            model.predict([one[:, :1] for one in x])


class TestSettings:
    def test_cells_and_directions(self, series):
        x, y = series
        for settings in ({"layers": ["recurrent 4"], "cell": "rnn"}, {"layers": "recurrent"}):
            assert classifier(epochs=1, **settings).fit(x, y).predict(x).dtype == bool
        both = classifier(epochs=1, layers=["gru 4 bidirectional", "dense 3"]).fit(x, y)
        assert "gru 4 bidirectional  8" in both.summary()

    def test_weights_count_in_the_scale(self):
        random = np.random.default_rng(0)
        x, y = random.normal(size=(30, 4, 1)), np.arange(30) % 2
        counts = 1 + np.arange(30) % 3
        settings = {"batch_size": "full", "epochs": 2}
        weighted = classifier(**settings).fit(x, y, sample_weight=counts)
        repeated = classifier(**settings).fit(x.repeat(counts, axis=0), y.repeat(counts))
        np.testing.assert_allclose(weighted.predict_proba(x), repeated.predict_proba(x), rtol=1e-6)

    def test_the_scale_is_that_of_the_training_rows(self, series):
        x, y = series
        far = [one + 100 for one in x[:20]]
        model = classifier().fit(x[20:], y[20:], validation=(far, y[:20]))
        plain = classifier().fit(x[20:], y[20:])
        np.testing.assert_array_equal(model.predict_proba(x), plain.predict_proba(x))
        assert np.isfinite(model.history_["validation_loss"]).all()

    def test_a_file_predicts_the_same_bits_and_trains_on(self, series, tmp_path):
        x, y = series
        labels = np.array(["down", "up"])[y.astype(int)]
        model = classifier(warm_start=True).fit(x, labels)
        loaded = RecurrentClassifier.load(model.save(tmp_path / "model.safetensors"))
        np.testing.assert_array_equal(loaded.predict_proba(x), model.predict_proba(x))
        assert loaded.predict(x).dtype == model.predict(x).dtype
        np.testing.assert_array_equal(
            loaded.fit(x, labels).predict_proba(x), model.fit(x, labels).predict_proba(x)
        )


def test_a_regressor_of_sequences(tmp_path):
    random = np.random.default_rng(0)
    x = [random.normal(size=(n, 1)).astype(np.float32) for n in random.integers(1, 6, 150)]
    y = np.array([500 + 20 * one.sum() for one in x])
    model = RecurrentRegressor(
        layers=["gru 8"], epochs=60, learning_rate=0.02, patience=20, random_state=0
    )
    assert model.fit(x, y).score(x, y) > 0.9
    loaded = RecurrentRegressor.load(model.save(tmp_path / "model.safetensors"))
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
