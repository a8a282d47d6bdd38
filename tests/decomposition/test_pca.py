"""PCA: scikit-learn as oracle, its laws, and data that breaks careless arithmetic."""

import tracemalloc

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import subspace_angles
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA as ScikitPCA
from sklearn.decomposition import IncrementalPCA
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from gradlab.decomposition import PCA
from gradlab.decomposition.blocks import over_blocks
from gradlab.decomposition.covariance import constant_features, merged, moments
from gradlab.errors import DataError, RecipeError

SOLVERS = ("covariance", "gram", "svd")


@pytest.fixture(scope="module")
def digits():
    return load_digits().data[:400]


@pytest.mark.parametrize(
    "pca",
    [
        PCA(),
        PCA(solver="covariance", whiten=True),
        PCA(2, solver="gram"),
        PCA(1, solver="randomized", random_state=0),
        PCA(0.7, standardize=True),
    ],
    ids=str,
)
def test_it_keeps_scikit_learns_contract(pca):
    results = check_estimator(pca, on_fail=None, on_skip=None)
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}
    assert not failed
    skipped = {r["check_name"] for r in results if r["status"] == "skipped"}
    assert skipped <= {"check_array_api_input"}
    assert len(results) > 35


class TestAgainstScikitLearn:
    """Eigenvalues, axes with their signs, scores, whitening, inverse and likelihood."""

    @pytest.mark.parametrize("solver", SOLVERS)
    @pytest.mark.parametrize("whiten", [False, True])
    def test_exact_solvers(self, solver, whiten, digits):
        ours = PCA(20, solver=solver, whiten=whiten).fit(digits)
        theirs = ScikitPCA(20, svd_solver="full", whiten=whiten).fit(digits)
        for name in ("explained_variance_", "explained_variance_ratio_", "singular_values_"):
            np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-11)
        np.testing.assert_allclose(ours.components_, theirs.components_, atol=1e-11)
        np.testing.assert_allclose(ours.mean_, theirs.mean_, rtol=1e-13)
        assert ours.noise_variance_ == pytest.approx(theirs.noise_variance_, rel=1e-11)
        scores = theirs.transform(digits)
        np.testing.assert_allclose(ours.transform(digits), scores, atol=1e-9)
        back = theirs.inverse_transform(scores)
        np.testing.assert_allclose(ours.inverse_transform(scores), back, atol=1e-9)
        # Whitening changes the scores, not the model of the data (as it does in scikit-learn 1.9).
        likelihood = theirs.set_params(whiten=False).score(digits)
        assert ours.score(digits) == pytest.approx(likelihood, rel=1e-10)
        assert ours.get_feature_names_out()[3] == "pca3"

    @pytest.mark.parametrize("solver", SOLVERS)
    def test_single_precision_stays_single_and_near(self, solver, digits):
        ours = PCA(20, solver=solver).fit(digits.astype(np.float32))
        theirs = ScikitPCA(20, svd_solver="full").fit(digits)
        assert ours.components_.dtype == ours.transform(digits.astype(np.float32)).dtype == "f4"
        np.testing.assert_allclose(ours.explained_variance_, theirs.explained_variance_, rtol=1e-5)
        assert subspace_angles(ours.components_.T, theirs.components_.T).max() < 1e-4

    def test_more_features_than_rows(self, rng):
        x = rng.normal(size=(30, 200)) @ rng.normal(size=(200, 200))
        theirs = ScikitPCA(svd_solver="full").fit(x)
        for solver in SOLVERS:
            ours = PCA(solver=solver).fit(x)
            assert ours.components_.shape == (30, 200)
            np.testing.assert_allclose(
                ours.explained_variance_[:29], theirs.explained_variance_[:29], rtol=1e-9
            )
            assert ours.explained_variance_[29] < 1e-9 * ours.explained_variance_[0]
            np.testing.assert_allclose(ours.components_[:29], theirs.components_[:29], atol=1e-8)
            identity = ours.components_ @ ours.components_.T
            np.testing.assert_allclose(identity, np.eye(30), atol=1e-10)

    def test_a_share_keeps_the_fewest_components_that_reach_it(self, digits):
        for share in (0.3, 0.7, 0.95):
            ours, theirs = PCA(share).fit(digits), ScikitPCA(share).fit(digits)
            assert ours.n_components_ == theirs.n_components_ == ours.n_components_for(share)
            assert ours.cumulative_[-1] >= share > ours.cumulative_[-2]
            assert ours.noise_variance_ == pytest.approx(theirs.noise_variance_)

    def test_standardized_is_the_pca_of_standardized_data(self, digits):
        ours = PCA(10, standardize=True).fit(digits)
        varying = digits[:, ~ours.constant_features_]
        z = StandardScaler().fit_transform(varying) * np.sqrt((len(digits) - 1) / len(digits))
        theirs = ScikitPCA(10, svd_solver="full").fit(z)
        np.testing.assert_allclose(ours.explained_variance_, theirs.explained_variance_, rtol=1e-9)
        np.testing.assert_allclose(ours.transform(digits), theirs.transform(z), atol=1e-8)
        assert ours.total_variance_ == pytest.approx(varying.shape[1])
        assert ours.constant_features_.sum() == 8
        back = PCA(standardize=True).fit(digits)
        np.testing.assert_allclose(
            back.inverse_transform(back.transform(digits)), digits, atol=1e-9
        )

    def test_random_subspace_is_near_and_no_worse_than_theirs(self, rng):
        scales = 1 / np.arange(1, 121)
        x = (rng.normal(size=(600, 120)) * scales) @ np.linalg.qr(rng.normal(size=(120, 120)))[0]
        exact = ScikitPCA(10, svd_solver="full").fit(x)
        ours = PCA(10, solver="randomized", random_state=0).fit(x)
        theirs = ScikitPCA(10, svd_solver="randomized", random_state=0).fit(x)
        np.testing.assert_allclose(ours.explained_variance_, exact.explained_variance_, rtol=1e-6)
        angle = subspace_angles(ours.components_.T, exact.components_.T).max()
        assert angle < max(1e-4, subspace_angles(theirs.components_.T, exact.components_.T).max())
        assert ours.noise_variance_ == pytest.approx(exact.noise_variance_, rel=1e-6)
        again = PCA(10, solver="randomized", random_state=0).fit(x)
        np.testing.assert_array_equal(ours.components_, again.components_)


