"""Inverse transform sampling: any distribution from uniform numbers, x = F⁻¹(u)."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr
from scipy.stats import kstest

from gradlab.errors import DataError, RecipeError, unknown
from gradlab.generative.checks import number, rows_of, whole

Numbers = Float[np.ndarray, " n"]
Function = Callable[[Numbers], Numbers]

STEPS = 1100
"""Halvings at most: enough from any bracket of float64 down to neighbouring numbers."""

GRID = 1025
"""Places at which a kernel estimate is tabled; between them its inverse is bracketed."""

ROUNDING = 4e-15
"""A mean of many kernels is no more exact than this."""

BLOCK_NUMBERS = 2**21
"""Most kernels evaluated at once."""


@dataclass(frozen=True)
class KSTest:
    """Kolmogorov and Smirnov's test: might the numbers come from the distribution?

    Attributes:
        statistic: Largest distance between the two distribution functions.
        p_value: Chance of such a distance, or a larger one, if they do.
    """

    statistic: float
    p_value: float


@dataclass(frozen=True)
class InverseTransform:
    """A distribution of numbers that is sampled by its inverse, x = F⁻¹(u) with u ~ U(0, 1).

    A generator in one line: noise in, numbers of the wanted distribution out. A network learns
    such a function where the distribution is unknown and x is an image.

    Made by `exponential`, `from_distribution`, `from_cdf`, `from_values` or `from_kernel`.

    Attributes:
        name: What it is.
        cdf: F(x) = P(X ≤ x).
        quantile: F⁻¹(u) for 0 < u < 1, the smallest x with F(x) ≥ u.

    Source: catalogue GEN-03; Devroye 1986, "Non-Uniform Random Variate Generation", II.2.

    >>> round(float(exponential(rate=1.0).inverse(0.5)), 6)
    0.693147
    """

    name: str
    cdf: Function
    quantile: Function

    def inverse(self, u: Any) -> np.ndarray:
        """Return F⁻¹(u), an x for each u, of the same shape.

        Raises:
            DataError: If a u is not strictly between 0 and 1.
        """
        given = np.asarray(u)
        if given.dtype.kind not in "fiu" or not np.all((given > 0) & (given < 1)):
            raise DataError(
                f"u: expected numbers strictly between 0 and 1, as shares of probability; got "
                f"{given.tolist() if given.size < 9 else 'others among them'}."
            )
        return self.quantile(np.ravel(given).astype(np.float64)).reshape(given.shape)

    def sample(self, n: int, seed: int = 0) -> Numbers:
        """Draw n numbers; a seed gives the same ones each time.

        Raises:
            RecipeError: If n is no whole number of at least 1.
        """
        random = np.random.default_rng(seed)
        u = random.random(whole("n", n))
        return self.quantile(np.where(u > 0, u, 2.0**-54))

    def test(self, values: Any) -> KSTest:
        """Return the Kolmogorov–Smirnov test of numbers against F, which must be continuous.

        Raises:
            DataError: If the values are not finite numbers.
        """
        found = kstest(_numbers("values", values), self.cdf)
        return KSTest(float(found.statistic), float(found.pvalue))


def exponential(rate: float = 1.0) -> InverseTransform:
    """Return the exponential distribution, whose inverse is a formula.

        F(x) = 1 − exp(−λ x),    F⁻¹(u) = −ln(1 − u) / λ

    Args:
        rate: λ, events per unit of x.

    Raises:
        RecipeError: If the rate is not positive.
    """
    value = number("rate", rate, above=True)
    return InverseTransform(
        f"exponential, λ = {value:g}",
        lambda x: -np.expm1(-value * np.maximum(x, 0.0)),
        lambda u: -np.log1p(-u) / value,
    )


def from_distribution(distribution: Any) -> InverseTransform:
    """Return a distribution that SciPy knows, with SciPy's inverse.

    Args:
        distribution: Frozen, such as `scipy.stats.norm(loc=2, scale=3)`.

    Raises:
        RecipeError: If it has no cdf or ppf, or its parameters make no distribution.

    >>> from scipy.stats import norm
    >>> float(from_distribution(norm(2, 3)).inverse(0.5))
    2.0
    """
    if not callable(getattr(distribution, "ppf", None)) or not hasattr(distribution, "args"):
        raise RecipeError(
            "expected a frozen distribution with cdf and ppf, such as scipy.stats.norm(0, 1); "
            f"got {distribution!r}."
        )
    if not np.isfinite(distribution.ppf(0.5)):
        raise RecipeError(
            f"{distribution.dist.name} with {distribution.args} {distribution.kwds} is no "
            "distribution: its median is not finite. See its page in SciPy for the ranges."
        )
    return InverseTransform(str(distribution.dist.name), distribution.cdf, distribution.ppf)


def from_cdf(
    cdf: Function, bracket: tuple[float, float] | None = None, name: str = "given"
) -> InverseTransform:
    """Return the distribution of any F that never falls, inverted by halving brackets.

    For each u the bracket is halved until it holds two neighbouring floating-point numbers, so
    jumps and level stretches of F do no harm.

    Args:
        cdf: F of an array of numbers.
        bracket: (low, high) with F(low) ≈ 0 and F(high) ≈ 1; found by doubling if None.
        name: What to call it.

    Raises:
        DataError: If F leaves the range from 0 to 1, falls somewhere, or never reaches u. Told
            when it is met.

    >>> triangle = from_cdf(lambda x: np.clip(x, 0, 1) ** 2)
    >>> round(float(triangle.inverse(0.25)), 9)
    0.5
    """
    if bracket is not None and not (
        np.isfinite(bracket).all() and len(bracket) == 2 and bracket[0] < bracket[1]
    ):
        raise RecipeError(f"bracket: expected (low, high) with low < high; got {bracket!r}.")

    def checked(x: Numbers) -> Numbers:
        values = np.asarray(cdf(x), np.float64)
        if values.shape != x.shape or not np.all((values >= 0) & (values <= 1)):
            raise DataError(
                f"cdf: expected a share from 0 to 1 for each of {x.shape} numbers; got shape "
                f"{values.shape}" + (f", {values.min():g} to {values.max():g}." if values.size
                else ".")
            )  # fmt: skip
        order = np.argsort(x, kind="stable")
        if (np.diff(values[order]) < -1e-12).any():
            place = int(np.diff(values[order]).argmin())
            raise DataError(
                f"cdf: expected a function that never falls; it does between x = "
                f"{x[order][place]:g} and {x[order][place + 1]:g}."
            )
        return values

    return InverseTransform(name, cdf, lambda u: _bisect(checked, u, bracket))


def from_values(values: Any, kind: str = "linear") -> InverseTransform:
    """Return the empirical distribution of numbers.

    Args:
        values: (m,).
        kind: "step": F(x) is the share of values ≤ x, so samples are the values themselves (a
            bootstrap). "linear": sorted values stand at the probabilities (i − ½)/m, straight
            lines lie between them, so samples fall between the values, never beyond them.

    Raises:
        DataError: If the values are not finite numbers.
        RecipeError: If the kind has another name.

    Source: Hyndman and Fan 1996, definitions 1 and 5.

    >>> from_values([3.0, 1.0, 2.0], "step").inverse([0.1, 0.5, 0.9]).tolist()
    [1.0, 2.0, 3.0]
    >>> from_values([1.0, 3.0]).inverse(0.5).tolist()
    2.0
    """
    if kind not in ("linear", "step"):
        raise RecipeError(unknown("kind", str(kind), ("linear", "step")))
    ordered = np.sort(_numbers("values", values))
    m = len(ordered)
    if kind == "step":
        return InverseTransform(
            f"steps at {m} values",
            lambda x: np.searchsorted(ordered, x, side="right") / m,
            lambda u: ordered[np.clip(np.ceil(u * m).astype(int) - 1, 0, m - 1)],
        )
    shares = (np.arange(m) + 0.5) / m
    different, first = np.unique(ordered, return_index=True)
    last = np.append(first[1:], m) - 1

    def cdf(x: Numbers) -> Numbers:
        # At values that came several times F jumps; it is the upper end there.
        at = np.clip(np.searchsorted(different, x, side="right") - 1, 0, len(different) - 1)
        after = np.minimum(at + 1, len(different) - 1)
        gap = np.where(after > at, different[after] - different[at], 1.0)
        part = np.clip((x - different[at]) / gap, 0.0, 1.0)
        inside = shares[last[at]] + part * (shares[first[after]] - shares[last[at]]) * (after > at)
        return np.where(x < different[0], 0.0, np.where(x >= different[-1], 1.0, inside))

    return InverseTransform(
        f"lines between {m} values", cdf, lambda u: np.interp(u, shares, ordered)
    )


def from_kernel(values: Any, bandwidth: float | None = None) -> InverseTransform:
    """Return the distribution of a kernel estimate, a normal bump on each value.

        F(x) = (1/m) Σᵢ Φ((x − xᵢ) / h)

    Args:
        values: (m,).
        bandwidth: h, in units of x; None takes Silverman's 0.9 min(σ, IQR / 1.34) m^(−1/5).

    Raises:
        DataError: If the values are not finite numbers, or all equal with no bandwidth given.
        RecipeError: If the bandwidth is not positive.

    Source: Silverman 1986, "Density Estimation", eq. 3.31.

    >>> bump = from_kernel([5.0], bandwidth=2.0)
    >>> round(float(bump.inverse(0.975)), 4)
    8.9199
    """
    centres = np.sort(_numbers("values", values))
    width = _usual_width(centres) if bandwidth is None else number(
        "bandwidth", bandwidth, above=True
    )  # fmt: skip

    def cdf(x: Numbers) -> Numbers:
        x = np.asarray(x, np.float64)
        block = max(1, BLOCK_NUMBERS // len(centres))
        parts = [
            ndtr((x[i : i + block, None] - centres[None, :]) / width).mean(axis=1)
            for i in range(0, len(x), block)
        ]
        return np.concatenate(parts) if parts else x

    grid = np.linspace(centres[0] - 9 * width, centres[-1] + 9 * width, GRID)
    table = np.maximum.accumulate(cdf(grid))

    def quantile(u: Numbers) -> Numbers:
        after = np.clip(np.searchsorted(table, u, side="left"), 1, GRID - 1)
        return _refine(cdf, u, grid[after - 1], grid[after])

    return InverseTransform(f"bumps of width {width:.3g} on {len(centres)} values", cdf, quantile)


def _refine(cdf: Function, u: Numbers, low: Numbers, high: Numbers) -> Numbers:
    """Return F⁻¹ by regula falsi (Illinois), halving now and then: F is smooth and rises."""
    f_low, f_high = cdf(low) - u, cdf(high) - u
    for step in range(60):
        gap = f_high - f_low
        guess = np.where(gap > 0, high - f_high * (high - low) / np.where(gap > 0, gap, 1), low)
        middle = low + 0.5 * (high - low)
        guess = np.where((guess > low) & (guess < high) & (step % 4 != 3), guess, middle)
        f = cdf(guess) - u
        above = f >= 0
        # A side that stays counts half the next time, so that it does not stay for ever.
        f_low = np.where(above, 0.5 * f_low, f)
        f_high = np.where(above, f, 0.5 * f_high)
        low, high = np.where(above, low, guess), np.where(above, guess, high)
        if np.all((np.abs(f) <= ROUNDING) | (high - low <= 1e-15 * np.abs(high))):
            return guess
    return high


def _bisect(cdf: Function, u: Numbers, bracket: tuple[float, float] | None) -> Numbers:
    """Return the smallest x with cdf(x) ≥ u, to the last bit."""
    given = bracket is not None
    low, high = (np.full(len(u), float(end)) for end in (bracket if given else (-1.0, 1.0)))
    for end, right in ((low, lambda f: f < u), (high, lambda f: f >= u)):
        while not (done := right(cdf(end))).all():
            if given or np.abs(end).max() > 1e300:
                raise DataError(
                    f"cdf: expected values from 0 to 1 over {bracket or 'all numbers'}; it never "
                    f"gets {'below' if end is low else 'up to'} {u[~done][0]:g}. "
                    + ("Widen the bracket." if given else "")
                )
            end[~done] *= 2
    for _ in range(STEPS):
        middle = low + (high - low) / 2
        if ((middle == low) | (middle == high)).all():
            break
        above = cdf(middle) >= u
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return high


def _numbers(name: str, values: Any) -> Numbers:
    rows = rows_of(name, values)
    if rows.shape[1] != 1:
        raise DataError(
            f"{name}: expected numbers of one kind, shape (m,); got {rows.shape}. "
            "Take one column, or a model of several: MixtureOfGaussians."
        )
    return rows[:, 0]


def _usual_width(ordered: Numbers) -> float:
    deviation = float(ordered.std())
    low, high = np.quantile(ordered, [0.25, 0.75])
    spread = min(deviation, float(high - low) / 1.34) or deviation
    width = 0.9 * spread * len(ordered) ** -0.2
    if not (width > 0 and math.isfinite(width)):
        raise DataError(
            f"values: expected numbers that differ, to tell the bandwidth from; got "
            f"{len(ordered)} of {ordered[0]:g}. Give bandwidth=."
        )
    return width
