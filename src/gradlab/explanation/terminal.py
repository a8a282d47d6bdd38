"""An explanation as tables in the terminal."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gradlab.explanation.document import Block, Formula, Grid, Heading, Sentence


def show(blocks: list[Block], console: Console | None = None) -> None:
    """Print blocks one below the other."""
    console = console or Console(highlight=False)
    for block in blocks:
        match block:
            case Heading(text, level):
                console.print()
                console.print(Text(text, style="bold underline" if level == 1 else "bold"))
            case Sentence(text):
                console.print(Text(text))
            case Formula(text):
                console.print(Text(f"  {text}", style="cyan"))
            case Grid():
                console.print()
                console.print(Text(block.caption, style="dim"))
                for part in _parts(block, console.width):
                    console.print(part)


def _parts(grid: Grid, width: int) -> list[Table]:
    """Return a table, cut into several that each begin with the names if it is too wide."""
    widths = [
        max(len(cell) for cell in (title, *(row[i] for row in grid.rows)))
        for i, title in enumerate(grid.columns)
    ]
    groups: list[list[int]] = [[]]
    used = widths[0]
    for column in range(1, len(widths)):
        if groups[-1] and used + 2 + widths[column] > width:
            groups.append([])
            used = widths[0]
        groups[-1].append(column)
        used += 2 + widths[column]
    return [_table(grid, [0, *group]) for group in groups]


def _table(grid: Grid, columns: list[int]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for i in columns:
        side = "left" if i == 0 or _words(grid, i) else "right"
        table.add_column(Text(grid.columns[i]), justify=side, overflow="fold")
    for row in grid.rows:
        table.add_row(*(Text(row[i]) for i in columns))
    return table


def _words(grid: Grid, column: int) -> bool:
    """Tell whether a column holds words or lists; numbers stand on the right."""
    cells = [row[column] for row in grid.rows]
    return any(cell[:1].isalpha() or ", " in cell for cell in cells)
