"""What a probe of a network measures: the formulas.

All are of the probe rows in `PARTS` equal parts, one after another, so that the gradients of the
parts can be compared and little memory is needed. The layout of the result is that of
`gradlab.training.probes`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, PyTree

from gradlab.nn.convolution.layer import Convolution
from gradlab.nn.recurrent import Bidirectional, Recurrent
from gradlab.training.learner import Batch, Probe
from gradlab.training.probes import OF_LAYERS, PARTS, SCALARS, width_of
from gradlab.training.sites import Gap, Seen, layers_of, look, sites_of

ALIKE = 1e-4
"""Weights of two units are equal if they lie this close, as a share of their usual norm."""


class Moments(NamedTuple):
    """Number, mean and sum of squared deviations, which can be joined without cancelling."""

    n: Float[Array, "..."]
    mean: Float[Array, "..."]
    squares: Float[Array, "..."]


class Part(NamedTuple):
    """What one part of the probe rows tells."""

    total: Float[Array, "..."]
    """Σ of the losses; `weight` is the sum of the rows' weights."""
    weight: Float[Array, "..."]
    size: Float[Array, "..."]
    """‖gradient‖² of the part's mean loss."""
    activations: Moments
    """Of all activations of each site."""
    slopes: Float[Array, "*parts sites"]
    """Σ of the squared gradient of each row's own loss with respect to what a site gives."""
    zero: list[Float[Array, "..."]]
    """How often each unit of every site was 0; `flat` likewise."""
    flat: list[Float[Array, "..."]]
    said: Moments
    wanted: Moments | None
    gaps: list[Gap]


def network_probe(
    template: PyTree,
    spec: PyTree,
    *,
    loss: Callable[[Any, Batch], tuple[Array, Array]],
    outputs: Callable[[Any, Batch], tuple[Array, Array | None, Array]],
    penalty: Callable[[PyTree, dict[str, Any]], Array],
) -> Probe:
    """Return the probe of a learner whose state has the fields `model` and `layers`.

    Args:
        template: The network.
        spec: Which of its arrays are trained.
        loss: (answers, batch) -> (weighted sum, sum of weights).
        outputs: (answers, batch) -> what the answers say (probabilities, or numbers), what their
            spread is to be compared with (None for 1), and the weight of each row.
        penalty: (arrays of the network, hyper) -> what is added to the mean loss.
    """
    static = eqx.partition(template, eqx.is_array)[1]
    sites = sites_of(template)

    def measure(state: Any, before: PyTree, batch: Batch, hyper: dict[str, Any]) -> Array:
        params, fixed = eqx.partition(state.model, spec)
        parts = PARTS if batch.weight.shape[0] % PARTS == 0 else 1
        cut = jax.tree.map(lambda x: x.reshape(parts, -1, *x.shape[1:]), batch)

        def forward(params: PyTree, nudges: Any, part: Batch) -> Any:
            network = eqx.combine(params, fixed, static)
            answers, seen, gaps = look(network, state.layers, part.x, nudges)
            total, weight = loss(answers, part)
            return total, (weight, seen, gaps, outputs(answers, part))

        one = jax.tree.map(lambda x: x[0], cut)
        shapes = [seen.activation for seen in jax.eval_shape(forward, params, None, one)[1][1]]
        nudges = [jnp.zeros(shape.shape, shape.dtype) for shape in shapes]

        def of_part(gradients: PyTree, part: Batch) -> tuple[PyTree, Part]:
            (total, (weight, seen, gaps, (said, wanted, real))), (own, slopes) = jax.value_and_grad(
                forward, argnums=(0, 1), has_aux=True
            )(params, nudges, part)
            told = Part(
                total=total,
                weight=weight,
                size=_square(own) / weight**2,
                activations=Moments(*map(jnp.stack, zip(*map(_activations, seen), strict=True))),
                slopes=jnp.stack([jnp.vdot(slope, slope) for slope in slopes]),
                zero=[_times(each.activation == 0, each) for each in seen],
                flat=[_times(each.flat, each) for each in seen],
                said=_moments(said, real),
                wanted=None if wanted is None else _moments(wanted, real),
                gaps=gaps,
            )
            return jax.tree.map(jnp.add, gradients, own), told

        zeros = jax.tree.map(jnp.zeros_like, params)
        gradients, told = lax.scan(of_part, zeros, cut)
        weight = told.weight.sum()
        gradients = jax.tree.map(lambda g: g / weight, gradients)
        scalars = {
            "loss": told.total.sum() / weight,
            "penalty": penalty(state.model, hyper),
            "noise": _noise(told.size, _square(gradients), batch.weight.shape[0] / parts),
            "output_std": _spread(told.said, told.wanted),
            "norm_gap": _norm_gap(told.gaps, weight.dtype),
        }
        n_units = [shape.shape[-1] for shape in shapes]
        of_sites = {**_of_activations(told, n_units), **of_weights(gradients, params, before)}
        return jnp.concatenate(
            [
                jnp.stack([scalars[name] for name in SCALARS]),
                *(of_sites[name].astype(weight.dtype) for name in OF_LAYERS),
            ]
        )

    def of_weights(gradients: PyTree, params: PyTree, before: PyTree) -> dict[str, Array]:
        of_gradient, now, then = layers_of(gradients), layers_of(params), layers_of(before)
        own = [site.layer for site in sites]

        def norms(trees: list[PyTree]) -> Array:
            return jnp.sqrt(jnp.stack([_square(tree) for tree in trees]))

        weight = norms([now[i] for i in own])
        steps = [jax.tree.map(jnp.subtract, now[i], then[i]) for i in own]
        return {
            "gradient": norms([of_gradient[i] for i in own]),
            "weight": weight,
            "update": norms(steps) / weight,
            "alike": jnp.stack([alike_share(now[i], weight.dtype) for i in own]),
        }

    return Probe(
        measure=measure,
        weights=lambda state: eqx.filter(state.model, spec),
        numbers=width_of(len(sites)),
    )


