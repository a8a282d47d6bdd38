"""Can the network learn a handful of rows by heart? If not, something within is broken.

Trained at several rates, so that a poor rate is not taken for a network that can't learn.

Source: Karpathy 2019, A recipe for training neural networks ("overfit a single batch").
"""

import math
from dataclasses import replace

from gradlab.doctor.checks import constant_answer_loss, expected_initial_loss
from gradlab.doctor.cost import run_seconds
from gradlab.doctor.evidence import Sweep
from gradlab.doctor.finding import Change
from gradlab.doctor.range_test import final_loss
from gradlab.doctor.subject import Subject, train_variants

ROWS = 16
EPOCHS = 64
"""Of one step each, or more where batches are smaller than 16."""

FACTORS = (1.0, 10.0, 100.0, 0.1)
SECONDS = 0.5
"""That the runs may be expected to cost; more makes fewer rates. The first two are always tried."""


def small_batch_loss(
    subject: Subject, sweep: Sweep | None = None, *, seed: int = 0
) -> float | None:
    """Return the loss after training on 16 rows alone, as a share of a constant answer's there.

    The lowest of several learning rates: the best of the range test, the one in use, 10 and 100
    times, and a tenth, 64 epochs of each. None if the loss of a constant answer is not known, or
    no run ended in numbers.
    """
    few = subject.on_rows(ROWS)
    facts, setup = few.facts(), few.setup
    constant = constant_answer_loss(setup, facts)
    if not constant:  # unknown, or 0 as all have one label
        constant = expected_initial_loss(setup, facts)
    rates = []
    if sweep is not None and math.isfinite(sweep.loss.min()):
        rates.append(float(sweep.rates[sweep.loss.argmin()]))
    if setup.learning_rate:
        rates += [setup.learning_rate * factor for factor in FACTORS]
    # A batch may be filled up to its usual size, and all rows that judge are gone through.
    padded = replace(facts, n_train=max(setup.batch_size or 1, facts.n_train))
    cost = run_seconds(setup, padded, EPOCHS)
    rates = list(dict.fromkeys(rates))[: max(2, int(SECONDS / cost))]
    variants = [[Change("learning_rate", rate)] for rate in rates] or [[]]
    trained = train_variants(few, variants, [seed], epochs=EPOCHS)
    records = [found[0] for found in trained if found]
    losses = [final_loss(record) for record in records]
    if not constant and records:
        constant = records[0].initial_loss
    if not constant or not losses or not math.isfinite(min(losses)):
        return None
    return float(min(losses) / abs(constant))
