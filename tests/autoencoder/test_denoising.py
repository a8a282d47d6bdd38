"""Learning to undo damage."""

import numpy as np
import pytest

from gradlab.autoencoder import Autoencoder
from gradlab.errors import RecipeError

SETTINGS = {
    "hidden": (48,),
    "activation": "sigmoid",
    "loss": "reconstruction_cross_entropy",
    "learning_rate": 0.01,
    "epochs": 25,
    "random_state": 0,
}


@pytest.fixture(scope="module")
def networks(digits):
    x, _ = digits
    kinds = {"plain": {}, "sparse": {"sparsity": 0.2}, "denoising": {"corruption": ("mask 0.4",)}}
    return {name: Autoencoder(**SETTINGS, **kind).fit(x[:1200]) for name, kind in kinds.items()}


@pytest.fixture(scope="module")
def shown(networks, digits):
    """Return unseen images and what masking leaves of them."""
    clean = digits[0][1200:]
    return clean, networks["denoising"].corrupt(clean, seed=3)


@pytest.mark.catalogue("AUT-12", "CMP-31")
def test_it_restores_damaged_images_better_than_plain_and_sparse_ones(networks, shown):
    clean, damaged = shown
    errors = {
        name: ((network.reconstruct(damaged) - clean) ** 2).mean()
        for name, network in networks.items()
    }
    assert errors["denoising"] < 0.7 * min(errors["plain"], errors["sparse"])
    assert errors["denoising"] < 0.5 * ((damaged - clean) ** 2).mean()


@pytest.mark.catalogue("AUT-13")
def test_its_code_tells_the_same_of_a_damaged_image(networks, shown, rng):
    clean, damaged = shown

    def distance(network):
        """Return how far damage moves a code, in distances between codes of two images."""
        here, there = network.transform(clean), network.transform(damaged)
        between = np.linalg.norm(here - here[rng.permutation(len(here))], axis=1).mean()
        return np.linalg.norm(here - there, axis=1).mean() / between

    assert distance(networks["denoising"]) < 0.9 * distance(networks["plain"])


def test_damage_is_done_in_training_alone_and_has_the_size_that_was_asked_for(networks, shown):
    clean, damaged = shown
    network = networks["denoising"]
    np.testing.assert_array_equal(network.reconstruct(clean), network.reconstruct(clean))
    inked = clean > 0
    assert (damaged[inked] == 0).mean() == pytest.approx(0.4, abs=0.01)
    np.testing.assert_array_equal(damaged[damaged > 0], clean[damaged > 0])
    assert not np.array_equal(damaged, network.corrupt(clean, seed=4))


@pytest.mark.catalogue("AUT-15")
def test_it_leads_back_to_the_curve_of_the_data(arc, rng):
    network = Autoencoder(
        hidden=(32, 32), corruption=("noise 0.25",), learning_rate=0.01, epochs=80, random_state=0
    ).fit(arc)
    angle = rng.uniform(0.3, 1.5 * np.pi - 0.3, 200)
    outward = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    radius = 1 + 0.4 * rng.choice([-1, 1], size=(200, 1))
    places = (radius * outward).astype(np.float32)
    arrows = network.reconstruct(places) - places
    to_curve = outward - places
    cosine = (arrows * to_curve).sum(axis=1) / np.linalg.norm(arrows, axis=1) / 0.4
    assert np.median(cosine) > 0.9
    assert (cosine > 0).mean() > 0.97


def test_other_changes_need_images(digits):
    with pytest.raises(RecipeError, match="changes images; these examples have shape 64"):
        Autoencoder(hidden=(3,), corruption=("rotate 10",)).fit(digits[0])
