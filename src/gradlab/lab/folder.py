"""Where a new study goes."""

import contextlib
import itertools
from pathlib import Path

from gradlab.errors import StudyError
from gradlab.lab.store import DATABASE, STUDY_FILE


def new_folder(out: str | Path | None) -> Path:
    """Return a folder for a new study.

    Raises:
        StudyError: If `out` already holds a study, or can't be made.
    """
    folder = Path("gradlab-study" if out is None else out)
    try:
        if out is not None:
            check_empty(folder)
            folder.mkdir(parents=True, exist_ok=True)
            return folder
        for number in itertools.count(1):
            if number > 1:
                folder = Path(f"gradlab-study-{number}")
            with contextlib.suppress(FileExistsError):
                folder.mkdir()
                return folder
        raise AssertionError("numbers end")
    except OSError as error:
        raise StudyError(
            f"Could not make the study folder {folder}: {error.strerror}. Choose another --out."
        ) from error


def check_empty(folder: Path) -> None:
    """Refuse a folder that holds a study already."""
    for name in (STUDY_FILE, DATABASE):
        if (folder / name).exists():
            raise StudyError(
                f"{folder} already holds a study. To go on with it: gradlab resume {folder}. "
                "For a new one give another --out."
            )
