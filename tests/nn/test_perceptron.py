"""Perceptron to multi-layer perceptron: the documents' tables, claims and numbers."""

from fractions import Fraction
from itertools import pairwise

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits, make_moons

from gradlab.errors import DataError, RecipeError
from gradlab.nn.perceptron import (
    AND,
    LETTER_Y,
    OR,
    WEATHER,
    XOR,
    XOR_HIDDEN,
    Edge,
    NodeNetwork,
    best_perceptron,
    build_network,
    collapse_linear,
    decision_boundary,
    draw_theta,
    find_cycle,
    flatten,
    forward,
    grid,
    hidden_layers,
    is_feed_forward,
    is_linearly_separable,
    layer,
    learning_rule,
    nested,
    parallel_perceptrons,
    parameter_count,
    partition_map,
    perceptron,
    region_count,
    region_map,
    run_network,
    separating_perceptron,
    share_right,
    shift,
    step,
    three_outputs,
    weighted_sum,
    xor_network,
)
from gradlab.nn.perceptron.training import scores, train

OR_WEIGHTS, OR_BIAS = np.array([1.0, 1.0]), -0.5


# One perceptron


@pytest.mark.catalogue("MLP-04", "MLP-05", "WE-05")
def test_or_gate_has_the_printed_sums_and_outputs_in_both_codings():
    s = weighted_sum(OR.inputs, OR_WEIGHTS, OR_BIAS)
    np.testing.assert_array_equal(s, [-0.5, 0.5, 0.5, 1.5])
    signed = perceptron(OR.inputs, OR_WEIGHTS, OR_BIAS, coding="signed")
    np.testing.assert_array_equal(signed, [-1, 1, 1, 1])
    np.testing.assert_array_equal(signed, OR.signed)
    np.testing.assert_array_equal(perceptron(OR.inputs, OR_WEIGHTS, OR_BIAS), OR.labels)
    distance = decision_boundary(OR_WEIGHTS, OR_BIAS).distance_from_origin
    assert distance == pytest.approx(0.353553, abs=5e-7)


def test_a_sum_of_exactly_0_is_the_upper_answer():
    np.testing.assert_array_equal(step(np.array([0.0, -0.0, -1e-300])), [1, 1, 0])


@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
def test_the_sign_of_the_distance_is_the_answer_and_a_step_along_the_normal_is_1(seed, inputs):
    rng = np.random.default_rng(seed)
    weights, bias, x = rng.standard_normal(inputs), rng.standard_normal(), rng.random((9, inputs))
    boundary = decision_boundary(weights, bias)
    distance = boundary.signed_distance(x)
    np.testing.assert_array_equal(distance >= 0, perceptron(x, weights, bias) == 1)
    moved = boundary.signed_distance(x + boundary.normal[None, :])
    np.testing.assert_allclose(moved - distance, 1, atol=1e-9)


def test_a_boundary_cuts_the_axes_and_a_rectangle_where_its_sum_is_0():
    line = decision_boundary(np.array([1.0, 2.0]), -2.0)
    np.testing.assert_array_equal(line.intercepts, [2, 1])
    np.testing.assert_allclose(line.segment((0, 1), (0, 1)), [[0, 1], [1, 0.5]])
    assert line.segment((5, 6), (5, 6)).shape == (0, 2)
    vertical = decision_boundary(np.array([2.0, 0.0]), -1.0)
    np.testing.assert_array_equal(vertical.intercepts, [0.5, np.inf])
    np.testing.assert_allclose(vertical.segment((0, 1), (-1, 1)), [[0.5, -1], [0.5, 1]])


def test_a_perceptron_without_a_boundary_and_a_plane_without_a_segment_are_refused():
    with pytest.raises(RecipeError, match="weights that are all 0 has no boundary"):
        decision_boundary(np.zeros(2), 1.0)
    with pytest.raises(RecipeError, match="needs a line in the plane, so 2 weights; got 3"):
        decision_boundary(np.ones(3), 1.0).segment((0, 1), (0, 1))


