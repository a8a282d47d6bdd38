"""What rows would cost beside candidates of k-means++, in machine code.

The products of a few rows with all candidates stay in registers until they are added to the sums;
of a row only its distance to the centroids so far is written.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from gradlab.cluster.search import EXPECTED, Search, height
from gradlab.native.block import Block, clamped
from gradlab.native.function import Function
from gradlab.native.kernel import once
from gradlab.native.machine import callable_of, registers
from gradlab.native.scalars import first_everywhere

RUN = 512
"""Rows whose costs are added up together, so that a draw searches few sums."""


def run_costs(
    points: Search,
    rows: Float[np.ndarray, "n d"],
    squares: Float[np.ndarray, " n"],
    weights: Float[np.ndarray, " n"] | None,
    nearest: Float[np.ndarray, " n"],
) -> Float[np.ndarray, "columns runs"]:
    """Return Σ w · D² of each run of rows, were a point the next centroid; for every point.

    Args:
        points: The centroid that was chosen last, of which `nearest` is told, then candidates.
        rows: Some rows.
        squares: |x|² of each.
        weights: Of the rows; None where all are 1.
        nearest: D², the squared distance of each row to the nearest centroid so far.
    """
    rows = np.ascontiguousarray(rows)
    steps = np.array([0 if weights is None else 1], np.int64)
    weights = np.ones(1, rows.dtype) if weights is None else weights
    sums = np.empty((-(-len(rows) // RUN), len(points.squares)), rows.dtype)
    arrays = rows, squares, weights, points.sizes, points.panels, points.squares, steps
    code = _code(np.dtype(rows.dtype), points.vectors)
    code(*(array.ctypes.data for array in (*arrays, nearest, sums)), len(rows))
    return sums.T


@once
def _code(dtype: np.dtype, vectors: int) -> Callable[..., None]:
    known = registers()
    assert known is not None
    name, lanes = f"gradlab_costs_{dtype.name}_{vectors}_{known.bytes}", known.lanes(dtype)
    f = Function(name, dtype, inputs=7, outputs=2, lanes=lanes, height=height(vectors))
    rows, squares, weights, sizes, panels, offsets, steps, nearest, sums = f.arrays
    n_features, n_panels = f.whole(sizes, 0), f.whole(sizes, 1)
    step, width = f.whole(steps, 0), vectors * lanes
    parts = [(i * lanes, lanes) for i in range(vectors)]
    products = f.vectors(f.height * vectors)
    totals = [f.variable() for _ in parts]
    with f.loop(f.rows, RUN) as begin, f.loop(n_panels) as panel:
        n = f.smaller(f.subtract(f.rows, begin), RUN)
        points = f.at(panels, f.multiply(panel, f.multiply(n_features, width)))
        for total in totals:
            f.store(f.zeros(), total)
        with f.loop(n, f.height) as first:
            places = [
                f.at(rows, f.multiply(i, n_features)) for i in clamped(f, first, f.height, n, begin)
            ]
            with f.loop(f.height) as row:
                next_one = f.at(rows, f.multiply(f.add(begin, first, f.height, row), n_features))
                f.expect(next_one, f.smaller(n_features, EXPECTED))
            block = Block(f, f.height, parts)
            block.load([f.at(offsets, f.multiply(panel, width))] * f.height)
            with f.loop(n_features) as k:
                weight = f.at(points, f.multiply(k, width))
                block.add([f.at(place, k) for place in places], weight)
            block.store([f.at(products, row * width) for row in range(f.height)])
            with f.loop(f.smaller(f.subtract(n, first), f.height)) as row:
                i = f.add(begin, first, row)
                square = f.everywhere(f.at(squares, i))
                costs = [
                    f.plus(f.load(f.at(products, f.multiply(row, width), at)), square)
                    for at, _ in parts
                ]
                costs = [f.greater(cost, f.zeros()) for cost in costs]
                # The last choice is the first point of all; nearest[i] knows it after that panel.
                last = f.choose(f.is_zero(panel), first_everywhere(f, costs[0]), f.constant(np.inf))
                before = f.lesser(f.everywhere(f.at(nearest, i)), last)
                f.store(before, f.at(nearest, i), 1)
                weight = f.everywhere(f.at(weights, f.multiply(i, step)))
                for total, cost in zip(totals, costs, strict=True):
                    cost = f.times(weight, f.lesser(cost, before))
                    f.store(f.plus(f.load(total), cost), total)
        run = f.add(f.multiply(f.divide(begin, RUN), n_panels), panel)
        for total, (at, _) in zip(totals, parts, strict=True):
            f.store(f.load(total), f.at(sums, f.multiply(run, width), at))
    f.end()
    return callable_of(f)
