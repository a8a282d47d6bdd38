"""Scores as shares: percent told from share, and error rates turned round."""

import numpy as np
from jaxtyping import Float

from gradlab.doctor.history.names import DETERMINATIONS, Column
from gradlab.errors import DataError

MOST_AS_SHARE = 1.5
"""A share is at most 1; what lies above this is a percentage."""


def as_shares(
    columns: list[tuple[Column, Float[np.ndarray, " epochs"], bool]], where: str
) -> tuple[list[Float[np.ndarray, " epochs"]], list[str]]:
    """Return the scores of one table as shares, and what was decided.

    A column with a value above 1.5 is in percent. One that stays below may be too, if another is:
    then the reading is taken that lies nearer to the other's mean.

    Args:
        columns: What each is, its values, and whether a cell or name had a percent sign.
        where: For messages.

    Raises:
        DataError: If a value can be neither share nor percentage.

    >>> column = Column("acc", "score", word="acc")
    >>> as_shares([(column, np.array([50.0, 90.0]), False)], "h.csv")
    ([array([0.5, 0.9])], ["'acc' is in percent: divided by 100."])
    """
    sure = [told or _is_percent(what, values) for what, values, told in columns]
    others = [
        values for (_, values, _), is_percent in zip(columns, sure, strict=True) if is_percent
    ]
    shares, notes = [], []
    for (what, values, _), is_percent in zip(columns, sure, strict=True):
        is_share = what.word in DETERMINATIONS
        if others and not is_percent and not is_share and _nearer_as_percent(values, others):
            is_percent = True
        if is_percent:
            values = values / 100
            notes.append(f"'{what.name}' is in percent: divided by 100.")
        _check(what, values, is_percent, where)
        if what.quantity == "error_rate":
            values = 1 - values
            notes.append(f"'{what.name}' is an error rate: its score is 1 less it.")
        shares.append(values)
    return shares, notes


def _is_percent(what: Column, values: Float[np.ndarray, " epochs"]) -> bool:
    finite = values[np.isfinite(values)]
    return what.word not in DETERMINATIONS and bool((finite > MOST_AS_SHARE).any())


def _nearer_as_percent(
    values: Float[np.ndarray, " epochs"], others: list[Float[np.ndarray, " epochs"]]
) -> bool:
    mean, other = _mean(values), float(np.mean([_mean(column) for column in others]))
    return abs(mean - other) < abs(100 * mean - other)


def _mean(values: Float[np.ndarray, " epochs"]) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else np.nan


def _check(
    what: Column, values: Float[np.ndarray, " epochs"], is_percent: bool, where: str
) -> None:
    finite = values[np.isfinite(values)]
    if what.word in DETERMINATIONS:
        if finite.size and finite.max() > 1 + 1e-6:
            raise DataError(
                f"{where}, column '{what.name}': R² is at most 1; came {finite.max():g}. Rename "
                "the column if it is something else."
            )
        return
    # A score of whatever kind may be R², as scikit-learn's are.
    low = -np.inf if what.word in ("score", "scores") else 0.0
    if finite.size and (finite.min() < low - 1e-6 or finite.max() > 1.005):
        worst = finite.min() if finite.min() < low - 1e-6 else finite.max()
        raise DataError(
            f"{where}, column '{what.name}': expected a share between 0 and 1, or a percentage; "
            f"came {worst * (100 if is_percent else 1):g}. Rename the column if it is something "
            "else."
        )
