"""Generative models on public pictures; needs GRADLAB_DATA, a folder that holds them."""

import os
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat

from gradlab.data import load_dataset
from gradlab.generative import (
    BoltzmannMachine,
    FeatureNetwork,
    MixtureOfGaussians,
    diversity,
    frechet_distance,
    nearest_neighbours,
)

pytestmark = pytest.mark.slow
FOLDER = Path(os.environ["GRADLAB_DATA"])


@pytest.fixture(scope="module")
def mnist():
    data = load_dataset(FOLDER / "mnist")
    return (data.features.numeric.reshape(-1, 784) / 255).astype(np.float32), data.y


def test_measures_tell_good_samples_from_bad(mnist):
    """Real others, a machine's samples, noise: the distance grows; a copy is found."""
    x, y = mnist
    images = x.reshape(-1, 28, 28, 1)
    network = FeatureNetwork.fit(images[:10000], y[:10000])
    real = network.features(images[10000:12000])
    machine = BoltzmannMachine(128, persistent=True, epochs=15, random_state=0).fit(x[:10000])
    made = machine.sample(2000, steps=500, means=True).astype(np.float32).clip(0, 1)
    noise = np.random.default_rng(0).random((2000, 784), np.float32)
    distances = [
        frechet_distance(real, network.features(rows.reshape(-1, 28, 28, 1)))
        for rows in (x[12000:14000], made, noise)
    ]
    assert distances[0] < distances[1] < distances[2]
    assert 0.3 < diversity(made, x[:2000]) < 1.2
    found = nearest_neighbours(np.concatenate([made[:30], x[[77]]]), x[:10000])
    assert found.index[-1] == 77
    assert found.is_copy.tolist() == [False] * 30 + [True]


def test_faces_by_a_mixture():
    """Few rows of many pixels: components that know where a face is dark are likelier."""
    faces = loadmat(FOLDER / "olivetti-faces" / "olivettifaces.mat")["faces"].T / 255.0
    small = faces.reshape(400, 64, 64)[:, ::4, ::4].reshape(400, -1)
    mixture = MixtureOfGaussians(4, covariance="diagonal", random_state=0).fit(small[:300])
    assert mixture.score(small[300:]) > MixtureOfGaussians(1, covariance="spherical").fit(
        small[:300]
    ).score(small[300:])
    assert not nearest_neighbours(mixture.sample(20), small).is_copy.any()
