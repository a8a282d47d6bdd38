"""One assignment of k-means in machine code: who is asked, the nearest centroid, what changes.

All that `lloyd._Restart.assign` does for a share of the rows, in one call: while it runs no other
thread waits for Python's lock, and nothing but a row's own results is written.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Integer

from gradlab.cluster.search import Search, height, write_search
from gradlab.native.function import LONG, Function, Value
from gradlab.native.kernel import once
from gradlab.native.machine import callable_of, registers
from gradlab.native.scalars import (
    Count,
    as_whole,
    number,
    repeated,
    root,
    set_whole,
    set_wide,
    sum_of_lanes,
    wide,
    widened,
)


def reassign(
    search: Search,
    centroids: Float[np.ndarray, "K d"],
    losses: Float[np.ndarray, " clusters"],
    error: tuple[float, float],
    rows: Float[np.ndarray, "n d"],
    squares: Float[np.ndarray, " n"],
    weights: Float[np.ndarray, " n"] | None,
    labels: Integer[np.ndarray, " n"],
    expires: Float[np.ndarray, " n"],
    sums: Float[np.ndarray, "clusters columns"],
    counts: Integer[np.ndarray, " clusters"],
) -> tuple[float, int, int]:
    """Give rows their nearest centroid, where their label is not sure.

    Labels, expiry dates, sums and counts are changed in place. A row that would gain nothing by
    the exact distances keeps its label.

    Args:
        search: Of these centroids.
        centroids: In the precision of the rows.
        losses: How much the centroids have moved to the disadvantage of each cluster's rows; the
            last cluster is the one in which all rows begin.
        error: A squared distance is wrong by at most the first times (|x|² + the second).
        rows: Of a share.
        squares: |x|² of each.
        weights: Of the rows; None where all are 1.
        labels: Cluster of each row.
        expires: A row's label is sure while the loss of its cluster is at most this.
        sums: Of each cluster's rows, and in the last column of their weights.
        counts: Rows of each cluster whose weight is not 0.

    Returns:
        By how much the inertia drops, how many rows moved, and how many were asked.
    """
    n, dtype = len(rows), rows.dtype
    steps = np.array([0 if weights is None else 1, len(centroids)], np.int64)
    weights = np.ones(1) if weights is None else weights
    order, found = np.empty(n, np.int64), np.empty((3, n), dtype)
    drop, changed = np.zeros(1), np.zeros(2, np.int64)
    inputs = rows, squares, weights, search.sizes, search.panels, search.squares
    inputs += centroids, np.array(error, dtype), losses, steps
    outputs = labels, expires, sums, counts, drop, changed, order, *found
    code = _code(np.dtype(dtype), search.vectors)
    code(*(array.ctypes.data for array in (*inputs, *outputs)), n)
    return float(drop[0]), int(changed[0]), int(changed[1])


@once
def _code(dtype: np.dtype, vectors: int) -> Callable[..., None]:
    known = registers()
    assert known is not None
    name = f"gradlab_assignment_{dtype.name}_{vectors}_{known.bytes}"
    lanes = known.lanes(dtype)
    f = Function(name, dtype, inputs=10, outputs=10, lanes=lanes, height=height(vectors))
    rows, squares, weights, sizes, panels, offsets, centroids, error, losses, steps = f.arrays[:10]
    labels, expires, sums, counts, drop, changed, order, *found = f.arrays[10:]
    builder = f.builder
    n_features, n_clusters = f.whole(sizes, 0), f.whole(steps, 1)

    n_asked = Count(f)
    with f.loop(f.rows) as i:
        due = builder.fcmp_ordered("<", wide(f, expires, i), wide(f, losses, f.whole(labels, i)))
        set_whole(f, i, order, n_asked.get())
        n_asked.add(as_whole(f, due))
    write_search(f, n_asked.get(), order, rows, (sizes, panels, offsets), vectors, found)

    n_moved = Count(f)
    with f.loop(n_asked.get()) as asked:
        i = f.whole(order, asked)
        near, far, first = (number(f, array, asked) for array in found)
        square = number(f, squares, i)
        wrong = f.times(f.plus(square, number(f, error, 1)), number(f, error, 0))
        lead = f.minus(
            root(f, f.minus(f.plus(far, square), wrong)),
            root(f, f.plus(f.plus(near, square), wrong)),
        )
        before, nearest = f.whole(labels, i), as_whole(f, first)
        set_wide(f, builder.fadd(wide(f, losses, nearest), widened(f, lead)), expires, i)
        with builder.if_then(builder.icmp_signed("!=", before, nearest), likely=False):
            row = f.at(rows, f.multiply(i, n_features))
            weight = wide(f, weights, f.multiply(i, f.whole(steps, 0)))
            counted = as_whole(f, builder.fcmp_ordered(">", weight, weight.type(0.0)))
            old = builder.icmp_signed("<", before, n_clusters)  # not the first assignment

            def book(cluster: Value, weight: Value, counted: Value) -> None:
                place = f.multiply(cluster, f.add(n_features, 1))
                _add_row(f, sums, place, row, n_features, weight)
                last = f.add(place, n_features)
                set_wide(f, builder.fadd(wide(f, sums, last), weight), sums, last)
                set_whole(f, f.add(f.whole(counts, cluster), counted), counts, cluster)

            goes = Count(f, 1)
            with builder.if_then(old):
                gain = f.minus(
                    *(
                        _distance(f, row, f.at(centroids, f.multiply(c, n_features)), n_features)
                        for c in (before, nearest)
                    )
                )
                better = builder.fcmp_ordered(">", gain, gain.type(0.0))
                goes.set(as_whole(f, better))
                with f.either(better) as (moves, stays):
                    with moves:
                        gain = builder.fmul(weight, widened(f, gain))
                        set_wide(f, builder.fadd(wide(f, drop, 0), gain), drop, 0)
                        book(before, builder.fneg(weight), f.subtract(0, counted))
                    with stays:
                        set_wide(f, wide(f, losses, before), expires, i)
            with builder.if_then(builder.icmp_signed("==", goes.get(), LONG(1))):
                book(nearest, weight, counted)
                set_whole(f, nearest, labels, i)
                n_moved.add(1)
    set_whole(f, n_moved.get(), changed, 0)
    set_whole(f, n_asked.get(), changed, 1)
    f.end()
    return callable_of(f)


def _distance(f: Function, x: Value, y: Value, n: Value) -> Value:
    """Return |x - y|², by the differences."""
    total = f.variable()
    f.store(f.zeros(), total)
    whole = f.subtract(n, f.remainder(n, f.lanes))
    with f.loop(whole, f.lanes) as k:
        difference = f.minus(f.load(f.at(x, k)), f.load(f.at(y, k)))
        f.store(f.multiply_add(difference, difference, f.load(total)), total)
    with f.builder.goto_entry_block():
        rest = f.builder.alloca(f.number)
    f.builder.store(sum_of_lanes(f, f.load(total)), rest)
    with f.loop(f.subtract(n, whole)) as k:
        k = f.add(whole, k)
        difference = f.minus(number(f, x, k), number(f, y, k))
        more = f.plus(f.builder.load(rest, typ=f.number), f.times(difference, difference))
        f.builder.store(more, rest)
    return f.builder.load(rest, typ=f.number)


def _add_row(f: Function, sums: Value, place: Value, x: Value, n: Value, weight: Value) -> None:
    """Add a row times its weight to sums in 64 bits."""
    whole = f.subtract(n, f.remainder(n, f.lanes))
    weights = repeated(f, weight)
    with f.loop(whole, f.lanes) as k:
        at = f.add(place, k)
        change = f.times(weights, widened(f, f.load(f.at(x, k))))
        set_wide(f, f.plus(wide(f, sums, at, f.lanes), change), sums, at)
    with f.loop(f.subtract(n, whole)) as k:
        k = f.add(whole, k)
        at = f.add(place, k)
        change = f.times(weight, widened(f, number(f, x, k)))
        set_wide(f, f.plus(wide(f, sums, at), change), sums, at)
