"""One round of k-means, hard or soft, compiled: memberships of all rows, then means of all groups.

Rows go through in blocks that fit the caches, blocks in shares that lie on as many devices as there
are. Both follow from shapes alone, and so does the order of every sum: results do not depend on
how many cores there are. Plain k-means is the softmax form with an infinite stiffness, so the same
program serves all rounds of annealing.
"""

import contextlib
import functools
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.flatten_util import ravel_pytree
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Float, Int

from gradlab.cluster.bezdek import can_sum, membership_sums
from gradlab.nn.shares import AXIS, n_devices, pairwise_sum, total
from gradlab.process import cores
from gradlab.training.precision import precision
from gradlab.training.sharing import IN_LINE, ask_for_devices, available_devices

Form = Literal["softmax", "bezdek", "bezdek of 2"]
"""How distances become memberships; Bezdek's with m = 2 needs no powers."""

BLOCK_BYTES = 10_240
"""Size of one number for each row of a block: with a row's features and its distances to a few
centroids a block then fits the caches, and is large beside the cost of a call."""

SHARES = 8
"""Shares of many rows: a power of two, and at least as many as devices are ever used."""

LANES = 16
"""Rows of a block are a multiple of this where there are many: whole vectors on any processor."""

CHUNK_BLOCKS = 8
"""Most blocks whose memberships one call returns."""

GROUP = 16
"""Features whose squared differences one step of the loop adds up."""

MATRIX_FEATURES = 64
"""Features from which on distances come from a product of matrices; below, differences are faster
and exact."""

HISTORY = 512
"""The objective's history has room for a multiple of this, so that few programs differ by it."""


_ALONE = contextlib.nullcontext()


class Rows(NamedTuple):
    """Rows laid out in blocks, features first; what fills the last block up has weight 0."""

    x: Float[np.ndarray | Array, "shares blocks features rows"]
    weight: Float[np.ndarray | Array, "shares blocks rows"]


class Stiffness(NamedTuple):
    """The numbers that say how hard memberships are."""

    beta: Float[np.ndarray | Array, ""]  # of the softmax form; may be infinite
    m: Float[np.ndarray | Array, ""]  # of Bezdek's


class Sums(NamedTuple):
    """What one pass over the rows adds up."""

    moment: Float[Array, "k features"]  # of the rows, weighted with powers of their memberships
    mass: Float[Array, " k"]
    objective: Float[Array, ""]
    certainty: Float[Array, ""]  # of the largest membership of each row


class Outcome(NamedTuple):
    """Where the rounds ended."""

    centroids: Float[np.ndarray | Array, "k features"]
    n_iter: Int[np.ndarray | Array, ""]
    history: Float[np.ndarray | Array, " iterations"]  # objective before each update
    certainty: Float[np.ndarray | Array, ""]


class Described(NamedTuple):
    """What the centroids say of each row."""

    memberships: Float[np.ndarray, "n k"]
    labels: Int[np.ndarray, " n"]
    nearest: Float[np.ndarray, " n"]  # squared distance to the nearest centroid
    objective: Float[np.ndarray, " n"]


