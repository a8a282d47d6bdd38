"""Kernel PCA: scikit-learn's components, pre-images, circles, and bad input."""

import os
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from scipy.sparse.linalg import ArpackError
from sklearn.datasets import make_circles
from sklearn.decomposition import KernelPCA as Peer
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import pairwise_kernels
from sklearn.preprocessing import KernelCenterer
from sklearn.utils.estimator_checks import check_estimator

from gradlab.decomposition import kernel_pca, kernels
from gradlab.decomposition.kernel_pca import KernelPCA
from gradlab.decomposition.kernels import centre, centre_rows, kernel_matrix, kernel_width
from gradlab.decomposition.pca import PCA
from gradlab.decomposition.polynomial_pca import PolynomialPCA
from gradlab.errors import DataError, RecipeError

real_data = pytest.mark.skipif("GRADLAB_DATA" not in os.environ, reason="needs GRADLAB_DATA")
RNG = np.random.default_rng(0)
X, NEW = RNG.normal(size=(240, 5)), RNG.normal(size=(40, 5))
SETTINGS = [
    {"kernel": "linear"},
    {"kernel": "rbf"},
    {"kernel": "rbf", "gamma": 0.7},
    {"kernel": "poly"},
    {"kernel": "poly", "degree": 2, "coef0": 0.5, "gamma": 0.3},
    {"kernel": "poly", "degree": 4},
    {"kernel": "cosine"},
    {"kernel": "sigmoid", "gamma": 0.01, "coef0": 0.0},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_kernels_are_scikit_learns(settings):
    options = {"gamma": 1 / 5, "degree": 3, "coef0": 1.0} | settings
    kernel = options.pop("kernel")
    expected = pairwise_kernels(NEW, X, metric=kernel, filter_params=True, **options)
    ours = kernel_matrix(NEW, X, kernel=kernel, **options)
    np.testing.assert_allclose(ours, expected, atol=1e-12)
    np.testing.assert_allclose(
        kernel_matrix(X, kernel=kernel, **options),
        pairwise_kernels(X, metric=kernel, filter_params=True, **options),
        atol=1e-12,
    )


def test_centring_is_scikit_learns_and_its_blocks_do_not_matter(monkeypatch):
    k, across = kernel_matrix(X), kernel_matrix(NEW, X)
    peer = KernelCenterer().fit(k)
    expected = peer.transform(k), peer.transform(across)
    results = []
    for size in (2**17, 1000):
        monkeypatch.setattr(kernels, "BLOCK", size)
        centred = k.copy()
        means, mean = centre(centred)
        results.append((centred, centre_rows(across.copy(), means, mean)))
    for ours, peers in zip(results[0], expected, strict=True):
        np.testing.assert_allclose(ours, peers, atol=1e-14)
    np.testing.assert_array_equal(results[0][0], results[1][0])


@pytest.mark.parametrize("n", [3, 30, None])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_components_are_scikit_learns_up_to_sign(settings, n):
    if settings["kernel"] == "sigmoid" and n is None:
        for kind in (KernelPCA, Peer):  # it is not positive semi-definite
            with pytest.raises(ValueError, match=r"semi-definite|negative eigenvalues"):
                kind(**settings).fit(X)
        return
    n = 5 if settings["kernel"] in ("linear", "cosine", "sigmoid") and n == 30 else n
    ours, theirs = KernelPCA(n, **settings).fit(X), Peer(n, **settings).fit(X)
    assert len(ours.eigenvalues_) == len(theirs.eigenvalues_)
    few = slice(min(10, len(ours.eigenvalues_)))
    np.testing.assert_allclose(ours.eigenvalues_[few], theirs.eigenvalues_[few], rtol=1e-9)
    for rows in (X, NEW):
        np.testing.assert_allclose(
            abs(ours.transform(rows)[:, few]), abs(theirs.transform(rows)[:, few]), atol=1e-7
        )
    np.testing.assert_allclose(ours.fit_transform(X)[:, few], ours.transform(X)[:, few], atol=1e-8)


def test_with_all_components_distances_are_those_of_the_feature_space():
    components = KernelPCA(gamma=0.3).fit_transform(X[:60])
    k = kernel_matrix(X[:60], gamma=0.3)
    expected = 2 - 2 * k
    squares = ((components[:, None, :] - components[None, :, :]) ** 2).sum(axis=2)
    np.testing.assert_allclose(squares, expected, atol=1e-10)


@pytest.mark.parametrize("solver", ["dense", "lanczos"])
def test_both_solvers_find_the_same(solver):
    auto = KernelPCA(4, gamma=0.1).fit(X)
    model = KernelPCA(4, gamma=0.1, eigen_solver=solver).fit(X)
    np.testing.assert_allclose(model.eigenvalues_, auto.eigenvalues_, rtol=1e-11)
    np.testing.assert_allclose(model.transform(NEW), auto.transform(NEW), atol=1e-10)


def test_precomputed_and_function_kernels_are_the_same_as_named_ones():
    named = KernelPCA(4, gamma=0.2).fit(X)
    given_ = KernelPCA(4, kernel="precomputed").fit(kernel_matrix(X, gamma=0.2))
    k = kernel_matrix(NEW, X, gamma=0.2)
    np.testing.assert_allclose(given_.transform(k), named.transform(NEW), atol=1e-10)

    def gaussian(x, z, *, width):
        return np.exp(-width * np.sum((x - z) ** 2))

    own = KernelPCA(4, kernel=gaussian, kernel_params={"width": 0.2}).fit(X)
    np.testing.assert_allclose(own.transform(NEW), named.transform(NEW), atol=1e-10)


def test_shares_of_variance_sum_to_one_and_linear_kernel_pca_is_pca():
    assert KernelPCA().fit(X).explained_variance_ratio_.sum() == pytest.approx(1)
    ours, pca = KernelPCA(3, kernel="linear").fit(X), PCA(3).fit(X)
    np.testing.assert_allclose(abs(ours.transform(NEW)), abs(pca.transform(NEW)), atol=1e-10)
    np.testing.assert_allclose(ours.explained_variance_ratio_, pca.explained_variance_ratio_)


def test_widths():
    assert kernel_width(None, X) == 1 / 5
    assert kernel_width("scale", X) == pytest.approx(1 / (5 * X.var()))
    assert kernel_width("median", np.array([[0.0], [2.0]])) == 1 / 8
    far = np.concatenate([X[:100], X[:100] + 100])  # a shift of the columns does not matter
    assert kernel_width("median", far + 1e6) == pytest.approx(kernel_width("median", far))
    assert KernelPCA(2, gamma="median").fit(X).gamma_ == kernel_width("median", X)


@given(st.integers(0, 10_000), st.floats(0.01, 100))
def test_rbf_components_follow_shifts_turns_and_the_scale(seed, factor):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(30, 3))
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    moved = factor * (x @ turn) + 10 * factor
    before = KernelPCA(2, gamma="median").fit_transform(x)
    after = KernelPCA(2, gamma="median").fit_transform(moved)
    np.testing.assert_allclose(abs(after), abs(before), atol=1e-7)


