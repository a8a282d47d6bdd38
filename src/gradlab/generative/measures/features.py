"""A small network that Gradlab trains itself, whose features images are compared by."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from gradlab.errors import DataError
from gradlab.estimators import ConvClassifier
from gradlab.nn.module import Sequential
from gradlab.training.predict import forward

MOST_EXAMPLES = 6400
"""Examples that it trains on; of more, a random choice."""

TOLERANCE = 1e-3
"""Pixels may lie so far beyond 0 or 1, as resizing leaves them."""

STEPS = 400
"""Steps of training, about; epochs follow from the number of examples."""


@dataclass(frozen=True)
class FeatureNetwork:
    """Features of images, for distances that mean more than those of pixels.

    A convolutional network of two layers learns the images' classes, or, without labels, by how
    many quarter turns an image was rotated. The activations of its last hidden layer, 128 numbers,
    are the features; `frechet_distance` of them is a Fréchet inception distance (FID) without
    Inception: it is of use for images like those it was trained on, and its values compare with
    each other, not with published FIDs.

    Attributes:
        classifier: The trained network.

    Source: Heusel et al. 2017, https://arxiv.org/abs/1706.08500; turns as labels: Gidaris et al.
    2018, https://arxiv.org/abs/1803.07728

    >>> from sklearn.datasets import load_digits
    >>> digits = load_digits()
    >>> images = (digits.images[:200, :, :, None] / 16).astype("float32")
    >>> network = FeatureNetwork.fit(images, digits.target[:200])
    >>> network.features(images).shape
    (200, 128)
    """

    classifier: ConvClassifier

    @classmethod
    def fit(cls, images: Any, labels: Any = None, seed: int = 0) -> "FeatureNetwork":
        """Train on images; some seconds, however many there are.

        Args:
            images: (n, height, width, channels), from 0 to 1, or bytes, of which 255 is 1; either
                may be asked for `features` later. Those that are not square get a border, their
                own edges repeated.
            labels: Class of each, (n,), of at least two kinds; None learns turns.
            seed: Of the weights, the order, and the choice of examples.

        Raises:
            DataError: If images are not of four axes, not finite or not from 0 to 1, or labels are
                not one for each.
        """
        x = _images(images)
        random = np.random.default_rng(seed)
        if labels is None:
            chosen = _choice(len(x), MOST_EXAMPLES // 4, random)
            x, y = _turned(_as_shares(x[chosen]))
        else:
            y = np.asarray(labels)
            if y.shape != (len(x),) or len(np.unique(y)) < 2:
                raise DataError(
                    f"labels: expected one for each of {len(x)} images, of at least two kinds; "
                    f"got shape {y.shape}, {len(np.unique(y))} kinds. None learns turns instead."
                )
            chosen = _choice(len(x), MOST_EXAMPLES, random)
            x, y = _as_shares(x[chosen]), y[chosen]
        epochs = max(1, round(STEPS * 64 / len(x)))
        network = ConvClassifier(
            layers="lenet", batch_size=min(64, len(x)), epochs=epochs, random_state=seed
        )
        return cls(network.fit(x, y))

    def features(self, images: Any) -> Float[np.ndarray, "n features"]:
        """Return the activations of the last hidden layer, (n, 128).

        Raises:
            DataError: If the images are of another size than those it was trained on, not finite
                or not from 0 to 1.
        """
        x = _as_shares(_images(images))
        seen = self.classifier._seen(x)
        network, states = self.classifier.model_.network, self.classifier.model_.states
        if seen.x.shape[1:] != tuple(self.classifier.model_.interface.input_shape):
            raise DataError(
                f"images: expected {self.classifier.model_.interface.input_shape} each, as in the "
                f"training; got {seen.x.shape[1:]}."
            )
        hidden = Sequential(network.layers[:-1])
        found = forward(hidden, states[:-1], seen.x, chunk=self.classifier.model_.chunk)
        return found.reshape(len(x), -1)

    def save(self, path: str | Path) -> Path:
        """Write it as one safetensors file.

        Raises:
            StudyError: If the file can't be written.
        """
        return self.classifier.save(path)

    @classmethod
    def load(cls, path: str | Path) -> "FeatureNetwork":
        """Read what `save` wrote.

        Raises:
            DataError: If the file is absent, damaged, or of another kind.
        """
        return cls(ConvClassifier.load(path))


def _images(images: Any) -> np.ndarray:
    x = np.asarray(images)
    if x.ndim != 4 or 0 in x.shape or x.dtype.kind not in "fiub":
        raise DataError(
            "images: expected numbers of shape (n, height, width, channels); got shape "
            f"{x.shape}, dtype {x.dtype}. Grey images have one channel: images[..., None]."
        )
    if x.dtype.kind == "f" and not np.isfinite(x).all():
        broken = np.flatnonzero(~np.isfinite(x).all(axis=(1, 2, 3)))
        raise DataError(
            f"images: expected finite pixels; image {broken[0]} (from 0) has others, "
            f"and {len(broken) - 1} more."
        )
    if x.dtype != np.uint8 and (x.min() < -TOLERANCE or x.max() > 1 + TOLERANCE):
        raise DataError(
            f"images: expected pixels from 0 to 1, or bytes (uint8); got {x.min():g} to "
            f"{x.max():g} as {x.dtype}. Divide by the largest possible value."
        )
    height, width = x.shape[1:3]
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    room = [(0, 0), (top, side - height - top), (left, side - width - left), (0, 0)]
    return np.pad(x, room, mode="edge") if height != width else x  # a turn must not show in shapes


def _as_shares(x: np.ndarray) -> np.ndarray:
    """Return pixels from 0 to 1, however they came: one scale in training and later."""
    return x.astype(np.float32) / np.float32(255 if x.dtype == np.uint8 else 1)


def _choice(n: int, most: int, random: np.random.Generator) -> np.ndarray:
    return np.arange(n) if n <= most else np.sort(random.choice(n, most, replace=False))


def _turned(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return every image in four turns, and the number of quarter turns of each."""
    turns = [np.rot90(x, k, axes=(1, 2)) for k in range(4)]
    return np.concatenate(turns), np.repeat(np.arange(4), len(x))