def squared_distances(
    x: Float[Array, "features rows"], centroids: Float[Array, "k features"]
) -> Float[Array, "k rows"]:
    """Return ‖x_t − μ_j‖², exactly 0 where the nearest centroid lies on the row."""
    k, d = centroids.shape
    columns = centroids.T

    def added(total: Any, x: Array, columns: Array) -> Any:
        for row, column in zip(x, columns, strict=True):
            total = total + (row[None, :] - column[:, None]) ** 2
        return total

    if d <= GROUP:
        return added(0.0, x, columns)
    if d <= MATRIX_FEATURES:

        def body(i: Array, total: Array) -> Array:
            cut = functools.partial(lax.dynamic_slice_in_dim, start_index=i * GROUP)
            return added(total, cut(x, slice_size=GROUP), cut(columns, slice_size=GROUP))

        return lax.fori_loop(0, d // GROUP, body, jnp.zeros((k, x.shape[1]), x.dtype))
    # About the centroids' mean, so that less cancels; the smallest one once more, by differences.
    middle = columns.mean(axis=1, keepdims=True)
    x, columns = x - middle, columns - middle
    products = jnp.matmul(columns.T, x, precision=lax.Precision.HIGHEST)
    squares = jnp.sum(x**2, axis=0)[None, :] + jnp.sum(columns**2, axis=0)[:, None] - 2 * products
    nearest = jnp.argmin(squares, axis=0)
    exact = jnp.sum((x - columns[:, nearest]) ** 2, axis=0)[None, :]
    is_nearest = jnp.arange(k)[:, None] == nearest[None, :]
    return jnp.where(is_nearest, exact, jnp.maximum(squares, exact))


def shares_of(
    squares: Float[Array, "k rows"], form: Form, stiffness: Stiffness
) -> tuple[Float[Array, "k rows"], Float[Array, "k rows"], Float[Array, "2 rows"]]:
    """Return memberships, the weights that they have in the means, and two numbers of each row.

    Everything is relative to the nearest centroid, whose term is then 1: nothing overflows, and
    the sum is never 0. Rows at distance 0 belong to the centroids there, in equal parts. The two
    numbers are the objective and the largest membership.
    """
    nearest = squares.min(axis=0)
    if form == "softmax":
        gap = squares - nearest[None, :]
        # Not by its gap alone, which rounding may keep from being exactly 0: the sum must hold a 1.
        own = jnp.arange(len(squares))[:, None] == jnp.argmin(squares, axis=0)[None, :]
        exponent = jnp.where((gap > 0) & ~own, -stiffness.beta * gap, 0.0)
        terms = jnp.exp(exponent)
        largest = 1 / terms.sum(axis=0)
        memberships = terms * largest[None, :]
        # -log(mean of the terms) / beta, without losing it where beta is small
        objective = nearest - jnp.log1p(jnp.expm1(exponent).mean(axis=0)) / stiffness.beta
        return memberships, memberships, jnp.stack([objective, largest])
    ratio = jnp.where(squares > 0, nearest[None, :] / squares, 1.0)
    if form == "bezdek of 2":
        largest = 1 / ratio.sum(axis=0)
        memberships = ratio * largest[None, :]
        return memberships, memberships**2, jnp.stack([nearest * largest, largest])
    # Powers by way of logarithms: XLA's own are several times slower.
    logs = jnp.log(ratio) / (stiffness.m - 1)
    terms = jnp.exp(logs)
    s = terms.sum(axis=0)
    parts = jnp.exp(stiffness.m * (logs - jnp.log(s)[None, :]))
    objective = nearest * jnp.exp((1 - stiffness.m) * jnp.log(s))
    return terms / s[None, :], parts, jnp.stack([objective, 1 / s])


def _one_pass(
    rows: Rows,
    centroids: Float[Array, "k features"],
    form: Form,
    stiffness: Stiffness,
) -> Sums:
    """Return the sums over all rows, wherever they lie."""

    def of_block(x: Any, weight: Any) -> Sums:
        _, parts, numbers = shares_of(squared_distances(x, centroids), form, stiffness)
        # Products with the weights: XLA takes sums along the rows number by number.
        product = functools.partial(jnp.matmul, precision=lax.Precision.HIGHEST)
        moment = product(parts * weight[None, :], x.T)
        return Sums(moment, product(parts, weight), *product(numbers, weight))

    def of_share(share: Rows) -> Sums:
        if form == "bezdek of 2" and can_sum(
            np.dtype(share.x.dtype), share.x.shape[2], *centroids.shape
        ):
            x, weight = jnp.asarray(share.x), jnp.asarray(share.weight)
            return Sums(*membership_sums(x, weight, centroids))

        def add(sums: Sums, block: Rows) -> tuple[Sums, None]:
            return jax.tree.map(jnp.add, sums, of_block(*block)), None

        zero = jnp.zeros((), centroids.dtype)
        zeros = Sums(jnp.zeros_like(centroids), jnp.zeros_like(centroids[:, 0]), zero, zero)
        return lax.scan(add, zeros, share)[0]

    if rows.x.shape[0] == 1 and n_devices() == 1:
        return of_share(jax.tree.map(lambda leaf: leaf[0], rows))
    # As one array: at every sum over devices they wait for each other.
    flat = total(pairwise_sum(lax.map(lambda share: ravel_pytree(of_share(share))[0], rows)))
    moment, mass, numbers = jnp.split(flat, [centroids.size, centroids.size + len(centroids)])
    return Sums(moment.reshape(centroids.shape), mass, *numbers)


def _rounds(
    rows: Rows,
    start: Float[Array, "k features"],
    stiffness: Stiffness,
    limits: tuple[Int[Array, ""], Float[Array, ""]],
    form: Form,
    room: int,
) -> Outcome:
    """Alternate memberships and means until the centroids move no further than the limit."""
    max_iter, threshold = limits

    def moves(carry: Any) -> Array:
        outcome, moved = carry
        return (outcome.n_iter < max_iter) & (moved > threshold)

    def step(carry: Any) -> tuple[Outcome, Array]:
        before, _ = carry
        sums = _one_pass(rows, before.centroids, form, stiffness)
        there = (sums.mass > 0)[:, None]  # a centroid without rows stays where it is
        means = sums.moment / jnp.where(there, sums.mass[:, None], 1.0)
        centroids = jnp.where(there, means, before.centroids)
        moved = jnp.sum((centroids - before.centroids) ** 2)
        history = before.history.at[before.n_iter].set(sums.objective)
        return Outcome(centroids, before.n_iter + 1, history, sums.certainty), moved

    zero = jnp.zeros((), start.dtype)
    empty = Outcome(start, jnp.zeros((), jnp.int32), jnp.zeros(room, start.dtype), zero)
    return lax.while_loop(moves, step, (empty, jnp.full((), jnp.inf, start.dtype)))[0]


@functools.cache
def _rounds_program(form: Form, room: int, devices: int) -> Callable[..., Outcome]:
    program = functools.partial(_rounds, form=form, room=room)
    if devices == 1:
        return jax.jit(program)
    whole, cut = PartitionSpec(), PartitionSpec(AXIS)
    return jax.jit(
        jax.shard_map(
            program,
            mesh=_mesh(devices),
            in_specs=(cut, whole, whole, whole),
            out_specs=whole,
            check_vma=False,
        )
    )


@functools.cache
def _mesh(devices: int) -> Mesh:
    return Mesh(np.array(jax.devices()[:devices]), (AXIS,))


@functools.cache
def _describe_program(form: Form) -> Callable[..., Any]:
    def of_block(x: Array, centroids: Array, stiffness: Stiffness) -> tuple[Array, ...]:
        squares = squared_distances(x, centroids)
        memberships, _, numbers = shares_of(squares, form, stiffness)
        return memberships.T, jnp.argmin(squares, axis=0), squares.min(axis=0), numbers[0]

    def program(x: Array, centroids: Array, stiffness: Stiffness) -> Any:
        return lax.map(lambda block: of_block(block, centroids, stiffness), x)

    return jax.jit(program)


def lay_out(x: Float[np.ndarray, "n d"], weight: Float[np.ndarray, " n"] | None = None) -> Rows:
    """Copy rows into blocks, features first and filled up with zeros to few different shapes.

    A feature that is 0 everywhere adds nothing to any distance.
    """
    n, d = x.shape
    block = BLOCK_BYTES // x.itemsize
    shares = SHARES if n > SHARES * block // 2 else 1
    blocks = -(-n // (shares * block))
    rows = -(-n // (shares * blocks))
    rows = _small_block(rows) if n <= block else -(-rows // LANES) * LANES
    filled = np.zeros((shares * blocks * rows, _features(d)), x.dtype)
    filled[:n, :d] = x
    weights = np.zeros(shares * blocks * rows, x.dtype)
    weights[:n] = 1 if weight is None else weight
    cut = filled.reshape(shares, blocks, rows, -1).swapaxes(2, 3)
    return Rows(np.ascontiguousarray(cut), weights.reshape(shares, blocks, rows))


def place(rows: Rows) -> Rows:
    """Put rows where the rounds take them: the shares on all devices that there are."""
    ask_for_devices()
    devices = _devices_for(rows)
    with precision(np.dtype(rows.x.dtype)):
        if devices == 1:
            return jax.tree.map(jnp.asarray, rows)
        return jax.device_put(rows, NamedSharding(_mesh(devices), PartitionSpec(AXIS)))


def _devices_for(rows: Rows) -> int:
    return min(rows.x.shape[0], available_devices())


def _features(d: int) -> int:
    """Return how many features are laid out: one of few numbers, so that there are few programs."""
    return _power_of_two(d) if d <= GROUP else -(-d // GROUP) * GROUP


def _small_block(n: int) -> int:
    """Return the rows of a lone block: one of few numbers too."""
    return max(8, _power_of_two(n))


def _power_of_two(n: int) -> int:
    return 1 << (n - 1).bit_length()


def run_rounds(
    rows: Rows,
    start: Float[np.ndarray, "k d"],
    *,
    form: Form = "softmax",
    beta: float = math.inf,
    m: float = 2.0,
    max_iter: int = 300,
    threshold: float = 0.0,
) -> Outcome:
    """Alternate from a start until the centroids stand still.

    Args:
        rows: As `place` gives them.
        start: Centroids.
        form: Of the memberships.
        beta: Stiffness of the softmax form; infinite gives plain k-means.
        m: Bezdek's exponent.
        max_iter: Most rounds.
        threshold: Sum of squared moves at which the rounds stop.
    """
    dtype = np.dtype(rows.x.dtype)
    devices = _devices_for(rows)
    room = -(-max_iter // HISTORY) * HISTORY
    with precision(dtype), IN_LINE if devices > 1 else _ALONE:
        outcome = _rounds_program(form, room, devices)(
            rows,
            _fill_features(start.astype(dtype), rows.x.shape[2]),
            _stiffness(beta, m, dtype),
            (np.int32(max_iter), np.array(threshold, dtype)),
        )
        n_iter = np.asarray(outcome.n_iter)
        return Outcome(
            np.asarray(outcome.centroids)[:, : start.shape[1]],
            n_iter,
            np.asarray(outcome.history)[: int(n_iter)],
            np.asarray(outcome.certainty),
        )


def describe(
    x: Float[np.ndarray, "n d"],
    centroids: Float[np.ndarray, "k d"],
    *,
    form: Form = "softmax",
    beta: float = math.inf,
    m: float = 2.0,
) -> Described:
    """Return memberships, nearest centroid, its squared distance and the objective of each row."""
    dtype = np.dtype(x.dtype)
    program = _describe_program(form)

    block = BLOCK_BYTES // x.itemsize
    most = CHUNK_BLOCKS * block

    def of_chunk(first: int) -> list[np.ndarray]:
        chunk = x[first : first + most]
        blocks = _power_of_two(-(-len(chunk) // block))
        rows = _small_block(len(chunk)) if blocks == 1 else block
        filled = np.zeros((blocks * rows, _features(x.shape[1])), dtype)
        filled[: len(chunk), : x.shape[1]] = chunk
        laid = filled.reshape(blocks, rows, -1).swapaxes(1, 2)
        columns = _fill_features(centroids.astype(dtype), laid.shape[1])
        with precision(dtype):
            found = program(laid, columns, _stiffness(beta, m, dtype))
            return [np.asarray(a).reshape(-1, *a.shape[2:])[: len(chunk)] for a in found]

    parts = in_threads(of_chunk, range(0, len(x), most))
    memberships, labels, nearest, objective = (np.concatenate(p) for p in zip(*parts, strict=True))
    return Described(memberships, labels.astype(np.int32), nearest, objective)


def in_threads(function: Callable[[Any], Any], items: Any) -> list[Any]:
    """Return the function's answers in order, worked out on all cores.

    The first by itself, so that what it compiles is there for the others.
    """
    items = list(items)
    if len(items) < 3 or cores() < 2:
        return [function(item) for item in items]
    first = function(items[0])
    with ThreadPoolExecutor(min(len(items) - 1, cores())) as pool:
        return [first, *pool.map(function, items[1:])]


def _fill_features(centroids: np.ndarray, features: int) -> np.ndarray:
    return np.pad(centroids, ((0, 0), (0, features - centroids.shape[1])))


def _stiffness(beta: float, m: float, dtype: np.dtype) -> Stiffness:
    softest = float(np.finfo(dtype).tiny) ** 0.5  # memberships are equal long before
    with np.errstate(over="ignore"):  # too stiff for the type is infinitely stiff
        return Stiffness(np.array(max(beta, softest), dtype), np.array(m, dtype))
