"""Text tables: comma, semicolon, tab or bar separated, with or without a header row.

Fields are counted by NumPy before Polars parses them: Polars fills short rows with nulls, and a
row that lacks a field is a mistake that a person wants to hear about.
"""

import numpy as np
import polars as pl
from jaxtyping import Int, UInt8

from gradlab.data.limits import check_memory
from gradlab.errors import DataError

SEPARATORS = {"\t": "tab", ";": "semicolon", "|": "bar", ",": "comma"}
"""In the order of trust: a comma is also a decimal mark and punctuation."""

MISSING = ("", "na", "n/a", "#n/a", "nan", "null", "?")
"""Cells that hold no value, whatever their case."""

BLOCK = 2**24
SNIFFED_BYTES = 2**16
SNIFFED_ROWS = 1000
QUOTE, NEWLINE = ord('"'), ord("\n")


def parse_delimited(
    content: bytes, where: str, *, header: bool | None = None, max_bytes: int | None = None
) -> tuple[pl.DataFrame, list[str]]:
    """Parse a text table into a frame of text columns.

    Args:
        content: The file.
        where: Its name, for messages.
        header: Whether the first row holds the column names; None finds out.
        max_bytes: See `check_memory`.

    Returns:
        The frame, all cells as text or null, and notes.

    Raises:
        DataError: For text that is not UTF-8, rows of different length, no rows, or names that
            come twice.
    """
    content = _normalise(content, where)
    separator = _find_separator(content[:SNIFFED_BYTES])
    counts = _consistent_counts(content, separator, where)
    widths = next(iter(counts.values()))[0]
    # Text cells of Polars, the columns made of them and the scaled copy: 50 bytes a cell or so.
    needed = 2 * len(content) + 50 * int(widths.sum())
    check_memory(f"{where} ({len(widths)} rows, {widths.max()} columns)", needed, max_bytes)
    frame, notes = _parse_either_way(content, separator, counts, where)
    found = _has_header(frame.head(SNIFFED_ROWS).rows()) if header is None else header
    if not found:
        names = [f"column_{i}" for i in range(1, frame.width + 1)]
        if header is None:
            notes.append(
                f"{where} has no header row: columns are called {names[0]} to {names[-1]} "
                "(header=True if its first row holds names)."
            )
        return frame.rename(dict(zip(frame.columns, names, strict=True))), notes
    names = [_clean_name(cell, i) for i, cell in enumerate(frame.row(0), start=1)]
    check_unique(names, where)
    frame = frame.slice(1).rename(dict(zip(frame.columns, names, strict=True)))
    if frame.height == 0:
        raise DataError(
            f"{where} has a header row ({', '.join(names[:5])}…) but no data below it. "
            "Add rows, or say header=False if the first row is data."
        )
    return frame, notes


def check_unique(names: list[str], where: str) -> None:
    """Refuse column names that come twice."""
    seen = set()
    for name in names:
        if name in seen:
            first, second = [i for i, other in enumerate(names, start=1) if other == name][:2]
            raise DataError(
                f"{where} has two columns called '{name}' (columns {first} and {second}). "
                "Rename one, so that a name means one column."
            )
        seen.add(name)


