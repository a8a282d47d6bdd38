"""What is written down when a study begins: its data, and what it compares."""

import dataclasses
import json
from typing import Any

from gradlab.data import Dataset
from gradlab.lab.design import Cell, base_levels
from gradlab.lab.question import Question, level_name
from gradlab.training.recipe import Recipe
from gradlab.training.task import Task


@dataclasses.dataclass(frozen=True)
class Facts:
    """What was found out about the data when the study began."""

    name: str
    target: str
    task: str
    classes: tuple[str, ...]
    rows: int
    columns: int
    features: int
    train: int
    validation: int
    test: int
    score: str
    trivial_score: float
    fingerprint: str
    notes: tuple[str, ...]
    axes: dict[str, list[str]]
    """Levels of each axis, by name."""
    base: dict[str, str]
    """The base recipe's level of each axis that lists it."""
    cells: list[dict]
    """Of each recipe compared: its levels, and whether its learning rate was tuned."""
    base_recipe: dict[str, str]
    resumable: bool
    """False if a level is a Python object, which no file can hold."""

    @classmethod
    def from_json(cls, text: str) -> "Facts":
        """Read what `to_json` wrote."""
        content = json.loads(text)
        content["classes"], content["notes"] = tuple(content["classes"]), tuple(content["notes"])
        return cls(**content)

    def to_json(self) -> str:
        """Return the facts as JSON."""
        return json.dumps(dataclasses.asdict(self))


def facts_of(
    question: Question,
    dataset: Dataset,
    task: Task,
    notes: tuple[str, ...],
    cells: list[Cell],
    resumable: bool,
) -> Facts:
    """Return the facts of a study from its question, its data and what they became."""
    train, validation = task.splits[0]
    axes: dict[str, list[str]] = {axis: [] for axis in question.vary}
    for cell in cells:
        for axis, name in cell.levels.items():
            if name not in axes[axis]:
                axes[axis].append(name)
    return Facts(
        name=dataset.name,
        target=dataset.target_name,
        task=dataset.task,
        classes=tuple(str(label) for label in dataset.classes or ()),
        rows=dataset.n_rows,
        columns=len(dataset.features.names),
        features=task.n_features,
        train=len(train),
        validation=len(validation),
        test=len(task.test),
        score=task.score_name,
        trivial_score=task.trivial_score,
        fingerprint=task.fingerprint(),
        notes=notes,
        axes=axes,
        base=base_levels(question),
        cells=[{"levels": cell.levels, "tuned": cell.tuned} for cell in cells],
        base_recipe=recipe_text(question.base.describe()),
        resumable=resumable,
    )


def recipe_text(recipe: dict[str, Any]) -> dict[str, str]:
    """Return the settings of a recipe's `describe` as words, with the usual ones that matter.

    >>> recipe_text({"optimizer": "sgd", "parameters": {"init.std": 0.1}})["init.std"]
    '0.1'
    """
    shown = ("hidden", "optimizer", "init", "activation", "norm", "dropout", "batch_size", "epochs")
    settings = {name: getattr(Recipe(), name) for name in shown} | recipe
    settings |= settings.pop("parameters", {})
    if "layers" in settings:  # they stand in the place of hidden
        settings = {"layers": ", ".join(settings.pop("layers")), **settings}
        del settings["hidden"]
    return {
        name: level_name(tuple(value) if isinstance(value, list) else value)
        for name, value in settings.items()
    }
