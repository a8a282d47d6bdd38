"""One look at a PyTorch model on the probe rows: a forward and a backward pass of our own.

Training stays as it is: weights and their `.grad` are only read, running statistics are written to
copies, dropout is left out, and the states of the random generators are put back. No hook stays on
the model. Its forward method is called, so what that counts or prints happens once more.
"""

import contextlib
import random
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from gradlab.doctor.evidence import Setup, TaskName
from gradlab.doctor.history.course import Measured
from gradlab.doctor.history.measure import (
    OfPart,
    Statistics,
    alike_share,
    gradient_noise,
    norm_gap,
    of_layer,
    of_part,
    output_spread,
    rows_a_part,
)
from gradlab.doctor.history.points import PER_LAYER
from gradlab.doctor.history.torch_tensors import (
    added,
    as_numpy,
    call_model,
    cut_rows,
    first_tensor,
    n_rows_of,
    squares,
    told,
    unwrapped,
)
from gradlab.doctor.history.torch_trace import Call, Passed, Site, Watcher
from gradlab.errors import DataError


class Look(NamedTuple):
    """What one pass over a part of the rows gave."""

    watcher: Watcher
    output: Any
    loss: Any  # the sum over rows; None without a loss
    n_rows: int


class TorchProbe:
    """Looks at a model on rows that are the same every time.

    Attributes:
        model: As it is called in training, out of its wrappers.
        parameters: By name.
    """

    def __init__(
        self,
        model: Any,
        loss: Callable[[Any, Any], Any] | None,
        inputs: Any,
        targets: Any,
        *,
        sums_rows: bool,
        precision: Any = None,
    ) -> None:
        """Keep what is needed.

        Args:
            model: A module.
            loss: (outputs, targets) -> number; None measures activations and weights alone.
            inputs: A tensor; a tuple of them for several arguments; a dict for named ones.
            targets: As `loss` takes them.
            sums_rows: Whether the loss is a sum over the rows, not their mean.
            precision: Type that `torch.autocast` computes in; None for the weights' own.
        """
        self.model = unwrapped(model)
        self.parameters = dict(self.model.named_parameters())
        self._loss, self._sums_rows = loss, sums_rows
        self._share_of: str | None = None
        self._of_numbers = False
        self._precision = precision
        self._modes = self._training_modes()
        self._device, self._dtype = self._where()
        self._inputs, self._targets = self._placed(inputs), self._placed(targets, cast=False)
        n_rows = min(
            n for n in (n_rows_of(self._inputs), n_rows_of(self._targets)) if n is not None
        )
        if n_rows == 0:
            raise DataError("The probe holds no rows; give a few dozen, inputs and targets.")
        size = rows_a_part(n_rows)
        self._cuts = [slice(i, i + size) for i in range(0, n_rows - size + 1, size)]

    def trace(self) -> list[Passed | Site]:
        """Return the layers in the order in which a pass meets them."""
        with self._untouched():
            return self._look(self._cuts[0], named=True).watcher.passed

    def task(self) -> TaskName:
        """Guess the task by the targets."""
        y = self._targets
        if not hasattr(y, "dtype"):
            return "regression"
        if not y.is_floating_point():
            return "binary" if int(y.max()) <= 1 else "multiclass"
        if y.shape == getattr(self._inputs, "shape", None):
            return "reconstruction"
        return "regression"

    def say_outputs(self, setup: Setup) -> None:
        """Let outputs be probabilities of classes, or numbers, as the setup has it."""
        self._of_numbers = setup.task in ("regression", "reconstruction")
        if setup.loss_takes == "scores" and not self._of_numbers:
            self._share_of = "softmax" if setup.task == "multiclass" else "sigmoid"

    def weights(self) -> dict[str, Any]:
        """Return a copy of all weights."""
        return {name: p.detach().clone() for name, p in self.parameters.items()}

    def note_modes(self) -> None:
        """Remember which modules train and which are frozen in evaluation mode."""
        if self.model.training:
            self._modes = self._training_modes()

    def measure(self, before: dict[str, Any] | None) -> Measured:
        """Return the numbers of this moment.

        Args:
            before: Weights before the last step, if they are known.
        """
        import torch

        gradients: list[Any] | None = None
        sizes: list[float] = []
        sites: list[Site] = []
        n_rows = 0
        parts: dict[str, list[OfPart]] = {}
        norms: list[list[Statistics]] = []
        said = []
        total = 0.0
        trained = [p for p in self.parameters.values() if p.requires_grad]
        with self._untouched():
            for cut in self._cuts:
                look = self._look(cut)
                own, slopes = self._gradients(look, trained)
                last = look.watcher.sites[-1] if look.watcher.sites else None
                for site in look.watcher.sites:
                    parts.setdefault(site.name, []).extend(
                        self._part(call, slopes, site.unit_axis, is_last=site is last)
                        for call in site.calls
                    )
                for i, found in enumerate(look.watcher.norms):
                    if len(norms) <= i:
                        norms.append([])
                    norms[i].append(Statistics(*map(as_numpy, vars(found).values())))
                said.append(as_numpy(self._said(look.output)))
                if look.loss is not None:
                    total += float(look.loss.detach())
                    sizes.append(squares(own) / look.n_rows**2)
                    gradients = own if gradients is None else added(gradients, own)
                n_rows += look.n_rows
                sites = look.watcher.sites
        of_all = {
            "output_std": self._spread(np.concatenate(said)),
            "norm_gap": norm_gap(norms),
        }
        by_name: dict[str, Any] = {}
        if gradients is not None:
            means = [None if g is None else g / n_rows for g in gradients]
            of_all["loss"] = total / n_rows
            of_all["noise"] = gradient_noise(sizes, squares(means), n_rows / len(sizes))
            names = [name for name, p in self.parameters.items() if p.requires_grad]
            by_name = dict(zip(names, means, strict=True))
        columns: dict[str, list[float]] = {name: [] for name in PER_LAYER}
        with torch.no_grad():
            for site in sites:
                row = of_layer(parts[site.name]) | self._of_weights(site, by_name, before)
                for name, value in row.items():
                    columns[name].append(value)
        return Measured(columns, of_all)

    def _look(self, cut: slice, *, named: bool = False) -> Look:
        """Call the model on some rows, with the running statistics in copies."""
        import torch

        names = {id(p): name for name, p in self.parameters.items()}
        watcher = Watcher(names, nudged=True)
        inputs, targets = cut_rows(self._inputs, cut), cut_rows(self._targets, cut)
        autocast = torch.autocast(
            self._device.type,
            dtype=self._precision,
            enabled=self._precision is not None,
            cache_enabled=False,
        )
        hooks = _names_kept(self.model, watcher) if named else contextlib.nullcontext()
        with self._copied_buffers(), autocast, hooks:
            with watcher.watching():
                output = call_model(self.model, inputs)
            loss = None
            n_rows = cut.stop - cut.start
            if self._loss is not None:
                loss = self._loss(first_tensor(output), targets)
                if not (isinstance(loss, torch.Tensor) and loss.ndim == 0):
                    raise DataError(
                        "The loss must give one number (a tensor without axes); came "
                        f"{told(loss)}. Use reduction='mean'."
                    )
                loss = loss if self._sums_rows else loss * n_rows
        return Look(watcher, first_tensor(output), loss, n_rows)

    def _gradients(self, look: Look, trained: list[Any]) -> tuple[list[Any], dict[int, Any]]:
        import torch

        if look.loss is None or not look.loss.requires_grad:
            return [None] * len(trained), {}
        calls = [call for site in look.watcher.sites for call in site.calls]
        nudges = [n for call in calls for n in (call.nudge, *(call.final or ())[1:])]
        nudges = [n for n in nudges if n is not None]
        found = torch.autograd.grad(look.loss, [*trained, *nudges], allow_unused=True)
        slopes = {
            id(nudge): slope
            for nudge, slope in zip(nudges, found[len(trained) :], strict=True)
            if slope is not None
        }
        return list(found[: len(trained)]), slopes

    def _part(self, call: Call, slopes: dict[int, Any], axis: int, *, is_last: bool) -> OfPart:
        output, before = call.output, call.before
        slope = slopes.get(id(call.nudge))
        if slope is None and call.final is not None and id(call.final[1]) in slopes:
            # Of all steps only the last state goes on.
            output = before = call.final[0]
            slope = slopes[id(call.final[1])]
        flat = call.flat(before, output) if call.flat is not None else None
        if call.flat is None:
            flat = output.new_zeros(output.shape, dtype=bool)

        def units_last(x: Any) -> np.ndarray | None:
            if x is None:
                return None
            x = x.movedim(axis, -1) if -x.ndim <= axis < x.ndim else x
            return as_numpy(x if x.ndim > 1 else x[:, None])

        activation = units_last(output)
        assert activation is not None
        scores = units_last(before) if is_last and call.activated else None
        return of_part(activation, units_last(flat), units_last(slope), scores)

    def _of_weights(
        self, site: Site, gradients: dict[str, Any], before: dict[str, Any] | None
    ) -> dict[str, float]:
        own = {name: self.parameters[name].detach() for name in site.parameters}
        trained = [name for name in own if self.parameters[name].requires_grad]
        found = [gradients[name] for name in trained if gradients.get(name) is not None]
        weight = squares([own[name] for name in own]) ** 0.5
        update = np.nan
        if before is not None and trained and weight > 0:
            update = squares([own[name] - before[name] for name in trained]) ** 0.5 / weight
        return {
            "gradient": squares(found) ** 0.5 if found else np.nan,
            "weight": weight,
            "update": update,
            "alike": np.nan if site.weight is None else alike_share(as_numpy(site.weight.t())),
        }

    def _said(self, output: Any) -> Any:
        """Return what outputs say; classes are on the axis behind the rows, as losses take them."""
        if self._share_of == "sigmoid":
            return output.sigmoid()
        if self._share_of == "softmax" and output.ndim > 1:
            return output.softmax(1)
        return output

    def _spread(self, said: np.ndarray) -> float:
        wanted = None
        if self._of_numbers and hasattr(self._targets, "shape"):
            wanted = as_numpy(self._targets)[: len(said)]
        return output_spread(said, wanted)

    @contextlib.contextmanager
    def _untouched(self) -> Iterator[None]:
        """Keep modes and random states as they are, and record gradients even if that is off."""
        import torch

        modes = {module: module.training for module in self.model.modules()}
        devices = [self._device] if self._device.type == "cuda" else []
        python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
        with (
            torch.random.fork_rng(devices),
            torch.inference_mode(False),
            torch.enable_grad(),
        ):
            try:
                for module, training in self._modes.items():
                    module.training = training
                yield
            finally:
                for module, training in modes.items():
                    module.training = training
                random.setstate(python)
                np.random.set_state(numpy)  # noqa: NPY002

    @contextlib.contextmanager
    def _copied_buffers(self) -> Iterator[None]:
        kept = [(module._buffers, dict(module._buffers)) for module in self.model.modules()]
        try:
            for own, buffers in kept:
                own.update({n: None if b is None else b.clone() for n, b in buffers.items()})
            yield
        finally:
            for own, buffers in kept:
                own.update(buffers)

    def _training_modes(self) -> dict[Any, bool]:
        """Return each module's mode in training; all train if the model is being evaluated."""
        is_training = self.model.training
        return {module: module.training or not is_training for module in self.model.modules()}

    def _where(self) -> tuple[Any, Any]:
        import torch
        from torch.nn.parameter import is_lazy

        if not self.parameters:
            raise DataError("The model has no parameters; give the module that is trained.")
        for name, parameter in self.parameters.items():
            if is_lazy(parameter):
                raise DataError(
                    f"The parameter '{name}' has no shape yet: call the model on a batch before "
                    "the recorder is made."
                )
        first = next(iter(self.parameters.values()))
        floating = [p.dtype for p in self.parameters.values() if p.is_floating_point()]
        return first.device, floating[0] if floating else torch.get_default_dtype()

    def _placed(self, value: Any, *, cast: bool = True) -> Any:
        """Return inputs on the model's device; NumPy arrays become tensors."""
        import torch

        if isinstance(value, np.ndarray):
            value = torch.from_numpy(np.ascontiguousarray(value))
            if not cast and value.dtype == torch.float64:
                value = value.to(self._dtype)
        if isinstance(value, torch.Tensor):
            value = value.detach().to(self._device)
            return value.to(self._dtype) if cast and value.is_floating_point() else value
        if isinstance(value, tuple | list):
            return tuple(self._placed(inner, cast=cast) for inner in value)
        if isinstance(value, dict):
            return {name: self._placed(inner, cast=cast) for name, inner in value.items()}
        return value


@contextlib.contextmanager
def _names_kept(model: Any, watcher: Watcher) -> Iterator[None]:
    """Tell the watcher which module is running."""
    names: list[str] = [""]
    handles = []

    def entering(name: str) -> Callable:
        def enter(module: Any, args: Any) -> None:
            names.append(name)
            watcher.module = name

        return enter

    def leave(module: Any, args: Any, output: Any) -> None:
        names.pop()
        watcher.module = names[-1]

    try:
        for name, module in model.named_modules():
            handles.append(module.register_forward_pre_hook(entering(name)))
            handles.append(module.register_forward_hook(leave, always_call=True))
        yield
    finally:
        for handle in handles:
            handle.remove()
