"""Changes of settings in a recipe's terms, or in those of its task."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradlab.doctor.finding import Change
from gradlab.errors import RecipeError
from gradlab.nn.losses import LOSSES
from gradlab.optim import OPTIMIZERS
from gradlab.training import layers as specs
from gradlab.training.layers import Spec
from gradlab.training.recipe import Recipe, keyword_parameters
from gradlab.training.supervised import loss_name
from gradlab.training.task import Task

OF_TASK = ("scaling", "target_scaling", "drop_columns")
ALREADY = ("validation_scaling", "label_coding")
"""What a task of Gradlab's always has right."""


class _Unsayable(Exception):
    """A change that a recipe has no words for."""


def changed_recipe(recipe: Recipe, task: Task, changes: Sequence[Change]) -> Recipe | None:
    """Return the recipe with changes in their order; None if one can't be said in a recipe."""
    try:
        # A new optimizer brings its usual rate along, so it goes first.
        for change in sorted(changes, key=lambda change: change.setting != "optimizer"):
            if change.setting not in (*OF_TASK, *ALREADY):
                recipe = _with(recipe, task, change)
        loss_name(recipe, task.kind)
    except (RecipeError, _Unsayable, ValueError, TypeError):
        return None
    return recipe


def _with(recipe: Recipe, task: Task, change: Change) -> Recipe:
    value = change.value
    match change.setting:
        case "learning_rate" | "clip_norm" | "l1" | "class_weight" | "shuffle" | "norm":
            if change.setting == "norm":
                return _with_norm(recipe, value)
            return recipe.replace(**{change.setting: value})
        case "l2":
            # Decoupled decay does the same to the weights.
            return recipe.replace(l2=value, **({"weight_decay": 0.0} if value == 0 else {}))
        case "epochs":
            return _with_epochs(recipe, int(value))
        case "patience":
            return recipe.replace(patience=None if value is None else int(value))
        case "batch_size":
            return recipe.replace(batch_size=value if value == "full" else int(value))
        case "optimizer":
            if value not in OPTIMIZERS:
                raise _Unsayable
            return recipe.replace(optimizer=value, learning_rate=None)
        case "momentum":
            return _with_momentum(recipe, float(value))
        case "loss":
            if value != "auto" and value not in LOSSES:
                raise _Unsayable
            return recipe.replace(loss=value)
        case "output_activation":
            if value in ("auto", "linear"):  # scores are what every loss here takes
                return recipe.replace(output_activation="linear")
            if task.kind != "reconstruction":
                raise _Unsayable
            return recipe.replace(output_activation=value)
        case "hidden_activation" | "init" if (
            change.place and task.n_tokens is not None and (recipe.layers is None)
        ):
            raise _Unsayable  # the first layer is one that nobody wrote
        case "hidden_activation":
            return _with_field(recipe, "activation", value, change.place)
        case "init":
            return _with_field(recipe, "init", value, change.place)
        case "dropout":
            return _with_dropout(recipe, float(value))
        case "units":
            return _wider(recipe, float(value))
        case "layers":
            return _deeper(recipe, int(value))
        case _:
            raise _Unsayable


def _with_epochs(recipe: Recipe, epochs: int) -> Recipe:
    """Return it with another number of epochs, into which warm-up and patience still fit."""
    patience = recipe.patience if recipe.patience is None or recipe.patience < epochs else None
    return recipe.replace(
        epochs=epochs, patience=patience, warmup_epochs=min(recipe.warmup_epochs, epochs)
    )


def _with_momentum(recipe: Recipe, momentum: float) -> Recipe:
    known = keyword_parameters(recipe.optimizer_kind().factory)
    name = next((name for name in ("momentum", "beta1") if name in known), None)
    if name is not None:
        return recipe.replace(**{f"optimizer.{name}": momentum})
    if recipe.optimizer_kind().name != "sgd":
        raise _Unsayable
    changed = recipe.replace(optimizer="momentum", learning_rate=recipe.rate())
    return changed.replace(**{"optimizer.momentum": momentum})


def _edited(recipe: Recipe, edit: Any) -> Recipe:
    """Return it with `edit(spec)` of every layer that was written; None leaves a layer out."""
    if recipe.layers is None:
        return recipe
    kept = [new for spec in recipe.layers if (new := edit(spec)) is not None]
    return recipe.replace(layers=tuple(kept))


def _with_field(recipe: Recipe, name: str, value: str, place: str) -> Recipe:
    """Return it with another activation or initialiser of one layer, or of all hidden ones."""
    if not place or place == "output":
        if place == "output" and name == "activation":
            raise _Unsayable
        cleared = _edited(
            recipe,
            lambda spec: (
                spec.model_copy(update={name: None}) if name in type(spec).model_fields else spec
            ),
        )
        return cleared.replace(**{name: value})
    position = int(place.partition("[")[2].rstrip("]") or -1)
    written = recipe.given_layers()
    if place.partition("[")[0] not in ("hidden", "layers") or not 0 <= position < len(written):
        raise _Unsayable
    spec = written[position]
    if name not in type(spec).model_fields:
        raise _Unsayable
    new = spec.model_copy(update={name: value})
    return recipe.replace(layers=(*written[:position], new, *written[position + 1 :]))


def _with_norm(recipe: Recipe, value: str) -> Recipe:
    def edit(spec: Spec) -> Spec | None:
        if isinstance(spec, specs.Norm):
            return None
        has = isinstance(spec, specs.Block)
        return spec.model_copy(update={"norm": None}) if has else spec

    return _edited(recipe, edit).replace(norm=value)


