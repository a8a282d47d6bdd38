"""Which other settings are worth a trial: those that might explain a poor result.

A setting that is as it should be is not tried. What counts as suspicious is generous: a trial
decides, not this list.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gradlab.doctor.checks import doubtful_weights, out_of_reach
from gradlab.doctor.cost import steps_per_epoch
from gradlab.doctor.evidence import DataFacts, Setup, Sweep
from gradlab.doctor.finding import Change

BENDING = ("relu", "leaky_relu", "prelu", "elu", "selu", "gelu", "silu", "swish", "mish")
ADAPTIVE = ("adam", "adamw", "nadam", "adamax", "rmsprop", "amsgrad")
USUAL_BATCH = 32
USUAL_STEPS = 1000


@dataclass(frozen=True)
class Candidate:
    """A trial that may be made.

    Attributes:
        changes: All at once.
        compiles: Whether it needs a program of its own.
    """

    changes: tuple[Change, ...]
    compiles: bool = False

    @property
    def pairs(self) -> tuple[tuple[str, object], ...]:
        """Setting and value of each change."""
        return tuple((change.setting, change.value) for change in self.changes)


def one(setting: str, value: object, *, compiles: bool = False) -> Candidate:
    """Return the trial of one setting."""
    return Candidate((Change(setting, value),), compiles)


def suspects(setup: Setup, facts: DataFacts, sweep: Sweep | None) -> list[Candidate]:
    """Return changes of single settings that might help, the most suspicious first."""
    found: list[Candidate] = []
    for look in LOOKS:
        found += look(setup, facts, sweep)
    return found


def usual(setup: Setup, found: list[Candidate]) -> tuple[Candidate, ...]:
    """Return the single changes that together make the usual training of this kind.

    Of several values of a setting the first. The learning rate is the technique's customary one as
    soon as anything else than the length changes: what was best before need not be best then.
    """
    chosen: dict[str, Candidate] = {}
    for candidate in found:
        chosen.setdefault(candidate.changes[0].setting, candidate)
    for setting in ("units", "layers", "norm"):
        chosen.pop(setting, None)
    if set(chosen) - {"learning_rate", "epochs"} and chosen.pop("learning_rate", None):
        rate, customary = setup.learning_rate, setup.usual_learning_rate
        differs = rate and customary and not 0.5 < rate / customary < 2
        if differs and "optimizer" not in chosen:
            chosen["learning_rate"] = one("learning_rate", customary)
    return tuple(chosen.values())


def together(parts: tuple[Candidate, ...]) -> Candidate:
    """Return the trial that makes all changes at once."""
    changes = tuple(change for part in parts for change in part.changes)
    return Candidate(changes, any(part.compiles for part in parts))


def _rates(setup: Setup, facts: DataFacts, sweep: Sweep | None) -> list[Candidate]:
    if not setup.learning_rate:
        return []
    rates = []
    if sweep is not None and np.isfinite(sweep.loss).any():
        best = float(sweep.rates[sweep.loss.argmin()])
        # The best of a short test is often too bold for a long run.
        rates += [best, best / 10**0.5]
    rates += [setup.learning_rate * 10, setup.learning_rate / 10]
    rates = [rate for rate in rates if _learns(rate, sweep)]
    if setup.usual_learning_rate:
        rates.append(setup.usual_learning_rate)
    kept: list[float] = []
    for rate in rates:
        if all(abs(np.log(rate / other)) > 0.7 for other in [setup.learning_rate, *kept]):
            kept.append(rate)
    return [one("learning_rate", rate) for rate in kept[:4]]


def _learns(rate: float, sweep: Sweep | None) -> bool:
    """Whether the range test lowered the loss near this rate; True if it can't tell."""
    if sweep is None or not np.isfinite(sweep.start):
        return True
    near = np.abs(np.log10(sweep.rates / rate)) < 0.3
    return not near.any() or bool(sweep.loss[near].min() < sweep.start)


