"""What a training loop tells a recorder epoch by epoch, as a record."""

import math
import time
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from gradlab.doctor.evidence import Probes, Record
from gradlab.doctor.history.names import ERROR_RATES, LOSSES, SCORES, column
from gradlab.errors import DataError, suggest

FIELDS = ("train_loss", "validation_loss", "train_score", "validation_score")


class EpochLog:
    """Numbers of the epochs so far.

    >>> log = EpochLog()
    >>> log.add({"loss": 0.5, "val_acc": 0.8})
    >>> log.record(None).validation_score.tolist()
    [0.8]
    """

    def __init__(self) -> None:
        """Start without epochs."""
        self.rows: list[dict[str, float]] = []
        self.initial_loss: float | None = None
        self.non_finite: tuple[str, float] | None = None
        self._started = time.perf_counter()
        self._ended = self._started

    def add(self, told: Mapping[str, object]) -> None:
        """Add an epoch.

        Args:
            told: Names of losses and scores as in a history's columns, to numbers.

        Raises:
            DataError: For a name or a value that is not understood.
        """
        row: dict[str, float] = dict.fromkeys(FIELDS, math.nan)
        for name, value in told.items():
            field, turned = _field(name)
            if value is None:
                continue
            number = _number(name, value)
            if number is not None:
                row[field] = 1 - number if turned else number
                if field.endswith("loss") and not math.isfinite(number):
                    self.note_non_finite("loss", len(self.rows) + 1.0)
        self.rows.append(row)
        self._ended = time.perf_counter()

    def amend(self, field: str, value: float) -> None:
        """Set a number of the last epoch."""
        self.rows[-1][field] = value

    def note_non_finite(self, where: str, when: float) -> None:
        """Remember where a number that is not finite was seen first."""
        if self.non_finite is None:
            self.non_finite = (where, when)

    def record(self, probes: Probes | None, *, epochs: int | None = None) -> Record:
        """Return the run so far.

        Args:
            probes: Measured within.
            epochs: That were planned.
        """
        status: Literal["done", "early", "diverged"] = "done"
        if self.non_finite is not None:
            status = "diverged"
        elif epochs is not None and len(self.rows) < epochs:
            status = "early"
        return Record(
            train_loss=self._column("train_loss"),
            validation_loss=self._column("validation_loss"),
            train_score=self._column("train_score"),
            validation_score=self._column("validation_score"),
            initial_loss=self.initial_loss,
            status=status,
            non_finite=self.non_finite,
            probes=probes,
            seconds=self._ended - self._started,
        )

    def _column(self, name: str) -> Float[np.ndarray, " epochs"]:
        return np.array([row[name] for row in self.rows], float)


def _field(name: str) -> tuple[str, bool]:
    what = column({"score": "train_score"}.get(name, name))
    side = "train" if what.side == "train" else "validation"
    if what.quantity == "loss":
        return f"{side}_loss", False
    if what.quantity in ("score", "error_rate"):
        return f"{side}_score", what.quantity == "error_rate"
    known = (*FIELDS, "val_loss", "val_accuracy", *LOSSES, *SCORES, *ERROR_RATES)
    raise DataError(
        f"An epoch has no '{name}'.{suggest(name, known)} Expected train_loss, validation_loss, "
        "train_score or validation_score; loss, accuracy, r2 and val_… are understood too."
    )


def _number(name: str, value: Any) -> float | None:
    if hasattr(value, "detach"):
        value = value.detach()
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"'{name}' of an epoch: expected one number; came {type(value).__name__}. For a "
            "tensor of several, give its mean."
        ) from error
