"""Scorecards: what they hold, what they conclude, and what they refuse; the log of rounds."""

import html
import json
import math

import numpy as np
import polars as pl
import pytest

from gradlab import metrics
from gradlab.errors import DataError
from gradlab.lab.scoring.scores import read_predictions, score_predictions
from gradlab.plots.confusion import confusion_figure
from gradlab.training.supervised import DEFAULT_LOSS, loss_name
from gradlab.training.task import Task

LETTERS = np.array(list("abcd"))


def binary(rng, n=400, lift=2.0, share=0.3):
    """Return labels, and probabilities that are calibrated."""
    y = (rng.random(n) < share).astype(int)
    logit = lift * rng.normal(size=n) + lift**2 * (y - 0.5) + math.log(share / (1 - share))
    return y, 1 / (1 + np.exp(-logit))


def shares_of(rng, y, n_classes, strength=2.0):
    scores = rng.normal(size=(len(y), n_classes))
    scores[np.arange(len(y)), y] += strength
    return np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)


@pytest.fixture
def two(rng):
    y, shares = binary(rng)
    return y, shares, score_predictions(y, scores=shares, cost=(1, 5))


@pytest.fixture
def many(rng):
    y = rng.integers(0, 4, 500)
    shares = shares_of(rng, y, 4)
    return LETTERS[y], shares, score_predictions(LETTERS[y], scores=shares, classes=tuple(LETTERS))


@pytest.fixture
def numbers(rng):
    y = rng.normal(20, 3, 300)
    prediction = y + rng.normal(size=300)
    return y, prediction, score_predictions(y, prediction)