@pytest.mark.catalogue("MLP-07")
def test_the_best_single_perceptron_gets_3_of_4_on_xor_and_4_of_4_on_or_and_and():
    for table, best in ((OR, 1), (AND, 1), (XOR, 0.75)):
        weights, bias, share = best_perceptron(*table)
        assert share == best
        assert share_right(perceptron(table.inputs, weights, bias), table.labels) == best
        assert is_linearly_separable(*table) == (best == 1)


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(2, 40), st.floats(-6, 6))
def test_rows_labelled_by_a_hyperplane_are_separable_in_any_units(seed, inputs, rows, exponent):
    rng = np.random.default_rng(seed)
    x, w = rng.standard_normal((rows, inputs)), rng.standard_normal(inputs)
    x = x[np.abs(x @ w) > 1e-3] * 10**exponent + 10**exponent
    if len(x) == 0:
        return
    labels = ((x - 10**exponent) @ w > 0).astype(int)
    found = separating_perceptron(x, labels)
    assert found is not None
    np.testing.assert_array_equal(perceptron(x, *found), labels)


def test_the_same_row_with_two_labels_is_not_separable():
    assert not is_linearly_separable(np.array([[1.0], [1.0]]), np.array([0, 1]))


def test_the_exhaustive_search_says_its_limits():
    with pytest.raises(DataError, match="at most 16 rows; got 17"):
        best_perceptron(np.zeros((17, 2)), np.zeros(17, dtype=int))
    with pytest.raises(DataError, match="at least one row; got none"):
        best_perceptron(np.zeros((0, 2)), np.zeros(0, dtype=int))


@pytest.mark.catalogue("MLP-20")
def test_learning_reports_the_share_of_rows_with_f_of_x_equal_to_y():
    history = learning_rule(*WEATHER, np.zeros(2), -0.5)
    before = perceptron(WEATHER.inputs, np.zeros(2), -0.5)
    after = perceptron(WEATHER.inputs, *history.final)
    assert share_right(before, WEATHER.labels) == 4 / 7
    assert share_right(after, WEATHER.labels) == 1


# The learning rule


@pytest.mark.catalogue("MLP-09")
def test_the_weather_table_has_seven_rows_with_the_printed_labels():
    assert WEATHER.inputs.shape == (7, 2)
    np.testing.assert_array_equal(WEATHER.labels, [1, 1, 0, 0, 1, 0, 0])
    np.testing.assert_array_equal(WEATHER.inputs[0], [0.8, 0.6])  # not the misprint 8.0
    np.testing.assert_allclose(WEATHER.inputs[0], 2 * WEATHER.inputs[5])
    assert is_linearly_separable(*WEATHER)
    np.testing.assert_array_equal(perceptron(WEATHER.inputs, np.ones(2), -0.95), WEATHER.labels)


RUNS = {  # start, learnt bias, α; then ŷ of pass 1, weights after it, first error-free pass, end
    "A": ((-0.5, False, 0.1), "0000000", (0.20, 0.21, -0.5), 4, (0.46, 0.48, -0.5)),
    "B": ((-0.5, True, 0.1), "0000000", (0.20, 0.21, -0.20), 2, (0.20, 0.21, -0.20)),
    "C": ((0.0, True, 0.1), "1110010", (0.01, 0.01, -0.10), 3, (0.10, 0.08, -0.10)),
    "D": ((-0.5, False, 0.5), "0100000", (0.70, 0.60, -0.5), 2, (0.70, 0.60, -0.5)),
}


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_the_reference_runs_on_the_weather_table(run):
    (bias, learn_bias, rate), first_pass, after, error_free, end = run
    history = learning_rule(*WEATHER, np.zeros(2), bias, learning_rate=rate, learn_bias=learn_bias)
    assert "".join(map(str, history.predictions[0])) == first_pass
    np.testing.assert_allclose([*history.weights[0, -1], history.biases[0, -1]], after, atol=1e-12)
    assert history.first_error_free_pass == error_free == len(history.errors)
    weights, final_bias = history.final
    np.testing.assert_allclose([*weights, final_bias], end, atol=1e-12)
    np.testing.assert_array_equal(perceptron(WEATHER.inputs, weights, final_bias), WEATHER.labels)


@pytest.mark.catalogue("MLP-08", "WE-06")
def test_the_printed_predictions_the_convergence_and_the_run_that_never_fits():
    for run in "AB":
        (bias, learn_bias, rate), *_ = RUNS[run]
        history = learning_rule(
            *WEATHER, np.zeros(2), bias, learning_rate=rate, learn_bias=learn_bias
        )
        np.testing.assert_array_equal(history.predictions[0, :3], [0, 0, 0])
        # Rows 1 and 2 are wrong and move the weights, row 3 is right and does not.
        np.testing.assert_allclose(history.weights[0, :3, 0], [0.08, 0.14, 0.14])
        assert history.errors[-1] == 0
    for run in RUNS.values():
        test_the_reference_runs_on_the_weather_table(run)
    for rate in (0.01, 0.1, 0.5, 3.0):  # run E: row 1 is twice row 6
        history = learning_rule(
            *WEATHER, np.zeros(2), learning_rate=rate, learn_bias=False, passes=200
        )
        assert history.first_error_free_pass is None
        assert len(history.errors) == 200


