"""Ways between two noises."""

import numpy as np
import pytest

from gradlab.errors import DataError, RecipeError
from gradlab.generative.measures import interpolate


def test_linear_way_is_the_formula_and_smooth(rng):
    z0, z1 = rng.normal(size=(2, 30))
    way = interpolate(z0, z1, 11)
    for t, z in zip(np.linspace(0, 1, 11), way, strict=True):
        assert z == pytest.approx((1 - t) * z0 + t * z1)
    steps = np.linalg.norm(np.diff(way, axis=0), axis=1)
    assert steps == pytest.approx(np.linalg.norm(z1 - z0) / 10)


def test_spherical_way_keeps_the_length_and_turns_evenly(rng):
    z0, z1 = rng.normal(size=(2, 30))
    z1 *= np.linalg.norm(z0) / np.linalg.norm(z1)
    way = interpolate(z0, z1, 9, path="spherical")
    assert np.linalg.norm(way, axis=1) == pytest.approx(np.linalg.norm(z0))
    unit = way / np.linalg.norm(z0)
    turns = np.arccos(np.vecdot(unit[1:], unit[:-1]))
    assert turns == pytest.approx(turns.mean())
    assert (way[0] == z0).all()
    assert (way[-1] == z1).all()


def test_spherical_way_of_parallel_noises_is_linear():
    way = interpolate([1.0, 1.0], [3.0, 3.0], 3, path="spherical")
    assert way == pytest.approx(np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]))


def test_what_has_no_way():
    with pytest.raises(DataError, match="exactly opposite"):
        interpolate([1.0, 0.0], [-2.0, 0.0], 3, path="spherical")
    with pytest.raises(DataError, match="0 everywhere"):
        interpolate([0.0, 0.0], [1.0, 0.0], 3, path="spherical")
    with pytest.raises(DataError, match="one size; got 1 and 2"):
        interpolate([0.0], [1.0, 0.0], 3)
    with pytest.raises(RecipeError, match="at least 2; got 1"):
        interpolate([0.0], [1.0], 1)
    with pytest.raises(RecipeError, match="Known: linear, spherical"):
        interpolate([0.0], [1.0], 3, path="straight")
