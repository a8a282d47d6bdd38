"""What a recipe says of reducing inputs before the network: "pca:0.7", "lda", "kmeans:10"."""

import dataclasses
from typing import Any

from gradlab.errors import unknown

METHODS: dict[str, str] = {
    "pca": "principal components: a count, or the share of the variance they keep",
    "whitened_pca": "principal components, each scaled to variance 1",
    "lda": "Fisher's discriminant directions; at most one fewer than there are classes",
    "kernel_pca": "components of a Gaussian kernel",
    "factors": "scores of a maximum-likelihood factor analysis",
    "merge": "variables merged, the most correlated two first, until so many are left",
    "kmeans": "distances to so many cluster centres",
    "fuzzy_kmeans": "memberships of so many clusters",
}
"""Method to what it makes of the inputs; all are fitted to training rows alone."""

SHARES = ("pca", "whitened_pca")
"""Methods that take a share of the variance in place of a count."""


@dataclasses.dataclass(frozen=True)
class Reduction:
    """A method and how many outputs it gives.

    Args:
        method: One of `METHODS`.
        size: Outputs, the share of the variance to keep, or None where the data decides.
    """

    method: str
    size: int | float | None

    @property
    def text(self) -> str:
        """As a recipe writes it."""
        return self.method if self.size is None else f"{self.method}:{self.size:g}"


def parse_reduction(text: str) -> Reduction | None:
    """Return the reduction that a recipe's text means; None for "none".

    Raises:
        ValueError: If there is no such method, or its size makes no sense.

    >>> parse_reduction("pca:0.7")
    Reduction(method='pca', size=0.7)
    """
    name, colon, number = str(text).strip().lower().replace("-", "_").partition(":")
    if name == "none" and not colon:
        return None
    if name not in METHODS:
        raise ValueError(unknown("reduction", name, ["none", *METHODS]))
    if not colon:
        if name == "lda":
            return Reduction(name, None)
        example = f"{name}:0.7" if name in SHARES else f"{name}:10"
        raise ValueError(f"reduce={name} needs its number of outputs, as {example}.")
    size = _number(number)
    if isinstance(size, float) and name in SHARES and 0 < size < 1:
        return Reduction(name, size)
    if not isinstance(size, int) or size < 1:
        wanted = "a whole number above 0"
        wanted += ", or a share of the variance between 0 and 1" if name in SHARES else ""
        raise ValueError(f"reduce={name} takes {wanted}; got '{number}'.")
    return Reduction(name, size)


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return None


def reduction_text(value: Any) -> str:
    """Return the text of a reduction in its one form, checked.

    >>> reduction_text("PCA:0.70"), reduction_text(None)
    ('pca:0.7', 'none')
    """
    if value is None:
        return "none"
    if not isinstance(value, str):
        raise ValueError(f"reduce is a text such as 'pca:0.7', 'lda' or 'none'; got {value!r}.")
    parsed = parse_reduction(value)
    return "none" if parsed is None else parsed.text
