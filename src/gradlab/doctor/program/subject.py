"""A training program as a subject of the doctor."""

import dataclasses
import functools
import json
from collections.abc import Sequence

from gradlab.doctor.evidence import DataFacts, Record, Setup
from gradlab.doctor.finding import Change
from gradlab.doctor.program.changes import changed_program
from gradlab.doctor.program.network import places
from gradlab.doctor.program.prepared import Prepared, prepare, targets_of_loss
from gradlab.doctor.program.program import Program
from gradlab.doctor.program.running import Job, train_jobs
from gradlab.doctor.program.settings import Embedding
from gradlab.doctor.program.wording import setup_of, task_name


@dataclasses.dataclass(frozen=True, eq=False)
class ProgramSubject:
    """A program that can be trained, looked at, and changed; see `doctor.subject.Subject`.

    Programs that differ in numbers, rows or seeds share what is compiled.

    Attributes:
        program: What it is.
        n_rows: Training rows to use, in an order of chance; None for all, in theirs.

    >>> import numpy as np
    >>> x = np.linspace(-1, 1, 32)[:, None]
    >>> program = Program.build(
    ...     task="regression", x_train=x, y_train=3 * x[:, 0], epochs=50, batch_size=8,
    ...     layers=[{"type": "dense", "units": 1}], loss="mean_squared_error",
    ...     optimizer={"name": "sgd", "learning_rate": 0.1})
    >>> (record,) = ProgramSubject(program).train([0], probes=False)
    >>> bool(record.train_score[-1] > 0.99)
    True
    """

    program: Program
    n_rows: int | None = None
    _whole: Prepared | None = None

    @property
    def name(self) -> str:
        """For people."""
        return self.program.name

    @property
    def setup(self) -> Setup:
        """How it is set."""
        return self._setup

    @functools.cached_property
    def _setup(self) -> Setup:
        has_validation = self.program.judging_rows() is not None
        return setup_of(self.program.settings, has_validation=has_validation)

    @functools.cached_property
    def whole(self) -> Prepared:
        """All rows, scaled."""
        return prepare(self.program) if self._whole is None else self._whole

    @functools.cached_property
    def prepared(self) -> Prepared:
        """The rows that are used, scaled."""
        return self.whole if self.n_rows is None else self.whole.first_rows(self.n_rows)

    def facts(self) -> DataFacts:
        """Look at its rows as the network is given them."""
        from gradlab.doctor.checks import data_facts

        rows, settings = self.prepared, self.program.settings
        n = rows.n_train
        x, y = rows.x, targets_of_loss(self.program, rows)
        held = rows.held
        first = settings.model.layers[0]
        return data_facts(
            x[:n],
            y[:n],
            None if held is None else x[held],
            None if held is None else y[held],
            task=task_name(settings),
            tokens=True if isinstance(first, Embedding) else None,
        )

    def changed(self, changes: Sequence[Change]) -> "ProgramSubject | None":
        """Return it with some settings changed; None if that can't be said of it."""
        program = changed_program(self.program, changes)
        if program is None:
            return None
        same = _rows_as(program, self.program)
        return ProgramSubject(program, self.n_rows, self.whole if same else None)

    def as_file(self) -> tuple[str, str]:
        """Return name and content of a file with its settings, in the words of case files."""
        return "cured.json", json.dumps(self.program.words(), indent=2) + "\n"

    def on_rows(self, n_rows: int) -> "ProgramSubject":
        """Return it with the first so many rows (shuffled) of its training part alone."""
        return ProgramSubject(self.program, n_rows, self.whole)

    def train(
        self, seeds: Sequence[int], *, probes: bool = True, epochs: int | None = None
    ) -> list[Record]:
        """Train it from several seeds at once, the same numbers for a seed every time."""
        return self.train_many([self], seeds, probes=probes, epochs=epochs)[0]

    @staticmethod
    def train_many(
        subjects: "Sequence[ProgramSubject]",
        seeds: Sequence[int],
        *,
        probes: bool = False,
        epochs: int | None = None,
    ) -> list[list[Record]]:
        """Train several from the same seeds; all runs share the cores."""
        jobs = [
            Job(own.program.settings, own.prepared, seed, epochs or own.program.settings.epochs)
            for own in subjects
            for seed in seeds
        ]
        records = iter(train_jobs(jobs, probes=probes))
        return [[next(records) for _ in seeds] for _ in subjects]

    def score_on_fresh(self, seeds: Sequence[int], *, epochs: int | None = None) -> list[float]:
        """Train and return the validation score of each seed; without such rows, of training."""
        records = self.train(seeds, probes=False, epochs=epochs)
        has_validation = self.prepared.held is not None
        scores = [r.validation_score if has_validation else r.train_score for r in records]
        return [float(values[-1]) for values in scores]


def _rows_as(one: Program, other: Program) -> bool:
    """Return whether two programs prepare their rows alike."""
    same = all(
        getattr(one, name) is getattr(other, name)
        for name in ("x_train", "y_train", "x_validation", "y_validation")
    )
    settings = ("task", "labels", "scaling", "validation", "class_weight")
    if not same or any(getattr(one.settings, k) != getattr(other.settings, k) for k in settings):
        return False
    shapes = [places(program.settings.model)[-1].shape_out for program in (one, other)]
    return shapes[0] == shapes[1]