def _of_activations(told: Part, n_units: list[int]) -> dict[str, Array]:
    """Return what the activations of each site say."""
    n, mean, squares = _joined(told.activations)
    # Which of all units belong to a site.
    belongs = np.repeat(np.eye(len(n_units)), n_units, axis=1)
    share = jnp.asarray(belongs / np.array(n_units)[:, None], n.dtype)
    often = n @ share  # how often each unit was looked at
    # Joined here and not in the scan: there XLA computes the sums inside the joining, by masked
    # loads far outside their arrays, which take a hundred times as long where no page is mapped.
    zero, flat = (jnp.concatenate(x, axis=-1).sum(axis=0) for x in (told.zero, told.flat))
    return {
        "mean": mean,
        "std": jnp.sqrt(squares / n),
        "zero": share @ (zero / often),
        "saturated": share @ (flat / often),
        "dead": share @ (zero == often).astype(n.dtype),
        "stuck": share @ (flat == often).astype(n.dtype),
        "gradient_out": jnp.sqrt(told.slopes.sum(axis=0) / n),
    }


def _activations(seen: Seen) -> Moments:
    a = seen.activation
    real = _real(seen)
    if real is None:
        mean = jnp.mean(a)
        return Moments(jnp.asarray(a.size, a.dtype), mean, jnp.sum(jnp.square(a - mean)))
    real = jnp.broadcast_to(real, a.shape)
    n = jnp.sum(real).astype(a.dtype)
    mean = jnp.sum(jnp.where(real, a, 0)) / n
    return Moments(n, mean, jnp.sum(jnp.where(real, jnp.square(a - mean), 0)))


def _times(what: Array | None, seen: Seen) -> Array:
    """Return how often something holds of each unit."""
    a = seen.activation
    if what is None:
        return jnp.zeros(a.shape[-1], a.dtype)
    real = _real(seen)
    what = what if real is None else what & real
    return jnp.sum(what, axis=tuple(range(a.ndim - 1)), dtype=a.dtype)


def _real(seen: Seen) -> Array | None:
    return None if seen.real is None or seen.activation.ndim < 3 else seen.real[..., None]


def _moments(rows: Array, weight: Array) -> Moments:
    """Return the moments of each column over the rows whose weight is above 0."""
    real = (weight > 0).astype(rows.dtype)[:, None]
    n = jnp.sum(real)
    mean = jnp.sum(real * rows, axis=0) / n
    deviation = rows - jnp.broadcast_to(mean, rows.shape)
    return Moments(n, mean, jnp.sum(real * jnp.square(deviation), axis=0))


def _joined(parts: Moments) -> Moments:
    """Return the moments of all parts, on the first axis, together (Chan et al. 1979)."""
    n = parts.n.sum(axis=0)
    shares = parts.n / jnp.broadcast_to(n, parts.n.shape)
    shares = shares.reshape(*shares.shape, *[1] * (parts.mean.ndim - shares.ndim))
    mean = jnp.sum(shares * parts.mean, axis=0)
    between = jnp.square(parts.mean - jnp.broadcast_to(mean, parts.mean.shape))
    return Moments(n, mean, parts.squares.sum(axis=0) + n * jnp.sum(shares * between, axis=0))


