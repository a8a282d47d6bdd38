import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.errors import DataError
from gradlab.nn import BatchNorm, Dense, Dropout, PReLU, Sequential, n_parameters


@pytest.mark.parametrize("shape", [(5, 3), (5, 7, 3), (5, 2, 2, 3)])
def test_dense_maps_the_last_axis(shape, rng):
    weight, bias = rng.normal(size=(3, 4)), rng.normal(size=4)
    x = rng.normal(size=shape)
    y, state = Dense(weight.astype(np.float32), bias.astype(np.float32))(x.astype(np.float32), ())
    assert state == ()
    np.testing.assert_allclose(y, x @ weight + bias, atol=1e-5)


def test_without_bias_zero_maps_to_zero():
    y, _ = Dense(jnp.ones((3, 2)))(jnp.zeros((4, 3)), ())
    assert not y.any()


def test_another_number_of_features_is_refused():
    with pytest.raises(DataError, match=r"takes rows of 64 features; got x of shape \(8, 65\)"):
        Dense(jnp.ones((64, 10)), jnp.zeros(10))(jnp.ones((8, 65)), ())


def test_parameters_are_counted_without_fixed_numbers():
    net = Sequential(
        (
            Dense(jnp.ones((256, 100)), jnp.zeros(100)),
            BatchNorm(100),
            PReLU(100),
            Dropout(rate=0.5),
            Dense(jnp.ones((100, 26)), jnp.zeros(26)),
        )
    )
    assert n_parameters(net) == (28_200 + 126) + 200 + 1
