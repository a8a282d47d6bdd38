"""Exact values against each other, closed forms and known optima."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gradlab.rl as rl
from gradlab.errors import DataError, RecipeError


def test_a_chain_has_the_values_of_its_formula():
    found = rl.value_iteration(rl.chain(6, reward=3.0).model, 0.9)
    np.testing.assert_allclose(found.values, 3 * 0.9 ** np.arange(5, -1, -1), rtol=1e-9)


@given(seed=st.integers(0, 10_000), discount=st.floats(0.0, 0.97))
def test_three_ways_to_the_optimum_agree_on_any_model(seed, discount):
    rng = np.random.default_rng(seed)
    n_states, n_actions, n_outcomes = rng.integers(1, 7, 3)
    shape = (n_states, n_actions, n_outcomes)
    model = rl.TransitionModel(
        probability=rng.dirichlet(np.ones(n_outcomes), (n_states, n_actions)),
        next_state=rng.integers(0, n_states, shape),
        reward=rng.normal(size=shape),
        ended=rng.random(shape) < 0.2,
        start=np.eye(n_states)[0],
    )
    by_sweeps = rl.value_iteration(model, discount)
    by_policies = rl.policy_iteration(model, discount)
    by_system = rl.policy_evaluation(model, by_policies.policy, discount)
    np.testing.assert_allclose(by_sweeps.values, by_policies.values, atol=1e-7)
    np.testing.assert_allclose(by_system.values, by_policies.values, atol=1e-9)
    # Bellman's equation: the optimal values reproduce themselves.
    np.testing.assert_allclose(by_policies.q_values.max(axis=1), by_policies.values, atol=1e-9)


def test_no_policy_beats_the_optimal_values():
    model = rl.frozen_lake("4x4").model
    best = rl.value_iteration(model, 0.95).values
    rng = np.random.default_rng(0)
    for _ in range(20):
        policy = rng.dirichlet(np.ones(4), 16)
        assert (rl.policy_evaluation(model, policy, 0.95).values <= best + 1e-9).all()


@pytest.mark.parametrize(("size", "horizon", "known"), [("4x4", 100, 0.74), ("8x8", 200, 0.91)])
def test_frozen_lake_has_the_optimum_that_gymnasium_states(size, horizon, known):
    """Gymnasium's registry: optimum 0.74 for 4x4 within 100 steps, 0.91 for 8x8 within 200."""
    model = rl.frozen_lake(size).model
    best = rl.value_iteration(model, 1.0, horizon=horizon).start_value(model)
    assert best == pytest.approx(known, abs=0.005)


def test_a_policy_earns_on_average_what_its_values_say():
    lake = rl.frozen_lake("8x8", time_limit=5000)
    policy = rl.value_iteration(lake.model, 0.999).policy
    value = rl.policy_evaluation(lake.model, policy, 0.99).start_value(lake.model)
    returns = rl.evaluate(lake, policy, episodes=2000, discount=0.99, steps=1000)
    standard_error = returns.std() / np.sqrt(len(returns))
    assert returns.mean() == pytest.approx(value, abs=4 * standard_error)


def test_taxi_has_the_known_optimum():
    """The best policy earns 7.93 a trip, on average over the 300 starts."""
    taxi = rl.taxi()
    found = rl.value_iteration(taxi.model, 1.0)
    assert found.start_value(taxi.model) == pytest.approx(7.93, abs=0.005)
    returns = rl.evaluate(taxi, found.policy, episodes=4000)
    error = returns.std() / np.sqrt(len(returns))
    assert returns.mean() == pytest.approx(found.start_value(taxi.model), abs=4 * error)


@pytest.mark.parametrize("width", [4, 12])
def test_the_short_way_along_the_cliff_is_the_best(width):
    model = rl.cliff(width=width).model
    assert rl.value_iteration(model, 1.0).start_value(model) == -(width + 1)


def test_what_can_not_be_solved_is_refused():
    forever = rl.chain(3).model
    back = np.zeros(3, int)
    with pytest.raises(DataError, match=r"may go on for ever. Take a discount below 1"):
        rl.policy_evaluation(forever, back, 1.0)
    earning = rl.TransitionModel.from_lists([[[(1.0, 0, 1.0, False)]]])
    with pytest.raises(DataError, match="Values still change by 1 after 50 sweeps"):
        rl.value_iteration(earning, 1.0, max_sweeps=50)
    with pytest.raises(RecipeError, match="policy_iteration needs discount < 1"):
        rl.policy_iteration(forever, 1.0)
    for function in (rl.value_iteration, rl.policy_iteration):
        with pytest.raises(RecipeError, match=r"discount must be a number from 0 to 1; got 1.5"):
            function(forever, 1.5)
    with pytest.raises(RecipeError, match="A policy names actions 0 … 1; got 0 … 5"):
        rl.policy_evaluation(forever, np.array([0, 5, 1]), 0.9)
    with pytest.raises(RecipeError, match=r"got float64 of shape \(2,\)"):
        rl.policy_evaluation(forever, np.zeros(2), 0.9)
