"""What the pictures of descent contain; the paths come from the product's own optimizers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.optim.optimizers import OPTIMIZERS
from gradlab.optim.surfaces import SURFACES, bowl, descend, saddle
from gradlab.plots.contours import path_panels_figure, paths_figure, race_figure
from gradlab.plots.curves import ball_figure, descent_panels_figure, descents_figure
from gradlab.plots.genealogy import genealogy_figure
from gradlab.plots.nesterov import nesterov_figure

WINDOW = (-10.0, 10.0, -5.0, 5.0)


def valley(x, y):
    return x**2 / 20 + y**2


def hyperbola(x, y):
    return x**2 - y**2


def path(name, steps=30, rate=None, start=(-7.0, 2.0), function=bowl, **settings):
    start = jnp.array(start)
    return np.asarray(descend(OPTIMIZERS[name], function, start, steps, rate, **settings))


def slide(function, start, rate, steps):
    """Gradient descent on a function of one variable."""
    points = [float(start)]
    for _ in range(steps):
        points.append(points[-1] - rate * float(jax.grad(function)(points[-1])))
    return np.array(points)


def trace(figure, name):
    return next(t for t in figure.data if t.name == name)


def points(drawn):
    return np.column_stack([drawn.x, drawn.y])


def parabola(w):
    return w**2


def two_wells(w):
    return (w**2 - 1) ** 2 / 4 - 0.15 * w


def heights_are_the_functions(figure, function):
    contours = trace(figure, "contours")
    expected = function(*np.meshgrid(contours.x, contours.y))
    np.testing.assert_allclose(np.array(contours.z), expected)


@pytest.mark.catalogue("PIC-06")
def test_four_optimizers_are_drawn_on_the_valley():
    rates = {"momentum": 0.1, "adagrad": 1.5, "rmsprop": 0.3, "adam": 0.3}
    paths = {name: path(name, rate=rate) for name, rate in rates.items()}
    figure = paths_figure(valley, paths, WINDOW, title="Four optimizers")
    for name, expected in paths.items():
        np.testing.assert_array_equal(points(trace(figure, name)), expected)
        assert valley(*expected[-1]) < valley(*expected[0])
    heights_are_the_functions(figure, valley)


@pytest.mark.catalogue("PIC-09")
def test_full_descent_and_its_noisy_kind_share_one_contour():
    paths = {"GD": path("sgd", rate=0.3), "SGD": path("sgd", rate=0.3, noise=1.0)}
    figure = paths_figure(valley, paths, WINDOW, title="GD and SGD")
    smooth, rough = (np.diff(points(trace(figure, name)), axis=0) for name in ("GD", "SGD"))
    assert (smooth[:, 0] > 0).all()  # always towards the minimum
    assert (rough[:, 0] < 0).any()


@pytest.mark.catalogue("PIC-10")
def test_the_path_across_an_anisotropic_valley_changes_sign_at_every_step():
    figure = paths_figure(valley, {"GD": path("sgd", rate=0.95)}, WINDOW, title="Zig-zag")
    y = points(trace(figure, "GD"))[:, 1]
    assert (np.diff(np.sign(y)) != 0).all()


@pytest.mark.catalogue("PIC-47")
def test_four_regimes_stand_in_one_coordinate_frame():
    paths = {
        "batch": path("sgd", rate=0.3),
        "stochastic": path("sgd", rate=0.3, noise=2.0),
        "mini-batch": path("sgd", rate=0.3, noise=0.5),
        "momentum": path("momentum", rate=0.1),
    }
    figure = path_panels_figure(valley, paths, WINDOW, title="Four regimes")
    assert [annotation.text for annotation in figure.layout.annotations] == list(paths)
    axes = {trace(figure, name).xaxis for name in paths}
    assert len(axes) == 4
    for name, expected in paths.items():
        np.testing.assert_array_equal(points(trace(figure, name)), expected)
    for axis in figure.select_xaxes():
        assert tuple(axis.range) == (-10, 10)


@pytest.mark.catalogue("PIC-07")
def test_seven_optimizers_race_on_a_valley_and_on_a_saddle():
    rates = {
        "sgd": 0.3,
        "momentum": 0.05,
        "nesterov": 0.05,
        "adagrad": 0.5,
        "rmsprop": 0.05,
        "adam": 0.1,
    }
    for name, window, f in (("bowl", WINDOW, valley), ("saddle", (-1.5, 1.5) * 2, hyperbola)):
        surface = SURFACES[name]
        paths = {
            kind: path(kind, 60, rate, surface.start, surface.function)
            for kind, rate in rates.items()
        }
        paths["SGD, noisy"] = path("sgd", 60, 0.3, surface.start, surface.function, noise=0.3)
        figure = race_figure(f, paths, window, title=name, frames=20)
        assert len(figure.data) == 1 + 7
        assert [frame.name for frame in figure.frames][-1] == "60"
        middle = figure.frames[10]
        step = int(middle.name)
        for drawn, expected in zip(middle.data, paths.values(), strict=True):
            np.testing.assert_array_equal(points(drawn), expected[: step + 1])
        slider = [step.label for step in figure.layout.sliders[0].steps]
        assert slider == [frame.name for frame in figure.frames]


@pytest.mark.catalogue("PIC-31")
def test_rmsprop_leaves_the_saddle_where_sgd_sticks():
    paths = {name: path(name, 40, 0.05, (1.0, 1e-3), saddle) for name in ("sgd", "rmsprop")}
    figure = race_figure(hyperbola, paths, (-1.5, 1.5, -1.5, 1.5), title="Saddle")
    ends = {name: points(trace(figure, name))[-1] for name in paths}
    assert abs(ends["sgd"][1]) < 0.1 < 1 < abs(ends["rmsprop"][1])
    assert len(figure.frames) == 30


@pytest.mark.catalogue("PIC-04")
def test_two_starts_end_in_two_minima():
    paths = {
        "from −1.6": slide(two_wells, -1.6, 0.2, 40),
        "from 1.7": slide(two_wells, 1.7, 0.2, 40),
    }
    figure = descents_figure(two_wells, paths, (-1.8, 1.8), title="Downhill")
    ends = [trace(figure, name).x[-1] for name in paths]
    np.testing.assert_allclose(ends, [-0.915, 1.068], atol=2e-3)
    for name, w in paths.items():
        np.testing.assert_allclose(trace(figure, name).y, two_wells(w))


@pytest.mark.catalogue("PIC-08")
def test_three_panels_show_the_weaknesses_of_gradient_descent():
    slow, wild = slide(parabola, 1.0, 0.02, 12), slide(parabola, 0.5, 1.05, 8)
    trapped, free = slide(two_wells, -1.6, 0.2, 40), slide(two_wells, 1.7, 0.2, 40)
    figure = descent_panels_figure(
        {
            "rate too small": (parabola, {"slow": slow}, (-1.3, 1.3)),
            "rate too large": (parabola, {"wild": wild}, (-1.3, 1.3)),
            "local minimum": (two_wells, {"trapped": trapped, "free": free}, (-1.8, 1.8)),
        },
        title="Weaknesses",
    )
    assert [annotation.text for annotation in figure.layout.annotations] == [
        "rate too small",
        "rate too large",
        "local minimum",
    ]
    assert trace(figure, "slow").y[-1] > 0.3
    assert (np.diff(trace(figure, "wild").y) > 0).all()
    assert trace(figure, "trapped").y[-1] > trace(figure, "free").y[-1] + 0.1


@pytest.mark.catalogue("PIC-29")
def test_three_rates_on_a_parabola_creep_arrive_and_swing():
    paths = {f"{rate}": slide(parabola, 1.0, rate, 10) for rate in (0.02, 0.4, 0.95)}
    figure = descents_figure(parabola, paths, (-1.2, 1.2), title="Learning rates")
    creep, arrive, swing = (np.array(trace(figure, name).x) for name in paths)
    assert creep[-1] > 0.6
    assert abs(arrive[-1]) < 1e-5
    assert (np.diff(np.sign(swing)) != 0).all()  # the pendulum


@pytest.mark.catalogue("PIC-30")
def test_the_balls_frames_add_momentum_and_gradient_to_the_movement():
    rate, momentum, w, v = 0.05, 0.9, -1.7, 0.0
    positions, velocities, gradients = [], [], []
    for _ in range(25):
        g = float(jax.grad(two_wells)(w))
        v = momentum * v - rate * g
        positions.append(w)
        velocities.append(v)
        gradients.append(g)
        w += v
    figure = ball_figure(
        two_wells,
        np.array(positions),
        np.array(velocities),
        np.array(gradients),
        (-2.0, 2.0),
        learning_rate=rate,
        momentum=momentum,
    )
    assert max(positions) > 0.5  # it rolls over the hill between the dips
    assert len(figure.frames) == 25
    for t, frame in enumerate(figure.frames):
        carried, push, movement = (np.diff(arrow.x)[0] for arrow in frame.data[:3])
        assert carried + push == pytest.approx(movement, abs=1e-12)
        ball = frame.data[3]
        assert ball.x[0] == positions[t]
        assert ball.name == f"ball: w = {positions[t]:.3f}, v = {velocities[t]:.3f}"
        if t + 1 < 25:
            assert ball.x[0] + movement == pytest.approx(positions[t + 1])


@pytest.mark.catalogue("PIC-48")
def test_nesterovs_gradient_stands_at_the_head_of_the_momentum_step():
    point, v, momentum, rate = np.array([-7.0, 2.0]), np.array([1.0, -2.0]), 0.9, 0.3

    def gradient(w):
        return np.asarray(jax.grad(bowl)(jnp.asarray(w)))

    carried = momentum * v
    figure = nesterov_figure(
        point, carried, -rate * gradient(point), -rate * gradient(point + carried)
    )
    steps = [points(t) for t in figure.data if t.name == "gradient step"]
    np.testing.assert_allclose(steps[0][0], point)
    np.testing.assert_allclose(steps[1][0], point + carried)
    actual = [points(t)[1] for t in figure.data if t.name == "actual step"]
    np.testing.assert_allclose(actual[0], point + carried - rate * gradient(point))
    np.testing.assert_allclose(actual[1], point + carried - rate * gradient(point + carried))
    assert not np.allclose(*actual)


@pytest.mark.catalogue("PIC-11")
def test_the_family_tree_has_the_axes_direction_and_size_and_every_descent():
    parents = {kind.name: kind.parents for kind in OPTIMIZERS.values()}
    changes = {kind.name: kind.changes for kind in OPTIMIZERS.values()}
    figure = genealogy_figure(parents, changes)
    place = {}
    for name in ("which direction", "how far", "both"):
        drawn = trace(figure, name)
        place |= dict(zip(drawn.text, points(drawn), strict=True))
    assert set(place) == set(parents)
    assert len({tuple(at) for at in place.values()}) == len(place)
    for child, of in parents.items():
        for parent in of:
            np.testing.assert_array_equal(
                points(trace(figure, f"{parent} → {child}")), [place[parent], place[child]]
            )
            assert place[child][1] < place[parent][1]  # below
    assert place["momentum"][0] < 1 < place["adagrad"][0]
    for name in ("nesterov", "momentum"):
        assert name in trace(figure, "which direction").text
    for name in ("adagrad", "rmsprop", "adadelta"):
        assert name in trace(figure, "how far").text
    assert "adam" in trace(figure, "both").text
