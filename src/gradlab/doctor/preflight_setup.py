"""The checks of a network's setting before training, and of two short tests, in words."""

from collections.abc import Iterator

import numpy as np

from gradlab.doctor.candidates import outputs_fit
from gradlab.doctor.checks import capacity, doubtful_weights, expected_initial_loss
from gradlab.doctor.evidence import DataFacts, Setup, Sweep
from gradlab.doctor.statement import Said, error, note, warning


def network_size(facts: DataFacts, setup: Setup) -> Iterator[Said]:
    """Say whether the network is too narrow for its classes, or very large for its rows."""
    size = capacity(setup, facts)
    if not setup.layers:
        return
    narrow, n_classes = size.narrowest, facts.n_classes or 1
    if narrow is not None and (narrow.units or 1) <= 2 and n_classes > 3:
        yield warning(
            f"Layer {narrow.place} has {narrow.units} units, and {n_classes} classes must pass.",
        )
    if setup.hidden and size.linear:
        yield warning("No hidden layer bends (all linear): together they are one linear layer.")
    if size.per_answer > 100:
        held = any(x.kind == "dropout" or x.l1 or x.l2 for x in setup.layers) or setup.weight_decay
        if not held and setup.patience is None:
            yield note(
                f"{size.n_parameters:,} parameters for {facts.n_train:,} rows, and nothing "
                "(dropout, penalty, early stopping) holds back learning them by heart.",
            )


def outputs(setup: Setup) -> Iterator[Said]:
    """Say whether output activation, loss and task belong together."""
    if outputs_fit(setup):
        return
    activation = setup.output.activation if setup.output else "unknown"
    wanted = {
        "binary": "sigmoid with binary cross-entropy, or two outputs, softmax and cross-entropy",
        "multiclass": "an output a class, softmax and cross-entropy",
        "multilabel": "sigmoid with binary cross-entropy",
        "regression": "linear outputs with squared or absolute error",
    }[setup.task]
    yield warning(
        f"{setup.n_outputs or 'Some'} output{'' if setup.n_outputs == 1 else 's'} with "
        f"{activation} and {(setup.loss or '').replace('_', ' ')} on a {setup.task} task; "
        f"usual is {wanted}."
    )


def starting_weights(setup: Setup) -> Iterator[Said]:
    """Say where units start alike, or signals grow or shrink."""
    for layer, problem, gain in doubtful_weights(setup):
        if problem == "alike":
            yield error(
                f"All {layer.units} units of {layer.place} start equal, get equal gradients and "
                "stay equal: the layer is worth one unit.",
            )
        else:
            grows = "grow" if problem == "large" else "shrink"
            yield warning(
                f"Weights of {layer.place} start at {gain:.3g} times 1/√inputs: signals {grows} "
                "by that factor; 1 to 1.4 is usual.",
            )


def initial_loss(setup: Setup, facts: DataFacts, measured: float | None) -> Iterator[Said]:
    """Say whether the loss before the first step is what untrained outputs give."""
    if measured is None:
        return
    if not np.isfinite(measured):
        yield error("The loss is no finite number before the first step.")
        return
    expected = expected_initial_loss(setup, facts)
    if expected and measured > 3 * expected:
        yield warning(
            f"The first loss is {measured:.3g}; outputs near 0 would give {expected:.3g}. "
            "Weights or inputs are large.",
        )


def learning_rate(setup: Setup, sweep: Sweep | None) -> Iterator[Said]:
    """Say whether the range test lowers the loss where the rate stands."""
    if sweep is None or not setup.learning_rate:
        return
    lowest = float(np.min(sweep.loss))
    here = float(sweep.loss[np.argmin(np.abs(sweep.rates - setup.learning_rate))])
    if not np.isfinite(lowest) or not lowest < sweep.start * (1 - 1e-3):
        yield error("At none of the learning rates tried does the loss fall.")
        return
    best = float(sweep.rates[np.argmin(sweep.loss)])
    if np.isfinite(here) and (sweep.start - here) > 0.5 * (sweep.start - lowest):
        return
    many = "epoch" if sweep.epochs == 1 else "epochs"
    yield warning(
        f"At the learning rate {setup.learning_rate:.3g} the loss is {here:.3g} after "
        f"{sweep.epochs} {many} (before: {sweep.start:.3g}); at {best:.3g} it is {lowest:.3g}.",
    )


def small_batch(share: float | None) -> Iterator[Said]:
    """Say whether 16 rows can be learnt by heart: to a fifth of a constant answer's loss."""
    if share is not None and share > 0.2:
        yield warning(
            f"Trained on 16 rows alone, the loss stays at {share:.0%} of that of a constant "
            "answer: the network can't learn even these by heart.",
        )
