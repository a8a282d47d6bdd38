"""Where things lie in the structs of XLA's C interface for functions of others.

The structs are those of `xla/ffi/api/c_api.h`, which comes with jaxlib; within a major version
their members keep their places. Offsets are in bytes.
"""

import functools
import re
from pathlib import Path

import jax

WORD = 8
"""Bytes of a pointer, and of a size."""


class Frame:
    """A call: what XLA hands to a function."""

    EXTENSION, INTERFACE, CONTEXT, ARGUMENTS, RESULTS = 8, 16, 24, 72, 112


class Extension:
    """A question beside the call; of type 1 it asks for the version that the function knows."""

    TYPE, METADATA = 8, 24
    ASKS_FOR_VERSION = 1


class Metadata:
    """The answer to it."""

    MAJOR, MINOR = 24, 28


class Buffer:
    """An array."""

    DATA, DIMENSIONS = 24, 40


@functools.cache
def version() -> tuple[int, int]:
    """Return the major and minor version of the interface.

    >>> version()[0]
    0
    """
    major, minor = re.findall(r"#define XLA_FFI_API_(?:MAJOR|MINOR) (\d+)", _header())
    return int(major), int(minor)


@functools.cache
def offset_of(function: str) -> int:
    """Return where the interface keeps the pointer to one of XLA's functions.

    >>> offset_of("XLA_FFI_Error_Create")
    48
    """
    names = re.findall(r"^  _XLA_FFI_API_STRUCT_FIELD\((\w+)\);", _header(), re.MULTILINE)
    before = 48  # size, extension, version (24 bytes), XLA's own functions
    return before + WORD * names.index(function)


@functools.cache
def _header() -> str:
    path = Path(jax.ffi.include_dir()) / "xla" / "ffi" / "api" / "c_api.h"
    return path.read_text(encoding="utf-8")
