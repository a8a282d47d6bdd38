"""Merging the variables that correlate most."""

import hypothesis.strategies as st
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from sklearn.datasets import load_wine
from sklearn.utils.estimator_checks import check_estimator

from gradlab.decomposition.correlation_merge import CorrelationMerge
from gradlab.errors import DataError, RecipeError


def drawn(seed=0, n=80, d=6):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + rng.normal(size=(n, d))


def merged_by_hand(X, n_variables):
    """Do as the documents say, from the data, one correlation matrix a step."""
    standard = (X - X.mean(axis=0)[None, :]) / X.std(axis=0)[None, :]
    groups = [(i, [standard[:, i]]) for i in range(X.shape[1])]
    steps = []
    while len(groups) > n_variables:
        variables = np.array([np.mean(columns, axis=0) for _, columns in groups])
        r = np.corrcoef(variables)
        np.fill_diagonal(r, 0)
        i, j = np.unravel_index(np.abs(r).argmax(), r.shape)
        i, j = min(i, j), max(i, j)
        steps.append((groups[i][0], groups[j][0], r[i, j]))
        sign = np.sign(r[i, j])
        columns = groups[i][1] + [sign * c for c in groups[j][1]]
        groups[i] = (X.shape[1] + len(steps) - 1, columns)
        del groups[j]
    return steps, np.array([np.mean(columns, axis=0) for _, columns in groups]).T


@pytest.mark.catalogue("DIM-05")
@pytest.mark.parametrize("n_variables", [1, 2, 5])
def test_it_merges_the_most_correlated_pair_until_the_number_is_reached(n_variables):
    for X in (load_wine().data, drawn(1)):
        model = CorrelationMerge(n_variables).fit(X)
        steps, variables = merged_by_hand(X, n_variables)
        assert [(m.first, m.second) for m in model.merges_] == [s[:2] for s in steps]
        np.testing.assert_allclose([m.correlation for m in model.merges_], [s[2] for s in steps])
        out = model.transform(X)
        assert out.shape == (len(X), n_variables)
        np.testing.assert_allclose(np.abs(out), np.abs(variables), atol=1e-10)
        assert [m.n_variables for m in model.merges_][-1] == model.n_variables_ == n_variables


def test_a_threshold_leaves_no_pair_above_it():
    X = load_wine().data
    model = CorrelationMerge(threshold=0.5).fit(X)
    left = model.correlations_ - np.eye(model.n_variables_)
    assert np.abs(left).max() < 0.5
    assert all(abs(m.correlation) >= 0.5 for m in model.merges_)
    np.testing.assert_allclose(np.corrcoef(model.transform(X).T), model.correlations_, atol=1e-12)
    assert CorrelationMerge().fit(X).merges_ == CorrelationMerge(threshold=0.7).fit(X).merges_


def test_opposite_variables_are_turned_and_copies_merge_without_loss():
    x = drawn()
    X = np.column_stack([x[:, 0], x[:, 1], -3 * x[:, 0] + 5, x[:, 1], 2 * x[:, 0]])
    model = CorrelationMerge(2).fit(X)
    assert model.labels_.tolist() == [0, 1, 0, 1, 0]
    assert model.signs_.tolist() == [1, 1, -1, 1, 1]
    assert model.get_feature_names_out().tolist() == ["x0−x2+x4", "x1+x3"]
    np.testing.assert_allclose(model.inverse_transform(model.transform(X)), X, atol=1e-9)


def test_the_way_back_is_the_best_linear_guess_from_the_variable():
    X = load_wine().data
    model = CorrelationMerge(4).fit(X)
    variables, back = model.transform(X), model.inverse_transform(model.transform(X))
    for feature, group in enumerate(model.labels_):
        slope, constant = np.polyfit(variables[:, group], X[:, feature], 1)
        expected = slope * variables[:, group] + constant
        np.testing.assert_allclose(back[:, feature], expected, rtol=1e-6)


