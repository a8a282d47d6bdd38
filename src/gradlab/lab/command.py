"""The command line that asks what a study asked, wherever the study was begun."""

import json
import shlex
from typing import Any

from gradlab.errors import RecipeError
from gradlab.lab.question import Question, Source, Tuning
from gradlab.lab.words import parse_set, parse_vary, written
from gradlab.training.recipe import Recipe

OF_SERIES_AND_IMAGES = (
    "series", "text", "tokens", "window", "horizon", "image_size", "unreadable",
)  # fmt: skip


def command_of(question: Question) -> str | None:
    """Return the `gradlab compare` command of a question, to be pasted into a shell.

    None if no command can ask it: its data came from memory, or a setting is more than words can
    say (an object, a label, layers one by one).

    >>> command_of(Question(vary={"dropout": [0.0, 0.5]}, seeds=5))
    'gradlab compare digits --vary dropout=0.0,0.5 --seeds 5'
    """
    settings = _settings(question)
    source = _source(question.data)
    if settings is None or source is None:
        return None
    return shlex.join(["gradlab", "compare", *source, *settings, *_plan(question)])


def _settings(question: Question) -> list[str] | None:
    """Return --vary, --set and --epochs, if they are read as what was written."""
    if question.labels:
        return None
    try:
        asked = question.to_dict()
    except RecipeError:
        return None
    base = dict(asked["base"])
    epochs = base.pop("epochs", Recipe().epochs)
    base |= base.pop("parameters", {})
    varied = [f"{axis}={_list(levels)}" for axis, levels in question.vary.items()]
    fixed = [f"{name}={_list(value) or 'linear'}" for name, value in base.items()]
    try:
        levels = {axis: tuple(found) for axis, found in (parse_vary(varied) or {}).items()}
        recipe = Recipe().replace(**parse_set(fixed), epochs=epochs)
        again = Question(vary=levels, base=recipe).to_dict()
    except RecipeError:
        return None
    if any(json.dumps(again[part]) != json.dumps(asked[part]) for part in ("vary", "base")):
        return None
    if json.dumps(asked["vary"]) == json.dumps(Question().to_dict()["vary"]):
        varied = []
    options = [word for text in varied for word in ("--vary", text)]
    options += [word for text in fixed for word in ("--set", text)]
    return options + _given("epochs", epochs, Recipe().epochs)


def _source(source: Source) -> list[str] | None:
    """Return the data and how it is read."""
    a_number = source.target is not None and not isinstance(source.target, str)
    if source.snapshot or a_number or any("," in name for name in source.drop):
        return None
    usual = Source()
    options = [source.path]
    for name in ("target", "task", "groups", "time", "test", *OF_SERIES_AND_IMAGES):
        options += _given(name.replace("_", "-"), getattr(source, name), getattr(usual, name))
    for name in source.drop:
        options += ["--drop", name]
    if source.header is not None:
        options.append("--header" if source.header else "--no-header")
    options += _given("scaling", source.scaling, usual.scaling)
    return options + _given("ratios", _list(source.ratios), _list(usual.ratios))


def _plan(question: Question) -> list[str]:
    """Return design, seeds and budget."""
    usual, tuning = Question(), question.tuning
    options = []
    for name in ("seeds", "design", "samples", "seed"):
        options += _given(name, getattr(question, name), getattr(usual, name))
    options += _given("learning-rates", tuning.learning_rates, Tuning().learning_rates)
    options += _given("tuning-seeds", tuning.seeds, Tuning().seeds)
    return [*options, "--resample"] if question.resample else options


def _given(option: str, value: Any, usual: Any) -> list[str]:
    return [] if value == usual else [f"--{option}", written(value)]


def _list(value: Any) -> str:
    return ",".join(map(written, value)) if isinstance(value, tuple | list) else written(value)
