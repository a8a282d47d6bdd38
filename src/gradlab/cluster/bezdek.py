"""Sums over rows of Bezdek's memberships with m = 2, in machine code.

A few vectors of rows at a time: their squared distances to all centroids, the memberships that
follow, and what these add to the means. Only the sums are written.
"""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Array, Float

from gradlab.native.function import Function, Value
from gradlab.native.kernel import Kernel, begin, end, once
from gradlab.native.machine import registers
from gradlab.native.scalars import repeated, sum_of_lanes

SIDE = 2
"""Vectors of rows that go side by side."""

CENTROIDS = 4
"""Centroids whose sums stay in registers, for all rows that go side by side."""


SUMS_BYTES = 2**15
"""Vectors of sums that stay in the L1 cache, and on the stack: 32 KiB."""


def can_sum(dtype: np.dtype, n_rows: int, n_centroids: int, n_features: int) -> bool:
    """Return whether these sums are the fast ones, for blocks of so many rows.

    Many centroids of many features are left to products of matrices.
    """
    known = registers()
    if known is None or n_rows % known.lanes(dtype):
        return False
    return (n_centroids * (n_features + 1) + 2) * known.bytes <= SUMS_BYTES


def membership_sums(
    x: Float[Array, "blocks features rows"],
    weight: Float[Array, "blocks rows"],
    centroids: Float[Array, "k features"],
) -> tuple[Float[Array, "k features"], Float[Array, " k"], Float[Array, ""], Float[Array, ""]]:
    """Return Σ w r² x and Σ w r² for every centroid, then the sums of two numbers of the rows.

    r_j = 1 / Σ_l (‖x - μ_j‖² / ‖x - μ_l‖²); a row at distance 0 belongs to the centroids there, in
    equal parts. The two numbers are w Σ_j r_j² ‖x - μ_j‖² and w max_j r_j. Sums of each block are
    added up first, so that many rows keep their digits.
    """
    k, d = centroids.shape
    kernel = _kernel(np.dtype(x.dtype), x.shape, k)
    (sums,) = kernel([(k * d + k + 2,)], x, weight, centroids)
    return sums[: k * d].reshape(k, d), sums[k * d : -2], sums[-2], sums[-1]