def _with_dropout(recipe: Recipe, rate: float) -> Recipe:
    def edit(spec: Spec) -> Spec | None:
        if isinstance(spec, specs.Drop):
            return None
        has = isinstance(spec, specs.Block | specs.Recurrent)
        return spec.model_copy(update={"dropout": None}) if has else spec

    return _edited(recipe, edit).replace(dropout=rate)


def _wider(recipe: Recipe, factor: float) -> Recipe:
    def times(n: int) -> int:
        return max(1, round(n * factor))

    def edit(spec: Spec) -> Spec:
        name = next((n for n in ("units", "filters") if n in type(spec).model_fields), None)
        return spec if name is None else spec.model_copy(update={name: times(getattr(spec, name))})

    if recipe.layers is None:
        return recipe.replace(hidden=tuple(times(n) for n in recipe.hidden))
    return _edited(recipe, edit)


def _deeper(recipe: Recipe, n_hidden: int) -> Recipe:
    """Return it with so many dense layers: the last is repeated, or the last are left out."""
    activation = recipe.activation
    if isinstance(activation, tuple):
        activation = activation[0] if activation else "relu"
    if recipe.layers is None:
        units = recipe.hidden or (64,)
        hidden = (*units, *[units[-1]] * n_hidden)[:n_hidden]
        return recipe.replace(hidden=hidden, activation=activation)
    blocks = [i for i, s in enumerate(recipe.layers) if isinstance(s, WEIGHTED_SPECS)]
    if not blocks or n_hidden < 1:
        raise _Unsayable
    last = recipe.layers[blocks[-1]]
    if n_hidden <= len(blocks):
        dropped = set(blocks[n_hidden:])
        layers = tuple(s for i, s in enumerate(recipe.layers) if i not in dropped)
    elif isinstance(last, specs.Dense):
        more = (last,) * (n_hidden - len(blocks))
        layers = (*recipe.layers[: blocks[-1] + 1], *more, *recipe.layers[blocks[-1] + 1 :])
    else:
        layers = (*recipe.layers, *[specs.Dense(units=64)] * (n_hidden - len(blocks)))
    return recipe.replace(layers=layers, activation=activation)


WEIGHTED_SPECS = specs.Block | specs.Recurrent


def changed_task(
    task: Task, split: int, changes: Sequence[Change], columns: Sequence[str] = ()
) -> Task | None:
    """Return the task with changed inputs or targets, the split alone; None if it can't be.

    Args:
        task: The data.
        split: Whose training rows give the statistics.
        changes: Of any setting; those of the task count.
        columns: Names of the inputs.
    """
    for change in changes:
        if change.setting == "scaling":
            made = _scaled(task, split, str(change.value))
        elif change.setting == "target_scaling":
            made = _with_scaled_targets(task, split)
        elif change.setting == "drop_columns":
            made = _without(task, split, change.value, columns)
        else:
            continue
        if made is None:
            return None
        task, split = made, 0
    return task


def one_split(task: Task, split: int, x: np.ndarray | None = None) -> Task:
    """Return the task of one split alone, with its inputs as a network sees them."""
    whole = np.arange(len(task.x))
    reducers = {name: layers[split : split + 1] for name, layers in task.reducers.items()}
    return dataclasses.replace(
        task,
        x=task.inputs(whole, split).astype(task.x.dtype, copy=False) if x is None else x,
        splits=(task.splits[split],),
        shift=None,
        scale=None,
        fill=None,
        reducers=reducers,
    )


def _scaled(task: Task, split: int, way: str) -> Task | None:
    if task.n_tokens is not None or task.reducers or task.kind == "reconstruction":
        return None
    x = task.inputs(np.arange(len(task.x)), split).astype(np.float64)
    train = x[task.splits[split][0]]
    if way == "log10_standard":
        x, train = (np.sign(a) * np.log10(1 + np.abs(a)) for a in (x, train))
    axes = tuple(range(train.ndim - 1))  # a number for each column, channel or feature
    if way == "min_max":
        shift, size = train.min(axis=axes), np.ptp(train, axis=axes)
    elif way in ("standard", "log10_standard"):
        shift, size = train.mean(axis=axes), train.std(axis=axes)
    else:
        return None
    x = (x - shift) / np.where(size > 1e-12 * np.maximum(1, np.abs(shift)), size, 1)
    return one_split(task, split, x.astype(task.dtype))


def _with_scaled_targets(task: Task, split: int) -> Task | None:
    if task.kind != "regression":
        return None
    known = task.y[task.splits[split][0]].astype(np.float64)
    std = known.std(axis=0)
    y = (task.y - known.mean(axis=0)) / np.where(std > 0, std, 1)
    return dataclasses.replace(one_split(task, split), y=y.astype(task.dtype))


def _without(task: Task, split: int, dropped: Any, columns: Sequence[str]) -> Task | None:
    if task.x.ndim != 2 or task.n_tokens is not None or task.reducers:
        return None
    listed = [dropped] if isinstance(dropped, str | int | np.integer) else list(dropped)
    gone: set[int] = set()
    for one in listed:
        text = str(one)
        # A nominal column has an input for each of its values.
        named = {
            i
            for i, name in enumerate(columns)
            if name in (text, f"{text} is missing") or name.startswith(f"{text} = ")
        }
        if not named and text.isdigit() and int(text) < task.x.shape[1]:
            named = {int(text)}
        if not named:
            return None
        gone |= named
    kept = [i for i in range(task.x.shape[1]) if i not in gone]
    if not kept:
        return None
    whole = one_split(task, split)
    return dataclasses.replace(whole, x=np.ascontiguousarray(whole.x[:, kept]))
