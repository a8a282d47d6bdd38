"""The contract that environments keep, and what a broken one is told."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gradlab.rl as rl
from gradlab.errors import DataError


@pytest.mark.parametrize("name", sorted(rl.ENVIRONMENTS))
def test_every_built_in_environment_keeps_the_contract_and_compiles(name):
    environment = rl.check_environment(rl.ENVIRONMENTS[name]())

    def episode(key):
        state, observation = environment.reset(key)

        def step(now, t):
            state, _ = now
            action = (t % environment.n_actions).astype(jnp.int32)
            state, observation, reward, ended = environment.step(state, action, rl.fold(key, t))
            return (state, observation), (reward, ended)

        times = jnp.arange(1, 9, dtype=jnp.uint32)
        return jax.lax.scan(step, (state, observation), times)[1]

    keys = rl.seed_key(jnp.arange(3))
    rewards, ended = jax.jit(jax.vmap(episode))(keys)
    assert rewards.shape == ended.shape == (3, 8)
    assert np.isfinite(rewards).all()
    alone = jax.jit(episode)(keys[1])
    np.testing.assert_array_equal(alone[0], rewards[1])


@pytest.mark.parametrize("name", sorted(set(rl.ENVIRONMENTS) - {"cart_pole"}))
def test_steps_of_a_numbered_environment_follow_its_model(name):
    """Frequencies of 4000 drawn outcomes lie within five standard errors of the model's."""
    environment = rl.ENVIRONMENTS[name]()
    model = environment.model
    rng = np.random.default_rng(0)
    met = np.flatnonzero(model.reachable)
    keys = rl.seed_key(jnp.arange(4000))
    step = jax.jit(jax.vmap(environment.step, in_axes=(None, None, 0)))
    for state in rng.choice(met, size=min(3, len(met)), replace=False):
        action = int(rng.integers(model.n_actions))
        after, _, reward, ended = step(jnp.int32(state), jnp.int32(action), keys)
        odds = model.probability[state, action]
        for there in np.unique(model.next_state[state, action]):
            p = odds[model.next_state[state, action] == there].sum()
            slack = 5 * np.sqrt(p * (1 - p) / 4000)
            assert np.mean(np.asarray(after) == there) == pytest.approx(p, abs=slack)
        noise = 0 if model.reward_noise is None else model.reward_noise[state, action].max()
        spread = np.sqrt((odds * (model.reward[state, action] ** 2)).sum() + noise**2)
        expected = model.expected_reward[state, action]
        assert np.mean(reward) == pytest.approx(expected, abs=5 * spread / np.sqrt(4000) + 1e-6)
        assert np.mean(ended) == pytest.approx((odds * model.ended[state, action]).sum(), abs=0.05)


def test_starts_follow_the_model():
    """Taxi starts in each of its 300 starting states equally often (chi-square, 6 sigma)."""
    environment = rl.taxi()
    states, _ = jax.vmap(environment.reset)(rl.seed_key(jnp.arange(30_000)))
    counts = np.bincount(states, minlength=500)
    start = environment.model.start
    assert (counts[start == 0] == 0).all()
    chi_square = ((counts[start > 0] - 100) ** 2 / 100).sum()
    assert abs(chi_square - 299) < 6 * np.sqrt(2 * 299)


def test_uneven_starts_are_drawn_by_their_probabilities():
    table = [[[(1.0, s, 0.0, True)]] for s in range(4)]
    start = np.array([0.5, 0.0, 0.3, 0.2])
    environment = rl.numbered_environment(
        "uneven", rl.TransitionModel.from_lists(table, start=start)
    )
    states, _ = jax.vmap(environment.reset)(rl.seed_key(jnp.arange(20_000)))
    share = np.bincount(states, minlength=4) / 20_000
    np.testing.assert_allclose(share, start, atol=5 * 0.5 / np.sqrt(20_000))