def _scaling(setup: Setup, facts: DataFacts, sweep: Sweep | None) -> list[Candidate]:
    found = []
    if unscaled(facts):
        found.append(one("scaling", "standard"))
    if setup.validation_scaled is False:
        found.append(one("validation_scaling", "same"))
    if setup.task == "regression" and facts.target_std is not None:
        mean, std = abs(facts.target_mean or 0.0), facts.target_std
        if std > 3 or std < 0.1 or mean > 3 * max(std, 1.0):
            found.append(one("target_scaling", "standard"))
    return found


def unscaled(facts: DataFacts) -> bool:
    """Whether inputs are far from 0, or their sizes far from equal.

    True if a column's mean or deviation is above 5, if all sizes are below 0.1, or if sizes differ
    by more than 30 times (between the 10 % smallest and the 10 % largest). The size of a column is
    its largest value, whatever the sign, so that rare ones of a 0/1 column count as 1.

    >>> unscaled(DataFacts(9, mean=np.array([100.0]), std=np.array([30.0])))
    True
    """
    if facts.mean is None or facts.std is None:
        return False
    varies = facts.std > 0
    if not varies.any():
        return False
    mean, std = np.abs(facts.mean[varies]), facts.std[varies]
    size = mean + 2 * std
    if facts.minimum is not None and facts.maximum is not None:
        size = np.maximum(np.abs(facts.minimum), np.abs(facts.maximum))[varies]
    low, high = np.quantile(size, 0.1), np.quantile(size, 0.9)
    return bool(mean.max() > 5 or std.max() > 5 or high < 0.1 or high > 30 * low)


def _weights(setup: Setup, facts: DataFacts, sweep: Sweep | None) -> list[Candidate]:
    shifted = any((layer.bias_std or 0.0) > 0.5 for layer in setup.weighted)
    return [one("init", "he_normal")] if doubtful_weights(setup) or shifted else []


def _penalties(setup: Setup, facts: DataFacts, sweep: Sweep | None) -> list[Candidate]:
    found = []
    if any(layer.kind == "dropout" and (layer.rate or 0) > 0 for layer in setup.layers):
        found.append(one("dropout", 0.0))
    l1 = any(layer.l1 for layer in setup.layers)
    l2 = any(layer.l2 for layer in setup.layers) or bool(setup.weight_decay)
    none = [Change(name, 0.0) for name, present in (("l1", l1), ("l2", l2)) if present]
    return [*found, Candidate(tuple(none))] if none else found


def _order(setup: Setup, facts: DataFacts, sweep: Sweep | None) -> list[Candidate]:
    return [one("shuffle", True)] if setup.shuffle is False else []


def _balance(setup: Setup, facts: DataFacts, sweep: Sweep | None) -> list[Candidate]:
    counts = facts.class_counts
    if counts is None or len(counts) < 2 or setup.class_weight is not None:
        return []
    return [one("class_weight", "balanced")] if counts.min() < 0.3 * counts.mean() else []


def _length(setup: Setup, facts: DataFacts, sweep: Sweep | None) -> list[Candidate]:
    if not setup.epochs:
        return []
    found = [one("epochs", 4 * setup.epochs)]
    steps = setup.epochs * steps_per_epoch(setup, facts.n_train)
    if 4 * steps < USUAL_STEPS:
        found.append(one("epochs", 16 * setup.epochs))
    return found


def _outputs(setup: Setup, facts: DataFacts, sweep: Sweep | None) -> list[Candidate]:
    misfit = not outputs_fit(setup)
    coded = bool(facts.label_problems) or out_of_reach(setup, facts) is not None
    found = []
    if coded or (misfit and setup.task != "regression"):
        # First: how many outputs there are decides what fits them.
        found.append(one("label_coding", "auto", compiles=True))
    if misfit:  # the loss before the activation, which has to fit it
        found.append(one("loss", "auto", compiles=True))
        found.append(one("output_activation", "auto", compiles=True))
    return found


