"""Complete methods with scikit-learn's contract."""

from gradlab.estimators.backtest import Backtest
from gradlab.estimators.convolutional import ConvClassifier, ConvRegressor
from gradlab.estimators.forecaster import Forecaster
from gradlab.estimators.language_model import CharLanguageModel
from gradlab.estimators.mlp import MLPClassifier, MLPRegressor
from gradlab.estimators.network import Network
from gradlab.estimators.perceptron import Perceptron
from gradlab.estimators.recurrent import RecurrentClassifier, RecurrentRegressor
from gradlab.estimators.text_classifier import TextClassifier

__all__ = [
    "Backtest",
    "CharLanguageModel",
    "ConvClassifier",
    "ConvRegressor",
    "Forecaster",
    "MLPClassifier",
    "MLPRegressor",
    "Network",
    "Perceptron",
    "RecurrentClassifier",
    "RecurrentRegressor",
    "TextClassifier",
]
