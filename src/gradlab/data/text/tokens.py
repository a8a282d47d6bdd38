"""Cutting text into tokens: words and signs, or characters."""

import re

from gradlab.data.dataset import Tokens

WORD = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")
"""A word with its apostrophes, or one sign; white space only parts them."""


def tokenize(text: str, tokens: Tokens) -> list[str]:
    """Return the tokens of a text; words in lower case.

    >>> tokenize("Don't stop!", "words"), tokenize("Hi!", "characters")
    (["don't", 'stop', '!'], ['H', 'i', '!'])
    """
    if tokens == "characters":
        return list(text)
    return [word.lower() for word in WORD.findall(text)]


def spans(text: str, tokens: Tokens) -> list[tuple[int, int]]:
    """Return where each token starts and ends.

    Text cut at these places has the same tokens as before:
    tokenize(text[start_i : end_j]) are tokens i to j.

    >>> spans("To be", "words")
    [(0, 2), (3, 5)]
    """
    if tokens == "characters":
        return [(i, i + 1) for i in range(len(text))]
    return [match.span() for match in WORD.finditer(text)]


def join_tokens(parts: list[str], tokens: Tokens) -> str:
    """Return tokens as text: characters as they are, words with spaces between.

    >>> join_tokens(["to", "be"], "words")
    'to be'
    """
    return ("" if tokens == "characters" else " ").join(parts)
