import jax.numpy as jnp
import numpy as np

from gradlab.rl import seed_key
from gradlab.rl.deep.replay import Transitions, empty_replay, packed, recall, remember, unpacked


def some(n: int, first: int = 0) -> Transitions:
    numbers = jnp.arange(first, first + n, dtype=jnp.float32)
    return Transitions(
        observations=numbers[:, None] * jnp.array([[1.0, 10.0]]),
        actions=jnp.arange(n) % 3,
        rewards=-numbers,
        next_observations=numbers[:, None] * jnp.array([[2.0, 20.0]]),
        ended=(numbers % 2).astype(jnp.float32),
    )


def test_rows_hold_what_was_packed():
    before = some(5)
    for name, value in unpacked(packed(before))._asdict().items():
        np.testing.assert_array_equal(value, getattr(before, name), err_msg=name)


def test_the_oldest_rows_are_written_over():
    replay = empty_replay(size=4, features=2)
    for first in (0, 2, 4):
        replay = remember(replay, packed(some(2, first)))
    held = sorted(np.asarray(unpacked(replay.rows).rewards).tolist())
    assert held == [-5.0, -4.0, -3.0, -2.0]


def test_draws_come_from_what_is_held_alone_and_alike_often():
    replay = remember(empty_replay(size=100, features=2), packed(some(5)))
    drawn = -np.asarray(recall(replay, seed_key(0), 5000).rewards)
    counts = np.bincount(drawn.astype(int), minlength=100)
    assert counts[5:].sum() == 0
    # 1000 expected of each; five standard deviations of a binomial count.
    assert np.all(np.abs(counts[:5] - 1000) < 5 * np.sqrt(5000 * 0.2 * 0.8))
