"""Parting rows into training, validation and test data, and into batches.

Training rows fit the weights, validation rows judge techniques and settings, test rows are read
once, at the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from gradlab.data.dataset import Dataset
from gradlab.errors import DataError

Ratios = Sequence[float | int]

PARTS = ("training", "validation", "test")


@dataclass(frozen=True, eq=False)
class Split:
    """Three disjoint, sorted sets of row numbers.

    They cover the data, except for windows that have targets on both sides of a border.
    """

    train: Int[np.ndarray, " train"]
    validation: Int[np.ndarray, " validation"]
    test: Int[np.ndarray, " test"]
    notes: tuple[str, ...] = ()


def part_sizes(n_rows: int, ratios: Ratios) -> tuple[int, ...]:
    """Share out rows in the given ratios, of any sum; what rounding leaves goes to the largest
    remainder.

    >>> part_sizes(100, (5, 3, 2)), part_sizes(70_000, (0.8, 0.2))
    ((50, 30, 20), (56000, 14000))
    """
    shares = np.array(ratios, np.float64)
    if len(shares) == 0 or not np.isfinite(shares).all() or (shares < 0).any() or shares[0] <= 0:
        raise DataError(
            f"Split ratios must be numbers from 0, the first above 0; got {tuple(ratios)}. "
            "Examples: (0.6, 0.2, 0.2), (5, 3, 2), (7, 3)."
        )
    exact = n_rows * shares / shares.sum()
    sizes = np.floor(exact + 1e-9).astype(int)
    left = n_rows - int(sizes.sum())
    sizes[np.argsort(-(exact - sizes), kind="stable")[:left]] += 1
    return tuple(sizes.tolist())


def split_rows(dataset: Dataset, *, ratios: Ratios = (0.6, 0.2, 0.2), seed: int = 0) -> Split:
    """Part the rows of a data set.

    Classes keep their shares in every part (to about one row). Groups stay whole, so shares are
    met as well as the groups allow. With a time, the latest rows are the test part and equal times
    stay together; a window with targets on both sides of a border belongs to no part, so that
    nothing of an earlier part lies in the time of a later part's targets. A test part that came
    with the data is kept, and the rest is parted in the ratio training : validation.

    Args:
        dataset: The rows.
        ratios: Training, validation, test in any unit; two numbers mean training and test.
        seed: Of the shuffling. Not used with a time.

    Raises:
        DataError: If a part that should have rows would have none.

    >>> from gradlab.data import load_dataset
    >>> split = split_rows(load_dataset("iris"), ratios=(5, 3, 2))
    >>> len(split.train), len(split.validation), len(split.test)
    (75, 45, 30)
    """
    train, validation, test = _three(ratios)
    if dataset.groups is not None and dataset.time is not None:
        raise DataError("Split by groups or by time, not both. Leave groups= or time= out.")
    rows = np.arange(dataset.n_rows)
    if dataset.test_rows is not None:
        rows = _before_test(dataset, np.setdiff1d(rows, dataset.test_rows))
        test = 0.0
    ratios = (train, validation, test)
    lost = _rows_at_a_border(dataset, rows)
    n_borders = sum(ratio > 0 for ratio in ratios) - 1
    sizes = part_sizes(max(len(rows) - lost * n_borders, 0), ratios)
    _check_sizes(sizes, ratios, len(rows))
    notes: list[str] = []
    if dataset.time is not None:
        widened = [
            size + lost if size and any(sizes[i + 1 :]) else size for i, size in enumerate(sizes)
        ]
        parts = _by_time(dataset.time[rows], tuple(widened))
        if dataset.until is not None:
            notes += _leave_out_straddling(parts, dataset.time[rows], dataset.until[rows], sizes)
    elif dataset.groups is not None:
        parts = _by_group(dataset.groups[rows], sizes, seed)
        if dataset.test_rows is not None:
            notes += _shared_groups(dataset.groups, rows, dataset.test_rows)
    elif dataset.classes is not None:
        parts, notes = _stratified(dataset.y[rows], sizes, seed, dataset.classes)
    else:
        order = np.random.default_rng(seed).permutation(len(rows))
        parts = np.empty(len(rows), int)
        parts[order] = np.repeat([0, 1, 2], sizes)
    found = [rows[parts == i] for i in range(3)]
    if dataset.test_rows is not None:
        found[2] = np.sort(dataset.test_rows)
        notes.append(f"The test part is the one that came with the data ({len(found[2])} rows).")
    notes += _unlearnable(dataset, found[0])
    return Split(found[0], found[1], found[2], tuple(notes))


def folds(
    dataset: Dataset, n_splits: int, *, seed: int = 0
) -> list[tuple[Int[np.ndarray, " train"], Int[np.ndarray, " validation"]]]:
    """Part the rows outside the test part into n_splits folds, each validation data once.

    Stratified for classes, whole groups with groups. With a time, fold i is trained on all earlier
    blocks of rows (n_splits + 1 blocks), without windows whose targets reach into its validation.

    >>> from gradlab.data import load_dataset
    >>> [len(validation) for _, validation in folds(load_dataset("iris"), 4)]
    [38, 38, 37, 37]
    """
    rows = np.arange(dataset.n_rows)
    if dataset.test_rows is not None:
        rows = _before_test(dataset, np.setdiff1d(rows, dataset.test_rows))
    n_units = len(rows)
    if dataset.groups is not None:
        n_units = len(np.unique(dataset.groups[rows]))
    if not 2 <= n_splits <= n_units - (dataset.time is not None):
        unit = "groups" if dataset.groups is not None else "rows"
        raise DataError(f"{n_splits} folds of {n_units} {unit}: expected 2 to {n_units}.")
    if dataset.time is not None:
        order = rows[np.argsort(dataset.time[rows], kind="stable")]
        blocks = np.array_split(order, n_splits + 1)
        parts = [
            (np.sort(np.concatenate(blocks[:i])), np.sort(blocks[i]))
            for i in range(1, n_splits + 1)
        ]
        return [(_ended_before(dataset, train, part), part) for train, part in parts]
    if dataset.groups is not None:
        sizes = part_sizes(len(rows), [1] * n_splits)
        fold = _by_group(dataset.groups[rows], sizes, seed)
    else:
        shuffled = np.random.default_rng(seed).permutation(len(rows))
        if dataset.classes is not None:
            shuffled = shuffled[np.argsort(dataset.y[rows][shuffled], kind="stable")]
        fold = np.empty(len(rows), int)
        fold[shuffled] = np.arange(len(rows)) % n_splits
    return [(rows[fold != i], rows[fold == i]) for i in range(n_splits)]


def updates_per_epoch(n_rows: int, batch_size: int) -> int:
    """Return the number of batches in one pass: ceil(n_rows / batch_size).

    >>> updates_per_epoch(1000, 32)
    32
    """
    if n_rows < 1 or batch_size < 1:
        raise DataError(f"Rows and batch size start at 1; got {n_rows} rows, batch {batch_size}.")
    return -(-n_rows // batch_size)


def epoch_batches(
    n_rows: int, batch_size: int, *, epoch: int = 0, seed: int = 0
) -> list[Int[np.ndarray, " batch"]]:
    """Return the batches of one epoch: every row once, in an order drawn for the epoch.

    >>> sorted(np.concatenate(epoch_batches(5, batch_size=2)).tolist())
    [0, 1, 2, 3, 4]
    """
    n_batches = updates_per_epoch(n_rows, batch_size)
    order = np.random.default_rng([seed, epoch]).permutation(n_rows)
    return [order[i * batch_size : (i + 1) * batch_size] for i in range(n_batches)]


def _three(ratios: Ratios) -> tuple[float, float, float]:
    given = [float(ratio) for ratio in ratios]
    if len(given) == 2:
        given = [given[0], 0.0, given[1]]
    if len(given) != 3:
        raise DataError(
            f"Split ratios are training, validation, test (or training, test); got {given}."
        )
    part_sizes(1, given)  # checks the numbers
    return given[0], given[1], given[2]


def _check_sizes(sizes: tuple[int, ...], ratios: tuple[float, ...], n_rows: int) -> None:
    for part, size, ratio in zip(PARTS, sizes, ratios, strict=True):
        if ratio > 0 and size == 0:
            raise DataError(
                f"{n_rows} rows are too few: the {part} part would be empty with ratios {ratios}. "
                "Add rows or change the ratios."
            )


def _stratified(
    y: np.ndarray, sizes: tuple[int, ...], seed: int, classes: tuple
) -> tuple[np.ndarray, list[str]]:
    """Deal rows, sorted by class and shuffled within, to the parts at an even pace.

    So every stretch of the sorted rows, and every class is one, has each part's share to about a
    row, while the sizes are met exactly.
    """
    shuffled = np.random.default_rng(seed).permutation(len(y))
    order = shuffled[np.argsort(y[shuffled], kind="stable")]
    parts = np.zeros(len(y), int)
    is_test = _even_pace(len(y), sizes[2])
    parts[order[is_test]] = 2
    rest = order[~is_test]
    parts[rest[_even_pace(len(rest), sizes[1])]] = 1
    counts = np.zeros((len(classes), 3), int)
    np.add.at(counts, (y, parts), 1)
    notes = []
    for label, members in enumerate(counts.sum(axis=1)):
        if 0 < members < 3:
            _swap_in(y, parts, counts, label, to=0, keep=0, everything=True)
            rows = "row" if members == 1 else "rows"
            notes.append(
                f"Class {classes[label]!r} has {members} {rows}, too few for three parts: "
                "all in the training part."
            )
        elif members >= 3:
            for part in range(3):
                if sizes[part] and counts[label, part] == 0:
                    _swap_in(y, parts, counts, label, to=part, keep=1, everything=False)
    return parts, notes


def _swap_in(
    y: np.ndarray,
    parts: np.ndarray,
    counts: np.ndarray,
    label: int,
    *,
    to: int,
    keep: int,
    everything: bool,
) -> None:
    """Exchange rows of a class for rows of the commonest class of part `to`."""
    for source in np.argsort(-counts[label], kind="stable"):
        while source != to and counts[label, source] > keep:
            # Classes of one or two rows are not given away: they belong to training.
            spare = np.where(counts.sum(axis=1) >= 3, counts[:, to], 0)
            spare[label] = 0
            giver = int(spare.argmax())
            if spare[giver] <= 1:
                return
            one = np.flatnonzero((y == label) & (parts == source))[0]
            other = np.flatnonzero((y == giver) & (parts == to))[0]
            parts[one], parts[other] = to, source
            counts[label, source] -= 1
            counts[label, to] += 1
            counts[giver, to] -= 1
            counts[giver, source] += 1
            if not everything:
                return


def _even_pace(n: int, k: int) -> np.ndarray:
    """Return a mask with exactly k of n places, as evenly spread as whole numbers allow."""
    i = np.arange(n + 1, dtype=np.int64)
    return np.diff(i * k // max(n, 1)) > 0


def _by_group(groups: np.ndarray, sizes: tuple[int, ...], seed: int) -> np.ndarray:
    """Give groups, largest first and shuffled among equals, to the part that lacks most rows."""
    _, codes, counts = np.unique(groups, return_inverse=True, return_counts=True)
    wanted = [i for i, size in enumerate(sizes) if size]
    if len(counts) < len(wanted):
        raise DataError(
            f"{len(counts)} groups can't fill {len(wanted)} parts, since a group stays whole. "
            "Use another group column, or ratios with fewer parts."
        )
    shuffled = np.random.default_rng(seed).permutation(len(counts))
    order = shuffled[np.argsort(-counts[shuffled], kind="stable")]
    lacking = np.array(sizes, np.float64)
    empty = set(wanted)
    part_of = np.empty(len(counts), int)
    for place, group in enumerate(order):
        candidates = sorted(empty) if len(order) - place <= len(empty) else wanted
        part = max(candidates, key=lambda i: lacking[i])
        part_of[group] = part
        lacking[part] -= counts[group]
        empty.discard(part)
    return part_of[codes]


def _by_time(time: np.ndarray, sizes: tuple[int, ...]) -> np.ndarray:
    order = np.argsort(time, kind="stable")
    ordered = time[order]
    cuts = []
    for cut in (sizes[0], sizes[0] + sizes[1]):
        if 0 < cut < len(time) and ordered[cut] == ordered[cut - 1]:
            before = int(np.searchsorted(ordered, ordered[cut], side="left"))
            after = int(np.searchsorted(ordered, ordered[cut], side="right"))
            low = cuts[0] if cuts else 0
            cut = before if before > low else after
        cuts.append(cut)
    parts = np.empty(len(time), int)
    parts[order] = np.searchsorted(cuts, np.arange(len(time)), side="right")
    for i, (part, size) in enumerate(zip(PARTS, sizes, strict=True)):
        if size and not (parts == i).any():
            raise DataError(
                f"The {part} part would be empty: too many rows have the same time. "
                "Use a finer time column or other ratios."
            )
    return parts


def _rows_at_a_border(dataset: Dataset, rows: np.ndarray) -> int:
    """Return how many windows a border between parts costs: those that begin before it."""
    if dataset.until is None or dataset.time is None or not len(rows):
        return 0
    time = np.sort(dataset.time[rows])
    later = np.searchsorted(time, dataset.until[rows], side="right")
    return int(np.median(later - np.searchsorted(time, dataset.time[rows], side="right")))


def _leave_out_straddling(
    parts: np.ndarray, time: np.ndarray, until: np.ndarray, sizes: tuple[int, ...]
) -> list[str]:
    """Give windows that reach into the next part's targets to no part (-1)."""
    n_before = int((parts >= 0).sum())
    for part in (0, 1):
        later = parts > part
        if later.any():
            parts[(parts == part) & (until >= time[later].min())] = -1
    for i, (part, size) in enumerate(zip(PARTS, sizes, strict=True)):
        if size and not (parts == i).any():
            raise DataError(
                f"The {part} part would be empty: every window of it has targets in the next "
                "part. Give a longer series, a shorter horizon, or other ratios."
            )
    n_lost = n_before - int((parts >= 0).sum())
    if not n_lost:
        return []
    windows = "window has" if n_lost == 1 else "windows have"
    return [f"{n_lost} {windows} targets on both sides of a border between parts: left out."]


