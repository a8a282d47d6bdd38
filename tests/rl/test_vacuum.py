"""The robot vacuum cleaner of the documents."""

from importlib import import_module

import jax.numpy as jnp
import numpy as np
import pytest

import gradlab.rl as rl
from gradlab.errors import DataError, RecipeError
from gradlab.lab.ranking import rank_axis

RIGHT, RETURN = 1, 4


def battery_of(picture: str) -> int:
    return int(picture.split("battery ")[1].split(" %")[0])


def explore_and_return(**costs) -> rl.Trajectory:
    """Clean the new room, then go to the outlet."""
    robot = rl.vacuum("documents", **costs)

    def policy(observation, key):
        return jnp.where(observation == 0, RIGHT, RETURN)

    return rl.rollout(robot, policy, rl.seed_key(0), steps=5)


@pytest.mark.catalogue("RLE-09", "WE-37")
def test_the_new_room_is_feasible_with_29_and_not_with_31_per_cent():
    robot = rl.vacuum("documents")
    path = explore_and_return()
    batteries = [battery_of(picture) for picture in path.pictures(robot)]
    assert batteries == [30, 30 - 19, 30 - 19 - 10]  # 19 + 10 = 29 <= 30, margin 1 %
    assert path.rewards.tolist() == [1.0, 0.0]
    assert path.ended.tolist() == [False, True]

    for costs in ({"clean_cost": 21}, {"return_cost": 12}):  # 31 > 30: it stops on the way
        path = explore_and_return(**costs)
        assert path.rewards.tolist() == [1.0, -2.0]
        assert battery_of(path.pictures(rl.vacuum("documents", **costs))[-1]) == 0

    staying = rl.rollout(robot, lambda observation, key: RETURN, rl.seed_key(0), steps=5)
    assert battery_of(staying.pictures(robot)[-1]) == 20  # not exploring leaves 20 %


def test_all_hangs_on_whether_the_way_back_is_from_the_new_room():
    """From the new room the outlet is two moves of 10 % away: 19 + 20 = 39 > 30."""
    assert explore_and_return(way_back="included").rewards.sum() == 1
    assert explore_and_return(way_back="driven").rewards.tolist() == [1.0, -2.0]
    assert explore_and_return(way_back="driven", battery=39).rewards.sum() == 1


@pytest.mark.parametrize(("clean_cost", "best"), [(19, "explore"), (20, "explore"), (21, "stay")])
def test_the_best_decision_follows_from_the_sum(clean_cost, best):
    model = rl.vacuum("documents", clean_cost=clean_cost).model
    found = rl.value_iteration(model, 1.0)
    assert found.start_value(model) == (1.0 if best == "explore" else 0.0)
    assert (found.policy[0] == RIGHT) == (best == "explore")


def test_the_battery_is_never_below_zero_and_every_episode_ends():
    robot = rl.vacuum()
    rng = np.random.default_rng(0)
    for seed in range(20):
        actions = rng.integers(0, 4, robot.n_observations)
        path = rl.rollout(robot, actions, rl.seed_key(seed), steps=200)
        batteries = [battery_of(picture) for picture in path.pictures(robot)]
        assert min(batteries) >= 0
        assert sorted(batteries, reverse=True) == batteries
        assert path.ended[-1]


@pytest.mark.catalogue("CMP-34")
def test_exploring_robots_clean_more_rooms():
    """Rooms cleaned on the last 100 of 1000 days, 40 robots each, paired by seed."""
    robot = rl.vacuum()
    batteries = [battery_of(robot.describe(s)) for s in range(robot.model.n_states)]
    assert min(batteries) == 0  # never below
    explorations = {
        "greedy": rl.greedy(),
        "epsilon_greedy": rl.epsilon_greedy(epsilon=0.3, final_epsilon=0.0, decay_episodes=800),
    }
    agents = [
        rl.AgentSettings(learning_rate=1.0, discount=0.95, exploration=rule, seed=seed)
        for rule in explorations.values()
        for seed in range(40)
    ]
    runs = rl.train_agents(robot, "q_learning", agents, episodes=1000, record_visits=False)
    scores = runs.returns[:, -100:].mean(axis=1).reshape(2, 40).astype(float)
    ranking = rank_axis("exploration", list(explorations), scores, unit="rooms", margin=0.1)
    assert ranking.rows[0].level == "epsilon_greedy"
    assert ranking.pairs[0].verdict == "worse"  # greedy, paired by seed, at 95 %
    assert ranking.pairs[0].mean < -1.5  # rooms


def test_what_the_robot_sees_can_be_less_than_everything():
    everything = rl.vacuum(observe="everything")
    some = rl.vacuum(observe="place and battery")
    place = rl.vacuum(observe="place")
    assert everything.n_observations > some.n_observations > place.n_observations == 13
    # The task is the same, only seen otherwise.
    for other in (some, place):
        np.testing.assert_array_equal(other.model.next_state, everything.model.next_state)
    assert len(place.drawing.positions) == place.n_observations


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: rl.vacuum("hause"), RecipeError, "Unknown plan 'hause'. Did you mean 'house'"),
        (lambda: rl.vacuum(["S.D"]), DataError, r"exactly one O \(outlet\); this one has 0"),
        (lambda: rl.vacuum(["O.."]), DataError, r"at least one D \(room to clean\)"),
        (lambda: rl.vacuum(["OSSD"]), DataError, "at most one S"),
        (lambda: rl.vacuum(["O#D"]), DataError, "cut the robot off"),
        (lambda: rl.vacuum(battery=0), RecipeError, "battery must be a whole number"),
        (lambda: rl.vacuum(clean_cost=-3), RecipeError, "clean_cost must be a whole number"),
        (lambda: rl.vacuum(empty_penalty=float("inf")), RecipeError, "empty_penalty must be"),
        (lambda: rl.vacuum(observe="nothing"), RecipeError, "Unknown observe 'nothing'"),
        (lambda: rl.vacuum(way_back="flown"), RecipeError, "Unknown way_back 'flown'"),
    ],
)
def test_plans_and_costs_are_checked(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_plan_too_large_for_a_table_is_refused(monkeypatch):
    module = import_module("gradlab.rl.environments.vacuum")
    monkeypatch.setattr(module, "LARGEST_NUMBER_OF_STATES", 100)
    with pytest.raises(RecipeError, match=r"more than 100 situations. Take fewer rooms"):
        rl.vacuum()
