"""The loss that is to be expected before the first step, and that of a constant answer.

Weights of the usual size give scores near 0, so the first loss is that of outputs f(0), whatever
the inputs are. One that is far above comes from large weights or inputs, or a wrong coding.
"""

import math

import numpy as np

from gradlab.doctor.evidence import DataFacts, Setup

AT_ZERO = {"linear": 0.0, "relu": 0.0, "tanh": 0.0, "sigmoid": 0.5, "softplus": math.log(2.0)}
"""Activation to what it gives for a score of 0; softmax gives 1 / C."""


def expected_initial_loss(setup: Setup, facts: DataFacts) -> float | None:
    """Return the loss of outputs f(0), a mean over rows and outputs; None where that's unknown.

    - Cross-entropy of C classes: ln C. Of yes and no with a sigmoid: ln 2 = 0.693; with a softmax,
      -(1/C) ln (1/C) - (1 - 1/C) ln (1 - 1/C).
    - Squared error: σ² + (μ - f(0))², μ and σ² those of the targets: 1 for standardised ones.
    - Hinge: 1 with linear or tanh outputs.

    >>> two = Setup("multiclass", (), n_outputs=10, loss="cross_entropy", loss_takes="scores")
    >>> round(expected_initial_loss(two, DataFacts(100)), 3)
    2.303
    """
    n = setup.n_outputs or facts.n_classes
    activation = setup.output.activation if setup.output else None
    inside = setup.loss_takes == "scores"
    if setup.loss_reduction not in (None, "mean") or n is None:
        return None
    if setup.loss == "cross_entropy":
        return math.log(n) if n > 1 and (inside or activation in ("softmax", "sigmoid")) else None
    out = AT_ZERO.get(activation or "linear")
    if activation == "softmax":
        out = 1.0 / n
    if setup.loss == "binary_cross_entropy":
        if inside:
            return math.log(2.0)
        if out is None or not 0 < out < 1 or facts.target_mean is None:
            return None
        return -facts.target_mean * math.log(out) - (1 - facts.target_mean) * math.log(1 - out)
    if out is None or facts.target_mean is None or facts.target_std is None:
        return None
    if setup.loss == "squared_error":
        return facts.target_std**2 + (facts.target_mean - out) ** 2
    if setup.loss in ("hinge", "squared_hinge") and out == 0.0:
        return 1.0
    return None


def constant_answer_loss(setup: Setup, facts: DataFacts) -> float | None:
    """Return the least loss that one answer for all rows can have; None where that's unknown.

    The entropy of the classes' shares, or the variance of the targets: what a network reaches that
    has learnt nothing about the inputs.

    >>> two = Setup("binary", (), n_outputs=1, loss="binary_cross_entropy")
    >>> facts = DataFacts(100, class_counts=np.array([50, 50]), target_mean=0.5, target_std=0.5)
    >>> round(constant_answer_loss(two, facts), 3)
    0.693
    """
    if setup.loss_reduction not in (None, "mean"):
        return None
    counts, mean, std = facts.class_counts, facts.target_mean, facts.target_std
    if setup.loss == "cross_entropy" and counts is not None:
        return _entropy(counts / counts.sum())
    if setup.loss == "binary_cross_entropy" and mean is not None and 0 <= mean <= 1:
        return _entropy(np.array([mean, 1 - mean]))
    if setup.loss == "squared_error" and std is not None:
        return std**2
    return None


def _entropy(shares: np.ndarray) -> float:
    present = shares[shares > 0]
    return float(-np.sum(present * np.log(present)))
