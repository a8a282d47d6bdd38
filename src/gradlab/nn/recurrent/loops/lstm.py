"""The steps of an LSTM in machine code, forward and back.

The loop of a small layer does its products with inputs and weights too: what goes from step to step
then stays in the cache of a core. Those of a large layer are products of all steps, XLA's.
"""

from gradlab.native.elementary import sigmoid, tanh
from gradlab.native.function import Value
from gradlab.native.kernel import Kernel, once
from gradlab.nn.recurrent.loops.steps import (
    GateProducts,
    Gates,
    Inputs,
    Loop,
    Real,
    SlopeProducts,
    Stacked,
    State,
    Steps,
    WeightSlopes,
)
from gradlab.nn.recurrent.sweep import of_inputs, slopes_of_products

SMALL = 25_000
"""Weights up to which a loop adds up their slopes: they lie in a core's cache beside all else. On
one core of a Zen 3, a training step of 64 units takes 1.5 ms instead of 1.7; one of 32, 0.34 ms
instead of 0.48; one of 128 would take 18.7 ms instead of 17.2."""

CHUNK = 128
"""Examples and steps whose slopes are kept until the weights' are made of them."""


def forward(
    inputs: Inputs,
    weight: Stacked,
    c0: State,
    h0: State,
    real: Real | None,
    *,
    reverse: bool,
) -> tuple[Steps, Steps, Gates]:
    """Return outputs, memories and gates (i, f, g, o) of every step.

    On padding, output and memory stay as they are.

    >>> import jax.numpy as jnp
    >>> state = jnp.zeros((2, 8))
    >>> weight = jnp.zeros((12, 32)).at[3].set(1.0)
    >>> h, c, gates = forward(jnp.ones((3, 2, 3)), weight, state, state, None, reverse=False)
    >>> h.shape, gates.shape, round(float(c[0, 0, 0]), 4)  # σ(1) tanh(1)
    ((3, 2, 8), (3, 2, 32), 0.5568)
    """
    (n_steps, batch, n_inputs), units = inputs.shape, h0.shape[1]
    if n_inputs > units:  # the weights of more would not stay in the fastest cache
        inputs, weight, n_inputs = of_inputs(inputs, weight, units), weight[-units:], 0
    loop = _forward_loop(batch, units, n_inputs, reverse, real is not None)
    steps, gates = (n_steps, batch, units), (n_steps, batch, 4 * units)
    h, c, of_gates = loop((steps, steps, gates), inputs, weight, c0, h0, real)
    return h, c, of_gates


def backward(
    inputs: Inputs,
    outputs: Steps,
    memories: Steps,
    gates: Gates,
    weight: Stacked,
    c0: State,
    h0: State,
    dc: State,
    dh: State,
    slopes: Steps | None,
    real: Real | None,
    *,
    reverse: bool,
    deep: bool,
) -> tuple[Inputs | None, Stacked, State, State]:
    """Return the slopes of the inputs, of the weights, of the first memory and the first output.

    Args:
        inputs, weight, c0, h0: Of the forward sweep.
        outputs, memories, gates: What it gave.
        dc, dh: Slopes of the last memory and the last output.
        slopes: Of the outputs of every step; None where nothing depends on them.
        real: As in the forward sweep.
        reverse: Whether that went from the last step to the first.
        deep: Whether the slopes of the inputs are asked for; None comes instead.
    """
    (_, batch, n_inputs), units = inputs.shape, h0.shape[1]
    whole = n_inputs > 0 and weight.size <= SMALL
    loop = _backward_loop(
        batch,
        units,
        n_inputs if whole else 0,
        reverse,
        whole and deep,
        slopes is not None,
        real is not None,
    )
    swept = gates, memories, c0, weight if whole else weight[-units:], dc, dh
    given = slopes, real
    if whole:
        shapes = weight.shape, dc.shape, dh.shape, *([inputs.shape] if deep else [])
        dw, dc, dh, *dx = loop(shapes, *swept, inputs, outputs, h0, *given)
        return dx[0] if deep else None, dw, dc, dh
    dz, dc, dh = loop((gates.shape, dc.shape, dh.shape), *swept, *given)
    return *slopes_of_products(dz, inputs, outputs, h0, weight, reverse, deep), dc, dh


