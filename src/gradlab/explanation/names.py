"""What layers, numbers and weights are called.

Small networks of dense layers are written as in a textbook: inputs x1, x2, …; weighted sums a1, …;
activations h1, …; answers ŷ1, … (z1, … where a softmax or sigmoid is inside the loss); weights
w1, … numbered row by row through all layers, and biases b1, …. Everything else, and every weight of
a small network too, has an address: "layer 1[3, 2]", "layer 1 bias[2]", "output[0, 1]", with
indices from 0 as in the arrays.
"""

import dataclasses
import re
from typing import Any

import jax
import numpy as np
from jaxtyping import PyTree

from gradlab.errors import RecipeError, suggest
from gradlab.explanation.step import parameters_of
from gradlab.nn.activations import Activation, PReLU
from gradlab.nn.dense import Dense
from gradlab.nn.recurrent import Bidirectional, Embedding, Recurrent

MOST_NAMED = 60
"""Weights, or numbers of one row, of a network that is written out like a textbook's."""

OPENING = (Dense, Recurrent, Bidirectional, Embedding)
LETTERS = {"weight": "w", "bias": "b", "scale": "γ", "shift": "β", "slope": "s"}


@dataclasses.dataclass(frozen=True)
class LayerName:
    """What one layer is called.

    Args:
        label: In full, "layer 1 sigmoid".
        block: "layer 1", "output", or "input" for what stands before the first.
        what: "sigmoid".
    """

    label: str
    block: str
    what: str


@dataclasses.dataclass(frozen=True)
class Address:
    """One number that is trained.

    Args:
        parameter: Position among the parameters.
        index: Within it.
    """

    parameter: int
    index: tuple[int, ...]


def layer_names(layers: list[Any]) -> list[LayerName]:
    """Return what the layers of a network are called.

    A layer with a matrix of weights opens a block, "layer 1", "layer 2", …, and what follows it up
    to the next belongs to it; the last block is "output".
    """
    opens = [_opens(layer) for layer in layers]
    last, count, names = sum(opens), 0, []
    for layer, new in zip(layers, opens, strict=True):
        count += new
        block = "input" if count == 0 else "output" if count == last else f"layer {count}"
        what = _what(layer)
        names.append(LayerName(f"{block} {what}", block, what))
    return _told_apart(names)


def _opens(layer: Any) -> bool:
    if isinstance(layer, OPENING) or getattr(layer, "kind", "") == "linear":
        return True
    own = getattr(layer, "kind", "other") == "other"
    return own and bool(jax.tree.leaves(parameters_of(layer)))


def _what(layer: Any) -> str:
    if isinstance(layer, Activation):
        return layer.function.__name__
    if isinstance(layer, Recurrent):
        return type(layer.cell).__name__.removesuffix("Cell").lower()
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(layer).__name__)
    return {"PRe LU": "prelu"}.get(words, words.lower())


def _told_apart(names: list[LayerName]) -> list[LayerName]:
    seen: dict[str, int] = {}
    apart = []
    for name in names:
        seen[name.label] = seen.get(name.label, 0) + 1
        number = f" {seen[name.label]}" if seen[name.label] > 1 else ""
        apart.append(dataclasses.replace(name, label=name.label + number, what=name.what + number))
    return apart


def parameter_names(network: PyTree, layers: list[Any]) -> list[str]:
    """Return the name of every array of parameters, "layer 1 weight", in the network's order."""
    found = jax.tree_util.tree_leaves_with_path(parameters_of(network))
    owners = {
        id(leaf): name
        for layer, name in zip(layers, layer_names(layers), strict=True)
        for leaf in jax.tree.leaves(parameters_of(layer))
    }
    names = []
    for path, leaf in found:
        owner = owners.get(id(leaf))
        block = owner.block if owner else "network"
        if owner and block == "input":
            block = owner.label
        names.append(f"{block} {_leaf_name(path)}")
    return _unlike(names, found)


def _leaf_name(path: tuple) -> str:
    """Return "weight", "forward weight_input", "1 bias": a path without the way to the layer."""
    words: list[str] = []
    for key in path:
        word = str(getattr(key, "name", getattr(key, "idx", getattr(key, "key", key))))
        if word == "layers":
            words = []
        elif word not in ("cell", "module", "encoder", "decoder"):
            words.append(word)
    return " ".join(word for i, word in enumerate(words) if i or not word.isdecimal())


def _unlike(names: list[str], found: list) -> list[str]:
    if len(set(names)) == len(names):
        return names
    counts: dict[str, int] = {}
    apart = []
    for name in names:
        counts[name] = counts.get(name, 0) + 1
        number = f" {counts[name]}" if counts[name] > 1 else ""
        block, _, rest = name.rpartition(" ")
        apart.append(f"{block}{number} {rest}" if number else name)
    return apart


