"""The numbers against SciPy, published tables and hand formulas; the promises by simulation."""

import importlib.util
import subprocess
import sys
from math import sqrt
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gradlab.errors import DataError, RecipeError
from gradlab.lab.effects import axis_effects, seed_means, share_of_variance
from gradlab.lab.pairs import holm, required_seeds
from gradlab.lab.ranking import rank_axis
from gradlab.lab.ranks import nemenyi_critical_difference

NAMES = ["sgd", "adam", "rmsprop", "lion"]


def load_benchmark():
    path = Path(__file__).parents[2] / "benchmarks" / "false_verdicts.py"
    spec = importlib.util.spec_from_file_location("false_verdicts", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


false_verdicts = load_benchmark()


@pytest.fixture
def scores(rng):
    """Four levels, ten paired seeds; adam ahead, sgd behind."""
    level = np.array([[0.90], [0.95], [0.945], [0.92]])
    return level + 0.01 * rng.normal(size=(1, 10)) + 0.008 * rng.normal(size=(4, 10))


# --- tests and intervals against SciPy ---------------------------------------------------------


def test_paired_t_p_and_interval_are_scipys(scores):
    ranking = rank_axis("optimizer", NAMES, scores)
    for pair in ranking.pairs:
        a, b = (scores[NAMES.index(name)] for name in (pair.level, pair.reference))
        oracle = stats.ttest_rel(a, b)
        ends = oracle.confidence_interval(pair.confidence)
        assert pair.p == pytest.approx(oracle.pvalue)
        assert (pair.low, pair.high) == pytest.approx((ends.low, ends.high))
        assert pair.confidence >= 0.95
    assert len(ranking.pairs) == 6


def test_wilcoxon_p_is_scipys(scores):
    for pair in rank_axis("optimizer", NAMES, scores, test="wilcoxon").pairs:
        a, b = (scores[NAMES.index(name)] for name in (pair.level, pair.reference))
        assert pair.p == pytest.approx(stats.wilcoxon(a, b).pvalue)


def test_welch_is_scipys_also_with_unequal_counts(scores):
    scores[1, 6:] = np.nan
    ranking = rank_axis("optimizer", NAMES, scores, test="welch")
    for pair in ranking.pairs:
        a, b = (scores[NAMES.index(name)] for name in (pair.level, pair.reference))
        oracle = stats.ttest_ind(a, b, equal_var=False, nan_policy="omit")
        ends = oracle.confidence_interval(pair.confidence)
        assert pair.p == pytest.approx(oracle.pvalue)
        assert (pair.low, pair.high) == pytest.approx((float(ends.low), float(ends.high)))
    assert ranking.friedman is None
    assert ranking.rows[0].average_rank is None


def test_mean_has_t_interval_or_bca_bootstrap(scores):
    row = rank_axis("optimizer", NAMES, scores).row("sgd")
    low, high = stats.t.interval(0.95, 9, scores[0].mean(), stats.sem(scores[0]))
    assert (row.mean, row.low, row.high) == pytest.approx((scores[0].mean(), low, high))
    assert row.std == pytest.approx(scores[0].std(ddof=1))

    row = rank_axis("optimizer", NAMES, scores, mean_interval="bootstrap").row("sgd")
    oracle = stats.bootstrap(
        (scores[0],), np.mean, n_resamples=2000, method="BCa", rng=np.random.default_rng(0)
    ).confidence_interval
    assert (row.low, row.high) == pytest.approx((oracle.low, oracle.high))


def test_resample_correction_is_nadeau_and_bengios_formula(scores):
    pair = rank_axis("optimizer", NAMES, scores, resample_correction=0.25).difference("sgd", "adam")
    d = scores[0] - scores[1]
    t = d.mean() / sqrt(d.var(ddof=1) * (1 / 10 + 0.25))
    assert pair.p == pytest.approx(2 * stats.t.sf(abs(t), 9))


def test_interval_leaves_out_zero_exactly_when_the_corrected_p_is_small(rng):
    seen = set()
    for _ in range(60):
        scores = rng.normal(size=(5, 1)) * 0.8 + rng.normal(size=(5, 6))
        for pair in rank_axis("axis", list("abcde"), scores, unit="R²").pairs:
            separated = pair.p_corrected < 0.05
            assert separated == (pair.low > 0 or pair.high < 0)
            seen.add(separated)
    assert seen == {True, False}


def test_corrected_p_of_a_ranking_is_holm_over_all_pairs(scores):
    pairs = rank_axis("optimizer", NAMES, scores).pairs
    expected = holm(np.array([pair.p for pair in pairs]))
    assert [pair.p_corrected for pair in pairs] == pytest.approx(expected.tolist())


def test_holm_by_hand():
    # Sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1 and made monotone: 0.02, 0.03, 0.06, 0.06.
    corrected = holm(np.array([0.01, 0.04, 0.03, 0.005]))
    assert corrected.tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])


