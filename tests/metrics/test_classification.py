"""Confusion matrix and rates: the documents' numbers, scikit-learn's, and what is undefined."""

import math

import numpy as np
import pytest
import sklearn.metrics as peer
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gradlab import metrics
from gradlab.errors import DataError

LABELS = hnp.arrays(np.int64, 30, elements=st.integers(0, 3))
BITS = hnp.arrays(np.int64, 30, elements=st.integers(0, 1))
few = settings(max_examples=30)


@pytest.fixture
def example():
    """TN 50, FN 10, FP 5, TP 35."""
    y = np.repeat([0, 1, 0, 1], [50, 10, 5, 35])
    prediction = np.repeat([0, 0, 1, 1], [50, 10, 5, 35])
    return y, prediction


@pytest.mark.catalogue("MET-05")
def test_rows_of_the_matrix_are_the_model_and_columns_the_truth(example):
    matrix = metrics.confusion_matrix(*example)
    assert matrix.counts.tolist() == [[50, 10], [5, 35]]  # ((TN, FN), (FP, TP))
    assert matrix.counts.sum() == matrix.n_rows == 100
    np.testing.assert_array_equal(matrix.transposed, peer.confusion_matrix(*example))
    assert matrix.of(1) == metrics.Cells(50, 10, 5, 35)
    assert matrix.of(0) == metrics.Cells(35, 5, 10, 50)


@pytest.mark.catalogue("MET-06", "MET-07", "MET-09", "MET-10", "ERR-46", "WE-36")
def test_the_documents_example(example):
    def told(value):
        return pytest.approx(value, abs=5e-7)

    assert metrics.accuracy(*example) == told(0.85)
    assert metrics.recall(*example) == told(0.777778)
    assert metrics.specificity(*example) == told(0.909091)
    # What the documents print as specificity, TN / (TN + FN):
    assert metrics.negative_predictive_value(*example) == told(0.833333)
    assert metrics.precision(*example) == told(0.875)
    assert metrics.false_alarm_rate(*example) == told(0.090909)
    assert metrics.f_score(*example) == told(0.823529)
    # The other numbers of WE-36 once more, in one place.
    assert metrics.r2([1, 2, 3, 4], [1.1, 1.9, 3.2, 3.8]) == told(0.98)
    assert metrics.r2_explained([1, 2, 3, 4], [1.1, 1.9, 3.2, 3.8]) == told(0.90)
    assert metrics.roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]) == told(0.75)
    black = np.zeros((4, 4), np.uint8)
    assert metrics.psnr(black, black + np.uint8(10)) == told(28.130804)


@pytest.mark.catalogue("MET-04", "CMP-32")
def test_accuracy_of_always_no_is_high_on_imbalanced_data_and_finds_nothing():
    y, prediction = np.repeat([0, 1], [990, 10]), np.zeros(1000, int)
    assert metrics.accuracy(y, prediction) == 0.99
    assert metrics.true_positive_rate(y, prediction) == 0
    assert metrics.balanced_accuracy(y, prediction) == 0.5
    assert metrics.matthews(y, prediction) == 0


@pytest.mark.catalogue("MET-08")
def test_precision_where_nothing_is_called_positive(example):
    assert metrics.precision(*example) == 0.875
    nothing = [0, 0, 1, 1], [0, 0, 0, 0]
    assert metrics.precision(*nothing) == 0
    assert math.isnan(metrics.precision(*nothing, undefined=math.nan))
    assert metrics.precision([0, 0], [0, 0]) == 0  # not even a row is positive


def test_names_of_the_field_are_one_measure():
    assert metrics.sensitivity is metrics.true_positive_rate is metrics.recall
    assert metrics.true_negative_rate is metrics.specificity
    assert metrics.false_positive_rate is metrics.false_alarm_rate


@few
@given(BITS, BITS, st.floats(0.1, 10))
def test_rates_of_two_classes_are_those_of_scikit_learn(y, prediction, beta):
    assume(len(np.unique(np.concatenate([y, prediction]))) > 1)  # else scikit-learn warns
    both = {"zero_division": 0.0}
    pairs = [
        (metrics.recall(y, prediction), peer.recall_score(y, prediction, **both)),
        (metrics.precision(y, prediction), peer.precision_score(y, prediction, **both)),
        (
            metrics.f_score(y, prediction, beta=beta),
            peer.fbeta_score(y, prediction, beta=beta, **both),
        ),
        (metrics.specificity(y, prediction), peer.recall_score(1 - y, 1 - prediction, **both)),
        (metrics.matthews(y, prediction), peer.matthews_corrcoef(y, prediction)),
    ]
    for ours, theirs in pairs:
        assert ours == pytest.approx(theirs, abs=1e-12)
    assert metrics.false_alarm_rate(y, prediction, undefined=1) == pytest.approx(
        1 - metrics.specificity(y, prediction)
    )


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@few
@given(LABELS, LABELS)
def test_averages_over_classes_are_those_of_scikit_learn(average, y, prediction):
    options = {"average": average, "zero_division": 0.0}
    for ours, theirs in (
        (metrics.recall, peer.recall_score),
        (metrics.precision, peer.precision_score),
        (metrics.f_score, peer.f1_score),
    ):
        expected = theirs(y, prediction, **options)
        assert ours(y, prediction, average=average) == pytest.approx(expected, abs=1e-12)


