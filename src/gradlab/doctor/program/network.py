"""The network of a program: shapes, starting weights, and one pass through it."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from gradlab.doctor.program.activations import ACTIVATIONS
from gradlab.doctor.program.recurrent import recurrent, starting_recurrent
from gradlab.doctor.program.settings import (
    Activate,
    BatchNorm,
    Conv1D,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GaussianNoise,
    GlobalPool,
    Init,
    LayerNorm,
    Masking,
    Model,
    Pool1D,
    Pool2D,
    Recurrent,
    RepeatVector,
    Reshape,
    UpSampling2D,
    ZeroPadding2D,
)
from gradlab.doctor.program.weights import starting_weights
from gradlab.errors import DataError, RecipeError
from gradlab.nn.convolution.geometry import as_padding, geometry
from gradlab.nn.convolution.maps import convolve
from gradlab.nn.normalization import statistics
from gradlab.nn.pooling.average import AveragePool1D, AveragePool2D
from gradlab.nn.pooling.max import MaxPool1D, MaxPool2D
from gradlab.nn.random import RowKey, needed

Arrays = dict[str, Any]
WEIGHTED = (Dense, Conv2D, Conv1D, Recurrent)
"""Layers whose outputs go through an activation."""
SHAPES = (Flatten, Reshape, RepeatVector, UpSampling2D, ZeroPadding2D)
"""Layers that move numbers and change none."""


@dataclasses.dataclass(frozen=True)
class Place:
    """A layer, and the shapes of a row before and after it."""

    index: int
    words: Any
    shape_in: tuple[int, ...]
    shape_out: tuple[int, ...]

    @property
    def path(self) -> str:
        """Where its setting stands."""
        return f"model.layers[{self.index}]"

    @property
    def fans(self) -> tuple[int, int]:
        """Inputs and outputs of a unit, as initialisers count them."""
        words = self.words
        if isinstance(words, Dense | Recurrent):
            return self.shape_in[-1], words.units
        if isinstance(words, Conv2D | Conv1D):
            taps = math.prod(_sizes(words.kernel))
            return taps * self.shape_in[-1], taps * words.filters
        if isinstance(words, Embedding):
            return words.vocabulary, words.units
        return 0, 0


def places(model: Model) -> tuple[Place, ...]:
    """Return the layers with their shapes.

    Raises:
        DataError: If a layer cannot take what comes; with its path.

    >>> model = Model.model_validate({"input_shape": [28, 28, 1], "layers": [
    ...     {"type": "conv2d", "filters": 4, "kernel": [5, 5]}, {"type": "flatten"}]})
    >>> [place.shape_out for place in places(model)]
    [(24, 24, 4), (2304,)]
    """
    found, shape = [], tuple(model.input_shape)
    for index, words in enumerate(model.layers):
        try:
            after = _shape_after(words, shape)
        except (RecipeError, ValueError) as error:
            where = f"model.layers[{index}] ({words.type})"
            raise DataError(f"{where} gets rows of the shape {list(shape)}. {error}") from None
        found.append(Place(index, words, shape, after))
        shape = after
    return tuple(found)


def _shape_after(words: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    if isinstance(words, Dense):
        return (*_needs(shape, 1, None)[:-1], words.units)
    if isinstance(words, Conv2D | Conv1D):
        _needs(shape, *((3, 3) if isinstance(words, Conv2D) else (2, 2)))
        return (*_conv_geometry(words, shape).output, words.filters)
    if isinstance(words, Pool2D | Pool1D):
        _needs(shape, *((3, 3) if isinstance(words, Pool2D) else (2, 2)))
        return _pool(words).output_shape(shape)
    if isinstance(words, GlobalPool):
        return (_needs(shape, 2, None)[-1],)
    if isinstance(words, Flatten):
        return (math.prod(shape),)
    if isinstance(words, Reshape):
        return np.empty(shape, np.bool_).reshape(words.shape).shape
    if isinstance(words, RepeatVector):
        return (words.n, *_needs(shape, 1, 1))
    if isinstance(words, UpSampling2D):
        height, width, channels = _needs(shape, 3, 3)
        return (height * words.size[0], width * words.size[1], channels)
    if isinstance(words, ZeroPadding2D):
        height, width, channels = _needs(shape, 3, 3)
        return (height + 2 * words.padding[0], width + 2 * words.padding[1], channels)
    if isinstance(words, Recurrent):
        steps, _ = _needs(shape, 2, 2)
        units = words.units * (2 if words.bidirectional else 1)
        return (steps, units) if words.return_sequences else (units,)
    if isinstance(words, Embedding):
        return (*shape, words.units)
    if isinstance(words, Masking):
        _needs(shape, 2, 2)
    return shape


def _needs(shape: tuple[int, ...], fewest: int, most: int | None) -> tuple[int, ...]:
    if len(shape) < fewest or (most is not None and len(shape) > most):
        wanted = f"{fewest}" if fewest == most else f"at least {fewest}"
        raise ValueError(f"It takes rows of {wanted} axes.")
    return shape


def _sizes(kernel: int | tuple[int, ...]) -> tuple[int, ...]:
    return (kernel,) if isinstance(kernel, int) else tuple(kernel)


def _conv_geometry(words: Conv2D | Conv1D, shape: Sequence[int]) -> Any:
    kernel, strides = _sizes(words.kernel), _sizes(words.strides)
    padding = as_padding(words.padding, len(kernel))
    return geometry(shape, kernel=kernel, stride=strides, padding=padding)


def _pool(words: Pool2D | Pool1D) -> Any:
    largest = words.type.startswith("max")
    kind: Any
    if isinstance(words, Pool2D):
        kind = MaxPool2D if largest else AveragePool2D
    else:
        kind = MaxPool1D if largest else AveragePool1D
    return kind(words.size, stride=words.strides, padding=words.padding)


def starting_arrays(model: Model, seed: int) -> list[Arrays]:
    """Return the starting weights of every layer, float32; {} for layers without any."""
    return [_starting(place, seed) for place in places(model)]


def _starting(place: Place, seed: int) -> Arrays:
    words, (n_in, n_out) = place.words, place.fans
    # Every layer has numbers of its own for its arrays, so that a change of one leaves the others.
    number = 8 * place.index

    def draw(init: Init, shape: tuple[int, ...], offset: int) -> np.ndarray:
        return starting_weights(init, shape, n_in, n_out, seed=seed, number=number + offset)

    if isinstance(words, Recurrent):
        return starting_recurrent(words, n_in, seed=seed, number=number)
    if isinstance(words, Embedding):
        return {"weight": draw(words.init, (words.vocabulary, words.units), 0)}
    if isinstance(words, BatchNorm | LayerNorm):
        size = place.shape_in[-1]
        return {"weight": np.ones(size, np.float32), "bias": np.zeros(size, np.float32)}
    if isinstance(words, Dense | Conv2D | Conv1D):
        units = place.shape_out[-1]
        kernel = () if isinstance(words, Dense) else _sizes(words.kernel)
        arrays = {"weight": draw(words.init, (*kernel, place.shape_in[-1], units), 0)}
        if words.use_bias:
            start = words.bias_init or Init(name="zeros")
            arrays["bias"] = draw(start, (units,), 1)
        return arrays
    return {}


def starting_states(model: Model) -> list[Arrays]:
    """Return the running statistics of every layer; {} for layers without any."""
    return [
        {
            "mean": np.zeros(place.shape_in[-1], np.float32),
            "variance": np.ones(place.shape_in[-1], np.float32),
        }
        if isinstance(place.words, BatchNorm)
        else {}
        for place in places(model)
    ]


class Pass(NamedTuple):
    """What one pass through the network gives."""

    outputs: Array
    """After the last activation."""
    scores: Array | None
    """Before it; None where that can't be said."""
    states: list[Arrays]
    real: Array | None
    """Steps that count, (batch, steps); None for all."""
    before: list[Array]
    """What the activation of each weighted layer got."""
    after: list[Array]
    """What it gave."""