class TestWhatACardHolds:
    def test_scores_of_two_classes_are_the_measures(self, two):
        y, shares, card = two
        answer = (shares >= 0.5).astype(int)
        assert (card.kind, card.positive, card.classes) == ("binary", 1, (0, 1))
        assert card.applied_threshold == 0.5
        expected = {
            "accuracy": metrics.accuracy(y, answer),
            "balanced accuracy": metrics.balanced_accuracy(y, answer),
            "sensitivity": metrics.recall(y, answer),
            "specificity": metrics.specificity(y, answer),
            "precision": metrics.precision(y, answer),
            "negative predictive value": metrics.negative_predictive_value(y, answer),
            "false alarm rate": metrics.false_alarm_rate(y, answer),
            "F1": metrics.f_score(y, answer),
            "Matthews correlation": metrics.matthews(y, answer),
            "Cohen's kappa": metrics.cohen_kappa(y, answer),
            "AUC": metrics.roc_auc(y, shares),
            "average precision": metrics.average_precision(y, shares),
            "log loss": metrics.log_loss(y, shares),
            "Brier score": metrics.brier(y, shares),
            "calibration error": metrics.expected_calibration_error(y, shares),
            "cost a row": np.mean(np.where(y == 1, 5 * (answer == 0), answer == 1)),
        }
        assert {score.name: score.value for score in card.scores} == pytest.approx(expected)

    def test_scores_of_many_classes_are_the_measures(self, many):
        y, shares, card = many
        answer = LETTERS[shares.argmax(axis=1)]
        classes = tuple(LETTERS.tolist())
        areas = [metrics.roc_auc(y == c, shares[:, k]) for k, c in enumerate(LETTERS)]
        expected = {
            "accuracy": metrics.accuracy(y, answer),
            "balanced accuracy": metrics.balanced_accuracy(y, answer),
            "macro precision": metrics.precision(y, answer, average="macro"),
            "macro F1": metrics.f_score(y, answer, average="macro"),
            "weighted F1": metrics.f_score(y, answer, average="weighted"),
            "Matthews correlation": metrics.matthews(y, answer),
            "Cohen's kappa": metrics.cohen_kappa(y, answer),
            "macro AUC": np.mean(areas),
            "log loss": metrics.log_loss(y, shares, classes=classes),
            "Brier score": metrics.brier(y, shares, classes=classes),
            "calibration error": metrics.expected_calibration_error(
                answer == y, shares.max(axis=1)
            ),
        }
        assert {score.name: score.value for score in card.scores} == pytest.approx(expected)
        row = card.per_class[1]
        assert (row.label, row.actual) == ("b", np.count_nonzero(y == "b"))
        assert row.score("sensitivity").value == metrics.recall(y == "b", answer == "b")
        assert row.score("precision").value == metrics.precision(y == "b", answer == "b")

    def test_scores_of_numbers_are_the_measures(self, numbers):
        y, prediction, card = numbers
        expected = {
            "R²": metrics.r2(y, prediction),
            "R² (explained)": metrics.r2_explained(y, prediction),
            "RMSE": metrics.root_mean_squared_error(y, prediction),
            "MSE": metrics.mean_squared_error(y, prediction),
            "MAE": metrics.mean_absolute_error(y, prediction),
            "median error": metrics.median_absolute_error(y, prediction),
            "largest error": metrics.max_error(y, prediction),
            "MAPE": metrics.mean_absolute_percentage_error(y, prediction),
            "mean error": np.mean(prediction - y),
        }
        assert {score.name: score.value for score in card.scores} == pytest.approx(expected)

    @pytest.mark.parametrize("fixture", ["two", "many", "numbers"])
    def test_every_score_has_an_interval_that_holds_it_or_says_why_not(self, fixture, request):
        card = request.getfixturevalue(fixture)[-1]
        for score in card.scores:
            if score.low is None:
                assert "no interval" in score.note
            else:
                assert score.low <= score.value <= score.high, score.name
                assert score.method
            assert score.meaning
        assert sum(score.low is None for score in card.scores) <= 1  # the largest error

    @pytest.mark.parametrize("fixture", ["two", "many", "numbers"])
    def test_cards_are_tables_and_json(self, fixture, request):
        card = request.getfixturevalue(fixture)[-1]
        assert card.table["measure"].to_list() == [score.name for score in card.scores]
        assert card.table.schema["value"] == pl.Float64
        n_classes = len(card.classes)
        assert len(card.class_table) == 4 * n_classes
        told = json.loads(json.dumps(card.to_dict(), allow_nan=False))
        assert told["scores"][0]["value"] == card.scores[0].value
        assert told["sentences"] == list(card.sentences)
        assert "y" not in told
        assert card.score(card.scores[0].name) is card.scores[0]
        with pytest.raises(KeyError, match="nonsense"):
            card.score("nonsense")

    def test_the_same_seed_gives_the_same_card(self, two):
        y, shares, card = two
        again = score_predictions(y, scores=shares, cost=(1, 5))
        assert again.to_dict() == card.to_dict()
        other = score_predictions(y, scores=shares, cost=(1, 5), seed=1)
        assert other.score("AUC").low != card.score("AUC").low

    def test_intervals_of_groups_are_wider(self, rng):
        y, shares = binary(rng, 100)
        tenfold = np.repeat(y, 10), np.repeat(shares, 10)
        groups = np.repeat(np.arange(100), 10)
        alone = score_predictions(tenfold[0], scores=tenfold[1])
        grouped = score_predictions(tenfold[0], scores=tenfold[1], groups=groups)
        for name in ("accuracy", "F1", "AUC", "log loss"):
            widths = [card.score(name).high - card.score(name).low for card in (alone, grouped)]
            assert widths[1] > 2 * widths[0], name

    def test_medians_of_groups_have_an_interval_too(self, rng):
        error = np.repeat(rng.normal(size=50), 4)
        card = score_predictions(
            np.arange(200.0), np.arange(200.0) + error, groups=np.repeat(np.arange(50), 4)
        )
        score = card.score("median error")
        assert score.method == "bootstrap (percentile)"
        assert score.low <= score.value <= score.high

    def test_forecasts_of_several_steps_are_scored_together(self, rng):
        y = rng.normal(size=(50, 3))
        card = score_predictions(y, 0.9 * y)
        assert card.score("R²").value == pytest.approx(0.99, abs=1e-6 + 0.005)
        assert card.score("R²").value == pytest.approx(metrics.r2(y, 0.9 * y))
        assert card.prediction.shape == (50, 3)


