"""How well a reduction keeps known classes apart: a fair look at rows it was not fitted on."""

import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from gradlab.blas import one_thread
from gradlab.lab.analysis.inputs import SMALL

MOST_ROWS = 5000
FOLDS = 5


@dataclass(frozen=True)
class Separation:
    """Share of left-out rows whose class a linear rule names after a reduction.

    Attributes:
        n_components: Numbers that each reduction leaves of a row.
        shares: Of each reduction by name.
        commonest: What always naming the commonest class would give.
        n_rows: Rows, each of them left out once.
    """

    n_components: int
    shares: dict[str, float]
    commonest: float
    n_rows: int


def threads_for(x: Float[np.ndarray, "rows columns"]) -> AbstractContextManager[object]:
    """Keep BLAS to one thread where matrices are small.

    Its threads wait for each other in a loop: in the many small decompositions of a study, on
    cores that others use as well, they wait ten times as long as one thread takes for it all.
    """
    return one_thread() if x.size <= SMALL else nullcontext()


def separation(
    x: Float[np.ndarray, "rows columns"],
    labels: Int[np.ndarray, " rows"],
    reductions: dict[str, Callable[[int], Any]],
    *,
    n_components: int,
    seed: int,
) -> Separation | None:
    """Compare reductions by five folds; None if a class has fewer rows than folds.

    Args:
        x: Rows; what they were scaled by, and missing cells filled with, is not fitted again.
        labels: Class of each; rows of -1 are left out.
        reductions: Makes the transformer for a number of components, by name.
        n_components: For all of them alike.
        seed: Of the folds, and of the sample of large data.
    """
    from sklearn.model_selection import StratifiedKFold

    from gradlab.decomposition.fisher import FisherDiscriminant

    known = np.flatnonzero(labels >= 0)
    if len(known) > MOST_ROWS:
        known = np.sort(np.random.default_rng(seed).choice(known, MOST_ROWS, replace=False))
    x, labels = x[known], labels[known]
    counts = np.bincount(labels)
    if counts[counts > 0].min() < FOLDS or (counts > 0).sum() < 2:
        return None
    right = dict.fromkeys(reductions, 0)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    for train, left_out in folds.split(x, labels):
        for name, make in reductions.items():
            # Directions without spread within classes are met in folds too; all data says so once.
            with warnings.catch_warnings(), threads_for(x):
                warnings.simplefilter("ignore")
                reducer = make(n_components).fit(x[train], labels[train])
                seen = reducer.transform(x[train])
                rule = FisherDiscriminant(shrinkage=1e-6).fit(seen, labels[train])
                named = rule.predict(reducer.transform(x[left_out]))
            right[name] += int((named == labels[left_out]).sum())
    return Separation(
        n_components=n_components,
        shares={name: n / len(x) for name, n in right.items()},
        commonest=float(counts.max() / counts.sum()),
        n_rows=len(x),
    )
