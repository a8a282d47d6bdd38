"""Multilayer perceptrons as scikit-learn estimators."""

import dataclasses
import json
from numbers import Real
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float, Int
from scipy.special import log_softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from gradlab.errors import DataError, RecipeError
from gradlab.estimators.training import Trained, held_out, task_of, train_on
from gradlab.training.model import Model, load_model, model_of
from gradlab.training.population import HISTORY
from gradlab.training.predict import forward, probabilities
from gradlab.training.recipe import Recipe
from gradlab.training.supervised import dtype_of

DEFAULT_VALIDATION_FRACTION = 0.1
NO_ROWS = np.zeros(0, np.int32)
RECIPE_FIELDS = (
    "hidden",
    "activation",
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
    "epochs",
    "patience",
)


Estimator = TypeVar("Estimator", bound="_MLP")


class _MLP(BaseEstimator):
    """What both estimators do alike; how targets become numbers and back is theirs."""

    patience: int | None
    validation_fraction: float | None
    parameters: dict[str, Any] | None
    warm_start: bool
    random_state: Any
    n_features_in_: int
    feature_names_in_: np.ndarray
    classes_: np.ndarray
    model_: Model
    _trained: Trained

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

    def save(self, path: str | Path) -> Path:
        """Write the estimator as one safetensors file whose header holds the rest as JSON.

        The state of the optimizer is in it, so `load` gives back an estimator that predicts the
        same bits and can be trained on.

        Raises:
            RecipeError: If the optimizer is an object, which a file can't hold.
            StudyError: If the file can't be written.
        """
        check_is_fitted(self)
        self._trained.recipe.to_dict()  # says what a file can't hold
        settings = self.get_params()
        if not isinstance(settings["random_state"], int | np.integer | None):
            settings["random_state"] = None  # a generator; the seed drawn from it is kept
        weights = settings.get("class_weight")
        if isinstance(weights, dict):  # JSON's keys are texts, labels need not be
            settings["class_weight"] = [list(pair) for pair in weights.items()]
        content = {
            "class": type(self).__name__,
            "settings": settings,
            "seed": self._trained.seed,
            "best_epoch": self._trained.best_epoch,
            "feature_names": getattr(self, "feature_names_in_", np.array([])).tolist(),
            "label_dtype": np.asarray(getattr(self, "classes_", 0)).dtype.str,
        }
        return self.model_.save(
            path,
            notes={"estimator": json.dumps(content, default=_plain)},
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
        settings = content["settings"]
        for name in ("hidden", "activation"):  # JSON has no tuples
            if isinstance(settings[name], list):
                settings[name] = tuple(settings[name])
        if isinstance(settings.get("class_weight"), list):
            settings["class_weight"] = dict(settings["class_weight"])
        estimator = cls(**settings)
        estimator.model_ = model
        estimator.n_features_in_ = model.n_features
        if content["feature_names"]:
            estimator.feature_names_in_ = np.array(content["feature_names"], object)
        if model.kind != "regression":
            estimator.classes_ = np.array(model.classes, np.dtype(content["label_dtype"]))
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

    def _recipe(self) -> Recipe:
        """Return the parameters as a checked recipe."""
        fields = {name: _plain(getattr(self, name)) for name in RECIPE_FIELDS}
        if isinstance(fields["hidden"], int):
            fields["hidden"] = (fields["hidden"],)
        numbers = {key: _plain(value) for key, value in (self.parameters or {}).items()}
        return Recipe(**fields, parameters=numbers)

    def _rows(self, X, y, start: Trained | None, **checks: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return checked inputs and targets, in the precision of the network to train on."""
        dtype = [np.float64, np.float32] if start is None else dtype_of(start.network)
        X, y = validate_data(self, X, y, dtype=dtype, order="C", reset=start is None, **checks)
        return np.asarray(X), np.asarray(y)

    def _scores(self, X) -> Float[np.ndarray, "rows outputs"]:
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        return forward(self.model_.network, self.model_.states, np.asarray(X))

    def _train(
        self,
        recipe: Recipe,
        start: Trained | None,
        arrays: tuple[np.ndarray, np.ndarray, np.ndarray],
        *,
        epochs: int,
        seed: int,
        validation: Int[np.ndarray, " validation"] = NO_ROWS,
        classes: np.ndarray | None = None,
    ) -> Model:
        """Train, keep where the training stands, and return the model."""
        X, y, weights = arrays
        if classes is None:
            kind, n_outputs, labels = "regression", y.shape[1], ()
        else:
            kind = "binary" if len(classes) == 2 else "multiclass"
            n_outputs = 1 if len(classes) == 2 else len(classes)
            labels = tuple(classes.tolist())
        task = task_of(X, y, weights, validation, kind=kind, n_outputs=n_outputs, classes=labels)
        self._trained = train_on(task, recipe, start, seed=seed, epochs=epochs)
        return model_of(task, recipe, (self._trained.network, self._trained.states))

    def _seed(self, start: Trained | None) -> int:
        """Return the seed; an int is its own, so that a study's run can be repeated here."""
        if start is not None:
            return start.seed
        generator = check_random_state(self.random_state)  # also refuses an int out of range
        given = self.random_state
        return int(given) if isinstance(given, int | np.integer) else generator.randint(2**31 - 1)

    def _validation_rows(
        self, n_rows: int, seed: int, labels: Int[np.ndarray, " rows"] | None = None
    ) -> Int[np.ndarray, " validation"]:
        fraction = self.validation_fraction
        if fraction is None:
            fraction = 0 if self.patience is None else DEFAULT_VALIDATION_FRACTION
        if not isinstance(fraction, Real) or not 0 <= fraction < 1:
            raise RecipeError(f"validation_fraction must be in [0, 1) or None; got {fraction!r}.")
        if fraction == 0 and self.patience is not None:
            raise RecipeError(
                f"patience={self.patience} needs validation rows; got validation_fraction=0."
            )
        return held_out(n_rows, float(fraction), seed, labels) if fraction else NO_ROWS


class MLPClassifier(ClassifierMixin, _MLP):
    """Multilayer perceptron that classifies, trained on the cross-entropy.

    Every hidden layer is dense → norm → activation → dropout. Inputs are taken as they are: put
    a `StandardScaler` before it in a `Pipeline`. It computes in float32 if the inputs of the
    first fit are float32, else in float64, as scikit-learn's does; float32 is faster.

    Fits on data of the same shape share one compiled program, so in a search only the first
    compiles, unless a parameter changes the shape of the computation (`hidden`, `activation`,
    `norm`, `optimizer`, `batch_size`, `epochs`; or a penalty or `dropout` comes or goes).

    Args:
        hidden: Units of each hidden layer; () is logistic regression.
        activation: Name, or one name for each hidden layer.
        init: Initialiser of the weights; biases start at zero.
        norm: Normalisation between dense layer and activation.
        dropout: Share of hidden units dropped in training.
        optimizer: Name, or any `optax.GradientTransformation`.
        learning_rate: Step size; None takes the optimizer's usual value. AdaDelta and an Optax
            transformation take it as a multiplier of their steps.
        schedule: How the learning rate changes over the epochs.
        l1: λ of the penalty λ Σ|w| on weights.
        l2: λ of the penalty ½ λ Σ w² on weights.
        weight_decay: Decoupled decay, w ← w (1 - learning_rate · weight_decay) each step; None is
            the optimizer's own (0 for most).
        batch_size: Rows a step, or "full".
        epochs: Passes over the rows in one `fit`.
        patience: Stop after this many epochs without a lower validation loss and keep the best
            weights; None trains all epochs and keeps the last.
        validation_fraction: Share of the rows held out for the validation curve and `patience`,
            the same share of each class; None holds out 0.1 with `patience` and nothing without.
        shuffle: Whether each epoch takes the rows in a new random order.
        class_weight: Factor of the loss for each class, as a dict or "balanced".
        warm_start: Whether `fit` trains on, for `epochs` more, from the weights that the last
            training kept, with the state of its optimizer.
        random_state: Seed of weights, order, held-out rows and masks.
        parameters: More numbers of the techniques, e.g. {"optimizer.beta1": 0.95}.

    Attributes:
        classes_: Labels met in fit, sorted, shape (n_classes,).
        n_features_in_: Columns of X.
        feature_names_in_: Their names, if X had any.
        model_: The trained `gradlab.training.model.Model`.
        history_: The validation curve: train_loss, validation_loss and validation_score (accuracy),
            an array each, one entry an epoch; NaN where no rows were held out.
        n_epochs_: Epochs trained, `partial_fit` and warm starts included.
        best_epoch_: Epoch (from 1) whose weights were kept.
        loss_: Training loss of the last epoch.

    Rows of weight 0 count as absent; other sample and class weights multiply the row's loss.

    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPClassifier(hidden=(16, 8), activation=("tanh", "relu"), random_state=0)
    >>> bool(make_pipeline(StandardScaler(), network).fit(X, y).score(X, y) > 0.95)
    True
    """

    def __init__(
        self,
        *,
        hidden=(100,),
        activation="relu",
        init="he_normal",
        norm="none",
        dropout=0.0,
        optimizer="adam",
        learning_rate=None,
        schedule="constant",
        l1=0.0,
        l2=0.0,
        weight_decay=None,
        batch_size=32,
        epochs=100,
        patience=None,
        validation_fraction=None,
        shuffle=True,
        class_weight=None,
        warm_start=False,
        random_state=None,
        parameters=None,
    ):
        self.hidden = hidden
        self.activation = activation
        self.init = init
        self.norm = norm
        self.dropout = dropout
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.l1 = l1
        self.l2 = l2
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.epochs = epochs
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.shuffle = shuffle
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.random_state = random_state
        self.parameters = parameters

    def fit(self, X, y, sample_weight=None):
        """Train on X (n_samples, n_features) and labels y (n_samples,); return self.

        Raises:
            ValueError: If there is only one class, or a warm start meets other classes.
            RecipeError: If a parameter is out of range, or training diverged.
        """
        recipe = self._recipe()
        start = self._trained if self.warm_start and hasattr(self, "_trained") else None
        X, y, weights = self._weighted_rows(X, y, sample_weight, start)
        classes = np.unique(y)
        if start is None:
            _check_classes(classes)
        elif np.array_equal(classes, self.classes_):
            recipe = recipe.replace(epochs=start.epochs + recipe.epochs)
        else:
            raise ValueError(
                f"warm_start needs the classes of the last fit, {self.classes_.tolist()}; y has "
                f"{classes.tolist()}. Set warm_start=False to start anew."
            )
        seed, labels = self._seed(start), np.searchsorted(classes, y).astype(np.int32)
        self.model_ = self._train(
            recipe,
            start,
            (X, labels, weights * self._class_factors(classes, y, weights)),
            epochs=int(self.epochs),
            seed=seed,
            validation=self._validation_rows(len(X), seed, labels),
            classes=classes,
        )
        self.classes_ = classes
        return self

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Make one pass over X and y from where the training stands; return self.

        `patience` and `validation_fraction` are not used; a schedule counts passes as epochs.

        Args:
            X: Inputs, shape (n_samples, n_features).
            y: Labels, shape (n_samples,).
            classes: All labels that will ever come; needed at the first call.
            sample_weight: Factor of each row's loss, shape (n_samples,).

        Raises:
            ValueError: If `classes` is missing at the first call or differs from it later, or if
                y holds a label that is not among them.
            RecipeError: If a parameter is out of range, training diverged, or class_weight is
                "balanced", which needs all rows at once.
        """
        if isinstance(self.class_weight, str):
            raise RecipeError(
                "partial_fit sees a part of the rows and can't balance the classes; got "
                f"class_weight={self.class_weight!r}. Compute the weights on all rows and pass a "
                "dict."
            )
        start = getattr(self, "_trained", None)
        recipe = self._recipe()
        X, y, weights = self._weighted_rows(X, y, sample_weight, start)
        if start is None:
            if classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            known = np.unique(classes)
            _check_classes(known)
        else:
            known = self.classes_
            if classes is not None and not np.array_equal(np.unique(classes), known):
                raise ValueError(
                    f"`classes={list(classes)}` is not the same as on last call to partial_fit, "
                    f"was: {known.tolist()}."
                )
        strangers = np.setdiff1d(y, known)
        if len(strangers):
            raise ValueError(
                f"y holds labels that are not among the classes {known.tolist()}: "
                f"{strangers.tolist()}. Name all labels in the first call's classes."
            )
        self.model_ = self._train(
            _of_one_pass(recipe, start),
            start,
            (
                X,
                np.searchsorted(known, y).astype(np.int32),
                weights * self._class_factors(known, y, weights),
            ),
            epochs=1,
            seed=self._seed(start),
            classes=known,
        )
        self.classes_ = known
        return self

    def predict(self, X):
        """Return the most probable label of each row, shape (n_samples,)."""
        scores = self._scores(X)  # first: it reports an unfitted model
        return self.classes_[probabilities(scores).argmax(axis=1)]

    def predict_proba(self, X):
        """Return the probability of each class, shape (n_samples, n_classes); rows sum to 1."""
        return probabilities(self._scores(X))

    def predict_log_proba(self, X):
        """Return its logarithm, exact also where the probability is too small for a float."""
        scores = self._scores(X).astype(np.float64)
        if scores.shape[1] == 1:
            scores = np.concatenate([np.zeros_like(scores), scores], axis=1)
        return log_softmax(scores, axis=1)

    def _weighted_rows(
        self, X, y, sample_weight, start: Trained | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        X, y = self._rows(X, y, start)
        check_classification_targets(y)
        return _with_weights(X, y, sample_weight)

    def _class_factors(self, classes, y, weights) -> Float[np.ndarray, " rows"]:
        factors = compute_class_weight(
            self.class_weight, classes=classes, y=y, sample_weight=weights
        )
        if not (factors >= 0).all() or not factors.any():
            raise RecipeError(
                f"class_weight must be at least 0, and above 0 for some class; got "
                f"{self.class_weight!r}."
            )
        return factors[np.searchsorted(classes, y)]


class MLPRegressor(RegressorMixin, _MLP):
    """Multilayer perceptron that predicts one number or several, trained on the squared error.

    Args:
        hidden: Units of each hidden layer; () is linear regression.
        scale_target: Whether to train on y with mean 0 and standard deviation 1 (of each output,
            on the training rows of the first fit) and to scale predictions back. The usual
            learning rates suit numbers of size 1; losses are in these units too.

    The other parameters and attributes are those of `MLPClassifier`, but for `class_weight` and
    `classes_`; `validation_score` is R².

    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> X, y = load_diabetes(return_X_y=True)
    >>> network = MLPRegressor(hidden=(16,), random_state=0)
    >>> bool(make_pipeline(StandardScaler(), network).fit(X, y).score(X, y) > 0.5)
    True
    """

    def __init__(
        self,
        *,
        hidden=(100,),
        activation="relu",
        init="he_normal",
        norm="none",
        dropout=0.0,
        optimizer="adam",
        learning_rate=None,
        schedule="constant",
        l1=0.0,
        l2=0.0,
        weight_decay=None,
        batch_size=32,
        epochs=100,
        patience=None,
        validation_fraction=None,
        shuffle=True,
        scale_target=True,
        warm_start=False,
        random_state=None,
        parameters=None,
    ):
        self.hidden = hidden
        self.activation = activation
        self.init = init
        self.norm = norm
        self.dropout = dropout
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.l1 = l1
        self.l2 = l2
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.epochs = epochs
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.shuffle = shuffle
        self.scale_target = scale_target
        self.warm_start = warm_start
        self.random_state = random_state
        self.parameters = parameters

    def __sklearn_tags__(self):
        """Return scikit-learn's tags: y may have several columns."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X, y, sample_weight=None):
        """Train on X (n_samples, n_features) and y (n_samples,) or (n_samples, n_outputs).

        Raises:
            ValueError: If a warm start meets another number of outputs.
            RecipeError: If a parameter is out of range, or training diverged.
        """
        recipe = self._recipe()
        start = self._trained if self.warm_start and hasattr(self, "_trained") else None
        if start is not None:
            recipe = recipe.replace(epochs=start.epochs + recipe.epochs)
        X, y, weights = self._weighted_rows(X, y, sample_weight, start)
        seed = self._seed(start)
        validation = self._validation_rows(len(X), seed)
        return self._learn(recipe, start, X, y, weights, int(self.epochs), seed, validation)

    def partial_fit(self, X, y, sample_weight=None):
        """Make one pass over X and y from where the training stands; return self.

        `patience` and `validation_fraction` are not used; a schedule counts passes as epochs. The
        first call's y decides how targets are scaled.

        Raises:
            ValueError: If a later call has another number of outputs.
            RecipeError: If a parameter is out of range, or training diverged.
        """
        start = getattr(self, "_trained", None)
        recipe = _of_one_pass(self._recipe(), start)
        X, y, weights = self._weighted_rows(X, y, sample_weight, start)
        return self._learn(recipe, start, X, y, weights, 1, self._seed(start), NO_ROWS)

    def predict(self, X):
        """Return the numbers, shape (n_samples,), or (n_samples, n_outputs) for several outputs."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        return self.model_.predict(np.asarray(X))

    def _weighted_rows(
        self, X, y, sample_weight, start: Trained | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        X, y = self._rows(X, y, start, multi_output=True, y_numeric=True)
        y = y.astype(np.float64).reshape(len(y), -1)
        if start is not None and y.shape[1] != self.model_.n_outputs:
            raise ValueError(
                f"Training goes on with the {self.model_.n_outputs} outputs of the last fit; "
                f"y has {y.shape[1]}. Train anew with warm_start=False."
            )
        return _with_weights(X, y, sample_weight)

    def _learn(self, recipe, start, X, y, weights, epochs, seed, validation) -> "MLPRegressor":
        if start is not None:
            shift, scale = self.model_.target_shift, self.model_.target_scale
        elif self.scale_target:
            train = np.setdiff1d(np.arange(len(y)), validation)
            shift, scale = _mean_and_deviation(y[train], weights[train])
        else:
            shift, scale = 0.0, 1.0
        targets = (y - np.atleast_2d(shift)) / np.atleast_2d(scale)
        model = self._train(
            recipe,
            start,
            (X, targets.astype(X.dtype), weights),
            epochs=epochs,
            seed=seed,
            validation=validation,
        )
        self.model_ = dataclasses.replace(model, target_shift=shift, target_scale=scale)
        return self


def _check_classes(classes: np.ndarray) -> None:
    if len(classes) < 2:
        raise ValueError(
            f"A classifier needs rows of at least 2 classes; got 1 class, {classes.tolist()}."
        )


def _of_one_pass(recipe: Recipe, start: Trained | None) -> Recipe:
    """Return the recipe of a pass; the schedule keeps its length until the passes outgrow it."""
    done = 0 if start is None else start.epochs
    return recipe.replace(patience=None, epochs=max(recipe.epochs, done + 1))


def _with_weights(
    X: np.ndarray, y: np.ndarray, sample_weight: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the rows that have a weight, and their weights."""
    weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    if not weights.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    rows = weights > 0
    return (X, y, weights) if rows.all() else (X[rows], y[rows], weights[rows])


def _mean_and_deviation(
    y: Float[np.ndarray, "rows outputs"], weights: Float[np.ndarray, " rows"]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of each column; 1 for one without any."""
    largest = np.abs(y).max(axis=0, keepdims=True)
    unit = np.where(largest > 0, largest, 1)  # so that no square overflows
    mean = np.average(y / unit, axis=0, weights=weights, keepdims=True)
    deviation = np.sqrt(np.average((y / unit - mean) ** 2, axis=0, weights=weights))
    # A constant column deviates by the rounding of its mean.
    scale = np.where(deviation > 1e-12, deviation * unit[0], 1)
    return tuple((mean * unit)[0].tolist()), tuple(scale.tolist())


def _plain(value: Any) -> Any:
    """Return NumPy's numbers and lists as Python's, which recipes and JSON know."""
    if isinstance(value, np.generic):
        return value.item()
    return tuple(value.tolist()) if isinstance(value, np.ndarray) else value
