"""The learning rate range test: the same start, short, at rates over eight decades.

Smith 2017 raises the rate within one run; here every rate has a run of its own, as they are
members of one program and none then stands on what another has done.

Source: Smith 2017, section 3.3, https://arxiv.org/abs/1506.01186
"""

import numpy as np

from gradlab.doctor.cost import run_seconds, steps_per_epoch
from gradlab.doctor.evidence import DataFacts, Record, Sweep
from gradlab.doctor.finding import Change
from gradlab.doctor.subject import Subject, train_variants

STEPS = 300
"""Of a run, if its epochs hold that many."""

FEW_ROWS = 100
"""Batches to which the rows are cut where even one epoch costs too much."""


def rates_around(rate: float, *, per_decade: int = 2) -> np.ndarray:
    """Return rates from 10⁻⁴ to 10⁴ times the one in use, which is among them.

    >>> len(rates_around(0.1)), float(rates_around(0.1)[8])
    (17, 0.1)
    """
    powers = np.arange(-4 * per_decade, 4 * per_decade + 1) / per_decade
    return np.where(powers == 0, rate, rate * 10.0**powers)


def range_test(
    subject: Subject, facts: DataFacts, *, seed: int = 0, seconds: float = 1.0
) -> Sweep | None:
    """Train shortly at each rate; None if the subject has no rate that could be changed.

    Args:
        subject: What is trained, for as many epochs as make about 300 steps, at most its own.
        facts: Of its data.
        seed: Of weights and order.
        seconds: What the runs may be expected to cost; more makes fewer epochs, then fewer rows,
            then half as many rates.
    """
    setup = subject.setup
    if not setup.learning_rate:
        return None
    n_steps = steps_per_epoch(setup, facts.n_train)
    epochs = max(1, min(setup.epochs or 1, round(STEPS / n_steps)))
    rates = rates_around(setup.learning_rate)
    cost = len(rates) * run_seconds(setup, facts, 1)
    epochs = max(1, min(epochs, int(seconds / cost))) if cost > 0 else epochs
    if cost > seconds and n_steps > FEW_ROWS:
        subject = subject.on_rows(FEW_ROWS * (setup.batch_size or 1))
        cost *= FEW_ROWS / n_steps
    if cost > seconds:
        rates = rates_around(setup.learning_rate, per_decade=1)
    variants = [[Change("learning_rate", float(rate))] for rate in rates]
    trained = train_variants(subject, variants, [seed], epochs=epochs)
    runs = [(rate, found[0]) for rate, found in zip(rates, trained, strict=True) if found]
    if len(runs) < 3:
        return None
    return Sweep(
        rates=np.array([rate for rate, _ in runs]),
        loss=np.array([final_loss(record) for _, record in runs]),
        start=_start(record for _, record in runs),
        epochs=epochs,
    )


def final_loss(record: Record) -> float:
    """Return the mean training loss of a run's last epoch; infinite if it diverged."""
    losses = np.asarray(record.train_loss, np.float64)
    # A run that stopped early has no numbers for what it left out.
    known = losses[~np.isnan(losses)]
    if record.status == "diverged" or len(known) == 0 or not np.isfinite(known[-1]):
        return float("inf")
    return float(known[-1])


def _start(records) -> float:
    known = [r.initial_loss for r in records if r.initial_loss is not None]
    return float(np.median(known)) if known else float("nan")
