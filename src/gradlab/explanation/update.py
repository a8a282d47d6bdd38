"""An optimizer's step, split into what it is made of.

Every step is

    Δw = −learning rate · scale · (share of the gradient + share of the past) − decay

and each optimizer says here, by its formula, what its scale and its shares are. The parts of every
weight add up to the step that the optimizer itself makes; `Taken.mismatch` says how well.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float

Numbers = Float[np.ndarray, "..."] | np.floating
"""An array, or what NumPy makes of one without axes."""
Named = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Parts:
    """What one array's step is made of; `gradient + momentum + decay` is the step.

    Args:
        gradient: Part of the present gradient.
        momentum: Part of past gradients; None where there is no memory of them.
        decay: Part of the weight's own size; None where it does not shrink.
        scale: What each weight's learning rate is multiplied by; None where all share one.
        memory: What the optimizer remembers after the step, by its letter in the formula.
    """

    gradient: Numbers
    momentum: Numbers | None = None
    decay: Numbers | None = None
    scale: Numbers | None = None
    memory: dict[str, Numbers] = dataclasses.field(default_factory=dict)

    @property
    def change(self) -> Numbers:
        """Δw."""
        return self.gradient + _or_zero(self.momentum) + _or_zero(self.decay)


def _or_zero(part: Numbers | None) -> Numbers | float:
    return 0.0 if part is None else part


def _inverse(squares: Numbers, epsilon: float, placement: str) -> Numbers:
    root = np.sqrt(squares + epsilon) if placement == "inside" else np.sqrt(squares) + epsilon
    return np.divide(1, root, out=np.zeros_like(root), where=root > 0)


def _sgd(g: Numbers, w: Numbers, old: Named, rate: float, p: Named) -> Parts:
    return Parts(-rate * g)


def _momentum(g: Numbers, w: Numbers, old: Named, rate: float, p: Named) -> Parts:
    kept = p["momentum"] * old["velocity"]
    return Parts(-rate * g, kept, memory={"v": kept - rate * g})


def _momentum_average(g: Numbers, w: Numbers, old: Named, rate: float, p: Named) -> Parts:
    kept, new = p["momentum"] * old["velocity"], (1 - p["momentum"]) * g
    return Parts(-rate * new, -rate * kept, memory={"v": kept + new})


def _nesterov(g: Numbers, w: Numbers, old: Named, rate: float, p: Named) -> Parts:
    # The state is β v, the jump from w to the point θ that is trained: Δθ = c + β (β v + c).
    beta, jump, correction = p["momentum"], old["ahead"], -rate * g
    ahead = {"βv": beta * (jump + correction)}
    return Parts((1 + beta) * correction, beta * jump, memory=ahead)


def _adagrad(g: Numbers, w: Numbers, old: Named, rate: float, p: Named) -> Parts:
    squares = old["squares"] + g * g
    scale = _inverse(squares, p["epsilon"], p["epsilon_placement"])
    return Parts(-rate * scale * g, scale=scale, memory={"r": squares})


def _rmsprop(g: Numbers, w: Numbers, old: Named, rate: float, p: Named) -> Parts:
    squares = p["decay"] * old["squares"] + (1 - p["decay"]) * g * g
    scale = _inverse(squares, p["epsilon"], p["epsilon_placement"])
    return Parts(-rate * scale * g, scale=scale, memory={"r": squares})


def _rmsprop_nesterov(g: Numbers, w: Numbers, old: Named, rate: float, p: Named) -> Parts:
    root = _rmsprop(g, w, old, rate, p)
    turned = _nesterov(_or_zero(root.scale) * g, w, old, rate, p)
    return dataclasses.replace(turned, scale=root.scale, memory={**root.memory, **turned.memory})


def _adadelta(g: Numbers, w: Numbers, old: Named, rate: float, p: Named) -> Parts:
    rho, epsilon = p["decay"], p["epsilon"]
    squares = rho * old["e_g"] + (1 - rho) * g * g
    scale = np.sqrt(old["e_x"] + epsilon) / np.sqrt(squares + epsilon)
    moved = rho * old["e_x"] + (1 - rho) * (scale * g) ** 2
    return Parts(-rate * scale * g, scale=scale, memory={"s": squares, "d": moved})


def _moments(g: Numbers, p: Named, mean: Numbers, squares: Numbers) -> tuple[Numbers, Numbers]:
    beta1, beta2 = p["beta1"], p["beta2"]
    return beta1 * mean + (1 - beta1) * g, beta2 * squares + (1 - beta2) * g * g


def _adam(g: Numbers, w: Numbers, old: Named, rate: float, p: Named) -> Parts:
    t = old["steps"] + 1
    m, v = _moments(g, p, old["mean"], old["squares"])
    root = v / (1 - p["beta2"] ** t)
    scale = _inverse(root, p["epsilon"], p.get("epsilon_placement", "outside"))
    share = rate * scale / (1 - p["beta1"] ** t)
    past = -share * p["beta1"] * old["mean"]
    memory = {"m": m, "v": v, "m̂": m / (1 - p["beta1"] ** t), "v̂": root}
    return Parts(-share * (1 - p["beta1"]) * g, past, scale=scale, memory=memory)


def _nadam(g: Numbers, w: Numbers, old: Named, rate: float, p: Named) -> Parts:
    # β1 m + (1 − β1) g with the new m: of the gradient (1 − β1)(1 + β1), of the old mean β1².
    adam, beta1 = _adam(g, w, old, rate, p), p["beta1"]
    assert adam.momentum is not None
    return dataclasses.replace(
        adam, gradient=(1 + beta1) * adam.gradient, momentum=beta1 * adam.momentum
    )


def _adamw(g: Numbers, w: Numbers, old: Named, rate: float, p: Named) -> Parts:
    of_adam = {"steps": old["count"], "mean": old["mu"], "squares": old["nu"]}
    decay = -rate * p["weight_decay"] * w
    return dataclasses.replace(_adam(g, w, of_adam, rate, p), decay=decay)


def _lion(g: Numbers, w: Numbers, old: Named, rate: float, p: Named) -> Parts:
    # sign(u) = u / |u|: the scale makes every step as long as the learning rate.
    past, new = p["beta1"] * old["mu"], (1 - p["beta1"]) * g
    mixed = np.abs(past + new)
    scale = np.divide(1, mixed, out=np.zeros_like(mixed), where=mixed > 0)
    return Parts(
        -rate * scale * new,
        -rate * scale * past,
        -rate * p["weight_decay"] * w,
        scale,
        {"m": p["beta2"] * old["mu"] + (1 - p["beta2"]) * g},
    )


SPLITS: dict[str, Callable[[Numbers, Numbers, Named, float, Named], Parts]] = {
    "sgd": _sgd,
    "momentum": _momentum,
    "momentum_average": _momentum_average,
    "nesterov": _nesterov,
    "adagrad": _adagrad,
    "adadelta": _adadelta,
    "rmsprop": _rmsprop,
    "rmsprop_nesterov": _rmsprop_nesterov,
    "adam": _adam,
    "nadam": _nadam,
    "adamw": _adamw,
    "lion": _lion,
}
"""Optimizer -> (gradient, weight, state of this array, learning rate, its numbers) -> parts."""
