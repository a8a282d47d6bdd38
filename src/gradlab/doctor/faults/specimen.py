"""One training that was examined, with what is known to be wrong with it; kept as JSON."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from gradlab.doctor.evidence import Evidence
from gradlab.doctor.faults.evidence_file import evidence_from_json, evidence_to_json
from gradlab.doctor.faults.injector import Effect, Strength
from gradlab.doctor.finding import Kind
from gradlab.files import write_whole


@dataclasses.dataclass(frozen=True)
class Specimen:
    """One training that was examined, with what is known to be wrong with it.

    Attributes:
        control: The healthy program's name.
        dataset: Its data set.
        held_out: Whether that is kept for the score.
        fault: Name of the fault; None for a healthy one.
        strength: Of it.
        right: Causes that count as right, the fault's own first.
        demanded: Whether it must be found.
        cure: Whether a change of settings is known to undo it.
        effect: What it does to the score; None where it was not measured.
        kept: Share of the healthy gain that each run keeps.
        healthy_score: Median of the healthy program's validation scores.
        seconds: That the examination took.
        evidence: None where nothing is demanded of it.
    """

    control: str
    dataset: str
    held_out: bool
    fault: str | None
    strength: Strength | None
    right: tuple[Kind, ...]
    demanded: bool
    cure: bool
    effect: Effect | None
    kept: tuple[float, ...]
    healthy_score: float
    seconds: float
    evidence: Evidence | None

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.control}[{self.fault}@{self.strength}]" if self.fault else self.control


def read_cache(cache: Path) -> list[Specimen]:
    """Return all specimens of a cache folder, in the order of their names."""
    return [read_specimen(file) for file in sorted(cache.glob("*/*.json"))]


def write_specimen(file: Path, specimen: Specimen) -> None:
    """Write a specimen as JSON."""
    tree: dict[str, Any] = {
        field.name: getattr(specimen, field.name)
        for field in dataclasses.fields(specimen)
        if field.name != "evidence"
    }
    evidence = "null" if specimen.evidence is None else evidence_to_json(specimen.evidence)
    write_whole(file, json.dumps(tree)[:-1] + f', "evidence": {evidence}}}')


def read_specimen(file: Path) -> Specimen:
    """Return the specimen of a file."""
    tree = json.loads(file.read_text("utf-8"))
    evidence = tree.pop("evidence")
    return Specimen(
        **tree
        | {
            "right": tuple(tree["right"]),
            "kept": tuple(tree["kept"]),
            "evidence": None if evidence is None else evidence_from_json(json.dumps(evidence)),
        }
    )
