"""What the documents claim about the ways down, as measurements."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.optim import (
    OPTIMIZERS,
    SCHEDULES,
    SURFACES,
    descend,
    learning_rate_verdict,
    newton_step,
    race,
)
from gradlab.optim.surfaces import bowl, double_well, plateau, saddle

SGD, MOMENTUM, NESTEROV = (OPTIMIZERS[n] for n in ("sgd", "momentum", "nesterov"))
RMSPROP = OPTIMIZERS["rmsprop"]


def square(w):
    return jnp.sum(w**2)


def steps_until(reached):
    """Return the number of the first point of a path for which `reached` holds."""
    (where,) = np.nonzero(np.asarray(reached))
    assert len(where), "never reached"
    return where[0]


@pytest.mark.parametrize("surface", SURFACES.values(), ids=lambda s: s.name)
def test_minimum_is_where_the_surface_says(surface):
    if surface.minimum is None:
        return
    minimum = jnp.array(surface.minimum)
    assert jnp.linalg.norm(jax.grad(surface.function)(minimum)) < 2e-3
    assert jnp.all(jnp.linalg.eigvalsh(jax.hessian(surface.function)(minimum)) > 0)
    assert surface.function(minimum) < surface.function(jnp.array(surface.start))


@pytest.mark.catalogue("GDM-01")
def test_small_steps_always_descend_and_the_end_depends_on_the_start():
    path = descend(SGD, double_well, jnp.array([-1.8, 0.5]), 300, 0.02)
    losses = np.asarray(jax.vmap(double_well)(path))
    assert np.all(np.diff(losses) <= 1e-7)
    ends = [descend(SGD, double_well, jnp.array([x, 0.5]), 300, 0.1)[-1] for x in (-1.8, 1.8)]
    assert ends[0][0] < -0.9
    assert ends[1][0] > 1


@pytest.mark.catalogue("GDM-09")
def test_the_start_decides_which_minimum_traps_gradient_descent(rng):
    starts = jnp.asarray(rng.uniform(-1.8, 1.8, 50), jnp.float32)
    ends = jax.vmap(lambda x: descend(SGD, double_well, jnp.stack([x, x * 0]), 500, 0.1)[-1, 0])(
        starts
    )
    barrier = np.sort(np.roots([1, 0, -1, -0.15]).real)[1]  # f'(x) = x³ − x − 0.15
    np.testing.assert_array_equal(ends > 0, starts > barrier)
    assert 0 < np.mean(ends > 0) < 1


@pytest.mark.catalogue("GDM-07", "CMP-23")
def test_rate_too_small_good_and_too_large():
    verdicts = {}
    for rate in (0.01, 0.1, 1.1):
        path = descend(SGD, square, jnp.array([1.0]), 50, rate)
        verdicts[rate] = learning_rate_verdict(jax.vmap(square)(path))
    assert verdicts == {0.01: "too small", 0.1: "good", 1.1: "too large"}
    assert learning_rate_verdict(np.array([1.0, np.nan])) == "too large"


@pytest.mark.catalogue("GDM-08")
def test_descent_zig_zags_where_curvatures_differ():
    """On x²/20 + y² a rate that is good for x throws y from side to side; Adam's does not."""
    start = jnp.array([-7.0, 2.0])
    changes = {}
    for kind, rate in ((SGD, 0.95), (MOMENTUM, 0.1), (OPTIMIZERS["adagrad"], 1.5)):
        y = np.asarray(descend(kind, bowl, start, 30, rate)[:, 1])
        changes[kind.name] = int(np.sum(y[1:] * y[:-1] < 0))
    assert changes["sgd"] == 30  # every step
    assert changes["momentum"] < 15
    assert changes["adagrad"] < 5


@pytest.mark.catalogue("OPT-05")
def test_momentum_crosses_a_plateau_sooner():
    start = jnp.array([-3.0, 1.0])
    steps = {}
    for kind in (SGD, MOMENTUM):
        path = descend(kind, plateau, start, 3000, 0.05)
        steps[kind.name] = steps_until(jax.vmap(plateau)(path) < -0.5)
    assert steps["momentum"] < steps["sgd"] / 5


@pytest.mark.catalogue("DIF-14")
def test_momentum_rolls_through_the_shallow_well():
    start = jnp.array([-1.8, 0.5])
    assert descend(SGD, double_well, start, 2000, 0.05)[-1, 0] < -0.9
    assert descend(MOMENTUM, double_well, start, 2000, 0.05)[-1, 0] > 1.0


@pytest.mark.catalogue("CMP-10")
def test_nesterov_overshoots_less_than_momentum():
    overshoot = {}
    for kind in (MOMENTUM, NESTEROV):
        path = descend(kind, square, jnp.array([1.0]), 200, 0.1)
        overshoot[kind.name] = -float(jnp.min(path))
    assert 0 < overshoot["nesterov"] < 0.6 * overshoot["momentum"]


@pytest.mark.catalogue("OPT-27", "CMP-05")
def test_rmsprop_leaves_a_saddle_sooner_than_gradient_descent():
    steps = {}
    for kind in (SGD, RMSPROP):
        path = descend(kind, saddle, jnp.array([1.0, 1e-3]), 200, 0.05)
        steps[kind.name] = steps_until(jnp.abs(path[:, 1]) > 1)
    assert steps["rmsprop"] < steps["sgd"] / 2


