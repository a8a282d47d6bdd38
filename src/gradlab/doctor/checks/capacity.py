"""The size of a network against the rows and answers that it is to fit."""

from dataclasses import dataclass

from gradlab.doctor.evidence import DataFacts, Layer, Setup


@dataclass(frozen=True)
class Capacity:
    """Numbers that training changes, against what they are to hold.

    Attributes:
        n_parameters: Of all layers.
        per_answer: n_parameters / (rows · outputs): above 1 the network can hold every answer.
        narrowest: The hidden layer with the fewest units; None without hidden layers.
        linear: Whether no hidden layer bends: the network is then a linear model.
    """

    n_parameters: int
    per_answer: float
    narrowest: Layer | None
    linear: bool


def capacity(setup: Setup, facts: DataFacts) -> Capacity:
    """Count parameters against answers, and find the narrowest hidden layer.

    Source: Zhang et al. 2017, https://arxiv.org/abs/1611.03530 (2 n + d parameters hold n labels).

    >>> layers = (Layer("dense", "0", 4, "relu", n_parameters=40), Layer("dense", "1", 1))
    >>> capacity(Setup("regression", layers, n_outputs=1), DataFacts(20)).per_answer
    2.0
    """
    n_parameters = sum(layer.n_parameters for layer in setup.layers)
    answers = max(facts.n_train, 1) * max(setup.n_outputs or 1, 1)
    sized = [layer for layer in setup.hidden if layer.units is not None]
    bends = any(layer.activation not in (None, "linear") for layer in setup.hidden)
    bends = bends or any(layer.kind == "recurrent" for layer in setup.weighted)
    return Capacity(
        n_parameters,
        n_parameters / answers,
        min(sized, key=lambda layer: layer.units or 0, default=None),
        not bends,
    )
