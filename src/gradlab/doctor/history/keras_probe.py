"""One look at a Keras model on the probe rows, with backend JAX or PyTorch.

What layers write to their variables (running statistics, states of random generators) goes to a
scope that is thrown away. With other backends there are no gradients.
"""

from typing import Any

import numpy as np

from gradlab.doctor.evidence import Layer, Setup
from gradlab.doctor.history.activations import CURVES, saturated
from gradlab.doctor.history.course import Measured
from gradlab.doctor.history.keras_layers import as_numpy, described, is_a, kind_of
from gradlab.doctor.history.keras_pass import Pass, Site, sites_of, wrapped
from gradlab.doctor.history.measure import (
    OfPart,
    Statistics,
    alike_share,
    gradient_noise,
    norm,
    norm_gap,
    of_layer,
    of_part,
    output_spread,
    rows_a_part,
)
from gradlab.doctor.history.points import PER_LAYER
from gradlab.errors import DataError


class KerasProbe:
    """Looks at a built model on rows that are the same every time.

    Attributes:
        layers: In the order of a pass.
    """

    def __init__(self, model: Any, x: Any, y: Any) -> None:
        """Find the layers.

        Args:
            model: Built and compiled.
            x: Inputs.
            y: Targets.
        """
        import keras

        self._backend = keras.backend.backend()
        self._x, self._y = _tensors(x), _tensors(y)
        self._loss: Any = None
        if model.loss is not None and not isinstance(model.loss, dict | list | tuple):
            self._loss = keras.losses.get(model.loss)
        config = self._loss.get_config() if hasattr(self._loss, "get_config") else {}
        self._sums_rows = config.get("reduction") == "sum"
        n = len(self._y)
        if n == 0:
            raise DataError("The probe holds no rows; give a few dozen, inputs and targets.")
        size = rows_a_part(n)
        self._cuts = [slice(i, i + size) for i in range(0, n - size + 1, size)]
        self._compiled: Any = None
        self._share_of: str | None = None
        self._of_numbers = False
        look = Pass({}, None)
        with keras.StatelessScope(), wrapped(model, look):
            model(_cut(self._x, self._cuts[0]), training=True)
        self._sites = sites_of(look)
        outputs = [look.events[site.event][2] for site in self._sites]
        outputs = [out[0] if isinstance(out, tuple | list) else out for out in outputs]
        self._shapes = [(tuple(out.shape), out.dtype) for out in outputs]
        met = list({id(layer): layer for layer, _, _ in look.events}.values())
        self._norms = [x for x, _, _ in look.events if is_a(x, "BatchNormalization")]
        activations = {id(site.layer): site.activation for site in self._sites}
        self.layers: tuple[Layer, ...] = tuple(
            described(layer, activations.get(id(layer)))
            for layer in met
            if kind_of(layer) not in ("activation", "random", "other")
        )

    def say_outputs(self, setup: Setup) -> None:
        """Let outputs be probabilities of classes, or numbers, as the setup has it."""
        self._of_numbers = setup.task in ("regression", "reconstruction")
        if setup.loss_takes == "scores" and not self._of_numbers:
            self._share_of = "softmax" if setup.task == "multiclass" else "sigmoid"

    def measure(self, model: Any, before: list[np.ndarray] | None) -> Measured:
        """Return the numbers of this moment.

        Args:
            model: With its weights as they are now.
            before: Trained weights before the last step, if they are known.
        """
        layers = list({id(site.layer): site.layer for site in self._sites}.values())
        parts: dict[int, list[OfPart]] = {id(layer): [] for layer in layers}
        norms: list[list[Statistics]] = [[] for _ in self._norms]
        gradients: list[np.ndarray] | None = None
        said, sizes, total, n_rows = [], [], 0.0, 0
        for cut in self._cuts:
            loss, seen, own, slopes = self._pass(model, cut)
            n_rows += cut.stop - cut.start
            for i, site in enumerate(self._sites):
                slope = None if slopes is None else slopes[i]
                is_last = i == len(self._sites) - 1
                part = _part(site, seen["before"][i], seen["after"][i], slope, is_last=is_last)
                parts[id(site.layer)].append(part)
            for found, layer, (mean, variance) in zip(
                norms, self._norms, seen["norms"], strict=True
            ):
                running = layer.moving_mean, layer.moving_variance
                found.append(Statistics(*map(_flat_numbers, (mean, variance, *running))))
            said.append(self._said(as_numpy(seen["output"])))
            if own is not None:
                total += loss
                sizes.append((norm(own) / (cut.stop - cut.start)) ** 2)
                if gradients is not None:
                    own = [a + b for a, b in zip(gradients, own, strict=True)]
                gradients = own
        of_all = {
            "output_std": self._spread(np.concatenate(said), n_rows),
            "norm_gap": norm_gap(norms),
            "penalty": _penalty(model),
        }
        by_variable: dict[int, np.ndarray] = {}
        if gradients is not None:
            means = [g / n_rows for g in gradients]
            of_all["loss"] = total / n_rows
            of_all["noise"] = gradient_noise(sizes, norm(means) ** 2, n_rows / len(sizes))
            by_variable = _by_variable(model, means)
        then = {} if before is None else _by_variable(model, before)
        columns: dict[str, list[float]] = {name: [] for name in PER_LAYER}
        for layer in layers:
            told = of_layer(parts[id(layer)]) | _of_weights(layer, by_variable, then)
            for name, value in told.items():
                columns[name].append(value)
        return Measured(columns, of_all)

    def _run(self, model: Any, x: Any, y: Any, nudges: Any) -> tuple[Any, dict[str, Any]]:
        """Return the sum of the rows' losses and what was seen."""
        from keras import ops

        look = Pass({site.event: i for i, site in enumerate(self._sites)}, nudges)
        with wrapped(model, look):
            output = model(x, training=True)
        total = ops.zeros(())
        if self._loss is not None:
            if len(y.shape) == len(output.shape) - 1 and output.shape[-1] == 1:
                y = ops.expand_dims(y, -1)
            total = ops.mean(self._loss(y, output))
            total = total if self._sums_rows else total * y.shape[0]
        moments = []
        for layer, value in zip(self._norms, look.norms, strict=True):
            n_axes = len(value.shape)
            axes = [i for i in range(n_axes) if i != layer.axis % n_axes]
            moments.append(ops.moments(ops.cast(value, "float32"), axes))
        sites = range(len(self._sites))
        return total, {
            "before": [look.before[i] for i in sites],
            "after": [look.after[i] for i in sites],
            "norms": moments,
            "output": output,
        }

    def _pass(
        self, model: Any, cut: slice
    ) -> tuple[float, dict[str, Any], list[np.ndarray] | None, list[np.ndarray | None] | None]:
        """Return loss, what was seen, and gradients by the weights and by the sites' outputs."""
        import keras

        x, y = _cut(self._x, cut), _cut(self._y, cut)
        if self._backend == "jax":
            total, seen, own, slopes = self._with_jax(model, x, y)
        elif self._backend == "torch":
            total, seen, own, slopes = self._with_torch(model, x, y)
        else:
            with keras.StatelessScope():
                total, seen = self._run(model, x, y, None)
            own = slopes = None
        if self._loss is None or own is None or slopes is None:
            return float(as_numpy(total)), seen, None, None
        variables = model.trainable_variables
        found = [
            np.zeros(tuple(v.shape)) if g is None else as_numpy(g)
            for v, g in zip(variables, own, strict=True)
        ]
        return (
            float(as_numpy(total)),
            seen,
            found,
            [None if slope is None else as_numpy(slope) for slope in slopes],
        )

    def _with_jax(self, model: Any, x: Any, y: Any) -> tuple[Any, Any, Any, Any]:
        import jax
        import keras

        trained, others = model.trainable_variables, model.non_trainable_variables
        if self._compiled is None:

            def loss(values: Any, nudges: Any, fixed: Any, x: Any, y: Any) -> Any:
                mapping = [*zip(trained, values, strict=True), *zip(others, fixed, strict=True)]
                with keras.StatelessScope(state_mapping=mapping):
                    return self._run(model, x, y, nudges)

            self._compiled = jax.jit(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True))
        nudges = [jax.numpy.zeros(shape, dtype) for shape, dtype in self._shapes]
        with jax.numpy_rank_promotion("allow"):
            (total, seen), (own, slopes) = self._compiled(
                [v.value for v in trained], nudges, [v.value for v in others], x, y
            )
        return total, seen, own, slopes

    def _with_torch(self, model: Any, x: Any, y: Any) -> tuple[Any, Any, Any, Any]:
        import keras
        import torch

        with torch.enable_grad(), keras.StatelessScope():
            nudges = [
                torch.zeros(shape, dtype=dtype, device=self._y.device, requires_grad=True)
                for shape, dtype in self._shapes
            ]
            total, seen = self._run(model, x, y, nudges)
            if not total.requires_grad:
                return total, seen, None, None
            values = [v.value for v in model.trainable_variables]
            found = torch.autograd.grad(total, [*values, *nudges], allow_unused=True)
        return total, seen, found[: len(values)], found[len(values) :]

    def _said(self, output: np.ndarray) -> np.ndarray:
        return output if self._share_of is None else CURVES[self._share_of].value(output)

    def _spread(self, said: np.ndarray, n_rows: int) -> float:
        wanted = as_numpy(self._y)[:n_rows] if self._of_numbers else None
        return output_spread(said, wanted)


