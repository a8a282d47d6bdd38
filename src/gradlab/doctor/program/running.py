"""Training programs from several seeds at once, looked at on the way."""

import dataclasses
import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import numpy as np

from gradlab.doctor.evidence import Probes, Record
from gradlab.doctor.program.network import starting_arrays
from gradlab.doctor.program.prepared import Prepared
from gradlab.doctor.program.probing import as_probes, measured, probe
from gradlab.doctor.program.settings import Settings
from gradlab.doctor.program.structure import numbers_of, structure_of
from gradlab.doctor.program.training import HISTORY, ROOM, Run, State, functions
from gradlab.process import cores, crowded
from gradlab.training.executors import forget_programs

FIRST_EPOCH = 8
"""Points within the first epoch, at most."""
LATER = 24
"""Points at ends of epochs, at most."""
PROBE_SHARE = 0.1
"""Rows that probes go through, as a share of those that train, but for a few points."""
WASTE = 10_000
"""Numbers in a batch of which most may be empty."""
FEWEST = 10
"""That few."""


@dataclasses.dataclass(frozen=True, eq=False)
class Job:
    """One program to be trained from one seed."""

    settings: Settings
    prepared: Prepared
    seed: int
    epochs: int


def train_jobs(jobs: Sequence[Job], *, probes: bool) -> list[Record]:
    """Return the record of each job; jobs share the cores and the compiled programs.

    Args:
        jobs: What to train.
        probes: Measure inside as well.
    """
    if crowded():
        forget_programs()
    # Each program is compiled once, by no two threads, and all of them side by side.
    firsts: dict[tuple, Job] = {}
    for job in jobs:
        firsts.setdefault(_compiled_as(job), job)
    with ThreadPoolExecutor(max_workers=cores()) as pool:
        compiling = [pool.submit(_compile_training, job) for job in firsts.values()]
        if probes:
            compiling += [pool.submit(_compile_probe, job) for job in firsts.values()]
        for compiled in compiling:
            compiled.result()
        return list(pool.map(lambda job: _train(job, probes), jobs))


def _compile_training(job: Job) -> None:
    """Call a job's training without a step."""
    _Training(job).start()


def _compile_probe(job: Job) -> None:
    """Look at a job's start."""
    training = _Training(job)
    looked = probe(training.structure)  # pyright: ignore[reportArgumentType]
    looked(training.state, training.data, job.prepared.probed, training.numbers)


def _compiled_as(job: Job) -> tuple:
    shapes = (job.prepared.x.shape, len(job.prepared.watched), job.prepared.held is None)
    return structure_of(job.settings), _batch_size(job), shapes


def _batch_size(job: Job) -> int:
    """Return the rows of a step: a handful of rows goes through a program's own batches.

    That wastes rows and saves a compilation; batches that cost much are cut.
    """
    held = job.prepared.held
    rows = len(job.prepared.x) - (0 if held is None else len(held))
    own, n = min(job.settings.batch_size, rows), job.prepared.n_train
    costs = own * math.prod(job.prepared.x.shape[1:])
    return own if own <= n or costs <= WASTE else n


