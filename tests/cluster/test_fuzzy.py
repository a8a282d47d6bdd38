"""Fuzzy k-means: its two forms, annealing, and what it is better at than k-means."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file
from sklearn.cluster import KMeans as ScikitKMeans
from sklearn.exceptions import NotFittedError
from sklearn.utils._test_common.instance_generator import PER_ESTIMATOR_XFAIL_CHECKS
from sklearn.utils.estimator_checks import check_estimator

from gradlab.cluster.fuzzy import FuzzyKMeans, critical_beta
from gradlab.cluster.kmeans import KMeans
from gradlab.errors import DataError, RecipeError

ORACLE = Path(__file__).parents[1] / "oracles" / "fuzzy_kmeans.safetensors"
SOFT = {"form": "softmax", "beta": 0.5}
BEZDEK = {"form": "bezdek", "m": 1.7}
SQUARE = {"form": "bezdek", "m": 2.0}


@pytest.fixture
def blobs(rng):
    """Return rows about three corners, 60 each."""
    return np.concatenate([rng.normal(size=(60, 2)) + c for c in ([0, 0], [8, 1], [3, 8])])


def plain_step(x, centers, form, beta=1.0, m=2.0, weight=None):
    """Return memberships and the next centroids, written down as the formulas are."""
    d = ((x[:, None, :] - centers[None]) ** 2).sum(axis=2)
    r = np.exp(-beta * d) if form == "softmax" else d ** (-1 / (m - 1))
    r /= r.sum(axis=1, keepdims=True)
    u = r if form == "softmax" else r**m
    u = u if weight is None else u * weight[:, None]
    return r, u.T @ x / u.sum(axis=0)[:, None]


@pytest.mark.parametrize("shape", [(50, 1), (3000, 5), (9000, 20), (200, 100)])
@pytest.mark.parametrize("settings", [SOFT, BEZDEK, SQUARE], ids=["softmax", "1.7", "2"])
def test_one_iteration_is_the_formula_for_every_layout(shape, settings, rng):
    x = rng.normal(size=shape) / np.sqrt(shape[1])
    weight = rng.uniform(0.5, 2, shape[0])
    start = x[:4] + 0.1
    model = FuzzyKMeans(4, init=start, max_iter=1, **settings).fit(x, sample_weight=weight)
    _, after = plain_step(x, start, weight=weight, **settings)
    np.testing.assert_allclose(model.cluster_centers_, after, rtol=1e-9, atol=1e-12)
    memberships, _ = plain_step(x, model.cluster_centers_, **settings)
    np.testing.assert_allclose(model.memberships_, memberships, rtol=1e-8, atol=1e-12)
    np.testing.assert_array_equal(model.labels_, memberships.argmax(axis=1))


@pytest.mark.catalogue("CLU-09")
class TestTheDocumentsForm:
    def test_the_worked_example(self):
        for beta, share in ((1.0, 0.731059), (4.0, 0.982014)):
            x, start = np.array([[0.0], [0.5], [1.0]]), np.array([[0.0], [1.0]])
            # A start that one iteration does not move: the rows lie alike on both sides.
            model = FuzzyKMeans(2, beta=beta, init=start, max_iter=1).fit(x)
            model.cluster_centers_ = start
            assert model.memberships(x)[0, 0] == pytest.approx(share, abs=5e-7)
            assert model.memberships(x).sum(axis=1) == pytest.approx(1)

    def test_infinite_stiffness_is_k_means(self, blobs):
        start = blobs[[0, 1, 100]]
        reference = ScikitKMeans(3, init=start, n_init=1, tol=0).fit(blobs)
        for beta in (1e3, math.inf):
            model = FuzzyKMeans(3, beta=beta, init=start, tol=0).fit(blobs)
            np.testing.assert_array_equal(model.labels_, reference.labels_)
            np.testing.assert_allclose(model.cluster_centers_, reference.cluster_centers_)
            assert model.inertia_ == pytest.approx(reference.inertia_)
            assert model.objective_ == pytest.approx(reference.inertia_, rel=1e-3)


@given(
    seed=st.integers(0, 2**31),
    beta=st.floats(1e-6, 1e6),
    m=st.floats(1.05, 10),
    form=st.sampled_from(["softmax", "bezdek"]),
)
@settings(max_examples=40)
def test_memberships_add_up_to_1_and_the_objective_never_rises(seed, beta, m, form):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(40, 2)) * rng.choice([1e-3, 1.0, 1e3])
    model = FuzzyKMeans(3, form=form, beta=beta, m=m, random_state=seed, max_iter=30, tol=0).fit(x)
    np.testing.assert_allclose(model.memberships_.sum(axis=1), 1, rtol=1e-12)
    assert np.isfinite(model.cluster_centers_).all()
    rises = np.diff([*model.history_, model.objective_ / len(x)])
    assert rises.max() <= 1e-10 * abs(model.history_[0])


@pytest.mark.catalogue("CLU-05")
def test_rows_in_the_middle_belong_half_to_each_side(rng):
    left = rng.normal(size=(100, 2)) - [4, 0]
    middle = np.column_stack([rng.normal(0, 0.02, 5), rng.normal(size=5)])
    x = np.concatenate([left, left * [-1, 1], middle])  # a mirror image on the right
    for form in (SOFT, SQUARE):
        model = FuzzyKMeans(2, random_state=0, tol=0, **form).fit(x)
        assert np.abs(model.memberships_[-5:] - 0.5).max() < 0.2
        assert np.abs(model.memberships_[-5:] - 0.5).mean() < 0.06
        assert np.median(model.memberships_[:-5].max(axis=1)) > 0.9


@pytest.mark.catalogue("CMP-07")
def test_on_border_data_centroids_vary_less_from_run_to_run_than_those_of_k_means(rng):
    """60 samples of two touching groups: the variance of the sorted centroids over samples."""

    def variance(fit):
        centers = [fit(x, seed) for seed, x in enumerate(samples)]
        return np.var([c[c[:, 0].argsort()] for c in centers], axis=0).sum()

    # Two groups 2 standard deviations apart: most rows lie near the border.
    samples = [rng.normal(size=(60, 2)) + [2, 0] * (np.arange(60)[:, None] % 2) for _ in range(60)]
    hard = variance(lambda x, s: KMeans(2, n_init=1, random_state=s).fit(x).cluster_centers_)
    fuzzy = [
        variance(
            lambda x, s, own=own: FuzzyKMeans(2, random_state=s, **own).fit(x).cluster_centers_
        )
        for own in ({"beta": 0.5}, {"form": "bezdek"})
    ]
    # The 1 % point of a ratio of two variances of 60 samples of 4 numbers each is about 0.74.
    assert fuzzy[0] < 0.74 * hard
    assert fuzzy[1] < hard
    # The same from many starts on one sample.
    x = samples[0]
    starts = [x[rng.choice(60, 3, replace=False)] for _ in range(30)]

    def spread(make):
        ends = [make(s).fit(x).cluster_centers_ for s in starts]
        return np.var([c[np.lexsort(c.T)] for c in ends], axis=0).sum()

    from_starts = spread(lambda s: KMeans(3, init=s, n_init=1))
    assert spread(lambda s: FuzzyKMeans(3, beta=0.5, init=s, tol=0)) < 0.1 * from_starts


@pytest.mark.parametrize("m", [1.5, 2.0, 3.0])
def test_bezdeks_form_is_that_of_scikit_fuzzy(m):
    oracle = load_file(ORACLE)
    for steps in (1, 50):
        settings = {"form": "bezdek", "m": m, "tol": 0.0, "max_iter": steps}
        model = FuzzyKMeans(4, init=oracle["start"], **settings).fit(oracle["x"])
        np.testing.assert_allclose(
            model.cluster_centers_, oracle[f"centers.{m}.{steps}"], rtol=1e-6, atol=1e-6
        )
        # Its memberships are floored and its objective is of the same round as its centroids.
        np.testing.assert_allclose(
            model.memberships_, oracle[f"memberships.{m}.{steps}"], rtol=1e-5, atol=1e-6
        )
        assert model.n_iter_ == steps


def test_a_row_on_a_centroid_belongs_to_it_alone_and_shared_ones_share_it():
    x = np.array([[0.0], [1.0], [4.0]])
    for m in (2.0, 1.4):
        model = FuzzyKMeans(3, form="bezdek", m=m, init=x, max_iter=1).fit(x)
        np.testing.assert_array_equal(model.memberships_, np.eye(3))
        np.testing.assert_array_equal(model.cluster_centers_, x)
        same = np.ones((5, 70))  # 70 features: distances come from a product of matrices
        model = FuzzyKMeans(2, form="bezdek", m=m, random_state=0).fit(same)
        assert model.objective_ == pytest.approx(0, abs=1e-25)
        assert np.isfinite(model.memberships_).all()


class TestAnnealing:
    def test_it_ends_hard_where_k_means_stays(self, blobs):
        model = FuzzyKMeans(3, anneal=1.5, random_state=0).fit(blobs)
        assert model.beta_ == math.inf
        assert set(np.unique(model.memberships_)) == {0.0, 1.0}
        stays = KMeans(3, init=model.cluster_centers_, n_init=1).fit(blobs)
        np.testing.assert_allclose(stays.cluster_centers_, model.cluster_centers_)
        np.testing.assert_array_equal(stays.labels_, model.labels_)
        betas = [beta for beta, _, _ in model.rounds_[:-1]]
        np.testing.assert_allclose(np.diff(np.log(betas)), math.log(1.5))
        assert betas[0] <= critical_beta(blobs)

    def test_it_finds_what_single_starts_of_k_means_miss(self, rng):
        grid = np.array([[i, j] for i in range(3) for j in range(3)]) * 8.0
        x = np.repeat(grid, 15, axis=0) + rng.normal(size=(135, 2))
        single = [
            KMeans(9, init="random_data", n_init=1, random_state=s).fit(x).inertia_
            for s in range(10)
        ]
        annealed = [
            FuzzyKMeans(9, anneal=1.3, init="random_data", n_init=1, random_state=s).fit(x)
            for s in range(5)
        ]
        best = KMeans(9, n_init=20, random_state=0).fit(x).inertia_
        assert sum(value > 1.5 * best for value in single) >= 5
        assert all(model.inertia_ < 1.01 * best for model in annealed)

    def test_below_the_critical_stiffness_all_centroids_fall_together(self, blobs):
        critical = critical_beta(blobs)
        soft, hard = (
            FuzzyKMeans(3, beta=f * critical, random_state=0, max_iter=3000, tol=1e-12).fit(blobs)
            for f in (0.9, 1.5)
        )
        assert np.ptp(soft.cluster_centers_, axis=0).max() < 1e-3
        assert np.ptp(hard.cluster_centers_, axis=0).max() > 1


def test_it_keeps_scikit_learns_contract():
    own = PER_ESTIMATOR_XFAIL_CHECKS[ScikitKMeans]
    results = check_estimator(
        FuzzyKMeans(3), expected_failed_checks=own, on_fail=None, on_skip=None
    )
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}
    assert not failed
    assert len(results) > 50


def test_a_weight_of_two_is_the_row_twice_and_of_zero_none(blobs, rng):
    weight = rng.integers(0, 3, len(blobs)).astype(float)
    repeated = np.repeat(blobs, weight.astype(int), axis=0)
    for form in (SOFT, BEZDEK):
        own = form | {"init": blobs[[0, 70, 130]], "tol": 0.0, "max_iter": 20}
        a = FuzzyKMeans(3, **own).fit(blobs, sample_weight=weight)
        b = FuzzyKMeans(3, **own).fit(repeated)
        np.testing.assert_allclose(a.cluster_centers_, b.cluster_centers_, rtol=1e-9)
        assert a.objective_ == pytest.approx(b.objective_)
        assert a.score(blobs, sample_weight=weight) == pytest.approx(-a.objective_)


@pytest.mark.parametrize("settings", [SOFT, BEZDEK, SQUARE], ids=["softmax", "1.7", "2"])
def test_float32_stays_float32_and_agrees(settings, blobs):
    start = blobs[[0, 70, 130]]
    double = FuzzyKMeans(3, init=start, **settings).fit(blobs)
    single = FuzzyKMeans(3, init=start, **settings).fit(blobs.astype(np.float32))
    assert single.cluster_centers_.dtype == single.memberships_.dtype == np.float32
    np.testing.assert_allclose(single.cluster_centers_, double.cluster_centers_, atol=2e-3)
    assert FuzzyKMeans(3, init=start, **settings).fit(blobs.astype(int)).memberships_.dtype == float


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_any_scale_of_numbers_gives_the_same_groups(size, dtype, blobs):
    power = round(math.log2(size))  # a power of two changes nothing but the exponents
    x = blobs.astype(dtype)
    plain = FuzzyKMeans(3, random_state=0, beta=0.5).fit(x)
    scaled = FuzzyKMeans(3, random_state=0, beta=math.ldexp(0.5, -2 * power)).fit(
        np.ldexp(x, power)
    )
    np.testing.assert_array_equal(scaled.memberships_, plain.memberships_)
    np.testing.assert_array_equal(scaled.cluster_centers_, np.ldexp(plain.cluster_centers_, power))
    assert scaled.objective_ == pytest.approx(math.ldexp(plain.objective_, 2 * power))


def test_squares_beyond_all_numbers_are_refused():
    with pytest.raises(DataError, match="larger than the largest number"):
        FuzzyKMeans(2, random_state=0).fit(np.array([[-1e300], [0.0], [1e300]]))


def test_restarts_keep_the_best_and_are_the_same_alone(blobs):
    many = FuzzyKMeans(5, beta=2.0, init="random_data", random_state=1).fit(blobs)
    assert len(many.restarts_) == 10
    assert many.objective_ == many.restarts_.min()
    again = FuzzyKMeans(5, beta=2.0, init="random_data", random_state=1, n_init=3).fit(blobs)
    np.testing.assert_array_equal(again.restarts_, many.restarts_[:3])


@pytest.mark.parametrize(
    "init", ["random_data", "random_points", "k-means++", lambda x, k, random_state: x[:k]]
)
def test_every_start_leads_to_the_separate_groups(init, blobs):
    model = FuzzyKMeans(3, anneal=2.0, init=init, random_state=0).fit(blobs)
    assert sorted(np.bincount(model.labels_)) == [60, 60, 60]


def test_a_centroid_without_rows_stays_and_is_counted(blobs):
    start = np.array([[0.0, 0.0], [8.0, 1.0], [1e6, 1e6]])
    model = FuzzyKMeans(3, beta=math.inf, init=start).fit(blobs)
    np.testing.assert_array_equal(model.cluster_centers_[2], start[2])
    assert model.empty_clusters_ == 1


def test_transform_gives_memberships_by_name(blobs):
    model = FuzzyKMeans(3, random_state=0).fit(blobs).set_output(transform="pandas")
    table = model.transform(blobs[:4])
    assert list(table.columns) == ["fuzzykmeans0", "fuzzykmeans1", "fuzzykmeans2"]
    np.testing.assert_array_equal(table.to_numpy(), model.memberships(blobs[:4]))
    np.testing.assert_array_equal(model.predict(blobs), model.labels_)
    np.testing.assert_array_equal(model.memberships(blobs), model.memberships_)


def test_results_do_not_depend_on_the_number_of_devices():
    program = """
