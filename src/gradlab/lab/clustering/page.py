"""The report of a clustering."""

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from gradlab import report
from gradlab.lab.analysis import page_parts
from gradlab.lab.analysis.inputs import in_own_units
from gradlab.report.figures import drawn

if TYPE_CHECKING:
    from gradlab.lab.clustering.study import ClusterStudy

LISTED_COLUMNS = 30
LISTED_CLUSTERS = 12
MOST_CLASSES = 20
MARKS_IN_ANSWER = 4


def page_of(study: "ClusterStudy") -> report.PageContents:
    """Return everything that the report of a clustering shows."""
    inputs, name = study.inputs, study.inputs.data.name
    sections = (_how_many(study), _map(study), _marks(study), _agreement(study), _starts(study))
    n = study.n_clusters
    return page_parts.contents(
        title=f"{n} cluster{'s' * (n != 1)} in {name}",
        kicker="Clustering",
        question=f"Which {'pictures' if inputs.image_shape else 'rows'} of {name} are alike"
        + (", and into how many clusters do they fall?" if study.choice else "?"),
        facts=(
            ("Data", name),
            ("Size", page_parts.size(inputs)),
            ("Method", "fuzzy k-means" if study.method == "fuzzy" else "k-means"),
            ("Scaling", inputs.scaling),
            ("Judged by", inputs.data.label_name if study.agreement else ""),
        ),
        answer=_answer(study),
        card=report.Card(
            "Clusters",
            str(n),
            "chosen" if study.choice and study.choice.best == n else "",
            tuple(
                (f"cluster {i + 1}", f"{size:,} rows ({size / inputs.n_rows:.0%})")
                for i, size in enumerate(study.sizes[:LISTED_CLUSTERS])
            ),
        ),
        sections=tuple(section for section in sections if section),
        method=_method(study),
        notes=inputs.notes,
        files=(
            ("labels.csv", "The cluster of every row, its distance to the centroid, and more"),
            ("centers.csv", "The centroids, in the units of the columns"),
            ("results.json", "All results, for machines"),
        ),
        command=study.command,
    )


def _answer(study: "ClusterStudy") -> tuple[str, ...]:
    """Return what to conclude, with the marks of few clusters; the others stand below."""
    marks = study.marks[:MARKS_IN_ANSWER]
    return (study.headline, *study.certainty, *study.about_starts, *marks)


def _how_many(study: "ClusterStudy") -> report.Section | None:
    choice = study.choice
    if choice is None:
        return None
    from gradlab.plots.choosing import elbow_figure, gap_figure, silhouette_scores_figure

    elbow, silhouettes, gap = choice.elbow, choice.silhouettes, choice.gap
    parts: list[report.Part] = [
        report.plot(
            "elbow",
            elbow_figure(elbow.ks, elbow.distortions, elbow.best, clear=elbow.clear),
            title="Elbow: distortion by number of clusters",
            description="Falling line of the distortion by number of clusters.",
            how_to_read=(
                "More clusters always lie nearer to their rows. Where the line bends, further "
                "ones stop paying."
            ),
            table=report.Table(
                "Distortion by number of clusters",
                ("clusters", "distortion"),
                list(zip(map(int, elbow.ks), map(float, elbow.distortions), strict=True)),
            ),
        ),
        report.plot(
            "silhouettes",
            silhouette_scores_figure(silhouettes.ks, silhouettes.scores),
            title="Mean silhouette by number of clusters",
            description="Line of the mean silhouette by number of clusters.",
            how_to_read=(
                "1: every row lies far nearer to its own cluster than to the next; 0: between the "
                "two. The highest is best; below 0.25 there is hardly any gap."
            ),
            table=report.Table(
                "Mean silhouette by number of clusters",
                ("clusters", "silhouette"),
                list(zip(map(int, silhouettes.ks), map(float, silhouettes.scores), strict=True)),
            ),
        ),
        report.plot(
            "gap",
            gap_figure(gap.ks, gap.gaps, gap.errors, gap.best),
            title="Gap statistic by number of clusters",
            description="Line of the gap statistic with its standard errors.",
            how_to_read=(
                "How much better the rows fall into clusters than rows spread evenly. The first K "
                "that the next does not exceed is advised; that may be 1, no clusters at all."
            ),
            table=report.Table(
                "Gap statistic by number of clusters",
                ("clusters", "gap", "standard error"),
                [
                    (int(k), float(value), float(error))
                    for k, value, error in zip(gap.ks, gap.gaps, gap.errors, strict=True)
                ],
            ),
        ),
    ]
    return report.Section("How many clusters", choice.sentences, tuple(parts))


