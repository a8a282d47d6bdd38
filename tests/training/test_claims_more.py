"""Claims about training that pictures show: shift inside the network, curves, batch sizes."""

import dataclasses

import numpy as np
import polars as pl
import pytest

import gradlab as gl
from gradlab.data import Preprocessor, load_dataset, split_rows, updates_per_epoch
from gradlab.errors import RecipeError, StudyError
from gradlab.metrics import drift, pre_activations
from gradlab.nn import initial_state
from gradlab.optim import gradient_variance
from gradlab.plots.drift import drift_figure
from gradlab.training.executors import trained_network
from gradlab.training.interface import Interface
from gradlab.training.network import build_network
from gradlab.training.order import batch_order
from gradlab.training.plan import Run, plan
from gradlab.training.recipe import Recipe
from gradlab.training.task import make_task


@pytest.fixture(scope="module")
def digits():
    dataset = load_dataset("digits")
    split = split_rows(dataset)
    return make_task(dataset, split, Preprocessor.fit(dataset.features, split.train))


@pytest.mark.catalogue("NRM-01")
class TestInternalCovariateShift:
    """What enters each layer while a network of three hidden layers learns the digits."""

    EPOCHS = (1, 2, 4, 8)
    RECIPE = Recipe(hidden=(32, 32, 32), optimizer="sgd", learning_rate=0.1)
    SEEDS = (0, 1, 2)

    @pytest.fixture(scope="class")
    @classmethod
    def drifts(cls, train, digits):
        """Drift by normalisation and seed; a run of fewer epochs is the start of a longer one."""
        runs = [
            Run(cls.RECIPE.replace(norm=norm, epochs=epochs), seed)
            for norm in ("none", "batch")
            for seed in cls.SEEDS
            for epochs in cls.EPOCHS
        ]
        outcome = train(digits, runs)
        x = digits.x[digits.splits[0][0]]
        snapshots = {}
        for run, result in zip(runs, outcome.results, strict=True):
            key = (run.recipe.norm, run.seed)
            if key not in snapshots:
                start = build_network(run.recipe, Interface((64,), 10), seed=run.seed)
                snapshots[key] = [pre_activations(start, initial_state(start), x)]
            network, states = trained_network(outcome.plan, run.recipe, result.weights)
            snapshots[key].append(pre_activations(network, states, x))
        return {key: drift(seen) for key, seen in snapshots.items()}

    @pytest.mark.parametrize("quantity", ["mean", "std"])
    def test_without_normalisation_it_grows_with_depth_and_time(self, drifts, quantity):
        for seed in self.SEEDS:
            moved = getattr(drifts["none", seed], quantity)
            assert moved.shape == (3, 1 + len(self.EPOCHS))
            assert (np.diff(moved, axis=1) > 0).all()  # it goes on over the epochs
            assert (np.diff(moved[:, 1:], axis=0) > 0).all()  # deeper layers more
            assert moved[2, -1] > 1  # by more than the whole starting deviation

    @pytest.mark.parametrize("quantity", ["mean", "std"])
    def test_batch_norm_holds_it_down_in_all_layers_that_others_feed(self, drifts, quantity):
        for seed in self.SEEDS:
            plain, normed = (
                getattr(drifts[norm, seed], quantity)[:, -1] for norm in ("none", "batch")
            )
            # The first layer sees the data, which do not move: nothing to hold down in the mean.
            assert (normed[1:] < plain[1:] / 3).all()
            assert (normed < 0.5).all()

    def test_both_are_in_one_picture(self, drifts):
        shown = {"no norm": drifts["none", 0], "batch norm": drifts["batch", 0]}
        figure = drift_figure(shown, [0, *self.EPOCHS])
        assert len(figure.data) == 2 * 2 * 3  # quantities, variants, layers
        last = {t.name: t.y[-1] for t in figure.data if t.yaxis == "y2"}
        assert last["no norm, layer 3"] == pytest.approx(drifts["none", 0].std[2, -1])
        assert last["batch norm, layer 3"] < last["no norm, layer 3"] / 3


class TestLearningCurve:
    @pytest.fixture(scope="class")
    @classmethod
    def written(cls, tmp_path_factory):
        """A training that over-fits, and the files of its curve."""
        path = tmp_path_factory.mktemp("curve") / "curve.html"
        recipe = Recipe(hidden=(64,), learning_rate=0.05, batch_size=8, epochs=12)
        return gl.train("iris", recipe, seed=1, curve=path), path

    @pytest.mark.catalogue("SPL-04")
    def test_a_run_is_written_as_a_table_with_its_minimum_marked(self, written):
        fitted, path = written
        table = pl.read_csv(path.with_suffix(".csv"))
        assert table["epoch"].to_list() == list(range(1, 13))
        columns = ["train_loss", "validation_loss", "validation_score"]
        np.testing.assert_allclose(table.select(columns).to_numpy(), fitted.history)
        (t_opt,) = table.filter("minimum")["epoch"]
        losses = fitted.history[:, 1]
        assert losses[t_opt - 1] == losses.min()
        assert t_opt < 12  # or the mark would say nothing

    @pytest.mark.catalogue("SPL-04")
    def test_and_as_a_picture_of_both_lines_that_works_offline(self, written):
        fitted, path = written
        text = path.read_text(encoding="utf-8")
        for name in ('"name":"training"', '"name":"validation"', '"name":"t_opt"'):
            assert name in text
        assert f"t_opt = {fitted.history[:, 1].argmin() + 1}" in text
        assert 'src="http' not in text

    def test_needs_an_html_name(self, tmp_path):
        with pytest.raises(RecipeError, match=r"give a name that ends in \.html, not .*curve\.png"):
            gl.train("iris", curve=tmp_path / "curve.png")

    def test_needs_validation_rows(self, tmp_path):
        source = gl.Source(ratios=(0.8, 0, 0.2))
        with pytest.raises(RecipeError, match="A learning curve needs validation rows"):
            gl.train("iris", source=source, curve=tmp_path / "curve.html")

    def test_needs_a_folder(self, tmp_path):
        recipe = Recipe(hidden=(4,), epochs=1)
        with pytest.raises(StudyError, match="Could not write"):
            gl.train("iris", recipe, curve=tmp_path / "none" / "curve.html")