def test_new_rows_in_blocks_are_as_all_at_once(monkeypatch):
    model = KernelPCA(5, pre_image="ridge").fit(X)
    components = model.transform(NEW)
    back = model.inverse_transform(components)
    monkeypatch.setattr(kernel_pca, "ROWS", 7 * len(X))
    np.testing.assert_allclose(model.transform(NEW), components, atol=1e-12)
    np.testing.assert_allclose(model.inverse_transform(components), back, atol=1e-12)


def test_float32_stays_float32_and_is_near_float64():
    single = KernelPCA(4, pre_image="fixed_point").fit(X.astype(np.float32))
    components = single.transform(NEW.astype(np.float32))
    assert components.dtype == single.eigenvalues_.dtype == np.float32
    assert single.inverse_transform(components).dtype == np.float32
    np.testing.assert_allclose(abs(components), abs(KernelPCA(4).fit(X).transform(NEW)), atol=1e-4)


@pytest.mark.parametrize(
    "model",
    [KernelPCA(), KernelPCA(2, pre_image="ridge"), KernelPCA(1, kernel="poly")],
    ids=["rbf", "ridge", "poly"],
)
def test_it_keeps_scikit_learns_contract(model):
    results = check_estimator(model, on_fail=None, on_skip=None)
    assert not {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}