def outputs_fit(setup: Setup) -> bool:
    """Whether output activation, loss and number of outputs are the usual for the task.

    >>> from gradlab.doctor.evidence import Layer
    >>> outputs_fit(Setup("binary", (Layer("dense", "0", 1, "relu"),), 1, "binary_cross_entropy"))
    False
    """
    activation = setup.output.activation if setup.output else None
    if activation is None or setup.loss is None:
        return True
    inside = setup.loss_takes == "scores"
    softmax = activation == "softmax" or (inside and activation in ("linear", "softmax"))
    sigmoid = activation == "sigmoid" or (inside and activation in ("linear", "sigmoid"))
    if setup.task in ("multiclass", "binary") and (setup.n_outputs or 2) > 1:
        return softmax and setup.loss == "cross_entropy"
    if setup.task in ("binary", "multilabel"):
        return sigmoid and setup.loss == "binary_cross_entropy"
    if setup.task == "multiclass":
        return False
    if setup.task == "reconstruction":
        return True
    losses = ("squared_error", "absolute_error", "huber", "log_cosh")
    return activation == "linear" and setup.loss in losses


def _optimizer(setup: Setup, facts: DataFacts, sweep: Sweep | None) -> list[Candidate]:
    found = []
    if setup.clip_norm is not None and setup.clip_norm < 1:
        found.append(one("clip_norm", 10.0))
    if setup.momentum is not None and setup.momentum > 0.95:
        found.append(one("momentum", 0.9))
    if setup.optimizer is not None and (
        setup.optimizer not in ADAPTIVE or _asks_for_far_more(setup, sweep)
    ):
        found.append(one("optimizer", "adam", compiles=True))
    return found


def _asks_for_far_more(setup: Setup, sweep: Sweep | None) -> bool:
    """Whether the best rate is far above a usual one: other parameters may hold the step back."""
    if sweep is None or not setup.learning_rate or not np.isfinite(sweep.loss).any():
        return False
    customary = setup.usual_learning_rate or setup.learning_rate
    return bool(sweep.rates[sweep.loss.argmin()] > 30 * customary)


def _hidden(setup: Setup, facts: DataFacts, sweep: Sweep | None) -> list[Candidate]:
    dense = [layer for layer in setup.hidden if layer.kind in ("dense", "conv")]
    bends = all(layer.activation in BENDING for layer in dense)
    found = [] if not dense or bends else [one("hidden_activation", "relu", compiles=True)]
    sized = [layer.units for layer in setup.hidden if layer.units]
    if sized and min(sized) < max(8, min(setup.n_outputs or 1, 64)):
        found.append(one("units", 4, compiles=True))
    if not setup.hidden:
        found.append(one("layers", 1, compiles=True))
    elif len(dense) > 6:
        found.append(one("layers", 2, compiles=True))
    return found


def _batches(setup: Setup, facts: DataFacts, sweep: Sweep | None) -> list[Candidate]:
    size = setup.batch_size
    if size is None or facts.n_train <= USUAL_BATCH:
        return []
    unusual = size < 8 or size >= 4 * USUAL_BATCH or 4 * size > facts.n_train > 2 * USUAL_BATCH
    return [one("batch_size", USUAL_BATCH, compiles=True)] if unusual else []


def _normalisation(setup: Setup, facts: DataFacts, sweep: Sweep | None) -> list[Candidate]:
    present = any(layer.kind == "norm" for layer in setup.layers)
    return [one("norm", "none", compiles=True)] if present else []


Look = Callable[[Setup, DataFacts, Sweep | None], list[Candidate]]
LOOKS: tuple[Look, ...] = (
    _outputs,
    _scaling,
    _weights,
    _penalties,
    _order,
    _hidden,
    _balance,
    _optimizer,
    _rates,
    _batches,
    _normalisation,
    _length,
)
"""In the order in which they are tried: what is plainly unusual before what can always be tried."""