class TestIncremental:
    """partial_fit over any batches is fit on all rows."""

    @pytest.mark.parametrize("standardize", [False, True])
    @pytest.mark.parametrize("size", [1, 7, 150, 400])
    def test_batches_do_not_matter(self, size, standardize, digits):
        ours = PCA(5, standardize=standardize)
        for start in range(0, len(digits), size):
            ours.partial_fit(digits[start : start + size])
        whole = PCA(5, standardize=standardize, solver="svd").fit(digits)
        np.testing.assert_allclose(ours.mean_, whole.mean_, atol=1e-10)
        np.testing.assert_allclose(ours.explained_variance_, whole.explained_variance_, rtol=1e-10)
        np.testing.assert_allclose(ours.components_, whole.components_, atol=1e-10)
        np.testing.assert_array_equal(ours.constant_features_, whole.constant_features_)

    def test_nearer_than_scikit_learns_incremental_pca(self, digits):
        ours, theirs = PCA(5), IncrementalPCA(5, batch_size=50)
        for start in range(0, 400, 50):
            ours.partial_fit(digits[start : start + 50])
            theirs.partial_fit(digits[start : start + 50])
        exact = ScikitPCA(5, svd_solver="full").fit(digits)
        error = np.abs(ours.explained_variance_ - exact.explained_variance_).max()
        assert error < np.abs(theirs.explained_variance_ - exact.explained_variance_).max()

    def test_first_rows(self, digits):
        pca = PCA(5).partial_fit(digits[:1])
        with pytest.raises(NotFittedError):
            pca.transform(digits)
        assert pca.partial_fit(digits[1:3]).n_components_ == 3
        assert pca.partial_fit(digits[3:10]).n_components_ == 5

    def test_fit_forgets_them(self, digits):
        pca = PCA(5).partial_fit(digits[:100]).fit(digits[100:200])
        assert pca.n_samples_ == 100
        pca.partial_fit(digits[200:300])
        assert pca.n_samples_ == 100


ROWS, COLUMNS = st.integers(3, 40), st.integers(1, 12)


def data(draw_rows=ROWS, draw_columns=COLUMNS):
    return st.builds(
        lambda n, d, seed, mean: np.random.default_rng(seed).normal(size=(n, d)) + mean,
        draw_rows,
        draw_columns,
        st.integers(0, 2**31),
        st.sampled_from([0.0, 1e3, -1e6]),
    )


