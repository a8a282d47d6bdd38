"""CIFAR's binary form; its Python form is refused."""

import numpy as np
import pytest

from gradlab.data import load_dataset
from gradlab.errors import DataError

NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def batch(n, n_labels=1, n_classes=10, seed=0):
    rng = np.random.default_rng(seed)
    labels = (np.arange(n * n_labels) % n_classes).astype(np.uint8).reshape(n, n_labels)
    planes = rng.integers(0, 256, (n, 3, 32, 32), np.uint8)
    return labels, planes, np.hstack([labels, planes.reshape(n, -1)]).tobytes()


def test_cifar_10(tmp_path):
    planes = []
    for number in (1, 2, 10):
        _, colours, content = batch(20, seed=number)
        planes.append(colours)
        (tmp_path / f"data_batch_{number}.bin").write_bytes(content)
    labels, colours, content = batch(20, seed=99)
    (tmp_path / "test_batch.bin").write_bytes(content)
    (tmp_path / "batches.meta.txt").write_text("\n".join(NAMES) + "\n\n")
    dataset = load_dataset(tmp_path)
    assert dataset.classes == tuple(NAMES)
    assert dataset.features.row_shape == (32, 32, 3)
    assert dataset.test_rows.tolist() == list(range(60, 80))
    expected = np.concatenate([*planes, colours]).transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(dataset.features.numeric, expected.reshape(80, -1))
    assert dataset.y[60:].tolist() == labels[:, 0].tolist()


def test_one_batch_without_names(tmp_path):
    path = tmp_path / "data_batch_1.bin"
    path.write_bytes(batch(30)[2])
    dataset = load_dataset(path)
    assert dataset.classes == tuple(range(10))
    assert dataset.test_rows is None


@pytest.mark.parametrize("target", [None, "fine", "coarse"])
def test_cifar_100(tmp_path, target):
    labels, _, content = batch(200, n_labels=2, n_classes=20)
    (tmp_path / "train.bin").write_bytes(content)
    (tmp_path / "test.bin").write_bytes(content)
    (tmp_path / "coarse_label_names.txt").write_text("\n".join(f"c{i:02}" for i in range(20)))
    dataset = load_dataset(tmp_path, target=target)
    assert dataset.target_name == (target or "fine")
    assert len(dataset.test_rows) == 200
    column = labels[:, 0 if target == "coarse" else 1].tolist()
    prefix = "c{:02}".format if target == "coarse" else int
    assert [dataset.classes[i] for i in dataset.y[:200]] == [prefix(label) for label in column]


def test_bad_batches(tmp_path):
    content = batch(30)[2]
    path = tmp_path / "data_batch_1.bin"
    for bad, match in [
        (content[:-1], "92189 bytes, not a multiple of the 3073"),
        (b"", "0 bytes"),
        (b"\x0b" + content[1:], "label 11, but there are 10 classes"),
    ]:
        path.write_bytes(bad)
        with pytest.raises(DataError, match=match):
            load_dataset(tmp_path)
    path.write_bytes(content)
    with pytest.raises(DataError, match="Unknown target 'fine'"):
        load_dataset(tmp_path, target="fine")
    with pytest.raises(DataError, match="needs about"):
        load_dataset(tmp_path, max_bytes=1000)
    path.rename(tmp_path / "test_batch.bin")
    with pytest.raises(DataError, match="no training batches"):
        load_dataset(tmp_path)


def test_pickles_are_refused_with_advice(tmp_path):
    for name in ("data_batch_1", "test_batch", "batches.meta"):
        (tmp_path / name).write_bytes(b"\x80\x02}q\x01.")
    for source in (tmp_path, tmp_path / "data_batch_1"):
        with pytest.raises(DataError, match=r"can run code .*binary version .*unpack it"):
            load_dataset(source)
