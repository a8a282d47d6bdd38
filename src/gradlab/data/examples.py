"""Sequences or texts with one answer each: what their readers hand on, and the data set of it."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Shaped

from gradlab.data.assemble import finish, per_row, rows_with_target
from gradlab.data.dataset import Dataset, FeatureTable
from gradlab.errors import DataError


@dataclass(frozen=True, eq=False)
class Examples:
    """Features and answers as they were read; the last `n_test` rows are a given test part.

    Attributes:
        name: What to call the data.
        features: Sequences or texts.
        y: One answer a row; None if the source has none, which is enough for prediction.
        target_name: What the answer is called.
        n_test: Rows of the test part.
        are_labels: The source says that whole numbers are labels.
        groups: Number of each row's group, if asked for.
        time: A number per row to order rows by, if asked for.
        notes: What was decided while reading.
    """

    name: str
    features: FeatureTable
    y: Shaped[np.ndarray, " rows"] | None
    target_name: str = "class"
    n_test: int = 0
    are_labels: bool = False
    groups: np.ndarray | None = None
    time: np.ndarray | None = None
    notes: tuple[str, ...] = ()


def dataset_from_examples(data: Examples, task: str, *, groups: Any = None) -> Dataset:
    """Encode the answers and leave out rows without one.

    Raises:
        DataError: If there are no answers, or nothing can be learnt from them.
    """
    if data.y is None:
        raise DataError(f"{data.name} holds no classes or targets: it can only be predicted on.")
    kept, notes = rows_with_target(data.y, data.target_name)
    rows = np.flatnonzero(kept)
    n_test = int(kept[len(kept) - data.n_test :].sum())
    codes = per_row(groups, "groups", kept) if groups is not None else data.groups
    if groups is None and codes is not None:
        codes = codes[rows]
    return finish(
        name=data.name,
        features=data.features if kept.all() else data.features.take(rows),
        values=data.y[rows],
        task=task,
        target_name=data.target_name,
        groups=codes,
        time=None if data.time is None else data.time[rows],
        n_test=n_test,
        are_labels=data.are_labels,
        notes=[*data.notes, *notes],
    )


def join_examples(train: Examples, test: Examples) -> Examples:
    """Append a test part of the same kind.

    Raises:
        DataError: If the parts are of different kinds or their steps have other features.
    """
    first, second = train.features, test.features
    if first.kind != second.kind:
        raise DataError(f"The test part holds {second.kind}s, the training part {first.kind}s.")
    if first.names != second.names:
        raise DataError(
            f"The steps of {test.name} have features {', '.join(second.names[:5])} "
            f"({len(second.names)}), those of {train.name} {', '.join(first.names[:5])} "
            f"({len(first.names)}). Both parts need the same."
        )
    if train.y is None or test.y is None:
        lacking = train.name if train.y is None else test.name
        raise DataError(f"{lacking} holds no classes or targets; both parts need them.")
    return replace(
        train,
        features=_joined(first, second),
        y=np.concatenate([train.y, test.y]),
        n_test=second.n_rows,
        notes=(*train.notes, *(note for note in test.notes if note not in train.notes)),
    )


def _joined(first: FeatureTable, second: FeatureTable) -> FeatureTable:
    if first.texts is not None and second.texts is not None:
        empty = np.zeros((first.n_rows + second.n_rows, 0), first.numeric.dtype)
        return replace(first, numeric=empty, texts=first.texts + second.texts)
    assert first.row_shape is not None
    assert second.row_shape is not None
    (steps, width), (more_steps, _) = first.row_shape, second.row_shape
    longest = max(steps, more_steps)
    blocks, lengths = [], []
    for table, own in ((first, steps), (second, more_steps)):
        blocks.append(np.pad(table.numeric, ((0, 0), (0, (longest - own) * width))))
        all_real = np.full(table.n_rows, own, np.int32)
        lengths.append(all_real if table.lengths is None else table.lengths)
    together = np.concatenate(lengths)
    return replace(
        first,
        numeric=np.concatenate(blocks),
        row_shape=(longest, width),
        lengths=None if (together == longest).all() else together,
    )
