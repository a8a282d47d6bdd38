"""Files of published weights: safetensors, or PyTorch's zip format read without running it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from gradlab.errors import DataError
from gradlab.nn.pytorch_file import TO_SAFETENSORS, read_pytorch

WRAPPERS = ("module.", "_orig_mod.")
"""What PyTorch's DataParallel and compile put before every name."""


@dataclass(frozen=True)
class WeightFile:
    """The tensors of one file."""

    tensors: dict[str, Shaped[np.ndarray, "..."]]
    """By name, in the file's order."""
    keeps_order: bool
    """Whether that order is the network's (safetensors sorts by name)."""


def read_weights(path: str | Path) -> WeightFile:
    """Return the tensors of a file; its first bytes say of which kind it is.

    Raises:
        DataError: If it can't be read, is damaged, or is of another kind.

    >>> import tempfile
    >>> from safetensors.numpy import save
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "weights.safetensors"
    ...     _ = path.write_bytes(save({"module.bias": np.zeros(2, np.float32)}))
    ...     print(list(read_weights(path).tensors))
    ['bias']
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            start = file.read(9)
    except OSError as error:
        raise DataError(
            f"Could not read {path}: {error.strerror or error}. Give the path of a .safetensors "
            "or PyTorch weight file."
        ) from error
    if start.startswith(b"PK"):
        return WeightFile(_unwrapped(read_pytorch(path)), keeps_order=True)
    if start[8:] != b"{" and path.suffix != ".safetensors":
        old = start.startswith(b"\x80")
        what = (
            "a bare pickle (PyTorch before 1.6 wrote such files), which Gradlab does not run"
            if old
            else "neither safetensors nor a PyTorch weight file"
        )
        raise DataError(f"{path} is {what}. {TO_SAFETENSORS}")
    return WeightFile(_unwrapped(_read_safetensors(path)), keeps_order=False)


def _read_safetensors(path: Path) -> dict[str, Shaped[np.ndarray, "..."]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(
            f"{path} is not a whole safetensors file, or holds a kind of number that NumPy lacks "
            f"({error}). Fetch it again, or write it as float32."
        ) from error


def _unwrapped(tensors: dict[str, Shaped[np.ndarray, "..."]]) -> dict:
    for prefix in WRAPPERS:
        if tensors and all(name.startswith(prefix) for name in tensors):
            tensors = {name.removeprefix(prefix): values for name, values in tensors.items()}
    return tensors
