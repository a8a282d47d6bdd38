"""Watches the functions that a PyTorch model calls in one forward pass, to find its layers.

Modules and functions look the same from here: `nn.ReLU`, `F.relu`, `torch.relu` and
`x.clamp(min=0)` all are a ReLU. A layer is a product with parameters of the model (`linear`,
`matmul`, a convolution, a recurrent net); what follows it up to the next one (bias, normalisation,
pooling, shapes, a shortcut's sum) keeps its mark, and the first activation that meets the mark is
the layer's own. Weights that are made from parameters (`weight_norm`, a transpose, a sum) count as
these parameters.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gradlab.doctor.history.torch_functions import (
    CONVOLUTIONS,
    CREATING,
    DENSE,
    DROPOUTS,
    KEEPING,
    NORMS,
    POOLS,
    RECURRENT,
    activation_name,
    flat_from_input,
    flat_from_output,
    weights_by_unit,
)


@dataclass
class Call:
    """One use of a layer in a forward pass; a shared layer has several.

    Attributes:
        output: What it gives: after its activation, if it has one.
        before: What the activation got; the output itself without one.
        nudge: Zeros that were added to the output, to take the gradient at; None without.
        flat: Tells where the activation is saturated, from `before` and `output`.
        activated: Whether an activation was met.
        final: Of a recurrent net, its last state and the zeros added to that.
    """

    output: Any = None
    before: Any = None
    nudge: Any = None
    flat: Callable[[Any, Any], Any] | None = None
    activated: bool = False
    final: tuple[Any, Any] | None = None


@dataclass
class Site:
    """A layer with weights.

    Attributes:
        name: Of its first parameter.
        parameters: Names of all.
        kind: "dense", "conv" or "recurrent".
        weight: (units, inputs); None if units see unlike inputs.
        shape: Of the weight as it is.
        unit_axis: Of the output.
        module: That was running.
        activation: In Gradlab's words.
        calls: Of this pass.
    """

    name: str
    parameters: list[str]
    kind: str
    weight: Any
    shape: tuple[int, ...]
    unit_axis: int
    module: str
    activation: str = "linear"
    calls: list[Call] = field(default_factory=list)


@dataclass(frozen=True)
class Passed:
    """A layer without an activation of its own that was met.

    Attributes:
        kind: "norm", "dropout", "pool" or "embedding".
        module: That was running.
        units: Of an embedding; features of a norm.
        rate: Of dropout.
        parameters: Names.
    """

    kind: str
    module: str
    units: int | None = None
    rate: float | None = None
    parameters: tuple[str, ...] = ()


@dataclass
class NormInput:
    """Input of a batch norm and its running statistics, before they were updated."""

    mean: Any
    variance: Any
    running_mean: Any
    running_variance: Any


class Watcher:
    """Sees every function of a forward pass.

    Attributes:
        sites: Layers with weights, in the order of their first use.
        passed: The others and the sites, in the order of use.
        norms: Of each batch norm, by the module or parameter that it belongs to.
        module: Name of the innermost module that is running, if hooks keep it.
    """

    def __init__(self, parameters: dict[int, str], *, nudged: bool) -> None:
        """Start.

        Args:
            parameters: Name of each parameter by `id`.
            nudged: Whether to add zeros to take gradients at.
        """
        self.sites: list[Site] = []
        self.passed: list[Passed | Site] = []
        self.norms: list[NormInput] = []
        self.module = ""
        self._names: dict[int, tuple[str, ...]] = {i: (name,) for i, name in parameters.items()}
        self._marks: dict[int, tuple[Site, Call]] = {}
        self._nudged = nudged
        self._kept: list[Any] = []  # an id is good as long as its tensor lives

    def watching(self) -> Any:
        """Return the context within which functions are seen."""
        from torch.overrides import TorchFunctionMode

        called = self._called

        class Mode(TorchFunctionMode):
            def __torch_function__(self, func, types, args=(), kwargs=None):
                return called(func, args, kwargs or {})

        return Mode()

    def _called(self, func: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
        name = getattr(func, "__name__", "")
        inside = "__get__" if name == "__get__" else name.strip("_")
        if inside == "__get__" or not name:
            return self._derive(func(*args, **kwargs), args) if name else func(*args, **kwargs)
        if inside in DROPOUTS:
            return self._dropout(inside, args, kwargs)
        tensors = _tensors((*args, *kwargs.values()))
        if not tensors:
            return func(*args, **kwargs)
        weights = [t for t in tensors if id(t) in self._names]
        if len(weights) == len(tensors):
            if inside in CREATING:
                return func(*args, **kwargs)
            return self._derive(func(*args, **kwargs), args)
        if inside in CONVOLUTIONS | DENSE | set(RECURRENT) and any(w.ndim > 1 for w in weights):
            return self._weighted(inside, func(*args, **kwargs), weights, tensors)
        if inside == "embedding" and weights:
            found = Passed("embedding", self.module, weights[0].shape[-1], None, self._of(weights))
            self._pass(found)
            return func(*args, **kwargs)
        if inside in NORMS:
            return self._norm(inside, func, args, kwargs, tensors, weights)
        if inside in POOLS:
            self._pass(Passed("pool", self.module))
        mark = self._mark_of(tensors)
        activation = activation_name(inside, args, kwargs)
        if mark is not None and activation is not None:
            return self._activated(activation, func, args, kwargs, *mark)
        out = func(*args, **kwargs)
        if mark is not None and (inside in KEEPING or inside in POOLS):
            site, call = mark
            bias = [w for w in weights if w.ndim == 1]
            if bias and inside in ("add", "radd", "iadd"):
                site.parameters += [n for n in self._of(bias) if n not in site.parameters]
                out = self._give(call, out)
            self._put_marks(out, site, call)
        return out

    def _of(self, weights: list[Any]) -> tuple[str, ...]:
        names = [name for weight in weights for name in self._names[id(weight)]]
        return tuple(dict.fromkeys(names))

    def _derive(self, out: Any, args: tuple) -> Any:
        """Remember that what was made of parameters alone stands for them."""
        weights = [t for t in _tensors(args) if id(t) in self._names]
        if weights and (found := _tensors((out,))):
            names = self._of(weights)
            for tensor in found:
                if tensor.is_floating_point() and id(tensor) not in self._names:
                    self._names[id(tensor)] = names
                    self._kept.append(tensor)
        return out

    def _mark_of(self, tensors: list[Any]) -> tuple[Site, Call] | None:
        """Return the newest layer of which numbers come in, before its activation."""
        found = [self._marks[id(t)] for t in tensors if id(t) in self._marks]
        found = [mark for mark in found if not mark[1].activated]
        return max(found, key=lambda mark: self.sites.index(mark[0])) if found else None

    def _put_marks(self, out: Any, site: Site, call: Call) -> None:
        for tensor in _tensors((out,)):
            self._marks[id(tensor)] = (site, call)
            self._kept.append(tensor)

    def _pass(self, found: Passed) -> None:
        if found not in self.passed:
            self.passed.append(found)

    def _dropout(self, inside: str, args: tuple, kwargs: dict[str, Any]) -> Any:
        """Leave dropout out: probes draw nothing at random."""
        rate = kwargs.get("p", args[1] if len(args) > 1 else 0.5)
        self._pass(Passed("dropout", self.module, None, float(rate)))
        return kwargs.get("input", args[0] if args else None)

    def _weighted(self, inside: str, out: Any, weights: list[Any], tensors: list[Any]) -> Any:
        weight = next(w for w in weights if w.ndim > 1)
        names = self._of(weights)
        first = self._of([weight])[0]
        site = next((known for known in self.sites if known.name == first), None)
        kind = "dense" if inside in DENSE else "conv" if inside in CONVOLUTIONS else "recurrent"
        if site is None:
            data = next((t for t in tensors if id(t) not in self._names), None)
            site = Site(
                name=first,
                parameters=list(names),
                kind=kind,
                weight=weights_by_unit(inside, weight, data),
                shape=tuple(weight.shape),
                unit_axis=1 if kind == "conv" else -1,
                module=self.module,
            )
            self.sites.append(site)
            self.passed.append(site)
        if kind == "recurrent":
            return self._recurrent(inside, out, site)
        if kind == "conv" and out.ndim == weight.ndim - 1:
            site.unit_axis = 0  # a single row without a batch axis
        if inside in ("matmul", "mm") and id(tensors[0]) in self._names and out.ndim > 1:
            site.unit_axis, site.weight = -2, weight.detach()
        call = Call()
        site.calls.append(call)
        out = self._give(call, out)
        self._put_marks(out, site, call)
        return out

    def _recurrent(self, inside: str, out: Any, site: Site) -> Any:
        """Take the outputs of all steps and the last state; a cell's memory passes as it is."""
        site.activation = RECURRENT[inside]
        call = Call(flat=flat_from_output(site.activation), activated=True)
        site.calls.append(call)
        if not isinstance(out, tuple):  # a cell of one state
            return self._give(call, out)
        steps = self._give(call, out[0])
        if inside.endswith("_cell") or not self._nudged:
            return (steps, *out[1:])
        zeros = _zeros(out[1])
        call.final = (out[1].detach().clone(), zeros)
        return (steps, out[1] + zeros, *out[2:])

    def _activated(
        self,
        activation: str,
        func: Any,
        args: tuple,
        kwargs: dict[str, Any],
        site: Site,
        call: Call,
    ) -> Any:
        source = _tensors((*args, *kwargs.values()))[0]
        before = source.detach().clone()  # the function may work in place
        rest = args[1:] if args else ()
        named = {k: v for k, v in kwargs.items() if k not in ("inplace", "input", "out")}

        def again(x: Any) -> Any:
            return func(x, *rest, **named)

        out = func(*args, **kwargs)
        site.activation = activation
        out = self._give(call, out)
        call.before, call.activated = before, True
        call.flat = flat_from_input(activation, again)
        return out

    def _norm(
        self,
        inside: str,
        func: Any,
        args: tuple,
        kwargs: dict[str, Any],
        tensors: list[Any],
        weights: list[Any],
    ) -> Any:
        x = tensors[0]
        features = x.shape[1] if inside != "layer_norm" and x.ndim > 1 else x.shape[-1]
        self._pass(Passed("norm", self.module, int(features), None, self._of(weights)))
        if inside == "batch_norm":
            running: list[Any] = [
                kwargs.get(n, args[i] if len(args) > i else None) for n, i in RUNNING
            ]
            if all(r is not None for r in running):
                axes = [i for i in range(x.ndim) if i != 1]
                wide = x.detach().double()
                self.norms.append(
                    NormInput(
                        wide.mean(axes),
                        wide.var(axes, correction=0),
                        running[0].detach().double().clone(),
                        running[1].detach().double().clone(),
                    )
                )
        mark = self._mark_of([x])
        out = func(*args, **kwargs)
        if mark is not None:
            site, call = mark
            out = self._give(call, out)
            self._put_marks(out, site, call)
        return out

    def _give(self, call: Call, out: Any) -> Any:
        """Let `out` be what the call gives; return it with zeros added."""
        seen: Any = out.detach().clone()
        call.output, call.before = seen, seen
        if not self._nudged or not out.is_floating_point():
            return out
        call.nudge = _zeros(out)
        return out + call.nudge


RUNNING = (("running_mean", 1), ("running_var", 2))


def _tensors(values: Any) -> list[Any]:
    """Return the tensors among values, and those in lists and tuples among them."""
    import torch

    found = []
    for value in values:
        if isinstance(value, torch.Tensor):
            found.append(value)
        elif isinstance(value, list | tuple):
            found.extend(_tensors(value))
    return found


def _zeros(like: Any) -> Any:
    import torch

    return torch.zeros_like(like.detach(), requires_grad=True)
