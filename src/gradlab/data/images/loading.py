"""From a folder, list or file of pictures to a data set, or to the features a model wants."""

from pathlib import Path
from typing import Any

import numpy as np

from gradlab.data import arrays as arrays_module
from gradlab.data.arrays import Arrays
from gradlab.data.assemble import dataset_from_arrays, per_row
from gradlab.data.builtin import BUILTIN
from gradlab.data.dataset import Dataset, FeatureTable
from gradlab.data.images.listing import Listing, has_idx, joined, list_file, list_folder
from gradlab.data.images.names import is_picture
from gradlab.data.images.sizes import ImageSize, parse_size
from gradlab.data.opening import file_size
from gradlab.data.targets import encode_target
from gradlab.errors import DataError

LIST_ENDINGS = (".csv", ".tsv", ".tab", ".txt")
"""Text tables that may be image lists."""


def load_images(
    source: Any,
    *,
    target: str | int | None = None,
    task: str = "auto",
    groups: Any = None,
    time: Any = None,
    test: Any = None,
    header: bool | None = None,
    drop: tuple[str, ...] = (),
    max_bytes: int | None = None,
    image_size: ImageSize | None = None,
    unreadable: str = "refuse",
) -> Dataset | None:
    """Load pictures in files; None if the source is something else.

    Args:
        source: A folder `class/picture.png`, with or without `train/` and `test/` above, or an
            image list.
        target, task, groups, time, test, header, drop, max_bytes: See `load_dataset`.
        image_size: "HEIGHTxWIDTH" in pixels, or one number for squares; the commonest size of the
            training part by default.
        unreadable: "refuse" damaged files, or "skip" them.

    Raises:
        DataError: If pictures can't be read or say nothing to learn.
    """
    asked = image_size is not None or unreadable != "refuse"
    size = parse_size(image_size)
    columns: dict[str, Any] = {"target": target, "groups": groups, "time": time, "drop": drop}
    listing = _listing(source, header, max_bytes, is_surely=asked, **columns)
    if listing is None:
        if asked:
            raise DataError(
                "image_size= and unreadable= are for pictures in files: folders class/picture.png, "
                f"or a CSV of paths and classes. {source!s:.200} is none of these."
            )
        return None
    if test is not None:
        more = _listing(test, header, max_bytes, is_surely=True, **columns)
        if more is None:
            raise DataError(f"The test part must be pictures too; {test!s:.200} holds none.")
        listing = joined(listing, more)
    labels = listing.labels
    if labels is None:
        raise DataError(
            f"{source} holds pictures ({', '.join(listing.shown[:3])}, …) but does not say what "
            "they are of. Put those of each class into a folder of its own, or give a list: a CSV "
            "with the columns path and class."
        )
    # What can't be learnt is found out before minutes of decoding.
    encode_target(labels, task, listing.target_name, are_labels=listing.are_labels)
    orders = {"groups": listing.groups, "time": listing.time}
    for role, given in (("groups", groups), ("time", time)):
        if orders[role] is None and given is not None:
            orders[role] = per_row(given, role, np.ones(len(labels), bool))
    from gradlab.data.images.reading import read_pictures

    pictures = read_pictures(listing, size=size, unreadable=unreadable, max_bytes=max_bytes)
    rows = pictures.rows
    data = Arrays(
        listing.name,
        pictures.pixels,
        labels[rows],
        target_name=listing.target_name,
        n_test=int((rows >= len(labels) - listing.n_test).sum()),
        are_labels=listing.are_labels,
        notes=(*listing.notes, *pictures.notes),
    )
    kept = {role: None if order is None else order[rows] for role, order in orders.items()}
    return dataset_from_arrays(data, task, kept["groups"], kept["time"], ())


