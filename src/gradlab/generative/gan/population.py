"""GANs trained together: what came of each, told as it goes."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Literal

import jax
import numpy as np
import polars as pl

from gradlab.generative.gan.measuring import MEASURES, Snapshot, Yardstick
from gradlab.generative.gan.settings import AdversarialSettings, arrays_of, template
from gradlab.generative.gan.training import Look, Networks, history_frame, train_pairs
from gradlab.nn.module import initial_state

Status = Literal["done", "diverged", "stopped"]


@dataclasses.dataclass(frozen=True, eq=False)
class TrainedPair:
    """A GAN after its training.

    Attributes:
        settings, seed: What made it.
        networks: As they ended; after a divergence, as they were when last all numbers were
            finite, and after a stop as far as they had come.
        history: One row an epoch: losses, D(x), D(G(z)), norms of gradients, and where a look was
            due diversity, Fréchet distance, share of modes reached, share of copies.
        snapshots: What the fixed noise became.
        status: "done", "diverged" or "stopped".
        diverged: Epoch (from 1) in which a loss was not finite, else None.
        seconds: Of training.
    """

    settings: AdversarialSettings
    seed: int
    networks: Networks
    history: pl.DataFrame
    snapshots: tuple[Snapshot, ...]
    status: Status
    diverged: int | None
    seconds: float

    @property
    def epochs(self) -> int:
        """Epochs trained."""
        return self.history.height

    def last(self, measure: str) -> float:
        """Return the last value of a measure; NaN if it was never taken."""
        if measure not in self.history.columns:
            return float("nan")
        taken = self.history[measure].drop_nulls()
        return float(taken[-1]) if len(taken) else float("nan")


@dataclasses.dataclass(frozen=True)
class Told:
    """How far a training has come.

    Attributes:
        index: Of the run.
        epoch: Done.
        epochs: Wanted.
        numbers: The last line of its history.
        done: Runs that have ended.
        total: Runs.
    """

    index: int
    epoch: float
    epochs: int
    numbers: dict[str, float]
    done: int
    total: int


Listener = Callable[[Told], None]


@dataclasses.dataclass
class _Course:
    """What is known of a run while it trains."""

    networks: Networks
    look: Look | None = None
    measured: dict[int, dict[str, float]] = dataclasses.field(default_factory=dict)
    snapshots: list[Snapshot] = dataclasses.field(default_factory=list)


class Stopped(KeyboardInterrupt):
    """Ctrl-C, with what was trained until then in `pairs`."""

    def __init__(self, pairs: list[TrainedPair]):
        """Keep the pairs."""
        super().__init__()
        self.pairs = pairs


def train_population(
    x: Any,
    runs: Sequence[tuple[AdversarialSettings, int]],
    yardstick: Yardstick,
    *,
    every: int | None = 5,
    listener: Listener | None = None,
) -> list[TrainedPair]:
    """Train GANs and measure them now and then; return them in the order of `runs`.

    Args:
        x: Rows as they go into the training: standardised numbers, or pictures.
        runs: Settings and seed of each.
        yardstick: What they are measured against.
        every: Epochs between two measurements (and one at the end); None for none.
        listener: Told of every look.

    Raises:
        Stopped: On Ctrl-C, with what has been trained.
    """
    courses = [_Course(untrained(settings, seed)) for settings, seed in runs]
    if every is not None:
        for course, (settings, _) in zip(courses, runs, strict=True):
            course.snapshots.append(yardstick.snapshot(course.networks, settings.prior, 0.0))
    ended = 0
    try:
        for look in train_pairs(x, runs, every=every or max(s.passes for s, _ in runs)):
            course, (settings, _) = courses[look.index], runs[look.index]
            course.look = look
            ended += look.ended
            if look.finite:
                course.networks = look.networks
            _take(course, look, settings, yardstick, every)
            if listener is not None:
                listener(_told(course, look, settings, ended, len(runs)))
    except KeyboardInterrupt:
        begun = [
            _trained(course, *run)
            for course, run in zip(courses, runs, strict=True)
            if course.look is not None
        ]
        raise Stopped(begun) from None
    return [_trained(course, *run) for course, run in zip(courses, runs, strict=True)]


def _take(
    course: _Course, look: Look, settings: AdversarialSettings, yardstick: Yardstick,
    every: int | None,
) -> None:  # fmt: skip
    """Measure and keep samples, if they are due."""
    if every is None or not look.finite or look.passes % 1:
        return
    epoch = int(look.passes)
    if (look.ended or epoch % every == 0) and epoch not in course.measured:
        course.measured[epoch] = yardstick.measure(look.networks, settings.prior)
        course.snapshots.append(yardstick.snapshot(look.networks, settings.prior, float(epoch)))


def _told(
    course: _Course, look: Look, settings: AdversarialSettings, done: int, total: int
) -> Told:
    history = _history(course, settings)
    last = history.row(-1, named=True) if history.height else {}
    numbers = {name: float(value) for name, value in last.items() if value is not None}
    if course.measured:
        numbers |= course.measured[max(course.measured)]
    return Told(look.index, look.passes, settings.passes, numbers, done, total)


def _history(course: _Course, settings: AdversarialSettings) -> pl.DataFrame:
    assert course.look is not None
    frame = history_frame(course.look.record, settings)
    taken = [course.measured.get(epoch, {}) for epoch in frame["epoch"]]
    columns = {name: [one.get(name) for one in taken] for name in MEASURES}
    return frame.with_columns(
        pl.Series(name, values, dtype=pl.Float64) for name, values in columns.items()
    )


def _trained(course: _Course, settings: AdversarialSettings, seed: int) -> TrainedPair:
    look = course.look
    assert look is not None
    status: Status = "done" if look.ended else "stopped"
    if look.diverged is not None or not look.finite:
        status = "diverged"
    diverged = look.diverged or (int(np.ceil(look.passes)) if status == "diverged" else None)
    return TrainedPair(
        settings,
        seed,
        course.networks,
        _history(course, settings),
        tuple(course.snapshots),
        status,
        diverged,
        look.seconds,
    )


def untrained(settings: AdversarialSettings, seed: int) -> Networks:
    """Return the networks before the first step."""
    import equinox as eqx

    parts = [
        eqx.combine(own, eqx.filter(whole, eqx.is_array, inverse=True))
        for own, whole in zip(
            arrays_of(settings.pair.build(seed)), template(settings.pair), strict=True
        )
    ]
    states = [jax.tree.map(np.asarray, initial_state(part)) for part in parts]
    return Networks(parts[0], states[0], parts[1], states[1])