@pytest.mark.catalogue("OPT-26", "CMP-30")
def test_newton_jumps_to_the_saddle_that_gradient_descent_leaves():
    start = jnp.array([1.0, 0.1])
    np.testing.assert_allclose(newton_step(saddle, start), [0, 0], atol=1e-7)
    path = descend(SGD, saddle, start, 50, 0.1)
    assert abs(path[-1, 0]) < 1e-3
    assert abs(path[-1, 1]) > 100


@pytest.mark.catalogue("LRS-05", "CMP-25")
def test_a_falling_rate_ends_nearer_than_the_large_rate_it_began_with():
    start = jnp.array([5.0, -5.0])
    n_steps, large = 400, 0.8
    settings = {
        "constant": {},
        "step_decay": {"every": 10, "factor": 0.3},
        "exponential_decay": {"decay": 0.15},
        "inverse_time_decay": {"decay": 1.0},
        "cosine": {},
    }
    final = {}
    for name, numbers in settings.items():
        rates = SCHEDULES[name](large, 40, 10, **numbers).reshape(-1)
        ends = [
            square(descend(SGD, square, start, n_steps, rates, noise=1.0, seed=seed)[-1])
            for seed in range(20)
        ]
        final[name] = float(np.mean(ends))
    for name in settings.keys() - {"constant"}:
        assert final[name] < 0.2 * final["constant"], final


@pytest.mark.catalogue("CMP-01")
def test_seven_optimizers_on_one_function():
    """SGD is gradient descent whose gradient carries the noise of sampling."""
    start = jnp.array([-7.0, 2.0])
    rates = {"sgd": 0.9, "momentum": 0.1, "nesterov": 0.1, "adagrad": 1.5, "rmsprop": 0.1}
    rates |= {"adam": 0.3}
    kinds = [OPTIMIZERS[name] for name in rates]
    lanes = race(kinds, bowl, start, 200, tolerance=1e-2, learning_rates=rates)
    noisy = race([SGD], bowl, start, 200, 1e-2, {"sgd": 0.9}, noise=1.0)
    assert len(lanes) + len(noisy) == 7
    assert [lane.final_loss for lane in lanes] == sorted(lane.final_loss for lane in lanes)
    direct = float(jnp.linalg.norm(start))
    for lane in lanes:
        assert lane.learning_rate == rates[lane.name]
        assert lane.steps_to_tolerance is not None
        assert lane.path_length > 0.95 * direct
    (gd,) = (lane for lane in lanes if lane.name == "sgd")
    assert noisy[0].final_loss > 10 * gd.final_loss
    assert noisy[0].path_length > gd.path_length


@pytest.mark.catalogue("OPT-23")
def test_no_optimizer_wins_everywhere():
    """All optimizers on three problems, each at its best of a common grid of rates.

    They treat every weight by itself, so a sum of problems in separate weights is solved like
    each alone, and one path per optimizer and rate does for all three.
    """
    problems = [SURFACES[name] for name in ("bowl", "plateau", "beale")]
    start = jnp.concatenate([jnp.array(problem.start) for problem in problems])

    def losses(point):
        points = point.reshape(len(problems), 2)
        return jnp.stack([p.function(w) for p, w in zip(problems, points, strict=True)])

    def total(point):
        return jnp.sum(losses(point))

    table = {}
    for kind in OPTIMIZERS.values():
        rates = kind.learning_rate * jnp.geomspace(0.1, 100, 7)
        ends = jax.vmap(lambda rate, kind=kind: losses(descend(kind, total, start, 300, rate)[-1]))
        table[kind.name] = np.nanmin(np.asarray(ends(rates)), axis=0)
    orders = [sorted(table, key=lambda name, i=i: table[name][i]) for i in range(len(problems))]
    for one, other in itertools.combinations(orders, 2):
        assert one != other
    assert len({order[0] for order in orders}) > 1, orders


def test_path_starts_at_the_start_and_takes_a_rate_a_step():
    start = jnp.array([1.0, 1.0])
    path = descend(SGD, square, start, 3, np.array([0.1, 0.0, 0.5]))
    np.testing.assert_allclose(path[:, 0], [1, 0.8, 0.8, 0], atol=1e-7)
    assert descend(SGD, square, start, 0).shape == (1, 2)
    inside = descend(
        OPTIMIZERS["adam"], square, start, 1, 0.1, {"epsilon_placement": "inside", "epsilon": 12.0}
    )
    np.testing.assert_allclose(inside[1], 1 - 0.1 * 2 / 4, rtol=1e-5)


def test_noise_is_repeated_by_its_seed():
    start = jnp.array([1.0, 1.0])
    one, two, other = (
        descend(SGD, square, start, 5, 0.1, noise=1.0, seed=seed) for seed in (1, 1, 2)
    )
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_a_diverged_lane_comes_last():
    start = jnp.array([1.0, 1.0])
    lanes = race([SGD, MOMENTUM], square, start, 400, 1e-3, {"sgd": 30.0, "momentum": 0.01})
    assert [lane.name for lane in lanes] == ["momentum", "sgd"]
    assert not np.isfinite(lanes[1].final_loss)
    assert lanes[1].steps_to_tolerance is None
