"""From parallel perceptrons to a multi-layer perceptron."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int, Real

from gradlab.nn.perceptron.unit import Coding, perceptron, step

XOR_HIDDEN = (np.array([[1.0, -1.0], [1.0, -1.0]]), np.array([-0.5, 1.5]))
"""Perceptrons ① x1 + x2 - 0.5 and ② -x1 - x2 + 1.5 in the columns; between their lines lies XOR."""

XOR_OUTPUT = (np.array([1.0, 1.0]), -1.0)
"""Perceptron ③ z1 + z2 - 1: +1 only where both others answer +1."""


def parallel_perceptrons(
    x: Real[np.ndarray, "rows inputs"],
    weights: Real[np.ndarray, "inputs perceptrons"],
    biases: Real[np.ndarray, " perceptrons"],
    *,
    coding: Coding = "signed",
) -> Int[np.ndarray, "rows perceptrons"]:
    """Map rows into the space of the answers of p perceptrons, z = step(x W + b).

    Each answer is one coordinate, so the plane falls on the corners of a p-dimensional cube.

    >>> from gradlab.nn.perceptron.tables import XOR
    >>> parallel_perceptrons(XOR.inputs, *XOR_HIDDEN).tolist()
    [[-1, 1], [1, 1], [1, 1], [1, -1]]
    """
    return step(x @ weights + biases[None, :], coding)


def xor_network(x: Real[np.ndarray, "rows 2"]) -> Int[np.ndarray, " rows"]:
    """Answer XOR with -1 and +1 by two perceptrons side by side and a third after them.

    >>> from gradlab.nn.perceptron.tables import XOR
    >>> xor_network(XOR.inputs)
    array([-1,  1,  1, -1])
    """
    return perceptron(parallel_perceptrons(x, *XOR_HIDDEN), *XOR_OUTPUT, coding="signed")


def layer(
    matrix: Real[np.ndarray, "outputs inputs_and_bias"], activation: Callable[..., np.ndarray]
) -> Callable[..., np.ndarray]:
    """Return f(x) = activation(U (x, 1)); the last column of U holds the biases.

    >>> double = layer(np.array([[2.0, 1.0]]), lambda s: s)
    >>> double(np.array([[3.0]]))
    array([[7.]])
    """

    def f(x):
        return activation(x @ matrix[:, :-1].T + matrix[None, :, -1])

    return f


def nested(*functions: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """Return f(x) = f_L(… f_2(f_1(x))), a network as functions inside one another.

    >>> nested(lambda x: x + 1, lambda x: 2 * x)(np.array([1.0]))
    array([4.])
    """

    def f(x):
        for function in functions:
            x = function(x)
        return x

    return f


def draw_theta(
    widths: Sequence[int], rng: np.random.Generator
) -> dict[str, Float[np.ndarray, "_ _"]]:
    """Return θ = {U1, U2, …}: normal weights of variance 1 / inputs, biases 0 in the last column.

    >>> theta = draw_theta((2, 3, 1), np.random.default_rng(0))
    >>> {name: matrix.shape for name, matrix in theta.items()}
    {'U1': (3, 3), 'U2': (1, 4)}
    """
    theta = {}
    for i, (n_in, n_out) in enumerate(pairwise(widths), start=1):
        weights = rng.standard_normal((n_out, n_in)) / np.sqrt(n_in)
        theta[f"U{i}"] = np.column_stack([weights, np.zeros(n_out)])
    return theta


def forward(
    theta: dict[str, Float[np.ndarray, "_ _"]],
    x: Real[np.ndarray, "rows inputs"],
    activation: Callable[..., np.ndarray] = np.tanh,
) -> Float[np.ndarray, "rows outputs"]:
    """Return the outputs of the network; `activation` acts on hidden layers, the last is linear."""
    *hidden, last = theta.values()
    for matrix in hidden:
        x = activation(x @ matrix[:, :-1].T + matrix[None, :, -1])
    return x @ last[:, :-1].T + last[None, :, -1]


def parameter_count(widths: Sequence[int], *, bias: bool = True) -> int:
    """Return the number of weights (and biases) of a fully connected network.

    With d inputs, p hidden nodes and c outputs: (d + 1) p + (p + 1) c, without biases d p + p c.

    >>> parameter_count((256, 100, 26), bias=False), parameter_count((256, 100, 26))
    (28200, 28326)
    """
    return sum((n_in + bias) * n_out for n_in, n_out in pairwise(widths))


def collapse_linear(
    theta: dict[str, Float[np.ndarray, "_ _"]],
) -> Float[np.ndarray, "outputs inputs_and_bias"]:
    """Return the one matrix that does what all layers do when no layer has an activation.

    W2 (W1 x) = (W2 W1) x: without an activation, depth adds nothing.

    >>> theta = {"U1": np.array([[2.0, 1.0]]), "U2": np.array([[3.0, 0.0]])}
    >>> collapse_linear(theta)  # 3 (2 x + 1)
    array([[6., 3.]])
    """
    first, *rest = theta.values()
    weights, biases = first[:, :-1], first[:, -1]
    for matrix in rest:
        weights = matrix[:, :-1] @ weights
        biases = matrix[:, :-1] @ biases + matrix[:, -1]
    return np.column_stack([weights, biases])
