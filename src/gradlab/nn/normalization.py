"""Normalisation layers: (x − mean) / √(variance + ε), then a learnt scale γ and shift β.

The four differ only in the axes that the statistics come from. For (batch, *space, channels):

    batch      0 and space           one mean per feature (map), from the training batch;
                                     at inference from averages kept in the layer's state
    layer      space and channels    one mean per example
    instance   space                 one mean per example and channel
    group      space and the channels of one group
"""

import math
from collections.abc import Callable
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree

from gradlab.errors import RecipeError
from gradlab.nn.module import Fixed, Layer
from gradlab.nn.random import RowKey
from gradlab.nn.shares import n_devices, total
from gradlab.scalars import Decay, Positive


def statistics(
    x: Float[Array | np.ndarray, "batch *shape"],
    axis: int | tuple[int, ...],
    *,
    mask: Bool[Array | np.ndarray, " batch"] | None = None,
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """Return mean and biased variance over some axes, which stay as axes of length 1.

    With a = E[x] as far as rounding lets it be, and c = x − a: mean = a + E[c] and
    variance = E[c²] − E[c]². E[c] is the rounding error of a, so nothing cancels at a mean far
    from 0, and the two passes take less time than one that subtracts a pixel of the data.

    Args:
        x: Batch.
        axis: Axes to reduce.
        mask: Rows that count; needs axis 0 among the reduced.

    >>> mean, variance = statistics(jnp.array([[1.0], [6.0], [3.0]]), axis=0)
    >>> round(float(mean[0, 0]), 4), round(float(variance[0, 0]) ** 0.5, 4)
    (3.3333, 2.0548)
    """
    x = jnp.asarray(x)
    axes = {a % x.ndim for a in ((axis,) if isinstance(axis, int) else axis)}
    share = 1 / _count(x, axes, mask)
    reduced = tuple(sorted(axes))

    def average(values: Array) -> Array:
        own = jnp.sum(_kept(values, mask), axis=reduced, keepdims=True)
        return share * (total(own) if 0 in axes else own)

    near = jax.lax.stop_gradient(average(x))
    centred = x - near
    error = average(centred)
    variance = average(centred * centred) - error * error
    return near + error, jnp.where(variance < 0, 0, variance)  # rounding; NaN stays NaN


def _kept(values: Array, mask: Array | np.ndarray | None) -> Array:
    """Return the values with zeros in the rows that do not count, whatever stands there."""
    if mask is None:
        return values
    return jnp.where(jnp.reshape(mask, (-1, *[1] * (values.ndim - 1))), values, 0)


def _count(x: Array, axes: set[int], mask: Array | np.ndarray | None) -> Array:
    """Return how many numbers enter one statistic; 1 where the mask leaves none."""
    others = math.prod(x.shape[a] for a in axes if a != 0)
    if 0 not in axes:
        return jnp.asarray(others, x.dtype)
    rows = x.shape[0] * n_devices() if mask is None else jnp.maximum(total(jnp.sum(mask)), 1)
    return jnp.asarray(rows * others, x.dtype)


def population_statistics(
    batch_means: Float[Array | np.ndarray, "batches features"],
    batch_variances: Float[Array | np.ndarray, "batches features"],
    m: int,
) -> tuple[Float[Array, " features"], Float[Array, " features"]]:
    """Return E[x] = mean of μ_B and Var[x] = m / (m − 1) · mean of σ²_B over training batches.

    These are the exact statistics for inference; `BatchNorm` keeps running averages instead.

    Args:
        batch_means: μ_B of every batch.
        batch_variances: Biased σ²_B of every batch.
        m: Rows per batch.

    Raises:
        RecipeError: If m < 2, where one batch shows no variance.

    Source: Ioffe & Szegedy 2015, algorithm 2, https://arxiv.org/abs/1502.03167
    """
    if m < 2:
        raise RecipeError(f"population_statistics needs batches of m >= 2 rows; got m={m}.")
    return jnp.mean(batch_means, axis=0), m / (m - 1) * jnp.mean(batch_variances, axis=0)


def _last(vector: Array | np.ndarray, x: Array | np.ndarray) -> Array:
    """Give a vector over the last axis the rank of x."""
    return jnp.asarray(vector).reshape(*[1] * (x.ndim - 1), -1)


def _standardize(x: Array, mean: Array, variance: Array, epsilon: Fixed) -> Array:
    # (x − mean) first, not x·s − mean·s: the second loses digits at a mean far from 0.
    return (x - mean) * jax.lax.rsqrt(variance + jnp.asarray(epsilon.value, x.dtype))


def _ones(n: int) -> Array:
    return jnp.asarray(np.ones(n), float)


def _zeros(n: int) -> Array:
    return jnp.asarray(np.zeros(n), float)


def _normalize(
    x: Float[Array, "batch *shape"],
    scale: Float[Array, " n_features"],
    shift: Float[Array, " n_features"],
    epsilon: Float[Array, ""],
    mask: Bool[Array, " batch"] | None,
) -> tuple[Float[Array, "batch *shape"], tuple[Float[Array, "..."], Float[Array, "..."]]]:
    """Return the batch normalised per feature, with the mean and variance that did it.

    The gradient is written by hand: automatic differentiation goes through the data three times as
    often (a convolutional step with two batch norms takes 1.3 times as long). The statistics are
    for the running averages and carry no gradient of their own.
    """
    return _normalize_forward(x, scale, shift, epsilon, mask)[0]


def _normalize_forward(x: Array, scale: Array, shift: Array, epsilon: Array, mask: Array | None):
    mean, variance = statistics(x, tuple(range(x.ndim - 1)), mask=mask)
    root = jax.lax.rsqrt(variance + epsilon)
    y = (x - mean) * (root * _last(scale, x)) + _last(shift, x)
    return (y, (mean, variance)), (x, mean, root, scale, mask)


def _normalize_backward(saved: tuple, cotangents: tuple):
    x, mean, root, scale, mask = saved
    # The barriers keep XLA from computing the slopes of what follows once for every sum, and those
    # of x once for every map that takes them: a step of two such layers takes a tenth less.
    g = jax.lax.optimization_barrier(cotangents[0])
    axes = tuple(range(x.ndim - 1))
    share = 1 / _count(x, set(axes), mask)
    scale_here = _last(scale, x)
    of_shift = jnp.sum(g, axis=axes, keepdims=True)
    of_scale = jnp.sum((x - mean) * g, axis=axes, keepdims=True) * root
    # Through the mean and the variance, which only the rows that count have made.
    all_shift, all_scale = total((of_shift, of_scale))
    through = share * (all_shift + (x - mean) * (root * all_scale))
    of_x = jax.lax.optimization_barrier((g - _kept(through, mask)) * (root * scale_here))
    of_epsilon = jnp.sum(-0.5 * of_scale * scale_here * root * root)
    return of_x, of_scale.reshape(-1), of_shift.reshape(-1), of_epsilon, None


_normalized = jax.custom_vjp(_normalize)
_normalized.defvjp(_normalize_forward, _normalize_backward)


class BatchNorm(Layer):
    """Normalise every feature over the batch (and over space), y = γ (x − μ) / √(σ² + ε) + β.

    In training μ and σ² (biased) are the batch's, over the rows that `mask` marks; running
    averages go to the state. At inference the state is used, so a row's output does not depend on
    the others. A batch of one row has no variance: it gives β, and leaves the running variance.

    Args:
        n_features: Length of the last axis.
        momentum: Share of the old running average that a step keeps (PyTorch's 0.1 is 0.9 here).
        epsilon: Keeps a constant feature from a division by 0.

    State: (running mean, running variance), the variance with divisor m − 1 as in PyTorch.

    Source: Ioffe & Szegedy 2015, algorithm 1, https://arxiv.org/abs/1502.03167

    >>> layer = BatchNorm(1)
    >>> y, _ = layer(jnp.array([[1.0], [3.0]]), layer.initial_state(), training=True)
    >>> y.round(3).tolist()
    [[-1.0], [1.0]]
    """

    couples_examples: ClassVar[bool] = True
    kind: ClassVar[str] = "normalization"

    scale: Float[Array | np.ndarray, " n_features"]
    shift: Float[Array | np.ndarray, " n_features"]
    momentum: Fixed
    epsilon: Fixed

    def __init__(self, n_features: int, *, momentum: Decay = 0.9, epsilon: Positive = 1e-5):
        """Start at γ = 1, β = 0."""
        self.scale, self.shift = _ones(n_features), _zeros(n_features)
        self.momentum = Fixed(jnp.asarray(momentum, float))
        self.epsilon = Fixed(jnp.asarray(epsilon, float))

    def initial_state(self) -> PyTree:
        """Return mean 0 and variance 1."""
        shape, dtype = self.scale.shape, self.scale.dtype
        return jnp.asarray(np.zeros(shape), dtype), jnp.asarray(np.ones(shape), dtype)

    def __call__(
        self,
        x: Float[Array | np.ndarray, "batch *shape"],
        state: PyTree,
        *,
        key: RowKey | None = None,
        training: bool = False,
        mask: Bool[Array | np.ndarray, " batch"] | None = None,
    ) -> tuple[Float[Array, "batch *shape"], PyTree]:
        """Normalise a batch; in training the state moves towards the batch's statistics."""
        x = jnp.asarray(x)
        if not training:
            mean, variance = (_last(average, x) for average in state)
            y = _standardize(x, mean, variance, self.epsilon)
            return y * _last(self.scale, x) + _last(self.shift, x), state
        scale, shift = jnp.asarray(self.scale, x.dtype), jnp.asarray(self.shift, x.dtype)
        epsilon = jnp.asarray(self.epsilon.value, x.dtype)
        mask = None if mask is None else jnp.asarray(mask)
        y, (mean, variance) = _normalized(x, scale, shift, epsilon, mask)
        count = _count(x, set(range(x.ndim - 1)), mask)
        return y, self._averaged(state, mean, variance, count)

    def _averaged(self, state: PyTree, mean: Array, variance: Array, count: Array) -> PyTree:
        old_mean, old_variance = state
        kept = jnp.asarray(self.momentum.value, mean.dtype)
        unbiased = variance.reshape(-1) * (count / jnp.maximum(count - 1, 1))
        new_mean = kept * old_mean + (1 - kept) * mean.reshape(-1)
        new_variance = kept * old_variance + (1 - kept) * unbiased
        return new_mean, jnp.where(count > 1, new_variance, old_variance)


class LayerNorm(Layer):
    """Normalise every example over all its features (and space), then scale and shift per feature.

    It couples no examples, so it works with a batch of one, in training as at inference.

    Args:
        n_features: Length of the last axis.
        epsilon: Keeps a constant example from a division by 0.

    Source: Ba et al. 2016, eq. 3, https://arxiv.org/abs/1607.06450

    >>> LayerNorm(2)(jnp.array([[1.0, 3.0]]), ())[0].round(3).tolist()
    [[-1.0, 1.0]]
    """

    kind: ClassVar[str] = "normalization"

    scale: Float[Array | np.ndarray, " n_features"]
    shift: Float[Array | np.ndarray, " n_features"]
    epsilon: Fixed

    def __init__(self, n_features: int, *, epsilon: Positive = 1e-5):
        """Start at γ = 1, β = 0."""
        self.scale, self.shift = _ones(n_features), _zeros(n_features)
        self.epsilon = Fixed(jnp.asarray(epsilon, float))

    def __call__(
        self,
        x: Float[Array | np.ndarray, "batch *shape"],
        state: PyTree,
        *,
        key: RowKey | None = None,
        training: bool = False,
        mask: Bool[Array | np.ndarray, " batch"] | None = None,
    ) -> tuple[Float[Array, "batch *shape"], PyTree]:
        """Normalise a batch; the state passes through."""
        x = jnp.asarray(x)
        y = _standardize(x, *statistics(x, tuple(range(1, x.ndim))), self.epsilon)
        return y * _last(self.scale, x) + _last(self.shift, x), state


class InstanceNorm(Layer):
    """Normalise every channel of every example over space, then scale and shift per channel.

    Args:
        n_features: Channels, the length of the last axis.
        epsilon: Keeps a constant plane from a division by 0.

    Source: Ulyanov et al. 2016, eq. 3, https://arxiv.org/abs/1607.08022

    >>> InstanceNorm(1)(jnp.array([[[1.0], [3.0]]]), ())[0].round(3).tolist()
    [[[-1.0], [1.0]]]
    """

    kind: ClassVar[str] = "normalization"

    scale: Float[Array | np.ndarray, " n_features"]
    shift: Float[Array | np.ndarray, " n_features"]
    epsilon: Fixed

    def __init__(self, n_features: int, *, epsilon: Positive = 1e-5):
        """Start at γ = 1, β = 0."""
        self.scale, self.shift = _ones(n_features), _zeros(n_features)
        self.epsilon = Fixed(jnp.asarray(epsilon, float))

    def __call__(
        self,
        x: Float[Array | np.ndarray, "batch *shape"],
        state: PyTree,
        *,
        key: RowKey | None = None,
        training: bool = False,
        mask: Bool[Array | np.ndarray, " batch"] | None = None,
    ) -> tuple[Float[Array, "batch *shape"], PyTree]:
        """Normalise a batch; the state passes through.

        Raises:
            RecipeError: If x has no axis between the batch and the channels.
        """
        x = jnp.asarray(x)
        if x.ndim < 3:
            raise RecipeError(
                "Instance norm averages over space, so it takes (batch, *space, channels); got x "
                f"of shape {x.shape}. For a dense layer use norm='layer' or norm='group'."
            )
        y = _standardize(x, *statistics(x, tuple(range(1, x.ndim - 1))), self.epsilon)
        return y * _last(self.scale, x) + _last(self.shift, x), state


def default_groups(n_features: int) -> int:
    """Return the most groups that divide the features evenly with at least 16 in each, or 1.

    Sixteen channels a group are as good as any in the paper's table 3; with a few, normalisation
    would leave little but signs.

    >>> [default_groups(n) for n in (10, 64, 100, 128)]
    [1, 4, 5, 8]
    """
    return max((g for g in range(1, n_features // 16 + 1) if n_features % g == 0), default=1)


class GroupNorm(Layer):
    """Normalise every group of channels of every example, then scale and shift per channel.

    One group is layer norm; as many groups as channels is instance norm.

    Args:
        n_features: Channels, the length of the last axis.
        groups: How many groups of neighbours; None for `default_groups(n_features)`.
        epsilon: Keeps a constant group from a division by 0.

    Raises:
        RecipeError: If the groups do not divide the features.

    Source: Wu & He 2018, eq. 7, https://arxiv.org/abs/1803.08494

    >>> GroupNorm(4, groups=2)(jnp.array([[1.0, 3.0, 5.0, 9.0]]), ())[0].round(3).tolist()
    [[-1.0, 1.0, -1.0, 1.0]]
    """

    kind: ClassVar[str] = "normalization"

    scale: Float[Array | np.ndarray, " n_features"]
    shift: Float[Array | np.ndarray, " n_features"]
    epsilon: Fixed
    groups: int = eqx.field(static=True)

    def __init__(self, n_features: int, *, groups: int | None = None, epsilon: Positive = 1e-5):
        """Start at γ = 1, β = 0."""
        groups = default_groups(n_features) if groups is None else groups
        if groups < 1 or n_features % groups:
            fitting = [g for g in range(1, n_features + 1) if n_features % g == 0]
            raise RecipeError(
                f"Group norm splits {n_features} features evenly; got groups={groups}. "
                f"Possible: {', '.join(map(str, fitting))}."
            )
        self.scale, self.shift = _ones(n_features), _zeros(n_features)
        self.epsilon = Fixed(jnp.asarray(epsilon, float))
        self.groups = groups

    def __call__(
        self,
        x: Float[Array | np.ndarray, "batch *shape"],
        state: PyTree,
        *,
        key: RowKey | None = None,
        training: bool = False,
        mask: Bool[Array | np.ndarray, " batch"] | None = None,
    ) -> tuple[Float[Array, "batch *shape"], PyTree]:
        """Normalise a batch; the state passes through."""
        x = jnp.asarray(x)
        mean, variance = _group_statistics(x, self.groups)
        y = _standardize(x, mean, variance, self.epsilon)
        return y * _last(self.scale, x) + _last(self.shift, x), state


def _group_statistics(x: Array, groups: int) -> tuple[Array, Array]:
    """Return mean and variance of every channel's group, shape (batch, 1 …, channels).

    The same numbers as `statistics` of x split into groups, but channels are summed into groups,
    and handed back, by products with a 0/1 matrix: XLA sums short rows slowly on a CPU (a training
    step of a 64-64-64-10 network takes 49 µs instead of 75).
    """
    n_features = x.shape[-1]
    member = jnp.asarray(np.repeat(np.eye(groups), n_features // groups, axis=0), x.dtype)
    space = tuple(range(1, x.ndim - 1))
    share = groups / math.prod(x.shape[1:])
    first = tuple(slice(None) if a == 0 else slice(0, 1) for a in range(x.ndim))
    origin = jax.lax.stop_gradient(x[first])
    centred = x - origin

    def pool(values: Array) -> Array:
        sums = jnp.sum(values, axis=space)
        return share * jnp.matmul(sums, member, precision=jax.lax.Precision.HIGHEST)

    def hand_back(values: Array) -> Array:
        of_channel = jnp.matmul(values, member.T, precision=jax.lax.Precision.HIGHEST)
        return jnp.expand_dims(of_channel, space)

    mean = pool(centred)
    variance = pool(centred * centred) - mean * mean
    return origin + hand_back(mean), hand_back(jnp.where(variance < 0, 0, variance))


NORMALIZATIONS: dict[str, Callable[..., Layer] | None] = {
    "none": None,
    "batch": BatchNorm,
    "layer": LayerNorm,
    "group": GroupNorm,
    "instance": InstanceNorm,
}
"""Name -> layer class, called with n_features; None for no layer."""
