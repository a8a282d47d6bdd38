"""Which pictures a data set has, and what each is of: folders of classes."""

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
from jaxtyping import Float64, Shaped

from gradlab.data.idx import looks_like_idx
from gradlab.data.images.names import count, is_hidden, is_picture, readable, some
from gradlab.data.opening import unreadable
from gradlab.errors import DataError

PARTS = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
}
"""Folders that part a data set, by their names in small letters."""

STRAY = 10
"""With more files of another kind a picture, a folder is of that kind (texts, recordings)."""

LOOKED_AT = 10_000
"""A folder whose first entries hold no picture is taken for something else."""


@dataclass(frozen=True, eq=False)
class Listing:
    """Pictures by name, none of them opened yet; the last `n_test` are a given test part.

    Attributes:
        name: What to call the data.
        paths: The files.
        shown: Their names as the user knows them, relative to the folder.
        labels: What each is of; None where nothing says so.
        target_name: What the labels are called.
        n_test: Pictures of the test part, which come last.
        are_labels: Whether whole numbers among the labels are names, not quantities.
        groups, time: Columns of an image list, one value a picture.
        notes: What was decided, to be said aloud.
    """

    name: str
    paths: tuple[str, ...]
    shown: tuple[str, ...]
    labels: Shaped[np.ndarray, " rows"] | None
    target_name: str = "class"
    n_test: int = 0
    are_labels: bool = True
    groups: Shaped[np.ndarray, " rows"] | None = None
    time: Float64[np.ndarray, " rows"] | None = None
    notes: tuple[str, ...] = ()


@dataclass
class _Found:
    pictures: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)


def list_folder(root: Path) -> Listing | None:
    """List `class/picture.png`, with or without `train/` and `test/` above; None if no pictures.

    Pictures in no class folder are labelled only if there is no class folder at all: then nothing
    is (`labels` is None), which does for prediction. Rows come in the order of their names.

    Raises:
        DataError: For links that lead out of the folder, or parts that can't be told from classes.
    """
    found = _walk(root)
    strays = len(found.others) > STRAY * len(found.pictures)
    if (strays or not found.pictures) and not found.links:
        return None
    if found.links:
        raise DataError(
            f"{root}: {count(len(found.links), 'link')} can't be followed ({some(found.links)}): "
            "a link may lead to a file inside the folder, not out of it and not to a folder. "
            "Copy the files in instead."
        )
    parts = _parts(root, found)
    notes = []
    if found.others:
        notes.append(
            f"{count(len(found.others), 'file')} left out that are no pictures by their names: "
            f"{some(found.others)}."
        )
    depth = 1 if parts is None else 2
    if all(len(PurePosixPath(name).parts) <= depth for name in found.pictures):
        if parts is not None:
            raise DataError(
                f"{root} has parts ({', '.join(sorted(parts))}), but no class folders in them "
                f"(e.g. {readable(found.pictures[0])}). Put the pictures of each class into a "
                "folder of its own, or give a list: a CSV with the columns path and class."
            )
        return _listing(root, found.pictures, None, 0, notes)
    stray = [name for name in found.pictures if len(PurePosixPath(name).parts) <= depth]
    if stray:
        notes.append(
            f"{count(len(stray))} left out that lie beside the class folders: {some(stray)}."
        )
    kept = [name for name in found.pictures if len(PurePosixPath(name).parts) > depth]
    notes += _empty(found, depth)
    n_test = 0
    if parts is not None:
        kept, n_test, said = _by_part(kept, parts)
        notes += said
    labels = [PurePosixPath(name).parts[depth - 1] for name in kept]
    return _listing(root, kept, labels, n_test, notes)


def has_idx(folder: Path) -> bool:
    """Return whether a folder holds MNIST-like files, by their names."""
    try:
        named = [entry.name for entry in folder.iterdir() if looks_like_idx(entry)]
    except OSError as error:
        raise unreadable(folder, error) from error
    return not all(map(is_picture, named))


def list_file(path: Path) -> Listing:
    """List one picture."""
    return Listing(path.stem, (str(path),), (path.name,), None)


def joined(train: Listing, test: Listing) -> Listing:
    """Append a test part that came as a source of its own."""
    for listing in (train, test):
        if listing.n_test:
            raise DataError(f"{listing.name} has a test part of its own; leave test= out.")
    if train.labels is None or test.labels is None:
        unlabelled = train if train.labels is None else test
        raise DataError(
            f"{unlabelled.name} does not say what its pictures are of. Put each class into a "
            "folder of its own, or give a list: a CSV with the columns path and class."
        )
    labels = [train.labels, test.labels]
    are_numbers = [part.dtype.kind in "iuf" for part in labels]
    if are_numbers[0] != are_numbers[1]:  # folders 0, 1 and 2 against folders 0, 1 and other
        labels = [np.array([_text(label) for label in part]) for part in labels]
    return Listing(
        train.name,
        train.paths + test.paths,
        train.shown + test.shown,
        np.concatenate(labels),
        train.target_name,
        len(test.paths),
        train.are_labels,
        _both(train.groups, test.groups, "groups", test.name),
        _both(train.time, test.time, "time", test.name),
        (*train.notes, *(note for note in test.notes if note not in train.notes)),
    )