def _spread(said: Moments, wanted: Moments | None) -> Array:
    """Return the standard deviation of the outputs over the rows, against what is wanted."""
    own = _joined(said)
    std = jnp.sqrt(jnp.mean(own.squares / own.n))
    if wanted is None:
        return std
    other = _joined(wanted)
    return std / jnp.sqrt(jnp.mean(other.squares / other.n))


def _noise(sizes: Float[Array, " parts"], whole: Float[Array, ""], rows: float) -> Array:
    """Return tr(Σ) / ‖G‖² from the squared norms of the gradients of parts and of the whole.

    E‖G_b‖² = ‖G‖² + tr(Σ) / b for b rows; two sizes of b give both unknowns. Where the noise hides
    the gradient on this many rows the result is inf.

    Source: McCandlish et al. 2018, appendix A.1, https://arxiv.org/abs/1812.06162
    """
    parts = sizes.shape[0]
    if parts == 1:
        return jnp.full((), jnp.nan, sizes.dtype)
    small = sizes.mean()
    variance = jnp.maximum(small - whole, 0) * rows * parts / (parts - 1)
    signal = (parts * whole - small) / (parts - 1)
    ratio = jnp.where(signal > 0, variance / jnp.where(signal > 0, signal, 1), jnp.inf)
    return jnp.where(jnp.isfinite(small) & (small > 0), ratio, jnp.nan)


def _norm_gap(gaps: list[Gap], dtype: Any) -> Array:
    """Return the largest distance of a batch norm's running statistics from the batch's.

    In standard deviations of the batch, root mean square over the features: of the mean, or of
    the standard deviation itself. NaN without batch norm.
    """
    largest = jnp.full((), jnp.nan, dtype)
    for gap in gaps:
        mean = gap.mean.mean(axis=0)
        variance = gap.variance.mean(axis=0) + gap.mean.var(axis=0)
        running_mean, running_variance = gap.running_mean[0], gap.running_variance[0]
        std = jnp.sqrt(variance + 1e-5)
        off = jnp.square((running_mean - mean) / std)
        scaled = jnp.square(jnp.sqrt(running_variance + 1e-5) / std - 1)
        distance = jnp.sqrt(jnp.maximum(off.mean(), scaled.mean()))
        largest = jnp.fmax(largest, distance.astype(dtype))
    return largest


def _square(tree: PyTree) -> Array:
    """Return the sum of all squares."""
    leaves = jax.tree.leaves(tree)
    return sum((jnp.vdot(x, x) for x in leaves[1:]), jnp.vdot(leaves[0], leaves[0]))


def alike_share(layer: Any, dtype: Any = jnp.float32) -> Float[Array, ""]:
    """Return the share of a layer's units whose weights equal another unit's.

    The weights of a unit are a column; columns are told apart by their projections on two fixed
    random directions. What differs by less than `ALIKE` of the usual size is equal: twins drift
    apart by rounding alone. NaN of layers whose units see unlike inputs, or hold no weights of
    their own.

    >>> from gradlab.nn import Dense
    >>> float(alike_share(Dense(jnp.array([[1.0, 2.0, 1.0], [0.0, 0.0, 0.0]]))))
    0.6666666865348816
    """
    columns = _columns_of_units(layer)
    if columns is None:
        return jnp.full((), jnp.nan, dtype)
    n_in, n_units = columns.shape
    directions = np.random.Generator(np.random.Philox(key=0)).normal(size=(2, n_in))
    places = jnp.asarray(directions, columns.dtype) @ columns
    limit = ALIKE * jnp.sqrt(jnp.sum(jnp.square(columns)) / n_units)
    apart = jnp.abs(places[:, :, None] - places[:, None, :]).max(axis=0)
    others = jnp.sum(apart <= limit, axis=1) > 1
    return jnp.mean(others, dtype=dtype)


def _columns_of_units(layer: Any) -> Array | None:
    if isinstance(layer, Recurrent | Bidirectional):
        cell = layer.cell if isinstance(layer, Recurrent) else layer.forward
        weight = getattr(cell, "weight_input", None)
        if weight is None or weight.shape[-1] % cell.n_units:
            return None
        gates = weight.reshape(weight.shape[0], -1, cell.n_units)  # of a unit: one a gate
        return gates.reshape(-1, cell.n_units)
    weight = getattr(layer, "weight", None)
    if weight is None or (isinstance(layer, Convolution) and layer.groups > 1):
        return None
    return jnp.asarray(weight).reshape(-1, weight.shape[-1])
