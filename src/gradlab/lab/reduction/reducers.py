"""Each way of reducing columns: fitted, with its new columns, loadings and spectrum."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from gradlab.errors import DataError, RecipeError
from gradlab.lab.analysis.inputs import Inputs, distinct, few_classes

if TYPE_CHECKING:
    import polars as pl

Asked = int | float | None
"""How many components are wanted: a number, a share of the variance, or None for all."""

MOST_AXES = 2000
"""Rows and columns up to which all components are found; beyond, the first `MANY`."""

MANY = 200

OF_KERNELS = 3000
"""Rows that a kernel is learnt from at most; memory grows with their square."""

LITTLE = 0.2
"""Share of a column's variance below which the factors say little of it."""


@dataclass(frozen=True, eq=False)
class Reduced:
    """A fitted reduction.

    Attributes:
        model: The estimator.
        names: Of the new columns.
        scores: The rows in them.
        loadings: What they are made of, a row for each of `loading_names`, or None.
        loading_names: Columns of the inputs, or made of them.
        spectrum: Component, eigenvalue, contribution, cumulative; or None.
        bend: Component at which the spectrum bends most.
        notes: What was decided.
    """

    model: Any
    names: tuple[str, ...]
    scores: Float[np.ndarray, "rows components"]
    loadings: Float[np.ndarray, "columns components"] | None = None
    loading_names: tuple[str, ...] = ()
    spectrum: "pl.DataFrame | None" = None
    bend: int | None = None
    notes: tuple[str, ...] = ()


def by_pca(inputs: Inputs, asked: Asked, seed: int) -> Reduced:
    """Keep the directions along which the rows vary most."""
    from gradlab.decomposition.pca import PCA

    x = inputs.x
    most = min(x.shape)
    _check_most(asked, most, "min(rows, columns)")
    n, notes = None, ()
    if most > MOST_AXES:
        n = min(most, max(MANY, asked if isinstance(asked, int) else 0))
        notes = (f"Of {most:,} components the first {n} were worked out.",)
    model = PCA(n, random_state=seed).fit(x)
    k = _how_many(asked, model.cumulative_)
    return Reduced(
        model=model,
        names=tuple(f"component {i + 1}" for i in range(k)),
        scores=model.transform(x)[:, :k],
        loadings=model.components_[:k].T,
        loading_names=inputs.names,
        spectrum=model.table(),
        bend=model.bend(),
        notes=notes,
    )


def by_lda(inputs: Inputs, asked: Asked, seed: int) -> Reduced:
    """Keep the directions that separate the known classes best."""
    from gradlab.decomposition.contribution import contribution_table
    from gradlab.decomposition.fisher import FisherDiscriminant

    codes, classes = inputs.label_codes, inputs.classes
    if codes is None:
        raise DataError(
            "Linear discriminant analysis separates known classes, and none were named. Give the "
            "column that holds them with target='…'."
        )
    if not few_classes(inputs):
        raise DataError(
            f"'{inputs.data.label_name}' has {len(classes)} different values in "
            f"{inputs.n_rows:,} rows: linear discriminant analysis needs at least 2 classes, and "
            "few. Choose another target='…', or use method='pca'."
        )
    number = asked if isinstance(asked, int) else None
    known = codes >= 0
    _check_most(number, min(len(classes) - 1, inputs.x.shape[1]), "min(classes − 1, columns)")
    model = FisherDiscriminant(number).fit(inputs.x[known], codes[known])
    scores = model.transform(inputs.x)
    criteria = np.maximum(np.asarray(model.criteria_, np.float64), 0)
    unknown = int((~known).sum())
    notes = (f"{unknown:,} rows have no class: projected, not learnt from.",) if unknown else ()
    k = scores.shape[1]
    return Reduced(
        model=model,
        names=tuple(f"discriminant {i + 1}" for i in range(k)),
        scores=scores,
        loadings=model.scalings_[:, :k],
        loading_names=inputs.names,
        spectrum=contribution_table(criteria) if np.isfinite(criteria).all() else None,
        notes=notes,
    )


def by_kernel_pca(inputs: Inputs, asked: Asked, seed: int) -> Reduced:
    """Keep the directions of most variance in the space of a Gaussian kernel."""
    from gradlab.decomposition.contribution import scree_bend
    from gradlab.decomposition.kernel_pca import KernelPCA

    x, notes = inputs.x, []
    if len(x) > OF_KERNELS:
        rows = np.random.default_rng(seed).choice(len(x), OF_KERNELS, replace=False)
        x = x[np.sort(rows)]
        notes.append(f"The kernel was learnt from {OF_KERNELS:,} rows drawn at random.")
    _check_most(asked, len(x), "the number of rows")
    most = max(asked, 2) if isinstance(asked, int) else min(MANY, len(x) - 1)
    model = KernelPCA(most, gamma="scale").fit(x)
    shares = np.asarray(model.explained_variance_ratio_, np.float64)
    k = _how_many(asked, np.cumsum(shares))
    if isinstance(asked, float) and shares.sum() < asked:
        notes.append(
            f"{len(shares)} components keep {shares.sum():.0%} of the kernel's variance, less "
            f"than {asked:.0%}: the first 2 are shown."
        )
        k = min(2, len(shares))
    notes.append(f"Kernel: rbf with γ = {model.gamma_:.3g}, one over the variance of all numbers.")
    return Reduced(
        model=model,
        names=tuple(f"component {i + 1}" for i in range(k)),
        scores=model.transform(inputs.x)[:, :k],
        spectrum=_spectrum(np.asarray(model.eigenvalues_, np.float64), shares),
        bend=scree_bend(model.eigenvalues_),
        notes=tuple(notes),
    )


