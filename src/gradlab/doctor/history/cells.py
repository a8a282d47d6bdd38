"""Cells of a history to numbers: what is a gap, what is a number that is not finite."""

import math
import re
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from jaxtyping import Bool, Float

from gradlab.errors import DataError

GAPS = frozenset({"", "-", "--", "na", "n/a", "#n/a", "none", "null", "?", "missing"})
# What str() makes of a PyTorch number: tensor(0.53, device='cuda:0', grad_fn=<…>).
TENSOR = re.compile(r"^tensor\(\s*([^,()]+?)\s*(,.*)?\)$")


class Cells(NamedTuple):
    """The numbers of a column."""

    values: Float[np.ndarray, " rows"]  # NaN where nothing was written, too
    written: Bool[np.ndarray, " rows"]  # False for a gap
    percent: bool  # a cell had a percent sign


def numbers(series: pl.Series, where: str) -> Cells:
    """Read a column as numbers.

    Blank cells, "NA", "None" and "-" are gaps; "nan" and "inf" are numbers that are not finite;
    "93 %", "0,93" (but not in "1,234,567") and "tensor(0.93)" are read as what they mean.

    Raises:
        DataError: For other text; names column, row and cell.

    >>> numbers(pl.Series("loss", ["0.5", "", "nan"]), "h.csv").written.tolist()
    [True, False, True]
    """
    if series.dtype.is_numeric() or series.dtype == pl.Boolean:
        written = series.is_not_null().to_numpy()
        return Cells(series.cast(pl.Float64).to_numpy().astype(np.float64), written, False)
    values = np.full(len(series), np.nan)
    written = np.zeros(len(series), bool)
    percent = False
    for i, cell in enumerate(series.to_list()):
        number = _number(cell)
        if number is None:
            raise DataError(
                f"{where}, column '{series.name}', row {i + 1}: expected a number; came "
                f"{_short(cell)}. Correct the cell, or leave it empty if nothing was measured."
            )
        values[i], written[i] = number[0], number[1]
        percent |= number[2]
    return Cells(values, written, percent)


def _number(cell: Any) -> tuple[float, bool, bool] | None:
    """Return value, whether it was written, whether it is a percentage; None for other text."""
    if cell is None:
        return math.nan, False, False
    if isinstance(cell, int | float):
        return float(cell), True, False
    text = str(cell).strip()
    if text.lower() in GAPS:
        return math.nan, False, False
    if match := TENSOR.match(text):
        text = match[1]
    percent = text.endswith("%")
    text = text.removesuffix("%").rstrip()
    if re.fullmatch(r"[-+]?\d+,\d+", text):
        text = text.replace(",", ".")
    try:
        # float() also takes "1_000", which no logger writes.
        return (float(text), True, percent) if "_" not in text else None
    except ValueError:
        return None


def _short(cell: Any) -> str:
    text = repr(cell)
    return text if len(text) <= 40 else text[:37] + "…'"
