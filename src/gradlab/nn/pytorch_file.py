"""Weights out of a PyTorch file (.pth, .pt) without running anything that stands in it.

Such a file is a zip archive: `data.pkl` lists the tensors, `data/0`, `data/1`, … hold their
numbers. `data.pkl` is a pickle, which is a program, and Python's own reader runs it. Here its
instructions are only taken apart (by `pickletools`, which never runs them) and followed by a
machine that knows dictionaries, lists, tuples, numbers, strings and the two forms in which PyTorch
writes a tensor. Names of functions and classes stay names: none is looked up, so none can be
called. What the machine doesn't know, it refuses.
"""

import io
import math
import pickletools
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Shaped

from gradlab.errors import DataError

STORAGES = {
    "torch DoubleStorage": np.dtype("<f8"),
    "torch FloatStorage": np.dtype("<f4"),
    "torch HalfStorage": np.dtype("<f2"),
    "torch BFloat16Storage": np.dtype(jnp.bfloat16),
    "torch LongStorage": np.dtype("<i8"),
    "torch IntStorage": np.dtype("<i4"),
    "torch ShortStorage": np.dtype("<i2"),
    "torch CharStorage": np.dtype("i1"),
    "torch ByteStorage": np.dtype("u1"),
    "torch BoolStorage": np.dtype("?"),
}
"""Names of the kinds of storage that are known, with what they hold."""

TENSOR = "torch._utils _rebuild_tensor_v2"
PARAMETER = "torch._utils _rebuild_parameter"
DICTIONARY = "collections OrderedDict"
NAMES = {*STORAGES, TENSOR, PARAMETER, DICTIONARY}

CONSTANTS = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
}
LITERALS = {
    *("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"),
    *("BINUNICODE", "SHORT_BINSTRING"),
}
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
MARK = object()

TO_SAFETENSORS = (
    "Where you trust the file and have PyTorch, write the weights alone and load that file: "
    "safetensors.torch.save_file({n: t.contiguous().clone() for n, t in "
    "model.state_dict().items()}, 'weights.safetensors')."
)

MAX_RANK = 16
MAX_LIST = 2**24
"""Bytes of the list; those of the largest published networks are a few hundred thousand."""


@dataclass(frozen=True)
class Name:
    """The name of a function or class; it stays a name."""

    name: str


@dataclass(frozen=True)
class Storage:
    """Numbers of one `data/…` member."""

    values: Shaped[np.ndarray, " numbers"]


class Refused(Exception):
    """Why a file is not read."""