def is_textbook(layers: list[Any], network: PyTree, outputs: list[Any]) -> bool:
    """Tell whether a network is small and plain enough for short names."""
    plain = all(
        isinstance(layer, Dense | Activation | PReLU)
        or getattr(layer, "kind", "") in ("shape", "dropout", "normalization")
        or type(layer).__name__ == "GaussianNoise"
        for layer in layers
    )
    flat = all(getattr(output, "ndim", 0) == 2 for output in outputs)
    small = sum(np.size(leaf) for leaf in jax.tree.leaves(parameters_of(network))) <= MOST_NAMED
    return plain and flat and small and sum(o.shape[1] for o in outputs) <= MOST_NAMED


def short_names(names: list[str], parameters: list[np.ndarray]) -> dict[str, Address]:
    """Return w1, w2, …, b1, … to the place of each, in the order of the arrays."""
    counts: dict[str, int] = {}
    short = {}
    for number, (name, array) in enumerate(zip(names, parameters, strict=True)):
        letter = LETTERS.get(name.rpartition(" ")[2], "p")
        for index in np.ndindex(array.shape):
            counts[letter] = counts.get(letter, 0) + 1
            short[f"{letter}{counts[letter]}"] = Address(number, index)
    return short


def unit_names(layers: list[Any], outputs: list[np.ndarray], *, logits: bool) -> list[list[str]]:
    """Return a1, h1, ŷ, … for every number of one row, layer by layer; of textbook networks."""
    letters = {Dense: "a", Activation: "h", PReLU: "h"}
    counts: dict[str, int] = {}
    names = []
    for position, (layer, output) in enumerate(zip(layers, outputs, strict=True)):
        width = output.shape[1]
        if position == len(layers) - 1:
            letter = "z" if logits else "ŷ"
            names.append([letter if width == 1 else f"{letter}{j + 1}" for j in range(width)])
            continue
        kind = getattr(layer, "kind", "")
        letter = next((mark for of, mark in letters.items() if isinstance(layer, of)), "")
        letter = letter or {"normalization": "n", "dropout": "d", "shape": "r"}.get(kind, "e")
        first = counts.get(letter, 0)
        counts[letter] = first + width
        names.append([f"{letter}{first + j + 1}" for j in range(width)])
    return names


def find(text: str, names: list[str], shapes: list[tuple], short: dict[str, Address]) -> Address:
    """Return the place of a weight that was named.

    Args:
        text: "w5", "layer 1[3, 2]", "layer 1 bias[2]", "output[0, 1]".
        names: Of the parameters.
        shapes: Of the parameters.
        short: Short names, if there are any.

    Raises:
        RecipeError: If there is no such weight; says which there are.
    """
    text = " ".join(text.strip().split())
    if text in short:
        return short[text]
    found = re.fullmatch(r"(.*?) ?\[([\d, ]*)\]", text) or re.fullmatch(r"(.*)()", text)
    assert found is not None  # the second pattern takes anything
    name, numbers = found[1].lower(), found[2]
    index = tuple(int(part) for part in re.split(r"[, ]+", numbers.strip(", ")) if part)
    matches = [i for i, known in enumerate(names) if known.lower() == name]
    # "layer 1[3, 2]" means its weights, of whatever kind.
    matches = matches or [i for i, known in enumerate(names) if known.startswith(f"{name} weight")]
    if not matches:
        known = [f"{n}[{', '.join('0' * len(s))}]" for n, s in zip(names, shapes, strict=True)]
        shown = (f"w1 … ({len(short)} in all), or " if short else "") + ", ".join(known[:12])
        raise RecipeError(
            f"There is no weight '{text}'.{suggest(name, names)} Name one as {shown}; indices "
            "count from 0."
        )
    parameter = matches[0]
    shape = shapes[parameter]
    if len(index) != len(shape) or any(i >= n for i, n in zip(index, shape, strict=True)):
        largest = ", ".join(str(n - 1) for n in shape)
        raise RecipeError(
            f"'{text}': {names[parameter]} has shape {shape}, so its indices run from "
            f"[{', '.join('0' * len(shape))}] to [{largest}]."
        )
    return Address(parameter, index)


def place(name: str, index: tuple[int, ...]) -> str:
    """Return an address as it is written, "layer 1 weight[3, 2]".

    >>> place("layer 1 weight", (3, 2))
    'layer 1 weight[3, 2]'
    """
    return f"{name}[{', '.join(map(str, index))}]" if index else name
