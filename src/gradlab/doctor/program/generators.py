"""Synthetic rows of case files, each a function of the generator's parameters.

All follow the conventions of the case files: g is `numpy.random.default_rng(seed)`, its calls come
in the order of the definition, and n rows are made in one go. Each returns inputs and targets.
"""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Num

from gradlab.errors import DataError, unknown

Made = tuple[Num[np.ndarray, "rows ..."], Num[np.ndarray, "rows ..."]]
Random = np.random.Generator
Number = float | int


def xor4(g: Random, n: int) -> Made:
    """Return the four rows of exclusive or."""
    return np.array([[1, 1], [1, 0], [0, 0], [0, 1]], float)[:n], np.array([0, 1, 0, 1])[:n]


def xor6(g: Random, n: int) -> Made:
    """Return them with two rows twice."""
    rows = np.array([[1, 1], [0, 0], [1, 0], [0, 1], [1, 1], [0, 0]], float)
    return rows[:n], np.array([0, 0, 1, 1, 0, 0])[:n]


def letter_codes(g: Random, n: int) -> Made:
    """Return one of four rows of letter codes."""
    k = g.choice(4, size=n, p=[0.5, 0.35, 0.1, 0.05])
    rows = np.array([[65, 66, 67], [68, 69, 70], [65, 66, 70], [68, 69, 67]], float)
    return rows[k], np.array([0, 1, 0, 1])[k]


def bit_rows(g: Random, n: int, *, width: int = 8, permute_targets: bool = False) -> Made:
    """Return all words of some bits, with themselves as targets, or those of other rows."""
    numbers = np.arange(2**width)
    words = (numbers[:, None] >> np.arange(width - 1, -1, -1)) & 1
    p = g.permutation(2**width)
    return words.astype(float)[:n], (words[p] if permute_targets else words)[:n]


def mixed_scale_table(g: Random, n: int) -> Made:
    """Return a table whose columns have unlike scales, with two classes."""
    mean = [38.6, 3.9, 190000, 10, 10, 2.6, 6.6, 1.4, 3.7, 0.67, 0, 0, 40, 36.7]
    spread = [13.6, 1.5, 105000, 3.9, 2.6, 1.5, 4.2, 1.6, 0.85, 0.47, 0, 0, 12, 7.8]
    z, u = g.standard_normal((n, 14)), g.random(n)
    x = np.array(mean) + np.array(spread) * z
    x[:, 10] = np.where(z[:, 10] > 1.4, 7000 * np.exp(z[:, 10] - 1.4), 0)
    x[:, 11] = np.where(z[:, 11] > 1.6, 1900, 0)
    s = 1.2 * z[:, 0] + 1.2 * z[:, 4] + z[:, 12] + 2 * (z[:, 10] > 1.4) - 1.6
    return x, (u < 1 / (1 + np.exp(-s))).astype(int)


def power4(g: Random, n: int) -> Made:
    """Return x from −100 to 99.5 and its fourth power."""
    x = np.arange(-100, 100, 0.5)[:n]
    return x[:, None], x**4


def packets_table(g: Random, n: int) -> Made:
    """Return a table of network packets with addresses as numbers, and two classes."""
    y = np.arange(n) % 2
    a, b, c, d = (g.integers(0, 2, n) for _ in range(4))
    columns = [
        np.where(y, 3232235781, np.where(a, 3232235778, 3232235773)),
        np.full(n, 3232235779),
        np.full(n, 6),
        np.full(n, 128),
        np.where(y, 525558 + 10 * b, 524032 + 512 * b),
        np.where(c, 502, np.where(y, 55924, 56783)),
        12 * d,
        d * np.where(y, 65280 * a, 61 * a),
        d * np.where(y, 5, 6),
        np.zeros(n),
        d * np.where(y, 100 + b, 206 + b),
    ]
    return np.stack(columns, axis=1).astype(float), y


def leading_digit(g: Random, n: int, *, max_digits: int = 6) -> Made:
    """Return whole numbers, with a class for each length and leading digit."""
    k, d, r = g.integers(2, max_digits + 1, n), g.integers(1, 10, n), g.random(n)
    x = np.floor((d + r) * 10.0 ** (k - 1))
    return x[:, None], 9 * (k - 2) + d - 1


