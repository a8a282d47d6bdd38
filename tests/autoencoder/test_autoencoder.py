"""What one autoencoder learns, and what the estimator promises."""

import numpy as np
import pytest
from scipy.linalg import subspace_angles
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from gradlab.autoencoder import Autoencoder, StackedAutoencoder
from gradlab.errors import DataError, RecipeError
from gradlab.training.model import load_model

SMALL = Autoencoder(hidden=(8,), epochs=6, learning_rate=0.01, random_state=0)


@pytest.fixture(scope="module")
def fitted(digits):
    return clone(SMALL).set_params(validation_fraction=0.2).fit(digits[0])


def relative_error(x, reconstruction):
    return ((x - reconstruction) ** 2).sum() / ((x - x.mean(axis=0)) ** 2).sum()


@pytest.mark.catalogue("AUT-01")
def test_the_error_falls_through_a_bottleneck(fitted, digits):
    x, _ = digits
    losses = fitted.history_["train_loss"]
    assert losses[-1] < 0.5 * losses[0]
    assert fitted.transform(x).shape == (len(x), 8)
    # A linear decoder of 8 codes can't give more than 8 dimensions, and its bias.
    reconstruction = fitted.reconstruct(x).astype(float)
    assert np.linalg.matrix_rank(reconstruction - reconstruction.mean(axis=0), tol=1e-3) <= 8


@pytest.mark.catalogue("AUT-03")
class TestLosses:
    """Squared error, or cross-entropy where numbers are probabilities."""

    @pytest.mark.parametrize("loss", ["squared_error", "reconstruction_cross_entropy"])
    def test_the_loss_is_that_of_its_formula(self, digits, loss):
        x = digits[0][:300].astype(float)
        network = Autoencoder(hidden=(4,), loss=loss, epochs=3, batch_size="full", random_state=0)
        before, after = (clone(network).set_params(epochs=epochs).fit(x) for epochs in (2, 3))
        o = before.reconstruct(x)
        if loss == "squared_error":
            expected = ((o - x) ** 2).sum(axis=1).mean()
        else:
            assert o.min() > 0
            assert o.max() < 1
            expected = -(x * np.log(o) + (1 - x) * np.log(1 - o)).sum(axis=1).mean()
        # The loss of an epoch of one step is that of the weights before it.
        assert after.loss_ == pytest.approx(expected, rel=1e-6)

    def test_inputs_of_the_cross_entropy_lie_between_0_and_1(self, digits):
        network = Autoencoder(loss="reconstruction_cross_entropy")
        with pytest.raises(DataError, match=r"from 0 to 1; they reach from 0 to 16"):
            network.fit(digits[0] * 16)
        with pytest.raises(DataError, match=r"from 0 to 1"):
            network.partial_fit(digits[0] - 1)


def test_the_code_of_a_linear_one_spans_the_principal_components(rng):
    scales = np.array([5.0, 3.0, 1.0, 0.5, 0.2])
    rotation = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    x = (rng.normal(size=(200, 5)) * scales) @ rotation
    x -= x.mean(axis=0)
    network = Autoencoder(
        hidden=(2,),
        activation="linear",
        learning_rate=0.02,
        batch_size="full",
        epochs=800,
        random_state=0,
    ).fit(x)
    pca = PCA(2).fit(x)
    decoder = network.network_.decoder.layers[-1].weight
    angles = subspace_angles(np.asarray(decoder).T, pca.components_.T)
    assert np.cos(angles).min() > 0.9999
    best = relative_error(x, pca.inverse_transform(pca.transform(x)))
    assert relative_error(x, network.reconstruct(x)) == pytest.approx(best, rel=1e-3)


@pytest.mark.catalogue("AUT-04", "AUT-16", "CMP-32")
def test_on_a_curve_a_deep_one_beats_a_shallow_one_and_pca_at_the_same_code_size(arc):
    settings = {"learning_rate": 0.01, "epochs": 150, "random_state": 0}
    deep = Autoencoder(hidden=(24, 1), activation=("tanh", "linear"), **settings).fit(arc)
    shallow = Autoencoder(hidden=(1,), **settings).fit(arc)
    pca = PCA(1).fit(arc)
    linear = relative_error(arc, pca.inverse_transform(pca.transform(arc)))
    errors = [relative_error(arc, network.reconstruct(arc)) for network in (deep, shallow)]
    assert errors[0] < 0.2 * errors[1]
    assert errors[0] < 0.2 * linear


