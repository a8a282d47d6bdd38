"""A study of generative models: what it trains, says and writes."""

import json

import numpy as np
import polars as pl
import pytest
from PIL import Image

from gradlab.doctor.adversarial import diagnose_gan
from gradlab.errors import DataError, RecipeError
from gradlab.generative.gan import DCGAN, GAN
from gradlab.lab.generation.asking import generate_study
from gradlab.lab.generation.models import read_model
from gradlab.lab.generation.page import page_of
from gradlab.lab.generation.reading import read_source

QUICK = {"epochs": 150, "hidden": (16, 16), "batch_size": 32, "measure_every": 75}


def points(n=128):
    return np.random.default_rng(0).normal([3.0, -1.0], [0.5, 2.0], (n, 2))


@pytest.fixture(scope="module")
def study():
    vary = {"generator_learning_rate": [1e-7, 1e-3], "loss": ["minimax", "non_saturating"]}
    return generate_study(
        points(), vary, settings=QUICK, seeds=3, samples=40, seed=5, diagnose=diagnose_gan
    )


def test_levels_are_trained_with_the_same_seeds_and_ranked(study):
    assert len(study.runs) == 12
    assert len({run.pair.settings.structure() for run in study.runs}) == 1  # one program
    rates, losses = study.rankings
    assert rates.leader == "0.001"
    assert {row.level for row in losses.rows} == {"minimax", "non_saturating"}
    means = [row.mean for row in rates.rows]
    assert means == sorted(means)  # smaller is better
    scores = {str(run.settings): [] for run in study.runs}
    for run in study.runs:
        scores[str(run.settings)].append(run.frechet)
    assert str(study.chosen) == min(scores, key=lambda cell: np.mean(scores[cell]))


def test_files_of_a_table(study, tmp_path):
    study.save(tmp_path)
    written = pl.read_parquet(tmp_path / "samples.parquet")
    assert written.shape == (40, 2)
    assert pl.read_csv(tmp_path / "samples.csv").shape == (40, 2)
    results = json.loads((tmp_path / "results.json").read_text())
    assert len(results["runs"]) == 12
    assert len(results["rankings"]) == 2
    assert len(results["nearest"]) == 40
    again = GAN.load(tmp_path / "model.safetensors").sample(40, seed=5)
    np.testing.assert_array_equal(again, study.samples)
    page = (tmp_path / "report.html").read_text()
    assert "Which generator_learning_rate" in page
    assert "http://" not in page.split("<body")[0]


@pytest.mark.catalogue("GEN-10", "GEN-15", "PIC-62")
def test_files_and_page_of_pictures(tmp_path):
    x = np.random.default_rng(0).integers(0, 256, (40, 9, 8, 1), dtype=np.uint8)
    settings = {"epochs": 2, "width": 2, "noise_size": 4, "batch_size": 16, "frechet": "pixels"}
    study = generate_study(x, model="dcgan", settings=settings, samples=12, diagnose=diagnose_gan)
    assert study.samples.shape == (12, 9, 8, 1)
    # For each generated picture the nearest of the data is listed with its distance; no copies.
    flat = x.reshape(40, -1) / 255
    distances = np.linalg.norm(study.samples.reshape(12, 1, -1) - flat[None], axis=2)
    np.testing.assert_array_equal(study.neighbours.index, distances.argmin(axis=1))
    np.testing.assert_allclose(study.neighbours.distance, distances.min(axis=1), rtol=1e-4)
    assert not study.neighbours.is_copy.any()
    study.save(tmp_path)
    with Image.open(tmp_path / "neighbours.png") as sheet:
        assert sheet.height > sheet.width / 4  # two lines of pairs
    with Image.open(tmp_path / "interpolation.gif") as film:
        assert film.n_frames > 20
    with Image.open(tmp_path / "samples.png") as samples:
        assert samples.size == (240, 201)
    assert np.load(tmp_path / "samples.npy", allow_pickle=False).shape == (12, 9, 8, 1)
    assert DCGAN.load(tmp_path / "model.safetensors").sample(2).shape == (2, 9, 8, 1)
    titles = [section.title for section in page_of(study).sections]
    assert titles[:1] == ["Samples"]
    assert "Between the samples" in titles
    assert "Does it memorise?" in titles
    assert "Diagnosis" in titles


