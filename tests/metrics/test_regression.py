"""Measures of numbers: the documents' numbers, scikit-learn's, and both forms of R²."""

import numpy as np
import polars as pl
import pytest
import sklearn.metrics as peer
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gradlab import metrics
from gradlab.errors import DataError

Y, GUESS = [1, 2, 3, 4], [1.1, 1.9, 3.2, 3.8]
NUMBERS = hnp.arrays(np.float64, 20, elements=st.floats(-1e3, 1e3))


def least_squares(rng, n=50):
    """Return y, and its least-squares fit with intercept."""
    x, y = rng.normal(size=(n, 3)), 5 + rng.normal(size=n)
    design = np.column_stack([np.ones(n), x])
    return y, design @ np.linalg.lstsq(design, y)[0]


@pytest.mark.catalogue("MET-03", "ERR-55")
def test_the_two_forms_of_r2_differ_unless_fitted_by_least_squares(rng):
    assert metrics.r2(Y, GUESS) == pytest.approx(0.98, abs=1e-12)
    assert metrics.r2_explained(Y, GUESS) == pytest.approx(0.90, abs=1e-12)
    y, fitted = least_squares(rng)
    assert metrics.r2(y, fitted) == pytest.approx(metrics.r2_explained(y, fitted), abs=1e-12)
    assert not metrics.r2_forms(y, fitted).differ
    assert metrics.r2([1, 2, 3], [3, 2, 1]) < 0  # the documents say 0 to 1
    assert metrics.r2_explained([1, 2, 3], [0, 2, 4]) > 1


@given(NUMBERS, NUMBERS)
def test_the_forms_differ_by_what_lean_and_slope_say(y, guess):
    assume(np.std(y) > 1e-3)
    assume(np.std(guess) > 1e-3)
    forms = metrics.r2_forms(y, guess)
    error = y - guess
    covariance = np.mean((error - error.mean()) * (guess - guess.mean()))
    gap = 2 * (covariance - error.mean() ** 2) / np.var(y)
    scale = max(1, abs(forms.residual), abs(forms.explained))
    assert forms.residual == pytest.approx(forms.explained + gap, abs=1e-8 * scale)
    assert forms.mean_error == pytest.approx(error.mean(), abs=1e-9)


@pytest.mark.parametrize(
    ("guess", "words"),
    [
        ([1.5, 2.5, 3.5, 4.5], "0.5 too high on average"),
        ([0, 2, 3, 5], "scatter too wide"),
        ([2.4, 2.5, 2.5, 2.6], "scatter too narrow"),
        ([3, 3, 3, 3], "constant"),
        ([1, 2, 3, 4], "perfect"),
    ],
)
def test_the_sentence_says_why_the_forms_differ(guess, words):
    assert words in metrics.r2_forms(Y, guess).sentence


@pytest.mark.parametrize("outputs", [(), (3,)])
def test_measures_are_those_of_scikit_learn(rng, outputs):
    y = rng.normal(5, 2, (40, *outputs))
    guess = y + rng.normal(size=y.shape)
    pairs = [
        (metrics.r2, lambda y, p: peer.r2_score(y, p, multioutput="variance_weighted")),
        (metrics.mean_squared_error, peer.mean_squared_error),
        (metrics.mean_absolute_error, peer.mean_absolute_error),
        (metrics.mean_absolute_percentage_error, peer.mean_absolute_percentage_error),
    ]
    if not outputs:
        pairs += [
            (metrics.root_mean_squared_error, peer.root_mean_squared_error),
            (metrics.median_absolute_error, peer.median_absolute_error),
            (metrics.max_error, peer.max_error),
        ]
    for ours, theirs in pairs:
        assert ours(y, guess) == pytest.approx(theirs(y, guess), rel=1e-12), ours.__name__


@given(NUMBERS, NUMBERS, st.floats(0.01, 1e6), st.floats(-1e3, 1e3))
def test_r2_does_not_depend_on_units(y, guess, scale, shift):
    assume(np.std(y) > 1)
    moved = metrics.r2(scale * (y + shift), scale * (guess + shift))
    assert moved == pytest.approx(metrics.r2(y, guess), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("scale", [1e-150, 1e30, 1e200])
def test_r2_of_extreme_scales_neither_overflows_nor_vanishes(scale):
    y, guess = scale * np.array(Y), scale * np.array(GUESS)
    assert metrics.r2(y, guess) == pytest.approx(0.98, rel=1e-9)


def test_lists_columns_and_single_precision_are_taken():
    frame = pl.DataFrame({"y": Y, "p": GUESS})
    assert metrics.r2(frame["y"], frame["p"]) == metrics.r2(Y, GUESS)
    single = np.float32(Y), np.float32(GUESS)
    assert metrics.r2(*single) == pytest.approx(0.98, abs=1e-6)


BAD = {
    "same rows": (Y, GUESS[:3]),
    "first in row 2": (Y, [1, np.nan, 2, 3]),
    "is empty": ([], []),
    "must be numbers": (["a", "b"], ["a", "b"]),
    "one number": ([[[1]]], [[1]]),
}


@pytest.mark.parametrize("message", BAD)
def test_what_can_not_be_scored_is_refused(message):
    with pytest.raises(DataError, match=message):
        metrics.mean_squared_error(*BAD[message])


@pytest.mark.parametrize(
    ("measure", "y", "message"),
    [
        (metrics.r2, [2, 2, 2, 2], "y is constant"),
        (metrics.r2, [0, 0, 0, 0], "y is constant"),
        (metrics.mean_absolute_percentage_error, [0, 1, 2, 3], "1 values of y are 0"),
    ],
)
def test_measures_that_are_undefined_say_so(measure, y, message):
    with pytest.raises(DataError, match=message):
        measure(y, GUESS)


def test_r2_of_one_row_is_refused():
    with pytest.raises(DataError, match="at least 2 rows"):
        metrics.r2([1], [1])
