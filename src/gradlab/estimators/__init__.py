"""Complete methods with scikit-learn's contract."""

from gradlab.estimators.mlp import MLPClassifier, MLPRegressor
from gradlab.estimators.perceptron import Perceptron

__all__ = ["MLPClassifier", "MLPRegressor", "Perceptron"]