class TestCoverage:
    """Of 60 samples, about 57 intervals hold what endlessly many rows would score."""

    def held(self, sample, names, truth):
        counts = dict.fromkeys(names, 0)
        for seed in range(60):
            card = sample(np.random.default_rng(seed), seed)
            for name in names:
                score = card.score(name)
                counts[name] += score.low <= truth[name] <= score.high
        return counts

    def test_of_two_classes(self):
        names = ("F1", "Matthews correlation", "log loss", "average precision")
        y, shares = binary(np.random.default_rng(99), 200_000)
        answer = (shares >= 0.5).astype(int)

        def sample(rng, seed):
            y, shares = binary(rng, 150)
            return score_predictions(y, scores=shares, n_resamples=300, seed=seed)

        values = (
            metrics.f_score(y, answer),
            metrics.matthews(y, answer),
            metrics.log_loss(y, shares),
            metrics.average_precision(y, shares),
        )
        truth = dict(zip(names, values, strict=True))
        for name, held in self.held(sample, names, truth).items():
            assert held >= 51, name  # 3.5 standard errors below 57

    def test_of_numbers(self):
        names = ("R²", "RMSE", "median error")

        def draw(rng, n):
            y = rng.normal(size=n)
            return y, y + 0.5 * rng.normal(size=n)

        def sample(rng, seed):
            return score_predictions(*draw(rng, 100), n_resamples=300, seed=seed)

        truth = {"R²": 0.75, "RMSE": 0.5, "median error": 0.5 * 0.67449}
        for name, held in self.held(sample, names, truth).items():
            assert held >= 51, name


