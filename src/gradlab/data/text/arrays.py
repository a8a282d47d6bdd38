"""Texts with one answer each, in memory."""

from typing import Any, get_args

import numpy as np

from gradlab.data.arrays import target_array
from gradlab.data.dataset import Dataset, FeatureTable, Tokens
from gradlab.data.examples import Examples, dataset_from_examples
from gradlab.errors import DataError, unknown


def text_dataset(
    texts: Any,
    y: Any,
    *,
    tokens: str | None = None,
    task: str = "auto",
    groups: Any = None,
    name: str = "texts",
    target_name: str = "target",
) -> Dataset:
    """Make a data set of texts that are in memory.

    Args:
        texts: One text a row.
        y: One answer a text.
        tokens: What to cut the texts into, "words" or "characters"; None leaves it to the
            preprocessor.
        task: "binary", "multiclass", "regression", or "auto" to find out.
        groups: One value a text; equal ones do not part in a split.
        name: Of the data.
        target_name: Of the answer.

    Raises:
        DataError: If a text is none, or there are not as many answers as texts.

    >>> text_dataset(["good", "bad", "very bad", "fine"], [1, 0, 0, 1]).features.kind
    'text'
    """
    features = text_features(texts, tokens=tokens)
    if not any(text.strip() for text in features.texts or ()):
        raise DataError(f"{name}: there is no text, all of it is blank.")
    answers = target_array(y)
    if answers.shape != (features.n_rows,):
        raise DataError(
            f"{name}: {features.n_rows} texts, but a target of shape {answers.shape}. "
            "Give one value for each text."
        )
    return dataset_from_examples(
        Examples(name, features, answers, target_name), task, groups=groups
    )


def text_features(texts: Any, *, name: str = "text", tokens: str | None = None) -> FeatureTable:
    """Return texts as features.

    Raises:
        DataError: If something is no text.

    >>> text_features(["to be", "or not"]).n_rows
    2
    """
    if isinstance(texts, str):
        raise DataError("Expected several texts; came one. Give a list, ['…'].")
    try:
        rows = tuple(texts)
    except TypeError:
        raise DataError(f"Expected several texts; came {type(texts).__name__}.") from None
    for i, text in enumerate(rows, start=1):
        if not isinstance(text, str):
            raise DataError(f"Text {i} is {text!r:.40}, a {type(text).__name__}; expected str.")
    return FeatureTable(
        (name,), np.zeros((len(rows), 0)), texts=rows, tokens=checked_tokens(tokens)
    )


def checked_tokens(tokens: str | None) -> Tokens | None:
    """Refuse a way of cutting texts that does not exist."""
    if tokens is not None and tokens not in get_args(Tokens):
        raise DataError(unknown("kind of token", tokens, get_args(Tokens)))
    return tokens  # type: ignore[return-value]