# --- ranks -------------------------------------------------------------------------------------


def test_friedman_and_average_ranks_are_scipys_also_with_ties(scores):
    tied = np.round(scores, 2)
    ranking = rank_axis("optimizer", NAMES, tied)
    oracle = stats.friedmanchisquare(*tied)
    assert (ranking.friedman, ranking.friedman_p) == pytest.approx(
        (oracle.statistic, oracle.pvalue)
    )
    ranks = stats.rankdata(-tied, axis=0).mean(axis=1)
    assert [ranking.row(name).average_rank for name in NAMES] == pytest.approx(ranks.tolist())


@pytest.mark.parametrize(
    ("k", "q"),
    list(enumerate([1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164], start=2)),
)
def test_nemenyi_quantiles_are_demsars_table_5(k, q):
    n = 14
    found = nemenyi_critical_difference(k, n) / sqrt(k * (k + 1) / (6 * n))
    assert found == pytest.approx(q, abs=1.1e-3)  # the table rounds to 3 decimals, not always up


def test_cliques_are_the_longest_runs_within_the_critical_difference():
    # Ranks 1, 2, 3, 4 in every block; CD for 4 levels over 14 blocks is 1.254.
    scores = np.array([[4.0], [3.0], [2.0], [1.0]]) + np.zeros((4, 14))
    ranking = rank_axis("axis", list("abcd"), scores, unit="R²", resolution=0.1)
    assert ranking.critical_difference == pytest.approx(1.2536, abs=1e-3)
    assert ranking.cliques == (("a", "b"), ("b", "c"), ("c", "d"))


def test_all_ties_give_friedman_p_1():
    ranking = rank_axis("axis", list("abc"), np.full((3, 4), 0.9))
    assert (ranking.friedman, ranking.friedman_p) == (0.0, 1.0)
    assert ranking.share_of_variance is None


# --- verdicts ----------------------------------------------------------------------------------


def test_identical_scores_have_p_1_and_are_practically_equal(scores):
    pair = rank_axis("axis", ["a", "b"], scores[[0, 0]]).pairs[0]
    assert (pair.p, pair.mean, pair.low, pair.high) == (1.0, 0.0, 0.0, 0.0)
    assert pair.verdict == "practically equal"
    assert pair.seeds_needed is None


def test_two_seeds_without_a_difference_do_not_prove_equality_at_a_coarse_resolution():
    scores = np.full((2, 2), 350 / 360)
    pair = rank_axis("axis", ["a", "b"], scores, resolution=1 / 360).pairs[0]
    assert pair.p == 1.0
    assert pair.verdict == "cannot be told apart"


def test_constant_difference_has_the_spread_of_the_smallest_step_without_a_resolution():
    scores = np.array([[0.1, 0.5, 0.9, 0.7], [0.2, 0.6, 1.0, 0.8]])  # steps of 0.1
    pair = rank_axis("axis", ["a", "b"], scores, unit="R²").pairs[0]
    assert pair.p == pytest.approx(2 * stats.t.sf(sqrt(6) * sqrt(4), 3))


def test_rounding_of_float32_scores_is_not_a_spread():
    hits = np.array([[340, 341, 345, 350, 352], [341, 342, 346, 351, 353]])
    exact, rounded = hits / 360, (hits / 360).astype(np.float32).astype(float)
    p = [rank_axis("axis", ["a", "b"], scores).pairs[0].p for scores in (exact, rounded)]
    assert p[0] == pytest.approx(p[1], rel=1e-3)
    assert p[0] == pytest.approx(2 * stats.t.sf(sqrt(6) * sqrt(5), 4))


def test_tiny_true_spreads_are_kept_without_a_resolution(rng):
    first = np.arange(5.0)
    second = first + 0.1 + 0.001 * rng.normal(size=5)
    pair = rank_axis("axis", ["a", "b"], np.stack([first, second]), unit="R²").pairs[0]
    assert pair.p == pytest.approx(stats.ttest_rel(first, second).pvalue)


