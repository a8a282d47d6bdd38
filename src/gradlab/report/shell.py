"""What every page has: one template, styles, scripts, the policy, and the sections at its ends."""

import base64
import hashlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from string import Template

from gradlab.errors import StudyError
from gradlab.report.tables import facts, text


@dataclass(frozen=True, slots=True)
class Block:
    """A section of a page, ready to be put in.

    Args:
        name: Its ID, to which the contents link.
        label: Its name among the contents.
        html: All of it, the element with that ID.
        n_figures: Figures in it that JavaScript draws.
    """

    name: str
    label: str
    html: str
    n_figures: int = 0


def shell(
    blocks: Sequence[Block],
    *,
    title: str,
    kicker: str,
    question: str,
    pairs: Sequence[tuple[str, str]],
) -> str:
    """Return a whole page as HTML: styles, scripts and blocks, nothing from elsewhere.

    Args:
        blocks: From top to bottom; the first is the answer.
        title: Heading of the page.
        kicker: What kind of page it is, and when it was made.
        question: What was asked, in a sentence or two.
        pairs: Facts under the question, name and value.

    Raises:
        StudyError: If Plotly's JavaScript is missing from its package.
    """
    return _template().substitute(
        n_figures=sum(block.n_figures for block in blocks),
        policy=_policy(),
        style=_file("page.css"),
        script=_file("page.js"),
        plotly=_plotly(),
        title=text(title),
        kicker=text(kicker),
        question=text(question),
        facts=facts(pairs),
        links="\n".join(
            f'<li><a href="#{block.name}">{text(block.label)}</a></li>' for block in blocks
        ),
        sections="\n".join(block.html for block in blocks),
    )


def block(
    name: str, label: str, html: str, *, heading: str = "", n_figures: int = 0, more: str = ""
) -> Block:
    """Return a block with a heading.

    Args:
        name: Its ID.
        label: Its name among the contents.
        html: What stands under the heading.
        heading: The heading; the label by default.
        n_figures: Figures in it.
        more: Attributes of the element, written as in HTML.
    """
    section = f"""<section id="{name}"{more} aria-labelledby="{name}-title">
<h2 id="{name}-title">{text(heading or label)}</h2>
{html}
</section>"""
    return Block(name, label, section, n_figures)


def answer(sentences: Sequence[str], card: str = "", below: str = "", n_figures: int = 0) -> Block:
    """Return the first block: the answer in words, beside it a card, below it a figure."""
    words = "".join(f"<p>{text(sentence)}</p>" for sentence in sentences)
    two = " two" if card else ""
    html = f'<div class="answer{two}"><div class="words">{words}</div>{card}</div>{below}'
    return block("answer", "Answer", html, n_figures=n_figures)


def method(items: Sequence[tuple[str, str]], notes: Sequence[str]) -> Block:
    """Return the block that says how it was done, and what the data reader did."""
    html = facts(items, css="facts wide") if items else ""
    if notes:
        listed = "".join(f"<li>{text(note)}</li>" for note in notes)
        html += f'<h3 class="spaced">What the data reader did</h3><ul class="notes">{listed}</ul>'
    return block("method", "Method", html or '<p class="quiet">Not recorded.</p>')


def repeat(
    command: str, *, machine: str, versions: Sequence[tuple[str, str]], heading: str
) -> Block:
    """Return the block with the command that does it again, and on what it was done."""
    # Lines break before an option, not inside "--".
    words = " ".join(
        f"<span>{text(part)}</span>" for part in command.replace(" --", "\n--").split("\n")
    )
    html = '<p class="quiet">The data came from memory: no command reads it again.</p>'
    if command:
        html = f"""<div class="command"><pre><code id="command">{words}</code></pre>
<button type="button" data-copy="command">Copy command</button></div>"""
    pairs = [("Machine", machine)] if machine else []
    if versions:
        pairs.append(("Software", ", ".join(f"{name} {version}" for name, version in versions)))
    if pairs:
        html += facts(pairs, css="facts wide")
    return block("repeat", "Repeat", html, heading=heading)


@cache
def _file(name: str) -> str:
    return resources.files("gradlab.report").joinpath(name).read_text(encoding="utf-8")


@cache
def _template() -> Template:
    return Template(_file("page.html"))


@cache
def _plotly() -> str:
    """Return Plotly's JavaScript, found without importing Plotly."""
    found = importlib.util.find_spec("plotly")
    folders = (found and found.submodule_search_locations) or []
    for folder in folders:
        path = Path(folder, "package_data", "plotly.min.js")
        if path.is_file():
            return path.read_text(encoding="utf-8")
    raise StudyError(
        "The report needs plotly.min.js from the plotly package; it was not found. "
        "Install it again: pip install --force-reinstall plotly."
    )


@cache
def _policy() -> str:
    """Allow exactly the scripts of this page, by their hashes, and no connection at all."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
        for script in (_file("page.js"), _plotly())
    )
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
