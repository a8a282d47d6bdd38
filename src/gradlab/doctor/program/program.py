"""A training program: how it is set, and its rows."""

import copy
import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Num

from gradlab.doctor.program.settings import Settings, read_settings
from gradlab.errors import DataError, suggest

Rows = Num[np.ndarray, "_rows ..."]


@dataclasses.dataclass(frozen=True, eq=False)
class Program:
    """A supervised training as other libraries write it; values, never changed in place.

    Attributes:
        settings: How it is set.
        x_train, y_train: Raw rows, before any scaling; targets are class numbers (rows,), 0 and 1
            (rows, outputs), numbers (rows,) or (rows, outputs), images, or a class number a step.
        x_validation, y_validation: Rows held back, of the same form; none of them if there are
            none, or if `settings.validation` is a fraction of the training rows.
        name: For people.

    >>> import numpy as np
    >>> x = np.linspace(-1, 1, 8)[:, None]
    >>> program = Program.build(
    ...     task="regression", x_train=x, y_train=x[:, 0] ** 2,
    ...     layers=[{"type": "dense", "units": 4, "activation": "tanh"},
    ...             {"type": "dense", "units": 1}],
    ...     loss="mean_squared_error", optimizer={"name": "sgd", "learning_rate": 0.1}, epochs=5)
    >>> program.edited("model.layers[0].activation", "relu").settings.model.layers[0].activation
    'relu'
    """

    settings: Settings
    x_train: Rows
    y_train: Rows
    x_validation: Rows | None = None
    y_validation: Rows | None = None
    name: str = "program"

    def __post_init__(self):
        """Check that rows, targets and settings belong together."""
        _check(self)

    @classmethod
    def build(
        cls,
        *,
        task: str,
        x_train: Rows,
        y_train: Rows,
        layers: Sequence[Mapping[str, Any]],
        loss: str | Mapping[str, Any],
        optimizer: Mapping[str, Any],
        epochs: int,
        batch_size: int = 32,
        coding: str | None = None,
        x_validation: Rows | None = None,
        y_validation: Rows | None = None,
        name: str = "program",
        **others: Any,
    ) -> "Program":
        """Return a program of plain words and arrays.

        Args:
            task: "binary", "multiclass" or "regression".
            x_train: Rows.
            y_train: Targets.
            layers: Of the network, in the words of case files.
            loss: Name, or a loss in those words.
            optimizer: In those words.
            epochs: Passes over the training rows.
            batch_size: Rows a step.
            coding: Of the targets; None for what fits: "one_hot", "zero_one", "real".
            x_validation: Rows held back.
            y_validation: Their targets.
            name: For people.
            **others: Further settings: `metrics`, `scaling`, `validation`, `early_stopping`,
                `class_weight`, `shuffle`.

        Raises:
            DataError: If a word is unknown, or the arrays do not fit.
        """
        x_train, y_train = np.asarray(x_train), np.asarray(y_train)
        fitting = {"binary": "zero_one", "multiclass": "one_hot", "regression": "real"}
        coding = coding or fitting.get(task, "real")
        n_classes = 0 if task == "regression" else int(y_train.max(initial=0)) + 1
        n_outputs = {"one_hot": n_classes}.get(coding, int(np.prod(y_train.shape[1:], dtype=int)))
        held = "none" if x_validation is None else "separate"
        settings = read_settings(
            {
                "task": task,
                "labels": {"coding": coding, "n_classes": n_classes, "n_outputs": n_outputs},
                "model": {"input_shape": x_train.shape[1:], "layers": list(layers)},
                "loss": loss,
                "optimizer": optimizer,
                "batch_size": batch_size,
                "epochs": epochs,
                "validation": {"kind": held},
                **others,
            }
        )
        return cls(settings, x_train, y_train, x_validation, y_validation, name)

    def words(self) -> dict[str, Any]:
        """Return the settings as plain dicts, lists, texts and numbers."""
        return self.settings.model_dump(mode="json", exclude_none=True)

    def value(self, path: str) -> Any:
        """Return what stands at a place such as "optimizer.learning_rate"; plain."""
        place, key = _parent(self.words(), path)
        try:
            return place[key]
        except (KeyError, IndexError):
            return None

    def edited(self, path: str, value: Any) -> "Program":
        """Return the program with another value at a place.

        Args:
            path: As in case files: "model.layers[0].activation", "loss", "metrics[0]".
            value: Plain; a number, a text, a dict of words.

        Raises:
            DataError: If there is no such place, or the value is not allowed there.
        """
        words = self.words()
        place, key = _parent(words, path)
        if isinstance(place, list) and key >= len(place):
            raise DataError(f"{path}: there are {len(place)} entries, counted from 0.")
        place[key] = copy.deepcopy(value)
        return self.with_words(words, path)

    def inserted(self, path: str, layer: Mapping[str, Any]) -> "Program":
        """Return the program with a layer before the place "model.layers[i]"."""
        words = self.words()
        place, index = _parent(words, path)
        _check_list(place, path)
        place.insert(index, dict(layer))
        return self.with_words(words, path)

    def removed(self, path: str) -> "Program":
        """Return the program without what stands at a place: a layer, or a setting."""
        words = self.words()
        place, key = _parent(words, path)
        try:
            del place[key]
        except (KeyError, IndexError):
            raise DataError(f"{path}: there is nothing to take out.") from None
        return self.with_words(words, path)

    def with_words(self, words: Mapping[str, Any], where: str = "program") -> "Program":
        """Return the program with other settings."""
        return dataclasses.replace(self, settings=read_settings(words, where=self.name))

    def with_rows(self, x_train: Rows, y_train: Rows) -> "Program":
        """Return the program with other training rows."""
        return dataclasses.replace(self, x_train=x_train, y_train=y_train)

    def training_rows(self) -> tuple[Rows, Rows]:
        """Return the rows that train: all, or those before a held-back fraction."""
        n = len(self.x_train) - self.n_held_back
        return self.x_train[:n], self.y_train[:n]

    def judging_rows(self) -> tuple[Rows, Rows] | None:
        """Return the rows that judge; None if there are none."""
        kind = self.settings.validation.kind
        if kind == "fraction" and self.n_held_back:
            return self.x_train[-self.n_held_back :], self.y_train[-self.n_held_back :]
        if kind == "separate" and self.x_validation is not None and len(self.x_validation):
            assert self.y_validation is not None
            return self.x_validation, self.y_validation
        return None

    @property
    def n_held_back(self) -> int:
        """Training rows that judge instead, the last ones."""
        held = self.settings.validation
        if held.kind != "fraction":
            return 0
        return min(round(held.fraction * len(self.x_train)), len(self.x_train) - 1)


