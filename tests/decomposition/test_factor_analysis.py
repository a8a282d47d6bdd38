"""Factor analysis by maximum likelihood, and how many factors there are."""

import numpy as np
import pytest
from sklearn.decomposition import FactorAnalysis as Peer
from sklearn.utils.estimator_checks import check_estimator

from gradlab.decomposition.correlation_merge import CorrelationMerge
from gradlab.decomposition.factor_analysis import FactorAnalysis, suggest_n_factors
from gradlab.decomposition.pca import PCA
from gradlab.errors import DataError, RecipeError


def drawn(seed=0, n=500, factors=2, noise=0.6):
    """Return rows of six features, three a factor."""
    rng = np.random.default_rng(seed)
    causes = np.repeat(rng.normal(size=(n, factors)), 6 // factors, axis=1)
    return causes + noise * rng.normal(size=(n, 6))


def test_loadings_are_scikit_learns_of_standardised_rows():
    X = drawn()
    standard = (X - X.mean(axis=0)[None, :]) / X.std(axis=0)[None, :]
    ours = FactorAnalysis(2, rotation="varimax").fit(X)
    theirs = Peer(2, rotation="varimax", svd_method="lapack", tol=1e-4).fit(standard)
    np.testing.assert_allclose(ours.components_, theirs.components_)
    np.testing.assert_allclose(ours.transform(X), theirs.transform(standard))
    assert ours.score(X) == pytest.approx(theirs.score(standard))


def test_in_the_features_own_units_the_model_is_the_same():
    X = drawn() * np.array([[1.0, 2.0, 0.5, 1.0, 1.0, 0.1]])
    ours = FactorAnalysis(2, standardize=False, tol=1e-7, rotation="varimax").fit(X)
    theirs = Peer(2, svd_method="lapack", tol=1e-7, max_iter=3000).fit(X)
    np.testing.assert_allclose(
        ours.components_.T @ ours.components_ + np.diag(ours.noise_variance_),
        theirs.get_covariance(),
        atol=1e-4,
    )


def test_it_finds_the_causes_and_each_features_own_noise():
    model = FactorAnalysis(rotation="varimax").fit(drawn(n=3000))
    assert model.count_.n_factors == 2
    large = np.abs(model.components_) > 0.5
    assert sorted(map(tuple, large.astype(int).tolist())) == [
        (0, 0, 0, 1, 1, 1),
        (1, 1, 1, 0, 0, 0),
    ]
    # A cause of variance 1 and noise of 0.36: 0.735 of each feature is common.
    np.testing.assert_allclose(model.communalities_, 1 / 1.36, atol=0.04)


def test_it_is_neither_pca_nor_merging():
    rng = np.random.default_rng(0)
    X = drawn(n=3000)
    X[:, 5] = 4 * rng.normal(size=3000)  # noise of its own, of the largest variance
    factors = FactorAnalysis(2, standardize=False).fit(X)
    components = PCA(2).fit(X).components_
    assert np.abs(components[0]).argmax() == 5  # PCA explains it first
    assert factors.communalities_[5] < 0.05  # factor analysis calls it the feature's own
    merged = CorrelationMerge(2).fit(X)
    assert (merged.components_ != 0).sum(axis=0).tolist() == [1] * 6  # each in one group only
    assert (np.abs(components) > 1e-6).all()


@pytest.mark.parametrize("rule", ["parallel", "kaiser"])
@pytest.mark.parametrize("factors", [1, 2, 3])
def test_rules_count_the_factors_that_were_put_in(rule, factors):
    count = suggest_n_factors(drawn(factors=factors), rule=rule)
    assert count.n_factors == factors
    assert count.eigenvalues.sum() == pytest.approx(6)
    assert f"{factors} factor" in count.sentence


def test_noise_has_no_factor_by_parallel_analysis_but_by_kaisers_rule():
    found = {"parallel": 0, "kaiser": 0}
    for seed in range(20):
        noise = np.random.default_rng(seed).normal(size=(60, 10))
        for rule in found:
            count = suggest_n_factors(noise, rule=rule, seed=seed + 100)
            found[rule] += count.eigenvalues[0] > count.reference[0]
    assert found["parallel"] <= 4  # one in twenty is expected
    assert found["kaiser"] == 20


def test_a_count_of_none_is_said():
    noise = np.random.default_rng(2).normal(size=(200, 5))
    count = suggest_n_factors(noise, quantile=1.0)
    assert count.sentence.startswith("0 of 5 eigenvalues")
    assert count.n_factors == 1


@pytest.mark.parametrize("n_components", ["parallel", 1])
def test_it_keeps_scikit_learns_contract(n_components):
    results = check_estimator(FactorAnalysis(n_components), on_fail=None, on_skip=None)
    assert not {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}


def test_the_same_seed_gives_the_same_count_and_float32_stays():
    X = drawn(n=50, noise=3.0)
    for state in (3, np.random.RandomState(3)):
        model = FactorAnalysis(random_state=state).fit(X.astype(np.float32))
        assert model.transform(X.astype(np.float32)).dtype == np.float32
    first, second = (FactorAnalysis(random_state=3).fit(X).count_ for _ in range(2))
    np.testing.assert_array_equal(first.reference, second.reference)


def test_constant_columns_and_scales_do_not_matter():
    X = drawn()
    padded = np.column_stack([X * 10.0 ** np.array([[30, -30, 0, 1, 2, 3]]), np.full(500, 7.0)])
    expected, model = FactorAnalysis(2).fit(X), FactorAnalysis(2).fit(padded)
    np.testing.assert_allclose(model.communalities_[:6], expected.communalities_, atol=1e-3)
    assert model.communalities_[6] == 0
    assert np.isfinite(model.transform(padded)).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_components": 7}, "at most the number of features, 6"),
        ({"n_components": 0}, "at least 1, 'parallel' or 'kaiser'"),
        ({"n_components": "kayser"}, "Did you mean 'kaiser'"),
        ({"rotation": "varimacs"}, "Did you mean 'varimax'"),
        ({"tol": -1.0}, "tol"),
        ({"max_iter": 0}, "max_iter"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(RecipeError, match=message):
        FactorAnalysis(**settings).fit(drawn())


def test_bad_calls_of_the_rule_are_refused():
    with pytest.raises(RecipeError, match="quantile"):
        suggest_n_factors(drawn(), quantile=2.0)
    with pytest.raises(DataError, match="no column varies"):
        suggest_n_factors(np.ones((5, 2)))
    with pytest.raises(DataError, match="all 2 columns are constant"):
        FactorAnalysis(1).fit(np.ones((5, 2)))