class TestConclusions:
    def said(self, *given, **options):
        return " ".join(score_predictions(*given, **options).sentences)

    @pytest.mark.catalogue("MET-04")
    def test_high_accuracy_may_be_worth_nothing(self):
        card = score_predictions(["no"] * 990 + ["yes"] * 10, ["no"] * 1000)
        assert card.score("accuracy").value == 0.99
        assert card.score("sensitivity").value == 0
        assert card.score("precision").value is None
        assert "no row was called 'yes'" in card.score("precision").note
        said = " ".join(card.sentences)
        for words in (
            "no better than always answering 'no' (0.990)",
            "finds none of 10 rows of 'yes'",
            "990 of 990 rows of 'no' alone",
            "never answers 'yes', so precision is undefined",
            "Only 1.0 % of the rows are 'yes'",
        ):
            assert words in said

    def test_the_documents_example_in_words(self):
        y = np.repeat([0, 1, 0, 1], [50, 10, 5, 35])
        said = self.said(y, np.repeat([0, 0, 1, 1], [50, 10, 5, 35]))
        assert "Accuracy 0.850" in said
        assert "beats always answering 0 (0.550)" in said
        assert "specificity 0.909" in said
        assert "Of its 40 answers 1, 35 are right" in said

    def test_few_rows_do_not_tell(self):
        said = self.said([0, 1, 0, 1], [0, 1, 0, 1])
        assert "not shown to differ" in said

    def test_worse_than_a_constant_is_said(self, rng):
        y, shares = binary(rng)
        said = self.said(y, scores=1 - shares)
        assert "worse than always answering 0" in said
        assert "point the wrong way" in said

    def test_scores_of_no_worth_are_told(self, rng):
        y, _ = binary(rng)
        assert "not shown to order rows better than chance" in self.said(y, scores=rng.random(400))

    def test_calibration_is_told(self, two, rng):
        y, shares, card = two
        assert "can be taken at their word" in " ".join(card.sentences)
        sharp = shares**3 / (shares**3 + (1 - shares) ** 3)
        assert "can't be taken at their word" in self.said(y, scores=sharp)

    def test_thresholds_are_told(self, two):
        y, shares, card = two
        choice = metrics.best_threshold(y, shares, false_negative_cost=5)
        assert card.threshold.threshold == choice.threshold
        said = " ".join(card.sentences)
        assert f"the cheapest threshold is {choice.threshold:.3g}" in said
        assert "check it on others" in said
        assert "never to answer 1" in self.said(y, scores=1 - shares, cost=(99, 1))
        assert "always to answer 1" in self.said(y, scores=1 - shares, cost=(1, 99))
        best = score_predictions(y, (shares >= choice.threshold), shares, cost=(1, 5))
        assert "is the cheapest already" in " ".join(best.sentences)

    def test_confused_classes_are_named(self):
        y = list("hhhhhhkkkkaaaa")
        said = self.said(y, list("kkkkhhkkkkaaaa"))
        assert "Found least is 'h' (0.333" in said
        assert "it takes 'h' for 'k' (4 times, 66.7 %)" in said
        assert "never answers 'c'" in self.said([*y, "c", "c"], list("kkkkhhkkkkaaaakk"))
        assert "Every class is found" in self.said(y, y)

    @pytest.mark.catalogue("ERR-55")
    def test_numbers_are_judged_and_both_forms_of_r2_explained(self, numbers, rng):
        y, prediction, card = numbers
        said = " ".join(card.sentences)
        assert "of the spread of y is explained" in said
        assert "as 1 − SSE/SST" in said
        assert "No lean is shown" in said
        assert "too high by" in self.said(y, prediction + 2)
        assert "worse than the mean" in self.said(y, prediction + 20)
        assert "no better than the mean" in self.said(y, np.full(300, y.mean() + 1e-9))
        weak = y[:30] + 2.7 * rng.normal(size=30)
        assert "not shown to be better" in self.said(y[:30], weak)
        wild = prediction.copy()
        wild[:2] += 100
        assert "The worst 3 of 300 rows make" in self.said(y, wild)

    def test_huge_numbers_have_the_intervals_of_small_ones(self, numbers):
        y, prediction, card = numbers
        huge = score_predictions(1e60 * y, 1e60 * prediction)
        for name in ("R²", "RMSE", "MSE"):
            scale = {"R²": 1, "RMSE": 1e60, "MSE": 1e120}[name]
            ends = (huge.score(name).low, huge.score(name).high)
            own = card.score(name)
            assert ends == pytest.approx((scale * own.low, scale * own.high), rel=1e-6), name

    def test_constant_targets_have_no_r2(self):
        card = score_predictions(np.full(20, 2.5), np.linspace(2, 3, 20))
        assert card.score("R²").value is None
        assert "y is constant" in card.score("R²").note
        assert card.score("MAE").value > 0
        assert "undefined" in card.sentences[0]


class TestPages:
    def test_names_that_look_like_tags_are_shown_as_they_are(self, tmp_path):
        names = ["<img src=x onerror=alert(1)>", "&lt;img&gt;", "<img>"]
        card = score_predictions(names * 5, names * 5)
        figure = confusion_figure(card.confusion)
        shown = figure.data[0].x
        assert not any("<" in name for name in shown)
        assert [html.unescape(name) for name in shown] == sorted(names)


BAD = {
    "nothing to score": ([0, 1], {}),
    "same rows": ([0, 1], {"prediction": [0]}),
    "the same rows": ([0, 1], {"scores": [0.1]}),
    "'x'.*none of the": (["a", "b"], {"prediction": ["a", "x"], "classes": ("a", "b")}),
    "missing labels": (["a", None], {"prediction": ["a", "b"]}),
    "first in row 2": ([1.5, 2.5], {"prediction": [1.5, np.inf]}),
    "Only one class": (["a", "a"], {"prediction": ["a", "a"]}),
    "named twice": (["a", "a"], {"prediction": ["a", "a"], "classes": ("a", "a")}),
    "3 columns of scores and 2": ([0, 1], {"scores": [[0.2, 0.3, 0.5]] * 2}),
    "a column for each": ([0, 1, 2], {"scores": [0.1, 0.2, 0.3]}),
    "none of the classes": ([0, 1], {"prediction": [0, 1], "positive": "x"}),
    "positive= is for two": (list("abc"), {"prediction": list("abc"), "positive": "a"}),
    "level of confidence": ([0, 1], {"prediction": [0, 1], "level": 95.0}),
    "not both 0": ([0, 1], {"scores": [0.1, 0.9], "cost": (0, 0)}),
    "Unknown kind": ([0, 1], {"prediction": [0, 1], "kind": "ranking"}),
    "needs 2 classes": (list("abc"), {"prediction": list("abc"), "kind": "binary"}),
    "make no sense for a quantity": ([0.5, 1], {"scores": [0.1, 1], "kind": "regression"}),
    "groups": ([0, 1], {"prediction": [0, 1], "groups": [1]}),
}


