"""What can be examined and cured: anything that can say how it is set, and be trained."""

from collections.abc import Sequence
from typing import Protocol

from gradlab.doctor.evidence import DataFacts, Record, Setup
from gradlab.doctor.finding import Change


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
    subjects: Sequence[Subject], seeds: Sequence[int], *, epochs: int | None = None
) -> list[list[Record]]:
    """Train several subjects from the same seeds, without probes.

    Those that can share a compiled program do (subjects cache their programs by structure).
    """
    return [subject.train(seeds, probes=False, epochs=epochs) for subject in subjects]
