"""Learning-rate schedules: one rate for every step of a run, as an array.

A schedule is data, not structure: every function returns an array of shape (epochs,
steps_per_epoch) in float64 that the training program reads, so runs with different schedules
share one program. Time t counts from 0 at the first step.
"""

from typing import Annotated, Literal

import numpy as np
from annotated_types import Interval
from jaxtyping import Float

from gradlab.scalars import NonNegative, Share

Count = Annotated[int, Interval(ge=1)]
Rates = Float[np.ndarray, "{epochs} {steps_per_epoch}"]
TimeUnit = Literal["epoch", "step"]


def constant(learning_rate: NonNegative, epochs: int, steps_per_epoch: int) -> Rates:
    """Keep one rate.

    >>> constant(0.1, epochs=2, steps_per_epoch=3)
    array([[0.1, 0.1, 0.1],
           [0.1, 0.1, 0.1]])
    """
    return np.full((epochs, steps_per_epoch), learning_rate, dtype=np.float64)


def step_decay(
    learning_rate: NonNegative,
    epochs: int,
    steps_per_epoch: int,
    *,
    factor: Share = 0.5,
    every: Count = 10,
) -> Rates:
    """Multiply the rate by `factor` every `every` epochs.

        learning_rate · factor^⌊epoch / every⌋,    epoch = 0, 1, …

    >>> step_decay(0.1, epochs=11, steps_per_epoch=1)[[0, 9, 10], 0]
    array([0.1 , 0.1 , 0.05])

    Source: Krizhevsky et al. 2012, section 5 (by hand there).
    """
    of_epoch = float(learning_rate) * np.power(float(factor), np.arange(epochs) // every)
    return np.repeat(of_epoch[:, None], steps_per_epoch, axis=1)


def exponential_decay(
    learning_rate: NonNegative,
    epochs: int,
    steps_per_epoch: int,
    *,
    decay: NonNegative = 0.1,
    unit: TimeUnit = "epoch",
) -> Rates:
    """Let the rate fall by the same share in equal times.

        learning_rate · exp(−decay · t)

    Args:
        learning_rate: Rate at t = 0.
        epochs: Rows of the result.
        steps_per_epoch: Columns of the result.
        decay: Decay constant, per `unit`; the rate falls to 37 % in 1 / decay.
        unit: What t counts. Epochs are counted in fractions, so the rate falls at every step.

    >>> exponential_decay(0.1, epochs=11, steps_per_epoch=1, decay=0.1)[10].round(6)
    array([0.036788])
    """
    return float(learning_rate) * np.exp(-float(decay) * _time(epochs, steps_per_epoch, unit))


def inverse_time_decay(
    learning_rate: NonNegative,
    epochs: int,
    steps_per_epoch: int,
    *,
    decay: NonNegative = 0.1,
    unit: TimeUnit = "epoch",
) -> Rates:
    """Let the rate fall as 1/t in the long run.

        learning_rate / (1 + decay · t)

    Args:
        learning_rate: Rate at t = 0.
        epochs: Rows of the result.
        steps_per_epoch: Columns of the result.
        decay: Decay constant, per `unit`; the rate is halved at t = 1 / decay.
        unit: What t counts. Epochs are counted in fractions, so the rate falls at every step.

    >>> inverse_time_decay(0.1, epochs=11, steps_per_epoch=1, decay=0.1)[10]
    array([0.05])

    Source: Robbins and Monro 1951 ask for steps whose sum diverges and whose squares' sum does
    not; this is the usual choice.
    """
    return float(learning_rate) / (1 + float(decay) * _time(epochs, steps_per_epoch, unit))


def cosine(
    learning_rate: NonNegative, epochs: int, steps_per_epoch: int, *, final: Share = 0.0
) -> Rates:
    """Go from the full rate to a share of it along half a cosine.

        learning_rate · (final + (1 − final) · ½ · (1 + cos(π · t / epochs))),    t in epochs

    The end value is reached after the last step, so that no step is lost on a rate of 0.

    >>> cosine(0.1, epochs=2, steps_per_epoch=1)
    array([[0.1 ],
           [0.05]])

    Source: Loshchilov and Hutter 2017, eq. 5, https://arxiv.org/abs/1608.03983
    """
    progress = _time(epochs, steps_per_epoch, "epoch") / max(epochs, 1)
    share = float(final) + (1 - float(final)) * 0.5 * (1 + np.cos(np.pi * progress))
    return float(learning_rate) * share


def warm_up(
    rates: Float[np.ndarray, "epochs steps_per_epoch"], n_steps: int
) -> Float[np.ndarray, "epochs steps_per_epoch"]:
    """Raise the rates of the first n_steps steps in a straight line to their full value.

        rate_i · min(1, (i + 1) / n_steps),    i = 0, 1, …

    >>> warm_up(constant(0.1, epochs=2, steps_per_epoch=2), n_steps=2)
    array([[0.05, 0.1 ],
           [0.1 , 0.1 ]])

    Source: Goyal et al. 2017, section 2.2, https://arxiv.org/abs/1706.02677
    """
    share = np.minimum(1.0, (np.arange(rates.size) + 1) / max(n_steps, 1))
    return rates * share.reshape(rates.shape)


def _time(epochs: int, steps_per_epoch: int, unit: TimeUnit) -> Rates:
    steps = np.arange(epochs * steps_per_epoch, dtype=np.float64).reshape(epochs, steps_per_epoch)
    return steps / steps_per_epoch if unit == "epoch" else steps


SCHEDULES = {
    "constant": constant,
    "step_decay": step_decay,
    "exponential_decay": exponential_decay,
    "inverse_time_decay": inverse_time_decay,
    "cosine": cosine,
}
