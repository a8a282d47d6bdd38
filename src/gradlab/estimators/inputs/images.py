"""Images, or signals of one channel."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from gradlab.data import AnyPreprocessor, FeatureTable, ImagePreprocessor
from gradlab.errors import DataError
from gradlab.estimators.inputs.checks import axes, checked_target, forget_columns
from gradlab.estimators.inputs.sequences import fit_sequences, read_new_signals, read_signals
from gradlab.estimators.network import Network
from gradlab.training.interface import Interface
from gradlab.training.layers import PRESETS, Pool, Spec, parse_layers
from gradlab.training.recipe import Recipe

PIXELS: Any = (np.float64, np.float32, np.uint8)


@dataclass(kw_only=True, eq=False, repr=False)
class TakesImages(Network):
    """X (n_samples, height, width) or (n_samples, height, width, channels), bytes or numbers.

    Bytes are read as shares of 255; other numbers are scaled so that the training images lie
    between 0 and 1. With `image_shape` each row of a table is an image laid flat; without it, a
    table's rows are signals of one channel, and convolutions run along them.

    Args:
        layers: "lenet", "vgg", or a list, one layer a line. Of a named network those poolings are
            left out for which the images are too small; a list of your own is kept to the letter.
        kernel: Window of convolutions that name none.
        pooling: Kind of pooling layers that name none.
        augment: Changes of the training images, such as ("translate 0.1", "mirror").
        image_shape: (height, width) or (height, width, channels) of the rows of a table.
    """

    layers: Any = "lenet"
    kernel: Any = 3
    pooling: Any = "max"
    augment: Any = ()
    image_shape: Any = None

    def __sklearn_tags__(self):
        """Return scikit-learn's tags: X may have more than two axes."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    def _read(self, X: Any, y: Any, *, first: bool) -> tuple[FeatureTable, np.ndarray]:
        X, shape = _one_array(X), self._laid_flat(first)
        if axes(X) > 2:
            images = _images(X, shape)
            y = checked_target(self, y, images.n_rows, **self._target_checks)
            if first:
                forget_columns(self)
            return images, y
        if shape is None:
            return read_signals(self, X, y, first=first)
        # A model of images may be shown rows next; it has no columns to compare them with.
        counted = first or hasattr(self, "n_features_in_")
        if not counted:
            images = _flat_images(check_array(X, dtype=PIXELS), shape)
            return images, checked_target(self, y, images.n_rows, **self._target_checks)
        X, y = validate_data(self, X, y, dtype=PIXELS, reset=first, **self._target_checks)
        return _flat_images(np.asarray(X), shape), np.asarray(y)

    def _read_new(self, X: Any) -> FeatureTable:
        X, shape = _one_array(X), self._laid_flat(first=False)
        if axes(X) > 2:
            return _images(X, shape)
        if shape is None:
            return read_new_signals(self, X)
        if hasattr(self, "n_features_in_"):
            X = validate_data(self, X, dtype=PIXELS, reset=False)
        return _flat_images(check_array(X, dtype=PIXELS), shape)

    def _preprocessor(
        self,
        features: FeatureTable,
        rows: Int[np.ndarray, " training"],
        weights: Float[np.ndarray, " rows"],
    ) -> AnyPreprocessor | None:
        if features.kind == "image":
            return ImagePreprocessor.fit(features, rows)
        return fit_sequences(features, rows, weights, scaling="standard", max_length=None)

    def _suited(self, recipe: Recipe, interface: Interface) -> Recipe:
        if not isinstance(self.layers, str) or self.layers not in PRESETS:
            return recipe
        fitting = fitting_layers(parse_layers(self.layers), interface.input_shape)
        return recipe.replace(layers=fitting)

    def _laid_flat(self, first: bool) -> tuple[int, int, int] | None:
        """Return the shape of images, where it is known."""
        if not first:
            known = self._row_shape
            return (known[0], known[1], known[2]) if known and len(known) == 3 else None
        if self.image_shape is None:
            return None
        given: tuple = tuple(np.atleast_1d(np.asarray(self.image_shape, object)))
        whole = all(isinstance(n, int | np.integer) and n > 0 for n in given)
        if len(given) not in (2, 3) or not whole:
            raise DataError(
                f"image_shape is (height, width) or (height, width, channels); got "
                f"{self.image_shape!r}."
            )
        return (int(given[0]), int(given[1]), int(given[2]) if len(given) == 3 else 1)


def fitting_layers(layers: tuple[Spec, ...], shape: tuple[int, ...]) -> tuple[Spec, ...]:
    """Return layers without the poolings whose window an example of this shape does not fill.

    >>> [layer.text() for layer in fitting_layers(parse_layers("lenet"), (3, 8, 1))]
    ['conv 16', 'pool 2', 'conv 32', 'dense 128']
    """
    side, kept = min(shape[:-1]), []
    for layer in layers:
        if isinstance(layer, Pool):
            window = max(layer.window) if isinstance(layer.window, tuple) else layer.window
            if side < window:
                continue
            side //= window
        kept.append(layer)
    return tuple(kept)


def _one_array(X: Any) -> Any:
    """Return a list of images as one array."""
    if not isinstance(X, list | tuple) or not any(np.ndim(image) > 1 for image in X):
        return X
    shapes = [np.shape(image) for image in X]
    for i, shape in enumerate(shapes, 1):
        if shape != shapes[0]:
            raise DataError(
                f"Image {i} has shape {shape}, the first {shapes[0]}: a network takes images of "
                "one size. Resize them, or load their folder with load_dataset, which does."
            )
    return np.stack([np.asarray(image) for image in X])


def _images(X: Any, shape: tuple[int, int, int] | None) -> FeatureTable:
    X = check_array(X, dtype=PIXELS, allow_nd=True)
    if X.ndim not in (3, 4) or 0 in X.shape:
        raise DataError(
            f"Images are (n_samples, height, width) or (n_samples, height, width, channels); X has "
            f"shape {X.shape}."
        )
    found = (*X.shape[1:], 1) if X.ndim == 3 else X.shape[1:]
    if shape is not None and found != shape:
        raise DataError(
            f"X holds images of {'x'.join(map(str, found))}; expected {'x'.join(map(str, shape))} "
            "(height x width x channels). Resize them."
        )
    return FeatureTable((), np.ascontiguousarray(X).reshape(len(X), -1), row_shape=found)


def _flat_images(X: np.ndarray, shape: tuple[int, int, int]) -> FeatureTable:
    if X.shape[1] != math.prod(shape):
        raise DataError(
            f"Images of {'x'.join(map(str, shape))} have {math.prod(shape)} numbers; the rows of X "
            f"have {X.shape[1]}."
        )
    return replace(FeatureTable((), np.ascontiguousarray(X)), row_shape=shape)