class TestWhatIsGiven:
    @pytest.mark.parametrize(
        ("y", "prediction", "kind"),
        [
            ([0, 1, 1], [0, 1, 0], "binary"),
            ([True, False], [True, True], "binary"),
            ([0.0, 1.0, 1.0], [1, 1, 0], "binary"),
            (list("abc") * 3, list("abb") * 3, "multiclass"),
            ([0, 1, 2] * 5, [0, 1, 1] * 5, "multiclass"),
            ([0, 1, 2], [0, 1, 1], "regression"),
            ([0.5, 1, 2], [1, 1, 2], "regression"),
            ([0, 1, 1], [0.2, 0.7, 0.9], "regression"),
            (np.arange(100), np.arange(100), "regression"),
        ],
    )
    def test_the_kind_of_task_is_found(self, y, prediction, kind):
        assert score_predictions(y, prediction).kind == kind

    def test_whole_numbers_may_be_either(self):
        y = [1, 2, 3, 4, 5] * 4
        card = score_predictions(y, y)
        assert card.kind == "multiclass"
        assert "kind='regression' for the other" in card.notes[0]
        assert score_predictions(y, y, kind="regression").kind == "regression"

    def test_whole_numbers_that_floats_no_longer_tell_apart_are_a_quantity(self, rng):
        y = np.floor(rng.random(50) * 1e5) * 1e15
        card = score_predictions(y, y + 1e17)
        assert card.kind == "regression"
        assert card.score("MAE").value == pytest.approx(1e17)

    @pytest.mark.parametrize(
        ("labels", "positive"),
        [(("no", "yes"), "yes"), (("yes", "zero"), "yes"), (("ham", "spam"), "spam")],
    )
    def test_the_positive_class_is_a_word_for_yes_or_the_second(self, labels, positive):
        assert score_predictions(list(labels) * 3, list(labels) * 3).positive == positive

    def test_one_column_or_both_columns_of_scores_are_the_same(self, two):
        y, shares, card = two
        both = score_predictions(y, scores=np.stack([1 - shares, shares], axis=1), cost=(1, 5))
        assert both.to_dict() == card.to_dict()
        turned = score_predictions(
            y, scores=np.stack([shares, 1 - shares], axis=1), classes=(1, 0), cost=(1, 5)
        )
        assert turned.score("AUC").value == card.score("AUC").value
        assert turned.positive == 1

    def test_margins_have_curves_and_no_calibration(self, two):
        y, shares, _ = two
        card = score_predictions(y, scores=np.log(shares / (1 - shares)))
        assert card.applied_threshold == 0
        assert card.calibration is None
        assert card.roc is not None
        assert any("no probabilities" in note for note in card.notes)

    def test_answers_that_no_threshold_gives_have_none(self, two):
        y, shares, _ = two
        assert score_predictions(y, 1 - (shares >= 0.5), shares).applied_threshold is None

    def test_one_true_class_is_scored_as_far_as_it_goes(self):
        card = score_predictions([0, 0, 0, 0], [0, 0, 1, 0], [0.1, 0.2, 0.7, 0.1])
        assert card.score("sensitivity").value is None
        assert card.score("specificity").value == 0.75
        assert card.roc is None
        assert any("Only one class has rows" in note for note in card.notes)
        assert score_predictions([0, 0], [0, 0], positive=1).score("specificity").value == 1

    def test_one_row_has_scores_and_no_intervals(self):
        card = score_predictions([1.5], [1.0])
        assert card.score("MAE").value == 0.5
        assert card.score("MAE").low is None
        assert "one row only" in " ".join(card.notes)

    def test_perfect_predictions_are_no_certainty(self):
        card = score_predictions([0, 1] * 20, scores=[0.1, 0.9] * 20)
        assert card.score("AUC").low == metrics.wilson(20, 20).low
        assert card.score("F1").value == 1
        assert card.score("F1").low is None

    @pytest.mark.parametrize("message", BAD)
    def test_what_can_not_be_scored_is_refused(self, message):
        y, options = BAD[message]
        with pytest.raises(DataError, match=message):
            score_predictions(y, **options)


