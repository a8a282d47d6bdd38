"""Hidden Markov models, against sums over all paths."""

import itertools

import numpy as np
import pytest
from scipy.stats import norm

from gradlab.errors import DataError, RecipeError
from gradlab.generative.hidden_markov import HiddenMarkov


def all_paths(start, steps, emission):
    """Return p(x, path) of every path; `emission` is (time, states)."""
    time, n_states = emission.shape
    found = {}
    for path in itertools.product(range(n_states), repeat=time):
        p = start[path[0]] * emission[0, path[0]]
        for t in range(1, time):
            p *= steps[path[t - 1], path[t]] * emission[t, path[t]]
        found[path] = p
    return found


def emissions_of(model, x):
    if model.emissions == "categorical":
        return model.emissions_[:, np.searchsorted(model.symbols_, x)].T
    x = np.reshape(x, (len(x), -1))
    deviations = np.sqrt(model.variances_)
    return norm(model.means_[None], deviations[None]).pdf(x[:, None, :]).prod(axis=2)


CASES = {
    "numbers": ("gaussian", lambda rng: [rng.normal(size=n) for n in (6, 5, 1, 6)]),
    "points": ("gaussian", lambda rng: rng.normal(size=(4, 5, 2))),
    "symbols": ("categorical", lambda rng: rng.integers(0, 4, size=(5, 6))),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_the_sum_over_all_paths(case, rng):
    """ln p(x), the probability of each state, and the best path, by enumeration."""
    kind, make = CASES[case]
    X = make(rng)
    model = HiddenMarkov(3, emissions=kind, max_iter=3, random_state=0).fit(X)
    scores, decoded, known = model.score_samples(X), model.decode(X), model.state_probabilities(X)
    for i, x in enumerate(X):
        ways = all_paths(model.start_, model.transitions_, emissions_of(model, x))
        assert scores[i] == pytest.approx(np.log(sum(ways.values())), rel=1e-9)
        assert ways[tuple(decoded[i])] == pytest.approx(max(ways.values()), rel=1e-9)
        plain = np.zeros((len(x), 3))
        for path, p in ways.items():
            plain[np.arange(len(x)), path] += p
        assert known[i] == pytest.approx(plain / sum(ways.values()), abs=1e-9)


@pytest.mark.parametrize("case", CASES)
def test_each_round_is_better(case, rng):
    kind, make = CASES[case]
    X = make(rng)
    model = HiddenMarkov(2, emissions=kind, tol=0.0, max_iter=30, random_state=0).fit(X)
    assert (np.diff(model.history_) > -1e-7).all()
    assert model.history_[-1] == pytest.approx(model.score_samples(X).sum())
    assert model.restarts_.max() == pytest.approx(model.history_[-1])
    assert model.transitions_.sum(axis=1) == pytest.approx(1)


def weather(rng, n, time):
    """Return sequences of two lasting states with emissions at −3 and 3."""
    steps = np.array([[0.9, 0.1], [0.2, 0.8]])
    states = np.zeros((n, time), int)
    for t in range(1, time):
        states[:, t] = (rng.random(n) > steps[states[:, t - 1], 0]).astype(int)
    return rng.normal(np.where(states == 0, -3.0, 3.0), [[1.0]]), states


def test_parameters_are_found_again(rng):
    X, states = weather(rng, 40, 50)
    model = HiddenMarkov(2, random_state=0).fit(X)
    order = np.argsort(model.means_[:, 0])
    assert model.means_[order, 0] == pytest.approx([-3, 3], abs=0.2)
    assert model.variances_[order, 0] == pytest.approx([1, 1], abs=0.2)
    assert model.transitions_[np.ix_(order, order)] == pytest.approx(
        np.array([[0.9, 0.1], [0.2, 0.8]]), abs=0.05
    )
    found = np.argsort(order)[np.array(model.decode(X))]
    assert (found == states).mean() > 0.98
    again = HiddenMarkov(2, random_state=0).fit(X)
    assert (again.transitions_ == model.transitions_).all()
    alone = model.score_samples(X[:1])
    assert alone == pytest.approx(model.score_samples(X)[:1], rel=1e-12)


def test_samples_are_of_the_chain(rng):
    X, _ = weather(rng, 40, 50)
    model = HiddenMarkov(2, random_state=0).fit(X)
    made, states = model.sample_states(400, seed=1)
    assert made.shape == states.shape == (400, 50)
    assert (made == model.sample(400, seed=1)).all()
    # Sequences it makes itself are as likely as those it has learnt from.
    assert model.score(made) == pytest.approx(model.score(X), abs=3)
    stays = np.mean(states[:, 1:][states[:, :-1] == 1] == 1)
    assert stays == pytest.approx(model.transitions_[1, 1], abs=0.03)
    for i in (0, 1):
        assert made[states == i].mean() == pytest.approx(model.means_[i, 0], abs=0.05)
    assert model.sample(2, length=7).shape == (2, 7)
    words = HiddenMarkov(2, emissions="categorical", random_state=0).fit(["aab", "abbbb", "b"])
    made = words.sample(2000)
    assert made.shape == (2000, 5)
    assert set(np.unique(made)) <= {"a", "b"}
    states = words.sample_states(2000)[1]
    for i in (0, 1):
        assert np.mean(made[states == i] == "b") == pytest.approx(words.emissions_[i, 1], abs=0.03)


@pytest.mark.parametrize("scale", [1e-8, 1e8])
def test_units_do_not_matter(scale, rng):
    X, _ = weather(rng, 5, 20)
    plain, scaled = (HiddenMarkov(2, random_state=0).fit(x) for x in (X, scale * X))
    assert scaled.means_ / scale == pytest.approx(plain.means_, rel=1e-6)
    assert scaled.score(scale * X) + 20 * np.log(scale) == pytest.approx(plain.score(X), rel=1e-6)


def test_awkward_sequences():
    flat = HiddenMarkov(2).fit(np.full((3, 4), 7.0))
    assert np.isfinite(flat.score_samples(np.full((2, 4), 7.0))).all()
    assert flat.sample(2) == pytest.approx(7.0, abs=1.5)
    one = HiddenMarkov(3).fit([[1.0]])
    assert one.sample(2).shape == (2, 1)
    zero_column = HiddenMarkov(2).fit(np.stack([np.zeros((3, 5)), np.arange(15.0).reshape(3, 5)],
                                               axis=2))  # fmt: skip
    assert np.isfinite(zero_column.means_).all()
    few = HiddenMarkov(5, emissions="categorical").fit([[1, 2]])
    assert np.isfinite(few.score([[2, 2]]))
    assert len(few.decode([[2, 1, 1]])[0]) == 3


def test_bad_input():
    numbers = HiddenMarkov(2).fit([[0.0, 1.0], [2.0, 1.0]])
    words = HiddenMarkov(2, emissions="categorical").fit(["ab", "ba"])
    for make, error, message in (
        (lambda: HiddenMarkov(0).fit([[0.0]]), RecipeError, "n_states"),
        (lambda: HiddenMarkov(emissions="poisson").fit([[0.0]]), RecipeError, "Known: gaussian"),
        (lambda: HiddenMarkov().fit([np.array([0.0, np.nan])]), DataError, "sequence 0"),
        (lambda: HiddenMarkov().fit([np.array([])]), DataError, "at least 1 example"),
        (lambda: HiddenMarkov().fit([np.ones((2, 2)), np.ones((2, 3))]), DataError, "2 features"),
        (lambda: HiddenMarkov().fit([["a", "b"]]), ValueError, "could not convert"),
        (lambda: HiddenMarkov().fit([]), ValueError, "at least one"),
        (lambda: HiddenMarkov(emissions="categorical").fit("abc"), DataError, "One sequence is"),
        (lambda: HiddenMarkov(emissions="categorical").fit([[0.5]]), DataError, "measured"),
        (lambda: words.score_samples(["abc"]), DataError, "step 2 .*got .*'c'"),
        (lambda: numbers.score_samples(np.ones((1, 2, 3))), DataError, "1 features, as in fit"),
        (lambda: numbers.sample(0), RecipeError, "n: expected"),
    ):
        with pytest.raises(error, match=message):
            make()
