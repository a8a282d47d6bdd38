"""From a history file, or what a library's history object holds, to a table of its rows.

Read are CSV and other separated text (`keras.callbacks.CSVLogger`, Lightning's `CSVLogger`, own
loops), JSON (the `history.history` of Keras, a list of epochs, the `log_history` of Hugging Face),
JSON lines, Parquet and Arrow, frames, dicts of columns and lists of rows.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from gradlab.data.delimited import parse_delimited
from gradlab.data.opening import read_bytes
from gradlab.data.tables import frame_of, read_table
from gradlab.doctor.history.names import column
from gradlab.errors import DataError

ONCE = {"best_loss_", "n_iter_", "best_validation_score_", "params", "run_id", "setup"}
"""Entries of a JSON object that are about the run as a whole."""


class Table(NamedTuple):
    """Rows as they came."""

    frame: pl.DataFrame
    where: str  # for messages
    notes: list[str]
    setup: Mapping[str, Any] | None  # that the file carries


def read_rows(source: Any) -> Table:
    """Return a history's rows.

    Raises:
        DataError: If it can't be read, is empty, or its columns differ in length.
    """
    if isinstance(source, str | Path):
        return _read_file(Path(source))
    if isinstance(source, Mapping):
        return _from_json(dict(source), "The history", [])
    if (frame := frame_of(source)) is not None:
        return _checked(Table(frame, "The frame", [], None))
    if isinstance(source, Sequence):
        return _from_json(list(source), "The history", [])
    if isinstance(getattr(source, "history", None), Mapping):  # what Keras' fit returns
        return _from_json(dict(source.history), "The history", [])
    raise DataError(
        f"A history of type {type(source).__name__} can't be read. Give the path of a CSV or JSON "
        "file, a frame, a dict of columns, or a list of epochs."
    )


def _read_file(path: Path) -> Table:
    ending = path.suffix.lower()
    if ending in (".parquet", ".pq", ".arrow", ".feather", ".ipc"):
        kind = "parquet" if ending in (".parquet", ".pq") else "arrow"
        frame, notes = read_table(path, kind, None, None)
        return _checked(Table(frame, str(path), notes, None))
    content = read_bytes(path)
    start = content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if ending in (".json", ".jsonl", ".ndjson") or start in (b"{", b"["):
        return _parse_json(content, str(path))
    notes = []
    try:
        frame, _ = parse_delimited(content, str(path), header=True)
    except DataError:
        # A run that was stopped may leave its last line half written.
        whole, _, rest = content.rpartition(b"\n")
        if not rest.strip() or whole.count(b"\n") < 1:
            raise
        frame, _ = parse_delimited(whole, str(path), header=True)
        notes.append(f"The last line of {path} is not whole and was left out.")
    return _checked(Table(frame, str(path), notes, None))


def _parse_json(content: bytes, where: str) -> Table:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{where} is not UTF-8 text. Save it as UTF-8.") from error
    notes: list[str] = []
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        lines = [line for line in text.splitlines() if line.strip()]
        found = []
        for i, line in enumerate(lines):
            try:
                found.append(json.loads(line))
            except json.JSONDecodeError:
                if i == 0 or i < len(lines) - 1:
                    raise DataError(
                        f"{where} is neither JSON nor JSON lines: {error.msg} in line "
                        f"{error.lineno if i == 0 else i + 1}. Write one object, one list, or one "
                        "object a line."
                    ) from error
                notes.append(f"The last line of {where} is not whole and was left out.")
    if isinstance(found, dict) and all(not isinstance(x, list | dict) for x in found.values()):
        found = [found]  # JSON lines of a single epoch
    return _from_json(found, where, notes)


def _from_json(found: Any, where: str, notes: list[str]) -> Table:
    setup = found.get("setup") if isinstance(found, dict) else None
    for wrapper in ("history", "log_history", "epochs"):
        if isinstance(found, dict) and isinstance(found.get(wrapper), dict | list):
            inner = found[wrapper]
            if wrapper != "epochs" or all(isinstance(row, Mapping) for row in inner):
                found = inner
    if isinstance(found, list) and found and not any(isinstance(row, Mapping) for row in found):
        found = {"loss": found}  # scikit-learn's loss_curve_ alone
        notes.append(f"{where} is one list of numbers: taken as the training loss.")
    if isinstance(found, dict):
        columns = _columns(found, where, notes)
    elif isinstance(found, list):
        columns = _columns_of_rows(found, where)
    else:
        raise DataError(
            f"{where}: expected an object of columns or a list of epochs; came "
            f"{type(found).__name__}."
        )
    frame = pl.DataFrame([_series(name, cells) for name, cells in columns.items()])
    return _checked(Table(frame, where, notes, setup if isinstance(setup, Mapping) else None))


def _columns(found: dict[str, Any], where: str, notes: list[str]) -> dict[str, list]:
    columns: dict[str, list] = {}
    flat: dict[str, Any] = {}
    for name, cells in found.items():
        if isinstance(cells, Mapping):  # {"train": {"loss": […]}, "val": {…}}
            flat |= {f"{name}/{inner}": values for inner, values in cells.items()}
        else:
            flat[str(name)] = cells
    for name, cells in flat.items():
        if name in ONCE or name.partition("/")[0] in ONCE:
            continue
        if isinstance(cells, np.ndarray):
            cells = cells.tolist()
        if isinstance(cells, Sequence) and not isinstance(cells, str):
            columns[name] = list(cells)
    if not columns:
        raise DataError(
            f"{where}: expected columns, each a list with a number an epoch; came "
            f"{', '.join(flat) or 'nothing'}."
        )
    longest = max(map(len, columns.values()))
    for name, cells in columns.items():
        every = longest // len(cells) if cells else 1
        if every > 1 and longest // every == len(cells) and column(name).side == "validation":
            # Keras with validation_freq writes a shorter list.
            spread = [None] * longest
            spread[every - 1 :: every] = cells
            columns[name] = spread
            notes.append(
                f"'{name}' has {len(cells)} numbers for {longest} epochs: taken as one every "
                f"{every} epochs."
            )
    lengths = {name: len(cells) for name, cells in columns.items() if len(cells)}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise DataError(
            f"{where}: expected columns of one length; came {told}. Write null where nothing was "
            "measured."
        )
    return {name: columns[name] for name in lengths}


def _columns_of_rows(rows: list, where: str) -> dict[str, list]:
    names: dict[str, None] = {}
    for i, row in enumerate(rows):
        if not isinstance(row, Mapping):
            raise DataError(
                f"{where}, entry {i + 1}: expected an object such as "
                f'{{"epoch": 1, "loss": 0.5}}; came {type(row).__name__}.'
            )
        names |= dict.fromkeys(map(str, row))
    return {name: [row.get(name) for row in rows] for name in names}


def _series(name: str, cells: list) -> pl.Series:
    cells = [cell.item() if isinstance(cell, np.generic) else cell for cell in cells]
    if all(cell is None or isinstance(cell, int | float) for cell in cells):
        return pl.Series(name, [None if c is None else float(c) for c in cells], pl.Float64)
    return pl.Series(name, [None if c is None else str(c) for c in cells], pl.String)


def _checked(table: Table) -> Table:
    if table.frame.height == 0 or table.frame.width == 0:
        raise DataError(
            f"{table.where} holds no epochs: expected a row an epoch with its loss. Check that "
            "training wrote to it."
        )
    return table