@dataclasses.dataclass
class _Flow:
    """What goes from layer to layer."""

    x: Array
    scores: Array | None
    real: Array | None


def forward(
    found: Sequence[Place],
    arrays: Sequence[Arrays],
    states: Sequence[Arrays],
    x: Array,
    *,
    numbers: Mapping[str, Array],
    key: RowKey | None = None,
    training: bool = False,
    mask: Bool[Array, " batch"] | None = None,
    nudges: Sequence[Array] | None = None,
) -> Pass:
    """Return one pass through the network.

    Args:
        found: Its places.
        arrays: Weights of every layer.
        states: Running statistics of every layer.
        x: Batch.
        numbers: Rates and the like by path, "model.layers[1].rate".
        key: Of random numbers; needed in training.
        training: Drop, and use the batch's statistics.
        mask: Rows that count in these.
        nudges: Added to what each weighted layer gives, so that a gradient can be taken there.
    """
    flow = _Flow(x, None, None)
    new_states: list[Arrays] = []
    before: list[Array] = []
    after: list[Array] = []
    for place, own, state in zip(found, arrays, states, strict=True):
        words = place.words
        if isinstance(words, WEIGHTED):
            scores = _weighted(place, own, flow)
            act = "linear" if isinstance(words, Recurrent) else words.activation
            answer = ACTIVATIONS[act](scores)
            if nudges is not None:
                answer = answer + nudges[len(after)]
            before.append(scores)
            after.append(answer)
            flow.scores, flow.x = scores, answer
            if isinstance(words, Recurrent) and not words.return_sequences:
                flow.real = None
        elif isinstance(words, Activate):
            flow.scores, flow.x = flow.x, ACTIVATIONS[words.activation](flow.x)
        elif isinstance(words, SHAPES):
            flow.x = _moved(place, flow.x)
            flow.scores = None if flow.scores is None else _moved(place, flow.scores)
        elif isinstance(words, BatchNorm):
            flow.x, state = _batch_norm(words, own, state, flow, training, mask)
            flow.scores = None
        elif isinstance(words, Dropout | GaussianNoise):
            if training:
                part = needed(key, words.type).fold(place.index)
                flow.x = _disturbed(place, flow.x, part, numbers)
                flow.scores = None
        else:
            _other(place, own, flow)
        new_states.append(state)
    return Pass(flow.x, flow.scores, new_states, flow.real, before, after)


