"""Data that comes as arrays: (X, y), .npy, .npz."""

import math
import zipfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Num, Shaped

from gradlab.data.dataset import FeatureTable
from gradlab.data.limits import check_memory
from gradlab.data.opening import file_size, unreadable
from gradlab.errors import DataError

PAIRS = (
    ("X", "y"),
    ("x", "y"),
    ("data", "target"),
    ("features", "labels"),
    ("images", "labels"),
    ("x_train", "y_train"),
    ("X_train", "y_train"),
)
"""Names under which an .npz file holds features and target, tried in this order."""


@dataclass(frozen=True, eq=False)
class Arrays:
    """Features and target as they came; the last `n_test` rows are a given test part."""

    name: str
    x: Shaped[np.ndarray, "..."]
    y: Shaped[np.ndarray, "..."] | None
    names: tuple[str, ...] | None = None
    target_name: str = "target"
    n_test: int = 0
    are_labels: bool = False
    notes: tuple[str, ...] = ()


def feature_table(
    arrays: Arrays, *, drop: tuple[str, ...] = (), keep_all: bool = False
) -> tuple[FeatureTable, list[str]]:
    """Return the features as a table, and notes on columns left out.

    Images (rows of two or three axes) keep all their pixels, because a pixel's place counts;
    columns that are constant or all missing are left out else (`keep_all` forbids it).

    Raises:
        DataError: If the values are no numbers, or infinite.
    """
    x = arrays.x
    if x.ndim < 2:
        raise DataError(
            f"{arrays.name}: features of shape {x.shape}; expected (rows, columns) or images "
            "(rows, height, width[, channels]). For one feature, use X.reshape(-1, 1)."
        )
    if x.ndim > 4:
        raise DataError(
            f"{arrays.name}: features with {x.ndim} axes; expected (rows, columns) or images "
            "(rows, height, width[, channels]). Flatten the others with reshape."
        )
    if x.shape[0] == 0 or 0 in x.shape[1:]:
        raise DataError(f"{arrays.name} holds no data: features of shape {x.shape}.")
    row_shape = None
    if x.ndim > 2:
        row_shape = (*x.shape[1:], 1) if x.ndim == 3 else x.shape[1:]
        x = x.reshape(len(x), -1)
    x = _supported(x, arrays.name)
    names = arrays.names or tuple(f"x{i}" for i in range(x.shape[1]))
    check_finite(x, names, arrays.name)
    unknown = [name for name in drop if name not in names]
    if unknown:
        raise DataError(f"Can't drop {unknown[0]!r}: {arrays.name} has columns {names[:5]}…")
    if keep_all or row_shape is not None:
        return FeatureTable(names, x, {}, row_shape), []
    useful, notes = useful_columns(x, names)
    useful &= np.array([name not in drop for name in names])
    if not useful.all():
        x = x[:, useful]
        names = tuple(name for name, use in zip(names, useful, strict=True) if use)
    if not names:
        raise DataError(f"{arrays.name}: no feature is left. " + " ".join(notes))
    return FeatureTable(names, x), notes


def _supported(x: np.ndarray, where: str) -> np.ndarray:
    """Return float32, float64 or uint8, without a copy if it is one of them already."""
    if x.dtype in (np.float32, np.float64, np.uint8):
        return x
    if x.dtype == bool:
        return x.astype(np.uint8)
    if x.dtype.kind in "iuf":
        return x.astype(np.float32 if x.dtype.itemsize <= 2 else np.float64)
    raise DataError(
        f"{where}: features of dtype {x.dtype}; expected numbers. "
        "Give text columns as a pandas or Polars frame."
    )


