"""Searching ranges of settings: what each way promises, on functions and in training."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gradlab as gl
from gradlab.errors import RecipeError
from gradlab.lab.proposals import most_promising, narrowed, spread_out
from gradlab.lab.search import search

SMALL = gl.Recipe(hidden=(8,), epochs=8, batch_size=16)
WHOLE = np.array([[0.0, 1.0]])


def forrester(x):
    """Forrester, Sóbester and Keane 2008, turned over: a broad top, and the true one at 0.7572."""
    return -((6 * x - 2) ** 2) * np.sin(12 * x - 4)


def trials_until_near(seed, propose, most=40):
    """Return how many trials it takes to come within 1 % of the range of values to the top."""
    generator = np.random.default_rng(seed)
    points = generator.random((4, 1))
    while len(points) < most:
        values = forrester(points[:, 0])
        if values.max() > 6.0207 - 0.01 * 22:
            break
        points = np.concatenate([points, propose(points, values, generator)])
    return len(points)


@pytest.mark.catalogue("HPO-04")
def test_expected_improvement_needs_fewer_trials_than_chance():
    def by_process(points, values, generator):
        return most_promising(points, values, 1, generator)

    def by_chance(points, values, generator):
        return generator.random((1, 1))

    counts = {
        way: [trials_until_near(seed, way) for seed in range(8)] for way in (by_process, by_chance)
    }
    assert max(counts[by_process]) < 25
    assert np.median(counts[by_process]) <= 0.6 * np.median(counts[by_chance])


def test_points_proposed_together_differ():
    points = np.random.default_rng(0).random((6, 2))
    values = -((points - 0.4) ** 2).sum(axis=1)
    new = most_promising(points, values, 4, np.random.default_rng(1))
    gaps = np.linalg.norm(new[:, None] - new[None], axis=2)
    assert gaps[~np.eye(4, dtype=bool)].min() > 1e-3
    assert ((new >= 0) & (new <= 1)).all()


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=4),
    st.lists(st.floats(0, 1), min_size=4, max_size=4),
)
def test_a_narrowed_box_lies_in_the_old_one_and_holds_the_best(best, corners):
    d = len(best)
    low = 0.5 * np.array(corners[:d])
    box = np.stack([low, low + 0.5], axis=1)
    inside = low + 0.5 * np.array(best)
    new = narrowed(box, inside)
    np.testing.assert_allclose(np.diff(new, axis=1), 0.5 * np.diff(box, axis=1), atol=1e-12)
    assert (new[:, 0] >= box[:, 0] - 1e-12).all()
    assert (new[:, 1] <= box[:, 1] + 1e-12).all()
    assert (new[:, 0] <= inside + 1e-12).all()
    assert (inside <= new[:, 1] + 1e-12).all()


@given(st.integers(1, 20), st.integers(1, 3), st.integers(0, 100))
def test_spread_out_points_leave_no_slice_empty(n, d, seed):
    points = spread_out(n, np.tile([2.0, 4.0], (d, 1)), np.random.default_rng(seed))
    for side in points.T:
        assert sorted(np.floor((side - 2) / 2 * n).astype(int)) == list(range(n))


@pytest.fixture(scope="module")
def found():
    ranges = {"learning_rate": (1e-5, 10.0), "l2": (0.0, 0.1)}
    return search("iris", ranges, SMALL, method="narrowing", trials=12, rounds=3)


@pytest.mark.catalogue("HPO-01")
def test_ranges_narrow_round_by_round_and_the_best_gets_no_worse(found):
    assert [trial.round for trial in found.trials] == [1] * 4 + [2] * 4 + [3] * 4
    rates = [np.log10(np.divide(*drawn["learning_rate"][::-1])) for drawn in found.ranges]
    np.testing.assert_allclose(rates, [6, 3, 1.5], rtol=1e-9)
    widths = [np.diff(drawn["l2"])[0] for drawn in found.ranges]
    np.testing.assert_allclose(widths, [0.1, 0.05, 0.025], rtol=1e-9)
    for trial in found.trials:
        for name, value in trial.settings.items():
            low, high = found.ranges[trial.round - 1][name]
            assert low <= value <= high
    best = [max(t.score for t in found.trials if t.round <= number) for number in (1, 2, 3)]
    assert best == sorted(best)
    assert found.best.score == best[-1] > 0.85


def test_the_table_the_recipe_and_the_words_tell_of_the_same_trial(found):
    top = found.table.row(0, named=True)
    assert top["validation_score"] == found.best.score
    assert top["learning_rate"] == found.recipe.learning_rate
    assert found.recipe.l2 == found.best.settings["l2"]
    assert found.sentences[0].startswith("Of 12 recipes learning_rate=")
    assert "flattered by the choice" in found.sentences[-1]


@pytest.mark.parametrize("method", ["random", "bayesian"])
def test_the_same_seed_searches_the_same_way(method):
    def run():
        return search("iris", {"learning_rate": (1e-4, 1.0)}, SMALL, method=method, trials=8)

    one, other = run(), run()
    assert one.table.equals(other.table)
    assert len(one.trials) == 8
    assert {trial.round for trial in one.trials} == ({1} if method == "random" else {*range(1, 7)})


def test_whole_numbers_stay_whole():
    ranges = {"hidden": (2, 64), "batch_size": (8, 32)}
    found = search("iris", ranges, SMALL, method="random", trials=5, folds=2)
    for trial in found.trials:
        assert all(isinstance(value, int) for value in trial.settings.values())
        assert trial.recipe.hidden == (trial.settings["hidden"],)
    assert f"hidden={found.recipe.hidden[0]}, batch_size=" in found.sentences[0]


def test_progress_counts_the_whole_search():
    told = []
    search(
        "iris",
        {"dropout": (0.0, 0.5)},
        SMALL,
        trials=4,
        rounds=2,
        folds=2,
        progress=lambda done, total: told.append((done, total)),
    )
    assert [done for done, _ in told] == list(range(1, 9))
    assert {total for _, total in told} == {8}


@pytest.mark.parametrize(
    ("ranges", "options", "words"),
    [
        ({}, {}, "ranges: give at least one"),
        ({"optimizer": ("sgd", "adam")}, {}, "Names are compared by gl.compare"),
        ({"dropout": (0.5, 0.1)}, {}, "goes from 0.5 to 0.1"),
        ({"dropout": (0.0, float("inf"))}, {}, "two numbers"),
        ({"dropout": (0.0, 1.5)}, {}, "dropout"),
        ({"drop_out": (0.0, 0.5)}, {}, "Did you mean 'dropout'"),
        ({"dropout": (0.0, 0.5)}, {"method": "grid"}, "Unknown method 'grid'"),
        ({"dropout": (0.0, 0.5)}, {"trials": 0}, "trials is a whole number"),
        ({"dropout": (0.0, 0.5)}, {"trials": 2, "rounds": 3}, "rounds is a whole number"),
    ],
)
def test_mistakes_are_told(ranges, options, words):
    with pytest.raises(RecipeError, match=words):
        search("iris", ranges, SMALL, **options)
