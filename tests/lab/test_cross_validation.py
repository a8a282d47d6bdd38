"""Cross-validation: folds train together, apart from what judges them."""

import numpy as np
import polars as pl
import pytest
from scipy.stats import t as student
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import gradlab as gl
from gradlab.data import load_dataset
from gradlab.errors import DataError, RecipeError
from gradlab.lab.cross_validation import cross_validate
from gradlab.lab.folds import corrected_interval, folds_task, partitions
from gradlab.lab.model_curves import learning_curve, validation_curve
from gradlab.lab.question import Source
from gradlab.training.recipe import Recipe

SMALL = Recipe(hidden=(8,), epochs=10)


def parts_of(dataset, n, seed=0):
    return partitions(dataset, n, seeds=1, seed=seed)


class TestScores:
    def test_a_repeat_has_the_same_bits_alone_and_beside_others(self):
        both = cross_validate("iris", SMALL, folds=3, seeds=2)
        np.testing.assert_array_equal(
            both.scores[0], cross_validate("iris", SMALL, folds=3).scores[0]
        )
        alone = cross_validate("iris", SMALL, folds=3, seed=1)
        np.testing.assert_array_equal(both.scores[1], alone.scores[0])
        np.testing.assert_array_equal(
            [row.train_score for row in both.rows[3:]], [row.train_score for row in alone.rows]
        )

    def test_a_linear_network_scores_as_logistic_regression_does(self):
        x, y = load_digits(return_X_y=True)
        model = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=2000))
        theirs = cross_val_score(model, x, y, cv=StratifiedKFold(5, shuffle=True, random_state=0))
        ours = cross_validate("digits", Recipe(hidden=(), learning_rate=0.01, epochs=40), folds=5)
        assert abs(ours.mean - theirs.mean()) < 0.01

    def test_out_of_fold_answers_give_the_scores(self):
        result = cross_validate("iris", SMALL, folds=4, seeds=2)
        right = result.prediction.argmax(axis=1) == result.truth
        sizes = [row.n_validation for row in result.rows[:4]]
        assert right.mean() == pytest.approx(np.average(result.scores[0], weights=sizes))
        np.testing.assert_allclose(result.prediction.sum(axis=1), 1)

    def test_out_of_fold_numbers_are_in_the_unit_of_the_target(self):
        result = cross_validate("diabetes", Recipe(hidden=(8,), epochs=30), folds=3)
        y, answer = result.truth, result.prediction
        scores = result.scores[0]
        whole = 1 - ((y - answer) ** 2).sum() / ((y - y.mean()) ** 2).sum()
        assert whole == pytest.approx(scores.mean(), abs=0.03)

    def test_an_estimator_is_cross_validated_with_its_settings_on_its_own_inputs(self):
        x, y = load_iris(return_X_y=True)
        estimator = gl.MLPClassifier(hidden=(8,), epochs=10)
        ours = cross_validate((x, y), estimator, folds=3)
        same = cross_validate((x, y), SMALL, folds=3, source=Source(scaling="none"))
        np.testing.assert_array_equal(ours.scores, same.scores)

    def test_a_run_that_diverges_counts_as_one_that_learnt_nothing(self):
        recipe = Recipe(hidden=(8,), epochs=5, optimizer="sgd", learning_rate=1e30)
        result = cross_validate("diabetes", recipe, folds=3)
        assert {row.status for row in result.rows} == {"diverged"}
        assert result.scores.max() <= 0
        assert "3 of 3 trainings diverged." in result.sentences


class TestNoLeaks:
    def test_each_fold_is_scaled_by_its_own_training_rows(self):
        dataset = load_dataset("iris")
        parts = parts_of(dataset, 5)
        task, _ = folds_task(dataset, Source(), [SMALL], parts, 0)
        for (_, _, train, _), shift, scale in zip(parts, task.shift, task.scale, strict=True):
            rows = task.x[train].astype(np.float64)
            np.testing.assert_allclose(shift, rows.mean(axis=0), rtol=1e-5)
            np.testing.assert_allclose(scale, 1 / rows.std(axis=0), rtol=1e-5)

    def test_patience_watches_training_rows_and_never_the_fold(self):
        dataset = load_dataset("iris")
        parts = parts_of(dataset, 5)
        patient = Recipe(hidden=(8,), epochs=10, patience=2)
        task, _ = folds_task(dataset, Source(), [patient], parts, 0)
        for (_, _, train, validation), (inner, watched) in zip(parts, task.splits, strict=True):
            assert len(watched) == 12
            assert set(watched) <= set(train)
            assert not set(watched) & (set(validation) | set(inner))
            assert set(inner) | set(watched) == set(train)

    def test_groups_stay_whole_and_a_given_test_part_unread(self, tmp_path):
        generator = np.random.default_rng(0)
        frame = pl.DataFrame(
            {"a": generator.normal(size=60), "who": np.arange(60) // 4, "y": ["p", "q"] * 30}
        )
        frame.write_csv(tmp_path / "train.csv")
        frame.head(8).write_csv(tmp_path / "test.csv")
        source = Source(target="y", groups="who", test=str(tmp_path / "test.csv"))
        result = cross_validate(tmp_path / "train.csv", SMALL, folds=3, source=source)
        assert len(result.truth) == 60
        assert sum(row.n_validation for row in result.rows) == 60

    def test_time_folds_train_on_the_past_alone(self):
        generator = np.random.default_rng(0)
        frame = pl.DataFrame({"t": np.arange(40), "a": generator.normal(size=40)}).with_columns(
            y=pl.col("a") * 2 + 1
        )
        source = Source(target="y", time="t")
        result = cross_validate(frame, Recipe(hidden=(), epochs=30), folds=3, source=source)
        assert [row.n_train for row in result.rows] == [10, 20, 30]
        assert np.isnan(result.prediction[:10]).all()
        assert np.isfinite(result.prediction[10:]).all()

    def test_reductions_are_fitted_to_each_folds_training_rows(self):
        dataset = load_dataset("iris")
        parts = parts_of(dataset, 3)
        recipe = SMALL.replace(reduce="pca:2")
        task, _ = folds_task(dataset, Source(), [recipe], parts, 0)
        matrices = [layer.matrix.value for layer in task.reducers["pca:2"]]
        assert not np.allclose(matrices[0], matrices[1])
        for split, (_, _, train, _) in enumerate(parts):
            x = task.inputs(train, split).astype(np.float64)
            axes = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)[2][:2]
            unit = matrices[split] / np.linalg.norm(matrices[split], axis=0)
            np.testing.assert_allclose(np.abs(np.sum(axes.T * unit, axis=0)), 1, rtol=1e-4)


