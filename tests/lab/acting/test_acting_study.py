import json

import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.errors import DataError, RecipeError
from gradlab.lab.acting.asking import act_study
from gradlab.lab.acting.exact import best_return, mean_return, shares_of
from gradlab.lab.acting.levels import exploration_of, for_network
from gradlab.lab.acting.play import returns_of_table
from gradlab.lab.acting.unit import unit_of
from gradlab.lab.acting.verdicts import verdict_sentences
from gradlab.lab.ranking import rank_axis
from gradlab.rl import Environment, bandit, chain, cliff, frozen_lake, vacuum

LEVELS = ["greedy", "epsilon:0.1"]


@pytest.fixture(scope="module")
def arms():
    """Arms that pay now and then, one of them mostly: who stays with the first that pays loses."""
    return act_study(
        bandit([0.3, 0.3, 0.3, 0.9], rewards="bernoulli"),
        vary={"exploration": LEVELS},
        seeds=20,
        episodes=400,
    )


@pytest.mark.catalogue("RLE-08")
def test_exploring_beats_greed_on_a_bandit(arms):
    ranking = arms.after["exploration"]
    assert ranking.leader == "ε-greedy 0.1"
    found = ranking.difference("ε-greedy 0.1", "greedy")
    assert found.verdict == "better"
    assert found.low > 0
    learnt = arms.learning["exploration"].difference("ε-greedy 0.1", "greedy")
    assert learnt.verdict == "better"
    assert arms.sentences[0].startswith("Exploring agents win ")
    assert "than greedy ones after training." in arms.sentences[0]


def test_scores_are_exact_and_the_best_is_known(arms):
    assert arms.optimum == pytest.approx(0.9)
    scores = arms.scores("after")
    # A greedy policy of one state earns the mean of the arm it chose, and of no other.
    assert set(np.unique(scores.round(6))) == {0.3, 0.9}
    assert any("best possible is 0.9 reward a pull" in sentence for sentence in arms.sentences)


def test_results_are_written_whole(arms, tmp_path):
    arms.save(tmp_path)
    told = json.loads((tmp_path / "results.json").read_text())
    assert told["vary"] == {"exploration": ["greedy", "ε-greedy 0.1"]}
    assert len(told["runs"]) == 40
    assert told["rankings"]["after"]["exploration"][0]["level"] == "ε-greedy 0.1"
    page = (tmp_path / "report.html").read_text()
    for words in ("Exploring agents win", "Regret: what learning has cost", "Who acts best"):
        assert words in page
    assert (tmp_path / "runs.csv").read_text().count("\n") == 41


def test_vacuum_greedy_and_exploring_and_the_battery_never_below_0():
    study = act_study(
        "vacuum", vary={"exploration": LEVELS}, seeds=2, episodes=100,
        settings={"plan": ["D.D", "O.D", "D.D"], "battery": 80},
    )  # fmt: skip
    assert study.scores("after").shape == (2, 2)
    assert np.isfinite(study.scores("after")).all()
    assert np.isfinite(study.scores("learning")).all()
    world = study.environment
    for state in range(world.model.n_states):  # every situation that any agent can get into
        words = world.describe(state).split("battery ")[1]
        assert int(words.split(" %")[0]) >= 0
    assert study.optimum >= 3.0


@pytest.mark.parametrize("make", [chain, frozen_lake, cliff])
def test_the_optimal_policy_earns_the_best_return(make):
    world = make()
    from gradlab.rl.value_iteration import value_iteration

    horizon = value_iteration(world.model, 1.0, horizon=world.time_limit)
    best = best_return(world)
    earned = mean_return(world.model, shares_of(horizon.q_values), world.time_limit)
    # One policy for all times left: at the limit's edge it may lose a little, never win.
    assert earned <= best + 1e-9
    assert earned == pytest.approx(best, rel=0.02)


