"""Evidence made by hand: a healthy training, and what each test changes about it."""

from dataclasses import replace

import numpy as np

from gradlab.doctor.evidence import DataFacts, Evidence, Layer, Probes, Record, Setup, Sweep, Trial

LAYERS = (
    Layer("dense", "hidden[0]", 32, "relu", "he_normal", 0.25, 0.0, 32, 32, n_parameters=1056),
    Layer("dense", "hidden[1]", 32, "relu", "he_normal", 0.25, 0.0, 32, 32, n_parameters=1056),
    Layer("dense", "output", 4, "softmax", "xavier_normal", 0.236, 0.0, 32, 4, n_parameters=132),
)


def setup(**changes):
    """Return a sound setup."""
    sound = Setup(
        task="multiclass",
        layers=LAYERS,
        n_outputs=4,
        loss="cross_entropy",
        loss_takes="outputs",
        loss_guarded=True,
        loss_reduction="mean",
        optimizer="adam",
        learning_rate=1e-3,
        usual_learning_rate=1e-3,
        batch_size=32,
        epochs=30,
        shuffle=True,
        metric="accuracy",
        validation="separate",
        scaling="standard",
        validation_scaled=True,
        label_coding="one_hot",
    )
    return replace(sound, **changes)


def facts(**changes):
    """Return facts about scaled columns and four even classes."""
    sound = DataFacts(
        n_train=1000,
        n_validation=200,
        input_shape=(32,),
        mean=np.zeros(32),
        std=np.ones(32),
        minimum=-3 * np.ones(32),
        maximum=3 * np.ones(32),
        n_classes=4,
        class_counts=np.full(4, 250),
        trivial_score=0.25,
        reference_score=0.9,
        reference_train_score=0.92,
        label_disagreement=0.1,
        duplicates=0.0,
        shared=0,
        ordered=False,
    )
    return replace(sound, **changes)


def record(end=0.93, *, train=None, loss=None, validation_loss=None, status="done", probes=None):
    """Return a run whose scores rise to `end`, and whose losses come to rest."""
    n = 30
    loss = 1.39 * 0.75 ** np.arange(1, n + 1) + 0.1 if loss is None else np.asarray(loss, float)
    n = len(loss)
    rise = 1 - 0.7 ** np.arange(1, n + 1)
    rise = rise / rise[-1:]
    train = end + 0.02 if train is None else train
    return Record(
        train_loss=loss,
        validation_loss=loss + 0.05 if validation_loss is None else np.asarray(validation_loss),
        train_score=0.25 + (train - 0.25) * rise,
        validation_score=0.25 + (end - 0.25) * rise,
        initial_loss=1.39,
        status=status,
        probes=probes,
    )


def probes(n_layers=3, **columns):
    """Return probes before and after training; columns are (layers,) for both points, or (2,)."""
    by_layer = ("mean", "std", "zero", "saturated", "dead", "stuck")
    by_layer += ("gradient", "gradient_out", "weight", "update", "alike")
    sound = dict.fromkeys(by_layer, 0.0) | {
        "std": 1.0,
        "gradient": 0.1,
        "gradient_out": 0.01,
        "weight": 5.0,
        "update": 1e-3,
    }
    values = {
        name: np.broadcast_to(np.asarray(columns.get(name, sound[name]), float), (2, n_layers))
        for name in by_layer
    }
    single = {"loss": 0.5, "penalty": 0.0, "noise": 10.0, "output_std": 0.3, "norm_gap": np.nan}
    for name, value in single.items():
        values[name] = np.broadcast_to(np.asarray(columns.get(name, value), float), (2,))
    return Probes(time=np.array([0.0, 30.0]), **{k: np.array(v) for k, v in values.items()})


def trial(end, *, seeds=3, **changes):
    """Return a trial of settings that ends at a validation score."""
    scores = tuple(end + 0.002 * i for i in range(seeds))
    return Trial(tuple(changes.items()), scores, scores, tuple(0.3 for _ in range(seeds)))


def sweep(best, rate=1e-3, *, blows_up_above=np.inf, width=1.0):
    """Return a range test whose loss is lowest at a rate, a parabola in its logarithm."""
    rates = rate * 10.0 ** (np.arange(-8, 9) / 2)
    loss = 1.39 - 1.2 * np.exp(-(np.log10(rates / best) ** 2) / (2 * width**2))
    return Sweep(rates, np.where(rates > blows_up_above, np.inf, loss), start=1.39, epochs=3)


def evidence(*, data=None, runs=3, end=0.93, **rest):
    """Return evidence of a healthy training, unless told otherwise."""
    records = rest.pop("records", tuple(record(end) for _ in range(runs)))
    changes = rest.pop("changes", {})
    return Evidence(setup(**changes), facts() if data is None else data, records, **rest)


def numbers_task(**changes):
    """Return the changes of a setup that make it a sound regression."""
    layers = (*LAYERS[:2], replace(LAYERS[2], units=1, activation="linear"))
    sound = {
        "task": "regression",
        "layers": layers,
        "n_outputs": 1,
        "loss": "squared_error",
        "loss_guarded": None,
        "metric": "mean_absolute_error",
        "label_coding": "real",
        "target_scaling": "standard",
    }
    return sound | changes


def number_facts(**changes):
    """Return facts about targets that are numbers."""
    sound = {
        "n_classes": None,
        "class_counts": None,
        "trivial_score": 0.0,
        "target_mean": 0.0,
        "target_std": 1.0,
        "target_minimum": -3.0,
        "target_maximum": 3.0,
    }
    return facts(**(sound | changes))


def last(activation, **changes):
    """Return the layers with another last activation."""
    return (*LAYERS[:2], replace(LAYERS[2], activation=activation, **changes))


def hidden(**changes):
    """Return the layers with hidden ones changed."""
    return (*(replace(layer, **changes) for layer in LAYERS[:2]), LAYERS[2])