@once
def _kernel(dtype: np.dtype, shape: tuple[int, int, int], k: int) -> Kernel:
    n_blocks, d, n_rows = shape
    f = begin("bezdek", dtype, (shape, k), inputs=3, outputs=1)
    x, weight, centroids, sums, totals = f.arrays
    n_sums = k * d + k + 2
    f.clear(sums, n_sums)
    with f.loop(n_blocks) as block:
        f.clear(totals, n_sums * f.lanes)
        rows = f.at(x, f.multiply(block, d * n_rows))
        weights = f.at(weight, f.multiply(block, n_rows))
        beside = min(SIDE, n_rows // f.lanes)
        whole = n_rows // (beside * f.lanes) * beside * f.lanes
        with f.loop(whole, beside * f.lanes) as i:
            _add_rows(f, (d, n_rows, k), beside, f.at(rows, i), f.at(weights, i), centroids, totals)
        if whole < n_rows:
            last = f.at(rows, whole), f.at(weights, whole)
            _add_rows(f, (d, n_rows, k), 1, *last, centroids, totals)
        with f.loop(n_sums) as i:
            total = f.load(f.at(totals, f.multiply(i, f.lanes)))
            place = f.at(sums, i)
            added = f.plus(f.everywhere(place), repeated(f, sum_of_lanes(f, total)))
            f.store(added, place, 1)
    return end(f, scratch=n_sums * f.lanes)


def _add_rows(
    f: Function,
    sizes: tuple[int, int, int],
    beside: int,
    x: Value,
    weight: Value,
    centroids: Value,
    totals: Value,
) -> None:
    """Add a few vectors of rows to the totals, one in each lane.

    Args:
        f: The function that is being written.
        sizes: Features, rows from one feature to the next, centroids.
        beside: How many vectors.
        x: Where the first feature of the first row lies.
        weight: Where the first row's weight lies.
        centroids: All of them.
        totals: Vectors: moments, masses, and the two numbers.
    """
    d, pitch, k = sizes
    side = range(beside)
    squares = f.vectors(k * beside)
    nearest = [f.variable() for _ in side]
    for place in nearest:
        f.store(f.constant(np.inf), place)

    def square(j: Value, r: int) -> Value:
        return f.at(squares, f.multiply(f.add(f.multiply(j, beside), r), f.lanes))

    def measure(first: Value, n: int) -> None:
        found = [[f.variable() for _ in side] for _ in range(n)]
        for place in (place for own in found for place in own):
            f.store(f.zeros(), place)
        with f.loop(d) as feature:
            row = [f.load(f.at(x, f.multiply(feature, pitch), r * f.lanes)) for r in side]
            for j, own in enumerate(found):
                at = f.add(f.multiply(f.add(first, j), d), feature)
                coordinate = f.everywhere(f.at(centroids, at))
                for values, place in zip(row, own, strict=True):
                    difference = f.minus(values, coordinate)
                    f.store(f.multiply_add(difference, difference, f.load(place)), place)
        for j, own in enumerate(found):
            for r, place in enumerate(own):
                f.store(f.load(place), square(f.add(first, j), r))
                f.store(f.lesser(f.load(place), f.load(nearest[r])), nearest[r])

    def add(first: Value, n: int) -> None:
        parts = [[f.load(square(f.add(first, j), r)) for r in side] for j in range(n)]
        with f.loop(d) as feature:
            row = [f.load(f.at(x, f.multiply(feature, pitch), r * f.lanes)) for r in side]
            for j, own in enumerate(parts):
                at = f.add(f.multiply(f.add(first, j), d), feature)
                _add(f, totals, at, own, row)

    _in_groups(f, k, measure)
    near = [f.load(place) for place in nearest]
    shares = [f.variable() for _ in side]
    for place in shares:
        f.store(f.zeros(), place)
    with f.loop(k) as j:
        for r in side:
            apart = f.load(square(j, r))
            ratio = f.pick(f.below(f.zeros(), apart), f.over(near[r], apart), f.constant(1.0))
            f.store(ratio, square(j, r))
            f.store(f.plus(f.load(shares[r]), ratio), shares[r])
    largest = [f.over(f.constant(1.0), f.load(place)) for place in shares]
    weights = [f.load(f.at(weight, r * f.lanes)) for r in side]
    with f.loop(k) as j:
        parts = []
        for r in side:
            membership = f.times(f.load(square(j, r)), largest[r])
            parts.append(f.times(membership, membership, weights[r]))
            f.store(parts[r], square(j, r))
        _add(f, totals, f.add(k * d, j), parts)
    _in_groups(f, k, add)
    costs = [f.times(one, other) for one, other in zip(near, largest, strict=True)]
    _add(f, totals, k * d + k, weights, costs)
    _add(f, totals, k * d + k + 1, weights, largest)


def _in_groups(f: Function, k: int, write: Callable[[Value, int], None]) -> None:
    """Write the same for a few centroids after the other."""
    whole = k // CENTROIDS * CENTROIDS
    with f.loop(whole, CENTROIDS) as first:
        write(first, CENTROIDS)
    if k > whole:
        write(whole, k - whole)


def _add(
    f: Function,
    totals: Value,
    index: Value,
    values: Sequence[Value],
    factors: Sequence[Value] | None = None,
) -> None:
    """Add values, or products, to one of the totals."""
    place = f.at(totals, f.multiply(index, f.lanes))
    total = f.load(place)
    for i, value in enumerate(values):
        if factors is None:
            total = f.plus(total, value)
        else:
            total = f.multiply_add(value, factors[i], total)
    f.store(total, place)