def test_exact_and_played_returns_agree():
    world = frozen_lake("4x4")
    q_values = np.random.default_rng(0).normal(size=(16, 4))
    exact = mean_return(world.model, shares_of(q_values), world.time_limit)
    played = returns_of_table(world, q_values, episodes=4000, seed=3)
    error = played.std() / np.sqrt(len(played)) + 1e-9
    assert abs(played.mean() - exact) < 4 * error


def test_a_run_is_the_same_alone_and_in_a_group():
    pair = act_study("chain", vary={"exploration": LEVELS}, seeds=[3, 8], episodes=30)
    alone = act_study("chain", seeds=[8], episodes=30, settings={"exploration": "epsilon:0.1"})
    (same,) = [run for run in pair.runs if run.cell == 1 and run.seed == 8]
    np.testing.assert_array_equal(same.returns, alone.runs[0].returns)
    np.testing.assert_array_equal(same.q_values, alone.runs[0].q_values)


def test_networks_are_compared_too():
    study = act_study(
        "chain",
        "dqn",
        vary={"exploration": ["epsilon:0.5", "softmax:1"]},
        seeds=2,
        steps=400,
        settings={"hidden": (8,), "warm_up": 64, "learn_every": 1},
    )
    assert [cell.name for cell in study.cells] == ["ε-greedy 0.5", "softmax 1"]
    assert all(run.network is not None and run.q_values.shape == (4, 2) for run in study.runs)


def test_a_stop_keeps_what_is_finished(monkeypatch):
    from gradlab.lab.acting import asking as module

    whole = module.train_cells

    def interrupted(*arguments, **settings):
        for count, news in enumerate(whole(*arguments, **settings)):
            if count > 6:
                raise KeyboardInterrupt
            yield news

    monkeypatch.setattr(module, "train_cells", interrupted)
    study = act_study("chain", vary={"exploration": LEVELS}, seeds=4, episodes=20)
    assert 0 < len(study.runs) < 8
    assert study.missing == 8 - len(study.runs)
    assert f"Stopped early: {len(study.runs)} of 8 runs" in study.sentences[-1]


@pytest.mark.parametrize(
    ("text", "kind", "first", "last"),
    [
        ("greedy", "epsilon_greedy", 0.0, 0.0),
        ("epsilon:0.1", "epsilon_greedy", 0.1, 0.1),
        ("Epsilon:1-0.05", "epsilon_greedy", 1.0, 0.05),
        ("softmax:0.5", "softmax", 0.5, 0.5),
        ("ucb:2", "ucb", 2.0, 2.0),
    ],
)
def test_exploration_is_read_from_text(text, kind, first, last):
    found = exploration_of(text, episodes=10)
    assert found.kind == kind
    assert (found.level[0], found.level[-1]) == (first, last)


def test_a_network_explores_as_it_is_told():
    assert for_network(exploration_of("epsilon:1-0.1"), steps=100) == {
        "epsilon": 1.0, "final_epsilon": 0.1, "epsilon_steps": 50,
    }  # fmt: skip
    assert for_network(exploration_of("softmax:2"), steps=100)["temperature"] == 2.0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"environment": "vacum"}, "Did you mean 'vacuum'"),
        ({"environment": "no_map.txt"}, "The map no_map.txt can't be read"),
        ({"environment": "cart_pole"}, "Use agent dqn"),
        ({"environment": "chain", "agent": "qlearning"}, "Did you mean 'q_learning'"),
        ({"environment": "chain", "vary": {"exploration": ["epsilon:2", "greedy"]}}, "got 2"),
        ({"environment": "chain", "vary": {"exploration": ["epsilom", "greedy"]}}, "Type greedy"),
        ({"environment": "chain", "vary": {"exploration": ["ucb:x", "greedy"]}}, "no number"),
        ({"environment": "chain", "vary": {"exploration": ["greedy"]}}, "at least two levels"),
        ({"environment": "chain", "vary": {"learning_rat": [0.1, 0.2]}}, "Did you mean 'learning"),
        ({"environment": "chain", "vary": {"hidden": [8, 16]}}, "hidden is a setting of dqn"),
        ({"environment": "chain", "vary": {"learning_rate": [0.1, 2]}}, "at most 1; got 2"),
        ({"environment": "chain", "vary": {"discount": [0.9, 0.9]}}, "there twice"),
        ({"environment": "chain", "vary": {"discount": [0, 1]}, "seeds": 1}, "at least 2 seeds"),
        ({"environment": "chain", "seeds": 0}, "from 1; got 0"),
        ({"environment": "chain", "episodes": 0}, "at least 1, or nothing is learnt"),
        ({"environment": "chain", "agent": "dqn", "episodes": 9}, "dqn counts steps"),
        ({"environment": "chain", "steps": 9}, "counts episodes"),
        ({"environment": "chain", "settings": {"lenght": 4}}, "Did you mean 'length'"),
        (
            {"environment": "chain", "settings": {"discount": 0.9}, "vary": {"discount": [0, 1]}},
            "both set and varied",
        ),
        (
            {"environment": "chain", "agent": "dqn", "vary": {"exploration": ["ucb:1", "greedy"]}},
            "counts how often each state",
        ),
    ],
)  # fmt: skip
def test_mistakes_are_told_with_a_way_out(arguments, words):
    with pytest.raises((RecipeError, DataError), match=words):
        act_study(**arguments)


