"""How much data is fine: memory is estimated before anything big is made."""

import os
from pathlib import Path

from gradlab.errors import DataError


def memory_limit() -> int:
    """Return half of the memory that is available now, in bytes.

    Linux's `MemAvailable` (which counts the file cache as free) and the limit of the container,
    if any; elsewhere the machine's whole memory.
    """
    available = _total_memory()
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                available = int(line.split()[1]) * 1024
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        if limit != "max":
            used = int(Path("/sys/fs/cgroup/memory.current").read_text())
            available = min(available, max(int(limit) - used, 0))
    except (OSError, ValueError, IndexError):
        pass  # no Linux, or no container: what is known so far stands
    return available // 2


def check_memory(what: str, needed: int, max_bytes: int | None) -> None:
    """Refuse data that would not fit.

    Args:
        what: Subject of the message, e.g. "big.csv (3000000 rows, 900 columns)".
        needed: Estimated bytes.
        max_bytes: Largest allowed; None stands for `memory_limit()`.

    Raises:
        DataError: If `needed` is larger.

    >>> check_memory("a small table", needed=1000, max_bytes=2000)
    """
    allowed = memory_limit() if max_bytes is None else max_bytes
    if needed > allowed:
        raise DataError(
            f"{what} needs about {gibibytes(needed)} of memory, more than the {gibibytes(allowed)} "
            "allowed (by default half of what is free). Use fewer rows or columns, "
            "or raise max_bytes."
        )


def gibibytes(n_bytes: int) -> str:
    """Return a size for people.

    >>> gibibytes(3 * 2**30), gibibytes(5 * 2**20)
    ('3.0 GiB', '5.0 MiB')
    """
    if n_bytes >= 2**30:
        return f"{n_bytes / 2**30:.1f} GiB"
    return f"{n_bytes / 2**20:.1f} MiB"


def _total_memory() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf
        return 8 * 2**30
