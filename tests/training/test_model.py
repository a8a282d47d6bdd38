"""A trained network in one file: saved, loaded, used, and clear about a damaged one."""

import dataclasses
import json

import numpy as np
import optax
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import save

from gradlab.data import FeatureTable, Preprocessor
from gradlab.errors import DataError, RecipeError, StudyError
from gradlab.training.executors import trained_network
from gradlab.training.interface import Interface
from gradlab.training.model import Model, load_model, model_of
from gradlab.training.plan import Run
from gradlab.training.recipe import Dense, Recipe

RICH = Recipe(
    layers=(
        Dense(units=5, activation="prelu", norm="batch", dropout=0.2),
        Dense(units=4, activation="leaky_relu", norm="layer"),
    ),
    batch_size=8,
    epochs=2,
    learning_rate=0.05,
)


@pytest.fixture(scope="module")
def trained(train, classes_task):
    """A network with every sort of array: weights, slopes, statistics, fixed numbers."""
    task = dataclasses.replace(classes_task(), classes=("a", "b", "c"))
    outcome = train(task, [Run(RICH, 0)])
    pair = trained_network(outcome.plan, RICH, outcome.results[0].weights)
    return task, model_of(task, RICH, pair, target_name="kind", scores={"validation": 0.5})


@pytest.fixture
def saved(trained, tmp_path):
    return trained[1].save(tmp_path / "m.safetensors")


def contents(path):
    with safe_open(path, framework="np") as file:
        return {n: file.get_tensor(n) for n in file.keys()}, dict(file.metadata())  # noqa: SIM118


class TestFile:
    def test_gives_the_same_predictions_bit_for_bit(self, trained, saved):
        task, model = trained
        loaded = load_model(saved)
        assert loaded.predict_proba(task.x).tobytes() == model.predict_proba(task.x).tobytes()
        assert loaded.predict(task.x).tolist() == model.predict(task.x).tolist()

    def test_gives_everything_else_too(self, trained, saved):
        model, loaded = trained[1], load_model(saved)
        for name in ("recipe", "kind", "classes", "interface", "target_name", "scores"):
            assert getattr(loaded, name) == getattr(model, name)

    def test_holds_no_pickle_and_readable_json(self, saved):
        tensors, header = contents(saved)
        assert all(array.dtype.kind in "fiub" for array in tensors.values())
        assert json.loads(header["gradlab"])["recipe"]["layers"][0] == (
            "dense 5 norm batch prelu dropout 0.2"
        )

    def test_keeps_the_notes_and_arrays_of_others(self, trained, tmp_path):
        path = trained[1].save(
            tmp_path / "m", notes={"mine": "x"}, tensors={"curve": np.arange(3.0)}
        )
        tensors, header = contents(path)
        assert header["mine"] == "x"
        assert tensors["curve"].tolist() == [0, 1, 2]
        load_model(path)

    def test_can_not_hold_an_optimizer_object(self, trained, tmp_path):
        recipe = RICH.replace(optimizer=optax.sgd(0.1))
        model = dataclasses.replace(trained[1], recipe=recipe)
        with pytest.raises(RecipeError, match="optimizer object"):
            model.save(tmp_path / "m")

    def test_is_written_whole_or_not_at_all(self, saved, trained, monkeypatch):
        before = saved.read_bytes()

        def full(descriptor):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("gradlab.files.os.fsync", full)
        with pytest.raises(StudyError, match="No space left on device"):
            trained[1].save(saved)
        assert saved.read_bytes() == before
        assert list(saved.parent.iterdir()) == [saved]


