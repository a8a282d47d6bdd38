"""Naive Bayes, which judges and makes: the class by its share, then each feature by itself."""

from typing import Any

import numpy as np
from scipy.special import logsumexp
from sklearn.base import ClassifierMixin
from sklearn.naive_bayes import BernoulliNB, GaussianNB
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from gradlab.errors import DataError, RecipeError, unknown
from gradlab.generative.checks import number, whole
from gradlab.generative.saving import InFiles

FEATURES = ("gaussian", "bernoulli")


class NaiveBayes(ClassifierMixin, InFiles):
    """p(x, y) = P(y) Π_j p(x_j | y): a classifier and a generator in one.

    Features count as independent within a class. Read from left to right it generates: a class by
    its share, then each feature by itself; by Bayes' rule it judges:
    P(y | x) = p(x, y) / Σ_y p(x, y). The fit and the rule are scikit-learn's `GaussianNB` and
    `BernoulliNB`; what is added are samples and the density of x.

    Args:
        features: "gaussian", x_j | y ~ N(μ, σ²); "bernoulli", x_j = 1 with a probability and else
            0, for pixels and words that are there or not.
        threshold: "bernoulli" reads x_j > threshold as 1.
        smoothing: "gaussian": added to each variance, as a share of the largest variance.
            "bernoulli": counts added to ones and zeros (Laplace's 1), and then it is 1 where
            None; "gaussian" takes 1e-9.

    Attributes:
        model_: The fitted classifier of scikit-learn.
        classes_: Labels, sorted.
        class_shares_: P(y), in that order.

    Raises:
        RecipeError: A setting is out of its range.

    Source: catalogue GEN-02; Bishop 2006, section 8.2.2; Ng and Jordan 2001, "On discriminative vs.
    generative classifiers".

    >>> X, y = np.array([[0.0], [0.2], [5.0], [5.3]]), ["low", "low", "high", "high"]
    >>> model = NaiveBayes().fit(X, y)
    >>> model.predict([[4.8]]).tolist()
    ['high']
    >>> model.sample(3, label="high").round().ravel().tolist()
    [5.0, 5.0, 5.0]
    """

    n_features_in_: int

    def __init__(self, features: Any = "gaussian", *, threshold: Any = 0.5, smoothing: Any = None):
        self.features = features
        self.threshold = threshold
        self.smoothing = smoothing

    def fit(self, X, y):
        """Learn the shares of the classes and their features; return self."""
        if self.features not in FEATURES:
            raise RecipeError(unknown("kind of features", str(self.features), FEATURES))
        given = self.smoothing is not None
        smoothing = number("smoothing", self.smoothing) if given else None
        checked: Any = validate_data(self, X, y, dtype=np.float64)
        x, y = checked
        check_classification_targets(y)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        if self.features == "gaussian":
            share = 1e-9 if smoothing is None else smoothing
            constant = not (x.var(axis=0) > 0).any()
            self.model_: Any = GaussianNB(var_smoothing=share)
            if constant:  # no variance to take a share of
                self.model_ = GaussianNB(var_smoothing=0.0)
            with np.errstate(divide="ignore"):
                self.model_.fit(x, numbers)
            if constant or share == 0:
                self.model_.var_ = np.maximum(self.model_.var_, 1e-12)
        else:
            alpha = 1.0 if smoothing is None else smoothing
            threshold = self._threshold()
            self.model_ = BernoulliNB(alpha=max(alpha, 1e-10), binarize=threshold)
            self.model_.fit(x, numbers)
        self.class_shares_ = np.bincount(numbers) / len(numbers)
        return self

    def sample(self, n: int, seed: int = 0, *, label: Any = None) -> np.ndarray:
        """Draw n rows, of all classes by their shares, or of one label."""
        return self.sample_labelled(n, seed, label=label)[0]

    def sample_labelled(
        self, n: int, seed: int = 0, *, label: Any = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draw n rows and the label of each.

        Raises:
            DataError: If the label is none of those met in fit.
        """
        check_is_fitted(self)
        random = np.random.default_rng(seed)
        if label is None:
            drawn = random.choice(len(self.classes_), size=whole("n", n), p=self.class_shares_)
        else:
            where = np.flatnonzero(self.classes_ == label)
            if len(where) != 1:
                raise DataError(
                    f"label: expected one of {self.classes_.tolist()}, as in fit; got {label!r}."
                )
            drawn = np.full(whole("n", n), where[0])
        shape = (n, self.n_features_in_)
        if self.features == "gaussian":
            deviations = np.sqrt(self.model_.var_)
            x = self.model_.theta_[drawn] + deviations[drawn] * random.standard_normal(shape)
        else:
            shares = np.exp(self.model_.feature_log_prob_)
            x = (random.random(shape) < shares[drawn]).astype(np.float64)
        return x, self.classes_[drawn]

    def predict(self, X) -> np.ndarray:
        """Return the most probable label of each row."""
        joint = self._joint(X)
        return self.classes_[joint.argmax(axis=1)]

    def predict_proba(self, X) -> np.ndarray:
        """Return P(y | x), (n, classes)."""
        joint = self._joint(X)
        return np.exp(joint - logsumexp(joint, axis=1, keepdims=True))

    def score_samples(self, X) -> np.ndarray:
        """Return ln p(x) = ln Σ_y p(x, y) of each row, (n,), in nats."""
        return np.asarray(logsumexp(self._joint(X), axis=1))

    def _joint(self, X) -> np.ndarray:
        check_is_fitted(self)
        x: Any = validate_data(self, X, dtype=np.float64, reset=False)
        return self.model_.predict_joint_log_proba(x)

    def _threshold(self) -> float:
        return number("threshold", self.threshold, least=-np.inf)
