"""What a study takes where nothing is asked, by what the data is."""

from collections.abc import Iterable, Mapping

from gradlab.data import Dataset
from gradlab.lab.question import DEFAULT_VARY, Question
from gradlab.training.recipe import Recipe

SMALL_IMAGE = 28 * 28
"""Grey images up to this many pixels (digits, MNIST) are read as rows of numbers, as the course
does, unless something is asked that needs to see them."""

IMAGE_AXES = ("pooling", "kernel", "augment")
SEQUENCE_AXES = ("cell",)

VARY: Mapping[str, Mapping[str, tuple]] = {
    "image": {
        "optimizer": ("sgd", "momentum", "rmsprop", "adam"),
        "norm": ("none", "batch"),
        "pooling": ("max", "average", "stochastic"),
        "dropout": (0.0, 0.2, 0.5),
    },
    "sequence": {
        "optimizer": ("sgd", "momentum", "rmsprop", "adam"),
        "cell": ("rnn", "gru", "lstm"),
        "dropout": (0.0, 0.2, 0.5),
    },
    "text": {
        "optimizer": ("sgd", "momentum", "rmsprop", "adam"),
        "cell": ("rnn", "gru", "lstm"),
        "dropout": (0.0, 0.2, 0.5),
    },
}
"""The exercise for networks that take longer to train: what differs most."""


def usual_recipe(recipe: Recipe, dataset: Dataset, varied: Iterable[str] = ()) -> Recipe:
    """Return the recipe with layers that suit the data, if it names none.

    Args:
        recipe: `layers` is None and `hidden` the usual one where nothing was asked.
        dataset: The data.
        varied: Settings that a study varies.
    """
    varied = set(varied)
    asked = recipe.layers is not None or recipe.hidden != Recipe().hidden
    if asked or recipe.reduce != "none" or varied & {"hidden", "layers", "reduce"}:
        return recipe
    kind = dataset.features.kind
    if kind == "text":
        return recipe.replace(layers="text")
    if kind == "sequence":
        return recipe.replace(layers="recurrent")
    if kind == "image" and (varied & set(IMAGE_AXES) or recipe.augment or not _small(dataset)):
        return recipe.replace(layers="lenet")
    if kind == "image" and varied & set(SEQUENCE_AXES):
        return recipe.replace(layers="recurrent")
    return recipe


def usual_question(question: Question, dataset: Dataset, *, asked: bool) -> Question:
    """Return the question with layers, and unless `asked` settings to vary, that suit the data."""
    varied = question.vary if asked else ()
    base = usual_recipe(question.base, dataset, varied)
    kind = dataset.features.kind
    if asked or base.layers is None:
        return question.model_copy(update={"base": base})
    vary = {axis: tuple(levels) for axis, levels in VARY.get(kind, DEFAULT_VARY).items()}
    return question.model_copy(update={"base": base, "vary": vary})


def _small(dataset: Dataset) -> bool:
    height, width, channels = dataset.features.row_shape or (0, 0, 0)
    return channels == 1 and height * width <= SMALL_IMAGE