def check_finite(
    x: Num[np.ndarray, "rows columns"], names: tuple[str, ...], where: str, first_row: int = 1
) -> None:
    """Refuse infinite cells (NaN is a missing one), naming column and row."""
    if x.dtype == np.uint8 or x.size == 0 or np.isfinite(_extremes(x)).all():
        return
    row, column = np.argwhere(np.isinf(x))[0]
    raise DataError(
        f"{where}: column '{names[column]}', row {row + first_row} is {x[row, column]}. "
        "Expected finite numbers; mend the cell, or leave it empty if the value is missing."
    )


def _extremes(x: np.ndarray) -> np.ndarray:
    low, high = np.fmin.reduce(x, axis=None), np.fmax.reduce(x, axis=None)
    return np.nan_to_num([low, high], nan=0.0, posinf=np.inf, neginf=-np.inf)


def useful_columns(
    x: Num[np.ndarray, "rows columns"], names: tuple[str, ...]
) -> tuple[np.ndarray, list[str]]:
    """Return which columns vary, and notes on those that do not."""
    if x.dtype == np.uint8:
        empty, constant = np.zeros(len(names), bool), x.min(axis=0) == x.max(axis=0)
    else:
        low, high = np.fmin.reduce(x, axis=0), np.fmax.reduce(x, axis=0)
        empty, constant = np.isnan(low), low == high
        # A constant with missing cells still tells present from missing.
        constant[constant] = ~np.isnan(x[:, constant]).any(axis=0)
    notes = []
    for which, what in ((empty, "has no value in any row"), (constant, "is constant")):
        found = [name for name, is_so in zip(names, which, strict=True) if is_so]
        notes += left_out(found, what)
    return ~(empty | constant), notes


def left_out(names: list[str], what: str) -> list[str]:
    """Return the note on columns left out for one reason, or none.

    >>> left_out(["a"], "is constant")
    ["Column 'a' is constant: left out."]
    """
    if not names:
        return []
    if len(names) == 1:
        return [f"Column '{names[0]}' {what}: left out."]
    shown = ", ".join(f"'{name}'" for name in names[:5]) + (", …" if len(names) > 5 else "")
    return [f"{len(names)} columns are left out because each {what}: {shown}."]


def answers(arrays: Arrays) -> Shaped[np.ndarray, " rows"]:
    """Return the target as one value a row."""
    y = arrays.y
    if y is None:
        raise DataError(
            f"{arrays.name} holds no target. Give features and target together, (X, y)."
        )
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1:
        raise DataError(
            f"{arrays.name}: a target of shape {y.shape}; expected one value a row, ({len(y)},). "
            "From a one-hot code, take y.argmax(axis=1)."
        )
    if len(y) != len(arrays.x):
        raise DataError(
            f"{arrays.name}: {len(arrays.x)} rows of features but {len(y)} target values. "
            "Give one target value for each row."
        )
    return y


def as_array(values: Any, what: str) -> np.ndarray:
    """Return anything array-like as a NumPy array."""
    if hasattr(values, "toarray") and hasattr(values, "nnz"):
        raise DataError(f"{what} is a sparse matrix; expected a dense one. Use {what}.toarray().")
    try:
        array = np.asarray(values)
    except (ValueError, TypeError) as error:
        raise DataError(
            f"{what} can't be made an array ({error}). Are all rows equally long?"
        ) from error
    if np.ma.isMaskedArray(values):
        array = np.ma.filled(np.ma.asarray(values, dtype=np.float64), np.nan)
    return array


def target_array(y: Any) -> np.ndarray:
    """Return a target column, of whatever library, as an array."""
    array = as_array(y, "y")
    return array.astype(str) if array.dtype.kind == "S" else array


def read_npy(path: Path, max_bytes: int | None) -> np.ndarray:
    """Return the array of an .npy file; never unpickles."""
    check_memory(str(path), file_size(path), max_bytes)
    try:
        with path.open("rb") as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except OSError as error:
        raise unreadable(path, error) from error
    except Exception as error:  # NumPy raises nearly anything on a damaged header
        raise _damaged(path, error) from error


