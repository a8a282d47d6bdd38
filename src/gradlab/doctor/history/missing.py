"""What a history or a recorder could not give, and what it would have told."""

import numpy as np

from gradlab.doctor.evidence import DataFacts, Record, Setup


def what_is_missing(
    setup: Setup, records: tuple[Record, ...], data: DataFacts | None
) -> tuple[str, ...]:
    """Return a sentence for everything that rules look at and that is not there.

    >>> from gradlab.doctor.evidence import Setup
    >>> what_is_missing(Setup("regression", ()), (), None)[0]
    'The learning rate: whether it is far from what the optimizer usually takes.'
    """
    unknown = [sentence for known, sentence in _of_setup(setup) if not known]
    unknown += [sentence for known, sentence in _of_records(records) if not known]
    if data is None:
        unknown.append(
            "The rows: scaling, constant or leaking columns, class balance, duplicates, and "
            "what a constant answer scores."
        )
    unknown.append(
        "Other runs of the same training (a sweep of learning rates, a small batch learnt by "
        "heart, seeds): they would part causes that look alike."
    )
    return tuple(unknown)


def _of_setup(setup: Setup) -> list[tuple[bool, str]]:
    return [
        (
            setup.learning_rate is not None,
            "The learning rate: whether it is far from what the optimizer usually takes.",
        ),
        (setup.optimizer is not None, "The optimizer: whether it fits, and its usual step."),
        (setup.batch_size is not None, "The batch size: whether noise or too few steps limit."),
        (setup.loss is not None, "The loss: whether it fits the task and the output."),
        (
            bool(setup.layers),
            "The layers with their activations: depth, and whether output and loss fit.",
        ),
        (
            not setup.layers or any(x.init_std is not None for x in setup.weighted),
            "The spread of the starting weights: whether they carry a signal.",
        ),
    ]


def _of_records(records: tuple[Record, ...]) -> list[tuple[bool, str]]:
    def known(name: str) -> bool:
        return any(bool(np.isfinite(getattr(record, name)).any()) for record in records)

    diverged = any(record.status == "diverged" for record in records)
    epochs = max((len(record.train_loss) for record in records), default=0)
    return [
        (known("train_loss") or diverged, "The training loss: whether it falls at all."),
        (
            known("validation_loss") or known("validation_score"),
            "Validation: over-fitting can't be told from learning.",
        ),
        (
            known("train_score") or known("validation_score"),
            "A score (accuracy, R²): what a loss is worth.",
        ),
        (
            any(record.initial_loss is not None for record in records),
            "The loss before the first step: whether outputs start in the right range.",
        ),
        (
            any(record.probes is not None for record in records),
            "Gradients and activations of the layers: dead units, vanishing gradients.",
        ),
        (epochs != 1, "More than one epoch: whether the loss still falls, swings or rises."),
    ]
