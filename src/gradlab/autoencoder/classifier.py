"""A classifier whose first layers are those of a trained encoder."""

from typing import Any

import numpy as np
from jaxtyping import Float
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from gradlab.autoencoder.base import NO_ROWS, checked_rows, seed_of
from gradlab.autoencoder.pretraining import encoder_layers, started, with_encoder
from gradlab.autoencoder.stacked import StackedAutoencoder
from gradlab.errors import DataError, RecipeError
from gradlab.estimators.training import Examples, Trained, held_out, task_of, train_on
from gradlab.training.layers import Dense
from gradlab.training.model import Model, model_of
from gradlab.training.network import build_network
from gradlab.training.population import HISTORY
from gradlab.training.predict import probabilities
from gradlab.training.recipe import Recipe
from gradlab.training.supervised import dtype_of


class PretrainedClassifier(ClassifierMixin, BaseEstimator):
    """Put a classifier upon a trained encoder and fine-tune the whole with labels.

    Args:
        autoencoder: Whose encoder comes first; it is trained on X by `fit`, unless it is wrapped
            in a `sklearn.frozen.FrozenEstimator`: then it was trained before, on many more rows
            without labels perhaps. None is a `StackedAutoencoder`.
        hidden: Units of more layers between the encoder and the output.
        activation: Theirs.
        dropout: Share of hidden units dropped in training, in layers that name none.
        optimizer: Name, or any `optax.GradientTransformation`.
        learning_rate: Step size; None takes the optimizer's usual value.
        l2: λ of the penalty ½ λ Σ w² on weights.
        weight_decay: Decoupled decay of the weights.
        batch_size: Rows a step, or "full".
        epochs: Passes over the labelled rows.
        patience: Stop after this many epochs without a lower validation loss; None trains all.
        validation_fraction: Share of the rows held out; None holds out 0.1 with `patience`.
        random_state: Seed of the new weights, order and masks.

    Attributes:
        autoencoder_: The trained autoencoder.
        classes_: Labels met in fit, sorted.
        model_: The trained `gradlab.training.model.Model`, which `model_.save` writes to a file.
        history_: train_loss, validation_loss and validation_score (accuracy), an entry an epoch.

    Source: Hinton & Salakhutdinov 2006, https://doi.org/10.1126/science.1127647, with
    autoencoders in the place of Boltzmann machines (Bengio et al. 2007)

    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> stacked = StackedAutoencoder(hidden=(32,), pretrain_epochs=5, epochs=0, random_state=0)
    >>> stacked.fit(X / 16)  # doctest: +ELLIPSIS
    StackedAutoencoder(...)
    >>> network = stacked.to_classifier(epochs=20, random_state=0).fit(X[:400] / 16, y[:400])
    >>> bool(network.score(X[400:] / 16, y[400:]) > 0.8)
    True
    """

    model_: Model
    classes_: np.ndarray
    _trained: Trained

    def __init__(
        self,
        autoencoder=None,
        *,
        hidden=(),
        activation="relu",
        dropout=0.0,
        optimizer="adam",
        learning_rate=None,
        l2=0.0,
        weight_decay=None,
        batch_size=32,
        epochs=30,
        patience=None,
        validation_fraction=None,
        random_state=None,
    ):
        self.autoencoder = autoencoder
        self.hidden = hidden
        self.activation = activation
        self.dropout = dropout
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.l2 = l2
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.epochs = epochs
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.random_state = random_state

    @property
    def history_(self) -> dict[str, Float[np.ndarray, " epochs"]]:
        """The curve of the fine-tuning."""
        return dict(zip(HISTORY, self._trained.history.T.copy(), strict=True))

    def fit(self, X, y):
        """Train the autoencoder if it is not, then the whole on X and labels y; return self.

        Raises:
            ValueError: If there is only one class.
            DataError: If X has another shape than the autoencoder's.
            RecipeError: If a parameter is out of range, or training diverged.
        """
        x = checked_rows(self, X, reset=True)
        if y is None:
            raise ValueError(
                "PretrainedClassifier requires y to be passed, but the target y is None."
            )
        y = column_or_1d(y, warn=True)
        check_consistent_length(x, y)
        check_classification_targets(y)
        classes, labels = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise ValueError(
                f"A classifier needs rows of at least 2 classes; got 1 class, {classes.tolist()}."
            )
        seed = seed_of(self.random_state)
        self.autoencoder_ = self._autoencoder(x, seed)
        x = x.astype(dtype_of(self.autoencoder_.network_), copy=False)
        labels = labels.astype(np.int32)
        validation = self._validation_rows(labels, seed)
        binary = len(classes) == 2
        task = task_of(
            Examples(x, dtype=x.dtype),
            labels,
            np.ones(len(x)),
            validation,
            kind="binary" if binary else "multiclass",
            n_outputs=1 if binary else len(classes),
            classes=tuple(classes.tolist()),
        )
        recipe = self._recipe(self.autoencoder_.model_.recipe)
        network = build_network(recipe, task.interface, seed=seed, dtype=x.dtype)
        network = with_encoder(network, encoder_layers(self.autoencoder_), first=0)
        start = started(task, recipe, network, network.initial_state(), seed=seed)
        self._trained = train_on(task, recipe, start, seed=seed, epochs=recipe.epochs)
        self.model_ = model_of(task, recipe, (self._trained.network, self._trained.states))
        self.classes_ = classes
        return self

    def predict(self, X):
        """Return the most probable label of each row, shape (n_samples,)."""
        probable = self.predict_proba(X)
        return self.classes_[probable.argmax(axis=1)]

    def predict_proba(self, X):
        """Return the probability of each class, shape (n_samples, n_classes); rows sum to 1."""
        check_is_fitted(self)
        return probabilities(self.model_.scores_of(checked_rows(self, X, reset=False)))

    def _autoencoder(self, x: np.ndarray, seed: int) -> Any:
        given = self.autoencoder
        if given is None:
            return StackedAutoencoder(random_state=seed).fit(x)
        if not isinstance(given, FrozenEstimator):
            return clone(given).fit(x)
        frozen = given.estimator
        if frozen.input_shape_ != x.shape[1:]:
            raise DataError(
                f"the autoencoder was trained on examples of shape {frozen.input_shape_}; got X of "
                f"shape {x.shape}."
            )
        return frozen

    def _recipe(self, below: Recipe) -> Recipe:
        hidden = (self.hidden,) if isinstance(self.hidden, int) else self.hidden
        upper = tuple(
            Dense(units=units, activation=self.activation, dropout=self.dropout) for units in hidden
        )
        return below.replace(
            layers=(*below.specs(), *upper),
            activation="linear",  # every layer names its own
            dropout=self.dropout,
            decoder="mirror",
            output_activation="linear",
            sparsity=None,
            augment=(),
            loss="auto",
            optimizer=self.optimizer,
            learning_rate=self.learning_rate,
            l1=0.0,
            l2=self.l2,
            weight_decay=self.weight_decay,
            batch_size=self.batch_size,
            epochs=self.epochs,
            patience=self.patience,
        )

    def _validation_rows(self, labels: np.ndarray, seed: int) -> np.ndarray:
        fraction = self.validation_fraction
        if fraction is None:
            fraction = 0 if self.patience is None else 0.1
        if not fraction:
            if self.patience is not None:
                raise RecipeError(
                    f"patience={self.patience} needs validation rows; got validation_fraction=0."
                )
            return NO_ROWS
        return held_out(len(labels), float(fraction), seed, labels)
