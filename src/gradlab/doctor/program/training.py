"""The training of a program, compiled once for each structure.

A call takes steps `first` to `last` of one run; both are numbers, so a run may be stopped anywhere
to be looked at, and how long it is decides no program. Runs go through one at a time, from as many
threads as there are cores.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jaxtyping import Array, Float, Int, PyTree

from gradlab.doctor.program.coding import answer_kind, coded, right
from gradlab.doctor.program.losses import row_losses
from gradlab.doctor.program.network import forward, is_penalised, penalty, places, starting_states
from gradlab.doctor.program.optimizers import optimizer
from gradlab.doctor.program.settings import (
    Activate,
    Conv1D,
    Conv2D,
    Dense,
    Recurrent,
    Settings,
)
from gradlab.nn.random import GOLDEN, RowKey, mix, row_key

HISTORY = ("train_loss", "watched_loss", "watched_score", "held_loss", "held_score")
"""Columns of a run's history; scores are shares of right answers, or mean squared errors."""


ROOM = 1024
"""Epochs of a call, at most."""


class Data(NamedTuple):
    """What all runs of a program share."""

    x: Any
    """Training rows, then those held back; scaled."""
    y: Any
    weight: Any
    """Of each row in the loss."""
    n_train: Any
    """Rows that train, the first ones."""
    judged: Any
    """Rows whose score is followed, (chunks, rows), padded with −1."""
    group: Any
    """Of each chunk: 0 for training rows, 1 for rows held back."""
    n_chunks: Any
    """Chunks that are followed, the first ones."""


class Run(NamedTuple):
    """One run's numbers."""

    seed: Any
    shuffle: Any
    numbers: dict[str, Any]


class State(NamedTuple):
    """Everything that changes in a run."""

    arrays: PyTree
    layers: PyTree
    optimizer: PyTree
    totals: Any
    """Loss and weight of the epoch so far, summed over its rows."""
    bad: Any
    """First step whose loss was not finite; −1 if all were."""


class Batch(NamedTuple):
    """Rows, gathered."""

    x: Array
    y: Array
    weight: Float[Array, " batch"]


class Functions(NamedTuple):
    """The parts of a structure."""

    start: Any
    """(arrays, numbers) -> State; on the host."""
    train: Any
    """(state, run, data, first, last, size=rows of a batch) -> State, one row of HISTORY an epoch.

    At most ROOM epochs, counted from that of the first step; the row of an epoch that is not done
    yet is to be left alone. With last = first nothing is trained, and the row says how it stands.
    """
    loss: Any
    """(arrays, layers, batch, numbers, key, …) -> what a probe needs, see `probing`."""


