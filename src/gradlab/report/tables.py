"""Text and tables of the page; every word of a user passes through `text`."""

import html
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

# Neither HTML nor UTF-8 has these: controls, and surrogates left over from file names.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")

Cell = str | int | float | None


def clean(words: str) -> str:
    """Replace what no page can hold; escaping is done later, by whoever writes."""
    return _UNWRITABLE.sub("\ufffd", words)


def text(words: object) -> str:
    """Escape for HTML text and for quoted attributes.

    >>> text('<script>"&')
    '&lt;script&gt;&quot;&amp;'
    """
    return html.escape(clean(str(words)), quote=True)


@dataclass(frozen=True, slots=True)
class Table:
    """Plain numbers behind a figure: raw enough to compute with, ready for CSV."""

    caption: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]


def data_table(table: Table, *, file_name: str) -> str:
    """Fold a table away under one line, with buttons that copy and save it as CSV."""
    columns = zip(*table.rows, strict=True) if table.rows else [()] * len(table.columns)
    head = "".join(
        f'<th scope="col"{_side(cells)}>{text(column)}</th>'
        for column, cells in zip(table.columns, columns, strict=True)
    )
    body = "\n".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in table.rows)
    rows = "1 row" if len(table.rows) == 1 else f"{len(table.rows)} rows"
    return f"""<details class="data">
<summary>Data <span class="quiet">{rows}</span></summary>
<div class="tools"><button type="button" data-csv="copy">Copy CSV</button>
<button type="button" data-csv="save" data-file="{text(file_name)}">Save CSV</button></div>
<div class="scroll" tabindex="0" role="region" aria-label="{text(table.caption)}">
<table class="numbers"><caption>{text(table.caption)}</caption>
<thead><tr>{head}</tr></thead>
<tbody>{body}</tbody></table></div>
</details>"""


def shown_table(table: Table, *, file_name: str) -> str:
    """Show a table with few digits; its buttons copy and save the numbers in full."""
    columns = zip(*table.rows, strict=True) if table.rows else [()] * len(table.columns)
    written = [_column(list(cells)) for cells in columns]
    head = "".join(
        f'<th scope="col"{_side(cells)}>{text(column)}</th>'
        for column, cells in zip(
            table.columns, zip(*table.rows, strict=True) if table.rows else written, strict=True
        )
    )
    body = "\n".join(f"<tr>{''.join(cells)}</tr>" for cells in zip(*written, strict=True))
    return f"""<div class="data shown">
<div class="scroll" tabindex="0" role="region" aria-label="{text(table.caption)}">
<table class="numbers"><caption>{text(table.caption)}</caption>
<thead><tr>{head}</tr></thead>
<tbody>{body}</tbody></table></div>
<div class="tools"><button type="button" data-csv="copy">Copy CSV</button>
<button type="button" data-csv="save" data-file="{text(file_name)}">Save CSV</button></div>
</div>"""


def _column(cells: list[Cell]) -> list[str]:
    """Write the cells of a column alike: numbers with as many decimals as the largest needs."""
    sizes = [abs(c) for c in cells if isinstance(c, float) and math.isfinite(c) and c != 0]
    decimals = min(6, max(0, 3 - math.floor(math.log10(max(sizes))))) if sizes else 0
    # A number that would vanish beside a large one is written in its own way.
    if sizes and (min(sizes) < 0.5 * 10.0**-decimals or max(sizes) >= 1e9):
        decimals = -1
    return [_shown_cell(cell, decimals) for cell in cells]


def _shown_cell(value: Cell, decimals: int) -> str:
    if not isinstance(value, int | float):
        return _cell(value)
    if isinstance(value, float) and not math.isfinite(value):
        return '<td class="n">–</td>'
    exact = int(value) if isinstance(value, int) else float(value)
    if isinstance(exact, int):
        shown = f"{value:,}".replace(",", "\u00a0")
    else:
        shown = f"{value:.4g}" if decimals < 0 else f"{value:.{decimals}f}"
    return f'<td class="n" data-value="{exact!r}">{shown.replace("-", "−")}</td>'


def _side(cells: Sequence[Cell]) -> str:
    """Set the heading of numbers on the right, as they are."""
    return "" if any(isinstance(cell, str) for cell in cells) else ' class="n"'


def _cell(value: Cell) -> str:
    if isinstance(value, str):
        return f"<td>{text(value)}</td>"
    if value is None:
        return '<td class="n"></td>'
    return f'<td class="n">{value:g}</td>' if abs(value) < 1e6 else f'<td class="n">{value}</td>'


def facts(pairs: Sequence[tuple[str, str]], *, css: str = "facts") -> str:
    """Write names and values as a description list; values are plain words."""
    items = "".join(f"<div><dt>{text(k)}</dt><dd>{text(v)}</dd></div>" for k, v in pairs)
    return f'<dl class="{css}">{items}</dl>'
