"""What pictures of principal components contain."""

import base64

import numpy as np
import polars as pl
import pytest

from gradlab.errors import DataError
from gradlab.plots.biplot import biplot_figure
from gradlab.plots.compression import compressed_pictures_figure, compression_figure
from gradlab.plots.eigenfaces import eigenfaces_figure, face_reconstruction_figure
from gradlab.plots.principal_axes import principal_axes_figure
from gradlab.plots.scree import scree_figure


def png_size(trace):
    """Return width and height that the header of the picture states."""
    header = base64.b64decode(trace.source.split(",", 1)[1])[16:24]
    return int.from_bytes(header[:4], "big"), int.from_bytes(header[4:], "big")


@pytest.mark.catalogue("DIM-08")
class TestScree:
    """Falling bars and line of the eigenvalues' shares."""

    def test_bars_fall_and_the_sum_reaches_the_share(self):
        shares = np.array([0.5, 0.25, 0.15, 0.1])
        figure = scree_figure(shares, eigenvalues=10 * shares, bend=2)
        bars, line, total, reached, bend = figure.data
        assert bars.type == "bar"
        np.testing.assert_allclose(bars.y, shares)
        np.testing.assert_allclose(line.y, shares)
        assert (np.diff(bars.y) < 0).all()
        np.testing.assert_allclose(total.y, np.cumsum(shares))
        assert (reached.x[0], reached.y[0]) == (2, 0.75)
        assert (bend.x[0], bend.y[0]) == (2, 0.25)
        assert figure.layout.shapes[0].y0 == 0.7
        assert figure.layout.title.text == "Scree plot: 70% with 2, bend at 2"

    def test_many_are_cut_and_it_says_so(self):
        shares = np.full(200, 1 / 200)
        figure = scree_figure(shares, most=50)
        assert len(figure.data[0].x) == 50
        assert figure.layout.xaxis.title.text == "component (first 50 of 200)"
        assert "70% with 140" in figure.layout.title.text
        assert len(figure.data) == 3  # the mark lies beyond the page

    def test_without_share_or_components(self):
        assert not scree_figure(np.ones(1), share=None).layout.shapes
        with pytest.raises(DataError, match="at least one component"):
            scree_figure(np.zeros(0))


class TestBiplot:
    """Points, arrows and their names."""

    def test_arrows_point_along_loadings(self, rng):
        scores, loadings = rng.normal(size=(30, 3)), np.eye(3)[:, [0, 1]]
        figure = biplot_figure(scores, loadings, ["a", "b"], contribution=np.array([0.6, 0.3, 0.1]))
        arrows = [a for a in figure.layout.annotations if a.showarrow]
        assert [np.sign([a.x, a.y]).tolist() for a in arrows] == [[1, 0], [0, 1]]
        assert [a.text for a in figure.layout.annotations if not a.showarrow] == ["a", "b"]
        assert figure.layout.xaxis.title.text == "component 1 (60.0%)"

    def test_classes_have_colours_and_only_the_longest_arrows_are_drawn(self, rng):
        scores, loadings = rng.normal(size=(30, 2)), rng.normal(size=(2, 40))
        labels = np.repeat(["x", "y", "z"], 10)
        figure = biplot_figure(scores, loadings, list(map(str, range(40))), labels=labels)
        assert [t.name for t in figure.data[:3]] == ["x", "y", "z"]
        assert sum(bool(a.showarrow) for a in figure.layout.annotations) == 10
        assert figure.layout.title.text == "Biplot: the 10 longest of 40 arrows"

    def test_names_do_not_cover_each_other(self, rng):
        loadings = np.array([[1.0, 0.99, 0.98], [1.0, 1.0, 1.0]])
        figure = biplot_figure(rng.normal(size=(30, 2)), loadings, ["one", "two", "a" * 30])
        assert [a.text for a in figure.layout.annotations if not a.showarrow] == ["one"]
        alone = biplot_figure(rng.normal(size=(30, 2)), loadings[:, 2:], ["a" * 30])
        assert alone.layout.annotations[-1].text == "a" * 13 + "…"

    def test_bad_input(self, rng):
        with pytest.raises(DataError, match="components 1 and 2 needs both; got 1"):
            biplot_figure(rng.normal(size=(30, 1)), np.ones((1, 4)), list("abcd"))
        with pytest.raises(DataError, match="expected 4 names of features; got 1"):
            biplot_figure(rng.normal(size=(30, 2)), np.ones((2, 4)), ["a"])