def _normalise(content: bytes, where: str) -> bytes:
    """Return UTF-8 with newlines as line ends and without a byte order mark."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError(f"{where} is UTF-16, not UTF-8. {_save_as_utf8('UTF-16', where)}")
    content = content.removeprefix(b"\xef\xbb\xbf")
    if b"\0" in content:
        raise DataError(
            f"{where} holds zero bytes, so it is not a text table. "
            "Check that its ending (.csv, .parquet, …) says what it is."
        )
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{where} is not UTF-8: byte 0x{content[error.start]:02X} in line {line}. "
            f"{_save_as_utf8('LATIN1', where)}"
        ) from error
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    content = content.strip(b"\n")
    if not content.strip():
        raise DataError(f"{where} holds only blank lines: expected a table.")
    return content


def _save_as_utf8(encoding: str, where: str) -> str:
    return (
        f"Save it as UTF-8 (in a spreadsheet: 'CSV UTF-8'; in a shell, if it is {encoding}: "
        f"iconv -f {encoding} -t UTF-8 {where} > new.csv)."
    )


def _find_separator(sample: bytes) -> str:
    """Return the separator that cuts the lines most evenly; a comma if none does."""
    if len(sample) == SNIFFED_BYTES:  # the last line is cut
        sample = sample[: sample.rfind(b"\n") + 1] or sample
    best, best_share = ",", 0.0
    for separator in SEPARATORS:
        for quoted in (True, False):
            widths, _ = _count_fields(sample, separator, quoted)
            counts = np.bincount(widths)
            usual = int(counts[2:].argmax()) + 2 if len(counts) > 2 else 1
            share = counts[usual] / len(widths) if usual > 1 else 0.0
            if share > best_share + 1e-9:
                best, best_share = separator, share
    return best


def _count_fields(
    content: bytes, separator: str, quoted: bool
) -> tuple[Int[np.ndarray, " records"], Int[np.ndarray, " records"]]:
    """Count the fields of each record, and find where it ends (index of its newline)."""
    buffer = np.frombuffer(content, np.uint8)
    quoted = quoted and b'"' in content
    kinds, places = [], []
    inside = np.uint8(0)
    for start in range(0, len(buffer), BLOCK):
        block = buffer[start : start + BLOCK]
        marks = (block == ord(separator)) | (block == NEWLINE)
        if quoted:
            open_quotes = _inside_quotes(block, inside)
            inside = open_quotes[-1]
            marks &= open_quotes == 0
        at = np.flatnonzero(marks)
        kinds.append(block[at])
        places.append(at + start)
    kind = np.append(np.concatenate(kinds), np.uint8(NEWLINE))
    place = np.append(np.concatenate(places), len(buffer))
    newlines = np.flatnonzero(kind == NEWLINE)
    return np.diff(newlines, prepend=-1), place[newlines]


def _inside_quotes(
    block: UInt8[np.ndarray, " bytes"], before: np.uint8
) -> UInt8[np.ndarray, " bytes"]:
    """Return 1 where an odd number of quotes came before or at a byte (a doubled one cancels)."""
    return np.bitwise_xor.accumulate((block == QUOTE).astype(np.uint8)) ^ before


def _consistent_counts(
    content: bytes, separator: str, where: str
) -> dict[bool, tuple[np.ndarray, np.ndarray]]:
    """Count with quotes and, if there are any, without: {quoted: (widths, ends)}.

    Only the ways in which all rows are equally long are returned; if none, the data is refused.
    """
    every = {
        quoted: _count_fields(content, separator, quoted)
        for quoted in ((True, False) if b'"' in content else (True,))
    }
    wrong = {
        quoted: (widths != widths[0]) & ~_blank_records(content, widths, ends)
        for quoted, (widths, ends) in every.items()
    }
    consistent = {quoted: every[quoted] for quoted in every if not wrong[quoted].any()}
    if consistent:
        return consistent
    widths, ends = every[True]
    bad = int(np.flatnonzero(wrong[True])[0])
    line = content.count(b"\n", 0, int(ends[bad - 1])) + 2
    raise DataError(
        f"{where}, line {line}: {widths[bad]} fields, but the first line has {widths[0]} "
        f"(separated by {SEPARATORS[separator]}). Give every row as many fields as the first, "
        f"and put double quotes around text that holds a {SEPARATORS[separator]}."
    )


def _parse_either_way(
    content: bytes, separator: str, counts: dict[bool, tuple[np.ndarray, np.ndarray]], where: str
) -> tuple[pl.DataFrame, list[str]]:
    """Parse with quotes; where these do not pair up, take them as plain characters."""
    said = ""
    for quoted, (widths, ends) in counts.items():
        blank = _blank_records(content, widths, ends)
        plain = _without(content, ends, blank) if blank.any() else content
        try:
            frame = _parse(plain, separator, quoted)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            said = said or str(error).splitlines()[0][:200]
            continue
        if frame.shape != (int((~blank).sum()), int(widths.max())):
            said = said or f"{len(widths)} lines of {widths.max()} fields became {frame.shape}"
            continue
        notes = []
        if blank.any():
            notes.append(f"{int(blank.sum())} blank lines were skipped.")
        if not quoted:
            notes.append(f'The quotes (") in {where} do not pair up: read as plain characters.')
        return frame, notes
    raise DataError(
        f"{where} could not be parsed as a {SEPARATORS[separator]}-separated table: {said}. "
        'Put double quotes (") around whole fields only.'
    )


def _blank_records(content: bytes, widths: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return which records are empty lines of a table that has several columns."""
    blank = np.zeros(len(widths), bool)
    if widths.max() == 1:
        return blank
    for i in np.flatnonzero(widths == 1):
        start = ends[i - 1] + 1 if i else 0
        blank[i] = not content[start : ends[i]].strip()
    return blank


def _without(content: bytes, ends: np.ndarray, blank: np.ndarray) -> bytes:
    starts = np.concatenate([[0], ends[:-1] + 1])
    spans = zip(starts[~blank], ends[~blank], strict=True)
    return b"\n".join(content[start:end] for start, end in spans)


def _parse(content: bytes, separator: str, quoted: bool) -> pl.DataFrame:
    return pl.read_csv(
        content,
        has_header=False,
        separator=separator,
        quote_char='"' if quoted else None,
        infer_schema=False,
    )


def _has_header(rows: list[tuple[str | None, ...]]) -> bool:
    """Guess whether the first row holds names.

    Yes if some column holds a word there and numbers below. If all columns hold text: yes if no
    word of the first row comes again in its column.
    """
    first, below = rows[0], rows[1:]
    columns = list(zip(*below, strict=True)) if below else [()] * len(first)
    for cell, column in zip(first, columns, strict=True):
        is_word = not _is_missing(cell) and not _is_number(cell)
        values = [value for value in column if not _is_missing(value)]
        if is_word and values and all(_is_number(value) for value in values):
            return True
    if any(_is_missing(cell) or _is_number(cell) for cell in first):
        return False
    repeated = any(
        cell in column or (cell and cell.strip() in column)
        for cell, column in zip(first, columns, strict=True)
    )
    return not repeated and len(set(first)) == len(first)


def _is_missing(cell: str | None) -> bool:
    return cell is None or cell.strip().lower() in MISSING


def _is_number(cell: str | None) -> bool:
    try:
        float((cell or "").strip().replace(",", "."))
    except ValueError:
        return False
    return True


def _clean_name(cell: str | None, position: int) -> str:
    return (cell or "").strip().strip("\"'").strip() or f"column_{position}"