class TestReading:
    @pytest.fixture
    def table(self, tmp_path):
        """A table as `gradlab predict` writes it, with the truth beside it."""
        path = tmp_path / "predictions.csv"
        pl.DataFrame(
            {
                "kind": ["cat", "dog", "dog", "cat"],
                "predicted kind": ["cat", "dog", "cat", "cat"],
                "p(cat)": [0.9, 0.2, 0.6, 0.8],
                "p(dog)": [0.1, 0.8, 0.4, 0.2],
            }
        ).write_csv(path)
        return path

    def test_columns_are_found_by_their_names(self, table):
        found = read_predictions(table)
        assert found.name == "kind"
        assert found.y.tolist() == ["cat", "dog", "dog", "cat"]
        assert found.classes == ("cat", "dog")
        assert found.scores.shape == (4, 2)
        card = score_predictions(found.y, found.prediction, found.scores, classes=found.classes)
        assert card.score("accuracy").value == 0.75
        assert card.applied_threshold == 0.5

    def test_truth_may_lie_in_the_data_that_was_predicted(self, table, tmp_path):
        data = tmp_path / "data.csv"
        pl.DataFrame({"x": [1, 2, 3, 4], "animal": ["cat", "dog", "dog", "dog"]}).write_csv(data)
        found = read_predictions(table, truth="animal", truth_from=data)
        assert found.y.tolist() == ["cat", "dog", "dog", "dog"]

    def test_labels_that_are_numbers_stay_numbers(self, tmp_path):
        path = tmp_path / "digits.csv"
        frame = {"y": [0, 1, 10], "predicted y": [0, 1, 1], "p(0)": [1.0, 0.0, 0.0]}
        pl.DataFrame({**frame, "p(1)": [0.0, 1.0, 0.5], "p(10)": [0.0, 0.0, 0.5]}).write_csv(path)
        found = read_predictions(path)
        assert found.classes == (0, 1, 10)
        card = score_predictions(found.y, found.prediction, found.scores, classes=found.classes)
        assert card.score("accuracy").value == pytest.approx(2 / 3)

    def test_named_columns_and_steps_of_forecasts(self, tmp_path):
        path = tmp_path / "forecast.parquet"
        steps = {f"predicted load +{i}": [1.0, 2.0] for i in (1, 2)}
        pl.DataFrame({"a": [1.0, 2.0], "b": [2.0, 3.0], "s": [0.1, 0.9], **steps}).write_parquet(
            path
        )
        found = read_predictions(path, truth=["a", "b"])
        assert found.prediction.tolist() == [[1, 1], [2, 2]]
        assert found.y.tolist() == [[1, 2], [2, 3]]
        one = read_predictions(path, truth="a", predicted="b", scores=["s"])
        assert one.scores.tolist() == [0.1, 0.9]
        assert one.classes is None

    @pytest.mark.parametrize("label", ["no", "yes"])
    def test_one_column_of_a_named_class_is_of_that_class(self, label, tmp_path):
        path = tmp_path / "one.csv"
        share = {"no": [0.9, 0.1, 0.2, 0.7], "yes": [0.1, 0.9, 0.8, 0.3]}[label]
        pl.DataFrame({"y": ["no", "yes", "yes", "no"], f"p({label})": share}).write_csv(path)
        found = read_predictions(path, truth="y")
        assert found.classes == ("no", "yes")
        np.testing.assert_allclose(found.scores[:, 1], [0.1, 0.9, 0.8, 0.3])
        card = score_predictions(found.y, None, found.scores, classes=found.classes)
        assert (card.positive, card.score("AUC").value) == ("yes", 1)

    def test_a_column_is_not_compared_with_itself(self, table):
        with pytest.raises(DataError, match="compared with itself"):
            read_predictions(table, truth="kind", predicted="kind")
        assert read_predictions(table, truth="kind", predicted="kind", truth_from=table).name

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"truth": "knd"}, "no column 'knd' for the truth. Did you mean 'kind'"),
            ({"predicted": "p(cat"}, "Did you mean 'p\\(cat\\)'"),
            ({"predicted": "kind"}, "Which column"),
            ({"scores": ["kind"]}, "are no numbers"),
        ],
    )
    def test_names_that_are_not_there_are_refused(self, table, options, message):
        with pytest.raises(DataError, match=message):
            read_predictions(table, **options)

    def test_tables_that_do_not_fit_are_refused(self, table, tmp_path):
        other = tmp_path / "other.csv"
        pl.DataFrame({"kind": ["cat", None, "dog", "dog"], "x": [1, 2, 3, 4]}).write_csv(other)
        with pytest.raises(DataError, match="empty cells, the first in row 2"):
            read_predictions(table, truth_from=other)
        with pytest.raises(DataError, match="neither a prediction nor scores"):
            read_predictions(other, truth="kind")
        pl.DataFrame({"kind": ["cat"]}).write_csv(other)
        with pytest.raises(DataError, match="1 rows"):
            read_predictions(table, truth_from=other)
        two = tmp_path / "two.csv"
        pl.DataFrame({"predicted a": [1], "predicted b": [2]}).write_csv(two)
        with pytest.raises(DataError, match="several predictions"):
            read_predictions(two)


