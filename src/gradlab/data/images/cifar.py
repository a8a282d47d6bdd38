"""CIFAR-10 and CIFAR-100 in their binary form.

A record is a label byte (CIFAR-100: a coarse and a fine one) and 3 x 32 x 32 bytes, one plane a
colour. Source: Krizhevsky, "Learning multiple layers of features from tiny images", 2009, and
https://www.cs.toronto.edu/~kriz/cifar.html.
"""

import re
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from gradlab.data.arrays import Arrays
from gradlab.data.limits import check_memory
from gradlab.data.opening import file_size, read_bytes, unreadable
from gradlab.errors import DataError, unknown

SHAPE = (32, 32, 3)
PIXELS = 32 * 32 * 3
TRAIN = re.compile(r"data_batch(_\d+)?\.bin|train\.bin")
TEST = re.compile(r"test(_batch)?\.bin")
PICKLED = (
    {"data_batch_1", "test_batch", "batches.meta"},
    {"train", "test", "meta"},
)
"""Files of the Python versions of CIFAR-10 and CIFAR-100."""


def looks_like_cifar(path: Path) -> bool:
    """Return whether a file's name is one of CIFAR's binary form.

    >>> looks_like_cifar(Path("data_batch_1.bin")), looks_like_cifar(Path("weights.bin"))
    (True, False)
    """
    return bool(TRAIN.fullmatch(path.name) or TEST.fullmatch(path.name))


def read_cifar(
    path: Path, target: str | int | None = None, max_bytes: int | None = None
) -> Arrays | None:
    """Read a folder of binary batches, or one file; None if it is something else.

    Args:
        path: A folder with `data_batch_*.bin` and `test_batch.bin` (CIFAR-10) or `train.bin` and
            `test.bin` (CIFAR-100), or one of these files.
        target: "coarse" for the 20 coarse classes of CIFAR-100; its 100 fine ones by default.
        max_bytes: See `check_memory`.

    Raises:
        DataError: If files are pickles, cut short or damaged, or there is no such target.
    """
    try:
        is_folder = path.is_dir()
        files = sorted(path.iterdir(), key=_number) if is_folder else [path]
    except OSError as error:
        raise unreadable(path, error) from error
    except ValueError:  # a NUL in the name: opening it says so
        return None
    train = [file for file in files if TRAIN.fullmatch(file.name)]
    test = [file for file in files if TEST.fullmatch(file.name)]
    if not train and not test:
        _refuse_pickles(path, {file.name for file in files if file.is_file()})
        return None
    if not train and is_folder:
        raise DataError(f"{path} holds {test[0].name} but no training batches; fetch them too.")
    files = train + test
    sizes = [file_size(file) for file in files]
    check_memory(str(path), sum(sizes) + 3 * max(sizes), max_bytes)
    n_label_bytes = _label_bytes(files[0], sizes[0])
    chosen, names = _target(path, n_label_bytes, target)
    record = n_label_bytes + PIXELS
    for file, size in zip(files, sizes, strict=True):
        if size == 0 or size % record:
            raise DataError(
                f"{file} holds {size} bytes, not a multiple of the {record} of a CIFAR record. "
                "It was cut short or damaged: fetch it again."
            )
    n_rows = [size // record for size in sizes]
    pixels, labels = np.empty((sum(n_rows), *SHAPE), np.uint8), np.empty(sum(n_rows), np.int64)
    at = 0
    for file, n in zip(files, n_rows, strict=True):
        content = np.frombuffer(read_bytes(file, max_bytes), np.uint8).reshape(n, record)
        labels[at : at + n] = content[:, n_label_bytes - 1 if chosen != "coarse" else 0]
        pixels[at : at + n] = _upright(content[:, n_label_bytes:])
        at += n
    n_classes = len(names) or {"class": 10, "coarse": 20, "fine": 100}[chosen]
    if labels.max() >= n_classes:
        raise DataError(
            f"{path} holds a label {labels.max()}, but there are {n_classes} classes, counted "
            "from 0. The file is damaged or another kind of .bin: fetch it again."
        )
    y = np.array(names)[labels] if names else labels
    n_test = sum(n_rows[len(train) :]) if train else 0
    return Arrays(
        path.name.split(".")[0], pixels, y, target_name=chosen, n_test=n_test, are_labels=True
    )


def _upright(planes: UInt8[np.ndarray, "rows 3072"]) -> UInt8[np.ndarray, "rows 32 32 3"]:
    return planes.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)


def _number(file: Path) -> tuple[int, str]:
    digits = re.search(r"(\d+)\.bin$", file.name)  # batch 10 comes after batch 9
    return (int(digits[1]) if digits else 0, file.name)


def _label_bytes(file: Path, size: int) -> int:
    if file.name.startswith(("data_batch", "test_batch")):
        return 1
    return 2 if size % (PIXELS + 2) == 0 or size % (PIXELS + 1) else 1


def _target(path: Path, n_label_bytes: int, target: str | int | None) -> tuple[str, list[str]]:
    """Return which label is meant, and the names of its classes, if a file tells them."""
    known = ("class",) if n_label_bytes == 1 else ("fine", "coarse")
    chosen = known[0] if target is None else str(target)
    if chosen not in known:
        raise DataError(unknown("target", chosen, known))
    names_file = "batches.meta.txt" if chosen == "class" else f"{chosen}_label_names.txt"
    folder = path if path.is_dir() else path.parent
    if not (folder / names_file).is_file():
        return chosen, []
    lines = read_bytes(folder / names_file).decode("utf-8", "replace").splitlines()
    names = [line.strip() for line in lines if line.strip()]
    return chosen, names if len(set(names)) == len(names) else []


def _refuse_pickles(path: Path, names: set[str]) -> None:
    folder = path if path.is_dir() else path.parent
    is_one = path.is_file() and path.name in PICKLED[0]
    if not is_one and not any(names >= pickled for pickled in PICKLED):
        return
    sample = path if is_one else folder / ("test_batch" if "test_batch" in names else "test")
    with sample.open("rb") as file:
        if file.read(1) != b"\x80":
            return
    raise DataError(
        f"{path} is the Python version of CIFAR: pickles, which can run code when read; Gradlab "
        "never does. Take the binary version from the same page (cifar-10-binary.tar.gz or "
        "cifar-100-binary.tar.gz), unpack it and name its folder."
    )
