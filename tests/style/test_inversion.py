"""What a picture's maps still tell of it."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from gradlab.style import invert_features
from tests.style.test_network import vgg_tensors

LAYERS = ["relu1_1", "relu2_1", "relu3_1", "relu4_1"]


@pytest.fixture(scope="module")
def inverted(tmp_path_factory):
    """Inversions from four layers of a narrow VGG-16 with random weights."""
    path = tmp_path_factory.mktemp("vgg") / "vgg16.safetensors"
    save_file(vgg_tensors(16, width=12), path)
    y, x = np.mgrid[:48, :48] / 48
    disc = np.hypot(y - 0.5, x - 0.5) < 0.3
    picture = np.stack([y, disc, 1 - x], axis=-1).astype(np.float32)
    return invert_features(
        picture, network=path, layers=LAYERS, size=48, steps=60, optimizer="adam"
    )


@pytest.mark.catalogue("STY-01")
def test_feature_loss_falls_and_early_layers_tell_more(inverted):
    for layer in LAYERS:
        assert inverted.feature_losses[layer] < 0.5 * inverted.first_losses[layer]
    errors = inverted.pixel_errors
    assert errors["relu1_1"] < errors["relu4_1"]


@pytest.mark.catalogue("STY-03", "CMP-21")
def test_pixel_error_rises_with_depth(inverted):
    assert list(inverted.pixel_errors) == LAYERS
    assert (np.diff(list(inverted.pixel_errors.values())) > 0).all()
    assert "rises from layer to layer" in inverted.sentences[0]
