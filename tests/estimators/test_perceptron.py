"""The Perceptron estimator: scikit-learn's contract, the documents' runs, and the fast pass."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils._test_common.instance_generator import PER_ESTIMATOR_XFAIL_CHECKS
from sklearn.utils.estimator_checks import parametrize_with_checks

from gradlab.errors import RecipeError
from gradlab.estimators.perceptron import EXPECTED_FAILED_CHECKS, Perceptron
from gradlab.nn.perceptron import AND, OR, WEATHER, XOR, learning_rule
from gradlab.nn.perceptron.learning import learning_pass

SEPARABLE = {"or": OR, "and": AND, "weather": WEATHER}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks([Perceptron()], expected_failed_checks=lambda _: EXPECTED_FAILED_CHECKS)
def test_it_keeps_scikit_learns_contract(estimator, check):
    check(estimator)


def test_only_checks_that_scikit_learns_own_perceptron_fails_are_expected_to_fail():
    own = next(v for k, v in PER_ESTIMATOR_XFAIL_CHECKS.items() if k.__name__ == "Perceptron")
    assert set(EXPECTED_FAILED_CHECKS) <= set(own)


@pytest.mark.parametrize("coding", ["binary", "signed"])
@pytest.mark.parametrize("table", SEPARABLE.values(), ids=SEPARABLE)
def test_it_makes_the_steps_of_the_learning_rule(table, coding):
    model = Perceptron(coding=coding, initial_bias=-0.5, shuffle=False).fit(*table)
    targets = table.labels if coding == "binary" else table.signed
    history = learning_rule(table.inputs, targets, np.zeros(2), -0.5, coding=coding)
    weights, bias = history.final
    np.testing.assert_array_equal(model.coef_[0], weights)
    assert model.intercept_[0] == bias
    np.testing.assert_array_equal(model.errors_, history.errors)
    assert model.n_epochs_ == history.first_error_free_pass
    assert model.converged_
    assert model.score(*table) == 1


@pytest.mark.parametrize(
    ("settings", "passes", "weights", "bias"),
    [
        ({"initial_bias": -0.5, "learn_bias": False}, 4, (0.46, 0.48), -0.5),
        ({"initial_bias": -0.5}, 2, (0.20, 0.21), -0.20),
        ({}, 3, (0.10, 0.08), -0.10),
        ({"initial_bias": -0.5, "learn_bias": False, "learning_rate": 0.5}, 2, (0.7, 0.6), -0.5),
    ],
    ids="ABCD",
)
def test_it_ends_where_the_reference_runs_end(settings, passes, weights, bias):
    model = Perceptron(shuffle=False, **settings).fit(*WEATHER)
    assert model.n_epochs_ == passes
    np.testing.assert_allclose(model.coef_[0], weights, atol=1e-12)
    assert model.intercept_[0] == pytest.approx(bias, abs=1e-12)


@pytest.mark.parametrize(
    ("table", "settings"), [(XOR, {}), (WEATHER, {"learn_bias": False})], ids=["xor", "run E"]
)
def test_it_says_that_inseparable_rows_were_not_learnt(table, settings):
    model = Perceptron(epochs=50, random_state=0, **settings)
    with pytest.warns(ConvergenceWarning, match="No pass was free of errors within epochs=50"):
        model.fit(*table)
    assert not model.converged_
    assert model.n_epochs_ == 50
    assert model.score(*table) < 1


# Whole numbers make sums of exactly 0, where an other order of summing would change the answer.
@given(st.integers(0, 2**32 - 1), st.integers(1, 200), st.integers(1, 40), st.booleans())
def test_the_pass_in_blocks_equals_the_rule_row_by_row_to_the_last_bit(seed, rows, inputs, whole):
    rng = np.random.default_rng(seed)
    x = rng.integers(-2, 3, (rows, inputs)) * 0.1 if whole else rng.standard_normal((rows, inputs))
    labels = rng.integers(0, 2, rows) if seed % 2 else (x[:, 0] > 0).astype(int)
    history = learning_rule(x, labels, np.zeros(inputs), passes=1)
    weights, bias, errors = learning_pass(x, labels == 1, np.zeros(inputs), 0.0, np.full(rows, 0.1))
    np.testing.assert_array_equal(weights, history.final[0])
    assert bias == history.final[1]
    assert errors == history.errors[0]


def test_three_classes_are_learnt_one_against_the_rest():
    x, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    model = Perceptron(random_state=0)
    with pytest.warns(ConvergenceWarning):
        model.fit(x, names)
    assert model.coef_.shape == (3, 4)
    assert model.decision_function(x).shape == (150, 3)
    assert np.mean(model.predict(x[:50]) == "setosa") == 1  # the one class that is separable
    alone = Perceptron(random_state=0).fit(x, names == "setosa")
    np.testing.assert_array_equal(model.coef_[0], alone.coef_[0])


def test_digits_are_learnt_to_the_level_of_a_linear_model():
    x, y = load_digits(return_X_y=True)
    model = Perceptron(epochs=20, random_state=0)
    with pytest.warns(ConvergenceWarning):
        model.fit(x[:1200], y[:1200])
    assert model.score(x[1200:], y[1200:]) > 0.85


def test_a_row_of_weight_0_is_as_good_as_absent(rng):
    x, y = rng.standard_normal((30, 3)), np.arange(30) % 2
    x[:, 0] += 5 * y
    y_wrong, keep = np.where(np.arange(30) < 6, 1 - y, y), np.arange(30) >= 6
    weighted = Perceptron(random_state=0).fit(x, y_wrong, sample_weight=keep.astype(float))
    removed = Perceptron(random_state=0).fit(x[keep], y[keep])
    np.testing.assert_array_equal(weighted.coef_, removed.coef_)
    assert weighted.n_epochs_ == removed.n_epochs_


def test_a_class_weight_is_the_sample_weight_of_its_rows():
    by_class = Perceptron(class_weight={0: 1, 1: 3}, random_state=0).fit(*WEATHER)
    by_row = Perceptron(random_state=0).fit(
        *WEATHER, sample_weight=np.where(WEATHER.labels, 3.0, 1)
    )
    np.testing.assert_array_equal(by_class.coef_, by_row.coef_)


def test_partial_fit_pass_by_pass_is_fit():
    whole = Perceptron(shuffle=False).fit(*WEATHER)
    parts = Perceptron(shuffle=False)
    for _ in range(whole.n_epochs_):
        parts.partial_fit(*WEATHER, classes=[0, 1])
    np.testing.assert_array_equal(parts.coef_, whole.coef_)
    assert parts.converged_


def test_shuffled_partial_fits_draw_new_orders_and_repeat_with_the_seed(rng):
    x, y = rng.standard_normal((40, 3)), np.arange(40) % 2

    def train():
        model = Perceptron(random_state=0)
        return np.array([model.partial_fit(x, y, [0, 1]).errors_[0] for _ in range(20)])

    np.testing.assert_array_equal(train(), train())
    assert len(np.unique(train())) > 3


def test_warm_start_goes_on_from_the_last_weights():
    model = Perceptron(warm_start=True, random_state=0).fit(*WEATHER)
    weights = model.coef_.copy()
    model.fit(*WEATHER)
    assert model.n_epochs_ == 1
    np.testing.assert_array_equal(model.coef_, weights)


def test_it_works_in_a_pipeline_a_search_and_cross_validation():
    x, y = load_iris(return_X_y=True)
    model = make_pipeline(StandardScaler(), Perceptron(random_state=0))
    assert cross_val_score(model, x[:100], y[:100]).mean() == 1
    grid = {"perceptron__learning_rate": [0.1, 1.0]}
    assert GridSearchCV(model, grid).fit(x[:100], y[:100]).best_score_ == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning_rate": 0}, "needs learning_rate > 0; got 0"),
        ({"learning_rate": "fast"}, "needs learning_rate > 0; got 'fast'"),
        ({"epochs": 0}, "whole number epochs >= 1; got 0"),
        ({"epochs": 1.5}, "whole number epochs >= 1; got 1.5"),
        ({"coding": "ternary"}, "'binary' or 'signed'; got 'ternary'"),
        ({"initial_bias": np.nan}, "finite initial_bias; got nan"),
    ],
)
def test_a_parameter_out_of_range_is_named(settings, message):
    with pytest.raises(RecipeError, match=message):
        Perceptron(**settings).fit(*OR)


def test_what_partial_fit_cannot_do_is_said():
    with pytest.raises(RecipeError, match="can't balance the classes"):
        Perceptron(class_weight="balanced").partial_fit(*OR, classes=[0, 1])
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        Perceptron().partial_fit(*OR)
    model = Perceptron(random_state=0).partial_fit(*OR, classes=[0, 1])
    with pytest.raises(ValueError, match="not the same as on last call"):
        model.partial_fit(*OR, classes=[0, 2])
    with pytest.raises(ValueError, match="not among the classes"):
        model.partial_fit(OR.inputs, OR.labels + 1)


def test_one_class_or_other_classes_on_a_warm_start_are_refused():
    with pytest.raises(ValueError, match="at least 2 classes; got 1 class"):
        Perceptron().fit(OR.inputs, np.ones(4, dtype=int))
    model = Perceptron(warm_start=True, random_state=0).fit(*OR)
    with pytest.raises(ValueError, match="warm_start needs the classes of the last fit"):
        model.fit(OR.inputs, OR.labels + 1)