# Circles


@pytest.mark.catalogue("DIM-16")
def test_first_components_part_circles_where_those_of_pca_do_not():
    x, y = make_circles(400, factor=0.3, noise=0.04, random_state=0)
    reductions = {
        "linear": PCA(2),
        "rbf": KernelPCA(2, gamma=5.0),
        "polynomial": PolynomialPCA(3, standardize=True),
    }
    scores = {}
    for name, model in reductions.items():
        components = model.fit_transform(x)
        scores[name] = LogisticRegression(C=1e3).fit(components, y).score(components, y)
    assert scores["linear"] < 0.65
    assert scores["rbf"] == 1.0
    assert scores["polynomial"] == 1.0


# Pre-images


def test_learnt_pre_images_are_scikit_learns():
    ours = KernelPCA(4, gamma=0.2, pre_image="ridge", alpha=0.1).fit(X)
    theirs = Peer(4, kernel="rbf", gamma=0.2, fit_inverse_transform=True, alpha=0.1).fit(X)
    np.testing.assert_allclose(
        ours.inverse_transform(ours.transform(NEW)),
        theirs.inverse_transform(theirs.transform(NEW)),
        atol=1e-9,
    )


def test_with_all_components_training_rows_are_their_own_pre_images():
    model = KernelPCA(gamma=0.5, pre_image="fixed_point").fit(X[:80])
    np.testing.assert_allclose(model.inverse_transform(model.transform(X[:80])), X[:80], atol=1e-6)


def test_fixed_points_take_noise_away_that_the_first_components_do_not_hold():
    clean, _ = make_circles(400, factor=0.4, noise=None, random_state=0)
    noisy = clean + np.random.default_rng(0).normal(0, 0.08, clean.shape)
    model = KernelPCA(12, gamma=10.0, pre_image="fixed_point").fit(noisy)
    back = model.inverse_transform(model.transform(noisy))
    radius = np.linalg.norm(clean, axis=1)
    before, after = (
        np.sqrt(np.mean((np.linalg.norm(rows, axis=1) - radius) ** 2)) for rows in (noisy, back)
    )
    assert after < before / 2


def test_a_fixed_point_is_one():
    model = KernelPCA(6, gamma=0.2, pre_image="fixed_point", pre_image_tol=1e-12).fit(X)
    components = model.transform(NEW)
    z = model.inverse_transform(components)
    weights = components @ (model.eigenvectors_ / np.sqrt(model.eigenvalues_)[None, :]).T
    weights += (1 - weights.sum(axis=1, keepdims=True)) / len(X)
    pull = weights * kernel_matrix(z, X, gamma=0.2)
    np.testing.assert_allclose(pull @ X / pull.sum(axis=1, keepdims=True), z, atol=1e-6)


# Bad input


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_components": 0}, "n_components"),
        ({"n_components": 241}, "at most the number of rows, 240"),
        ({"kernel": "rfb"}, "Did you mean 'rbf'"),
        ({"gamma": 0.0}, "gamma is a number above 0"),
        ({"gamma": "medium"}, "Did you mean 'median'"),
        ({"degree": -1}, "degree"),
        ({"alpha": -1.0}, "alpha"),
        ({"coef0": float("inf")}, "coef0"),
        ({"pre_image_steps": 0}, "pre_image_steps"),
        ({"pre_image": "rigde"}, "Did you mean 'ridge'"),
        ({"eigen_solver": "arpack"}, "Unknown eigen_solver"),
        ({"kernel": "poly", "pre_image": "fixed_point"}, "for kernel='rbf'"),
        ({"kernel": "precomputed", "pre_image": "ridge"}, "does not know the input space"),
    ],
)
def test_bad_settings_are_refused_with_a_reason(settings, message):
    with pytest.raises(RecipeError, match=message):
        KernelPCA(**settings).fit(X)


