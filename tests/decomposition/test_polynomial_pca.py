"""PCA on added monomials."""

import numpy as np
import pytest
from sklearn.decomposition import PCA as Peer
from sklearn.preprocessing import PolynomialFeatures
from sklearn.utils.estimator_checks import check_estimator

from gradlab.decomposition.kernel_pca import KernelPCA
from gradlab.decomposition.pca import PCA
from gradlab.decomposition.polynomial_pca import PolynomialPCA
from gradlab.errors import DataError, RecipeError

RNG = np.random.default_rng(0)
X, NEW = RNG.normal(size=(100, 3)), RNG.normal(size=(20, 3))


def test_it_is_pca_of_scikit_learns_polynomial_features():
    expansion = PolynomialFeatures(3, include_bias=False)
    peer = Peer(4).fit(expansion.fit_transform(X))
    ours = PolynomialPCA(4, degree=3, standardize=False).fit(X)
    expected = peer.transform(expansion.transform(NEW))
    np.testing.assert_allclose(abs(ours.transform(NEW)), abs(expected), atol=1e-10)
    np.testing.assert_allclose(ours.explained_variance_, peer.explained_variance_)
    np.testing.assert_array_equal(ours.monomials_, expansion.get_feature_names_out())


def test_degree_1_is_pca():
    ours = PolynomialPCA(2, degree=1, standardize=False).fit_transform(X)
    np.testing.assert_allclose(ours, PCA(2).fit_transform(X), atol=1e-12)


def test_units_and_shifts_do_not_matter_once_standardised():
    expected = PolynomialPCA(4).fit_transform(X)
    moved = X * np.array([[1e3, 1e-20, 1.0]]) + np.array([[5.0, 1e-20, -2.0]])
    np.testing.assert_allclose(PolynomialPCA(4).fit_transform(moved), expected, atol=1e-8)


def test_with_weighted_monomials_it_is_the_polynomial_kernel():
    # (1 + x z)² = 1 + 2 x z + x² z²: the monomials √2 x and x².
    x = X[:, :1]
    peer = Peer(2).fit_transform(np.column_stack([np.sqrt(2) * x, x**2]))
    kernel = KernelPCA(2, kernel="poly", degree=2, gamma=1.0).fit_transform(x)
    np.testing.assert_allclose(abs(kernel), abs(peer), atol=1e-9)


def test_it_keeps_scikit_learns_contract():
    results = check_estimator(PolynomialPCA(), on_fail=None, on_skip=None)
    assert not {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}


def test_float32_names_and_a_share_of_variance():
    model = PolynomialPCA(0.9).set_output(transform="polars").fit(X.astype(np.float32))
    out = model.transform(NEW.astype(np.float32))
    assert out.columns == [f"polynomialpca{i}" for i in range(len(model.components_))]
    assert out.to_numpy().dtype == np.float32
    assert model.explained_variance_ratio_.sum() >= 0.9


def test_too_many_columns_are_refused_before_they_are_made():
    with pytest.raises(RecipeError, match="21,374,049 products of degree 4"):
        PolynomialPCA(2, degree=4).fit(np.zeros((5, 148)))


@pytest.mark.parametrize("settings", [{"degree": 0}, {"degree": 1.5}, {"max_columns": 0}])
def test_bad_settings_are_refused(settings):
    with pytest.raises(RecipeError, match="at least 1"):
        PolynomialPCA(2, **settings).fit(X)


def test_products_that_overflow_are_refused_unless_standardised():
    wide = X * np.array([[1e200, 1e-200, 1.0]])
    with pytest.raises(DataError, match="product of degree 2 overflows"):
        PolynomialPCA(2, standardize=False).fit(wide)
    expected = abs(PolynomialPCA(4).fit_transform(X))
    np.testing.assert_allclose(abs(PolynomialPCA(4).fit_transform(wide)), expected, atol=1e-8)


def test_constant_columns_add_nothing():
    padded = np.column_stack([X, np.full(100, 3.0)])
    expected = PolynomialPCA(4).fit_transform(X)
    np.testing.assert_allclose(PolynomialPCA(4).fit_transform(padded), expected, atol=1e-10)
