"""MNIST-style idx files: a header of sizes, then numbers, big-endian.

Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits".
"""

import math
from pathlib import Path

import numpy as np
from jaxtyping import Num

from gradlab.data.arrays import Arrays
from gradlab.data.limits import check_memory
from gradlab.data.opening import read_bytes, unreadable
from gradlab.errors import DataError

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def looks_like_idx(path: Path) -> bool:
    """Return whether a file's name says idx (train-images-idx3-ubyte.gz, digits.idx)."""
    name = path.name.lower()
    return "idx" in name.replace("-", ".").split(".") or any(f"idx{i}" in name for i in range(1, 5))


def parse_idx(
    content: bytes, where: str, max_bytes: int | None = None
) -> Num[np.ndarray, "*shape"]:
    """Return the array of an idx file; a view of its bytes where the byte order allows.

    Raises:
        DataError: If the header is not one of idx, or the sizes do not match the length.

    >>> parse_idx(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]), "labels").tolist()
    [7, 8, 9]
    """
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in TYPES:
        raise DataError(
            f"{where} is not an idx file: expected it to begin with 0 0, a type "
            f"({', '.join(hex(code) for code in TYPES)}) and a number of dimensions; "
            f"came {content[:4].hex(' ')}."
        )
    dtype, n_dimensions = np.dtype(TYPES[content[2]]), content[3]
    data_starts = 4 + 4 * n_dimensions
    if len(content) < data_starts or not 1 <= n_dimensions <= 4:
        raise DataError(
            f"{where} is cut short or no idx file: {n_dimensions} dimensions (1 to 4 expected) "
            f"in {len(content)} bytes."
        )
    shape = tuple(int(size) for size in np.frombuffer(content, ">u4", n_dimensions, offset=4))
    expected = data_starts + dtype.itemsize * math.prod(shape)
    if len(content) != expected:
        raise DataError(
            f"{where} says {' x '.join(map(str, shape))} in its header, that is {expected} bytes, "
            f"but holds {len(content)}. It was cut short or damaged: fetch it again."
        )
    if 0 in shape:
        raise DataError(f"{where} holds no data: its sizes are {shape}.")
    array = np.frombuffer(content, dtype, offset=data_starts).reshape(shape)
    if array.dtype == np.uint8:
        return array
    check_memory(where, 2 * array.nbytes, max_bytes)
    return array.astype(array.dtype.newbyteorder("="))


def read_idx_folder(folder: Path, max_bytes: int | None) -> Arrays | None:
    """Read a folder of train and t10k (or test) pairs; None if it holds no idx files."""
    try:
        files = sorted(entry for entry in folder.iterdir() if looks_like_idx(entry))
    except OSError as error:
        raise unreadable(folder, error) from error
    if not files:
        return None
    train = _named(files, "train", "images")
    if train is None:
        listed = ", ".join(file.name for file in files)
        raise DataError(
            f"{folder} holds idx files but no training images (a name with 'train' and 'images'): "
            f"{listed}."
        )
    images, labels = _read_pair(train, max_bytes)
    test = _named(files, "t10k", "images") or _named(files, "test", "images")
    if test is None:
        return _arrays(folder.name, images, labels, n_test=0)
    test_images, test_labels = _read_pair(test, max_bytes)
    if images.shape[1:] != test_images.shape[1:] or images.dtype != test_images.dtype:
        raise DataError(
            f"{folder}: training images are {images.shape[1:]} {images.dtype}, test images "
            f"{test_images.shape[1:]} {test_images.dtype}. They must be alike."
        )
    check_memory(str(folder), images.nbytes + test_images.nbytes, max_bytes)
    both = np.concatenate([images, test_images]), np.concatenate([labels, test_labels])
    return _arrays(folder.name, *both, n_test=len(test_images))


def read_idx_file(path: Path, max_bytes: int | None, need_labels: bool) -> Arrays:
    """Read an images file and, beside it, the labels file that its name points at."""
    if not need_labels:
        images = parse_idx(read_bytes(path, max_bytes), str(path), max_bytes)
        return Arrays(path.name, images, None)
    return _arrays(path.name.split(".")[0], *_read_pair(path, max_bytes), n_test=0)


def _arrays(name: str, images: np.ndarray, labels: np.ndarray, n_test: int) -> Arrays:
    return Arrays(name, images, labels, target_name="label", n_test=n_test, are_labels=True)


def _named(files: list[Path], *parts: str) -> Path | None:
    return next((file for file in files if all(part in file.name.lower() for part in parts)), None)


def _read_pair(path: Path, max_bytes: int | None) -> tuple[np.ndarray, np.ndarray]:
    images = parse_idx(read_bytes(path, max_bytes), str(path), max_bytes)
    wanted = path.name.replace("images", "labels")
    for number in "234":
        wanted = wanted.replace(f"idx{number}", "idx1")
    plain = wanted.removesuffix(".gz")
    beside = [path.with_name(wanted), path.with_name(plain), path.with_name(f"{plain}.gz")]
    found = next((other for other in beside if other != path and other.is_file()), None)
    if found is None:
        raise DataError(
            f"{path} needs a labels file beside it: expected {path.with_name(wanted)}. "
            "Name it like the images file with 'labels' for 'images' and 'idx1' for 'idx3'."
        )
    labels = parse_idx(read_bytes(found, max_bytes), str(found), max_bytes)
    if labels.ndim != 1 or len(labels) != len(images):
        raise DataError(
            f"{found} holds labels of shape {labels.shape} for {len(images)} images in {path}. "
            "Expected one label an image."
        )
    return images, labels
