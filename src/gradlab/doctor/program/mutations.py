"""The mutation operators of case files: edits that put known faults into healthy programs.

Source: Humbatova et al. 2021, DeepCrime, https://doi.org/10.1145/3460319.3464825
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from gradlab.doctor.program.coding import CLASSES
from gradlab.doctor.program.program import Program
from gradlab.errors import DataError, unknown

Random = np.random.Generator


@dataclasses.dataclass(frozen=True, eq=False)
class Mutant:
    """A program with a fault.

    Attributes:
        program: With it.
        kind: Of the fault, in the words of `gradlab.doctor.finding.Kind`.
        where: Path of what was changed.
        value: To what.
    """

    program: Program
    kind: str
    where: str
    value: Any


def mutants(operator: Mapping[str, Any], program: Program, *, seed: int = 0) -> Iterator[Mutant]:
    """Yield what an operator of a case file makes of a healthy program, a mutant a value.

    What changes nothing, or does not fit the program, is left out.

    Args:
        operator: An entry of `mutation_operators`: `id`, `where`, `values`, `kind`.
        program: Healthy.
        seed: Of what is drawn.

    Raises:
        DataError: If the operator is not known.

    >>> import numpy as np
    >>> program = Program.build(
    ...     task="regression", x_train=np.ones((4, 1)), y_train=np.ones(4), epochs=50,
    ...     layers=[{"type": "dense", "units": 1}], loss="mean_squared_error",
    ...     optimizer={"name": "sgd", "learning_rate": 0.1})
    >>> operator = {"id": "HNE", "where": "epochs", "kind": "epochs_too_few",
    ...             "values": {"multiply_by": [0.02, 0.1], "at_least": 1}}
    >>> [(m.value, m.kind) for m in mutants(operator, program)]
    [(1, 'epochs_too_few'), (5, 'epochs_too_few')]
    """
    name = str(operator["id"])
    if name in ROWS:
        yield from _of_rows(operator, program, seed)
    elif name in LAYERS:
        yield from _of_layers(operator, program)
    elif name in SETTINGS:
        yield from _of_settings(operator, program)
    else:
        raise DataError(unknown("mutation operator", name, (*ROWS, *LAYERS, *SETTINGS)))


def _made(program: Program, kind: Any, where: str, value: Any) -> Iterator[Mutant]:
    """Yield the program with another value at a place, if it can have it."""
    try:
        changed = program.edited(where, value)
    except DataError:
        return
    if changed.words() != program.words():
        yield Mutant(changed, kind, where, value)


SETTINGS = ("HBS", "HLR", "HNE", "HDB", "RCP", "LCH", "OCH", "OCG", "VRM")


def _of_settings(operator: Mapping[str, Any], program: Program) -> Iterator[Mutant]:
    where, kind = str(operator["where"]), operator["kind"]
    if where.startswith("early_stopping") and program.settings.early_stopping is None:
        return
    old = program.value(where)
    for value in _values(operator["values"], old):
        if value == "n_train":
            new = len(program.x_train)
        elif operator["id"] == "OCH" and value["name"] == old["name"]:
            continue
        else:
            new = value
        if operator["id"] == "LCH" and new == old["name"]:
            continue  # another clip or reduction is no other loss
        yield from _made(program, _kind_of_setting(operator, kind, old, new), where, new)


def _values(values: Any, old: Any) -> list[Any]:
    if not isinstance(values, Mapping):
        return list(values)
    made = [old * factor for factor in values["multiply_by"]]
    if "at_least" not in values:
        return made
    return list(dict.fromkeys(max(values["at_least"], round(value)) for value in made))


def _kind_of_setting(operator: Mapping[str, Any], kind: Any, old: Any, new: Any) -> str:
    if isinstance(kind, str):
        return kind
    if operator["id"] == "HLR":
        return kind[0] if new < old else kind[1]
    return kind[0]


LAYERS = ("ACH", "ARM", "AAL", "RAW", "RCW", "RRW", "RCD", "WCI", "WAB", "WRB")


def _of_layers(operator: Mapping[str, Any], program: Program) -> Iterator[Mutant]:
    layers = program.words()["model"]["layers"]
    weighted = [i for i, layer in enumerate(layers) if "activation" in layer or "init" in layer]
    for i, layer in enumerate(layers):
        if not _takes(operator["id"], layer):
            continue
        where = str(operator["where"]).replace("[i]", f"[{i}]")
        values = operator["values"]
        for value in values if isinstance(values, list) else [values]:
            kind = _kind_of_layer(operator, layer, value, is_last=i == weighted[-1])
            if isinstance(value, Mapping):
                yield from _made(program, kind, where, {**layer, **value})
            else:
                yield from _made(program, kind, where, value)


def _takes(operator: str, layer: Mapping[str, Any]) -> bool:
    """Return whether an operator applies to a layer."""
    penalty = bool(layer.get("l1") or layer.get("l2"))
    linear = layer.get("activation") == "linear"
    has_weights = "use_bias" in layer
    return {
        "ACH": "activation" in layer and not linear,
        "ARM": "activation" in layer and not linear,
        "AAL": linear,
        "RAW": has_weights and not penalty,
        "RCW": has_weights and penalty,
        "RRW": has_weights and penalty,
        "RCD": layer["type"] == "dropout",
        "WCI": "init" in layer,
        "WAB": has_weights and not layer["use_bias"],
        "WRB": has_weights and layer["use_bias"],
    }[operator]


def _kind_of_layer(
    operator: Mapping[str, Any], layer: Mapping[str, Any], value: Any, *, is_last: bool
) -> str:
    kind = operator["kind"]
    if isinstance(kind, str):
        return kind
    if operator["id"] == "RCD":
        return kind[0] if value > layer["rate"] else kind[1]
    return kind[1] if is_last else kind[0]


def _of_rows(operator: Mapping[str, Any], program: Program, seed: int) -> Iterator[Mutant]:
    make = ROWS[str(operator["id"])]
    for share in operator["values"]["share"]:
        x, y = make(program, float(share), np.random.default_rng(seed))
        same = len(x) == len(program.x_train)
        unchanged = same and np.array_equal(x, program.x_train)
        if len(x) and not (unchanged and np.array_equal(y, program.y_train)):
            yield Mutant(program.with_rows(x, y), operator["kind"], str(operator["where"]), share)


Changed = tuple[np.ndarray, np.ndarray]


def _classes(program: Program) -> np.ndarray | None:
    """Return the class of each row; None of numbers and of several answers a row."""
    if program.settings.labels.coding not in CLASSES or program.y_train.ndim > 1:
        return None
    return program.y_train.astype(int)


def _change_labels(program: Program, share: float, g: Random) -> Changed:
    classes, y = _classes(program), program.y_train.copy()
    if classes is None:
        if program.settings.task == "regression":
            return program.x_train, y + g.normal(0, share * y.std(), y.shape)
        rows = g.random(len(y)) < share
        y[rows] = y[g.permutation(len(y))][rows]
        return program.x_train, y
    counts = np.bincount(classes)
    own = np.flatnonzero(classes == counts.argmax())
    chosen = g.choice(own, size=round(share * len(own)), replace=False)
    others = np.setdiff1d(np.flatnonzero(counts), [counts.argmax()])
    if len(others):
        y[chosen] = g.choice(others, size=len(chosen))
    return program.x_train, y


def _without(program: Program, dropped: Sequence[np.ndarray]) -> Changed:
    rows = np.concatenate([*dropped, np.empty(0, int)])
    kept = np.setdiff1d(np.arange(len(program.x_train)), rows)
    return program.x_train[kept], program.y_train[kept]


def _delete(program: Program, share: float, g: Random) -> Changed:
    classes = _classes(program)
    classes = np.zeros(len(program.x_train), int) if classes is None else classes
    dropped = []
    for label in np.unique(classes):
        own = np.flatnonzero(classes == label)
        dropped.append(g.choice(own, size=int(share * len(own)), replace=False))
    return _without(program, dropped)


def _unbalance(program: Program, share: float, g: Random) -> Changed:
    classes = _classes(program)
    if classes is None:
        return program.x_train, program.y_train
    counts = np.bincount(classes)
    rare = [c for c in np.flatnonzero(counts) if counts[c] < counts[counts > 0].mean()]
    dropped = []
    for label in rare:
        own = np.flatnonzero(classes == label)
        dropped.append(g.choice(own, size=int(share * len(own)), replace=False))
    return _without(program, dropped)


def _add_noise(program: Program, share: float, g: Random) -> Changed:
    x = program.x_train.astype(float)
    chosen = g.choice(len(x), size=round(share * len(x)), replace=False)
    flat = x[chosen].reshape(len(chosen), -1)
    noise = g.standard_normal(flat.shape) * share * flat.std(axis=1, keepdims=True)
    x[chosen] += noise.reshape(x[chosen].shape)
    return x, program.y_train


def _overlap(program: Program, share: float, g: Random) -> Changed:
    classes = _classes(program)
    if classes is None or len(np.unique(classes)) < 2:
        return program.x_train, program.y_train
    first, second = np.argsort(-np.bincount(classes), kind="stable")[:2]
    own = np.flatnonzero(classes == first)
    again = g.choice(own, size=round(share * len(own)), replace=False)
    y = np.concatenate([program.y_train, np.full(len(again), second, program.y_train.dtype)])
    x = np.concatenate([program.x_train, program.x_train[again]])
    order = g.permutation(len(x))
    return x[order], y[order]


ROWS: dict[str, Callable[[Program, float, Random], Changed]] = {
    "TCL": _change_labels,
    "TRD": _delete,
    "TUD": _unbalance,
    "TAN": _add_noise,
    "TCO": _overlap,
}
"""Operators on the training rows."""
