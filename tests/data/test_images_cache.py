"""The cache: decoded once, used again, never half, never stale, never trusted when damaged."""

import json
import multiprocessing
import os
import threading
import zlib

import numpy as np
import pytest
from PIL import Image

from gradlab import process
from gradlab.data import load_dataset
from gradlab.data.images import cache, reading
from gradlab.errors import DataError


@pytest.fixture(autouse=True)
def cache_folder(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setattr(process, "cache_folder", lambda: folder)
    return folder / "images"


@pytest.fixture
def pets(tmp_path):
    """Return a folder of two classes with three grey pictures each."""
    root = tmp_path / "pets"
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (root / name).mkdir(parents=True)
        for j in range(3):
            Image.fromarray(rng.integers(0, 256, (7, 5), np.uint8)).save(root / name / f"{j}.png")
    return root


@pytest.fixture
def decoded(monkeypatch):
    """Return the list of files decoded since the test began."""
    files = []
    real = reading.decode
    monkeypatch.setattr(
        reading, "decode", lambda path, shape: files.append(path) or real(path, shape)
    )
    return files


def kept(cache_folder):
    return sorted(cache_folder.glob("*.pixels"))


def test_decoded_once_and_mapped(pets, decoded, cache_folder):
    first = load_dataset(pets)
    assert len(decoded) == 6
    second = load_dataset(pets)
    assert len(decoded) == 6
    np.testing.assert_array_equal(first.features.numeric, second.features.numeric)
    assert first.notes == second.notes
    assert first.fingerprint == second.fingerprint
    assert isinstance(second.features.numeric, np.memmap)
    assert not second.features.numeric.flags.writeable
    assert len(kept(cache_folder)) == 1


@pytest.mark.parametrize("change", ["content", "time", "new", "gone", "renamed", "size", "skip"])
def test_what_changes_is_decoded_again(pets, decoded, change):
    load_dataset(pets)
    options = {}
    path = pets / "cat" / "0.png"
    if change == "content":
        Image.new("L", (7, 5), 9).save(path)
    elif change == "time":
        os.utime(path, ns=(1, 1))
    elif change == "new":
        Image.new("L", (5, 7), 9).save(pets / "cat" / "new.png")
    elif change == "gone":
        path.unlink()
    elif change == "renamed":
        path.rename(pets / "cat" / "9.png")
    else:
        options = {"image_size": 4} if change == "size" else {"unreadable": "skip"}
    decoded.clear()
    load_dataset(pets, **options)
    assert len(decoded) == {"new": 7, "gone": 5}.get(change, 6)


def test_other_labels_use_the_same_pixels(pets, decoded):
    path = pets / "list.csv"
    path.write_text("f,y\ncat/0.png,u\ncat/1.png,v\n")
    load_dataset(path)
    decoded.clear()
    path.write_text("f,y\ncat/0.png,v\ncat/1.png,w\n")
    assert load_dataset(path).classes == ("v", "w")
    assert decoded == []


def damage(path, kind):
    content = bytearray(path.read_bytes())
    if kind == "cut":
        content = content[: len(content) // 2]
    elif kind == "empty":
        content = b""
    elif kind == "longer":
        content += b"x"
    elif kind == "pixel":
        content[10] ^= 1
    elif kind == "said":
        content[-cache.TRAILER.size - 5] ^= 1
    elif kind == "trailer":
        content[-3] ^= 1
    elif kind == "garbage":
        content = os.urandom(len(content))
    elif kind == "shape":  # sums that are right, a shape that is not
        *_, length, _, pixel_sum = cache.TRAILER.unpack(content[-cache.TRAILER.size :])
        end = len(content) - cache.TRAILER.size
        said = json.loads(bytes(content[end - length : end]))
        said["shape"] = [2, 2, 2, 1]
        text = json.dumps(said).encode()
        trailer = cache.TRAILER.pack(cache.MAGIC, len(text), zlib.crc32(text), pixel_sum)
        content = content[: end - length] + text + trailer
    path.write_bytes(content)


@pytest.mark.parametrize(
    "kind", ["cut", "empty", "longer", "pixel", "said", "trailer", "garbage", "shape"]
)
def test_a_damaged_file_is_made_again(pets, decoded, cache_folder, kind):
    expected = np.array(load_dataset(pets).features.numeric)
    (path,) = kept(cache_folder)
    damage(path, kind)
    decoded.clear()
    np.testing.assert_array_equal(load_dataset(pets).features.numeric, expected)
    assert len(decoded) == 6
    decoded.clear()
    load_dataset(pets)
    assert decoded == []


def test_refused_pictures_leave_nothing(pets, cache_folder):
    (pets / "dog" / "2.png").write_bytes(b"x")
    with pytest.raises(DataError):
        load_dataset(pets)
    assert list(cache_folder.iterdir()) == []


def test_what_is_skipped_is_remembered(pets, decoded):
    (pets / "dog" / "0.png").write_bytes(b"x")
    first = load_dataset(pets, unreadable="skip")
    decoded.clear()
    second = load_dataset(pets, unreadable="skip")
    assert decoded == []
    assert first.notes == second.notes
    assert second.y.tolist() == [0, 0, 0, 1, 1]
    np.testing.assert_array_equal(first.features.numeric, second.features.numeric)


def test_interrupted_work_leaves_nothing(pets, cache_folder, monkeypatch):
    def interrupt(path, shape):
        raise KeyboardInterrupt

    monkeypatch.setattr(reading, "decode", interrupt)
    with pytest.raises(KeyboardInterrupt):
        load_dataset(pets)
    assert list(cache_folder.iterdir()) == []


def test_abandoned_files_are_removed_and_young_ones_left(pets, cache_folder):
    cache_folder.mkdir(parents=True)
    old, young = (cache_folder / f"{cache.UNFINISHED}{name}" for name in ("old", "young"))
    old.write_bytes(b"x")
    young.write_bytes(b"x")
    os.utime(old, (1, 1))
    load_dataset(pets)
    assert not old.exists()
    assert young.exists()


def test_a_cache_that_cannot_be_written_costs_memory_only(pets, monkeypatch, tmp_path):
    expected = np.array(load_dataset(pets).features.numeric)
    blocked = tmp_path / "file"
    blocked.write_bytes(b"x")
    monkeypatch.setattr(process, "cache_folder", lambda: blocked)
    dataset = load_dataset(pets)
    np.testing.assert_array_equal(dataset.features.numeric, expected)
    assert any("held in memory, because" in note for note in dataset.notes)
    with pytest.raises(DataError, match=r"needs about .* more than"):
        load_dataset(pets, max_bytes=10)


def test_a_full_disk(pets, monkeypatch, cache_folder):
    free = type("Usage", (), {"free": 0})
    monkeypatch.setattr("shutil.disk_usage", lambda path: free)
    dataset = load_dataset(pets)
    assert any("0.0 MiB are free" in note for note in dataset.notes)
    assert list(cache_folder.iterdir()) == []
    monkeypatch.undo()
    monkeypatch.setattr(process, "cache_folder", lambda: cache_folder.parent)

    def full(self, rows):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache.Writer, "add", full)
    with pytest.raises(DataError, match=r"No space left on device\. Free space there"):
        load_dataset(pets)
    assert list(cache_folder.iterdir()) == []


def test_two_threads_at_once(pets, cache_folder):
    results, start = [], threading.Barrier(4)

    def load():
        start.wait()
        results.append(np.array(load_dataset(pets).features.numeric))

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert all((result == results[0]).all() for result in results)
    assert len(list(cache_folder.iterdir())) == 1


def _load_elsewhere(folder, cached, gate, sums):
    process.cache_folder = lambda: cached
    gate.wait()
    sums.put(int(load_dataset(folder).features.numeric.astype(int).sum()))


def test_two_processes_at_once(pets, cache_folder):
    context = multiprocessing.get_context("spawn")
    gate, sums = context.Barrier(2), context.Queue()
    target = (pets, cache_folder.parent, gate, sums)
    workers = [context.Process(target=_load_elsewhere, args=target) for _ in range(2)]
    for worker in workers:
        worker.start()
    found = {sums.get(timeout=60) for _ in workers}
    for worker in workers:
        worker.join()
    assert found == {int(load_dataset(pets).features.numeric.astype(int).sum())}
    assert len(list(cache_folder.iterdir())) == 1


def test_the_order_of_rows_does_not_depend_on_threads(tmp_path):
    values = np.random.default_rng(0).permutation(200)
    for i, value in enumerate(values):
        folder = tmp_path / "ab"[i % 2]
        folder.mkdir(exist_ok=True)
        side = 400 if i % 7 == 0 else 4  # some take longer
        Image.new("L", (side, side), int(value)).save(folder / f"{i:03}.png")
    dataset = load_dataset(tmp_path)
    expected = [*values[::2], *values[1::2]]
    assert dataset.features.numeric[:, 0].tolist() == expected
