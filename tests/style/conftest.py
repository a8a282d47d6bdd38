"""Pictures and small networks for the tests of style transfer."""

import numpy as np
import pytest

from gradlab.nn import Activation, Conv2D, MaxPool2D, relu
from gradlab.nn.weights import Weights
from gradlab.style import FeatureNetwork


@pytest.fixture
def photo():
    """Areas of colour with an edge, as in a photograph."""
    y, x = np.mgrid[:40, :48] / 48
    disc = (np.hypot(y - 0.4, x - 0.5) < 0.25).astype(float)
    planes = (0.2 + 0.6 * y, 0.3 + 0.5 * disc, 0.8 - 0.6 * x)
    return np.stack(planes, axis=-1).astype(np.float32)


@pytest.fixture
def painting():
    """Slanted stripes of two colours."""
    y, x = np.mgrid[:44, :36]
    wave = (0.5 + 0.5 * np.sin(0.9 * x + 0.5 * y))[..., None]
    return (wave * [0.9, 0.6, 0.1] + (1 - wave) * [0.1, 0.2, 0.7]).astype(np.float32)


@pytest.fixture
def dabs():
    """Dots on a ground: another style."""
    y, x = np.mgrid[:40, :40]
    dots = (np.hypot(y % 8 - 4, x % 8 - 4) < 2.5)[..., None]
    return np.where(dots, [0.9, 0.2, 0.3], [0.9, 0.9, 0.6]).astype(np.float32)


def small_network(**options):
    """Return three convolutions with random weights, two poolings between."""
    layers, n_in = {}, 3
    for i, n_out in enumerate((8, 12, 16), 1):
        source = Weights(seed=0, layer=i)
        layers[f"conv{i}"] = Conv2D.create(source, n_in, n_out, kernel=3, padding=1)
        layers[f"relu{i}"] = Activation(relu)
        if i < 3:
            layers[f"pool{i}"] = MaxPool2D(2)
        n_in = n_out
    given = {"content_layers": ["relu2"], "style_layers": ["relu1", "relu2", "relu3"], **options}
    return FeatureNetwork(layers, title="small network", **given)


@pytest.fixture
def network():
    return small_network()