def _map(study: "ClusterStudy") -> report.Section | None:
    x = study.inputs.x
    if min(x.shape) < 2:
        return _strip(study)
    from gradlab.decomposition.pca import PCA
    from gradlab.plots.choosing import silhouette_figure
    from gradlab.plots.clusters import clusters_figure, memberships_figure

    pca = PCA(2, random_state=0).fit(x)
    shares = [f"component {i + 1} ({share:.0%})" for i, share in enumerate(pca.contribution_)]
    rows = page_parts.drawn_rows(study.inputs.n_rows)
    plane, centers = pca.transform(x[rows]), pca.transform(study.centers.astype(x.dtype))
    names = (shares[0], shares[1])
    if study.memberships is None:
        figure = clusters_figure(plane, study.labels[rows], centers, names=names)
    else:
        figure = memberships_figure(plane, study.memberships[rows], centers, names=names)
    figure.for_each_trace(_called_clusters)
    parts: list[report.Part] = [
        report.plot(
            "map",
            figure,
            title="The rows on their first two principal components",
            description="Scatter plot of the rows in the colours of their clusters.",
            how_to_read=(
                "A flat picture of many columns: it shows "
                f"{float(pca.contribution_.sum()):.0%} of the variance, so clusters that overlap "
                "here may lie apart in the rest. Crosses are centroids."
                + (" Pale points belong to several clusters." if study.memberships is not None
                   else "")
            ),
            note=page_parts.drawn_note(study.inputs.n_rows),
            height=460,
        )
    ]  # fmt: skip
    if len(study.silhouettes):
        figure = silhouette_figure(study.silhouettes, study.labels[study.sample])
        figure.for_each_trace(_called_clusters)
        figure.update_yaxes(title="cluster")
        parts.append(
            report.plot(
                "silhouette",
                figure,
                title="Silhouette of every row, by cluster",
                description="Sorted bars of silhouettes in each cluster.",
                how_to_read=(
                    "Long bars: rows well inside their cluster. Bars near 0 lie between two "
                    "clusters; those below 0 are nearer to another one."
                ),
                note=""
                if len(study.sample) == study.inputs.n_rows
                else f"Taken on {len(study.sample):,} rows drawn at random.",
                height=460,
            )
        )
    listing = report.Listing(
        "clusters", page_parts.table("The clusters", study.clusters_table(), most=50)
    )
    return report.Section("The clusters", (), (*parts, listing))


def _called_clusters(trace) -> None:
    name = str(trace.name or "")
    if name.startswith("group"):
        trace.update(name=name.replace("group", "cluster"), showlegend=True)


def _strip(study: "ClusterStudy") -> report.Section:
    """Return the section of rows that have one column only, without a map."""
    listing = report.Listing("clusters", page_parts.table("The clusters", study.clusters_table()))
    return report.Section("The clusters", (), (listing,))


