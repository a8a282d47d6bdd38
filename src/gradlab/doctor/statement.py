"""What a check before training says."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note", "ok"]
ORDER: tuple[Severity, ...] = ("error", "warning", "note", "ok")


@dataclass(frozen=True)
class Statement:
    """What one check found.

    Attributes:
        severity: "error": training can't work as it stands; "warning": it will likely suffer;
            "note": worth knowing; "ok": the check found nothing.
        check: Name of the check.
        text: A sentence or two, with numbers.
    """

    severity: Severity
    check: str
    text: str


Said = tuple[Severity, str]


def error(text: str) -> Said:
    """Say that training can't work as it stands."""
    return "error", text


def warning(text: str) -> Said:
    """Say that training will likely suffer."""
    return "warning", text


def note(text: str) -> Said:
    """Say what is worth knowing."""
    return "note", text


def named(names: tuple[str, ...], most: int = 5) -> str:
    """Return the first names, and how many more there are.

    >>> named(("a", "b", "c"), most=2)
    'a, b and 1 more'
    """
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
