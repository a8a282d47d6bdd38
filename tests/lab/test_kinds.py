"""Studies of images, sequences, forecasts and texts: what is compared, kept and resumed."""

import numpy as np
import polars as pl
import pytest

import gradlab as gl
from gradlab.data import load_dataset, sequence_dataset, text_dataset
from gradlab.errors import DataError, RecipeError
from gradlab.lab.defaults import usual_recipe
from gradlab.lab.question import Source
from gradlab.training.recipe import Recipe

QUICK = {"seeds": 2, "epochs": 2, "tune": False}
RECONSTRUCTION = Source(task="reconstruction")


def bars(n=60, side=8, seed=0):
    """Images of a horizontal or a vertical bar."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    images = rng.integers(0, 40, (n, side, side, 1), dtype=np.uint8)
    for image, label, place in zip(images, labels, rng.integers(0, side, n), strict=True):
        if label:
            image[place] = 255
        else:
            image[:, place] = 255
    return images, labels


def waves(n=40, seed=0):
    """Sequences of unlike length, rising or falling."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    lengths = rng.integers(4, 9, n)
    return [
        (np.linspace(0, 1, length) * (1 if label else -1) + rng.normal(0, 0.05, length))[:, None]
        for label, length in zip(labels, lengths, strict=True)
    ], labels


def test_a_study_of_images_varies_pooling_on_a_convolutional_network(tmp_path):
    study = gl.compare(
        bars(), vary={"pooling": ["max", "average", "stochastic"]}, out=tmp_path / "s", **QUICK
    )
    assert study.results["pooling"].n_unique() == 3
    assert study.best.layers is not None
    shown = [layer.text() for layer in study.best.layers]
    assert shown[:2] == ["conv 16", "pool 2"]


def test_images_in_memory_are_kept_and_the_study_goes_on_from_them(tmp_path):
    folder = tmp_path / "s"
    first = gl.compare(bars(), vary={"kernel": [3, 5]}, out=folder, **QUICK)
    assert (folder / "data.safetensors").is_file()
    again = gl.resume(folder)
    assert again.results.drop("seconds").equals(first.results.drop("seconds"))


def test_a_study_of_sequences_of_unlike_length_varies_the_cell(tmp_path):
    x, y = waves()
    study = gl.compare(
        sequence_dataset(x, y), vary={"cell": ["rnn", "gru"]}, out=tmp_path / "s", **QUICK
    )
    assert sorted(study.results["cell"].unique()) == ["gru", "rnn"]
    assert study.results["status"].unique().to_list() == ["done"]


def test_a_study_of_texts_asks_what_differs_most_there_unless_told(tmp_path):
    rng = np.random.default_rng(0)
    words = [["good", "fine"], ["bad", "poor"]]
    texts = [" ".join(rng.choice([*words[i % 2], "the", "a"], 5)) for i in range(60)]
    labels = np.array(["yes", "no"])[np.arange(60) % 2]
    study = gl.compare(
        text_dataset(texts, labels), vary={"cell": ["rnn", "gru"]}, out=tmp_path / "s", **QUICK
    )
    assert [layer.text() for layer in study.best.layers] == ["embedding 32", "recurrent 64"]


def test_a_forecast_is_split_in_time_and_judged_against_the_training_mean(tmp_path):
    t = np.arange(120)
    frame = pl.DataFrame({"day": t, "sales": np.sin(t / 3) + 2})
    path = tmp_path / "sales.csv"
    frame.write_csv(path)
    study = gl.compare(
        path,
        vary={"cell": ["rnn", "gru"]},
        source=Source(target="sales", time="day", horizon=4, window=8),
        out=tmp_path / "s",
        **QUICK,
    )
    assert study.results.height == 4
    assert gl.resume(tmp_path / "s").results.height == 4


@pytest.mark.parametrize("mask", ["mask 0.3", "translate 0.1"])
def test_autoencoders_are_compared_by_how_well_they_reproduce_their_inputs(mask, tmp_path):
    folder = tmp_path / "s"
    first = gl.compare(
        "digits",
        source=RECONSTRUCTION,
        vary={"hidden": [(8,), (64,)], "augment": ["none", mask]},
        base=Recipe(optimizer="adam", learning_rate=0.01),
        design="factorial",
        out=folder,
        seeds=2,
        epochs=20,
    )
    scores = first.results.group_by("hidden").agg(pl.col("validation_score").mean())
    narrow, wide = sorted(scores["validation_score"])
    assert -0.1 < narrow < wide - 0.3 < 0.69
    assert first.winner.test_scores[0] == pytest.approx(wide, abs=0.15)
    assert "the inputs" in (folder / "report.html").read_text(encoding="utf-8")
    again = gl.resume(folder)
    assert again.results.drop("seconds").equals(first.results.drop("seconds"))


def test_texts_are_not_reconstructed_and_one_autoencoder_is_not_trained(tmp_path):
    texts = text_dataset(["one two", "two one"] * 10, [0, 1] * 10)
    with pytest.raises(DataError, match="holds texts, and task=reconstruction"):
        gl.compare(texts, source=RECONSTRUCTION, vary={"hidden": [1, 2]}, out=tmp_path / "s")
    with pytest.raises(RecipeError, match=r"use gl\.Autoencoder"):
        gl.train("iris", source=RECONSTRUCTION)


def test_a_setting_that_no_layer_takes_is_refused_before_anything_is_made(tmp_path):
    with pytest.raises(RecipeError, match=r"pooling changes nothing in the network dense 8: none"):
        gl.compare(
            bars(),
            vary={"pooling": ["max", "average"]},
            base=Recipe(hidden=(8,)),
            out=tmp_path / "s",
        )
    assert not (tmp_path / "s").exists()


def test_layers_may_be_varied_by_the_names_of_networks(tmp_path):
    study = gl.compare(
        bars(), vary={"layers": ["linear", ["conv 4", "pool 2"]]}, out=tmp_path / "s", **QUICK
    )
    assert study.results["layers"].n_unique() == 2


class TestUsualRecipe:
    def test_small_grey_images_are_rows_of_pixels_unless_something_sees_them(self):
        digits = load_dataset("digits")
        assert usual_recipe(Recipe(), digits).layers is None
        assert usual_recipe(Recipe(), digits, ["pooling"]).layers is not None
        assert usual_recipe(Recipe(augment=("rotate 5",)), digits).layers is not None

    def test_colour_images_get_a_convolutional_network(self):
        images = np.zeros((10, 8, 8, 3), np.uint8)
        images[::2] = 255
        dataset = load_dataset((images, np.arange(10) % 2))
        assert usual_recipe(Recipe(), dataset).layers == Recipe(layers="lenet").layers

    def test_what_was_asked_stays(self):
        x, y = waves()
        dataset = sequence_dataset(x, y)
        assert usual_recipe(Recipe(hidden=(8,)), dataset).hidden == (8,)
        assert usual_recipe(Recipe(layers="bag"), dataset) == Recipe(layers="bag")


def test_a_model_of_images_predicts_from_bytes_and_comes_back(tmp_path):
    images, labels = bars(120)
    fitted = gl.train((images, labels), Recipe(layers=["conv 8", "pool 2", "dense 16"], epochs=60))
    assert fitted.test_score > 0.9
    features = load_dataset((images, labels)).features
    expected = fitted.model.predict(fitted.model.inputs(features))
    loaded = gl.load_model(fitted.model.save(tmp_path / "m.safetensors"))
    assert (loaded.predict(loaded.inputs(features)) == expected).all()
