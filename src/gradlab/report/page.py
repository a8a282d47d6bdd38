"""A page of any analysis, as plain data: question, answer, sections with figures and pictures.

The lab fills these records; `gradlab.report.page_html` writes them down. They know nothing of what
was analysed, so clustering, reduction and scores share them.
"""

import json
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from gradlab.report.contents import MethodItem
from gradlab.report.tables import Table

HEIGHT = 400
"""Of a figure that says nothing of its own, in pixels."""


@runtime_checkable
class Drawable(Protocol):
    """A Plotly figure, so far as a page needs to know; naming the class would import Plotly."""

    def to_json(self) -> Any:
        """Return data and layout as JSON."""
        ...


@dataclass(frozen=True, slots=True)
class Plot:
    """An interactive figure; `plot` makes one of a Plotly figure.

    Args:
        name: Short name, unique within its section; part of IDs and file names.
        title: Caption.
        description: What it shows, for those who can't see it.
        spec: Plotly's `data`, `layout` and, if it moves, `frames`; and `height` in pixels.
        how_to_read: What to look for, in a sentence or two.
        note: A remark on this figure, e.g. how many points were drawn.
        table: The same numbers; None where a file beside the page holds them.
        wide: Give it a line of its own.
    """

    name: str
    title: str
    description: str
    spec: dict[str, object]
    how_to_read: str = ""
    note: str = ""
    table: Table | None = None
    wide: bool = False


def plot(
    name: str,
    figure: Drawable,
    *,
    title: str,
    description: str,
    how_to_read: str = "",
    note: str = "",
    table: Table | None = None,
    wide: bool = False,
    height: int | None = None,
) -> Plot:
    """Return a Plotly figure for a page, which writes its title and colours its text itself.

    Args:
        name, title, description, how_to_read, note, table, wide: See `Plot`.
        figure: A themed Plotly figure.
        height: Pixels; the figure's own, or `HEIGHT`, by default.
    """
    content = json.loads(figure.to_json())
    layout = content.get("layout", {})
    layout.pop("title", None)
    # The theme left room for the title; the caption stands above the figure instead.
    top = layout.get("margin", {}).get("t")
    if top is not None:
        layout["margin"]["t"] = max(12, top - 40)
    for trace in content["data"]:
        # So few points need no WebGL, which some browsers lack and paper can't hold.
        trace["type"] = trace.get("type", "scatter").removesuffix("gl")
    height = height or layout.get("height") or HEIGHT
    for size in ("width", "height"):
        layout.pop(size, None)
    spec = {"plain": True, "height": height, "data": content["data"], "layout": layout}
    if content.get("frames"):
        spec["frames"] = content["frames"]
    return Plot(name, title, description, spec, how_to_read, note, table, wide)


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture, as the bytes of a PNG.

    Args:
        png: The file.
        width, height: In pixels of its own.
        label: Its caption.
        description: What it shows, for those who can't see it.
    """

    png: bytes
    width: int
    height: int
    label: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Gallery:
    """Pictures side by side.

    Args:
        title: Caption of all of them.
        pictures: From left to right.
        how_to_read: What to look for.
        column: Least width of a picture in the page, in pixels.
        pixelated: Enlarge small pictures without smoothing.
    """

    title: str
    pictures: tuple[Picture, ...]
    how_to_read: str = ""
    column: int = 220
    pixelated: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """A table that is shown, not folded away.

    Args:
        name: Short name, unique within its section; part of a file name.
        table: What it holds.
        how_to_read: What to look for.
    """

    name: str
    table: Table
    how_to_read: str = ""


Part = Plot | Gallery | Listing


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the evidence.

    Args:
        title: Heading.
        sentences: What to conclude, most important first.
        parts: Figures, pictures and tables in order; figures that are not wide pair up.
        quiet: A remark in small letters.
    """

    title: str
    sentences: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    quiet: str = ""


@dataclass(frozen=True, slots=True)
class Card:
    """The one number to take away, beside the answer.

    Args:
        heading: What it is.
        big: The number.
        note: What it rests on.
        pairs: What belongs to it, name and value.
    """

    heading: str
    big: str
    note: str = ""
    pairs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class PageContents:
    """The page from top to bottom.

    Args:
        title: Heading of the page.
        kicker: What kind of page it is, e.g. "Clustering".
        question: What was asked, in a sentence or two.
        facts: Data, size and settings, name and value.
        answer: The answer in sentences, most important first.
        command: Exact command that does it again; "" if there is none.
        card: The one number to take away.
        sections: The evidence.
        method: How it was done.
        notes: What the data reader said aloud.
        files: Files beside the page and what they hold.
        versions: Package and version.
        machine: The machine in words.
        created: When it was made, as text.
    """

    title: str
    kicker: str
    question: str
    facts: tuple[tuple[str, str], ...]
    answer: tuple[str, ...]
    command: str
    card: Card | None = None
    sections: tuple[Section, ...] = ()
    method: tuple[MethodItem, ...] = ()
    notes: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    versions: tuple[tuple[str, str], ...] = field(default=())
    machine: str = ""
    created: str = ""
