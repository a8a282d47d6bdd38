"""Which last activations and losses go with which tasks."""

import math

RANGES = {
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "hard_tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
    "relu": (0.0, math.inf),
    "relu6": (0.0, 6.0),
    "softplus": (0.0, math.inf),
    "exponential": (0.0, math.inf),
    "elu": (-1.0, math.inf),
    "selu": (-1.7581, math.inf),
    "sine": (-1.0, 1.0),
    "log_softmax": (-math.inf, 0.0),
}
"""What an activation can give; all others give every number."""

LOGARITHMIC = ("cross_entropy", "binary_cross_entropy", "kullback_leibler")
"""Losses that take the logarithm of a probability."""

MARGIN = ("hinge", "squared_hinge")
DISTANCE = ("squared_error", "absolute_error", "huber", "log_cosh", "squared_log_error")
CLASSES = ("binary", "multiclass", "multilabel")
NUMBERS = ("regression", "reconstruction")
PROBABILITY = ("sigmoid", "hard_sigmoid", "softmax")
"""Activations that give a probability."""

NEARLY_LINEAR = ("linear", "leaky_relu", "elu", "selu", "softplus", "relu", "exponential")
"""Unbounded ones."""


def a_name(name: str | None) -> str:
    """Return a name as one says it.

    >>> a_name("binary_cross_entropy")
    'binary cross entropy'
    """
    return (name or "unknown").replace("_", " ")
