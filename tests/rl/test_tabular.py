"""Tabular agents: exact updates, exact values, one program for all."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gradlab.rl as rl
from gradlab.errors import DataError, RecipeError
from gradlab.lab.acting.exact import best_return, mean_return, shares_of
from gradlab.lab.ranking import rank_axis
from gradlab.rl.tabular.population import LANES

FIELDS = ("q_values", "returns", "lengths", "ended", "visits")


@pytest.mark.catalogue("RLE-10")
def test_deterministic_q_learning_finds_the_discounted_chain():
    agent = rl.QLearning(learning_rate=1.0, discount=0.9).fit(rl.chain(4), episodes=100)
    np.testing.assert_allclose(agent.q_values_[:, 1], [0.729, 0.81, 0.9, 1.0], rtol=1e-6)
    np.testing.assert_allclose(  # a step back costs one factor of 0.9
        agent.q_values_[:, 0], [0.729 * 0.9, 0.729 * 0.9, 0.81 * 0.9, 0.9 * 0.9], rtol=1e-6
    )


@pytest.mark.catalogue("RLE-07")
def test_a_late_reward_is_credited_one_step_further_back_in_each_episode():
    """Only the last of the actions is rewarded; the feedback reaches the first 5 episodes later."""
    forward_only = rl.AgentSettings(learning_rate=1.0, discount=0.9, seed=3)
    for episodes in range(1, 6):
        runs = rl.train_agents(rl.chain(5), "q_learning", [forward_only], episodes=episodes)
        credited = runs.q_values[0, :, 1] > 0
        assert credited[5 - episodes :].all()
        assert runs.returns[0].tolist() == [1.0] * episodes
    assert runs.q_values[0, 0, 1] == pytest.approx(0.9**4)


def plain_q_learning(environment, seed, *, episodes, learning_rate, discount, epsilon):
    """The textbook loop, with the same chances: what the compiled program must reproduce."""
    from gradlab.rl.keys import fold, seed_key, uniform
    from gradlab.rl.tabular.chances import ACTING, EXPLORING, RESETTING

    key, f = seed_key(seed), np.float32
    step = jax.jit(environment.step)
    q = np.zeros((environment.n_observations, environment.n_actions), f)
    returns, t = [], 0
    state, s = environment.reset(fold(fold(key, 0), RESETTING))
    for _ in range(episodes):
        gain, age = f(0), 0
        while True:
            t, age = t + 1, age + 1
            word = fold(key, t)
            draw = fold(word, EXPLORING)
            allowed = np.flatnonzero(
                (q[int(s)] == q[int(s)].max()) | (float(uniform(draw)) < epsilon)
            )
            a = allowed[int(f(uniform(fold(draw, 1))) * f(len(allowed)))]
            state, after, reward, ended = step(state, jnp.int32(a), fold(word, ACTING))
            gain += f(reward)
            follows = f(0) if ended else f(discount) * q[int(after)].max()
            q[int(s), a] = (f(1) - f(learning_rate)) * q[int(s), a] + f(learning_rate) * (
                f(reward) + follows
            )
            s = after
            if ended:
                state, s = environment.reset(fold(word, RESETTING))
                break
            if age >= environment.time_limit:
                t += 1  # the program takes a step of its own to update and begin anew
                state, s = environment.reset(fold(fold(key, t), RESETTING))
                break
        returns.append(gain)
    return q, np.array(returns)


@pytest.mark.parametrize(
    "environment",
    [
        rl.frozen_lake("4x4", time_limit=7),
        rl.cliff(height=2, width=4, time_limit=12),
        pytest.param(rl.bandit([0.1, 0.5, 0.4]), marks=pytest.mark.slow),
    ],
    ids=lambda environment: environment.name,
)
def test_the_compiled_program_takes_the_steps_of_the_textbook_loop(environment):
    expected, returns = plain_q_learning(
        environment, 5, episodes=12, learning_rate=0.3, discount=0.9, epsilon=0.2
    )
    agent = rl.QLearning(
        learning_rate=0.3,
        discount=0.9,
        exploration=rl.epsilon_greedy(epsilon=0.2),
        random_state=5,
    ).fit(environment, episodes=12)
    np.testing.assert_allclose(agent.q_values_, expected, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(agent.returns_, returns, rtol=1e-6)


@pytest.mark.parametrize(
    "algorithm",
    [
        "q_learning",
        pytest.param("sarsa", marks=pytest.mark.slow),
        pytest.param("double_q", marks=pytest.mark.slow),
    ],
)
def test_an_agent_alone_and_among_hundreds_is_bitwise_the_same(algorithm):
    rules = [
        rl.greedy(),
        rl.epsilon_greedy(epsilon=1.0, final_epsilon=0.1, decay_episodes=20),
        rl.softmax(temperature=0.05),
        rl.ucb(confidence=0.5),
    ]
    agents = [
        rl.AgentSettings(
            learning_rate=0.1 + 0.8 * (i % 7) / 7,
            visit_power=0.5 * (i % 2),
            discount=0.9 + 0.01 * (i % 5),
            exploration=rules[i % 4],
            seed=i,
        )
        for i in range(LANES + 60)
    ]
    lake = rl.frozen_lake("4x4")
    together = rl.train_agents(lake, algorithm, agents, episodes=30)
    every_kind = algorithm == "q_learning"  # one a kind compiles a program; the kinds are shared
    for i in (0, 1, 2, 3, LANES + 33) if every_kind else (1, LANES + 33):
        alone = rl.train_agents(lake, algorithm, [agents[i]], episodes=30)
        for name in FIELDS:
            np.testing.assert_array_equal(
                getattr(alone, name)[0], getattr(together, name)[i], err_msg=f"{name} of {i}"
            )
    np.testing.assert_array_equal(together.visits.sum(axis=(1, 2)), together.lengths.sum(axis=1))


@pytest.mark.parametrize(  # ice that slips, noisy rewards
    "name", ["frozen_lake", pytest.param("bandit", marks=pytest.mark.slow)]
)
def test_hiding_the_model_changes_no_number(name):
    """Stepping by tables is stepping by the environment's functions, only faster."""
    environment = rl.ENVIRONMENTS[name]()
    agents = [rl.AgentSettings(seed=seed) for seed in range(3)]
    runs = [
        rl.train_agents(task, "q_learning", agents, episodes=20)
        for task in (environment, rl.without_model(environment))
    ]
    for field in FIELDS:
        np.testing.assert_array_equal(getattr(runs[0], field), getattr(runs[1], field))