def in_fractions(rows, labels, bias, rate, learn_bias):
    """The rule in exact arithmetic: predictions of every pass until one is free of errors."""
    w, b, passes = [Fraction(0)] * len(rows[0]), Fraction(bias), []
    while not passes or passes[-1] != list(labels):
        passes.append([])
        for row, label in zip(rows, labels, strict=True):
            predicted = int(sum(wi * xi for wi, xi in zip(w, row, strict=True)) + b >= 0)
            w = [wi + rate * (label - predicted) * xi for wi, xi in zip(w, row, strict=True)]
            b += rate * (label - predicted) * learn_bias
            passes[-1].append(predicted)
    return passes


@pytest.mark.parametrize("run", [run[0] for run in RUNS.values()], ids=RUNS)
def test_floating_point_takes_every_decision_of_exact_arithmetic(run):
    bias, learn_bias, rate = run
    rows = [[Fraction(str(value)) for value in row] for row in WEATHER.inputs]
    exact = in_fractions(rows, WEATHER.labels.tolist(), str(bias), Fraction(str(rate)), learn_bias)
    history = learning_rule(*WEATHER, np.zeros(2), bias, learning_rate=rate, learn_bias=learn_bias)
    assert history.predictions.tolist() == exact


def test_signed_targets_make_steps_of_twice_the_length():
    binary = learning_rule(*WEATHER, np.zeros(2), -0.5, learning_rate=0.2)
    signed = learning_rule(
        WEATHER.inputs, WEATHER.signed, np.zeros(2), -0.5, learning_rate=0.1, coding="signed"
    )
    np.testing.assert_allclose(signed.weights, binary.weights)
    np.testing.assert_array_equal(signed.predictions, 2 * binary.predictions - 1)


# Several perceptrons


@pytest.mark.catalogue("MLP-10", "MLP-12", "WE-07")
def test_three_perceptrons_answer_xor():
    z = parallel_perceptrons(XOR.inputs, *XOR_HIDDEN)
    np.testing.assert_array_equal(z, [[-1, 1], [1, 1], [1, 1], [1, -1]])
    np.testing.assert_array_equal((z == 1).all(axis=1), XOR.labels == 1)  # ● only for (+1, +1)
    np.testing.assert_array_equal(xor_network(XOR.inputs), XOR.signed)


def test_the_hidden_answers_of_xor_are_three_points_that_one_line_divides():
    z = parallel_perceptrons(XOR.inputs, *XOR_HIDDEN)
    assert len(np.unique(z, axis=0)) == 3
    assert is_linearly_separable(z, XOR.labels)
    assert not is_linearly_separable(*XOR)


LINES = np.array([[1.0, -1.0, 0.0], [0.5, 0.5, 1.0]]), np.array([0.0, 0.6, -0.4])


