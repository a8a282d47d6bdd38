"""An explanation as Markdown."""

from gradlab.explanation.document import Block, Formula, Grid, Heading, Sentence


def markdown(blocks: list[Block]) -> str:
    """Return blocks as Markdown: headings, code lines for formulas, pipe tables."""
    parts = []
    for block in blocks:
        match block:
            case Heading(text, level):
                parts.append(f"{'#' * level} {_plain(text)}")
            case Sentence(text):
                parts.append(_plain(text))
            case Formula(text):
                parts.append(f"`{text}`")
            case Grid():
                parts.append(_table(block))
    return "\n\n".join(parts) + "\n"


def _table(grid: Grid) -> str:
    lines = [
        f"*{_plain(grid.caption)}*",
        "",
        _line(grid.columns),
        "|" + "|".join("---" if i == 0 else "---:" for i in range(len(grid.columns))) + "|",
        *map(_line, grid.rows),
    ]
    return "\n".join(lines)


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(_plain(cell).replace("|", "\\|") for cell in cells) + " |"


def _plain(text: str) -> str:
    """Escape what Markdown would take for its own."""
    for mark in "\\*_[]<>":
        text = text.replace(mark, f"\\{mark}")
    return text