@functools.lru_cache(maxsize=256)
def functions(structure: Settings) -> Functions:
    """Return the functions of a structure (see `structure.structure_of`)."""
    found = places(structure.model)
    shape = found[-1].shape_out
    kind = answer_kind(structure, shape)
    last = last_activation(structure)
    penalised = is_penalised(structure.model)

    def losses(flow: Any, y: Array, clip: Array) -> tuple[Array, Array]:
        targets = coded(structure, y, shape)
        rows = row_losses(structure.loss, flow.outputs, flow.scores, targets, clip, last=last)
        return rows, targets

    def sums(values: Array, weight: Array, real: Array | None) -> tuple[Array, Array]:
        """Sum over rows, and over steps where there are any; padding and masked steps are 0."""
        many = values.ndim - 1
        spread = jnp.broadcast_to(weight.reshape(-1, *[1] * many), values.shape)
        if real is not None and many:
            spread = spread * real.astype(spread.dtype)
        return jnp.where(spread > 0, values * spread, 0).sum(), spread.sum()

    def total(
        arrays: PyTree,
        layers: PyTree,
        batch: Batch,
        numbers: dict,
        key: RowKey | None,
        **extra: Any,
    ) -> tuple[Array, Any]:
        flow = forward(
            found,
            arrays,
            layers,
            batch.x,
            numbers=numbers,
            key=key,
            mask=batch.weight > 0,
            **extra,
        )
        rows, targets = losses(flow, batch.y, numbers["clip"])
        loss, weight = sums(rows, batch.weight, flow.real)
        return loss, (weight, flow, targets)

    def transformation(rate: Any, numbers: dict) -> optax.GradientTransformation:
        head = "optimizer."
        own = {name[len(head) :]: v for name, v in numbers.items() if name.startswith(head)}
        return optimizer(structure.optimizer, rate, own)

    def step(state: State, run: Run, batch: Batch, number: Array, rows: Array) -> State:
        numbers = run.numbers
        key = row_key(run.seed, number, rows)

        def minimised(arrays: PyTree) -> tuple[Array, Any]:
            loss, (weight, flow, _) = total(
                arrays, state.layers, batch, numbers, key, training=True
            )
            value = loss
            if structure.loss.reduction != "sum":
                half = 0.5 if structure.loss.reduction == "half_mean" else 1.0
                value = half * loss / jnp.maximum(weight, 1e-30)
            if penalised:
                value = value + penalty(found, arrays, numbers)
            return value, (loss, weight, flow.states)

        gradients, (loss, weight, layers) = jax.grad(minimised, has_aux=True)(state.arrays)
        rate = numbers["learning_rate"] / (1 + numbers["decay"] * number.astype(jnp.float32))
        change = transformation(rate, numbers)
        updates, chosen = change.update(gradients, state.optimizer, state.arrays)
        broken = ~jnp.isfinite(loss) & (state.bad < 0)
        return State(
            arrays=optax.apply_updates(state.arrays, updates),
            layers=layers,
            optimizer=chosen,
            totals=state.totals + jnp.stack([loss, weight]),
            bad=jnp.where(broken, number.astype(jnp.int32), state.bad),
        )

    def evaluate(state: State, run: Run, data: Data) -> Array:
        """Return loss and score of watched rows, then of those held back; NaN of none."""

        def chunk(i: Array, sums_of: Array) -> Array:
            rows = data.judged[i]
            batch = gather(data, rows)
            batch = batch._replace(weight=(rows >= 0).astype(batch.weight.dtype))
            loss, (weight, flow, targets) = total(
                state.arrays, state.layers, batch, run.numbers, None
            )
            hits = right(kind, flow.outputs, batch.y, targets)
            score, _ = sums(hits, batch.weight, flow.real)
            return sums_of.at[data.group[i]].add(jnp.stack([loss, score, weight]))

        own, held = lax.fori_loop(0, data.n_chunks, chunk, jnp.zeros((2, 3)))
        return jnp.concatenate([own[:2] / own[2], held[:2] / held[2]])

    def start(arrays: PyTree, numbers: dict) -> State:
        change = transformation(np.float32(0), numbers)
        return State(
            arrays=arrays,
            layers=starting_states(structure.model),
            optimizer=starting_optimizer(change.init, arrays, numbers),
            totals=np.zeros(2, np.float32),
            bad=np.int32(-1),
        )

    def epoch(
        e: Array, state: State, run: Run, data: Data, lo: Array, hi: Array, size: int
    ) -> tuple[State, Array]:
        n_steps = -(-data.n_train // size)
        order = shuffled(run, e, data, size)

        def one(i: Array, state: State) -> State:
            rows = lax.dynamic_slice(order, (i * size,), (size,))
            number = (e * n_steps + i).astype(jnp.uint32)
            return step(state, run, gather(data, rows), number, rows)

        state = state._replace(totals=jnp.where(lo == 0, 0.0, state.totals))
        state = lax.fori_loop(lo, hi, one, state)
        mean = state.totals[:1] / state.totals[1:]
        return state, jnp.concatenate([mean, evaluate(state, run, data)])

    @functools.partial(jax.jit, static_argnames="size")
    def train(
        state: State, run: Run, data: Data, first: Array, last: Array, size: int
    ) -> tuple[State, Array]:
        n_steps = -(-data.n_train // size)
        start = first // n_steps

        def go_on(carry: tuple) -> Array:
            e, state, _ = carry
            return (e * n_steps < jnp.maximum(last, first + 1)) & (state.bad < 0)

        def next_epoch(carry: tuple) -> tuple:
            e, state, rows = carry
            lo = jnp.maximum(first - e * n_steps, 0)
            hi = jnp.minimum(last - e * n_steps, n_steps)
            state, row = epoch(e, state, run, data, lo, hi, size)
            return e + 1, state, lax.dynamic_update_slice(rows, row[None], (e - start, 0))

        rows = jnp.full((ROOM, len(HISTORY)), jnp.nan)
        _, state, rows = lax.while_loop(go_on, next_epoch, (start, state, rows))
        return state, rows

    return Functions(start=start, train=train, loss=total)


def starting_optimizer(init: Callable[[PyTree], PyTree], arrays: PyTree, numbers: dict) -> PyTree:
    """Return an optimizer's state before training, without compiling anything.

    All that is not 0 there are AdaGrad's sums and Nadam's product of momenta.
    """
    shapes = jax.eval_shape(init, arrays)
    sums = float(numbers.get("optimizer.initial_accumulator", 0.0))

    def filled(path: tuple, leaf: Any) -> np.ndarray:
        name = getattr(path[-1], "name", "") if path else ""
        value = 1.0 if name == "product" else sums
        return np.full(leaf.shape, 0 if leaf.dtype.kind == "i" else value, leaf.dtype)

    return jax.tree_util.tree_map_with_path(filled, shapes)


def shuffled(run: Run, epoch: Array, data: Data, size: int) -> Int[Array, " places"]:
    """Return the training rows in the epoch's order, padded with −1 to whole batches.

    The place of a row is a hash of seed, epoch and row: a smaller batch size sees the same order.
    """
    room = data.x.shape[0]
    rows = jnp.arange(room, dtype=jnp.int32)
    word = mix(jnp.asarray(run.seed, jnp.uint32) * jnp.uint32(GOLDEN) + jnp.uint32(2))
    word = mix(word + epoch.astype(jnp.uint32) * jnp.uint32(GOLDEN))
    # Half the words are left for the rows that don't train, which go to the end.
    place = mix(word + rows.astype(jnp.uint32) * jnp.uint32(GOLDEN)) >> 1
    place = jnp.where(run.shuffle, place, rows.astype(jnp.uint32))
    trains = rows < data.n_train
    order = jnp.argsort(jnp.where(trains, place, jnp.uint32(2**32 - 1)))
    order = jnp.where(rows < data.n_train, order.astype(jnp.int32), -1)
    return jnp.pad(order, (0, size), constant_values=-1)


def gather(data: Data, rows: Int[Array, " batch"]) -> Batch:
    """Return rows of the data; padding gets weight 0."""
    real = rows >= 0
    rows = jnp.maximum(rows, 0)
    return Batch(data.x[rows], data.y[rows], jnp.where(real, data.weight[rows], 0))


def last_activation(settings: Settings) -> str:
    """Return the name of the activation that gives the outputs.

    A softmax that stands in a layer of its own behind the last one counts.
    """
    for words in reversed(settings.model.layers):
        if isinstance(words, Recurrent):
            return "linear"  # what it gives is no activation of a score
        if isinstance(words, Dense | Conv2D | Conv1D | Activate):
            return words.activation
    return "linear"
