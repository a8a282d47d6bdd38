"""Which rows of a table are alike: k-means, how many clusters, and what marks each."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float, Int

from gradlab.data.images import ImageSize
from gradlab.errors import DataError, RecipeError, unknown
from gradlab.files import made_folder, write_whole
from gradlab.lab.analysis.inputs import Inputs, distinct, few_classes, in_own_units, read_inputs
from gradlab.lab.analysis.results_folder import write_results
from gradlab.lab.clustering.choosing import check_effort, choice_content
from gradlab.lab.clustering.profiles import Profile, cluster_sentence, profiles

if TYPE_CHECKING:
    import polars as pl

    from gradlab.cluster.choice import Choice

METHODS = ("kmeans", "fuzzy")
USUAL_KS = tuple(range(2, 11))
MOST_COMPARED = 5000
"""Rows beyond which numbers of clusters are compared, and silhouettes taken, on a sample."""


@dataclass(frozen=True, eq=False)
class Agreement:
    """Clusters against labels that the fit never saw.

    Attributes:
        column: What the labels are called.
        adjusted_rand_index: 1 the same groups, 0 as by chance.
        mutual_information: Normalised: 1 the same groups, 0 unrelated.
        classes: The labels.
        counts: Rows of each cluster that have each label.
    """

    column: str
    adjusted_rand_index: float
    mutual_information: float
    classes: tuple[str, ...]
    counts: Int[np.ndarray, "clusters classes"]

    @property
    def sentence(self) -> str:
        """Return how far clusters and labels are the same groups."""
        found = self.adjusted_rand_index
        how = (
            "are the same groups but for few rows" if found >= 0.9
            else "are largely the same groups" if found >= 0.65
            else "are partly the same groups" if found >= 0.3
            else "have little in common" if found >= 0.1
            else "have hardly more in common than chance gives"
        )  # fmt: skip
        return (
            f"Clusters and '{self.column}', which the fit did not see, {how}: adjusted Rand "
            f"index {found:.2f} (1 the same, 0 by chance), normalised mutual information "
            f"{self.mutual_information:.2f}."
        )


@dataclass(frozen=True, eq=False)
class ClusterStudy:
    """The clusters of a data set, largest first, and all that was found out about them.

    Attributes:
        inputs: The rows.
        method: "kmeans" or "fuzzy".
        asked: Numbers of clusters that were compared.
        is_usual: Whether these are the usual ones, so far as the rows allow, none having been
            given.
        choice: How they compare; None if one was asked for.
        n_clusters: How many there are.
        labels: Cluster of each row, from 0.
        centers: Centroids in the scaled columns.
        distances: Of each row to its centroid.
        memberships: Of each row in each cluster; None of k-means.
        sample: Rows whose silhouette was taken.
        silhouettes: Of these rows, -1 to 1; empty where there is one cluster.
        distortion: Mean squared distance of a row to its centroid.
        restarts: What every start ended with, what is minimised per row.
        n_iter: Iterations of the best start.
        empty_clusters: How often a cluster lost all its rows and was started again.
        agreement: With known labels.
        settings: What was asked for, by name.
        command: The command that does it again; "" if the data came from memory.
        seconds: Time it took.
    """

    inputs: Inputs
    method: str
    asked: tuple[int, ...]
    is_usual: bool
    choice: "Choice | None"
    n_clusters: int
    labels: Int[np.ndarray, " rows"]
    centers: Float[np.ndarray, "clusters columns"]
    distances: Float[np.ndarray, " rows"]
    memberships: Float[np.ndarray, "rows clusters"] | None
    sample: Int[np.ndarray, " sample"]
    silhouettes: Float[np.ndarray, " judged"]
    distortion: float
    restarts: tuple[float, ...]
    n_iter: int
    empty_clusters: int
    agreement: Agreement | None
    settings: dict[str, Any]
    command: str
    seconds: float

    @property
    def sizes(self) -> Int[np.ndarray, " clusters"]:
        """Rows of each cluster."""
        return np.bincount(self.labels, minlength=self.n_clusters)

    @cached_property
    def profiles(self) -> list[Profile]:
        """Every column over the clusters, the one that tells most apart first."""
        return profiles(self.inputs, self.labels, self.n_clusters)

    @property
    def silhouette(self) -> float:
        """Mean silhouette; NaN where there is one cluster."""
        return float(self.silhouettes.mean()) if len(self.silhouettes) else float("nan")

    @property
    def sentences(self) -> tuple[str, ...]:
        """What to conclude, most important first."""
        return (self.headline, *self.certainty, *self.about_starts, *self.marks)

    @property
    def headline(self) -> str:
        """How many clusters there are, and of how many rows."""
        name, sizes = self.inputs.data.name, [f"{size:,}" for size in self.sizes]
        listed = ", ".join(sizes[:-1]) + f" and {sizes[-1]}" if len(sizes) > 1 else sizes[0]
        if len(sizes) > 12:
            listed = f"{sizes[-1]} to {sizes[0]}"
        n = f"{self.n_clusters} cluster{'s' * (self.n_clusters != 1)}"
        if self.choice is None:
            why = "the only number its rows allow" if self.is_usual else "as asked for"
            return f"{name} in {n}, {why}, of {listed} rows."
        if self.choice.best == 1:
            shown = f"{n} shown, of {listed} rows, are those of the best silhouette"
            return f"{name} does not fall into groups" + (
                "." if self.n_clusters == 1 else f"; the {shown}."
            )
        if self.choice.best == self.n_clusters:
            low, high = min(self.asked), max(self.asked)
            return f"{name} falls into {n}, chosen of {low} to {high}, of {listed} rows."
        return (
            f"Nothing says how many clusters {name} has. The {n} shown, of {listed} rows, are "
            "those of the best silhouette."
        )

    @property
    def certainty(self) -> tuple[str, ...]:
        """How sure their number is, how far they lie apart, and what labels say."""
        said = [] if self.choice is None else [self.choice.sentences[0]]
        if len(self.silhouettes):
            found = self.silhouette
            how = (
                "the clusters are well apart" if found >= 0.7
                else "the clusters are apart, and some rows lie between" if found >= 0.5
                else "the clusters run into each other" if found >= 0.25
                else "there is hardly any gap between them, they cut up one cloud"
            )  # fmt: skip
            said.append(f"The mean silhouette is {found:.2f}: {how}.")
        if self.agreement is not None:
            said.append(self.agreement.sentence)
        return tuple(said)

    @property
    def about_starts(self) -> tuple[str, ...]:
        """How far the result hangs on where the search started."""
        said = []
        if len(self.restarts) > 1:
            best = min(self.restarts)
            near = sum(value <= best * 1.01 for value in self.restarts)
            said.append(
                f"{near} of {len(self.restarts)} starts ended within 1 % of the best one"
                + (": the result hangs on chance little." if near > len(self.restarts) / 2
                   else ": the result hangs on where it starts.")
            )  # fmt: skip
        if self.empty_clusters:
            said.append(
                f"{self.empty_clusters} time{'s' * (self.empty_clusters != 1)} a cluster lost all "
                "its rows and was started again from a far row."
            )
        return tuple(said)

    @property
    def marks(self) -> tuple[str, ...]:
        """What marks each of the largest clusters of a table; nothing of pictures."""
        if self.inputs.image_shape is not None:
            return ()
        sizes, n_rows = self.sizes, self.inputs.n_rows
        harder = "a larger beta" if self.settings["m"] is None else "a smaller m"
        return tuple(
            cluster_sentence(self.profiles, cluster, int(sizes[cluster]), n_rows, harder=harder)
            for cluster in range(min(self.n_clusters, 10))
        )

    def labels_table(self) -> "pl.DataFrame":
        """Return a row for each row of the data: cluster, distance, silhouette, memberships."""
        import polars as pl

        columns: dict[str, Any] = {
            "row": np.arange(1, self.inputs.n_rows + 1),
            "cluster": self.labels + 1,
            "distance": self.distances,
        }
        if len(self.silhouettes):
            silhouettes = np.full(self.inputs.n_rows, np.nan)
            silhouettes[self.sample] = self.silhouettes
            columns["silhouette"] = pl.Series(silhouettes).fill_nan(None)
        if self.memberships is not None:
            for cluster in range(self.n_clusters):
                columns[f"membership {cluster + 1}"] = self.memberships[:, cluster]
        return pl.DataFrame(columns)

    def clusters_table(self) -> "pl.DataFrame":
        """Return a row for each cluster: rows, share, distortion, silhouette."""
        import polars as pl

        own = self.labels[self.sample]
        rows = []
        for cluster, size in enumerate(self.sizes):
            members = self.labels == cluster
            judged = self.silhouettes[own == cluster] if len(self.silhouettes) else np.array([])
            rows.append(
                {
                    "cluster": cluster + 1,
                    "rows": int(size),
                    "share": float(size / self.inputs.n_rows),
                    "distortion": float((self.distances[members] ** 2).mean()) if size else None,
                    "silhouette": float(judged.mean()) if len(judged) else None,
                }
            )
        return pl.DataFrame(rows)

    def centers_table(self) -> "pl.DataFrame":
        """Return the centroids in the units of the columns, a row for each cluster."""
        import polars as pl

        own = in_own_units(self.inputs, self.centers)
        columns = {"cluster": np.arange(1, self.n_clusters + 1), "rows": self.sizes}
        names = distinct(self.inputs.names, taken=columns)
        return pl.DataFrame(columns | dict(zip(names, own.T, strict=True)))

    def to_dict(self) -> dict[str, Any]:
        """Return the results for machines."""
        return {
            "data": self.inputs.data.name,
            "rows": self.inputs.n_rows,
            "columns": len(self.inputs.names),
            "command": self.command,
            "settings": self.settings,
            "method": self.method,
            "compared": list(self.asked),
            "n_clusters": self.n_clusters,
            "sizes": self.sizes,
            "distortion": self.distortion,
            "silhouette": self.silhouette,
            "restarts": list(self.restarts),
            "iterations": self.n_iter,
            "empty_clusters": self.empty_clusters,
            "agreement": None if self.agreement is None else {
                "column": self.agreement.column,
                "adjusted_rand_index": self.agreement.adjusted_rand_index,
                "normalized_mutual_information": self.agreement.mutual_information,
            },
            "choice": None if self.choice is None else choice_content(self.choice),
            "clusters": self.clusters_table().to_dicts(),
            "sentences": list(self.sentences),
            "notes": list(self.inputs.notes),
            "seconds": self.seconds,
        }  # fmt: skip

    def save(self, folder: str | Path) -> Path:
        """Write report.html, labels.csv, centers.csv and results.json into a folder."""
        folder = made_folder(folder)
        write_whole(folder / "labels.csv", self.labels_table().write_csv())
        write_whole(folder / "centers.csv", self.centers_table().write_csv())
        self.report(folder / "report.html")
        write_results(folder, self.to_dict())
        return folder

    def report(self, path: str | Path) -> Path:
        """Write the report, one HTML file that works offline."""
        from gradlab.lab.clustering.page import page_of
        from gradlab.report import write_page

        return write_page(page_of(self), path)


def cluster_study(
    data: Any,
    k: int | Sequence[int] | None = None,
    *,
    method: str = "kmeans",
    target: str | int | None = None,
    drop: tuple[str, ...] = (),
    scaling: str = "auto",
    header: bool | None = None,
    image_size: ImageSize | None = None,
    beta: float | None = None,
    m: float | None = None,
    restarts: int = 10,
    seed: int = 0,
    command: str = "",
) -> ClusterStudy:
    """Find groups of rows that are alike, choose their number, and say what marks each.

    Args:
        data: Name of a built-in set, path, frame, array, (X, y), or folder of class folders.
        k: Number of clusters; several to choose from, by elbow, silhouette and gap statistic, of
            which at least two are above 1 (30 at most); by default 2 to 10.
        method: "kmeans", or "fuzzy" k-means with degrees of membership.
        target: Column that tells what each row is: clusters are judged by it, not made by it.
        drop, header, image_size: See `load_dataset`.
        scaling: "standard", "minmax", "none", or "auto": standard for tables, none for pictures.
        beta: Stiffness of fuzzy memberships in softmax form; 1 by default.
        m: Exponent of fuzzy memberships in Bezdek's form; give either.
        restarts: Starts, of which the best is kept; 1,000 at most.
        seed: Of starts and samples.
        command: The command that does it again, for the report.

    Raises:
        DataError: If the data can't be read, or has fewer different rows than clusters.
        RecipeError: If a setting makes no sense.

    >>> study = cluster_study("iris", 3)
    >>> study.sizes.tolist(), study.agreement.column
    ([53, 50, 47], 'species')
    """
    started = time.perf_counter()
    if method not in METHODS:
        raise RecipeError(unknown("method", method, METHODS))
    _check_fuzziness(method, beta, m)
    ks = _asked(k)
    check_effort(ks, restarts)
    inputs = read_inputs(
        data,
        target=target,
        drop=drop,
        scaling=scaling,
        header=header,
        image_size=image_size,
    )
    ks = _possible(ks, inputs, is_usual=k is None)
    choice = None
    if len(ks) > 1:
        from gradlab.cluster.choice import choose_n_clusters

        choice = choose_n_clusters(
            inputs.x, ks, n_init=restarts, max_rows=MOST_COMPARED, random_state=seed
        )
    n_clusters = max(ks) if choice is None else _chosen(choice, ks)
    model, memberships, starts = _fitted(inputs.x, n_clusters, method, beta, m, restarts, seed)
    labels, centers, memberships = _largest_first(model, memberships)
    distances = np.linalg.norm(inputs.x - centers[labels], axis=1).astype(np.float64)
    sample = np.arange(inputs.n_rows)
    if inputs.n_rows > MOST_COMPARED:
        drawn = np.random.default_rng(seed).choice(inputs.n_rows, MOST_COMPARED, replace=False)
        sample = np.sort(drawn)
    return ClusterStudy(
        inputs=inputs,
        method=method,
        asked=ks,
        is_usual=k is None,
        choice=choice,
        n_clusters=len(centers),
        labels=labels,
        centers=centers,
        distances=distances,
        memberships=memberships,
        sample=sample,
        silhouettes=_silhouettes(inputs.x[sample], labels[sample]),
        distortion=float((distances**2).mean()),
        restarts=starts,
        n_iter=int(model.n_iter_),
        empty_clusters=int(model.empty_clusters_),
        agreement=_agreement(inputs, labels, len(centers)),
        settings={
            "k": list(ks),
            "method": method,
            "target": target,
            "scaling": inputs.scaling,
            "beta": beta,
            "m": m,
            "restarts": restarts,
            "seed": seed,
        },
        command=command,
        seconds=time.perf_counter() - started,
    )


def _check_fuzziness(method: str, beta: float | None, m: float | None) -> None:
    if method == "kmeans" and (beta is not None or m is not None):
        given = "beta" if beta is not None else "m"
        raise RecipeError(f"{given} is a setting of fuzzy k-means; give method='fuzzy' with it.")
    if beta is not None and m is not None:
        raise RecipeError("beta is of the softmax form, m of Bezdek's; give one of them.")


def _asked(k: int | Sequence[int] | None) -> tuple[int, ...]:
    """Return the numbers of clusters asked for, ascending."""
    if k is None:
        return USUAL_KS
    ks = (k,) if isinstance(k, int) else tuple(sorted(set(k)))
    if not ks or min(ks) < 1:
        raise RecipeError(f"k counts clusters, from 1; got {k}.")
    if 1 < len(ks) < 2 + (1 in ks):
        raise RecipeError(
            "To compare numbers of clusters, k takes at least two above 1, as 1-3 or 2,3; got "
            f"{','.join(map(str, ks))}. Give more, or one number."
        )
    return ks


def _possible(ks: tuple[int, ...], inputs: Inputs, *, is_usual: bool) -> tuple[int, ...]:
    """Return the numbers that the rows allow; the usual ones are cut, others are refused."""
    distinct = _count_distinct(inputs.x, max(ks) + 1)
    most = distinct - 1 if is_usual else distinct
    if max(ks) <= most:
        return ks
    if is_usual:
        return tuple(k for k in ks if k <= most) or (min(2, distinct),)
    raise DataError(
        f"{inputs.data.name} has {distinct} different rows, so {max(ks)} clusters can't be made. "
        f"Give k of at most {distinct}."
    )


def _count_distinct(x: Float[np.ndarray, "rows columns"], enough: int) -> int:
    """Count different rows, no further than `enough`."""
    seen: set[bytes] = set()
    for row in x:
        seen.add((row + 0.0).tobytes())  # -0 is 0
        if len(seen) >= enough:
            break
    return len(seen)


def _chosen(choice: "Choice", ks: tuple[int, ...]) -> int:
    """Return the number most views advise, of those asked for; else the best silhouette's."""
    if choice.best in ks:
        return int(choice.best or 0)
    return int(choice.silhouettes.best)


