"""Data that came from memory, kept in the study folder so that the study can be resumed."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from gradlab.data import Dataset, FeatureTable
from gradlab.errors import StudyError
from gradlab.files import write_whole
from gradlab.lab.question import Source

DATA, TEST = "data.parquet", "data-test.parquet"
ARRAYS = "data.safetensors"
"""Images, sequences and texts, which a table can't hold."""

ROWS = ("groups", "time", "until", "test_rows")
GROUPS, TIME = "__groups__", "__time__"


def write_snapshot(dataset: Dataset, source: Source, folder: Path) -> Source:
    """Write a data set into a study folder and return the source that reads it again."""
    import polars as pl

    features = dataset.features
    if features.kind != "table" or dataset.y.ndim > 1:
        write_whole(folder / ARRAYS, _packed(dataset))
        return Source(path=ARRAYS, scaling=source.scaling, ratios=source.ratios, snapshot=True)
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


def read_arrays(path: Path) -> Dataset:
    """Return a data set that `write_snapshot` kept as arrays.

    Raises:
        StudyError: If the file is absent or damaged.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            content = json.loads(file.metadata()["dataset"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        texts = content["texts"]
        shape = content["row_shape"]
        features = FeatureTable(
            tuple(content["names"]),
            arrays["numeric"],
            row_shape=None if shape is None else tuple(shape),
            lengths=arrays.get("lengths"),
            texts=None if texts is None else tuple(texts),
            tokens=content["tokens"],
        )
        classes = content["classes"]
        rows = {name: arrays.get(name) for name in ROWS}
        return Dataset(
            name=content["name"],
            features=features,
            y=arrays["y"],
            task=content["task"],
            classes=None if classes is None else tuple(classes),
            target_name=content["target_name"],
            notes=tuple(content["notes"]),
            **rows,
        )
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise StudyError(f"The study's copy of its data, {path}, can't be read: {error}") from error


def _packed(dataset: Dataset) -> bytes:
    """Return a data set as a safetensors file whose header says the rest."""
    from safetensors.numpy import save

    features = dataset.features
    arrays = {"numeric": features.numeric, "y": dataset.y, "lengths": features.lengths}
    arrays |= {name: getattr(dataset, name) for name in ROWS}
    classes = None if dataset.classes is None else [_plain(label) for label in dataset.classes]
    content = {
        "name": dataset.name,
        "names": list(features.names),
        "row_shape": features.row_shape,
        "texts": features.texts,
        "tokens": features.tokens,
        "task": dataset.task,
        "classes": classes,
        "target_name": dataset.target_name,
        "notes": list(dataset.notes),
    }
    kept = {name: np.ascontiguousarray(a) for name, a in arrays.items() if a is not None}
    return save(kept, metadata={"dataset": json.dumps(content)})


def _plain(label: Any) -> Any:
    return label.item() if isinstance(label, np.generic) else label


def _write(path: Path, frame) -> None:
    import io

    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    write_whole(path, buffer.getvalue())
