"""Blocked products of matrices: sums of a few rows by a panel of columns, kept in registers."""

import dataclasses
from collections.abc import Callable, Sequence

from gradlab.native.function import Function, Value

VECTORS = 2
"""Vectors in a full panel."""


@dataclasses.dataclass(frozen=True)
class Panel:
    """Neighbouring columns of the right factor, as many as a block has."""

    column: Value
    """The first."""
    width: int
    vectors: int
    lanes: int

    @property
    def padded(self) -> int:
        """Numbers of a packed row: the columns, filled up to whole vectors."""
        return self.vectors * self.lanes

    def parts(self) -> list[tuple[int, int]]:
        """Return where each vector begins, and how many of its numbers are columns."""
        return [(i, min(self.lanes, self.width - i)) for i in range(0, self.padded, self.lanes)]

    def pack(
        self,
        f: Function,
        matrix: Value,
        packed: Value,
        *,
        n_rows: Value,
        pitch: int,
        total: Value | None = None,
    ) -> None:
        """Copy rows of these columns so that they follow one another.

        Args:
            f: The function that is being written.
            matrix: Where the first row of the panel lies.
            packed: Where it goes.
            n_rows: How many there are.
            pitch: Numbers from one row of the matrix to the next.
            total: A row of sums, to which all rows are added; None if nobody asks.
        """
        sums = [] if total is None else [f.variable() for _ in self.parts()]
        for place, (begin, n) in zip(sums, self.parts(), strict=False):
            f.store(f.load(f.at(total, begin), n), place)
        with f.loop(n_rows) as k:
            for i, (begin, n) in enumerate(self.parts()):
                row = f.load(f.at(matrix, f.multiply(k, pitch), begin), n)
                f.store(row, f.at(packed, f.multiply(k, self.padded), begin))
                if sums:
                    f.store(f.plus(f.load(sums[i]), row), sums[i])
        for place, (begin, n) in zip(sums, self.parts(), strict=False):
            f.store(f.load(place), f.at(total, begin), n)

    def pack_turned(
        self, f: Function, matrix: Value, packed: Value, *, n_rows: int, pitch: int
    ) -> None:
        """Copy these columns of a matrix of which each column lies in one piece.

        Args:
            f: The function that is being written.
            matrix: Where the panel's first column lies.
            packed: Where its rows go.
            n_rows: Numbers of a column.
            pitch: Numbers from one column to the next.
        """
        if self.width < self.padded:
            f.clear(packed, n_rows * self.padded)
        with f.loop(self.width) as column, f.loop(n_rows) as row:
            f.copy(
                f.at(matrix, f.multiply(column, pitch), row),
                f.at(packed, f.multiply(row, self.padded), column),
                1,
            )


class Panels:
    """The columns of a right factor: panels of two vectors, and one with the rest."""

    def __init__(self, columns: int, lanes: int):
        """Divide the columns."""
        self.lanes = lanes
        self.n_full, self.rest = divmod(columns, VECTORS * lanes)
        self.padded = (self.n_full * VECTORS + -(-self.rest // lanes)) * lanes
        """Columns, filled up to whole vectors."""

    def each(self, f: Function, write: Callable[[Panel], None]) -> None:
        """Write the same for every panel."""
        width = VECTORS * self.lanes
        if self.n_full:
            with f.loop(self.n_full * width, width) as column:
                write(Panel(column, width, VECTORS, self.lanes))
        if self.rest:
            vectors = -(-self.rest // self.lanes)
            write(Panel(self.n_full * width, self.rest, vectors, self.lanes))


class Block:
    """Sums of a few rows by a few vectors of columns, in registers."""

    def __init__(self, f: Function, height: int, parts: Sequence[tuple[int, int]]):
        """Ask for the registers; `load` gives them their first values.

        Args:
            f: The function that is being written.
            height: Rows.
            parts: Where each vector begins in a row, and how many of its numbers are columns.
        """
        self.f, self.parts = f, parts
        self.sums = [[f.variable() for _ in parts] for _ in range(height)]

    def load(self, places: Sequence[Value]) -> None:
        """Begin with what lies at these places, one for each row."""
        for row, place in zip(self.sums, places, strict=True):
            for total, (begin, n) in zip(row, self.parts, strict=True):
                self.f.store(self.f.load(self.f.at(place, begin), n), total)

    def add(self, left: Sequence[Value], right: Value) -> None:
        """Add the number at each row's place times a packed row of the right factor."""
        f = self.f
        vectors = [f.load(f.at(right, i * f.lanes)) for i in range(len(self.parts))]
        for row, place in zip(self.sums, left, strict=True):
            number = f.everywhere(place)
            for total, vector in zip(row, vectors, strict=True):
                f.store(f.multiply_add(number, vector, f.load(total)), total)

    def store(self, places: Sequence[Value]) -> None:
        """Write the sums to these places, one for each row."""
        for row, place in zip(self.sums, places, strict=True):
            for total, (begin, n) in zip(row, self.parts, strict=True):
                self.f.store(self.f.load(total), self.f.at(place, begin), n)


def clamped(f: Function, first: Value, n: int, stop: Value, begin: Value) -> list[Value]:
    """Return n numbers from `begin` + `first` on; instead of those past the end its last again."""
    last = f.subtract(stop, 1)
    return [f.add(begin, f.smaller(f.add(first, i), last)) for i in range(n)]
