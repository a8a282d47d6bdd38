"""Plain text files, decoded."""

from pathlib import Path

from gradlab.data.opening import read_bytes
from gradlab.errors import DataError

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_text(path: Path, max_bytes: int | None = None) -> str:
    """Return a text file, unpacked if it is .gz; see `decode_text`."""
    return decode_text(read_bytes(path, max_bytes), str(path))


def decode_text(content: bytes, where: str) -> str:
    """Return UTF-8 as text with newlines as line ends and without a byte order mark.

    Raises:
        DataError: Naming the line, if the text has another encoding or holds zero bytes; or if it
            is blank.

    >>> decode_text(b"a\\r\\nb", "t.txt")
    'a\\nb'
    """
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError(f"{where} is UTF-16, not UTF-8. {_save_as_utf8('UTF-16', where)}")
    content = content.removeprefix(BYTE_ORDER_MARK)
    if (at := content.find(b"\0")) >= 0:
        line = content.count(b"\n", 0, at) + 1
        raise DataError(
            f"{where}, line {line}: a zero byte, so this is no text. Check what wrote the file."
        )
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{where}, line {line}: byte 0x{content[error.start]:02X} is not UTF-8. "
            f"{_save_as_utf8('LATIN1', where)}"
        ) from error
    if not text.strip():
        raise DataError(f"{where} holds only blank lines: expected text.")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _save_as_utf8(encoding: str, where: str) -> str:
    return (
        f"Save it as UTF-8 (in a shell, if it is {encoding}: "
        f"iconv -f {encoding} -t UTF-8 {where} > new.txt)."
    )
