"""Pictures of the course, drawn from what is computed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.cluster import FuzzyKMeans
from gradlab.cluster.elbow import elbow
from gradlab.optim import OPTIMIZERS
from gradlab.optim.path_faults import cliff
from gradlab.optim.surfaces import SURFACES, descend
from gradlab.plots.choosing import elbow_figure
from gradlab.plots.clusters import memberships_figure
from gradlab.plots.contours import paths_figure
from gradlab.plots.curves import descents_figure
from gradlab.plots.fitted_line import fitted_line_figure


@pytest.mark.catalogue("PIC-50")
def test_the_elbow_is_marked_where_it_is_clear_and_said_to_be_none_in_a_cloud():
    rng = np.random.default_rng(0)
    groups = np.concatenate([rng.normal(c, 0.3, (60, 2)) for c in ((0, 0), (6, 0), (0, 6))])
    cloud = rng.normal(size=(180, 2))
    drawn = []
    for rows in (groups, cloud):
        found = elbow(rows, range(1, 7), random_state=0)
        figure = elbow_figure(
            found.ks, np.asarray(found.distortions), found.best, clear=found.clear
        )
        assert np.all(np.diff(figure.data[0].y) < 0), "J(K) falls"
        drawn.append(figure.data[1].text[0])
    assert drawn == ["bend at K = 3", "no clear bend"]


@pytest.mark.catalogue("PIC-51")
def test_memberships_are_pale_between_groups_that_touch_and_dark_in_groups_apart():
    rng = np.random.default_rng(1)

    def opacity(distance: float) -> float:
        rows = np.concatenate([rng.normal((c, 0), 1.0, (80, 2)) for c in (0.0, distance)])
        fuzzy = FuzzyKMeans(2, form="bezdek", random_state=0).fit(rows)
        figure = memberships_figure(rows, fuzzy.memberships_, fuzzy.cluster_centers_)
        return float(np.mean([v for trace in figure.data[:2] for v in trace.marker.opacity]))

    assert opacity(12.0) > 0.95
    assert opacity(1.0) < 0.8


@pytest.mark.catalogue("PIC-46")
def test_the_line_through_six_points_and_its_parabola():
    x = np.arange(6.0)
    y = np.array([0, 0.8, 2.2, 2.3, 4.3, 4.9])
    best = float(x @ y / (x @ x))
    assert best == pytest.approx(0.978182, abs=5e-7)
    line = fitted_line_figure(x, y, best, 0.0)
    points, fitted = line.data[0], line.data[1]
    np.testing.assert_allclose(points.y, y)
    np.testing.assert_allclose(fitted.y, best * np.asarray(fitted.x))

    def loss(w):
        return np.mean((y - np.multiply.outer(np.asarray(w), x)) ** 2, axis=-1)

    steps = [0.2]
    for _ in range(5):
        steps.append(steps[-1] + 0.01 * 2 * float(np.mean((y - steps[-1] * x) * x)))
    parabola = descents_figure(loss, {"gradient descent": np.array(steps)}, (0, 2), title="Loss")
    curve, path = parabola.data[0], parabola.data[1]
    spacing = np.diff(np.asarray(curve.x)).max()
    assert curve.x[int(np.argmin(curve.y))] == pytest.approx(best, abs=spacing)
    np.testing.assert_allclose(path.x[1:3], [0.342667, 0.459178], atol=5e-7)


def on_grid(function):
    """Return f(x, y), elementwise, of a function of a point."""

    def heights(x, y):
        points = jnp.stack([jnp.asarray(x), jnp.asarray(y)], axis=-1).reshape(-1, 2)
        return np.asarray(jax.vmap(function)(points)).reshape(x.shape)

    return heights


@pytest.mark.catalogue("PIC-59")
def test_four_surfaces_with_the_path_of_gradient_descent():
    surfaces = {
        "local minimum": (SURFACES["double_well"].function, (-1.8, 0.5), (-2, 2, -1, 1), 0.05),
        "plateau": (SURFACES["plateau"].function, (-3.0, 1.0), (-4, 4, -4, 4), 0.1),
        "saddle": (SURFACES["saddle"].function, (1.0, 1e-3), (-1.5, 1.5, -1.5, 1.5), 0.05),
        "cliff": (cliff, (0.1, 0.5), (-2, 2, -2, 2), 0.05),
    }
    ends = {}
    for name, (function, start, window, rate) in surfaces.items():
        path = np.asarray(descend(OPTIMIZERS["sgd"], function, jnp.array(start), 60, rate))
        heights = on_grid(function)
        figure = paths_figure(heights, {"SGD": path}, window, title=name)
        assert [trace.type for trace in figure.data] == ["contour", "scatter"]
        np.testing.assert_allclose(figure.data[1].x, path[:, 0])
        ends[name] = path
    assert ends["local minimum"][-1][0] < 0, "held in the shallower well"
    assert np.linalg.norm(ends["plateau"][-1] - ends["plateau"][0]) < 0.5, "hardly moves"
    assert abs(ends["saddle"][20][0]) < 0.2, "drawn to the saddle first"
    assert abs(ends["saddle"][-1][1]) > abs(ends["saddle"][20][1]), "and away from it then"
    steps = np.linalg.norm(np.diff(ends["cliff"], axis=0), axis=1)
    assert steps.max() > 20 * np.median(steps), "thrown by the cliff"
