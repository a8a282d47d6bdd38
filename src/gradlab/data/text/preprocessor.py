"""Turning texts into numbers of tokens, with a vocabulary learnt on training rows only."""

import math
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from jaxtyping import Int, Int32

from gradlab.data.dataset import FeatureTable, Tokens
from gradlab.data.limits import check_memory
from gradlab.data.text.tokens import join_tokens, tokenize
from gradlab.data.text.vocabulary import PADDING, SPECIAL, UNKNOWN, Vocabulary
from gradlab.errors import DataError

LENGTH_PERCENTILE = 95
"""Texts are cut to this percentile of the training texts' lengths, so that a few long ones do not
make all the others mostly padding."""

MAX_VOCABULARY = 10_000


@dataclass(frozen=True, eq=False)
class TextPreprocessor:
    """Tokens, their numbers, and how many of them a text keeps; learnt by `fit`.

    All texts come out equally long, so that one compiled program serves them all. A token that the
    training texts did not have is number 1, "<unknown>"; behind the end of a text stands 0,
    "<padding>". A blank text counts as one unknown token.

    Attributes:
        tokens: "words" (in lower case, signs on their own) or "characters".
        vocabulary: Symbols in the order of their numbers.
        max_length: Tokens that a text keeps, from its beginning.
        padded: Whether lengths differ; False for the windows of a long text.
        notes: What was decided, to be said aloud.
    """

    tokens: Tokens
    vocabulary: Vocabulary
    max_length: int
    padded: bool = True
    notes: tuple[str, ...] = ()

    @classmethod
    def fit(
        cls,
        features: FeatureTable,
        rows: Int[np.ndarray, " training"] | None = None,
        *,
        tokens: Tokens | None = None,
        max_vocabulary: int = MAX_VOCABULARY,
        max_length: int | None = None,
    ) -> "TextPreprocessor":
        """Learn the vocabulary from the given rows (all by default).

        Args:
            features: Texts.
            rows: Training rows.
            tokens: "words" or "characters"; as the features say by default, else words.
            max_vocabulary: Most symbols, with the two special ones; the commonest are kept.
            max_length: Most tokens of a text; by default the 95th percentile of the training texts.

        Raises:
            DataError: If these are no texts, or the training rows hold no token.
        """
        texts = _texts(features)
        kind = tokens or features.tokens or "words"
        if kind not in get_args(Tokens):
            raise DataError(f"Unknown kind of token '{kind}'. Known: words, characters.")
        if features.row_shape is not None and kind != features.tokens:
            raise DataError(
                f"The text was cut into windows of {features.tokens} when it was read; "
                f"tokens='{kind}' does not fit. Give tokens= when reading."
            )
        if max_length is not None and max_length < 1:
            raise DataError(f"max_length is a number of tokens, at least 1; got {max_length}.")
        rows = np.arange(features.n_rows) if rows is None else rows
        if len(rows) == 0:
            raise DataError("A preprocessor needs at least one training row; got none.")
        cut = [tokenize(texts[row], kind) for row in rows]
        vocabulary = Vocabulary.of(cut, max_vocabulary)
        sizes = np.array([max(len(parts), 1) for parts in cut])
        n_kinds = len(set().union(*cut))
        notes = [
            f"The vocabulary is {len(vocabulary) - len(SPECIAL)} {kind} of the training texts"
            + (
                f", the commonest of {n_kinds}."
                if n_kinds > len(vocabulary) - len(SPECIAL)
                else "."
            )
        ]
        if features.row_shape is not None:
            length = features.row_shape[0]
        elif max_length is not None:
            length = min(max_length, int(sizes.max()))
        else:
            length = math.ceil(np.percentile(sizes, LENGTH_PERCENTILE, method="higher"))
        n_longer = int((sizes > length).sum())
        if n_longer:
            which = "" if max_length else f", the {LENGTH_PERCENTILE}th percentile of their lengths"
            lose = "training texts are" if n_longer > 1 else "training text is"
            notes.append(
                f"Texts keep their first {length} {kind}{which}: {n_longer} {lose} longer."
            )
        return cls(kind, vocabulary, length, features.row_shape is None, tuple(notes))

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols in the order of their numbers, the special ones first."""
        return self.vocabulary.symbols

    @property
    def n_symbols(self) -> int:
        """Size of the vocabulary, with padding and unknown."""
        return len(self.vocabulary)

    @property
    def input_shape(self) -> tuple[int]:
        """Shape of what the network sees of one row, (time,)."""
        return (self.max_length,)

    def encode_text(self, text: str) -> Int32[np.ndarray, " tokens"]:
        """Return the numbers of a text's tokens, all of them.

        >>> from gradlab.data.text.arrays import text_features
        >>> fitted = TextPreprocessor.fit(text_features(["abba"]), tokens="characters")
        >>> fitted.encode_text("abc").tolist(), fitted.decode(np.array([3, 2]))
        ([2, 3, 1], 'ba')
        """
        return self.vocabulary.encode(tokenize(text, self.tokens))

    def decode(self, numbers: Int[np.ndarray, " tokens"]) -> str:
        """Return numbers as text, "�" for unknown ones."""
        return join_tokens(self.vocabulary.decode(numbers), self.tokens)

    def transform(self, features: FeatureTable) -> Int32[np.ndarray, "rows time"]:
        """Return what the network sees: the numbers of each text's tokens, padded with 0.

        >>> from gradlab.data.text.arrays import text_features
        >>> fitted = TextPreprocessor.fit(text_features(["to be or not to be"]))
        >>> fitted.transform(text_features(["not here", "be"]))[:, :3].tolist()
        [[4, 1, 0], [2, 0, 0]]
        """
        texts = _texts(features)
        check_memory("The encoded texts", 4 * len(texts) * self.max_length, None)
        out = np.full((len(texts), self.max_length), PADDING, np.int32)
        for row, text in zip(out, texts, strict=True):
            numbers = self._kept(text)
            row[: len(numbers)] = numbers
        return out

    def lengths(self, features: FeatureTable) -> Int32[np.ndarray, " rows"] | None:
        """Return how many tokens of each row are real; None for windows, where all are."""
        if not self.padded:
            return None
        sizes = [max(len(tokenize(text, self.tokens)), 1) for text in _texts(features)]
        return np.minimum(sizes, self.max_length).astype(np.int32)

    def unknown_share(
        self, features: FeatureTable, rows: Int[np.ndarray, " some"] | None = None
    ) -> float:
        """Return which share of the tokens of some rows the vocabulary lacks."""
        texts = _texts(features)
        chosen = range(len(texts)) if rows is None else rows.tolist()
        numbers = [self.encode_text(texts[row]) for row in chosen]
        together = np.concatenate(numbers) if numbers else np.zeros(0, np.int32)
        return float((together == UNKNOWN).mean()) if len(together) else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists, numbers and text, for JSON; `from_dict` restores all of it."""
        return {
            "kind": "text",
            "tokens": self.tokens,
            "symbols": list(self.symbols),
            "max_length": self.max_length,
            "padded": self.padded,
            "notes": list(self.notes),
        }

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> "TextPreprocessor":
        """Restore what `to_dict` wrote.

        Raises:
            DataError: If fields are absent, unknown or of the wrong kind.
        """
        expected = {"kind", "tokens", "symbols", "max_length", "padded", "notes"}
        if (
            set(content) != expected
            or content["kind"] != "text"
            or content["tokens"] not in get_args(Tokens)
            or not isinstance(content["max_length"], int)
            or tuple(content["symbols"][: len(SPECIAL)]) != SPECIAL
        ):
            raise DataError(
                "The saved preprocessor of texts is damaged or of another version (fields "
                f"{', '.join(sorted(content))}). Save the model again."
            )
        return cls(
            content["tokens"],
            Vocabulary(tuple(content["symbols"])),
            content["max_length"],
            bool(content["padded"]),
            tuple(content["notes"]),
        )

    def _kept(self, text: str) -> Int32[np.ndarray, " tokens"]:
        numbers = self.encode_text(text)[: self.max_length]
        return numbers if len(numbers) else np.array([UNKNOWN], np.int32)


def _texts(features: FeatureTable) -> tuple[str, ...]:
    if features.texts is None:
        raise DataError(f"Expected texts; came a {features.kind}. Read them with text=.")
    return features.texts