@pytest.mark.catalogue("DIM-06")
class TestLaws:
    """P^T P = I; the variances sum to the trace; all components reconstruct exactly."""

    @settings(max_examples=40)
    @given(x=data(), solver=st.sampled_from(SOLVERS))
    def test_orthonormal_trace_and_reconstruction(self, x, solver):
        pca = PCA(solver=solver).fit(x)
        identity = pca.components_ @ pca.components_.T
        np.testing.assert_allclose(identity, np.eye(pca.n_components_), atol=1e-9)
        trace = x.var(axis=0, ddof=1).sum()
        assert pca.explained_variance_.sum() == pytest.approx(trace, rel=1e-8)
        assert (pca.explained_variance_ >= 0).all()
        scores = pca.transform(x)
        np.testing.assert_allclose(
            scores.T @ scores / (len(x) - 1),
            np.diag(pca.explained_variance_),
            atol=1e-7 * trace,
        )
        np.testing.assert_allclose(pca.inverse_transform(scores), x, atol=1e-8 * np.abs(x).max())

    @settings(max_examples=20)
    @given(x=data(st.integers(15, 40), st.integers(2, 6)), seed=st.integers(0, 99))
    def test_turning_the_data_turns_the_axes(self, x, seed):
        x = x - x.mean(axis=0)
        turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(x.shape[1],) * 2))[0]
        here, there = PCA().fit(x), PCA().fit(x @ turn)
        np.testing.assert_allclose(here.explained_variance_, there.explained_variance_, rtol=1e-8)
        parted = np.abs(np.diff(here.explained_variance_)).min() > 1e-3
        cosines = np.abs(((here.components_ @ turn) * there.components_).sum(axis=1))
        assert not parted or np.allclose(cosines, 1, atol=1e-6)

    @settings(max_examples=20)
    @given(x=data(), times=st.integers(2, 4))
    def test_copied_rows_change_the_denominator_only(self, x, times):
        k = min(x.shape)
        once, often = PCA(k).fit(x), PCA(k).fit(np.tile(x, (times, 1)))
        ratio = (len(x) - 1) * times / (len(x) * times - 1)
        np.testing.assert_allclose(
            often.explained_variance_,
            once.explained_variance_ * ratio,
            rtol=1e-7,
            atol=1e-12 * once.total_variance_,
        )


