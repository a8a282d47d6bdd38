"""A function in machine code as XLA calls it: begun for shapes and this processor, made once.

function = begin("twice", np.dtype(np.float32), (8,), inputs=1, outputs=1)
...
kernel = end(function, scratch=0)
(result,) = kernel([(8,)], x)
"""

import dataclasses
import functools
import hashlib
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

import jax
import numpy as np
from jaxtyping import Array

from gradlab.native.function import Function
from gradlab.native.machine import install, registers

Made = TypeVar("Made")


@dataclasses.dataclass(frozen=True)
class Kernel:
    """A function that XLA knows by name."""

    name: str
    dtype: np.dtype
    scratch: int
    """Numbers that it needs to work."""

    def __call__(self, shapes: Sequence[tuple[int, ...]], *arrays: Array | None) -> list[Array]:
        """Return its results, of these shapes; arrays that are None are left out."""
        space = (max(1, self.scratch),)
        results = [jax.ShapeDtypeStruct(shape, self.dtype) for shape in (*shapes, space)]
        call = jax.ffi.ffi_call(self.name, results, vmap_method="sequential")
        return list(call(*(array for array in arrays if array is not None)))[:-1]


def begin(what: str, dtype: np.dtype, key: tuple, *, inputs: int, outputs: int) -> Function:
    """Begin the function of a kernel; its last array is the working space, after the outputs.

    Args:
        what: It does, for its name.
        dtype: Of its arrays.
        key: All else that tells it from others.
        inputs: Arrays that come in.
        outputs: Arrays that go out.
    """
    known = registers()
    assert known is not None
    text = repr((dtype.str, known, inputs, outputs, *key))
    name = f"gradlab_{what}_{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    return Function(
        name,
        dtype,
        inputs=inputs,
        outputs=outputs + 1,
        lanes=known.lanes(dtype),
        height=known.rows,
    )


def end(function: Function, scratch: int) -> Kernel:
    """End the function and make it callable.

    Args:
        function: That was begun.
        scratch: Numbers of working space that it needs.
    """
    function.end()
    install(function)
    return Kernel(function.name, function.dtype, scratch)


_making = threading.Lock()


def once(make: Callable[..., Made]) -> Callable[..., Made]:
    """Make each piece of machine code once a process, whichever thread asks first."""
    kept = functools.cache(make)

    @functools.wraps(make)
    def get(*key: object) -> Made:
        with _making:
            return kept(*key)

    return get
