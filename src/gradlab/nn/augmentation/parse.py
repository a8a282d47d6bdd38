"""Augmentations written as text, as recipes hold them."""

import inspect
import re
import typing
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from annotated_types import Interval

from gradlab.errors import RecipeError, unknown
from gradlab.nn.augmentation.brightness import Brightness
from gradlab.nn.augmentation.contrast import Contrast
from gradlab.nn.augmentation.crop import Crop
from gradlab.nn.augmentation.elastic import Elastic
from gradlab.nn.augmentation.masking import Masking
from gradlab.nn.augmentation.mirror import Mirror
from gradlab.nn.augmentation.pca_colour import PcaColour
from gradlab.nn.augmentation.rotate import Rotate
from gradlab.nn.augmentation.shear import Shear
from gradlab.nn.augmentation.translate import Translate
from gradlab.nn.augmentation.warp import merge_warps
from gradlab.nn.augmentation.zoom import Zoom
from gradlab.nn.module import Layer
from gradlab.nn.noise import GaussianNoise

AUGMENTATIONS: dict[str, type] = {
    "translate": Translate,
    "rotate": Rotate,
    "zoom": Zoom,
    "shear": Shear,
    "mirror": Mirror,
    "crop": Crop,
    "elastic": Elastic,
    "brightness": Brightness,
    "contrast": Contrast,
    "colour": PcaColour,
    "noise": GaussianNoise,
    "mask": Masking,
}

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
SIZE = re.compile(r"(\d+)x(\d+)", re.IGNORECASE)


def parse_augmentation(text: str) -> Layer:
    """Return the augmentation that a text names.

    A text is a word of `AUGMENTATIONS`, then its numbers in the order of the class's parameters,
    then a fill where it has one; what is left out has its default. A size may be written 24x32.

        translate 0.1   rotate 15   zoom 0.1   shear 10   mirror   mirror 0.5 0.5   crop 4
        crop 0 24x32   elastic 34 4 zero   brightness 0.2   contrast 0.2   colour 0.1   noise 0.1
        mask 0.3

    Raises:
        RecipeError: If it can't be read, or a number is out of range.

    >>> layer = parse_augmentation("rotate 15 zero")
    >>> type(layer).__name__, float(layer.degrees.value), layer.fill
    ('Rotate', 15.0, 'zero')
    >>> parse_augmentation("rotat 15")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    gradlab.errors.RecipeError: Unknown augmentation 'rotat'. Did you mean 'rotate'? Known: ...
    """
    word, *arguments = text.lower().split() or [""]
    if not word:
        raise RecipeError(
            f"An augmentation is a word and its numbers, such as 'rotate 15'; got {text!r}. "
            f"Known: {', '.join(AUGMENTATIONS)}."
        )
    if word not in AUGMENTATIONS:
        raise RecipeError(unknown("augmentation", word, AUGMENTATIONS))
    numbers, choices = _parameters(AUGMENTATIONS[word])
    given: dict[str, Any] = {}
    for argument in arguments:
        name, value = _argument(argument, given, numbers, choices, text)
        given[name] = value
    return AUGMENTATIONS[word](**given)


def parse_augmentations(texts: Sequence[str]) -> tuple[Layer, ...]:
    """Return the augmentations of several texts, neighbours that move pixels in one pass.

    >>> layers = parse_augmentations(["rotate 15", "zoom 0.1", "noise 0.1"])
    >>> [type(layer).__name__ for layer in layers]
    ['Warp', 'GaussianNoise']
    """
    return merge_warps([parse_augmentation(text) for text in texts])


def _parameters(part: type) -> tuple[dict[str, Any], dict[str, tuple[str, ...]]]:
    """Return the types of a class's numbers and sizes, and the words of its choices."""
    initializer: Any = inspect.unwrap(vars(part)["__init__"])
    hints = typing.get_type_hints(initializer, include_extras=True)
    numbers, choices = {}, {}
    for name in inspect.signature(initializer).parameters:
        hint = hints.get(name)
        if typing.get_origin(hint) is Literal:
            choices[name] = typing.get_args(hint)
        elif _interval(hint) or int in typing.get_args(hint):
            numbers[name] = hint
    return numbers, choices


def _interval(hint: Any) -> Interval | None:
    extras = getattr(hint, "__metadata__", ())
    return next((extra for extra in extras if isinstance(extra, Interval)), None)


def _argument(
    argument: str,
    given: Mapping[str, Any],
    numbers: Mapping[str, Any],
    choices: Mapping[str, tuple[str, ...]],
    text: str,
) -> tuple[str, Any]:
    """Return the parameter that an argument is for, and its value."""
    free = [name for name in numbers if name not in given]
    if NUMBER.fullmatch(argument) or SIZE.fullmatch(argument):
        if not free:
            raise RecipeError(
                f"Too many numbers in '{text}': at most {len(numbers)} ({', '.join(numbers)})."
            )
        return free[0], _number(argument, free[0], numbers[free[0]], text)
    open_choices = {name: words for name, words in choices.items() if name not in given}
    for name, words in open_choices.items():
        if argument in words:
            return name, argument
    wanted = [f"a number ({name})" for name in free]
    wanted += [word for words in open_choices.values() for word in words]
    raise RecipeError(
        f"'{argument}' in '{text}' is not understood; expected "
        f"{', '.join(wanted) if wanted else 'nothing more'}."
    )


def _number(argument: str, name: str, hint: Any, text: str) -> Any:
    """Return a number within its range, or a size in whole pixels."""
    interval = _interval(hint)
    if interval is None:
        if size := SIZE.fullmatch(argument):
            return int(size[1]), int(size[2])
        if argument.isdigit():
            return int(argument)
        raise RecipeError(
            f"{name} in '{text}' is in whole pixels, such as 24 or 24x32; got {argument}."
        )
    value = float(argument) if NUMBER.fullmatch(argument) else float("nan")
    if not _within(value, interval):
        raise RecipeError(f"'{text}' needs {_range(name, interval)}; got {argument}.")
    return value


def _within(value: float, interval: Interval) -> bool:
    bounds: Any = interval
    return (
        abs(value) < float("inf")
        and (bounds.ge is None or value >= bounds.ge)
        and (bounds.gt is None or value > bounds.gt)
        and (bounds.le is None or value <= bounds.le)
        and (bounds.lt is None or value < bounds.lt)
    )


def _range(name: str, interval: Interval) -> str:
    """Return a range as 0 <= name < 90."""
    low = f"{interval.ge} <= " if interval.ge is not None else ""
    low = f"{interval.gt} < " if interval.gt is not None else low
    high = f" <= {interval.le}" if interval.le is not None else ""
    high = f" < {interval.lt}" if interval.lt is not None else high
    return f"{low}{name}{high}"
