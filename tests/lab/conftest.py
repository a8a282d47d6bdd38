"""Small data and quick studies; whoever tests studies compares their numbers with `numbers_of`."""

import json

import numpy as np
import polars as pl
import pytest

import gradlab as gl
from gradlab.training.recipe import Recipe

BASE = Recipe(hidden=(4,), batch_size=16, epochs=3)
TUNING = {"learning_rates": 2, "seeds": 2}


def clouds(n=60, *, classes=("a", "b", "c"), seed=0) -> pl.DataFrame:
    """Return overlapping clouds in two dimensions with a nominal and an incomplete column."""
    rng = np.random.default_rng(seed)
    label = np.arange(n) % len(classes)
    x = rng.normal(size=(n, 2)) + 1.5 * np.stack([label, -label], axis=1)
    width = [None if i % 9 == 0 else float(v) for i, v in enumerate(x[:, 1])]
    return pl.DataFrame(
        {
            "height": x[:, 0],
            "width": width,
            "colour": [None if i % 11 == 0 else ("red", "blue")[i % 2] for i in range(n)],
            "kind": [classes[i] for i in label],
        }
    )


def numbers(n=60, *, seed=0) -> pl.DataFrame:
    """Return a noisy line to be found by regression."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    return pl.DataFrame(
        {"x": x[:, 0], "z": x[:, 1], "y": x[:, 0] - 2 * x[:, 1] + 0.1 * rng.normal(size=n)}
    )


def compare(data, out, *, vary, **options) -> gl.Study:
    """Compare with small defaults, on one thread."""
    options = {"base": BASE, "seeds": 2, "tune": gl.Tuning(**TUNING), "workers": 1} | options
    return gl.compare(data, vary=vary, out=out, **options)


def numbers_of(study: gl.Study) -> str:
    """Return every number of a study but durations, as one text that is equal bit for bit."""
    runs = [
        [
            run.id, run.phase, run.cell, run.recipe, run.seed, run.split, run.status, run.epochs,
            run.best_epoch, run.learning_rate, run.validation_score, run.validation_loss,
            run.train_loss, run.history.tobytes().hex(),
        ]
        for run in study.runs
    ]  # fmt: skip
    winner = study.winner
    end = None if winner is None else [
        winner.levels, winner.recipe, winner.validation_scores, winner.test_scores,
        winner.train_scores,
    ]  # fmt: skip
    return json.dumps([runs, end], indent=1, default=list)


@pytest.fixture(name="clouds", scope="session")
def _clouds():
    return clouds


@pytest.fixture(name="numbers", scope="session")
def _numbers():
    return numbers


@pytest.fixture(name="compare", scope="session")
def _compare():
    return compare


@pytest.fixture(name="numbers_of", scope="session")
def _numbers_of():
    return numbers_of


@pytest.fixture(scope="session")
def clouds_file(tmp_path_factory):
    """The clouds as a CSV file."""
    path = tmp_path_factory.mktemp("data") / "clouds.csv"
    clouds().write_csv(path)
    return path


@pytest.fixture(scope="session")
def study(tmp_path_factory, clouds_file):
    """A finished study: three axes round the base, on a file."""
    folder = tmp_path_factory.mktemp("study") / "s"
    vary = {"optimizer": ["sgd", "adam"], "dropout": [0.0, 0.3], "init": ["constant", "he_normal"]}
    return compare(clouds_file, folder, vary=vary, seeds=3)


@pytest.fixture(scope="session")
def factorial(tmp_path_factory, clouds_file):
    """A finished factorial study of 2 × 3 combinations."""
    folder = tmp_path_factory.mktemp("factorial") / "s"
    vary = {"optimizer": ["sgd", "adam"], "learning_rate": [0.001, 0.01, 0.1]}
    return compare(clouds_file, folder, vary=vary, design="factorial", seeds=3)