def test_constant_difference_far_above_the_resolution_is_real():
    scores = np.array([[0.9], [0.1]]) + np.zeros((2, 5))
    ranking = rank_axis("axis", ["a", "b"], scores, resolution=1 / 360)
    assert ranking.row("b").verdict == "worse"
    # se = (1/360) / sqrt(6) / sqrt(5)
    t = 0.8 / (1 / 360 / sqrt(6) / sqrt(5))
    assert ranking.pairs[0].p == pytest.approx(2 * stats.t.sf(t, 4))


def test_a_constant_difference_among_scores_closer_than_rounding_is_tested_all_the_same():
    row = 1 + 1e-7 * np.arange(6)
    pair = rank_axis("x", ["a", "b"], np.stack([row, row + 5e-7])).pairs[0]
    assert 0 < pair.p < 1
    assert pair.std > 0


def test_constant_independent_samples_have_the_spread_of_the_step_between_them():
    scores = np.array([[0.9], [0.8]]) + np.zeros((2, 4))
    pair = rank_axis("axis", ["a", "b"], scores, test="welch").pairs[0]
    assert pair.p == pytest.approx(2 * stats.t.sf(sqrt(6) * sqrt(4), 6))
    same = rank_axis("axis", ["a", "b"], scores[[0, 0]], test="welch").pairs[0]
    assert (same.p, same.low, same.high) == (1.0, 0.0, 0.0)


def test_a_real_difference_within_the_margin_is_practically_equal(rng):
    first = 0.9 + 0.01 * rng.normal(size=20)
    scores = np.stack([first, first - 0.002 + 0.0005 * rng.normal(size=20)])
    ranking = rank_axis("axis", ["a", "b"], scores)
    assert ranking.pairs[0].p_corrected < 1e-6
    assert ranking.row("b").verdict == "practically equal"
    assert rank_axis("axis", ["a", "b"], scores, margin=0.001).row("b").verdict == "worse"


def test_the_same_difference_counts_for_leader_and_base(scores):
    ranking = rank_axis("optimizer", NAMES, scores, base="sgd")
    leader, base = ranking.rows[0], ranking.row("sgd")
    assert leader.verdict == "leader"
    assert leader.difference_to_leader is None
    assert base.difference_to_base is None
    assert leader.difference_to_base == base.difference_to_leader.flipped()
    assert leader.difference_to_base.verdict == "better"
    assert base.verdict == "worse"


def test_single_scores_get_a_mean_and_no_interval():
    scores = np.array([[0.8, 0.82, 0.81], [0.99, np.nan, np.nan], [np.nan] * 3])
    ranking = rank_axis("axis", ["a", "b", "c"], scores)
    assert [row.level for row in ranking.rows] == ["a", "b", "c"]  # only a can be tested
    single = ranking.row("b")
    assert (single.mean, single.low, single.n, single.missing) == (0.99, None, 1, 2)
    assert single.difference_to_leader.mean == pytest.approx(0.19)
    assert single.difference_to_leader.p is None
    assert ranking.row("c").verdict == "no score"
    assert ranking.row("c").difference_to_leader is None


def test_one_score_each_is_ranked_without_verdicts():
    ranking = rank_axis("axis", ["a", "b"], np.array([[0.8], [0.9]]))
    assert ranking.leader == "b"
    assert ranking.row("a").verdict == "cannot be told apart"
    assert ranking.complete_blocks == 1
    assert ranking.friedman is None


def test_missing_scores_leave_pairs_on_the_seeds_they_share(scores):
    scores[0, :3] = np.nan
    ranking = rank_axis("optimizer", NAMES, scores)
    pair = ranking.difference("sgd", "adam")
    assert pair.n == 7
    assert pair.p == pytest.approx(stats.ttest_rel(scores[0, 3:], scores[1, 3:]).pvalue)
    assert ranking.complete_blocks == 7


def test_a_level_that_beats_the_leader_on_shared_seeds_gets_no_verdict_from_gaps():
    # b wins on each seed that both have; a's mean is higher by seeds that b lacks.
    a = [0.50, 0.51, 0.50, 0.51, 0.99, 0.99, 0.99, 0.99]
    b = [0.60, 0.61, 0.601, 0.61] + [np.nan] * 4
    ranking = rank_axis("axis", ["a", "b"], np.array([a, b]))
    assert ranking.leader == "a"
    assert ranking.pairs[0].verdict == "better"
    assert ranking.row("b").verdict == "cannot be told apart"