class TestHardNumbers:
    """Scales, constants, copies: stated behaviour instead of NaN."""

    @pytest.mark.parametrize("solver", [*SOLVERS, "randomized"])
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_large_beside_small(self, solver, dtype, rng):
        x = rng.normal(size=(60, 3)) * [1e30, 1.0, 1e-30]
        pca = PCA(2, solver=solver, random_state=0).fit(x.astype(dtype))
        assert pca.explained_variance_[0] == pytest.approx(x[:, 0].var(ddof=1), rel=1e-5)
        np.testing.assert_allclose(np.abs(pca.components_[0]), [1, 0, 0], atol=1e-6)
        assert np.isfinite(pca.transform(x.astype(dtype))).all()

    @pytest.mark.parametrize("solver", [*SOLVERS, "randomized"])
    @pytest.mark.parametrize("scale", [1e-30, 1e30])
    def test_axes_do_not_depend_on_the_unit(self, solver, scale, digits):
        x = digits[:200].astype(np.float32)
        plain = PCA(3, solver=solver, random_state=0).fit(x)
        scaled = PCA(3, solver=solver, random_state=0).fit(x * np.float32(scale))
        np.testing.assert_allclose(plain.components_, scaled.components_, atol=1e-4)
        np.testing.assert_allclose(
            plain.explained_variance_ * scale**2, scaled.explained_variance_, rtol=1e-4
        )

    @pytest.mark.parametrize("solver", SOLVERS)
    def test_standardized_scales_count_alike(self, solver, rng):
        x = (rng.normal(size=(60, 3)) * [1e30, 1.0, 1e-30]).astype(np.float32)
        z = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1, dtype=np.float64)
        pca = PCA(solver=solver, standardize=True).fit(x)
        np.testing.assert_allclose(
            pca.explained_variance_, PCA().fit(z).explained_variance_, rtol=1e-5
        )

    def test_a_large_mean_does_not_cancel(self, rng):
        spread = rng.normal(size=(5000, 4)) * [4, 3, 2, 1]
        x = (spread + 1e5).astype(np.float32)  # steps of 1/128
        pca = PCA(solver="covariance").fit(x)
        exact = ScikitPCA(svd_solver="full").fit(x.astype(np.float64))
        np.testing.assert_allclose(pca.explained_variance_, exact.explained_variance_, rtol=1e-5)
        wide = PCA(solver="covariance").fit(spread + 1e9)
        exact = PCA(solver="covariance").fit(spread)
        np.testing.assert_allclose(wide.explained_variance_, exact.explained_variance_, rtol=1e-6)

    def test_what_float64_can_not_hold_is_refused(self, rng):
        x = rng.normal(size=(60, 3)) * 1e200
        for pca in (PCA(), PCA(solver="covariance"), PCA(2, solver="randomized")):
            with pytest.raises(DataError, match="too large for float64: their variance overflows"):
                pca.fit(x)
        with pytest.raises(DataError, match="too large for float64"), np.errstate(all="ignore"):
            PCA().partial_fit(x)
        standardized = PCA(standardize=True).fit(x)
        assert standardized.total_variance_ == pytest.approx(3)

    @pytest.mark.parametrize("solver", SOLVERS)
    @pytest.mark.parametrize("standardize", [False, True])
    def test_constant_columns_have_no_loading(self, solver, standardize, rng):
        x = np.insert(rng.normal(size=(50, 3)), [1, 3], [[0.1, -7.0]], axis=1)
        pca = PCA(solver=solver, standardize=standardize).fit(x)
        assert pca.constant_features_.tolist() == [False, True, False, False, True]
        assert (pca.components_[:3, [1, 4]] == 0).all() or np.allclose(
            pca.components_[:3, [1, 4]], 0, atol=1e-12
        )
        np.testing.assert_allclose(pca.explained_variance_[3:], 0, atol=1e-20)
        np.testing.assert_allclose(pca.inverse_transform(pca.transform(x)), x, atol=1e-12)
        whitened = PCA(solver=solver, standardize=standardize, whiten=True).fit_transform(x)
        np.testing.assert_allclose(whitened[:, :3].std(axis=0, ddof=1), 1)
        assert (whitened[:, 3:] == 0).all()

    @pytest.mark.parametrize("solver", [*SOLVERS, "randomized"])
    def test_nothing_but_constants(self, solver):
        x = np.full((20, 4), 3.3)
        pca = PCA(2, solver=solver, whiten=True).fit(x)
        assert (pca.explained_variance_ == 0).all()
        assert (pca.contribution_ == 0).all()
        assert (pca.transform(x) == 0).all()
        np.testing.assert_allclose(pca.inverse_transform(np.zeros((1, 2))), x[:1])

    def test_one_row_and_numbers_that_are_none(self, digits):
        with pytest.raises(DataError, match=r"PCA needs at least 2 rows.*got n_samples=1"):
            PCA().fit(digits[:1])
        for bad in (np.nan, np.inf):
            x = digits[:20].copy()
            x[3, 3] = bad
            for use in (PCA().fit, PCA().partial_fit, PCA().fit(digits).transform):
                with pytest.raises(ValueError, match=r"NaN|infinity"):
                    use(x)

    def test_a_density_needs_variance_in_all_directions(self, digits):
        with pytest.raises(DataError, match="vary in fewer than 64 directions"):
            PCA().fit(digits).score(digits)
        with pytest.raises(DataError, match="vary in fewer than 3 directions"):
            PCA(1).fit([[0.0, 0.0, 1.0], [1.0, 1.0, 1.0]]).score(np.eye(3))


class TestSettings:
    """What makes no sense is refused with what to do instead."""

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"n_components": 0}, r"n_components lies between 1 and .* = 20; got 0"),
            ({"n_components": 21}, r"n_components lies between 1 and .* = 20; got 21"),
            ({"n_components": 1.5}, "a share of the variance between 0 and 1; got 1.5"),
            ({"n_components": "many"}, "got 'many'"),
            ({"n_components": True}, "got True"),
            ({"solver": "svdd"}, "Unknown solver 'svdd'. Did you mean 'svd'"),
            ({"solver": "randomized"}, "n_components is an int; got None"),
            ({"solver": "randomized", "n_components": 0.5}, "n_components is an int; got 0.5"),
        ],
    )
    def test_refused(self, settings, message, digits):
        with pytest.raises(RecipeError, match=message):
            PCA(**settings).fit(digits[:20])

    def test_scores_of_another_width(self, digits):
        with pytest.raises(DataError, match=r"takes rows of 2 scores.*got shape \(3, 5\)"):
            PCA(2).fit(digits).inverse_transform(np.zeros((3, 5)))

    def test_a_share_that_was_not_kept(self, digits):
        with pytest.raises(DataError, match=r"the 2 components kept reach 30\.8% of the variance"):
            PCA(2).fit(digits).n_components_for(0.7)