def test_q_learning_reaches_the_exact_values_of_a_slippery_lake():
    """Learning rates 1/N^0.8, all actions tried alike: the largest error falls below 0.05."""
    lake = rl.frozen_lake("4x4")
    exact = rl.value_iteration(lake.model, 0.9).q_values
    agent = rl.QLearning(
        learning_rate=1.0,
        visit_power=0.8,
        discount=0.9,
        exploration=rl.epsilon_greedy(epsilon=1.0),
    )
    errors = []
    for episodes in (100, 1000, 30_000):
        agent.fit(lake, episodes=episodes)
        tried = agent.visits_.sum(axis=1) > 0
        errors.append(np.abs(agent.q_values_ - exact)[tried].max())
    assert errors[2] < errors[1] < errors[0]
    assert errors[2] < 0.05


@pytest.mark.parametrize(
    ("task", "known", "settings", "episodes"),
    [
        # High first values draw the agent across an ice field of which only the goal pays.
        (
            rl.frozen_lake("8x8", slippery=False),
            1.0,
            {"initial_value": 1.0, "exploration": rl.epsilon_greedy(epsilon=0.6)},
            20_000,
        ),
        (rl.taxi(), 7.93, {"exploration": rl.epsilon_greedy(epsilon=0.5)}, 10_000),
    ],
    ids=["frozen_lake 8x8", "taxi"],
)
def test_q_learning_reaches_the_known_optimum(task, known, settings, episodes, record_property):
    """Every action has one outcome there, so the deterministic update is exact.

    The largest error of all values of all states that can be met is that of 32 bits: 1.2e-7 and
    1.7e-6 were found.
    """
    agent = rl.QLearning(learning_rate=1.0, discount=0.99, **settings).fit(task, episodes=episodes)
    exact = rl.value_iteration(task.model, 0.99).q_values
    error = float(np.abs(agent.q_values_ - exact)[task.model.reachable].max())
    record_property("largest error of Q", error)
    assert error < 1e-5
    learnt = mean_return(task.model, shares_of(agent.q_values_), task.time_limit)
    assert learnt == pytest.approx(best_return(task), abs=1e-9)
    assert learnt == pytest.approx(known, abs=0.005)