@pytest.mark.catalogue("MLP-13", "WE-08", "ERR-26")
def test_p_lines_cut_the_plane_into_1_plus_p_p_plus_1_over_2_regions():
    p = np.arange(1, 9)
    counts = [region_count(int(n)) for n in p]
    assert counts == [2, 4, 7, 11, 16, 22, 29, 37]
    np.testing.assert_array_equal(counts, 1 + p * (p + 1) // 2)
    regions, corners = region_map(*LINES, grid((-4, 4), (-4, 4), 300))
    assert len(corners) == len(np.unique(corners, axis=0)) == 7
    assert regions.max() == 6
    assert set(map(tuple, corners)) < set(np.ndindex(2, 2, 2))  # 7 of the 8 corners


@pytest.mark.parametrize("lines", [1, 2, 3, 4])
def test_lines_in_general_position_reach_the_count_on_a_grid(lines):
    angle = np.pi * (np.arange(lines) + 0.3) / lines  # tangents of the unit circle
    weights = np.stack([np.cos(angle), np.sin(angle)])
    _, corners = region_map(weights, -np.ones(lines), grid((-15, 15), (-15, 15), 601))
    assert len(corners) == region_count(lines)


def test_in_space_three_planes_make_all_8_corners():
    assert region_count(3, n_inputs=3) == 8


def test_a_hard_partition_is_crisp_and_a_soft_one_graded():
    points = grid((-0.2, 1.2), (-0.2, 1.2), 50)
    hard = partition_map(OR_WEIGHTS, OR_BIAS, points)
    soft = partition_map(OR_WEIGHTS, OR_BIAS, points, decision="soft", slope=5)
    assert set(np.unique(hard)) == {0, 1}
    assert len(np.unique(soft.round(9))) > 50
    np.testing.assert_array_equal(soft >= 0.5, hard == 1)
    steep = partition_map(OR_WEIGHTS, OR_BIAS, points, decision="soft", slope=1e4)
    np.testing.assert_allclose(steep, hard, atol=1e-6)


@pytest.mark.catalogue("MLP-15")
def test_a_network_is_exactly_its_layers_inside_one_another(rng):
    theta = draw_theta((3, 5, 4, 2), rng)
    x = rng.standard_normal((6, 3))
    f1, f2 = (layer(theta[name], np.tanh) for name in ("U1", "U2"))
    f3 = layer(theta["U3"], lambda s: s)
    np.testing.assert_array_equal(f3(f2(f1(x))), forward(theta, x))
    np.testing.assert_array_equal(nested(f1, f2, f3)(x), forward(theta, x))


@pytest.mark.catalogue("MLP-16")
@pytest.mark.parametrize(("d", "p", "c"), [(2, 2, 1), (256, 100, 26), (7, 3, 4)])
def test_two_matrices_hold_d_plus_1_p_plus_p_plus_1_c_parameters(rng, d, p, c):
    theta = draw_theta((d, p, c), rng)
    assert list(theta) == ["U1", "U2"]
    assert {name: u.shape for name, u in theta.items()} == {"U1": (p, d + 1), "U2": (c, p + 1)}
    count = sum(u.size for u in theta.values())
    assert count == parameter_count((d, p, c)) == (d + 1) * p + (p + 1) * c


def test_depth_without_activation_is_one_matrix(rng):
    theta = draw_theta((3, 50, 20, 2), rng)
    theta = {name: u + 0.1 for name, u in theta.items()}  # biases that are not 0
    x = rng.standard_normal((10, 3))
    deep = forward(theta, x, activation=lambda s: s)
    flat = collapse_linear(theta)
    np.testing.assert_allclose(deep, x @ flat[:, :-1].T + flat[None, :, -1], rtol=1e-12)


def accuracy(table, hidden, activation=jnp.tanh, **settings):
    weights = train(*table, hidden, activation=activation, **settings)
    answers = np.asarray(scores(weights, table[0], activation)).argmax(axis=1)
    return share_right(answers, table[1])


@pytest.mark.catalogue("MLP-18", "MLP-19", "CMP-13")
def test_without_activation_depth_collapses_and_xor_is_never_learnt(rng):
    linear = [accuracy(XOR, (16, 16), activation=lambda s: s, seed=seed) for seed in range(3)]
    assert max(linear) <= 0.75
    assert accuracy(XOR, (16, 16)) == 1
    test_depth_without_activation_is_one_matrix(rng)


@pytest.mark.catalogue("MLP-14")
@pytest.mark.parametrize("hidden", [(8,), (5, 7), (6, 4, 6)], ids=str)
def test_networks_of_any_widths_learn_xor_and_two_moons(hidden):
    moons = make_moons(200, noise=0.1, random_state=0)
    assert accuracy(XOR, hidden) == 1
    assert accuracy(moons, hidden, steps=600) > 0.98
    assert accuracy(moons, ()) < 0.92  # a line can't


# Kinds of networks


@pytest.mark.catalogue("MLP-01")
def test_the_graph_says_which_network_is_recurrent_and_both_run(rng):
    x = rng.standard_normal((5, 2))
    plain = build_network((2, 3, 1), rng)
    recurrent = build_network((2, 3, 1), rng, recurrent=True)
    assert is_feed_forward(plain)
    assert find_cycle(plain) == ()
    cycle = find_cycle(recurrent)
    assert cycle[0] == cycle[-1]
    pairs = {(edge.source, edge.target) for edge in recurrent.edges}
    assert all(step in pairs for step in pairwise(cycle))
    # A feed-forward network has no memory: the steps may be taken in any order.
    np.testing.assert_array_equal(run_network(plain, x)[::-1], run_network(plain, x[::-1]))
    assert not np.allclose(run_network(recurrent, x)[::-1], run_network(recurrent, x[::-1]))


def test_a_network_of_nodes_is_the_network_of_matrices(rng):
    network = build_network((2, 3, 1), rng)
    weight = {(edge.source, edge.target): edge.weight for edge in network.edges}
    hidden = ("h1_1", "h1_2", "h1_3")
    first = np.array([[weight[x, h] for h in hidden] for x in ("x1", "x2")])
    second = np.array([[weight[h, "o1"]] for h in hidden])
    x = rng.standard_normal((4, 2))

    def sigmoid(s):
        return 1 / (1 + np.exp(-s))

    np.testing.assert_allclose(run_network(network, x), sigmoid(sigmoid(x @ first) @ second))


@pytest.mark.catalogue("MLP-02")
def test_depth_is_a_parameter_of_the_builder(rng):
    for depth in range(4):
        network = build_network((2, *[3] * depth, 1), rng)
        assert hidden_layers(network) == depth
        assert run_network(network, np.ones((1, 2))).shape == (1, 1)


@pytest.mark.catalogue("MLP-03")
def test_a_deterministic_network_repeats_and_a_stochastic_one_follows_its_generator(rng):
    network, x = build_network((2, 5, 1), rng), np.ones((20, 2))
    np.testing.assert_array_equal(run_network(network, x), run_network(network, x))

    def draw(seed):
        return run_network(network, x, rng=np.random.default_rng(seed))

    assert len(np.unique(draw(0))) > 1  # the same input, several outputs
    np.testing.assert_array_equal(draw(0), draw(0))
    assert not np.array_equal(draw(0), draw(1))


def test_a_cycle_without_delay_cannot_run():
    loop = NodeNetwork(("x",), ("b",), (Edge("x", "a", 1), Edge("a", "b", 1), Edge("b", "a", 1)))
    with pytest.raises(RecipeError, match="Give one of its edges delayed=True"):
        run_network(loop, np.ones((1, 1)))


# The weather and images


def test_the_three_outputs_of_the_weather_unit_are_one_sum_read_in_three_ways():
    outputs = three_outputs(WEATHER.inputs, np.ones(2), -0.95)
    np.testing.assert_allclose(outputs.linear, WEATHER.inputs.sum(axis=1) - 0.95)
    np.testing.assert_array_equal(outputs.step, WEATHER.labels)
    np.testing.assert_array_equal(outputs.sigmoid >= 0.5, outputs.step == 1)
    np.testing.assert_allclose(np.log(outputs.sigmoid / (1 - outputs.sigmoid)), outputs.linear)


@pytest.mark.catalogue("MLP-22")
def test_a_plain_network_has_28200_weights_and_fails_on_shifted_images():
    assert parameter_count((256, 100, 26), bias=False) == 28_200
    assert parameter_count((256, 100, 26)) - 28_200 == 126
    digits = load_digits()
    x, y, fresh = digits.data / 16, digits.target, 1300
    weights = train(x[:fresh], y[:fresh], (32,), learning_rate=0.02, steps=150)

    def score(**by):
        images = shift(digits.images[fresh:] / 16, **by).reshape(-1, 64)
        return share_right(np.asarray(scores(weights, images)).argmax(axis=1), y[fresh:])

    assert score() > 0.88
    for direction in ("right", "down"):
        assert score() > score(**{direction: 1}) + 0.1 > score(**{direction: 2}) + 0.2


@pytest.mark.catalogue("MLP-23")
def test_flattening_needs_the_shape_to_be_undone_and_parts_neighbours_by_the_row_length():
    vector = flatten(LETTER_Y)
    np.testing.assert_array_equal(vector.reshape(LETTER_Y.shape), LETTER_Y)
    # Another image has the same vector: without the shape nobody can say which it was.
    other = LETTER_Y.reshape(1, 25)
    np.testing.assert_array_equal(flatten(other), vector)
    height, width = 4, 7
    place = np.arange(height * width)
    image = place.reshape(height, width)
    np.testing.assert_array_equal(flatten(image), place)
    np.testing.assert_array_equal(np.diff(image, axis=0), width)  # above each other
    np.testing.assert_array_equal(np.diff(image, axis=1), 1)  # side by side


def test_a_shift_back_restores_all_but_the_edge():
    there_and_back = shift(shift(LETTER_Y[None], down=1, right=-1), down=-1, right=1)[0]
    np.testing.assert_array_equal(there_and_back[:-1, 1:], LETTER_Y[:-1, 1:])
    assert there_and_back[-1].sum() == there_and_back[:, 0].sum() == 0
    assert shift(LETTER_Y[None], right=9).sum() == 0
