"""From rows without an answer to the numbers that distances and variances are taken of."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int

from gradlab.data import Preprocessor
from gradlab.data.assemble import leaks
from gradlab.data.images import ImageSize
from gradlab.data.unlabelled import Unlabelled, load_unlabelled
from gradlab.errors import DataError, RecipeError, unknown

Scaling = Literal["auto", "standard", "minmax", "none"]
SCALINGS = ("auto", "standard", "minmax", "none")

SMALL = 2_000_000
"""So many numbers are taken with 64 bits; more with 32, as they come out of preprocessing."""

MOST_CLASSES = 60
"""A column of more different values is no column of classes."""


@dataclass(frozen=True, eq=False)
class Inputs:
    """Rows as numbers.

    Attributes:
        data: As it was read.
        x: One row an example; scaled, without missing cells.
        names: Of the columns of x.
        preprocessor: What made them; `in_own_units` goes back.
        scaling: "standard", "minmax" or "none".
        image_shape: (height, width, channels) of pictures, else None.
        label_codes: Index into `classes` of each row, -1 where unknown; None if nothing is known.
        classes: The known labels, sorted.
        notes: What was decided, one sentence each.
    """

    data: Unlabelled
    x: Float[np.ndarray, "rows columns"]
    names: tuple[str, ...]
    preprocessor: Preprocessor
    scaling: str
    image_shape: tuple[int, ...] | None
    label_codes: Int[np.ndarray, " rows"] | None
    classes: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def n_rows(self) -> int:
        """Number of examples."""
        return len(self.x)


MOST_LEVELS = 16
"""Pictures without a larger number have so many grey levels, as the built-in digits do."""


def read_inputs(
    data: Any,
    *,
    target: str | int | None = None,
    drop: tuple[str, ...] = (),
    scaling: str = "auto",
    header: bool | None = None,
    image_size: ImageSize | None = None,
) -> Inputs:
    """Read rows and make numbers of them: names one-hot, missing cells filled, columns scaled.

    Args:
        data, target, drop, header, image_size: See `load_unlabelled`.
        scaling: "standard", "minmax", "none", or "auto": standard for tables, none for pictures,
            whose pixels have one unit already.

    Raises:
        DataError: If the data can't be read, or is fewer than two rows.
        RecipeError: For a scaling that does not exist.
    """
    if scaling not in SCALINGS:
        raise RecipeError(unknown("scaling", scaling, SCALINGS))
    read = load_unlabelled(data, target=target, drop=drop, header=header, image_size=image_size)
    features = read.features
    if features.n_rows < 2:
        raise DataError(f"{read.name} holds 1 row; at least 2 are needed to be told apart.")
    is_image = features.kind == "image"
    if scaling == "auto":
        scaling = "none" if is_image else "standard"
    preprocessor = Preprocessor.fit(features, scaling=scaling)
    x = preprocessor.transform(features)
    if is_image and features.numeric.dtype == np.uint8 and scaling == "none":
        x /= 255 if x.max() > MOST_LEVELS else x.max()
    # A column of numbers may be called "c = x", as the value x of a column c is.
    names = distinct(preprocessor.feature_names)
    varies = x.max(axis=0) > x.min(axis=0)
    if not varies.any():
        raise DataError(
            f"All {features.n_rows} rows of {read.name} are the same: there is nothing to tell "
            "them apart by."
        )
    if x.size <= SMALL:
        x = x.astype(np.float64)
    codes, classes = _label_codes(read)
    told = [] if codes is None or len(classes) > MOST_CLASSES else leaks(features, codes)
    return Inputs(
        data=read,
        x=x,
        names=names,
        preprocessor=preprocessor,
        scaling=scaling,
        image_shape=features.row_shape if is_image else None,
        label_codes=codes,
        classes=classes,
        notes=(*read.notes, *told, *_notes(preprocessor, scaling, is_image)),
    )


def in_own_units(
    inputs: Inputs, x: Float[np.ndarray, "some columns"]
) -> Float[np.ndarray, "some columns"]:
    """Return rows of scaled numbers, such as centroids, in the units that the columns came in."""
    made = inputs.preprocessor
    n_numeric = len(made.numeric_names)
    scale = made.scale[:n_numeric].astype(np.float64)
    own = x.astype(np.float64)
    if inputs.image_shape is not None and inputs.scaling == "none":
        return own
    moved = own[:, :n_numeric] / np.where(scale == 0, 1, scale) + made.shift[:n_numeric]
    own[:, :n_numeric] = moved * made.unit + made.origin
    return own


def distinct(names: Sequence[str], taken: Collection[str] = ()) -> tuple[str, ...]:
    """Return names with a number after those that are taken, or that occur more than once.

    >>> distinct(["a", "b", "a", "c"], taken=["c"])
    ('a (1)', 'b', 'a (2)', 'c (1)')
    """
    counts = Counter(names)
    used = {*taken, *(name for name, n in counts.items() if n == 1)}
    found = []
    for name in names:
        number, new = 1, name
        if counts[name] > 1 or name in taken:
            while (new := f"{name} ({number})") in used:
                number += 1
            used.add(new)
        found.append(new)
    return tuple(found)


def few_classes(inputs: Inputs) -> bool:
    """Return whether the known labels are classes, not numbers or names of single rows."""
    return 2 <= len(inputs.classes) <= min(MOST_CLASSES, max(2, inputs.n_rows // 2))


def _label_codes(data: Unlabelled) -> tuple[np.ndarray | None, tuple[str, ...]]:
    if data.labels is None:
        return None, ()
    known = np.array([label is not None for label in data.labels])
    classes, codes = np.unique(data.labels[known].astype(str), return_inverse=True)
    numbers = _as_numbers(classes)
    order = np.argsort(numbers) if numbers is not None else np.arange(len(classes))
    place = np.empty(len(classes), np.int64)
    place[order] = np.arange(len(classes))
    all_codes = np.full(len(data.labels), -1)
    all_codes[known] = place[codes]
    return all_codes, tuple(str(name) for name in classes[order])


def _as_numbers(names: np.ndarray) -> np.ndarray | None:
    """Return names as numbers if all are, so that 10 comes after 9."""
    try:
        return names.astype(float)
    except ValueError:
        return None


def _notes(preprocessor: Preprocessor, scaling: str, is_image: bool) -> list[str]:
    if is_image:
        said = "Pixels are taken as they are, black 0 and white 1." if scaling == "none" else ""
        return [said or f"Each pixel is scaled by itself ({scaling})."]
    how = {
        "standard": "Numeric columns are scaled to mean 0 and deviation 1.",
        "minmax": "Numeric columns are scaled to [0, 1].",
        "none": "Numeric columns are not scaled: those with large numbers count most.",
    }
    notes = [how[scaling]] if preprocessor.numeric_names else []
    if preprocessor.numeric_missing:
        n = len(preprocessor.numeric_missing)
        notes.append(
            f"Missing numbers ({n} column{'s' * (n != 1)}: {_some(preprocessor.numeric_missing)}) "
            "become the mean of their column; a column 'is missing' tells them apart."
        )
    if preprocessor.categories:
        n = sum(map(len, preprocessor.categories.values()))
        names = _some(tuple(preprocessor.categories))
        notes.append(f"Columns of names ({names}) become {n} columns of 0 and 1, unscaled.")
    return notes


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
