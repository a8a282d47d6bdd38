"""Fisher's discriminant: the documents' numbers, scikit-learn's results, laws, and bad input."""

import os
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import example, given
from scipy.linalg import subspace_angles
from sklearn.covariance import ledoit_wolf_shrinkage
from sklearn.datasets import load_digits, load_iris, load_wine
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.utils.estimator_checks import check_estimator

from gradlab.decomposition.fisher import FisherDiscriminant
from gradlab.decomposition.pca import PCA
from gradlab.decomposition.scatter import (
    class_overlap,
    fisher_criterion,
    fisher_direction,
    fisher_gradient,
    scatter_matrices,
)
from gradlab.errors import DataError, RecipeError

FIRST = np.array([(1, 2), (2, 3), (3, 3), (4, 5), (5, 5)], dtype=float)
SECOND = np.array([(1, 0), (2, 1), (3, 1), (3, 2), (5, 3), (6, 5)], dtype=float)
BOTH, CLASS = np.concatenate([FIRST, SECOND]), np.repeat([1, 2], [5, 6])

real_data = pytest.mark.skipif("GRADLAB_DATA" not in os.environ, reason="needs GRADLAB_DATA")


def folder() -> Path:
    return Path(os.environ["GRADLAB_DATA"])


def drawn(seed, n=60, d=3, n_classes=3):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % n_classes
    X = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + rng.normal(size=(n_classes, d))[y]
    return X, y


# The documents' example


@pytest.mark.catalogue("WE-35", "DIM-13", "ERR-45")
def test_the_documents_direction_and_its_criterion_which_is_the_greatest():
    scatter = scatter_matrices(BOTH, CLASS)
    np.testing.assert_allclose(scatter.means, [[3, 3.6], [10 / 3, 2]])
    np.testing.assert_allclose(scatter.within, [[82 / 3, 24], [24, 23.2]])
    w = fisher_direction(FIRST, SECOND)
    np.testing.assert_allclose(w, [-0.793578, 0.889908], atol=5e-7)
    np.testing.assert_allclose(w / np.linalg.norm(w), [-0.665557, 0.746347], atol=5e-7)
    best = fisher_criterion(w, FIRST, SECOND)
    assert best == pytest.approx(1.688379, abs=5e-7)
    others = np.random.default_rng(0).normal(size=(1000, 2))
    assert max(fisher_criterion(other, FIRST, SECOND) for other in others) <= best


@pytest.mark.catalogue("DIM-17")
def test_the_derivative_is_0_at_w_and_j_is_the_eigenvalue():
    w = fisher_direction(FIRST, SECOND)
    np.testing.assert_allclose(fisher_gradient(w, FIRST, SECOND), 0, atol=1e-12)
    difference = FIRST.mean(axis=0) - SECOND.mean(axis=0)
    within = scatter_matrices(BOTH, CLASS).within
    product = np.linalg.solve(within, np.outer(difference, difference))
    values = np.linalg.eigvals(product)
    assert values.max() == pytest.approx(1.688379, abs=5e-7)
    assert fisher_criterion(w, FIRST, SECOND) == pytest.approx(values.max())
    np.testing.assert_allclose(product @ w, values.max() * w)


def test_the_derivative_is_that_of_the_criterion():
    w, step = np.array([0.3, -1.1]), 1e-6
    slopes = [
        (fisher_criterion(w + e, FIRST, SECOND) - fisher_criterion(w - e, FIRST, SECOND))
        / (2 * step)
        for e in step * np.eye(2)
    ]
    np.testing.assert_allclose(fisher_gradient(w, FIRST, SECOND), slopes, rtol=1e-6)


@pytest.mark.catalogue("DIM-14")
def test_scatter_of_projections_is_the_projection_of_scatter():
    rng = np.random.default_rng(0)
    w = rng.normal(size=2)
    for rows in (FIRST, SECOND):
        y = rows @ w
        of_class = scatter_matrices(rows, np.zeros(len(rows), int)).within
        assert w @ of_class @ w == pytest.approx(np.sum((y - y.mean()) ** 2), abs=1e-10)
    difference = FIRST.mean(axis=0) - SECOND.mean(axis=0)
    of_projections = ((FIRST @ w).mean() - (SECOND @ w).mean()) ** 2
    assert w @ np.outer(difference, difference) @ w == pytest.approx(of_projections, abs=1e-10)