# --- laws --------------------------------------------------------------------------------------

matrices = st.builds(
    lambda seed, k, n: (
        np.random.default_rng(seed).normal(size=(k, n))
        + np.random.default_rng(seed + 1).normal(size=(k, 1))
    ),
    st.integers(0, 2**32),
    st.integers(2, 5),
    st.integers(2, 8),
)


def findings(ranking):
    """Everything a ranking says, by level and pair, for comparison up to rounding."""
    numbers, words = {}, {}
    for row in ranking.rows:
        numbers[row.level] = (row.mean, row.low, row.high, row.std, row.average_rank)
        words[row.level] = row.verdict
    for pair in ranking.pairs:
        key = f"{pair.level}-{pair.reference}"
        numbers[key] = (pair.mean, pair.low, pair.high, pair.p, pair.p_corrected)
        words[key] = pair.verdict
    numbers["all"] = (ranking.friedman or 0.0, ranking.share_of_variance)
    words["order"] = [row.level for row in ranking.rows]
    words["cliques"] = ranking.cliques
    return numbers, words


def assert_same(left, right):
    assert left[1] == right[1]
    assert left[0].keys() == right[0].keys()
    for key, values in left[0].items():
        assert values == pytest.approx(right[0][key], rel=1e-6, abs=1e-9), key


@settings(max_examples=25)
@given(matrices, st.randoms(use_true_random=False))
def test_order_of_seeds_and_levels_changes_nothing(scores, random):
    levels = [f"level {i}" for i in range(len(scores))]
    expected = findings(rank_axis("axis", levels, scores, unit="R²"))
    rows, columns = list(range(len(scores))), list(range(scores.shape[1]))
    random.shuffle(rows)
    random.shuffle(columns)
    shuffled = rank_axis("axis", [levels[i] for i in rows], scores[rows][:, columns], unit="R²")
    assert_same(findings(shuffled), expected)


@settings(max_examples=25)
@given(matrices, st.floats(-10, 10))
def test_a_shift_of_all_scores_shifts_means_only(scores, shift):
    levels = [f"level {i}" for i in range(len(scores))]
    numbers, words = findings(rank_axis("axis", levels, scores, unit="R²"))
    for level in levels:
        mean, low, high, *rest = numbers[level]
        numbers[level] = (mean + shift, low + shift, high + shift, *rest)
    shifted = rank_axis("axis", levels, scores + shift, unit="R²")
    assert_same(findings(shifted), (numbers, words))


@settings(max_examples=25)
@given(matrices)
def test_negated_scores_where_lower_is_better_rank_alike(scores):
    levels = [f"level {i}" for i in range(len(scores))]
    up = rank_axis("axis", levels, scores, unit="R²")
    down = rank_axis("axis", levels, -scores, unit="R²", higher_is_better=False)
    assert findings(up)[1] == findings(down)[1]
    for plus, minus in zip(up.pairs, down.pairs, strict=True):
        assert (plus.mean, plus.low, plus.high) == pytest.approx(
            (-minus.mean, -minus.high, -minus.low)
        )
        assert plus.p_corrected == pytest.approx(minus.p_corrected)
        assert plus.flipped().flipped() == plus


# --- how many seeds ----------------------------------------------------------------------------


@pytest.mark.parametrize("independent", [False, True])
def test_required_seeds_is_the_least_number_with_the_power(independent):
    def power(n):
        freedom = 2 * n - 2 if independent else n - 1
        return stats.nct.sf(stats.t.isf(0.025, freedom), freedom, 2 / 3 * sqrt(n))

    n = required_seeds(3.0, 2.0, independent=independent)
    assert power(n) >= 0.8 > power(n - 1)


def test_required_seeds_at_the_edges():
    assert required_seeds(1.0, 0.0) is None
    assert required_seeds(0.0, 0.1) == 2
    assert required_seeds(1.0, 1e-6) is None
    assert required_seeds(1.0, -0.5) == required_seeds(1.0, 0.5)
    assert required_seeds(1.0, 0.5, alpha=0.001) > required_seeds(1.0, 0.5)


