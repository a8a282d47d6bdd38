"""Training one recipe for use."""

import numpy as np
import pytest

import gradlab as gl
from gradlab.errors import DataError, RecipeError, StudyError
from gradlab.training.recipe import Recipe

BASE = Recipe(hidden=(4,), batch_size=16, epochs=3, learning_rate=0.02)


@pytest.fixture(scope="module")
def fitted(clouds_file):
    return gl.train(clouds_file, BASE)


def test_tells_how_it_went(fitted):
    assert (fitted.status, fitted.epochs, fitted.score_name) == ("done", 3, "accuracy")
    assert fitted.history.shape == (3, 3)
    assert fitted.history[-1, 2] == pytest.approx(fitted.validation_score)
    assert fitted.model.scores == {
        "train": fitted.train_score,
        "validation": fitted.validation_score,
        "test": fitted.test_score,
    }
    assert any("missing" in note for note in fitted.notes)


def test_is_repeatable(fitted, clouds_file):
    again = gl.train(clouds_file, BASE)
    assert again.history.tobytes() == fitted.history.tobytes()
    other = gl.train(clouds_file, BASE, seed=1)
    assert other.history.tobytes() != fitted.history.tobytes()


def test_trains_as_a_study_does(clouds_file, compare, tmp_path, fitted):
    study = compare(clouds_file, tmp_path / "s", vary={"dropout": [0.0]}, base=BASE, tune=False)
    (run,) = [run for run in study.runs if run.seed == 0]
    assert run.history.tobytes() == fitted.history.tobytes()


def test_scores_a_sample_of_many_training_rows_and_says_so(clouds_file, monkeypatch, fitted):
    from gradlab.lab import train

    monkeypatch.setattr(train, "MOST_TRAIN_ROWS", 10)
    sampled = gl.train(clouds_file, BASE)
    assert sampled.train_score * 10 == pytest.approx(round(sampled.train_score * 10))
    assert sampled.test_score == fitted.test_score
    assert any("of 10 of the" in note for note in sampled.notes)
    assert not any("drawn at random" in note for note in fitted.notes)


def test_reports_progress(clouds_file, monkeypatch):
    from gradlab.training import plan

    monkeypatch.setattr(plan, "CALL_SECONDS", 1e-9)
    seen = []
    gl.train(clouds_file, BASE, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3)]


def test_scores_predictions_of_the_model(fitted, clouds):
    from gradlab.data import load_dataset, split_rows

    dataset = load_dataset(clouds())
    rows = split_rows(dataset).test
    predicted = fitted.model.predict(fitted.model.inputs(dataset.features.take(rows)))
    right = predicted == np.array(dataset.classes)[dataset.y[rows]]
    assert right.mean() == pytest.approx(fitted.test_score)


@pytest.mark.parametrize("task", ["classes", "numbers"])
def test_needs_no_validation_part(task, clouds, numbers):
    data = clouds() if task == "classes" else numbers()
    fitted = gl.train(data, BASE, source=gl.Source(ratios=(0.8, 0.0, 0.2)))
    assert fitted.validation_score is None
    assert np.isnan(fitted.history[:, 1:]).all()


def test_a_model_that_diverged_is_no_model(clouds_file):
    with pytest.raises(StudyError, match=r"diverged in epoch 1: .*learning rate \(it was 1e\+30\)"):
        gl.train(clouds_file, BASE.replace(learning_rate=1e30, optimizer="sgd"))


@pytest.mark.parametrize("seed", [-1, 2**20])
def test_a_seed_out_of_range(clouds_file, seed):
    with pytest.raises(RecipeError, match=f"seed must be a whole number from 0 .*got {seed}"):
        gl.train(clouds_file, BASE, seed=seed)


def test_bad_data_says_so(tmp_path):
    with pytest.raises(DataError, match="There is no file"):
        gl.train(tmp_path / "none.csv")
