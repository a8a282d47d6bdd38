"""What all autoencoders do alike: code, decode, reconstruct, judge, and become a classifier."""

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted, validate_data

from gradlab.autoencoder.starting import reconstruction_task, started
from gradlab.errors import DataError, RecipeError
from gradlab.estimators.initial import begin_with
from gradlab.estimators.network import Network
from gradlab.estimators.saving import plain
from gradlab.estimators.training import Trained, held_out, train_on
from gradlab.nn.augmentation import parse_augmentations
from gradlab.nn.convolution.geometry import by
from gradlab.nn.encoder_decoder import EncoderDecoder
from gradlab.nn.losses import LOSSES
from gradlab.nn.module import Sequential
from gradlab.nn.random import row_key
from gradlab.training.layers import Dense
from gradlab.training.model import Model, model_of
from gradlab.training.network import build_network, network_table
from gradlab.training.predict import forward
from gradlab.training.recipe import Recipe
from gradlab.training.supervised import dtype_of
from gradlab.training.task import Task

if TYPE_CHECKING:
    from gradlab.estimators import ConvClassifier, MLPClassifier

FLOATS: Any = (np.float64, np.float32)
NO_ROWS = np.zeros(0, np.int32)
TRAINING = ("optimizer.", "schedule.")
"""Families whose parameters are of the training, not of the network."""


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class AutoencoderBase(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Network):
    """Settings and behaviour of both autoencoders; not used by itself.

    Args:
        hidden: Units of the encoder's layers; the last is the code.
        layers: The encoder's layers one by one instead, such as ("conv 16", "pool 2", "dense 32").
        decoder: "mirror" undoes the encoder layer by layer, "tied" does so with the transposes of
            the encoder's own weights (W' = Wᵀ), "none" is the output layer alone, and a list
            names layers to stand before it.
        activation: f; a name, or one name for each of the encoder's layers.
        output_activation: g.
        loss: "squared_error" Σ (x̂ - x)², or "reconstruction_cross_entropy" for inputs from 0 to 1,
            which has the output's sigmoid inside; both summed over the features of a row.
        corruption: What the encoder sees in training instead of x, as texts: ("mask 0.3",) sets
            30 % of the numbers to 0, ("noise 0.2",) adds normal noise. The target stays x.
        sparsity: Wanted mean activation ρ of each unit of the code, whose activation must be a
            sigmoid then; None for none.
        sparsity_weight: λ of the penalty λ Σ_j KL(ρ ‖ ρ̂_j), ρ̂_j taken over each batch.
        kernel: Window of convolutions that name none.
        pooling: Kind of pooling layers that name none.
    """

    layers: Any = None
    decoder: Any = "mirror"
    activation: Any = "tanh"
    output_activation: Any = "linear"
    init: Any = "xavier_normal"
    loss: Any = "squared_error"
    corruption: Any = ()
    sparsity: Any = None
    sparsity_weight: Any = 1.0
    kernel: Any = 3
    pooling: Any = "max"

    def __sklearn_tags__(self):
        """Return scikit-learn's tags: X may have more than two axes."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    @property
    def network_(self) -> EncoderDecoder:
        """The trained network."""
        return self.model_.network

    @property
    def input_shape_(self) -> tuple[int, ...]:
        """Shape of one example."""
        return self.model_.interface.input_shape

    @property
    def code_shape_(self) -> tuple[int, ...]:
        """Shape of one example's code; `transform` gives it as a row."""
        recipe = self.model_.recipe
        rows = network_table(recipe, self.model_.interface)
        return rows[len(recipe.given_layers()) - 1].output_shape

    @property
    def _n_features_out(self) -> int:
        return math.prod(self.code_shape_)

    def transform(self, X):
        """Return the code of each row, shape (n_samples, n_codes)."""
        x = self._checked(X)
        codes = forward(self.network_.encoder, self.model_.states[0], x, chunk=self.model_.chunk)
        return codes.reshape(len(x), -1)

    def inverse_transform(self, X):
        """Return what the decoder makes of codes, in the shape of the inputs.

        Raises:
            DataError: If a row has another number of codes.
        """
        check_is_fitted(self, "model_")
        codes = check_array(X, dtype=FLOATS)
        if codes.shape[1] != math.prod(self.code_shape_):
            raise DataError(
                f"inverse_transform takes rows of {math.prod(self.code_shape_)} codes, as "
                f"transform gives them; got shape {codes.shape}."
            )
        decoder, states = self.network_.untied_decoder(), self.model_.states[1]
        codes = codes.reshape(-1, *self.code_shape_)
        return self.network_.reconstruction(
            forward(decoder, states, codes, chunk=self.model_.chunk)
        )

    def reconstruct(self, X):
        """Return what is left of each row after code and decoder, in the shape of X."""
        return self.model_.predict(self._checked(X))

    def score(self, X, y=None):
        """Return R², the share of the variance of X that the reconstruction keeps.

        1 - Σ (x - x̂)² / Σ (x - mean)², over all rows and features; NaN if X is constant.
        """
        x = self._checked(X)
        left = ((x.astype(np.float64) - self.model_.predict(x)) ** 2).sum()
        variation = ((x - x.mean(axis=0, keepdims=True, dtype=np.float64)) ** 2).sum()
        return float(1 - left / variation) if variation > 0 else float("nan")

    def corrupt(self, X, *, seed: int = 0):
        """Return X as the encoder sees it in training, masked or noisy by `corruption`."""
        x: Any = self._checked(X)
        key = row_key(seed, 0, jnp.arange(len(x)))
        for number, layer in enumerate(parse_augmentations(self.model_.recipe.augment)):
            x, _ = layer(x, (), key=key.fold(number), training=True)
        return np.asarray(x, self._dtype())

    def to_classifier(self, *, hidden: tuple[int, ...] = ()) -> "MLPClassifier | ConvClassifier":
        """Return a classifier that begins with this encoder, to be fitted on labelled rows.

        It is an `MLPClassifier`, or, if the encoder is not of dense layers alone, a
        `ConvClassifier`, with the settings of the layers and `initial=self.model_`; `set_params`
        changes how it is trained.

        Args:
            hidden: Units of more layers between the encoder and the output, with the activation
                of the encoder's last.
        """
        from gradlab.estimators import ConvClassifier, MLPClassifier

        check_is_fitted(self, "model_")
        recipe = self.model_.recipe
        specs = recipe.specs()
        last = next((a for s in reversed(specs) if (a := getattr(s, "activation", None))), "relu")
        parameters = {k: v for k, v in recipe.parameters.items() if not k.startswith(TRAINING)}
        shared: dict[str, Any] = {
            "init": recipe.init,
            "norm": recipe.norm,
            "dropout": recipe.dropout,
            "parameters": parameters or None,
            "initial": self.model_,
            "random_state": self.random_state,
        }
        if recipe.layers is None:
            names = [spec.activation for spec in specs if isinstance(spec, Dense)]
            return MLPClassifier(
                hidden=(*recipe.hidden, *hidden),
                activation=(*names, *[last] * len(hidden)),
                **shared,
            )
        upper = [Dense(units=units, activation=last) for units in hidden]
        return ConvClassifier(
            layers=[spec.text() for spec in (*specs, *upper)],
            image_shape=self.input_shape_ if len(self.input_shape_) == 3 else None,
            **shared,
        )

    def _recipe(self) -> Recipe:
        recipe = super()._recipe()
        if self.layers is None and not recipe.hidden:
            raise RecipeError(
                "an autoencoder needs an encoder: name at least one layer, such as hidden=(32,)."
            )
        return recipe.replace(augment=plain(self.corruption))

    def _dtype(self) -> np.dtype:
        return dtype_of(self.network_)

    def _checked(self, X: Any, *, first: bool = False) -> np.ndarray:
        """Return rows, images or sequences as floats; bytes of images become shares of 255."""
        if not first:
            check_is_fitted(self, "model_")
        if getattr(X, "dtype", None) == np.uint8 and getattr(X, "ndim", 0) == 4:
            X = np.asarray(X, np.float32) / 255
        dtype = FLOATS if first else self._dtype()
        x = validate_data(self, X, dtype=dtype, order="C", allow_nd=True, reset=first)
        x = np.asarray(x)
        if not first and x.shape[1:] != self.input_shape_:
            raise DataError(
                f"{type(self).__name__} was fitted on examples of shape {by(self.input_shape_)}; "
                f"got {by(x.shape[1:])}."
            )
        return x

    def _task(self, x: np.ndarray, recipe: Recipe, seed: int) -> Task:
        """Return the task of reproducing rows, with some held out where asked for."""
        self._check_range(x, recipe)
        fraction = self._validation_share()
        return reconstruction_task(x, held_out(len(x), fraction, seed) if fraction else NO_ROWS)

    def _check_range(self, x: np.ndarray, recipe: Recipe) -> None:
        inside = recipe.loss in LOSSES and LOSSES[recipe.loss].sigmoid_output
        if inside and (x.min() < 0 or x.max() > 1):
            raise DataError(
                f"loss={recipe.loss} takes inputs from 0 to 1; they reach from {x.min():g} to "
                f"{x.max():g}. Divide grey values by their largest, or take loss='squared_error'."
            )

    def _learn(
        self, task: Task, recipe: Recipe, start: Trained | None, *, seed: int, epochs: int
    ) -> Model:
        """Train, keep where the training stands, and return the model."""
        if start is None and self.initial is not None:
            network: Any = build_network(recipe, task.interface, seed=seed, dtype=task.dtype)
            n = len(network.encoder.layers)
            layers = begin_with(Sequential(network.layers), self.initial).layers
            halves = Sequential(layers[:n]), Sequential(layers[n:])
            network = dataclasses.replace(network, encoder=halves[0], decoder=halves[1])
            start = started(task, recipe, network, network.initial_state(), seed=seed)
        self._trained = train_on(task, recipe, start, seed=seed, epochs=epochs)
        self.model_ = model_of(task, recipe, (self._trained.network, self._trained.states))
        return self.model_
