"""Many runs as one compiled program.

The program takes a block of members and trains each for a number of epochs. Members go one after
another (`lax.map`) inside the call, and a member's kind picks its branch (`lax.switch`) round its
whole training; so the instructions that a run executes are those of its own branch, whatever it
is trained beside, and its numbers are the same bit for bit alone, in any block, and resumed. On
an accelerator, where one small network fills nothing, members go side by side (`vmap`).
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int, PyTree, Shaped, UInt32

from gradlab.nn.random import row_key
from gradlab.training.learner import Batch, Learner
from gradlab.training.packing import Layout, layout_of, pack, unpack

NOT_DIVERGED = -1
HISTORY = ("train_loss", "validation_loss", "validation_score")


class Control(NamedTuple):
    """Where each member stands."""

    epoch: Shaped[Any, " members"]
    """Epochs done."""
    epochs: Shaped[Any, " members"]
    """Epochs wanted."""
    active: Shaped[Any, " members"]
    """False once diverged, stopped early, or for the padding of a block."""
    best_loss: Shaped[Any, " members"]
    best_epoch: Shaped[Any, " members"]
    diverged: Shaped[Any, " members"]
    """Epoch (from 0) in which a loss was not finite; -1 if none was."""


class Members(NamedTuple):
    """A block of runs, stacked; every field is data, none decides the program."""

    kind: Shaped[Any, " members"]
    seed: Shaped[Any, " members"]
    split: Shaped[Any, " members"]
    hyper: Shaped[Any, "members numbers"]
    state: Shaped[Any, "members words"]
    best: Shaped[Any, "members best_words"]
    control: Control
    learning_rates: Shaped[Any, "members epochs steps"]
    order: Shaped[Any, "members epochs steps batch"]


class Data(NamedTuple):
    """What all members share; `shift`, `scale`, `fill` have one row a split, or are None."""

    x: Any
    y: Any
    weight: Any
    validation: Any
    """Rows of each split's validation part, (splits, chunks, rows), padded with -1."""
    shift: Any = None
    scale: Any = None
    fill: Any = None


class Trained(NamedTuple):
    """What a call gives back, one row a member."""

    state: Array
    best: Array
    control: Control
    history: Array
    """(members, epochs, 3): train loss, validation loss, validation score; NaN where skipped."""


@dataclasses.dataclass(frozen=True)
class Layouts:
    """How each kind's state and result lie in their words."""

    states: tuple[Layout, ...]
    results: tuple[Layout, ...]
    state_words: int
    result_words: int
    numbers: int


def layouts_of(learners: Sequence[Learner], dtype: np.dtype) -> Layouts:
    """Return the layouts of the kinds of one program."""
    states, results = [], []
    for learner in learners:
        hyper = {name: jax.ShapeDtypeStruct((), dtype) for name in learner.hyper_names}
        start = _abstract(learner.start_layout)
        state = jax.eval_shape(learner.init, start, hyper)
        states.append(layout_of(state))
        results.append(layout_of(jax.eval_shape(learner.result, state, hyper)))
    return Layouts(
        states=tuple(states),
        results=tuple(results),
        # The initial weights come in the same words, so they must fit too (they always do: a
        # state holds them).
        state_words=max(layout.words for layout in states),
        result_words=max(layout.words for layout in results),
        numbers=max(1, max(len(learner.hyper_names) for learner in learners)),
    )


def population(
    learners: Sequence[Learner], layouts: Layouts, *, side_by_side: bool = False
) -> Callable[[Members, Data], Trained]:
    """Return the function that trains a block of members; to be jitted by the caller.

    Args:
        learners: One a kind; `Members.kind` counts in this order.
        layouts: Of the same learners.
        side_by_side: Use `vmap` over members instead of `lax.map`.
    """
    branches = [
        _branch(learner, layouts, state, result)
        for learner, state, result in zip(
            learners, layouts.states, layouts.results, strict=True
        )
    ]

    def train(members: Members, data: Data) -> Trained:
        def one(member: Members) -> Trained:
            if len(branches) == 1:
                return branches[0](member, data)
            return lax.switch(member.kind, branches, member, data)

        return jax.vmap(one)(members) if side_by_side else lax.map(one, members)

    return train


