import numpy as np
import pytest

from gradlab.errors import DataError, RecipeError
from gradlab.generative.gan import DCGAN, GAN
from gradlab.generative.gan.panels import distribution_snapshots
from gradlab.generative.gan.population import Stopped
from gradlab.generative.interpolation import interpolate
from gradlab.generative.measures.coverage import mode_coverage
from gradlab.plots.distributions import four_panels

TUNED = {"hidden": (32, 32), "noise_size": 4, "parameters": {"optimizer.beta1": 0.5}}
NOTHING = {"epochs": 1, "measure_every": None, "hidden": (4,), "noise_size": 2}


@pytest.fixture(scope="module")
def numbers():
    return np.random.default_rng(0).normal(3.0, 1.5, (2048, 1))


@pytest.fixture(scope="module")
def fitted(numbers):
    gan = GAN(**TUNED, learning_rate=2e-4, batch_size=256, epochs=300, measure_every=10)
    return gan.fit(numbers)


@pytest.mark.catalogue("GEN-04", "GEN-07")
def test_normal_distribution_is_learnt(fitted):
    # That each network is frozen in the other's step is shown in test_learner.
    made = fitted.sample(5000, seed=1)
    assert abs(made.mean() - 3.0) < 0.2
    assert abs(made.std() - 1.5) < 0.2
    history = fitted.history_
    assert history.height == 300
    for column in ("discriminator_loss", "generator_loss", "d_real", "d_fake"):
        assert history[column].is_finite().all()
    assert history["discriminator_loss"][-1] == pytest.approx(2 * np.log(2), abs=0.05)


@pytest.mark.catalogue("GEN-09")
def test_four_panels_end_with_an_undecided_discriminator(fitted, numbers):
    frames = distribution_snapshots(fitted, numbers)
    assert len(frames) == 4
    assert frames[0].title == "before training"
    figure = four_panels(frames)
    assert len({trace.xaxis for trace in figure.data}) == 4
    low, high = np.quantile(numbers, [0.005, 0.995])
    inside = (frames[-1].places > low) & (frames[-1].places < high)
    assert inside.sum() > 50
    last = frames[-1].discriminator[inside]
    assert last.min() > 0.45
    assert last.max() < 0.55
    assert np.ptp(frames[1].discriminator[inside]) > 0.1  # it told them apart on the way


@pytest.mark.catalogue("GEN-13")
def test_rows_between_two_noises_change_smoothly(fitted):
    z0, z1 = fitted.noise(2, seed=4)
    times = np.linspace(0, 1, 65)[:, None]
    way = interpolate(z0, z1, 65)
    np.testing.assert_allclose(way, (1 - times) * z0 + times * z1, atol=1e-6)
    rows = fitted.generate(way)
    np.testing.assert_allclose(rows[[0, -1]], fitted.generate(np.stack([z0, z1])), atol=1e-5)
    assert np.ptp(rows) > 0.5
    # Half the step, half the change: there is no jump.
    changes = [np.abs(np.diff(rows[::every, 0])).max() for every in (4, 2, 1)]
    assert changes[1] < 0.7 * changes[0]
    assert changes[2] < 0.7 * changes[1]


def test_ring_of_eight_modes_is_covered():
    # The last weights alone may stand anywhere on their way around the balance: of five seeds,
    # one left 41 % of the rows between the modes, and none more than 14 % with the mean.
    rng = np.random.default_rng(0)
    angles = 2 * np.pi * np.arange(8) / 8
    centres = 2 * np.c_[np.cos(angles), np.sin(angles)]
    x = centres[rng.integers(0, 8, 4000)] + rng.normal(0, 0.1, (4000, 2))
    gan = GAN(
        hidden=(96, 96), noise_size=8, parameters={"optimizer.beta1": 0.5}, batch_size=256,
        epochs=250, measure_every=None, average=0.99,
    ).fit(x)  # fmt: skip
    found = mode_coverage(gan.sample(2000), centres, radius=0.4)
    assert found.hit == 8
    assert found.near > 0.8
    assert found.entropy > 0.85


