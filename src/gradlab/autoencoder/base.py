"""What all autoencoders do alike once trained: code, decode, reconstruct, judge, save."""

import json
import math
from numbers import Real
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float, Int
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from gradlab.errors import DataError, RecipeError
from gradlab.estimators.training import Examples, Trained, held_out, task_of
from gradlab.nn.convolution.geometry import by
from gradlab.nn.encoder_decoder import EncoderDecoder
from gradlab.nn.losses import LOSSES
from gradlab.training.layers import Spec
from gradlab.training.model import Model, load_model
from gradlab.training.network import network_table
from gradlab.training.population import HISTORY
from gradlab.training.predict import forward
from gradlab.training.recipe import Recipe
from gradlab.training.supervised import dtype_of
from gradlab.training.task import Task

DEFAULT_VALIDATION_FRACTION = 0.1
NO_ROWS = np.zeros(0, np.int32)
RECIPE_FIELDS = (
    "hidden",
    "layers",
    "decoder",
    "activation",
    "output_activation",
    "loss",
    "sparsity",
    "sparsity_weight",
    "init",
    "norm",
    "dropout",
    "optimizer",
    "learning_rate",
    "schedule",
    "l1",
    "l2",
    "weight_decay",
    "batch_size",
    "shuffle",
)
"""Parameters that are fields of a recipe, under the same name."""

Estimator = TypeVar("Estimator", bound="AutoencoderBase")


