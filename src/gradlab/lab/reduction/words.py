"""What a reduction means, in sentences."""

import math
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    from gradlab.lab.reduction.study import ReductionStudy

NAMED = 0.5
"""Share of the largest loading of a component from which a column is named."""

MOST_NAMED = 4


def sentences(study: "ReductionStudy") -> tuple[str, ...]:
    """Return what to conclude from a reduction, most important first."""
    said = [*_headline(study), *_bend(study), *_separation(study), *_made_of(study)]
    return tuple(said)


def _headline(study: "ReductionStudy") -> list[str]:
    name, k, d = study.inputs.data.name, study.n_components, len(study.inputs.names)
    if study.method == "lda":
        label = study.inputs.data.label_name
        directions = f"{k} direction{'s' * (k != 1)} separate{'s' * (k == 1)}"
        said = f"{directions} the {len(study.inputs.classes)} classes of '{label}' best."
        if study.spectrum is not None and k > 1:
            first = study.spectrum["contribution"][0]
            said += f" The first carries {first:.0%} of the separation."
        return [said]
    if study.method == "factor":
        many = k != 1
        what = f"{k} hidden factor{'s' * many} account{'s' * (not many)} for how the {d} columns"
        return [f"{what} of {name} vary together."]
    if study.method == "merge":
        return [_merged(study)]
    if study.spectrum is None:
        return [f"{study.method} makes {k} columns of the {d} of {name}."]
    kept = float(study.spectrum["cumulative"][k - 1])
    parts = "pixels" if study.inputs.image_shape else "columns"
    what = "eigenfaces" if study.method == "eigenfaces" else "components"
    said = (
        f"{k} {what if k != 1 else what[:-1]} keep{'s' * (k == 1)} {kept:.1%} of the variance of "
        f"the {d:,} {parts} of {name}."
    )
    needed = [
        f"for {share:.0%} {'of the variance ' * (i == 0)}{n}"
        f"{' is enough' if i == 0 and n == 1 else ' are enough' * (i == 0)}"
        for i, (share, n) in enumerate((study.enough or {}).items())
    ]
    if not needed:
        return [said]
    words = _join(needed)
    return [said, f"{words[0].upper()}{words[1:]}."]


def _merged(study: "ReductionStudy") -> str:
    k, d = study.n_components, len(study.inputs.names)
    merges = study.model.merges_
    if not merges:
        return f"No two of the {d} columns of {study.inputs.data.name} correlate enough to join."
    weakest = min(abs(merge.correlation) for merge in merges)
    return (
        f"The {d} columns of {study.inputs.data.name} become {k} by joining those that correlate "
        f"most; the weakest joined pair correlates by {weakest:.2f}."
    )


def _bend(study: "ReductionStudy") -> list[str]:
    if study.bend is None:
        return []
    return [f"The scree bends at component {study.bend}: those after it add little each."]


def _separation(study: "ReductionStudy") -> list[str]:
    found = study.separation
    if found is None:
        return []
    pca, lda = found.shares["PCA"], found.shares["LDA"]
    error = math.sqrt((pca * (1 - pca) + lda * (1 - lda)) / found.n_rows)
    verdict = (
        "about equally well" if abs(lda - pca) <= 2 * error
        else "LDA separates them better" if lda > pca
        else "PCA separates them better"
    )  # fmt: skip
    label, n = study.inputs.data.label_name, found.n_components
    numbers = f"{n} number{'s' * (n != 1)}"
    said = (
        f"With {numbers} a row, a linear rule names the '{label}' of {lda:.1%} of left-out rows "
        f"after LDA and of {pca:.1%} after PCA ({found.commonest:.1%} by always naming the "
        f"commonest): {verdict}."
    )
    return [said]


def _made_of(study: "ReductionStudy") -> list[str]:
    if study.loadings is None or study.inputs.image_shape is not None:
        return []
    if study.method == "merge":
        return _groups(study)
    said = []
    for i, name in enumerate(study.names[:3]):
        share = ""
        if study.spectrum is not None:
            part = study.spectrum["contribution"][i]
            share = f" ({part:.0%} of the {'separation' if study.method == 'lda' else 'variance'})"
        weights = study.loadings[:, i]
        said.append(f"{name.capitalize()}{share} {_weighs(weights, study.loading_names)}.")
    return said


def _groups(study: "ReductionStudy") -> list[str]:
    """Say which columns went together."""
    said = []
    for group in range(study.n_components):
        members = np.flatnonzero(study.model.labels_ == group)
        if len(members) < 2:
            continue
        names = [
            study.loading_names[i] + (" (turned)" if study.model.signs_[i] < 0 else "")
            for i in members[:8]
        ]
        more = f" and {len(members) - 8} more" if len(members) > 8 else ""
        said.append(f"Joined: {_join(names)}{more}.")
    return said[:6]


def _weighs(weights: Float[np.ndarray, " columns"], names: tuple[str, ...]) -> str:
    largest = np.abs(weights).max()
    if largest == 0:
        return "is made of nothing: the columns do not vary along it"
    order = [i for i in np.argsort(-np.abs(weights)) if abs(weights[i]) >= NAMED * largest]
    more = len(order) - MOST_NAMED
    sides = {
        side: [
            f"{names[i]} ({weights[i]:.2f})".replace("-", "−")
            for i in order[:MOST_NAMED]
            if (weights[i] > 0) == side
        ]
        for side in (True, False)
    }
    first, second = sides[True], sides[False]
    if not first or not second:
        return f"weighs {_join(first or second)}" + (f" and {more} more" if more > 0 else "")
    return f"weighs {_join(first)} against {_join(second)}" + (
        f", and {more} more" if more > 0 else ""
    )


def _join(words: list[str]) -> str:
    return ", ".join(words[:-1]) + " and " + words[-1] if len(words) > 1 else "".join(words)
