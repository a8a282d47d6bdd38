"""The HTML report of a comparison study."""

from gradlab.report.contents import (
    AxisSection,
    Band,
    Curve,
    Difference,
    DivergedRun,
    Estimate,
    Forecast,
    Friedman,
    LevelRow,
    MethodItem,
    Question,
    ReportContents,
    RunPoint,
    Score,
    TuningPoint,
    Winner,
)
from gradlab.report.render import render_report, write_report

__all__ = [
    "AxisSection",
    "Band",
    "Curve",
    "Difference",
    "DivergedRun",
    "Estimate",
    "Forecast",
    "Friedman",
    "LevelRow",
    "MethodItem",
    "Question",
    "ReportContents",
    "RunPoint",
    "Score",
    "TuningPoint",
    "Winner",
    "render_report",
    "write_report",
]
