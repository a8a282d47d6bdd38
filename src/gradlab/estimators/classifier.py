"""Networks that answer with a class."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from scipy.special import log_softmax
from sklearn.base import ClassifierMixin
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets

from gradlab.errors import RecipeError
from gradlab.estimators.network import NO_ROWS, Network, Rows, of_one_pass
from gradlab.estimators.training import Trained
from gradlab.training.predict import probabilities
from gradlab.training.recipe import Recipe


@dataclass(kw_only=True, eq=False, repr=False)
class Classifier(ClassifierMixin, Network):
    """What all classifiers do alike, trained on the cross-entropy; what X is, a subclass says.

    Args:
        class_weight: Factor of the loss for each class, as a dict or "balanced".

    Attributes:
        classes_: Labels met in fit, sorted, shape (n_classes,).
    """

    class_weight: Any = None

    if TYPE_CHECKING:
        classes_: np.ndarray = field(init=False)

    def fit(self, X, y, sample_weight=None, validation=None):
        """Train on X and labels y; return self.

        Args:
            X: Inputs.
            y: Labels, shape (n_samples,).
            sample_weight: Factor of each row's loss, shape (n_samples,).
            validation: (X, y) of rows to judge by, instead of a share of the training rows.

        Raises:
            ValueError: If there is only one class, a warm start meets other classes, or a label of
                the validation rows is not among the training rows'.
            RecipeError: If a setting is out of range, or training diverged.
        """
        recipe, start = self._recipe(), self._start()
        rows = self._rows(X, y, sample_weight, first=start is None)
        classes = np.unique(rows.y)
        if start is None:
            _check_classes(classes)
        elif np.array_equal(classes, self.classes_):
            recipe = recipe.replace(epochs=start.epochs + recipe.epochs)
        else:
            raise ValueError(
                f"warm_start needs the classes of the last fit, {self.classes_.tolist()}; y has "
                f"{classes.tolist()}. Set warm_start=False to start anew."
            )
        given = self._given_validation(validation)
        return self._learn(recipe, start, classes, rows, given, int(self.epochs), hold=True)

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Make one pass over X and y from where the training stands; return self.

        `patience` and `validation_fraction` are not used; a schedule counts passes as epochs.
        What is learnt of the inputs (a scale, a vocabulary) is learnt from the first call's.

        Args:
            X: Inputs.
            y: Labels, shape (n_samples,).
            classes: All labels that will ever come; needed at the first call.
            sample_weight: Factor of each row's loss, shape (n_samples,).

        Raises:
            ValueError: If `classes` is missing at the first call or differs from it later, or if
                y holds a label that is not among them.
            RecipeError: If a setting is out of range, training diverged, or class_weight is
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
        rows = self._rows(X, y, sample_weight, first=start is None)
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
        strangers = np.setdiff1d(rows.y, known)
        if len(strangers):
            raise ValueError(
                f"y holds labels that are not among the classes {known.tolist()}: "
                f"{strangers.tolist()}. Name all labels in the first call's classes."
            )
        return self._learn(of_one_pass(recipe, start), start, known, rows, None, 1, hold=False)

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

    def decision_function(self, X):
        """Return the network's scores before softmax or sigmoid.

        Shape (n_samples, n_classes); of two classes (n_samples,), above 0 for the second.
        """
        scores = self._scores(X)
        return scores[:, 0] if scores.shape[1] == 1 else scores

    def _learn(
        self,
        recipe: Recipe,
        start: Trained | None,
        classes: np.ndarray,
        rows: Rows,
        given: Rows | None,
        epochs: int,
        *,
        hold: bool,
    ):
        seed, coded = self._seed(start), self._coded(rows, classes)
        held = self._held_out(len(coded.y), seed, given, coded.y) if hold else NO_ROWS
        if given is not None:
            strangers = np.setdiff1d(given.y, classes)
            if len(strangers):
                raise ValueError(
                    f"The validation rows have labels {strangers.tolist()}, which the training "
                    f"rows lack ({classes.tolist()}). Leave them out, or train on some."
                )
            given = self._coded(given, classes)
        self.model_ = self._train(
            recipe,
            start,
            coded,
            epochs=epochs,
            seed=seed,
            kind="binary" if len(classes) == 2 else "multiclass",
            n_outputs=1 if len(classes) == 2 else len(classes),
            held=held,
            given=given,
            classes=tuple(classes.tolist()),
        )
        self.classes_ = classes
        return self

    def _rows(self, X, y, sample_weight, *, first: bool) -> Rows:
        rows = super()._rows(X, y, sample_weight, first=first)
        check_classification_targets(rows.y)
        return rows

    def _coded(self, rows: Rows, classes: np.ndarray) -> Rows:
        """Return labels as numbers, and weights with those of the classes."""
        y = np.searchsorted(classes, rows.y).astype(np.int32)
        return replace(rows, y=y, weights=rows.weights * self._class_factors(classes, rows))

    def _class_factors(self, classes: np.ndarray, rows: Rows) -> Float[np.ndarray, " rows"]:
        factors = compute_class_weight(
            self.class_weight, classes=classes, y=rows.y, sample_weight=rows.weights
        )
        if not (factors >= 0).all() or not factors.any():
            raise RecipeError(
                f"class_weight must be at least 0, and above 0 for some class; got "
                f"{self.class_weight!r}."
            )
        return factors[np.searchsorted(classes, rows.y)]


def _check_classes(classes: np.ndarray) -> None:
    if len(classes) < 2:
        raise ValueError(
            f"A classifier needs rows of at least 2 classes; got 1 class, {classes.tolist()}."
        )
