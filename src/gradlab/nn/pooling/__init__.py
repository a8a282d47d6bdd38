"""Pooling: windows, or all of space, represented by one number a channel."""

from gradlab.nn.pooling.average import AveragePool1D as AveragePool1D
from gradlab.nn.pooling.average import AveragePool2D as AveragePool2D
from gradlab.nn.pooling.globally import GlobalAveragePool as GlobalAveragePool
from gradlab.nn.pooling.globally import GlobalMaxPool as GlobalMaxPool
from gradlab.nn.pooling.max import MaxPool1D as MaxPool1D
from gradlab.nn.pooling.max import MaxPool2D as MaxPool2D
from gradlab.nn.pooling.stochastic import StochasticPool2D as StochasticPool2D
from gradlab.nn.pooling.windows import Pooling as Pooling

POOLINGS: dict[str, type[Pooling]] = {
    "max": MaxPool2D,
    "average": AveragePool2D,
    "stochastic": StochasticPool2D,
}
"""Name -> layer class, called with the window."""
