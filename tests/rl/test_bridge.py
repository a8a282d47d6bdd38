"""To and from Gymnasium; the comparisons need it (the extra [rl]) and are skipped without."""

import sys

import jax
import numpy as np
import pytest

import gradlab.rl as rl
from gradlab.errors import DataError
from gradlab.rl.bridge import MissingGymnasium
from gradlab.rl.environments.cart_pole import CartPole


@pytest.fixture
def gymnasium():
    return pytest.importorskip("gymnasium")


def test_without_gymnasium_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    for use in (lambda: rl.from_gymnasium("FrozenLake-v1"), lambda: rl.to_gymnasium(rl.chain())):
        with pytest.raises(MissingGymnasium, match=r"pip install 'gradlab\[rl\]'"):
            use()


@pytest.mark.parametrize(
    ("name", "options", "ours"),
    [
        ("FrozenLake-v1", {}, lambda: rl.frozen_lake("4x4")),
        ("FrozenLake8x8-v1", {}, lambda: rl.frozen_lake("8x8")),
        ("FrozenLake-v1", {"is_slippery": False}, lambda: rl.frozen_lake("4x4", slippery=False)),
        ("CliffWalking-v1", {}, rl.cliff),
        ("CliffWalking-v1", {"is_slippery": True}, lambda: rl.cliff(slippery=True)),
        ("Taxi", {}, rl.taxi),
    ],
)
def test_our_tables_are_gymnasiums(gymnasium, name, options, ours):
    known = [name] if name != "Taxi" else ["Taxi-v4", "Taxi-v3"]
    chosen = next(n for n in known if n in gymnasium.registry)
    theirs = rl.from_gymnasium(gymnasium.make(chosen, **options))
    model, expected = ours().model, theirs.model
    for part in ("next_state", "reward", "ended", "start"):
        np.testing.assert_array_equal(getattr(model, part), getattr(expected, part), err_msg=part)
    np.testing.assert_allclose(model.probability, expected.probability, rtol=1e-15)
    if name != "CliffWalking-v1":
        assert theirs.time_limit == ours().time_limit


def test_cart_pole_moves_as_gymnasiums(gymnasium, float64):
    env = gymnasium.make("CartPole-v1").unwrapped
    step = jax.jit(rl.cart_pole().step)
    rng = np.random.default_rng(0)
    compared = 0
    for seed in range(20):
        env.reset(seed=seed)
        state = CartPole(*(jax.numpy.asarray(x) for x in env.state))
        ended = False
        while not ended:
            action = int(rng.integers(2))
            _, reward, ended, _, _ = env.step(action)
            state, _, ours, over = step(state, action, rl.seed_key(0))
            np.testing.assert_allclose(np.array(state), env.state, rtol=1e-12, atol=1e-14)
            assert (float(ours), bool(over)) == (reward, ended)
            compared += 1
    assert compared > 200


@pytest.mark.parametrize("name", sorted(rl.ENVIRONMENTS))
@pytest.mark.filterwarnings("ignore::UserWarning")  # unbounded boxes: our states have no bounds
def test_every_environment_passes_gymnasiums_checker(gymnasium, name):
    from gymnasium.utils.env_checker import check_env

    check_env(rl.to_gymnasium(rl.ENVIRONMENTS[name]()).unwrapped, skip_render_check=True)


def test_the_time_limit_goes_along(gymnasium):
    env = rl.to_gymnasium(rl.frozen_lake("4x4", time_limit=3, slippery=False))
    env.reset(seed=0)
    truncated = [env.step(0)[3] for _ in range(3)]
    assert truncated == [False, False, True]


def test_gymnasiums_own_loop_runs_through_the_wrapper(gymnasium):
    """CartPole has no table: it is called back, and earns what Gymnasium's own episode earns."""
    theirs = rl.check_environment(rl.from_gymnasium("CartPole-v1"))
    assert theirs.observation_shape == (4,)
    path = rl.rollout(theirs, lambda seen, key: (seen[2] > 0).astype(int), rl.seed_key(0), 40)
    assert len(path) == path.rewards.sum() > 20


def test_what_has_no_numbered_actions_is_refused(gymnasium):
    with pytest.raises(DataError, match=r"choose among numbered ones \(Discrete\)"):
        rl.from_gymnasium("Pendulum-v1")
    with pytest.raises(DataError, match="Gymnasium can't make 'NoSuch-v0'"):
        rl.from_gymnasium("NoSuch-v0")
