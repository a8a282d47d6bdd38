"""The curse of dimensionality: the documents' numbers, and the study of error over dimension."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.spatial.distance import mahalanobis

from gradlab.decomposition.dimensionality import (
    dimension_study,
    gaussian_error,
    hypercube_edge,
    mahalanobis_distance,
    simulated_error,
)
from gradlab.errors import DataError, RecipeError

RS = [0, 1, 2, 3, 4, 6]
ERRORS = [0.5, 0.308538, 0.158655, 0.066807, 0.022750, 0.001350]


@pytest.mark.catalogue("DIM-04", "WE-19", "ERR-61")
def test_the_edge_that_holds_a_share_of_ten_dimensions():
    np.testing.assert_allclose(hypercube_edge([0.01, 0.1], 10), [0.630957, 0.794328], atol=5e-7)


def test_the_edge_holds_the_share():
    rows = np.random.default_rng(0).random((200_000, 5))
    inside = (rows < hypercube_edge(0.2, 5)).all(axis=1).mean()
    assert inside == pytest.approx(0.2, abs=4 * np.sqrt(0.16 / 200_000))


@pytest.mark.catalogue("WE-30", "DIM-02", "ERR-59")
def test_the_error_of_two_gaussian_classes_and_of_rows_drawn_from_them():
    np.testing.assert_allclose(gaussian_error(RS), ERRORS, atol=5e-7)
    for r in RS:
        tail = quad(lambda u: np.exp(-(u**2) / 2), r / 2, np.inf)[0] / np.sqrt(2 * np.pi)
        assert gaussian_error(r) == pytest.approx(tail)
    for d in (1, 4, 9, 16):  # one deviation apart in each feature: r = √d
        assert mahalanobis_distance(np.zeros(d), np.ones(d), np.ones(d)) == pytest.approx(d**0.5)
    rng = np.random.default_rng(0)
    n = 100_000
    for d in (1, 3, 6):
        root = rng.normal(size=(d, d)) + 2 * np.eye(d)
        means, covariance = rng.normal(size=(2, d)), root @ root.T
        expected = gaussian_error(mahalanobis_distance(*means, covariance))
        measured = simulated_error(*means, covariance, n_rows=n)
        assert measured == pytest.approx(expected, abs=4 * np.sqrt(expected / n))


def test_the_distance_is_scipys_and_its_units_do_not_matter():
    rng = np.random.default_rng(1)
    root, means = rng.normal(size=(4, 4)), rng.normal(size=(2, 4))
    covariance = root @ root.T + np.eye(4)
    expected = mahalanobis(*means, np.linalg.inv(covariance))
    assert mahalanobis_distance(*means, covariance) == pytest.approx(expected)
    unit = np.array([1e30, 1e-30, 1.0, 1e3])
    scaled = covariance * unit[:, None] * unit[None, :]
    assert mahalanobis_distance(*(means * unit[None, :]), scaled) == pytest.approx(expected)
    diagonal = np.diag(np.diag(covariance))
    assert mahalanobis_distance(*means, np.diag(covariance)) == pytest.approx(
        mahalanobis_distance(*means, diagonal)
    )


@pytest.mark.catalogue("DIM-01", "DIM-03", "CMP-27")
def test_with_few_rows_error_falls_and_rises_again_with_dimension():
    study = dimension_study((10, 2000), (1, 5, 20, 100, 400, 1000), seeds=20, n_test=300)
    few, many = study.mean_errors
    best = int(few.argmin())
    assert 0 < best < 5
    assert study.rises == (True, False)
    assert few[-1] > 2 * few[best]
    assert (np.diff(study.optimal) < 0).all()  # in theory more features only help
    assert (np.diff(many[:4]) < 0).all()  # and with many rows in practice too
    assert study.table.columns[:3] == ["n_train", "dimension", "error"]
    assert (study.table["seconds"] > 0).all()
    assert "With 10 training rows the test error falls from" in study.sentence
    assert "rises again" in study.sentence
    assert "no clear rise" in study.sentence
    assert "Time went from" in study.sentence


def test_measured_errors_are_those_of_trunks_formula_where_it_holds():
    study = dimension_study(10, (200, 500, 1000), seeds=60)
    # For many features xᵀm is nearly normal.
    error = study.errors.std(axis=2, ddof=1) / np.sqrt(60)
    np.testing.assert_array_less(np.abs(study.mean_errors - study.expected), 4 * error + 0.005)
    np.testing.assert_allclose(
        study.optimal,
        gaussian_error([2 * np.sqrt(np.sum(1 / np.arange(1, d + 1))) for d in (200, 500, 1000)]),
    )


def test_the_same_seed_gives_the_same_errors_whatever_else_is_asked():
    once = dimension_study(10, (1, 50), seeds=3)
    again = dimension_study((10,), (1, 50), seeds=4)
    np.testing.assert_array_equal(once.errors, again.errors[:, :, :3])
    other = dimension_study(10, (1, 50), seeds=3, seed=1)
    assert (once.errors != other.errors).any()


def test_a_single_dimension_or_seed_has_no_rise():
    study = dimension_study(5, (3,), seeds=1)
    assert study.rises == (False,)
    assert study.table["standard_error"].to_list() == [0.0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: hypercube_edge(1.5, 2), "share from 0 to 1"),
        (lambda: hypercube_edge(0.5, 0), "d of at least 1"),
        (lambda: gaussian_error(-1.0), "at least 0"),
        (lambda: gaussian_error(float("nan")), "at least 0"),
        (lambda: mahalanobis_distance([0.0], [1.0, 2.0], [1.0]), "two means of one shape"),
        (lambda: mahalanobis_distance([0.0], [1.0], [0.0]), "variances must be above 0"),
        (lambda: mahalanobis_distance([0, 0], [1, 1], np.ones((2, 2))), "not positive definite"),
        (lambda: mahalanobis_distance([np.nan], [1.0], [1.0]), "NaN"),
        (lambda: dimension_study(0), "at least 1"),
        (lambda: dimension_study(10, (5, 2)), "rising"),
        (lambda: dimension_study(10, ()), "rising"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises((DataError, RecipeError, ValueError), match=message):
        call()