def read_pytorch(path: str | Path) -> dict[str, Shaped[np.ndarray, "..."]]:
    """Return the tensors of a PyTorch weight file by name, in the order in which they were written.

    A checkpoint that holds the weights under one key beside other entries (epoch, optimizer) gives
    the weights.

    Args:
        path: A file of `torch.save(model.state_dict(), path)`, PyTorch 1.6 or later.

    Raises:
        DataError: If the file is damaged, of the older format, or holds anything but plain data
            and tensors, for instance a whole model. Nothing in it is ever run.

    >>> try:
    ...     read_pytorch("no_such_file.pth")
    ... except DataError as error:
    ...     print(error)
    Could not read no_such_file.pth: No such file or directory. Check the path.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            return _weights(_Machine(_Members(archive, path.stat().st_size)).run())
    except OSError as error:
        raise DataError(
            f"Could not read {path}: {error.strerror or error}. Check the path."
        ) from error
    except zipfile.BadZipFile as error:
        raise DataError(
            f"{path} is not a whole PyTorch weight file ({error}). If it was written before "
            "PyTorch 1.6 it holds nothing but a pickle, which Gradlab does not run. Otherwise "
            f"fetch it again. {TO_SAFETENSORS}"
        ) from error
    except Refused as error:
        raise DataError(f"{path} was not read: {error} {TO_SAFETENSORS}") from error
    except (ValueError, TypeError, LookupError, RuntimeError, NotImplementedError) as error:
        # The machine takes what it pops for what PyTorch writes; a damaged list breaks it.
        raise DataError(
            f"{path} is damaged: its list of tensors can't be followed ({error}). Fetch it again."
        ) from error


class _Members:
    """The members of the archive, read no further than the archive is long."""

    def __init__(self, archive: zipfile.ZipFile, size: int):
        self.archive = archive
        self.members = {member.filename: member for member in archive.infolist()}
        lists = [name for name in self.members if name.rpartition("/")[2] == "data.pkl"]
        if len(lists) != 1:
            raise Refused("it is a zip archive, but not one of torch.save (no data.pkl).")
        self.folder = lists[0].removesuffix("data.pkl")
        if f"{self.folder}constants.pkl" in self.members:
            raise Refused("it is a TorchScript program, not weights.")
        if any(m.compress_type != zipfile.ZIP_STORED for m in self.members.values()):
            raise Refused("its members are compressed, which those of torch.save are not.")
        if sum(m.file_size for m in self.members.values()) > size:
            raise Refused("its members are said to be larger than the file.")
        if self.members[lists[0]].file_size > MAX_LIST:
            raise Refused("its list of tensors is longer than that of any network.")
        if f"{self.folder}byteorder" in self.members and self.read("byteorder") != b"little":
            raise Refused("its numbers are not little-endian.")

    def read(self, name: str) -> bytes:
        """Return one member; the checksum is verified on the way."""
        return self.archive.read(self.members[self.folder + name])


class _Machine:
    """Follows a list of tensors instruction by instruction."""

    def __init__(self, members: _Members):
        self.members = members
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.storages: dict[str, Storage] = {}

    def run(self) -> Any:
        """Return what the list describes."""
        for instruction, argument, _ in pickletools.genops(
            io.BytesIO(self.members.read("data.pkl"))
        ):
            self.step(instruction.name, argument)
        (result,) = self.stack
        return result

    def step(self, name: str, argument: Any) -> None:
        """Follow one instruction."""
        stack = self.stack
        if name in LITERALS:
            stack.append(argument)
        elif name in CONSTANTS:
            stack.append(CONSTANTS[name]())
        elif name in TUPLES:
            n = TUPLES[name]
            stack[len(stack) - n :] = [tuple(stack[len(stack) - n :])]
        elif name == "MARK":
            stack.append(MARK)
        elif name == "TUPLE":
            stack.append(tuple(self.since_mark()))
        elif name in ("APPEND", "APPENDS"):
            items = [stack.pop()] if name == "APPEND" else self.since_mark()
            _expect(stack[-1], list).extend(items)
        elif name in ("SETITEM", "SETITEMS"):
            items = [stack.pop(-2), stack.pop()] if name == "SETITEM" else self.since_mark()
            entries = dict(zip(map(_key, items[::2]), items[1::2], strict=True))
            _expect(stack[-1], dict).update(entries)
        elif name in ("BINPUT", "LONG_BINPUT"):
            self.memo[argument] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(self.memo[argument])
        elif name == "GLOBAL":
            stack.append(_known(argument))
        elif name == "BINPERSID":
            stack.append(self.storage(stack.pop()))
        elif name == "REDUCE":
            arguments = _expect(stack.pop(), tuple)
            stack.append(_made(_expect(stack.pop(), Name).name, arguments))
        elif name == "BUILD":
            stack.pop()  # notes that PyTorch hangs on its dictionary: versions of layers
            _expect(stack[-1], dict)
        elif name == "PROTO":
            if argument != 2:
                raise Refused(f"its pickle protocol is {argument}; torch.save writes 2.")
        elif name != "STOP":
            raise Refused(f"it holds the instruction {name}, which no list of tensors needs.")

    def since_mark(self) -> list[Any]:
        """Take from the stack what stands above the last mark, and the mark."""
        place = max(i for i, value in enumerate(self.stack) if value is MARK)
        items = self.stack[place + 1 :]
        del self.stack[place:]
        return items

    def storage(self, description: Any) -> Storage:
        """Return the numbers that ("storage", kind, member, device, length) names."""
        what, kind, member, _, length = _expect(description, tuple)
        if what != "storage":
            raise Refused("it refers to something other than numbers of its own.")
        dtype = STORAGES[_expect(kind, Name).name]
        if _expect(member, str) not in self.storages:
            values = np.frombuffer(self.members.read(f"data/{member}"), dtype)
            self.storages[member] = Storage(values)
        storage = self.storages[member]
        if storage.values.dtype != dtype or len(storage.values) != length:
            raise ValueError(f"data/{member} has another length or kind than the list says")
        return storage


def _expect(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise ValueError(f"{kind.__name__} expected where {type(value).__name__} stands")
    return value


def _key(key: Any) -> Any:
    # Only short keys: the hash of a tuple nested a million deep would end the process.
    if not isinstance(key, str | int | float | None):
        raise Refused("a key of its dictionaries is neither text nor number.")
    return key


def _known(name: str) -> Name:
    if name in NAMES:
        return Name(name)
    dotted = name.replace(" ", ".")
    raise Refused(
        f"it names {dotted}, so it holds more than tensors (a whole pickled model?) and only "
        "running its code could load it."
    )


def _made(name: str, arguments: tuple) -> Any:
    """Return what PyTorch's function of this name would make of its arguments."""
    if name == DICTIONARY and not arguments:
        return {}
    if name == PARAMETER:
        return _expect(arguments[0], np.ndarray)
    if name == TENSOR:
        return _tensor(*arguments[:4])
    raise Refused(f"it asks for {name.replace(' ', '.')} in a way that torch.save does not.")


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any) -> Shaped[np.ndarray, "..."]:
    """Return a view of the storage, after a check that it lies inside."""
    values = _expect(storage, Storage).values
    numbers = (offset, *_expect(shape, tuple), *_expect(strides, tuple))
    if any(type(n) is not int or n < 0 for n in numbers) or len(shape) != len(strides):
        raise ValueError("a tensor's shape and strides are not whole numbers, one for each axis")
    if len(shape) > MAX_RANK:
        raise Refused(f"a tensor has {len(shape)} axes; up to {MAX_RANK} are read.")
    if 0 in shape:
        return np.zeros(shape, values.dtype)
    last = offset + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
    if last >= len(values) or math.prod(shape) > len(values):
        raise ValueError("a tensor reaches beyond its numbers")
    steps = [stride * values.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(values[offset:], shape, steps, writeable=False)


def _weights(content: Any) -> dict[str, Shaped[np.ndarray, "..."]]:
    """Return the dictionary of tensors, or the only one inside a checkpoint."""
    if tensors := _tensors(content):
        return tensors
    inner = {} if not isinstance(content, Mapping) else content
    found = {key: tensors for key, value in inner.items() if (tensors := _tensors(value))}
    if len(found) != 1:
        parts = ", ".join(repr(key) for key in found)
        raise Refused(
            f"it holds several sets of weights ({parts}); keep one."
            if found
            else "it holds no dictionary of tensors."
        )
    return next(iter(found.values()))


def _tensors(value: Any) -> dict[str, Shaped[np.ndarray, "..."]]:
    if not isinstance(value, Mapping):
        return {}
    return {
        name: tensor
        for name, tensor in value.items()
        if isinstance(name, str) and isinstance(tensor, np.ndarray)
    }
