"""Turning sequences into the numbers that a network sees, learnt on training rows only."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Float32, Int, Int32

from gradlab.data.dataset import FeatureTable
from gradlab.data.limits import check_memory
from gradlab.data.preprocessor import BLOCK_CELLS, Preprocessor
from gradlab.errors import DataError, unknown

Missing = Literal["last", "mean"]


@dataclass(frozen=True, eq=False)
class SequencePreprocessor:
    """Scaling of each feature and filling of gaps, learnt by `fit`.

    A feature is scaled alike at every step: its statistics run over the real steps of the training
    rows. A missing value becomes the last one before it in its sequence ("last"; nothing is taken
    from a later step) or, where there is none, the training mean; "mean" always takes the mean. A
    feature "x is missing" tells filled values apart, if the training rows had any. What stands
    behind a sequence's end becomes 0.

    Attributes:
        n_steps: Steps of what `transform` returns; longer sequences lose their end.
        missing: How gaps are filled.
        step: The preprocessor of one step.
        notes: What was decided, to be said aloud.
    """

    n_steps: int
    missing: Missing
    step: Preprocessor
    notes: tuple[str, ...] = ()

    @classmethod
    def fit(
        cls,
        features: FeatureTable,
        rows: Int[np.ndarray, " training"] | None = None,
        *,
        scaling: str = "standard",
        missing: Missing = "last",
        max_length: int | None = None,
    ) -> "SequencePreprocessor":
        """Learn from the given rows (all by default).

        Args:
            features: Sequences.
            rows: Training rows.
            scaling: "standard", "minmax" or "none"; see `Preprocessor`.
            missing: "last" or "mean".
            max_length: Most steps to keep; all by default.

        Raises:
            DataError: If these are no sequences, or there is no training row.
        """
        if missing not in get_args(Missing):
            raise DataError(unknown("way to fill gaps", missing, get_args(Missing)))
        if max_length is not None and max_length < 1:
            raise DataError(f"max_length is a number of steps, at least 1; got {max_length}.")
        rows = np.arange(features.n_rows) if rows is None else rows
        if len(rows) == 0:
            raise DataError("A preprocessor needs at least one training row; got none.")
        steps_there, width = _shape(features)
        n_steps = steps_there if max_length is None else min(max_length, steps_there)
        at_once = max(1, BLOCK_CELLS // (steps_there * width))

        def real_steps() -> Iterator[np.ndarray]:
            for start in range(0, len(rows), at_once):
                some = rows[start : start + at_once]
                block = features.numeric[some].reshape(len(some), steps_there, width)[:, :n_steps]
                real = _real(features, some, n_steps)
                yield block.reshape(-1, width) if real is None else block[real]

        step = Preprocessor.fit_blocks(features.names, real_steps, scaling=scaling)
        return cls(n_steps, missing, step, tuple(_notes(step, missing, features, n_steps)))

    @property
    def scaling(self) -> str:
        """How features are scaled."""
        return self.step.scaling

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features of a step, e.g. "temperature", "temperature is missing"."""
        return self.step.feature_names

    @property
    def input_shape(self) -> tuple[int, int]:
        """Shape of what the network sees of one row, (time, features)."""
        return (self.n_steps, self.step.n_outputs)

    @property
    def shift(self) -> Float32[np.ndarray, " features"]:
        """Subtracted from each feature."""
        return self.step.shift

    @property
    def scale(self) -> Float32[np.ndarray, " features"]:
        """Multiplies what is left."""
        return self.step.scale

    @property
    def fill(self) -> Float32[np.ndarray, " features"]:
        """Stands for a value that nothing comes before."""
        return self.step.fill

    def encode(
        self, features: FeatureTable, *, max_bytes: int | None = None
    ) -> Float32[np.ndarray, "rows time features"]:
        """Return raw numbers: gaps filled from the steps before, else NaN, as behind the end.

        The network sees z = (raw - shift) · scale, and fill where raw is NaN.

        Raises:
            DataError: If a feature is absent, or the result would not fit into memory.
        """
        steps_there, width = _shape(features)
        n_kept, n_outputs = min(self.n_steps, steps_there), self.step.n_outputs
        shape = (features.n_rows, *self.input_shape)
        what = f"The encoded sequences ({' x '.join(map(str, shape))})"
        check_memory(what, 4 * shape[0] * shape[1] * shape[2], max_bytes)
        n_numeric = len(self.step.numeric_names)
        raw = np.zeros(shape, np.float32)
        raw[:, :, :n_numeric] = np.nan
        at_once = max(1, BLOCK_CELLS // max(steps_there * width, 1))
        for start in range(0, features.n_rows, at_once):
            rows = np.arange(start, min(start + at_once, features.n_rows))
            block = features.numeric[rows].reshape(len(rows), steps_there, width)[:, :n_kept]
            steps = FeatureTable(features.names, block.reshape(-1, width))
            encoded = self.step.encode(steps).reshape(len(rows), n_kept, n_outputs)
            if self.missing == "last" and np.isnan(encoded).any():
                encoded[:, :, :n_numeric] = carry_forward(encoded[:, :, :n_numeric])
            real = _real(features, rows, n_kept)
            if real is not None:
                encoded[~real] = raw[0, 0] if n_kept else 0
            raw[rows, :n_kept] = encoded
        return raw

    def transform(self, features: FeatureTable) -> Float32[np.ndarray, "rows time features"]:
        """Return what the network sees: scaled, gaps filled, 0 behind the end.

        >>> from gradlab.data.sequences.arrays import sequence_features
        >>> features = sequence_features([[1.0, 3.0], [5.0]])
        >>> SequencePreprocessor.fit(features, scaling="minmax").transform(features)[:, :, 0]
        array([[0. , 0.5], [1. , 0. ]], dtype=float32)
        """
        z = self.encode(features)
        z -= self.shift
        z *= self.scale
        rows, steps, columns = np.nonzero(np.isnan(z))
        z[rows, steps, columns] = self.fill[columns]
        lengths = self.lengths(features)
        if lengths is not None:
            z[np.arange(self.n_steps) >= lengths[:, None]] = 0
        return z

    def lengths(self, features: FeatureTable) -> Int32[np.ndarray, " rows"] | None:
        """Return the real steps of each row; None if every row has all."""
        steps_there, _ = _shape(features)
        if features.lengths is not None:
            return np.minimum(features.lengths, self.n_steps).astype(np.int32)
        if steps_there >= self.n_steps:
            return None
        return np.full(features.n_rows, steps_there, np.int32)

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists, numbers and text, for JSON; `from_dict` restores every bit."""
        return {
            "kind": "sequence",
            "n_steps": self.n_steps,
            "missing": self.missing,
            "step": self.step.to_dict(),
            "notes": list(self.notes),
        }

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> "SequencePreprocessor":
        """Restore what `to_dict` wrote.

        Raises:
            DataError: If fields are absent, unknown or of the wrong kind.
        """
        expected = {"kind", "n_steps", "missing", "step", "notes"}
        if (
            set(content) != expected
            or content["kind"] != "sequence"
            or not isinstance(content["n_steps"], int)
            or content["missing"] not in get_args(Missing)
        ):
            raise DataError(
                "The saved preprocessor of sequences is damaged or of another version (fields "
                f"{', '.join(sorted(content))}). Save the model again."
            )
        step = Preprocessor.from_dict(content["step"])
        return cls(content["n_steps"], content["missing"], step, tuple(content["notes"]))


def carry_forward(
    values: Float32[np.ndarray, "rows time features"],
) -> Float32[np.ndarray, "rows time features"]:
    """Replace NaN by the last number before it in time; before the first, NaN stays.

    >>> carry_forward(np.array([[[np.nan], [2], [np.nan]]], np.float32)).ravel().tolist()
    [nan, 2.0, 2.0]
    """
    time = np.arange(values.shape[1])[None, :, None]
    seen = np.maximum.accumulate(np.where(np.isnan(values), 0, time), axis=1)
    return np.take_along_axis(values, seen, axis=1)


def _shape(features: FeatureTable) -> tuple[int, int]:
    if features.kind != "sequence" or features.row_shape is None:
        raise DataError(
            f"Expected sequences; came a {features.kind}. Read them with series=, or make them "
            "with sequence_dataset or forecast_dataset."
        )
    return features.row_shape[0], features.row_shape[1]


def _real(features: FeatureTable, rows: np.ndarray, n_steps: int) -> np.ndarray | None:
    if features.lengths is None:
        return None
    return np.arange(n_steps) < features.lengths[rows][:, None]


def _notes(step: Preprocessor, missing: str, features: FeatureTable, n_steps: int) -> list[str]:
    how = {
        "standard": "Each feature is scaled to mean 0 and deviation 1 over the training steps.",
        "minmax": "Each feature is scaled to [0, 1] over the training steps.",
        "none": "Features are not scaled.",
    }
    notes = [how[step.scaling]]
    if step.scaling != "none" and (n := int((step.scale[: len(step.numeric_names)] == 0).sum())):
        are = "features are" if n > 1 else "feature is"
        notes.append(f"{n} {are} constant in the training steps: set to 0.")
    if step.numeric_missing:
        filled = "the last one before it" if missing == "last" else "the training mean"
        notes.append(
            f"A missing value becomes {filled} ({len(step.numeric_missing)} of the features), "
            "with a feature 'is missing' each."
        )
    longest = _shape(features)[0]
    if n_steps < longest:
        own = features.lengths
        n_cut = features.n_rows if own is None else int((own > n_steps).sum())
        notes.append(f"{n_cut} sequences are longer than {n_steps} steps and lose their end.")
    return notes