class AutoencoderBase(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """What both autoencoders do alike; how the weights are trained is theirs."""

    epochs: int
    patience: int | None
    validation_fraction: float | None
    corruption: Any
    parameters: dict[str, Any] | None
    random_state: Any
    n_features_in_: int
    feature_names_in_: np.ndarray
    input_shape_: tuple[int, ...]
    model_: Model
    _trained: Trained

    @property
    def network_(self) -> EncoderDecoder:
        """The trained network."""
        return self.model_.network

    @property
    def code_shape_(self) -> tuple[int, ...]:
        """Shape of one example's code; `transform` gives it as a row."""
        table = network_table(self.model_.recipe, self.model_.interface)
        n_layers = len(self.model_.recipe.given_layers())
        return table[n_layers - 1].output_shape if n_layers else self.input_shape_

    @property
    def _n_features_out(self) -> int:
        return math.prod(self.code_shape_)

    @property
    def history_(self) -> dict[str, Float[np.ndarray, " epochs"]]:
        """The curve of the last training: train_loss, validation_loss, validation_score (R²)."""
        return dict(zip(HISTORY, self._trained.history.T.copy(), strict=True))

    @property
    def n_epochs_(self) -> int:
        """Epochs trained as a whole."""
        return self._trained.epochs

    @property
    def loss_(self) -> float:
        """Training loss of the last epoch, without penalties."""
        return float(self._trained.history[-1, 0])

    def transform(self, X):
        """Return the code of each row, shape (n_samples, n_codes)."""
        check_is_fitted(self)
        x = checked_rows(self, X, reset=False)
        codes = forward(self.network_.encoder, self.model_.states[0], x, chunk=self.model_.chunk)
        return codes.reshape(len(x), -1)

    def inverse_transform(self, X):
        """Return what the decoder makes of codes, in the shape of the inputs.

        Raises:
            DataError: If a row has another number of codes.
        """
        check_is_fitted(self)
        codes = check_array(X, dtype=[np.float64, np.float32])
        shape = self.code_shape_
        if codes.shape[1] != math.prod(shape):
            raise DataError(
                f"inverse_transform takes rows of {math.prod(shape)} codes, as transform gives; "
                f"got shape {codes.shape}."
            )
        decoder, states = self.network_.untied_decoder(), self.model_.states[1]
        scores = forward(decoder, states, codes.reshape(-1, *shape), chunk=self.model_.chunk)
        return self.network_.reconstruction(scores)

    def reconstruct(self, X):
        """Return what is left of each row after code and decoder, in the shape of X."""
        check_is_fitted(self)
        return self.model_.predict(checked_rows(self, X, reset=False))

    def score(self, X, y=None):
        """Return R², the share of the variance of X that the reconstruction keeps.

        1 - Σ (x - x̂)² / Σ (x - mean)², over all rows and features; NaN if X is constant.
        """
        check_is_fitted(self)
        x = checked_rows(self, X, reset=False).astype(np.float64)
        variation = ((x - x.mean(axis=0, keepdims=True)) ** 2).sum()
        left = ((x - self.reconstruct(X)) ** 2).sum()
        return float(1 - left / variation) if variation > 0 else float("nan")

    def corrupt(self, X, *, seed: int = 0):
        """Return X as the encoder sees it in training: masked or noisy by `corruption`."""
        import jax.numpy as jnp

        from gradlab.nn.augmentation import parse_augmentations
        from gradlab.nn.random import row_key

        check_is_fitted(self)
        x: Any = checked_rows(self, X, reset=False)
        key = row_key(seed, 0, jnp.arange(len(x)))
        for number, layer in enumerate(parse_augmentations(self.model_.recipe.augment)):
            x, _ = layer(x, (), key=key.fold(number), training=True)
        return np.asarray(x)

    def save(self, path: str | Path) -> Path:
        """Write the estimator as one safetensors file whose header holds the rest as JSON.

        Raises:
            RecipeError: If the recipe holds an object that a file can't.
            StudyError: If the file can't be written.
        """
        check_is_fitted(self)
        settings = {name: _plain(value) for name, value in self.get_params().items()}
        if not isinstance(settings["random_state"], int | None):
            settings["random_state"] = None  # a generator; the seed drawn from it is kept
        content = {
            "class": type(self).__name__,
            "settings": settings,
            "seed": self._trained.seed,
            "best_epoch": self._trained.best_epoch,
            "feature_names": getattr(self, "feature_names_in_", np.array([])).tolist(),
        }
        return self.model_.save(
            path,
            notes={"estimator": json.dumps(content)},
            tensors={
                "training.state": self._trained.state,
                "training.history": self._trained.history,
            },
        )

    @classmethod
    def load(cls: type[Estimator], path: str | Path) -> Estimator:
        """Read an estimator that `save` wrote.

        Raises:
            DataError: If the file is absent, damaged, or of another estimator.
        """
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
        if content["class"] != cls.__name__:
            raise DataError(
                f"{path} holds an estimator of class {content['class']}; "
                f"read it with {content['class']}.load."
            )
        lists = {  # JSON has no tuples
            name: tuple(value) if isinstance(value, list) else value
            for name, value in content["settings"].items()
        }
        estimator = cls(**lists)
        estimator.model_ = model
        estimator.input_shape_ = model.interface.input_shape
        estimator.n_features_in_ = model.interface.input_shape[0]
        if content["feature_names"]:
            estimator.feature_names_in_ = np.array(content["feature_names"], object)
        estimator._trained = Trained(
            recipe=model.recipe,
            seed=content["seed"],
            state=state,
            history=history,
            best_epoch=content["best_epoch"],
            network=model.network,
            states=model.states,
        )
        return estimator

    def _recipe(self, epochs: int, patience: int | None) -> Recipe:
        """Return the parameters as a checked recipe."""
        fields = {name: _plain(getattr(self, name)) for name in RECIPE_FIELDS}
        fields |= {"epochs": _plain(epochs), "patience": _plain(patience)}
        fields["augment"] = _plain(self.corruption)
        fields["hidden"] = _as_tuple(fields["hidden"])
        if fields["layers"] is None:
            del fields["layers"]
        numbers = {key: _plain(value) for key, value in (self.parameters or {}).items()}
        recipe = Recipe(**fields, parameters=numbers)
        if not recipe.given_layers():
            raise RecipeError(
                "an autoencoder needs an encoder: name at least one layer, such as hidden=(32,)."
            )
        return recipe

    def _task(self, x: np.ndarray, recipe: Recipe, seed: int) -> Task:
        """Return the task of reproducing rows, with some held out where asked for."""
        if recipe.loss in LOSSES and LOSSES[recipe.loss].sigmoid_output:
            check_probabilities(x, recipe.loss)
        fraction = self.validation_fraction
        if fraction is None:
            fraction = 0 if self.patience is None else DEFAULT_VALIDATION_FRACTION
        if not isinstance(fraction, Real) or not 0 <= fraction < 1:
            raise RecipeError(f"validation_fraction must be in [0, 1) or None; got {fraction!r}.")
        if fraction == 0 and self.patience is not None:
            raise RecipeError(
                f"patience={self.patience} needs validation rows; got validation_fraction=0."
            )
        validation = held_out(len(x), float(fraction), seed) if fraction else NO_ROWS
        return reconstruction_task(x, validation)


def reconstruction_task(x: np.ndarray, validation: Int[np.ndarray, " validation"]) -> Task:
    """Return the task of reproducing inputs of any shape."""
    nothing, ones = np.zeros(len(x), x.dtype), np.ones(len(x))
    examples = Examples(x, dtype=x.dtype)
    return task_of(examples, nothing, ones, validation, kind="reconstruction", n_outputs=x[0].size)


def checked_rows(estimator: Any, X: Any, *, reset: bool) -> np.ndarray:
    """Return rows, images or sequences as floats; bytes of images become shares of 255.

    Raises:
        DataError: If an example has another shape than in `fit`.
    """
    given = getattr(X, "dtype", None)
    if given == np.uint8 and getattr(X, "ndim", 0) == 4:
        X = np.asarray(X, np.float32) / 255
    dtype = [np.float64, np.float32]
    if not reset and hasattr(estimator, "model_"):
        dtype = dtype_of(estimator.model_.network)
    x = validate_data(estimator, X, dtype=dtype, order="C", allow_nd=True, reset=reset)
    x = np.asarray(x)
    if reset:
        estimator.input_shape_ = tuple(x.shape[1:])
    elif tuple(x.shape[1:]) != estimator.input_shape_:
        raise DataError(
            f"{type(estimator).__name__} was fitted on examples of shape "
            f"{by(estimator.input_shape_)}; got {by(x.shape[1:])}."
        )
    return x


def check_probabilities(x: np.ndarray, loss: str) -> None:
    """Raise DataError if inputs of the cross-entropy lie outside 0 to 1."""
    if x.min() < 0 or x.max() > 1:
        raise DataError(
            f"loss={loss} takes inputs from 0 to 1; they reach from {x.min():g} to {x.max():g}. "
            "Divide grey values by their largest, or take loss='squared_error'."
        )


def seed_of(random_state: Any) -> int:
    """Return the seed; an int is its own, so that a study's run can be repeated here."""
    generator = check_random_state(random_state)  # also refuses an int out of range
    if isinstance(random_state, int | np.integer):
        return int(random_state)
    return int(generator.randint(2**31 - 1))


def _as_tuple(hidden: Any) -> Any:
    return (hidden,) if isinstance(hidden, int) else hidden


def _plain(value: Any) -> Any:
    """Return NumPy's numbers and lists as Python's, and layers as their texts."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return tuple(value.tolist())
    if isinstance(value, list | tuple):
        return tuple(item.text() if isinstance(item, Spec) else _plain(item) for item in value)
    return value
