"""Draws from a list of probabilities in one look-up."""

import numpy as np


def alias_table(probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (accept, alias) of Walker's method: a draw from n probabilities in one look-up.

    Take i uniform in 0 … n - 1 and u uniform in [0, 1): the result is i if u < accept[i], else
    alias[i]. Source: Vose 1991, https://doi.org/10.1109/32.92917

    >>> accept, alias = alias_table(np.array([0.75, 0.25]))
    >>> accept.tolist(), alias.tolist()
    ([1.0, 0.5], [0, 0])
    """
    n = len(probability)
    accept = probability * n / probability.sum()
    alias = np.arange(n)
    small = [i for i in range(n) if accept[i] < 1]
    large = [i for i in range(n) if accept[i] >= 1]
    while small and large:
        low, high = small.pop(), large[-1]
        alias[low] = high
        accept[high] -= 1 - accept[low]
        if accept[high] < 1 - 1e-12:
            small.append(large.pop())
    for i in small + large:  # what rounding leaves over is a whole cell
        accept[i] = 1.0
    return accept, alias
