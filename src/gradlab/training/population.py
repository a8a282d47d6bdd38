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

from gradlab.nn.padded import Padded
from gradlab.nn.random import row_key
from gradlab.training.learner import Batch, Learner
from gradlab.training.packing import Layout, layout_of, pack, unpack
from gradlab.training.pauses import empty_probes, measured_steps
from gradlab.training.probes import ProbeTimes

NOT_DIVERGED = -1
NEVER = 2**31 - 1
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
    patience: Shaped[Any, " members"]
    """Epochs without a lower validation loss after which to stop; NEVER for none."""
    diverged: Shaped[Any, " members"]
    """Epoch (from 0) in which a loss was not finite; -1 if none was."""


class Members(NamedTuple):
    """A block of runs, stacked; every field is data, none decides the program."""

    kind: Shaped[Any, " members"]
    seed: Shaped[Any, " members"]
    split: Shaped[Any, " members"]
    hyper: Shaped[Any, "members numbers"]
    state: Shaped[Any, "members words"]
    best: Shaped[Any, "members words"]
    """State of the epoch with the lowest validation loss, where there is patience."""
    control: Control
    learning_rates: Shaped[Any, "members epochs steps"]
    order: Shaped[Any, "members epochs steps batch"]
    probes: ProbeTimes | None = None
    """When each is measured; None if the program measures nothing."""


class Data(NamedTuple):
    """What all members share; `shift`, `scale`, `fill` have one row a split, or are None."""

    x: Any
    y: Any
    weight: Any
    balanced: Any
    """Weight of each row that gives every class the same sum; None for numbers."""
    validation: Any
    """Rows of each split's validation part, (splits, chunks, rows), padded with -1."""
    shift: Any = None
    scale: Any = None
    fill: Any = None
    lengths: Any = None
    """Real steps of each sequence, where they differ."""
    probe: Any = None
    """Rows of each split that probes look at, (splits, rows); None to measure nothing."""


class Trained(NamedTuple):
    """What a call gives back, one row a member."""

    state: Array
    best: Array
    control: Control
    history: Array
    """(members, epochs, 3), the columns of HISTORY; NaN where an epoch was skipped."""
    result: Array
    """The result's words: of the best epoch where there is patience, else of the last."""
    probes: Array | None = None
    """(members, points, columns), see `gradlab.training.probes`; the first `n_probes` count."""
    n_probes: Array | None = None


@dataclasses.dataclass(frozen=True)
class Layouts:
    """How each kind's state and result lie in their words."""

    states: tuple[Layout, ...]
    results: tuple[Layout, ...]
    state_words: int
    result_words: int
    numbers: int
    probe_numbers: int = 0
    """Of the widest probe."""


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
        probe_numbers=max(0 if each.probe is None else each.probe.numbers for each in learners),
    )


def population(
    learners: Sequence[Learner],
    layouts: Layouts,
    *,
    side_by_side: bool = False,
    skip_empty: bool = False,
) -> Callable[[Members, Data], Trained]:
    """Return the function that trains a block of members; to be jitted by the caller.

    Args:
        learners: One a kind; `Members.kind` counts in this order.
        layouts: Of the same learners.
        side_by_side: Use `vmap` over members instead of `lax.map`.
        skip_empty: Leave out steps without a row, which splits of unlike length have at the end
            of an epoch: momentum and decay would go on moving the weights.
    """
    branches = [
        _branch(learner, layouts, state, result, skip_empty)
        for learner, state, result in zip(learners, layouts.states, layouts.results, strict=True)
    ]

    def train(members: Members, data: Data) -> Trained:
        def one(member: Members) -> Trained:
            if len(branches) == 1:
                return branches[0](member, data)
            return lax.switch(member.kind, branches, member, data)

        return jax.vmap(one)(members) if side_by_side else lax.map(one, members)

    return train


