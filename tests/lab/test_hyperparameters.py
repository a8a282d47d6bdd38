"""How settings that are not learnt are searched: what is tried, on which rows, and what is kept."""

import itertools

import numpy as np
import polars as pl
import pytest

import gradlab as gl
from gradlab.errors import GradlabError
from gradlab.nn import INITIALIZERS
from gradlab.optim import OPTIMIZERS
from gradlab.training.recipe import Recipe

RATES = tuple(float(rate) for rate in np.geomspace(1e-5, 10, 9))
WITHOUT_EFFECT = tuple(float(weight) for weight in np.geomspace(1e-12, 1e-9, 9))


def means(study: gl.Study, column: str = "validation_score") -> pl.DataFrame:
    """Return the mean of each combination, best first."""
    table = study.results.group_by(study.axes, maintain_order=True).agg(pl.col(column).mean())
    return table.sort(column, descending=column == "validation_score")


@pytest.mark.catalogue("HPO-03")
def test_a_grid_tries_every_combination_and_finds_its_best(factorial):
    tried = set(factorial.results.select(factorial.axes).rows())
    assert tried == set(itertools.product(["sgd", "adam"], [0.001, 0.01, 0.1]))
    best = means(factorial)
    top = best.filter(pl.col("validation_score") == best["validation_score"][0])
    winner = factorial.winner.levels
    won = winner["optimizer"], float(winner["learning_rate"])
    assert won in set(top.select("optimizer", "learning_rate").rows())


@pytest.mark.catalogue("HPO-02")
def test_random_draws_beat_a_grid_of_as_many_where_one_setting_matters(clouds, compare, tmp_path):
    # Nine trials: a grid sees three learning rates three times each, random draws see up to nine.
    def best(name, vary, **design):
        study = compare(clouds(), tmp_path / name, vary=vary, tune=False, seeds=2, **design)
        assert len(study.results) == 2 * 9
        return means(study, "validation_loss")["validation_loss"][0]

    grids = [
        best(
            f"grid-{first}",
            {"learning_rate": RATES[first::3], "l1": WITHOUT_EFFECT[first::3]},
            design="factorial",
        )
        for first in range(3)
    ]
    draws = [
        best(
            f"draw-{seed}",
            {"learning_rate": RATES, "l1": WITHOUT_EFFECT},
            design="random",
            samples=9,
            seed=seed,
        )
        for seed in range(3)
    ]
    assert np.mean(draws) <= np.mean(grids)


@pytest.mark.catalogue("HPO-05")
def test_nothing_that_is_searched_has_read_a_test_row(clouds, compare, numbers_of, tmp_path):
    clouds(seed=1).write_csv(tmp_path / "train.csv")
    held_out = clouds(30, seed=2)
    held_out.write_csv(tmp_path / "true.csv")
    turned = {"a": "b", "b": "c", "c": "a"}
    held_out.with_columns(pl.col("kind").replace(turned)).write_csv(tmp_path / "false.csv")
    studies = [
        compare(
            tmp_path / "train.csv",
            tmp_path / name,
            vary={"optimizer": ["sgd", "adam"]},
            source=gl.Source(test=str(tmp_path / f"{name}.csv")),
            epochs=20,
        )
        for name in ("true", "false")
    ]
    rows = [[run for run in study.runs if run.phase != "test"] for study in studies]
    assert [run.history.tobytes() for run in rows[0]] == [run.history.tobytes() for run in rows[1]]
    assert [run.learning_rate for run in rows[0]] == [run.learning_rate for run in rows[1]]
    true, false = (study.winner for study in studies)
    assert true.levels == false.levels
    assert true.validation_scores == false.validation_scores
    assert np.mean(true.test_scores) > 0.5 > np.mean(false.test_scores)