def _weighted(place: Place, own: Arrays, flow: _Flow) -> Array:
    words, x = place.words, flow.x
    if isinstance(words, Recurrent):
        return recurrent(words, own, x, flow.real)
    if isinstance(words, Dense):
        y = jnp.matmul(x, own["weight"])
    else:
        shape = _conv_geometry(words, x.shape[1:])
        bias = jnp.asarray(own["bias"]) if "bias" in own else None
        return convolve(x, jnp.asarray(own["weight"]), bias, shape)
    return y + jnp.broadcast_to(own["bias"], y.shape) if "bias" in own else y


def _moved(place: Place, x: Array) -> Array:
    words = place.words
    if isinstance(words, RepeatVector):
        return jnp.repeat(x[:, None], words.n, axis=1)
    if isinstance(words, UpSampling2D):
        return jnp.repeat(jnp.repeat(x, words.size[0], axis=1), words.size[1], axis=2)
    if isinstance(words, ZeroPadding2D):
        rows, columns = words.padding
        return jnp.pad(x, ((0, 0), (rows, rows), (columns, columns), (0, 0)))
    return x.reshape(x.shape[0], *place.shape_out)


def _disturbed(place: Place, x: Array, key: RowKey, numbers: Mapping[str, Array]) -> Array:
    if isinstance(place.words, GaussianNoise):
        return x + numbers[f"{place.path}.stddev"] * key.normal(x.shape[1:]).astype(x.dtype)
    rate = numbers[f"{place.path}.rate"]
    dropped = key.bernoulli(rate, x.shape[1:])
    # The floor is the step of the uniform numbers: at rate 1 it turns 0 · ∞ into 0.
    return jnp.where(dropped, 0, x) / jnp.maximum(1 - rate, 2.0**-24)


