"""Opening a user's file: every way that it can fail, as one clear sentence."""

import gzip
import zlib
from pathlib import Path

from gradlab.data.limits import check_memory
from gradlab.errors import DataError, suggest

CHUNK = 2**24


def read_bytes(path: Path, max_bytes: int | None = None) -> bytes:
    """Return the content of a file, unpacked if its name ends in .gz.

    Raises:
        DataError: If the file is missing, a folder, not readable, empty, damaged, or too big.
    """
    size = file_size(path)
    check_memory(str(path), size, max_bytes)
    try:
        content = path.read_bytes()
        if path.suffix.lower() == ".gz" or content[:2] == b"\x1f\x8b":
            content = _unpack(path, max_bytes)
    except OSError as error:
        raise unreadable(path, error) from error
    if not content:
        raise DataError(f"{path} is empty: expected data, came 0 bytes. Check how it was written.")
    return content


def file_size(path: Path) -> int:
    """Return the size of an existing plain file in bytes, or raise a DataError."""
    try:
        if path.is_dir():
            raise DataError(f"{path} is a folder where a file was expected. Name a file in it.")
        return path.stat().st_size
    except OSError as error:
        raise unreadable(path, error) from error
    except ValueError as error:  # a NUL in the name
        raise DataError(f"{str(path)!r} is not a file name.") from error


def unreadable(path: Path, error: OSError) -> DataError:
    """Return the sentence for a file that the system did not give us."""
    if isinstance(error, FileNotFoundError):
        return DataError(f"There is no file {path}.{_near(path)} Check the name and the folder.")
    if isinstance(error, PermissionError):
        return DataError(
            f"No permission to read {path}. Change its rights (chmod +r) or copy it elsewhere."
        )
    return DataError(f"Could not read {path}: {error.strerror or error}.")


def _near(path: Path) -> str:
    try:
        return suggest(path.name, [entry.name for entry in path.parent.iterdir()])
    except OSError:
        return ""


def _unpack(path: Path, max_bytes: int | None) -> bytes:
    """Unpack in pieces, so that a file that grows a thousandfold is refused in time."""
    pieces, size = [], 0
    try:
        with gzip.open(path) as file:
            while piece := file.read(CHUNK):
                pieces.append(piece)
                size += len(piece)
                check_memory(f"{path}, unpacked,", 2 * size, max_bytes)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(
            f"{path} is not a whole gzip file ({error}). It was cut short or damaged: "
            "fetch or compress it again."
        ) from error
    return b"".join(pieces)
