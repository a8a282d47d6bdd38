"""Fitted models in files: what is read does what was written did."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from sklearn.datasets import load_iris

from gradlab.errors import DataError
from gradlab.generative import BoltzmannMachine, HiddenMarkov, MixtureOfGaussians, NaiveBayes
from gradlab.generative.saving import NOTE, read

IRIS = load_iris()
SPECIES = IRIS.target_names[IRIS.target]
LINES = ["aababbb", "aabb", "abbbbb"]

MODELS = {
    "full": MixtureOfGaussians(3, random_state=0),
    "tied": MixtureOfGaussians(3, covariance="tied", random_state=0),
    "diagonal": MixtureOfGaussians(3, covariance="diagonal", random_state=0),
    "spherical": MixtureOfGaussians(3, covariance="spherical", random_state=0),
    "gaussian features": NaiveBayes(),
    "binary features": NaiveBayes("bernoulli", threshold=3.0),
    "gaussian units": BoltzmannMachine(5, epochs=2, random_state=0),
}


@pytest.mark.parametrize("name", MODELS)
def test_rows_and_densities_are_the_same_bit_for_bit(name, tmp_path):
    model = MODELS[name].fit(IRIS.data, SPECIES)
    path = model.save(tmp_path / "model.safetensors")
    again = type(model).load(path)
    assert again.get_params() == model.get_params()
    np.testing.assert_array_equal(again.sample(20, seed=4), model.sample(20, seed=4))
    np.testing.assert_array_equal(again.score_samples(IRIS.data), model.score_samples(IRIS.data))
    if isinstance(model, NaiveBayes):
        assert again.predict(IRIS.data).tolist() == model.predict(IRIS.data).tolist()
    if isinstance(model, MixtureOfGaussians):
        assert again.bic(IRIS.data) == model.bic(IRIS.data)


@pytest.mark.parametrize("x", [LINES, [np.arange(9.0) ** 0.5, np.arange(5.0)]])
def test_chains_of_symbols_and_of_numbers(x, tmp_path):
    kind = "categorical" if x is LINES else "gaussian"
    model = HiddenMarkov(2, emissions=kind, random_state=0).fit(x)
    again = HiddenMarkov.load(model.save(tmp_path / "chain.safetensors"))
    assert again.sample(3, seed=1).tolist() == model.sample(3, seed=1).tolist()
    np.testing.assert_array_equal(again.score_samples(x), model.score_samples(x))
    for a, b in zip(again.decode(x), model.decode(x), strict=True):
        assert a.tolist() == b.tolist()


def test_names_of_columns_and_what_else_is_told_are_kept(tmp_path):
    frame = load_iris(as_frame=True).data
    model = MixtureOfGaussians(2, random_state=np.random.RandomState(0)).fit(frame)
    path = model.save(tmp_path / "m.safetensors", about={"from": "iris"})
    again = MixtureOfGaussians.load(path)
    assert again.feature_names_in_.tolist() == list(frame.columns)
    assert again.random_state is None
    assert read(path)[0]["about"] == {"from": "iris"}
    with pytest.raises(ValueError, match="feature names"):
        again.score_samples(frame.rename(columns={frame.columns[0]: "other"}))


class TestWrongFiles:
    @pytest.fixture
    def path(self, tmp_path):
        return MixtureOfGaussians(2, random_state=0).fit(IRIS.data).save(tmp_path / "m.safetensors")

    def test_of_another_class(self, path):
        with pytest.raises(DataError, match=r"read it with MixtureOfGaussians\.load"):
            NaiveBayes.load(path)

    def test_cut_short(self, path):
        path.write_bytes(path.read_bytes()[:-40])
        with pytest.raises(DataError, match="can't be read as a saved model"):
            MixtureOfGaussians.load(path)

    def test_absent(self, tmp_path):
        with pytest.raises(DataError, match="can't be read as a saved model"):
            MixtureOfGaussians.load(tmp_path / "none.safetensors")

    def test_of_something_else(self, tmp_path):
        save_file({"a": np.zeros(2)}, tmp_path / "other.safetensors")
        with pytest.raises(DataError, match="holds no generative model"):
            MixtureOfGaussians.load(tmp_path / "other.safetensors")

    def test_an_inner_model_that_is_not_known(self, path):
        content, _ = read(path)
        text = json.dumps(content).replace("GaussianMixture", "SomethingElse")
        save_file(load_file(path), path, metadata={NOTE: text})
        with pytest.raises(DataError, match="is damaged"):
            MixtureOfGaussians.load(path)
