"""The question of a study: what `study.toml` holds, enough to repeat it."""

from collections.abc import Mapping
from pathlib import Path
from types import NoneType
from typing import Any, Literal

import numpy as np
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from gradlab.errors import RecipeError, StudyError, unknown
from gradlab.training.recipe import Recipe

Design = Literal["one-at-a-time", "factorial", "random"]
MOST_SEEDS = 5000
"""Seeds of one phase; tuning seeds begin where judging seeds can't reach."""

MOST_SEED = 2**20
"""The seed of a study or a training lies below this."""

NOT_VARIED = ("epochs", "parameters")
"""What all runs of a study share."""

DEFAULT_VARY: dict[str, list] = {
    "optimizer": [
        "sgd",
        "momentum",
        "nesterov",
        "adagrad",
        "adadelta",
        "rmsprop",
        "adam",
        "nadam",
        "adamw",
    ],
    "init": [
        "constant",
        "small_normal",
        "lecun_normal",
        "lecun_uniform",
        "xavier_normal",
        "xavier_uniform",
        "he_normal",
        "he_uniform",
    ],
    "activation": ["sigmoid", "tanh", "relu", "leaky_relu", "prelu", "elu", "gelu", "silu"],
    "norm": ["none", "batch", "layer", "group"],
    "dropout": [0.0, 0.2, 0.5],
}
"""The exercise of the course: what a study varies when nothing else is asked."""


class _Checked(BaseModel):
    """Frozen fields whose mistakes are one `RecipeError`."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    def __init__(self, **fields: Any) -> None:
        """Check every field; a mistake is one `RecipeError`."""
        try:
            super().__init__(**fields)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            if first["type"] == "extra_forbidden":
                raise RecipeError(unknown("study option", where, type(self).model_fields)) from None
            if first["type"] == "value_error":  # one of ours: it says what came
                raise RecipeError(first["msg"].removeprefix("Value error, ")) from None
            text = first["msg"][0].lower() + first["msg"][1:]
            raise RecipeError(f"{where}: {text}; got {first['input']!r}.") from None


class Source(_Checked):
    """Where the data comes from and how it is read; see `load_dataset`."""

    path: str = "digits"
    target: str | int | None = None
    task: Literal["auto", "binary", "multiclass", "regression", "reconstruction"] = "auto"
    groups: str | None = None
    time: str | None = None
    test: str | None = None
    drop: tuple[str, ...] = ()
    header: bool | None = None
    series: str | None = None
    text: str | None = None
    tokens: Literal["words", "characters"] | None = None
    window: int | None = None
    horizon: int | None = None
    image_size: str | None = None
    unreadable: Literal["refuse", "skip"] = "refuse"
    scaling: Literal["standard", "minmax", "none"] = "standard"
    ratios: tuple[float, float, float] = (0.6, 0.2, 0.2)
    snapshot: bool = False
    """The data came from memory and lies in the study folder."""

    def inside(self, folder: Path) -> "Source":
        """Return the source with the paths of a snapshot made whole."""
        if not self.snapshot:
            return self
        test = None if self.test is None else str(folder / self.test)
        return self.model_copy(update={"path": str(folder / self.path), "test": test})


class Tuning(_Checked):
    """The budget that every level gets to find its learning rate; 0 switches tuning off.

    Args:
        learning_rates: Values tried, a factor √10 apart round the technique's usual one.
        seeds: Seeds each is tried on; none of them judges.
    """

    learning_rates: int = Field(default=5, ge=0, le=25)
    seeds: int = Field(default=3, ge=1, le=MOST_SEEDS)


class Question(_Checked):
    """What a study asks.

    Args:
        data: The source.
        vary: Setting to levels; a level may be any value that the recipe's field takes.
        labels: Setting to the names of its levels, where they are not to be called by their values.
        base: The recipe round which settings vary.
        design: "one-at-a-time" changes one setting of the base; "factorial" tries every
            combination; "random" draws `samples` of them.
        samples: Combinations drawn by the random design.
        seeds: Judging seeds a level.
        seed: Of the study: test part, and where the seeds of runs begin.
        tuning: Budget a level.
        resample: Draw other training and validation rows for each seed.
    """

    data: Source = Source()
    vary: dict[str, tuple] = Field(
        default_factory=lambda: {k: tuple(v) for k, v in DEFAULT_VARY.items()}
    )
    labels: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    base: Recipe = Recipe()
    design: Design = "one-at-a-time"
    samples: int = Field(default=50, ge=1, le=100_000)
    seeds: int = Field(default=10, ge=1, le=MOST_SEEDS)
    seed: int = Field(default=0, ge=0, lt=MOST_SEED)
    tuning: Tuning = Tuning()
    resample: bool = False

    @field_validator("vary", mode="before")
    @classmethod
    def _levels(cls, vary: Any) -> Any:
        if not isinstance(vary, Mapping) or not vary:
            raise ValueError(
                'vary must name settings and their levels, as {"optimizer": ["sgd", "adam"]}; '
                f"got {vary!r}."
            )
        checked = {}
        for axis, levels in vary.items():
            named_tuple = hasattr(levels, "_fields")  # as an Optax transformation is
            if isinstance(levels, str) or named_tuple or not hasattr(levels, "__iter__"):
                raise ValueError(f"vary: the levels of {axis} must be a list; got {levels!r}.")
            levels = tuple(_plain_level(axis, level) for level in levels)
            if not levels:
                raise ValueError(f"vary: {axis} has no levels. Give at least one.")
            if axis in NOT_VARIED:
                raise ValueError(f"vary: {axis} can't be varied; set it in the base recipe.")
            twice = [level for i, level in enumerate(levels) if level in levels[:i]]
            if twice:
                raise ValueError(f"vary: {axis} names the level {level_name(twice[0])} twice.")
            checked[axis] = levels
        return checked

    @model_validator(mode="after")
    def _labels_fit(self) -> "Question":
        for axis, names in self.labels.items():
            if axis not in self.vary or len(names) != len(self.vary[axis]):
                raise ValueError(f"labels: {axis} has other levels than vary gives it.")
            if len(set(names)) < len(names):
                raise ValueError(f"labels: {axis} has the same label twice: {', '.join(names)}.")
        return self

    @field_validator("base", mode="before")
    @classmethod
    def _recipe(cls, base: Any) -> Any:
        return Recipe(**base) if isinstance(base, Mapping) else base

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for `study.toml`.

        Raises:
            RecipeError: If a level is an object that a file can't hold.
        """
        for axis, levels in self.vary.items():
            for level in levels:
                if type(level) not in (str, int, float, bool, tuple, NoneType):
                    raise RecipeError(
                        f"A level of {axis} is an object of {type(level).__name__}, which a file "
                        "can't hold."
                    )
        return {
            "data": _plain(self.data.model_dump(exclude_defaults=True)),
            # TOML has no null, and a list may hold nothing else that means it.
            "vary": {
                axis: [_plain("none" if x is None else x) for x in levels]
                for axis, levels in self.vary.items()
            },
            "base": self.base.to_dict(),
            **({"labels": _plain(self.labels)} if self.labels else {}),
            **_plain(
                self.model_dump(
                    include={"design", "samples", "seeds", "seed", "resample", "tuning"}
                )
            ),
        }

    def judging_seeds(self) -> range:
        """Return the seeds of the runs that judge."""
        first = self.seed * 4 * MOST_SEEDS
        return range(first, first + self.seeds)

    def tuning_seeds(self) -> range:
        """Return the seeds of the runs that tune."""
        first = self.seed * 4 * MOST_SEEDS + 2 * MOST_SEEDS
        return range(first, first + self.tuning.seeds)


