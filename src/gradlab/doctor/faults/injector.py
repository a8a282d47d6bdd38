"""Putting one fault into a healthy program, and measuring what it does."""

import dataclasses
import hashlib
import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import numpy as np

from gradlab.doctor.faults.draft import BIASED, Draft
from gradlab.doctor.faults.edits import EDITS
from gradlab.doctor.finding import Kind
from gradlab.doctor.program.program import Program

MOST_STEPS = 40_000
"""A mutant that takes more steps (one row a batch, say) is not made: hundreds are to be trained."""

Strength = float | int | str
Effect = Literal["strong", "weak", "some_seeds", "none"]


@dataclasses.dataclass(frozen=True)
class Fault:
    """One way to spoil a program, in several strengths; a row of faults.toml, described there."""

    name: str
    kind: Kind
    accepted: tuple[Kind, ...]
    edit: str
    arguments: dict[str, Any]
    strengths: tuple[Strength, ...]
    tasks: tuple[str, ...]
    needs: tuple[str, ...]
    rows: float
    demanded: Literal["effect", "always"]
    cure: bool

    @property
    def right(self) -> tuple[Kind, ...]:
        """Causes that count as right."""
        return (self.kind, *self.accepted)


@cache
def load_faults() -> tuple[Fault, ...]:
    """Return the frozen list of faults.

    >>> len({fault.kind for fault in load_faults()}) > 20
    True
    """
    table = tomllib.loads(files("gradlab.doctor.faults").joinpath("faults.toml").read_text("utf-8"))
    own = {field.name for field in dataclasses.fields(Fault)} | {"source"}
    return tuple(
        Fault(
            name=row["name"],
            kind=row["kind"],
            accepted=tuple(row["accepted"]),
            edit=row["edit"],
            arguments={key: value for key, value in row.items() if key not in own},
            strengths=tuple(row["strengths"]),
            tasks=tuple(row.get("tasks", ())),
            needs=tuple(row.get("needs", ())),
            rows=row.get("rows", 1.0),
            demanded=row["demanded"],
            cure=row["cure"],
        )
        for row in table["fault"]
    )


def base_of(program: Program, fault: Fault) -> Program:
    """Return what a fault is put into and compared with: the program, perhaps on fewer rows."""
    if fault.rows == 1.0:
        return program
    n = max(int(fault.rows * len(program.x_train)), 8)
    return program.with_rows(program.x_train[:n], program.y_train[:n])


def inject(program: Program, fault: Fault, strength: Strength, seed: int = 0) -> Program | None:
    """Put a fault into a healthy program.

    Args:
        program: Healthy; its validation rows stand apart.
        fault: Of `load_faults`.
        strength: One of the fault's.
        seed: Of what is drawn; the same gives the same mutant.

    Returns:
        The mutant, named program[fault@strength]; None where the fault does not apply, changes
        nothing, or would take more than `MOST_STEPS` steps to train.

    >>> import numpy as np
    >>> program = Program.build(
    ...     task="regression", x_train=np.eye(8), y_train=np.arange(8.0), epochs=10,
    ...     x_validation=np.eye(8), y_validation=np.arange(8.0),
    ...     layers=[{"type": "dense", "units": 1}], loss="mean_squared_error",
    ...     optimizer={"name": "sgd", "learning_rate": 0.1})
    >>> fault = next(x for x in load_faults() if x.name == "learning_rate_low")
    >>> inject(program, fault, 0.01).settings.optimizer.learning_rate
    0.001
    """
    if fault.tasks and program.settings.task not in fault.tasks:
        return None
    base = base_of(program, fault)
    draft = Draft.of(base)
    if not all(NEEDS[need](draft) for need in fault.needs):
        return None
    # Not Python's own hash, which is another in every process.
    digest = hashlib.sha256(f"{fault.name}@{strength}".encode()).digest()
    rng = np.random.default_rng([seed, int.from_bytes(digest[:4], "little")])
    if not EDITS[fault.edit](draft, strength, rng, **fault.arguments):
        return None
    words = draft.words
    steps = words["epochs"] * -(-len(draft.x_train) // words["batch_size"])
    if steps > MOST_STEPS:
        return None
    return draft.program(f"{program.name}[{fault.name}@{strength}]")


NEEDS = {
    "hidden": lambda draft: bool(draft.hidden),
    "rectifier": lambda draft: any(
        x.get("activation") == "relu" and x["type"] in BIASED for x in draft.hidden
    ),
    "columns": lambda draft: draft.x_train.ndim == 2,
    "classes_3": lambda draft: draft.words["labels"]["n_classes"] >= 3,
}


def kept_share(
    healthy: Sequence[float], faulty: Sequence[float], trivial: float
) -> tuple[float, ...]:
    """Return what each faulty run keeps of the healthy program's gain over a constant answer.

    (s − t) / (median(healthy) − t), with t the constant answer's score; 0 for a score that is not
    finite or below t.

    >>> kept_share([0.9, 0.9, 0.8], [0.7, float("nan")], 0.5)
    (0.5, 0.0)
    """
    gain = max(float(np.median(healthy)) - trivial, 1e-9)
    return tuple(round(max(s - trivial, 0.0) / gain, 6) if np.isfinite(s) else 0.0 for s in faulty)


def effect_of(kept: Sequence[float]) -> Effect:
    """Return how much a fault harms, from the shares that its runs keep.

    Returns:
        "strong": four fifths of the runs keep under 80 %, half of them under 60 %; "weak": less
        is lost; "some_seeds": only some runs, a fifth or more, keep under 80 %; "none": hardly
        any, and the median keeps 95 %.

    >>> effect_of([0.2, 0.3, 0.4]), effect_of([1.0, 0.99, 1.01]), effect_of([0.9, 0.85, 0.9])
    ('strong', 'none', 'weak')
    """
    shares = np.asarray(kept)
    if is_harmed(kept):
        return "strong" if np.mean(shares < 0.6) >= 0.5 else "weak"
    if np.mean(shares < 0.8) >= 0.2:
        return "some_seeds"
    return "none" if np.median(shares) >= 0.95 else "weak"


def is_harmed(kept: Sequence[float]) -> bool:
    """Return whether a fault must be found: four fifths of the runs keep under 80 %.

    >>> is_harmed([0.7, 0.75, 0.7, 0.6, 0.9]), is_harmed([0.7, 0.9, 0.9])
    (True, False)
    """
    return bool(np.mean(np.asarray(kept) < 0.8) >= 0.8)
