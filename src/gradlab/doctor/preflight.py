"""Checks before training, in plain words: data, setting, starting weights, two short tests."""

from collections.abc import Iterator

from gradlab.doctor import preflight_data, preflight_setup
from gradlab.doctor.evidence import DataFacts, Evidence, Setup, Sweep
from gradlab.doctor.range_test import range_test
from gradlab.doctor.small_batch import small_batch_loss
from gradlab.doctor.statement import ORDER, Said, Statement
from gradlab.doctor.subject import Subject

NOTHING_FOUND = {
    "inputs": "Inputs are of a common scale, and none is missing.",
    "labels": "Targets are coded soundly.",
    "balance": "No class is rare.",
    "columns": "No column is constant, and none gives the answer away.",
    "repeats": "No row occurs twice, and none of those that judge was trained on.",
    "learnable": "Targets go with their rows: neighbours or plain methods know them.",
    "capacity": "The network's size fits the rows.",
    "outputs": "Output activation and loss fit the task and each other.",
    "starting weights": "Starting weights let signals through.",
    "initial loss": "The first loss is about what untrained outputs give.",
    "learning rate": "The learning rate lies in the range where the loss falls.",
    "small batch": "The network can learn a handful of rows by heart.",
}
"""What a check says that finds nothing."""


def check_before_training(subject: Subject, *, tests: bool = True) -> list[Statement]:
    """Look at data, setting and starting weights, and test shortly, before a training is begun.

    Args:
        subject: What is to be trained. Test rows are not read.
        tests: Also measure the first loss, make the learning rate range test and train on 16
            rows alone: some seconds.

    Returns:
        A statement at least for each check that could be made, the most severe first.
    """
    facts = subject.facts()
    if not tests:
        return statements(subject.setup, facts)
    sweep = range_test(subject, facts)
    first = subject.train([0], probes=False, epochs=1)[0].initial_loss
    small = small_batch_loss(subject, sweep)
    return statements(subject.setup, facts, initial_loss=first, sweep=sweep, small_batch=small)


def statements_of(evidence: Evidence) -> list[Statement]:
    """Return the checks that evidence at hand allows, without training anything."""
    initial = [r.initial_loss for r in evidence.records if r.initial_loss is not None]
    return statements(
        evidence.setup,
        evidence.data,
        initial_loss=initial[0] if initial else None,
        sweep=evidence.sweep,
        small_batch=evidence.small_batch,
    )


def statements(
    setup: Setup,
    facts: DataFacts | None,
    *,
    initial_loss: float | None = None,
    sweep: Sweep | None = None,
    small_batch: float | None = None,
) -> list[Statement]:
    """Return what each check says about a setting and facts, the most severe first.

    A check whose facts are not known says nothing.

    >>> statements(Setup("binary", ()), DataFacts(100, constant=("age",)))[0].text
    'Column age never varies: it says nothing.'
    """
    found: list[Statement] = []
    if facts is not None:
        found += _told("inputs", preflight_data.inputs(facts, setup))
        found += _told("labels", preflight_data.labels(facts, setup))
        found += _told("columns", preflight_data.columns(facts, setup))
        found += _told("repeats", preflight_data.repeats(facts, setup))
        if facts.class_counts is not None:
            found += _told("balance", preflight_data.balance(facts, setup))
        if facts.label_disagreement is not None:
            found += _told("learnable", preflight_data.learnable(facts, setup))
        found += _told("capacity", preflight_setup.network_size(facts, setup))
        if initial_loss is not None:
            found += _told("initial loss", preflight_setup.initial_loss(setup, facts, initial_loss))
    found += _told("outputs", preflight_setup.outputs(setup))
    found += _told("starting weights", preflight_setup.starting_weights(setup))
    if sweep is not None:
        found += _told("learning rate", preflight_setup.learning_rate(setup, sweep))
    if small_batch is not None:
        found += _told("small batch", preflight_setup.small_batch(small_batch))
    return sorted(found, key=lambda statement: ORDER.index(statement.severity))


def _told(check: str, said: Iterator[Said]) -> list[Statement]:
    found = [Statement(severity, check, text) for severity, text in said]
    return found or [Statement("ok", check, NOTHING_FOUND[check])]


__all__ = ["Statement", "check_before_training", "statements", "statements_of"]