@given(st.integers(0, 10_000))
def test_units_shifts_and_signs_of_columns_do_not_matter(seed):
    X = drawn(seed)
    rng = np.random.default_rng(seed)
    factors = np.exp(rng.uniform(-20, 20, 6)) * rng.choice([-1, 1], 6)
    moved = (X + rng.normal(size=6)[None, :]) * factors[None, :]
    before, after = CorrelationMerge(2).fit(X), CorrelationMerge(2).fit(moved)
    assert [(m.first, m.second) for m in before.merges_] == [
        (m.first, m.second) for m in after.merges_
    ]
    np.testing.assert_array_equal(before.labels_, after.labels_)
    np.testing.assert_allclose(abs(after.transform(moved)), abs(before.transform(X)), atol=1e-9)


def test_constant_columns_belong_to_no_variable():
    x = drawn()
    X = np.column_stack([np.ones(80), x[:, :3], np.full(80, 0.1), x[:, 3:]])
    model, plain = CorrelationMerge(2).fit(X), CorrelationMerge(2).fit(x)
    assert model.constant_.tolist() == [0, 4]
    assert model.labels_[[0, 4]].tolist() == [-1, -1]
    np.testing.assert_array_equal(np.delete(model.labels_, [0, 4]), plain.labels_)
    np.testing.assert_allclose(model.transform(X), plain.transform(x), atol=1e-12)
    back = model.inverse_transform(model.transform(X))
    np.testing.assert_allclose(back[:, [0, 4]], X[:, [0, 4]])
    assert {n for m in model.merges_ for n in (m.first, m.second)} & {0, 4} == set()


def test_table_names_what_was_merged():
    frame = pl.DataFrame(dict(zip("abc", drawn(2).T[:3], strict=True)))
    model = CorrelationMerge(1).fit(frame)
    table = model.table()
    assert table["step"].to_list() == [1, 2]
    assert table["variables"].to_list() == [2, 1]
    first = table.row(0, named=True)
    assert {first["first"], first["second"]} < {"a", "b", "c"}
    sign = "−" if first["correlation"] < 0 else "+"
    merged = f"({first['first']}{sign}{first['second']})"
    assert merged in {table["first"][1], table["second"][1]}
    assert CorrelationMerge(3).fit(frame).table().height == 0
    out = model.set_output(transform="polars").transform(frame)
    assert out.columns == model.get_feature_names_out().tolist()


def test_long_groups_have_short_names():
    x = drawn()[:, :1]
    X = x + 0.01 * drawn(3, d=7)
    assert CorrelationMerge(1).fit(X).get_feature_names_out() == ["x0+x1+x2+x3+3 more"]


def test_it_keeps_scikit_learns_contract():
    results = check_estimator(CorrelationMerge(), on_fail=None, on_skip=None)
    assert not {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}


def test_scales_of_1e30_and_float32():
    X = drawn()
    expected = CorrelationMerge(2).fit_transform(X)
    scaled = (X * 10.0 ** np.array([[30, -30, 0, 5, -5, 1]])).astype(np.float32)
    out = CorrelationMerge(2).fit_transform(scaled)
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, expected, atol=1e-4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_variables": 0}, "n_variables is a number"),
        ({"n_variables": 7}, "at most the number of columns that vary, 6"),
        ({"threshold": 2.0}, "threshold is a number from 0 to 1"),
        ({"threshold": True}, "threshold is a number from 0 to 1"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(RecipeError, match=message):
        CorrelationMerge(**settings).fit(drawn())


def test_bad_data_is_refused():
    with pytest.raises(DataError, match="all 3 columns are constant"):
        CorrelationMerge(1).fit(np.ones((4, 3)))
    with pytest.raises(ValueError, match="NaN"):
        CorrelationMerge(1).fit([[np.nan, 1.0], [2.0, 3.0]])
    with pytest.raises(ValueError, match="minimum of 2"):
        CorrelationMerge(1).fit([[1.0, 2.0]])
    with pytest.raises(DataError, match="rows of 2 variables"):
        CorrelationMerge(2).fit(drawn()).inverse_transform(np.zeros((1, 3)))
