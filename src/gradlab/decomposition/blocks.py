"""Work on blocks of rows, a core each, in blocks that do not depend on how many cores there are.

BLAS shares one product among the cores, but leaves centring, gathering and adding to one of them.
Here every core takes whole blocks through all of it, with a BLAS that stays on its core; the
results come back in the order of the blocks, so their sum has the same bits on any machine.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from gradlab.blas import one_thread
from gradlab.process import cores

NUMBERS = 2**21
"""Numbers in a block: 8 MB of float32, which the last cache of a core holds."""

SHARED_BY = 16
"""Cores among which even blocks are shared without a rest."""
LONGEST = 2**12
"""Rows in such a block, at most: its sums are of the rows' precision."""


def block_length(n_numbers: int, *, fewest: int = 64, most: int = 2**14) -> int:
    """Return how many rows of n_numbers numbers make a block.

    >>> block_length(784), block_length(2), block_length(10**6)
    (2674, 16384, 64)
    """
    return min(max(NUMBERS // max(n_numbers, 1), fewest), most)


def even_length(n: int) -> int:
    """Return how long blocks of n rows are so that up to 16 cores have as many of them each.

    >>> even_length(60000), even_length(10**6), even_length(5)
    (3750, 3907, 1)
    """
    count = SHARED_BY * -(-n // (SHARED_BY * LONGEST))
    return max(1, -(-n // count))


def over_blocks(function: Callable[[slice], Any], n: int, length: int) -> Iterator[Any]:
    """Yield function(slice) of every block of n rows, in order; at most two a core wait.

    >>> list(over_blocks(lambda rows: (rows.start, rows.stop), 5, 2))
    [(0, 2), (2, 4), (4, 5)]
    """
    blocks = [slice(i, min(i + length, n)) for i in range(0, n, length)]
    if len(blocks) == 1:
        yield function(blocks[0])
        return
    with one_thread() as allowed:
        workers = min(cores(), allowed, len(blocks))
        yield from _in_order(function, blocks, workers)


def _in_order(function: Callable[[slice], Any], blocks: list[slice], workers: int) -> Iterator[Any]:
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Any] = deque()
        for block in blocks:
            waiting.append(pool.submit(function, block))
            if len(waiting) == 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
