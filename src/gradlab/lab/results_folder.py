"""Where the results of an analysis go: a folder of its own, with a page and files beside it."""

import contextlib
import itertools
import json
import math
from pathlib import Path
from typing import Any

from gradlab.errors import StudyError
from gradlab.files import write_whole
from gradlab.lab.folder import check_empty

RESULTS = "results.json"
REPORT = "report.html"


def results_folder(name: str, out: str | Path | None) -> Path:
    """Return a new folder for results: `out`, or name, name-2, … in the working folder.

    Raises:
        StudyError: If `out` holds results already, or the folder can't be made.
    """
    folder = Path(name if out is None else out)
    try:
        if out is not None:
            check_results_free(folder)
            folder.mkdir(parents=True, exist_ok=True)
            return folder
        for number in itertools.count(1):
            if number > 1:
                folder = Path(f"{name}-{number}")
            with contextlib.suppress(FileExistsError):
                folder.mkdir()
                return folder
        raise AssertionError("numbers end")
    except OSError as error:
        raise StudyError(
            f"Could not make the folder {folder}: {error.strerror}. Choose another --out."
        ) from error


def check_results_free(folder: str | Path) -> None:
    """Refuse, before any work is done, a folder that holds results or a study."""
    folder = Path(folder)
    check_empty(folder)
    if folder.is_file():
        raise StudyError(f"{folder} is a file; --out names a folder. Choose another --out.")
    if (folder / RESULTS).exists():
        raise StudyError(
            f"{folder} already holds results ({RESULTS}). Give another --out, or delete it first."
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
