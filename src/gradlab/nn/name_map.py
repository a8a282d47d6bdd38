"""Which tensor of a file goes to which array of a network."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gradlab.errors import RecipeError, suggest
from gradlab.nn.slots import Slot

Names = Mapping[str, str | None] | Callable[[str], str | None]

IGNORED = "num_batches_tracked"
"""A counter that PyTorch keeps in its batch norms; nothing here needs it."""


@dataclass(frozen=True)
class Matching:
    """What was found out about a file and a network."""

    target: dict[str, str]
    """Tensor -> path; the network may lack the path."""
    doubts: list[str] = field(default_factory=list)
    """Where several layers look alike, one sentence each."""
    doubtful: frozenset[str] = frozenset()
    """Paths that those sentences speak of."""


def match(
    shapes: Mapping[str, tuple[int, ...]],
    slots: list[Slot],
    names: Names | None,
    *,
    keeps_order: bool,
) -> Matching:
    """Return which tensor goes where.

    Args:
        shapes: Shape of every tensor of the file, in its order.
        slots: Of the network, in its order.
        names: See `load_weights`.
        keeps_order: Whether the file's order is its network's.

    Raises:
        RecipeError: If `names` names what the file lacks.

    >>> import numpy as np
    >>> slot = Slot("layers.0", "weight", "weight", (2, 3), np.dtype("f4"))
    >>> match({"fc.weight": (2, 3)}, [slot], None, keeps_order=False).target
    {'fc.weight': 'layers.0.weight'}
    """
    wanted = [name for name in shapes if name.rpartition(".")[2] != IGNORED]
    paths = {path: slot.path for slot in slots for path in (slot.file_path, slot.path)}
    if names is None and not any(name in paths for name in wanted):
        return _by_order_and_shape({name: shapes[name] for name in wanted}, slots, keeps_order)
    rename = _renaming(names, shapes) if isinstance(names, Mapping) else names
    targets = {name: name if rename is None else rename(name) for name in wanted}
    return Matching(
        {name: paths.get(target, target) for name, target in targets.items() if target is not None}
    )


def _renaming(names: Mapping[str, str | None], known: Mapping) -> Callable[[str], str | None]:
    """Return the function that replaces the longest beginning that the dictionary holds."""
    beginnings = {beginning for name in known for beginning in _beginnings(name)}
    if strangers := [name for name in names if name not in beginnings]:
        near = suggest(strangers[0], beginnings)
        raise RecipeError(
            f"names speaks of {', '.join(map(repr, strangers[:5]))}, which the file does not hold."
            f"{near} The file has {_few(list(known))}."
        )

    def rename(name: str) -> str | None:
        for beginning in _beginnings(name):
            if beginning in names:
                target = names[beginning]
                return None if target is None else target + name[len(beginning) :]
        return name

    return rename


def _beginnings(name: str) -> list[str]:
    """Return the name and what stands before each of its dots, the longest first."""
    parts = name.split(".")
    return [".".join(parts[:n]) for n in range(len(parts), 0, -1)]


Signature = frozenset[tuple[str, tuple[int, ...]]]


def _by_order_and_shape(
    shapes: dict[str, tuple[int, ...]], slots: list[Slot], keeps_order: bool
) -> Matching:
    """Pair layers that hold arrays of the same names and shapes, in order among equals.

    The order is believed if the file keeps its network's, or the names differ only in their
    numbers. A wrong guess would load without an error and give nonsense, so any other is not made.
    """
    theirs, ours = _layers(shapes), _layers({slot.file_path: slot.file_shape for slot in slots})
    path_of = {slot.file_path: slot.path for slot in slots}
    target = {name: name for name in shapes}
    doubts, doubtful = [], set()
    for signature in dict.fromkeys(ours.values()):
        left = [layer for layer, other in theirs.items() if other == signature]
        right = [layer for layer, other in ours.items() if other == signature]
        if len(left) != len(right):
            continue
        if not keeps_order:
            left.sort(key=_natural)
        pairs = [
            (_join(a, name), path_of[_join(b, name)])
            for a, b in zip(left, right, strict=True)
            for name, _ in signature
        ]
        if keeps_order or len({re.sub(r"\d+", "#", layer) for layer in left}) == 1:
            target |= pairs
            continue
        doubts.append(
            f"{_few(left)} have the same shapes, and which of them is which of {_few(right)} "
            "can't be told: the file is sorted by name. Say it in names."
        )
        doubtful |= {path for _, path in pairs}
        for name, _ in pairs:
            del target[name]
    return Matching(target, doubts, frozenset(doubtful))


def _layers(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Signature]:
    arrays: dict[str, list[tuple[str, tuple[int, ...]]]] = {}
    for path, shape in shapes.items():
        layer, _, name = path.rpartition(".")
        arrays.setdefault(layer, []).append((name, tuple(shape)))
    return {layer: frozenset(members) for layer, members in arrays.items()}


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts "layer2" before "layer10"."""
    return [
        (int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)
    ]


def _join(layer: str, name: str) -> str:
    return f"{layer}.{name}" if layer else name


def _few(names: list[str], n: int = 6) -> str:
    more = f" and {len(names) - n} more" if len(names) > n else ""
    return ", ".join(names[:n]) + more