def test_between_and_within_add_up_to_the_total_and_relate_to_the_documents_between():
    scatter = scatter_matrices(BOTH, CLASS)
    centred = BOTH - BOTH.mean(axis=0)[None, :]
    np.testing.assert_allclose(scatter.total, centred.T @ centred, atol=1e-12)
    difference = FIRST.mean(axis=0) - SECOND.mean(axis=0)
    expected = 5 * 6 / 11 * np.outer(difference, difference)
    np.testing.assert_allclose(scatter.between, expected, atol=1e-12)


def test_the_estimator_finds_the_same_direction_and_criterion():
    model = FisherDiscriminant().fit(BOTH, CLASS)
    w = fisher_direction(FIRST, SECOND)
    cosine = model.scalings_[:, 0] @ w / np.linalg.norm(model.scalings_) / np.linalg.norm(w)
    assert abs(cosine) == pytest.approx(1)
    assert model.criterion(w) == pytest.approx(5 * 6 / 11 * fisher_criterion(w, FIRST, SECOND))
    assert model.criteria_ == pytest.approx([model.criterion(w)])


# scikit-learn


@pytest.mark.parametrize("load", [load_iris, load_wine, load_digits])
def test_results_are_those_of_scikit_learn(load):
    X, y = load(return_X_y=True)
    ours, theirs = FisherDiscriminant().fit(X, y), LinearDiscriminantAnalysis().fit(X, y)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-11)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    np.testing.assert_allclose(abs(ours.transform(X)), abs(theirs.transform(X)), atol=1e-10)
    for name in ("coef_", "intercept_", "means_", "xbar_", "explained_variance_ratio_"):
        np.testing.assert_allclose(
            getattr(ours, name), getattr(theirs, name), rtol=1e-8, atol=1e-10
        )
    assert ours.score(X, y) == theirs.score(X, y)


def test_two_classes_and_given_priors_agree_with_scikit_learn():
    X, y = load_iris(return_X_y=True)
    X, y = X[50:], np.array(["none", "left", "right"])[y[50:]]
    priors = [0.2, 0.8]
    ours = FisherDiscriminant(priors=priors).fit(X, y)
    theirs = LinearDiscriminantAnalysis(priors=priors).fit(X, y)
    np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X))
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X))
    np.testing.assert_allclose(np.exp(ours.predict_log_proba(X)), ours.predict_proba(X))
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))


@pytest.mark.parametrize("shape", [(60, 4), (30, 80)])
def test_a_given_shrinkage_is_that_of_scikit_learn_on_scaled_features(shape):
    X, y = drawn(0, *shape)
    centred = X - scatter_matrices(X, y).means[y]
    X = X / centred.std(axis=0)[None, :]
    ours = FisherDiscriminant(shrinkage=0.3).fit(X, y)
    theirs = LinearDiscriminantAnalysis("lsqr", shrinkage=0.3).fit(X, y)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-9)


@pytest.mark.parametrize("shape", [(60, 4), (30, 80)])
def test_automatic_shrinkage_is_ledoit_and_wolfs(shape):
    X, y = drawn(1, *shape)
    centred = X - scatter_matrices(X, y).means[y]
    expected = ledoit_wolf_shrinkage(centred / centred.std(axis=0)[None, :], assume_centered=True)
    model = FisherDiscriminant(shrinkage="auto").fit(X, y)
    assert model.shrinkage_ == pytest.approx(expected)


@pytest.mark.parametrize("shrinkage", [None, "auto"])
def test_it_keeps_scikit_learns_contract(shrinkage):
    results = check_estimator(FisherDiscriminant(shrinkage=shrinkage), on_fail=None, on_skip=None)
    assert not {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}


