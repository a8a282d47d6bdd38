"""The steps of a GRU in machine code, forward and back, in both of its forms.

They are told apart by the recurrent bias: PyTorch's form has one, the documents' has none.
"""

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
    bias_recurrent: Float[Array, " units"] | None,
    h0: State,
    real: Real | None,
    *,
    reverse: bool,
) -> tuple[Steps, Gates, Steps]:
    """Return outputs, gates (r, z, n) and what the candidate takes of the past, for every step.

    That is h R_n + b_R in PyTorch's form, r ∘ h in the documents'. `projected` is x W + b.

    >>> import jax.numpy as jnp
    >>> h, gates, past = forward(
    ...     jnp.ones((3, 2, 24)), jnp.zeros((8, 24)), None, jnp.zeros((2, 8)), None, reverse=False
    ... )
    >>> h.shape, gates.shape, round(float(h[0, 0, 0]), 4)  # (1 - σ(1)) tanh(1)
    ((3, 2, 8), (3, 2, 24), 0.2048)
    """
    n_steps, batch, n_gates = projected.shape
    after = bias_recurrent is not None
    loop = _forward_loop(batch, n_gates // 3, reverse, after, real is not None)
    steps = (n_steps, batch, n_gates // 3)
    h, gates, past = loop(
        (steps, projected.shape, steps), projected, recurrent, h0, bias_recurrent, real
    )
    return h, gates, past


def backward(
    gates: Gates,
    past: Steps,
    h: Steps,
    h0: State,
    recurrent: Float[Array, "units gates"],
    dh: State,
    slopes: Steps | None,
    real: Real | None,
    *,
    reset_after: bool,
    reverse: bool,
) -> tuple[Gates, Steps | None, State]:
    """Return slopes: of what the recurrent weights give, of the candidate, of the first output.

    In the documents' form the first are those of r, z and n before squashing. In PyTorch's they are
    those of r, z and of the past, and the second are those of n.

    Args:
        gates, past, h: Of the forward sweep.
        h0: The first output.
        recurrent: The recurrent weights.
        dh: Slope of the last output.
        slopes: Of the outputs of every step; None where nothing depends on them.
        real: As in the forward sweep.
        reset_after: Whether it is PyTorch's form.
        reverse: Whether the forward sweep went from the last step to the first.
    """
    _, batch, n_gates = gates.shape
    has = slopes is not None, real is not None
    loop = _backward_loop(batch, n_gates // 3, reverse, reset_after, *has)
    arrays = gates, past, h, h0, recurrent, dh, slopes, real
    if reset_after:
        dz, dh, dn = loop((gates.shape, dh.shape, past.shape), *arrays)
        return dz, dn, dh
    dz, dh = loop((gates.shape, dh.shape), *arrays)
    return dz, None, dh


@once
def _forward_loop(batch: int, units: int, reverse: bool, after: bool, masked: bool) -> Kernel:
    loop = Loop(
        "gru",
        batch,
        units,
        backwards=reverse,
        inputs=3 + after + masked,
        outputs=3,
        more=(after, masked),
    )
    f, n_gates = loop.f, 3 * units
    projected, recurrent, h0, *more, h, gates, past, _ = f.arrays
    products = GateProducts(loop, [(recurrent, units)], n_gates, range(3) if after else range(2))
    candidate = None if after else GateProducts(loop, [(recurrent, units)], n_gates, [2])
    with f.loop(f.rows) as step:
        t, before = loop.time(step)
        h_before = loop.state(f.is_zero(step), h0, h, before)

        def example(row: Value) -> Value:
            return f.add(f.multiply(t, batch), row)

        def of_gate(array: Value, row: Value, u: Value, gate: int) -> Value:
            return f.at(array, f.multiply(example(row), n_gates), gate * units, u)

        def of_unit(array: Value, row: Value, u: Value) -> Value:
            return f.at(array, f.multiply(example(row), units), u)

        def old(row: Value, u: Value, n: int) -> Value:
            return f.load(f.at(h_before, f.multiply(row, units), u), n)

        def begin(row: Value, u: Value, gate: int) -> Value:
            if after and gate == 2:
                return f.at(more[0], u)
            return of_gate(projected, row, u, gate)

        def output(row: Value, u: Value, n: int, z: Value, new: Value) -> None:
            f.store(new, of_gate(gates, row, u, 2), n)
            was = old(row, u, n)
            result = f.multiply_add(z, f.minus(was, new), new)
            if masked:
                result = f.where(f.everywhere(f.at(more[-1], example(row))), result, was)
            f.store(result, of_unit(h, row, u), n)

        def finish(row: Value, u: Value, n: int, sums: list[Value]) -> None:
            r, z = sigmoid(f, sums[0]), sigmoid(f, sums[1])
            for gate, value in enumerate((r, z)):
                f.store(value, of_gate(gates, row, u, gate), n)
            if not after:
                f.store(f.times(r, old(row, u, n)), of_unit(past, row, u), n)
                return
            f.store(sums[2], of_unit(past, row, u), n)
            now = f.load(of_gate(projected, row, u, 2), n)
            output(row, u, n, z, tanh(f, f.multiply_add(r, sums[2], now)))

        products.each([h_before], begin, finish)
        if candidate is not None:
            candidate.each(
                [f.at(past, f.multiply(t, batch * units))],
                begin,
                lambda row, u, n, sums: output(
                    row, u, n, f.load(of_gate(gates, row, u, 1), n), tanh(f, sums[0])
                ),
            )
    return loop.end()


@once
def _backward_loop(
    batch: int, units: int, reverse: bool, after: bool, sloped: bool, masked: bool
) -> Kernel:
    loop = Loop(
        "gru_back",
        batch,
        units,
        backwards=not reverse,
        inputs=6 + sloped + masked,
        outputs=2 + after,
        more=(after, sloped, masked),
    )
    f, n_gates = loop.f, 3 * units
    gates, past, h, h0, recurrent, last_dh = f.arrays[:6]
    more, (dz, dh, *dn) = f.arrays[6 : 6 + sloped + masked], f.arrays[6 + sloped + masked : -1]
    to_h = SlopeProducts(loop, recurrent, n_gates, n_gates if after else 2 * units, units)
    to_reset = (
        SlopeProducts(loop, f.at(recurrent, 2 * units), n_gates, units, units)
        if not after
        else None
    )
    of_reset = loop.space(0 if after else batch * units)
    f.copy(last_dh, dh, batch * units)
    one = f.constant(1.0)
    with f.loop(f.rows) as step:
        t, _ = loop.time(step)
        is_first = f.is_zero(f.subtract(f.subtract(f.rows, 1), step))
        h_before = loop.state(is_first, h0, h, f.add(t, 1 if reverse else -1))
        first = f.multiply(t, batch)

        def place(array: Value, row: Value, u: Value, gate: int) -> Value:
            return f.at(array, f.multiply(f.add(first, row), n_gates), gate * units, u)

        def of_unit(array: Value, row: Value, u: Value) -> Value:
            return f.at(array, f.multiply(f.add(first, row), units), u)

        def of_r(row: Value, u: Value, n: int, slope: Value) -> None:
            r = f.load(place(gates, row, u, 0), n)
            f.store(f.times(slope, r, f.minus(one, r)), place(dz, row, u, 0), n)

        with f.loop(batch) as row:

            def of_gates(u: Value, n: int) -> None:
                here = f.at(dh, f.multiply(row, units), u)
                r, z, new = (f.load(place(gates, row, u, gate), n) for gate in range(3))
                was = f.load(f.at(h_before, f.multiply(row, units), u), n)
                slope = f.load(here, n)
                if sloped:
                    slope = f.plus(slope, f.load(of_unit(more[0], row, u), n))
                passing = f.zeros()
                if masked:
                    is_real = f.everywhere(f.at(more[-1], f.add(first, row)))
                    passing = f.where(is_real, f.zeros(), slope)
                    slope = f.where(is_real, slope, f.zeros())
                of_new = f.times(slope, f.minus(one, z), f.minus(one, f.times(new, new)))
                of_z = f.times(slope, f.minus(was, new), z, f.minus(one, z))
                f.store(of_z, place(dz, row, u, 1), n)
                f.store(f.multiply_add(slope, z, passing), here, n)
                f.store(f.times(of_new, r) if after else of_new, place(dz, row, u, 2), n)
                if after:
                    of_r(row, u, n, f.times(of_new, f.load(of_unit(past, row, u), n)))
                    f.store(of_new, of_unit(dn[0], row, u), n)

            loop.of_units(of_gates)
        if to_reset is not None:
            f.clear(of_reset, batch * units)
            to_reset.add(f.at(dz, f.multiply(first, n_gates), 2 * units), n_gates, of_reset)
            with f.loop(batch) as row:

                def of_reset_gate(u: Value, n: int) -> None:
                    here = f.add(f.multiply(row, units), u)
                    slope, r = f.load(f.at(of_reset, here), n), f.load(place(gates, row, u, 0), n)
                    of_r(row, u, n, f.times(slope, f.load(f.at(h_before, here), n)))
                    total = f.multiply_add(slope, r, f.load(f.at(dh, here), n))
                    f.store(total, f.at(dh, here), n)

                loop.of_units(of_reset_gate)
        to_h.add(f.at(dz, f.multiply(first, n_gates)), n_gates, dh)
    return loop.end()
