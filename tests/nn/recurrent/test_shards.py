"""A batch split over two CPU devices gives the numbers of the whole; in a process of its own."""

import subprocess
import sys

import numpy as np
import pytest

from gradlab.nn.recurrent import LSTMCell, Recurrent
from gradlab.nn.weights import Weights

TWO_DEVICES = """
import jax

jax.config.update("jax_num_cpu_devices", 2)
jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp
import numpy as np

from gradlab.nn.random import row_key
from gradlab.nn.weights import Weights
from gradlab.nn.padded import Padded
from gradlab.nn.recurrent import Bidirectional, GRUCell, LSTMCell, Recurrent
from gradlab.nn.recurrent.wrappers import DropoutWrapper

weights = [Weights("xavier_uniform", layer=i, dtype=np.float64) for i in range(2)]
lstm, gru = LSTMCell.create(weights[0], 3, 5), GRUCell.create(weights[1], 3, 5)
dropped = DropoutWrapper.create(gru, output_rate=0.5)
x = np.random.default_rng(0).normal(size=(4, 6, 3))
lengths = np.array([6, 0, 3, 2], np.int32)


def check(build, given):
    def total(layer):
        key = row_key(0, 1, jnp.arange(4))
        y = layer(given, (), key=key, training=True)[0]
        return ((y.values if isinstance(y, Padded) else y) ** 2).sum()

    whole, split = (
        jax.jit(jax.grad(total))(jax.tree.map(jnp.asarray, build(shards))) for shards in (1, 2)
    )
    for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(split), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)


check(lambda shards: Recurrent(lstm, outputs="last", shards=shards), x)
check(lambda shards: Recurrent(dropped, reverse=True, shards=shards), Padded(x, lengths))
check(lambda shards: Bidirectional(lstm, gru, shards=shards), Padded(x, lengths))
assert Recurrent(lstm, shards=2)(x[:3], ())[0].shape == (3, 6, 5)
"""


def test_shards_give_the_numbers_and_gradients_of_the_whole_batch():
    done = subprocess.run([sys.executable, "-c", TWO_DEVICES], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_too_few_devices_are_told():
    layer = Recurrent(LSTMCell.create(Weights(), 3, 5), shards=64)
    with pytest.raises(Exception, match=r"shards=64 needs as many devices; this process has \d"):
        layer(np.ones((64, 2, 3), np.float32), ())
