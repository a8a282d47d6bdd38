"""Numbers and formulas as they are written in an explanation."""

import math
from collections.abc import Iterable
from typing import SupportsFloat

from gradlab.explanation.step import Step

LOSS_FORMULAS = {
    "squared_error": "mean of ‖y − ŷ‖²",
    "half_squared_error": "mean of ½ ‖y − ŷ‖²",
    "least_squares": "mean of ½ (ŷ − y)²",
    "binary_cross_entropy": "mean of −(y ln o + (1 − y) ln(1 − o)), o = sigmoid(z)",
    "cross_entropy": "mean of −ln o_y, o = softmax(z)",
    "log_likelihood": "mean of −log2 o_y, o = softmax(z)",
    "reconstruction_cross_entropy": "mean of −Σ (x ln o + (1 − x) ln(1 − o)), o = sigmoid(z)",
}
"""Loss -> E, in the letters of an explanation."""


def number(value: SupportsFloat, digits: int = 6) -> str:
    """Write a number with so many significant digits and a true minus sign.

    >>> number(-0.742), number(0.0000012345), number(2.0), number(float("nan"))
    ('−0.742', '1.2345e−6', '2', '–')
    """
    value = float(value)
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    mantissa, e, exponent = f"{value:.{digits}g}".partition("e")
    written = f"{mantissa}e{int(exponent)}" if e else mantissa
    return "0" if float(value) == 0 else written.replace("-", "−")


def numbers(values: Iterable[SupportsFloat], digits: int = 6) -> list[str]:
    """Write several numbers.

    >>> numbers([0.5, -1])
    ['0.5', '−1']
    """
    return [number(value, digits) for value in values]


def factor(value: SupportsFloat) -> str:
    """Write a number that is multiplied, in brackets if it is negative and not the first."""
    written = number(value)
    return f"({written})" if written.startswith("−") else written


def added(terms: Iterable[str]) -> str:
    """Write terms one after another, a negative one with its sign in the place of the plus.

    >>> added(["2 × 3", "−1 × 4"])
    '2 × 3 − 1 × 4'
    """
    return " + ".join(terms).replace("+ −", "− ")


def product(values: Iterable[SupportsFloat]) -> str:
    """Write factors one after another.

    >>> product([-0.742, 0.233, 0.613])
    '−0.742 × 0.233 × 0.613'
    """
    values = list(values)
    return " × ".join([number(values[0]), *(factor(value) for value in values[1:])])


def optimizer_line(step: Step) -> str:
    """Return an optimizer's formula with its numbers."""
    kind = step.recipe.optimizer_kind()
    own = {
        name.removeprefix("optimizer."): value
        for name, value in step.recipe.hyper().items()
        if name.startswith("optimizer.") or name == "weight_decay"
    }
    given = ", ".join(f"{name.replace('_', ' ')} {number(value)}" for name, value in own.items())
    rate = f"α = {number(step.rate)}"
    return f"{kind.name}: {kind.formula}, {rate}{', ' + given if given else ''}"