class TestInterval:
    def test_it_is_nadeau_and_bengios(self):
        result = cross_validate("iris", SMALL, folds=5, seeds=2)
        scores = result.scores.ravel()
        half = student.ppf(0.975, 9) * scores.std(ddof=1) * np.sqrt(1 / 10 + 30 / 120)
        low, high = result.interval
        assert low == pytest.approx(scores.mean() - half)
        assert high == pytest.approx(min(1.0, scores.mean() + half))

    def test_two_folds_of_the_same_score_have_no_width(self):
        rows = cross_validate("iris", SMALL, folds=2).rows
        assert corrected_interval(rows[:1]) == (rows[0].score, rows[0].score)


class TestCurves:
    def test_a_validation_curve_names_what_under_fits(self):
        curve = validation_curve("iris", "epochs", [1, 60], Recipe(hidden=(8,)), folds=3)
        assert curve.best == 60
        assert curve.fits()[0].high_bias
        assert any("1 under-fits" in sentence for sentence in curve.sentences)

    def test_its_levels_are_those_of_separate_cross_validations(self):
        curve = validation_curve("iris", "l2", [0.0, 0.1], SMALL, folds=3)
        alone = cross_validate("iris", SMALL.replace(l2=0.1), folds=3)
        np.testing.assert_array_equal([row.score for row in curve.by_level["0.1"]], alone.scores[0])

    @pytest.mark.catalogue("SPL-08")
    def test_a_learning_curve_shows_the_gap_close_with_rows(self):
        curve = learning_curve("digits", Recipe(hidden=(32,), epochs=15), sizes=(60, 0.3, 1.0))
        first, *_, last = curve.fits()
        assert curve.levels[0] == 60
        assert first.high_variance
        assert not last.high_variance
        assert first.gap > 3 * last.gap
        assert curve.table["validation_score"].is_sorted()
        assert "more data" in curve.sentences[1]

    def test_fewer_rows_take_more_epochs(self):
        curve = learning_curve("iris", SMALL, sizes=(0.5, 1.0), folds=2)
        assert [row.epochs for row in curve.rows] == [20, 10, 20, 10]

    def test_every_class_is_there_from_the_smallest_size(self):
        curve = learning_curve("iris", SMALL, sizes=(3, 1.0), folds=2)
        assert curve.by_level["3"][0].n_train == 3
        assert min(row.score for row in curve.by_level["3"]) > 0.34

    def test_the_picture_holds_both_scores(self):
        curve = validation_curve("iris", "hidden", [1, (8, 8)], SMALL, folds=2)
        names = [trace.name for trace in curve.figure().data]
        assert {"training", "validation", "best"} <= set(names)
        assert "8x8" in curve.by_level


class TestMistakes:
    def test_more_folds_than_rows(self):
        with pytest.raises(DataError, match="expected 2 to 150"):
            cross_validate("iris", SMALL, folds=151)

    def test_a_class_that_a_fold_has_to_itself_is_said_aloud(self):
        x = np.random.default_rng(0).normal(size=(31, 2))
        y = np.array(["a"] * 15 + ["b"] * 15 + ["rare"])
        result = cross_validate((x, y), SMALL, folds=3)
        assert any("lack: rare" in note for note in result.notes)

    def test_a_constant_fold_has_no_r2(self):
        x, y = np.arange(20.0)[:, None], np.r_[np.zeros(19), 1.0]
        with pytest.raises(DataError, match="same target, so R² has no meaning"):
            cross_validate((x, y), SMALL, source=Source(task="regression"))

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"recipe": "mlp"}, "expected a gl.Recipe"),
            ({"seeds": 0}, "seeds must be at least 1"),
            ({"seed": -1}, "seed must be a whole number"),
            ({"source": Source(task="reconstruction")}, "an autoencoder has none"),
        ],
    )
    def test_settings(self, arguments, message):
        with pytest.raises(RecipeError, match=message):
            cross_validate("iris", **{"recipe": SMALL, **arguments})

    def test_sizes_beyond_the_rows(self):
        with pytest.raises(RecipeError, match="up to the 100 training rows"):
            learning_curve("iris", SMALL, sizes=(500,), folds=3)
        with pytest.raises(RecipeError, match="must differ in rows"):
            learning_curve("iris", SMALL, sizes=(100, 1.0), folds=3)

    def test_levels_must_differ(self):
        with pytest.raises(RecipeError, match="must differ"):
            validation_curve("iris", "l2", [0.1, 0.1], SMALL)
