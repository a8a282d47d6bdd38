"""gradlab generate, called as typed."""

import numpy as np
import polars as pl
import pytest

from gradlab.generative import HiddenMarkov

COLUMNS = [
    "sepal length (cm)",
    "sepal width (cm)",
    "petal length (cm)",
    "petal width (cm)",
]


@pytest.fixture
def trained(gradlab, tmp_path):
    """A mixture of three Gaussians in the flowers of iris, written."""
    done = gradlab("generate", "iris", "--model", "mixture", "--set", "n_components=3", "--samples",
                   "25", "--seed", "3", "--out", "first")  # fmt: skip
    assert done.code == 0, done.err
    assert "25 samples of iris by a mixture of Gaussians" in " ".join(done.out.split())
    return tmp_path / "first"


def test_a_saved_model_gives_the_same_rows_for_the_same_seed(gradlab, trained, tmp_path):
    written = pl.read_parquet(trained / "samples.parquet")
    assert written.columns == COLUMNS
    done = gradlab("generate", trained / "model.safetensors", "--samples", "25", "--seed", "3",
                   "--json", "--out", "again")  # fmt: skip
    assert done.json["seed"] == 3
    again = pl.read_parquet(tmp_path / "again" / "samples.parquet")
    assert again.equals(written)
    other = gradlab("generate", trained / "model.safetensors", "--samples", "25", "--seed", "4",
                    "--out", "other")  # fmt: skip
    assert other.code == 0
    assert not pl.read_parquet(tmp_path / "other" / "samples.parquet").equals(written)


def test_pictures_of_a_boltzmann_machine_come_again_as_pictures(gradlab, tmp_path):
    done = gradlab("generate", "digits", "--model", "boltzmann", "--set", "epochs=1", "--samples",
                   "9", "--out", "first")  # fmt: skip
    assert done.code == 0, done.err
    first = np.load(tmp_path / "first" / "samples.npy")
    assert first.shape == (9, 8, 8, 1)
    gradlab("generate", "first/model.safetensors", "--samples", "9", "--out", "again")
    np.testing.assert_array_equal(np.load(tmp_path / "again" / "samples.npy"), first)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--epochs", "3"), "--epochs is for a training"),
        (("--vary", "loss=minimax,non_saturating"), "--vary is for a training"),
    ],
)
def test_a_trained_model_takes_no_settings(gradlab, trained, options, words):
    done = gradlab("generate", trained / "model.safetensors", *options)
    assert done.code != 0
    assert words in " ".join(done.err.split())


def test_files_that_hold_no_model_of_rows(gradlab, tmp_path):
    (tmp_path / "broken.safetensors").write_bytes(b"nothing")
    done = gradlab("generate", "broken.safetensors")
    assert done.code != 0
    assert "can't be read as a saved model" in " ".join(done.err.split())
    HiddenMarkov(2, emissions="categorical").fit(["aab", "abb"]).save("chain.safetensors")
    done = gradlab("generate", "chain.safetensors")
    assert done.code != 0
    assert "gradlab.generative.HiddenMarkov.load" in "".join(done.err.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("iris", "--model", "mixture", "--seeds", "3"), "mixture is fitted once"),
        (("iris", "--model", "mixtur"), "mixture"),
        (("iris", "--set", "epochs"), "A setting is written name=value"),
        (("iris", "--vary", "loss=minimax"), "vary compares at least two levels"),
        (("iris", "--set", "learning_rat=1"), "learning_rat"),
        (("missing.csv",), "missing.csv"),
    ],
)
def test_mistakes_are_named(gradlab, tmp_path, arguments, words):
    done = gradlab("generate", *arguments)
    assert done.code != 0
    assert words in " ".join(done.err.split())
    assert not (tmp_path / "gradlab-generate").exists()
