"""Numbers for tokens, learnt on training texts only."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Int, Int32

from gradlab.errors import DataError

PADDING, UNKNOWN = 0, 1
SPECIAL = ("<padding>", "<unknown>")
"""What stands behind the end of a text, and for a token that the training texts did not have."""


@dataclass(frozen=True)
class Vocabulary:
    """Symbols in the order of their numbers; the first two are `SPECIAL`.

    >>> vocabulary = Vocabulary.of([["to", "be"], ["or", "not", "to", "be"]], size=4)
    >>> vocabulary.symbols, vocabulary.encode(["not", "to"]).tolist()
    (('<padding>', '<unknown>', 'be', 'to'), [1, 3])
    """

    symbols: tuple[str, ...]

    @classmethod
    def of(cls, texts: Iterable[Sequence[str]], size: int) -> "Vocabulary":
        """Number the commonest tokens; of equally common ones, the first in the alphabet.

        Args:
            texts: Tokens of each text.
            size: Most symbols, with the two special ones.

        Raises:
            DataError: If there are no tokens, or no room for one.
        """
        if size <= len(SPECIAL):
            raise DataError(
                f"A vocabulary of {size} has no room for a token: {' and '.join(SPECIAL)} take "
                f"two places. Give at least {len(SPECIAL) + 1}."
            )
        counts = Counter[str]()
        for text in texts:
            counts.update(text)
        if not counts:
            raise DataError("The training texts hold no token: there is nothing to learn from.")
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        kept = [symbol for symbol, _ in ordered[: size - len(SPECIAL)]]
        return cls((*SPECIAL, *kept))

    def __len__(self) -> int:
        """Return the number of symbols."""
        return len(self.symbols)

    @cached_property
    def number(self) -> dict[str, int]:
        """Number of each symbol that a text can hold."""
        start = len(SPECIAL)
        return {symbol: i for i, symbol in enumerate(self.symbols[start:], start=start)}

    def encode(self, parts: Sequence[str]) -> Int32[np.ndarray, " tokens"]:
        """Return the numbers of tokens, `UNKNOWN` for those it lacks."""
        find = self.number.get
        return np.array([find(part, UNKNOWN) for part in parts], np.int32)

    def decode(self, numbers: Int[np.ndarray, " tokens"]) -> list[str]:
        """Return the tokens of numbers; padding is left out, unknown ones become �."""
        return [
            "�" if number == UNKNOWN else self.symbols[number]
            for number in np.asarray(numbers).tolist()
            if number != PADDING
        ]
