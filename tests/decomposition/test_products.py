"""Products in machine code against NumPy's in float64."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradlab.decomposition import PCA, by_matrix, covariance, products
from gradlab.decomposition.by_matrix import times_matrix
from gradlab.decomposition.covariance import moments
from gradlab.errors import DataError
from gradlab.native.machine import Registers, registers

pytestmark = pytest.mark.skipif(registers() is None, reason="no machine code for this processor")

sizes = {
    "n": st.integers(1, 400),
    "d": st.integers(1, 80),
    "k": st.integers(1, 80),
    "dtype": st.sampled_from([np.float32, np.float64]),
    "seed": st.integers(0, 10**6),
}


@pytest.fixture
def in_code(monkeypatch):
    """Take machine code for products of any size, and return how often it was taken."""
    monkeypatch.setattr(products, "WORTH", 1)
    taken = []
    for module, name in ((covariance, "products_of_columns"), (by_matrix, "Multiplication")):
        plain = getattr(module, name)

        def counted(*arguments, plain=plain):
            taken.append(plain)
            return plain(*arguments)

        monkeypatch.setattr(module, name, counted)
    return taken


@settings(max_examples=30)
@given(**sizes, kept=st.floats(0, 1))
def test_products_of_chosen_columns_are_those_of_float64(n, d, k, dtype, seed, kept):
    rng = np.random.default_rng(seed)
    x = (rng.normal(size=(n, d + k)) + 5).astype(dtype)
    chosen = np.flatnonzero(rng.random(d + k) < kept)
    chosen = chosen if len(chosen) else np.arange(d)
    shift, factor = (rng.normal(size=len(chosen)).astype(dtype) for _ in range(2))
    columns = products.Columns(chosen, shift, factor)
    found, sums = products.assembled(products.products_of_columns(x, columns), len(chosen))
    z = (x[:, chosen].astype(float) - shift) * factor
    rounding = (products.CHUNK + 8) * np.finfo(dtype).eps / 2
    assert (np.abs(found - z.T @ z) <= rounding * (np.abs(z).T @ np.abs(z))).all()
    np.testing.assert_array_equal(found, found.T)
    assert (np.abs(sums - z.sum(axis=0)) <= rounding * np.abs(z).sum(axis=0)).all()


@settings(max_examples=30)
@given(**sizes, lone=st.integers(0, 5))
def test_rows_times_a_matrix_are_those_of_float64(n, d, k, dtype, seed, lone):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d + lone)).astype(dtype)
    matrix = np.zeros((d + lone, k + lone), dtype)
    matrix[:d, :k] = rng.normal(size=(d, k))
    matrix[np.arange(d, d + lone), np.arange(k, k + lone)] = 2
    matrix = matrix[rng.permutation(d + lone)]
    before, after = rng.normal(size=d + lone).astype(dtype), rng.normal(size=k + lone).astype(dtype)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(products, "WORTH", 1)
        found = times_matrix(x, matrix, before=before, after=after)
        few = times_matrix(x[n // 2 :], matrix, before=before, after=after)
    z, m = x.astype(float) - before, matrix.astype(float)
    rounding = (min(d, products.DEPTH) + 8) * np.finfo(dtype).eps / 2
    bound = rounding * (np.abs(z) @ np.abs(m) + np.abs(after))
    assert (np.abs(found - (z @ m + after)) <= bound).all()
    np.testing.assert_array_equal(found[n // 2 :], few)  # whatever rows stand beside a row


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("known", [Registers(16, 8), Registers(32, 6), Registers(64, 8)])
def test_every_width_of_register_gives_the_same_products(known, dtype, monkeypatch):
    rng = np.random.default_rng(3)
    x, matrix = rng.normal(size=(300, 61)).astype(dtype), rng.normal(size=(61, 37)).astype(dtype)
    monkeypatch.setattr(products, "registers", lambda: known)
    for name in ("_columns_code", "_matrix_code"):
        monkeypatch.setattr(products, name, getattr(products, name).__wrapped__)
    columns = products.Columns(np.arange(61), np.zeros(61, dtype), np.ones(61, dtype))
    found, sums = products.assembled(products.products_of_columns(x, columns), 61)
    tolerance = 10 * np.finfo(dtype).eps * np.sqrt(300)
    np.testing.assert_allclose(found, x.T.astype(float) @ x, atol=tolerance, rtol=tolerance)
    np.testing.assert_allclose(sums, x.sum(axis=0, dtype=float), atol=tolerance)
    out = np.full((300, 40), 7, dtype)
    products.Multiplication(columns, matrix, np.zeros(37, dtype))(x, out)
    np.testing.assert_allclose(out[:, :37], x.astype(float) @ matrix, atol=tolerance)
    assert (out[:, 37:] == 7).all()  # behind the product nothing is written


def images(n=700):
    """Return rows that are like pictures: correlated, with constant columns at the margins."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 30)) @ rng.normal(size=(30, 30)) + 9
    return np.pad(x, ((0, 0), (4, 3))).astype(np.float32)


@pytest.mark.parametrize("settings", [{}, {"standardize": True}, {"whiten": True}])
def test_components_and_scores_do_not_depend_on_who_multiplies(settings, in_code, monkeypatch):
    x = images()
    own = PCA(solver="covariance", **settings)
    scores = own.fit_transform(x)
    back = own.inverse_transform(scores)
    assert len(in_code) > 2
    monkeypatch.setattr(products, "WORTH", np.inf)
    plain = PCA(solver="covariance", **settings).fit(x)
    rounding = 1e-6 * plain.explained_variance_[0]
    np.testing.assert_allclose(own.explained_variance_, plain.explained_variance_, atol=rounding)
    np.testing.assert_allclose(own.mean_, plain.mean_, rtol=1e-6)
    np.testing.assert_allclose(scores, own.transform(x), atol=2e-5 * np.abs(scores).max())
    np.testing.assert_allclose(back, own.inverse_transform(scores), atol=1e-4)
    np.testing.assert_allclose(back, x, atol=1e-3)


def test_a_constant_column_that_varies_in_new_rows_shows_in_its_own_score(in_code):
    pca = PCA(solver="covariance").fit(images())
    new = images()[:5]
    new[:, 2] = 3
    moved = np.flatnonzero(np.abs(pca.transform(new) - pca.transform(images()[:5])).max(axis=0))
    assert len(moved) == 1
    assert abs(pca.components_[moved[0], 2]) == 1
    assert pca.constant_features_[2]
    assert in_code


@pytest.mark.usefixtures("in_code")
@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_numbers_whose_squares_leave_float32_give_the_same_axes(scale):
    x = images()
    plain = PCA(5, solver="covariance").fit(x)
    scaled = PCA(5, solver="covariance").fit(x * np.float32(scale))
    np.testing.assert_allclose(plain.components_, scaled.components_, atol=1e-4)
    expected = plain.explained_variance_ * scale**2
    np.testing.assert_allclose(scaled.explained_variance_, expected, rtol=1e-4)
    with pytest.raises(DataError, match="too large for float64"):
        PCA(solver="covariance").fit(x.astype(float) * 1e200)


def test_rows_that_do_not_lie_in_one_piece_are_read_where_they_lie(in_code):
    x = images()
    whole = moments(x)
    for view in (np.asfortranarray(x), np.repeat(x, 2, axis=0)[::2], np.pad(x, 3)[3:-3, 3:-3]):
        np.testing.assert_array_equal(moments(view).scatter, whole.scatter)
    assert in_code
