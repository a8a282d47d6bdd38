"""From a subject to everything that rules look at: runs with measurements, tests, trials."""

from collections.abc import Sequence
from dataclasses import replace

from gradlab.doctor.cost import run_seconds
from gradlab.doctor.evidence import Evidence
from gradlab.doctor.range_test import range_test
from gradlab.doctor.small_batch import small_batch_loss
from gradlab.doctor.subject import Subject
from gradlab.doctor.trials import is_poor, made_trials

BUDGET = 3.0


def examine(
    subject: Subject,
    *,
    seeds: Sequence[int] = (0, 1, 2),
    budget: float = BUDGET,
    sweep: bool = True,
    trials: bool = True,
) -> Evidence:
    """Train a subject and look: its data, its runs from within, and runs that differ from it.

    Args:
        subject: What is examined. Test rows are not read.
        seeds: Of the runs; the first is also that of the tests, and of trials that cost much.
        budget: Seconds that all trials may be expected to cost; as much as a quarter of it goes to
            the range test besides. What is tried depends on this estimate and not on a clock,
            unless five times as much has passed.
        sweep: Make the learning rate range test and, where the record is poor, train on a small
            batch alone.
        trials: Where the record is poor, make other runs to tell causes apart.

    Returns:
        The evidence; `missing` says what was left out.
    """
    facts = subject.facts()
    records = tuple(subject.train(tuple(seeds), probes=True))
    evidence = Evidence(subject.setup, facts, records)
    missing = []
    if sweep:
        test = range_test(subject, facts, seed=seeds[0], seconds=budget / 4)
        evidence = replace(evidence, sweep=test)
        if test is None:
            missing.append("no learning rate range test: the subject has no rate to change")
        if is_poor(evidence):  # a network that learns all rows can learn a few
            few = small_batch_loss(subject, test, seed=seeds[0])
            evidence = replace(evidence, small_batch=few)
    if trials:
        # A run that itself takes long leaves room for fewer trials, not for none.
        room = max(budget, 4 * run_seconds(subject.setup, facts))
        made, left_out = made_trials(
            subject, facts, evidence, seeds=seeds, budget=min(room, 3 * budget)
        )
        missing += left_out
        evidence = replace(evidence, trials=made)
    return replace(evidence, missing=tuple(missing))