def test_saved_gan_samples_the_same_bits(fitted, tmp_path):
    path = fitted.save(tmp_path / "gan.safetensors")
    again = GAN.load(path)
    np.testing.assert_array_equal(again.sample(20, seed=3), fitted.sample(20, seed=3))
    np.testing.assert_array_equal(fitted.sample(20, seed=3)[:7], fitted.sample(7, seed=3))
    x = np.linspace(0, 6, 9)[:, None]
    np.testing.assert_array_equal(again.discriminate(x), fitted.discriminate(x))
    assert again.history_.equals(fitted.history_)
    assert again.get_params() == fitted.get_params()
    assert len(again.snapshots_) == len(fitted.snapshots_)
    with pytest.raises(DataError, match=r"holds a GAN; read it with GAN\.load"):
        DCGAN.load(path)
    (tmp_path / "other").write_bytes(b"nothing")
    with pytest.raises(DataError, match="can't be read as a saved model"):
        GAN.load(tmp_path / "other")


def test_same_seed_same_model_and_another_seed_another(numbers):
    first, again, other = (
        GAN(**NOTHING, random_state=seed).fit(numbers[:256]).sample(4) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_divergence_is_a_result(numbers):
    gan = GAN(**{**NOTHING, "epochs": 30}, learning_rate=1e30, optimizer="sgd").fit(numbers)
    assert gan.status_ == "diverged"
    assert gan.diverged_epoch_ >= 1
    assert np.isfinite(gan.sample(5)).all()


def test_ctrl_c_keeps_the_model_so_far(numbers):
    def press(told):
        if told.epoch >= 4:
            raise KeyboardInterrupt

    gan = GAN(**{**NOTHING, "epochs": 4000, "measure_every": 2})
    with pytest.raises(KeyboardInterrupt) as stop:
        gan.fit(numbers, listener=press)
    assert isinstance(stop.value, Stopped)
    assert gan.status_ == "stopped"
    assert 0 < gan.n_epochs_ < 4000
    assert gan.sample(2).shape == (2, 1)


def test_rows_fewer_than_a_batch_and_columns_that_are_constant():
    gan = GAN(**NOTHING, batch_size=1000).fit([[1.0, 5.0], [2.0, 5.0], [4.0, 5.0]])
    assert gan.trained_.settings.rows_a_step == 3
    assert np.isfinite(gan.sample(2)).all()


@pytest.mark.parametrize(
    ("x", "words"),
    [
        ([[1.0]], "at least 2 rows; got 1"),
        (np.full((9, 2), 3.0), "all 9 rows are the same"),
        ([[1.0], [np.nan], [2.0], [np.inf]], r"row 1 \(from 0\) holds NaN or infinity, and 1 more"),
        ([["a", "b"], ["c", "d"]], "expected numbers"),
        (np.zeros((4, 3, 3, 3, 3)), "expected vectors"),
        (np.arange(128.0).reshape(2, 8, 8), "Divide by the largest possible value"),
        (np.zeros((0, 2)), "got shape"),
    ],
)
def test_rows_that_can_not_be_learnt_from(x, words):
    with pytest.raises(DataError, match=words):
        GAN(**NOTHING).fit(x)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"loss": "minmax"}, "Did you mean 'minimax'"),
        ({"prior": "gauss"}, "Unknown prior"),
        ({"optimizer": "addam"}, "Did you mean 'adam'"),
        ({"parameters": {"optimizer.beta9": 1}}, "Unknown parameter of adam"),
        ({"parameters": {"beta1": 0.5}}, "parameters of a GAN are its optimizer's"),
        ({"learning_rate": -1.0}, "learning_rate is a number of at least 0"),
        ({"label_smoothing": 0.7}, "label_smoothing lowers"),
        ({"instance_noise": float("nan")}, "instance_noise is at least 0"),
        ({"discriminator_steps": 0}, "discriminator_steps is a whole number"),
        ({"batch_size": 2.5}, "batch_size is a whole number"),
        ({"hidden": ()}, "hidden are units of layers"),
        ({"measure_every": 0}, "measure_every"),
    ],
)
def test_settings_that_make_no_sense(numbers, settings, words):
    with pytest.raises(RecipeError, match=words):
        GAN(**{**NOTHING, **settings}).fit(numbers)


def test_noise_and_rows_of_another_shape(fitted):
    with pytest.raises(DataError, match=r"expected noise of shape \(n, 4\)"):
        fitted.generate(np.zeros((3, 5)))
    with pytest.raises(DataError, match=r"expected rows of shape \(1,\)"):
        fitted.discriminate(np.zeros((3, 2)))