@once
def _forward_loop(batch: int, units: int, n_inputs: int, reverse: bool, masked: bool) -> Kernel:
    """Make the loop over inputs of so many numbers; where that is 0 they are x W + b."""
    loop = Loop(
        "lstm", batch, units, backwards=reverse, inputs=4 + masked, outputs=3, more=(n_inputs,)
    )
    f, n_gates = loop.f, 4 * units
    inputs, weight, c0, h0, *more, h, c, gates, _ = f.arrays
    recurrent = f.at(weight, (n_inputs + 1) * n_gates) if n_inputs else weight
    weights = [(weight, n_inputs)] if n_inputs else []
    products = GateProducts(loop, [*weights, (recurrent, units)], n_gates, range(4))
    with f.loop(f.rows) as step:
        t, before = loop.time(step)
        first = f.is_zero(step)
        h_before, c_before = (
            loop.state(first, begin, states, before) for begin, states in ((h0, h), (c0, c))
        )

        def begin(row: Value, u: Value, gate: int) -> Value:
            if n_inputs:
                return f.at(weight, n_inputs * n_gates + gate * units, u)  # the bias
            example = f.add(f.multiply(t, batch), row)
            return f.at(inputs, f.multiply(example, n_gates), gate * units, u)

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

        now = [f.at(inputs, f.multiply(t, batch * n_inputs))] if n_inputs else []
        products.each([*now, h_before], begin, finish)
    return loop.end()


@once
def _backward_loop(
    batch: int, units: int, n_inputs: int, reverse: bool, deep: bool, sloped: bool, masked: bool
) -> Kernel:
    """Make the loop that ends with the weights' slopes; with the gates', where n_inputs is 0."""
    whole = n_inputs > 0
    loop = Loop(
        "lstm_back",
        batch,
        units,
        backwards=not reverse,
        inputs=6 + 3 * whole + sloped + masked,
        outputs=3 + deep,
        more=(n_inputs, deep, sloped, masked),
    )
    f, n_gates = loop.f, 4 * units
    arrays = list(f.arrays)
    gates, memories, c0, weight, last_dc, last_dh = arrays[:6]
    inputs, outputs, h0 = arrays[6:9] if whole else (None, None, None)
    more = arrays[6 + 3 * whole :][: sloped + masked]
    result, dc, dh, *dx = arrays[6 + 3 * whole + sloped + masked : -1]
    recurrent = f.at(weight, (n_inputs + 1) * n_gates) if whole else weight
    # Rows of slopes begin in different sets of the cache.
    pitch = (-(-n_gates // 16) + 1) * 16 if whole else n_gates
    at_once = max(1, CHUNK // max(1, batch))
    dz = loop.space(at_once * batch * pitch) if whole else result
    to_h = SlopeProducts(loop, recurrent, n_gates, n_gates, units)
    to_x = SlopeProducts(loop, weight, n_gates, n_gates, n_inputs) if deep else None
    of_weights = WeightSlopes(loop, dz, pitch, n_gates)
    f.copy(last_dc, dc, batch * units)
    f.copy(last_dh, dh, batch * units)
    if whole:
        f.clear(result, (n_inputs + 1 + units) * n_gates)
    for x in dx:
        f.clear(x, f.multiply(f.rows, batch * n_inputs))
    one = f.constant(1.0)

    def state_before(step: Value, begin: Value, states: Value) -> Value:
        t, _ = loop.time(step)
        return loop.state(_is_last(loop, step), begin, states, f.add(t, 1 if reverse else -1))

    with f.loop(f.rows) as step:
        t, _ = loop.time(step)
        slot = f.remainder(step, at_once) if whole else t
        now = f.at(dz, f.multiply(slot, batch * pitch))
        c_before = state_before(step, c0, memories)
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
                    f.store(slope, f.at(now, f.multiply(row, pitch), gate * units, u), n)
                f.store(passing[0], f.at(dh, here), n)
                f.store(f.plus(passing[1], f.times(of_memory, keep)), f.at(dc, here), n)

            loop.of_units(slopes_of_gates)
        to_h.add(now, pitch, dh)
        if to_x is not None:
            to_x.add(now, pitch, f.at(dx[0], f.multiply(t, batch * n_inputs)))
        if whole:
            full = f.is_zero(f.subtract(slot, at_once - 1))
            with f.builder.if_then(f.one_of(full, _is_last(loop, step))):
                steps, first = f.add(slot, 1), f.subtract(step, slot)

                def input_of(i: Value) -> Value:
                    t, _ = loop.time(f.add(first, i))
                    return f.at(inputs, f.multiply(t, batch * n_inputs))

                def output_before(i: Value) -> Value:
                    return state_before(f.add(first, i), h0, outputs)

                of_weights.add(steps, input_of, n_inputs, result)
                of_weights.add_sums(steps, f.at(result, n_inputs * n_gates))
                of_recurrent = f.at(result, (n_inputs + 1) * n_gates)
                of_weights.add(steps, output_before, units, of_recurrent)
    return loop.end()


def _is_last(loop: Loop, step: Value) -> Value:
    f = loop.f
    return f.is_zero(f.subtract(f.subtract(f.rows, 1), step))
