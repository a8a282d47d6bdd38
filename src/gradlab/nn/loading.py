"""Published weights put into a network built from Gradlab's layers."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree, Shaped

from gradlab.errors import DataError, suggest
from gradlab.nn.module import initial_state, trainable
from gradlab.nn.name_map import Matching, Names, match
from gradlab.nn.slots import Layout, Slot, slots, state_paths
from gradlab.nn.weight_files import WeightFile, read_weights

SHOWN = 12
"""Problems of one kind that an error lists."""


def load_weights(
    network: PyTree,
    path: str | Path,
    names: Names | None = None,
    *,
    layout: Layout = "pytorch",
    input_shape: tuple[int, ...] | None = None,
    strict: bool = True,
) -> tuple[PyTree, PyTree]:
    """Return a network with the weights of a file, and its state with the running averages.

    Nothing is changed in place; a network built with seed=None (zeros) costs no time.

    Args:
        network: Built from our layers, `Sequential` or any other module.
        path: A safetensors file, or a PyTorch file of tensors (.pth, .pt), of which nothing is run.
        names: Where the tensors go. A dictionary maps a tensor's name, or the beginning of several
            up to a dot, to a path here ({"fire2": "layers.3", "head": None}; the longest beginning
            counts, None leaves out); a function maps name -> path or None. Paths are those of
            `tensor_paths`; the last part may be as PyTorch calls it (weight, bias, running_mean,
            running_var). Without names the file either has our paths already, or layers are paired
            by their shapes, in order among equals.
        layout: "pytorch" transposes: convolutions from (out, in, height, width), dense layers from
            (out, in). "gradlab" (Keras too) takes arrays as they are.
        input_shape: Of one example, (height, width, channels); needed where a dense layer follows
            a `Flatten`, since PyTorch flattens with the channels first.
        strict: Every tensor must be used and every array filled. Otherwise what has no partner is
            left as it is; shapes must fit all the same.

    Raises:
        DataError: If the file can't be read or does not fit; every misfit is listed.
        RecipeError: If names, layout or input_shape can't be followed.

    >>> import tempfile
    >>> from safetensors.numpy import save
    >>> from gradlab.nn import Dense
    >>> arrays = {"weight": np.array([[1.0, 2.0, 3.0]], np.float32), "bias": np.ones(1, np.float32)}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "linear.safetensors"
    ...     _ = path.write_bytes(save(arrays))
    ...     layer, state = load_weights(Dense(np.zeros((3, 1)), np.zeros(1)), path)
    >>> layer.weight.ravel().tolist(), layer.bias.tolist()
    ([1.0, 2.0, 3.0], [1.0])
    """
    file = read_weights(path)
    places = slots(network, layout=layout, input_shape=input_shape)
    shapes = {name: values.shape for name, values in file.tensors.items()}
    matching = match(shapes, places, names, keeps_order=file.keeps_order)
    arrays, problems = _arrays(file, {slot.path: slot for slot in places}, matching, strict)
    if problems:
        lines = "".join(f"\n  {line}" for line in problems)
        raise DataError(
            f"The weights in {path} do not fit the network:{lines}\nGive names (a dictionary or a "
            "function from the file's names to the network's paths), build the network for which "
            "the file was made, or leave tensors out by mapping them to None."
        )
    return _filled(network, arrays)


def tensor_paths(
    network: PyTree,
    path: str | Path,
    names: Names | None = None,
    *,
    layout: Layout = "pytorch",
    input_shape: tuple[int, ...] | None = None,
) -> dict[str, str]:
    """Return which tensor `load_weights` would put where, to look at or to mend by hand.

    A path may be one that the network lacks, where `names` says so.

    Args:
        network: As there, and so the rest.
        path: See there.
        names: See there.
        layout: See there.
        input_shape: See there.

    Raises:
        DataError: If the file can't be read.
        RecipeError: As there.
    """
    file = read_weights(path)
    shapes = {name: values.shape for name, values in file.tensors.items()}
    places = slots(network, layout=layout, input_shape=input_shape)
    return match(shapes, places, names, keeps_order=file.keeps_order).target


def _arrays(
    file: WeightFile, places: dict[str, Slot], matching: Matching, strict: bool
) -> tuple[dict[str, Shaped[np.ndarray, "..."]], list[str]]:
    """Return our arrays by path, and one line for each misfit."""
    arrays: dict[str, np.ndarray] = {}
    source: dict[str, str] = {}
    strangers: dict[str, str] = {}
    misfits = []
    for name, path in matching.target.items():
        values = file.tensors[name]
        if path not in places:
            goes = "" if name == path else f" (to go to {path})"
            shape = tuple(values.shape)
            strangers[name] = f"the network has no place for {name}{goes}, shape {shape}."
        elif path in source:
            misfits.append(f"{source[path]} and {name} would both go to {path}.")
        else:
            source[path] = name
            if misfit := _misfit(values, places[path]):
                misfits.append(f"{name} can't become {path}: {misfit}")
            else:
                arrays[path] = places[path].from_file(values).astype(places[path].dtype)
    missing = {path for path in places if path not in source} - matching.doubtful
    problems = [*matching.doubts, *_few(misfits)]
    if strict:
        for name in strangers:
            alike = [p for p in places if p in missing and _fits(file, name, places[p])]
            strangers[name] += suggest(matching.target[name], alike) or _or_one_of(alike)
        problems += _few(list(strangers.values()))
        problems += _few([_missing(slot) for path, slot in places.items() if path in missing])
    return arrays, problems


def _fits(file: WeightFile, name: str, slot: Slot) -> bool:
    return tuple(file.tensors[name].shape) == slot.file_shape


def _or_one_of(paths: list[str]) -> str:
    return f" Of its shape and empty: {', '.join(paths[:3])}." if paths else ""


def _misfit(values: np.ndarray, slot: Slot) -> str | None:
    if tuple(values.shape) != slot.file_shape:
        return f"its shape is {tuple(values.shape)} where {slot.file_shape} fits."
    if not jnp.issubdtype(values.dtype, jnp.floating):
        return f"its numbers are {values.dtype}, no floats; quantised weights are not read."
    with np.errstate(over="ignore"):
        numbers = values.astype(slot.dtype)
    if not np.isfinite(numbers).all():
        return f"it holds infinite or missing numbers in {slot.dtype}."
    return None


def _missing(slot: Slot) -> str:
    return f"nothing fills {slot.path}; in the file its shape would be {slot.file_shape}."


def _few(lines: list[str]) -> list[str]:
    more = len(lines) - SHOWN
    return [*lines[:SHOWN], f"… and {more} more of this kind."] if more > 0 else lines


def _filled(network: PyTree, arrays: dict[str, Any]) -> tuple[PyTree, PyTree]:
    """Return the network and its state with arrays in the place of their paths."""

    def filled(keys: tuple, leaf: Any, is_weight: bool) -> Any:
        path = jax.tree_util.keystr(keys, simple=True, separator=".")
        return _like(arrays[path], leaf) if is_weight and path in arrays else leaf

    weights = jax.tree_util.tree_map_with_path(filled, network, trainable(network))
    state = jax.tree.map(
        lambda path, old: (
            _like(arrays[path], old) if isinstance(path, str) and path in arrays else old
        ),
        state_paths(network),
        initial_state(network),
    )
    return weights, state


def _like(values: Shaped[np.ndarray, "..."], leaf: Any) -> Any:
    """Return the array as NumPy's or JAX's, whichever the leaf is."""
    if isinstance(leaf, jax.Array):
        return jnp.asarray(values, leaf.dtype)
    return np.ascontiguousarray(values)