class _Training:
    """One run under way."""

    def __init__(self, job: Job) -> None:
        settings, self.job, self.data = job.settings, job, job.prepared.data
        self.structure = structure_of(settings)
        self.numbers = numbers_of(settings)
        self.compiled = functions(self.structure)  # pyright: ignore[reportArgumentType]
        seed = np.uint32(job.seed % 2**32)
        self.run = Run(seed, np.bool_(settings.shuffle), self.numbers)
        self.size = _batch_size(job)
        self.n_steps = -(-job.prepared.n_train // self.size)
        watches = job.prepared.held is not None and job.prepared.follows_held
        stopping = settings.early_stopping if watches else None
        self.patience = None if stopping is None else stopping.patience
        arrays = starting_arrays(settings.model, job.seed)
        self.state: State = self.compiled.start(arrays, self.numbers)
        self.at = 0
        self.rows: list[np.ndarray] = []

    def start(self) -> np.ndarray:
        """Return how it stands before the first step."""
        return self._call(0, 0)[0]

    def _call(self, first: int, last: int) -> np.ndarray:
        state, rows = self.compiled.train(
            self.state, self.run, self.data, np.int32(first), np.int32(last), size=self.size
        )
        self.state = state
        return np.asarray(rows, np.float64)

    def advance(self, stop: int) -> None:
        """Take steps until so many are done, unless the run is over."""
        # What decides about stopping early is looked at after every epoch.
        most = ROOM if self.patience is None else 1
        while self.at < stop and not self.over:
            epoch = self.at // self.n_steps
            last = min(stop, (epoch + most) * self.n_steps)
            rows = self._call(self.at, last)
            self.rows.extend(rows[: last // self.n_steps - epoch])
            self.at = last

    @property
    def over(self) -> bool:
        """Whether it has diverged, or been stopped early."""
        return int(self.state.bad) >= 0 or self.stopped

    @property
    def stopped(self) -> bool:
        """Whether the loss on the rows held back has not fallen for long enough."""
        if self.patience is None or not self.rows:
            return False
        losses = np.array([row[HISTORY.index("held_loss")] for row in self.rows])
        return len(losses) - 1 - int(np.argmin(losses)) >= self.patience


def _train(job: Job, probes: bool) -> Record:
    began = time.perf_counter()
    training = _Training(job)
    start = training.start()
    total = job.epochs * training.n_steps
    found = _watched(training, total) if probes else None
    training.advance(total)
    return _record(training, start, found, time.perf_counter() - began)


def _watched(training: _Training, total: int) -> Probes:
    """Train with pauses to measure; the steps are the same as without."""
    job, n_steps = training.job, training.n_steps
    rows = job.prepared.probed
    seen_at = probe(training.structure)  # pyright: ignore[reportArgumentType]
    times, points = [], []

    def look(before: Any) -> None:
        state, numbers = training.state, training.numbers
        seen = seen_at(state, training.data, rows, numbers)
        times.append(training.at / n_steps)
        points.append(measured(training.structure, seen, state, before, numbers))

    look(training.state.arrays)
    for stop in pauses(n_steps, job.epochs, len(rows), job.prepared.n_train):
        training.advance(stop - 1)
        before = training.state.arrays
        training.advance(stop)
        look(before)
        if training.over:
            break
    return as_probes(times, points)


def pauses(n_steps: int, epochs: int, n_probed: int, n_train: int) -> list[int]:
    """Return after which steps to measure: some within the first epoch, then ends of epochs.

    >>> pauses(100, 4, 32, 3200)
    [1, 2, 3, 6, 10, 18, 32, 56, 100, 200, 300, 400]
    """
    most = int(max(FEWEST, min(FIRST_EPOCH + LATER, PROBE_SHARE * epochs * n_train / n_probed)))
    n_later = min(epochs, max(3, most - FIRST_EPOCH))
    n_first = min(FIRST_EPOCH, max(2, most - n_later))
    within = n_steps ** (np.arange(n_first) / n_first)
    later = np.unique(np.round(epochs ** (np.arange(n_later) / max(1, n_later - 1))))
    if epochs <= LATER:
        later = np.unique(np.round(np.linspace(1, epochs, n_later)))
    stops = {*np.round(within).astype(int).tolist(), *(later * n_steps).astype(int).tolist()}
    return sorted({*stops, epochs * n_steps})


def _record(
    training: _Training, start: np.ndarray, probes: Probes | None, seconds: float
) -> Record:
    job, bad = training.job, int(training.state.bad)
    history = np.stack(training.rows) if training.rows else np.empty((0, len(HISTORY)))
    status: Literal["done", "early", "diverged"] = "done"
    if bad >= 0:
        # The epoch in which it happened ends in nothing.
        status, whole = "diverged", bad // training.n_steps
        history = np.vstack([history[:whole], np.full((1, len(HISTORY)), np.nan)])
    elif len(history) < job.epochs:
        status = "early"
    columns = dict(zip(HISTORY, history.T, strict=True))
    if job.settings.task == "regression":
        own, held = job.prepared.variance
        columns["watched_score"] = 1 - columns["watched_score"] / own
        columns["held_score"] = 1 - columns["held_score"] / held
    return Record(
        train_loss=columns["train_loss"],
        validation_loss=columns["held_loss"],
        train_score=columns["watched_score"],
        validation_score=columns["held_score"],
        initial_loss=float(start[HISTORY.index("watched_loss")]),
        status=status,
        non_finite=("loss", bad / training.n_steps) if bad >= 0 else None,
        probes=probes,
        seed=job.seed,
        seconds=seconds,
    )
