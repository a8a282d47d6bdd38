"""ConvClassifier and ConvRegressor: what they take, what they refuse, what they find."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score, train_test_split

from gradlab.errors import DataError, RecipeError
from gradlab.estimators import ConvClassifier, ConvRegressor


@pytest.fixture(scope="module")
def digits():
    data = load_digits()
    return data.images.astype(np.float32), data.target


@pytest.fixture(scope="module")
def small(digits):
    return digits[0][:120], digits[1][:120]


def classifier(**settings) -> ConvClassifier:
    """Return a small one; tests that agree in shapes share its compiled programs."""
    return ConvClassifier(
        **{"layers": ["conv 4", "pool 2"], "epochs": 3, "random_state": 0, **settings}
    )


def test_handwritten_digits(digits):
    x, x_test, y, y_test = train_test_split(*digits, test_size=600, random_state=0)
    network = ConvClassifier(layers=["conv 16", "pool 2"], epochs=20, learning_rate=0.005)
    assert network.set_params(random_state=0).fit(x, y).score(x_test, y_test) > 0.96


class TestWhatImagesMayBe:
    def test_a_channel_axis_of_one_changes_nothing(self, small):
        x, y = small
        plain = classifier().fit(x, y).predict_proba(x)
        np.testing.assert_array_equal(classifier().fit(x[..., None], y).predict_proba(x), plain)
        np.testing.assert_array_equal(classifier().fit(list(x), y).predict_proba(x), plain)

    def test_rows_with_an_image_shape(self, small):
        x, y = small
        plain = classifier().fit(x, y).predict_proba(x)
        flat = x.reshape(len(x), -1)
        model = classifier(image_shape=(8, 8)).fit(flat, y)
        np.testing.assert_array_equal(model.predict_proba(flat), plain)
        np.testing.assert_array_equal(model.predict_proba(x), plain)
        assert model.n_features_in_ == 64

    def test_a_model_of_images_takes_them_laid_flat(self, small):
        x, y = small
        model = classifier().fit(x, y)
        np.testing.assert_array_equal(model.predict(x.reshape(len(x), -1)), model.predict(x))

    def test_bytes_are_shares_of_255(self, small):
        x, y = small
        as_bytes = (x * 15).astype(np.uint8)
        shares = as_bytes.astype(np.float32) / 255
        model = classifier().fit(as_bytes, y)
        assert model.model_.network.layers[0].weight.dtype == np.float32
        low, high = shares.min(), shares.max()
        by_hand = classifier().fit((shares - low) / (high - low) * (240 / 255), y)
        assert model.model_.preprocessor.high == 255
        assert model.loss_ == pytest.approx(by_hand.loss_, rel=0.2)

    def test_numbers_are_scaled_by_the_training_images(self, small):
        x, y = small
        wide = classifier().fit(1000 * x - 5, y)
        np.testing.assert_allclose(
            wide.predict_proba(1000 * x - 5), classifier().fit(x, y).predict_proba(x), atol=1e-4
        )

    def test_colours(self):
        random = np.random.default_rng(0)
        x = random.uniform(size=(60, 6, 6, 3)).astype(np.float32)
        y = x[..., 0].mean(axis=(1, 2)) > x[..., 2].mean(axis=(1, 2))
        model = classifier(layers=["conv 4 1x1", "global average"], epochs=80, learning_rate=0.05)
        assert model.fit(x, y).score(x, y) > 0.9

    def test_a_table_is_signals(self):
        # A bump somewhere, wide or narrow: what a convolution along the row sees.
        random = np.random.default_rng(0)
        wide = np.arange(80) % 2
        x = 0.1 * random.standard_normal((80, 20))
        for row, start, w in zip(x, random.integers(0, 14, 80), wide, strict=True):
            row[start : start + (5 if w else 2)] += 1
        model = ConvClassifier(layers=["conv 8 5", "global max"], learning_rate=0.02)
        assert model.set_params(random_state=0, epochs=60).fit(x, wide).score(x, wide) > 0.95
        assert model.model_.interface.input_shape == (20, 1)
        with pytest.raises(ValueError, match="X has 19 features"):
            model.predict(x[:, 1:])

    def test_precision(self, small):
        x, y = small
        assert classifier().fit(x, y).model_.network.layers[0].weight.dtype == np.float32
        double = classifier().fit(x.astype(np.float64), y)
        assert double.model_.network.layers[0].weight.dtype == np.float64

    @pytest.mark.parametrize("flat", [False, True])
    def test_validation_images_are_read_like_the_training_images(self, small, flat):
        x, y = small
        model = classifier(validation_fraction=None, image_shape=(8, 8) if flat else None)
        if flat:
            x = x.reshape(len(x), -1)
        model.fit(x[:90], y[:90], validation=(x[90:], y[90:]))
        assert model.history_["validation_score"][-1] == pytest.approx(model.score(x[90:], y[90:]))


class TestRefused:
    def test_mixed_sizes(self):
        with pytest.raises(DataError, match=r"Image 2 has shape \(4, 5\), the first \(4, 4\)"):
            classifier().fit([np.ones((4, 4)), np.ones((4, 5))], [0, 1])

    def test_another_size_than_in_training(self, small):
        x, y = small
        model = classifier().fit(x, y)
        with pytest.raises(DataError, match="X holds images of 7x8x1; expected 8x8x1"):
            model.predict(x[:, 1:])
        with pytest.raises(DataError, match="have 64 numbers; the rows of X have 63"):
            model.predict(x.reshape(len(x), -1)[:, 1:])

    def test_an_image_shape_that_is_none(self, small):
        x, y = small
        with pytest.raises(DataError, match=r"image_shape is .height, width. or"):
            classifier(image_shape=8).fit(x.reshape(len(x), -1), y)
        with pytest.raises(DataError, match="Images of 8x9x1 have 72 numbers"):
            classifier(image_shape=(8, 9)).fit(x.reshape(len(x), -1), y)

    def test_missing_pixels_and_wrong_axes(self, small):
        x, y = small
        broken = x.copy()
        broken[3, 2, 2] = np.nan
        with pytest.raises(ValueError, match="NaN"):
            classifier().fit(broken, y)
        with pytest.raises(DataError, match="Images are"):
            classifier().fit(np.ones((5, 2, 2, 2, 2)), np.arange(5))

    def test_one_target_an_image(self, small):
        x, y = small
        with pytest.raises(ValueError, match="X has 120 rows, but y has 119"):
            classifier().fit(x, y[1:])
        with pytest.raises(ValueError, match="requires y to be passed"):
            classifier().fit(x, None)

    def test_layers_that_do_not_fit_are_named(self):
        x = np.random.default_rng(0).uniform(size=(20, 3, 3))
        with pytest.raises(RecipeError, match="layer 2, 'pool 4', given 3x3x2"):
            classifier(layers=["conv 2", "pool 4"]).fit(x, np.arange(20) % 2)


class TestLayers:
    @pytest.mark.parametrize(("side", "pools"), [(1, 0), (3, 1), (4, 2)])
    def test_a_named_network_leaves_out_poolings_that_small_images_cannot_fill(self, side, pools):
        x = np.random.default_rng(0).uniform(size=(20, side, side)).astype(np.float32)
        model = classifier(layers="lenet", epochs=1).fit(x, np.arange(20) % 2)
        assert model.summary().count("pool 2") == pools

    def test_kernel_pooling_and_augmentation_reach_the_network(self, small):
        x, y = small
        model = classifier(kernel=5, pooling="average", augment=("translate 0.1",)).fit(x, y)
        assert "conv 4     8x8x4          104" in model.summary()
        assert type(model.model_.network.layers[3]).__name__ == "AveragePool2D"
        without = classifier(kernel=5, pooling="average").fit(x, y)
        assert model.loss_ != without.loss_


class TestGoingOn:
    def test_a_warm_start_is_the_same_as_never_having_stopped(self, small):
        x, y = small
        whole = classifier(epochs=3).fit(x, y)
        parts = classifier(epochs=1, warm_start=True).fit(x, y)
        parts.set_params(epochs=2).fit(x, y)
        np.testing.assert_array_equal(parts.predict_proba(x), whole.predict_proba(x))

    def test_passes_are_a_fit(self, small):
        x, y = small
        whole = classifier(epochs=2).fit(x, y)
        passes = classifier(epochs=2).partial_fit(x, y, classes=np.unique(y)).partial_fit(x, y)
        np.testing.assert_array_equal(passes.predict_proba(x), whole.predict_proba(x))

    def test_a_file_predicts_the_same_bits_and_trains_on(self, small, tmp_path):
        x, y = small
        model = classifier(layers=["conv 4 norm batch", "pool 2"], warm_start=True).fit(x, y)
        loaded = ConvClassifier.load(model.save(tmp_path / "model.safetensors"))
        np.testing.assert_array_equal(loaded.predict_proba(x), model.predict_proba(x))
        again = loaded.fit(x, y).predict_proba(x)
        np.testing.assert_array_equal(again, model.fit(x, y).predict_proba(x))

    def test_the_models_file_predicts_raw_images(self, small, tmp_path):
        from gradlab.data import features_like
        from gradlab.training.model import load_model

        x, y = small
        fitted = classifier().fit(x, y)
        model = load_model(fitted.save(tmp_path / "model.safetensors"))
        features = features_like(x, model.preprocessor)
        np.testing.assert_array_equal(model.predict(model.inputs(features)), fitted.predict(x))


def test_cross_validation_takes_images(small):
    x, y = small
    scores = cross_val_score(classifier(epochs=20, learning_rate=0.01), x, y, cv=2)
    assert scores.min() > 0.6


def test_a_regressor_of_images(tmp_path):
    x = np.random.default_rng(0).uniform(size=(120, 6, 6)).astype(np.float32)
    y = np.stack([100 * x[:, :3].mean(axis=(1, 2)), x[:, 3:].mean(axis=(1, 2)) - 7], axis=1)
    model = ConvRegressor(layers=["conv 4"], epochs=60, learning_rate=0.01, random_state=0)
    assert model.fit(x, y).score(x, y) > 0.8
    loaded = ConvRegressor.load(model.save(tmp_path / "model.safetensors"))
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