class TestRounds:
    """The model selection cycle: rounds with their setting, measure and cost."""

    @pytest.mark.catalogue("MET-01", "MET-02")
    def test_a_study_is_the_log_of_its_rounds(self, study):
        log = study.results
        assert {"optimizer", "dropout", "init", "learning_rate", "seed"} <= set(log.columns)
        assert len(log) == len(study.runs)
        for row, run in zip(log.iter_rows(named=True), study.runs, strict=True):
            assert row["validation_score"] == pytest.approx(run.validation_score)
            assert row["validation_loss"] == pytest.approx(run.validation_loss)
        # Measure and cost are columns of their own, and not one a function of the other.
        ordered = log.sort("validation_loss")["validation_score"].to_numpy()
        assert np.any(np.diff(ordered) > 0)

    @pytest.mark.catalogue("MET-15")
    def test_the_task_selects_cost_and_measure(self):
        rows = np.zeros(2, np.int32)
        expected = {
            "regression": ("squared_error", "R²"),
            "binary": ("binary_cross_entropy", "accuracy"),
            "multiclass": ("cross_entropy", "accuracy"),
        }
        from gradlab.training.recipe import Recipe

        for kind, (cost, measure) in expected.items():
            task = Task(
                x=np.zeros((2, 1), np.float32),
                y=rows if kind != "regression" else np.zeros((2, 1), np.float32),
                weight=np.ones(2, np.float32),
                splits=((np.array([0]), np.array([1])),),
                test=np.array([], int),
                kind=kind,
                n_outputs=3 if kind == "multiclass" else 1,
            )
            assert DEFAULT_LOSS[kind] == loss_name(Recipe(), kind) == cost
            assert task.score_name == measure
        assert score_predictions([1.5, 2], [1, 2]).scores[0].name == "R²"
        assert score_predictions([0, 1], [0, 1]).scores[0].name == "accuracy"
