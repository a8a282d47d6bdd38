"""What a column of a table is: numbers, names, or something a network can't learn from."""

import re
from dataclasses import dataclass

import numpy as np
import polars as pl
from jaxtyping import Float64, Shaped

from gradlab.data.arrays import check_finite, left_out, useful_columns
from gradlab.data.dataset import FeatureTable, Nominal
from gradlab.data.delimited import MISSING
from gradlab.data.limits import check_memory
from gradlab.errors import DataError, suggest

MAX_CATEGORIES = 1000
DATE_FORMATS = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y-%m",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
)
LOOKS_LIKE_DATE = (
    r"^\d{4}[-/.]\d{1,2}([-/.]\d{1,2})?([T ].*)?$"
    r"|^\d{1,2}[-/.]\d{1,2}[-/.]\d{4}( .*)?$"
    r"|^\d{1,2}:\d{2}(:\d{2})?$"
)
ROW_NUMBER_NAMES = ("id", "index", "no", "no.", "nr", "row", "number", "unnamed: 0", "column_1")


@dataclass(frozen=True)
class Refused:
    """Why a column can't be a feature."""

    reason: str


def clean(frame: pl.DataFrame) -> pl.DataFrame:
    """Strip spaces and quotes from text cells and make the markers of a missing value null."""
    columns = []
    for column in frame.get_columns():
        if column.dtype in (pl.Categorical, pl.Enum):
            column = column.cast(pl.String)
        if column.dtype == pl.String:
            column = _clean_text(column)
        columns.append(column)
    return pl.DataFrame(columns)


def _clean_text(column: pl.Series) -> pl.Series:
    text = column.str.strip_chars()
    for quote in ("'", '"'):
        if text.str.starts_with(quote).any():
            text = text.str.replace(f"^{quote}(.*){quote}$", "${1}").str.strip_chars()
    return text.set(text.str.to_lowercase().is_in(MISSING), None)


def resolve(column: str | int, names: list[str], role: str, where: str) -> str:
    """Return the name of a column given by name or index; an index may be text, as from a command.

    Raises:
        DataError: If there is no such column; suggests the near name.
    """
    if isinstance(column, str) and column not in names and re.fullmatch(r"-?[0-9]{1,9}", column):
        column = int(column)
    if isinstance(column, int):
        if not -len(names) <= column < len(names):
            raise DataError(
                f"{where} has {len(names)} columns; {role} {column} is not an index of one "
                f"(0 to {len(names) - 1}, or -1 for the last)."
            )
        return names[column]
    if column not in names:
        near = suggest(column, names) or suggest(column, [name.lower() for name in names])
        shown = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
        raise DataError(f"{where} has no column '{column}' for the {role}.{near} Columns: {shown}.")
    return column


def numbers(column: pl.Series) -> pl.Series | None:
    """Return a column as Float64 if every cell that is not missing is a number, else None.

    In text, a comma may be the decimal mark, unless it could as well part thousands (always three
    digits behind it).
    """
    if column.dtype == pl.Boolean:
        return None
    if column.dtype.is_numeric() or column.dtype == pl.Null:
        return column.cast(pl.Float64)
    if column.dtype != pl.String:
        return None
    cast = column.cast(pl.Float64, strict=False)
    if cast.null_count() == column.null_count():
        return cast
    decimal_comma = column.str.contains(r"^[+-]?\d*,\d+$")
    if not (decimal_comma | cast.is_not_null()).fill_null(True).all():
        return None
    if column.filter(decimal_comma.fill_null(False)).str.contains(r",\d{3}$").all():
        return None
    return column.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)


def first_non_number(column: pl.Series) -> tuple[int, str]:
    """Return row (from 1) and content of the first cell of a text column that is no number."""
    bad = column.is_not_null() & column.cast(pl.Float64, strict=False).is_null()
    row = int(bad.arg_max() or 0)
    return row + 1, str(column[row])


def target_values(column: pl.Series, where: str) -> Shaped[np.ndarray, " rows"]:
    """Return a target column as numbers (NaN missing) or an object array (None missing)."""
    if column.dtype.is_temporal() or share_of_dates(column) >= 0.9:
        raise DataError(
            f"Target '{column.name}' of {where} holds dates. Choose a target of numbers or classes "
            f"with target='…' (the last column is the default)."
        )
    if column.dtype.is_nested() or column.dtype in (pl.Binary, pl.Object):
        raise DataError(f"Target '{column.name}' of {where} holds {column.dtype}, not values.")
    found = numbers(column)
    if found is not None:
        return found.to_numpy()
    _refuse_almost_numbers(column)
    return np.array(column.to_list(), dtype=object)


