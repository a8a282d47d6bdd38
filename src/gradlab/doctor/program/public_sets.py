"""Public data sets of case files: MNIST and CIFAR-10 from folders, iris from scikit-learn."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Num
from PIL import Image

from gradlab.data.idx import read_idx_folder
from gradlab.data.images.cifar import read_cifar
from gradlab.data.opening import read_bytes, unreadable
from gradlab.errors import DataError, unknown

Rows = Num[np.ndarray, "..."]
Made = tuple[Rows, Rows]


def public_rows(
    name: str, n_train: int, n_eval: int, folders: Mapping[str, Path], *, seed: int
) -> list[Made]:
    """Return the rows of a public set, in each of the orders that a case may mean.

    Args:
        name: "mnist", "cifar10" or "iris".
        n_train: The first so many images of the training files.
        n_eval: And of the test files.
        folders: Where they are, by name.
        seed: Of the order of iris.

    Raises:
        DataError: If the set is unknown, its folder is not given, or it holds too few images.
    """
    if name == "iris":
        return _iris(n_train + n_eval, seed)
    if name not in ("mnist", "cifar10"):
        raise DataError(unknown("public set", name, ("mnist", "cifar10", "iris")))
    if name not in folders:
        raise DataError(f"The rows of {name} are read from a folder; say which (--{name} DIR).")
    (x_train, y_train), (x_test, y_test) = _images(name, Path(folders[name]))
    if len(x_train) < n_train or len(x_test) < n_eval:
        raise DataError(
            f"{folders[name]} holds {len(x_train)} training and {len(x_test)} test images of "
            f"{name}; a case needs the first {n_train} and {n_eval}."
        )
    x = np.concatenate([x_train[:n_train], x_test[:n_eval]])
    return [(x, np.concatenate([y_train[:n_train], y_test[:n_eval]]))]


def _images(name: str, folder: Path) -> tuple[Made, Made]:
    sheets = sorted(folder.glob("cifar10_batch_*.png")) if name == "cifar10" else []
    if sheets:
        return _sheets(folder)
    arrays = read_idx_folder(folder, None) if name == "mnist" else read_cifar(folder)
    if arrays is None or arrays.y is None:
        wanted = "idx files" if name == "mnist" else "data_batch_1.bin and the other binary files"
        raise DataError(f"{folder} does not hold {name}: expected {wanted}.")
    x, y = arrays.x, arrays.y
    if y.dtype.kind not in "iu":
        y = np.unique(y, return_inverse=True)[1]  # the ten names come in the order of the alphabet
    if x.ndim == 3:
        x = x[..., None]
    n = len(x) - arrays.n_test
    return (x[:n], y[:n].astype(int)), (x[n:], y[n:].astype(int))


def _sheets(folder: Path) -> tuple[Made, Made]:
    """Read PNG sheets, an image a row; sheets 0 … 49 train, 50 and on test."""
    numbers = sorted(int(p.stem.rsplit("_", 1)[1]) for p in folder.glob("cifar10_batch_*.png"))
    parts = []
    for part, chosen in (
        ("train", [i for i in numbers if i < 50]),
        ("test", [i for i in numbers if i >= 50]),
    ):
        text = read_bytes(folder / f"labels_{part}.txt").decode()
        x = np.concatenate([_sheet(folder / f"cifar10_batch_{i}.png") for i in chosen])
        y = np.array(text.split(), int)
        if len(x) != len(y):
            raise DataError(f"{folder}: {len(x)} {part} images, but {len(y)} labels.")
        parts.append((x, y))
    return parts[0], parts[1]


def _sheet(path: Path) -> Rows:
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB")).reshape(-1, 32, 32, 3)
    except OSError as error:
        raise unreadable(path, error) from error


def _iris(n: int, seed: int) -> list[Made]:
    from sklearn.datasets import load_iris

    x, y = (np.asarray(part) for part in load_iris(return_X_y=True))
    order = np.random.default_rng(seed).permutation(len(x))
    return [(x[order][:n], y[order][:n]), (x[:n], y[:n])]
