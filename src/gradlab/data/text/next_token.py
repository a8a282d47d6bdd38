"""Next-token data: a long text in windows, each token with the one that follows it."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from gradlab.data.dataset import Dataset, FeatureTable, Tokens
from gradlab.data.text.arrays import checked_tokens
from gradlab.data.text.tokens import spans, tokenize
from gradlab.errors import DataError

if TYPE_CHECKING:
    from gradlab.data.text.preprocessor import TextPreprocessor


def next_token_dataset(
    text: str, *, window: int = 100, tokens: Tokens = "characters", name: str = "text"
) -> Dataset:
    """Cut a text into windows that follow each other, to learn which token comes next.

    With L = window, row i is

        x = tokens i·L to i·L + L - 1,    y = tokens i·L + 1 to i·L + L

    so every token but the first is a target once, and parts of a split, which are stretches of
    the text, have no target in common. `classes` are all symbols of the text; once the vocabulary
    is learnt on the training rows, `in_vocabulary` puts y into its numbers.

    Args:
        text: All of it; the tokens at its end that fill no window are left out.
        window: Tokens a row.
        tokens: "characters", or "words" (in lower case, signs on their own).
        name: Of the data.

    Raises:
        DataError: If the text is too short for two windows, or has one symbol only.

    >>> data = next_token_dataset("to be or not", window=4)
    >>> data.features.texts, ["".join(data.classes[i] for i in row) for row in data.y]
    (('to b', 'e or'), ['o be', ' or '])
    """
    tokens = checked_tokens(tokens) or "characters"
    if isinstance(window, bool) or window < 1:
        raise DataError(f"window is a number of tokens, at least 1; got {window!r}.")
    places = spans(text, tokens)
    n_rows = (len(places) - 1) // window
    if n_rows < 2:
        raise DataError(
            f"{name} has {len(places)} {tokens}; two windows of {window} and the one behind need "
            f"{2 * window + 1}. Give a longer text or a shorter window."
        )
    used = n_rows * window
    sequence = tokenize(text[: places[used][1]], tokens)
    classes = tuple(sorted(set(sequence)))
    if len(classes) < 2:
        raise DataError(f"{name} holds one symbol only ({''.join(classes)!r}): nothing to learn.")
    number = {symbol: i for i, symbol in enumerate(classes)}
    codes = np.array([number[symbol] for symbol in sequence], np.int32)
    rows = tuple(
        text[places[start][0] : places[start + window - 1][1]] for start in range(0, used, window)
    )
    first = np.arange(n_rows, dtype=np.float64) * window + 1
    n_lost = len(places) - used - 1
    notes = [f"{len(places)} {tokens} of {len(classes)} kinds, in {n_rows} windows of {window}."]
    if n_lost:
        notes.append(f"The last {n_lost} {tokens} fill no window: left out.")
    return Dataset(
        name=name,
        features=FeatureTable(
            ("text",), np.zeros((n_rows, 0)), row_shape=(window,), texts=rows, tokens=tokens
        ),
        y=codes[1:].reshape(n_rows, window),
        task="multiclass",
        classes=classes,
        target_name=f"next {tokens.removesuffix('s')}",
        time=first,
        until=first + window - 1,
        notes=tuple(notes),
    )


def in_vocabulary(dataset: Dataset, preprocessor: "TextPreprocessor") -> Dataset:
    """Return next-token data with the vocabulary's symbols as classes and its numbers as y.

    A token that the training rows did not have becomes "<unknown>".

    Raises:
        DataError: If the data is not next-token data.
    """
    if dataset.y.ndim != 2 or dataset.classes is None or dataset.features.texts is None:
        raise DataError("in_vocabulary is for next-token data (next_token_dataset).")
    numbers = preprocessor.vocabulary.encode([str(symbol) for symbol in dataset.classes])
    return replace(
        dataset,
        y=numbers[dataset.y],
        classes=preprocessor.vocabulary.symbols,
    )
