"""How runs end: diverged, stopped early, resampled, without a validation part."""

import dataclasses
import itertools

import numpy as np
import pytest

from gradlab.training.executors import trained_network
from gradlab.training.interface import Interface
from gradlab.training.network import build_network
from gradlab.training.order import steps_per_epoch
from gradlab.training.plan import Run
from gradlab.training.recipe import Recipe

BASE = Recipe(hidden=(6,), optimizer="sgd", learning_rate=0.05, batch_size=8, epochs=6)


class TestDivergence:
    @pytest.fixture(scope="class")
    @classmethod
    def outcomes(cls, train, numbers_task):
        """The same runs with and without neighbours that diverge, in one compiled program."""
        momentum = BASE.replace(optimizer="momentum", learning_rate=0.01)
        good = [Run(BASE, 0), Run(momentum, 1), Run(BASE, 2), Run(momentum, 3)]
        bad = [
            Run(BASE.replace(learning_rate=1e6), 0),
            Run(momentum.replace(learning_rate=1e30), 1),
            Run(BASE.replace(learning_rate=1e30, epochs=50_000), 2),
        ]
        mixed = [run for pair in itertools.zip_longest(good, bad) for run in pair if run]
        task = numbers_task()
        return (
            good,
            train(task, good, members=4, epochs=3),
            mixed,
            train(task, mixed, members=4, epochs=3),
        )

    def test_is_a_result(self, outcomes):
        good, _, mixed, together = outcomes
        for run, result in zip(mixed, together.results, strict=True):
            assert result.status == ("done" if run in good else "diverged")

    def test_ends_the_run_at_once(self, outcomes):
        good, _, mixed, together = outcomes
        for run, result in zip(mixed, together.results, strict=True):
            if run not in good:
                assert result.epochs <= 2
                assert len(result.history) == result.epochs
                assert not np.isfinite(result.history[-1]).all()

    def test_leaves_its_neighbours_as_they_were(self, outcomes):
        good, apart, mixed, together = outcomes
        for run, result in zip(good, apart.results, strict=True):
            neighbour = together.results[mixed.index(run)]
            assert result.history.tobytes() == neighbour.history.tobytes()
            assert result.weights.tobytes() == neighbour.weights.tobytes()


@pytest.mark.catalogue("REG-05")
class TestEarlyStopping:
    RECIPE = Recipe(hidden=(16,), learning_rate=0.05, batch_size=8, epochs=60, patience=4)
    SEEDS = range(8)

    @pytest.fixture(scope="class")
    @classmethod
    def task(cls, classes_task):
        return classes_task(23, 12, noise=2.0)  # so noisy that it over-fits at once

    @pytest.fixture(scope="class")
    @classmethod
    def stopped(cls, train, task):
        return train(task, [Run(cls.RECIPE, seed) for seed in cls.SEEDS], members=4, epochs=20)

    @pytest.fixture(scope="class")
    @classmethod
    def patient(cls, train, task):
        """The same runs, which never stop: patience is a number of the same program."""
        runs = [Run(cls.RECIPE.replace(patience=59), seed) for seed in cls.SEEDS]
        return train(task, runs, members=4, epochs=20)

    def test_stops_patience_epochs_after_the_minimum(self, stopped):
        for result in stopped.results:
            losses = result.history[:, 1]
            assert result.status == "early"
            assert result.best_epoch == losses.argmin() + 1
            assert result.epochs == result.best_epoch + 4 == len(losses)

    def test_gives_exactly_the_weights_of_the_best_epoch(self, stopped, train, task):
        # A run of as many epochs ends with the weights that the other kept.
        runs = [
            Run(self.RECIPE.replace(epochs=max(5, result.best_epoch)), seed)
            for seed, result in zip(self.SEEDS, stopped.results, strict=True)
            if result.best_epoch >= 5
        ]
        kept = [result for result in stopped.results if result.best_epoch >= 5]
        assert len(kept) >= 2
        ended = train(task, runs, members=4, epochs=20)
        for result, whole in zip(kept, ended.results, strict=True):
            assert whole.best_epoch == whole.epochs == result.best_epoch
            assert result.weights.tobytes() == whole.weights.tobytes()

    def test_changes_nothing_until_it_stops(self, stopped, patient):
        for result, whole in zip(stopped.results, patient.results, strict=True):
            n = result.epochs
            assert result.history.tobytes() == whole.history[:n].tobytes()

    def test_ignores_single_bumps(self, stopped, train, task):
        # Runs whose loss rose once and then fell below: patience 1 stops at the bump.
        bumped = [
            seed
            for seed, result in zip(self.SEEDS, stopped.results, strict=True)
            if (np.diff(result.history[: result.best_epoch, 1]) > 0).any()
        ]
        assert bumped
        hasty = train(
            task, [Run(self.RECIPE.replace(patience=1), s) for s in bumped], members=4, epochs=20
        )
        for seed, result in zip(bumped, hasty.results, strict=True):
            assert result.best_epoch < stopped.results[seed].best_epoch
            assert result.history[:, 1].min() > stopped.results[seed].history[:, 1].min()


