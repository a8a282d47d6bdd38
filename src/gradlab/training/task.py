"""A task: data, split and scaled, as the arrays that compiled programs take."""

import dataclasses
import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from jaxtyping import Float, Int, Num, Shaped

from gradlab.nn.reducers import Reducer
from gradlab.training.interface import Interface

if TYPE_CHECKING:
    from gradlab.data import AnyPreprocessor, Dataset, Preprocessor, SequencePreprocessor, Split

TaskKind = Literal["binary", "multiclass", "regression", "reconstruction"]
FLOAT32 = np.dtype(np.float32)
Part = tuple[Int[np.ndarray, "_"], Int[np.ndarray, "_"]]
"""Training and validation rows; splits need not be of one length."""


@dataclasses.dataclass(frozen=True)
class Task:
    """What is to be learnt, from which rows, judged on which.

    Args:
        x: Inputs, one row an example, scaled; raw where `shift` and `scale` are given. An example
            may be a row of numbers, an image, a sequence, or tokens (int32).
        y: Labels 0..n_classes-1 (int32), one a row or one a step; or standardised numbers, shape
            (rows, outputs); for a reconstruction of no account.
        weight: Weight of each row in loss and scores.
        splits: Training and validation rows of each split; one by default, several when a study
            resamples.
        test: Rows that no split holds, read once at the end.
        kind: What sort of target.
        n_outputs: Scores of the network.
        shift, scale, fill: Of each split, learnt on its training rows, where several splits train
            together: z = (x - shift) · scale; where x is missing (NaN), z = fill. None where x is
            scaled already.
        target_shift, target_scale: number = y · target_scale + target_shift, for regression.
        name: Of the data, for people.
        classes: Labels as they were given.
        lengths: Real steps of each sequence, where they differ.
        n_tokens: Size of the vocabulary, where x holds tokens.
        reducers: Of each reduction that recipes name, a fixed first layer for each split.
    """

    x: Num[np.ndarray, "rows *shape"]
    y: Shaped[np.ndarray, "rows ..."]
    weight: Float[np.ndarray, " rows"]
    splits: tuple[Part, ...]
    test: Int[np.ndarray, " test"]
    kind: TaskKind
    n_outputs: int
    shift: Float[np.ndarray, "splits *shape"] | None = None
    scale: Float[np.ndarray, "splits *shape"] | None = None
    fill: Float[np.ndarray, "splits *shape"] | None = None
    target_shift: float = 0.0
    target_scale: float = 1.0
    name: str = "data"
    classes: tuple = ()
    lengths: Int[np.ndarray, " rows"] | None = None
    n_tokens: int | None = None
    reducers: Mapping[str, tuple[Reducer, ...]] = dataclasses.field(default_factory=dict)

    @property
    def dtype(self) -> np.dtype:
        """Precision of the arithmetic: float32 or float64."""
        return self.weight.dtype

    @property
    def interface(self) -> Interface:
        """Shapes at both ends of a network for this task."""
        return Interface(
            input_shape=self.x.shape[1:],
            n_outputs=self.n_outputs,
            per_step=self.kind in ("binary", "multiclass") and self.y.ndim == 2,
            n_tokens=self.n_tokens,
            padded=self.lengths is not None,
            reconstructs=self.kind == "reconstruction",
            reducers=tuple(
                (text, layers[0].form, tuple(layers[0].sizes))
                for text, layers in self.reducers.items()
            ),
        )

    @property
    def n_features(self) -> int:
        """Numbers of an example."""
        return self.interface.n_features

    @property
    def score_name(self) -> str:
        """The measure by which runs are ranked; higher is better."""
        return "R²" if self.kind in ("regression", "reconstruction") else "accuracy"

    @property
    def trivial_score(self) -> float:
        """Validation score of always answering the training rows' commonest class, or their mean.

        R² is then 0 at most, and far below where the validation rows lie elsewhere, as later ones
        of a series do. A run that diverges is given this score: it learnt nothing.
        """
        train, validation = self.splits[0]
        if len(validation) == 0:
            return float("nan")
        learnt, known = self._known(train), self._known(validation)
        if self.kind in ("regression", "reconstruction"):
            weight = self.weight.astype(np.float64)
            answer = np.average(learnt, axis=0, weights=weight[train])
            mean = np.average(known, axis=0, weights=weight[validation])
            variance = np.average((known - mean) ** 2, axis=0, weights=weight[validation]).mean()
            # Of a constant, SSE / SST is 1 + (mean - constant)² / variance.
            excess = np.mean((mean - answer) ** 2)
            return float(0.0 - excess / variance) if variance > 0 else float("nan")
        return float(np.mean(known == np.bincount(learnt).argmax()))

    def _known(self, rows: Int[np.ndarray, " rows"]) -> Shaped[np.ndarray, "known ..."]:
        """Return what is to be answered: numbers of the rows, or labels of them or their steps."""
        if self.kind == "reconstruction":
            return self.inputs(rows)
        y = self.y[rows]
        if self.kind == "regression" or y.ndim == 1:
            return y
        if self.lengths is None:
            return y.ravel()
        return y[np.arange(y.shape[1])[None, :] < self.lengths[rows][:, None]]

    def score(self, per_row: float, rows: Int[np.ndarray, " rows"]) -> float:
        """Return the score from the engine's mean per row.

        The engine gives the share of right answers, or the mean squared error in standardised
        units; R² = 1 - SSE/SST with SST over the same rows.
        """
        if self.kind not in ("regression", "reconstruction"):
            return per_row
        y, w = self.y[rows] if self.kind == "regression" else self.inputs(rows), self.weight[rows]
        mean = np.average(y, axis=0, weights=w)
        variance = float(np.average((y - mean) ** 2, axis=0, weights=w).mean())
        return 1.0 - per_row / variance if variance > 0 else float("nan")

    def inputs(
        self, rows: Int[np.ndarray, " rows"], split: int = 0
    ) -> Float[np.ndarray, "rows ..."]:
        """Return inputs as a network of a split sees them."""
        x = self.x[rows]
        if x.dtype == np.uint8:
            x = x.astype(self.dtype) / 255
        if self.shift is None or self.scale is None or self.fill is None:
            return x
        scaled = (x - self.shift[split]) * self.scale[split]
        return np.where(np.isnan(x), self.fill[split], scaled)

    def balanced_weight(self) -> Float[np.ndarray, " rows"] | None:
        """Return weights by which every class has the same sum over the training rows."""
        if self.kind in ("regression", "reconstruction") or self.y.ndim > 1:
            return None
        train, _ = self.splits[0]
        counts = np.bincount(self.y[train], minlength=int(self.y.max(initial=0)) + 1)
        per_class = len(train) / (np.count_nonzero(counts) * np.maximum(counts, 1))
        return per_class[self.y].astype(self.dtype)

    def fingerprint(self) -> str:
        """Return a hash of everything that a run's numbers depend on."""
        digest = hashlib.sha256()
        arrays = [self.x, self.y, self.weight, self.test, self.shift, self.scale, self.fill]
        arrays += [] if self.lengths is None else [self.lengths]
        for array in (*arrays, *(rows for split in self.splits for rows in split)):
            if array is not None:
                digest.update(f"{array.dtype}{array.shape}".encode())
                digest.update(np.ascontiguousarray(array).data)
        digest.update(f"{self.kind}{self.n_outputs}".encode())
        return digest.hexdigest()


