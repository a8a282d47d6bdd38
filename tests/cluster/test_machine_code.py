"""k-means' assignment, the costs of k-means++ and fuzzy sums in machine code, against NumPy's."""

import jax
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gradlab.cluster import assignment, costs, nearest, search, seeding
from gradlab.cluster.assignment import reassign
from gradlab.cluster.bezdek import can_sum, membership_sums
from gradlab.cluster.costs import RUN, run_costs
from gradlab.cluster.lloyd import _Restart
from gradlab.cluster.nearest import targets
from gradlab.cluster.rows import read_rows
from gradlab.cluster.search import Search
from gradlab.cluster.team import team
from gradlab.native.machine import Registers, registers

pytestmark = pytest.mark.skipif(registers() is None, reason="no machine code for this processor")

sizes = {
    "n": st.integers(1, 300),
    "d": st.integers(1, 40),
    "k": st.integers(1, 40),
    "dtype": st.sampled_from([np.float32, np.float64]),
    "weighted": st.booleans(),
    "seed": st.integers(0, 10**6),
}


def table(n, d, dtype, weighted, seed):
    rng = np.random.default_rng(seed)
    weights = rng.integers(0, 4, n) / 2 if weighted else None
    if weighted:
        weights[0] = 1.0
    return rng.normal(size=(n, d)).astype(dtype), weights


def steps(rows, start, crew, n_steps):
    """Return what is known of the rows after each of a few iterations."""
    restart, known = _Restart(rows, start, "reinitialize"), []
    half = len(rows) // 2
    shares = [slice(0, half), slice(half, len(rows))] if half else [slice(0, len(rows))]
    for step in range(1, n_steps + 1):
        restart.aim()
        restart.collect([restart.assign(share) for share in shares])
        restart.n_iter = step
        total = restart.total
        known.append(
            {
                "labels": restart.labels.copy(),
                "expires": restart.expires.copy(),
                "sums": total.sums[:-1].copy(),
                "counts": total.counts[:-1].copy(),
                "drops": np.array(restart.drops),
                "numbers": np.array([restart.n_moved, restart.n_asked]),
            }
        )
        restart.update(crew)
    return known


@settings(max_examples=40)
@given(**sizes)
def test_an_assignment_is_the_one_by_numpy(n, d, k, dtype, weighted, seed):
    x, weights = table(n, d, dtype, weighted, seed)
    start = np.random.default_rng(seed + 1).normal(size=(k, d))
    with team() as crew, pytest.MonkeyPatch.context() as patch:
        rows = read_rows(x, weights, crew)
        assume(rows.plain)  # few rows may lie on one side of the origin
        patch.setattr(nearest, "SEARCHED", 1)
        ours = steps(rows, start, crew, 4)
        patch.setattr(nearest, "can_search", lambda dtype: False)
        plain = steps(rows, start, crew, 4)
    tolerance = 200 * np.finfo(dtype).eps
    for own, other in zip(ours, plain, strict=True):
        for name in ("labels", "counts"):
            np.testing.assert_array_equal(own[name], other[name])
        assert own["numbers"][0] == other["numbers"][0]
        np.testing.assert_allclose(own["sums"], other["sums"], atol=1e-9)
        np.testing.assert_allclose(own["drops"], other["drops"], atol=tolerance * n * d)
        # Where the two nearest are as near, the difference of their distances is rounding's root.
        np.testing.assert_allclose(own["expires"], other["expires"], atol=d * tolerance**0.5)


