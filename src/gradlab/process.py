"""Settings of the whole process: made by its owner, never by an import; and its limits.

The command line calls `configure`; a program that embeds Gradlab calls it if it wants to.
"""

import contextlib
import os
import warnings
from pathlib import Path

import platformdirs

CACHE_BYTES = 2**30
"""Size to which the cache of compiled programs is cut when a process begins: 1 GiB."""


def cache_folder() -> Path:
    """Return the user's cache folder for compiled programs and learnt costs."""
    return Path(platformdirs.user_cache_dir("gradlab"))


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def configure(*, compilation_cache: bool | Path = True, float64: bool = False) -> None:
    """Set what JAX allows only for a whole process.

    Args:
        compilation_cache: Keep compiled programs on disk between processes: in the user's cache
            folder, or in the folder given. Whatever lies there beyond `CACHE_BYTES` is deleted,
            the programs used longest ago first.
        float64: Let arrays have 64 bits.
    """
    import jax

    if compilation_cache:
        folder = cache_folder() / "jax" if compilation_cache is True else compilation_cache
        _trim(Path(folder), CACHE_BYTES)
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
        # A cache that can't be written, or an entry that was cut short, costs time, nothing else.
        warnings.filterwarnings("ignore", "Error (reading|writing) persistent compilation cache")
    if float64:
        jax.config.update("jax_enable_x64", True)


def crowded() -> bool:
    """Return whether compiled programs fill half of the memory maps that the process may have.

    XLA maps three ranges for every kernel on a CPU, about five hundred for a program that trains;
    Linux allows a process 65,530 (`vm.max_map_count`), and past them compiling ends the process
    with a segmentation fault. A process that compiles much has to forget programs before that.
    False where the system does not tell.
    """
    try:
        limit = int(Path("/proc/sys/vm/max_map_count").read_text(encoding="ascii"))
        with Path("/proc/self/maps").open("rb") as maps:
            return sum(1 for _ in maps) > limit // 2
    except (OSError, ValueError):
        return False


def _trim(folder: Path, limit: int) -> None:
    """Delete the programs used longest ago until the others fit the limit.

    Not by `jax_compilation_cache_max_size`: that needs another package, without which nothing is
    kept at all; and in some versions of JAX one program without its record of use, as a killed
    process or an older cache leaves them, keeps all others from being written (JAX issue 39880).
    A file system that records no reading deletes the oldest first.
    """
    programs = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith("-cache"):
                with contextlib.suppress(OSError):  # another process deleted it
                    found = entry.stat()
                    used = max(found.st_atime, found.st_mtime)
                    programs.append((used, found.st_size, entry.path))
    size = sum(program[1] for program in programs)
    for _, own, path in sorted(programs):
        if size <= limit:
            return
        with contextlib.suppress(OSError):
            os.unlink(path)
            size -= own
