"""A descent kept on the disk, so that it can be gone on with after Ctrl-C."""

import hashlib
import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradlab.errors import StudyError
from gradlab.files import write_whole
from gradlab.style.descent import Descent

VERSION = 1


def fingerprint(*parts: Any) -> str:
    """Return what tells one run from another: a hash of arrays and plain data.

    >>> fingerprint({"steps": 3}, np.zeros(2)) == fingerprint({"steps": 3}, np.zeros(2))
    True
    """
    found = hashlib.sha256()
    for part in parts:
        for leaf in jax.tree.leaves(part):
            if isinstance(leaf, (np.ndarray, jax.Array)):
                array = np.ascontiguousarray(leaf)
                found.update(f"{array.dtype}{array.shape}".encode())
                found.update(array.tobytes())
            else:
                found.update(repr(leaf).encode())
    return found.hexdigest()[:32]


def keep(path: str | Path, descent: Descent, run: str, told: dict[str, Any]) -> None:
    """Write a descent and what was told of it so far, whole or not at all.

    Args:
        path: Where to.
        descent: Where it stands.
        run: Fingerprint of what is being made.
        told: Level, step and history; plain data.
    """
    from safetensors.numpy import save

    leaves = jax.tree.leaves(descent)
    arrays = {str(i): np.array(leaf, order="C") for i, leaf in enumerate(leaves)}
    about = {"version": str(VERSION), "run": run, "told": json.dumps(told)}
    write_whole(path, save(arrays, about))


def kept(path: str | Path, run: str) -> tuple[list[np.ndarray], dict[str, Any]] | None:
    """Return the arrays and what was told, if the file is there and of the same run.

    Raises:
        StudyError: If it is there but damaged, or of another run.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.exists():
        return None
    advice = f"Delete {path} to begin anew, or repeat the command that it came from."
    try:
        with safe_open(path, framework="numpy") as file:
            about = file.metadata() or {}
            arrays = [file.get_tensor(str(i)) for i in range(len(file.keys()))]
        told = json.loads(about.get("told", ""))
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise StudyError(
            f"{path} should hold an unfinished picture, but can't be read ({error}). {advice}"
        ) from error
    if about.get("version") != str(VERSION) or about.get("run") != run:
        raise StudyError(
            f"{path} holds an unfinished picture of other pictures, settings or network. {advice}"
        )
    return arrays, told


def restored(like: Descent, arrays: list[np.ndarray]) -> Descent:
    """Return a descent with kept arrays in the places of one that has just begun."""
    leaves, structure = jax.tree.flatten(like)
    return jax.tree.unflatten(
        structure, [jnp.asarray(new, old.dtype) for new, old in zip(arrays, leaves, strict=True)]
    )
