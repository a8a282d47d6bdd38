"""The steps of an LSTM in machine code, forward and back."""

from jaxtyping import Array, Float

from gradlab.native.elementary import sigmoid, tanh
from gradlab.native.function import Value
from gradlab.native.kernel import Kernel, once
from gradlab.nn.recurrent.loops.steps import (
    GateProducts,
    Gates,
    Loop,
    Real,
    SlopeProducts,
    State,
    Steps,
)


def forward(
    projected: Gates,
    recurrent: Float[Array, "units gates"],
    c0: State,
    h0: State,
    real: Real | None,
    *,
    reverse: bool,
) -> tuple[Steps, Steps, Gates]:
    """Return outputs, memories and gates (i, f, g, o) of every step; `projected` is x W + b.

    On padding, output and memory stay as they are.

    >>> import jax.numpy as jnp
    >>> state = jnp.zeros((2, 8))
    >>> h, c, gates = forward(
    ...     jnp.ones((3, 2, 32)), jnp.zeros((8, 32)), state, state, None, reverse=False
    ... )
    >>> h.shape, gates.shape, round(float(c[0, 0, 0]), 4)  # σ(1) tanh(1)
    ((3, 2, 8), (3, 2, 32), 0.5568)
    """
    n_steps, batch, n_gates = projected.shape
    loop = _forward_loop(batch, n_gates // 4, reverse, real is not None)
    steps = (n_steps, batch, n_gates // 4)
    h, c, gates = loop((steps, steps, projected.shape), projected, recurrent, c0, h0, real)
    return h, c, gates


def backward(
    gates: Gates,
    memories: Steps,
    c0: State,
    recurrent: Float[Array, "units gates"],
    dc: State,
    dh: State,
    slopes: Steps | None,
    real: Real | None,
    *,
    reverse: bool,
) -> tuple[Gates, State, State]:
    """Return the slopes of the gates before squashing, of the first memory and the first output.

    Args:
        gates, memories: Of the forward sweep.
        c0: The first memory.
        recurrent: The recurrent weights.
        dc, dh: Slopes of the last memory and the last output.
        slopes: Of the outputs of every step; None where nothing depends on them.
        real: As in the forward sweep.
        reverse: Whether that went from the last step to the first.
    """
    _, batch, n_gates = gates.shape
    loop = _backward_loop(batch, n_gates // 4, reverse, slopes is not None, real is not None)
    dz, dc, dh = loop(
        (gates.shape, dc.shape, dh.shape), gates, memories, c0, recurrent, dc, dh, slopes, real
    )
    return dz, dc, dh


@once
def _forward_loop(batch: int, units: int, reverse: bool, masked: bool) -> Kernel:
    loop = Loop("lstm", batch, units, backwards=reverse, inputs=4 + masked, outputs=3)
    f, n_gates = loop.f, 4 * units
    projected, recurrent, c0, h0, *more, h, c, gates, _ = f.arrays
    products = GateProducts(loop, recurrent, n_gates, range(4))
    with f.loop(f.rows) as step:
        t, before = loop.time(step)
        first = f.is_zero(step)
        h_before, c_before = (
            loop.state(first, begin, states, before) for begin, states in ((h0, h), (c0, c))
        )

        def begin(row: Value, u: Value, gate: int) -> Value:
            example = f.add(f.multiply(t, batch), row)
            return f.at(projected, f.multiply(example, n_gates), gate * units, u)

        def finish(row: Value, u: Value, n: int, z: list[Value]) -> None:
            example = f.add(f.multiply(t, batch), row)
            squashed = sigmoid(f, z[0]), sigmoid(f, z[1]), tanh(f, z[2]), sigmoid(f, z[3])
            for gate, value in enumerate(squashed):
                place = f.at(gates, f.multiply(example, n_gates), gate * units, u)
                f.store(value, place, n)
            inward, keep, new, out = squashed
            here, there = f.add(f.multiply(row, units), u), f.add(f.multiply(example, units), u)
            old = f.load(f.at(c_before, here), n)
            memory = f.multiply_add(keep, old, f.times(inward, new))
            output = f.times(out, tanh(f, memory))
            if masked:
                is_real = f.everywhere(f.at(more[0], example))
                memory = f.where(is_real, memory, old)
                output = f.where(is_real, output, f.load(f.at(h_before, here), n))
            f.store(memory, f.at(c, there), n)
            f.store(output, f.at(h, there), n)

        products.each(h_before, begin, finish)
    return loop.end()


@once
def _backward_loop(batch: int, units: int, reverse: bool, sloped: bool, masked: bool) -> Kernel:
    inputs = 6 + sloped + masked
    loop = Loop(
        "lstm_back",
        batch,
        units,
        backwards=not reverse,
        inputs=inputs,
        outputs=3,
        more=(sloped, masked),
    )
    f, n_gates = loop.f, 4 * units
    gates, memories, c0, recurrent, last_dc, last_dh, *more, dz, dc, dh, _ = f.arrays
    products = SlopeProducts(loop, recurrent, n_gates, n_gates)
    f.copy(last_dc, dc, batch * units)
    f.copy(last_dh, dh, batch * units)
    one = f.constant(1.0)
    with f.loop(f.rows) as step:
        t, _ = loop.time(step)
        is_first = f.is_zero(f.subtract(f.subtract(f.rows, 1), step))
        before = f.add(t, 1 if reverse else -1)
        c_before = loop.state(is_first, c0, memories, before)
        with f.loop(batch) as row:
            example = f.add(f.multiply(t, batch), row)

            def slopes_of_gates(u: Value, n: int) -> None:
                here, there = f.add(f.multiply(row, units), u), f.add(f.multiply(example, units), u)
                place = f.at(gates, f.multiply(example, n_gates), u)
                inward, keep, new, out = (f.load(f.at(place, i * units), n) for i in range(4))
                old = f.load(f.at(c_before, here), n)
                squashed = tanh(f, f.load(f.at(memories, there), n))
                of_output, of_memory = (f.load(f.at(slope, here), n) for slope in (dh, dc))
                if sloped:
                    of_output = f.plus(of_output, f.load(f.at(more[0], there), n))
                passing = f.zeros(), f.zeros()
                if masked:
                    is_real = f.everywhere(f.at(more[-1], example))
                    passing = tuple(f.where(is_real, f.zeros(), x) for x in (of_output, of_memory))
                    of_output, of_memory = (
                        f.where(is_real, x, f.zeros()) for x in (of_output, of_memory)
                    )
                through = f.times(of_output, out, f.minus(one, f.times(squashed, squashed)))
                of_memory = f.plus(of_memory, through)
                slopes = (
                    f.times(of_memory, new, inward, f.minus(one, inward)),
                    f.times(of_memory, old, keep, f.minus(one, keep)),
                    f.times(of_memory, inward, f.minus(one, f.times(new, new))),
                    f.times(of_output, squashed, out, f.minus(one, out)),
                )
                for gate, slope in enumerate(slopes):
                    to = f.at(dz, f.multiply(example, n_gates), gate * units, u)
                    f.store(slope, to, n)
                f.store(passing[0], f.at(dh, here), n)
                f.store(f.plus(passing[1], f.times(of_memory, keep)), f.at(dc, here), n)

            loop.of_units(slopes_of_gates)
        first = f.multiply(t, batch * n_gates)
        products.add(f.at(dz, first), n_gates, dh)
    return loop.end()