def test_resampling_puts_some_effects_out_of_reach_of_any_number_of_seeds():
    assert required_seeds(1.0, 1.0, resample_correction=0.01) is not None
    assert required_seeds(1.0, 1.0, resample_correction=0.25) is None


def test_a_two_point_effect_is_found_with_the_seeds_asked_for():
    seeds = required_seeds(0.03, 0.02)

    def draw(study):
        scores = 0.93 + 0.03 / sqrt(2) * np.random.default_rng((2, study)).normal(size=(2, seeds))
        scores[0] += 0.02
        return scores

    share = false_verdicts.found_share(draw, 400)
    assert share.high >= 0.8
    assert share.low > 0.7  # and not by luck of a wide interval


def test_seeds_needed_speaks_at_the_level_of_the_pairs_holm_step():
    scores = np.array([[0.0], [0.4], [0.5]]) + np.random.default_rng(1).normal(size=(3, 8))
    ranking = rank_axis("axis", ["a", "b", "c"], scores, unit="R²")
    row = ranking.rows[2]
    pair = row.difference_to_leader
    assert row.verdict == "cannot be told apart"
    assert pair.confidence == pytest.approx(1 - 0.05 / 3)
    assert row.seeds_needed == required_seeds(pair.std, pair.mean, alpha=0.05 / 3)


# --- false verdicts ----------------------------------------------------------------------------


A_A_STUDIES = [
    (false_verdicts.normal, 2, None),
    (false_verdicts.normal, 8, None),
    (false_verdicts.heavy_tailed, 8, None),
    (false_verdicts.discrete, 8, 1 / 360),
    (false_verdicts.coarse, 2, 1 / 360),
]


def a_a_share(draw, levels, resolution, n_studies):
    def scores(study):
        return draw(np.random.default_rng((3, study)), levels, 5)

    return false_verdicts.false_better_share(scores, n_studies, resolution=resolution)


@pytest.mark.parametrize(("draw", "levels", "resolution"), A_A_STUDIES)
def test_a_a_studies_seldom_have_any_false_verdict(draw, levels, resolution):
    # Few studies: finds the error of uncorrected tests (40 % with 8 levels), not a shade too much.
    assert a_a_share(draw, levels, resolution, 60).low <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize(("draw", "levels", "resolution"), A_A_STUDIES)
def test_any_false_verdict_in_an_a_a_study_is_as_rare_as_promised(draw, levels, resolution):
    assert a_a_share(draw, levels, resolution, 1000).low <= 0.05


# --- variance ----------------------------------------------------------------------------------


def test_share_of_variance_recovers_known_components(rng):
    effects = np.array([[-1.0], [0.0], [1.0]])  # variance 2/3
    blocks = rng.normal(size=(1, 20_000))  # variance 1
    scores = effects + blocks + rng.normal(size=(3, 20_000))  # rest 1
    # Four standard errors of a variance from 20,000 draws are 4 sqrt(2 / 20,000) = 4 %.
    assert share_of_variance(scores) == pytest.approx((2 / 3) / (2 / 3 + 2), rel=0.04)


def test_share_of_variance_of_an_axis_without_effect_is_near_zero_on_average(rng):
    shares = [share_of_variance(rng.normal(size=(4, 10))) for _ in range(300)]
    eta = 3 / 39
    assert np.mean(shares) < eta / 2


def test_axis_effects_of_a_balanced_design_are_the_classical_sums_of_squares(rng):
    a, b, repeat = (x.ravel() for x in np.meshgrid(range(3), range(4), range(2), indexing="ij"))
    y = a * 1.0 + (b == 2) + 0.1 * repeat + rng.normal(size=24)
    found = axis_effects({"a": a.tolist(), "b": b.tolist()}, y)
    total = np.sum((y - y.mean()) ** 2)
    by_axis = {effect.axis: effect for effect in found.effects}
    for axis, codes, k in (("a", a, 3), ("b", b, 4)):
        means = np.array([y[codes == level].mean() for level in range(k)])
        square = 24 / k * np.sum((means - y.mean()) ** 2)
        assert by_axis[axis].share == pytest.approx(square / total)
        assert list(by_axis[axis].marginal_means.values()) == pytest.approx(means.tolist())
    assert sum(effect.share for effect in found.effects) + found.residual == pytest.approx(1)


