"""Where a new study, or other results, go."""

import contextlib
import itertools
from collections.abc import Callable
from pathlib import Path

from gradlab.errors import StudyError
from gradlab.lab.store import DATABASE, STUDY_FILE


def new_folder(
    out: str | Path | None,
    name: str = "gradlab-study",
    check: Callable[[Path], None] | None = None,
) -> Path:
    """Return a new folder: `out`, or name, name-2, … in the working folder.

    Args:
        out: A folder that need not exist, or None.
        name: Used without `out`.
        check: Raises if `out` can't be taken; None refuses a folder that holds a study.

    Raises:
        StudyError: If `out` does not pass the check, or the folder can't be made.
    """
    folder = Path(name if out is None else out)
    try:
        if out is not None:
            (check or check_empty)(folder)
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


def check_empty(folder: Path) -> None:
    """Refuse a folder that holds a study already."""
    for name in (STUDY_FILE, DATABASE):
        if (folder / name).exists():
            raise StudyError(
                f"{folder} already holds a study. To go on with it: gradlab resume {folder}. "
                "For a new one give another --out."
            )
