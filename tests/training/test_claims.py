"""What the course documents claim of training, measured with the engine."""

import dataclasses

import numpy as np
import pytest
from sklearn.datasets import load_digits

from gradlab.training.plan import Run
from gradlab.training.population import HISTORY
from gradlab.training.recipe import Recipe
from gradlab.training.task import Task

TRAIN_LOSS, VALIDATION_LOSS, ACCURACY = range(3)


def digits_task(*n_train: int) -> Task:
    """Return digits, a split for each size of the training part, judged on the same 400 rows."""
    x, y = load_digits(return_X_y=True)
    rows = np.random.default_rng(0).permutation(len(y)).astype(np.int32)
    x = ((x - x.mean(0)) / (x.std(0) + 1e-9)).astype(np.float32)
    return Task(
        x=x,
        y=y.astype(np.int32),
        weight=np.ones(len(y), np.float32),
        splits=tuple((rows[400 : 400 + n], rows[:400]) for n in n_train),
        test=rows[:0],
        kind="multiclass",
        n_outputs=10,
    )


def noisy_sine_task() -> Task:
    """Return 20 noisy points of a sine to learn from, and 200 to be judged on."""
    rng = np.random.default_rng(2)
    x = np.concatenate([np.linspace(-1, 1, 20), rng.uniform(-1, 1, 200)])[:, None]
    y = np.sin(4.5 * x) + 0.3 * rng.normal(size=x.shape)
    return Task(
        x=(2 * x).astype(np.float32),
        y=y.astype(np.float32),
        weight=np.ones(220, np.float32),
        splits=((np.arange(20, dtype=np.int32), np.arange(20, 220, dtype=np.int32)),),
        test=np.arange(0, dtype=np.int32),
        kind="regression",
        n_outputs=1,
    )


class TestCapacity:
    WIDTHS = (1, 3, 40)
    SEEDS = range(4)

    @pytest.fixture(scope="class")
    @classmethod
    def errors(cls, train):
        """Final training and validation error by regularised or not, width and seed."""
        base = Recipe(
            activation="tanh", learning_rate=0.03, batch_size="full", shuffle=False, epochs=3000
        )
        # A penalty of 1e-12 is none, but shares the program of the real one.
        recipes = [base.replace(hidden=(n, n), l2=l2) for l2 in (1e-12, 0.01) for n in cls.WIDTHS]
        runs = [Run(recipe, seed) for recipe in recipes for seed in cls.SEEDS]
        results = train(noisy_sine_task(), runs, members=4, epochs=3000).results
        last = np.array([result.history[-1, :2] for result in results])
        return last.reshape(2, len(cls.WIDTHS), len(cls.SEEDS), 2).mean(axis=2)

    @pytest.mark.catalogue("SPL-05")
    def test_growing_capacity_lowers_training_and_raises_test_error(self, errors):
        training, test = errors[0, :, 0], errors[0, :, 1]
        assert training[0] > training[1] > training[2]
        assert test[2] > 1.05 * test[1]

    @pytest.mark.catalogue("REG-01")
    def test_the_rise_of_test_error_is_smaller_with_a_regulariser(self, errors):
        plain, regularised = errors[0, :, 1], errors[1, :, 1]
        assert plain.argmin() == 1  # the best capacity lies between
        assert regularised[2] - regularised.min() < 0.5 * (plain[2] - plain.min())


@pytest.mark.catalogue("CMP-22")
def test_more_training_rows_narrow_the_gap(train):
    recipe = Recipe(hidden=(32,), learning_rate=0.005, epochs=25)
    sizes = (50, 200, 1000)
    runs = [Run(recipe, seed, split) for split in range(3) for seed in range(3)]
    results = train(digits_task(*sizes), runs, members=3).results
    gaps = [r.history[-1, VALIDATION_LOSS] - r.history[-1, TRAIN_LOSS] for r in results]
    few, some, many = np.reshape(gaps, (3, 3)).mean(axis=1)
    assert few > 1.5 * some > 1.5 * 1.5 * many > 0


@pytest.mark.catalogue("CMP-16")
def test_batch_norm_bears_a_larger_rate_and_less_regularisation(train):
    plain = Recipe(
        hidden=(32, 32, 32),
        activation="sigmoid",
        init="xavier_normal",
        optimizer="sgd",
        learning_rate=0.3,
        epochs=12,
    )
    normed = plain.replace(norm="batch", learning_rate=8 * 0.3)
    heavy = normed.replace(dropout=0.5, l2=0.01)
    light = normed.replace(l2=0.001)
    variants = {
        "plain": plain,
        "batch norm, 8 × rate": normed,
        "dropout, L2": heavy,
        "L2 / 10": light,
    }
    runs = [Run(recipe, seed) for recipe in variants.values() for seed in range(3)]
    results = train(digits_task(700), runs, members=3).results
    steps_per_epoch = 22
    table = {}
    for i, name in enumerate(variants):
        histories = np.array([r.history for r in results[3 * i : 3 * i + 3]])
        curve = histories[:, :, TRAIN_LOSS].mean(axis=0)
        if name == "plain":
            target = curve[-1]
        reached = np.flatnonzero(curve <= target)
        updates = (reached[0] + 1) * steps_per_epoch if len(reached) else np.inf
        table[name] = {
            "updates to the loss of plain": updates,
            "accuracy": histories[:, -1, ACCURACY].mean(),
        }
    assert (
        table["batch norm, 8 × rate"]["updates to the loss of plain"]
        < 0.5 * table["plain"]["updates to the loss of plain"]
    )
    assert table["L2 / 10"]["accuracy"] > table["dropout, L2"]["accuracy"] + 0.01


class TestValidation:
    RECIPE = Recipe(hidden=(16,), learning_rate=0.03, batch_size=8, epochs=40)

    @pytest.fixture(scope="class")
    @classmethod
    def histories(cls, train, classes_task):
        """The same run with a validation part and without."""
        task = classes_task(23, 30, noise=1.5)
        blind = dataclasses.replace(task, splits=((task.splits[0][0], task.test),))
        return [
            train(t, [Run(cls.RECIPE, 1)], members=1, epochs=20).results[0].history
            for t in (task, blind)
        ]

    @pytest.mark.catalogue("SPL-03")
    def test_only_a_run_with_validation_sees_the_error_rise(self, histories):
        seeing, blind = histories
        np.testing.assert_allclose(seeing[:, TRAIN_LOSS], blind[:, TRAIN_LOSS], rtol=1e-4)
        assert np.isnan(blind[:, [VALIDATION_LOSS, ACCURACY]]).all()
        losses = seeing[:, VALIDATION_LOSS]
        assert losses[-1] > 1.2 * losses.min()
        # Alone the training loss would recommend to go on.
        assert blind[-1, TRAIN_LOSS] < blind[losses.argmin(), TRAIN_LOSS]

    @pytest.mark.catalogue("LOS-11", "MET-02", "MET-17")
    def test_loss_and_accuracy_are_columns_of_their_own_and_may_disagree(self, histories):
        assert HISTORY == ("train_loss", "validation_loss", "validation_score")
        history = histories[0]
        assert history.shape == (40, 3)  # one row an epoch
        accuracy = history[:, ACCURACY]
        np.testing.assert_allclose(accuracy * 30, np.round(accuracy * 30), atol=1e-4)
        worse_loss = np.diff(history[:, VALIDATION_LOSS]) > 0
        better_accuracy = np.diff(accuracy) > 0
        assert (worse_loss & better_accuracy).any()
