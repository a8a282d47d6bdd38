"""Facts about data: what is found, what must not be, and what is expected before training."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gradlab.data import fit_preprocessor, load_dataset, split_rows
from gradlab.doctor.candidates import unscaled
from gradlab.doctor.checks import (
    capacity,
    constant_answer_loss,
    data_facts,
    doubtful_weights,
    expected_initial_loss,
)
from gradlab.doctor.checks.labels import read_answers
from gradlab.doctor.checks.repeats import repeated_rows, shared_rows
from gradlab.doctor.checks.rows import as_rows
from gradlab.doctor.evidence import DataFacts, Layer, Setup
from gradlab.doctor.preflight import statements
from gradlab.errors import DataError


def blobs(n=300, classes=3, columns=6, spread=1.0, seed=0):
    """Return rows round as many centres as there are classes, and their classes."""
    rng = np.random.default_rng(seed)
    centres = 3 * rng.normal(size=(classes, columns))
    y = rng.integers(0, classes, n)
    return centres[y] + spread * rng.normal(size=(n, columns)), y


# ---- columns ------------------------------------------------------------------------------------


def test_column_statistics_are_those_of_numpy(rng):
    x = rng.normal(5, 3, (1000, 4))
    facts = data_facts(x, rng.integers(0, 2, 1000), task="binary")
    for name, wanted in (("mean", x.mean(0)), ("std", x.std(0)), ("maximum", x.max(0))):
        np.testing.assert_allclose(getattr(facts, name), wanted, rtol=1e-12)


def test_extremes_and_missing_values_are_counted_on_all_rows_not_on_a_sample(rng):
    x = np.zeros((50_000, 2))
    x[:, 0] = rng.normal(size=50_000)
    x[123, 1], x[4567, 0], x[4568, 0] = 7.0, np.nan, np.inf
    facts = data_facts(x, x[:, 1] > 0, task="binary")
    assert facts.n_missing == 2
    assert facts.maximum[1] == 7.0
    assert np.isfinite(facts.maximum[0])
    assert facts.constant == ()


def test_constant_columns_are_named_and_pixels_are_not(rng):
    x = rng.normal(size=(60, 3))
    x[:, 1] = 4.0
    y = rng.integers(0, 2, 60)
    assert data_facts(x, y, task="binary", names=("a", "b", "c")).constant == ("b",)
    images = rng.random((60, 5, 5, 1))
    images[:, 0] = 0.0
    assert data_facts(images, y, task="binary").constant == ()


def test_padding_of_sequences_enters_no_statistic(rng):
    x = np.full((40, 7, 2), 1e9)
    lengths = rng.integers(1, 7, 40)
    for row, length in zip(x, lengths, strict=True):
        row[:length] = rng.normal(2, 1, (length, 2))
    facts = data_facts(x, np.arange(40) % 2, task="binary", lengths=lengths)
    assert facts.maximum.max() < 10
    assert facts.mean.shape == (2,)
    assert facts.leaking == ()


def test_tokens_are_compared_by_how_often_they_occur(rng):
    y = rng.integers(0, 2, 200)
    x = np.where(rng.random((200, 30)) < 0.2, 1 + y[:, None], rng.integers(3, 50, (200, 30)))
    lengths = np.full(200, 30)
    facts = data_facts(x.astype(np.int32), y, task="binary", lengths=lengths)
    assert facts.reference_score > 0.95
    assert facts.minimum.tolist() == [1.0]


# ---- repeats ------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(
    train=hnp.arrays(np.float32, st.tuples(st.integers(1, 30), st.just(3)),
                     elements=st.sampled_from([0.0, -0.0, 1.0, 2.0, 1e-30, np.float32(0.1)])),
    other=hnp.arrays(np.float32, st.tuples(st.integers(0, 20), st.just(3)),
                     elements=st.sampled_from([0.0, -0.0, 1.0, 2.0, 1e-30, np.float32(0.1)])),
)  # fmt: skip
def test_repeats_are_exactly_those_that_comparing_all_pairs_finds(train, other):
    equal = (train[:, None] == train[None]).all(2)
    assert repeated_rows(train).tolist() == (equal.sum(1) > 1).tolist()
    across = (other[:, None] == train[None]).all(2).any(1)
    assert shared_rows(train, other).tolist() == across.tolist()


def test_rows_that_differ_in_one_late_column_are_told_apart(rng):
    x = np.repeat(rng.integers(0, 2, (1, 3000)).astype(np.uint8), 50, axis=0)
    x[7, 2999] ^= 1
    x[9, 2998] ^= 1
    assert repeated_rows(x).sum() == 48


def test_shared_rows_are_found_across_number_types(rng):
    x = rng.integers(0, 255, (100, 5, 5, 1))
    facts = data_facts(
        x.astype(np.float32), np.arange(100) % 2, x[:10], np.arange(10) % 2, task="binary"
    )
    assert facts.shared == 10
    assert facts.duplicates == 0.0


# ---- labels -------------------------------------------------------------------------------------


def test_all_ways_to_code_three_classes_give_the_same_classes(rng):
    codes = rng.integers(0, 3, 90)
    one_hot = np.eye(3)[codes]
    for y in (codes, codes[:, None], codes.astype(np.float32), one_hot, one_hot.astype(np.int32)):
        answers = read_answers(y, "multiclass")
        assert answers.codes.tolist() == codes.tolist()
        assert answers.problems == ()


@pytest.mark.parametrize(
    ("y", "task", "problem"),
    [
        (np.zeros(30), "binary", "constant"),
        (np.zeros(30, np.int32), "multiclass", "constant"),
        (np.full(30, 2.5), "regression", "constant"),
        (np.arange(30) % 10 / 255, "multiclass", "collapsed"),
        (np.arange(30) % 3 - 1, "multiclass", "negative"),
        (np.ones((30, 4)), "multiclass", "one_hot_sums"),
        (np.where(np.arange(30) == 3, np.nan, 1.0), "regression", "not_finite"),
        (np.linspace(0, 99, 100), "multiclass", "not_classes"),
    ],
)
def test_faults_of_label_coding_are_named(y, task, problem):
    assert problem in read_answers(y, task).problems


@pytest.mark.parametrize(
    ("y", "task"),
    [
        (np.arange(30) % 2, "binary"),
        (np.where(np.arange(30) % 2, 1, -1), "binary"),
        (np.arange(30) % 10, "multiclass"),
        (np.eye(4)[np.arange(30) % 4], "multiclass"),
        (np.arange(60).reshape(30, 2) % 3 > 0, "multilabel"),
        (np.linspace(-1, 5, 30), "regression"),
        (np.arange(90).reshape(30, 3) % 5, "multiclass"),  # a class for every step
    ],
)
def test_sound_labels_raise_no_alarm(y, task):
    assert read_answers(y, task).problems == ()


def test_classes_absent_from_validation_keep_their_numbers():
    x = np.random.default_rng(0).normal(size=(60, 2))
    y = np.repeat([0, 1, 2], [10, 20, 30])
    facts = data_facts(x, y, x[:5] + 1, np.full(5, 2), task="multiclass")
    assert facts.trivial_score == 1.0  # the commonest class, 2, though it is alone there
    assert facts.class_counts.tolist() == [10, 20, 30]


def test_blocks_of_labels_and_sorted_numbers_are_noticed(rng):
    x = rng.normal(size=(200, 2))
    y = rng.integers(0, 4, 200)
    assert data_facts(x, np.sort(y), task="multiclass").ordered is True
    assert data_facts(x, y, task="multiclass").ordered is False
    number = rng.normal(size=200)
    assert data_facts(x, np.sort(number)[::-1], task="regression").ordered is True
    assert data_facts(x, number, task="regression").ordered is False


# ---- what can be learnt -------------------------------------------------------------------------


def test_the_reference_reaches_what_can_be_learnt_and_no_more():
    x, y = blobs(spread=0.5)
    assert data_facts(x, y, task="multiclass").reference_score > 0.98
    x, y = blobs(n=1500, spread=1e6)
    assert abs(data_facts(x, y, task="multiclass").reference_score - 1 / 3) < 0.07


def test_the_reference_learns_what_is_not_linear(rng):
    x = rng.normal(size=(400, 2))
    assert data_facts(x, (x[:, 0] * x[:, 1] > 0) * 1, task="binary").reference_score > 0.9
    y = np.sin(3 * x[:, 0]) + x[:, 1] ** 2
    assert data_facts(x, y, task="regression").reference_score > 0.85


@pytest.mark.parametrize("unit", [1e-6, 1.0, 1e6])
def test_facts_about_learning_do_not_depend_on_units(unit):
    x, y = blobs(spread=2.0)
    scale = np.array([unit, 1, 1, 1, 1, 1])
    plain, changed = (data_facts(z, y, task="multiclass") for z in (x, x * scale))
    assert changed.reference_score == pytest.approx(plain.reference_score, abs=0.01)
    assert changed.label_disagreement == pytest.approx(plain.label_disagreement, abs=0.02)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_disagreement_grows_to_1_as_labels_are_shuffled(share):
    x, y = blobs(n=800, spread=0.5)
    rng = np.random.default_rng(1)
    moved = rng.random(800) < share
    y[moved] = rng.permutation(y[moved])
    found = data_facts(x, y, task="multiclass").label_disagreement
    # Of rows that moved a third got their own class again.
    assert found == pytest.approx(share, abs=0.08)


def test_a_rare_class_counts_as_much_as_a_common_one(rng):
    y = (rng.random(1000) < 0.03) * 1
    x = rng.normal(size=(1000, 2)) + 6 * y[:, None]
    assert data_facts(x, y, task="binary").label_disagreement < 0.1
    shuffled = data_facts(x, rng.permutation(y), task="binary")
    assert shuffled.label_disagreement == pytest.approx(1, abs=0.15)


# ---- leakage ------------------------------------------------------------------------------------


@pytest.mark.parametrize("noise", [0.0, 0.05, 0.1])
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_target_among_the_columns_is_found(rng, task, noise):
    x, y = blobs(n=400, classes=2 if task == "binary" else 3, spread=4.0)
    if task == "regression":
        y = x[:, 0] + 3 * rng.normal(size=400)
    column = 5 - 3 * (y / y.std() + noise * rng.normal(size=400))
    facts = data_facts(np.column_stack([x[:, :4], column, x[:, 4:]]), y, task=task)
    assert [name for name, _ in facts.leaking] == ["4"]


def test_columns_that_are_the_classes_indicators_are_found():
    x, y = blobs(classes=4, spread=4.0)
    facts = data_facts(np.column_stack([x, np.eye(4)[y][:, 1:]]), y, task="multiclass")
    assert [name for name, _ in facts.leaking] == ["6", "7", "8"]
    one = data_facts(np.column_stack([x, y == 2]), y, task="multiclass")
    assert one.leaking == ()  # tells one class; the others are still to be learnt


def test_a_row_number_leaks_where_the_file_was_sorted(rng):
    x, y = blobs(n=300, spread=5.0)
    number = np.arange(300.0)
    order = rng.permutation(300)
    by_class = np.column_stack([x, number])[order], np.sort(y)[order]
    assert [name for name, _ in data_facts(*by_class, task="multiclass").leaking] == ["6"]
    assert data_facts(np.column_stack([x, number])[order], y, task="multiclass").leaking == ()


def test_a_row_number_is_seen_in_more_rows_than_are_sampled(rng):
    y = np.repeat([0, 1], 6000)
    x = np.column_stack([rng.normal(size=12_000), np.arange(12_000.0)])
    order = rng.permutation(12_000)[:9000]
    assert [name for name, _ in data_facts(x[order], y[order], task="binary").leaking] == ["1"]


@pytest.mark.parametrize(
    "case", ["one column", "strong company", "few rows", "questions", "sequence", "strong alone"]
)
def test_what_is_strong_by_nature_is_no_leak(rng, case):
    x = rng.normal(size=(400, 3))
    y, task = x[:, 0].copy(), "regression"
    if case == "one column":
        x = x[:, :1]
    elif case == "strong company":  # lags of a smooth series
        series = np.cumsum(np.cumsum(rng.normal(size=404)))
        x, y = np.column_stack([series[i : i + 400] for i in range(3)]), series[3:403]
    elif case == "few rows":
        x, y = x[:20], y[:20]
    elif case == "questions":
        x = (x > 0) * 1.0
        y, task = x, "multilabel"
    elif case == "sequence":
        x = np.repeat(x[:, :, None], 2, axis=2)
    else:
        y = y + 0.25 * rng.normal(size=400)
    assert data_facts(x, y, task=task).leaking == ()


# ---- what the setting lets one expect -----------------------------------------------------------


def network(*, activation, loss, n_outputs, task, takes="outputs", **more):
    layers = (Layer("dense", "0", 8, "relu"), Layer("dense", "1", n_outputs, activation))
    return Setup(task, layers, n_outputs=n_outputs, loss=loss, loss_takes=takes, **more)


@pytest.mark.parametrize(
    ("activation", "loss", "n_outputs", "task", "takes", "wanted"),
    [
        ("softmax", "cross_entropy", 10, "multiclass", "outputs", np.log(10)),
        ("linear", "cross_entropy", 26, "multiclass", "scores", np.log(26)),
        ("sigmoid", "binary_cross_entropy", 1, "binary", "outputs", np.log(2)),
        ("linear", "squared_error", 1, "regression", "outputs", 1.0),
        ("sigmoid", "squared_error", 1, "binary", "outputs", 0.25),
    ],
)
def test_the_first_loss_is_that_of_untrained_outputs(
    rng, activation, loss, n_outputs, task, takes, wanted
):
    x = rng.normal(size=(500, 3))
    y = rng.integers(0, max(n_outputs, 2), 500) if task != "regression" else rng.normal(size=500)
    if task == "binary":
        y = np.arange(500) % 2
    if task == "regression":
        y = (y - y.mean()) / y.std()
    setup = network(activation=activation, loss=loss, n_outputs=n_outputs, task=task, takes=takes)
    assert expected_initial_loss(setup, data_facts(x, y, task=task)) == pytest.approx(wanted)


def test_the_first_loss_of_softmax_under_binary_cross_entropy_is_the_mean_over_one_hot_targets():
    setup = network(
        activation="softmax", loss="binary_cross_entropy", n_outputs=10, task="multiclass"
    )
    targets, out = np.eye(10)[0], np.full(10, 0.1)
    wanted = -np.mean(targets * np.log(out) + (1 - targets) * np.log(1 - out))
    assert expected_initial_loss(setup, DataFacts(9, target_mean=0.1)) == pytest.approx(wanted)


def test_a_first_loss_that_can_not_be_known_is_not_guessed():
    unknown = network(activation="linear", loss="kullback_leibler", n_outputs=3, task="multiclass")
    assert expected_initial_loss(unknown, DataFacts(9, target_mean=0.0, target_std=1.0)) is None
    summed = network(
        activation="softmax", loss="cross_entropy", n_outputs=3, task="multiclass",
        loss_reduction="sum",
    )  # fmt: skip
    assert expected_initial_loss(summed, DataFacts(9)) is None


def test_no_constant_answer_has_a_lower_loss(rng):
    y = rng.integers(0, 3, 200)
    facts = data_facts(rng.normal(size=(200, 2)), y, task="multiclass")
    setup = network(activation="softmax", loss="cross_entropy", n_outputs=3, task="multiclass")
    best = constant_answer_loss(setup, facts)
    for answer in (*rng.dirichlet(np.ones(3), 50), np.bincount(y) / 200):
        assert -np.log(answer[y]).mean() >= best - 1e-12


def test_capacity_counts_parameters_for_each_answer_and_sees_linear_networks():
    layers = (
        Layer("dense", "0", 2, "linear", n_parameters=10),
        Layer("dense", "1", 5, "softmax", n_parameters=15),
    )
    found = capacity(Setup("multiclass", layers, n_outputs=5), DataFacts(10))
    assert (found.n_parameters, found.per_answer, found.linear) == (25, 0.5, True)
    assert found.narrowest is layers[0]


@pytest.mark.parametrize(
    ("std", "problem"), [(0.0, "alike"), (0.1, None), (10.0, "large"), (1e-3, "small")]
)
def test_starting_weights_are_judged_by_their_gain(std, problem):
    layers = (
        Layer("dense", "0", 8, "relu", init_std=std, fan_in=100),
        Layer("dense", "1", 1, "sigmoid", init_std=0.0, fan_in=8),
    )
    found = doubtful_weights(Setup("binary", layers))
    assert [doubt.problem for doubt in found] == ([] if problem is None else [problem])


# ---- bad input, speed, real data ----------------------------------------------------------------


def test_what_can_not_be_looked_at_is_refused_with_advice():
    with pytest.raises(DataError, match="3 rows and 2 targets"):
        data_facts(np.zeros((3, 1)), np.zeros(2), task="binary")
    with pytest.raises(DataError, match="Encode words"):
        as_rows(np.array([["a"], ["b"]]))
    with pytest.raises(DataError, match="at least one row"):
        as_rows(np.zeros((0, 3)))
    with pytest.raises(DataError, match="a name for each of 3"):
        as_rows(np.zeros((2, 3)), names=("a",))
    with pytest.raises(DataError, match="Encode them"):
        read_answers(np.array(["yes", "no"]), "binary")


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel", "regression"])
@pytest.mark.parametrize("n", [1, 2, 4, 21])
def test_few_rows_are_no_accident(task, n):
    x = np.arange(2.0 * n).reshape(n, 2)
    y = np.arange(n) % 2
    facts = data_facts(x, np.stack([y, 1 - y], 1) if task == "multilabel" else y, task=task)
    assert facts.n_train == n
    assert facts.leaking == ()


def test_rows_without_a_single_number_are_no_accident():
    facts = data_facts(np.full((60, 3), np.nan), np.arange(60) % 2, task="binary")
    assert facts.n_missing == 180
    assert facts.leaking == ()


def test_facts_are_the_same_every_time():
    x, y = blobs(n=5000, spread=2.0)
    first, second = (data_facts(x, y, task="multiclass") for _ in range(2))
    assert first.reference_score == second.reference_score
    assert first.label_disagreement == second.label_disagreement
    np.testing.assert_array_equal(first.mean, second.mean)


def test_many_pictures_hold_no_repeats_by_chance():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (12_000, 784), dtype=np.uint8).astype(np.float32)
    y = rng.integers(0, 10, 12_000)
    facts = data_facts(x[:10_000], y[:10_000], x[10_000:], y[10_000:], task="multiclass")
    assert (facts.duplicates, facts.shared) == (0.0, 0)


# path, target, columns left out, columns that leak, whether rows are known to repeat
SETS = [
    ("titanic/titanic.csv", "survived", None, ("alive = no", "alive = yes"), True),
    ("penguins/penguins.csv", "species", None, (), False),
    ("diamonds/diamonds.csv", "price", None, (), True),
    ("mpg/mpg.csv", "mpg", "name", (), False),
    ("tips/tips.csv", "tip", None, (), True),
    ("iris/iris.csv", "species", None, (), True),
    ("flights/flights.csv", "passengers", None, (), False),
    ("adult/adult-train.csv", -1, None, (), True),
    ("ionosphere/ionosphere.csv", -1, None, (), False),
    ("sonar/sonar.csv", -1, None, (), False),
    ("pima-indians-diabetes/pima-indians-diabetes.csv", -1, None, (), False),
    ("abalone/abalone.csv", -1, None, (), False),
    ("boston-housing/housing.csv", -1, None, (), False),
    ("phoneme/phoneme.csv", -1, None, (), True),
    ("mammography/mammography.csv", -1, None, (), True),
    ("wine-quality/winequality-red.csv", -1, None, (), True),
    ("california-housing/housing.csv", "median_house_value", None, (), False),
    ("letter-recognition/letter-recognition.data", 0, None, (), True),
    ("spambase/spambase.data", -1, None, (), True),
    ("beijing-pollution/pollution.csv", "pm2.5", None, (), False),
    ("ett-h1/ETTh1.csv", "OT", "date", (), True),
    ("ecg5000-train/ECG5000_TRAIN.txt", 0, None, (), False),
    ("gunpoint/GunPoint_TRAIN.ts", None, None, (), False),
]


@pytest.mark.skipif("GRADLAB_DATA" not in os.environ, reason="needs GRADLAB_DATA")
@pytest.mark.parametrize(("path", "target", "drop", "leaking", "repeats"), SETS)
def test_real_data_raises_only_true_alarms(path, target, drop, leaking, repeats):
    options = {} if drop is None else {"drop": drop}
    data = load_dataset(Path(os.environ["GRADLAB_DATA"]) / path, target=target, **options)
    split = split_rows(data, seed=0)
    preprocessor = fit_preprocessor(data.features, split.train)
    x, y = preprocessor.transform(data.features), np.asarray(data.y)
    names = tuple(preprocessor.feature_names) if x.ndim == 2 else None
    facts = data_facts(
        x[split.train], y[split.train], x[split.validation], y[split.validation],
        task=data.task, names=names,
    )  # fmt: skip
    assert tuple(name for name, _ in facts.leaking) == leaking
    whole = x.reshape(len(x), -1)
    assert bool(facts.duplicates or facts.shared) == repeats
    if repeats:  # by other means: there are fewer distinct rows than rows
        assert len(np.unique(whole, axis=0)) < len(whole)
    assert facts.label_problems == ()
    assert not unscaled(facts)
    errors = {s.check for s in statements(Setup(data.task, ()), facts) if s.severity == "error"}
    assert errors == ({"columns"} if leaking else set())
    assert facts.label_disagreement < 0.95
    assert facts.reference_score > facts.trivial_score
