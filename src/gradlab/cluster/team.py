"""The cores of the machine, working on shares of the rows.

Shares follow from shapes alone and their results come back in order, so no number depends on how
many cores there are. While a team works, BLAS keeps to one thread a call: the shares are what the
cores divide among themselves.
"""

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from gradlab.blas import one_thread
from gradlab.process import cores

Result = TypeVar("Result")

NUMBERS = 2**20
"""Numbers that make a share worth handing to another core."""

WORTH = 2**19
"""Numbers below which waking another core takes longer than the work itself."""

MOST = 16
"""Shares at most, and so cores that help at most."""

SUMS = 2**23
"""Numbers that the sums of all shares may take together: 64 MiB of float64."""


def shares_of(
    n_rows: int, n_features: int, n_clusters: int, *, numbers: int = NUMBERS
) -> list[slice]:
    """Return consecutive rows, about equally many, in as many shares as the work is worth.

    >>> shares_of(10, 2, 3)
    [slice(0, 10, None)]
    >>> len(shares_of(100_000, 32, 16))
    4
    """
    work = n_rows * (n_features + n_clusters) // numbers
    room = SUMS // (n_features * (n_clusters + 1))
    count = max(1, min(work, room, MOST, n_rows))
    edges = [n_rows * i // count for i in range(count + 1)]
    return [slice(*edge) for edge in itertools.pairwise(edges)]


class Team:
    """Threads that call one function on every share."""

    def __init__(self, pool: ThreadPoolExecutor | None, helpers: int):
        self._pool, self._helpers = pool, helpers

    def map(
        self, function: Callable[[slice], Result], shares: list[slice], *, alone: bool = False
    ) -> list[Result]:
        """Return the function's results in the order of the shares; `alone` wakes no other core."""
        helpers = 0 if alone else min(self._helpers, len(shares) - 1)
        if self._pool is None or helpers < 1:
            return [function(share) for share in shares]
        results: list[Result | None] = [None] * len(shares)
        left = iter(enumerate(shares))  # its next() is atomic: whoever is free takes the next share

        def work() -> None:
            for number, share in left:
                results[number] = function(share)

        others = [self._pool.submit(work) for _ in range(helpers)]
        try:
            work()
        finally:
            for other in others:
                other.result()
        return results  # pyright: ignore[reportReturnType]


@contextmanager
def team(n_shares: int = MOST) -> Iterator[Team]:
    """Work with as many threads as there are cores, or as BLAS was told to use if that is less."""
    with one_thread() as allowed:
        helpers = min(cores(), allowed, n_shares) - 1
        if helpers < 1:
            yield Team(None, 0)
            return
        with ThreadPoolExecutor(helpers) as pool:
            yield Team(pool, helpers)
