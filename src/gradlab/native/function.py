"""One function in LLVM's intermediate language, with the entry through which XLA calls it.

Numbers are of one type, the function's, and places in memory are counted in such numbers. Loops are
`with` blocks; a variable is memory that the optimiser turns into a register.

    with function.loop(n) as i:
        function.store(function.load(function.at(x, i)), function.at(y, i))

The bulk of the work is written once, for one unit of it (`units`), which a core takes one after
another, or all cores share.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Integer
from llvmlite import ir

from gradlab.native.interface import WORD, Buffer, Extension, Frame, Metadata, offset_of, version

BYTE, INT, LONG = ir.IntType(8), ir.IntType(32), ir.IntType(64)
POINTER = ir.PointerType()
NOTHING = ir.VoidType()
TRUTH = ir.IntType(1)
NULL = ir.Constant(POINTER, None)

WRITTEN_OUT = 8
"""Repetitions up to which a loop is written out."""

LINE_BYTES = 64
"""Bytes that a cache fetches at once."""

Value = Any
"""A number or a pointer of the function, or an int."""


class Function:
    """A function of arrays that is being written; `machine.install` makes it callable.

    Args:
        name: By which XLA finds it: one name, one function.
        dtype: Of all arrays, float32 or float64.
        inputs: How many arrays come in; the others of `arrays` are results.
        outputs: How many go out.
        lanes: Numbers in one vector register.
        height: Rows of a block of products whose sums stay in registers, two vectors a row.
    """

    def __init__(
        self, name: str, dtype: np.dtype, *, inputs: int, outputs: int, lanes: int, height: int = 1
    ):
        """Begin the function; `arrays` and `rows` are its arguments."""
        self.name, self.dtype, self.lanes, self.height = name, np.dtype(dtype), lanes, height
        self.number = ir.FloatType() if dtype == np.float32 else ir.DoubleType()
        self.item_bytes = np.dtype(dtype).itemsize
        self.vector = ir.VectorType(self.number, lanes)
        self.module = ir.Module(name)
        self.n_arrays = inputs + outputs
        body = self._function("body", *[POINTER] * self.n_arrays, LONG, POINTER)
        self._write_entry(body, inputs, outputs)
        self.frame: Value = NULL
        self.arrays: tuple[Value, ...] = ()
        """Pointers to the inputs, then to the outputs."""
        self.rows: Value = 0
        """Length of the first input's first axis."""
        self._body = body
        self._go_into(body)
        self.frame = body.args[-1]

    def _function(self, part: str, *kinds: ir.Type) -> ir.Function:
        function = ir.Function(self.module, ir.FunctionType(NOTHING, kinds), f"{self.name}_{part}")
        function.linkage = "internal"
        return function

    def _go_into(self, function: ir.Function) -> None:
        """Write on in another function whose first arguments are the arrays and the rows."""
        self.builder = ir.IRBuilder(function.append_basic_block("begin"))
        self.arrays, self.rows = function.args[: self.n_arrays], function.args[self.n_arrays]
        for argument in self.arrays:
            argument.add_attribute("noalias")  # XLA's buffers never overlap here

    def _write_entry(self, body: ir.Function, inputs: int, outputs: int) -> None:
        """Write what XLA calls: it hands over pointers to structs, or asks for the version."""
        entry = ir.Function(self.module, ir.FunctionType(POINTER, [POINTER]), self.name)
        self.builder: Any = ir.IRBuilder(entry.append_basic_block())
        builder = self.builder
        (frame,) = entry.args
        extension = self._member(frame, Frame.EXTENSION)
        with builder.if_then(builder.icmp_unsigned("!=", extension, NULL)):
            kind = self._member(extension, Extension.TYPE, INT)
            with builder.if_then(builder.icmp_signed("==", kind, INT(Extension.ASKS_FOR_VERSION))):
                metadata = self._member(extension, Extension.METADATA)
                for offset, number in zip((Metadata.MAJOR, Metadata.MINOR), version(), strict=True):
                    self._set_member(metadata, offset, INT(number))
                builder.ret(NULL)
        arguments, results = (self._member(frame, at) for at in (Frame.ARGUMENTS, Frame.RESULTS))
        buffers = [self._member(arguments, WORD * i) for i in range(inputs)]
        buffers += [self._member(results, WORD * i) for i in range(outputs)]
        rows = self._member(self._member(buffers[0], Buffer.DIMENSIONS), 0, LONG)
        data = [self._member(buffer, Buffer.DATA) for buffer in buffers]
        builder.call(body, [*data, rows, frame])
        builder.ret(NULL)

    def end(self) -> None:
        """Write the function's last word."""
        self.builder.ret_void()

    def open_to_all(self) -> str:
        """Write an entry that takes the arrays' addresses and the rows; return its name.

        No thread helps whoever calls it: `units` then has no helpers.
        """
        name = f"{self.name}_open"
        kinds = ir.FunctionType(NOTHING, [*[POINTER] * self.n_arrays, LONG])
        entry = ir.Function(self.module, kinds, name)
        builder = ir.IRBuilder(entry.append_basic_block())
        builder.call(self._body, [*entry.args, NULL])
        builder.ret_void()
        return name

    # Units of work

    @contextlib.contextmanager
    def units(self, n: Value, helpers: int) -> Iterator[tuple[Value, Value]]:
        """Write the work of one unit, in the block; then do all n of them.

        The block sees nothing of what was written before but `arrays` and `rows`.

        Args:
            n: How many there are.
            helpers: Threads of XLA that may take units too.

        Yields:
            The unit's number, and that of the thread that does it, from 0 to `helpers`.
        """
        n = self.long(n)
        body, arrays, rows = self.builder, self.arrays, self.rows
        unit = self._function("unit", *[POINTER] * self.n_arrays, LONG, LONG, LONG)
        self._go_into(unit)
        yield unit.args[-2], unit.args[-1]
        self.builder.ret_void()
        self.builder, self.arrays, self.rows = body, arrays, rows
        if helpers:
            self._share(unit, n, helpers)
        else:
            with self.loop(n) as i:
                body.call(unit, [*arrays, rows, i, LONG(0)])

    NEXT, DONE, HOLDERS, THREADS, TOTAL, ROWS, ARRAYS = range(0, 7 * WORD, WORD)
    """Members of what the threads share: counters, then what they are to know."""

    def _share(self, unit: ir.Function, n: Value, helpers: int) -> None:
        """Do the units together with XLA's threads.

        Each takes the next unit until there is none. A thread may come when all is done: then it
        finds that out in the shared struct, which the last to hold it frees. Nobody waits for a
        thread that has not begun, for it may never come while we wait.
        """
        builder = self.builder
        work = self._work(unit)
        size = self.ARRAYS + WORD * self.n_arrays
        shared = self._call("malloc", POINTER, LONG(size))
        holders = LONG(helpers + 1)
        for at, value in (
            *((at, LONG(0)) for at in (self.NEXT, self.DONE, self.THREADS)),
            *((self.HOLDERS, holders), (self.TOTAL, n), (self.ROWS, self.rows)),
            *((self.ARRAYS + WORD * i, array) for i, array in enumerate(self.arrays)),
        ):
            self._set_member(shared, at, value)
        interface = self._member(self.frame, Frame.INTERFACE)
        context = self._member(self.frame, Frame.CONTEXT)
        function = ir.PointerType(ir.FunctionType(POINTER, [POINTER]))
        schedule, destroy = (
            self._member(interface, offset_of(f"XLA_FFI_{name}"), function)
            for name in ("ThreadPool_Schedule", "Error_Destroy")
        )
        for _ in range(helpers):
            error = self._ask(schedule, context, work, shared)
            with builder.if_then(builder.icmp_unsigned("!=", error, NULL)):
                self._ask(destroy, error)
                self._count(shared, self.HOLDERS, -1)
        builder.call(work, [shared])

    def _work(self, unit: ir.Function) -> ir.Function:
        """Return the function of a thread: take units until there is none, wait for those begun."""
        work = self._function("work", POINTER)
        before, self.builder = self.builder, ir.IRBuilder(work.append_basic_block("begin"))
        builder, (shared,) = self.builder, work.args
        take, do, behind, wait, leave = (
            builder.append_basic_block(name) for name in ("take", "do", "behind", "wait", "leave")
        )
        thread = self._count(shared, self.THREADS, 1)
        total, rows = (self._member(shared, at, LONG) for at in (self.TOTAL, self.ROWS))
        arrays = [self._member(shared, self.ARRAYS + WORD * i) for i in range(self.n_arrays)]
        builder.branch(take)
        builder.position_at_end(take)
        i = self._count(shared, self.NEXT, 1)
        builder.cbranch(builder.icmp_signed("<", i, total), do, behind)
        builder.position_at_end(do)
        builder.call(unit, [*arrays, rows, i, thread])
        self._count(shared, self.DONE, 1)
        builder.branch(take)
        builder.position_at_end(behind)
        builder.branch(wait)
        builder.position_at_end(wait)
        done = self._count(shared, self.DONE, 0)
        builder.cbranch(builder.icmp_signed("<", done, total), wait, leave)
        builder.position_at_end(leave)
        held = self._count(shared, self.HOLDERS, -1)
        with builder.if_then(builder.icmp_signed("==", held, LONG(1))):
            self._call("free", NOTHING, shared)
        builder.ret_void()
        self.builder = before
        return work

    def _ask(self, function: Value, *values: Value) -> Value:
        """Call a function of XLA's with a struct of size, extension and these values."""
        size = WORD * (2 + len(values))
        with self.builder.goto_entry_block():
            struct = self.builder.alloca(ir.ArrayType(LONG, 2 + len(values)))
        # A typed pointer to LLVM's writer; to LLVM itself all pointers are alike.
        struct = self.builder.inttoptr(self.builder.ptrtoint(struct, LONG), POINTER)
        for i, value in enumerate((LONG(size), NULL, *values)):
            self._set_member(struct, WORD * i, value)
        return self.builder.call(function, [struct])

    def _count(self, struct: Value, offset: int, change: int) -> Value:
        """Change a counter that threads share; return what it was."""
        place = self.builder.gep(struct, [LONG(offset)], source_etype=BYTE)
        return self.builder.atomic_rmw("add", place, LONG(change), "seq_cst")

    def _member(self, struct: Value, offset: int, kind: ir.Type = POINTER) -> Value:
        place = self.builder.gep(struct, [LONG(offset)], source_etype=BYTE)
        return self.builder.load(place, typ=kind)

    def _set_member(self, struct: Value, offset: int, value: Value) -> None:
        self.builder.store(value, self.builder.gep(struct, [LONG(offset)], source_etype=BYTE))

    # Whole numbers and places

    def long(self, value: Value) -> Value:
        """Return an int as a value of the function."""
        return LONG(int(value)) if isinstance(value, int | np.integer) else value

    def add(self, *terms: Value) -> Value:
        """Return the sum."""
        total = self.long(terms[0])
        for term in terms[1:]:
            total = self.builder.add(total, self.long(term), flags=["nsw"])
        return total

    def subtract(self, value: Value, other: Value) -> Value:
        """Return the difference."""
        return self.builder.sub(self.long(value), self.long(other), flags=["nsw"])

    def multiply(self, value: Value, factor: Value) -> Value:
        """Return the product."""
        return self.builder.mul(self.long(value), self.long(factor), flags=["nsw"])

    def divide(self, value: Value, divisor: int) -> Value:
        """Return the whole part of a quotient of numbers that are not negative."""
        return self.builder.udiv(self.long(value), LONG(divisor))

    def remainder(self, value: Value, divisor: int) -> Value:
        """Return the rest of a division of numbers that are not negative."""
        return self.builder.urem(self.long(value), LONG(divisor))

    def within(self, value: Value, stop: int) -> Value:
        """Return whether 0 <= value < stop."""
        return self.builder.icmp_unsigned("<", self.long(value), LONG(stop))

    def either(self, condition: Value) -> Any:
        """Return a `with` block of two, for when a condition holds and for when it does not."""
        return self.builder.if_else(condition)

    def smaller(self, value: Value, other: Value) -> Value:
        """Return the smaller of two."""
        value, other = self.long(value), self.long(other)
        less = self.builder.icmp_signed("<", value, other)
        return self.builder.select(less, value, other)

    def choose(self, condition: Value, value: Value, other: Value) -> Value:
        """Return one of two numbers or pointers."""
        return self.builder.select(condition, value, other)

    def is_zero(self, value: Value) -> Value:
        """Return whether a whole number is 0."""
        return self.builder.icmp_signed("==", self.long(value), LONG(0))

    def at(self, array: Value, *offsets: Value) -> Value:
        """Return the place so many numbers behind the beginning of an array."""
        return self.builder.gep(array, [self.add(*offsets)], source_etype=self.number)

    def whole(self, array: Value, index: Value) -> Value:
        """Return a number of an array that holds whole numbers of 64 bits."""
        place = self.builder.gep(array, [self.long(index)], source_etype=LONG)
        return self.builder.load(place, typ=LONG, align=8)

    def table(self, values: Integer[np.ndarray, " n"]) -> Value:
        """Return a table of constants, for `entry`."""
        data = np.ascontiguousarray(values, np.int32).tobytes()
        name = f"{self.name}_table{len(self.module.globals)}"
        table: Any = ir.GlobalVariable(self.module, ir.ArrayType(BYTE, len(data)), name)
        table.initializer = ir.Constant(table.value_type, bytearray(data))
        table.global_constant, table.linkage, table.align = True, "internal", 64
        return table

    def entry(self, table: Value, index: Value) -> Value:
        """Return one constant of a table."""
        place = self.builder.gep(table, [self.long(index)], source_etype=INT)
        return self.builder.sext(self.builder.load(place, typ=INT), LONG)

    @contextlib.contextmanager
    def loop(self, stop: Value, step: int = 1) -> Iterator[Value]:
        """Repeat the block for 0, step, 2 step … below `stop`."""
        builder = self.builder
        head, body, behind = (
            builder.append_basic_block(name) for name in ("head", "body", "behind")
        )
        before = builder.block
        builder.branch(head)
        builder.position_at_end(head)
        index = builder.phi(LONG)
        index.add_incoming(LONG(0), before)
        builder.cbranch(builder.icmp_signed("<", index, self.long(stop)), body, behind)
        builder.position_at_end(body)
        yield index
        index.add_incoming(builder.add(index, LONG(step), flags=["nsw", "nuw"]), builder.block)
        builder.branch(head)
        builder.position_at_end(behind)

    def each(self, n: int) -> Iterator[Value]:
        """Write the body of a `for` for 0 … n - 1: as a loop, or written out where it is short."""
        if n <= WRITTEN_OUT:
            yield from range(n)
        else:
            with self.loop(n) as i:
                yield i

    # Numbers and vectors

    def variable(self) -> Value:
        """Return the place of a vector that the block may change."""
        with self.builder.goto_entry_block():
            return self.builder.alloca(self.vector)

    def vectors(self, n: int) -> Value:
        """Return the place of n vectors that follow each other, to be found by number."""
        with self.builder.goto_entry_block():
            place = self.builder.alloca(ir.ArrayType(self.number, n * self.lanes))
        # A typed pointer to LLVM's writer; to LLVM itself all pointers are alike.
        return self.builder.inttoptr(self.builder.ptrtoint(place, LONG), POINTER)

    def zeros(self) -> Value:
        """Return a vector of zeros."""
        return ir.Constant(self.vector, [0.0] * self.lanes)

    def load(self, place: Value, n: int | None = None) -> Value:
        """Return the vector at a place; beyond its first n numbers it is zero, nothing is read."""
        if n is None or n == self.lanes:
            return self.builder.load(place, typ=self.vector, align=self.item_bytes)
        name = f"llvm.masked.load.{self._suffix}.p0"
        return self._call(
            name, self.vector, place, INT(self.item_bytes), self._mask(n), self.zeros()
        )

    def store(self, value: Value, place: Value, n: int | None = None) -> None:
        """Write a vector, or its first n numbers."""
        if n is None or n == self.lanes:
            self.builder.store(value, place, align=self.item_bytes)
            return
        name = f"llvm.masked.store.{self._suffix}.p0"
        self._call(name, NOTHING, value, place, INT(self.item_bytes), self._mask(n))

    def everywhere(self, place: Value) -> Value:
        """Return the vector that repeats the number at a place."""
        number = self.builder.load(place, typ=self.number, align=self.item_bytes)
        unknown = ir.Constant(self.vector, ir.Undefined)
        first = self.builder.insert_element(unknown, number, INT(0))
        zeros = ir.Constant(ir.VectorType(INT, self.lanes), [0] * self.lanes)
        return self.builder.shuffle_vector(first, unknown, zeros)

    def constant(self, number: float) -> Value:
        """Return a vector that repeats a number."""
        return ir.Constant(self.vector, [number] * self.lanes)

    def plus(self, x: Value, y: Value) -> Value:
        """Return x + y."""
        return self.builder.fadd(x, y)

    def minus(self, x: Value, y: Value) -> Value:
        """Return x - y."""
        return self.builder.fsub(x, y)

    def times(self, x: Value, *factors: Value) -> Value:
        """Return the product."""
        for factor in factors:
            x = self.builder.fmul(x, factor)
        return x

    def over(self, x: Value, y: Value) -> Value:
        """Return x / y."""
        return self.builder.fdiv(x, y)

    def where(self, condition: Value, x: Value, y: Value) -> Value:
        """Return x where the condition is not 0, y elsewhere."""
        holds = self.builder.fcmp_unordered("!=", condition, self.constant(0.0))
        return self.builder.select(holds, x, y)

    def below(self, x: Value, y: Value) -> Value:
        """Return where x < y."""
        return self.builder.fcmp_ordered("<", x, y)

    def alike(self, x: Value, y: Value) -> Value:
        """Return where x = y."""
        return self.builder.fcmp_ordered("==", x, y)

    def both(self, one: Value, other: Value) -> Value:
        """Return where both hold."""
        return self.builder.and_(one, other)

    def one_of(self, one: Value, other: Value) -> Value:
        """Return where one of them holds."""
        return self.builder.or_(one, other)

    def pick(self, holds: Value, x: Value, y: Value) -> Value:
        """Return x where the condition holds, y elsewhere."""
        return self.builder.select(holds, x, y)

    def lesser(self, x: Value, y: Value) -> Value:
        """Return the smaller of both."""
        return self.pick(self.below(x, y), x, y)

    def greater(self, x: Value, y: Value) -> Value:
        """Return the larger of both."""
        return self.pick(self.below(x, y), y, x)

    def counting(self) -> Value:
        """Return 0, 1, 2, …"""
        return ir.Constant(self.vector, [float(i) for i in range(self.lanes)])

    def rotated(self, x: Value, n: int) -> Value:
        """Return the numbers from the n-th on, then the first n."""
        order = [(i + n) % self.lanes for i in range(self.lanes)]
        kind = ir.VectorType(INT, self.lanes)
        return self.builder.shuffle_vector(x, x, ir.Constant(kind, order))

    def clip(self, x: Value, low: float, high: float) -> Value:
        """Return x, but not below `low` and not above `high`; NaN stays NaN."""
        least, most = self.constant(low), self.constant(high)
        x = self.pick(self.below(x, least), least, x)
        return self.pick(self.below(most, x), most, x)

    def multiply_add(self, x: Value, y: Value, z: Value) -> Value:
        """Return x · y + z, rounded once."""
        return self._call(f"llvm.fma.{self._suffix}", self.vector, x, y, z)

    def expect(self, place: Value, n: Value) -> None:
        """Ask the caches for n numbers that will be read soon; the place need not exist."""
        kind = ir.FunctionType(NOTHING, [POINTER, INT, INT, INT])
        known = self.module.globals.get("llvm.prefetch.p0")
        prefetch = known or ir.Function(self.module, kind, "llvm.prefetch.p0")
        with self.loop(n, LINE_BYTES // self.item_bytes) as i:
            self.builder.call(prefetch, [self.at(place, i), INT(0), INT(3), INT(1)])

    def clear(self, place: Value, n: Value) -> None:
        """Write n zeros."""
        if n == 0:
            return
        self._call("llvm.memset.p0.i64", NOTHING, place, BYTE(0), self._bytes(n), TRUTH(0))

    def copy(self, source: Value, target: Value, n: Value) -> None:
        """Copy n numbers."""
        self._call("llvm.memcpy.p0.p0.i64", NOTHING, target, source, self._bytes(n), TRUTH(0))

    @property
    def _suffix(self) -> str:
        return f"v{self.lanes}f{8 * self.item_bytes}"

    def _mask(self, n: int) -> Value:
        return ir.Constant(ir.VectorType(TRUTH, self.lanes), [1] * n + [0] * (self.lanes - n))

    def _bytes(self, n: Value) -> Value:
        return self.multiply(n, self.item_bytes)

    def _call(self, name: str, result: ir.Type, *arguments: Value) -> Value:
        known = self.module.globals.get(name)
        kinds = ir.FunctionType(result, [argument.type for argument in arguments])
        return self.builder.call(known or ir.Function(self.module, kinds, name), arguments)