@pytest.mark.catalogue("PIC-53")
class TestPictures:
    """Axes, projection, eigenfaces, compression (the scree plot and the table have their own)."""

    def test_projections_lie_on_the_first_axis(self, rng):
        points = rng.normal(size=(400, 2)) @ np.array([[2.0, 1.0], [0.0, 0.5]])
        mean = points.mean(axis=0)
        variances, vectors = np.linalg.eigh(np.cov(points.T))
        axes = vectors.T[::-1]
        figure = principal_axes_figure(points, mean, axes, variances[::-1])
        lost, cloud, feet, first, second = figure.data
        away = np.stack([feet.x, feet.y], axis=1) - mean
        np.testing.assert_allclose(away @ axes[1], 0, atol=1e-12)
        assert len(cloud.x) == 400
        assert len(lost.x) == 3 * 150
        assert first.name.startswith("e₁")
        length = np.hypot(first.x[1] - first.x[0], first.y[1] - first.y[0])
        assert length == pytest.approx(2 * np.sqrt(variances[1]))
        assert second.name.startswith("e₂")
        with pytest.raises(DataError, match="needs points"):
            principal_axes_figure(points[:0], mean, axes, variances)

    @pytest.mark.parametrize("channels", [(), (3,)])
    def test_a_sheet_of_the_mean_and_the_eigenfaces(self, channels, rng):
        faces = rng.uniform(size=(7, 12, 12, *channels))
        figure = eigenfaces_figure(faces[0], faces, contribution=np.full(7, 0.1), columns=4)
        assert png_size(figure.data[0]) == (4 * 13, 2 * (13 + 3))
        words = [a.text for a in figure.layout.annotations]
        assert words[:2] == ["mean", "1: 10.0%"]
        assert len(words) == 8
        with pytest.raises(DataError, match="the mean face has shape"):
            eigenfaces_figure(faces[0, :5], faces)

    def test_faces_from_more_and_more_eigenfaces(self, rng):
        faces = rng.normal(size=(3, 12, 12))
        figure = face_reconstruction_figure(faces, {5: faces, 0: 0 * faces})
        assert list(figure.layout.xaxis.ticktext) == ["0", "5", "face"]
        assert list(figure.layout.yaxis.ticktext) == ["face 1", "face 2", "face 3"]

    def test_quality_over_size(self):
        table = pl.DataFrame(
            {
                "components": [1, 2, 3],
                "bytes": [1000, 2000, 3000],
                "psnr": [20.0, 30.0, np.inf],
                "ssim": [0.5, 0.9, 1.0],
            }
        )
        figure = compression_figure({"lines": table, "blocks": table})
        assert [t.name for t in figure.data] == ["lines", "lines", "blocks", "blocks"]
        assert list(figure.data[0].x) == [
            1,
            2,
        ]  # the infinite PSNR of the whole picture is left out
        assert list(figure.data[1].y) == [0.5, 0.9, 1.0]
        picture = np.zeros((20, 30, 3), np.uint8)
        sheet = compressed_pictures_figure(picture, dict.fromkeys((1, 2, 3), picture), table)
        assert len(sheet.data) == 4
        assert {png_size(trace) for trace in sheet.data} == {(30, 20)}
        titles = [a.text for a in sheet.layout.annotations]
        assert titles[0] == "1 component<br>1 kB, 20.0 dB"
        assert titles[-1] == "original<br>1.8 kB"
