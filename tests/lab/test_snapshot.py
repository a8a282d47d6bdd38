"""Data from memory, written into the study folder and read again without loss."""

import dataclasses

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.datasets import load_iris

from gradlab.data import Preprocessor, load_dataset, split_rows
from gradlab.errors import StudyError
from gradlab.lab.preparation import read_data
from gradlab.lab.question import Source
from gradlab.lab.snapshot import write_snapshot
from gradlab.training.task import make_task


def task_of(dataset):
    split = split_rows(dataset)
    return make_task(dataset, split, Preprocessor.fit(dataset.features, split.train))


def again(dataset, folder):
    """Return a data set after a trip through a study folder."""
    kept = write_snapshot(dataset, Source(), folder)
    assert kept.snapshot
    source = kept.inside(folder)
    return read_data(source.path, source)


def frames(clouds):
    """Return data of every kind, with the options that read it."""
    frame = clouds()
    n = frame.height
    count = pl.Series(np.arange(n))
    digits = pl.Series([str(i % 4) for i in range(n)])  # names that look like numbers
    first = pl.date(2020, 1, 1)
    days = pl.date_range(first, first + pl.duration(days=n - 1), eager=True)
    by_kind = {"target": "kind"}
    return {
        "mixed": (frame, {}),
        "pandas": (frame.to_pandas(), {}),
        "binary of booleans": (frame.with_columns(kind=pl.col("kind") == "a"), {}),
        "integer labels": (frame.with_columns(kind=count % 3 + 5), {}),
        "labels that look like numbers": (frame.with_columns(kind=digits), {}),
        "names that look like numbers": (
            frame.with_columns(colour=digits.cast(pl.Categorical)),
            {},
        ),
        "booleans": (frame.select(pl.col("height") > 0, "kind"), {}),
        "float labels": (frame.with_columns(kind=count % 2 * 1.5), {"task": "binary"}),
        "regression": (frame.drop("kind"), {"target": "height"}),
        "target first": (frame.select("kind", "height"), by_kind),
        "groups": (frame.with_columns(patient=count // 5), by_kind | {"groups": "patient"}),
        "time": (frame.with_columns(day=days), by_kind | {"time": "day"}),
        "test part": (frame, {"test": clouds(30, seed=3)}),
        "arrays": (load_iris(return_X_y=True), {}),
        "float32": ((np.float32(frame[["height"]].to_numpy()) / 3, frame["kind"].to_numpy()), {}),
        "names": ((frame[["height", "colour"]], frame["kind"].rename("target: 'x'")), {}),
    }


NAMES = [
    "mixed", "pandas", "binary of booleans", "integer labels", "labels that look like numbers",
    "names that look like numbers", "booleans", "float labels", "regression", "target first",
    "groups", "time", "test part", "arrays", "float32", "names",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_gives_the_same_task(name, clouds, tmp_path):
    data, options = frames(clouds)[name]
    dataset = load_dataset(data, **options)
    read = again(dataset, tmp_path)
    assert read.task == dataset.task
    assert [str(label) for label in read.classes or ()] == [
        str(label) for label in dataset.classes or ()
    ]
    assert read.target_name == dataset.target_name
    before, after = task_of(dataset), task_of(read)
    for field in ("x", "y", "weight", "test"):
        np.testing.assert_array_equal(getattr(after, field), getattr(before, field))
    for mine, theirs in zip(after.splits[0], before.splits[0], strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert after.fingerprint() == before.fingerprint()


def test_every_kind_of_data_is_tried(clouds):
    assert list(frames(clouds)) == NAMES


def test_is_stable_once_written(clouds, tmp_path):
    first = again(load_dataset(clouds()), tmp_path)
    second = again(first, tmp_path)
    assert dataclasses.replace(second, name="", notes=()).fingerprint == first.fingerprint


def test_keeps_rows_that_nobody_needs_out_of_the_way(clouds, tmp_path):
    frame = clouds().with_columns(kind=pl.Series([None, *clouds()["kind"][1:]]))
    dataset = load_dataset(frame)
    assert again(dataset, tmp_path).n_rows == dataset.n_rows == 59


def test_a_target_called_like_a_column_is_refused(tmp_path):
    frame = pd.DataFrame({"y": np.arange(20.0), "x": np.arange(20.0) % 3})
    dataset = load_dataset((frame, pd.Series(np.arange(20) % 2, name="z")))
    with pytest.raises(StudyError, match="both called 'y'"):
        write_snapshot(dataclasses.replace(dataset, target_name="y"), Source(), tmp_path)
