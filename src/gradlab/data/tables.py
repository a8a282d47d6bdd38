"""Tables of columns with types: Parquet, Arrow, JSON lines, and frames of other libraries."""

import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl

from gradlab.data.delimited import check_unique, parse_delimited
from gradlab.data.limits import check_memory
from gradlab.data.opening import file_size, read_bytes, unreadable
from gradlab.errors import DataError

CELL_BYTES = 16
"""A number of a table in Polars and in the feature block."""


def read_table(
    path: Path, kind: str, header: bool | None, max_bytes: int | None
) -> tuple[pl.DataFrame, list[str]]:
    """Read a table file; `kind` is "text", "parquet", "arrow" or "json"."""
    if kind == "text":
        content = read_bytes(path, max_bytes)
        return parse_delimited(content, str(path), header=header, max_bytes=max_bytes)
    if header is not None:
        raise DataError(f"header={header} is for text tables; {path} carries its column names.")
    if kind == "json":
        content = read_bytes(path, max_bytes)
        check_memory(str(path), 4 * len(content), max_bytes)
        read = lambda: pl.read_ndjson(BytesIO(content), infer_schema_length=None)  # noqa: E731
        frame = _guarded(path, "JSON lines (one {…} object a line)", read)
    elif kind == "parquet":
        check_memory(str(path), file_size(path), max_bytes)
        size = _guarded(path, "Parquet", lambda: _parquet_cells(path))
        check_memory(str(path), size * CELL_BYTES, max_bytes)
        _check_parquet(path)
        frame = _guarded(path, "Parquet", lambda: pl.read_parquet(path))
    else:
        check_memory(str(path), 2 * file_size(path), max_bytes)
        frame = _guarded(path, "Arrow IPC (Feather 2)", lambda: _read_arrow(path))
    if frame.height == 0 or frame.width == 0:
        raise DataError(f"{path} holds a table of {frame.height} rows and {frame.width} columns.")
    return frame, []


def frame_of(source: Any) -> pl.DataFrame | None:
    """Return a pandas, Polars, PyArrow, … frame as a Polars one; None if it is no frame."""
    if isinstance(source, pl.LazyFrame):
        source = source.collect()
    if isinstance(source, pl.DataFrame):
        return source
    try:
        frame = nw.from_native(source, eager_only=True)
        columns = list(frame.iter_columns())
    except TypeError:
        return None
    except Exception as error:  # e.g. narwhals on duplicate names
        names = [str(name) for name in getattr(source, "columns", ())]
        check_unique(names, "The frame")
        raise DataError(f"The frame could not be read: {str(error).splitlines()[0]}") from error
    names = [str(column.name) for column in columns]
    check_unique(names, "The frame")
    return pl.DataFrame([_series(n, c) for n, c in zip(names, columns, strict=True)])


def series_of(source: Any) -> pl.Series | None:
    """Return a column of another library as a Polars one; None if it is no column."""
    if isinstance(source, pl.Series):
        return source
    try:
        column = nw.from_native(source, series_only=True)
    except TypeError:
        return None
    return _series(str(column.name or ""), column)


def python_series(name: str, values: list) -> pl.Series:
    """Return a column of Python objects, as booleans or numbers if all are, else as text."""
    plain = [None if value is None or value != value else value for value in values]
    kinds = {type(value) for value in plain if value is not None}
    if kinds and all(issubclass(kind, bool) for kind in kinds):
        return pl.Series(name, plain, dtype=pl.Boolean)
    if kinds and all(issubclass(kind, (int, float)) for kind in kinds):
        return pl.Series(name, [None if v is None else float(v) for v in plain], dtype=pl.Float64)
    if kinds and all(hasattr(kind, "isoformat") for kind in kinds):
        return pl.Series(name, [None if v is None else v.isoformat() for v in plain])
    return pl.Series(name, [None if v is None else str(v) for v in plain], dtype=pl.String)


def _series(name: str, column: nw.Series) -> pl.Series:
    # Column by column, because pandas to Polars as a whole needs PyArrow for text.
    dtype = column.dtype
    if dtype.is_temporal():
        return pl.Series(name, column.cast(nw.String).to_list(), dtype=pl.String)
    if dtype.is_numeric():
        if column.null_count() == 0:
            return pl.Series(name, column.to_numpy())
        values = [None if value is None else float(value) for value in column.to_list()]
        return pl.Series(name, values, dtype=pl.Float64)
    return python_series(name, [_missing_as_none(value) for value in column.to_list()])


def _missing_as_none(value: Any) -> Any:
    try:
        return None if value is None or bool(value != value) else value
    except (TypeError, ValueError):  # pandas.NA has no truth value
        return None


def _guarded(path: Path, kind: str, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except OSError as error:
        if error.errno is not None:
            raise unreadable(path, error) from error
        raise _not_whole(path, kind, error) from error
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError) as error:
        raise _not_whole(path, kind, error) from error


def _not_whole(path: Path, kind: str, error: BaseException) -> DataError:
    said = str(error).strip().splitlines()
    return DataError(
        f"{path} is not a whole {kind} file ({said[0] if said else type(error).__name__}). "
        "It was cut short, damaged, or has the wrong ending: write it again."
    )


def _check_parquet(path: Path) -> None:
    """Refuse a Parquet file that would end the process that reads it.

    On some wrong bytes within a page Polars (2.1) asks for 2^61 bytes, and its allocator aborts,
    which nothing can catch. So another process reads the file first.
    """
    if not sys.executable:  # Python within another program
        return
    read = "import sys, polars; polars.read_parquet(sys.argv[1])"
    command = [sys.executable, "-P", "-c", read, str(path)]
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL)
    if done.returncode < 0:  # killed by a signal; errors of Python's are told by our own reading
        raise _not_whole(path, "Parquet", ValueError("Reading it ends the process"))


def _parquet_cells(path: Path) -> int:
    lazy = pl.scan_parquet(path)
    return lazy.select(pl.len()).collect().item() * len(lazy.collect_schema())


def _read_arrow(path: Path) -> pl.DataFrame:
    with path.open("rb") as file:
        is_file = file.read(6) == b"ARROW1"
    return pl.read_ipc(path) if is_file else pl.read_ipc_stream(path)
