"""A forward and backward pass of a plain dense network in NumPy, from its weights.

z_k = a_{k-1} W_k + b_k, a_k = f_k(z_k), and back: with d_k the gradient of each row's own loss by
a_k, e_k = d_k f_k'(z_k), the gradients are a_{k-1}ᵀ e_k, Σ e_k and d_{k-1} = e_k W_kᵀ.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Shaped

from gradlab.doctor.evidence import Setup
from gradlab.doctor.history.activations import CURVES, saturated
from gradlab.doctor.history.course import Measured
from gradlab.doctor.history.measure import (
    OfPart,
    alike_share,
    gradient_noise,
    norm,
    of_layer,
    of_part,
    output_spread,
    rows_a_part,
)
from gradlab.doctor.history.points import PER_LAYER

Weights = list[list[np.ndarray]]
"""Of each layer the matrix (inputs, units) and perhaps the biases (units,)."""

TINY = 1e-15
"""Shares are held this far from 0 and 1 before a logarithm."""


class Forward(NamedTuple):
    """What a pass gave, layer by layer."""

    inputs: list[np.ndarray]
    before: list[np.ndarray]
    after: list[np.ndarray]


def measure_dense(
    setup: Setup,
    weights: Weights,
    before: Weights | None,
    x: Float[np.ndarray, "rows columns"] | None,
    y: Shaped[np.ndarray, "rows ..."] | None,
) -> Measured:
    """Measure a dense network; what can't be is left out.

    Args:
        setup: Its layers with their activations, task and loss.
        weights: Now.
        before: Before the last step, if they are known.
        x: Rows; without them only weights are measured.
        y: Targets: class numbers, 0 and 1, or numbers.
    """
    columns = {name: [np.nan] * len(weights) for name in PER_LAYER}
    for k, own in enumerate(weights):
        size = norm(own)
        columns["weight"][k] = size
        columns["alike"][k] = alike_share(own[0])
        if before is not None and size > 0:
            steps = [a - b for a, b in zip(own, before[k], strict=True)]
            columns["update"][k] = norm(steps) / size
    names = [layer.activation or "linear" for layer in setup.weighted]
    if x is None or any(name not in CURVES for name in names):
        return Measured(columns, {})
    return _on_rows(setup, names, weights, x, y, columns)


def _on_rows(
    setup: Setup,
    names: list[str],
    weights: Weights,
    x: np.ndarray,
    y: np.ndarray | None,
    columns: dict[str, list[float]],
) -> Measured:
    size = rows_a_part(len(x))
    cuts = [slice(i, i + size) for i in range(0, len(x) - size + 1, size)]
    parts: list[list[OfPart]] = [[] for _ in weights]
    total, sizes, gradients, said = 0.0, [], None, []
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        for cut in cuts:
            passed = forward(names, weights, x[cut])
            slopes: list[np.ndarray | None] = [None] * len(weights)
            started = None if y is None else loss_and_slope(setup, passed, y[cut])
            if started is not None:
                loss, slope = started
                total += loss
                slopes, own = backward(names, weights, passed, slope)
                sizes.append(_square(own) / size**2)
                gradients = own if gradients is None else _added(gradients, own)
            said.append(_said(setup, passed))
            for k, name in enumerate(names):
                is_last = k == len(names) - 1
                parts[k].append(
                    of_part(
                        passed.after[k],
                        saturated(name, passed.before[k]),
                        slopes[k],
                        passed.before[k] if is_last else None,
                    )
                )
    n_rows = size * len(cuts)
    of_all = {}
    if gradients is not None:
        means = [[g / n_rows for g in own] for own in gradients]
        columns["gradient"] = [norm(own) for own in means]
        of_all = {"loss": total / n_rows, "noise": gradient_noise(sizes, _square(means), size)}
    for k, told in enumerate(map(of_layer, parts)):
        for name, value in told.items():
            columns[name][k] = value
    numbers = setup.task in ("regression", "reconstruction")
    wanted = y[:n_rows] if numbers and y is not None else None
    of_all["output_std"] = output_spread(np.concatenate(said), wanted)
    of_all["penalty"] = _penalty(setup, weights)
    return Measured(columns, of_all)


def forward(names: Sequence[str], weights: Weights, x: Float[np.ndarray, "rows _"]) -> Forward:
    """Pass rows through the network.

    >>> forward(["relu"], [[np.array([[1.0, -1.0]])]], np.array([[2.0]])).after[0].tolist()
    [[2.0, 0.0]]
    """
    passed = Forward([], [], [])
    for name, own in zip(names, weights, strict=True):
        z = x @ own[0] + own[1][None] if len(own) > 1 else x @ own[0]
        passed.inputs.append(x)
        x = CURVES[name].value(z)
        passed.before.append(z)
        passed.after.append(x)
    return passed


def backward(
    names: Sequence[str], weights: Weights, passed: Forward, slope: Float[np.ndarray, "rows _"]
) -> tuple[list[np.ndarray | None], Weights]:
    """Return the gradient by each layer's outputs, and by its weights, summed over the rows.

    Args:
        names: Activations.
        weights: Of the layers.
        passed: By `forward`.
        slope: Gradient of each row's own loss by the last outputs.
    """
    slopes: list[np.ndarray | None] = [None] * len(weights)
    gradients: Weights = [[] for _ in weights]
    for k in reversed(range(len(weights))):
        slopes[k] = slope
        error = _through(names[k], passed.before[k], passed.after[k], slope)
        gradients[k] = [passed.inputs[k].T @ error]
        if len(weights[k]) > 1:
            gradients[k].append(error.sum(axis=0))
        slope = error @ weights[k][0].T
    return slopes, gradients


def _through(name: str, z: np.ndarray, a: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Take a gradient through an activation; softmax mixes the units of a row."""
    if name == "softmax":
        return a * (slope - (slope * a).sum(axis=-1, keepdims=True))
    if name == "log_softmax":
        return slope - np.exp(a) * slope.sum(axis=-1, keepdims=True)
    return slope * CURVES[name].slope(z)


