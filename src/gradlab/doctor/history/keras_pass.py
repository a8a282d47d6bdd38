"""One pass through a Keras model in which every layer's inputs and outputs are seen.

For the pass each layer's `call` and own `activation` are wrapped; afterwards they are as before.
Layers are called as in training, but dropout and noise pass their input on.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from gradlab.doctor.history.keras_layers import (
    activation_of,
    is_a,
    kind_of,
    leaves,
    negative_slope_of,
)

WEIGHTED = ("dense", "conv", "recurrent")
PASSING = ("dropout", "random", "pool", "shape", "norm", "other")
"""Layers after which numbers still are those of the weighted layer before."""


class Site(NamedTuple):
    """One use of a weighted layer."""

    layer: Any
    event: int  # the call that gives what is measured
    activation: str
    negative_slope: float | None


class Pass:
    """What the wrapped layers saw, in the order of calls."""

    def __init__(self, finals: dict[int, int], nudges: list[Any] | None) -> None:
        """Start.

        Args:
            finals: Event to position of the site that it is the output of.
            nudges: A number a site to add, of the output's shape.
        """
        self.events: list[tuple[Any, Any, Any]] = []  # layer, inputs, output
        self.before: dict[int, Any] = {}
        self.after: dict[int, Any] = {}
        self.norms: list[Any] = []  # inputs of batch norms
        self._finals, self._nudges = finals, nudges
        self._inside: list[Any] = []

    def called(self, layer: Any, original: Callable, args: tuple, kwargs: dict) -> Any:
        """Call a layer and keep what comes in and out."""
        x = args[0] if args else next(iter(kwargs.values()), None)
        score = None
        if kind_of(layer) in ("dropout", "random"):
            out = x
        else:
            self._inside.append(None)
            out = original(*args, **kwargs)
            score = self._inside.pop()
        event = len(self.events)
        if is_a(layer, "BatchNormalization"):
            self.norms.append(x)
        site = self._finals.get(event)
        if site is not None:
            first = out[0] if isinstance(out, tuple | list) else out
            if self._nudges is not None:
                first = first + self._nudges[site]
                out = (first, *out[1:]) if isinstance(out, tuple | list) else first
            self.after[site] = first
            self.before[site] = score if score is not None else first
            if kind_of(layer) == "activation":
                self.before[site] = x
        self.events.append((layer, x, out))
        return out

    def activated(self, original: Callable, x: Any) -> Any:
        """Apply a layer's own activation and keep what comes in."""
        if self._inside:
            self._inside[-1] = x
        return original(x)


@contextlib.contextmanager
def wrapped(model: Any, look: Pass) -> Iterator[None]:
    """Let a pass see the layers of a model."""
    layers = list(leaves(model))
    activations = []
    try:
        for layer in layers:
            layer.call = _call_of(look, layer)
            own = getattr(layer, "activation", None)
            if kind_of(layer) in ("dense", "conv") and own is not None:
                activations.append((layer, own))
                layer.activation = _activation_of(look, own)
        yield
    finally:
        for layer, own in activations:
            layer.activation = own
        for layer in layers:
            vars(layer).pop("call", None)


def _call_of(look: Pass, layer: Any) -> Callable:
    original = layer.call

    def call(*args: Any, **kwargs: Any) -> Any:
        return look.called(layer, original, args, kwargs)

    return call


def _activation_of(look: Pass, own: Callable) -> Callable:
    def activation(x: Any) -> Any:
        return look.activated(own, x)

    return activation


def sites_of(look: Pass) -> list[Site]:
    """Return the weighted layers in a pass, each with the activation that it goes through.

    The activation is the layer's own, or that of the first activation layer that gets its numbers;
    without one the site is measured behind a normalisation that follows.
    """
    sites: list[Site] = []
    marks: dict[int, int] = {}  # id of an array to the position of its site
    for event, (layer, x, out) in enumerate(look.events):
        site = max((marks[id(a)] for a in arrays_of(x) if id(a) in marks), default=None)
        kind = kind_of(layer)
        if kind in WEIGHTED:
            site = len(sites)
            sites.append(Site(layer, event, activation_of(layer), negative_slope_of(layer)))
            if sites[-1].activation != "linear":
                continue
        elif site is None:
            continue
        elif kind == "activation":
            sites[site] = Site(
                sites[site].layer, event, activation_of(layer), negative_slope_of(layer)
            )
            continue
        elif kind == "norm":
            sites[site] = sites[site]._replace(event=event)
        if kind in WEIGHTED or kind in PASSING:
            marks |= {id(a): site for a in arrays_of(out)}
    return sites


def arrays_of(value: Any) -> list[Any]:
    """Return the arrays in a nest of lists and dicts."""
    import keras

    return [a for a in keras.tree.flatten(value) if hasattr(a, "shape")]
