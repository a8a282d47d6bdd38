"""Image lists: a text table with a column of paths and a column to predict."""

import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from gradlab.data import columns
from gradlab.data.assemble import per_row, rows_with_target
from gradlab.data.images.listing import Listing
from gradlab.data.images.names import ENDINGS, count, is_picture, some
from gradlab.data.tables import read_table
from gradlab.errors import DataError

SNIFFED_BYTES = 2**16
N_TRIED = 20
A_PICTURE = re.compile(
    rf"({'|'.join(re.escape(ending) for ending in ENDINGS)})[\"'\s]*([,;|\t\r\n]|$)".encode(),
    re.IGNORECASE,
)


def may_be_list(path: Path) -> bool:
    """Return whether the beginning of a text file names pictures."""
    try:
        with path.open("rb") as file:
            return A_PICTURE.search(file.read(SNIFFED_BYTES)) is not None
    except (OSError, ValueError):  # opening it as a table says so
        return False


def read_list(
    path: Path,
    *,
    target: str | int | None = None,
    groups: Any = None,
    time: Any = None,
    header: bool | None = None,
    drop: tuple[str, ...] = (),
    is_surely: bool = False,
    for_prediction: bool = False,
    max_bytes: int | None = None,
) -> Listing | None:
    """Read an image list; None if the table is something else.

    The first column of which every cell ends like the name of a picture holds the paths, relative
    to the table's own folder. A table with more columns than these and a target is a list only if
    at least one of its first pictures exists, or `is_surely`.

    Raises:
        DataError: If a path is missing or leads out of the folder, or there is no target.
    """
    frame, notes = _frame(path, header, max_bytes)
    names = frame.columns
    found = next((name for name in names if name not in drop and _names_pictures(frame[name])), "")
    if not found:
        return None
    folder = os.path.dirname(os.path.abspath(path))
    tried = frame[found].drop_nulls().head(N_TRIED).to_list()
    exist = any(os.path.exists(os.path.join(folder, name)) for name in map(_native, tried))
    if frame.width > 2 and not exist and not is_surely:
        return None
    kept = np.ones(frame.height, bool)
    labels, target_name = None, "class"
    taken = {found}
    orders: dict[str, Any] = {"groups": None, "time": None}
    if not for_prediction:
        others = [name for name in names if name != found]
        if not others:
            raise DataError(
                f"{path} lists pictures (column '{found}') but not what they are of. Add a column "
                "to predict."
            )
        target_name = columns.resolve(others[-1] if target is None else target, names, "target", "")
        if target_name == found:
            raise DataError(f"'{found}' of {path} holds the paths; name another target.")
        if target is None and len(others) > 1:
            notes.append(f"Target: the last column, '{target_name}' (target='…' for another).")
        labels = columns.target_values(frame[target_name], path.name)
        kept, lost = rows_with_target(labels, target_name)
        notes += lost
        labels = labels[kept]
        taken.add(target_name)
        for role, given in (("groups", groups), ("time", time)):
            if isinstance(given, (str, int)):
                name = columns.resolve(given, names, role, path.name)
                orders[role] = _order(frame[name].filter(kept), role)
                taken.add(name)
            elif given is not None:
                orders[role] = per_row(given, role, kept)
        unused = [name for name in names if name not in taken and name not in drop]
        if unused:
            said = "is" if len(unused) == 1 else "are"
            notes.append(
                f"{count(len(unused), 'column')} of the list {said} not used: {some(unused)}."
            )
    shown, paths = _paths(frame[found].filter(kept), path, folder, np.flatnonzero(kept))
    twice = sorted(name for name, n in Counter(shown).items() if n > 1)
    if twice and not for_prediction:
        notes.append(
            f"{count(len(twice))} listed more than once ({some(twice)}): the same picture may "
            "come to train and to test."
        )
    return Listing(
        path.stem,
        tuple(paths),
        tuple(shown),
        labels,
        target_name,
        are_labels=False,
        groups=orders["groups"],
        time=orders["time"],
        notes=tuple(notes),
    )


def _frame(
    path: Path, header: bool | None, max_bytes: int | None
) -> tuple[pl.DataFrame, list[str]]:
    frame, notes = read_table(path, "text", header, max_bytes)
    if header is None and any(is_picture(name) for name in frame.columns):
        # All cells of a list are words, so its first row may pass for a header; a path is none.
        frame, notes = read_table(path, "text", False, max_bytes)
        notes.append(f"{path.name} has no header row (header=True if its first row holds names).")
    return columns.clean(frame), notes


def _names_pictures(column: pl.Series) -> bool:
    present = column.drop_nulls()
    if column.dtype != pl.String or len(present) == 0:
        return False
    return all(is_picture(name) for name in present)


def _order(column: pl.Series, role: str) -> np.ndarray:
    if role == "time":
        return columns.order_values(column)
    columns.group_codes(column)  # refuses empty cells; numbers of two lists would not be the same
    return np.array(column.cast(pl.String).to_list())


def _native(name: str) -> str:
    """Return a path of a list in the form of this system."""
    return name.replace("\\", "/") if os.sep == "/" else name


def _paths(
    column: pl.Series, path: Path, folder: str, rows: np.ndarray
) -> tuple[list[str], list[str]]:
    """Return the pictures' names in the folder and their full paths, none outside the folder."""
    shown, paths = [], []
    inside = os.path.join(os.path.realpath(folder), "")
    real_folders: dict[str, str] = {}
    for row, cell in zip(rows, column, strict=True):
        if cell is None:
            raise DataError(f"{path}, row {row + 1}: no path. Fill it in or remove the row.")
        name = os.path.normpath(_native(cell))
        full = os.path.join(folder, name)
        above = os.path.dirname(full)
        if above not in real_folders:  # asked once a folder: it takes a system call a level
            real_folders[above] = os.path.join(os.path.realpath(above), "")
        real = os.path.realpath(full) if os.path.islink(full) else real_folders[above]
        if not real.startswith(inside):
            raise DataError(
                f"{path}, row {row + 1}: {cell!r} leads out of the list's folder. Give paths "
                "relative to the list, and put it beside or above the pictures."
            )
        shown.append(name)
        paths.append(full)
    return shown, paths
