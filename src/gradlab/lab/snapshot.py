"""Data that came from memory, kept in the study folder so that the study can be resumed."""

from pathlib import Path

import numpy as np

from gradlab.data import Dataset
from gradlab.errors import StudyError
from gradlab.files import write_whole
from gradlab.lab.question import Source

DATA, TEST = "data.parquet", "data-test.parquet"
GROUPS, TIME = "__groups__", "__time__"


def write_snapshot(dataset: Dataset, source: Source, folder: Path) -> Source:
    """Write a data set into a study folder and return the source that reads it again."""
    import polars as pl

    features = dataset.features
    numeric = {name: features.numeric[:, i] for i, name in enumerate(features.numeric_names)}
    columns: dict = {
        name: numeric[name] if name in numeric else features.nominal[name].values()
        for name in features.names
    }
    target = dataset.target_name
    if target in columns:
        raise StudyError(f"The target and a column are both called '{target}'. Rename one of them.")
    if dataset.classes is None:
        columns[target] = dataset.y
    else:
        labels = dataset.classes
        columns[target] = [labels[i] for i in dataset.y]
    if dataset.groups is not None:
        columns[GROUPS] = dataset.groups
    if dataset.time is not None:
        columns[TIME] = dataset.time
    frame = pl.DataFrame(columns, strict=False)
    is_test = np.zeros(dataset.n_rows, bool)
    if dataset.test_rows is not None:
        is_test[dataset.test_rows] = True
        _write(folder / TEST, frame.filter(pl.Series(is_test)))
    _write(folder / DATA, frame.filter(pl.Series(~is_test)))
    return source.model_copy(
        update={
            "path": DATA,
            "target": target,
            "task": dataset.task,
            "groups": GROUPS if dataset.groups is not None else None,
            "time": TIME if dataset.time is not None else None,
            "test": TEST if dataset.test_rows is not None else None,
            "drop": (),
            "header": None,
            "snapshot": True,
        }
    )


def _write(path: Path, frame) -> None:
    import io

    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    write_whole(path, buffer.getvalue())
