"""The report of a reduction."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gradlab import report
from gradlab.lab.analysis import page_parts
from gradlab.lab.analysis.inputs import distinct, few_classes
from gradlab.lab.reduction.face_pictures import face_section
from gradlab.report.figures import drawn

if TYPE_CHECKING:
    from gradlab.lab.reduction.study import ReductionStudy

TITLES = {
    "pca": "Principal components of {}",
    "eigenfaces": "Eigenfaces of {}",
    "lda": "Directions that separate {}",
    "kernel-pca": "Kernel principal components of {}",
    "factor": "Hidden factors of {}",
    "merge": "Correlated columns of {}, joined",
    "polynomial": "Principal components of products of {}",
}
MANNERS = {
    "pca": "Principal component analysis: the orthogonal directions of largest variance.",
    "eigenfaces": "Principal component analysis with a picture as a row and a pixel as a column.",
    "lda": (
        "Fisher's linear discriminant: the directions of the largest variance between classes in "
        "relation to that within them."
    ),
    "kernel-pca": "Principal component analysis in the space of a Gaussian kernel.",
    "factor": "Factor analysis by maximum likelihood, rotated by varimax.",
    "merge": (
        "The two columns, or joined ones, that correlate most become one, their mean; and again. "
        "Some courses call this common factor analysis."
    ),
    "polynomial": "Principal component analysis of all columns, squares and products of two.",
}
SHOWN_COMPONENTS = 6
LISTED = 20


def page_of(study: "ReductionStudy") -> report.PageContents:
    """Return everything that the report of a reduction shows."""
    inputs, name = study.inputs, study.inputs.data.name
    sections = [section for section in (_how_many(study), _rows(study), _made_of(study)) if section]
    if inputs.image_shape is not None and study.loadings is not None:
        sections.insert(1, face_section(study))
    files = [("components.csv", f"Every row in the {study.n_components} new columns")]
    if study.loadings is not None:
        files.append(("loadings.csv", "What the new columns are made of"))
    files.append(("results.json", "All results, for machines"))
    return page_parts.contents(
        title=TITLES[study.method].format(name),
        kicker="Reduction of dimensions",
        question=_question(study),
        facts=(
            ("Data", name),
            ("Size", page_parts.size(inputs)),
            ("Method", study.method),
            ("Scaling", inputs.scaling),
            ("Known labels", inputs.data.label_name),
        ),
        answer=study.sentences,
        card=_card(study),
        sections=tuple(sections),
        method=_method(study),
        notes=study.notes,
        files=tuple(files),
        command=study.command,
    )


def _question(study: "ReductionStudy") -> str:
    name = study.inputs.data.name
    if study.method == "lda":
        return f"Which directions tell the classes of {name} apart?"
    if study.inputs.image_shape is not None:
        return f"How few numbers say nearly as much as all pixels of a picture of {name}?"
    return f"How few columns say nearly as much as all those of {name}, and what do they mean?"


def _card(study: "ReductionStudy") -> report.Card | None:
    if study.spectrum is None or study.method == "lda":
        return report.Card("Columns left", str(study.n_components), f"of {len(study.inputs.names)}")
    kept = float(study.spectrum["cumulative"][study.n_components - 1])
    pairs = tuple((f"for {share:.0%}", str(n)) for share, n in (study.enough or {}).items())
    return report.Card(
        "Components kept",
        str(study.n_components),
        f"of {study.spectrum.height:,}, with {kept:.1%} of the variance",
        pairs,
    )


def _how_many(study: "ReductionStudy") -> report.Section | None:
    spectrum = study.spectrum
    if spectrum is None or spectrum.height < 2:
        return None
    from gradlab.plots.scree import scree_figure

    is_lda = study.method == "lda"
    figure = scree_figure(
        spectrum["contribution"].to_numpy(),
        eigenvalues=spectrum["eigenvalue"].to_numpy(),
        share=None if is_lda else 0.7,
        bend=study.bend,
    )
    what = "separation" if is_lda else "variance"
    listed = spectrum.select(
        "component",
        "eigenvalue",
        (100 * spectrum["contribution"]).alias("contribution (%)"),
        (100 * spectrum["cumulative"]).alias("cumulative (%)"),
    )
    return report.Section(
        "How many components",
        () if is_lda else tuple(study.sentences[1:3]),
        (
            report.plot(
                "scree",
                figure,
                title=f"Share of the {what} that each component carries",
                description=f"Scree plot: falling bars of {what}, and their running sum.",
                how_to_read=(
                    "Bars fall from component to component; where they flatten, more components "
                    "add little. The dashed line adds them up"
                    + ("." if is_lda else "; the dotted one is the 70 % of the usual rule.")
                ),
                table=page_parts.table(f"Share of the {what}", listed),
                wide=True,
            ),
            report.Listing(
                "contribution", page_parts.table("Contribution table", listed, most=LISTED)
            ),
        ),
    )


def _labels(study: "ReductionStudy", rows: np.ndarray) -> np.ndarray | None:
    inputs = study.inputs
    if inputs.label_codes is None or not few_classes(inputs):
        return None
    codes = inputs.label_codes[rows]
    if (codes >= 0).all() and all(_is_plain_number(name) for name in inputs.classes):
        return np.array(inputs.classes).astype(int)[codes]  # 10 comes after 9
    names = _drawn(inputs.classes)
    # The last one, which -1 finds.
    return np.array([*names, *distinct(["unknown"], taken=names)], object)[codes].astype(str)


def _is_plain_number(name: str) -> bool:
    """Return whether a name is a whole number in its shortest form: "7", neither "07" nor "٧"."""
    return name.isdecimal() and len(name) <= 18 and str(int(name)) == name


def _drawn(names: Sequence[str]) -> tuple[str, ...]:
    """Return names short enough for a figure, and still as many: equal ones would become one."""
    return distinct([drawn(name) for name in names])


def _rows(study: "ReductionStudy") -> report.Section | None:
    from gradlab.plots.projections import components_figure

    rows = page_parts.drawn_rows(study.inputs.n_rows)
    labels = _labels(study, rows)
    note = page_parts.drawn_note(study.inputs.n_rows)
    every = np.full(len(rows), "all rows") if labels is None else labels
    pca = study.pca_scores[rows]
    if study.method in ("pca", "eigenfaces", "factor", "merge"):
        own = study.scores[rows, :2] if study.method in ("factor", "merge") else pca
        shown = {study.method: own}
    else:
        shown = {study.method: study.scores[rows, :2], "pca": pca}
    names = {"pca": "PCA", "lda": "LDA", "kernel-pca": "kernel PCA", "eigenfaces": "PCA"}
    projections = {names.get(method, method): scores for method, scores in shown.items()}
    figure = components_figure(projections, every, title="")
    how = "Rows that lie near each other are alike."
    if labels is not None:
        how += " Colours are the known labels: clouds of one colour, apart from the others, are "
        how += "classes that so few numbers tell apart."
    parts: list[report.Part] = [
        report.plot(
            "rows",
            figure,
            title="The rows on the first two components",
            description="Scatter plot of the rows on the first two components"
            + (" in the colours of their labels." if labels is not None else "."),
            how_to_read=how,
            note=note,
            wide=True,
            height=520 if len(projections) == 1 else None,
        )
    ]
    biplot = _biplot(study, rows, labels)
    if biplot is not None:
        parts.append(biplot)
    sentences = tuple(said for said in study.sentences if "linear rule" in said)
    return report.Section("The rows in fewer columns", sentences, tuple(parts))


def _biplot(
    study: "ReductionStudy", rows: np.ndarray, labels: np.ndarray | None
) -> report.Plot | None:
    if study.method not in ("pca", "factor") or study.inputs.image_shape is not None:
        return None
    if study.loadings is None:
        return None
    from gradlab.plots.biplot import biplot_figure

    loadings, scores, shares = study.loadings.T, study.scores, None
    if study.method == "pca":
        loadings, scores = study.model.components_, study.pca_scores
        shares = np.asarray(study.model.contribution_)[:2]
    if min(len(loadings), scores.shape[1]) < 2:
        return None
    figure = biplot_figure(
        scores[rows, :2],
        loadings[:2],
        _drawn(study.inputs.names),
        labels=labels,
        contribution=shares,
    )
    return report.plot(
        "biplot",
        figure,
        title="Biplot: rows as points, columns as arrows",
        description="Biplot: points for rows, and an arrow for each of the heaviest columns.",
        how_to_read=(
            "An arrow points to where its column is large; the longer, the more of the column "
            "these two components hold. Arrows side by side: columns that rise together; opposite: "
            "one falls as the other rises."
        ),
        wide=True,
    )


def _made_of(study: "ReductionStudy") -> report.Section | None:
    if study.loadings is None or study.inputs.image_shape is not None:
        return None
    parts: list[report.Part] = []
    if study.method == "merge" and study.model.merges_:
        from gradlab.plots.merges import merge_tree_figure

        merges = study.model.merges_
        figure = merge_tree_figure(
            _drawn(study.inputs.names),
            [(merge.first, merge.second) for merge in merges],
            [merge.correlation for merge in merges],
        )
        parts.append(
            report.plot(
                "tree",
                figure,
                title="Which columns were joined, and how alike they are",
                description="Tree of joined columns; the farther right, the weaker they correlate.",
                how_to_read="Columns that meet far to the left say nearly the same.",
                wide=True,
            )
        )
    elif study.method != "merge":
        from gradlab.plots.loadings import loadings_figure

        shown, names = study.loadings[:, :SHOWN_COMPONENTS], list(study.names)
        if study.method == "pca":  # some more than are kept, to see what is left out
            shown = study.model.components_[:SHOWN_COMPONENTS].T
            names = [f"component {i + 1}" for i in range(shown.shape[1])]
        parts.append(
            report.plot(
                "loadings",
                loadings_figure(
                    shown,
                    _drawn(study.loading_names),
                    [name.replace("component", "PC") for name in names[: shown.shape[1]]],
                ),
                title="Weight of each column in each component",
                description="Table of colours: weight of each column in each component.",
                how_to_read=(
                    "Blue columns rise with the component, red ones fall as it rises; pale ones "
                    "have little to do with it."
                ),
                note="All weights: loadings.csv." if len(study.loading_names) > 25 else "",
                wide=True,
            )
        )
    starts = ("Component", "Discriminant", "Factor", "Joined")
    sentences = tuple(said for said in study.sentences if said.startswith(starts))
    return report.Section("What they are made of", sentences, tuple(parts))


def _method(study: "ReductionStudy") -> tuple[report.MethodItem, ...]:
    items = [report.MethodItem("Reduction", MANNERS[study.method])]
    if study.separation is not None:
        found = study.separation
        items.append(
            report.MethodItem(
                "PCA against LDA",
                f"Five folds of {found.n_rows:,} rows: {_made_ready(study)}both are fitted without "
                f"the left-out rows, whose class a linear rule then names from "
                f"{found.n_components} numbers.",
            )
        )
    items.append(report.MethodItem("Time", f"{study.seconds:.1f} s"))
    return tuple(items)


def _made_ready(study: "ReductionStudy") -> str:
    """Say what of the left-out rows the folds have seen."""
    inputs = study.inputs
    done = ["scaling"] * (inputs.scaling != "none")
    done += ["filling missing cells"] * bool(inputs.preprocessor.numeric_missing)
    return f"after {' and '.join(done)} on all rows " if done else ""
