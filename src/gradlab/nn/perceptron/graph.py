"""Networks described node by node: feed-forward or recurrent, shallow or deep."""

from collections.abc import Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Real
from scipy.special import expit

from gradlab.errors import RecipeError


class Edge(NamedTuple):
    """A weighted connection; a delayed one carries the value of the time step before."""

    source: str
    target: str
    weight: float
    delayed: bool = False


@dataclass(frozen=True)
class NodeNetwork:
    """A network as a list of connections.

    Attributes:
        inputs: Names of the input nodes, in the order of the input's columns.
        outputs: Names of the output nodes, in the order of the output's columns.
        edges: Connections; a node's sum runs over its incoming edges.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    edges: tuple[Edge, ...]


def find_cycle(network: NodeNetwork) -> tuple[str, ...]:
    """Return the nodes along one cycle, its first repeated at the end; () if there is none.

    >>> loop = NodeNetwork(("x",), ("h",), (Edge("x", "h", 1.0), Edge("h", "h", 0.5, True)))
    >>> find_cycle(loop)
    ('h', 'h')
    """
    try:
        _order(network.edges)
    except CycleError as error:
        return tuple(error.args[1])
    return ()


def is_feed_forward(network: NodeNetwork) -> bool:
    """Return True if no signal ever comes back to a node: the graph has no cycle."""
    return not find_cycle(network)


def hidden_layers(network: NodeNetwork) -> int:
    """Return the number of hidden nodes on the longest way from an input to an output.

    0 is a perceptron, 1 a shallow network, more a deep one.
    """
    now = [edge for edge in network.edges if not edge.delayed]
    distance = dict.fromkeys(network.inputs, 0)
    for node in _order(now):
        before = [distance[e.source] for e in now if e.target == node and e.source in distance]
        if before:
            distance[node] = max(before) + 1
    return max(distance[node] for node in network.outputs) - 1


def build_network(
    widths: Sequence[int], rng: np.random.Generator, *, recurrent: bool = False
) -> NodeNetwork:
    """Return a fully connected network of the given widths, inputs first, with normal weights.

    `widths` is the depth: (2, 1) is a perceptron, (2, 3, 1) shallow, (2, 3, 3, 1) deep. With
    `recurrent` each hidden layer also sees its own values of the step before.

    >>> hidden_layers(build_network((2, 3, 3, 1), np.random.default_rng(0)))
    2
    """
    last = len(widths) - 1
    names = [
        [f"{'x' if i == 0 else 'o' if i == last else f'h{i}_'}{j + 1}" for j in range(width)]
        for i, width in enumerate(widths)
    ]
    edges = []
    for before, after in pairwise(names):
        weights = rng.standard_normal((len(before), len(after))) / np.sqrt(len(before))
        edges += [
            Edge(source, target, float(weights[i, j]))
            for i, source in enumerate(before)
            for j, target in enumerate(after)
        ]
    if recurrent:
        for layer in names[1:-1]:
            weights = rng.standard_normal((len(layer), len(layer))) / np.sqrt(len(layer))
            edges += [
                Edge(source, target, float(weights[i, j]), delayed=True)
                for i, source in enumerate(layer)
                for j, target in enumerate(layer)
            ]
    return NodeNetwork(tuple(names[0]), tuple(names[-1]), tuple(edges))


def run_network(
    network: NodeNetwork,
    sequence: Real[np.ndarray, "steps inputs"],
    *,
    rng: np.random.Generator | None = None,
) -> Float[np.ndarray, "steps outputs"]:
    """Return the outputs at every time step; every node but the inputs is a sigmoid of its sum.

    Delayed edges carry 0 at the first step. Without delayed edges the steps know nothing of
    each other.

    Args:
        network: The description.
        sequence: One row of inputs a time step.
        rng: If given, the network is stochastic: a hidden node answers 1 with the probability
            that the sigmoid gives, else 0. Without it the same input gives the same output.

    Raises:
        RecipeError: If a cycle has no delayed edge: its values would need themselves.
    """
    now = [edge for edge in network.edges if not edge.delayed]
    try:
        order = [node for node in _order(now) if node not in network.inputs]
    except CycleError as error:
        raise RecipeError(
            "A recurrent network can run only if every cycle has a delayed edge; this one has "
            f"none: {' → '.join(error.args[1])}. Give one of its edges delayed=True."
        ) from error
    incoming = {node: [edge for edge in network.edges if edge.target == node] for node in order}
    outputs = []
    before: dict[str, float] = {}
    for row in sequence:
        values = {name: float(value) for name, value in zip(network.inputs, row, strict=True)}
        for node in order:
            s = sum(
                edge.weight
                * (before.get(edge.source, 0.0) if edge.delayed else values[edge.source])
                for edge in incoming[node]
            )
            values[node] = float(expit(s))
            if rng is not None and node not in network.outputs:
                values[node] = float(rng.random() < values[node])
        outputs.append([values[node] for node in network.outputs])
        before = values
    return np.array(outputs).reshape(len(sequence), len(network.outputs))


def _order(edges: Sequence[Edge]) -> list[str]:
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for edge in edges:
        sorter.add(edge.target, edge.source)
    return list(sorter.static_order())
