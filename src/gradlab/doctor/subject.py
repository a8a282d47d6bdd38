"""What can be examined and cured: anything that can say how it is set, and be trained."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from gradlab.doctor.evidence import DataFacts, Record, Setup
from gradlab.doctor.finding import Change


@runtime_checkable
class Subject(Protocol):
    """A training that can be run again, as it is or changed.

    Subjects are values: `changed` returns another and leaves this one as it is.
    """

    @property
    def name(self) -> str:
        """For people."""
        ...

    @property
    def setup(self) -> Setup:
        """How it is set."""
        ...

    def facts(self) -> DataFacts:
        """Look at its data; test rows are not read."""
        ...

    def changed(self, changes: Sequence[Change]) -> "Subject | None":
        """Return it with some settings changed; None if that can't be said in its terms."""
        ...

    def as_file(self) -> tuple[str, str]:
        """Return name and content of a file that says how it is set, ready to run."""
        ...

    def on_rows(self, n_rows: int) -> "Subject":
        """Return it with the first so many rows (shuffled) of its training part alone."""
        ...

    def train(
        self, seeds: Sequence[int], *, probes: bool = True, epochs: int | None = None
    ) -> list[Record]:
        """Train it from several seeds at once, the same numbers for a seed every time.

        Args:
            seeds: One run each.
            probes: Measure inside as well.
            epochs: Instead of its own number.
        """
        ...

    def score_on_fresh(self, seeds: Sequence[int], *, epochs: int | None = None) -> list[float]:
        """Train; return each seed's validation score, without such rows that of training."""
        ...


def train_together(
    subjects: Sequence[Subject],
    seeds: Sequence[int],
    *,
    probes: bool = False,
    epochs: int | None = None,
) -> list[list[Record]]:
    """Train several subjects from the same seeds; return the records of each.

    A class of subjects that can train several as members of one compiled program offers a static
    method `train_many(subjects, seeds, *, probes, epochs)` with this function's meaning; it is
    handed all of its own at once, whether or not they share a structure. Others train in turn.
    """
    records: list[list[Record]] = [[] for _ in subjects]
    for kind in dict.fromkeys(type(subject) for subject in subjects):
        places = [i for i, subject in enumerate(subjects) if type(subject) is kind]
        own = [subjects[i] for i in places]
        many = getattr(kind, "train_many", None)
        if many is not None:
            trained = many(own, seeds, probes=probes, epochs=epochs)
        else:
            trained = [subject.train(seeds, probes=probes, epochs=epochs) for subject in own]
        for i, result in zip(places, trained, strict=True):
            records[i] = result
    return records


def train_variants(
    subject: Subject,
    variants: Sequence[Sequence[Change]],
    seeds: Sequence[int],
    *,
    probes: bool = False,
    epochs: int | None = None,
) -> list[list[Record] | None]:
    """Train a subject with each of several lists of changes, together where that is possible.

    Returns:
        The records of each variant; None for one that can't be said in the subject's terms.
    """
    changed = [subject.changed(changes) for changes in variants]
    possible = [other for other in changed if other is not None]
    trained = iter(train_together(possible, seeds, probes=probes, epochs=epochs))
    return [None if other is None else next(trained) for other in changed]