@pytest.mark.parametrize("kind", ["multiclass", "binary", "regression"])
@pytest.mark.parametrize("hidden", [(), (3,)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_task_and_precision_comes_back(kind, hidden, dtype, tmp_path):
    from gradlab.training.network import build_network

    recipe = Recipe(hidden=hidden)
    n_outputs = 3 if kind == "multiclass" else 1
    network = build_network(recipe, Interface((2,), n_outputs), seed=1, dtype=np.dtype(dtype))
    classes = {"multiclass": ("a", "b", "c"), "binary": (False, True), "regression": ()}[kind]
    model = Model(
        recipe,
        network,
        network.initial_state(),
        kind,
        classes,
        Interface((2,), n_outputs),
        target_shift=3.0,
        target_scale=2.0,
    )
    x = np.linspace(-1, 1, 10).reshape(5, 2).astype(dtype)
    loaded = load_model(model.save(tmp_path / "m"))
    assert loaded.predict(x).tolist() == model.predict(x).tolist()
    if kind == "regression":
        raw = np.asarray(network(x, network.initial_state())[0])[:, 0]
        np.testing.assert_allclose(model.predict(x), 3.0 + 2.0 * raw, rtol=1e-5)
    else:
        shares = model.predict_proba(x)
        np.testing.assert_allclose(shares.sum(axis=1), 1)
        assert set(model.predict(x).tolist()) <= set(classes)


def test_goes_from_a_table_to_labels(trained, tmp_path):
    task, model = trained
    table = FeatureTable(("a", "b", "c", "d"), 10 * task.x + 5)
    preprocessor = Preprocessor.fit(table, np.arange(len(task.x)))
    with_table = dataclasses.replace(model, preprocessor=preprocessor)
    loaded = load_model(with_table.save(tmp_path / "m"))
    x = loaded.inputs(table)
    np.testing.assert_array_equal(x, preprocessor.transform(table))
    assert loaded.predict(x).tolist() == with_table.predict(x).tolist()


class TestDamaged:
    def test_absent(self, tmp_path):
        with pytest.raises(DataError, match=r"Could not read the model .*none"):
            load_model(tmp_path / "none")

    def test_a_folder(self, tmp_path):
        with pytest.raises(DataError, match=r"is a folder; give the model's .safetensors file"):
            load_model(tmp_path)

    @pytest.mark.parametrize("size", [0, 7, 100, -1])
    def test_cut_short(self, saved, size):
        saved.write_bytes(saved.read_bytes()[:size])
        with pytest.raises(DataError, match="Could not read the model"):
            load_model(saved)

    def test_weights_of_something_else(self, tmp_path):
        (tmp_path / "w").write_bytes(save({"w": np.zeros(3)}))
        with pytest.raises(DataError, match="holds weights, but not of a Gradlab model"):
            load_model(tmp_path / "w")

    def test_of_another_version(self, saved):
        tensors, header = contents(saved)
        content = json.loads(header["gradlab"]) | {"format": 99}
        saved.write_bytes(save(tensors, metadata={"gradlab": json.dumps(content)}))
        with pytest.raises(
            DataError, match=r"has format 99; this version reads 1. Train the model"
        ):
            load_model(saved)

    def test_without_a_tensor(self, saved):
        tensors, header = contents(saved)
        name = min(tensors)
        saved.write_bytes(save({k: v for k, v in tensors.items() if k != name}, metadata=header))
        with pytest.raises(DataError, match=r"is damaged: .*does not hold.*Train it again"):
            load_model(saved)

    def test_without_any_tensor(self, saved):
        saved.write_bytes(save({}, metadata=contents(saved)[1]))
        with pytest.raises(DataError, match="is damaged"):
            load_model(saved)

    def test_with_a_tensor_of_another_shape(self, saved):
        tensors, header = contents(saved)
        name = min(tensors)
        saved.write_bytes(save(tensors | {name: np.zeros((9, 9), np.float32)}, metadata=header))
        with pytest.raises(DataError, match=r"is damaged: .*has shape \(9, 9\), the recipe needs"):
            load_model(saved)

    @given(
        st.sampled_from(
            ["format", "recipe", "kind", "classes", "interface", "target_name",
             "target_shift", "target_scale", "preprocessor", "scores", None]
        ),
        st.none() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2)
        | st.dictionaries(st.text(max_size=3), st.integers(), max_size=2) | st.just("gone"),
    )  # fmt: skip
    def test_in_its_header_is_one_error(self, tmp_path_factory, trained, field, value):
        path = trained[1].save(tmp_path_factory.mktemp("fuzz") / "m")
        tensors, header = contents(path)
        content = json.loads(header["gradlab"])
        if field is None:
            content = value
        elif value == "gone":
            del content[field]
        else:
            content[field] = value
        path.write_bytes(save(tensors, metadata={"gradlab": json.dumps(content)}))
        try:
            model = load_model(path)
        except DataError as error:
            assert str(path) in str(error)  # noqa: PT017
        else:  # a harmless change
            model.predict(np.zeros((1, 4), np.float32))
