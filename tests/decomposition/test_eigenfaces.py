"""Eigenfaces: pictures in, pictures out."""

import numpy as np
import polars as pl
import pytest
from sklearn.datasets import load_digits
from sklearn.utils.estimator_checks import check_estimator

from gradlab.decomposition import PCA, EigenFaces
from gradlab.errors import DataError, RecipeError


@pytest.fixture(scope="module")
def faces():
    return load_digits().images[:300]


def test_it_keeps_scikit_learns_contract():
    results = check_estimator(EigenFaces(1), on_fail=None, on_skip=None)
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}
    assert not failed
    assert len(results) > 35


@pytest.mark.catalogue("DIM-10")
def test_the_error_falls_with_the_number_of_eigenfaces_from_the_mean_face_on(faces):
    eigen = EigenFaces(64).fit(faces)
    np.testing.assert_allclose(eigen.mean_face_, faces.mean(axis=0))
    counts = (0, 1, 2, 5, 10, 30, 50)
    errors = [np.mean((eigen.reconstruct(faces, n) - faces) ** 2) for n in counts]
    assert errors[0] == pytest.approx(faces.var(axis=0).mean())  # the mean face alone
    assert (np.diff(errors) < 0).all()
    np.testing.assert_allclose(eigen.reconstruct(faces), faces, atol=1e-10)


def test_a_face_is_the_mean_and_a_blend_of_eigenfaces(faces):
    eigen = EigenFaces(10).fit(faces)
    weights = eigen.transform(faces[:1])[0]
    np.testing.assert_allclose(eigen.blend(weights), eigen.reconstruct(faces[:1])[0])
    by_hand = eigen.mean_face_ + 2 * eigen.components_[0].reshape(8, 8)
    np.testing.assert_allclose(eigen.blend([2.0]), by_hand)
    np.testing.assert_allclose(eigen.blend([]), eigen.mean_face_)
    whitened = EigenFaces(10, whiten=True).fit(faces)
    deviation = np.sqrt(whitened.explained_variance_[0])
    np.testing.assert_allclose(
        whitened.blend([1.0]),
        whitened.mean_face_ + deviation * by_hand * 0.5 - deviation * 0.5 * eigen.mean_face_,
    )


def test_it_is_pca_of_the_pixels(faces):
    rows = faces.reshape(len(faces), -1)
    eigen, pca = EigenFaces(0.7).fit(faces), PCA(0.7).fit(rows)
    np.testing.assert_array_equal(eigen.transform(faces), pca.transform(rows))
    np.testing.assert_array_equal(eigen.transform(rows), pca.transform(rows))
    np.testing.assert_array_equal(eigen.contribution_, pca.contribution_)
    assert eigen.n_components_ == pca.n_components_
    assert eigen.cumulative_[-1] >= 0.7
    assert eigen.n_features_in_ == 64


def test_display(faces):
    eigen = EigenFaces(6).fit(faces)
    pictures = eigen.images(3)
    assert pictures.shape == (3, 8, 8)
    assert pictures.min() >= 0
    assert pictures.max() <= 1
    # Zero is grey in each, and each reaches black or white.
    reach = np.abs(pictures - 0.5).max(axis=(1, 2))
    np.testing.assert_allclose(reach, 0.5)
    colour = np.random.default_rng(0).uniform(size=(9, 4, 5, 3))
    assert EigenFaces(2).fit(colour).images().shape == (2, 4, 5, 3)


def test_rows_and_tables_need_a_shape_for_pictures_only(faces):
    rows = faces.reshape(len(faces), -1)
    shaped = EigenFaces(2, image_shape=(8, 8)).fit(rows)
    np.testing.assert_array_equal(shaped.images(), EigenFaces(2).fit(faces).images())
    plain = EigenFaces(2).fit(rows)
    with pytest.raises(RecipeError, match=r"give image_shape=\(height, width\)"):
        plain.images()
    table = pl.DataFrame(rows)
    scores = EigenFaces(2).set_output(transform="polars").fit_transform(table)
    assert scores.columns == ["eigenfaces0", "eigenfaces1"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_components": 2, "image_shape": (4, 8)}, r"of shape \(8, 8\); got image_shape=\(4, 8"),
        ({"n_components": 65}, "n_components lies between"),
        ({"n_components": 2, "solver": "qr"}, "Unknown solver 'qr'"),
    ],
)
def test_refused(settings, message, faces):
    with pytest.raises(RecipeError, match=message):
        EigenFaces(**settings).fit(faces)


def test_bad_data(faces):
    with pytest.raises(RecipeError, match="holds 12 numbers, but each row of X holds 64"):
        EigenFaces(2, image_shape=(3, 4)).fit(faces.reshape(-1, 64))
    eigen = EigenFaces(2).fit(faces)
    with pytest.raises(RecipeError, match="between 0 and the 2 eigenfaces kept; got 3"):
        eigen.reconstruct(faces, 3)
    with pytest.raises(DataError, match=r"at most 2 weights in a row; got shape \(3,\)"):
        eigen.blend([1, 2, 3])