def _both(
    train: np.ndarray | None, test: np.ndarray | None, role: str, where: str
) -> np.ndarray | None:
    if (train is None) != (test is None):
        raise DataError(
            f"Only one of the training and the test part has {role}; {where} must be a list with "
            "the same columns."
        )
    return None if train is None or test is None else np.concatenate([train, test])


def _walk(root: Path) -> _Found:
    found, seen = _Found(), 0
    inside = os.path.join(os.path.realpath(root), "")
    folders = [""]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(os.path.join(root, folder)) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            raise unreadable(root / folder, error) from error
        for entry in listed:
            name = f"{folder}/{entry.name}" if folder else entry.name
            if is_hidden(entry.name):
                continue
            seen += 1
            if entry.is_symlink() and _is_bad_link(entry, inside):
                found.links.append(name)
            elif entry.is_dir(follow_symlinks=False):
                found.folders.append(name)
                folders.append(name)
            else:
                (found.pictures if is_picture(entry.name) else found.others).append(name)
        if seen > LOOKED_AT and not found.pictures:
            break
    for names in (found.pictures, found.others, found.folders, found.links):
        names.sort()
    return found


def _is_bad_link(entry: os.DirEntry, inside: str) -> bool:
    """Return whether a link would bring in pictures that do not lie in the folder."""
    if entry.is_dir():  # even one inside would count pictures twice
        try:
            with os.scandir(entry.path) as entries:
                return any(is_picture(below.name) for below in entries)
        except OSError:
            return False
    return is_picture(entry.name) and not os.path.realpath(entry.path).startswith(inside)


def _parts(root: Path, found: _Found) -> set[str] | None:
    """Return the folders train, test, … if the data set is parted so, else None."""
    tops = {name.split("/")[0] for name in found.pictures if "/" in name}
    named = {top for top in tops if top.lower() in PARTS}
    kinds = Counter(PARTS[top.lower()] for top in named)
    others = sorted(tops - named)
    if "train" not in kinds or (len(kinds) == 1 and others):
        return None  # a class may be called train
    if others:
        raise DataError(
            f"{root} has the parts {', '.join(sorted(named))} and beside them folders with "
            f"pictures of their own ({some(others)}). Name the folder of classes that you mean, "
            "or move the others away."
        )
    twice = [kind for kind, n in kinds.items() if n > 1]
    if twice:
        same = sorted(top for top in named if PARTS[top.lower()] == twice[0])
        raise DataError(f"{root} has two {twice[0]} parts, {' and '.join(same)}. Keep one.")
    return named


def _by_part(names: list[str], parts: set[str]) -> tuple[list[str], int, list[str]]:
    """Order names by part, the test part last; return them, its size, and notes."""
    by_kind: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
    folder_of = {PARTS[part.lower()]: part for part in parts}
    for name in names:
        by_kind[PARTS[name.split("/")[0].lower()]].append(name)
    notes = []
    validation, test = by_kind["validation"], by_kind["test"]
    if validation and not test:
        test, validation = validation, []
        notes.append(f"Without a folder test/, {folder_of['validation']}/ is the test part.")
    elif validation:
        notes.append(
            f"The pictures of {folder_of['validation']}/ join the training part; validation rows "
            "are drawn from it."
        )
    return by_kind["train"] + validation + test, len(test), notes


def _empty(found: _Found, depth: int) -> list[str]:
    """Say which class folders hold no pictures."""
    filled = {
        "/".join(name.split("/")[:level]) for name in found.pictures for level in range(depth + 1)
    }
    empty = [
        f"{name}/"
        for name in found.folders
        if name.count("/") < depth and name not in filled and name.rpartition("/")[0] in filled
    ]
    if not empty:
        return []
    if len(empty) == 1:
        return [f"Folder {readable(empty[0])} holds no pictures: it is no class."]
    return [f"{count(len(empty), 'folder')} hold no pictures and are no classes: {some(empty)}."]


def _listing(
    root: Path, names: list[str], labels: list[str] | None, n_test: int, notes: list[str]
) -> Listing:
    strange = [label for label in labels or () if readable(label) != label]
    if strange:
        raise DataError(
            f"{root}: the folder {readable(strange[0])} has a name that is no text, so it can't "
            "name a class. Rename it."
        )
    paths = tuple(os.path.join(root, name) for name in names)
    name = root.resolve().name or "images"
    shown = tuple(names)
    return Listing(name, paths, shown, _as_labels(labels), "class", n_test, notes=tuple(notes))


def _text(label: str | np.generic) -> str:
    return label if isinstance(label, str) else f"{label:g}"


def _as_labels(labels: list[str] | None) -> np.ndarray | None:
    """Return class names; as whole numbers if all are, so that 10 comes after 9."""
    if labels is None:
        return None
    if all(label.isascii() and label.isdigit() and str(int(label)) == label for label in labels):
        return np.array([int(label) for label in labels])
    return np.array(labels)