def read_npz(path: Path, target: str | int | None, max_bytes: int | None) -> Arrays:
    """Read an .npz file: a pair under one of the names in `PAIRS`, or one array.

    `x_train`, `y_train`, `x_test`, `y_test` make a given test part. In a single array of two axes
    the last column is the target (or the column with index `target`).
    """
    content = npz_content(path, max_bytes)
    for x_name, y_name in PAIRS:
        if x_name in content and y_name in content:
            arrays = Arrays(path.stem, content[x_name], content[y_name])
            test = x_name.replace("train", "test"), y_name.replace("train", "test")
            if test[0] != x_name and all(name in content for name in test):
                arrays = join(arrays, Arrays("test", content[test[0]], content[test[1]]))
            return arrays
    if len(content) == 1:
        return single(next(iter(content.values())), path.stem, target)
    raise DataError(
        f"{path} holds {', '.join(content) or 'no arrays'}; expected a pair such as X and y "
        f"({', '.join(' + '.join(pair) for pair in PAIRS)}). Save it with np.savez(path, X=X, y=y)."
    )


def npz_content(path: Path, max_bytes: int | None) -> dict[str, np.ndarray]:
    """Return the arrays of an .npz file by name; never unpickles."""
    check_memory(str(path), file_size(path), max_bytes)
    try:
        with zipfile.ZipFile(path) as archive:
            needed = sum(entry.file_size for entry in archive.infolist())
            check_memory(f"{path}, unpacked,", needed, max_bytes)
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except DataError:
        raise
    except OSError as error:
        raise unreadable(path, error) from error
    except Exception as error:  # damaged zip, damaged header, pickled objects
        raise _damaged(path, error) from error


def single(array: np.ndarray, name: str, target: str | int | None) -> Arrays:
    """Cut one array of two axes into features and the target column."""
    if array.ndim != 2 or array.shape[1] < 2:
        raise DataError(
            f"{name} is one array of shape {array.shape}; expected (rows, features + target) "
            "or two arrays, X and y."
        )
    width = array.shape[1]
    at = -1 if target is None else target
    names = [f"x{i}" for i in range(width)]
    if isinstance(at, str):
        at = names.index(at) if at in names else width
    if not -width <= at < width:
        raise DataError(
            f"{name} has no target column {target!r}: its columns are x0 to x{width - 1} "
            f"(or the index 0 to {width - 1})."
        )
    at %= width
    kept = [i for i in range(width) if i != at]
    features = array[:, :-1] if at == width - 1 else array[:, kept]
    return Arrays(name, features, array[:, at], tuple(names[i] for i in kept), names[at])


def join(train: Arrays, test: Arrays) -> Arrays:
    """Append a test part."""
    if train.y is None or test.y is None:
        raise DataError(f"{test.name}: the test part needs a target too, (X, y).")
    if train.x.shape[1:] != test.x.shape[1:] or train.y.shape[1:] != test.y.shape[1:]:
        raise DataError(
            f"The test part has rows of shape {test.x.shape[1:]}, the training part "
            f"{train.x.shape[1:]}. They must be alike."
        )
    x, y = np.concatenate([train.x, test.x]), np.concatenate([train.y, test.y])
    return replace(train, x=x, y=y, n_test=len(test.x))


def n_bytes(shape: tuple[int, ...], itemsize: int) -> int:
    """Return the size of an array.

    >>> n_bytes((10, 3), 8)
    240
    """
    return math.prod(shape) * itemsize


def _damaged(path: Path, error: Exception) -> DataError:
    if "pickle" in str(error).lower():
        return DataError(
            f"{path} holds pickled objects, which can run code when read; Gradlab never does. "
            "Save plain arrays of numbers or text (dtype not object)."
        )
    kind = "cut short or damaged" if isinstance(error, (EOFError, zlib.error)) else "not readable"
    return DataError(f"{path} is {kind} ({str(error).splitlines()[0] if str(error) else error!r}).")
