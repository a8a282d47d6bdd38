"""Reducing inputs before a network: fixed first layers that studies vary."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA as TheirPCA

import gradlab as gl
from gradlab.data import load_dataset
from gradlab.errors import RecipeError
from gradlab.lab.preparation import prepare
from gradlab.lab.question import Question, Source
from gradlab.training.plan import Run, plan
from gradlab.training.recipe import Recipe
from gradlab.training.reduction import METHODS, parse_reduction

QUICK = Recipe(hidden=(8,), learning_rate=0.02, epochs=30)
EVERY = (
    "pca:2", "pca:0.9", "whitened_pca:2", "lda", "kernel_pca:3", "factors:2", "merge:3",
    "kmeans:4", "fuzzy_kmeans:3",
)  # fmt: skip


def task_of(levels, data="iris", **options):
    question = Question(
        data=Source(path=data, **options), vary={"reduce": levels}, base=Recipe(epochs=2), seeds=2
    )
    return prepare(load_dataset(data), question)


def outputs(task, text, rows):
    return np.asarray(task.reducers[text][0](task.inputs(rows), ())[0], np.float64)


class TestTexts:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("pcaa:2", "Did you mean 'pca'"),
            ("pca", "needs its number of outputs, as pca:0.7"),
            ("kmeans:0.5", "takes a whole number above 0; got '0.5'"),
            ("pca:0", "between 0 and 1; got '0'"),
            ("pca:x", "got 'x'"),
            ("pca:1.5", "got '1.5'"),
        ],
    )
    def test_mistakes_say_what_came(self, text, message):
        with pytest.raises(RecipeError, match=message):
            Recipe(reduce=text)

    @given(st.sampled_from(sorted(METHODS)), st.integers(1, 1000))
    @settings(max_examples=30)
    def test_a_text_means_what_it_writes(self, method, size):
        parsed = parse_reduction(f"{method}:{size}")
        assert parse_reduction(parsed.text) == parsed

    def test_other_spellings_are_the_same_recipe(self):
        assert Recipe(reduce="PCA:0.70") == Recipe(reduce="pca:0.7")
        assert Recipe(reduce=None) == Recipe()
        assert Recipe(reduce="kernel-pca:2").reduce == "kernel_pca:2"


class TestFitted:
    def test_pca_gives_the_principal_components_of_the_training_rows(self):
        task, notes = task_of(("none", "pca:2"))
        train, validation = task.splits[0]
        theirs = TheirPCA(2).fit(task.inputs(train).astype(np.float64))
        wanted = theirs.transform(task.inputs(validation).astype(np.float64))
        unit = np.sqrt(np.mean(theirs.transform(task.inputs(train).astype(np.float64)) ** 2))
        ours = outputs(task, "pca:2", validation)
        np.testing.assert_allclose(np.abs(ours), np.abs(wanted / unit), atol=1e-4)
        assert "reduce=pca:2 makes 2 of 4 inputs." in notes

    def test_a_share_keeps_as_many_components_as_it_takes(self):
        task, _ = task_of(("none", "pca:0.7", "pca:0.99"))
        assert [task.reducers[t][0].sizes[-1] for t in ("pca:0.7", "pca:0.99")] == [1, 3]

    @pytest.mark.parametrize("text", [t for t in EVERY if not t.startswith("fuzzy")])
    def test_a_network_meets_numbers_of_the_usual_size(self, text):
        task, _ = task_of((text,))
        size = np.sqrt(np.mean(outputs(task, text, task.splits[0][0]) ** 2))
        assert size == pytest.approx(1, abs=1e-3)

    def test_whitened_components_have_variance_1_each(self):
        task, _ = task_of(("whitened_pca:3",))
        spread = outputs(task, "whitened_pca:3", task.splits[0][0]).std(axis=0)
        np.testing.assert_allclose(spread, spread[0], rtol=1e-3)

    def test_memberships_sum_to_1(self):
        task, _ = task_of(("fuzzy_kmeans:3",))
        shares = outputs(task, "fuzzy_kmeans:3", task.splits[0][1])
        np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)

    def test_distances_are_those_of_the_clusters(self):
        task, _ = task_of(("kmeans:4",))
        layer, rows = task.reducers["kmeans:4"][0], task.inputs(task.splits[0][1])
        apart = np.linalg.norm(rows[:, None] - layer.centers.value[None], axis=2)
        ours = outputs(task, "kmeans:4", task.splits[0][1])
        np.testing.assert_allclose(ours, apart / layer.unit.value, atol=1e-4)

    def test_discriminants_are_no_more_than_classes_less_one(self):
        task, _ = task_of(("lda",))
        assert task.reducers["lda"][0].sizes == (4, 2)
        with pytest.raises(RecipeError, match=r"reduce=lda:3: it can't give 3 outputs.*at most 2"):
            task_of(("lda:3",))

    @pytest.mark.parametrize(
        ("data", "text", "message"),
        [
            ("diabetes", "lda", "discriminants separate classes"),
            ("iris", "pca:5", "at most 4"),
            ("iris", "kmeans:500", "need as many training rows"),
        ],
    )
    def test_what_does_not_fit_the_data_is_refused(self, data, text, message):
        with pytest.raises(RecipeError, match=message):
            task_of((text,), data)

    def test_a_network_that_sees_images_has_no_columns_to_reduce(self):
        question = Question(
            data=Source(path="digits"), vary={"reduce": ("none", "pca:2")},
            base=Recipe(layers="lenet"),
        )  # fmt: skip
        images = np.random.default_rng(0).integers(0, 255, (40, 8, 8, 1)).astype(np.uint8)
        dataset = load_dataset((images, np.arange(40) % 2))
        with pytest.raises(RecipeError, match="takes the columns of a table"):
            prepare(dataset, question)

    def test_an_estimator_says_where_a_reduction_stands(self):
        task, _ = task_of(("none",))
        with pytest.raises(RecipeError, match="scikit-learn pipeline"):
            plan(task, [Run(Recipe(reduce="pca:2"), 0)], workers=1)
        assert not hasattr(gl.MLPClassifier(), "reduce")


class TestHardNumbers:
    def test_layers_keep_their_digits_far_from_the_origin(self):
        generator = np.random.default_rng(0)
        x = (generator.normal(size=(200, 4)) * [1, 2, 3, 5] + 1e4).astype(np.float32)
        dataset = load_dataset((x, np.arange(200) % 2))
        levels = ("pca:2", "lda", "factors:2", "merge:2")
        question = Question(data=Source(scaling="none"), vary={"reduce": levels}, seeds=1)
        task, _ = prepare(dataset, question)
        plain = Question(data=Source(), vary={"reduce": levels}, seeds=1)
        scaled, _ = prepare(dataset, plain)
        rows = task.splits[0][0]
        for text in ("lda", "merge:2", "factors:2"):  # what does not depend on the unit
            ours, wanted = (outputs(made, text, rows) for made in (task, scaled))
            alike = np.abs(np.sum(ours * wanted, axis=0))
            alike /= np.linalg.norm(ours, axis=0) * np.linalg.norm(wanted, axis=0)
            assert alike.min() > 0.999, text

    def test_a_kernel_with_few_distinct_rows_gives_no_nan(self):
        x = np.array([[i & 1, i >> 1 & 1, i >> 2 & 1] for i in range(200)], np.float32)
        dataset = load_dataset((x, np.arange(200) % 2))
        question = Question(vary={"reduce": ("kernel_pca:10",)}, seeds=1)
        task, _ = prepare(dataset, question)
        assert np.isfinite(outputs(task, "kernel_pca:10", task.splits[0][0])).all()
        with pytest.raises(RecipeError, match="fewer distinct clusters"):
            prepare(dataset, Question(vary={"reduce": ("kmeans:10",)}, seeds=1))

    def test_randomised_components_are_the_same_every_time(self):
        x = np.random.default_rng(0).normal(size=(4000, 2010)).astype(np.float32)
        dataset = load_dataset((x, np.arange(4000) % 2))
        question = Question(vary={"reduce": ("pca:3",)}, seeds=1)
        first, second = (prepare(dataset, question)[0].reducers["pca:3"][0] for _ in range(2))
        np.testing.assert_array_equal(first.matrix.value, second.matrix.value)


class TestStudies:
    def test_every_method_trains_in_a_study(self, tmp_path):
        study = gl.compare(
            "iris", vary={"reduce": ["none", *EVERY]}, base=QUICK,
            seeds=2, tune=False, out=tmp_path / "s",
        )  # fmt: skip
        results = study.results
        assert set(results["reduce"]) == {"none", *EVERY}
        best = results.group_by("reduce").agg(pl.col("validation_score").mean())
        assert best["validation_score"].min() > 0.5
        assert (tmp_path / "s" / "report.html").stat().st_size > 0

    def test_a_reduced_run_has_the_same_bits_alone_and_resumed(self, tmp_path):
        options = {"base": Recipe(hidden=(8,), epochs=3), "seeds": 2, "tune": False}
        both = gl.compare(
            "iris", vary={"reduce": ["none", "pca:2", "lda"]}, out=tmp_path / "a", **options
        ).results
        alone = gl.compare(
            "iris", vary={"reduce": ["pca:2"]}, out=tmp_path / "b", **options
        ).results
        column = "validation_loss"
        mine = both.filter(pl.col("reduce") == "pca:2").sort("seed")[column]
        assert mine.to_list() == alone.sort("seed")[column].to_list()

    def test_resampled_splits_have_reductions_of_their_own(self, tmp_path):
        study = gl.compare(
            "iris", vary={"reduce": ["none", "pca:0.9", "lda"]},
            base=Recipe(hidden=(8,), learning_rate=0.02), seeds=3, tune=False, resample=True,
            out=tmp_path / "s",
        )  # fmt: skip
        assert study.results["validation_score"].min() > 0.5

    def test_discriminants_keep_what_separates_where_components_lose_it(self, tmp_path):
        # Two classes apart along a direction of small variance: PCA drops it, LDA finds it.
        generator = np.random.default_rng(0)
        x = generator.normal(size=(400, 6))
        y = np.arange(400) % 2
        shared = generator.normal(size=(400, 1))
        x[:, :5] = shared + 0.3 * x[:, :5]
        x[:, 0] += 0.8 * (y - 0.5)
        study = gl.compare(
            (x, y), vary={"reduce": ["pca:1", "lda"]}, base=QUICK,
            seeds=3, tune=False, out=tmp_path / "s",
        )  # fmt: skip
        scores = dict(
            study.results.group_by("reduce").agg(pl.col("validation_score").mean()).iter_rows()
        )
        assert scores["lda"] > scores["pca:1"] + 0.1

    def test_a_trained_model_reduces_by_itself_also_from_its_file(self, tmp_path):
        fitted = gl.train("iris", Recipe(hidden=(8,), learning_rate=0.02, reduce="pca:0.9"))
        path = fitted.model.save(tmp_path / "m.safetensors")
        dataset = load_dataset("iris")
        loaded = gl.load_model(path)
        x = loaded.inputs(dataset.features)
        np.testing.assert_array_equal(loaded.predict(x), fitted.model.predict(x))
        truth = np.asarray(dataset.classes)[dataset.y]
        assert np.mean(loaded.predict(x) == truth) > 0.7
        rows = gl.network_table(loaded.recipe, loaded.interface)
        assert (rows[0].layer, rows[0].output_shape, rows[0].n_parameters) == ("pca 0.9", (2,), 0)

    def test_the_reducer_is_not_trained(self):
        plain = gl.train("iris", Recipe(hidden=(8,), epochs=1, reduce="pca:2")).model
        longer = gl.train("iris", Recipe(hidden=(8,), epochs=30, reduce="pca:2")).model
        first, last = plain.network.layers[0], longer.network.layers[0]
        np.testing.assert_array_equal(first.matrix.value, last.matrix.value)
        assert not np.array_equal(plain.network.layers[1].weight, longer.network.layers[1].weight)