def test_float32_stays_float32_and_is_near_float64():
    X, y = load_wine(return_X_y=True)
    double, single = (FisherDiscriminant().fit(X.astype(t), y) for t in (np.float64, np.float32))
    given = X.astype(np.float32)
    results = single.transform(given), single.predict_proba(given), single.decision_function(given)
    assert {r.dtype for r in (*results, single.coef_, single.scalings_)} == {np.dtype(np.float32)}
    np.testing.assert_allclose(single.predict_proba(given), double.predict_proba(X), atol=1e-4)


def test_names_and_frames():
    frame, y = load_iris(return_X_y=True, as_frame=True)
    model = FisherDiscriminant(1).set_output(transform="polars").fit(frame, y)
    out = model.transform(frame)
    assert out.columns == ["fisherdiscriminant0"]
    assert out.shape == (150, 1)


# Laws


@given(st.integers(0, 10_000))
def test_an_affine_map_of_the_features_changes_no_probability(seed):
    X, y = drawn(seed)
    rng = np.random.default_rng(seed + 1)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0] * np.exp(rng.uniform(-3, 3, 3))[None, :]
    moved = X @ turn + rng.normal(size=3)[None, :]
    before, after = FisherDiscriminant().fit(X, y), FisherDiscriminant().fit(moved, y)
    np.testing.assert_allclose(after.predict_proba(moved), before.predict_proba(X), atol=1e-7)
    np.testing.assert_allclose(after.criteria_, before.criteria_, rtol=1e-6)


# Some draws are mixed into nearly a plane, across which J is unbounded: the fit says so.
@pytest.mark.filterwarnings("ignore:.* of the scatter of the class means:UserWarning")
@given(st.integers(0, 10_000))
@example(701)
def test_the_order_of_rows_and_columns_and_copies_of_rows_do_not_matter(seed):
    X, y = drawn(seed)
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(len(X)), rng.permutation(3)
    expected = FisherDiscriminant().fit(X, y).predict_proba(X)
    model = FisherDiscriminant().fit(X[rows][:, columns], y[rows])
    np.testing.assert_allclose(model.predict_proba(X[:, columns]), expected, atol=1e-9)
    twice = FisherDiscriminant().fit(np.concatenate([X, X]), np.concatenate([y, y]))
    np.testing.assert_allclose(twice.predict_proba(X), expected, atol=1e-9)


@given(st.integers(0, 10_000), st.integers(2, 4))
def test_no_direction_has_a_greater_criterion_than_the_first(seed, n_classes):
    X, y = drawn(seed, d=4, n_classes=n_classes)
    model = FisherDiscriminant().fit(X, y)
    best = model.criterion(model.scalings_[:, 0])
    others = np.random.default_rng(seed).normal(size=(1000, 4))
    scatter = scatter_matrices(X, y)
    heights = np.einsum("ij,jk,ik->i", others, scatter.between, others)
    widths = np.einsum("ij,jk,ik->i", others, scatter.within, others)
    assert (heights / widths).max() <= best * (1 + 1e-9)
    assert model.criteria_[0] == pytest.approx(best)


# PCA beside LDA


@pytest.mark.catalogue("DIM-15", "CMP-06")
def test_classes_overlap_on_the_axis_of_pca_and_not_on_that_of_lda():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2)) * [[4.0, 0.6]]
    y = np.repeat([0, 1], 150)
    X[y == 1, 1] += 3
    pca, lda = PCA(1).fit(X), FisherDiscriminant(1).fit(X, y)
    overlap = {}
    for name, model in (("pca", pca), ("lda", lda)):
        along = model.transform(X)[:, 0]
        overlap[name] = class_overlap(along[y == 0], along[y == 1])
    assert overlap["pca"] > 0.4
    assert overlap["lda"] < 0.02
    # PCA's axis carries the variance, LDA's the separation.
    variance = [
        (X @ w / np.linalg.norm(w)).var() for w in (pca.components_[0], lda.scalings_[:, 0])
    ]
    assert variance[0] > 4 * variance[1]


