"""Turning images into what a convolutional network sees."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32, Int, UInt8

from gradlab.data.dataset import FeatureTable
from gradlab.errors import DataError


@dataclass(frozen=True)
class ImagePreprocessor:
    """Images as (height, width, channels), bytes as they are, other numbers scaled to [0, 1].

    The engine reads a byte as its share of 255, so an image takes a quarter of the memory. Numbers
    go to (x - low) / (high - low), the ends taken from the training rows.

    Attributes:
        input_shape: (height, width, channels).
        low, high: Of the training rows' numbers; 0 and 255 for bytes.
        notes: What was decided, to be said aloud.
    """

    input_shape: tuple[int, int, int]
    low: float = 0.0
    high: float = 255.0
    notes: tuple[str, ...] = ()

    @classmethod
    def fit(
        cls, features: FeatureTable, rows: Int[np.ndarray, " training"] | None = None
    ) -> "ImagePreprocessor":
        """Learn the range of the given rows (all by default).

        Raises:
            DataError: If the rows are no images, or a pixel is missing.
        """
        shape = features.row_shape
        if shape is None or len(shape) != 3:
            raise DataError(
                "Convolutions need images, and these rows are a table. Give an image folder, an "
                "array of shape (rows, height, width, channels), or use dense layers."
            )
        x = features.numeric
        if x.dtype == np.uint8:
            return cls(shape)
        x = x if rows is None else x[rows]
        low, high = float(x.min()), float(x.max())
        if not np.isfinite([low, high]).all():
            raise DataError("An image has missing or infinite pixels. Fill them first.")
        if high == low:
            raise DataError(f"All training pixels are {low:g}: there is nothing to learn from.")
        note = f"pixels from {low:g} to {high:g} are scaled to 0 to 1"
        return cls(shape, low, high, (note,))

    def lengths(self, features: FeatureTable) -> None:
        """Return None: an image has no length."""

    def transform(
        self, features: FeatureTable
    ) -> UInt8[np.ndarray, "rows *shape"] | Float32[np.ndarray, "rows *shape"]:
        """Return the images, without a copy where they are bytes.

        Raises:
            DataError: If the images are of another size.

        >>> pixels = np.array([[0, 255]], np.uint8)
        >>> table = FeatureTable(("a", "b"), pixels, row_shape=(1, 2, 1))
        >>> ImagePreprocessor.fit(table).transform(table).shape
        (1, 1, 2, 1)
        """
        if features.row_shape != self.input_shape:
            came = "a table" if features.row_shape is None else _shown(features.row_shape)
            raise DataError(
                f"The model takes images of {_shown(self.input_shape)}; got {came}. "
                "Resize the images."
            )
        x = features.numeric
        if x.dtype != np.uint8:
            x = ((x - self.low) / (self.high - self.low)).astype(np.float32)
        elif (self.low, self.high) != (0.0, 255.0):
            x = ((x.astype(np.float32) - self.low) / (self.high - self.low)).astype(np.float32)
        return x.reshape(len(x), *self.input_shape)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, for JSON."""
        return {
            "kind": "image",
            "input_shape": list(self.input_shape),
            "low": self.low,
            "high": self.high,
            "notes": list(self.notes),
        }

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> "ImagePreprocessor":
        """Restore what `to_dict` wrote.

        Raises:
            DataError: If fields are absent or of the wrong kind.
        """
        try:
            shape = tuple(int(n) for n in content["input_shape"])
            low, high = float(content["low"]), float(content["high"])
            if len(shape) != 3 or min(shape) < 1 or not low < high:
                raise ValueError(shape)
            return cls(shape, low, high, tuple(content["notes"]))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"The saved preprocessor of images is damaged ({error!r}). Save the model again."
            ) from error


def _shown(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