@few
@given(LABELS, LABELS)
def test_agreement_is_that_of_scikit_learn(y, prediction):
    assume(len(np.unique(np.concatenate([y, prediction]))) > 1)  # else scikit-learn warns
    for ours, theirs in (
        (metrics.accuracy, peer.accuracy_score),
        (metrics.matthews, peer.matthews_corrcoef),
        (metrics.cohen_kappa, peer.cohen_kappa_score),
    ):
        assert ours(y, prediction) == pytest.approx(theirs(y, prediction), abs=1e-12)
    known = set(y.tolist())
    if set(prediction.tolist()) <= known:  # else scikit-learn warns
        expected = peer.balanced_accuracy_score(y, prediction)
        assert metrics.balanced_accuracy(y, prediction) == pytest.approx(expected)


@few
@given(LABELS, LABELS, st.permutations(range(4)))
def test_names_and_order_of_classes_do_not_matter(y, prediction, order):
    names = np.array(["d", "b", "a", "c"])[list(order)]
    renamed = names[y], names[prediction]
    for measure in (metrics.accuracy, metrics.balanced_accuracy, metrics.matthews):
        assert measure(*renamed) == pytest.approx(measure(y, prediction))
    renamed_matrix = metrics.confusion_matrix(*renamed)
    assert renamed_matrix.n_right == metrics.confusion_matrix(y, prediction).n_right


def test_labels_of_any_kind_are_taken(example):
    y, prediction = example
    words = np.array(["no", "yes"])
    assert metrics.recall(words[y], words[prediction], positive="yes") == metrics.recall(*example)
    assert metrics.recall(y == 1, prediction == 1) == metrics.recall(*example)
    assert metrics.recall(y == 1, prediction) == metrics.recall(*example)
    assert metrics.recall(2 * y - 1, 2 * prediction - 1) == metrics.recall(*example)
    assert metrics.accuracy(y.astype(float), prediction) == 0.85
    assert metrics.accuracy(y.astype(str), prediction) == 0.85
    assert metrics.accuracy(list(words[y]), list(words[prediction])) == 0.85


def test_mistakes_come_in_order_of_their_number():
    matrix = metrics.confusion_matrix(list("aaaabbc"), list("abbcbab"))
    found = [(c.actual, c.model, c.rows, c.share) for c in matrix.confusions()]
    assert found[0] == ("a", "b", 2, 0.5)
    assert len(found) == 4


def test_named_classes_fix_order_and_may_be_absent():
    matrix = metrics.confusion_matrix(["a"], ["b"], classes=("b", "c", "a"))
    assert matrix.counts.tolist() == [[0, 0, 1], [0, 0, 0], [0, 0, 0]]


BAD = {
    "same rows": ([0, 1], [0]),
    "missing labels, the first in row 2": (["a", None], ["a", "b"]),
    "missing labels, the first in row 1": ([np.nan, 1.0], [0, 1]),
    "mixes kinds": ([1, "a"], [1, 2]),
    "one label a row": ([[1]], [1]),
    "shape is": ([], []),
}


@pytest.mark.parametrize("message", BAD)
def test_what_can_not_be_scored_is_refused(message):
    with pytest.raises(DataError, match=message):
        metrics.accuracy(*BAD[message])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.recall(["a", "b"], ["a", "b"]), "Say it: positive="),
        (lambda: metrics.recall([0, 1], [0, 1], positive=2), "no class 2"),
        (lambda: metrics.recall([0, 1, 2], [0, 1, 2]), "macro"),
        (lambda: metrics.confusion_matrix(["a"], ["x"], classes=("a", "b")), "'x'.*none of the"),
        (lambda: metrics.f_score([0, 1], [0, 1], beta=0), "beta over 0"),
        (lambda: metrics.cohen_kappa([1, 1], [1, 1]), "needs two classes"),
    ],
)
def test_questions_without_an_answer_are_refused(call, message):
    with pytest.raises(DataError, match=message):
        call()
