"""Trajectories, histories and the four elements of reinforcement learning."""

from itertools import product

import jax.numpy as jnp
import numpy as np
import pytest

import gradlab.rl as rl
from gradlab.errors import DataError, RecipeError
from gradlab.rl.keys import below
from gradlab.rl.wrappers import remembered


def wander(observation, key):
    return below(key, 4)


@pytest.mark.catalogue("RLE-01")
def test_a_trajectory_records_action_reward_and_observation_in_order():
    """A_t on O_t brings R_{t+1} and O_{t+1}: each record is an outcome of the model."""
    lake = rl.frozen_lake("8x8")
    path = rl.rollout(lake, wander, rl.seed_key(3))
    assert len(path.observations) == len(path.actions) + 1 == len(path.rewards) + 1
    model = lake.model
    for t, action in enumerate(path.actions):
        outcomes = zip(
            model.next_state[path.observations[t], action],
            model.reward[path.observations[t], action],
            model.ended[path.observations[t], action],
            strict=True,
        )
        assert (path.observations[t + 1], path.rewards[t], path.ended[t]) in list(outcomes)
    assert path.ended[-1]
    assert not path.ended[:-1].any()


@pytest.mark.catalogue("RLE-02")
def test_a_policy_chooses_from_the_action_set_and_changes_the_state():
    world = rl.grid_world("S...\n....\n...G")
    path = rl.rollout(world, wander, rl.seed_key(0), steps=60)
    assert set(path.actions.tolist()) <= set(range(world.n_actions))
    for action, change in enumerate((0, 1, 4, 0)):  # up, right, down, left of the upper left cell
        state, _ = world.reset(rl.seed_key(0))
        after, *_ = world.step(state, action, rl.seed_key(1))
        assert int(after) == change
    with pytest.raises(RecipeError, match="one action for each of 12 observations"):
        rl.rollout(world, np.zeros(5, int), rl.seed_key(0))
    with pytest.raises(DataError, match=r"Actions of 'grid_world' are 0 … 3; the policy took"):
        rl.rollout(world, np.full(12, 4), rl.seed_key(0))


@pytest.mark.catalogue("RLE-03")
def test_a_return_is_the_sum_of_the_rewards():
    task = rl.cliff(height=2, width=4)
    policy = np.array([1, 1, 1, 2, 0, 0, 0, 0])  # up, along the edge, down
    path = rl.rollout(task, policy, rl.seed_key(0))
    assert path.rewards.shape == (5,)
    assert path.discounted() == path.rewards.sum() == -5
    by_hand = sum(reward * 0.9**k for k, reward in enumerate(path.rewards.tolist()))
    assert path.discounted(0.9) == pytest.approx(by_hand, rel=1e-12)
    assert rl.evaluate(task, policy, episodes=3, discount=0.9) == pytest.approx(by_hand)


