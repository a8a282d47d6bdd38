"""Tables with a column of texts."""

from typing import Any

import numpy as np
import polars as pl

from gradlab.data import columns
from gradlab.data.assemble import per_row
from gradlab.data.dataset import FeatureTable
from gradlab.data.examples import Examples
from gradlab.data.tabular import Table
from gradlab.data.text.arrays import text_features
from gradlab.errors import DataError


def texts_from_table(
    data: Table,
    *,
    text: str | int,
    tokens: str | None = None,
    target: str | int | None = None,
    groups: Any = None,
    time: Any = None,
) -> Examples:
    """Return the texts of one column with their answers; blank ones are left out, said.

    Args:
        data: The table; columns that have no role are left out, said.
        text: Column of texts.
        tokens: What to cut them into; None leaves it to the preprocessor.
        target: Column with the answer; the last other one by default.
        groups: Column, or one value a row, of which equal values must not part in a split.
        time: Column, or one value a row, to order rows by.

    Raises:
        DataError: If a column is absent, or no text is left.
    """
    where, names = data.name, data.frame.columns
    text_name = columns.resolve(text, names, "text", where)
    others = [name for name in names if name != text_name]
    if not others:
        raise DataError(f"{where} has no column besides the text '{text_name}': no target.")
    notes = list(data.notes)
    if target is None:
        target = others[-1]
        notes.append(f"Target: '{target}', the last column but the text (target='…' for another).")
    target_name = columns.resolve(target, names, "target", where)
    if target_name == text_name:
        raise DataError(f"'{text_name}' can't be text and target at once. Name another target.")
    written = _text_column(data.frame, text_name, where)
    kept = (written.str.strip_chars().str.len_chars() > 0).fill_null(False).to_numpy()
    n_blank = int((~kept).sum())
    if n_blank == len(kept):
        raise DataError(f"Column '{text_name}' of {where} holds no text.")
    if n_blank:
        notes.append(f"{n_blank} row{'s have' if n_blank > 1 else ' has'} no text: left out.")
    frame = columns.clean(data.frame.drop(text_name)).filter(kept)
    orders: dict[str, np.ndarray | None] = {"groups": None, "time": None}
    roles = {text_name, target_name}
    for role, given in (("groups", groups), ("time", time)):
        if isinstance(given, (str, int)):
            name = columns.resolve(given, names, role, where)
            read = columns.group_codes if role == "groups" else columns.order_values
            orders[role] = read(frame[name])
            roles.add(name)
        elif given is not None:
            orders[role] = per_row(given, role, kept)
    unused = [name for name in names if name not in roles]
    if unused:
        listed = ", ".join(f"'{name}'" for name in unused[:5]) + (", …" if len(unused) > 5 else "")
        notes.append(f"Only the text is learnt from: {listed} left out.")
    return Examples(
        where,
        text_features(written.filter(kept).to_list(), name=text_name, tokens=tokens),
        columns.target_values(frame[target_name], where),
        target_name,
        n_test=int(kept[len(kept) - data.n_test :].sum()),
        groups=orders["groups"],
        time=orders["time"],
        notes=tuple(notes),
    )


def texts_like(data: Table, text: str | int) -> FeatureTable:
    """Return the texts of new data, a blank one too: every row gets its prediction."""
    name = columns.resolve(text, data.frame.columns, "text", data.name)
    return text_features(
        _text_column(data.frame, name, data.name).fill_null("").to_list(), name=name
    )


def _text_column(frame: pl.DataFrame, name: str, where: str) -> pl.Series:
    # Not cleaned: "NA" and "?" are texts like others.
    column = frame[name]
    if column.dtype in (pl.Categorical, pl.Enum):
        column = column.cast(pl.String)
    if column.dtype != pl.String:
        raise DataError(
            f"Column '{name}' of {where} holds {column.dtype}, not text. Name the text column."
        )
    return column