NAMED = {
    "learning_rate": (lambda x: Recipe(learning_rate=x).rate(), 0.001, -1.0),
    "momentum": (lambda x: Recipe(optimizer="momentum", **given("momentum", x)), 0.9, 1.5),
    "beta1": (lambda x: Recipe(**given("beta1", x)), 0.9, 1.0),
    "beta2": (lambda x: Recipe(**given("beta2", x)), 0.999, 1.0),
    "epsilon": (lambda x: Recipe(**given("epsilon", x)), 1e-8, -1e-8),
    "batch_size": (lambda x: Recipe(batch_size=x), 32, 0),
    "epochs": (lambda x: Recipe(epochs=x), 30, 0),
    "dropout": (lambda x: Recipe(dropout=x), 0.0, 1.1),
    "activation": (lambda x: Recipe(activation=x), "relu", "reul"),
    "init": (lambda x: Recipe(init=x), "he_normal", "she_normal"),
    "norm": (lambda x: Recipe(norm=x), "none", "bench"),
    "weight_decay": (lambda x: Recipe(optimizer="adamw", weight_decay=x), 0.01, -0.1),
    "n_clusters": (lambda x: gl.KMeans(x).fit(POINTS), 3, 0),
    "n_components": (lambda x: gl.PCA(x).fit(POINTS), None, -1),
    "discriminator_steps": (
        lambda x: gl.GAN(discriminator_steps=x, epochs=1).fit(POINTS),
        1,
        0,
    ),
    "content_weight": (lambda x: paint(content_weight=x), 1e-3, -1.0),
    "style_weight": (lambda x: paint(style_weight=x), 1.0, -1.0),
}
"""Hyper-parameter of the documents -> who takes it, its default, a value out of its range.

K has no default: a person or `choose_n_clusters` says it."""

POINTS = np.random.default_rng(0).normal(size=(40, 3))


def given(name, value):
    return {"parameters": {f"optimizer.{name}": value}}


def paint(**settings):
    picture = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    return gl.transfer_style(picture, picture, steps=1, levels=1, **settings)


@pytest.mark.catalogue("HPO-06")
@pytest.mark.parametrize("name", NAMED)
def test_what_the_course_calls_a_hyperparameter_has_a_default_and_a_range(name):
    take, default, outside = NAMED[name]
    take(default)
    with pytest.raises((GradlabError, ValueError), match=r"."):
        take(outside)


@pytest.mark.catalogue("HPO-06")
def test_defaults_are_those_of_the_papers():
    recipe = Recipe()
    for name in ("batch_size", "epochs", "dropout", "activation", "init", "norm"):
        assert getattr(recipe, name) == NAMED[name][1]
    assert recipe.rate() == OPTIMIZERS["adam"].learning_rate == 0.001
    numbers = recipe.hyper()
    for name in ("beta1", "beta2", "epsilon"):
        assert numbers[f"optimizer.{name}"] == NAMED[name][1]
    assert Recipe(optimizer="momentum").hyper()["optimizer.momentum"] == 0.9
    assert recipe.init in INITIALIZERS
    assert gl.GAN().discriminator_steps == 1


@pytest.mark.catalogue("HPO-07")
def test_a_study_is_a_log_of_what_was_tried_with_which_setting_and_result(study):
    opened = gl.open_study(study.folder)  # from the files alone
    assert opened.question.vary  # the idea
    assert len(opened.runs) == len(study.runs) > 0
    for run in opened.runs:
        assert run.recipe
        assert run.learning_rate > 0
        assert run.status in {"done", "diverged"}
    # Which rate each level took, and what came of it, can be read again …
    assert opened.results.equals(study.results)
    # … and the conclusion follows from the log alone.
    assert opened.ranking("optimizer").sentences == study.ranking("optimizer").sentences


@pytest.mark.catalogue("TAX-05")
@pytest.mark.parametrize(
    ("keras", "ours"),
    [
        ("SGD", "sgd"),
        ("RMSprop", "rmsprop"),
        ("Adagrad", "adagrad"),
        ("Adadelta", "adadelta"),
        ("Adam", "adam"),
        ("Nadam", "nadam"),
        ("AdamW", "adamw"),
        ("Lion", "lion"),
    ],
)
def test_optimizers_are_found_by_the_names_that_keras_gives_them(keras, ours):
    assert Recipe(optimizer=keras) == Recipe(optimizer=ours)
    assert Recipe(optimizer=keras.lower()) == Recipe(optimizer=ours)


@pytest.mark.catalogue("TAX-05")
@pytest.mark.parametrize(
    ("keras", "ours"),
    [
        ("mse", "squared_error"),
        ("mean_squared_error", "squared_error"),
        ("binary_crossentropy", "binary_cross_entropy"),
        ("categorical_crossentropy", "cross_entropy"),
        ("sparse_categorical_crossentropy", "cross_entropy"),
    ],
)
def test_losses_are_found_by_the_names_that_keras_gives_them(keras, ours):
    recipe = Recipe(loss=keras)
    assert recipe == Recipe(loss=ours)
    assert recipe.loss == ours  # one name in recipes, studies and reports