def _branch(
    learner: Learner,
    layouts: Layouts,
    state_layout: Layout,
    result_layout: Layout,
    skip_empty: bool,
) -> Callable[[Members, Data], Trained]:
    """Return the training of one member of one kind."""

    def run(member: Members, data: Data) -> Trained:
        hyper = _numbers(learner, member.hyper)
        dtype = member.learning_rates.dtype
        zero = jnp.zeros((), dtype)
        n_epochs, n_steps = member.learning_rates.shape

        def step(state: PyTree, rows: Array, rate: Array, number: Array) -> tuple[PyTree, tuple]:
            key = row_key(member.seed, number, rows)
            batch = gather_batch(data, member.split, rows, dtype)
            return learner.step(state, batch, {**hyper, "learning_rate": rate}, key)

        def one_step(carry: tuple, scanned: tuple) -> tuple[tuple, None]:
            state, loss, weight, number = carry
            rows, rate = scanned
            if skip_empty:
                state, (more, real) = lax.cond(
                    rows[0] >= 0,
                    step,
                    lambda state, *_: (state, (zero, zero)),
                    state,
                    rows,
                    rate,
                    number,
                )
            else:
                state, (more, real) = step(state, rows, rate, number)
            return (state, loss + more, weight + real, number + 1), None

        def one_chunk(carry: tuple, rows: Int[Array, " chunk"]) -> tuple[tuple, None]:
            state, sums = carry
            batch = gather_batch(data, member.split, rows, dtype)
            return (state, jax.tree.map(jnp.add, sums, learner.evaluate(state, batch, hyper))), None

        def steps(state: PyTree, control: Control, scanned: tuple, probes: PyTree) -> tuple:
            order, rates = scanned
            first = control.epoch.astype(jnp.uint32) * jnp.uint32(n_steps)
            carry = (state, zero, zero, first)
            probe = learner.probe
            if probes is None or probe is None or member.probes is None:
                (state, loss, weight, _), _ = lax.scan(one_step, carry, (order, rates))
                return state, loss, weight, None
            batch = gather_batch(data, member.split, data.probe[member.split], dtype)
            (state, loss, weight, _), probes = measured_steps(
                one_step,
                carry,
                (order, rates),
                lambda state, before: probe.measure(state, before, batch, hyper),
                probe.weights,
                member.probes,
                (control.epoch, control.epochs),
                probes,
            )
            return state, loss, weight, probes

        def one_epoch(carry: tuple, scanned: tuple, probes: PyTree) -> tuple[tuple, Array, PyTree]:
            state, best, control = carry
            rates, order = scanned
            state, loss, weight, probes = steps(state, control, (order, rates), probes)
            (state, (val_loss, score, rows)), _ = lax.scan(
                one_chunk, (state, (zero, zero, zero)), data.validation[member.split]
            )
            # 0/0 is NaN: where there are no validation rows there is no validation loss.
            row = jnp.stack([loss, val_loss, score]) / jnp.stack([weight, rows, rows])
            finite = jnp.isfinite(row[0]) & (jnp.isfinite(row[1]) | (rows == 0))
            control, better = next_control(control, row[1], finite)
            if learner.keeps_best:
                best = lax.cond(better, lambda state, _: state, lambda _, best: best, state, best)
            return (state, best, control), row, probes

        def go_on(carry: tuple) -> Array:
            i, (_, _, control), _, _ = carry
            return control.active & (i < n_epochs)

        def next_epoch(carry: tuple) -> tuple:
            i, inner, history, probes = carry
            inner, row, probes = one_epoch(
                inner, (member.learning_rates[i], member.order[i]), probes
            )
            return i + 1, inner, history.at[i].set(row), probes

        # A new member's words hold its initial weights alone. What `init` makes of them is
        # computed at every call, which costs less than compiling a branch for the first.
        fresh = learner.init(unpack(member.state, learner.start_layout), hyper)
        state = jax.tree.map(
            lambda new, old: jnp.where(member.control.epoch == 0, new, old),
            fresh,
            unpack(member.state, state_layout),
        )
        best = unpack(member.best, state_layout) if learner.keeps_best else ()
        nothing = jnp.full((n_epochs, len(HISTORY)), jnp.nan, dtype)
        probes = None
        if learner.probe is not None and data.probe is not None:
            probes = empty_probes(member.probes, n_epochs, layouts.probe_numbers, dtype)
        _, (state, best, control), history, probes = lax.while_loop(
            go_on, next_epoch, (jnp.int32(0), (state, best, member.control), nothing, probes)
        )
        result = learner.result(best if learner.keeps_best else state, hyper)
        words = layouts.state_words
        return Trained(
            state=pack(state, words),
            best=pack(best, words),
            control=control,
            history=history,
            result=pack(result, layouts.result_words),
            probes=None if probes is None else probes.rows,
            n_probes=None if probes is None else probes.n,
        )

    return run


def next_control(
    control: Control, validation_loss: Float[Array, ""], finite: Bool[Array, ""]
) -> tuple[Control, Bool[Array, ""]]:
    """Return where a member stands after an epoch, and whether it was its best so far.

    Args:
        control: Before the epoch.
        validation_loss: Of the epoch.
        finite: Whether its losses were.
    """
    epoch = control.epoch
    better = finite & (validation_loss < control.best_loss)
    best_epoch = jnp.where(better, epoch, control.best_epoch)
    after = control._replace(
        epoch=epoch + 1,
        active=finite & (epoch - best_epoch < control.patience) & (epoch + 1 < control.epochs),
        best_loss=jnp.where(better, validation_loss, control.best_loss),
        best_epoch=best_epoch,
        diverged=jnp.where(finite, control.diverged, epoch),
    )
    return after, better


def _numbers(learner: Learner, numbers: Array) -> dict[str, Array]:
    return {name: numbers[i] for i, name in enumerate(learner.hyper_names)}


def gather_batch(
    data: Data, split: Int[Array, ""], rows: Int[Array, " batch"], dtype: Any
) -> Batch:
    """Return the rows, scaled by their split's statistics; padding (-1) gets weight 0."""
    real: Bool[Array, " batch"] = rows >= 0
    rows = jnp.maximum(rows, 0)
    x = data.x[rows]
    if x.dtype == jnp.uint8:
        # Pixels stay bytes in memory, four of them for one number.
        x = x.astype(dtype) / 255
    if data.shift is not None:
        scaled = (x - data.shift[split][None]) * data.scale[split][None]
        x = jnp.where(jnp.isnan(x), data.fill[split][None], scaled)
    if data.lengths is not None:
        x = Padded(x, data.lengths[rows])
    weight = real.astype(dtype)
    if data.weight is not None:
        weight = weight * data.weight[rows]
    balanced = None if data.balanced is None else data.balanced[rows]
    return Batch(x, data.y[rows], weight, balanced)


def initial_control(epochs: int, patience: int | None, dtype: np.dtype) -> Control:
    """Return the control of one run that has not begun."""
    return Control(
        epoch=np.int32(0),
        epochs=np.int32(epochs),
        active=np.bool_(True),
        best_loss=dtype.type(np.inf),
        best_epoch=np.int32(0),
        patience=np.int32(NEVER if patience is None else patience),
        diverged=np.int32(NOT_DIVERGED),
    )


def _abstract(layout: Layout) -> PyTree:
    leaves = [
        jax.ShapeDtypeStruct(shape, dtype)
        for shape, dtype in zip(layout.shapes, layout.dtypes, strict=True)
    ]
    return jax.tree.unflatten(layout.treedef, leaves)


Words = UInt32[Array, " words"]
