"""Full batch, mini-batch and one sample: the documents' numbers and claims."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.optim import compare_regimes, gradient_variance, optimizer_kind, sgd
from gradlab.optim.regimes import mean_squared_error

X = np.arange(6.0)[:, None]
Y = np.array([0, 0.8, 2.2, 2.3, 4.3, 4.9])


def descend_from(w, batches, rate=0.01):
    """Return w after gradient descent on each batch of row numbers in turn."""
    optimizer, ws = sgd(rate), []
    w = jnp.array([w])
    state = optimizer.init(w)
    for rows in batches:
        gradient = jax.grad(mean_squared_error)(w, jnp.asarray(X[rows]), jnp.asarray(Y[rows]))
        updates, state = optimizer.update(gradient, state, w)
        w = w + updates
        ws.append(w[0].item())
    return ws


@pytest.mark.catalogue("GDM-02", "GDM-10", "LOS-03")
def test_line_fit_by_gradient_descent(float64):
    del float64
    x, y = jnp.asarray(X), jnp.asarray(Y)
    start = jnp.array([0.2])
    assert mean_squared_error(start, x, y) == pytest.approx(5.658333, abs=5e-7)
    assert jax.grad(mean_squared_error)(start, x, y)[0] == pytest.approx(-14.266667, abs=5e-7)
    ws = descend_from(0.2, [slice(None)] * 5)
    assert ws == pytest.approx([0.342667, 0.459178, 0.554329, 0.632035, 0.695495], abs=5e-7)
    losses = [float(mean_squared_error(jnp.array([w]), x, y)) for w in ws]
    assert losses == pytest.approx([3.809532, 2.576484, 1.754110, 1.205631, 0.839827], abs=5e-7)


@pytest.mark.catalogue("GDM-11", "WE-12")
def test_line_fit_by_single_samples(float64):
    del float64
    fresh = descend_from(0.2, [[2], [4]])
    assert fresh == pytest.approx([0.272, 0.528960], abs=5e-7)
    # The document keeps the table of predictions made with w = 0.2, and prints products for
    # differences: (2.2 * 0.4) would give 0.2352.
    stale = 0.272 + 0.01 * 2 * (4.3 - 0.8) * 4
    assert stale == pytest.approx(0.552)
    assert pytest.approx(0.2352) == 0.2 + 0.01 * 2 * (2.2 * 0.4) * 2
    assert descend_from(0.2, [slice(None)])[0] == pytest.approx(0.342667, abs=5e-7)
    least_squares = float(X[:, 0] @ Y / (X[:, 0] @ X[:, 0]))
    assert least_squares == pytest.approx(0.978182, abs=5e-7)


@pytest.fixture(scope="module")
def regimes():
    """300 rows, 40 passes: each regime settles, so its noise at the end can be seen."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((300, 5)).astype(np.float32)
    y = (x @ np.arange(5) + rng.standard_normal(300)).astype(np.float32)
    results = compare_regimes(x, y, epochs=40, learning_rate=0.05, batch_size=32)
    return {result.name: result for result in results}


def share_of_rises(result):
    return np.mean(np.diff(result.loss_curve) > 0)


@pytest.mark.catalogue("GDM-03", "GDM-13")
def test_full_batch_is_smooth_and_mini_batch_jagged(regimes):
    full, mini = regimes["full batch"], regimes["mini-batch"]
    assert full.updates_per_epoch == 1
    assert share_of_rises(full) == 0
    assert 0.2 < share_of_rises(mini) < 0.8
    assert len(full.loss_curve) == 40 + 1
    assert len(mini.loss_curve) == 40 * 10 + 1


@pytest.mark.catalogue("GDM-04", "WE-12")
def test_one_sample_makes_n_noisy_updates(regimes):
    full, one = regimes["full batch"], regimes["one sample"]
    assert one.updates_per_epoch == 300
    assert np.var(one.loss_curve[-300:]) > 100 * np.var(full.loss_curve[-10:])
    assert descend_from(0.2, [[2], [4]]) == pytest.approx([0.272, 0.528960], abs=1e-6)


@pytest.mark.catalogue("GDM-06", "GDM-05")
@pytest.mark.parametrize("batch_size", [1, 7, 64, 1999, 2000])
def test_updates_per_epoch_are_n_over_b_rounded_up(batch_size):
    x, y = np.ones((2000, 1), np.float32), np.ones(2000, np.float32)
    (mini,) = (
        result
        for result in compare_regimes(x, y, epochs=2, learning_rate=0.1, batch_size=batch_size)
        if result.name == "mini-batch"
    )
    assert mini.updates_per_epoch == -(-2000 // batch_size)
    assert mini.samples_touched == 4000


@pytest.mark.catalogue("GDM-06")
def test_variance_of_a_batch_gradient_is_one_over_its_size(rng):
    x = rng.standard_normal((500, 3)).astype(np.float32)
    y = rng.standard_normal(500).astype(np.float32)
    sizes = np.array([1, 4, 16, 64])
    n_draws = 4000
    variances = [
        gradient_variance(np.ones(3, np.float32), x, y, batch_size=int(size), n_draws=n_draws)
        for size in sizes
    ]
    slope = np.polyfit(np.log(sizes), np.log(variances), 1)[0]
    assert slope == pytest.approx(-1, abs=0.1)


@pytest.mark.catalogue("GDM-12", "CMP-02")
def test_table_of_costs_has_the_signs_that_the_documents_claim(regimes):
    full, mini, one = (regimes[name] for name in ("full batch", "mini-batch", "one sample"))
    assert full.updates < mini.updates < one.updates
    assert full.samples_touched == mini.samples_touched == one.samples_touched == 12_000
    assert full.batch_bytes > mini.batch_bytes > one.batch_bytes  # memory
    assert full.seconds_per_update > 2 * one.seconds_per_update  # speed of an update
    assert share_of_rises(full) < share_of_rises(mini) < share_of_rises(one)  # stability
    assert one.final_loss > full.final_loss  # accuracy at the same rate


@pytest.mark.catalogue("GDM-14", "CMP-15")
def test_small_batches_update_more_often_and_need_fewer_rows(regimes):
    full, mini, one = (regimes[name] for name in ("full batch", "mini-batch", "one sample"))
    assert full.updates_per_epoch < mini.updates_per_epoch < one.updates_per_epoch
    for result in (full, mini, one):
        assert result.seconds_per_update == pytest.approx(result.seconds / result.updates)
    rows_to_half = [
        int(np.argmax(result.loss_curve <= 0.5 * result.loss_curve[0])) * result.batch_size
        for result in (full, mini, one)
    ]
    assert rows_to_half[0] > 5 * rows_to_half[1] > 5 * rows_to_half[2]


@pytest.mark.catalogue("OPT-01")
def test_sgd_is_the_update_of_all_three_regimes():
    assert optimizer_kind("SGD").factory is sgd
    assert descend_from(1.0, [[1]], rate=0.1) == pytest.approx([1 - 0.1 * 2 * (1 - 0.8)])
