"""Rows without a target: none is cut off, and what can't be a number is left out aloud."""

import numpy as np
import polars as pl
import pytest
from PIL import Image

from gradlab.data.unlabelled import load_unlabelled
from gradlab.errors import DataError


@pytest.fixture
def customers(tmp_path):
    """A table with an ID, free text, a nominal column and missing cells."""
    n = 30
    frame = pl.DataFrame(
        {
            "id": range(1, n + 1),
            "email": [f"p{i}@x.org" for i in range(n)],
            "age": [None if i == 3 else 20.0 + i for i in range(n)],
            "shop": [("north", "south")[i % 2] for i in range(n)],
        }
    )
    path = tmp_path / "customers.csv"
    frame.write_csv(path)
    return path


def test_every_column_of_a_table_is_a_feature(customers):
    found = load_unlabelled(customers)
    assert found.features.names == ("age", "shop")
    assert (found.labels, found.label_name) == (None, "")
    said = " ".join(found.notes)
    assert "'id' numbers the rows: left out" in said
    assert "'email' holds IDs or names, 30 different ones in 30 rows: left out" in said
    assert "target='shop'" in said, "a last column of few names may be the answer"


def test_a_target_is_held_beside_the_rows(customers):
    found = load_unlabelled(customers, target="shop")
    assert found.features.names == ("age",)
    assert found.labels is not None
    assert found.labels[:2].tolist() == ["north", "south"]
    with pytest.raises(DataError, match="Did you mean 'shop'"):
        load_unlabelled(customers, target="shopp")


def test_a_missing_label_is_none_and_keeps_its_row(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("x,kind\n1,a\n2,\n3,b\n")
    found = load_unlabelled(path, target="kind")
    assert found.features.n_rows == 3
    assert found.labels is not None
    assert found.labels.tolist() == ["a", None, "b"]


@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_a_single_array_keeps_its_last_column(ending, tmp_path):
    x = np.arange(12.0).reshape(4, 3)
    path = tmp_path / f"a.{ending}"
    np.save(path, x) if ending == "npy" else np.savez(path, X=x)
    assert load_unlabelled(path).features.numeric.tolist() == x.tolist()
    cut = load_unlabelled(path, target=2)
    assert cut.features.numeric.tolist() == x[:, :2].tolist()
    assert cut.labels is not None
    assert cut.labels.tolist() == ["2", "5", "8", "11"]


def test_arrays_that_come_with_their_target_take_no_other(tmp_path):
    x, y = np.arange(12.0).reshape(4, 3), np.arange(4)
    for target in (0, "x0"):
        with pytest.raises(DataError, match="comes with its target, 'target'"):
            load_unlabelled((x, y), target=target)


def test_labels_keep_all_their_digits():
    y = np.array([1_234_567.0, 1_234_568.0, 0.1234567891, 1e20])
    found = load_unlabelled((np.arange(8.0).reshape(4, 2), y))
    assert found.labels is not None
    assert found.answers is not None
    assert found.labels.tolist() == ["1234567", "1234568", "0.1234567891", "1e+20"]
    np.testing.assert_array_equal(found.answers, y)


def test_pictures_without_labels(tmp_path):
    for i in range(3):
        Image.new("L", (5, 4), 40 * i).save(tmp_path / f"{i}.png")
    found = load_unlabelled(tmp_path)
    assert found.features.row_shape == (4, 5, 1)
    assert found.labels is None
    with pytest.raises(DataError, match="pictures without labels"):
        load_unlabelled(tmp_path, target="class")


def test_pictures_in_class_folders_bring_their_labels(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for i in range(2):
            Image.new("L", (5, 4), 40 * i).save(tmp_path / name / f"{i}.png")
    found = load_unlabelled(tmp_path)
    assert found.labels is not None
    assert found.labels.tolist() == ["cat", "cat", "dog", "dog"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        ("a,b\n", "no data below it"),
        ("word word\nword\n", "holds 1 row"),
        ("a\n1\n1\n1\n", "no feature is left"),
    ],
)
def test_tables_with_nothing_to_look_at(content, words, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(content)
    with pytest.raises(DataError, match=words):
        load_unlabelled(path)


def test_sequences_are_refused(tmp_path):
    path = tmp_path / "a.ts"
    path.write_text(
        "@problemName A\n@univariate true\n@classLabel true a b\n@data\n1,2,3:a\n2,3,4:b\n"
    )
    with pytest.raises(DataError, match="sequences or texts"):
        load_unlabelled(path)
