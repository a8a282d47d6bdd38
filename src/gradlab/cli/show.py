"""Results in the terminal."""

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gradlab.lab.study import Study
    from gradlab.lab.verdicts import AxisRanking
    from gradlab.training.network import LayerRow

SHOWN_LEVELS = 12


def show_study(study: "Study", console: Console) -> None:
    """Print the answer in words, then a compact ranking of each axis."""
    from gradlab.lab.summary import answer, axis_label, effects_sentences

    console.print()
    console.print(Text(answer(study)[0], style="bold"))
    for axis in study.axes:
        ranking = _ranking(study, axis)
        if ranking is None:
            continue
        console.print()
        console.print(_table(study, ranking, axis_label(axis)))
        if ranking.sentences:
            console.print(Text(ranking.sentences[0]))
    for sentence in effects_sentences(study):
        console.print()
        console.print(Text(sentence))


def show_network(rows: "Sequence[LayerRow]", console: Console) -> None:
    """Print every layer with the shape that leaves it and its count of parameters."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("Layer", overflow="fold")
    table.add_column("Output shape")
    table.add_column("Parameters", justify="right")
    for row in rows:
        shape = " x ".join(map(str, row.output_shape))
        table.add_row(Text(row.layer), shape, f"{row.n_parameters:,}")
    table.add_row("all", "", f"{sum(row.n_parameters for row in rows):,}", style="bold")
    console.print(table)


def study_json(study: "Study") -> dict[str, Any]:
    """Return a study's results for machines."""
    from gradlab.lab.summary import answer

    winner = study.winner
    rankings = {}
    for axis in study.axes:
        ranking = _ranking(study, axis)
        if ranking is not None:
            rankings[axis] = {
                "levels": [_row(row) for row in ranking.rows],
                "friedman_p": ranking.friedman_p,
                "critical_difference": ranking.critical_difference,
                "share_of_variance": ranking.share_of_variance,
                "sentences": list(ranking.sentences),
            }
    return {
        "folder": str(study.folder),
        "report": str(study.folder / "report.html"),
        "command": study.command,
        "data": study.facts.name,
        "score": study.facts.score,
        "finished": study.finished,
        "answer": answer(study),
        "winner": None
        if winner is None
        else {
            "levels": winner.levels,
            "recipe": winner.recipe,
            "validation_score": sum(winner.validation_scores) / len(winner.validation_scores),
            "test_score": winner.test_score if winner.test_scores else None,
        },
        "rankings": rankings,
        "runs": len(study.runs),
        "diverged": sum(run.status == "diverged" for run in study.runs),
        "timing": study.timing,
    }


def _ranking(study: "Study", axis: str) -> "AxisRanking | None":
    from gradlab.errors import StudyError

    try:
        return study.ranking(axis)
    except StudyError:
        return None


def _table(study: "Study", ranking: "AxisRanking", label: str) -> Table:
    percent = study.facts.score == "accuracy"
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    table.add_column(label, no_wrap=True)
    table.add_column(f"{study.facts.score} %" if percent else study.facts.score, justify="right")
    table.add_column("95 % interval", justify="right", no_wrap=True)
    table.add_column("to the best", justify="right", no_wrap=True)
    table.add_column("verdict")
    for row in ranking.rows[:SHOWN_LEVELS]:
        difference = row.difference_to_leader
        leads = row.level == ranking.leader
        style = "bold" if leads else ("dim" if row.verdict == "worse" else "")
        name = row.level + (" (base)" if row.level == ranking.base else "")
        table.add_row(
            Text(name),
            "–" if row.mean is None else _number(row.mean, percent),
            Text("–" if row.low is None else _interval(row.low, row.high, percent)),
            "" if difference is None else _number(difference.mean, percent, sign=True),
            row.verdict,
            style=style,
        )
    if len(ranking.rows) > SHOWN_LEVELS:
        table.add_row(f"… and {len(ranking.rows) - SHOWN_LEVELS} more in the report")
    return table


def _number(value: float, percent: bool, *, sign: bool = False) -> str:
    text = f"{100 * value:+.1f}" if percent else f"{value:+.3f}"
    return text if sign else text.lstrip("+")


def _interval(low: float, high: float | None, percent: bool) -> str:
    return f"[{_number(low, percent)}, {_number(high or 0.0, percent)}]"


def _row(row: Any) -> dict[str, Any]:
    difference = row.difference_to_leader
    return {
        "level": row.level,
        "n": row.n,
        "mean": row.mean,
        "low": row.low,
        "high": row.high,
        "average_rank": row.average_rank,
        "difference_to_leader": None
        if difference is None
        else {
            "mean": difference.mean,
            "low": difference.low,
            "high": difference.high,
            "p": difference.p_corrected,
        },
        "verdict": row.verdict,
        "seeds_needed": row.seeds_needed,
    }
