"""What the pictures of perceptrons and networks contain."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.nn.perceptron import (
    OR,
    WEATHER,
    XOR,
    XOR_HIDDEN,
    XOR_OUTPUT,
    build_network,
    grid,
    is_linearly_separable,
    learning_rule,
    parallel_perceptrons,
    perceptron,
    region_map,
    three_outputs,
)
from gradlab.plots.network import (
    dropout_figure,
    layers_figure,
    network_figure,
    symmetry_figure,
)
from gradlab.plots.partition import partition_figure
from gradlab.plots.perceptron import perceptron_figure, separability_figure
from gradlab.plots.points import boundary_line, formula, upper_side
from gradlab.plots.regions import corners_figure, regions_figure
from gradlab.plots.weather import learning_table_figure, three_outputs_figure
from gradlab.plots.xor import xor_figure

OR_UNIT = np.array([1.0, 1.0]), -0.5
LINES = np.array([[1.0, -1.0, 0.0], [0.5, 0.5, 1.0]]), np.array([0.0, 0.6, -0.4])


def traces(figure, name, column=None):
    axis = {None: None, 1: "x", 2: "x2", 3: "x3"}[column]
    return [t for t in figure.data if t.name == name and (axis is None or t.xaxis == axis)]


def points(trace):
    return np.column_stack([trace.x, trace.y]).astype(float)


def text_of(figure):
    return [annotation.text for annotation in figure.layout.annotations]


@pytest.mark.catalogue("PIC-17", "MLP-06")
def test_the_or_picture_has_the_points_the_step_and_the_line_with_signs_right():
    figure = perceptron_figure(OR.inputs, OR.labels, *OR_UNIT)
    assert "x₁ + x₂ − 0.5 = 0" in text_of(figure)
    (line,) = traces(figure, "boundary")
    ends = points(line)
    np.testing.assert_allclose(ends @ OR_UNIT[0] + OR_UNIT[1], 0, atol=1e-12)
    assert np.linalg.norm(ends[1] - ends[0]) > 1  # it crosses the picture
    np.testing.assert_array_equal(points(*traces(figure, "target -1", 2)), [[0, 0]])
    np.testing.assert_array_equal(points(*traces(figure, "target 1", 2)), OR.inputs[1:])
    assert (perceptron(OR.inputs[1:], *OR_UNIT) == 1).all()
    assert perceptron(OR.inputs[:1], *OR_UNIT) == 0
    on_step = np.vstack([points(*traces(figure, f"target {t}", 1)) for t in (-1, 1)])
    np.testing.assert_array_equal(on_step, [[-0.5, -1], [0.5, 1], [0.5, 1], [1.5, 1]])


@pytest.mark.parametrize("unit", [OR_UNIT, (np.array([-1.0, 0.5]), 0.2), (np.array([0.0, 1.0]), 9)])
def test_the_shade_lies_where_the_answer_is_the_upper_one(unit):
    window = (-2.0, 2.0)
    corners = points(upper_side(*unit, window, window))
    assert (corners @ unit[0] + unit[1] >= -1e-12).all()
    # By its area: the share of a grid that the perceptron answers with 1.
    x, y = corners.T
    area = abs(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))) / 2
    share = perceptron(grid(window, window, 400).reshape(-1, 2), *unit).mean()
    assert area / 16 == pytest.approx(share, abs=0.01)


def test_a_formula_is_written_as_one_reads_it():
    assert formula(np.array([0.46, 0.48]), -0.5) == "0.46x₁ + 0.48x₂ − 0.5 = 0"
    assert formula(np.array([-1.0, 1.0]), 0.0, "z") == "−z₁ + z₂ = 0"
    assert formula(np.array([0.0, 2.0]), 1.5) == "2x₂ + 1.5 = 0"


@pytest.mark.catalogue("PIC-18")
def test_or_is_drawn_as_separable_and_xor_as_not():
    figure = separability_figure({"OR": OR, "XOR": XOR})
    assert text_of(figure) == ["OR: separable", "XOR: not separable"]
    assert len(traces(figure, "100% right", 1)) == 1
    assert len(traces(figure, "75% right", 2)) == 1
    for column, table in ((1, OR), (2, XOR)):
        for value in (0, 1):
            np.testing.assert_array_equal(
                points(*traces(figure, f"class {value}", column)),
                table.inputs[table.labels == value],
            )


@pytest.mark.catalogue("PIC-19", "MLP-11")
def test_the_xor_picture_has_two_lines_the_mapped_points_and_the_third_line():
    figure = xor_figure()
    for i, name in enumerate("①②"):
        ends = points(*traces(figure, name, 1))
        np.testing.assert_allclose(ends @ XOR_HIDDEN[0][:, i] + XOR_HIDDEN[1][i], 0, atol=1e-9)
    ends = points(*traces(figure, "③", 2))
    np.testing.assert_allclose(ends @ XOR_OUTPUT[0] + XOR_OUTPUT[1], 0, atol=1e-9)
    z = parallel_perceptrons(XOR.inputs, *XOR_HIDDEN)
    for value in (0, 1):
        name = f"XOR = {value}"
        mine = XOR.labels == value
        np.testing.assert_array_equal(points(*traces(figure, name, 1)), XOR.inputs[mine])
        np.testing.assert_array_equal(points(*traces(figure, name, 2)), z[mine])
    assert len(np.unique(z, axis=0)) == 3  # the mapped points, and they can be parted
    assert is_linearly_separable(z, XOR.labels)
    assert not is_linearly_separable(*XOR)
    (nodes,) = traces(figure, "node", 3)
    assert list(nodes.hovertext) == ["x1", "x2", "①", "②", "③"]


@pytest.mark.catalogue("PIC-20")
def test_seven_regions_carry_their_corners_and_one_corner_of_the_cube_stays_empty():
    figure = regions_figure(*LINES, (-2, 2), (-2, 2))
    (labels,) = traces(figure, "answers")
    places = points(labels)
    answers = parallel_perceptrons(places, *LINES, coding="binary")
    assert ["".join(map(str, row)) for row in answers] == list(labels.text)
    assert len(set(labels.text)) == 7
    assert sum(trace.name.startswith("line") for trace in figure.data) == 3
    cube = corners_figure(region_map(*LINES, grid((-2, 2), (-2, 2)))[1])
    (used,), (empty,) = traces(cube, "region"), traces(cube, "no region")
    assert set(used.text) == set(labels.text)
    assert set(used.text).isdisjoint(empty.text)
    assert len(used.text) + len(empty.text) == 8
    corner = np.column_stack([used.x, used.y, used.z])
    assert ["".join(map(str, row)) for row in corner] == list(used.text)


@pytest.mark.catalogue("PIC-21", "MLP-17")
def test_the_hard_map_is_crisp_and_the_soft_map_graded():
    figure = partition_figure(*OR_UNIT, (-0.5, 1.5), (-0.5, 1.5))
    hard, soft = (np.array(traces(figure, name)[0].z) for name in ("hard", "soft"))
    assert set(np.unique(hard)) == {0, 1}
    assert len(np.unique(soft.round(6))) > 100
    np.testing.assert_array_equal(soft >= 0.5, hard == 1)


@pytest.mark.catalogue("PIC-16")
def test_networks_are_drawn_from_their_description(rng):
    titles = {}
    for widths, recurrent in (
        ((2, 1), False),
        ((2, 3, 1), False),
        ((2, 3, 3, 1), False),
        ((2, 3, 1), True),
    ):
        network = build_network(widths, rng, recurrent=recurrent)
        figure = network_figure(network)
        titles[widths, recurrent] = figure.layout.title.text
        (nodes,) = traces(figure, "node")
        place = dict(zip(nodes.hovertext, points(nodes), strict=True))
        assert len(place) == sum(widths) == len({tuple(p) for p in place.values()})
        (drawn,) = traces(figure, "connection")
        ends = {
            (tuple(drawn_points[0]), tuple(drawn_points[2]))
            for drawn_points in np.array(
                [p for p in zip(drawn.x, drawn.y, strict=True) if None not in p]
            ).reshape(-1, 3, 2)
        }
        assert ends == {
            (tuple(place[e.source]), tuple(place[e.target])) for e in network.edges if not e.delayed
        }
        assert bool(traces(figure, "delayed")) == recurrent
    assert titles == {
        ((2, 1), False): "Feed-forward, no hidden layer",
        ((2, 3, 1), False): "Feed-forward, shallow: 1 hidden layer",
        ((2, 3, 3, 1), False): "Feed-forward, deep: 2 hidden layers",
        ((2, 3, 1), True): "Recurrent, shallow: 1 hidden layer",
    }


def test_a_big_network_is_drawn_with_dots_and_its_true_widths():
    figure = layers_figure((256, 100, 26))
    assert figure.layout.title.text == "256 – 100 – 26"
    assert text_of(figure) == ["input<br>256", "hidden 1<br>100", "output<br>26"]
    assert len(traces(figure, "kept")[0].x) == 18
    assert list(traces(figure, "more nodes")[0].text) == ["⋮"] * 3


@pytest.mark.catalogue("PIC-14")
def test_the_thinned_network_lacks_the_nodes_that_the_dropout_layer_removed():
    from gradlab.nn.noise import Dropout
    from gradlab.nn.random import row_key

    widths = (4, 6, 2)
    key = row_key(seed=1, step=0, rows=jnp.array([0]))
    dropped, _ = Dropout(rate=0.5)(jnp.ones((1, 6)), (), key=key, training=True)
    mask = np.asarray(dropped[0] != 0)
    assert 0 < mask.sum() < 6
    figure = dropout_figure(widths, [np.ones(4, dtype=bool), mask, np.ones(2, dtype=bool)])
    heights = points(*traces(figure, "kept", 1))
    hidden = heights[heights[:, 0] == 1]
    np.testing.assert_array_equal(points(*traces(figure, "removed", 2)), hidden[~mask])
    kept = points(*traces(figure, "kept", 2))
    np.testing.assert_array_equal(kept[kept[:, 0] == 1], hidden[mask])
    connections = sum(x is None for x in traces(figure, "connection", 2)[0].x)
    assert connections == (4 + 2) * mask.sum()


@pytest.mark.catalogue("PIC-28")
def test_equal_weights_are_drawn_with_their_equal_gradients():
    weights = jnp.full((2, 2), 0.5)  # u_11 = u_21, u_12 = u_22

    def loss(u):
        hidden = jax.nn.sigmoid(u @ jnp.array([0.5, 0.7]))
        return (1 - jax.nn.sigmoid(0.4 * hidden.sum())) ** 2

    gradients = np.asarray(jax.grad(loss)(weights))
    figure = symmetry_figure(np.asarray(weights), gradients)
    drawn_weights, drawn = (np.array(trace.z) for trace in figure.data)
    np.testing.assert_array_equal(drawn_weights, weights)
    np.testing.assert_array_equal(drawn, gradients)
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert (drawn != 0).all()
    assert figure.data[1].text[0] == figure.data[1].text[1]


@pytest.mark.catalogue("PIC-44", "MLP-21")
def test_the_weather_pictures_show_three_outputs_and_every_update():
    history = learning_rule(*WEATHER, np.zeros(2), -0.5)
    outputs = three_outputs(WEATHER.inputs, *history.final)
    figure = three_outputs_figure(WEATHER.labels, outputs)
    for name, values in (("target", WEATHER.labels), *outputs._asdict().items()):
        np.testing.assert_allclose(traces(figure, name)[0].y, values)
        np.testing.assert_array_equal(traces(figure, name)[0].x, np.arange(1, 8))
    table = learning_table_figure(*WEATHER, history).data[0]
    rows = list(zip(*table.cells["values"], strict=True))
    assert len(rows) == 7 * history.first_error_free_pass
    assert rows[0] == ("1.1", "0.8, 0.6", "1", "0 ✗", "0.08, 0.06, -0.40")
    assert rows[2] == ("1.3", "0.1, 0.2", "0", "0", "0.14, 0.15, -0.30")
    assert sum("✗" in row[3] for row in rows) == history.errors.sum()


def test_a_line_outside_the_picture_is_drawn_as_nothing():
    assert len(boundary_line(np.array([1.0, 0.0]), -5.0, (0, 1), (0, 1)).x) == 0