_STEP = re.compile(r"\.?([A-Za-z_][A-Za-z_0-9]*)|\[(\d+)\]")


def path_steps(path: str) -> list[str | int]:
    """Return the keys and positions of a path.

    >>> path_steps("model.layers[0].init")
    ['model', 'layers', 0, 'init']

    Raises:
        DataError: If it is none.
    """
    steps: list[str | int] = []
    at = 0
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            raise DataError(f"{path!r} is not a path such as 'model.layers[0].activation'.")
        steps.append(match[1] if match[1] is not None else int(match[2]))
        at = match.end()
    if not steps:
        raise DataError("A path such as 'model.layers[0].activation' was expected; got ''.")
    return steps


def _parent(words: dict[str, Any], path: str) -> tuple[Any, Any]:
    """Return the dict or list that holds the last step of a path, and that step."""
    *before, last = path_steps(path)
    place: Any = words
    for step in before:
        try:
            place = place[step]
        except (KeyError, IndexError, TypeError):
            known = list(place) if isinstance(place, dict) else []
            hint = suggest(str(step), known)
            raise DataError(f"{path}: there is no {step!r} in this program.{hint}") from None
    if not isinstance(place, dict | list) or isinstance(place, list) != isinstance(last, int):
        raise DataError(f"{path}: nothing can stand there.")
    return place, last


def _check_list(place: Any, path: str) -> None:
    if not isinstance(place, list):
        raise DataError(f"{path}: a layer goes before a place such as 'model.layers[1]'.")


def _check(program: Program) -> None:
    settings = program.settings
    n = len(program.x_train)
    if n == 0 or len(program.y_train) != n:
        raise DataError(
            f"{program.name}: as many targets as training rows are needed, at least one; got {n} "
            f"rows and {len(program.y_train)} targets."
        )
    expected = settings.model.input_shape
    for rows, what in ((program.x_train, "x_train"), (program.x_validation, "x_validation")):
        if rows is not None and rows.shape[1:] != expected:
            raise DataError(
                f"{program.name}: model.input_shape is {list(expected)}, but a row of {what} has "
                f"the shape {list(rows.shape[1:])}. Reshape the rows, or say their shape."
            )
    if (program.x_validation is None) != (program.y_validation is None):
        raise DataError(f"{program.name}: validation rows and targets come together.")
