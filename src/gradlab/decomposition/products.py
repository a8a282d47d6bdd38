"""Products of tables of rows, in machine code: of their columns with each other, and by a matrix.

BLAS takes a table as it is. To centre the rows, or to leave columns out, means to copy them first;
here that happens piece by piece, on the way to the products, into a cache that a core has for
itself. Sums of four rows by three vectors stay in registers, and only for so many products that
float32 does not lose digits by it; then they are added to those before.

On two cores of a Zen 3 the products of 717 columns of 60 000 rows take 0.22 s; choosing, centring
and OpenBLAS take 0.29 s.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float, Int

from gradlab.native.block import Block, clamped
from gradlab.native.function import LINE_BYTES, Function, Value
from gradlab.native.kernel import once
from gradlab.native.machine import callable_of, registers
from gradlab.native.scalars import number, set_number

VECTORS = 3
"""Vectors in a panel: a core loads two vectors while it multiplies two, so that with four rows to
three vectors no product waits."""

CHUNK = 128
"""Rows whose products with each other are added up in registers: their panels are to stay in the
cache of a core."""

DEPTH = 256
"""Products of a row and a column of a matrix that are added up in registers."""

ROWS = 64
"""Rows that are multiplied by a matrix together: with a panel of it they fit into that cache."""

WORTH = 2**33
"""Multiplications from which on the code is worth the tenth of a second that it takes to make."""


def can_multiply(n: int, d: int, k: int, dtype: np.dtype) -> bool:
    """Return whether n rows of d numbers, by k columns, are for this processor and worth it.

    >>> can_multiply(1000, 64, 64, np.dtype(np.float32))
    False
    """
    return registers() is not None and dtype in (np.float32, np.float64) and n * d * k >= WORTH


class Columns:
    """Columns of a table as the products read them: z = (x - shift) · factor, in panels.

    Args:
        kept: Which columns, ascending.
        shift: Of each; its precision is the table's.
        factor: Of each.
    """

    def __init__(
        self,
        kept: Int[np.ndarray, " d"],
        shift: Float[np.ndarray, " d"],
        factor: Float[np.ndarray, " d"],
    ):
        """Note which panels' columns stand side by side in the table."""
        self.dtype, self.d = shift.dtype, len(kept)
        self.width, _ = _panel(self.dtype)
        self.kept = np.ascontiguousarray(kept, np.int64)
        self.shift, self.factor = np.ascontiguousarray(shift), np.ascontiguousarray(factor)
        whole = self.d // self.width
        ends = self.kept[: whole * self.width].reshape(whole, self.width)[:, [0, -1]]
        self.runs = np.full(-(-self.d // self.width), -1, np.int64)
        self.runs[:whole] = np.where(ends[:, 1] - ends[:, 0] == self.width - 1, ends[:, 0], -1)

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """What the code reads of them: where panels begin in the table, -1 for scattered ones."""
        return self.kept, self.runs, self.shift, self.factor


Tiles = Float[np.ndarray, "panels panels width width"]
"""A symmetric matrix by panels of columns; what lies left of the diagonal is zero."""


def products_of_columns(x: Float[np.ndarray, "n features"], columns: Columns) -> Tiles:
    """Return [Z, 1]ᵀ[Z, 1]; `assembled` makes a matrix of it."""
    x = np.ascontiguousarray(x)
    width, d = columns.width, columns.d
    n_panels = d // width + 1  # at least one column is left, for the ones
    buffer = _aligned((n_panels, CHUNK, width), columns.dtype)
    buffer[d // width, :, d % width] = 1
    tiles = _aligned((n_panels, n_panels, width, width), columns.dtype)
    sizes = np.array([x.shape[1], d, n_panels], np.int64)
    arrays = x, *columns.arrays, sizes, buffer, tiles
    _columns_code(columns.dtype)(*(array.ctypes.data for array in arrays), len(x))
    return tiles


def assembled(tiles: Tiles, d: int) -> tuple[Float[np.ndarray, "d d"], Float[np.ndarray, " d"]]:
    """Return the products of d columns with each other, and the sums of the columns."""
    n_panels, _, width, _ = tiles.shape
    whole = tiles.copy()
    right, left = np.triu_indices(n_panels, 1)
    whole[left, right] = tiles[right, left].swapaxes(1, 2)
    matrix = whole.swapaxes(1, 2).reshape(n_panels * width, n_panels * width)
    return matrix[:d, :d], matrix[d, :d]


class Multiplication:
    """Z M + after, row by row: what rows stand beside a row changes nothing in its product.

    Args:
        columns: Of Z.
        matrix: M.
        after: What is added to each row of the product.
    """

    def __init__(
        self,
        columns: Columns,
        matrix: Float[np.ndarray, "d k"],
        after: Float[np.ndarray, " k"],
    ):
        """Lay the matrix out so that the columns of a panel stand side by side."""
        (d, k), width = matrix.shape, columns.width
        n_panels = -(-k // width)
        padded = np.zeros((d, n_panels * width), columns.dtype)
        padded[:, :k] = matrix
        self.columns, self.k = columns, k
        self.panels = _aligned((n_panels, d, width), columns.dtype)
        self.panels[:] = padded.reshape(d, n_panels, width).swapaxes(0, 1)
        self.after = np.zeros(n_panels * width, columns.dtype)
        self.after[:k] = after

    def __call__(
        self, x: Float[np.ndarray, "n features"], out: Float[np.ndarray, "n columns"]
    ) -> None:
        """Write the product into the first k columns of `out`, a table that lies in one piece."""
        x, columns = np.ascontiguousarray(x), self.columns
        buffer = _aligned((ROWS, len(columns.runs) * columns.width), columns.dtype)
        sizes = np.array([x.shape[1], columns.d, self.k, out.shape[1]], np.int64)
        arrays = x, *columns.arrays, sizes, self.panels, self.after, buffer, out
        code = _matrix_code(columns.dtype, self.k % columns.width)
        code(*(array.ctypes.data for array in arrays), len(x))


def _panel(dtype: np.dtype) -> tuple[int, int]:
    """Return how many columns a panel has, and of how many rows its products are in registers."""
    known = registers()
    assert known is not None
    width = VECTORS * known.lanes(dtype)
    return width, 4 if width % 4 == 0 else 3


def _aligned(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Return zeros that begin where a line of a cache does, so that no vector lies in two."""
    size = math.prod(shape) * dtype.itemsize
    room = np.zeros(size + LINE_BYTES, np.uint8)
    begin = -room.ctypes.data % LINE_BYTES
    return room[begin : begin + size].view(dtype).reshape(shape)


def _begin(what: str, dtype: np.dtype, inputs: int, outputs: int) -> Function:
    known = registers()
    assert known is not None
    name, (_, height) = f"gradlab_{what}_{dtype.name}_{known.bytes}", _panel(dtype)
    lanes = known.lanes(dtype)
    return Function(name, dtype, inputs=inputs, outputs=outputs, lanes=lanes, height=height)


@once
def _columns_code(dtype: np.dtype) -> Callable[..., None]:
    f = _begin("columns", dtype, inputs=6, outputs=2)
    x, *columns, sizes, buffer, tiles = f.arrays
    pitch, d, n_panels = (f.whole(sizes, i) for i in range(3))
    width = VECTORS * f.lanes
    size = CHUNK * width
    parts = [(i * f.lanes, f.lanes) for i in range(VECTORS)]
    with f.loop(f.rows, CHUNK) as begin:
        n = f.smaller(f.subtract(f.rows, begin), CHUNK)
        with f.loop(n) as k:
            row = f.at(x, f.multiply(f.add(begin, k), pitch))
            _take(f, row, columns, d, f.at(buffer, f.multiply(k, width)), size)
        with f.loop(n_panels) as p, f.loop(f.subtract(n_panels, p)) as behind:
            q = f.add(p, behind)
            left, right = (f.at(buffer, f.multiply(panel, size)) for panel in (p, q))
            tile = f.at(tiles, f.multiply(f.add(f.multiply(p, n_panels), q), width * width))
            with f.loop(width, f.height) as first:
                block = _emptied(f, parts)
                with f.loop(n) as k:
                    at = f.multiply(k, width)
                    rows = [f.at(left, at, first, i) for i in range(f.height)]
                    block.add(rows, f.at(right, at))
                for i, sums in enumerate(block.sums):
                    for (at, _), total in zip(parts, sums, strict=True):
                        place = f.at(tile, f.multiply(f.add(first, i), width), at)
                        f.store(f.plus(f.load(place), f.load(total)), place)
    f.end()
    return callable_of(f)


@once
def _matrix_code(dtype: np.dtype, rest: int) -> Callable[..., None]:
    """Make the product by a matrix whose last panel has `rest` columns, unless that is 0."""
    f = _begin(f"matrix_{rest}", dtype, inputs=8, outputs=2)
    x, *columns, sizes, panels, after, buffer, out = f.arrays
    pitch, d, n_columns, out_pitch = (f.whole(sizes, i) for i in range(4))
    width = VECTORS * f.lanes
    length = f.multiply(f.divide(f.add(d, width - 1), width), width)
    whole = f.divide(n_columns, width)
    with f.loop(f.rows, ROWS) as begin:
        n = f.smaller(f.subtract(f.rows, begin), ROWS)
        with f.loop(n) as i:
            row = f.at(x, f.multiply(f.add(begin, i), pitch))
            _take(f, row, columns, d, f.at(buffer, f.multiply(i, length)), width)

        def of_panel(q: Value, used: int) -> None:
            panel, column = f.at(panels, f.multiply(q, f.multiply(d, width))), f.multiply(q, width)
            parts = [(i, min(f.lanes, used - i)) for i in range(0, used, f.lanes)]
            totals = [[f.variable() for _ in parts] for _ in range(f.height)]
            with f.loop(n, f.height) as first:
                rows = clamped(f, first, f.height, n, 0)
                for row in totals:
                    for total, (at, _) in zip(row, parts, strict=True):
                        f.store(f.load(f.at(after, column, at)), total)
                with f.loop(d, DEPTH) as top:
                    left = [f.at(buffer, f.multiply(row, length), top) for row in rows]
                    right = f.at(panel, f.multiply(top, width))
                    block = _emptied(f, parts)
                    with f.loop(f.smaller(f.subtract(d, top), DEPTH)) as k:
                        block.add(
                            [f.at(place, k) for place in left], f.at(right, f.multiply(k, width))
                        )
                    for row, sums in zip(totals, block.sums, strict=True):
                        for total, more in zip(row, sums, strict=True):
                            f.store(f.plus(f.load(total), f.load(more)), total)
                for i, row in zip(rows, totals, strict=True):
                    to = f.at(out, f.multiply(f.add(begin, i), out_pitch), column)
                    for total, (at, lanes) in zip(row, parts, strict=True):
                        f.store(f.load(total), f.at(to, at), lanes)

        with f.loop(whole) as q:
            of_panel(q, width)
        if rest:
            of_panel(whole, rest)
    f.end()
    return callable_of(f)


def _emptied(f: Function, parts: Sequence[tuple[int, int]]) -> Block:
    """Return a block of sums that are 0."""
    block = Block(f, f.height, parts)
    for row in block.sums:
        for total in row:
            f.store(f.zeros(), total)
    return block


def _take(
    f: Function, row: Value, columns: Sequence[Value], d: Value, to: Value, apart: int
) -> None:
    """Copy the columns of a row of the table, shifted and scaled, `apart` from panel to panel."""
    kept, runs, shift, factor = columns
    width = VECTORS * f.lanes
    with f.loop(f.divide(f.add(d, width - 1), width)) as panel:
        first, run = f.multiply(panel, width), f.whole(runs, panel)
        place = f.at(to, f.multiply(panel, apart))
        with f.either(f.builder.icmp_signed("<", run, f.long(0))) as (scattered, together):
            with scattered, f.loop(f.smaller(f.subtract(d, first), width)) as i:
                here = f.add(first, i)
                value = f.minus(number(f, row, f.whole(kept, here)), number(f, shift, here))
                set_number(f, f.times(value, number(f, factor, here)), place, i)
            with together:
                for i in range(0, width, f.lanes):
                    here = f.add(first, i)
                    value = f.minus(f.load(f.at(row, run, i)), f.load(f.at(shift, here)))
                    f.store(f.times(value, f.load(f.at(factor, here))), f.at(place, i))
