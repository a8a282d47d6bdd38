"""Recording Keras with both backends: each in a process of its own, for Keras has one for life."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

# Keras is not imported here: which backend it takes would be decided by that.
pytestmark = [
    pytest.mark.peers,
    pytest.mark.skipif(find_spec("keras") is None, reason="needs Keras 3"),
]

SCRIPT = """
import json, warnings
import numpy as np
import keras
from keras import layers
from gradlab.doctor.history.keras import KerasRecorder
from gradlab.doctor.history.loop import LoopRecorder
from gradlab.errors import DataError

rng = np.random.default_rng(0)
x = rng.normal(size=(256, 8)).astype("float32")
y = x[:, :3].argmax(1)
out = {}

def table(record):
    return {name: np.asarray(values).tolist() for name, values in vars(record.probes).items()}

def fit(model, x, y, record=True, loss="sparse_categorical_crossentropy", epochs=2, **options):
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    model.compile(optimizer, loss=loss, metrics=options.pop("metrics", None))
    recorder = KerasRecorder(probe=(x[:64], y[:64]), every=1, **options) if record else None
    history = model.fit(x, y, batch_size=32, epochs=epochs, verbose=0, validation_split=0.25,
                        callbacks=[recorder] if record else [])
    return recorder, history.history

# The same numbers as a pass in NumPy.
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.Input((8,)), layers.Dense(16, activation="relu"), layers.Dense(6),
                          layers.Activation("sigmoid"), layers.Dense(3, activation="softmax")])
dense = [layer for layer in model.layers if layer.weights]
kernel, bias = dense[1].get_weights()
kernel[:, 1], bias[:2] = kernel[:, 4], 20
dense[1].set_weights([kernel, bias])
weights = [layer.get_weights() for layer in dense]
by_hand = LoopRecorder(
    setup={"loss": "sparse_categorical_crossentropy", "loss_takes": "outputs", "layers": [
        {"units": 16, "activation": "relu"}, {"units": 6, "activation": "sigmoid"},
        {"units": 3, "activation": "softmax"}]},
    weights=weights, probe=(x[:64], y[:64]))
recorder, history = fit(model, x, y, metrics=["accuracy"], setup={"batch_size": 32}, train=(x, y))
evidence = recorder.evidence()
out["by_hand"] = table(by_hand.evidence().records[0])
out["found"] = table(evidence.records[0])
out["history"] = history
record = evidence.records[0]
out["record"] = {n: getattr(record, n).tolist() for n in
                 ("train_loss", "validation_loss", "train_score", "validation_score")}
setup = evidence.setup
out["setup"] = [setup.task, setup.loss, setup.loss_takes, setup.optimizer, setup.learning_rate,
                setup.momentum, setup.epochs, setup.batch_size]
out["layers"] = [[layer.kind, layer.units, layer.activation, layer.init] for layer in setup.layers]
recorder.diagnose()

# Training is left as it is, with dropout, normalisation, shared layers and a penalty.
def changing(record):
    keras.utils.set_random_seed(1)
    shared = layers.Dense(12, activation="tanh")
    inputs = keras.Input((8,))
    z = layers.Dense(12, kernel_regularizer="l2", kernel_initializer="he_normal")(inputs)
    z = layers.LeakyReLU(0.2)(layers.BatchNormalization()(z))
    z = layers.Dropout(0.4)(shared(shared(z)))
    model = keras.Model(inputs, layers.Dense(3)(layers.Add()([z, z])))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    recorder, history = fit(model, x, y, record=record, loss=loss, epochs=3)
    return model.get_weights(), history, recorder

with_recorder, without = changing(True), changing(False)
out["same_weights"] = all(map(np.array_equal, with_recorder[0], without[0]))
out["same_history"] = with_recorder[1] == without[1]
evidence = with_recorder[2].evidence()
out["changing"] = table(evidence.records[0])
out["changing_layers"] = [[x.kind, x.activation, x.rate, x.l2] for x in evidence.setup.layers]
out["changing_takes"] = evidence.setup.loss_takes
out["notes"] = evidence.notes

# Convolution and recurrent net; regression with own model class.
keras.utils.set_random_seed(2)
images = rng.normal(size=(64, 6, 6, 2)).astype("float32")
model = keras.Sequential([keras.Input((6, 6, 2)), layers.Conv2D(4, 3, activation="relu"),
                          layers.GlobalAveragePooling2D(), layers.Dense(3, activation="softmax")])
recorder, _ = fit(model, images, y[:64])
evidence = recorder.evidence()
out["conv"] = [[x.kind, x.units, x.activation, x.fan_in, x.fan_out] for x in evidence.setup.layers]
out["conv_probes"] = table(evidence.records[0])