def test_likelihood_chooses_the_number_of_factors(rng):
    x = rng.normal(size=(400, 3)) @ (3 * rng.normal(size=(3, 10))) + rng.normal(size=(400, 10))
    search = GridSearchCV(PCA(), {"n_components": [1, 2, 3, 4, 6]}).fit(x)
    assert search.best_params_ == {"n_components": 3}
    standardized = PCA(3, standardize=True).fit(x)
    by_hand = ScikitPCA(3).fit(x / standardized.scale_)
    change_of_units = np.log(standardized.scale_).sum()
    assert standardized.score(x) == pytest.approx(
        by_hand.score(x / standardized.scale_) - change_of_units
    )


def test_reconstruction_error_is_what_the_others_would_explain(digits):
    pca = PCA(10).fit(digits)
    lost = pca.total_variance_ - pca.explained_variance_.sum()
    n, d = digits.shape
    assert pca.reconstruction_error(digits) == pytest.approx(lost * (n - 1) / n / d)


@pytest.mark.catalogue("DIM-09")
def test_missing_values_then_pca_then_a_classifier():
    digits, y = load_digits(return_X_y=True)
    holes = np.random.default_rng(0).uniform(size=digits.shape) < 0.2
    x = np.where(holes, np.nan, digits)
    model = make_pipeline(
        SimpleImputer(), PCA(0.8, standardize=True), LogisticRegression(max_iter=1000)
    )
    assert model.fit(x[:1200], y[:1200]).score(x[1200:], y[1200:]) > 0.8
    assert model[1].n_components_ < 40


def test_frames_in_and_out(digits):
    names = [f"pixel {i}" for i in range(64)]
    frame = pl.DataFrame(digits, schema=names)
    scores = PCA(2).set_output(transform="polars").fit_transform(frame)
    assert isinstance(scores, pl.DataFrame)
    assert scores.columns == ["pca0", "pca1"]
    pandas = PCA(2).set_output(transform="pandas").fit(frame).transform(frame)
    assert list(pandas.columns) == ["pca0", "pca1"]


class TestMoments:
    """Mean and scatter in blocks, whatever the blocks and the cores."""

    def test_several_blocks_are_one(self, rng, monkeypatch):
        monkeypatch.setattr("gradlab.decomposition.blocks.NUMBERS", 1)
        x = rng.normal(size=(5000, 6)) + np.array([0, 10, 100, 1000, 5, 6])
        x[:, 4] = 2.5
        x[:, 5] = 0
        x[4321, 5] = 1  # constant but for a row that no sample sees
        found = moments(x)
        centred = x - x.mean(axis=0)
        np.testing.assert_allclose(found.scatter, centred.T @ centred, atol=1e-8)
        np.testing.assert_allclose(found.mean, x.mean(axis=0), rtol=1e-12)
        assert found.constant.tolist() == [False] * 4 + [True, False]
        np.testing.assert_array_equal(found.constant, constant_features(x))

    def test_the_number_of_cores_does_not_matter(self, rng, monkeypatch):
        monkeypatch.setattr("gradlab.decomposition.blocks.NUMBERS", 1)
        x = rng.normal(size=(9000, 30)).astype(np.float32)
        found = []
        for n in (1, 2, 5):
            monkeypatch.setattr("gradlab.decomposition.blocks.cores", lambda n=n: n)
            found.append(moments(x).scatter)
        np.testing.assert_array_equal(found[0], found[1])
        np.testing.assert_array_equal(found[0], found[2])

    def test_merging(self, rng):
        x = rng.normal(size=(50, 4)) + 1e6
        both, whole = merged(moments(x[:13]), moments(x[13:])), moments(x)
        np.testing.assert_allclose(both.scatter, whole.scatter, rtol=1e-8, atol=1e-8)
        np.testing.assert_allclose(both.mean, whole.mean)

    def test_an_error_in_a_block_is_told_and_leaves_nothing_locked(self):
        def broken(rows):
            if rows.start:
                raise DataError("block")
            return rows.start

        for _ in range(2):
            with pytest.raises(DataError, match="block"):
                list(over_blocks(broken, 10, 1))
        assert list(over_blocks(lambda rows: rows.start, 3, 1)) == [0, 1, 2]

    def test_no_copy_of_the_data_is_made(self, rng):
        x = rng.normal(size=(200_000, 40)).astype(np.float32)  # 32 MB
        tracemalloc.start()
        PCA(5, solver="covariance").fit(x)
        assert tracemalloc.get_traced_memory()[1] < 20e6
        tracemalloc.stop()