def _broken(**changes):
    parts = {
        "name": "broken",
        "reset": lambda key: (jnp.int32(0), jnp.int32(0)),
        "step": lambda s, a, key: (s, s, jnp.float32(0), jnp.asarray(False)),
        "n_actions": 2,
        "n_observations": 3,
    }
    return rl.Environment(**{**parts, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reset": lambda key: jnp.int32(0)}, r"reset of .* must return \(state, observation\)"),
        (
            {"reset": lambda key: (jnp.int32(0), jnp.zeros(2))},
            r"one whole number below 3 as observation; got float32 of shape \(2,\)",
        ),
        (
            {"step": lambda s, a, key: (s, s, jnp.zeros(2), jnp.asarray(False))},
            r"must return one number as reward; got float32 of shape \(2,\)",
        ),
        (
            {"step": lambda s, a, key: (s, s, jnp.float32(0), jnp.int32(0))},
            r"must return one bool as ended; got int32",
        ),
        (
            {"step": lambda s, a, key: (jnp.zeros(2), s, jnp.float32(0), jnp.asarray(False))},
            r"a state of the same shapes and types as reset's",
        ),
        ({"step": lambda s, a, key: (s, s, 0.0)}, r"must return .*ended\); got 3 parts"),
        (
            {"step": lambda s, a, key: (s, s, 1.0 if a > 0 else 0.0, s > 0)},
            r"step of environment 'broken' can't be compiled",
        ),
        ({"n_actions": 0}, r"n_actions >= 1; got 0"),
        ({"time_limit": 0}, r"time_limit >= 1 or None; got 0"),
        (
            {"n_observations": None, "observation_shape": (4,)},
            r"an array of shape \(4,\) as observation; got int32",
        ),
    ],
)
def test_a_broken_environment_is_told_what_is_wrong(changes, message):
    with pytest.raises(DataError, match=message):
        rl.check_environment(_broken(**changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"probability": np.full((1, 1, 2), 0.4)},
            "action 0 must sum to 1; they sum to 0.8",
        ),
        ({"probability": np.array([[[-0.5, 1.5]]])}, "must be a number from 0 to 1; got -0.5"),
        ({"next_state": np.array([[[0, 7]]])}, "must be a state from 0 to 0; got 7"),
        ({"reward": np.array([[[0.0, np.nan]]])}, "outcome 1 must be a finite number; got nan"),
        ({"reward": np.zeros((1, 2))}, r"shape of probability, \(1, 1, 2\)"),
        ({"start": np.array([0.5])}, "must be probabilities that sum to 1; they sum to 0.5"),
        ({"observation": np.array([-1])}, "one number from 0 for each of 1 states"),
    ],
)
def test_a_model_that_is_none_is_told_where(changes, message):
    parts = {
        "probability": np.full((1, 1, 2), 0.5),
        "next_state": np.zeros((1, 1, 2), int),
        "reward": np.zeros((1, 1, 2)),
        "ended": np.ones((1, 1, 2), bool),
        "start": np.ones(1),
    }
    with pytest.raises(DataError, match=message):
        rl.TransitionModel(**{**parts, **changes})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("S.x\n..G", "Unknown letter 'x' in row 1, column 3"),
        ("S..\n.G", "row 1 has 3 letters, row 2 has 2"),
        ("S..\n...", r"at least one G \(goal\); this one has none"),
        ("...\n..G", r"exactly one S \(start\); this one has 0"),
        ("S.S\n..G", "this one has 2"),
        ("", "at least one row"),
        ("S#G\n.#.", "no way leads from the start to the goal"),
    ],
)
def test_maps_are_checked(text, message):
    with pytest.raises(DataError, match=message):
        rl.grid_world(text)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: rl.frozen_lake("9x9"), "Unknown map '9x9'"),
        (lambda: rl.frozen_lake(success=1.5), "probability from 0 to 1; got 1.5"),
        (lambda: rl.grid_world(step_reward=float("nan")), "step_reward must be a finite number"),
        (lambda: rl.grid_world(success=-1.0), "probability from 0 to 1; got -1"),
        (lambda: rl.cliff(width=2), "height >= 2 and width >= 3"),
        (lambda: rl.bandit([]), "at least one finite mean"),
        (lambda: rl.bandit(arms=0), "at least one arm; got arms=0"),
        (lambda: rl.bandit([0.5, 2.0], rewards="bernoulli"), "lie in 0 … 1"),
        (lambda: rl.bandit(noise=-1.0), "noise must be a finite number >= 0"),
        (lambda: rl.chain(0), "length >= 1; got 0"),
        (lambda: rl.chain(slip=1.0), "from 0 to below 1; got 1"),
    ],
)
def test_absurd_settings_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_lake_of_ones_own_ends_in_its_goal():
    lake = rl.frozen_lake(lake=["SF", "HG"], slippery=False)
    path = rl.rollout(lake, np.array([2, 1, 0, 0]), rl.seed_key(0))
    assert path.observations.tolist() == [0, 1, 3]
    assert path.pictures(lake)[-1] == "SF\nH@"