import sys, jax, numpy as np
jax.config.update("jax_num_cpu_devices", int(sys.argv[1]))
from gradlab.cluster.fuzzy import FuzzyKMeans
x = np.random.default_rng(0).normal(size=(9000, 3))
model = FuzzyKMeans(4, random_state=0, max_iter=20).fit(x)
print(model.cluster_centers_.tobytes().hex(), model.memberships_.sum(axis=0).tobytes().hex())
"""
    runs = [
        subprocess.run(
            [sys.executable, "-c", program, n], capture_output=True, text=True, check=True
        ).stdout
        for n in ("1", "2")
    ]
    assert runs[0] == runs[1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_clusters": 0}, "n_clusters >= 1; got 0"),
        ({"n_clusters": 2.0}, "whole number n_clusters"),
        ({"form": "softmx"}, "Did you mean 'softmax'"),
        ({"init": "kmeans++"}, "Did you mean 'k-means"),
        ({"init": np.zeros((2, 9))}, r"shape \(2, 2\)"),
        ({"beta": 0.0}, "beta > 0; got 0.0"),
        ({"m": 1.0}, "finite m > 1; got 1.0"),
        ({"tol": -1.0}, "tol >= 0"),
        ({"n_init": 0}, "n_init 'auto'"),
        ({"max_iter": 0}, "max_iter >= 1"),
        ({"anneal": 1.0}, "factor > 1"),
        ({"anneal": 2.0, "form": "bezdek"}, "form='softmax' for annealing"),
    ],
)
def test_settings_out_of_range_are_named(settings, message, blobs):
    with pytest.raises(RecipeError, match=message):
        FuzzyKMeans(**({"n_clusters": 2} | settings)).fit(blobs)


def test_rows_that_do_not_suffice_are_refused(blobs):
    with pytest.raises(DataError, match="n_samples=2 of weight above 0 for n_clusters=3"):
        FuzzyKMeans(3).fit(blobs, sample_weight=np.arange(len(blobs)) < 2)
    with pytest.raises(ValueError, match="NaN"):
        FuzzyKMeans(2).fit([[math.nan], [1.0], [2.0]])
    with pytest.raises(NotFittedError):
        FuzzyKMeans(2).predict(blobs)