def test_rows_whose_label_is_sure_are_neither_asked_nor_changed():
    x = np.linspace(-1, 1, 50)[:, None].astype(np.float32)
    c = np.float32([[-1], [1]])
    labels, expires = np.zeros(50, np.intp), np.full(50, 0.5)
    expires[::2] = 0.25
    losses, sums, counts = np.array([0.3, 0.3, 0.0]), np.zeros((3, 2)), np.zeros(3, np.int64)
    find = Search((-2 * c).T, np.vecdot(c, c))
    drop, moved, asked = reassign(
        find, c, losses, (1e-6, 1.0), x, x[:, 0] ** 2, None, labels, expires, sums, counts
    )
    right = x[::2, 0] > 0
    assert asked == 25
    assert moved == right.sum()
    assert (labels[1::2] == 0).all()
    assert (expires[1::2] == 0.5).all()
    np.testing.assert_array_equal(labels[::2], right)
    lead = 2 * np.abs(x[::2, 0])  # |x + 1| - |x - 1|
    np.testing.assert_allclose(expires[::2], 0.3 + lead, atol=2e-3)  # √2e-6, the stated error
    assert (expires[::2] <= 0.3 + lead + 1e-7).all()
    np.testing.assert_allclose(sums[1], [x[::2][right].sum(), right.sum()], rtol=1e-6)
    np.testing.assert_allclose(sums[0], -sums[1])
    np.testing.assert_array_equal(counts, [-moved, moved, 0])
    gain = (x[::2][right] + 1) ** 2 - (x[::2][right] - 1) ** 2
    assert drop == pytest.approx(gain.sum(), rel=1e-5)


def test_a_row_that_gains_nothing_keeps_its_label():
    x = np.ones((9, 3))
    c = np.ones((2, 3)) * 0.5  # two alike: the first is found, but it is no nearer
    labels, expires = np.ones(9, np.intp), np.full(9, -np.inf)
    sums, counts = np.zeros((3, 4)), np.zeros(3, np.int64)
    losses = np.array([0.5, 0.75, 0.0])
    find = Search((-2 * c).T, np.vecdot(c, c))
    found = reassign(
        find, c, losses, (1e-15, 1.0), x, x.sum(1), None, labels, expires, sums, counts
    )
    assert found == (0.0, 0, 9)
    assert (labels == 1).all()
    assert (expires == 0.75).all()
    assert not sums.any()
    assert not counts.any()


@settings(max_examples=40)
@given(**(sizes | {"n": st.integers(1, 1300), "k": st.integers(1, 12)}))
def test_costs_are_those_by_numpy(n, d, k, dtype, weighted, seed):
    x, weights = table(n, d, dtype, weighted, seed)
    rng = np.random.default_rng(seed + 1)
    weights = None if weights is None else weights.astype(dtype)
    points = rng.normal(size=(k + 1, d))
    known = (rng.random(n) * 3 * d).astype(dtype)
    squares = np.vecdot(x, x)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nearest, "SEARCHED", 0)
        aims = targets(points, np.dtype(dtype))
    after = known.copy()
    sums = run_costs(aims.search, x, squares, weights, after)[1 : k + 1]
    exact = ((x[:, None].astype(float) - points) ** 2).sum(-1)
    tolerance = 100 * np.finfo(dtype).eps * (squares.max() + np.vecdot(points, points).max())
    right = np.minimum(exact[:, 0], known)
    np.testing.assert_allclose(after, right, atol=tolerance)
    each = np.minimum(exact[:, 1:], right[:, None])
    each *= 1.0 if weights is None else weights[:, None]
    runs = np.add.reduceat(each, np.arange(0, n, RUN), axis=0).T
    np.testing.assert_allclose(sums, runs, atol=tolerance * RUN, rtol=100 * np.finfo(dtype).eps)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("moved", [0.0, 1e4])
def test_seeding_takes_the_same_rows_with_it_and_without(monkeypatch, weighted, moved):
    x, weights = table(3000, 7, np.float32, weighted, 5)
    x += np.float32(moved)  # then rows are read in inner units
    randoms = [[np.random.RandomState(seed) for seed in range(3)] for _ in range(2)]
    with team() as crew:
        rows = read_rows(x, weights, crew)
        monkeypatch.setattr(nearest, "SEARCHED", 1)
        ours = seeding.plus_plus(rows, 9, randoms[0], crew)
        monkeypatch.setattr(nearest, "can_search", lambda dtype: False)
        plain = seeding.plus_plus(rows, 9, randoms[1], crew)
    np.testing.assert_array_equal(ours, plain)