def images_like(
    source: Any,
    row_shape: tuple[int, ...] | None,
    *,
    header: bool | None = None,
    unreadable: str = "refuse",
    max_bytes: int | None = None,
) -> FeatureTable | None:
    """Read pictures for prediction, in the shape a model was trained on; None if it is none.

    Rows come in the order of `list_images`. The pixels go to memory, not to the cache.

    Args:
        source: A picture, a folder of pictures (in class folders or not), or an image list (its
            target is not needed).
        row_shape: (height, width, channels) of the training pictures; None if there were none.
        header, max_bytes: See `load_dataset`.
        unreadable: "refuse" damaged files, or "skip" them.

    Raises:
        DataError: If the model was not trained on pictures, or some can't be read.
    """
    listing = _listing(source, header, max_bytes, for_prediction=True)
    if listing is None:
        return None
    if row_shape is None or len(row_shape) != 3:
        raise DataError(
            f"{source} holds pictures, but the model was trained on something else. Give data "
            "like its training data."
        )
    from gradlab.data.images.reading import read_pictures

    pictures = read_pictures(
        listing,
        row_shape=row_shape,
        unreadable=unreadable,
        cached=False,
        max_bytes=max_bytes,
    )
    return _table(listing, pictures.pixels)


def unlabelled_images(
    source: Any,
    *,
    image_size: ImageSize | None = None,
    header: bool | None = None,
    unreadable: str = "refuse",
    max_bytes: int | None = None,
) -> tuple[FeatureTable, tuple[str, ...]] | None:
    """Read pictures without asking what they are of; None if the source is something else.

    Returns:
        The pictures, through the cache, in the order of `list_images`, and what was decided.
    """
    listing = _listing(source, header, max_bytes, for_prediction=True)
    if listing is None:
        return None
    from gradlab.data.images.reading import read_pictures

    pictures = read_pictures(
        listing,
        size=parse_size(image_size),
        unreadable=unreadable,
        max_bytes=max_bytes,
    )
    return _table(listing, pictures.pixels), (*listing.notes, *pictures.notes)


def list_images(source: Any, *, header: bool | None = None) -> tuple[str, ...] | None:
    """Return the names of a source's pictures, one a row of `images_like`; None if it has none."""
    listing = _listing(source, header, for_prediction=True)
    return None if listing is None else listing.shown


def _listing(
    source: Any,
    header: bool | None,
    max_bytes: int | None = None,
    *,
    target: str | int | None = None,
    groups: Any = None,
    time: Any = None,
    drop: tuple[str, ...] = (),
    is_surely: bool = False,
    for_prediction: bool = False,
) -> Listing | None:
    if not isinstance(source, (str, Path)) or source in BUILTIN:
        return None
    path = Path(source)
    try:
        is_folder, is_file = path.is_dir(), path.is_file()
    except (OSError, ValueError):  # a name too long or with a NUL; opening it says so
        return None
    if is_folder:
        listing = None if has_idx(path) else list_folder(path)
        if listing is not None:
            _refuse_columns(listing, target, drop)
        return listing
    if is_picture(path.name):
        file_size(path)
        if not for_prediction:
            raise DataError(
                f"{path} is one picture, and there is nothing to learn from one. Name a folder of "
                "class folders, or a CSV with the columns path and class."
            )
        return list_file(path)
    if not is_file or path.suffix.lower() not in LIST_ENDINGS:
        return None
    from gradlab.data.images.image_list import may_be_list, read_list

    if not may_be_list(path):
        return None
    return read_list(
        path,
        target=target,
        groups=groups,
        time=time,
        header=header,
        drop=drop,
        is_surely=is_surely,
        for_prediction=for_prediction,
        max_bytes=max_bytes,
    )


def _refuse_columns(listing: Listing, target: str | int | None, drop: tuple[str, ...]) -> None:
    if target is not None and target != listing.target_name:
        raise DataError(
            f"{listing.name} comes with its target, the class folders; target={target!r} can't be "
            "chosen. Leave target= out."
        )
    if drop:
        raise DataError(f"{listing.name} holds pictures, no columns; leave drop= out.")


def _table(listing: Listing, pixels: np.ndarray) -> FeatureTable:
    return arrays_module.feature_table(Arrays(listing.name, pixels, None), keep_all=True)[0]
