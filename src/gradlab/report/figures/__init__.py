"""The figures of a comparison report, each with the table behind it."""

from gradlab.report.contents import AxisSection
from gradlab.report.figures.base import Figure, Levels, drawn, window
from gradlab.report.figures.curves import curves_by_epoch
from gradlab.report.figures.overview import overview
from gradlab.report.figures.ranks import rank_diagram
from gradlab.report.figures.time import score_by_time
from gradlab.report.figures.tuning import tuning_curves
from gradlab.report.numbers import ScoreFormat

__all__ = ["Figure", "Levels", "axis_figures", "drawn", "overview", "window"]


def axis_figures(section: AxisSection, score: ScoreFormat) -> dict[str, list[Figure]]:
    """Return the figures of an axis by subsection; a subsection without data is empty."""
    levels = Levels(section)
    curves = (
        curves_by_epoch(section, levels, "validation-score", score.titled("Validation"), score),
        curves_by_epoch(section, levels, "validation-loss", "Validation loss", None),
        curves_by_epoch(section, levels, "train-loss", "Training loss", None),
    )
    return {
        "curves": [figure for figure in curves if figure],
        "time": [figure for figure in (score_by_time(section, levels, score),) if figure],
        "ranks": [figure for figure in (rank_diagram(section, levels),) if figure],
        "tuning": [figure for figure in (tuning_curves(section, levels, score),) if figure],
    }
