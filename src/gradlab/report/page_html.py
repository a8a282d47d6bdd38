"""From the contents of a page to one HTML file that works offline."""

import base64
from itertools import groupby
from pathlib import Path

from gradlab.files import write_whole
from gradlab.report import shell
from gradlab.report.drawing import figure_html
from gradlab.report.page import Card, Gallery, Listing, PageContents, Part, Picture, Plot, Section
from gradlab.report.tables import facts, shown_table, text


def write_page(contents: PageContents, path: str | Path) -> Path:
    """Write a page whole or not at all, and return its path.

    Raises:
        StudyError: If the file can't be written, or Plotly's JavaScript is missing.
    """
    return write_whole(path, render_page(contents))


def render_page(contents: PageContents) -> str:
    """Return a page as HTML: words, figures, pictures and tables, nothing from elsewhere.

    Raises:
        StudyError: If Plotly's JavaScript is missing from its package.
    """
    card = _card(contents.card) if contents.card else ""
    sections = [
        _section(f"section-{number}", section)
        for number, section in enumerate(contents.sections, start=1)
    ]
    method = [(item.name, item.text) for item in contents.method]
    blocks = [shell.answer(contents.answer, card), *sections, shell.method(method, contents.notes)]
    if contents.files:
        blocks.append(shell.block("files", "Files", facts(contents.files, css="facts wide")))
    blocks.append(
        shell.repeat(
            contents.command,
            machine=contents.machine,
            versions=contents.versions,
            heading="Repeat this",
        )
    )
    return shell.shell(
        blocks,
        title=contents.title,
        kicker=f"{contents.kicker}{f', {contents.created}' if contents.created else ''}",
        question=contents.question,
        pairs=contents.facts,
    )


def _card(card: Card) -> str:
    note = f'<p class="note">{text(card.note)}</p>' if card.note else ""
    pairs = facts(card.pairs, css="recipe") if card.pairs else ""
    return (
        f'<div class="card"><h3>{text(card.heading)}</h3>'
        f'<p class="big">{text(card.big)}</p>{note}{pairs}</div>'
    )


def _section(name: str, section: Section) -> shell.Block:
    words = "".join(f"<p>{text(sentence)}</p>" for sentence in section.sentences)
    html = f'<div class="sentences">{words}</div>' if words else ""
    if section.quiet:
        html += f'<p class="tests">{text(section.quiet)}</p>'
    for narrow, parts in groupby(section.parts, key=_is_narrow):
        drawn = [_part(name, part) for part in parts]
        html += f'<div class="grid pair">{"".join(drawn)}</div>' if narrow else "".join(drawn)
    n_figures = sum(isinstance(part, Plot) for part in section.parts)
    return shell.block(name, section.title, html, n_figures=n_figures, more=' class="axis"')


def _is_narrow(part: Part) -> bool:
    return isinstance(part, Plot) and not part.wide


def _part(section: str, part: Part) -> str:
    if isinstance(part, Plot):
        height = part.spec["height"]
        return figure_html(
            f"{section}-{part.name}",
            part.spec,
            title=part.title,
            description=part.description,
            height=height if isinstance(height, int) else int(str(height)),
            notes=_how_to_read(part.how_to_read) + _note(part.note),
            table=part.table,
        )
    if isinstance(part, Listing):
        shown = shown_table(part.table, file_name=f"{section}-{part.name}.csv")
        return f'<div class="part">{shown}{_how_to_read(part.how_to_read)}</div>'
    return _gallery(part)


def _gallery(gallery: Gallery) -> str:
    look = " pixelated" if gallery.pixelated else ""
    pictures = "".join(map(_picture, gallery.pictures))
    return (
        f'<div class="part"><p class="caption">{text(gallery.title)}</p>'
        f'<div class="gallery{look}" style="--column:{gallery.column}px">{pictures}</div>'
        f"{_how_to_read(gallery.how_to_read)}</div>"
    )


def _picture(picture: Picture) -> str:
    content = base64.b64encode(picture.png).decode()
    return (
        f'<div><img src="data:image/png;base64,{content}" width="{picture.width}" '
        f'height="{picture.height}" alt="{text(picture.description or picture.label)}">'
        f"<p>{text(picture.label)}</p></div>"
    )


def _how_to_read(words: str) -> str:
    return f'<p class="note"><b>How to read it.</b> {text(words)}</p>' if words else ""


def _note(words: str) -> str:
    return f'<p class="note">{text(words)}</p>' if words else ""