def order_values(column: pl.Series) -> Float64[np.ndarray, " rows"]:
    """Return a column to order rows by, as numbers: dates become seconds.

    Raises:
        DataError: If a cell is missing, or the column is neither numbers nor dates of one format.
    """
    if column.null_count():
        row = int(column.is_null().arg_max() or 0) + 1
        raise DataError(f"The time column '{column.name}' is empty in row {row}. Fill it in.")
    found = numbers(column)
    if found is None and column.dtype.is_temporal():
        found = column.cast(pl.Int64).cast(pl.Float64)
    if found is None and column.dtype == pl.String:
        found = _seconds(column)
    if found is None:
        raise DataError(
            f"The time column '{column.name}' holds neither numbers nor dates of one format "
            f"(e.g. {column[0]!r}). Write dates as 2024-12-31 or 2024-12-31 23:59:00."
        )
    values = found.to_numpy()
    if not np.isfinite(values).all():
        raise DataError(f"The time column '{column.name}' holds values that are not finite.")
    return values


def _seconds(column: pl.Series) -> pl.Series | None:
    parsed = {}
    for form in DATE_FORMATS:
        text, full = (column + "-01", f"{form}-%d") if form == "%Y-%m" else (column, form)
        moments = text.str.to_datetime(full, strict=False, time_unit="ms")
        if moments.null_count() == 0:
            parsed[form] = moments.dt.timestamp("ms").cast(pl.Float64) / 1000
    if {"%d/%m/%Y", "%m/%d/%Y"} <= parsed.keys():
        raise DataError(
            f"The dates in '{column.name}' (e.g. {column[0]!r}) could be day/month or month/day. "
            "Write them as 2024-12-31."
        )
    return next(iter(parsed.values()), None)


def group_codes(column: pl.Series) -> np.ndarray:
    """Return the number of each row's group.

    Raises:
        DataError: If a cell is missing.
    """
    if column.null_count():
        row = int(column.is_null().arg_max() or 0) + 1
        raise DataError(f"The group column '{column.name}' is empty in row {row}. Fill it in.")
    return column.rank("dense").cast(pl.Int32).to_numpy() - 1


def feature_table(
    frame: pl.DataFrame, where: str, max_bytes: int | None = None, *, leave_out: bool = False
) -> tuple[FeatureTable, list[str]]:
    """Type the columns of a clean frame.

    Args:
        frame: Without target; see `clean`.
        where: Its name, for messages.
        max_bytes: See `check_memory`.
        leave_out: Leave columns out, and say so, that hold dates, free text, IDs or nested values.

    Returns:
        The table and notes on columns left out (constant, all missing, row numbers).

    Raises:
        DataError: Naming all columns that hold dates, free text, IDs or nested values; or if
            nothing is left.
    """
    numeric: dict[str, pl.Series] = {}
    nominal: dict[str, Nominal] = {}
    refused, constant, row_numbers = [], [], []
    for column in frame.get_columns():
        kind = _kind(column)
        if isinstance(kind, Refused):
            refused.append((column.name, kind.reason))
        elif isinstance(kind, Nominal):
            if len(kind.categories) == 1 and (kind.codes >= 0).all():
                constant.append(column.name)
            else:
                nominal[column.name] = kind
        elif _numbers_rows(kind):
            row_numbers.append(column.name)
        else:
            numeric[column.name] = kind
    if refused and not leave_out:
        raise DataError(_advice(refused, where))
    check_memory(f"The features of {where}", frame.height * len(numeric) * 8, max_bytes)
    block = _block(frame, numeric)
    check_finite(block, tuple(numeric), where)
    useful, notes = useful_columns(block, tuple(numeric))
    kept = [name for name, use in zip(numeric, useful, strict=True) if use]
    if len(kept) < len(numeric):
        block = block[:, useful]
    notes += left_out(constant, "is constant")
    notes += left_out(row_numbers, "numbers the rows")
    for name, reason in refused:
        notes += left_out([name], f"holds {reason}")
    names = tuple(name for name in frame.columns if name in nominal or name in set(kept))
    if not names:
        raise DataError(f"{where}: no feature is left to learn from. {' '.join(notes)}".strip())
    return FeatureTable(names, block, nominal), notes