@pytest.mark.parametrize("known", [Registers(16, 8), Registers(64, 8)])
def test_every_width_of_register_gives_the_same_labels_and_costs(known, monkeypatch):
    x, weights = table(700, 11, np.float32, True, 3)
    start = x[:5].astype(float)

    def found():
        with team() as crew:
            rows = read_rows(x, weights, crew)
            aims = targets(start, x.dtype)
            near = np.full(700, np.inf, np.float32)
            sums = run_costs(aims.search, x, rows.squares, None, near)
            return steps(rows, start, crew, 3), near, sums[1:5]

    monkeypatch.setattr(nearest, "SEARCHED", 0)
    expected = found()
    for module in (search, assignment, costs):
        monkeypatch.setattr(module, "registers", lambda: known)
        monkeypatch.setattr(module, "_code", module._code.__wrapped__)
    again = found()
    np.testing.assert_array_equal(again[1], expected[1])
    np.testing.assert_allclose(again[2], expected[2], rtol=1e-6)
    for own, other in zip(again[0], expected[0], strict=True):
        np.testing.assert_array_equal(own["labels"], other["labels"])
        np.testing.assert_array_equal(own["expires"], other["expires"])


@settings(max_examples=40)
@given(
    blocks=st.integers(1, 3),
    vectors=st.integers(1, 5),
    d=st.integers(1, 20),
    k=st.integers(1, 11),
    dtype=st.sampled_from([np.float32, np.float64]),
    seed=st.integers(0, 10**6),
)
def test_sums_of_fuzzy_memberships_are_those_by_the_formula(blocks, vectors, d, k, dtype, seed):
    rng = np.random.default_rng(seed)
    lanes = registers().lanes(np.dtype(dtype))
    rows = rng.normal(size=(blocks, vectors * lanes, d)).astype(dtype)
    centroids = rng.normal(size=(k, d)).astype(dtype)
    rows[0, 0] = centroids[0]  # belongs to it alone,
    centroids[-1] = centroids[0]  # or to both that lie there in equal parts
    weight = rng.integers(0, 3, rows.shape[:2]).astype(dtype)
    assert can_sum(np.dtype(dtype), rows.shape[1], k, d)
    with jax.enable_x64(dtype is np.float64):
        x = jax.numpy.asarray(rows.swapaxes(1, 2))
        found = jax.jit(membership_sums)(x, jax.numpy.asarray(weight), jax.numpy.asarray(centroids))
        moment, mass, objective, certainty = map(np.asarray, found)

    wide, weights = rows.reshape(-1, d).astype(float), weight.reshape(-1).astype(float)
    squares = ((wide[:, None] - centroids.astype(float)) ** 2).sum(-1)
    at = squares == 0
    with np.errstate(divide="ignore"):
        inverse = np.where(at.any(1, keepdims=True), at, 1 / squares)
    memberships = inverse / inverse.sum(1, keepdims=True)
    parts = memberships**2 * weights[:, None]
    close = {"rtol": 50 * np.finfo(dtype).eps, "atol": 50 * np.finfo(dtype).eps * weights.sum()}
    np.testing.assert_allclose(mass, parts.sum(0), **close)
    np.testing.assert_allclose(moment, parts.T @ wide, **{**close, "atol": 4 * close["atol"]})
    np.testing.assert_allclose(objective, (parts * squares).sum(), **close)
    np.testing.assert_allclose(certainty, weights @ memberships.max(1), **close)


def test_sums_that_would_leave_the_cache_or_the_stack_are_left_to_products():
    assert can_sum(np.dtype(np.float32), 64, 8, 16)
    assert not can_sum(np.dtype(np.float32), 64, 100, 784)
    assert not can_sum(np.dtype(np.float32), 64, 100_000, 1)
    assert not can_sum(np.dtype(np.float32), 63, 8, 16)
