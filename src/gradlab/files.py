"""Files that are written whole or not at all."""

import contextlib
import os
import tempfile
from pathlib import Path

from gradlab.errors import StudyError


def write_whole(path: str | Path, content: bytes | str) -> Path:
    """Write a file so that a reader sees the old content or the new, never a part.

    The content goes to a temporary file in the same folder, is flushed to the disk and renamed
    over `path`; the folder is flushed too, so that the name survives a power cut.

    Raises:
        StudyError: If the folder does not exist, is not writable, or the disk is full; the old
            file, if any, is untouched.
    """
    path = Path(path)
    raw = content.encode() if isinstance(content, str) else content
    temporary = None
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
        temporary = None
        _flush_folder(path.parent)
    except OSError as error:
        raise StudyError(
            f"Could not write {path}: {error.strerror or error}. "
            "Nothing was changed; free space or choose another folder with --out."
        ) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
    return path


def made_folder(folder: str | Path) -> Path:
    """Return the folder, made with those above it where it did not exist.

    Raises:
        StudyError: If it can't be made, or a file has its name.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StudyError(
            f"The folder {folder} can't be made: {error.strerror or error}. Name another."
        ) from error
    return folder


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _flush_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows can't open a folder
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
