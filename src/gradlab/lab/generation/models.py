"""The models that `gradlab generate` trains."""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from gradlab.errors import DataError, RecipeError, unknown
from gradlab.generative import saving
from gradlab.generative.boltzmann import BoltzmannMachine
from gradlab.generative.gan import DCGAN, GAN
from gradlab.generative.gan import saving as gan_files
from gradlab.generative.hidden_markov import HiddenMarkov
from gradlab.generative.mixture import MixtureOfGaussians
from gradlab.generative.naive_bayes import NaiveBayes
from gradlab.lab.generation.reading import Source

ADVERSARIAL: dict[str, Any] = {"gan": GAN, "dcgan": DCGAN}
"""Name -> class of the models that train by epochs, in populations."""

CLASSICAL: dict[str, Any] = {
    "mixture": MixtureOfGaussians,
    "naive_bayes": NaiveBayes,
    "boltzmann": BoltzmannMachine,
    "hidden_markov": HiddenMarkov,
}
"""Name -> class of the models that are fitted at once, to rows laid flat."""

MODELS = (*ADVERSARIAL, *CLASSICAL)

SPOKEN = {
    "gan": "a GAN",
    "dcgan": "a DCGAN",
    "mixture": "a mixture of Gaussians",
    "naive_bayes": "naive Bayes",
    "boltzmann": "a Boltzmann machine",
    "hidden_markov": "a hidden Markov model",
}
"""Name -> how sentences call it."""


def model_for(source: Source, name: str) -> str:
    """Return the model of a name; "auto" is dcgan for pictures from 8 x 8, gan for all else.

    Raises:
        RecipeError: If there is none of that name, or it does not fit the data.
    """
    if name == "auto":
        large = source.pictures and min(source.rows.shape[1:3]) >= 8
        return "dcgan" if large and source.rows.shape[3] in (1, 3) else "gan"
    if name not in MODELS:
        raise RecipeError(unknown("model", name, (*MODELS, "auto")))
    if name == "naive_bayes" and source.labels is None:
        raise RecipeError(
            "naive_bayes makes rows of known classes; this data has none. Name their column with "
            "--target, or take another model."
        )
    if name == "hidden_markov" and source.pictures:
        raise RecipeError(
            "hidden_markov reads every row as a sequence, column after column; these rows are "
            "pictures. Take gan or dcgan."
        )
    return name


def build(name: str, settings: Mapping[str, Any]) -> Any:
    """Return an unfitted model with settings; `optimizer.beta1` and the like go to `parameters`.

    Raises:
        RecipeError: If a setting is unknown.
    """
    kind = ADVERSARIAL.get(name) or CLASSICAL[name]
    own = {k: v for k, v in settings.items() if "." not in k}
    more = {k: v for k, v in settings.items() if "." in k}
    known = _settings_of(kind)
    for setting in own:
        if setting not in known:
            raise RecipeError(unknown(f"setting of {name}", setting, known))
    model = kind(**own)
    if more:
        if "parameters" not in known:
            raise RecipeError(unknown(f"setting of {name}", next(iter(more)), known))
        model.set_params(parameters={**(model.parameters or {}), **more})
    return model


class Trained(NamedTuple):
    """A model from a file, and what its rows are."""

    model: Any
    names: tuple[str, ...]
    """Of the columns of vectors; empty for pictures and where nobody said."""
    row_shape: tuple[int, ...] | None
    """None where nobody said."""

    def sample(self, n: int, seed: int) -> np.ndarray:
        """Return new rows in the shape of the data; pictures from 0 to 1."""
        return shaped(self.model.sample(n, seed=seed), self.row_shape)


def read_model(path: str) -> Trained:
    """Return a model that `gradlab generate`, or its own `save`, wrote.

    Raises:
        DataError: If the file is absent, damaged, or holds something else.
    """
    content, _ = saving.read(path, saving.NOTE, gan_files.NOTE)
    kinds = {kind.__name__: kind for kind in (*ADVERSARIAL.values(), *CLASSICAL.values())}
    about = content["about"]
    # A chain that the command did not train may be one of symbols, or of features by steps.
    chain = content["class"] == HiddenMarkov.__name__ and "row_shape" not in about
    if chain or content["class"] not in kinds:
        raise DataError(
            f"{path} holds a {content['class']}, which makes no rows. Read it with "
            f"gradlab.generative.{content['class']}.load."
        )
    shape = tuple(about["row_shape"]) if "row_shape" in about else None
    return Trained(kinds[content["class"]].load(path), tuple(about.get("names", ())), shape)


def shaped(rows: Any, row_shape: tuple[int, ...] | None) -> np.ndarray:
    """Return rows in the shape of the data; pictures from 0 to 1."""
    rows = np.asarray(rows)
    if row_shape is None:
        return rows
    rows = rows.reshape(len(rows), *row_shape)
    return np.clip(rows, 0, 1) if len(row_shape) == 3 else rows


def flat(source: Source) -> np.ndarray:
    """Return rows as vectors of numbers; pictures from 0 to 1."""
    rows = source.rows.reshape(len(source.rows), -1)
    return rows / 255.0 if rows.dtype == np.uint8 else rows.astype(np.float64)


def _settings_of(kind: Any) -> list[str]:
    if dataclasses.is_dataclass(kind):
        return [field.name for field in dataclasses.fields(kind)]
    return list(kind().get_params(deep=False))
