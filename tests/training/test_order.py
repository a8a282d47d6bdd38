import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradlab.training.order import PADDING, batch_order, steps_per_epoch

ROWS = np.array([3, 4, 9, 12, 20, 21, 22], np.int32)


@pytest.mark.catalogue("SPL-06")
@given(
    n_rows=st.integers(1, 60),
    batch_size=st.integers(1, 70),
    seed=st.integers(0, 2**63 - 1),
    first=st.integers(0, 1000),
    shuffle=st.booleans(),
)
def test_every_row_comes_once_an_epoch(n_rows, batch_size, seed, first, shuffle):
    rows = np.arange(100, 100 + n_rows, dtype=np.int32)
    order = batch_order(
        rows, seed=seed, epochs=range(first, first + 3), batch_size=batch_size, shuffle=shuffle
    )
    updates = -(-n_rows // batch_size)
    assert steps_per_epoch(n_rows, batch_size) == updates
    assert order.shape == (3, updates, batch_size)
    for epoch in order:
        seen = epoch[epoch != PADDING]
        assert sorted(seen) == rows.tolist()


def test_only_the_end_of_the_last_batch_is_padded():
    order = batch_order(ROWS, seed=1, epochs=range(4), batch_size=3, n_steps=5)
    flat = order.reshape(4, -1)
    assert np.all(flat[:, :7] != PADDING)
    assert np.all(flat[:, 7:] == PADDING)


@pytest.mark.parametrize("epochs", [range(1), range(5, 6), range(3, 9), range(5, 7)])
def test_an_epoch_is_the_same_whatever_range_is_asked(epochs):
    whole = batch_order(ROWS, seed=4, epochs=range(10), batch_size=2)
    part = batch_order(ROWS, seed=4, epochs=epochs, batch_size=2)
    np.testing.assert_array_equal(part, whole[epochs.start : epochs.stop])


def test_more_steps_add_only_empty_batches():
    short = batch_order(ROWS, seed=4, epochs=range(2), batch_size=2)
    long = batch_order(ROWS, seed=4, epochs=range(2), batch_size=2, n_steps=6)
    np.testing.assert_array_equal(long[:, :4], short)
    assert np.all(long[:, 4:] == PADDING)


def test_epochs_and_seeds_are_shuffled_differently():
    rows = np.arange(50, dtype=np.int32)
    orders = [
        batch_order(rows, seed=seed, epochs=range(epoch, epoch + 1), batch_size=50)[0, 0]
        for seed in range(3)
        for epoch in range(3)
    ]
    assert len({order.tobytes() for order in orders}) == 9


def test_first_place_is_uniform():
    rows = np.arange(5, dtype=np.int32)
    first = batch_order(rows, seed=0, epochs=range(2000), batch_size=5)[:, 0, 0]
    counts = np.bincount(first, minlength=5)
    # Each count is binomial(2000, 1/5) with standard deviation 17.9; five of them within 4.
    assert np.all(np.abs(counts - 400) < 4 * 17.9)


def test_without_shuffling_rows_keep_their_order():
    order = batch_order(ROWS[::-1], seed=4, epochs=range(3), batch_size=7, shuffle=False)
    assert order.tolist() == [[ROWS[::-1].tolist()]] * 3