@pytest.mark.parametrize("model", ["mixture", "naive_bayes"])
def test_classical_models_of_a_table(model, tmp_path):
    study = generate_study("iris", model=model, samples=30)
    assert study.samples.shape == (30, 4)
    assert not study.runs
    source = study.source
    real = source.rows
    assert abs(study.samples.mean(axis=0) - real.mean(axis=0)).max() < 1
    study.save(tmp_path)
    again = read_model(str(tmp_path / "model.safetensors"))
    assert again.names == source.names
    np.testing.assert_array_equal(again.sample(30, 0), study.samples)


def test_a_hidden_markov_model_reads_a_row_as_a_sequence(tmp_path):
    rng = np.random.default_rng(0)
    # Levels 0 and 5 that last about ten steps.
    levels = np.cumsum(rng.random((80, 40)) < 0.1, axis=1) % 2
    rows = 5.0 * levels + 0.2 * rng.normal(size=levels.shape)
    study = generate_study(
        rows, model="hidden_markov", settings={"n_states": 2, "random_state": 0}, samples=200
    )
    assert study.samples.shape == (200, 40)
    np.testing.assert_allclose(np.sort(study.fitted.means_[:, 0]), [0, 5], atol=0.1)
    jumps = [np.mean(np.abs(np.diff(x, axis=1)) > 2.5) for x in (rows, study.samples)]
    assert jumps[1] == pytest.approx(jumps[0], rel=0.2)  # levels last as long
    study.save(tmp_path)
    assert "Sequences of the data, and generated ones" in (tmp_path / "report.html").read_text()
    again = read_model(str(tmp_path / "model.safetensors"))
    np.testing.assert_array_equal(again.sample(200, 0), study.samples)


def test_a_hidden_markov_model_takes_no_pictures():
    with pytest.raises(RecipeError, match="these rows are pictures"):
        generate_study(np.zeros((20, 8, 8), np.uint8), model="hidden_markov")


def test_labels_missing_numbers_and_names_are_told_not_generated():
    frame = pl.DataFrame(
        {
            "a": [1.0, 2.0, None, 4.0],
            "b": [1.0, 0.5, 0.2, 0.1],
            "colour": ["red", "blue", "red", "blue"],
            "kind": ["x", "y", "x", "y"],
        }
    )
    source = read_source(frame, target="kind")
    assert source.names == ("a", "b")
    assert source.rows.shape == (3, 2)
    assert source.labels.tolist() == ["x", "y", "y"]
    said = " ".join(source.notes)
    assert "'kind' is taken for what the rows are" in said
    assert "1 of 4 rows miss numbers" in said
    assert "left out" in said
    assert "colour" in said


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"model": "dcgn"}, RecipeError, "Did you mean 'dcgan'"),
        ({"vary": {"loss": ["minimax"]}}, RecipeError, "at least two levels"),
        ({"vary": {"loss": ["minimax", "minimax"]}}, RecipeError, "is there twice"),
        ({"settings": {"epoch": 3}}, RecipeError, "Did you mean 'epochs'"),
        ({"model": "mixture", "seeds": 2}, RecipeError, "compare GANs"),
        ({"model": "naive_bayes"}, RecipeError, "of known classes"),
        ({"model": "dcgan"}, DataError, "got vectors of 2 numbers"),
        ({"seeds": 0}, RecipeError, "seeds is a whole number"),
        ({"samples": 0}, RecipeError, "samples is a whole number"),
    ],
)
def test_what_makes_no_sense(options, error, words):
    with pytest.raises(error, match=words):
        generate_study(points(32), **options)


def test_how_far_samples_lie_from_the_data_is_said_in_words(study):
    ratio = float(np.median(study.neighbours.ratio))
    assert not study.neighbours.is_copy.any()
    assert f"more than {ratio:.1f} times as far from the nearest row" in study.about_copies