def gratings(
    g: Random,
    n: int,
    *,
    classes: int,
    size: int,
    channels: int = 1,
    frequency: Number,
    contrast: Number,
    noise: Number,
) -> Made:
    """Return noisy striped images, with a class for each direction of the stripes."""
    y = g.integers(0, classes, n)
    phase = 2 * np.pi * g.random(n)
    e = g.standard_normal((n, size, size, channels))
    t = np.pi * y / classes
    i, j = np.arange(size)[:, None], np.arange(size)[None, :]
    across = j * np.cos(t)[:, None, None] + i * np.sin(t)[:, None, None]
    wave = np.sin(2 * np.pi * frequency * across / size + phase[:, None, None])
    x = 127.5 + 127.5 * contrast * wave[..., None] + 255 * noise * e
    return np.round(np.clip(x, 0, 255)), y


def line_shift(g: Random, n: int) -> Made:
    """Return numbers and themselves plus 0.01, in an order of chance."""
    p = g.permutation(n)
    return np.linspace(0, 100, n)[p][:, None], np.linspace(0.01, 100.01, n)[p]


def word_bags(
    g: Random,
    n: int,
    *,
    vocabulary: int,
    classes: int,
    words: int,
    topic: int,
    boost: Number,
    noise: Number = 0.0,
) -> Made:
    """Return which words occur in texts, with a class for each topic."""
    base = 1 / (np.arange(vocabulary) + 5)
    topics = g.permutation(vocabulary)[: classes * topic].reshape(classes, topic)
    y = g.integers(0, classes, n)
    weights = np.tile(base, (classes, 1))
    for c in range(classes):
        weights[c, topics[c]] *= boost
    weights /= weights.sum(axis=1, keepdims=True)
    x = np.zeros((n, vocabulary))
    for i in range(n):
        x[i, g.choice(vocabulary, size=words, p=weights[y[i]])] = 1
    flip = g.random(n) < noise
    other = g.integers(0, classes, n)
    return x, np.where(flip, other, y)


def book_table(g: Random, n: int) -> Made:
    """Return two columns and a noisy linear target."""
    x = 0.6 + 0.9 * g.standard_normal((n, 2))
    return x, 0.3 + 0.9 * x[:, 0] - 0.8 * x[:, 1] + 0.1 * g.standard_normal(n)


def parabola4(g: Random, n: int) -> Made:
    """Return four points of a parabola."""
    t = np.arange(4.0)[:n]
    return np.stack([t**2, t], axis=1), t**2


GENERATORS: dict[str, Callable[..., Made]] = {
    "xor4": xor4,
    "xor6": xor6,
    "letter_codes": letter_codes,
    "bit_rows": bit_rows,
    "mixed_scale_table": mixed_scale_table,
    "power4": power4,
    "packets_table": packets_table,
    "leading_digit": leading_digit,
    "gratings": gratings,
    "line_shift": line_shift,
    "word_bags": word_bags,
    "book_table": book_table,
    "parabola4": parabola4,
}
"""Name -> function(g, n, **parameters) -> inputs, targets."""


def generate(name: str, parameters: dict[str, Any], *, seed: int, n: int) -> Made:
    """Return n rows of a generator.

    Raises:
        DataError: If it is unknown, or takes other parameters.

    >>> x, y = generate("xor4", {}, seed=0, n=4)
    >>> y.tolist()
    [0, 1, 0, 1]
    """
    if name not in GENERATORS:
        raise DataError(
            f"{unknown('generator', name, GENERATORS)} A case file defines its generators in "
            "prose; write the definition as a function in gradlab/doctor/program/generators.py, "
            "or give the rows as arrays."
        )
    function, g = GENERATORS[name], np.random.default_rng(seed)
    try:
        inspect.signature(function).bind(g, n, **parameters)
    except TypeError as error:
        raise DataError(f"generator {name!r} with parameters {parameters}: {error}.") from None
    return function(g, n, **parameters)
