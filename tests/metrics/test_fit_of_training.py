"""What `gl.train` and `gradlab train` say of a fit."""

import dataclasses
import json

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

import gradlab as gl
from gradlab.cli.main import app
from gradlab.lab.train import Fitted

RECIPE = gl.Recipe(hidden=(32,), learning_rate=0.05, batch_size=8, epochs=30)


@pytest.fixture(scope="module")
def noise(tmp_path_factory):
    """Labels that follow from nothing: what is learnt is learnt by heart."""
    rng = np.random.default_rng(0)
    columns = {f"x{i}": rng.normal(size=60) for i in range(8)}
    path = tmp_path_factory.mktemp("data") / "noise.csv"
    pl.DataFrame({**columns, "y": rng.permutation(["no", "yes"] * 30)}).write_csv(path)
    return path


@pytest.fixture(scope="module")
def fitted(noise):
    return gl.train(noise, RECIPE)


@pytest.mark.catalogue("SPL-08")
def test_labels_learnt_by_heart_are_high_variance(fitted):
    assert fitted.fit.label == "high variance"
    assert fitted.fit.gap == pytest.approx(fitted.train_score - fitted.validation_score)
    assert fitted.fit.tolerance == pytest.approx(0.1 * (fitted.train_score - 0.5))


def test_iris_is_not():
    fitted = gl.train("iris", gl.Recipe(hidden=(8,), epochs=20))
    assert fitted.fit.label == "low variance"  # what is wanted, nobody said


@pytest.mark.parametrize(
    "scores",
    [
        {"validation_score": None},
        {"validation_score": float("nan")},
        {"train_score": 0.4},  # below the trivial 0.5: nothing was learnt, so no gap says anything
    ],
)
def test_there_is_no_verdict_without_something_to_judge(fitted, scores):
    assert dataclasses.replace(fitted, **scores).fit is None
    assert isinstance(fitted, Fitted)


class TestCommand:
    @pytest.fixture
    @classmethod
    def run(cls, tmp_path, monkeypatch):
        """Run `gradlab train` in an empty folder, without the settings of a whole process."""
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr("gradlab.process.configure", lambda: None)

        def run(*arguments):
            done = CliRunner().invoke(app, ["train", *map(str, arguments)])
            assert done.exit_code == 0, done.output
            return done.stdout

        return run

    SETTINGS = (
        "--set", "hidden=32", "--set", "learning_rate=0.05", "--set", "batch_size=8",
        "--epochs", "30",
    )  # fmt: skip

    def test_says_one_sentence_where_variance_is_high(self, run, noise):
        text = " ".join(run(noise, *self.SETTINGS).split())
        assert text.count("High variance: error 0.0000 on training and") == 1
        assert "What helps: get more data; regularise: dropout, l2," in text

    def test_is_silent_where_it_is_not(self, run):
        assert "variance" not in run("iris", "--epochs", 20, "--set", "hidden=8")

    def test_gives_the_label_to_machines(self, run, noise):
        assert json.loads(run(noise, *self.SETTINGS, "--json"))["fit"] == "high variance"

    @pytest.mark.catalogue("SPL-04")
    def test_writes_the_learning_curve(self, run, tmp_path):
        text = run("iris", "--epochs", 3, "--set", "hidden=8", "--curve", "c.html")
        assert "Learning curve: c.html" in text
        assert "t_opt" in (tmp_path / "c.html").read_text(encoding="utf-8")
        table = pl.read_csv(tmp_path / "c.csv")
        assert table["minimum"].sum() == 1
        assert len(table) == 3
