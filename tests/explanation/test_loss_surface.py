"""The loss around a solution."""

import numpy as np
import pytest
from sklearn.datasets import load_iris

import gradlab as gl
from gradlab.errors import RecipeError
from gradlab.explanation.loss_surface import loss_surface

X, Y = load_iris(return_X_y=True)


@pytest.fixture(scope="module")
def fitted():
    return gl.MLPClassifier(hidden=(16,), epochs=60, random_state=0).fit(X, Y)


def test_the_middle_is_the_loss_of_the_network(fitted):
    surface = loss_surface(fitted, X, Y, points=11)
    probability = fitted.predict_proba(X)[np.arange(len(Y)), Y]
    assert surface.center == pytest.approx(-np.log(probability).mean(), rel=1e-5)
    assert surface.loss[5, 5] == surface.center


def test_a_trained_network_lies_lower_than_its_surroundings(fitted):
    surface = loss_surface(fitted, X, Y, points=21)
    assert surface.rise > 0
    assert np.median(surface.loss) > surface.center
    assert all(abs(value) <= 0.3 for value in surface.lowest)


def test_directions_have_the_length_of_each_units_weights(fitted):
    from gradlab.explanation.loss_surface import _direction
    from gradlab.explanation.step import as_float64, parted

    params, _ = parted(as_float64(fitted.model_.network))
    drawn = _direction(params, np.random.default_rng(0))
    own, along = (
        [leaf for leaf in __import__("jax").tree.leaves(tree) if leaf.ndim == 2]
        for tree in (params, drawn)
    )
    for weights, direction in zip(own, along, strict=True):
        np.testing.assert_allclose(
            np.linalg.norm(weights, axis=0), np.linalg.norm(direction, axis=0), rtol=1e-12
        )


def test_a_seed_gives_the_same_plane_every_time(fitted):
    one, two, other = (loss_surface(fitted, X, Y, points=5, seed=s).loss for s in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)


def test_a_convolutional_network_has_a_surface_too():
    rng = np.random.default_rng(0)
    images = rng.random((24, 8, 8, 1)).astype(np.float32)
    labels = np.arange(24) % 2
    model = gl.ConvClassifier(layers=["conv 4 3x3", "pool 2"], epochs=3, random_state=0)
    surface = loss_surface(model.fit(images, labels), images, labels, points=5)
    assert np.isfinite(surface.loss).all()
    assert np.ptp(surface.loss) > 0


def test_the_page_is_written(fitted, tmp_path):
    surface = loss_surface(fitted, X, Y, points=11)
    page = surface.report(tmp_path / "surface.html").read_text(encoding="utf-8")
    assert "Loss around the weights" in page
    assert surface.sentences[0].startswith("The loss is")


@pytest.mark.parametrize("options", [{"points": 4}, {"points": 999}, {"reach": 0.0}])
def test_numbers_out_of_range_are_told(options):
    with pytest.raises(RecipeError, match=f"{next(iter(options))} must be"):
        loss_surface(**options)
