"""A task: data, split and scaled, as the arrays that compiled programs take."""

import dataclasses
import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from jaxtyping import Float, Int, Shaped

if TYPE_CHECKING:
    from gradlab.data import Dataset, Preprocessor, Split

TaskKind = Literal["binary", "multiclass", "regression"]
FLOAT32 = np.dtype(np.float32)
Part = tuple[Int[np.ndarray, "_"], Int[np.ndarray, "_"]]
"""Training and validation rows; splits need not be of one length."""


@dataclasses.dataclass(frozen=True)
class Task:
    """What is to be learnt, from which rows, judged on which.

    Args:
        x: Inputs, one row an example, scaled; raw where `shift` and `scale` are given.
        y: Labels 0..n_classes-1 (int32), or standardised numbers, shape (rows, outputs).
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
    """

    x: Float[np.ndarray, "rows features"]
    y: Shaped[np.ndarray, "rows ..."]
    weight: Float[np.ndarray, " rows"]
    splits: tuple[Part, ...]
    test: Int[np.ndarray, " test"]
    kind: TaskKind
    n_outputs: int
    shift: Float[np.ndarray, "splits features"] | None = None
    scale: Float[np.ndarray, "splits features"] | None = None
    fill: Float[np.ndarray, "splits features"] | None = None
    target_shift: float = 0.0
    target_scale: float = 1.0
    name: str = "data"
    classes: tuple = ()

    @property
    def n_features(self) -> int:
        """Width of a row."""
        return self.x.shape[1]

    @property
    def score_name(self) -> str:
        """The measure by which runs are ranked; higher is better."""
        return "R²" if self.kind == "regression" else "accuracy"

    @property
    def trivial_score(self) -> float:
        """Validation score of always answering the commonest class, or the mean (0 for R²).

        A run that diverges is given this score: it learnt nothing.
        """
        if self.kind == "regression":
            return 0.0
        train, validation = self.splits[0]
        if len(validation) == 0:
            return float("nan")
        counts = np.bincount(self.y[train], minlength=max(self.n_outputs, 2))
        return float(np.mean(self.y[validation] == counts.argmax()))

    def score(self, per_row: float, rows: Int[np.ndarray, " rows"]) -> float:
        """Return the score from the engine's mean per row.

        The engine gives the share of right answers, or the mean squared error in standardised
        units; R² = 1 - SSE/SST with SST over the same rows.
        """
        if self.kind != "regression":
            return per_row
        y, w = self.y[rows], self.weight[rows]
        mean = np.average(y, axis=0, weights=w)
        variance = float(np.average((y - mean) ** 2, axis=0, weights=w).mean())
        return 1.0 - per_row / variance if variance > 0 else float("nan")

    def balanced_weight(self) -> Float[np.ndarray, " rows"] | None:
        """Return weights by which every class has the same sum over the training rows."""
        if self.kind == "regression":
            return None
        train, _ = self.splits[0]
        counts = np.bincount(self.y[train], minlength=int(self.y.max(initial=0)) + 1)
        per_class = len(train) / (np.count_nonzero(counts) * np.maximum(counts, 1))
        return per_class[self.y].astype(self.x.dtype)

    def fingerprint(self) -> str:
        """Return a hash of everything that a run's numbers depend on."""
        digest = hashlib.sha256()
        arrays = [self.x, self.y, self.weight, self.test, self.shift, self.scale, self.fill]
        for array in (*arrays, *(rows for split in self.splits for rows in split)):
            if array is not None:
                digest.update(f"{array.dtype}{array.shape}".encode())
                digest.update(np.ascontiguousarray(array).data)
        digest.update(f"{self.kind}{self.n_outputs}".encode())
        return digest.hexdigest()


def make_task(
    dataset: "Dataset",
    split: "Split",
    preprocessor: "Preprocessor",
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
            scaled by its own training rows.
        dtype: float32 or float64.
    """
    y, target_shift, target_scale = dataset.y, 0.0, 1.0
    if dataset.task == "regression":
        y = np.asarray(y, np.float64)
        target_shift = float(y[split.train].mean())
        target_scale = float(y[split.train].std()) or 1.0
        y = ((y - target_shift) / target_scale).astype(dtype)[:, None]
    own = (np.asarray(split.train, np.int32), np.asarray(split.validation, np.int32))
    statistics: dict[str, np.ndarray] = {}
    if resamples:
        x = preprocessor.encode(dataset.features)
        parts = [_column_statistics(x, preprocessor, train) for train, _ in (own, *resamples)]
        statistics = {
            name: np.stack([part[i] for part in parts]).astype(dtype)
            for i, name in enumerate(("shift", "scale", "fill"))
        }
    else:
        x = preprocessor.transform(dataset.features)
    return Task(
        x=np.asarray(x, dtype),
        y=y if dataset.task == "regression" else np.asarray(y, np.int32),
        weight=np.ones(len(x), dtype),
        splits=(own, *((np.asarray(t, np.int32), np.asarray(v, np.int32)) for t, v in resamples)),
        test=np.asarray(split.test, np.int32),
        kind=dataset.task,
        n_outputs=len(dataset.classes or ()) if dataset.task == "multiclass" else 1,
        **statistics,
        target_shift=target_shift,
        target_scale=target_scale,
        name=dataset.name,
        classes=tuple(dataset.classes or ()),
    )


def _column_statistics(
    encoded: Float[np.ndarray, "rows features"],
    preprocessor: "Preprocessor",
    rows: Int[np.ndarray, " train"],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return shift, scale and fill of encoded columns, learnt on some rows.

    One-hot columns and indicators stay as they are: which there are was settled by the study's
    own training rows.
    """
    from gradlab.data import FeatureTable, Preprocessor

    shift, scale = np.zeros(encoded.shape[1]), np.ones(encoded.shape[1])
    fill = np.zeros(encoded.shape[1])
    n = len(preprocessor.numeric_names)
    if n:
        table = FeatureTable(preprocessor.numeric_names, encoded[:, :n])
        part = Preprocessor.fit(table, rows, scaling=preprocessor.scaling)
        shift[:n] = part.origin + part.unit * part.shift[:n]
        scale[:n] = part.scale[:n] / part.unit
        fill[:n] = part.fill[:n]
    return shift, scale, fill