def _fitted(
    x: Float[np.ndarray, "rows columns"],
    n_clusters: int,
    method: str,
    beta: float | None,
    m: float | None,
    restarts: int,
    seed: int,
) -> tuple[Any, Float[np.ndarray, "rows clusters"] | None, tuple[float, ...]]:
    """Return the model, its memberships, and what every start ended with, per row."""
    if method == "kmeans":
        from gradlab.cluster.kmeans import KMeans

        model = KMeans(n_clusters, n_init=restarts, random_state=seed).fit(x)
        memberships = None
    else:
        from gradlab.cluster.fuzzy import FuzzyKMeans

        form: dict[str, Any] = (
            {"form": "bezdek", "m": m} if m is not None else {"beta": 1.0 if beta is None else beta}
        )
        form |= {"n_init": restarts, "random_state": seed}
        model = FuzzyKMeans(n_clusters, **form).fit(x)
        memberships = np.asarray(model.memberships_)
    return model, memberships, tuple(float(value) / len(x) for value in model.restarts_)


def _largest_first(
    model: Any, memberships: Float[np.ndarray, "rows clusters"] | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Number the clusters by their size, so that the same ones have the same numbers."""
    n_clusters = len(model.cluster_centers_)
    sizes = np.bincount(model.labels_, minlength=n_clusters)
    order = np.argsort(-sizes, kind="stable")
    place = np.empty(n_clusters, np.int64)
    place[order] = np.arange(n_clusters)
    if memberships is not None:
        memberships = memberships[:, order]
    return place[model.labels_], np.asarray(model.cluster_centers_)[order], memberships


def _silhouettes(
    x: Float[np.ndarray, "sample columns"], labels: Int[np.ndarray, " sample"]
) -> Float[np.ndarray, " judged"]:
    """Return the silhouette of each row; none where all are in one cluster, or each in its own."""
    if not 2 <= len(np.unique(labels)) < len(labels):
        return np.zeros(0)
    from sklearn.metrics import silhouette_samples

    return np.asarray(silhouette_samples(x, labels), np.float64)


def _agreement(
    inputs: Inputs, labels: Int[np.ndarray, " rows"], n_clusters: int
) -> Agreement | None:
    if inputs.label_codes is None or not few_classes(inputs):
        return None
    from gradlab.metrics import adjusted_rand_index, normalized_mutual_information

    known = inputs.label_codes >= 0
    codes, own = inputs.label_codes[known], labels[known]
    counts = np.zeros((n_clusters, len(inputs.classes)), np.int64)
    np.add.at(counts, (own, codes), 1)
    return Agreement(
        column=inputs.data.label_name,
        adjusted_rand_index=adjusted_rand_index(codes, own),
        mutual_information=normalized_mutual_information(codes, own),
        classes=inputs.classes,
        counts=counts,
    )
