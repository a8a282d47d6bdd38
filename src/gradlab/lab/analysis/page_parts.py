"""What the pages of clustering, reduction and scores have in common."""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Int

from gradlab import report
from gradlab.lab.analysis import provenance
from gradlab.lab.analysis.inputs import Inputs
from gradlab.report.numbers import count

if TYPE_CHECKING:
    import polars as pl

MOST_POINTS = 3000
"""Rows drawn in a scatter plot at most; more would hide each other and weigh the page down."""


def contents(
    *,
    title: str,
    kicker: str,
    question: str,
    facts: tuple[tuple[str, str], ...],
    answer: tuple[str, ...],
    sections: tuple[report.Section, ...],
    method: tuple[report.MethodItem, ...],
    notes: tuple[str, ...],
    files: tuple[tuple[str, str], ...],
    command: str,
    card: report.Card | None = None,
) -> report.PageContents:
    """Return a page with what it was made on and when."""
    return report.PageContents(
        title=title,
        kicker=kicker,
        question=question,
        facts=tuple(pair for pair in facts if pair[1]),
        answer=answer,
        command=command,
        card=card,
        sections=sections,
        method=method,
        notes=notes,
        files=files,
        versions=provenance.versions(),
        machine=provenance.machine(),
        created=provenance.now(),
    )


def size(inputs: Inputs) -> str:
    """Return rows and columns in words."""
    columns = len(inputs.names)
    if inputs.image_shape is not None:
        shape = " × ".join(map(str, inputs.image_shape[:2]))
        return f"{count(inputs.n_rows, 'picture')} of {shape}"
    return f"{count(inputs.n_rows, 'row')}, {count(columns, 'column')} of numbers"


def table(caption: str, frame: "pl.DataFrame", *, most: int | None = None) -> report.Table:
    """Return a frame as a table of a page, its first rows if there are many."""
    shown = frame if most is None else frame.head(most)
    if shown.height < frame.height:
        caption = f"{caption} (first {shown.height} of {frame.height:,})"
    return report.Table(caption, tuple(frame.columns), shown.rows())


def drawn_rows(n_rows: int, seed: int = 0) -> Int[np.ndarray, " drawn"]:
    """Return the rows that a scatter plot draws: all, or as many as it can show."""
    if n_rows <= MOST_POINTS:
        return np.arange(n_rows)
    return np.sort(np.random.default_rng(seed).choice(n_rows, MOST_POINTS, replace=False))


def drawn_note(n_rows: int) -> str:
    """Say so if not all rows are drawn."""
    if n_rows <= MOST_POINTS:
        return ""
    return f"{MOST_POINTS:,} of {n_rows:,} rows are drawn, at random."
