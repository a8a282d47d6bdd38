"""The data in the report of a consultation."""

from typing import TYPE_CHECKING

import numpy as np

from gradlab import report
from gradlab.report.numbers import short

if TYPE_CHECKING:
    from gradlab.doctor.consultation import Consultation


def data_section(consultation: "Consultation") -> report.Section | None:
    """Return what the rows are like."""
    data = consultation.evidence.data
    if data is None:
        return None
    rows: list[tuple[str, str]] = [
        ("training rows", f"{data.n_train:,}"),
        ("validation rows", f"{data.n_validation:,}"),
    ]
    if data.mean is not None and data.std is not None and len(data.mean):
        rows += [
            ("mean of the inputs", _span(data.mean)),
            ("spread of the inputs", _span(data.std)),
        ]
    if data.class_counts is not None:
        total = max(1, int(data.class_counts.sum()))
        rows.append(("largest class", f"{100 * int(data.class_counts.max()) / total:.0f} %"))
    if data.target_std is not None and data.n_classes is None:
        rows.append(("spread of the targets", short(data.target_std)))
    for words, value in (
        ("constant columns", ", ".join(data.constant[:8])),
        ("columns that give the answer away", ", ".join(name for name, _ in data.leaking[:8])),
        ("values that are missing", f"{data.n_missing:,}" if data.n_missing else ""),
        ("rows that occur more than once", _share(data.duplicates)),
        ("validation rows that occur in training", f"{data.shared:,}" if data.shared else ""),
        ("rows whose neighbours have other labels", _share(data.label_disagreement)),
    ):
        if value:
            rows.append((words, value))
    table = report.Table("The rows, as the network is given them", ("what", "value"), rows)
    return report.Section("The data", (), (report.Listing("data", table),))


def _span(values: np.ndarray) -> str:
    known = values[np.isfinite(values)]
    if len(known) == 0:
        return ""
    if len(known) == 1:
        return short(float(known[0]))
    return f"{short(float(known.min()))} to {short(float(known.max()))}"


def _share(value: float | None) -> str:
    return "" if not value else f"{100 * value:.1f} %"
