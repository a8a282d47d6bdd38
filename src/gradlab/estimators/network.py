"""What every estimator that trains a network has in common."""

import dataclasses
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np
from jaxtyping import Float, Int, Shaped
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from gradlab.data import AnyPreprocessor, FeatureTable
from gradlab.errors import RecipeError
from gradlab.estimators import saving
from gradlab.estimators.summary import table_text
from gradlab.estimators.training import Examples, Trained, held_out, task_of, train_on
from gradlab.training.interface import Interface
from gradlab.training.model import Model, model_of
from gradlab.training.network import network_table
from gradlab.training.population import HISTORY
from gradlab.training.recipe import Recipe
from gradlab.training.supervised import dtype_of
from gradlab.training.task import TaskKind

DEFAULT_VALIDATION_FRACTION = 0.1
NO_ROWS = np.zeros(0, np.int32)
Estimator = TypeVar("Estimator", bound=BaseEstimator)


@dataclasses.dataclass(frozen=True)
class Rows:
    """Examples with their targets and weights."""

    features: FeatureTable
    y: Shaped[np.ndarray, "rows ..."]
    weights: Float[np.ndarray, " rows"]


# The settings are `Any`, because scikit-learn lets an estimator look at them in `fit` alone; the
# recipe then checks each. A dataclass writes the explicit `__init__` that scikit-learn reads.
@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class Network(BaseEstimator):
    """Settings and behaviour that all estimators share; not used by itself.

    Args:
        activation: Name, or one name for each dense or convolutional layer.
        init: Initialiser of the weights; biases start at zero.
        norm: Normalisation between a layer's weights and its activation.
        dropout: Share of hidden units dropped in training.
        noise: Standard deviation of Gaussian noise on hidden units in training.
        input_noise: Standard deviation of Gaussian noise on the inputs in training.
        loss: Name, or "auto": cross-entropy for classes, squared error for numbers.
        optimizer: Name, or any `optax.GradientTransformation`.
        learning_rate: Step size; None takes the optimizer's usual value. AdaDelta and an Optax
            transformation take it as a multiplier of their steps.
        schedule: How the learning rate changes over the epochs.
        warmup_epochs: Epochs over which the rate rises linearly from zero.
        l1: λ of the penalty λ Σ|w| on weights.
        l2: λ of the penalty ½ λ Σ w² on weights.
        weight_decay: Decoupled decay, w ← w (1 - learning_rate · weight_decay) each step; None is
            the optimizer's own (0 for most).
        clip_value: Clip each gradient element to ± this.
        clip_norm: Scale the gradient down to this global norm.
        batch_size: Rows a step, or "full".
        epochs: Passes over the rows in one `fit`.
        patience: Stop after this many epochs without a lower validation loss and keep the best
            weights; None trains all epochs and keeps the last.
        validation_fraction: Share of the rows held out for the validation curve and `patience`,
            the same share of each class; None holds out 0.1 with `patience` and nothing without.
            Rows of your own go to `fit` as `validation=(X, y)`.
        shuffle: Whether each epoch takes the rows in a new random order.
        initial: Weights that the first layers begin with: a fitted estimator, a `Model`, or a list
            of (weight, bias), one pair a layer (a pre-trained encoder's). A search clones its
            estimators, and clones forget their fit: there give the fitted one's `model_`.
        warm_start: Whether `fit` trains on, for `epochs` more, from the weights that the last
            training kept, with the state of its optimizer.
        random_state: Seed of weights, order, held-out rows and masks.
        parameters: More numbers of the techniques, e.g. {"optimizer.beta1": 0.95}.

    Attributes:
        n_features_in_: Columns of X, where it was a table.
        feature_names_in_: Their names, if X had any.
        model_: The trained `gradlab.training.model.Model`.
        history_: The validation curve: train_loss, validation_loss and validation_score, an array
            each, one entry an epoch; NaN where no rows were held out.
        n_epochs_: Epochs trained, `partial_fit` and warm starts included.
        best_epoch_: Epoch (from 1) whose weights were kept.
        loss_: Training loss of the last epoch.

    Rows of weight 0 count as absent; other sample and class weights multiply the row's loss.

    It computes in float64 if the inputs of the first fit are float64, as scikit-learn's networks
    do, and in float32 if they are float32 or bytes, which is faster.

    Fits on data of the same shape share one compiled program, so in a search only the first
    compiles, unless a setting changes the shape of the computation (layers, `activation`, `norm`,
    `optimizer`, `batch_size`, `epochs`; or a penalty or `dropout` comes or goes).
    """

    activation: Any = "relu"
    init: Any = "he_normal"
    norm: Any = "none"
    dropout: Any = 0.0
    noise: Any = 0.0
    input_noise: Any = 0.0
    loss: Any = "auto"
    optimizer: Any = "adam"
    learning_rate: Any = None
    schedule: Any = "constant"
    warmup_epochs: Any = 0.0
    l1: Any = 0.0
    l2: Any = 0.0
    weight_decay: Any = None
    clip_value: Any = None
    clip_norm: Any = None
    batch_size: Any = 32
    epochs: Any = 30
    patience: Any = None
    validation_fraction: Any = None
    shuffle: Any = True
    initial: Any = None
    warm_start: Any = False
    random_state: Any = None
    parameters: Any = None

    _target_checks: ClassVar[dict[str, bool]] = {}
    """How scikit-learn is to check y."""

    if TYPE_CHECKING:  # What a fit sets is no setting.
        n_features_in_: int = dataclasses.field(init=False)
        feature_names_in_: np.ndarray = dataclasses.field(init=False)
        model_: Model = dataclasses.field(init=False)
        _trained: Trained = dataclasses.field(init=False)
        _row_shape: tuple[int, ...] | None = dataclasses.field(init=False)

    @property
    def history_(self) -> dict[str, Float[np.ndarray, " epochs"]]:
        """The validation curve: train_loss, validation_loss and validation_score by epoch."""
        return dict(zip(HISTORY, self._trained.history.T.copy(), strict=True))

    @property
    def n_epochs_(self) -> int:
        """Epochs trained, `partial_fit` and warm starts included."""
        return self._trained.epochs

    @property
    def best_epoch_(self) -> int:
        """Epoch (from 1) whose weights were kept: the last one without `patience`."""
        return self._trained.best_epoch

    @property
    def loss_(self) -> float:
        """Training loss of the last epoch."""
        return float(self._trained.history[-1, 0])

    def summary(self) -> str:
        """Return the fitted network as a table: layers, output shapes, counts of parameters."""
        check_is_fitted(self, "model_")
        interface = self.model_.interface
        return table_text(network_table(self.model_.recipe, interface), interface)

    def save(self, path: str | Path) -> Path:
        """Write the estimator as one safetensors file whose header holds the rest as JSON.

        The state of the optimizer is in it, so `load` gives back an estimator that predicts the
        same bits and can be trained on. `initial` is left out: its weights have become the
        network's.

        Raises:
            RecipeError: If the optimizer is an object, which a file can't hold.
            StudyError: If the file can't be written.
        """
        check_is_fitted(self, "model_")
        return saving.save(self, path)

    @classmethod
    def load(cls: type[Estimator], path: str | Path) -> Estimator:
        """Read an estimator that `save` wrote.

        Raises:
            DataError: If the file is absent, damaged, or of another estimator.
        """
        return saving.load(cls, path)

    # What a row of X is, a subclass says in these.

    def _read(self, X: Any, y: Any, *, first: bool) -> tuple[FeatureTable, np.ndarray]:
        """Return checked inputs and targets.

        Args:
            X, y: As they were given.
            first: Whether the fit starts anew, so that these rows say what others must be like.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say how it reads X.")

    def _read_new(self, X: Any) -> FeatureTable:
        """Return checked inputs to predict for."""
        raise NotImplementedError(f"{type(self).__name__} does not say how it reads X.")

    def _preprocessor(
        self,
        features: FeatureTable,
        rows: Int[np.ndarray, " training"],
        weights: Float[np.ndarray, " rows"],
    ) -> AnyPreprocessor | None:
        """Return what makes the network's inputs of features, learnt on training rows."""
        return None

    def _examples(
        self, features: FeatureTable, preprocessor: AnyPreprocessor | None, dtype: np.dtype
    ) -> Examples:
        """Return what the network sees; by default, the numbers as they are."""
        if preprocessor is None:
            return Examples(features.numeric.astype(dtype, copy=False), dtype=dtype)
        x = preprocessor.transform(features)
        return Examples(
            x.astype(dtype, copy=False) if x.dtype.kind == "f" else x,
            preprocessor.lengths(features),
            getattr(preprocessor, "n_symbols", None),
            dtype,
        )

    def _suited(self, recipe: Recipe, interface: Interface) -> Recipe:
        """Return the recipe, its layers adapted to the inputs where they were left open."""
        return recipe

    def _notes(self) -> dict[str, Any]:
        """Return what else a file must hold of a fit, as plain data."""
        return {}

    def _arrays(self) -> dict[str, np.ndarray]:
        """Return what else a file must hold of a fit, as arrays."""
        return {}

    def _restore(self, notes: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        """Take back what `_notes` and `_arrays` gave."""

    def _recipe(self) -> Recipe:
        """Return the settings as a checked recipe."""
        names = set(self.get_params(deep=False)) & set(Recipe.model_fields) - {
            "class_weight",
            "parameters",
        }
        fields = {name: saving.plain(getattr(self, name)) for name in names}
        if isinstance(fields.get("hidden"), int):
            fields["hidden"] = (fields["hidden"],)
        numbers = {key: saving.plain(value) for key, value in (self.parameters or {}).items()}
        return Recipe(**fields, parameters=numbers)

    def _start(self) -> Trained | None:
        """Return where `fit` goes on, if it does."""
        return getattr(self, "_trained", None) if self.warm_start else None

    def _rows(self, X: Any, y: Any, sample_weight: Any, *, first: bool) -> Rows:
        """Return the rows that have a weight."""
        features, y = self._read(X, y, first=first)
        if first:
            self._row_shape = features.row_shape
        shape_only = np.empty((features.n_rows, 1))
        weights = _check_sample_weight(
            sample_weight, shape_only, dtype=np.float64, ensure_non_negative=True
        )
        if not weights.any():
            raise ValueError("Sample weights must contain at least one non-zero number.")
        rows = np.flatnonzero(weights > 0)
        if len(rows) == len(y):
            return Rows(features, y, weights)
        return Rows(features.take(rows), y[rows], weights[rows])

    def _given_validation(self, validation: Any) -> Rows | None:
        """Return the validation rows that `fit` was given."""
        if validation is None:
            return None
        if not isinstance(validation, tuple) or len(validation) != 2:
            raise ValueError(
                f"validation must be a pair (X, y) of rows to judge by; got a "
                f"{type(validation).__name__}."
            )
        if self.validation_fraction:
            raise RecipeError(
                f"Validation rows come from fit(…, validation=(X, y)) or from validation_fraction; "
                f"both were given ({self.validation_fraction!r}). Leave one out."
            )
        return self._rows(*validation, None, first=False)

    def _held_out(
        self,
        n_rows: int,
        seed: int,
        given: Rows | None,
        labels: Int[np.ndarray, " rows"] | None = None,
    ) -> Int[np.ndarray, " validation"]:
        """Return the rows that training does not see."""
        if given is not None:
            return NO_ROWS
        fraction = self._validation_share()
        return held_out(n_rows, fraction, seed, labels) if fraction else NO_ROWS

    def _validation_share(self) -> float:
        fraction = self.validation_fraction
        if fraction is None:
            fraction = 0 if self.patience is None else DEFAULT_VALIDATION_FRACTION
        if not isinstance(fraction, Real) or not 0 <= float(fraction) < 1:
            raise RecipeError(f"validation_fraction must be in [0, 1) or None; got {fraction!r}.")
        if fraction == 0 and self.patience is not None:
            raise RecipeError(
                f"patience={self.patience} needs validation rows; got validation_fraction=0."
            )
        return float(fraction)

    def _seed(self, start: Trained | None) -> int:
        """Return the seed; an int is its own, so that a study's run can be repeated here."""
        if start is not None:
            return start.seed
        generator = check_random_state(self.random_state)  # also refuses an int out of range
        given = self.random_state
        return int(given) if isinstance(given, int | np.integer) else generator.randint(2**31 - 1)

    def _train(
        self,
        recipe: Recipe,
        start: Trained | None,
        rows: Rows,
        *,
        epochs: int,
        seed: int,
        kind: TaskKind,
        n_outputs: int,
        held: Int[np.ndarray, " validation"] = NO_ROWS,
        given: Rows | None = None,
        classes: tuple = (),
        prepared: AnyPreprocessor | None = None,
    ) -> Model:
        """Train, keep where the training stands, and return the model.

        Args:
            recipe: How.
            start: Where to go on, with the preprocessor of the last fit.
            rows: Targets are numbers of classes, or scaled already.
            epochs: How many more.
            seed: Of weights, order and masks.
            kind, n_outputs, classes: See `Task`.
            held: Rows that are validation rows.
            given: More rows, which are validation rows.
            prepared: Preprocessor, where targets need one already.
        """
        if start is None:
            train = np.setdiff1d(np.arange(rows.features.n_rows), held)
            preprocessor = prepared or self._preprocessor(rows.features, train, rows.weights)
            double = rows.features.numeric.dtype == np.float64 and rows.features.texts is None
            dtype = np.dtype(np.float64 if double else np.float32)
        else:
            preprocessor, dtype = self.model_.preprocessor, dtype_of(start.network)
        examples = self._examples(rows.features, preprocessor, dtype)
        y, weights = rows.y, rows.weights
        if given is not None:
            held = np.arange(len(y), len(y) + len(given.y))
            examples = examples.followed_by(self._examples(given.features, preprocessor, dtype))
            y, weights = np.concatenate([y, given.y]), np.concatenate([weights, given.weights])
        y = y.astype(dtype) if y.dtype.kind == "f" else y
        task = task_of(examples, y, weights, held, kind=kind, n_outputs=n_outputs, classes=classes)
        recipe = self._suited(recipe, task.interface)
        trained = train_on(task, recipe, start, seed=seed, epochs=epochs, initial=self.initial)
        self._trained = trained
        network = (trained.network, trained.states)
        return model_of(task, recipe, network, preprocessor=preprocessor)

    def _seen(self, X: Any) -> Examples:
        """Return what the fitted network sees of new rows."""
        check_is_fitted(self, "model_")
        features = self._read_new(X)
        return self._examples(features, self.model_.preprocessor, dtype_of(self.model_.network))

    def _scores(self, X: Any) -> Float[np.ndarray, "rows outputs"]:
        seen = self._seen(X)
        return self.model_.scores_of(seen.x, seen.lengths)


def of_one_pass(recipe: Recipe, start: Trained | None) -> Recipe:
    """Return the recipe of a pass; the schedule keeps its length until the passes outgrow it."""
    done = 0 if start is None else start.epochs
    return recipe.replace(patience=None, epochs=max(recipe.epochs, done + 1))
