"""Where k-means starts."""

import numpy as np
import pytest
from scipy import stats

from gradlab.cluster import KMeans
from gradlab.cluster.rows import read_rows
from gradlab.cluster.seeding import SEEDINGS, plus_plus, random_data, random_points
from gradlab.cluster.team import team


def start(seeding, x, k, seeds=(0,), weights=None):
    """Return the starts, in the units of x."""
    with team() as crew:
        rows = read_rows(x, weights, crew)
        randoms = [np.random.RandomState(seed) for seed in seeds]
        return [rows.outer(one) for one in seeding(rows, k, randoms, crew)]


def test_random_points_fill_the_box(rng):
    x = rng.normal(size=(500, 2)) * [1, 100] + [0, 1000]
    points = start(random_points, x, 4000)[0]
    low, high = x.min(0), x.max(0)
    assert (points >= low).all()
    assert (points <= high).all()
    for column, least, most in zip(points.T, low, high, strict=True):
        assert stats.kstest(column, "uniform", (least, most - least)).pvalue > 0.01


def test_random_data_are_different_rows(rng):
    x = rng.normal(size=(30, 2))
    for seed in range(20):
        chosen = start(random_data, x, 30, [seed])[0]
        assert len(np.unique(chosen, axis=0)) == 30
        assert set(map(tuple, chosen)) == set(map(tuple, x))


@pytest.mark.parametrize("seeding", [random_data, plus_plus])
def test_rows_are_drawn_by_their_weight(seeding):
    x = np.arange(4.0)[:, None] + 1e-9
    weights = np.array([0.0, 1.0, 2.0, 3.0])
    first = [s[0, 0] for s in start(seeding, x, 1, range(3000), weights)]
    counts = np.bincount(np.round(first).astype(int), minlength=4)
    assert counts[0] == 0
    assert stats.chisquare(counts[1:], 500 * weights[1:]).pvalue > 0.001


def test_plus_plus_draws_by_the_squared_distance(monkeypatch):
    # Without the greedy choice: one candidate. First row 0, then chances 1 : 4 : 9.
    monkeypatch.setattr("gradlab.cluster.seeding.np.log", lambda k: -1.0)
    x = np.array([[0.0], [1.0], [2.0], [3.0]])
    second = [s[1, 0] for s in start(plus_plus, x, 2, range(3000)) if s[0, 0] == 0]
    counts = np.bincount(np.array(second, int), minlength=4)
    assert counts[0] == 0
    assert stats.chisquare(counts[1:], len(second) * np.array([1, 4, 9]) / 14).pvalue > 0.001


def test_plus_plus_takes_the_best_of_its_draws():
    # Two far groups: after a row of one, a candidate in the other always leaves less.
    x = np.concatenate([np.zeros((50, 1)), np.full((50, 1), 100.0)])
    x = x + np.random.default_rng(0).normal(size=x.shape)
    for chosen in start(plus_plus, x, 2, range(50)):
        assert (chosen > 50).sum() == 1


def test_plus_plus_finds_every_distinct_row_among_many_copies():
    distinct = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32) + 5
    x = np.repeat(distinct, 3000, axis=0)
    for chosen in start(plus_plus, x, 12, range(5)):
        assert len(np.unique(chosen, axis=0)) == 12


def test_plus_plus_begins_better_than_random_rows(rng):
    centres = rng.normal(size=(20, 5)) * 20
    x = np.repeat(centres, 50, axis=0) + rng.normal(size=(1000, 5))

    def first_distortion(init, seed):
        return KMeans(20, init=init, n_init=1, random_state=seed).fit(x).history_[0]

    careful, plain = (
        [first_distortion(init, seed) for seed in range(20)]
        for init in ("k-means++", "random_data")
    )
    assert np.median(careful) < 0.2 * np.median(plain)


@pytest.mark.parametrize("seeding", SEEDINGS.values())
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_start_is_the_same_alone_and_among_others(seeding, dtype, rng):
    x = rng.normal(size=(70_000, 20)).astype(dtype)
    together = start(seeding, x, 9, range(5))
    for seed in (0, 3):
        np.testing.assert_array_equal(start(seeding, x, 9, [seed])[0], together[seed])


@pytest.mark.parametrize("seeding", SEEDINGS.values())
def test_extreme_scales(seeding):
    x = np.random.default_rng(0).normal(size=(50, 2))
    for scale in (1e-30, 1e30):
        chosen = start(seeding, (x * scale).astype(np.float32), 5)[0]
        assert np.isfinite(chosen).all()
        assert len(np.unique(chosen, axis=0)) == 5