def trained_weights(model: Any) -> list[np.ndarray]:
    """Return a copy of a model's trained weights."""
    return [np.array(as_numpy(v)) for v in model.trainable_variables]


def _by_variable(model: Any, values: list[np.ndarray]) -> dict[int, np.ndarray]:
    return {id(v): value for v, value in zip(model.trainable_variables, values, strict=True)}


def _part(site: Site, before: Any, after: Any, slope: Any, *, is_last: bool) -> OfPart:
    channels_first = getattr(site.layer, "data_format", None) == "channels_first"

    def units_last(x: Any) -> np.ndarray:
        return np.moveaxis(as_numpy(x), 1, -1) if channels_first else as_numpy(x)

    output, score = units_last(after), units_last(before)
    if kind_of(site.layer) == "recurrent":
        # What comes out is a share of the activation's value; its own slope is what remains.
        flat = 1 - output**2 < 0.05 if site.activation == "tanh" else np.zeros(output.shape, bool)
    else:
        flat = saturated(site.activation, score, negative_slope=site.negative_slope)
    by_output = None if slope is None else units_last(slope)
    return of_part(output, flat, by_output, score if is_last else None)


def _of_weights(
    layer: Any, gradients: dict[int, np.ndarray], before: dict[int, np.ndarray]
) -> dict[str, float]:
    own = layer.trainable_variables
    weight = norm([as_numpy(v) for v in layer.weights])
    found = [gradients[id(v)] for v in own if id(v) in gradients]
    moved = [as_numpy(v) - before[id(v)] for v in own if id(v) in before]
    return {
        "gradient": norm(found) if found else np.nan,
        "weight": weight,
        "update": norm(moved) / weight if moved and weight > 0 else np.nan,
        "alike": _alike(layer),
    }