def make_task(
    dataset: "Dataset",
    split: "Split",
    preprocessor: "AnyPreprocessor",
    *,
    resamples: Sequence[Part] = (),
    dtype: np.dtype = FLOAT32,
) -> Task:
    """Return the task of a data set; all statistics come from training rows alone.

    Args:
        dataset: Typed columns and target.
        split: The study's parts.
        preprocessor: Fitted on `split.train`.
        resamples: More training and validation parts of the rows outside the test part, each
            scaled by its own training rows. (The vocabulary of texts and the range of images stay
            those of `split.train`.)
        dtype: float32 or float64.
    """
    from gradlab.data import Preprocessor, SequencePreprocessor

    reconstructs = dataset.task == "reconstruction"
    y = np.zeros(dataset.n_rows, np.int8) if reconstructs else np.asarray(dataset.y)
    target_shift, target_scale = 0.0, 1.0
    if dataset.task == "regression":
        y = np.asarray(y, np.float64)
        target_shift = float(y[split.train].mean())
        target_scale = float(y[split.train].std()) or 1.0
        y = ((y - target_shift) / target_scale).astype(dtype).reshape(len(y), -1)
    own = (np.asarray(split.train, np.int32), np.asarray(split.validation, np.int32))
    features = dataset.features
    lengths = preprocessor.lengths(features)
    statistics: dict[str, Any] = {}
    if resamples and isinstance(preprocessor, Preprocessor | SequencePreprocessor):
        x = preprocessor.encode(features)
        parts = [_statistics(x, lengths, preprocessor, train) for train, _ in (own, *resamples)]
        statistics = {
            name: np.stack([part[i] for part in parts]).astype(dtype)
            for i, name in enumerate(("shift", "scale", "fill"))
        }
    else:
        x = preprocessor.transform(features)
    return Task(
        x=np.asarray(x, dtype) if x.dtype.kind == "f" else x,
        y=y if dataset.task == "regression" else np.asarray(y, np.int32),
        weight=np.ones(len(x), dtype),
        splits=(own, *((np.asarray(t, np.int32), np.asarray(v, np.int32)) for t, v in resamples)),
        test=np.asarray(split.test, np.int32),
        kind=dataset.task,
        n_outputs=math.prod(x.shape[1:]) if reconstructs else _n_outputs(dataset, y),
        **statistics,
        target_shift=target_shift,
        target_scale=target_scale,
        name=dataset.name,
        classes=() if reconstructs else tuple(dataset.classes or ()),
        lengths=lengths,
        n_tokens=getattr(preprocessor, "n_symbols", None),
    )