@pytest.mark.catalogue("RLE-04")
def test_all_or_part_of_the_observation_makes_the_state():
    """Down, right, right, up: who sees only the row can't go right and up in the same one."""
    world = rl.grid_world("S#G\n...", time_limit=50)
    rows = rl.with_observation(world, lambda cell: cell // 3, n_observations=2)
    for view, numbers in ((world, [0, 3, 4, 5, 2]), (rows, [0, 1, 1, 1, 0])):
        state, seen = view.reset(rl.seed_key(0))
        met = [(int(state), int(seen))]
        for action in (2, 1, 1, 0):
            state, seen, _, ended = view.step(state, action, rl.seed_key(1))
            met.append((int(state), int(seen)))
        assert met == list(zip([0, 3, 4, 5, 2], numbers, strict=True))  # state, observation
        assert bool(ended)
    # What the agent learns by is formed from what it sees.
    assert rl.QLearning().fit(rows, episodes=20).q_values_.shape == (2, 4)
    best = rl.value_iteration(world.model, 0.9).policy
    assert _reaches_the_goal(world, best)
    for in_row in product(range(4), repeat=2):
        assert not _reaches_the_goal(world, np.repeat(in_row, 3))
    # The vacuum cleaner has the three views as settings.
    views = [rl.vacuum(["DOD"], observe=view).n_observations
             for view in ("everything", "place and battery", "place")]  # fmt: skip
    assert views[0] > views[1] > views[2] == 3


def _reaches_the_goal(world, policy) -> bool:
    """Follow a policy for as many steps as there are cells, by the model: each step is certain."""
    state = 0
    for _ in range(len(policy)):
        if world.model.ended[state, policy[state], 0]:
            return world.model.reward[state, policy[state], 0] > 0
        state = world.model.next_state[state, policy[state], 0]
    return False


@pytest.mark.catalogue("RLE-05")
def test_the_state_recomputed_from_the_history_is_the_same():
    lake = rl.frozen_lake("4x4")
    task = rl.with_memory(lake, 3)
    path = rl.rollout(task, wander, rl.seed_key(4), steps=30)
    history = rl.History(int(path.observations[0]) % 16)

    def last_three(history):
        return remembered(history.observations, 16, 3)

    assert history.state(last_three) == path.observations[0]
    for t in range(len(path)):
        seen = int(path.states[0][t + 1])  # the cell itself: what the lake shows
        history.append(int(path.actions[t]), float(path.rewards[t]), seen)
        assert len(history) == t + 1
        assert history.state(last_three) == path.observations[t + 1]
    assert history.actions == path.actions.tolist()
    assert history.rewards == path.rewards.tolist()


@pytest.mark.catalogue("RLE-06")
def test_policy_reward_value_and_model_can_each_be_replaced():
    lake = rl.frozen_lake("4x4", slippery=False)
    safe = rl.value_iteration(lake.model, 0.9)
    # Policy: the same environment, two rules for actions.
    assert rl.evaluate(lake, safe.policy, episodes=5).mean() == 1
    assert rl.evaluate(lake, wander, episodes=200).mean() < 0.2
    # Reward signal: paying for every step instead, an episode earns its length.
    paid = rl.with_reward(lake, lambda state, action, reward, ended: jnp.ones_like(reward))
    path = rl.rollout(paid, safe.policy, rl.seed_key(0))
    assert path.rewards.sum() == len(path) == 6
    # Value function: high first values make a greedy agent try everything.
    agents = [
        rl.AgentSettings(initial_value=value, exploration=rl.greedy(), learning_rate=0.5)
        for value in (0.0, 1.0)
    ]
    runs = rl.train_agents(lake, "q_learning", agents, episodes=100)
    tried = (runs.visits > 0).sum(axis=(1, 2))
    assert tried[1] > tried[0]
    # Model: exact methods read it, agents do without.
    blind = rl.without_model(lake)
    assert blind.model is None
    learnt = rl.QLearning(learning_rate=1.0, discount=0.9, initial_value=1.0).fit(
        blind, episodes=300
    )
    assert rl.evaluate(lake, learnt.policy_, episodes=5).mean() == 1


def test_rollouts_repeat_with_their_key_and_differ_without():
    lake = rl.frozen_lake("8x8")
    one, two, three = (rl.rollout(lake, wander, rl.seed_key(seed)) for seed in (1, 1, 2))
    assert one.observations.tolist() == two.observations.tolist()
    assert one.observations.tolist() != three.observations.tolist()


def test_an_environment_without_a_limit_needs_a_number_of_steps():
    forever = rl.cart_pole(time_limit=None)
    with pytest.raises(RecipeError, match="has no time limit; say after how many steps"):
        rl.rollout(forever, lambda seen, key: 0, rl.seed_key(0))
    with pytest.raises(RecipeError, match="at least one step; got steps=0"):
        rl.rollout(forever, lambda seen, key: 0, rl.seed_key(0), steps=0)


def test_regret_adds_up_what_was_missed():
    np.testing.assert_allclose(rl.regret([[1.0, 0.0], [1.0, 1.0]], 1.0), [[0, 1], [0, 0]])
