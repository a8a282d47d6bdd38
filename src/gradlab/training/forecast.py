"""How long a plan will take, before it starts.

    seconds = Σ over programs (base + kind · kinds)
            + Σ over runs steps · (step + flops / speed) / workers

The four constants were measured on two cores; after each study the command line scales them by
what was really needed, so the forecast learns the machine it is on.
"""

import dataclasses
import hashlib
import json
import math
from pathlib import Path

from gradlab.errors import StudyError
from gradlab.files import write_whole
from gradlab.training.plan import Plan, Program, step_flops

FILE = "forecast.json"
MOST_PROGRAMS = 1000
"""Programs remembered to lie in the cache."""


@dataclasses.dataclass(frozen=True)
class Costs:
    """What a machine needs, in seconds.

    Args:
        program: Tracing and compiling any program.
        kind: And each kind in it.
        cached: Tracing a kind whose program lies compiled in the cache.
        step: One training step, besides its arithmetic.
        flops_per_second: Speed of the arithmetic on one core.
    """

    program: float = 0.5
    kind: float = 0.25
    cached: float = 0.06
    step: float = 12e-6
    flops_per_second: float = 60e9


@dataclasses.dataclass(frozen=True)
class Forecast:
    """What a plan will take."""

    runs: int
    groups: int
    programs: int
    compile_seconds: float
    train_seconds: float

    @property
    def seconds(self) -> float:
        """Compilation and training."""
        return self.compile_seconds + self.train_seconds

    def __str__(self) -> str:
        """Return "312 runs, 23 groups in 2 programs, about 41 s"."""
        programs = f"{self.programs} program{'s' if self.programs != 1 else ''}"
        groups = f"{self.groups} group{'s' if self.groups != 1 else ''}"
        return f"{self.runs:,} runs, {groups} in {programs}, about {format_seconds(self.seconds)}"


def forecast(
    plan: Plan, costs: Costs, *, workers: int, known: frozenset[str] = frozenset()
) -> Forecast:
    """Return what a plan will take on a machine.

    Args:
        plan: What will be done.
        costs: Of this machine.
        workers: Threads.
        known: Names of programs that lie compiled in the cache (`program_name`).
    """
    compiling = sum(
        costs.cached * len(p.learners)
        if program_name(plan, p) in known
        else costs.program + costs.kind * len(p.learners)
        for p in plan.programs
    )
    seconds = [0.0] * len(plan.programs)
    counts = [0] * len(plan.programs)
    for run in plan.runs:
        position, _ = plan.place(run.recipe)
        shape = plan.programs[position].shape
        flops = step_flops(plan.programs[position], plan.task)
        a_step = costs.step + flops / costs.flops_per_second
        validation = len(plan.task.splits[0][1]) / shape.batch_size / 3
        seconds[position] += run.recipe.epochs * (shape.n_steps + validation) * a_step
        counts[position] += 1
    training = sum(s / min(workers, max(1, n)) for s, n in zip(seconds, counts, strict=True))
    return Forecast(
        len(plan.runs), plan.n_groups, len(plan.programs), float(compiling), float(training)
    )


def program_name(plan: Plan, program: Program) -> str:
    """Return a name that is equal for programs that compile to the same."""
    text = repr(
        (
            program.shape,
            [learner.structure for learner in program.learners],
            plan.task.x.shape,
            str(plan.task.x.dtype),
            plan.task.interface,
            [len(validation) for _, validation in plan.task.splits],
        )
    )
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def load(folder: Path) -> tuple[Costs, frozenset[str]]:
    """Return the costs learnt on this machine and the programs known to be cached."""
    try:
        stored = json.loads((folder / FILE).read_text())
        costs, programs = Costs(**stored["costs"]), frozenset(stored["programs"])
        if all(0 < cost < math.inf for cost in dataclasses.astuple(costs)):
            return costs, programs
    except (OSError, ValueError, KeyError, TypeError):
        pass  # a forecast is a convenience: what can't be read is learnt again
    return Costs(), frozenset()


def learn(
    folder: Path,
    costs: Costs,
    known: frozenset[str],
    predicted: Forecast,
    *,
    compile_seconds: float,
    train_seconds: float,
    compiled: frozenset[str],
) -> None:
    """Scale the costs half of the way to what was needed, and remember what was compiled."""
    train = _half_way(train_seconds, predicted.train_seconds)
    compile_ = _half_way(compile_seconds, predicted.compile_seconds)
    new = dataclasses.replace(
        costs,
        step=costs.step * train,
        flops_per_second=costs.flops_per_second / train,
        program=costs.program * compile_,
        kind=costs.kind * compile_,
        cached=costs.cached * compile_,
    )
    programs = [*sorted(compiled), *sorted(known - compiled)][:MOST_PROGRAMS]
    content = {"costs": dataclasses.asdict(new), "programs": programs}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / FILE, json.dumps(content))
    except (OSError, StudyError):
        return  # a forecast is a convenience: a read-only cache folder must not fail a study


def format_seconds(seconds: float | int) -> str:
    """Return a duration for people.

    >>> format_seconds(41.2), format_seconds(150.0), format_seconds(7300.0)
    ('41 s', '2 min 30 s', '2 h 1 min')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _half_way(actual: float, predicted: float) -> float:
    if actual <= 0 or predicted <= 0:
        return 1.0
    # One odd run (a busy machine) should not spoil the next forecast by more than a factor of 3.
    return float(min(3.0, max(1 / 3, actual / predicted)) ** 0.5)
