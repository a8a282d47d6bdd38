import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.errors import DataError, RecipeError
from gradlab.rl import Environment, cart_pole, chain, frozen_lake
from gradlab.rl.deep import DQN, Goal, fit_many
from gradlab.rl.deep.training import calls_of, first_solved

CHAIN = chain(4)
SMALL = {"hidden": (16,), "learning_rate": 0.01, "discount": 0.9, "learn_every": 1,
         "warm_up": 64, "epsilon_steps": 400, "target_every": 20}  # fmt: skip
POLE = cart_pole()
STEPS = 2000
"""Of one call; agents of one environment that take as many share a compiled program."""


@pytest.fixture(scope="module")
def trained() -> DQN:
    """Return an agent that knows the chain."""
    return DQN(**SMALL).fit(CHAIN, steps=STEPS)


def test_values_of_the_chain_are_the_exact_ones(trained):
    agent = trained
    exact = [[0.6561, 0.729], [0.6561, 0.81], [0.729, 0.9], [0.81, 1.0]]
    np.testing.assert_allclose(agent.q_values(np.arange(4)), exact, atol=0.02)
    assert agent.evaluate(episodes=7).returns.tolist() == [1.0] * 7
    assert agent.episode().actions.tolist() == [1, 1, 1, 1]


def test_each_seed_is_bitwise_the_same_alone_and_in_a_group():
    group = fit_many([DQN(random_state=s, warm_up=200) for s in range(3)], POLE, steps=2 * STEPS)
    alone = DQN(random_state=1, warm_up=200).fit(POLE, steps=2 * STEPS)
    np.testing.assert_array_equal(alone.returns_, group[1].returns_)
    np.testing.assert_array_equal(alone.losses_, group[1].losses_)
    seen = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    np.testing.assert_array_equal(alone.q_values(seen), group[1].q_values(seen))
    assert not np.array_equal(group[0].q_values(seen), group[1].q_values(seen))


@pytest.mark.slow
def test_cart_pole_is_solved_by_every_seed():
    agents = fit_many(
        [DQN(random_state=seed) for seed in range(10)],
        cart_pole(),
        steps=60_000,
        goal=Goal(195.0),
        stop_when_solved=True,
    )
    assert [agent.status_ for agent in agents] == ["solved"] * 10
    assert np.median([agent.solved_at_ for agent in agents]) < 40_000


def test_it_stops_at_its_goal_and_says_when():
    agent = DQN(**SMALL).fit(
        CHAIN, steps=20_000, goal=Goal(1.0, episodes=10), stop_when_solved=True
    )
    assert agent.status_ == "solved"
    assert agent.steps_ < 20_000
    assert agent.solved_at_ == agent.ends_[9]  # every episode of the chain ends with reward 1


def test_solved_is_the_first_window_that_reaches_the_mean():
    returns, ends = np.array([0.0, 4.0, 2.0, 4.0]), np.array([3, 7, 9, 20])
    assert first_solved(returns, ends, Goal(3.0, episodes=2)) == 9
    assert first_solved(returns, ends, Goal(4.0, episodes=2)) is None
    assert first_solved(returns[:1], ends[:1], Goal(0.0, episodes=2)) is None


def test_returns_and_ends_add_up_to_the_steps_taken():
    agent = DQN(warm_up=10_000, epsilon_steps=1).fit(POLE, steps=STEPS)
    lengths = np.diff(np.concatenate([[0], agent.ends_]))
    np.testing.assert_array_equal(lengths, agent.returns_)  # a reward of 1 a step
    assert agent.steps_ == STEPS


def test_a_time_limit_cuts_episodes_but_is_no_end():
    def step(state, action, key):
        return state, state, jnp.float32(1.0), jnp.bool_(False)

    def reset(key):
        return jnp.zeros(1), jnp.zeros(1)

    endless = Environment("endless", reset, step, 2, (1,), None, 10)
    agent = DQN(**{**SMALL, "learning_rate": 0.03, "target_every": 5}).fit(endless, steps=2000)
    assert set(agent.returns_) == {10.0}
    # 1 / (1 - 0.9), the value of going on for ever; a limit taken for an end would give less.
    np.testing.assert_allclose(agent.q_values(np.zeros((1, 1))), 10.0, atol=0.6)


def test_softmax_draws_by_value(trained):
    cold = DQN(**{**SMALL, "epsilon": 0.0, "final_epsilon": 0.0, "temperature": 100.0})
    wandering = cold.fit(CHAIN, steps=STEPS)
    # At a temperature far above all values actions are drawn alike, so episodes take longer.
    assert len(wandering.returns_) < len(trained.returns_)


def test_a_saved_network_acts_as_before(tmp_path, trained):
    agent = trained
    again = DQN.load(agent.save(tmp_path / "agent.safetensors"), CHAIN)
    np.testing.assert_array_equal(again.q_values(np.arange(4)), agent.q_values(np.arange(4)))
    assert again.settings() == agent.settings()
    with pytest.raises(DataError, match="trained in 'chain' with 4 inputs"):
        DQN.load(tmp_path / "agent.safetensors", frozen_lake())
    (tmp_path / "other").write_bytes(b"no such file")
    with pytest.raises(DataError, match="can't be read as a saved DQN"):
        DQN.load(tmp_path / "other", CHAIN)


def test_a_learning_rate_far_too_large_is_told_as_divergence():
    agent = DQN(**{**SMALL, "learning_rate": 1e30, "optimizer": "sgd", "error_clip": np.inf})
    assert agent.fit(CHAIN, steps=2000).status_ == "diverged"


def test_a_reward_that_is_no_number_names_step_and_environment():
    def step(state, action, key):
        after = state + 1
        return after, after, jnp.where(after[0] > 5, jnp.nan, 1.0), jnp.bool_(False)

    broken = Environment(
        "broken", lambda key: (jnp.zeros(1), jnp.zeros(1)), step, 2, (1,), None, 100
    )
    with pytest.raises(
        DataError, match=r"'broken' returned a reward that is not finite: at step 6"
    ):
        DQN(**SMALL).fit(broken, steps=50)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"learning_rate": 0.0}, "learning_rate must be a number above 0; got 0.0"),
        ({"discount": 1.5}, "at least 0 and at most 1; got 1.5"),
        ({"epsilon": float("nan")}, "epsilon must be a number"),
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1"),
        ({"optimizer": "addam"}, "Did you mean 'adam'"),
        ({"activation": "rellu"}, "Did you mean 'relu'"),
        ({"hidden": (0,)}, "hidden must be a whole number of at least 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, words):
    with pytest.raises(RecipeError, match=words):
        DQN(**settings).fit(chain(2), steps=10)


def test_other_mistakes_are_told(trained):
    with pytest.raises(RecipeError, match="steps must be a whole number"):
        DQN().fit(chain(2), steps=0)
    with pytest.raises(DataError, match="Call fit"):
        DQN().act(np.arange(2))
    with pytest.raises(DataError, match=r"array of shape \(batch\); got \(2, 3\)"):
        trained.act(np.zeros((2, 3)))
    with pytest.raises(RecipeError, match="at least one episode"):
        trained.evaluate(episodes=0)


def test_calls_cover_the_steps():
    for steps in (1, 7, 1999, 2000, 3001, 50_000):
        for every in (1, 4, 10):
            calls, blocks = calls_of(steps, every)
            assert steps <= calls * blocks * every < steps + calls * every + every
