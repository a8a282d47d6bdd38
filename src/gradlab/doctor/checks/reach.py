"""Whether outputs can reach the targets at all."""

import math

from gradlab.doctor.evidence import DataFacts, Setup

REACH = {"sigmoid": (0.0, 1.0), "softmax": (0.0, 1.0), "tanh": (-1.0, 1.0), "relu": (0.0, math.inf)}
"""Least and largest output of activations that have bounds."""


def out_of_reach(setup: Setup, facts: DataFacts) -> tuple[float, float] | None:
    """Return the bounds of the output activation if targets lie beyond them, else None.

    Class numbers that only pick an output are never compared with one.

    >>> from gradlab.doctor.evidence import Layer
    >>> setup = Setup("binary", (Layer("dense", "0", 1, "sigmoid"),), n_outputs=1)
    >>> out_of_reach(setup, DataFacts(9, target_minimum=-1.0, target_maximum=1.0))
    (0.0, 1.0)
    """
    low, high = facts.target_minimum, facts.target_maximum
    activation = setup.output.activation if setup.output else None
    if low is None or high is None or activation not in REACH:
        return None
    if setup.label_coding == "integer" and setup.n_outputs != 1:
        return None
    if setup.loss in ("hinge", "squared_hinge"):  # asks for a sign, which its targets stand for
        return None
    least, most = REACH[activation]
    return (least, most) if low < least - 1e-6 or high > most + 1e-6 else None
