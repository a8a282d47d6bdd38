import itertools

import jax
import numpy as np
import pytest

from gradlab.errors import DataError
from gradlab.generative.gan import DCGAN, GAN
from gradlab.generative.gan.pairs import ConvolutionalPair
from gradlab.nn.convolution import TransposedConv2D
from gradlab.nn.normalization import BatchNorm

TINY = {"width": 2, "noise_size": 4, "batch_size": 8, "epochs": 1, "measure_every": None}


@pytest.mark.catalogue("GEN-11")
@pytest.mark.parametrize("shape", [(64, 64, 3), (28, 28, 1), (8, 8, 1)])
def test_generator_doubles_the_size_per_layer_with_batch_norm_in_all_but_the_last(shape):
    pair = ConvolutionalPair(shape, noise_size=100, width=128 if shape[0] == 64 else 8)
    generator, _ = pair.build(0)
    layers = list(generator.layers)
    at = [i for i, layer in enumerate(layers) if isinstance(layer, TransposedConv2D)]
    sizes = [pair.sizes[0]]
    for i in at:
        assert layers[i].stride == (2, 2)
        assert isinstance(layers[i - 2], BatchNorm)  # of the layer before, then ReLU
        sizes.append(layers[i].output_shape(sizes[-1]))
    for before, after in itertools.pairwise(sizes):
        assert after[:2] == (2 * before[0], 2 * before[1])
    assert sizes[-1] == shape
    assert not any(isinstance(layer, BatchNorm) for layer in layers[at[-1] :])
    assert sum(isinstance(layer, BatchNorm) for layer in layers) == len(at)
    if shape[0] == 64:
        assert sizes == [(4, 4, 1024), (8, 8, 512), (16, 16, 256), (32, 32, 128), (64, 64, 3)]


@pytest.mark.parametrize("shape", [(9, 9, 1), (8, 13, 3), (17, 30, 1), (45, 31, 3)])
def test_pictures_of_any_size(shape):
    pair = ConvolutionalPair(shape, noise_size=4, width=2)
    generator, judge = pair.build(0)

    def both(z):
        made, _ = generator(z, generator.initial_state())
        return made, judge(made, judge.initial_state())[0]

    made, logits = jax.eval_shape(both, np.zeros((3, 4), np.float32))
    assert made.shape == (3, *shape)
    assert logits.shape == (3, 1)


def test_pictures_as_bytes_or_shares_are_the_same_training():
    x = np.random.default_rng(0).integers(0, 256, (20, 9, 8), dtype=np.uint8)
    as_bytes = DCGAN(**TINY).fit(x).sample(3, seed=5)
    as_shares = DCGAN(**TINY).fit(x / np.float32(255)).sample(3, seed=5)
    assert as_bytes.shape == (3, 9, 8, 1)
    assert as_bytes.min() >= 0
    assert as_bytes.max() <= 1
    np.testing.assert_allclose(as_bytes, as_shares, atol=1e-5)


def test_measures_snapshots_and_file(tmp_path):
    x = np.random.default_rng(0).random((40, 8, 8, 1))
    settings = {**TINY, "epochs": 2, "measure_every": 1, "frechet": "pixels"}
    gan = DCGAN(**settings).fit(x, np.arange(40) % 2)
    history = gan.history_
    for name in ("diversity", "frechet", "coverage", "copies"):
        assert history[name].is_finite().all()
    assert [one.epoch for one in gan.snapshots_] == [0, 1, 2]
    assert gan.snapshots_[0].samples.shape == (64, 8, 8, 1)
    again = DCGAN.load(gan.save(tmp_path / "dcgan.safetensors"))
    np.testing.assert_array_equal(again.sample(70, seed=2), gan.sample(70, seed=2))
    np.testing.assert_array_equal(again.snapshots_[1].samples, gan.snapshots_[1].samples)
    assert gan.discriminate(x).shape == (40,)


@pytest.mark.parametrize("shape", [(7, 8, 1), (8, 8, 2), (8, 8, 4)])
def test_pictures_that_no_network_fits(shape):
    with pytest.raises(DataError, match="at least 8 x 8 pixels with 1 channel"):
        DCGAN(**TINY).fit(np.random.default_rng(0).random((4, *shape)))


def test_vectors_are_for_gan():
    with pytest.raises(DataError, match=r"got vectors of 5 numbers\. Take GAN"):
        DCGAN(**TINY).fit(np.random.default_rng(0).random((4, 5)))


def test_dense_gan_takes_small_pictures():
    x = np.random.default_rng(0).random((30, 6, 5))
    gan = GAN(hidden=(8,), noise_size=2, epochs=1, measure_every=None).fit(x)
    made = gan.sample(2)
    assert made.shape == (2, 6, 5, 1)
    assert made.min() >= 0
    assert made.max() <= 1