def loss_and_slope(
    setup: Setup, passed: Forward, y: Shaped[np.ndarray, "rows ..."]
) -> tuple[float, np.ndarray] | None:
    """Return the sum of the rows' losses and each one's gradient by the last outputs.

    None if the loss is not one of cross-entropy, binary cross-entropy, (half) squared error,
    absolute error and hinge.
    """
    a = passed.after[-1]
    loss = setup.loss
    if loss == "cross_entropy":
        wanted = y if y.ndim > 1 and y.shape[1] == a.shape[1] else np.eye(a.shape[1])[_codes(y)]
        if setup.loss_takes == "scores":
            shares = CURVES["softmax"].value(a)
            rows = -(wanted * CURVES["log_softmax"].value(a)).sum(axis=1)
            return float(rows.sum()), shares - wanted
        held = np.clip(a, TINY, 1)
        return float(-(wanted * np.log(held)).sum()), -wanted / held
    wanted = y.reshape(len(y), -1).astype(np.float64)
    if wanted.shape != a.shape:
        return None
    n_outputs = a.shape[1]
    if loss == "binary_cross_entropy":
        if setup.loss_takes == "scores":
            rows = np.logaddexp(0, a) - wanted * a
            return float(rows.mean(axis=1).sum()), (CURVES["sigmoid"].value(a) - wanted) / n_outputs
        held = np.clip(a, TINY, 1 - TINY)
        rows = -(wanted * np.log(held) + (1 - wanted) * np.log1p(-held))
        return float(rows.mean(axis=1).sum()), (held - wanted) / (held * (1 - held)) / n_outputs
    if loss in ("squared_error", "half_squared_error"):
        factor = 0.5 if loss == "half_squared_error" else 1.0
        rows = factor * np.square(a - wanted).mean(axis=1)
        return float(rows.sum()), 2 * factor * (a - wanted) / n_outputs
    if loss == "absolute_error":
        return float(np.abs(a - wanted).mean(axis=1).sum()), np.sign(a - wanted) / n_outputs
    if loss == "hinge":
        signs = 2 * wanted - 1 if wanted.min() >= 0 else wanted
        rows = np.maximum(0, 1 - signs * a)
        return float(rows.mean(axis=1).sum()), -signs * (rows > 0) / n_outputs
    return None


def _codes(y: np.ndarray) -> np.ndarray:
    return y.reshape(-1).astype(np.int64)


def _said(setup: Setup, passed: Forward) -> np.ndarray:
    scores = setup.loss_takes == "scores" and setup.task not in ("regression", "reconstruction")
    if not scores:
        return passed.after[-1]
    return CURVES["softmax" if setup.task == "multiclass" else "sigmoid"].value(passed.after[-1])


def _penalty(setup: Setup, weights: Weights) -> float:
    pairs = zip(setup.weighted, weights, strict=True)
    total = 0.0
    for layer, own in pairs:
        if layer.l1:
            total += layer.l1 * float(np.abs(own[0]).sum())
        if layer.l2:
            total += layer.l2 * norm(own[:1]) ** 2
    return total


def _square(gradients: Weights) -> float:
    return norm([g for own in gradients for g in own]) ** 2


def _added(one: Weights, two: Weights) -> Weights:
    return [[a + b for a, b in zip(x, y, strict=True)] for x, y in zip(one, two, strict=True)]