class Own(keras.Model):
    def __init__(self):
        super().__init__()
        self.rnn, self.head = layers.LSTM(5), layers.Dense(1)

    def call(self, x):
        return self.head(self.rnn(x))

steps = rng.normal(size=(64, 5, 2)).astype("float32")
recorder, _ = fit(Own(), steps, steps[:, -1, 0], loss="mse")
evidence = recorder.evidence()
out["own"] = [[x.kind, x.units, x.activation] for x in evidence.setup.layers]
out["own_task"] = evidence.setup.task
out["own_probes"] = table(evidence.records[0])

keras.mixed_precision.set_global_policy("mixed_bfloat16")
model = keras.Sequential([keras.Input((8,)), layers.Dense(16), layers.ReLU(),
                          layers.Dense(3, activation="softmax", dtype="float32")])
recorder, _ = fit(model, x, y)
evidence = recorder.evidence()
out["mixed"] = table(evidence.records[0])
out["mixed_layers"] = [x.activation for x in evidence.setup.layers]

for call in (lambda: KerasRecorder(probe=3), lambda: KerasRecorder(probe=(x, y)).evidence()):
    try:
        call()
    except DataError as error:
        out.setdefault("messages", []).append(str(error))
print("RESULT" + json.dumps(out))
"""


@pytest.fixture(scope="module", params=["jax", "torch"])
def told(request):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": request.param, "JAX_PLATFORMS": "cpu"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.partition("RESULT")[2])


def test_as_the_pass_in_numpy(told):
    for name, expected in told["by_hand"].items():
        found = np.array(told["found"][name])[:1]
        if name == "gradient_out":  # Keras divides shares by their sum before the logarithm
            found, expected = found[:, :-1], np.array(expected)[:, :-1]
        np.testing.assert_allclose(found, expected, rtol=2e-4, atol=1e-6, err_msg=name)
    assert told["found"]["stuck"][0][1] == pytest.approx(2 / 6)
    assert told["found"]["alike"][0][1] == pytest.approx(2 / 6)


def test_points_and_updates(told):
    np.testing.assert_allclose(told["found"]["time"], [0, 1 / 6, 2 / 6, 4 / 6, 1, 2])
    update = np.array(told["found"]["update"])
    assert np.isnan(update[0]).all()
    assert (update[1:] > 0).all()


def test_epochs_and_setup(told):
    record, history = told["record"], told["history"]
    assert record["train_loss"] == history["loss"]
    assert record["validation_loss"] == history["val_loss"]
    assert record["train_score"] == history["accuracy"]
    assert record["validation_score"] == history["val_accuracy"]
    assert told["setup"] == [
        "multiclass",
        "cross_entropy",
        "outputs",
        "momentum",
        0.1,
        0.9,
        2,
        32,
    ]
    assert told["layers"] == [
        ["dense", 16, "relu", "glorot_uniform"],
        ["dense", 6, "sigmoid", "glorot_uniform"],
        ["dense", 3, "softmax", "glorot_uniform"],
    ]


def test_training_is_left_as_it_is(told):
    assert told["same_weights"]
    assert told["same_history"]


def test_norms_dropout_shared_layers_and_penalties(told):
    layers = told["changing_layers"]
    assert [kind for kind, *_ in layers] == ["dense", "norm", "dense", "dropout", "dense"]
    assert [layers[i][1] for i in (0, 2, 4)] == ["leaky_relu", "tanh", "linear"]
    assert layers[0][3] == pytest.approx(0.01)
    assert layers[3][2] == pytest.approx(0.4)
    assert told["changing_takes"] == "scores"
    probes = told["changing"]
    for name in ("penalty", "norm_gap", "gradient", "gradient_out"):
        assert np.isfinite(probes[name]).all(), name
    assert probes["penalty"][0] > 0
    assert "penalties" in told["notes"][0]


def test_convolutions_and_own_models(told):
    assert told["conv"] == [
        ["conv", 4, "relu", 18, 36],
        ["pool", None, None, None, None],
        ["dense", 3, "softmax", 4, 3],
    ]
    assert told["own"] == [["recurrent", 5, "tanh"], ["dense", 1, "linear"]]
    assert told["own_task"] == "regression"
    for name in ("conv_probes", "own_probes"):
        assert np.isfinite(told[name]["gradient_out"]).all()
        assert np.isfinite(told[name]["alike"]).all()


def test_mixed_precision(told):
    assert told["mixed_layers"] == ["relu", "softmax"]
    assert np.isfinite(told["mixed"]["gradient"]).all()
    assert np.isfinite(told["mixed"]["loss"]).all()


def test_messages(told):
    assert told["messages"][0].startswith("probe: expected a pair")
    assert "Nothing was recorded" in told["messages"][1]
