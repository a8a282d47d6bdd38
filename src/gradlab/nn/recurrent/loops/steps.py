"""What the loops over steps have in common: how they begin, and their two kinds of products."""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Array, Float

from gradlab.native.block import Block, Panel, Panels, clamped
from gradlab.native.function import Value
from gradlab.native.kernel import Kernel, begin, end
from gradlab.native.machine import registers

NUMBERS = np.dtype(np.float32)


def can_sweep(dtype: np.dtype) -> bool:
    """Return whether there are loops for such numbers on this processor.

    >>> can_sweep(np.dtype(np.float64))
    False
    """
    return registers() is not None and dtype == NUMBERS


Inputs = Float[Array, "time batch features"]
Stacked = Float[Array, "rows gates"]
"""Weights of the inputs, biases and recurrent weights, one below the other."""
Gates = Float[Array, "time batch gates"]
Steps = Float[Array, "time batch units"]
State = Float[Array, "batch units"]
Real = Float[Array, "time batch"]
"""1 where a step is real, 0 where it is padding."""


class Loop:
    """A loop over the steps of sequences of one batch size and one number of units.

    Args:
        what: It does; with the other arguments it makes the name.
        batch: Sequences.
        units: Of the layer.
        backwards: Whether it begins with the last step.
        inputs: Arrays that come in.
        outputs: Arrays that go out.
        more: What else tells this loop from others.
    """

    def __init__(
        self,
        what: str,
        batch: int,
        units: int,
        *,
        backwards: bool,
        inputs: int,
        outputs: int,
        more: tuple = (),
    ):
        """Begin its function; the last array is working space."""
        self.batch, self.units, self.backwards = batch, units, backwards
        key = batch, units, backwards, *more
        self.f = begin(what, NUMBERS, key, inputs=inputs, outputs=outputs)
        self.padded = -(-units // self.f.lanes) * self.f.lanes
        """Units, filled up to whole vectors."""
        self.scratch = 0

    def space(self, numbers: int) -> Value:
        """Return where the next so many numbers of the working space begin."""
        begin, self.scratch = self.scratch, self.scratch + numbers
        return self.f.at(self.f.arrays[-1], begin)

    def time(self, step: Value) -> tuple[Value, Value]:
        """Return the time of a step of the loop, and the time of the step before it."""
        f = self.f
        if self.backwards:
            t = f.subtract(f.subtract(f.rows, 1), step)
            return t, f.add(t, 1)
        return step, f.subtract(step, 1)

    def state(self, first: Value, begin: Value, states: Value, t: Value) -> Value:
        """Return the state at a time: where the sequence begins, if it is the first step."""
        f = self.f
        return f.choose(first, begin, f.at(states, f.multiply(t, self.batch * self.units)))

    def of_units(self, write: Callable[[Value, int], None]) -> None:
        """Write the same for every vector of units: the first of them, and how many they are."""
        f = self.f
        whole = self.units - self.units % f.lanes
        if whole:
            with f.loop(whole, f.lanes) as u:
                write(u, f.lanes)
        if self.units > whole:
            write(f.long(whole), self.units - whole)

    def end(self) -> Kernel:
        """End the function and make it callable."""
        return end(self.f, self.scratch)


class GateProducts:
    """Rows times weights: sums for every gate of a unit.

    Args:
        loop: Whose they are.
        weights: Where each weight begins, and how many rows it has; columns gate by gate.
        pitch: Numbers of one of those rows.
        gates: Which gates, by their position.
    """

    def __init__(
        self, loop: Loop, weights: Sequence[tuple[Value, int]], pitch: int, gates: Sequence[int]
    ):
        """Pack the weights so that the gates of a vector of units lie side by side."""
        f, units, n = loop.f, loop.units, len(gates)
        self.loop, self.gates, self.depths = loop, gates, [depth for _, depth in weights]
        # One row less than would fit: more of the weights are held in registers.
        self.height = max(1, loop.f.height * 2 // n - 1)
        self.packed = [loop.space(loop.padded * depth * n) for depth in self.depths]

        def pack(u: Value, width: int) -> None:
            for (weight, depth), packed in zip(weights, self.packed, strict=True):
                with f.loop(depth) as k:
                    row = f.at(weight, f.multiply(k, pitch), u)
                    to = f.at(packed, f.multiply(u, depth * n), f.multiply(k, n * f.lanes))
                    for i, gate in enumerate(gates):
                        f.store(f.load(f.at(row, gate * units), width), f.at(to, i * f.lanes))

        loop.of_units(pack)

    def each(
        self,
        left: Sequence[Value],
        begin: Callable[[Value, Value, int], Value],
        finish: Callable[[Value, Value, int, list[Value]], None],
    ) -> None:
        """Write the products of one step.

        Args:
            left: Where the rows lie that are multiplied by each weight.
            begin: (row, first unit, gate) -> where the vector lies that its sum begins with.
            finish: Takes the row, the first unit, how many they are, and the sums.
        """
        loop, f, n = self.loop, self.loop.f, len(self.gates)

        def of_vector(u: Value, width: int) -> None:
            with f.loop(loop.batch, self.height) as first:
                rows = clamped(f, first, self.height, loop.batch, 0)
                block = Block(f, self.height, [(gate * loop.units, width) for gate in self.gates])
                for row, sums in zip(rows, block.sums, strict=True):
                    for gate, total in zip(self.gates, sums, strict=True):
                        f.store(f.load(begin(row, u, gate), width), total)
                for table, packed, depth in zip(left, self.packed, self.depths, strict=True):
                    weights = f.at(packed, f.multiply(u, depth * n))
                    places = [f.at(table, f.multiply(row, depth)) for row in rows]
                    with f.loop(depth) as k:
                        block.add(
                            [f.at(place, k) for place in places],
                            f.at(weights, f.multiply(k, n * f.lanes)),
                        )
                for row, sums in zip(rows, block.sums, strict=True):
                    finish(row, u, width, [f.load(total) for total in sums])

        loop.of_units(of_vector)


class SlopeProducts:
    """Slopes of gates, times transposed weights, added to slopes of what the weights multiply.

    Args:
        loop: Whose they are.
        weight: Where the first gate's column of the weights begins.
        pitch: Numbers of one row of the weights.
        columns: How many columns, the gates' one after another.
        rows: How many rows.
    """

    def __init__(self, loop: Loop, weight: Value, pitch: int, columns: int, rows: int):
        """Pack the transpose."""
        f = loop.f
        self.loop, self.columns, self.rows = loop, columns, rows
        self.panels = Panels(rows, f.lanes)
        self.packed = loop.space(self.panels.padded * columns)

        def pack(panel: Panel) -> None:
            panel.pack_turned(
                f,
                f.at(weight, f.multiply(panel.column, pitch)),
                f.at(self.packed, f.multiply(panel.column, columns)),
                n_rows=columns,
                pitch=pitch,
            )

        self.panels.each(f, pack)

    def add(self, slopes: Value, pitch: int, totals: Value) -> None:
        """Write the products of one step.

        Args:
            slopes: Where the gates' slopes of the first sequence lie.
            pitch: Numbers from one sequence to the next.
            totals: Where the slopes lie to which the products are added.
        """
        loop, f = self.loop, self.loop.f

        def of_panel(panel: Panel) -> None:
            weights = f.at(self.packed, f.multiply(panel.column, self.columns))
            with f.loop(loop.batch, f.height) as first:
                rows = clamped(f, first, f.height, loop.batch, 0)
                block = Block(f, f.height, panel.parts())
                places = [f.at(totals, f.multiply(row, self.rows), panel.column) for row in rows]
                block.load(places)
                left = [f.at(slopes, f.multiply(row, pitch)) for row in rows]
                with f.loop(self.columns) as k:
                    block.add(
                        [f.at(place, k) for place in left],
                        f.at(weights, f.multiply(k, panel.padded)),
                    )
                block.store(places)

        self.panels.each(f, of_panel)


class WeightSlopes:
    """Slopes of weights: Σ rowᵀ · slope, over the examples of a few steps.

    Args:
        loop: Whose they are.
        slopes: Where the gates' slopes begin, step after step.
        pitch: Numbers from one sequence's to the next.
        columns: Of the weights.
    """

    def __init__(self, loop: Loop, slopes: Value, pitch: int, columns: int):
        """Divide the columns."""
        self.loop, self.slopes, self.pitch, self.columns = loop, slopes, pitch, columns
        self.panels = Panels(columns, loop.f.lanes)

    def add(self, steps: Value, left: Callable[[Value], Value], n: int, to: Value) -> None:
        """Add the products to weights of n rows.

        Args:
            steps: How many.
            left: Where the rows of a step lie that these weights multiply.
            n: Numbers of such a row.
            to: Where the weights' slopes begin.
        """
        f, batch = self.loop.f, self.loop.batch

        def of_panel(panel: Panel) -> None:
            with f.loop(n, f.height) as first:
                rows = clamped(f, first, f.height, n, 0)
                block = Block(f, f.height, panel.parts())
                places = [f.at(to, f.multiply(row, self.columns), panel.column) for row in rows]
                block.load(places)
                with f.loop(steps) as step:
                    table = left(step)
                    right = f.at(self.slopes, f.multiply(step, batch * self.pitch), panel.column)
                    with f.loop(batch) as k:
                        block.add(
                            [f.at(table, f.multiply(k, n), row) for row in rows],
                            f.at(right, f.multiply(k, self.pitch)),
                        )
                block.store(places)

        self.panels.each(f, of_panel)

    def add_sums(self, steps: Value, to: Value) -> None:
        """Add the sums of the slopes: what the biases' are."""
        f = self.loop.f

        def of_panel(panel: Panel) -> None:
            (sums,) = (block := Block(f, 1, panel.parts())).sums
            place = f.at(to, panel.column)
            block.load([place])
            with f.loop(f.multiply(steps, self.loop.batch)) as k:
                row = f.at(self.slopes, f.multiply(k, self.pitch), panel.column)
                for total, (begin, _) in zip(sums, panel.parts(), strict=True):
                    f.store(f.plus(f.load(total), f.load(f.at(row, begin))), total)
            block.store([place])

        self.panels.each(f, of_panel)
