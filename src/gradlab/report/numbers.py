"""Numbers as a reader wants them: few digits, true minus signs, units."""

import math

from gradlab.report.contents import Score

MISSING = "–"

# The type checker of the tests takes an int for no float.
Number = int | float


def finite(value: Number | None, factor: Number = 1.0) -> float | None:
    """Scale and round to six significant digits; None for what does not exist.

    Figures and the tables behind them both go through here, so that they hold the same numbers.

    >>> finite(0.97305555, 100), finite(float("nan"))
    (97.3056, None)
    """
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value * factor:.6g}")


def fixed(value: Number | None, decimals: int, *, sign: bool = False) -> str:
    """Write with so many decimals, with a true minus sign.

    >>> fixed(-1.75, 1), fixed(0.3, 1, sign=True), fixed(None, 1)
    ('−1.8', '+0.3', '–')
    """
    if value is None or not math.isfinite(value):
        return MISSING
    written = f"{value:{'+' if sign else ''}.{decimals}f}"
    if float(written) == 0:
        written = written.lstrip("+-")
    return written.replace("-", "−")


def short(value: Number | None) -> str:
    """Write a number that spans magnitudes, such as a learning rate.

    >>> short(0.001), short(3e-05), short(12.0), short(None)
    ('0.001', '3e−5', '12', '–')
    """
    if value is None or not math.isfinite(value):
        return MISSING
    mantissa, e, exponent = f"{value:.3g}".partition("e")
    return (f"{mantissa}e{int(exponent)}" if e else mantissa).replace("-", "−")


def p_value(p: Number | None) -> str:
    """Write a p value with its relation.

    >>> p_value(0.0001), p_value(0.0312), p_value(0.4)
    ('p < 0.001', 'p = 0.031', 'p = 0.40')
    """
    if p is None or not math.isfinite(p):
        return ""
    if p < 0.001:
        return "p < 0.001"
    return f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def duration(seconds: Number | None) -> str:
    """Write a time in the unit that suits it.

    >>> duration(0.0523), duration(3.21), duration(95), duration(7300), duration(None)
    ('52.3 ms', '3.2 s', '1 min 35 s', '2 h 1 min', '–')
    """
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    if seconds < 0.9995:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def count(n: int, one: str, many: str = "") -> str:
    """Write a number of things.

    >>> print(count(1, "run"), count(1797, "row"), sep=", ")
    1 run, 1 797 rows
    """
    return f"{n:,}".replace(",", "\u00a0") + "\u00a0" + (one if n == 1 else many or one + "s")


def decimals_for(spreads: list[float], digits: int) -> int:
    """Decimals that give the narrower of some intervals so many significant digits.

    >>> decimals_for([0.31, 0.44, 0.52], digits=2), decimals_for([12.0], 2), decimals_for([], 1)
    (2, 0, 3)
    """
    positive = sorted(s for s in spreads if s > 0)
    if not positive:
        return 3
    typical = positive[len(positive) // 4]
    return min(6, max(0, digits - 1 - math.floor(math.log10(typical))))


class ScoreFormat:
    """How the scores of a study are written: factor, unit, name."""

    def __init__(self, score: Score):
        """Take the factor and units from `score`."""
        self.factor = 100.0 if score.percent else 1.0
        self.percent = score.percent
        self.unit = "%" if score.percent else score.unit
        self.difference_unit = "points" if score.percent else score.unit
        self.name = score.name
        self.higher_is_better = score.higher_is_better

    def value(self, score: float | None) -> float | None:
        """Return the number that figures and data tables hold."""
        return finite(score, self.factor)

    def titled(self, prefix: str) -> str:
        """Return a heading with the unit: "Validation accuracy (%)"."""
        return f"{prefix} {self.name}{f' ({self.unit})' if self.unit else ''}"

    def text(self, score: float | None, decimals: int, *, unit: bool = True) -> str:
        """Write a score: "97.3 %"."""
        value = self.value(score)
        written = fixed(value, decimals)
        return (
            f"{written}\u00a0{self.unit}" if unit and self.unit and value is not None else written
        )

    def decimals(self, spreads: list[float], digits: int = 1) -> int:
        """Decimals for scores whose intervals have these half-widths; one or two for percents."""
        decimals = decimals_for([s * self.factor for s in spreads], digits)
        return min(2, max(1, decimals)) if self.percent else decimals