@pytest.mark.parametrize(
    ("rows", "settings", "message"),
    [
        (np.ones((5, 2)), {}, "all 5 rows are alike"),
        (X[:1], {}, "minimum of 2"),
        (np.where(X[0, 0] == X, np.nan, X), {}, "NaN"),
        (X, {"kernel": "precomputed"}, "square"),
        (X * 1e200, {"kernel": "poly"}, "kernel overflows"),
        ((X * 1e25).astype(np.float32), {}, "kernel overflows"),
        (X, {"kernel": "sigmoid", "gamma": 2.0, "coef0": -3.0}, "not positive semi-definite"),
        (X, {"kernel": lambda x, z: np.nan}, "given kernel overflows"),
        (X[:20], {"kernel": "linear", "pre_image": "ridge", "alpha": 0.0}, "is singular"),
    ],
)
def test_bad_data_is_refused_with_a_reason(rows, settings, message):
    with np.errstate(over="ignore"), pytest.raises(ValueError, match=message):
        KernelPCA(**settings).fit(rows)


def test_columns_of_1e30_beside_1e_minus_30_give_finite_components():
    rows = X * np.array([[1e30, 1e-30, 1, 1, 1]])
    assert np.isfinite(KernelPCA(3).fit_transform(rows)).all()
    assert np.isfinite(KernelPCA(3, kernel="cosine").fit_transform(rows)).all()


def test_eigenvalues_that_are_all_alike_are_found():
    """Rows all as far from one another: K is 1 on the diagonal and 0 else, and 1 − 1/n remains."""
    n = 400
    rows = 100.0 * np.eye(n)
    model = KernelPCA(3, gamma=1.0).fit(rows)
    np.testing.assert_allclose(model.eigenvalues_, 1, rtol=1e-12)
    np.testing.assert_allclose(model.eigenvectors_.T @ model.eigenvectors_, np.eye(3), atol=1e-12)


def test_where_lanczos_fails_the_dense_solver_takes_over(monkeypatch):
    """Whether it fails on such kernels depends on the rounding of a processor's products."""
    expected = KernelPCA(3, eigen_solver="dense").fit(X)

    def fails(*args, **settings):
        raise ArpackError(3)

    monkeypatch.setattr("gradlab.decomposition.kernel_pca.eigsh", fails)
    found = KernelPCA(3).fit(X)
    np.testing.assert_array_equal(found.eigenvectors_, expected.eigenvectors_)
    with pytest.raises(DataError, match="set eigen_solver='dense'"):
        KernelPCA(3, eigen_solver="lanczos").fit(X)


def test_where_a_solver_finds_fewer_than_asked_the_next_takes_over(monkeypatch):
    expected = KernelPCA(3, eigen_solver="dense").fit(X)
    real = kernel_pca.eigh

    def finds_nothing(matrix, *args, **settings):
        return np.empty(0), np.empty((len(matrix), 0))

    def of_all(matrix, **settings):
        return (finds_nothing if settings["driver"] == "evr" else real)(matrix, **settings)

    monkeypatch.setattr(kernel_pca, "eigsh", finds_nothing)
    monkeypatch.setattr(kernel_pca, "eigh", of_all)
    found = KernelPCA(3).fit(X)
    np.testing.assert_allclose(found.eigenvalues_, expected.eigenvalues_, rtol=1e-10)
    np.testing.assert_allclose(found.eigenvectors_, expected.eigenvectors_, atol=1e-8)


def test_the_way_back_needs_to_be_asked_for_and_takes_components():
    model = KernelPCA(2).fit(X)
    with pytest.raises(NotFittedError, match="pre_image"):
        model.inverse_transform(np.zeros((1, 2)))
    model = KernelPCA(2, pre_image="ridge").fit(X)
    with pytest.raises(DataError, match="rows of 2 components"):
        model.inverse_transform(np.zeros((1, 3)))


# Real data


@real_data
def test_faces_as_scikit_learn():
    from scipy.io import loadmat

    path = Path(os.environ["GRADLAB_DATA"]) / "olivetti-faces/olivettifaces.mat"
    faces = loadmat(path)["faces"].T.astype(float) / 255
    ours = KernelPCA(20, gamma=1e-3).fit(faces)
    theirs = Peer(20, kernel="rbf", gamma=1e-3).fit(faces)
    np.testing.assert_allclose(ours.eigenvalues_, theirs.eigenvalues_, rtol=1e-9)
    np.testing.assert_allclose(abs(ours.transform(faces)), abs(theirs.transform(faces)), atol=1e-7)
