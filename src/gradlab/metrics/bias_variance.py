"""Does a model fit too little or too closely, and what to do about it."""

import math
from dataclasses import dataclass
from typing import Literal

from gradlab.errors import DataError
from gradlab.scalars import Scalar

Label = Literal["good fit", "high bias", "high variance", "both", "low variance"]

ACTIONS: dict[str, tuple[str, ...]] = {
    "bias": (
        "take a bigger network",
        "train longer",
        "try a better optimizer or another architecture",
    ),
    "variance": (
        "get more data",
        "regularise: dropout, l2, weight_decay or patience",
        "take a simpler model",
    ),
}
"""What helps against each."""


@dataclass(frozen=True)
class Fit:
    """How well a model fits, in the units of its score, of which 1 is the best.

    Attributes:
        train_error: 1 − training score.
        validation_error: 1 − validation score.
        bias: How far the training score stays below the wanted one; None if none was wanted.
        gap: How far the validation score stays below the training score.
        tolerance: The most that either may be.
    """

    train_error: float
    validation_error: float
    bias: float | None
    gap: float
    tolerance: float

    @property
    def high_bias(self) -> bool:
        """Whether it misses even on the rows it has seen: it under-fits."""
        return self.bias is not None and self.bias > self.tolerance

    @property
    def high_variance(self) -> bool:
        """Whether it does much worse on rows that it has not seen: it over-fits."""
        return self.gap > self.tolerance

    @property
    def label(self) -> Label:
        """The verdict; "low variance" is all that can be said where no score was wanted."""
        if self.high_bias:
            return "both" if self.high_variance else "high bias"
        if self.high_variance:
            return "high variance"
        return "low variance" if self.bias is None else "good fit"

    @property
    def actions(self) -> tuple[str, ...]:
        """What to do, bias first: a gap says little while the training rows are not learnt."""
        bias = ACTIONS["bias"] if self.high_bias else ()
        return bias + (ACTIONS["variance"] if self.high_variance else ())

    @property
    def sentence(self) -> str:
        """Numbers, verdict and actions as words."""
        numbers = (
            f"error {self.train_error:.4f} on training and {self.validation_error:.4f} on "
            f"validation rows, a gap of {self.gap:.4f}"
        )
        verdict = "high bias and high variance" if self.label == "both" else self.label
        advice = f" What helps: {'; '.join(self.actions)}." if self.actions else ""
        return f"{verdict[0].upper()}{verdict[1:]}: {numbers}.{advice}"


def judge_fit(
    train_score: Scalar,
    validation_score: Scalar,
    *,
    wanted_score: Scalar | None = None,
    tolerance: Scalar = 0.05,
) -> Fit:
    """Judge a model by its training and validation scores.

        bias     = wanted_score − train_score
        variance = train_score − validation_score, the gap

    Each is high above `tolerance`. Which number is too much depends on the data: a gap of 0.05 is
    small on 30 validation rows, and large where 0.99 is usual.

    Args:
        train_score: Accuracy, R² or another score of which 1 is the best.
        validation_score: The same score on rows that were not trained on.
        wanted_score: What would be good enough: what people, or another model, reach; None judges
            the variance alone.
        tolerance: Distance that is not yet high, at least 0.

    Raises:
        DataError: If a number is not finite, or the tolerance negative.

    >>> judge_fit(0.99, 0.80, wanted_score=0.98).label
    'high variance'
    >>> judge_fit(0.70, 0.69, wanted_score=0.98).actions[0]
    'take a bigger network'

    Source: Ng 2018, Machine Learning Yearning, chapters 20 to 27.
    """
    given = {
        "train_score": train_score,
        "validation_score": validation_score,
        "wanted_score": 0.0 if wanted_score is None else wanted_score,
        "tolerance": tolerance,
    }
    numbers = {name: float(value) for name, value in given.items()}
    for name, value in numbers.items():
        if not math.isfinite(value):
            raise DataError(f"judge_fit needs finite numbers; got {name}={value}.")
    if numbers["tolerance"] < 0:
        raise DataError(f"judge_fit needs tolerance >= 0; got {numbers['tolerance']:g}.")
    train, validation = numbers["train_score"], numbers["validation_score"]
    return Fit(
        train_error=1 - train,
        validation_error=1 - validation,
        bias=None if wanted_score is None else numbers["wanted_score"] - train,
        gap=train - validation,
        tolerance=numbers["tolerance"],
    )
