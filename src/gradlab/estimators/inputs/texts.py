"""Texts."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from gradlab.data import AnyPreprocessor, FeatureTable, TextPreprocessor, text_features
from gradlab.data.plain_text import decode_text
from gradlab.data.text.preprocessor import MAX_VOCABULARY
from gradlab.estimators.inputs.checks import checked_target, forget_columns
from gradlab.estimators.network import Network


@dataclass(kw_only=True, eq=False, repr=False)
class TakesTexts(Network):
    """X is a list (or column) of texts: str, or bytes in UTF-8.

    The vocabulary is learnt from the training texts alone; a token that they do not hold is read
    as "<unknown>", and a blank text as one such token.

    Args:
        tokens: "words" (in lower case, signs on their own) or "characters".
        max_vocabulary: Most symbols; the commonest are kept.
        max_length: Tokens that a text keeps, from its beginning; None keeps the 95th percentile of
            the training texts' lengths.
    """

    tokens: Any = "words"
    max_vocabulary: Any = MAX_VOCABULARY
    max_length: Any = None

    def __sklearn_tags__(self):
        """Return scikit-learn's tags: X holds texts, not numbers."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.input_tags.string = True
        return tags

    def _read(self, X: Any, y: Any, *, first: bool) -> tuple[FeatureTable, np.ndarray]:
        features = self._read_new(X)
        y = checked_target(self, y, features.n_rows, **self._target_checks)
        if first:
            forget_columns(self)
        return features, y

    def _read_new(self, X: Any) -> FeatureTable:
        return text_features(X if isinstance(X, str) else _decoded(X), tokens=self.tokens)

    def _preprocessor(
        self,
        features: FeatureTable,
        rows: Int[np.ndarray, " training"],
        weights: Float[np.ndarray, " rows"],
    ) -> AnyPreprocessor | None:
        return TextPreprocessor.fit(
            features, rows, max_vocabulary=self.max_vocabulary, max_length=self.max_length
        )


def _decoded(X: Any) -> Any:
    if not np.iterable(X):
        return X
    return [
        decode_text(text, f"text {i}") if isinstance(text, bytes) and text.strip() else text
        for i, text in enumerate(X, 1)
    ]
