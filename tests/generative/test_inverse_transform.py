"""Sampling by the inverse of a distribution function."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import expon, gamma, gaussian_kde, norm, poisson

from gradlab.errors import DataError, RecipeError
from gradlab.generative.inverse_transform import (
    exponential,
    from_cdf,
    from_distribution,
    from_kernel,
    from_values,
)


@pytest.mark.catalogue("GEN-03")
def test_exponential_is_the_formula_and_passes_the_test():
    """u = 0.5 gives ln 2 = 0.693147; 5,000 samples are exponential, and not of another rate."""
    assert float(exponential(1.0).inverse(0.5)) == pytest.approx(0.693147, abs=5e-7)
    u = np.array([[0.1, 0.9], [0.5, 1e-12]])
    assert exponential(2.5).inverse(u) == pytest.approx(-np.log(1 - u) / 2.5, rel=1e-4)
    samples = exponential(2.5).sample(5000, seed=1)
    assert (samples == exponential(2.5).sample(5000, seed=1)).all()
    assert exponential(2.5).test(samples).p_value > 0.01
    assert exponential(2.0).test(samples).p_value < 1e-6


@pytest.mark.parametrize(
    "distribution",
    [
        from_distribution(norm(2, 3)),
        from_distribution(gamma(a=2.0)),
        from_cdf(norm(2, 3).cdf),
        from_cdf(lambda x: np.clip(x, 0, 1) ** 2, bracket=(0.0, 1.0)),
        from_kernel([0.0, 1.0, 5.0]),
    ],
)
def test_samples_pass_the_test(distribution):
    found = distribution.test(distribution.sample(3000))
    assert found.p_value > 0.01
    assert distribution.test(distribution.sample(3000) + 1).p_value < 1e-6


def test_any_function_that_rises_is_inverted_to_the_last_digits():
    u = np.linspace(0.001, 0.999, 200)
    assert from_cdf(norm(2, 3).cdf).inverse(u) == pytest.approx(norm(2, 3).ppf(u), rel=1e-12)
    far = from_cdf(norm(1e200, 1e199).cdf).inverse(u)
    assert far == pytest.approx(norm(1e200, 1e199).ppf(u), rel=1e-12)
    # A function with jumps: the smallest x that has the share.
    counts = from_cdf(lambda x: poisson(3).cdf(np.floor(x))).inverse(u)
    assert counts == pytest.approx(poisson(3).ppf(u), abs=1e-12)
    assert from_distribution(poisson(3)).inverse(u) == pytest.approx(counts, abs=1e-12)


def test_kernel_estimate_is_inverted(rng):
    values = np.concatenate([rng.normal(-4, 0.3, 200), rng.normal(3, 2, 100)])
    estimate = from_kernel(values)
    u = np.linspace(1e-6, 1 - 1e-6, 300)
    assert estimate.cdf(estimate.inverse(u)) == pytest.approx(u, abs=1e-12)
    # SciPy's estimate, whose bandwidth is a share of the deviation.
    known = gaussian_kde(values, bw_method=0.5 / values.std(ddof=1))
    mine = from_kernel(values, bandwidth=0.5)
    places = np.linspace(-6, 8, 15)
    plain = [known.integrate_box_1d(-np.inf, x) for x in places]
    assert mine.cdf(places) == pytest.approx(plain, abs=1e-9)


def test_gap_between_kernels_is_crossed():
    apart = from_kernel([0.0, 1e6], bandwidth=1.0)
    assert apart.inverse(np.array([0.25, 0.75])) == pytest.approx([0.0, 1e6], abs=1e-6)


@settings(max_examples=40)
@given(st.lists(st.sampled_from([0.0, 1.0, 1.5, 2.0, -7.0, 1e5]), min_size=1, max_size=20))
def test_empirical_inverses_belong_to_their_functions(values):
    """F⁻¹(u) is the smallest x with F(x) ≥ u, whatever numbers repeat."""
    u = np.linspace(0.013, 0.987, 41)
    steps = from_values(values, "step")
    assert (steps.inverse(u) == np.quantile(values, u, method="inverted_cdf")).all()
    assert (steps.cdf(steps.inverse(u)) >= u - 1e-12).all()
    lines = from_values(values)
    assert lines.inverse(u) == pytest.approx(np.quantile(values, u, method="hazen"), rel=1e-12)
    assert (lines.cdf(lines.inverse(u)) >= u - 1e-9).all()
    assert (np.diff(lines.cdf(np.linspace(-8, 1e5, 101))) >= 0).all()


def test_empirical_samples_are_like_the_values(rng):
    values = rng.gamma(2.0, size=4000)
    fresh = from_distribution(gamma(a=2.0))
    for distribution in (from_values(values), from_values(values, "step"), from_kernel(values)):
        assert fresh.test(distribution.sample(2000)).p_value > 0.001
    assert set(from_values([1.0, 2.0], "step").sample(50)) == {1.0, 2.0}
    assert from_distribution(expon()).sample(1).shape == (1,)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: exponential(0.0), RecipeError, "rate: expected a number above 0"),
        (lambda: exponential().inverse(1.0), DataError, "strictly between 0 and 1"),
        (lambda: exponential().inverse("half"), DataError, "strictly between 0 and 1"),
        (lambda: exponential().sample(0), RecipeError, "n: expected a whole number"),
        (lambda: from_distribution(norm), RecipeError, "a frozen distribution"),
        (lambda: from_distribution(norm(0, -1)), RecipeError, "is no distribution"),
        (lambda: from_cdf(norm.cdf, bracket=(1.0, 0.0)), RecipeError, "low < high"),
        (lambda: from_cdf(norm.cdf, bracket=(-1.0, 0.0)).inverse(0.9), DataError, "Widen"),
        (lambda: from_cdf(norm.sf).inverse([0.2, 0.7]), DataError, "never"),
        (lambda: from_cdf(lambda x: x).inverse(0.5), DataError, "a share from 0 to 1"),
        (lambda: from_cdf(lambda x: 0 * x + 0.5).inverse(0.3), DataError, "never gets below"),
        (lambda: from_values([1.0, np.nan]), DataError, "row 1"),
        (lambda: from_values(["a"]), DataError, "expected numbers"),
        (lambda: from_values([]), DataError, "at least 1 example"),
        (lambda: from_values(np.ones((3, 2))), DataError, "Take one column"),
        (lambda: from_values([1.0], "cubic"), RecipeError, "Known: linear, step"),
        (lambda: from_kernel([2.0, 2.0]), DataError, "Give bandwidth="),
        (lambda: from_kernel([2.0], -1.0), RecipeError, "bandwidth"),
    ],
)
def test_what_has_no_inverse(make, error, words):
    with pytest.raises(error, match=words):
        make()