def level_name(level: Any) -> str:
    """Return a level as one writes it.

    >>> level_name((64, 32)), level_name(0.5), level_name(None)
    ('64x32', '0.5', 'none')
    """
    if level is None:
        return "none"
    if isinstance(level, tuple) and any(isinstance(part, str) for part in level):
        return ", ".join(level_name(part) for part in level)
    if isinstance(level, tuple):
        return "x".join(level_name(part) for part in level) or "linear"
    return f"{level:g}" if isinstance(level, float) else str(level)


def level_names(question: Question) -> dict[str, tuple[str, ...]]:
    """Return the names of every axis's levels, each once an axis."""
    return {
        axis: question.labels.get(axis) or _different_names(levels)
        for axis, levels in question.vary.items()
    }


def question_from_dict(content: dict[str, Any], path: Path) -> Question:
    """Return the question of a `study.toml`.

    Raises:
        StudyError: If it was edited into something that makes no sense.
    """
    try:
        base = content.get("base", {})
        if not isinstance(base, Mapping):
            raise RecipeError(f"base must be a table of recipe fields; got {base!r}.")
        return Question(**{**content, "base": Recipe(**base)})
    except RecipeError as error:
        raise StudyError(f"{path} makes no sense: {error}") from None


def _different_names(levels: tuple) -> tuple[str, ...]:
    names = tuple(level_name(level) for level in levels)
    if len(set(names)) == len(names):
        return names
    # Numbers that agree in six digits are written out.
    return tuple(
        repr(level) if isinstance(level, float) else name
        for level, name in zip(levels, names, strict=True)
    )


def _plain_level(axis: str, level: Any) -> Any:
    """Return a level as the recipe takes it: Python's own numbers, tuples, a tuple of widths."""
    if isinstance(level, np.generic):
        level = level.item()
    if type(level) in (list, tuple):  # an Optax transformation is a tuple too, of functions
        return tuple(_plain_level("", part) for part in level)
    if axis == "hidden" and isinstance(level, int) and not isinstance(level, bool):
        return (level,) if level else ()
    return level


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items() if v is not None}
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    return value