def test_a_map_in_a_file_becomes_its_environment(tmp_path):
    for text, name in (("S.#\n..G\n", "grid_world"), ("SFF\nFHG\n", "frozen_lake")):
        path = tmp_path / f"{name}.txt"
        path.write_text(text)
        study = act_study(str(path), seeds=2, episodes=20)
        assert study.environment.name == name
        assert "".join(study.environment.drawing.text) == text.replace("\n", "")
    (tmp_path / "bad.txt").write_text("S.\n..G\n")
    with pytest.raises(DataError, match="row 2"):
        act_study(str(tmp_path / "bad.txt"), seeds=2)


def test_a_reward_that_is_no_number_is_told():
    def step(state, action, key):
        return state + 1, state + 1, jnp.where(state > 2, jnp.nan, 1.0), state > 5

    broken = Environment(
        "broken", lambda key: (jnp.int32(0), jnp.int32(0)), step, 2, (), 9, 20
    )  # fmt: skip
    with pytest.raises(DataError, match="'broken' returned a reward that is not finite: episode 1"):
        act_study(broken, seeds=2, episodes=3)


def test_verdicts_speak_in_the_unit_of_the_environment():
    draw = np.random.default_rng(0)
    noise = draw.normal(scale=0.3, size=20)
    scores = np.stack([3.0 + noise, 1.3 + noise + draw.normal(scale=0.2, size=20)])
    ranking = rank_axis("exploration", ["softmax", "greedy"], scores, unit="rooms", margin=0.03)
    (sentence,) = verdict_sentences(ranking, unit_of("vacuum"), when="after training")
    assert sentence.startswith("softmax cleans 1.69 more rooms [")
    assert sentence.endswith("than greedy after training.")
    same = rank_axis("a", ["x", "y"], np.stack([noise, noise]), unit="rooms", margin=0.03)
    assert "practically equal" in verdict_sentences(same, unit_of("vacuum"), when="now")[0]


@pytest.mark.catalogue("WE-37")
def test_the_robot_of_the_documents_explores_the_new_room():
    world = vacuum("documents")
    assert best_return(world) == 1.0
    state, _ = world.reset(jnp.uint32(0))
    state, _, cleaned, _ = world.step(state, jnp.int32(1), jnp.uint32(1))
    assert "battery 11 %" in world.describe(state)  # 30 - 19
    state, _, _, ended = world.step(state, jnp.int32(4), jnp.uint32(2))
    assert "battery 1 %" in world.describe(state)  # 30 - 19 - 10: a margin of 1 %
    assert bool(ended)
    assert float(cleaned) == 1.0
    state, _ = world.reset(jnp.uint32(0))
    state, _, _, _ = world.step(state, jnp.int32(4), jnp.uint32(2))
    assert "battery 20 %" in world.describe(state)  # not exploring leaves 20 % at the outlet