def by_factors(inputs: Inputs, asked: Asked, seed: int) -> Reduced:
    """Explain the correlations by few hidden causes, rotated to be told apart (varimax)."""
    from gradlab.decomposition.factor_analysis import FactorAnalysis

    _check_most(asked, inputs.x.shape[1], "the number of columns")
    n: Any = asked if isinstance(asked, int) else "parallel"
    model = FactorAnalysis(n, rotation="varimax", random_state=seed).fit(inputs.x)
    own = model.communalities_
    low = [name for name, share in zip(inputs.names, own, strict=True) if share < LITTLE]
    notes = [] if model.count_ is None else [f"How many factors: {model.count_.sentence}"]
    notes.append(f"The factors explain {own.mean():.0%} of the variance of a column on average.")
    if low:
        shown = ", ".join(low[:5]) + (", …" if len(low) > 5 else "")
        notes.append(f"They say little (below {LITTLE:.0%}) of: {shown}.")
    k = len(model.components_)
    return Reduced(
        model=model,
        names=tuple(f"factor {i + 1}" for i in range(k)),
        scores=model.transform(inputs.x),
        loadings=model.components_.T,
        loading_names=inputs.names,
        notes=tuple(notes),
    )


def by_merging(inputs: Inputs, asked: Asked, seed: int) -> Reduced:
    """Join the two columns that correlate most, again and again."""
    from gradlab.decomposition.correlation_merge import CorrelationMerge

    model = CorrelationMerge(asked) if isinstance(asked, int) else CorrelationMerge(threshold=asked)
    scores = model.fit_transform(inputs.x)
    names = model.get_feature_names_out(np.array(inputs.names, object))
    notes = ()
    if isinstance(asked, float):
        notes = (f"Columns were joined as long as two correlate by {asked:g} or more.",)
    return Reduced(
        model=model,
        names=distinct([str(name) for name in names]),
        scores=scores,
        loadings=model.components_.T,
        loading_names=inputs.names,
        notes=notes,
    )


def by_polynomials(inputs: Inputs, asked: Asked, seed: int) -> Reduced:
    """Take principal components of the columns, their squares and their products."""
    from gradlab.decomposition.polynomial_pca import PolynomialPCA

    model = PolynomialPCA(degree=2).fit(inputs.x)
    pca = model.pca_
    _check_most(asked, pca.n_components_, "min(rows, products)")
    k = _how_many(asked, pca.cumulative_)
    return Reduced(
        model=model,
        names=tuple(f"component {i + 1}" for i in range(k)),
        scores=model.transform(inputs.x)[:, :k],
        loadings=pca.components_[:k].T,
        loading_names=tuple(_in_words(str(name), inputs.names) for name in model.monomials_),
        spectrum=pca.table(),
        bend=pca.bend(),
        notes=(f"{len(inputs.names)} columns have {len(model.monomials_)} products of degree 2.",),
    )


def _in_words(monomial: str, names: tuple[str, ...]) -> str:
    """Return a product of columns by their names: "x0 x1^2" as "age · fare²"."""
    words = []
    for factor in monomial.split(" "):
        number, _, power = factor.removeprefix("x").partition("^")
        words.append(names[int(number)] + {"": "", "2": "²"}[power])
    return " · ".join(words)


def _spectrum(eigenvalues: np.ndarray, shares: np.ndarray) -> "pl.DataFrame":
    import polars as pl

    return pl.DataFrame(
        {
            "component": np.arange(1, len(shares) + 1),
            "eigenvalue": eigenvalues,
            "contribution": shares,
            "cumulative": np.minimum(np.cumsum(shares), 1.0),
        }
    )


def _check_most(asked: Asked, most: int, what: str) -> None:
    if isinstance(asked, int) and asked > most:
        raise RecipeError(f"n_components is at most {what} = {most} here; got {asked}.")


def _how_many(asked: Asked, cumulative: Float[np.ndarray, " components"]) -> int:
    """Return how many components a number, share or None means."""
    if asked is None:
        return len(cumulative)
    if isinstance(asked, int):
        return min(asked, len(cumulative))
    reached = np.flatnonzero(cumulative >= asked - 1e-12)
    return int(reached[0]) + 1 if len(reached) else len(cumulative)


REDUCERS: dict[str, Callable[[Inputs, Asked, int], Reduced]] = {
    "pca": by_pca,
    "eigenfaces": by_pca,
    "lda": by_lda,
    "kernel-pca": by_kernel_pca,
    "factor": by_factors,
    "merge": by_merging,
    "polynomial": by_polynomials,
}