def _n_outputs(dataset: "Dataset", y: Shaped[np.ndarray, "rows ..."]) -> int:
    if dataset.task == "regression":
        return y.shape[1]
    # A target for every step gives scores to all classes, be they two.
    n_classes = len(dataset.classes or ())
    return 1 if dataset.task == "binary" and y.ndim == 1 else n_classes


def _statistics(
    encoded: Float[np.ndarray, "rows *shape"],
    lengths: Int[np.ndarray, " rows"] | None,
    preprocessor: "Preprocessor | SequencePreprocessor",
    rows: Int[np.ndarray, " train"],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return shift, scale and fill of encoded features, learnt on some rows.

    One-hot columns and indicators stay as they are: which there are was settled by the study's
    own training rows. A feature of a sequence has one number for all steps.
    """
    from gradlab.data import FeatureTable, Preprocessor

    step = preprocessor if isinstance(preprocessor, Preprocessor) else preprocessor.step
    some = encoded[rows]
    if encoded.ndim == 3:
        real = np.ones(some.shape[:2], bool)
        if lengths is not None:
            real = np.arange(some.shape[1])[None, :] < lengths[rows][:, None]
        some = some[real]
    n = len(step.numeric_names)
    shift, scale = np.zeros(encoded.shape[-1]), np.ones(encoded.shape[-1])
    fill = np.zeros(encoded.shape[-1])
    if n:
        part = Preprocessor.fit(FeatureTable(step.numeric_names, some[:, :n]), scaling=step.scaling)
        shift[:n] = part.origin + part.unit * part.shift[:n]
        scale[:n] = part.scale[:n] / part.unit
        fill[:n] = part.fill[:n]
    broad = (1,) * (encoded.ndim - 2) + shift.shape
    return shift.reshape(broad), scale.reshape(broad), fill.reshape(broad)
