"""Single numbers beside the vectors of a function: whole ones, and ones of 64 bits."""

from llvmlite import ir

from gradlab.native.function import LONG, Function, Value

WIDE = ir.DoubleType()


def number(f: Function, array: Value, index: Value) -> Value:
    """Return a number of an array, of the function's type."""
    return f.builder.load(f.at(array, index), typ=f.number, align=f.item_bytes)


def set_number(f: Function, value: Value, array: Value, index: Value) -> None:
    """Write a number of the function's type into an array."""
    f.builder.store(value, f.at(array, index), align=f.item_bytes)


def wide(f: Function, array: Value, index: Value, n: int = 1) -> Value:
    """Return a number, or a vector of n, of an array that holds numbers of 64 bits."""
    kind = WIDE if n == 1 else ir.VectorType(WIDE, n)
    return f.builder.load(_place(f, array, index, WIDE), typ=kind, align=8)


def set_wide(f: Function, value: Value, array: Value, index: Value) -> None:
    """Write a number, or a vector, into an array that holds numbers of 64 bits."""
    f.builder.store(value, _place(f, array, index, WIDE), align=8)


def set_whole(f: Function, value: Value, array: Value, index: Value) -> None:
    """Write a whole number into an array of such of 64 bits."""
    f.builder.store(f.long(value), _place(f, array, index, LONG), align=8)


def widened(f: Function, x: Value) -> Value:
    """Return a number, or a vector of them, in 64 bits."""
    if isinstance(x.type, ir.VectorType):
        return x if x.type.element == WIDE else f.builder.fpext(x, ir.VectorType(WIDE, f.lanes))
    return x if x.type == WIDE else f.builder.fpext(x, WIDE)


def repeated(f: Function, x: Value) -> Value:
    """Return the vector that repeats a number."""
    unknown = ir.Constant(ir.VectorType(x.type, f.lanes), ir.Undefined)
    first = f.builder.insert_element(unknown, x, LONG(0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), f.lanes), [0] * f.lanes)
    return f.builder.shuffle_vector(first, unknown, zeros)


def first_everywhere(f: Function, x: Value) -> Value:
    """Return the vector that repeats a vector's first number."""
    return repeated(f, f.builder.extract_element(x, LONG(0)))


def as_whole(f: Function, x: Value) -> Value:
    """Return a number, or whether something holds, as a whole number."""
    is_truth = isinstance(x.type, ir.IntType)
    return f.builder.zext(x, LONG) if is_truth else f.builder.fptosi(x, LONG)


def root(f: Function, x: Value) -> Value:
    """Return √x, and 0 of what is negative."""
    zero = ir.Constant(f.number, 0.0)
    positive = f.builder.select(f.builder.fcmp_ordered(">", x, zero), x, zero)
    name = f"llvm.sqrt.f{8 * f.item_bytes}"
    kind = ir.FunctionType(f.number, [f.number])
    known = f.module.globals.get(name)
    return f.builder.call(known or ir.Function(f.module, kind, name), [positive])


def sum_of_lanes(f: Function, x: Value) -> Value:
    """Return the sum of a vector's numbers, in one order."""
    n = f.lanes // 2
    while n:
        x = f.plus(x, f.rotated(x, n))
        n //= 2
    return f.builder.extract_element(x, LONG(0))


class Count:
    """A whole number that the function may change."""

    def __init__(self, f: Function, begin: Value = 0):
        """Begin with a number."""
        self._f = f
        with f.builder.goto_entry_block():
            self._place = f.builder.alloca(LONG)
        self.set(begin)

    def set(self, value: Value) -> None:
        """Make it this number."""
        self._f.builder.store(self._f.long(value), self._place)

    def get(self) -> Value:
        """Return what it is."""
        return self._f.builder.load(self._place, typ=LONG)

    def add(self, value: Value) -> None:
        """Add to it."""
        self.set(self._f.add(self.get(), value))


def _place(f: Function, array: Value, index: Value, kind: ir.Type) -> Value:
    return f.builder.gep(array, [f.long(index)], source_etype=kind)
