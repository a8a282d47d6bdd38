"""Multilayer perceptrons."""

from dataclasses import dataclass
from typing import Any

from gradlab.estimators.classifier import Classifier
from gradlab.estimators.inputs import TakesRows
from gradlab.estimators.regressor import Regressor


@dataclass(kw_only=True, eq=False, repr=False)
class MLPClassifier(Classifier, TakesRows):
    """Multilayer perceptron that classifies, trained on the cross-entropy.

    Every hidden layer is dense → norm → activation → noise → dropout. Inputs are taken as they are:
    put a `StandardScaler` before it in a `Pipeline`.

    Args:
        hidden: Units of each hidden layer; () is logistic regression.
        class_weight: Factor of the loss for each class, as a dict or "balanced".

    The other settings and the attributes are those of all networks
    (`gradlab.estimators.Network`); `classes_` are the labels met in fit, and `validation_score` is
    the accuracy.

    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPClassifier(hidden=(16, 8), activation=("tanh", "relu"), random_state=0)
    >>> bool(make_pipeline(StandardScaler(), network).fit(X, y).score(X, y) > 0.95)
    True
    """

    hidden: Any = (100,)
    epochs: Any = 100


@dataclass(kw_only=True, eq=False, repr=False)
class MLPRegressor(Regressor, TakesRows):
    """Multilayer perceptron that predicts one number or several, trained on the squared error.

    Args:
        hidden: Units of each hidden layer; () is linear regression.
        scale_target: Whether to train on y with mean 0 and standard deviation 1 (of each output,
            on the training rows of the first fit) and to scale predictions back.

    The other settings and the attributes are those of all networks
    (`gradlab.estimators.Network`); `validation_score` is R².

    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> X, y = load_diabetes(return_X_y=True)
    >>> network = MLPRegressor(hidden=(16,), random_state=0)
    >>> bool(make_pipeline(StandardScaler(), network).fit(X, y).score(X, y) > 0.5)
    True
    """

    hidden: Any = (100,)
    epochs: Any = 100
