"""Convolutional networks."""

from dataclasses import dataclass

from gradlab.estimators.classifier import Classifier
from gradlab.estimators.inputs import TakesImages
from gradlab.estimators.regressor import Regressor


@dataclass(kw_only=True, eq=False, repr=False)
class ConvClassifier(Classifier, TakesImages):
    """Convolutional network that classifies images (or signals), trained on the cross-entropy.

    X is (n_samples, height, width) or (n_samples, height, width, channels). Bytes are read as
    shares of 255; other numbers are scaled so that the training images lie between 0 and 1. With
    `image_shape` each row of a table is an image laid flat; without it, a table's rows are signals
    of one channel, standardised, and convolutions run along them.

    Args:
        layers: "lenet", "vgg", or a list, one layer a line: ["conv 32 3x3", "pool 2", "dense 64"].
            Of a named network those poolings are left out for which the images are too small.
        kernel: Window of convolutions that name none.
        pooling: Kind of pooling layers that name none: "max", "average", "stochastic".
        augment: Changes of the training images, such as ("translate 0.1", "mirror").
        image_shape: (height, width) or (height, width, channels) of the rows of a table.
        class_weight: Factor of the loss for each class, as a dict or "balanced".

    The other settings and the attributes are those of all networks
    (`gradlab.estimators.Network`); `summary()` shows the layers.

    >>> from sklearn.datasets import load_digits
    >>> digits = load_digits()
    >>> X, y = digits.images[:300].astype("float32"), digits.target[:300]
    >>> network = ConvClassifier(layers=["conv 8", "pool 2"], random_state=0).fit(X, y)
    >>> bool(network.score(X, y) > 0.9)
    True
    >>> print(network.summary())
    layer      output  parameters
    input      8x8x1            0
    conv 8     8x8x8           80
    pool 2     4x4x8            0
    output 10  10           1,290
    total                   1,370
    """


@dataclass(kw_only=True, eq=False, repr=False)
class ConvRegressor(Regressor, TakesImages):
    """Convolutional network that predicts one number or several of images (or signals).

    Args:
        layers, kernel, pooling, augment, image_shape: See `ConvClassifier`.
        scale_target: Whether to train on y with mean 0 and standard deviation 1, and to scale
            predictions back.

    The other settings and the attributes are those of all networks
    (`gradlab.estimators.Network`); `validation_score` is R².

    >>> import numpy as np
    >>> X = np.random.default_rng(0).uniform(size=(200, 6, 6)).astype("float32")
    >>> brightness = X.mean(axis=(1, 2))
    >>> network = ConvRegressor(layers=["conv 4"], learning_rate=0.01, random_state=0)
    >>> bool(network.fit(X, brightness).score(X, brightness) > 0.8)
    True
    """
