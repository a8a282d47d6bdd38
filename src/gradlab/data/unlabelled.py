"""Rows without an answer to learn: what is clustered, reduced or looked at.

`load_dataset` reads what is learnt from, so it needs a target and refuses columns that a network
can't learn from. Here a target is only held beside the rows, and such columns are left out aloud.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from gradlab.data import arrays as arrays_module
from gradlab.data.arrays import Arrays
from gradlab.data.builtin import BUILTIN
from gradlab.data.dataset import FeatureTable
from gradlab.data.examples import Examples
from gradlab.data.images import ImageSize, unlabelled_images
from gradlab.data.images.listing import has_idx, list_folder
from gradlab.data.readers import load_dataset, read_source
from gradlab.data.targets import missing
from gradlab.errors import DataError

FEW_NAMES = 20
"""A last column of so many names at most looks like the answer to what is asked."""


@dataclass(frozen=True, eq=False)
class Unlabelled:
    """Rows to look at.

    Attributes:
        name: What to call them.
        features: The rows.
        labels: What each row is known to be, as text, None where that is missing; None if nothing
            is known. Never among the features.
        label_name: The column that says so; "" if none does.
        notes: What was decided while reading, one sentence each.
        answers: The labels as they came, numbers as numbers; None if nothing is known.
    """

    name: str
    features: FeatureTable
    labels: Shaped[np.ndarray, " rows"] | None = None
    label_name: str = ""
    notes: tuple[str, ...] = ()
    answers: Shaped[np.ndarray, " rows"] | None = None


def load_unlabelled(
    source: Any,
    *,
    target: str | int | None = None,
    drop: Sequence[str] | str = (),
    header: bool | None = None,
    image_size: ImageSize | None = None,
    unreadable: str = "refuse",
    max_bytes: int | None = None,
) -> Unlabelled:
    """Read rows of numbers and names, or pictures, that need no target.

    Args:
        source: Whatever `load_dataset` takes, or an array or pictures without labels.
        target: Column that tells what each row is, by name or index; it is held beside the rows.
            By default the labels that a built-in set, (X, y) or class folders come with, and of a
            table or single array none.
        drop: Columns to leave out.
        header, image_size, unreadable, max_bytes: See `load_dataset`.

    Raises:
        DataError: If the source can't be read, holds sequences or texts, or nothing is left.

    >>> iris = load_unlabelled("iris")
    >>> iris.features.names[0], iris.label_name, iris.labels[0]
    ('sepal length (cm)', 'species', 'setosa')
    """
    drop = (drop,) if isinstance(drop, str) else tuple(drop)
    if _has_labelled_pictures(source):
        data = load_dataset(
            source,
            target=target,
            drop=drop,
            image_size=image_size,
            unreadable=unreadable,
            max_bytes=max_bytes,
        )
        classes = np.array([label_text(label) for label in data.classes or ()], object)
        labels = classes[data.y] if data.classes else label_texts(data.y)
        answers = labels if data.classes else data.y
        return Unlabelled(data.name, data.features, labels, data.target_name, data.notes, answers)
    pictures = unlabelled_images(
        source,
        image_size=image_size,
        header=header,
        unreadable=unreadable,
        max_bytes=max_bytes,
    )
    if pictures is not None:
        _refuse_target(target, drop, str(source))
        return Unlabelled(Path(source).name or "images", pictures[0], notes=pictures[1])
    data = _read(source, target, header, max_bytes)
    if isinstance(data, Examples):
        raise DataError(
            f"{data.name} holds sequences or texts; expected rows of numbers and names. Turn each "
            "into numbers of its own first (means, counts, the codes of an autoencoder)."
        )
    if isinstance(data, Arrays):
        return _of_arrays(data, target, drop)
    return _of_table(data, target, drop, max_bytes)


def _has_labelled_pictures(source: Any) -> bool:
    if not isinstance(source, (str, Path)) or source in BUILTIN or not Path(source).is_dir():
        return False
    listing = None if has_idx(Path(source)) else list_folder(Path(source))
    return listing is not None and listing.labels is not None


def _refuse_target(target: str | int | None, drop: tuple[str, ...], where: str) -> None:
    if target is not None or drop:
        given = f"target={target!r}" if target is not None else f"drop={drop!r}"
        raise DataError(
            f"{where} holds pictures without labels, no columns; {given} can't be chosen. "
            "Leave it out."
        )


def _read(source: Any, target: str | int | None, header: bool | None, max_bytes: int | None) -> Any:
    """Return arrays, examples or a table; a target that is not asked for is not cut off."""
    if isinstance(source, np.ndarray):
        return _cut(Arrays("array", source, None), target)
    if isinstance(source, (str, Path)) and source not in BUILTIN:
        path = Path(source)
        if path.suffix.lower() == ".npz":
            content = arrays_module.npz_content(path, max_bytes)
            if len(content) == 1:
                return _cut(Arrays(path.stem, next(iter(content.values())), None), target)
        if path.suffix.lower() == ".npy":
            return _cut(Arrays(path.stem, arrays_module.read_npy(path, max_bytes), None), target)
    try:
        return read_source(source, target, header, max_bytes)
    except DataError as error:
        # Images without the file of their labels; whatever else was wrong is so again.
        try:
            return read_source(source, target, header, max_bytes, for_prediction=True)
        except DataError:
            raise error from None


def _cut(data: Arrays, target: str | int | None) -> Arrays:
    return data if target is None else arrays_module.single(data.x, data.name, target)


def _of_arrays(data: Arrays, target: str | int | None, drop: tuple[str, ...]) -> Unlabelled:
    if target is not None and (data.y is None or target != data.target_name):
        known = f"'{data.target_name}'" if data.y is not None else "none"
        if not (isinstance(target, int) and _is_cut(data, target)):
            raise DataError(
                f"{data.name} comes with its target, {known}; target={target!r} can't be chosen. "
                "Leave target= out."
            )
    _check_rows(len(data.x) if data.x.ndim else 0, data.name)
    features, left_out = arrays_module.feature_table(data, drop=drop)
    answers = None if data.y is None else arrays_module.answers(data)
    labels = None if answers is None else label_texts(answers)
    name = "" if labels is None else data.target_name
    return Unlabelled(data.name, features, labels, name, (*data.notes, *left_out), answers)


def _is_cut(data: Arrays, target: int) -> bool:
    """Return whether the target is a column that was cut from one array, by its index."""
    return data.names is not None and data.target_name == f"x{target % (len(data.names) + 1)}"


def _of_table(
    data: Any, target: str | int | None, drop: tuple[str, ...], max_bytes: int | None
) -> Unlabelled:
    from gradlab.data import columns

    frame, where = columns.clean(data.frame), data.name
    _check_rows(frame.height, where)
    names = frame.columns
    target = data.target_name if target is None else target
    taken = {columns.resolve(name, names, "drop", where) for name in drop}
    answers, label_name, notes = None, "", list(data.notes)
    if target is not None:
        label_name = columns.resolve(target, names, "target", where)
        answers = columns.target_values(frame[label_name], where)
        taken.add(label_name)
    inputs = frame.select([name for name in names if name not in taken])
    if inputs.width == 0:
        raise DataError(f"{where} has no column left: {', '.join(names[:5])} are all there is.")
    features, left_out = columns.feature_table(inputs, where, max_bytes, leave_out=True)
    last = names[-1]
    if target is None and last in features.nominal:
        n = len(features.nominal[last].categories)
        if n <= FEW_NAMES:
            notes.append(
                f"The last column, '{last}' ({n} names), is one of the columns here. If it is the "
                f"answer and not to be looked at, name it: target='{last}'."
            )
    labels = None if answers is None else label_texts(answers)
    return Unlabelled(where, features, labels, label_name, (*notes, *left_out), answers)


def _check_rows(n_rows: int, where: str) -> None:
    # Every column of one row is constant; better to say what is wrong than to leave all out.
    if n_rows == 1:
        raise DataError(f"{where} holds 1 row; at least 2 are needed to be told apart.")


def label_texts(values: Shaped[np.ndarray, " rows"]) -> Shaped[np.ndarray, " rows"]:
    """Return each label as `label_text` writes it, None where it is missing."""
    lost = missing(values)
    texts = [None if gone else label_text(v) for gone, v in zip(lost, values.tolist(), strict=True)]
    return np.array(texts, object)


def label_text(value: Any) -> str:
    """Return a label as text, all its digits, so that different labels stay different.

    >>> label_text(1234567.0), label_text(0.1), label_text("cat")
    ('1234567', '0.1', 'cat')
    """
    if not isinstance(value, float):
        return str(value)
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