def test_overlap_depends_on_the_order_alone():
    first, second = np.random.default_rng(0).normal(size=(2, 50))
    assert class_overlap(np.exp(first), np.exp(second)) == class_overlap(first, second)
    assert class_overlap(first, first) == 0.5
    assert class_overlap(first - 100, second) == 0.0


# A scatter that is singular


def test_constant_and_repeated_columns_change_nothing():
    X, y = drawn(3)
    expected = FisherDiscriminant().fit(X, y)
    padded = np.column_stack([X, np.full(len(X), 7.0), X[:, :1], np.zeros(len(X)), X @ [1, 2, 3]])
    model = FisherDiscriminant().fit(padded, y)
    assert model.rank_ == 3
    np.testing.assert_allclose(model.predict_proba(padded), expected.predict_proba(X), atol=1e-9)


def test_more_features_than_rows_agree_with_scikit_learn_and_say_what_is_left_out():
    X, y = drawn(4, n=40, d=120)
    with pytest.warns(UserWarning, match="in which no class varies"):
        ours = FisherDiscriminant().fit(X, y)
    theirs = LinearDiscriminantAnalysis().fit(X, y)
    assert ours.rank_ == 37
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-9)
    assert subspace_angles(ours.scalings_, theirs.scalings_).max() < 1e-8


def test_a_column_that_gives_the_class_away_is_used_once_shrinkage_is_on():
    X, y = drawn(5)
    leaky = np.column_stack([0.1 * X, y.astype(float)])
    with pytest.warns(UserWarning, match="gives the class away"):
        FisherDiscriminant().fit(leaky, y)
    assert FisherDiscriminant(shrinkage=0.01).fit(leaky, y).score(leaky, y) == 1.0


def test_a_direction_in_which_no_class_varies_has_an_unbounded_criterion():
    first, second = [[0.0, 1.0], [1.0, 1.0]], [[0.5, 2.0], [2.0, 2.0]]
    w = fisher_direction(first, second)
    np.testing.assert_allclose(w / np.linalg.norm(w), [0, -1], atol=1e-12)
    assert fisher_criterion(w, first, second) == float("inf")
    with pytest.raises(DataError, match="no derivative"):
        fisher_gradient(w, first, second)


# Bad input


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_columns_of_1e30_beside_1e_minus_30(dtype):
    X, y = drawn(6)
    scales = np.array([[1e30, 1e-30, 1.0]])
    expected = FisherDiscriminant().fit(X, y).predict_proba(X)
    scaled = (X * scales).astype(dtype)
    model = FisherDiscriminant().fit(scaled, y)
    np.testing.assert_allclose(model.predict_proba(scaled), expected, atol=1e-4)


def test_labels_of_any_type():
    X, y = drawn(7, n_classes=2)
    for labels in (["no", "yes"], [False, True], [-1, 1]):
        names = np.array(labels)
        assert set(FisherDiscriminant().fit(X, names[y]).predict(X)) == set(labels)


@pytest.mark.filterwarnings("ignore:.*in which no class varies")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X, y: (X, np.zeros(len(y))), "at least two classes .* one class"),
        (lambda X, y: (X, np.where(y == 0, np.nan, y)), "NaN"),
        (lambda X, y: (X, np.array([None, *["a", "b"] * 29, "a"], object)), "1 of 60 labels are"),
        (lambda X, y: (X, np.array([1, "a"] * 30, object)), "of one kind"),
        (lambda X, y: (np.where(X[0, 0] == X, np.nan, X), y), "NaN"),
        (lambda X, y: (np.where(X[0, 0] == X, np.inf, X), y), "infinity"),
        (lambda X, y: (X[:1], y[:1]), "minimum of 2"),
        (lambda X, y: (X[:3], y[:3]), "more rows than classes"),
        (lambda X, y: (np.ones_like(X), y), "means coincide"),
        (lambda X, y: (y[:, None] * np.ones((1, 2)), y), "no class varies"),
        (lambda X, y: (X, np.random.default_rng(0).normal(size=60)), "continuous"),
    ],
)
def test_bad_data_is_refused_with_a_reason(change, message):
    X, y = change(*drawn(8))
    with pytest.raises(ValueError, match=message):
        FisherDiscriminant().fit(X, y)


