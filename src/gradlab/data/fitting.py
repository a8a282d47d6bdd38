"""The preprocessor that goes with what a row is: a table's, an image, a sequence or a text."""

from typing import Any

import numpy as np
from jaxtyping import Int

from gradlab.data.dataset import FeatureTable, Tokens
from gradlab.data.images.preprocessor import ImagePreprocessor
from gradlab.data.preprocessor import Preprocessor
from gradlab.data.sequences.preprocessor import SequencePreprocessor
from gradlab.data.text.preprocessor import MAX_VOCABULARY, TextPreprocessor

AnyPreprocessor = Preprocessor | ImagePreprocessor | SequencePreprocessor | TextPreprocessor


def fit_preprocessor(
    features: FeatureTable,
    rows: Int[np.ndarray, " training"] | None = None,
    *,
    scaling: str = "standard",
    tokens: Tokens | None = None,
    max_vocabulary: int = MAX_VOCABULARY,
    max_length: int | None = None,
) -> AnyPreprocessor:
    """Return a preprocessor of the right kind, fitted on the given rows.

    Args:
        features: What the rows are.
        rows: Training rows; all by default.
        scaling: Of tables and sequences: "standard", "minmax" or "none".
        tokens: Of texts: "words" or "characters".
        max_vocabulary: Of texts: most symbols.
        max_length: Of sequences and texts: most steps or tokens of a row.

    Raises:
        DataError: If there is nothing to learn from.

    >>> fit_preprocessor(FeatureTable(("a",), np.array([[1.0], [3.0]]))).input_shape
    (1,)
    """
    if features.kind == "text":
        return TextPreprocessor.fit(
            features, rows, tokens=tokens, max_vocabulary=max_vocabulary, max_length=max_length
        )
    if features.kind == "sequence":
        return SequencePreprocessor.fit(features, rows, scaling=scaling, max_length=max_length)
    if features.kind == "image":
        return ImagePreprocessor.fit(features, rows)
    return Preprocessor.fit(features, rows, scaling=scaling)


def preprocessor_from_dict(content: dict[str, Any]) -> AnyPreprocessor:
    """Restore a preprocessor of any kind from what its `to_dict` wrote.

    Raises:
        DataError: If fields are absent, unknown or of the wrong kind.
    """
    kind = content.get("kind", "table")
    if kind == "image":
        return ImagePreprocessor.from_dict(content)
    if kind == "sequence":
        return SequencePreprocessor.from_dict(content)
    if kind == "text":
        return TextPreprocessor.from_dict(content)
    return Preprocessor.from_dict(content)