class TestEstimator:
    """Fit, transform, go back, save, go on."""

    def test_decoding_the_code_is_the_reconstruction(self, fitted, digits):
        x, _ = digits
        np.testing.assert_allclose(
            fitted.inverse_transform(fitted.transform(x)), fitted.reconstruct(x), atol=1e-6
        )
        assert fitted.score(x) == pytest.approx(1 - relative_error(x, fitted.reconstruct(x)))
        assert fitted.history_["validation_score"][-1] == pytest.approx(fitted.score(x), abs=0.05)

    def test_it_names_its_codes(self, fitted):
        assert fitted.get_feature_names_out()[:2].tolist() == ["autoencoder0", "autoencoder1"]

    def test_a_file_brings_back_the_same_bits_and_the_training(self, fitted, digits, tmp_path):
        x, _ = digits
        path = fitted.save(tmp_path / "network.safetensors")
        again = Autoencoder.load(path)
        np.testing.assert_array_equal(again.transform(x), fitted.transform(x))
        np.testing.assert_array_equal(again.history_["train_loss"], fitted.history_["train_loss"])
        assert again.get_params() == fitted.get_params()
        np.testing.assert_array_equal(load_model(path).predict(x), fitted.reconstruct(x))
        again.partial_fit(x)
        assert again.n_epochs_ == fitted.n_epochs_ + 1
        with pytest.raises(DataError, match=r"read it with Autoencoder\.load"):
            StackedAutoencoder.load(path)

    def test_passes_one_by_one_and_warm_starts_are_the_same_training(self, digits):
        x = digits[0][:200]
        whole = clone(SMALL).set_params(epochs=3).fit(x)
        passes = clone(SMALL)
        for _ in range(3):
            passes.partial_fit(x)
        warm = clone(SMALL).set_params(epochs=2).fit(x)
        warm.set_params(epochs=1, warm_start=True).fit(x)
        for other in (passes, warm):
            np.testing.assert_allclose(other.transform(x), whole.transform(x), rtol=1e-5, atol=1e-5)

    def test_the_best_weights_are_kept_with_patience(self, digits):
        network = clone(SMALL).set_params(epochs=40, patience=2, learning_rate=0.1)
        history = network.fit(digits[0][:200]).history_["validation_loss"]
        assert network.best_epoch_ == 1 + np.argmin(history)

    def test_it_stands_in_a_pipeline(self, digits):
        pipeline = make_pipeline(MinMaxScaler(), clone(SMALL).set_params(epochs=1))
        codes = pipeline.fit_transform(digits[0] * 16)
        assert pipeline.inverse_transform(codes).shape == digits[0].shape

    def test_it_begins_with_the_weights_of_another(self, fitted, digits):
        x, _ = digits
        network = clone(SMALL).set_params(initial=fitted, epochs=1).fit(x)
        anew = clone(SMALL).set_params(epochs=1).fit(x)
        assert network.loss_ < 0.9 * anew.loss_

    def test_what_it_says_of_wrong_input(self, fitted, digits):
        x, _ = digits
        with pytest.raises(DataError, match=r"takes rows of 8 codes.*got shape \(2, 3\)"):
            fitted.inverse_transform(np.zeros((2, 3)))
        with pytest.raises(DataError, match=r"shape 64; got 64x1"):
            fitted.transform(x[:, :, None])
        with pytest.raises(RecipeError, match="an autoencoder needs an encoder"):
            Autoencoder(hidden=()).fit(x)


@pytest.fixture(scope="module")
def images(digits):
    return digits[0].reshape(-1, 8, 8, 1)


@pytest.fixture(scope="module")
def convolutional(images):
    return Autoencoder(
        layers=("conv 8 relu", "pool 2", "conv 4 relu"),
        decoder="tied",
        learning_rate=0.01,
        epochs=8,
        random_state=0,
    ).fit(images)


class TestImages:
    """Convolutional autoencoders."""

    def test_codes_are_maps_as_rows_and_go_back_to_images(self, convolutional, images):
        assert convolutional.code_shape_ == (4, 4, 4)
        codes = convolutional.transform(images)
        assert codes.shape == (len(images), 64)
        assert convolutional.inverse_transform(codes).shape == images.shape
        assert convolutional.score(images) > 0.6

    def test_bytes_are_shares_of_255(self, convolutional, images):
        pixels = np.rint(255 * images).astype(np.uint8)
        np.testing.assert_array_equal(
            convolutional.transform(pixels),
            convolutional.transform(pixels.astype(np.float32) / 255),
        )

    def test_it_is_saved_too(self, convolutional, images, tmp_path):
        again = Autoencoder.load(convolutional.save(tmp_path / "network.safetensors"))
        np.testing.assert_array_equal(again.transform(images), convolutional.transform(images))

    def test_its_encoder_begins_a_classifier_of_images(self, convolutional, images, digits):
        first, labels = images[:400], digits[1][:400]
        still = convolutional.to_classifier().set_params(epochs=1, learning_rate=1e-12)
        learnt = convolutional.network_.encoder.layers
        for given, taken in zip(
            learnt, still.fit(first, labels).model_.network.layers, strict=False
        ):
            if hasattr(given, "weight"):
                np.testing.assert_allclose(taken.weight, given.weight, atol=1e-9)
        classifier = convolutional.to_classifier().set_params(epochs=15, learning_rate=0.01)
        classifier.fit(first, labels)
        assert classifier.score(images[400:], digits[1][400:]) > 0.8