def _before_test(dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    """Leave out windows whose targets reach into the given test part."""
    assert dataset.test_rows is not None
    if dataset.until is None or not len(dataset.test_rows):
        return rows
    return _ended_before(dataset, rows, dataset.test_rows)


def _ended_before(dataset: Dataset, rows: np.ndarray, part: np.ndarray) -> np.ndarray:
    if dataset.until is None or dataset.time is None:
        return rows
    return rows[dataset.until[rows] < dataset.time[part].min()]


def _shared_groups(groups: np.ndarray, rows: np.ndarray, test: np.ndarray) -> list[str]:
    shared = np.intersect1d(groups[rows], groups[test])
    if not len(shared):
        return []
    note = (
        f"{len(shared)} groups are in the given test part and outside it: "
        "its score may be too good."
    )
    return [note]


def _unlearnable(dataset: Dataset, train: np.ndarray) -> list[str]:
    """Say which classes the training part lacks (groups and time can't be dealt evenly)."""
    if dataset.classes is None:
        return []
    seen = np.bincount(dataset.y[train].ravel(), minlength=len(dataset.classes)) > 0
    if seen.sum() < 2:
        raise DataError(
            "The training part holds one class only. Choose another seed, ratio, group or time "
            "column."
        )
    if dataset.y.ndim == 2:  # symbols of a text: the vocabulary has a place for unknown ones
        return []
    lacking = [str(dataset.classes[i]) for i in np.flatnonzero(~seen)]
    if not lacking:
        return []
    shown = ", ".join(lacking[:5]) + (", …" if len(lacking) > 5 else "")
    return [f"{len(lacking)} classes are not in the training part and can't be learnt: {shown}."]
