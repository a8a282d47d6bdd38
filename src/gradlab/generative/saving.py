"""Fitted models in files: settings and what was learnt; safetensors, nothing pickled.

GANs, which carry networks, histories and snapshots, have files of their own (`gan.saving`).
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes
from sklearn.base import BaseEstimator
from sklearn.mixture import GaussianMixture
from sklearn.naive_bayes import BernoulliNB, GaussianNB
from sklearn.utils.validation import check_is_fitted

from gradlab.errors import DataError
from gradlab.files import write_whole
from gradlab.generative.baum_welch import Chain

NOTE = "gradlab.generative"
INNER: Mapping[str, Any] = {
    kind.__name__: kind for kind in (GaussianMixture, GaussianNB, BernoulliNB)
}
"""Classes of scikit-learn that models hold; no other is ever built from a file."""


class InFiles(BaseEstimator):
    """A model whose fitted attributes are arrays, plain values, chains or `INNER` models."""

    def save(self, path: str | Path, *, about: Mapping[str, Any] | None = None) -> Path:
        """Write the fitted model to a safetensors file, whole or not at all; return its path.

        A `random_state` that is a generator is not kept.

        Args:
            path: Of the file.
            about: What else to keep, as JSON; `read` gives it back.
        """
        check_is_fitted(self)
        tensors: dict[str, np.ndarray] = {}
        settings = self.get_params(deep=False)
        if not isinstance(settings.get("random_state"), int | np.integer | None):
            settings["random_state"] = None
        fitted = {name: value for name, value in vars(self).items() if name not in settings}
        content = {
            "class": type(self).__name__,
            "about": dict(about or {}),
            "settings": _packed(settings, "settings", tensors),
            "fitted": _packed(fitted, "fitted", tensors),
        }
        return write_whole(path, to_bytes(tensors, metadata={NOTE: json.dumps(content)}))

    @classmethod
    def load(cls, path: str | Path) -> Any:
        """Read a model that `save` wrote.

        Raises:
            DataError: If the file is absent, damaged, or holds another class.
        """
        content, tensors = read(path)
        if content["class"] != cls.__name__:
            raise DataError(
                f"{path} holds a {content['class']}; read it with {content['class']}.load."
            )
        try:
            model = cls(**_unpacked(content["settings"], tensors))
            vars(model).update(_unpacked(content["fitted"], tensors))
        except (KeyError, TypeError) as error:
            raise DataError(f"{path} is damaged: {error} is missing or unknown.") from None
        return model


def read(path: str | Path, *notes: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the note and the tensors of a file.

    Args:
        path: Of the file.
        notes: Names under which the note may lie; `NOTE` where none are given.

    Raises:
        DataError: If it is absent, damaged, or holds no such note.
    """
    wanted = "Give a file that `save` or `gradlab generate` wrote."
    try:
        with safe_open(str(path), framework="np") as file:
            found = file.metadata() or {}
            note = next((found[name] for name in notes or (NOTE,) if name in found), None)
            if note is None:
                raise DataError(f"{path} holds no generative model of this kind. {wanted}")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise DataError(f"{path} can't be read as a saved model ({error}). {wanted}") from None
    return json.loads(note), tensors


def _packed(value: Any, name: str, tensors: dict[str, np.ndarray]) -> Any:
    """Return a value for JSON; numeric arrays go to the tensors, by their name."""
    match value:
        case np.ndarray() if value.dtype.kind in "OUS":
            return {"texts": value.tolist(), "dtype": value.dtype.str}
        case np.ndarray():
            tensors[name] = np.array(value, order="C")
            return {"tensor": name}
        case np.generic():
            return value.item()
        case Chain():
            return {"chain": [_packed(v, f"{name}.{i}", tensors) for i, v in enumerate(value)]}
        case BaseEstimator():
            settings = value.get_params(deep=False)
            fitted = {k: v for k, v in vars(value).items() if k not in settings}
            settings = {k: v for k, v in settings.items() if k != "random_state"}
            return {
                "model": type(value).__name__,
                "settings": _packed(settings, f"{name}.settings", tensors),
                "fitted": _packed(fitted, f"{name}.fitted", tensors),
            }
        case dict():
            return {k: _packed(v, f"{name}.{k}", tensors) for k, v in value.items()}
        case list() | tuple():
            return {"list": [_packed(v, f"{name}.{i}", tensors) for i, v in enumerate(value)]}
        case _:
            return value


def _unpacked(value: Any, tensors: Mapping[str, np.ndarray]) -> Any:
    match value:
        case {"texts": texts, "dtype": dtype}:
            return np.array(texts, np.dtype(dtype))
        case {"tensor": name}:
            return tensors[name]
        case {"chain": parts}:
            return Chain(*(_unpacked(part, tensors) for part in parts))
        case {"model": name, "settings": settings, "fitted": fitted}:
            model = INNER[name](**_unpacked(settings, tensors))
            vars(model).update(_unpacked(fitted, tensors))
            return model
        case {"list": parts}:
            return [_unpacked(part, tensors) for part in parts]
        case dict():
            return {k: _unpacked(v, tensors) for k, v in value.items()}
        case _:
            return value
