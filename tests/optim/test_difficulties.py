"""What makes descent hard, as measurements: DIF-01 to DIF-08."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gradlab.optim import OPTIMIZERS, clip_by_norm, custom, descend, newton_step
from gradlab.optim.conditioning import condition_number, step_report
from gradlab.optim.path_faults import cliff, jump_sizes, plateau_steps
from gradlab.optim.stationary import stationary_point
from gradlab.optim.surfaces import bowl, double_well, plateau, ravine, saddle
from gradlab.optim.trapped import trapped_gallery

SGD = OPTIMIZERS["sgd"]


def quadratic(condition):
    """Return (κ x² + y²)/2, with largest stable rate 2/κ."""
    return lambda w: (condition * w[0] ** 2 + w[1] ** 2) / 2


@pytest.mark.catalogue("DIF-01")
def test_gallery_holds_the_four_traps_with_their_runs():
    gallery = {trap.name: trap for trap in trapped_gallery()}
    assert list(gallery) == ["local minimum", "saddle point", "plateau", "unlucky start"]
    for trap in gallery.values():
        values = jax.vmap(trap.function)(trap.path)
        assert values[-1] > trap.function(trap.contrast[-1]) + 0.1, trap.name
        assert np.all(np.diff(values) <= 1e-6), "descent never goes up; the trap is the surface's"
    assert gallery["local minimum"].label == "minimum"
    assert gallery["saddle point"].label == "saddle"
    assert gallery["plateau"].held > 150
    # The slope at the unlucky start points away from the minimum that its neighbour finds.
    trap = gallery["unlucky start"]
    assert trap.path[-1, 0] < trap.path[0, 0] < trap.contrast[-1, 0]
    assert trap.label == "minimum"


@pytest.mark.catalogue("DIF-02")
def test_step_report_of_an_ill_conditioned_quadratic():
    f, w = quadratic(100.0), jnp.array([0.1, 1.0])
    assert condition_number(jax.hessian(f)(w)) == pytest.approx(100)
    report = step_report(f, w, 0.01)
    assert report.condition == pytest.approx(100)
    assert report.largest_rate == pytest.approx(0.02)
    assert report.gradient == pytest.approx(np.hypot(10, 1))
    assert report.step == pytest.approx(0.01 * np.hypot(10, 1))
    # Of a quadratic the model is exact, and Newton's step goes straight to the minimum.
    assert report.actual == pytest.approx(report.expected, rel=1e-4)
    assert report.alignment == pytest.approx(
        float(np.dot([10, 1], [0.1, 1]) / np.hypot(10, 1) / np.hypot(0.1, 1)), rel=1e-5
    )
    assert report.alignment < 0.2
    assert step_report(quadratic(1.0), w, 0.01).alignment == pytest.approx(1)
    beyond = step_report(f, jnp.array([1.0, 0.0]), 0.021)
    assert beyond.actual > 0
    assert "condition number      100" in str(report)


@pytest.mark.catalogue("DIF-03")
def test_the_end_in_the_shallow_well_is_labelled_a_minimum():
    end = descend(SGD, double_well, jnp.array([-1.8, 0.5]), 2000, 0.05)[-1]
    found = stationary_point(double_well, end)
    assert found.label == "minimum"
    assert found.gradient < 1e-3
    assert min(found.curvatures) >= 0
    assert double_well(end) > double_well(jnp.array([1.068, 0.0])) + 0.1, "but not the deepest"
    assert stationary_point(lambda w: -bowl(w), jnp.zeros(2)).label == "maximum"
    assert stationary_point(bowl, jnp.array([1.0, 1.0])).label == "not stationary"
    assert stationary_point(lambda w: jnp.sum(w) * 0.0, jnp.zeros(2)).label == "flat"


@pytest.mark.catalogue("DIF-04")
def test_steps_on_the_plateau_are_flagged_and_those_in_the_hole_are_not():
    path = descend(SGD, plateau, jnp.array([-4.0, 1.0]), 3000, 1.0)
    flagged = plateau_steps(plateau, path, minimum=-1.0)
    assert flagged[:100].all(), "it starts on the plain"
    values = np.asarray(jax.vmap(plateau)(path))
    assert values[-1] < -0.999, "and ends in the hole"
    slopes = np.linalg.norm(jax.vmap(jax.grad(plateau))(path), axis=1)
    assert slopes[-1] < 1e-2
    assert not flagged[-1], "where the gradient is small too"
    np.testing.assert_array_equal(flagged, (slopes < 1e-2) & (values > -0.99))


@pytest.mark.catalogue("DIF-05")
def test_saddle_is_labelled_left_by_descent_and_reached_by_newton():
    start = jnp.array([1.0, 0.1])
    reached = newton_step(saddle, start)
    found = stationary_point(saddle, reached)
    assert found.label == "saddle"
    np.testing.assert_allclose(found.curvatures, [-2, 2], atol=1e-6)
    left = descend(SGD, saddle, start, 50, 0.1)[-1]
    assert jnp.abs(left[1]) > 100


@pytest.mark.catalogue("DIF-06")
def test_a_cliff_throws_and_clipping_bounds_the_jump():
    rate, limit, start = 0.5, 1.0, jnp.array([0.05, 0.5])
    thrown = descend(SGD, cliff, start, 100, rate)
    clipped_kind = custom(optax.chain(clip_by_norm(limit), optax.sgd(1.0)))
    clipped = descend(clipped_kind, cliff, start, 100, rate)
    jump = jump_sizes(thrown).max()
    assert jump > 10
    assert jump_sizes(clipped).max() <= rate * limit * (1 + 1e-5)
    # More time: what was thrown must come all the way back over the plain.
    assert jnp.linalg.norm(thrown[-1] - start) > 3 * jnp.linalg.norm(clipped[-1] - start)


@pytest.mark.catalogue("DIF-08")
def test_iterations_grow_with_the_condition_number():
    needed = []
    for condition in (1.0, 10.0, 100.0, 1000.0):
        path = descend(SGD, quadratic(condition), jnp.array([1.0, 1.0]), 8000, 1 / condition)
        (arrived,) = np.nonzero(np.linalg.norm(path, axis=1) < 1e-2)
        needed.append(arrived[0])
    # The slow direction shrinks by 1 − 1/κ a step: log(100) · κ steps in all.
    np.testing.assert_allclose(needed[1:], np.log(100) * np.array([10, 100, 1000]), rtol=0.06)
    assert needed[0] == 1


@pytest.mark.parametrize("seed", range(5))
def test_condition_number_equals_numpy(seed):
    half = np.random.default_rng(seed).normal(size=(4, 4))
    matrix = half @ half.T
    assert condition_number(matrix) == pytest.approx(np.linalg.cond(matrix), rel=1e-8)
    assert condition_number(np.zeros((2, 2))) == np.inf


def test_ravine_is_ill_conditioned_at_its_minimum():
    report = step_report(ravine, jnp.array([1.0, 1.0]), 1e-3)
    assert report.condition == pytest.approx(2508, rel=0.01)
