"""Rows of a history to epochs: sorted, grouped, with NaN where an epoch has nothing."""

import numpy as np
from jaxtyping import Float, Int

from gradlab.doctor.history.cells import Cells
from gradlab.errors import DataError

MOST_EPOCHS = 10**6


class Epochs:
    """Which rows belong to which epoch of one run.

    Attributes:
        numbers: The epochs, ascending without gaps.
        notes: What was decided.
    """

    def __init__(
        self,
        rows: Int[np.ndarray, " rows"],
        epoch: Cells | None,
        step: Cells | None,
        where: str,
    ) -> None:
        """Order the rows.

        Args:
            rows: Of this run, in a table with others perhaps.
            epoch: The column that says so; without it rows are epochs as they come.
            step: Orders rows within an epoch.
            where: For messages.

        Raises:
            DataError: If an epoch is negative or not finite, or there are too many.
        """
        self.notes: list[str] = []
        self._several = False
        if epoch is None:
            self.numbers = np.arange(1, len(rows) + 1)
            if step is not None:
                rows = rows[np.argsort(step.values[rows], kind="stable")]
                self.notes.append("There is no epoch column: every row is taken as an epoch.")
            self._groups = [np.array([row]) for row in rows]
            return
        rows, number = self._read(rows, epoch, where)
        if step is not None:
            order = np.lexsort((step.values[rows], number))
        else:
            if (np.diff(number) < 0).any():
                self.notes.append("Epochs were not in order: rows were sorted.")
            order = np.argsort(number, kind="stable")
        rows, number = rows[order], number[order]
        self.numbers = np.arange(number[0], number[-1] + 1)
        if len(self.numbers) > MOST_EPOCHS:
            raise DataError(
                f"{where}: epochs run from {number[0]} to {number[-1]}; at most {MOST_EPOCHS} are "
                "read. Call the column 'step' if it counts steps."
            )
        self._groups = [rows[number == n] for n in self.numbers]
        lacking = [int(n) for n, g in zip(self.numbers, self._groups, strict=True) if not len(g)]
        if lacking:
            self.notes.append(
                f"{len(lacking)} of {len(self.numbers)} epochs have no row (the first: "
                f"{lacking[0]})."
            )
        self._several = step is not None

    def _read(
        self, rows: Int[np.ndarray, " rows"], epoch: Cells, where: str
    ) -> tuple[Int[np.ndarray, " known"], Int[np.ndarray, " known"]]:
        values = epoch.values[rows]
        known = np.isfinite(values)
        if not known.all():
            count = int((~known).sum())
            self.notes.append(f"{count} rows without an epoch were left out.")
        rows, values = rows[known], values[known]
        if not len(rows):
            raise DataError(f"{where}: the epoch column holds no number. Number the epochs from 1.")
        if values.min() < 0:
            raise DataError(f"{where}: an epoch is 0 or more; came {values.min():g}.")
        if values.max() > 2**53:
            raise DataError(f"{where}: {values.max():g} is no epoch.")
        if (values % 1).any():  # logged within epochs: 0.5 is in the first
            self.notes.append("Epochs with fractions are put into the epoch that they end in.")
            self._several = True
            return rows, np.maximum(np.ceil(values), 1).astype(np.int64)
        first = int(values.min())
        if first == 0:  # as Keras and Lightning count
            values = values + 1
        elif first > 1:
            self.notes.append(f"The first epoch is {first}: what came before is not known.")
        return rows, values.astype(np.int64)

    def collect(self, cells: Cells, *, mean: bool) -> Float[np.ndarray, " epochs"]:
        """Return a number an epoch: the mean of what was written in it, or the last of it.

        NaN is both what was not written and what was written as such; `written` tells which.
        """
        found = np.full(len(self.numbers), np.nan)
        for i, rows in enumerate(self._groups):
            values = cells.values[rows[cells.written[rows]]]
            if values.size:
                with np.errstate(invalid="ignore"):  # inf - inf
                    found[i] = values.mean() if mean and self._several else values[-1]
        return found

    def written(self, cells: Cells) -> np.ndarray:
        """Return for each epoch whether anything was written in it."""
        return np.array([bool(cells.written[rows].any()) for rows in self._groups])

    def doubled(self, cells: Cells) -> int:
        """Return how many epochs have several numbers without a reason to."""
        if self._several:
            return 0
        return sum(int(cells.written[rows].sum() > 1) for rows in self._groups)


def non_finite_from(
    values: Float[np.ndarray, " epochs"], written: np.ndarray, *, is_train: bool
) -> tuple[int | None, bool]:
    """Tell where a loss left the finite numbers for good, and whether NaN stands for a gap.

    inf says so at once. NaN does where no finite number follows; one that is followed by numbers
    was not measured, and so were all in a validation loss that has such gaps.

    Returns:
        Position, or None; and whether there are NaN that are gaps.

    >>> loss = np.array([0.5, np.nan, 0.4, np.nan])
    >>> non_finite_from(loss, np.full(4, True), is_train=True)
    (3, True)
    >>> non_finite_from(loss, np.full(4, True), is_train=False)
    (None, True)
    """
    finite = np.flatnonzero(np.isfinite(values))
    infinite = np.flatnonzero(np.isinf(values))
    last = finite[-1] if finite.size else -1
    nan = np.flatnonzero(np.isnan(values) & written)
    gaps = bool((nan < last).any())
    tail = nan[nan > last]
    if gaps and not is_train:
        tail = tail[:0]
    places = [int(place[0]) for place in (infinite, tail) if place.size]
    return (min(places) if places else None), gaps
