"""Thresholds and confidences of the rules: read from a file, so that they can be calibrated."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

from gradlab.errors import DataError, unknown


@dataclass(frozen=True)
class Threshold:
    """Where a rule begins to speak.

    Attributes:
        value: In use.
        low, high: Range in which a calibration may look for another.
        alarms: "above" if what is measured must reach the threshold, "below" if it must not
            pass it: a rule alarms more often as an "above" sinks or a "below" rises.
        source: Where the first value came from.
    """

    value: float
    low: float
    high: float
    alarms: Literal["above", "below"]
    source: str = ""


@dataclass(frozen=True)
class Calibration:
    """All numbers of the rules that aren't formulas.

    Attributes:
        thresholds: By name, "cause.quantity" or "symptom.quantity".
        confidences: By name, "cause.grade" with the grade of the evidence: confidence where the
            evidence just suffices, and where it could not be stronger.
        version: Of the file.
    """

    thresholds: Mapping[str, Threshold]
    confidences: Mapping[str, tuple[float, float]]
    version: int = 1

    def __getitem__(self, name: str) -> float:
        """Return a threshold's value.

        >>> load_calibration()["dead_units.share"] > 0
        True
        """
        if name not in self.thresholds:
            raise DataError(unknown("threshold", name, self.thresholds))
        return self.thresholds[name].value

    def confidence(self, name: str, strength: float = 1.0) -> float:
        """Return how far findings like this can be trusted.

        weak + (strong − weak) · strength

        Args:
            name: Cause and grade, such as "learning_rate_low.sweep".
            strength: 0 where the evidence just suffices, 1 where it could not be stronger.

        >>> load_calibration().confidence("numerical.setting") > 0.5
        True
        """
        if name not in self.confidences:
            raise DataError(unknown("confidence", name, self.confidences))
        weak, strong = self.confidences[name]
        return weak + (strong - weak) * min(max(strength, 0.0), 1.0)

    def with_value(self, name: str, value: float) -> "Calibration":
        """Return a copy with one threshold moved."""
        moved = replace(self.thresholds[name], value=value)
        return replace(self, thresholds={**self.thresholds, name: moved})

    def to_toml(self) -> str:
        """Return the text of the file; `read_calibration` gives the same calibration back.

        >>> calibration = load_calibration()
        >>> parse_calibration(calibration.to_toml()) == calibration
        True
        """
        lines = [
            "# Where the doctor's rules begin to speak, and how far they can be trusted.",
            "# A threshold's value lies in its range; `alarms` tells on which side rules fire.",
            "# A confidence is a pair: where the evidence just suffices, where it is strongest.",
            f"version = {self.version}",
            "",
            "[thresholds]",
        ]
        for name, t in sorted(self.thresholds.items()):
            span = f'range = [{t.low!r}, {t.high!r}], alarms = "{t.alarms}"'
            lines.append(f'"{name}" = {{ value = {t.value!r}, {span}, source = "{t.source}" }}')
        lines += ["", "[confidences]"]
        for name, (weak, strong) in sorted(self.confidences.items()):
            lines.append(f'"{name}" = [{weak!r}, {strong!r}]')
        return "\n".join(lines) + "\n"


@cache
def load_calibration() -> Calibration:
    """Return the calibration that comes with Gradlab.

    >>> load_calibration().version >= 1
    True
    """
    return parse_calibration(
        files("gradlab.doctor").joinpath("calibration.toml").read_text("utf-8")
    )


def read_calibration(path: str | Path) -> Calibration:
    """Read a calibration file; a number outside its range is a `DataError`."""
    return parse_calibration(Path(path).read_text("utf-8"))


def parse_calibration(text: str) -> Calibration:
    """Read the text of a calibration file.

    Raises:
        DataError: If a threshold is outside its range or a confidence is not between 0 and 1.
    """
    table = tomllib.loads(text)
    thresholds = {}
    for name, row in table["thresholds"].items():
        low, high = (float(x) for x in row["range"])
        value = float(row["value"])
        if not low <= value <= high:
            raise DataError(
                f"The threshold '{name}' must lie within {low} to {high}; got {value}. "
                "Set another value or a wider range."
            )
        if row["alarms"] not in ("above", "below"):
            raise DataError(
                f'The threshold \'{name}\' needs alarms = "above" or "below"; '
                f"got '{row['alarms']}'."
            )
        thresholds[name] = Threshold(value, low, high, row["alarms"], row.get("source", ""))
    confidences = {}
    for name, pair in table["confidences"].items():
        weak, strong = (float(x) for x in pair)
        if not 0 <= weak <= strong <= 1:
            raise DataError(
                f"The confidence '{name}' must be a pair 0 <= weak <= strong <= 1; got {pair}."
            )
        confidences[name] = (weak, strong)
    return Calibration(thresholds, confidences, int(table["version"]))
