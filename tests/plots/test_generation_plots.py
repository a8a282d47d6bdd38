"""What the pictures of generation contain."""

import base64

import numpy as np
import pytest
from scipy.stats import norm

from gradlab.errors import DataError
from gradlab.generative.measures import nearest_neighbours
from gradlab.plots.adversarial_history import adversarial_history
from gradlab.plots.distributions import DistributionSnapshot, four_panels
from gradlab.plots.interpolation import interpolation_animation, interpolation_strip
from gradlab.plots.neighbours import neighbour_sheet
from gradlab.plots.sample_grid import sample_grid


def png_size(trace):
    """Return width and height that the header of the picture states."""
    header = base64.b64decode(trace.source.split(",", 1)[1])[16:24]
    return int.from_bytes(header[:4], "big"), int.from_bytes(header[4:], "big")


@pytest.mark.parametrize(("n", "columns", "size"), [(9, None, (39, 39)), (7, 4, (52, 26))])
def test_grid_has_a_tile_a_sample(n, columns, size, rng):
    figure = sample_grid(rng.uniform(size=(n, 12, 12, 1)), columns=columns)
    assert png_size(figure.data[0]) == size


@pytest.mark.catalogue("GEN-15")
def test_sheet_has_each_sample_above_its_nearest_real_image(rng):
    """Twenty-five samples of two kinds, grey and coloured, with the real one beside each."""
    for channels in (1, 3):
        data = rng.uniform(size=(80, 10, 10, channels))
        samples = np.clip(data[:25] + 0.2 * rng.normal(size=(25, 10, 10, channels)), 0, 1)
        found = nearest_neighbours(samples, data)
        assert found.index.tolist() == list(range(25))
        figure = neighbour_sheet(
            samples, data[found.index], found.distance, copies=found.is_copy, columns=10
        )
        # Three lines of ten pairs; a third of a tile of words below each pair.
        assert png_size(figure.data[0]) == (10 * 11, 3 * (2 * 11 + 3))
        words = [note.text for note in figure.layout.annotations]
        assert words == [f"{distance:.3g}" for distance in found.distance]
        same = sample_grid(np.concatenate([samples[:10], data[:10]]), columns=10)
        assert png_size(same.data[0]) == (110, 22)


def test_copies_are_named(rng):
    images = rng.uniform(size=(2, 4, 4, 1))
    figure = neighbour_sheet(images, images, np.zeros(2), copies=np.array([True, False]))
    assert [note.text for note in figure.layout.annotations] == ["copy, 0", "0"]


def test_way_as_strip_and_film(rng):
    way = rng.uniform(size=(5, 6, 6, 3))
    strip = interpolation_strip({"linear": way, "spherical": way})
    assert list(strip.layout.xaxis.ticktext) == ["0", "0.25", "0.5", "0.75", "1"]
    assert list(strip.layout.yaxis.ticktext) == ["linear", "spherical"]
    film = interpolation_animation(way)
    assert [frame.name for frame in film.frames] == ["0.00", "0.25", "0.50", "0.75", "1.00"]
    assert len({frame.data[0].source for frame in film.frames}) == 5
    several = interpolation_animation(np.stack([way, way, way], axis=1))
    assert png_size(several.frames[0].data[0]) == (14, 14)


def test_history_has_a_panel_for_each_measure():
    n = 20
    losses = {name: np.ones(n) for name in ("discriminator_loss", "generator_loss")}
    verdicts = {name: np.full(n, 0.5) for name in ("d_real", "d_fake")}
    plain = adversarial_history({**losses, **verdicts})
    assert [note.text for note in plain.layout.annotations] == ["Losses", "Verdicts"]
    seldom = np.where(np.arange(n) % 5 == 0, 1.0, np.nan)
    full = adversarial_history(
        {"step": np.arange(n), **losses, **verdicts, "diversity": seldom, "frechet": seldom}
    )
    assert len(full.layout.annotations) == 4
    assert len(full.data[4].x) == 4  # where it was measured
    with pytest.raises(DataError, match="missing: d_real, d_fake"):
        adversarial_history(losses)


def line_snapshot(mean, rng):
    places = np.linspace(-4, 6, 201)
    data, made = norm.pdf(places, 1, 1), norm.pdf(places, mean, 1)
    return DistributionSnapshot(
        f"mean {mean}",
        rng.normal(1, 1, 1000),
        rng.normal(mean, 1, 1000),
        places,
        data / (data + made),
    )


def test_four_panels_on_a_line(rng):
    figure = four_panels([line_snapshot(mean, rng) for mean in (3.0, 2.0, 1.5, 1.0)])
    assert [note.text for note in figure.layout.annotations] == [
        "mean 3.0",
        "mean 2.0",
        "mean 1.5",
        "mean 1.0",
    ]
    judge, dots, made = figure.data[:3]
    assert (judge.line.dash, judge.line.color) == ("dot", "#0072B2")
    assert dots.mode == "markers"
    assert (made.line.dash, made.line.color) == (None, "#009E73")
    assert made.x[np.argmax(made.y)] == pytest.approx(3, abs=0.4)
    assert dots.x[np.argmax(dots.y)] == pytest.approx(1, abs=0.4)
    # In the last panel, both densities are the same and D is a half.
    judge, dots, made = figure.data[9:]
    assert judge.y == pytest.approx(np.full(201, 0.5))
    assert max(abs(made.y - norm.pdf(made.x, 1, 1) / norm.pdf(0))) < 0.12


def test_four_panels_in_the_plane(rng):
    axis = np.linspace(-3, 3, 25)
    places = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    order = rng.permutation(len(places))
    snapshot = DistributionSnapshot(
        "step 1", rng.normal(size=(500, 2)), np.zeros((9, 2)), places[order], places[order, 0] / 9
    )
    figure = four_panels([snapshot] * 4)
    verdict = figure.data[0]
    assert verdict.z[3].tolist() == pytest.approx((axis / 9).tolist())
    # A collapsed generator is a peak as wide as the grid, not an error.
    assert [trace.line.color for trace in figure.data[2:5]] == ["#009E73"] * 3
    known = DistributionSnapshot(
        "known", snapshot.data, snapshot.generated, places, places[:, 0] / 9, None, np.ones(625)
    )
    four_panels([known])


def test_what_pictures_refuse(rng):
    images = rng.uniform(size=(3, 4, 4, 1))
    with pytest.raises(DataError, match="1 or 3 channels"):
        sample_grid(images[:, :, :, [0, 0]])
    with pytest.raises(DataError, match="neighbour of its own size"):
        neighbour_sheet(images, images[:2], np.zeros(3))
    with pytest.raises(DataError, match="of numbers, or all of points"):
        four_panels([])
    bad = DistributionSnapshot("x", images[:, 0, 0], images[:, 0, 0], rng.normal(size=(5, 2)),
                               np.zeros(5))  # fmt: skip
    with pytest.raises(DataError, match="all points of a grid"):
        four_panels([bad])