def test_classes_with_one_mean_are_refused_as_in_exclusive_or():
    X, _ = drawn(8)
    both = np.concatenate([X, -X])
    with pytest.raises(DataError, match="means coincide"):
        FisherDiscriminant().fit(np.concatenate([both, 2 * both]), np.repeat([0, 1], len(both)))


def test_sums_that_overflow_are_refused():
    X, y = drawn(9)
    with np.errstate(over="ignore"), pytest.raises(DataError, match="overflows"):
        FisherDiscriminant().fit(np.tanh(X) * 1e306 + 1.7e308, y)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_components": 3}, "at most .* = 2 here"),
        ({"n_components": 0}, "n_components"),
        ({"n_components": True}, "n_components"),
        ({"shrinkage": 1.5}, "shrinkage"),
        ({"shrinkage": "some"}, "shrinkage"),
        ({"priors": [0.5, 0.5]}, "priors are 3 shares"),
        ({"priors": [0.5, 0.6, 0.1]}, "sum to 1"),
        ({"priors": [-0.5, 1.0, 0.5]}, "priors"),
        ({"tol": -1}, "tol"),
    ],
)
def test_bad_settings_are_refused_with_a_reason(settings, message):
    with pytest.raises(RecipeError, match=message):
        FisherDiscriminant(**settings).fit(*drawn(10))


def test_functions_refuse_what_has_no_answer():
    with pytest.raises(DataError, match="coincide"):
        fisher_direction(FIRST, FIRST)
    with pytest.raises(DataError, match="same columns"):
        fisher_direction(FIRST, FIRST[:, :1])
    with pytest.raises(DataError, match="one number for each of the 2"):
        fisher_criterion([1.0], FIRST, SECOND)
    with pytest.raises(DataError, match="0 / 0"):
        fisher_criterion([0.0, 0.0], FIRST, SECOND)
    model = FisherDiscriminant().fit(BOTH, CLASS)
    with pytest.raises(DataError, match="one number for each of the 2"):
        model.criterion([1.0])
    with pytest.raises(DataError, match="0 / 0"):
        model.criterion([0.0, 0.0])


# Real data


@real_data
def test_letters_as_scikit_learn():
    table = np.loadtxt(folder() / "letter-recognition/letter-recognition.data", str, delimiter=",")
    X, y = table[:, 1:].astype(float), table[:, 0]
    ours, theirs = FisherDiscriminant().fit(X, y), LinearDiscriminantAnalysis().fit(X, y)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    assert subspace_angles(ours.scalings_[:, :5], theirs.scalings_[:, :5]).max() < 1e-8


@real_data
def test_faces_with_ten_times_more_pixels_than_rows():
    from scipy.io import loadmat

    X = loadmat(folder() / "olivetti-faces/olivettifaces.mat")["faces"].T.astype(float)
    y, train = np.arange(400) // 10, np.arange(400) % 10 < 7
    with pytest.warns(UserWarning, match="in which no class varies"):
        ours = FisherDiscriminant().fit(X[train], y[train])
    theirs = LinearDiscriminantAnalysis().fit(X[train], y[train])
    assert ours.rank_ == 280 - 40
    np.testing.assert_array_equal(ours.predict(X[~train]), theirs.predict(X[~train]))
    assert subspace_angles(ours.scalings_, theirs.scalings_).max() < 1e-7
    shrunk = FisherDiscriminant(shrinkage="auto").fit(X[train], y[train])
    assert shrunk.score(X[~train], y[~train]) >= ours.score(X[~train], y[~train])


@real_data
def test_sonar_as_scikit_learn():
    table = np.loadtxt(folder() / "sonar/sonar.csv", str, delimiter=",")
    X, y = table[:, :-1].astype(float), table[:, -1]
    ours, theirs = FisherDiscriminant().fit(X, y), LinearDiscriminantAnalysis().fit(X, y)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-10)