def _branch(
    learner: Learner, layouts: Layouts, state_layout: Layout, result_layout: Layout
) -> Callable[[Members, Data], Trained]:
    """Return the training of one member of one kind."""

    def run(member: Members, data: Data) -> Trained:
        hyper = {name: member.hyper[i] for i, name in enumerate(learner.hyper_names)}
        n_epochs, n_steps = member.learning_rates.shape
        dtype = data.x.dtype

        state = lax.cond(
            member.control.epoch == 0,
            lambda row: pack(
                learner.init(unpack(row, learner.start_layout), hyper), layouts.state_words
            ),
            lambda row: row,
            member.state,
        )

        def gather(rows: Int[Array, " batch"]) -> Batch:
            return gather_batch(data, member.split, rows)

        def one_step(state: PyTree, step: tuple) -> tuple[PyTree, tuple]:
            rows, rate, number = step
            key = row_key(member.seed, number, rows)
            return learner.step(state, gather(rows), {**hyper, "learning_rate": rate}, key)

        def one_chunk(sums: tuple, rows: Int[Array, " chunk"], state: PyTree) -> tuple:
            return jax.tree.map(jnp.add, sums, learner.evaluate(state, gather(rows), hyper))

        def train_epoch(carry: tuple, rates: Array, order: Array, epoch: Array) -> tuple:
            state, best, control = carry
            numbers = epoch.astype(jnp.uint32) * n_steps + jnp.arange(n_steps, dtype=jnp.uint32)
            state, (loss, weight) = lax.scan(one_step, state, (order, rates, numbers))
            zeros = (jnp.zeros((), dtype),) * 3
            sums, _ = lax.scan(
                lambda sums, rows: (one_chunk(sums, rows, state), None),
                zeros,
                data.validation[member.split],
            )
            floor = jnp.finfo(dtype).tiny
            row = jnp.stack(
                [
                    loss.sum() / jnp.maximum(weight.sum(), floor),
                    sums[0] / jnp.maximum(sums[2], floor),
                    sums[1] / jnp.maximum(sums[2], floor),
                ]
            )
            finite = jnp.isfinite(row[0]) & jnp.isfinite(row[1])
            better = finite & (row[1] < control.best_loss)
            if learner.keep_best:
                best = lax.cond(
                    better,
                    lambda: pack(learner.result(state, hyper), layouts.result_words),
                    lambda: best,
                )
                waited = epoch - jnp.where(better, epoch, control.best_epoch)
                go_on = waited < hyper["patience"]
            else:
                go_on = jnp.array(True)
            control = control._replace(
                epoch=epoch + 1,
                active=finite & go_on & (epoch + 1 < control.epochs),
                best_loss=jnp.where(better, row[1], control.best_loss),
                best_epoch=jnp.where(better, epoch, control.best_epoch),
                diverged=jnp.where(finite, control.diverged, epoch),
            )
            return (state, best, control), row

        def maybe_epoch(carry: tuple, scanned: tuple) -> tuple:
            rates, order = scanned
            return lax.cond(
                carry[2].active,
                lambda carry: train_epoch(carry, rates, order, carry[2].epoch),
                lambda carry: (carry, jnp.full(len(HISTORY), jnp.nan, dtype)),
                carry,
            )

        carry = (unpack(state, state_layout), member.best, member.control)
        (state, best, control), history = lax.scan(
            maybe_epoch, carry, (member.learning_rates, member.order), length=n_epochs
        )
        if not learner.keep_best:
            best = pack(learner.result(state, hyper), layouts.result_words)
        return Trained(pack(state, layouts.state_words), best, control, history)

    return run


def gather_batch(data: Data, split: Int[Array, ""], rows: Int[Array, " batch"]) -> Batch:
    """Return the rows, scaled by their split's statistics; padding (-1) gets weight 0."""
    real: Bool[Array, " batch"] = rows >= 0
    rows = jnp.maximum(rows, 0)
    x = data.x[rows]
    if data.shift is not None:
        scaled = (x - data.shift[split][None]) * data.scale[split][None]
        x = jnp.where(jnp.isnan(x), data.fill[split][None], scaled)
    weight = real.astype(data.x.dtype)
    if data.weight is not None:
        weight = weight * data.weight[rows]
    return Batch(x, data.y[rows], weight)


def initial_control(epochs: int, dtype: np.dtype) -> Control:
    """Return the control of one run that has not begun."""
    return Control(
        epoch=np.int32(0),
        epochs=np.int32(epochs),
        active=np.bool_(True),
        best_loss=dtype.type(np.inf),
        best_epoch=np.int32(0),
        diverged=np.int32(NOT_DIVERGED),
    )


def _abstract(layout: Layout) -> PyTree:
    leaves = [
        jax.ShapeDtypeStruct(shape, dtype)
        for shape, dtype in zip(layout.shapes, layout.dtypes, strict=True)
    ]
    return jax.tree.unflatten(layout.treedef, leaves)


Words = UInt32[Array, " words"]