def test_on_the_cliff_sarsa_learns_the_safe_way_and_q_learning_the_short_one():
    """While exploring, Sarsa falls less; the greedy policy of Q-learning is shorter."""
    settings = [rl.AgentSettings(learning_rate=0.5, discount=1.0, seed=seed) for seed in range(50)]
    task = rl.cliff()
    q = rl.train_agents(task, "q_learning", settings, episodes=500)
    sarsa = rl.train_agents(task, "sarsa", settings, episodes=500)
    gap = sarsa.returns[:, -100:].mean(axis=1) - q.returns[:, -100:].mean(axis=1)
    assert gap.mean() > 5 * gap.std() / np.sqrt(len(gap))

    def steps(policy):
        return len(rl.rollout(task, policy, rl.seed_key(0)))

    assert np.median([steps(p) for p in q.policies[:15]]) == 13
    assert np.median([steps(p) for p in sarsa.policies[:15]]) > 13


@pytest.mark.slow
def test_double_q_learning_overestimates_less():
    """One step of no worth, then ten arms of mean -0.1: the maximum over noise looks good."""
    arms = 10
    table_reward = np.zeros((2, arms, 1))
    table_reward[1] = -0.1
    noise = np.zeros_like(table_reward)
    noise[1] = 1.0
    ended = np.zeros((2, arms, 1), bool)
    ended[1], ended[0, 1:] = True, True
    model = rl.TransitionModel(
        probability=np.ones((2, arms, 1)),
        next_state=np.ones((2, arms, 1), int),
        reward=table_reward,
        ended=ended,
        start=np.array([1.0, 0.0]),
        reward_noise=noise,
    )
    task = rl.numbered_environment("maximisation bias", model, time_limit=10)
    agents = [rl.AgentSettings(discount=1.0, seed=seed) for seed in range(64)]
    bias = {
        algorithm: rl.train_agents(task, algorithm, agents, episodes=300).visits[:, 0, 0].mean()
        for algorithm in ("q_learning", "double_q")
    }
    # Exploring alone (ε = 0.1 over ten actions) takes the bad action in 1 to 10 % of the episodes.
    assert bias["double_q"] < 0.6 * bias["q_learning"]


@pytest.mark.catalogue("RLE-08", "CMP-32")
def test_on_a_bandit_never_exploring_is_worse():
    """ε = 0 against ε > 0 on the ten-armed testbed, 24 problems of 20 agents, paired by problem."""
    levels = {"0": 0.0, "0.01": 0.01, "0.1": 0.1}
    scores = np.zeros((3, 24))
    for problem in range(24):
        task = rl.bandit(seed=problem)
        agents = [
            rl.AgentSettings(
                learning_rate=1.0,
                visit_power=1.0,
                exploration=rl.epsilon_greedy(epsilon=epsilon),
                seed=seed,
            )
            for epsilon in levels.values()
            for seed in range(20)
        ]
        runs = rl.train_agents(task, "q_learning", agents, episodes=1000)
        scores[:, problem] = runs.returns.mean(axis=1).reshape(3, 20).mean(axis=1)
    ranking = rank_axis("epsilon", list(levels), scores, unit="reward", margin=0.01)
    assert ranking.rows[-1].level == "0"
    for pair in ranking.pairs:
        if pair.level == "0":
            assert pair.verdict == "worse"
            assert pair.p_corrected < 0.001


def test_the_regret_of_ucb_grows_like_a_logarithm():
    """From 1000 to 10,000 pulls UCB's regret grows by far less than the tenfold of ε-greedy's."""
    means = [0.2, 0.5, 0.8]
    task = rl.bandit(means, rewards="bernoulli")
    rules = [rl.epsilon_greedy(epsilon=0.1), rl.ucb(confidence=2**0.5)]
    agents = [
        rl.AgentSettings(learning_rate=1.0, visit_power=1.0, exploration=rule, seed=seed)
        for rule in rules
        for seed in range(30)
    ]
    gaps = 0.8 - np.array(means)
    growth = []
    for episodes in (1000, 10_000):
        runs = rl.train_agents(task, "q_learning", agents, episodes=episodes)
        np.testing.assert_allclose(runs.visits.sum(axis=(1, 2)), episodes)
        growth.append((runs.visits[:, 0] @ gaps).reshape(2, 30).mean(axis=1))
    ratio = growth[1] / growth[0]
    assert ratio[0] > 7
    assert ratio[1] < 3