def _block(frame: pl.DataFrame, numeric: dict[str, pl.Series]) -> np.ndarray:
    kinds = {frame.schema[name] for name in numeric}
    dtype = np.float64
    if kinds == {pl.Float32}:
        dtype = np.float32
    elif kinds == {pl.UInt8} and not any(column.null_count() for column in numeric.values()):
        dtype = np.uint8
    block = np.empty((frame.height, len(numeric)), dtype)
    for i, column in enumerate(numeric.values()):
        block[:, i] = column.to_numpy()
    return block


def _kind(column: pl.Series) -> pl.Series | Nominal | Refused:
    """Return a numeric column as Float64, or what else the column is."""
    dtype = column.dtype
    if dtype.is_temporal():
        return Refused("dates or times")
    if dtype.is_nested() or dtype in (pl.Binary, pl.Object):
        return Refused(f"values of type {dtype}")
    found = numbers(column)
    if found is not None:
        return found
    if dtype == pl.Boolean:
        return nominal_column(column.cast(pl.String).str.to_titlecase())
    if share_of_dates(column) >= 0.9:
        return Refused(f"dates, e.g. {_example(column)}")
    _refuse_almost_numbers(column)
    n_distinct = column.n_unique() - (column.null_count() > 0)
    n_present = len(column) - column.null_count()
    all_differ = n_distinct == n_present and n_present > 10
    if n_distinct > min(MAX_CATEGORIES, max(20, len(column) // 10)) or all_differ:
        words = column.drop_nulls().head(1000).str.count_matches(r"\S+").mean()
        if isinstance(words, float) and words >= 4:
            return Refused(f"free text, e.g. {_example(column)}")
        return Refused(f"IDs or names, {n_distinct} different ones in {n_present} rows")
    return nominal_column(column)


def nominal_column(column: pl.Series) -> Nominal:
    """Encode a text column; categories are sorted."""
    categories = column.drop_nulls().unique().sort().to_list()
    codes = column.cast(pl.Enum(categories)).to_physical().cast(pl.Int32).fill_null(-1)
    return Nominal(codes.to_numpy(), tuple(categories))


def _numbers_rows(column: pl.Series) -> bool:
    if column.name.lower() not in ROW_NUMBER_NAMES or len(column) < 3:
        return False
    values = column.to_numpy()
    # Infinite cells are refused later, by name; inf - inf here would only warn.
    return bool(np.isfinite(values).all() and (np.diff(values) == 1).all())


def share_of_dates(column: pl.Series) -> float:
    """Return the share of a text column's cells that look like dates or times."""
    if column.dtype != pl.String:
        return 0.0
    present = column.drop_nulls()
    return int(present.str.contains(LOOKS_LIKE_DATE).sum()) / len(present) if len(present) else 0.0


def _refuse_almost_numbers(column: pl.Series) -> None:
    """Refuse a text column where nearly every cell is one of many numbers: a typing mistake."""
    if column.dtype != pl.String:
        return
    is_number = column.cast(pl.Float64, strict=False).is_not_null()
    n_present = len(column) - column.null_count()
    n_other = n_present - int(is_number.sum())
    if 0 < n_other <= 0.1 * n_present and column.filter(is_number).n_unique() > 20:
        row, value = first_non_number(column)
        raise DataError(
            f"Column '{column.name}' holds numbers except in {n_other} "
            f"cell{'s' * (n_other != 1)}: row {row} says {value[:40]!r}. Mend it, or leave the "
            "cell empty if the value is missing (empty, NA, nan, null and ? count as missing)."
        )


def _example(column: pl.Series) -> str:
    text = str(column.drop_nulls()[0])
    return repr(text if len(text) <= 40 else text[:39] + "…")


def _advice(refused: list[tuple[str, str]], where: str) -> str:
    listed = "; ".join(f"'{name}' ({reason})" for name, reason in refused[:8])
    more = f"; and {len(refused) - 8} more" if len(refused) > 8 else ""
    names = ", ".join(repr(name) for name, _ in refused[:8])
    comma = "," if len(refused) == 1 else ""
    return (
        f"{where} has columns that a network can't learn from as they are: {listed}{more}. "
        f"Leave them out with drop=({names}{comma}), or turn them into numbers or a few "
        "categories first (a date into year, month and weekday; a text into counts). "
        "A date can also order the rows: time='COLUMN'."
    )
