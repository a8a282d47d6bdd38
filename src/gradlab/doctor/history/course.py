"""When a recorder measures, and what has been measured so far."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from gradlab.doctor.evidence import Probes
from gradlab.doctor.history.points import Point, gather

COST = 0.05
"""Share of the time of training that measuring may take once the first epoch is over."""


class Measured(NamedTuple):
    """Numbers of one moment: field of `Probes` to a number, or to one a layer."""

    of_layers: dict[str, list[float]]
    of_all: dict[str, float]


class Course:
    """Steps and epochs of a training, and the points at which it was measured.

    It is measured before the first step, after steps 1, 2, 4, 8 … of the first epoch, and at the
    ends of epochs.

    Attributes:
        last: What was measured last.

    >>> course = Course(lambda before: Measured({}, {"loss": 1.0}), lambda: None, n_layers=0)
    >>> for _ in range(3): course.step()
    >>> course.end_epoch()
    >>> course.probes().time.round(2).tolist()
    [0.0, 0.33, 0.67, 1.0]
    """

    def __init__(
        self,
        measure: Callable[[Any], Measured],
        weights: Callable[[], Any],
        *,
        n_layers: int,
        every: int | None = None,
        steps_per_epoch: int | None = None,
    ) -> None:
        """Measure for the first time.

        Args:
            measure: (weights before the last step, or None) -> numbers.
            weights: Returns a copy of the weights.
            n_layers: Weighted layers.
            every: Epochs from one measurement to the next; None so that they take 5 % of the time.
            steps_per_epoch: If it is known beforehand; without it the update of the first epoch's
                last step is not known.
        """
        self._measure, self._weights = measure, weights
        self._n_layers, self._every = n_layers, every
        self._expected = steps_per_epoch
        self._points: list[Point] = []
        self._kept: tuple[tuple[int, int], Any] | None = None  # moment that a step leads to
        self._epochs = self._step = 0
        self._first_epoch = 0  # its steps
        self._next = 1  # step of the first epoch to measure after
        self._wanted = True
        self._started = time.perf_counter()
        self._spent = 0.0
        self.last = self.take()
        self._keep()

    @property
    def now(self) -> tuple[int, int]:
        """Epochs that are over, and steps since."""
        return self._epochs, self._step

    @property
    def time(self) -> float:
        """Epochs done, with the share of the one that runs, as far as its length is known."""
        steps = self._first_epoch or self._expected or max(self._step, 1)
        return self._epochs + min(self._step / steps, 1.0)

    def step(self) -> None:
        """Count a step of the optimizer that was just made."""
        self._step += 1
        if self._epochs == 0 and self._step == self._next:
            self.take()
            self._next *= 2
        self._keep()

    def end_epoch(self) -> None:
        """Count the end of an epoch."""
        is_measured = self._step > 0 and self._at == self.now
        if self._wanted and not is_measured:
            self.take()
            is_measured = True
        last = self._points[-1] if self._points else None
        self._epochs += 1
        if is_measured:
            self._at = (self._epochs, 0)
            if last is not None and (last.epochs, last.step) == (self._epochs - 1, self._step):
                self._points[-1] = last._replace(epochs=self._epochs, step=0)
        if self._epochs == 1:
            self._first_epoch = self._step
        self._expected = self._step or self._expected
        self._step, self._kept = 0, None
        self._wanted = self._is_wanted()
        self._keep()

    def take(self) -> Measured:
        """Measure here and now."""
        start = time.perf_counter()
        before = self._kept[1] if self._kept is not None and self._kept[0] == self.now else None
        self._kept = None
        self.last = self._measure(before)
        self._at = self.now
        if self.last.of_layers or self.last.of_all:
            self._points.append(Point(*self.now, self.last.of_layers, self.last.of_all))
        self._spent += time.perf_counter() - start
        return self.last

    def finish(self) -> None:
        """Measure the end, if training went on since it was measured last."""
        if self._at != self.now:
            self.take()

    def probes(self) -> Probes | None:
        """Return all points; None if nothing was measured."""
        steps = self._first_epoch or self._expected or self._step
        return gather(self._points, self._n_layers, max(steps, 1))

    def _keep(self) -> None:
        """Keep the weights if the step that comes now leads to a point."""
        coming = self._step + 1
        of_first = self._epochs == 0 and coming == self._next
        of_end = self._wanted and self._expected == coming
        if of_first or of_end:
            self._kept = ((self._epochs, coming), self._weights())

    def _is_wanted(self) -> bool:
        if self._every is not None:
            return (self._epochs + 1) % self._every == 0
        return self._spent <= COST * (time.perf_counter() - self._started)


def first_not_finite(found: Measured, places: list[str]) -> str | None:
    """Return where a number is not finite: the first layer that gives such numbers, or "loss".

    >>> first_not_finite(Measured({"mean": [0.0, np.inf]}, {"loss": np.nan}), ["fc1", "fc2"])
    'fc2'
    """
    for place, mean in zip(places, found.of_layers.get("mean", []), strict=False):
        if not np.isfinite(mean):
            return place
    # A loss that was not measured is left out of the numbers.
    return None if np.isfinite(found.of_all.get("loss", 0.0)) else "loss"
