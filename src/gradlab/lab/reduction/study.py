"""Fewer columns that say nearly as much: how many are enough, and what they are made of."""

import dataclasses
import time
import warnings
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from gradlab.data.images import ImageSize
from gradlab.errors import DataError, RecipeError, unknown
from gradlab.files import made_folder, write_whole
from gradlab.lab.analysis.inputs import Inputs, distinct, few_classes, read_inputs
from gradlab.lab.analysis.results_folder import write_results
from gradlab.lab.reduction.separation import Separation, separation, threads_for

if TYPE_CHECKING:
    import polars as pl

METHODS = ("pca", "lda", "kernel-pca", "factor", "merge", "polynomial", "eigenfaces")
SHARES = (0.7, 0.9, 0.95)
RULE = 0.7
"""Share of the variance that the course keeps."""


@dataclass(frozen=True, eq=False)
class ReductionStudy:
    """A reduction of a data set, and what is to be learnt from it.

    Attributes:
        inputs: The rows.
        method: One of `METHODS`.
        n_components: Columns that are left.
        names: What they are called.
        scores: The rows in them.
        loadings: What they are made of, a row for each column of the inputs; None where they are
            no weighted sums of these.
        loading_names: Those columns.
        spectrum: Component, eigenvalue, contribution, cumulative; None where there is none.
        enough: Fewest components for each of `SHARES`; None where there is no spectrum.
        bend: Component at which the scree bends most; None if nowhere.
        pca_scores: The rows on two principal components, to compare with.
        separation: How well classes stay apart, against PCA; None if no classes are known.
        model: The fitted estimator.
        settings: What was asked for.
        notes: What was decided.
        command: That does it again; "" if the data came from memory.
        seconds: Time it took.
    """

    inputs: Inputs
    method: str
    n_components: int
    names: tuple[str, ...]
    scores: Float[np.ndarray, "rows components"]
    loadings: Float[np.ndarray, "columns components"] | None
    loading_names: tuple[str, ...]
    spectrum: "pl.DataFrame | None"
    enough: dict[float, int] | None
    bend: int | None
    pca_scores: Float[np.ndarray, "rows _"]
    separation: Separation | None
    model: Any
    settings: dict[str, Any]
    notes: tuple[str, ...]
    command: str
    seconds: float

    @property
    def sentences(self) -> tuple[str, ...]:
        """What to conclude, most important first."""
        from gradlab.lab.reduction.words import sentences

        return sentences(self)

    def components_table(self) -> "pl.DataFrame":
        """Return the rows in the new columns, and their known labels."""
        import polars as pl

        label, labels = f"label {self.inputs.data.label_name}", self.inputs.data.labels
        names = distinct(self.names, taken=("row", *([label] if labels is not None else [])))
        columns: dict[str, Any] = {"row": np.arange(1, self.inputs.n_rows + 1)}
        columns |= dict(zip(names, self.scores.T, strict=True))
        if labels is not None:
            columns[label] = labels.tolist()
        return pl.DataFrame(columns)

    def loadings_table(self) -> "pl.DataFrame | None":
        """Return what the new columns are made of; None where they are no weighted sums."""
        import polars as pl

        if self.loadings is None:
            return None
        columns: dict[str, Any] = {"column": list(self.loading_names)}
        names = distinct(self.names, taken=columns)
        return pl.DataFrame(columns | dict(zip(names, self.loadings.T, strict=True)))

    def to_dict(self) -> dict[str, Any]:
        """Return the results for machines."""
        return {
            "data": self.inputs.data.name,
            "rows": self.inputs.n_rows,
            "columns": len(self.inputs.names),
            "command": self.command,
            "settings": self.settings,
            "method": self.method,
            "n_components": self.n_components,
            "spectrum": None if self.spectrum is None else self.spectrum.to_dict(as_series=False),
            "components_for": None
            if self.enough is None
            else {f"{share:.0%}": n for share, n in self.enough.items()},
            "bend": self.bend,
            "separation": None if self.separation is None else dataclasses.asdict(self.separation),
            "sentences": list(self.sentences),
            "notes": list(self.notes),
            "seconds": self.seconds,
        }

    def save(self, folder: str | Path) -> Path:
        """Write report.html, components.csv, loadings.csv and results.json into a folder."""
        folder = made_folder(folder)
        write_whole(folder / "components.csv", self.components_table().write_csv())
        loadings = self.loadings_table()
        if loadings is not None:
            write_whole(folder / "loadings.csv", loadings.write_csv())
        self.report(folder / "report.html")
        write_results(folder, self.to_dict())
        return folder

    def report(self, path: str | Path) -> Path:
        """Write the report, one HTML file that works offline."""
        from gradlab.lab.reduction.page import page_of
        from gradlab.report import write_page

        return write_page(page_of(self), path)


