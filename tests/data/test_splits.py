"""Splits cover the data once, keep shares, groups and time, and say what they could not do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradlab.data import (
    Dataset,
    FeatureTable,
    epoch_batches,
    folds,
    part_sizes,
    split_rows,
    updates_per_epoch,
)
from gradlab.errors import DataError


def dataset(y, **fields):
    y = np.asarray(y)
    task, classes = "regression", None
    if y.dtype.kind == "i":
        classes = tuple(range(int(y.max()) + 1))
        task, y = "multiclass", y.astype(np.int32)
    features = FeatureTable(("a",), np.zeros((len(y), 1)))
    return Dataset("made", features, y, task, classes, "y", **fields)


def check_partition(split, n):
    parts = [split.train, split.validation, split.test]
    assert sorted(np.concatenate(parts).tolist()) == list(range(n))
    assert all((np.diff(part) > 0).all() for part in parts)


@pytest.mark.catalogue("SPL-02")
def test_sizes_of_the_documents():
    rows = dataset(np.arange(100) % 2)
    split = split_rows(rows, ratios=(7, 3))
    assert (len(split.train), len(split.validation), len(split.test)) == (70, 0, 30)
    split = split_rows(rows, ratios=(5, 3, 2))
    assert (len(split.train), len(split.validation), len(split.test)) == (50, 30, 20)
    assert len(split_rows(dataset(np.arange(70_000) % 10), ratios=(0.8, 0.2)).train) == 56_000


@given(st.integers(1, 10_000), st.lists(st.floats(0.01, 10), min_size=1, max_size=4))
def test_part_sizes_are_within_one_of_the_ratio(n, ratios):
    sizes = part_sizes(n, ratios)
    assert sum(sizes) == n
    assert np.abs(np.array(sizes) - n * np.array(ratios) / sum(ratios)).max() < 1 + 1e-6


@pytest.mark.catalogue("SPL-01")
@given(st.integers(12, 300), st.integers(2, 6), st.integers(0, 5))
def test_parts_are_disjoint_cover_all_and_keep_class_shares(n, n_classes, seed):
    y = np.random.default_rng(seed).integers(0, n_classes, n)
    y[: 2 * n_classes] = np.repeat(np.arange(n_classes), 2)
    rows = dataset(y)
    split = split_rows(rows, seed=seed)
    check_partition(split, n)
    sizes = part_sizes(n, (0.6, 0.2, 0.2))
    assert (len(split.train), len(split.validation), len(split.test)) == sizes
    counts = np.bincount(y)
    for part, share in ((split.train, 0.6), (split.validation, 0.2), (split.test, 0.2)):
        apart = np.abs(np.bincount(y[part], minlength=n_classes) - share * counts)
        assert apart.max() <= 3


def test_a_class_of_three_is_in_every_part_and_a_smaller_one_in_training():
    y = np.array([0] * 90 + [1] * 3 + [2] * 2 + [3])
    for seed in range(20):
        split = split_rows(dataset(y), seed=seed)
        check_partition(split, len(y))
        for part in (split.train, split.validation, split.test):
            assert (y[part] == 1).sum() == 1
        assert (y[split.train] == 2).sum() == 2
        assert (y[split.train] == 3).sum() == 1
        assert len(split.train) == 58
        assert any("Class 2 has 2 rows" in note for note in split.notes)


def test_the_seed_decides():
    rows = dataset(np.arange(50) % 2)
    first, again, other = (split_rows(rows, seed=seed).test for seed in (0, 0, 1))
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()


@given(st.integers(3, 30), st.integers(0, 10))
def test_groups_stay_whole(n_groups, seed):
    groups = np.random.default_rng(seed).integers(0, n_groups, 200)
    groups[:3] = [0, 1, 2]
    rows = dataset(np.linspace(0, 1, 200), groups=groups)
    split = split_rows(rows, seed=seed)
    check_partition(split, 200)
    found = [set(groups[p].tolist()) for p in (split.train, split.validation, split.test)]
    assert all(found)
    assert sum(map(len, found)) == len(set(groups.tolist()))


def test_time_orders_the_parts_and_equal_times_stay_together():
    time = np.array([5.0, 1, 2, 3, 3, 3, 3, 8, 9, 10])
    split = split_rows(dataset(np.linspace(0, 1, 10), time=time))
    check_partition(split, 10)
    assert time[split.train].max() < time[split.validation].min()
    assert time[split.validation].max() < time[split.test].min()


def test_a_given_test_part_is_kept():
    test = np.array([3, 50, 99])
    split = split_rows(dataset(np.arange(100) % 2, test_rows=test), ratios=(6, 2, 2))
    check_partition(split, 100)
    assert split.test.tolist() == test.tolist()
    assert (len(split.train), len(split.validation)) == (73, 24)
    assert "came with the data" in split.notes[0]


def test_groups_shared_with_the_given_test_part_are_mentioned():
    groups = np.arange(100) // 10
    rows = dataset(np.arange(100) % 2, groups=groups, test_rows=np.array([5]))
    assert any("1 groups are in the given test part" in note for note in split_rows(rows).notes)


@pytest.mark.parametrize(
    ("ratios", "match"),
    [
        ((1,), "training, validation, test"),
        ((0, 1, 1), "the first above 0"),
        ((0.5, -0.1, 0.6), "from 0"),
        ((np.nan, 1, 1), "from 0"),
        ((0.98, 0.01, 0.01), "validation part would be empty"),
    ],
)
def test_impossible_ratios(ratios, match):
    with pytest.raises(DataError, match=match):
        split_rows(dataset(np.arange(10) % 2), ratios=ratios)


def test_impossible_splits():
    y = np.linspace(0, 1, 20)
    with pytest.raises(DataError, match="too few"):
        split_rows(dataset(y[:2]))
    with pytest.raises(DataError, match="2 groups can't fill 3 parts"):
        split_rows(dataset(y, groups=np.arange(20) % 2))
    with pytest.raises(DataError, match="not both"):
        split_rows(dataset(y, groups=np.arange(20), time=y))
    with pytest.raises(DataError, match="same time"):
        split_rows(dataset(y, time=np.zeros(20)))
    with pytest.raises(DataError, match="one class only"):
        split_rows(dataset(np.repeat([0, 1], [15, 5]), time=y))


def test_a_class_that_training_lacks_is_mentioned():
    rows = dataset(np.array([0, 1] * 8 + [2] * 4), time=np.arange(20.0))
    assert any("can't be learnt: 2" in note for note in split_rows(rows).notes)


@pytest.mark.parametrize("kind", ["classes", "regression", "groups"])
def test_folds_validate_every_row_once(kind):
    y = np.arange(60) % 3 if kind == "classes" else np.linspace(0, 1, 60)
    groups = np.arange(60) // 5 if kind == "groups" else None
    rows = dataset(y, groups=groups, test_rows=np.array([0, 59]))
    found = folds(rows, 4)
    assert sorted(np.concatenate([v for _, v in found]).tolist()) == list(range(1, 59))
    for train, validation in found:
        assert not set(train) & set(validation)
        assert len(train) + len(validation) == 58
        if kind == "classes":
            assert np.ptp(np.bincount(y[validation])) <= 1
        if groups is not None:
            assert not set(groups[train]) & set(groups[validation])


def test_folds_in_time_only_look_back():
    time = np.random.default_rng(0).permutation(30).astype(float)
    for train, validation in folds(dataset(time.copy(), time=time), 3):
        assert time[train].max() < time[validation].min()


@pytest.mark.parametrize("n_splits", [0, 1, 11])
def test_impossible_folds(n_splits):
    with pytest.raises(DataError, match="folds of 10 rows"):
        folds(dataset(np.linspace(0, 1, 10)), n_splits)


@pytest.mark.catalogue("SPL-06")
@given(st.integers(1, 500), st.integers(1, 600), st.integers(0, 3))
def test_an_epoch_visits_every_row_once_in_ceil_updates(n, batch_size, epoch):
    batches = epoch_batches(n, batch_size, epoch=epoch)
    assert len(batches) == updates_per_epoch(n, batch_size) == int(np.ceil(n / batch_size))
    assert sorted(np.concatenate(batches).tolist()) == list(range(n))


def test_batches_need_rows():
    with pytest.raises(DataError, match="start at 1"):
        updates_per_epoch(10, 0)
