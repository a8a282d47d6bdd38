"""Where the results of an analysis go: a folder of its own, with a page and files beside it."""

import json
import math
import os
from pathlib import Path
from typing import Any

from gradlab.errors import StudyError
from gradlab.files import write_whole
from gradlab.lab.folder import check_empty

RESULTS = "results.json"


def check_results_free(out: str | Path | None) -> None:
    """Refuse, before any work is done, a folder that can't be made or holds anything.

    None stands for a new folder in the working folder.

    Raises:
        StudyError: If `out` is a file, or a folder that is not empty or can't be written into.
    """
    folder = Path("." if out is None else out)
    try:
        _check_writable(folder)
        if out is not None and folder.exists():
            _check_holds_nothing(folder)
    except OSError as error:
        raise StudyError(
            f"The folder {folder} can't be used: {error.strerror}. Choose another --out."
        ) from error


def _check_writable(folder: Path) -> None:
    """Refuse a folder that could not be made or written into, by its nearest existing parent."""
    nearest = folder.absolute()
    while not os.path.lexists(nearest) and nearest != nearest.parent:
        nearest = nearest.parent
    shown = folder if nearest == folder.absolute() else nearest
    if not nearest.is_dir():
        raise StudyError(
            f"{shown} is a file; --out names a folder, in other folders only. Choose another --out."
        )
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise StudyError(
            f"Results can't be written into the folder {shown}: permission denied. Give --out in "
            "a folder that may be written into."
        )


def _check_holds_nothing(folder: Path) -> None:
    check_empty(folder)
    if (folder / RESULTS).exists():
        raise StudyError(
            f"{folder} already holds results ({RESULTS}). Give another --out, or delete it first."
        )
    held = sorted(entry.name for entry in folder.iterdir())
    if held:
        shown = ", ".join(held[:3]) + (", …" if len(held) > 3 else "")
        raise StudyError(
            f"--out takes a new or empty folder, as files in it could be written over; {folder} "
            f"holds {shown}. Give another --out."
        )


def write_results(folder: Path, content: dict[str, Any]) -> Path:
    """Write results for machines; a number that is not finite becomes null, as JSON has none."""
    return write_whole(folder / RESULTS, json.dumps(plain(content), indent=2, ensure_ascii=False))


def plain(content: Any) -> Any:
    """Return content as lists, dictionaries, text and finite numbers; None for all others."""
    if isinstance(content, dict):
        return {str(name): plain(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [plain(value) for value in content]
    if hasattr(content, "tolist"):  # of NumPy
        return plain(content.tolist())
    return None if isinstance(content, float) and not math.isfinite(content) else content