def reduction_study(
    data: Any,
    method: str = "pca",
    *,
    n_components: Any = None,
    target: str | int | None = None,
    drop: tuple[str, ...] = (),
    scaling: str = "auto",
    header: bool | None = None,
    image_size: ImageSize | None = None,
    seed: int = 0,
    command: str = "",
) -> ReductionStudy:
    """Reduce the columns of a data set and say how many are enough, and what they mean.

    Args:
        data: Name of a built-in set, path, frame, array, (X, y), or folder of pictures.
        method: "pca" and "eigenfaces" (pca of pictures) keep the most variance; "lda" separates
            the classes of the target best; "kernel-pca" and "polynomial" find curved shapes;
            "factor" finds common causes; "merge" joins the most correlated columns.
        n_components: How many to keep: a number; a share of the variance below 1; "none" for all;
            by default the fewest that keep 70 % of the variance, of "lda" all there are, of
            "factor" as many as parallel analysis finds. "lda" and "factor" take no share. Of
            "merge" a share is the least correlation at which columns are joined, and "none" joins
            them from 0.7 on as by default.
        target: Column of classes: what "lda" separates, and what colours the rows else; never
            among what is reduced.
        drop, header, image_size: See `load_dataset`.
        scaling: "standard", "minmax", "none", or "auto": standard for tables, none for pictures.
        seed: Of whatever is drawn.
        command: The command that does it again, for the report.

    Raises:
        DataError: If the data can't be read, or "lda" has no classes.
        RecipeError: If a setting makes no sense.

    >>> study = reduction_study("iris")
    >>> study.n_components, study.enough[0.95]
    (1, 2)
    """
    started = time.perf_counter()
    if method not in METHODS:
        raise RecipeError(unknown("method", method, METHODS))
    asked = _asked(n_components, method)
    inputs = read_inputs(
        data,
        target=target,
        drop=drop,
        scaling=scaling,
        header=header,
        image_size=image_size,
    )
    if method == "eigenfaces" and inputs.image_shape is None:
        raise DataError(
            f"{inputs.data.name} holds columns, no pictures, so it has no eigenfaces. Use "
            "method='pca'."
        )
    from gradlab.decomposition.pca import PCA
    from gradlab.lab.reduction import reducers

    with warnings.catch_warnings(record=True) as said, threads_for(inputs.x):
        warnings.simplefilter("always")
        found = reducers.REDUCERS[method](inputs, asked, seed)
    pca_scores = (
        (inputs.x - found.model.mean_) @ found.model.components_[:2].T
        if method in ("pca", "eigenfaces")
        else PCA(min(2, *inputs.x.shape), random_state=0).fit_transform(inputs.x)
    )
    spectrum = found.spectrum
    enough = None
    if spectrum is not None:
        cumulative = spectrum["cumulative"].to_numpy()
        enough = {
            share: int(np.argmax(cumulative >= share - 1e-12)) + 1
            for share in SHARES
            if cumulative[-1] >= share - 1e-12
        }
    return ReductionStudy(
        inputs=inputs,
        method=method,
        n_components=found.scores.shape[1],
        names=found.names,
        scores=found.scores,
        loadings=found.loadings,
        loading_names=found.loading_names,
        spectrum=spectrum,
        enough=enough,
        bend=found.bend,
        pca_scores=pca_scores,
        separation=_separation(inputs, method, seed),
        model=found.model,
        settings={
            "method": method,
            "n_components": n_components,
            "target": target,
            "scaling": inputs.scaling,
            "seed": seed,
        },
        notes=(*inputs.notes, *found.notes, *(str(w.message) for w in said)),
        command=command,
        seconds=time.perf_counter() - started,
    )


def _asked(n_components: int | float | str | None, method: str) -> int | float | None:
    """Return how many components are wanted: a number, a share, or None for all."""
    if n_components is None:
        # Of two columns that correlate by 0.7, each tells half of the variance of the other.
        return None if method == "lda" else RULE
    if isinstance(n_components, str):
        if n_components.lower() in ("none", "all"):
            return None
        raise RecipeError(
            f"n_components is a number, a share of the variance such as 0.7, or 'none' for all; "
            f"got {n_components!r}."
        )
    is_whole = isinstance(n_components, Integral) or float(n_components).is_integer()
    if not n_components > 0 or not (is_whole or n_components < 1):
        raise RecipeError(
            f"n_components is a whole number of at least 1, or a share above 0 and below 1; got "
            f"{n_components}."
        )
    if n_components == 1 and not isinstance(n_components, Integral):
        raise RecipeError(
            f"n_components={n_components} could be one component or the whole variance: say 1 for "
            "one component, 'none' for all."
        )
    if n_components >= 1:
        return int(n_components)
    if method in ("lda", "factor"):
        what = "the number of directions" if method == "lda" else "the number of factors"
        raise RecipeError(
            f"n_components={n_components} is a share of the variance, which method='{method}' "
            f"does not keep: give {what}, or leave it out."
        )
    return float(n_components)


def _separation(inputs: Inputs, method: str, seed: int) -> Separation | None:
    if inputs.label_codes is None or not few_classes(inputs):
        return None
    if method not in ("pca", "lda", "eigenfaces"):
        return None
    from gradlab.decomposition.fisher import FisherDiscriminant
    from gradlab.decomposition.pca import PCA

    # As many as a picture shows, where the two can be told apart at all.
    n = min(2, len(inputs.classes) - 1, *inputs.x.shape)
    try:
        return separation(
            inputs.x,
            inputs.label_codes,
            {"PCA": PCA, "LDA": lambda k: FisherDiscriminant(k, shrinkage=1e-3)},
            n_components=n,
            seed=seed,
        )
    except DataError:  # some class that no row varies in; the study stands without
        return None
