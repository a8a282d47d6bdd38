"""What this processor can do, and functions made for it."""

import ctypes
import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import llvmlite.binding as llvm
import numpy as np

from gradlab.native.function import Function


@dataclasses.dataclass(frozen=True)
class Registers:
    """The vector registers of a processor that multiplies and adds at once."""

    bytes: int
    rows: int
    """Rows of a block of products whose sums stay in registers, two vectors a row."""

    def lanes(self, dtype: np.dtype) -> int:
        """Return how many numbers one register holds."""
        return self.bytes // np.dtype(dtype).itemsize


@functools.cache
def registers() -> Registers | None:
    """Return this processor's registers; None if it can't multiply and add at once.

    Sums of 6 rows, two vectors of factors and the row's number fill the 16 registers of AVX2; with
    32 of them 8 rows hide the time that a sum takes.
    """
    features = llvm.get_host_cpu_features()
    if features.get("avx512f") and features.get("avx512vl"):
        return Registers(64, rows=8)
    if features.get("avx2") and features.get("fma"):
        return Registers(32, rows=6)
    if features.get("neon") or llvm.get_process_triple().startswith(("aarch64", "arm64")):
        return Registers(16, rows=8)
    return None


_kept: list[Any] = []
"""Machine code, kept as long as the process: it may be called at any time."""


def install(function: Function) -> None:
    """Turn a function into machine code and hand it to XLA under its name; no other has the name.

    About 0.08 s for a function of a few nested loops.
    """
    address = _compiled(function, function.name)
    jax.ffi.register_ffi_target(
        function.name, jax.ffi.pycapsule(ctypes.CFUNCTYPE(None)(address)), platform="cpu"
    )


def callable_of(function: Function) -> Callable[..., None]:
    """Turn a function into one that takes the addresses of its arrays, and the rows.

    While it runs, other threads of Python do too.
    """
    address = _compiled(function, function.open_to_all())
    kinds = [ctypes.c_void_p] * function.n_arrays
    return ctypes.CFUNCTYPE(None, *kinds, ctypes.c_int64)(address)


def _compiled(function: Function, entry: str) -> int:
    machine = _target_machine()
    module = llvm.parse_assembly(str(function.module))
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=1)
    # Vectors and blocks are written out: more of either takes time to make and gains nothing.
    options.loop_vectorization = options.slp_vectorization = options.loop_unrolling = False
    passes = llvm.create_pass_builder(machine, options)
    passes.getModulePassManager().run(module, passes)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    _kept.append(engine)
    return engine.get_function_address(entry)


def _target_machine() -> llvm.TargetMachine:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=3,
        codemodel="jitdefault",
        jit=True,
    )