@pytest.mark.catalogue("SPL-07")
class TestBatchSize:
    SIZES = (1, 4, 16, 64, 256, 1078)

    def test_the_engine_makes_as_many_updates_as_there_are_batches(self, digits):
        rows = digits.splits[0][0]
        assert len(rows) == 1078
        counts = []
        for size in self.SIZES:
            recipe = Recipe(hidden=(4,), batch_size=size, epochs=2)
            (program,) = plan(digits, [Run(recipe, 0)], workers=1).programs
            order = batch_order(rows, seed=0, epochs=range(2), batch_size=size)
            counts.append(program.shape.n_steps)
            assert order.shape == (2, program.shape.n_steps, size)
            assert program.shape.n_steps == updates_per_epoch(len(rows), size)
        assert counts == [1078, 270, 68, 17, 5, 1]

    def test_the_noise_of_a_gradient_is_that_of_one_row_divided_by_the_batch_size(self, digits):
        rows = digits.splits[0][0]
        x, y = digits.x[rows], digits.y[rows].astype(np.float32)
        weights = np.zeros(64, np.float32)
        sizes = self.SIZES[:4]
        variances = [
            gradient_variance(weights, x, y, batch_size=size, n_draws=2000) for size in sizes
        ]
        # The variance of one row, from all rows; 2000 draws are off by about 2 %.
        slopes = -2 * x * y[:, None]
        exact = np.mean(np.sum((slopes - slopes.mean(axis=0)[None]) ** 2, axis=1))
        np.testing.assert_allclose(np.array(variances) * sizes, exact, rtol=0.1)
        assert variances == sorted(variances, reverse=True)


class TestBalancedClasses:
    RECIPE = Recipe(hidden=(6,), optimizer="sgd", learning_rate=0.1, batch_size=8, epochs=4)

    @pytest.fixture(scope="class")
    @classmethod
    def task(cls, classes_task):
        """Twice as many rows, of which the third class has only three for training."""
        task = classes_task(60, 20)
        train, validation = task.splits[0]
        rare = np.cumsum(task.y[train] == 2) <= 3
        return dataclasses.replace(task, splits=((train[(task.y[train] != 2) | rare], validation),))

    def test_are_the_weights_written_at_the_rows(self, train, task):
        rows = task.splits[0][0]
        counts = np.bincount(task.y[rows])
        assert counts[2] == 3
        weight = np.ones(len(task.x), np.float32)
        weight[rows] = (len(rows) / (3 * counts))[task.y[rows]]
        weighted = dataclasses.replace(task, weight=weight)
        balanced = self.RECIPE.replace(class_weight="balanced")
        a = train(task, [Run(balanced, 3)], members=1, epochs=2)
        b = train(weighted, [Run(self.RECIPE, 3)], members=1, epochs=2)
        # Validation rows keep weight 1 in both, so all three columns agree.
        np.testing.assert_allclose(a.results[0].history, b.results[0].history, rtol=1e-6)
        assert a.results[0].weights.tobytes() == b.results[0].weights.tobytes()

    def test_change_the_training(self, train, task):
        balanced = self.RECIPE.replace(class_weight="balanced")
        runs = [Run(self.RECIPE, 3), Run(balanced, 3)]
        plain, weighted = (r.history for r in train(task, runs, members=1, epochs=2).results)
        assert np.abs(plain - weighted).max() > 0.01

    def test_multiply_the_rows_own_weights(self, train, task):
        rows = task.splits[0][0]
        counts = np.bincount(task.y[rows])
        own = np.random.default_rng(0).uniform(0.3, 3, len(task.x)).astype(np.float32)
        both = own.copy()
        both[rows] *= (len(rows) / (3 * counts)).astype(np.float32)[task.y[rows]]
        balanced = self.RECIPE.replace(class_weight="balanced")
        a = train(dataclasses.replace(task, weight=own), [Run(balanced, 3)], members=1, epochs=2)
        b = train(
            dataclasses.replace(task, weight=both), [Run(self.RECIPE, 3)], members=1, epochs=2
        )
        np.testing.assert_allclose(a.results[0].history, b.results[0].history, rtol=1e-5)

    def test_are_refused_where_there_are_no_classes(self, train, numbers_task):
        balanced = self.RECIPE.replace(class_weight="balanced")
        with pytest.raises(
            RecipeError,
            match=r"class_weight=balanced needs one class a row; the target is a number",
        ):
            train(numbers_task(), [Run(balanced, 0)])


def test_patience_needs_validation_rows(train, numbers_task):
    task = numbers_task()
    blind = dataclasses.replace(task, splits=((task.splits[0][0], task.test),))
    recipe = Recipe(hidden=(4,), epochs=5, patience=2)
    with pytest.raises(
        RecipeError, match="patience needs validation rows to watch, and this split"
    ):
        train(blind, [Run(recipe, 0)])
    with pytest.raises(RecipeError, match="patience needs validation rows"):
        gl.train("iris", recipe, source=gl.Source(ratios=(0.8, 0, 0.2)))
