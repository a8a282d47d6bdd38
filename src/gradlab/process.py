"""Settings of the whole process: made by its owner, never by an import.

The command line calls `configure`; a program that embeds Gradlab calls it if it wants to.
"""

import warnings
from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """Return the user's cache folder for compiled programs and learnt costs."""
    return Path(platformdirs.user_cache_dir("gradlab"))


def configure(*, compilation_cache: bool | Path = True, float64: bool = False) -> None:
    """Set what JAX allows only for a whole process.

    Args:
        compilation_cache: Keep compiled programs on disk between processes: in the user's cache
            folder, or in the folder given.
        float64: Let arrays have 64 bits.
    """
    import jax

    if compilation_cache:
        folder = cache_folder() / "jax" if compilation_cache is True else compilation_cache
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
        # A cache that can't be written, or an entry that was cut short, costs time, nothing else.
        warnings.filterwarnings("ignore", "Error (reading|writing) persistent compilation cache")
    if float64:
        jax.config.update("jax_enable_x64", True)