def test_softmax_takes_actions_in_the_ratio_of_their_weights():
    """Values 0 and 1 at temperature 1: e / (1 + e) = 0.731 of the choices."""
    task = rl.bandit([0.0, 1.0], noise=0.0)
    agents = [
        rl.AgentSettings(learning_rate=1.0, exploration=rl.softmax(temperature=1.0), seed=seed)
        for seed in range(20)
    ]
    visits = rl.train_agents(task, "q_learning", agents, episodes=2000).visits.sum(axis=(0, 1))
    share = visits[1] / visits.sum()
    expected = np.e / (1 + np.e)
    # Until both arms are tried the values are 0 and the odds even: a few pulls an agent.
    assert share == pytest.approx(expected, abs=5 * 0.5 / np.sqrt(40_000) + 0.002)


def test_equal_seeds_meet_equal_chances_whatever_the_settings():
    """Common random numbers: with no freedom to act, two learning rates see the same episodes."""
    lake = rl.frozen_lake("4x4")
    rule = rl.epsilon_greedy(epsilon=1.0)
    agents = [rl.AgentSettings(learning_rate=rate, exploration=rule, seed=7) for rate in (0.1, 0.9)]
    runs = rl.train_agents(lake, "q_learning", agents, episodes=50)
    np.testing.assert_array_equal(runs.lengths[0], runs.lengths[1])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning_rate": 0.0}, r"learning_rate must be in \(0, 1\]; got 0"),
        ({"learning_rate": np.array([0.5, 1.5])}, r"learning_rate must be in \(0, 1\]"),
        ({"discount": 1.1}, r"discount must be in \[0, 1\]; got 1.1"),
        ({"visit_power": -1.0}, "visit_power must be >= 0"),
        ({"initial_value": float("nan")}, "initial_value must be finite"),
        ({"exploration": "curious"}, "Unknown exploration 'curious'"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(RecipeError, match=message):
        rl.QLearning(**settings).fit(rl.chain(4), episodes=2)


def test_an_agent_that_learnt_nothing_can_not_act():
    with pytest.raises(RecipeError, match="QLearning must be fitted before it acts"):
        rl.QLearning().act(0)


def test_what_can_not_be_learnt_by_table_is_refused():
    with pytest.raises(DataError, match=r"arrays of shape \(4,\). Take DQN"):
        rl.QLearning().fit(rl.cart_pole())
    endless = rl.Environment(
        name="endless",
        reset=lambda key: (jnp.int32(0), jnp.int32(0)),
        step=lambda s, a, key: (s, s, jnp.float32(0), jnp.asarray(False)),
        n_actions=1,
        n_observations=1,
    )
    with pytest.raises(DataError, match=r"has not ended after 100,000 steps. Give the environment"):
        rl.QLearning().fit(endless, episodes=1)
    with pytest.raises(RecipeError, match="at least one agent and one episode; got 0 and 5"):
        rl.train_agents(rl.chain(3), "q_learning", [], episodes=5)
    with pytest.raises(RecipeError, match=r"Unknown algorithm 'q_lerning'. Did you mean"):
        rl.train_agents(rl.chain(3), "q_lerning", [rl.AgentSettings()], episodes=5)


def test_absurd_rewards_diverge_in_one_agent_and_not_in_its_neighbours():
    table = [[[(1.0, 0, 3e38, False)], [(1.0, 0, 1.0, True)]]]
    task = rl.numbered_environment("absurd", rl.TransitionModel.from_lists(table), time_limit=50)
    agents = [
        rl.AgentSettings(discount=discount, learning_rate=1.0, exploration=rl.greedy(), seed=0)
        for discount in (0.0, 1.0)
    ]
    runs = rl.train_agents(task, "q_learning", agents, episodes=5)
    assert runs.diverged.tolist() == [False, True]


def test_negative_rewards_teach_the_shorter_way():
    found = rl.QLearning(learning_rate=1.0, discount=1.0).fit(
        rl.grid_world("S...\n.##.\n...G", step_reward=-1.0, goal_reward=-1.0), episodes=300
    )
    assert found.q_values_[0].max() == pytest.approx(-5)
