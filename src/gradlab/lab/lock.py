"""One writer a study folder."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from gradlab.errors import StudyError

LOCK = "writer.lock"


@contextlib.contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Keep every other process from writing a study folder while the block runs.

    The lock is SQLite's own, taken on an empty file: it works alike on every system, and the
    operating system drops it when the process ends, however it ends.

    Raises:
        StudyError: If another process holds it, or the folder can't be written.
    """
    try:
        connection = sqlite3.connect(folder / LOCK, timeout=0, isolation_level=None)
    except sqlite3.Error as error:
        raise _unwritable(folder, error) from error
    with contextlib.closing(connection):
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_BUSY:
                raise _unwritable(folder, error) from error
            raise StudyError(
                f"Another process is writing the study in {folder}. Wait until it ends, or give "
                "another folder with --out."
            ) from None
        except sqlite3.Error as error:
            raise _unwritable(folder, error) from error
        yield


def _unwritable(folder: Path, error: sqlite3.Error) -> StudyError:
    return StudyError(
        f"Could not write to the study folder {folder}: {error}. Make it writable, or choose "
        "another with --out."
    )
