"""Recurrent networks."""

from dataclasses import dataclass
from typing import Any

from gradlab.estimators.classifier import Classifier
from gradlab.estimators.inputs import TakesSequences
from gradlab.estimators.regressor import Regressor


@dataclass(kw_only=True, eq=False, repr=False)
class RecurrentClassifier(Classifier, TakesSequences):
    """Recurrent network that classifies sequences, trained on the cross-entropy.

    X is (n_samples, time, features), or a list of arrays (time, features) of any length;
    (n_samples, time) is one feature. Features are scaled alike at every step; a missing value (NaN)
    becomes the last one before it, and a feature tells that it was missing.

    Args:
        layers: "recurrent", or a list, one layer a line: ["lstm 64 bidirectional", "dense 32"].
            Convolutions along time fit too: ["conv 16 5", "pool 2", "gru 32"].
        cell: Of recurrent layers that name none: "lstm", "gru", "rnn", …
        scaling: "standard" (mean 0, deviation 1), "minmax" (0 to 1) or "none".
        max_length: Steps that a sequence keeps, from its beginning; None keeps as many as the
            longest training sequence has.
        class_weight: Factor of the loss for each class, as a dict or "balanced".

    The other settings and the attributes are those of all networks
    (`gradlab.estimators.Network`).

    >>> import numpy as np
    >>> random = np.random.default_rng(0)
    >>> X = [random.normal(size=(n, 1)).astype("float32") for n in random.integers(2, 6, 200)]
    >>> last_is_positive = [bool(x[-1, 0] > 0) for x in X]
    >>> network = RecurrentClassifier(layers=["gru 8"], learning_rate=0.02, random_state=0)
    >>> bool(network.fit(X, last_is_positive).score(X, last_is_positive) > 0.9)
    True
    """

    layers: Any = "recurrent"
    cell: Any = "lstm"
    kernel: Any = 3
    pooling: Any = "max"


@dataclass(kw_only=True, eq=False, repr=False)
class RecurrentRegressor(Regressor, TakesSequences):
    """Recurrent network that predicts one number or several of a sequence.

    Args:
        layers, cell, scaling, max_length: See `RecurrentClassifier`.
        scale_target: Whether to train on y with mean 0 and standard deviation 1, and to scale
            predictions back.

    The other settings and the attributes are those of all networks
    (`gradlab.estimators.Network`); `validation_score` is R².

    >>> import numpy as np
    >>> X = np.random.default_rng(0).normal(size=(200, 5, 2)).astype("float32")
    >>> total = X[:, :, 0].sum(axis=1)
    >>> network = RecurrentRegressor(layers=["gru 8"], learning_rate=0.02, random_state=0)
    >>> bool(network.fit(X, total).score(X, total) > 0.9)
    True
    """

    layers: Any = "recurrent"
    cell: Any = "lstm"
    kernel: Any = 3
    pooling: Any = "max"
