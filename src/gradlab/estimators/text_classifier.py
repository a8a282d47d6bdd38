"""Networks that classify texts."""

from dataclasses import dataclass
from typing import Any

from gradlab.estimators.classifier import Classifier
from gradlab.estimators.inputs import TakesTexts


@dataclass(kw_only=True, eq=False, repr=False)
class TextClassifier(Classifier, TakesTexts):
    """Network that classifies texts: learnt vectors of tokens, then a recurrent layer.

    X is a list (or column) of texts. The vocabulary is learnt from the training texts alone; a
    token that they do not hold is read as "<unknown>", and a blank text as one such token.

    Args:
        layers: "text", "bag" (the mean of the tokens' vectors, fast), or a list, one layer a line:
            ["embedding 32", "gru 64"].
        cell: Of recurrent layers that name none: "lstm", "gru", "rnn", …
        tokens: "words" (in lower case, signs on their own) or "characters".
        max_vocabulary: Most symbols; the commonest are kept.
        max_length: Tokens that a text keeps, from its beginning; None keeps the 95th percentile of
            the training texts' lengths.
        class_weight: Factor of the loss for each class, as a dict or "balanced".

    The other settings and the attributes are those of all networks
    (`gradlab.estimators.Network`).

    >>> X = ["good film", "a good day", "bad film", "what a bad day", "good", "so bad"]
    >>> y = ["+", "+", "-", "-", "+", "-"]
    >>> network = TextClassifier(layers="bag", learning_rate=0.05, random_state=0).fit(X, y)
    >>> network.predict(["good acting", "bad, bad"]).tolist()
    ['+', '-']
    """

    layers: Any = "text"
    cell: Any = "lstm"
    kernel: Any = 3
    pooling: Any = "max"
    epochs: Any = 10
