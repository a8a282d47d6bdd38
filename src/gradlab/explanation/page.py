"""An explanation as one HTML file of the report's family, stage by stage.

Stages are turned by radio buttons and CSS alone: Next and Previous work without scripts, and
printing, or "All", shows every stage one below the other.
"""

from pathlib import Path

from gradlab.explanation import document
from gradlab.explanation.document import Block, Formula, Grid, Heading, Sentence
from gradlab.explanation.drawing import STAGES, drawable, network_svg
from gradlab.explanation.explanation import Explanation
from gradlab.explanation.words import number
from gradlab.files import write_whole
from gradlab.lab.analysis import provenance
from gradlab.report import page, shell
from gradlab.report.drawing import figure_html
from gradlab.report.tables import facts, text

TITLES = {
    "forward": "Forward",
    "loss": "Loss",
    "backward": "Backward",
    "update": "Update",
    "again": "Forward again",
}
WORDS = {
    "forward": "Every unit adds up what comes in, times the weights, and gives it on.",
    "loss": "The answer is compared with the truth: E says how wrong it is.",
    "backward": "By the chain rule every number is told how E would change with it.",
    "update": "The optimizer moves every weight against its gradient, in its own way.",
    "again": "With the new weights the same rows give another answer, and another E.",
}

STYLE = """
.turning > input { position: absolute; opacity: 0; pointer-events: none; }
.turning .tabs { display: flex; flex-wrap: wrap; gap: .3rem; margin: .8rem 0 1rem; }
.turning label { cursor: pointer; border: 1px solid var(--hair); border-radius: 4px;
  padding: .25rem .7rem; font-size: .87rem; }
.turning label:hover { border-color: var(--muted); }
.turning .stage { display: none; }
.turning .turn { display: flex; justify-content: space-between; margin-top: 1.4rem; }
.turning .lead { max-width: 64ch; color: var(--muted); }
.turning .drawn { overflow-x: auto; margin: 1.2rem 0 .4rem; }
.turning .formula { font: .87rem/1.6 var(--mono); overflow-wrap: anywhere; margin: .25rem 0; }
.turning .said, .plain .said { margin: 1rem 0; max-width: 84ch; }
.turning .scroll, .plain .scroll { width: fit-content; max-width: 100%; max-height: 34rem;
  margin-top: .4rem; }
.turning .caption, .plain .caption { margin: 1.2rem 0 0; color: var(--muted); font-size: .87rem; }
.network { display: block; max-width: 100%; height: auto; font: 12px var(--sans);
  font-variant-numeric: tabular-nums; }
.network rect { fill: var(--raised); stroke: var(--muted); stroke-width: 1; }
.network line { stroke: var(--muted); stroke-width: 1; opacity: .55; }
.network line.marked { stroke: var(--accent); stroke-width: 2.5; opacity: 1; }
.network text { fill: var(--ink); }
.network .edge { paint-order: stroke; stroke: var(--paper); stroke-width: 4px; font-size: 11.5px; }
.network .edge.marked { fill: var(--accent); font-weight: 600; }
.network .of { fill: var(--muted); }
.network .value { text-anchor: end; }
.network .loss rect { stroke: var(--accent); stroke-width: 2; }
@media print { .turning .stage { display: block !important; } .turning .tabs, .turning .turn
  { display: none; } .turning .scroll, .plain .scroll { max-height: none; } }
"""


def write_page(e: Explanation, path: str | Path) -> Path:
    """Write the page whole or not at all, and return its path.

    Raises:
        StudyError: If the file can't be written.
    """
    return write_whole(path, render(e))


def render(e: Explanation) -> str:
    """Return the page as HTML; it loads nothing from elsewhere."""
    blocks = [
        _answer(e),
        shell.block("stages", "Step by step", _stages(e)),
        _along(e),
        shell.block("cost", "Cost", f'<div class="plain">{_html(document.cost(e)[1:])}</div>',
                    heading="What the gradients cost"),
        shell.method(_method(e), ()),
        shell.repeat(
            e.command,
            machine=provenance.machine(),
            versions=provenance.versions(),
            heading="Explain this again",
        ),
    ]  # fmt: skip
    kind = e.step.recipe.optimizer_kind().name
    return shell.shell(
        blocks,
        title=e.title,
        kicker=f"Explanation of a training step, {provenance.now()}",
        question="What does one step of training compute, to the last number?",
        pairs=[
            ("Rows", str(e.step.n_rows)),
            ("Weights", f"{sum(p.value.size for p in e.parameters):,}"),
            ("Loss", e.step.loss.replace("_", " ")),
            ("Optimizer", f"{kind}, learning rate {number(e.step.rate)}"),
            *([("Row written out", str(e.row))] if e.step.n_rows > 1 else []),
        ],
    )


def _answer(e: Explanation) -> shell.Block:
    lower = e.new_loss < e.loss
    moved = "lowers" if lower else "raises" if e.new_loss > e.loss else "leaves"
    end = f" to {number(e.new_loss)}" if e.new_loss != e.loss else " as it was"
    sentences = [f"The step {moved} the loss of its rows from {number(e.loss)}{end}.", *e.notes]
    pairs = facts([("before", number(e.loss)), ("after", number(e.new_loss))], css="recipe")
    card = (
        f'<div class="card"><h3>Change of the loss</h3>'
        f'<p class="big">{text(number(e.new_loss - e.loss, 4))}</p>{pairs}</div>'
    )
    return shell.answer(sentences, card)


