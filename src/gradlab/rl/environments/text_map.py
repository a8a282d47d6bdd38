"""Maps as text: one string a row, one letter a cell."""

from collections.abc import Mapping, Sequence

import numpy as np

from gradlab.errors import DataError

Map = str | Sequence[str]
"""Rows of letters, or one string with line breaks."""

UP, RIGHT, DOWN, LEFT = (-1, 0), (0, 1), (1, 0), (0, -1)


def read_map(
    text: Map, legend: Mapping[str, str], *, exactly: str = "", at_least: str = ""
) -> list[str]:
    """Return the rows of a map after checking them.

    Args:
        text: The map.
        legend: Known letters and their meanings.
        exactly: Letters that must occur once.
        at_least: Letters that must occur.

    Raises:
        DataError: If the map is empty, rows differ in length, a letter is unknown, or one that is
            needed is missing or occurs twice; the message names row and column.

    >>> read_map("S.\\n.G", {"S": "start", ".": "free", "G": "goal"}, exactly="S", at_least="G")
    ['S.', '.G']
    """
    lines = text.splitlines() if isinstance(text, str) else list(text)
    rows = [line.strip() for line in lines]
    rows = [row for row in rows if row]
    if not rows:
        raise DataError("A map needs at least one row of letters; got an empty one.")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]):
            raise DataError(
                f"All rows of a map must be equally long; row 1 has {len(rows[0])} letters, "
                f"row {number} has {len(row)}: '{row}'."
            )
        for column, letter in enumerate(row, start=1):
            if letter not in legend:
                known = ", ".join(f"{key} {meaning}" for key, meaning in legend.items())
                raise DataError(
                    f"Unknown letter '{letter}' in row {number}, column {column} of the map. "
                    f"Known: {known}."
                )
    together = "".join(rows)
    for letter in exactly:
        if (count := together.count(letter)) != 1:
            raise DataError(
                f"A map needs exactly one {letter} ({legend[letter]}); this one has {count}."
            )
    for letter in at_least:
        if letter not in together:
            raise DataError(
                f"A map needs at least one {letter} ({legend[letter]}); this one has none."
            )
    return rows


def cell_positions(rows: Sequence[str]) -> np.ndarray:
    """Return (row, column) of every cell, numbered row by row, shape (cells, 2)."""
    return np.array([(r, c) for r in range(len(rows)) for c in range(len(rows[0]))])


def marked(rows: Sequence[str], row: int, column: int, letter: str) -> str:
    """Return the map with another letter in one cell: where the agent is.

    >>> print(marked(["S.", ".G"], 0, 1, "@"))
    S@
    .G
    """
    lines = list(rows)
    lines[row] = lines[row][:column] + letter + lines[row][column + 1 :]
    return "\n".join(lines)
