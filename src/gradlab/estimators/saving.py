"""Estimators in files: the model with its settings and where its training stands."""

import json
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from sklearn.base import BaseEstimator

from gradlab.errors import DataError
from gradlab.estimators.training import Trained
from gradlab.training.layers import parse_layers
from gradlab.training.model import load_model

Estimator = TypeVar("Estimator", bound=BaseEstimator)


def save(estimator: Any, path: str | Path) -> Path:
    """Write a fitted estimator; see `Network.save`."""
    trained = estimator._trained
    trained.recipe.to_dict()  # says what a file can't hold
    settings = {**estimator.get_params(deep=False), "initial": None}
    if not isinstance(settings["random_state"], int | np.integer | None):
        settings["random_state"] = None  # a generator; the seed drawn from it is kept
    if isinstance(settings.get("class_weight"), dict):  # JSON's keys are texts, labels need not be
        settings["class_weight"] = [list(pair) for pair in settings["class_weight"].items()]
    if not isinstance(settings.get("layers"), str | None):
        settings["layers"] = [spec.text() for spec in parse_layers(settings["layers"])]
    content = {
        "class": type(estimator).__name__,
        "settings": settings,
        "seed": trained.seed,
        "best_epoch": trained.best_epoch,
        "n_features": getattr(estimator, "n_features_in_", None),
        "feature_names": getattr(estimator, "feature_names_in_", np.array([])).tolist(),
        "label_dtype": estimator.classes_.dtype.str if hasattr(estimator, "classes_") else None,
        "row_shape": getattr(estimator, "_row_shape", None),
        "notes": estimator._notes(),
    }
    return estimator.model_.save(
        path,
        notes={"estimator": json.dumps(content, default=plain)},
        tensors={
            "training.state": trained.state,
            "training.history": trained.history,
            **{f"kept.{name}": array for name, array in estimator._arrays().items()},
        },
    )


def load(kind: type[Estimator], path: str | Path) -> Estimator:
    """Read an estimator of a class; see `Network.load`."""
    from safetensors import safe_open

    model = load_model(path)
    with safe_open(path, framework="np") as file:
        note = file.metadata().get("estimator")
        if note is None:
            raise DataError(
                f"{path} holds a model, but no estimator. Read it with gradlab.load_model."
            )
        content = json.loads(note)
        state, history = (file.get_tensor(f"training.{name}") for name in ("state", "history"))
        names = [name for name in file.keys() if name.startswith("kept.")]  # noqa: SIM118
        arrays = {name.removeprefix("kept."): file.get_tensor(name) for name in names}
    if content["class"] != kind.__name__:
        raise DataError(
            f"{path} holds an estimator of class {content['class']}; "
            f"read it with {content['class']}.load."
        )
    settings = {
        name: tuple(value) if isinstance(value, list) else value  # JSON has no tuples
        for name, value in content["settings"].items()
    }
    if isinstance(settings.get("class_weight"), tuple):
        settings["class_weight"] = dict(settings["class_weight"])
    estimator: Any = kind(**settings)
    estimator.model_ = model
    if content["n_features"] is not None:
        estimator.n_features_in_ = content["n_features"]
    if content["feature_names"]:
        estimator.feature_names_in_ = np.array(content["feature_names"], object)
    if content["label_dtype"] is not None:
        estimator.classes_ = np.array(model.classes, np.dtype(content["label_dtype"]))
    shape = content["row_shape"]
    estimator._row_shape = None if shape is None else tuple(shape)
    estimator._trained = Trained(
        recipe=model.recipe,
        seed=content["seed"],
        state=state,
        history=history,
        best_epoch=content["best_epoch"],
        network=model.network,
        states=model.states,
    )
    estimator._restore(content["notes"], arrays)
    return estimator


def plain(value: Any) -> Any:
    """Return NumPy's numbers and lists as Python's, which recipes and JSON know."""
    if isinstance(value, np.generic):
        return value.item()
    return tuple(value.tolist()) if isinstance(value, np.ndarray) else value
