"""Pictures of any kind, settings without sense, and losses that are not finite."""

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from gradlab.errors import DataError, RecipeError
from gradlab.nn import Activation, Conv2D, relu
from gradlab.style import FeatureNetwork, feature_network, transfer_style
from gradlab.style.pictures import as_picture
from gradlab.style.regions import as_regions
from tests.style.conftest import small_network

QUICK = {"steps": 3, "optimizer": "adam", "levels": 1}


def written(path, mode, value=128, size=(24, 20), **options):
    Image.new(mode, size, value).save(path, **options)
    return path


def test_kinds_of_files(tmp_path):
    grey = as_picture(written(tmp_path / "grey.png", "L"), "the content picture")
    assert grey.pixels.shape == (20, 24, 3)
    assert np.ptp(grey.pixels) == 0
    palette = Image.new("P", (24, 20), 1)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    palette.save(tmp_path / "palette.png")
    pixels = as_picture(tmp_path / "palette.png", "the content picture").pixels
    assert pixels[0, 0].tolist() == [1, 0, 0]
    clear = as_picture(written(tmp_path / "clear.png", "RGBA", (0, 0, 0, 0)), "the style picture")
    assert (clear.pixels == 1).all()
    assert "transparency on white" in clear.notes[0]
    exif = Image.Exif()
    exif[0x0112] = 6  # held upright
    turned = written(tmp_path / "turned.jpg", "RGB", (9, 9, 9), exif=exif)
    assert as_picture(turned, "the content picture").pixels.shape == (24, 20, 3)


def test_files_that_are_no_pictures(tmp_path):
    (tmp_path / "no.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"The content picture, .*no\.png, can't be read: not a pi"):
        as_picture(tmp_path / "no.png", "the content picture")
    with pytest.raises(DataError, match="there is no such file"):
        as_picture(tmp_path / "none.png", "the style picture")
    whole = written(tmp_path / "whole.png", "RGB", (1, 2, 3), size=(200, 200)).read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="cut short or damaged"):
        as_picture(tmp_path / "cut.png", "the style picture")
    with pytest.raises(DataError, match="8 x 9 pixels; both sides need 16"):
        as_picture(written(tmp_path / "tiny.png", "RGB", size=(9, 8)), "the content picture")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.zeros((20, 20, 2)), "1, 3 or 4 channels"),
        (np.zeros((20, 20), np.int64), "got int64"),
        (np.full((20, 20), np.nan), "400 missing or infinite"),
        (np.full((20, 20), 7.0), "from 0 to 1; got 7 to 7"),
    ],
)
def test_arrays_that_are_no_pictures(values, said):
    with pytest.raises(DataError, match=said):
        as_picture(values, "the content picture")


def test_arrays_that_are():
    assert as_picture(np.full((20, 30, 1), 255, np.uint8), "the mask").pixels.max() == 1
    half = np.zeros((20, 30, 4), np.float32)
    assert (as_picture(half, "the mask").pixels == 1).all()  # clear: white shows


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"content_weight": -1.0}, "content_weight is a number from 0"),
        ({"content_weight": float("nan")}, "content_weight is a number"),
        ({"content_weight": 0.0, "style_weight": 0.0}, "nothing is asked"),
        ({"steps": 0}, "steps is a whole number from 1"),
        ({"size": 4}, "size is a whole number from 16"),
        ({"optimizer": "lbgfs"}, "Did you mean 'lbfgs'"),
        ({"start": "middle"}, "Unknown start"),
        ({"beta": 0.0}, "beta is a number above 0"),
        ({"style_layers": ["relu9"]}, "Unknown layer of the small network 'relu9'"),
        ({"layer_weights": {"relu1": -1.0}}, "every layer a number"),
        ({"layer_weights": "equally"}, "Did you mean 'equal'"),
        ({"style_shares": [1.0, 2.0]}, "each of the 1 styles"),
        ({"learning_rate": -0.1}, "learning_rate is a number above 0"),
    ],
)
def test_settings_without_sense(photo, painting, network, settings, said):
    with pytest.raises(RecipeError, match=said):
        transfer_style(photo, painting, network=network, **{**QUICK, **settings})


def test_masks_without_sense(photo):
    with pytest.raises(DataError, match="black all over"):
        as_regions(np.zeros((20, 20), np.uint8), 1)
    with pytest.raises(DataError, match="has 1 grey levels; expected 2"):
        as_regions(np.zeros((20, 20), np.uint8), 2)
    with pytest.raises(DataError, match="expected 2, one for each style"):
        as_regions(np.arange(400, dtype=np.uint8).reshape(20, 20), 2)


@pytest.mark.parametrize(
    "weights", [(1e30, 1.0), (1.0, 1e30), (1e-30, 1.0), (0.0, 1.0), (1.0, 0.0)]
)
def test_extreme_weights_end_well(photo, painting, network, weights):
    alpha, beta = weights
    result = transfer_style(
        photo, painting, network=network, content_weight=alpha, style_weight=beta, **QUICK
    )
    assert np.isfinite(result.history["total"].to_numpy()).all()
    assert np.isfinite(result.content_loss)
    assert np.isfinite(result.style_loss)


def test_a_network_with_no_numbers_is_refused(photo, painting):
    broken = FeatureNetwork(
        {"conv": Conv2D(np.full((3, 3, 3, 4), np.nan, np.float32)), "relu": Activation(relu)}
    )
    with pytest.raises(RecipeError, match="loss of the first picture is nan"):
        transfer_style(photo, painting, network=broken, **QUICK)


class Cliff(Activation):
    """ReLU that gives NaN above a limit: a network whose numbers overflow."""

    def __call__(self, x, state, *, key=None, training=False, mask=None):
        return jnp.where(jnp.max(x) > 3.0, jnp.nan, relu(x)), state


@pytest.mark.parametrize("optimizer", ["sgd", "lbfgs"])
def test_steps_into_nan_are_taken_back_and_told(photo, painting, optimizer):
    weight = np.random.default_rng(0).normal(size=(3, 3, 3, 6)).astype(np.float32) * 0.35
    cliff = FeatureNetwork(
        {"conv": Conv2D(weight, padding=1), "relu": Cliff(relu)}, content_layers=["relu"]
    )
    result = transfer_style(
        np.clip(photo, 0.3, 0.6),
        np.where(painting > 0.5, 0.55, 0.45).astype(np.float32),
        network=cliff,
        optimizer=optimizer,
        learning_rate=50.0 if optimizer == "sgd" else None,
        steps=24,
        levels=1,
        content_weight=1e-3,
        total_variation=0.0,
    )
    assert np.isfinite(result.content_loss)
    assert np.isfinite(result.style_loss)
    if optimizer == "sgd":
        assert any("taken back" in note for note in result.notes)
        assert any("taken back" in sentence for sentence in result.sentences)


def test_pictures_too_small_for_a_network(photo, painting):
    deep = FeatureNetwork({"conv": Conv2D(np.ones((30, 30, 3, 2), np.float32))})
    with pytest.raises(DataError, match=r"can't look at a picture of 20 x 16 pixels"):
        transfer_style(photo, painting, network=deep, size=20, **QUICK)


def test_networks_of_no_kind():
    with pytest.raises(RecipeError, match="network takes None, a path"):
        feature_network(3)
    with pytest.raises(RecipeError, match="needs a layer"):
        FeatureNetwork({})


def test_a_long_strip(painting):
    strip = np.random.default_rng(0).uniform(size=(16, 300, 3)).astype(np.float32)
    result = transfer_style(strip, painting, network=small_network(), **QUICK)
    assert result.image.shape == (16, 300, 3)
