"""Evidence as JSON text and back, so that rules can be run again without training again."""

import dataclasses
import json
from typing import Any

import numpy as np

from gradlab.doctor.evidence import (
    Breakdown,
    DataFacts,
    Evidence,
    Layer,
    Probes,
    Record,
    Setup,
    Sweep,
    Trial,
)

PARTS = {
    "setup": Setup,
    "layers": Layer,
    "data": DataFacts,
    "records": Record,
    "probes": Probes,
    "breakdown": Breakdown,
    "sweep": Sweep,
    "trials": Trial,
}
"""Field that holds parts of a type of their own -> the type."""
DIGITS = 6
"""Significant digits of the numbers that are kept."""


def evidence_to_json(evidence: Evidence) -> str:
    """Return evidence as JSON; numbers in arrays keep `DIGITS` significant digits.

    >>> evidence = Evidence(Setup(task="binary", layers=()), missing=("a sweep",))
    >>> evidence_from_json(evidence_to_json(evidence)) == evidence
    True
    """
    return json.dumps(_plain(evidence), separators=(",", ":"))


def evidence_from_json(text: str) -> Evidence:
    """Return the evidence that `evidence_to_json` wrote."""
    tree = json.loads(text)
    return Evidence(**{key: _read(key, value) for key, value in tree.items()})


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {x.name: _plain(getattr(value, x.name)) for x in dataclasses.fields(value)}
    if isinstance(value, np.ndarray):
        numbers = value.astype(float)
        rounded = [float(f"{x:.{DIGITS}g}") for x in numbers.reshape(-1)]
        return {"array": rounded, "shape": value.shape, "whole": value.dtype.kind in "iu"}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, tuple | list):
        return [_plain(x) for x in value]
    return value


def _read(name: str, value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_read(name, x) for x in value)
    if not isinstance(value, dict):
        return value
    if "array" in value:
        numbers = np.array(value["array"], float).reshape(value["shape"])
        return numbers.astype(int) if value["whole"] else numbers
    return PARTS[name](**{key: _read(key, part) for key, part in value.items()})