def _stages(e: Explanation) -> str:
    made = {
        "forward": document.forward(e),
        "loss": document.loss(e),
        "backward": document.backward(e),
        "update": document.update(e),
        "again": document.again(e),
    }
    ids = [f"stage-{name}" for name in (*STAGES, "all")]
    shown = "".join(
        f"#{i}:checked ~ .{i}, #stage-all:checked ~ .{i} {{ display: block; }}\n"
        f"#{i}:checked ~ .tabs label[for={i}] {{ background: var(--ink); color: var(--paper); "
        f"border-color: var(--ink); }}\n"
        f"#{i}:focus-visible ~ .tabs label[for={i}] {{ outline: 2px solid var(--accent); "
        "outline-offset: 2px; }\n"
        for i in ids
    )
    radios = "".join(
        f'<input type="radio" name="stage" id="{i}"{" checked" if n == 0 else ""} '
        f'aria-label="{TITLES.get(i.removeprefix("stage-"), "All stages")}">'
        for n, i in enumerate(ids)
    )
    tabs = "".join(
        f'<label for="stage-{name}">{n}. {TITLES[name]}</label>' for n, name in enumerate(STAGES, 1)
    )
    stages = "".join(_stage(e, n, name, made[name]) for n, name in enumerate(STAGES))
    return (
        f'<style>{STYLE}{shown}</style><div class="turning">{radios}'
        f'<div class="tabs">{tabs}<label for="stage-all">All</label></div>{stages}</div>'
    )


def _stage(e: Explanation, position: int, name: str, blocks: list[Block]) -> str:
    drawn = f'<div class="drawn">{network_svg(e, name)}</div>' if drawable(e) else ""
    turn = ""
    if position:
        before = STAGES[position - 1]
        turn += f'<label for="stage-{before}">← Previous: {TITLES[before].lower()}</label>'
    else:
        turn += "<span></span>"
    if position + 1 < len(STAGES):
        after = STAGES[position + 1]
        turn += f'<label for="stage-{after}">Next: {TITLES[after].lower()} →</label>'
    return (
        f'<div class="stage stage-{name}"><h3 class="spaced">{position + 1}. {TITLES[name]}</h3>'
        f'<p class="lead">{WORDS[name]}</p>{drawn}{_html(blocks[1:])}'
        f'<div class="turn">{turn}</div></div>'
    )


def _html(blocks: list[Block]) -> str:
    parts = []
    for block in blocks:
        match block:
            case Heading(words):
                parts.append(f'<h3 class="spaced">{text(words)}</h3>')
            case Sentence(words):
                parts.append(f'<p class="said">{text(words)}</p>')
            case Formula(words):
                parts.append(f'<p class="formula">{text(words)}</p>')
            case Grid():
                parts.append(_table(block))
    return "".join(parts)


def _table(grid: Grid) -> str:
    numeric = [
        all(not row[i][:1].isalpha() and ", " not in row[i] for row in grid.rows)
        for i in range(len(grid.columns))
    ]
    side = [' class="n"' if n and i else "" for i, n in enumerate(numeric)]
    head = "".join(
        f'<th scope="col"{s}>{text(c)}</th>' for c, s in zip(grid.columns, side, strict=True)
    )
    body = "".join(
        "<tr>" + "".join(f"<td{s}>{text(c)}</td>" for c, s in zip(row, side, strict=True)) + "</tr>"
        for row in grid.rows
    )
    return (
        f'<p class="caption">{text(grid.caption)}</p><div class="scroll" tabindex="0" '
        f'role="region" aria-label="{text(grid.caption)}"><table class="numbers">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _along(e: Explanation) -> shell.Block:
    """Return the loss along the step: where it starts, where it ends, where it would be lowest."""
    from gradlab.plots.step_line import step_line_figure

    fractions, losses = e.line
    slope = float(sum((p.gradient * p.change).sum() for p in e.parameters))
    made = page.plot(
        "along",
        step_line_figure(fractions, losses, slope=slope),
        title="Loss along the step",
        description="Line of the loss over fractions of the step.",
    )
    note = (
        '<p class="note"><b>How to read it.</b> 0 is before the step, 1 after it. The straight '
        "line is what the gradient promises; where the curve leaves it, the step is too long to "
        "trust it.</p>"
    )
    html = figure_html(
        "along-line",
        made.spec,
        title=made.title,
        description=made.description,
        height=int(str(made.spec["height"])),
        notes=note,
    )
    return shell.block("along", "Along the step", html, n_figures=1)


def _method(e: Explanation) -> list[tuple[str, str]]:
    named = "row" if e.step.n_rows == 1 else "rows"
    return [
        ("Arithmetic", f"float64, on {e.step.n_rows} {named}, at the weights as they are."),
        (
            "Gradients",
            (
                "By automatic differentiation through the network's own layers; a probe of zeros "
                "added to every output gives ∂E/∂output."
            ),
        ),
        (
            "Check",
            (
                f"Central differences of {len(e.differences.places):,} numbers, "
                "(E(w + h) − E(w − h)) / 2h with h = ε^(1/3) · max(1, |w|), in "
                f"{number(e.differences.seconds, 2)} s."
            ),
        ),
        (
            "Update",
            "Taken by the optimizer itself, and split by its formula; the parts add up to the "
            f"step within {number(e.taken.mismatch, 2)}."
            if e.taken.parts is not None
            else "Taken by the optimizer itself.",
        ),
    ]
