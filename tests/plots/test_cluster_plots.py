"""What pictures of clusters contain."""

import base64

import numpy as np
import pytest

from gradlab.cluster.frames import kmeans_frames
from gradlab.cluster.segmentation import segment_colours
from gradlab.plots.choosing import (
    choice_figure,
    elbow_figure,
    gap_figure,
    silhouette_figure,
    silhouette_scores_figure,
)
from gradlab.plots.clusters import (
    clusters_figure,
    kmeans_frames_figure,
    memberships_figure,
    restart_histogram,
    restarts_figure,
)
from gradlab.plots.segmentation import segmentation_figure
from gradlab.plots.theme import PALETTE


def traces(figure, name):
    return [t for t in figure.data if t.name == name]


@pytest.fixture
def points(rng):
    return rng.normal(size=(40, 2)) + np.repeat([[0, 0], [7, 1]], 20, axis=0)


@pytest.mark.catalogue("PIC-49")
class TestPicturesOfKMeans:
    """Frames a to f of the real algorithm, and the segmentations of an image."""

    def test_frames_show_data_start_and_half_steps(self, points):
        frames = kmeans_frames(points, np.array([[2.0, -1.0], [3.0, 3.0]]), 6)
        figure = kmeans_frames_figure(points, frames)
        titles = [a.text for a in figure.layout.annotations]
        assert titles == [
            "a: data", "b: start", "c: assignment 1", "d: update 1", "e: assignment 2",
            "f: update 2",
        ]  # fmt: skip
        crosses = traces(figure, "centroid")
        assert len(crosses) == 5  # none on the data alone
        np.testing.assert_array_equal(crosses[0].x, [2.0, 3.0])
        np.testing.assert_array_equal(crosses[1].x, crosses[0].x)  # assignment moves no centroid
        assert (crosses[2].x != crosses[1].x).all()
        shown = [t for t in figure.data if t.xaxis == "x4" and t.name.startswith("group")]
        for trace, x, y in zip(shown, crosses[2].x, crosses[2].y, strict=True):
            assert (np.mean(trace.x), np.mean(trace.y)) == pytest.approx((x, y))  # means

    def test_segmentations_stand_beside_the_original(self, rng):
        image = rng.integers(0, 256, size=(20, 30, 3)).astype(np.uint8)
        found = segment_colours(image, (2, 3, 10))
        figure = segmentation_figure(image, found.images, found.palettes, found.counts)
        assert [a.text for a in figure.layout.annotations] == [
            "original", "K = 2", "K = 3", "K = 10",
        ]  # fmt: skip
        header = base64.b64decode(figure.data[0].source.split(",", 1)[1])[16:24]
        width, height = (int.from_bytes(header[i : i + 4], "big") for i in (0, 4))
        assert width == 2 * 30 + 12
        assert height > 2 * 20

    @pytest.mark.parametrize("shape", [(900, 30, 3), (6, 5), (6, 5, 1), (6, 5, 4)])
    def test_any_image_can_be_drawn(self, shape, rng):
        image = rng.integers(0, 256, size=shape).astype(np.uint8)
        found = segment_colours(image, (2,))
        assert segmentation_figure(image, found.images, found.palettes, found.counts).data


def test_groups_differ_in_colour_and_sign(points):
    labels = np.repeat([0, 1], 20)
    figure = clusters_figure(points, labels, np.array([[0.0, 0.0], [7.0, 1.0]]))
    first, second = traces(figure, "group 1")[0], traces(figure, "group 2")[0]
    assert first.marker.symbol != second.marker.symbol
    assert first.marker.color != second.marker.color
    np.testing.assert_array_equal(second.x, points[20:, 0])


def test_rows_between_groups_are_pale_and_grey():
    x = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]])
    shares = np.array([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
    figure = memberships_figure(x, shares, x[[0, 2]])
    first, second = traces(figure, "group 1")[0], traces(figure, "group 2")[0]
    sure = tuple(int(PALETTE[0][i : i + 2], 16) for i in (1, 3, 5))
    assert list(first.marker.color) == [f"rgb{sure}", "rgb(118, 118, 118)"]
    assert list(first.marker.opacity) == [1.0, 0.35]
    assert len(second.x) == 1


def test_restarts_stand_on_their_data(points):
    ends = {"a": [points[:2], points[2:4]], "b": [points[4:6]]}
    figure = restarts_figure({"a": points, "b": points}, ends)
    np.testing.assert_array_equal(traces(figure, "start 2")[0].x, points[2:4, 0])
    assert len(traces(figure, "start 1")) == 2
    assert [t.showlegend for t in traces(figure, "start 1")] == [True, False]


def test_a_histogram_counts_every_start_also_equal_ones():
    figure = restart_histogram({"k-means": np.array([1.0, 1.0, 2.0]), "fuzzy": np.array([1.0])})
    assert [t.name for t in figure.data] == ["k-means", "fuzzy"]
    assert restart_histogram({"same": np.full(3, 5.0)}).data[0].xbins.size > 0


class TestChoosing:
    def test_the_bend_is_marked_or_said_to_be_none(self):
        j = np.array([9.0, 5.0, 1.0, 0.9])
        clear, none = (elbow_figure((1, 2, 3, 4), j, 3, clear=c) for c in (True, False))
        for figure, words in ((clear, "bend at K = 3"), (none, "no clear bend")):
            (mark,) = traces(figure, "bend")
            assert (mark.x, mark.y, mark.text) == ((3,), (1.0,), (words,))
        assert traces(clear, "bend")[0].marker.color != traces(none, "bend")[0].marker.color

    def test_silhouettes_are_sorted_inside_their_group(self, rng):
        labels, samples = rng.integers(0, 3, 50), rng.uniform(-0.2, 0.9, 50)
        figure = silhouette_figure(samples, labels)
        for group in range(3):
            (bars,) = traces(figure, f"group {group + 1}")
            np.testing.assert_array_equal(bars.x, np.sort(samples[labels == group]))
        assert figure.layout.shapes[0].x0 == pytest.approx(samples.mean())
        many = silhouette_figure(rng.uniform(size=5000), rng.integers(0, 3, 5000))
        assert sum(len(t.x) for t in many.data) <= 603

    def test_curves_name_the_best_and_join(self):
        values, errors = np.array([0.1, 0.5, 0.4]), np.array([0.01, 0.02, 0.03])
        gap = gap_figure((1, 2, 3), values, errors, 2)
        np.testing.assert_array_equal(gap.data[0].error_y.array, errors)
        scores = silhouette_scores_figure((2, 3, 4), values)
        assert traces(scores, "best")[0].text == ("K = 3",)
        assert traces(gap, "best")[0].text == ("K = 2",)
        joined = choice_figure([scores, gap])
        assert len(joined.data) == 4
        assert [a.text for a in joined.layout.annotations] == ["Mean silhouette", "Gap statistic"]