class TestSplits:
    @pytest.fixture(scope="class")
    @classmethod
    def resampled(cls, numbers_task):
        """Three folds, the last with fewer training rows: one batch less an epoch."""
        task = numbers_task(26, 6)
        train, validation = task.splits[0]
        splits = (
            (train, validation),
            (train[::-1].copy(), validation[:4]),
            (train[:15], train[15:]),
        )
        return dataclasses.replace(task, splits=splits)

    def test_a_short_split_trains_as_if_it_were_alone(self, train, resampled):
        # Steps without a row must not move the optimizer: momentum would drift on.
        recipe = BASE.replace(optimizer="adam", weight_decay=0.1, norm="batch", learning_rate=0.02)
        short = resampled.splits[2]
        assert [steps_per_epoch(len(rows), 8) for rows, _ in resampled.splits] == [4, 4, 2]
        among = train(resampled, [Run(recipe, 5, split=2), Run(recipe, 5)], members=1, epochs=6)
        alone = train(dataclasses.replace(resampled, splits=(short,)), [Run(recipe, 5)], members=1)
        np.testing.assert_allclose(
            among.results[0].history, alone.results[0].history, rtol=1e-5, atol=1e-6
        )

    def test_statistics_belong_to_the_split(self, train, numbers_task):
        # Raw inputs with shift and scale train like inputs scaled beforehand; NaN is filled.
        task = numbers_task()
        shift, scale = np.float32([[1, 2, 3, 4]]), np.float32([[2, 0.5, 4, 1]])
        fill = np.float32([[0.5, 0, 0, 0]])
        scaled = task.x.copy()
        scaled[0, 0] = fill[0, 0]
        raw = scaled / scale + shift
        raw[0, 0] = np.nan
        inside = dataclasses.replace(task, x=raw, shift=shift, scale=scale, fill=fill)
        a = train(dataclasses.replace(task, x=scaled), [Run(BASE, 0)], members=1).results[0]
        b = train(inside, [Run(BASE, 0)], members=1).results[0]
        np.testing.assert_allclose(a.history, b.history, rtol=1e-4, atol=1e-6)

    def test_without_validation_rows_there_is_no_validation_loss(self, train, numbers_task):
        task = numbers_task()
        whole = dataclasses.replace(task, splits=((task.splits[0][0], task.test),))
        result = train(whole, [Run(BASE, 0)], members=1).results[0]
        assert (result.status, result.epochs, result.best_epoch) == ("done", 6, 0)
        assert np.isnan(result.history[:, 1:]).all()
        assert np.isfinite(result.history[:, 0]).all()


class TestCommonRandomNumbers:
    def test_techniques_of_one_seed_see_the_same_batches(self, train, numbers_task):
        # Momentum 0 is gradient descent: the same draws for the weights, in the same batches, with
        # the same masks, give one curve.
        recipe = BASE.replace(dropout=0.3)
        same = recipe.replace(optimizer="momentum", learning_rate=0.05, **{"optimizer.momentum": 0})
        runs = [Run(recipe, 4), Run(same, 4), Run(recipe, 5)]
        a, b, other = train(numbers_task(), runs, members=2).results
        np.testing.assert_allclose(a.history, b.history, rtol=1e-6)
        assert np.abs(a.history - other.history).max() > 0.01

    def test_a_dropped_row_is_dropped_wherever_it_stands(self, train, numbers_task):
        # Masks belong to rows: with one full batch their order does not matter.
        task = numbers_task()
        rows, validation = task.splits[0]
        turned = dataclasses.replace(task, splits=((rows[::-1].copy(), validation),))
        recipe = BASE.replace(dropout=0.5, batch_size="full", shuffle=False)
        a, b = (train(t, [Run(recipe, 4)], members=1).results[0] for t in (task, turned))
        np.testing.assert_allclose(a.history, b.history, rtol=1e-4)

    def test_initialisers_transform_one_draw(self):
        def weights(init, hidden=(8, 5)):
            recipe = Recipe(hidden=hidden, init=init)
            network = build_network(recipe, Interface((4,), 3), seed=6)
            return [layer.weight for layer in network.layers if hasattr(layer, "weight")]

        for he, lecun, uniform in zip(
            weights("he_normal"), weights("lecun_normal"), weights("he_uniform"), strict=True
        ):
            np.testing.assert_allclose(he, np.sqrt(2) * lecun, rtol=1e-6)
            # The uniform form keeps the order of the normal draw.
            np.testing.assert_array_equal(he.argsort(axis=None), uniform.argsort(axis=None))
        wider = weights("small_normal", hidden=(12, 5))
        for narrow, wide in zip(weights("small_normal"), wider, strict=True):
            np.testing.assert_array_equal(narrow, wide[: narrow.shape[0], : narrow.shape[1]])

    def test_a_network_ends_with_the_words_of_its_result(self, train, numbers_task):
        task = numbers_task()
        outcome = train(task, [Run(BASE, 0)], members=1)
        network, states = trained_network(outcome.plan, BASE, outcome.results[0].weights)
        validation = task.splits[0][1]
        scores, _ = network(task.x[validation], states)
        loss = np.mean((np.asarray(scores) - task.y[validation]) ** 2)
        np.testing.assert_allclose(outcome.results[0].history[-1, 1], loss, rtol=1e-5)
