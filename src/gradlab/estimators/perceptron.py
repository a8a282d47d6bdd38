"""The perceptron of 1958 as a scikit-learn classifier."""

import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from gradlab.errors import RecipeError
from gradlab.nn.perceptron.learning import learning_pass

EXPECTED_FAILED_CHECKS = {
    "check_sample_weight_equivalence_on_dense_data": (
        "A row of weight 2 makes one step of double length; two equal rows make a second step "
        "only if the row is still wrong after the first. scikit-learn's Perceptron differs too."
    ),
}
"""Checks of scikit-learn's suite that its own Perceptron fails as well, with the reason."""


class Perceptron(ClassifierMixin, BaseEstimator):
    """Linear classifier trained row by row by the perceptron learning rule.

        ŷ = step(w_0 + Σ_i w_i x_i),    w_i := w_i + α (y - ŷ) x_i,    step(s >= 0) is the upper
        answer

    Weights start at 0 and change only at rows that are wrong. Training stops after the first
    pass without an error. It always gets there if the classes can be divided by a hyperplane,
    and never if they can't: the rows of XOR go round in circles until `epochs` is spent.

    More than two classes are learnt one against the rest; the greatest sum wins.

    Args:
        learning_rate: α > 0. With zero starting weights and bias it scales the weights and
            changes no prediction.
        epochs: Most passes over the rows, at least 1.
        coding: "binary" writes targets and answers as 0 and 1, "signed" as -1 and +1, where
            y - ŷ and with it each step is twice as long.
        learn_bias: Whether w_0 learns like the weight of an input that is always 1.
        initial_bias: w_0 at the start; with `learn_bias=False` a fixed threshold -w_0.
        shuffle: Whether each pass takes the rows in a new random order. False keeps the order
            given, as textbooks print it; rows sorted by class then end up on the last class's
            side.
        class_weight: Factor of the step for each class, as a dict or "balanced".
        warm_start: Whether `fit` starts from the weights of the last fit.
        random_state: Seed of the shuffling.

    Attributes:
        classes_: Labels met in fit, sorted, shape (n_classes,).
        coef_: Weights, shape (1, n_features) for two classes, else (n_classes, n_features).
        intercept_: w_0, shape (1,) or (n_classes,).
        errors_: Wrong answers in each pass, summed over the rows of `coef_`; the number of
            steps made, shape (n_epochs_,).
        n_epochs_: Passes made, the error-free one included.
        converged_: Whether the last pass was free of errors.

    Rows of `sample_weight` 0 are left out; other weights multiply the length of the row's step.

    Source: Rosenblatt 1958, The perceptron, Psychological Review 65(6); convergence: Novikoff 1962.

    >>> from gradlab.nn.perceptron import OR
    >>> model = Perceptron(random_state=0).fit(OR.inputs, OR.labels)
    >>> model.predict(OR.inputs), model.converged_
    (array([0, 1, 1, 1]), True)
    """

    def __init__(
        self,
        *,
        learning_rate=0.1,
        epochs=100,
        coding="binary",
        learn_bias=True,
        initial_bias=0.0,
        shuffle=True,
        class_weight=None,
        warm_start=False,
        random_state=None,
    ):
        self.learning_rate = learning_rate
        self.epochs = epochs
        self.coding = coding
        self.learn_bias = learn_bias
        self.initial_bias = initial_bias
        self.shuffle = shuffle
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.random_state = random_state

    def fit(self, X, y, sample_weight=None):
        """Train on X (n_samples, n_features) and y (n_samples,); return self.

        Warns:
            ConvergenceWarning: If no pass was free of errors within `epochs`.

        Raises:
            ValueError: If there is only one class.
            RecipeError: If a parameter is out of range.
        """
        self._check_parameters()
        X, y = self._rows(X, y, reset=True)
        classes = np.unique(y)
        again = self.warm_start and hasattr(self, "coef_")
        if again and not np.array_equal(classes, self.classes_):
            raise ValueError(
                f"warm_start needs the classes of the last fit, {list(self.classes_)}; "
                f"y has {list(classes)}. Set warm_start=False to start anew."
            )
        if not again:
            self._start(classes, X.shape[1])
        self._shuffler = check_random_state(self.random_state)
        self._learn(X, y, sample_weight, self.epochs)
        if not self.converged_:
            warnings.warn(
                f"No pass was free of errors within epochs={self.epochs} "
                f"({self.errors_[-1]} in the last). The classes may not be linearly separable: "
                "more epochs help only if they are.",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Make one pass over X and y from the weights as they are; return self.

        Args:
            X: Inputs, shape (n_samples, n_features).
            y: Labels, shape (n_samples,).
            classes: All labels that will ever come; needed at the first call.
            sample_weight: Factor of each row's step, shape (n_samples,).

        Raises:
            ValueError: If `classes` is missing at the first call or differs from it later, or if
                y holds a label that is not among them.
            RecipeError: If a parameter is out of range, or class_weight is "balanced", which
                needs all rows at once.
        """
        self._check_parameters()
        if isinstance(self.class_weight, str):
            raise RecipeError(
                "partial_fit sees a part of the rows and can't balance the classes; got "
                "class_weight='balanced'. Compute the weights on all rows and pass a dict."
            )
        first = not hasattr(self, "coef_")
        X, y = self._rows(X, y, reset=first)
        if first:
            if classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            self._start(np.unique(classes), X.shape[1])
            self._shuffler = check_random_state(self.random_state)
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(
                f"`classes={list(classes)}` is not the same as on last call to partial_fit, "
                f"was: {list(self.classes_)}."
            )
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(
                f"y holds labels that are not among the classes {list(self.classes_)}: "
                f"{list(unknown)}. Name all labels in the first call's classes."
            )
        self._learn(X, y, sample_weight, 1)
        return self

    def decision_function(self, X):
        """Return the sums: (n_samples,) for two classes, else (n_samples, n_classes)."""
        check_is_fitted(self)
        X = np.asarray(validate_data(self, X, dtype=np.float64, reset=False))
        sums = X @ self.coef_.T + self.intercept_[None, :]
        return sums[:, 0] if len(self.coef_) == 1 else sums

    def predict(self, X):
        """Return the label of each row, shape (n_samples,)."""
        sums = self.decision_function(X)  # first: it reports an unfitted model
        upper = (sums >= 0).astype(int) if sums.ndim == 1 else sums.argmax(axis=1)
        return self.classes_[upper]

    def _rows(self, X, y, *, reset) -> tuple[np.ndarray, np.ndarray]:
        X, y = validate_data(self, X, y, dtype=np.float64, order="C", reset=reset)
        check_classification_targets(y)
        return np.asarray(X), np.asarray(y)

    def _start(self, classes, n_features):
        if len(classes) < 2:
            raise ValueError(
                f"Perceptron needs rows of at least 2 classes; got 1 class, {list(classes)}."
            )
        units = 1 if len(classes) == 2 else len(classes)
        self.classes_ = classes
        self.coef_ = np.zeros((units, n_features))
        self.intercept_ = np.full(units, float(self.initial_bias))

    def _learn(self, X, y, sample_weight, epochs):
        """Make passes until one is free of errors; a unit that is done takes no further part."""
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        present = np.unique(y)
        factors = compute_class_weight(self.class_weight, classes=present, y=y)
        weights = weights * factors[np.searchsorted(present, y)]
        rows = weights > 0
        if not rows.all():
            X, y, weights = X[rows], y[rows], weights[rows]
        rates = float(self.learning_rate) * (1 if self.coding == "binary" else 2) * weights
        units = self.classes_[1:] if len(self.classes_) == 2 else self.classes_
        positive = [np.ascontiguousarray(y == label) for label in units]
        errors = np.zeros((0, len(units)), dtype=int)
        for _ in range(epochs):
            order = self._shuffler.permutation(len(X)) if self.shuffle else None
            rows = X if order is None else X[order]
            wrong = np.zeros(len(units), dtype=int)
            for k, target in enumerate(positive):
                if len(errors) and errors[-1, k] == 0:
                    continue
                self.coef_[k], self.intercept_[k], wrong[k] = learning_pass(
                    rows,
                    target if order is None else target[order],
                    self.coef_[k],
                    self.intercept_[k],
                    rates if order is None else rates[order],
                    learn_bias=self.learn_bias,
                )
            errors = np.vstack([errors, wrong])
            if not wrong.any():
                break
        self.errors_ = errors.sum(axis=1)
        self.n_epochs_ = len(errors)
        self.converged_ = bool(self.errors_[-1] == 0)

    def _check_parameters(self):
        rate = self.learning_rate
        if not isinstance(rate, Real) or not 0 < rate < np.inf:
            raise RecipeError(f"Perceptron needs learning_rate > 0; got {rate!r}.")
        if not isinstance(self.epochs, Integral) or self.epochs < 1:
            raise RecipeError(f"Perceptron needs a whole number epochs >= 1; got {self.epochs!r}.")
        if self.coding not in ("binary", "signed"):
            raise RecipeError(f"Perceptron needs coding 'binary' or 'signed'; got {self.coding!r}.")
        if not isinstance(self.initial_bias, Real) or not np.isfinite(self.initial_bias):
            raise RecipeError(f"Perceptron needs a finite initial_bias; got {self.initial_bias!r}.")
