import numpy as np
import pytest

from gradlab.plots.agent_loop import agent_elements_figure, agent_loop_figure, floor_plan_figure
from gradlab.plots.episode import cart_pole_figure, episode_figure
from gradlab.plots.regret import regret_figure
from gradlab.plots.returns import intervals_figure, mean_and_half, returns_figure, smoothed
from gradlab.plots.value_map import action_values_figure, value_map_figure
from gradlab.plots.visits import visits_figure
from gradlab.rl import vacuum

ROWS = ("S.", "#G")
VALUES = np.array([[0.5, 0.9], [np.nan, np.nan]])


def words(figure) -> list[str]:
    return [text for trace in figure.data for text in (trace.text if trace.text else ())]


def test_values_and_arrows_stand_in_their_cells():
    actions = np.array([[0, 1], [-1, -1]])
    figure = value_map_figure(ROWS, VALUES, actions, ((0, 1), (1, 0), None))
    np.testing.assert_array_equal(np.array(figure.data[0].z, float), VALUES)
    arrows = next(trace for trace in figure.data[1:] if "→" in trace.text)
    assert list(zip(arrows.x, arrows.y, arrows.text, strict=True)) == [(0, 0, "→"), (1, 0, "↓")]
    assert {"S", "G", "0.50", "0.90"} <= set(words(figure))
    walls = [shape for shape in figure.layout.shapes if shape.fillcolor is not None]
    assert [(w.x0, w.y0) for w in walls] == [(-0.5, 0.5)]


def test_steps_of_any_length_have_arrows_and_maps_one_scale():
    """A taxi's streets are two cells wide; colours of two maps mean the same."""
    figure = value_map_figure(
        ROWS, VALUES, np.array([[0, 1], [-1, -1]]), ((0, 2), (-2, 0)), limits=(-1.0, 3.0)
    )
    assert {"→", "↑"} <= set(words(figure))
    assert (figure.data[0].zmin, figure.data[0].zmax) == (-1.0, 3.0)


def test_shares_within_one_power_of_ten_have_true_ticks():
    bar = visits_figure(ROWS, np.array([[90.0, 30.0], [40.0, 20.0]])).data[0].colorbar
    assert list(bar.ticktext) == ["10", "20", "50"]
    np.testing.assert_allclose(bar.tickvals, np.log10([10, 20, 50]))


def test_visits_are_shares_and_what_was_never_met_is_empty():
    figure = visits_figure(ROWS, np.array([[90.0, 10.0], [0.0, 0.0]]))
    shares = np.array(figure.data[0].customdata, float)
    np.testing.assert_allclose(shares[0], [90, 10])
    assert np.isnan(shares[1]).all()
    assert np.isnan(np.array(figure.data[0].z, float)[1]).all()


def test_curves_show_mean_and_interval_over_seeds():
    draw = np.random.default_rng(0)
    curve = draw.normal(size=(6, 4))
    mean, half = mean_and_half(curve)
    np.testing.assert_allclose(mean, curve.mean(axis=0))
    np.testing.assert_allclose(half, 2.5706 * curve.std(axis=0, ddof=1) / np.sqrt(6), rtol=1e-4)
    figure = returns_figure(np.arange(4.0), {"a": curve, "b": curve[:1]}, optimum=3.0)
    lines = [trace for trace in figure.data if trace.fill is None]
    np.testing.assert_allclose(np.array(lines[0].y, float), mean)
    assert sum(trace.fill == "toself" for trace in figure.data) == 1  # one seed has no band
    assert figure.layout.shapes[0].y0 == 3.0


def test_smoothing_takes_the_last_episodes_only():
    np.testing.assert_allclose(
        smoothed(np.array([[1.0, 3.0, 5.0, 7.0]]), 3), [[1.0, 2.0, 3.0, 5.0]]
    )
    np.testing.assert_allclose(smoothed(np.array([[1.0, 3.0]]), 9), [[1.0, 2.0]])


def test_regret_adds_up_what_was_lost():
    figure = regret_figure(np.arange(1.0, 4.0), {"a": np.array([[0.0, 1.0, 2.0]])}, 2.0)
    np.testing.assert_allclose(np.array(figure.data[0].y, float), [2.0, 3.0, 3.0])


def test_intervals_reach_from_low_to_high():
    figure = intervals_figure(["a"], np.array([2.0]), np.array([1.0]), np.array([2.5]))
    assert figure.data[0].error_x.array[0] == 0.5
    assert figure.data[0].error_x.arrayminus[0] == 1.0


def test_bars_stand_beside_the_truth():
    figure = action_values_figure(["left", "right"], np.array([1.0, 2.0]), np.array([1.5, 2.0]))
    assert list(figure.data[1].y) == [1.5, 2.0]


def test_an_episode_moves_and_colours_what_changed():
    frames = ["@.D\nbattery 30 %", "O@D\nbattery 26 %", "O.@\nbattery 7 %", "Oc.\nbattery 3 %"]
    figure = episode_figure(("O.D",), frames[:3])
    assert len(figure.frames) == 3
    agent = [(frame.data[2].x[0], frame.data[2].y[0]) for frame in figure.frames]
    assert agent == [(0, 0), (1, 0), (2, 0)]
    assert figure.frames[2].data[3].text[0] == "battery 7 %"
    changed = episode_figure(("O.D",), frames).frames[3].data[0]
    assert (1, 0) in set(zip(changed.x, changed.y, strict=True))


def test_the_pole_leans_as_the_angle_says():
    figure = cart_pole_figure(np.array([[0.0, 0, 0, 0], [1.0, 0, np.pi / 2, 0]]))
    pole = figure.frames[1].data[1]
    np.testing.assert_allclose(np.array(pole.x, float), [1.0, 2.0])
    np.testing.assert_allclose(np.array(pole.y, float), [0.2, 0.2])


@pytest.mark.catalogue("PIC-61")
def test_loop_elements_and_floor_plan_are_drawn():
    loop = agent_loop_figure()
    assert {"environment"} <= set(words(loop))
    said = " ".join(note.text for note in loop.layout.annotations if note.text)
    assert "action A" in said
    assert "reward R" in said
    assert "observation O" in said
    elements = " ".join(words(agent_elements_figure()))
    for element in ("policy", "reward signal", "value function", "model (optional)"):
        assert element in elements
    plan = vacuum("house").drawing
    figure = floor_plan_figure(plan.text, plan.legend)
    rooms = next(trace for trace in figure.data if trace.name == "D room to clean")
    expected = {(c, r) for r, row in enumerate(plan.text) for c, x in enumerate(row) if x == "D"}
    assert set(zip(rooms.x, rooms.y, strict=True)) == expected
    assert str(plan).splitlines() == list(plan.text)