def _other(place: Place, own: Arrays, flow: _Flow) -> None:
    """Pass through a layer that neither weighs nor disturbs."""
    words, x = place.words, flow.x
    flow.scores = None
    if isinstance(words, Pool2D | Pool1D):
        flow.x, flow.real = _pool(words)(x, ())[0], None
    elif isinstance(words, GlobalPool):
        flow.x = _over_places(x, flow.real, largest="max" in words.type)
        flow.real = None
    elif isinstance(words, Embedding):
        entries = jnp.clip(x.astype(jnp.int32), 0, words.vocabulary - 1)
        if words.mask_zero:
            flow.real = entries != 0
        flow.x = jnp.asarray(own["weight"])[entries]
    elif isinstance(words, Masking):
        flow.real = (x != words.value).any(axis=-1)
        flow.x = jnp.where(flow.real[..., None], x, 0)
    elif isinstance(words, LayerNorm):
        mean = x.mean(axis=-1, keepdims=True)
        variance = ((x - mean) ** 2).mean(axis=-1, keepdims=True)
        flow.x = _scaled(x, mean, variance, words.epsilon, own)


def _over_places(x: Array, real: Array | None, *, largest: bool) -> Array:
    axes = tuple(range(1, x.ndim - 1))
    if real is None:
        return x.max(axis=axes) if largest else x.mean(axis=axes)
    kept = real[..., None]
    if largest:
        return jnp.where(kept, x, -jnp.inf).max(axis=axes)
    return jnp.where(kept, x, 0).sum(axis=axes) / jnp.maximum(kept.sum(axis=axes), 1)


def _batch_norm(
    words: BatchNorm, own: Arrays, state: Arrays, flow: _Flow, training: bool, mask: Any
) -> tuple[Array, Arrays]:
    x = flow.x
    if training:
        axes = tuple(range(x.ndim - 1))
        mean, variance = statistics(x, axes, mask=mask)
        keep = words.momentum
        state = {
            "mean": keep * state["mean"] + (1 - keep) * mean.reshape(-1),
            "variance": keep * state["variance"] + (1 - keep) * variance.reshape(-1),
        }
    else:
        shape = (1,) * (x.ndim - 1) + (-1,)
        mean, variance = state["mean"].reshape(shape), state["variance"].reshape(shape)
    return _scaled(x, mean, variance, words.epsilon, own), state


def _scaled(x: Array, mean: Any, variance: Any, epsilon: float, own: Arrays) -> Array:
    shape = (1,) * (x.ndim - 1) + (-1,)
    standard = (x - mean) * jax.lax.rsqrt(variance + epsilon)
    return standard * own["weight"].reshape(shape) + own["bias"].reshape(shape)


def penalty(
    found: Sequence[Place], arrays: Sequence[Arrays], numbers: Mapping[str, Array]
) -> Float[Array, ""]:
    """Return Σ l1 · Σ|w| + l2 · Σw² over the layers that have them; biases are free."""
    total = jnp.zeros(())
    for place, own in zip(found, arrays, strict=True):
        for name, of in (("l1", jnp.abs), ("l2", jnp.square)):
            if getattr(place.words, name, None) is not None:
                kernels = [value for key, value in own.items() if key.startswith("weight")]
                size = sum(of(value).sum() for value in kernels)
                total = total + numbers[f"{place.path}.{name}"] * size
    return total


def is_penalised(model: Model) -> bool:
    """Return whether any layer has a penalty, be it 0."""
    return any(
        getattr(words, name, None) is not None for words in model.layers for name in ("l1", "l2")
    )