def _marks(study: "ClusterStudy") -> report.Section:
    shape = study.inputs.image_shape
    if shape is not None:
        own = in_own_units(study.inputs, study.centers)
        low, high = float(own.min()), float(own.max())
        pictures = tuple(
            report.picture(
                np.round(255 * (center - low) / max(high - low, 1e-12)).astype(np.uint8)
                .reshape(shape),
                f"cluster {i + 1}: {size:,}",
                f"Mean picture of cluster {i + 1}, {size:,} pictures",
            )
            for i, (center, size) in enumerate(zip(own, study.sizes, strict=True))
        )  # fmt: skip
        gallery = report.Gallery(
            "The mean picture of each cluster, and how many pictures it holds",
            pictures,
            how_to_read="Sharp means: the pictures of a cluster are alike. Blurred: they differ.",
            column=96,
            pixelated=True,
        )
        return report.Section("What marks them", (), (gallery,))
    k = min(study.n_clusters, LISTED_CLUSTERS)
    rows = [
        (
            profile.column + (" (share of rows)" if profile.is_share else ""),
            100 * profile.told_apart,
            profile.overall,
            *profile.means[:k],
        )
        for profile in study.profiles
    ]
    columns = ("column", "told apart (%)", "all rows", *(f"cluster {i + 1}" for i in range(k)))
    frame = pl.DataFrame(rows, schema=list(columns), orient="row", strict=False)
    parts: list[report.Part] = [
        report.Listing(
            "profiles",
            page_parts.table(
                "Mean of each column in each cluster, in its own unit", frame, most=LISTED_COLUMNS
            ),
            "Columns that tell the clusters apart best come first: the share of a column's "
            "variance that lies between clusters. Near 0 %: the column has nothing to do with "
            "them.",
        )
    ]
    if study.n_clusters > 1:
        parts.insert(0, _away(study, k))
    return report.Section("What marks them", study.marks, tuple(parts))


def _away(study: "ClusterStudy", k: int) -> report.Plot:
    from gradlab.plots.loadings import loadings_figure

    shown = study.profiles[:LISTED_COLUMNS]
    figure = loadings_figure(
        np.array([profile.away[:k] for profile in shown]),
        [drawn(profile.column) for profile in shown],
        [f"cluster {i + 1}" for i in range(k)],
        most=15,
    )
    return report.plot(
        "away",
        figure,
        title="How far each cluster lies from the mean of all rows, in standard deviations",
        description="Table of colours: distance of each cluster's mean by column.",
        how_to_read="Blue: the cluster lies high in that column; red: low; pale: as all rows do.",
        note="The 15 columns that tell most apart." if len(study.profiles) > 15 else "",
        wide=True,
    )


def _agreement(study: "ClusterStudy") -> report.Section | None:
    found = study.agreement
    if found is None:
        return None
    parts: tuple[report.Part, ...] = ()
    if len(found.classes) <= MOST_CLASSES:
        rows = [(f"cluster {i + 1}", *map(int, counts)) for i, counts in enumerate(found.counts)]
        listed = report.Table(
            f"Rows of each cluster by {found.column}", ("cluster", *found.classes), rows
        )
        parts = (
            report.Listing(
                "agreement",
                listed,
                "One large number in a line: the cluster holds one kind. One large number in a "
                "column: the kind lies in one cluster.",
            ),
        )
    return report.Section(f"Against {found.column}", (found.sentence,), parts)


def _starts(study: "ClusterStudy") -> report.Section | None:
    if len(study.restarts) < 2:
        return None
    best = min(study.restarts)
    rows = [
        (i + 1, value, 100 * (value / best - 1) if best > 0 else 0.0)
        for i, value in enumerate(study.restarts)
    ]
    listing = report.Listing(
        "starts",
        report.Table(
            "What each start ended with", ("start", "minimised, per row", "over the best (%)"), rows
        ),
        "k-means searches from a start and may end in a worse place. Starts that end alike make "
        "the result trustworthy.",
    )
    return report.Section("Other starts", study.about_starts, (listing,))


def _method(study: "ClusterStudy") -> tuple[report.MethodItem, ...]:
    settings = study.settings
    how = (
        f"k-means from {settings['restarts']} k-means++ starts, the best of which is kept; "
        f"{study.n_iter} iterations."
    )
    if study.method == "fuzzy":
        form = (
            f"Bezdek's form, m = {settings['m']:g}"
            if settings["m"] is not None
            else f"softmax form, β = {1.0 if settings['beta'] is None else settings['beta']:g}"
        )
        how = f"Fuzzy k-means, {form}, from {settings['restarts']} starts."
    items = [report.MethodItem("Clusters", how)]
    if study.choice is not None:
        items.append(
            report.MethodItem(
                "Number of clusters",
                "Elbow of the distortion, mean silhouette and gap statistic, each of k-means; on "
                "at most 5,000 rows. What most of them advise is taken.",
            )
        )
    items.append(report.MethodItem("Seed", str(settings["seed"])))
    items.append(report.MethodItem("Time", f"{study.seconds:.1f} s"))
    return tuple(items)
