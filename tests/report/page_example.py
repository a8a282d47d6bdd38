"""Contents of a page of any analysis, made up from a seed."""

import numpy as np
import plotly.graph_objects as go

from gradlab.plots.theme import apply_theme
from gradlab.report import (
    Card,
    Gallery,
    Listing,
    MethodItem,
    PageContents,
    Section,
    Table,
    grey_levels,
    picture,
    plot,
)


def scatter(name: str = "cluster") -> go.Figure:
    rng = np.random.default_rng(0)
    clouds = rng.normal(size=(3, 2, 50))
    figure = go.Figure(
        [
            go.Scatter(x=x, y=y, mode="markers", name=f"{name} {i}")
            for i, (x, y) in enumerate(clouds)
        ]
    )
    figure.update_layout(title="Clusters on two components")
    figure.update_xaxes(title="component 1")
    return apply_theme(figure)


def heatmap() -> go.Figure:
    figure = go.Figure(go.Heatmap(z=np.arange(9.0).reshape(3, 3), colorscale="Cividis"))
    return apply_theme(figure.update_layout(title="Correlations", height=300))


def page_example(said: str = "", title: str = "3 clusters in iris") -> PageContents:
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (40, 60, 3)).astype(np.uint8)
    face = grey_levels(rng.normal(size=(8, 8)))
    rows = [(f"PC{i} {said}".strip(), 4.2 / (i + 1) ** 2, 72.9624472 / (i + 1), 1000 * i)
            for i in range(4)]  # fmt: skip
    table = Table(f"Contributions {said}", ("Component", "Eigenvalue", "Share (%)", "n"), rows)
    return PageContents(
        title=title,
        kicker="Clustering",
        question=f"Which rows of iris are alike? {said}",
        facts=(("Data", f"iris {said}"), ("Size", "150 rows")),
        answer=(f"3 clusters. {said}", "The second sentence."),
        command=f"gradlab cluster iris --k 3 {said}",
        card=Card(f"Clusters {said}", "3", f"of 2 to 10 {said}", ((f"a {said}", "50"),)),
        sections=(
            Section(
                f"How many clusters {said}",
                (f"The elbow is at 3. {said}",),
                (
                    plot("scatter", scatter(), title=f"Clusters {said}", description=f"A {said}",
                         how_to_read=f"Near is alike. {said}", note=f"All drawn. {said}"),
                    plot("heat", heatmap(), title="Correlations", description="Heatmap",
                         table=table),
                    plot("wide", scatter(), title="Once more", description="Points", wide=True),
                    Listing("contributions", table, f"Down to 70 %. {said}"),
                ),
                quiet=f"A remark. {said}",
            ),
            Section(
                "Pictures",
                parts=(
                    Gallery(f"Photos {said}", (picture(photo, f"original {said}", f"A {said}"),)),
                    Gallery("Faces", (picture(face, "face 1"),) * 5, column=60, pixelated=True),
                ),
            ),
            Section("Words only", ("Nothing to see.",)),
        ),
        method=(MethodItem("Scaling", f"standard {said}"),),
        notes=(f"A note. {said}",),
        files=((f"labels.csv {said}", f"A label a row. {said}"),),
        versions=((f"gradlab {said}", "0.1"),),
        machine=f"Linux {said}",
        created=f"today {said}",
    )  # fmt: skip