def _alike(layer: Any) -> float:
    inner = layer.forward_layer if is_a(layer, "Bidirectional") else layer
    kernels = [v for v in inner.weights if v.name == "kernel"]
    if not kernels or is_a(inner, "EinsumDense", "BaseDepthwiseConv", "BaseSeparableConv"):
        return np.nan
    kernel = as_numpy(kernels[0])
    if is_a(inner, "BaseConvTranspose"):
        kernel = np.moveaxis(kernel, -2, -1)
    if is_a(inner, "RNN"):
        gates = kernel.reshape(len(kernel), -1, inner.units)  # of a unit: one a gate
        return alike_share(gates.reshape(-1, inner.units))
    if getattr(inner, "groups", 1) > 1:
        return np.nan
    return alike_share(kernel.reshape(-1, kernel.shape[-1]))


def _penalty(model: Any) -> float:
    found = [(v, getattr(v, "regularizer", None)) for v in model.trainable_variables]
    return sum(float(as_numpy(rule(v))) for v, rule in found if rule is not None)


def _flat_numbers(value: Any) -> np.ndarray:
    return as_numpy(value).ravel().astype(np.float64)


def _tensors(value: Any) -> Any:
    """Return rows as tensors of the backend, numbers in its float type."""
    import keras

    def tensor(rows: Any) -> Any:
        rows = as_numpy(rows)
        kind = keras.backend.floatx() if rows.dtype.kind == "f" else None
        return keras.ops.convert_to_tensor(rows, dtype=kind)

    if isinstance(value, list | tuple | dict):
        return keras.tree.map_structure(tensor, value)
    return tensor(value)


def _cut(value: Any, cut: slice) -> Any:
    import keras

    return keras.tree.map_structure(lambda rows: rows[cut], value)