def test_axis_effects_of_one_axis_are_scipys_one_way_anova(rng):
    y = rng.normal(size=15)
    axis = [*"aaaabbbbbbccccc"]
    effect = axis_effects({"axis": axis}, y).effects[0]
    groups = [y[[name == level for name in axis]] for level in "abc"]
    oracle = stats.f_oneway(*groups)
    assert (effect.f, effect.p) == pytest.approx((oracle.statistic, oracle.pvalue))


def test_axis_effects_of_a_random_design_separate_axes_that_are_mixed_up(rng):
    a = rng.integers(0, 2, size=200)
    b = np.where(rng.random(200) < 0.8, a, 1 - a)  # b mostly follows a and does nothing
    y = 1.0 * a + 0.5 * rng.normal(size=200)
    found = axis_effects({"a": a.tolist(), "b": b.tolist()}, y)
    assert found.effects[0].axis == "a"
    assert found.effects[1].share < 0.02
    means = found.effects[0].marginal_means
    # The standard error of the slope is about 0.5 / sqrt(200 / 4 * (1 - 0.6²)) = 0.09.
    assert means[1] - means[0] == pytest.approx(1.0, abs=4 * 0.09)


def test_axis_effects_at_the_edges():
    constant = axis_effects({"a": [0, 1, 0]}, np.full(3, 0.5))
    assert constant.effects[0].share == 0.0
    one_level = axis_effects({"a": [0, 0, 0]}, np.array([1.0, 2.0, np.nan]))
    assert (one_level.n, one_level.effects[0].p, one_level.residual) == (2, None, 1.0)
    with pytest.raises(DataError, match="Axis 'a' has 1 runs, the scores 2"):
        axis_effects({"a": [0]}, np.array([1.0, 2.0]))
    with pytest.raises(DataError, match="infinite"):
        axis_effects({"a": [0, 1]}, np.array([1.0, np.inf]))
    with pytest.raises(DataError, match="at least 2 scores; got 1"):
        axis_effects({"a": [0, 1]}, np.array([1.0, np.nan]))


def test_blocks_that_share_a_seed_are_averaged():
    scores = np.array([[1.0, 3.0, 10.0, 20.0], [1.0, np.nan, 2.0, 2.0]])
    means = seed_means(scores, np.array([5, 5, 4, 4]))
    np.testing.assert_array_equal(means, [[15.0, 2.0], [2.0, np.nan]])


# --- bad input ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"levels": ["a"]}, DataError, "got 1 levels and 2 rows"),
        ({"levels": ["a", "a"]}, DataError, "'a' is there twice"),
        ({"scores": np.array([[1.0], [np.inf]])}, DataError, "'b' has an infinite score"),
        ({"base": "c"}, RecipeError, "Unknown base level 'c'"),
        ({"confidence": 1.0}, RecipeError, r"between 0 and 1, e.g. 0.95; got 1.0"),
        ({"resolution": 0.0}, RecipeError, "resolution is above 0"),
        ({"resample_correction": -0.1}, RecipeError, "at least 0; got -0.1"),
        ({"margin": -1.0}, RecipeError, "margin is at least 0; got -1.0"),
        ({"unit": "loss"}, RecipeError, "no usual margin for 'loss'"),
        ({"test": "welch", "resample_correction": 0.1}, RecipeError, "for paired tests"),
    ],
)
def test_bad_input_is_named(options, error, message):
    given = {"levels": ["a", "b"], "scores": np.array([[1.0, 2.0], [2.0, 2.0]])} | options
    with pytest.raises(error, match=message):
        rank_axis("axis", **given)


def test_bad_power_questions_are_named():
    with pytest.raises(RecipeError, match=r"power=1\.5"):
        required_seeds(1.0, 1.0, power=1.5)
    with pytest.raises(RecipeError, match=r"std_of_differences=-1\.0"):
        required_seeds(-1.0, 1.0)


def test_import_leaves_scipy_alone():
    code = "import sys, gradlab.lab.verdicts, gradlab.lab.ranking; print('scipy' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "False", result.stderr


def test_intervals_of_means_end_where_scores_do():
    wide = np.array([[0.7, 1.0, 1.0], [0.0, 0.3, 0.0]])
    shares = rank_axis("x", ["a", "b"], wide)
    assert shares.rows[0].high == 1
    assert shares.rows[1].low == 0
    assert rank_axis("x", ["a", "b"], wide, unit="R²").rows[1].low < 0
