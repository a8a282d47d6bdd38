"""The exponential moving average."""

import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.optim.moving_average import moving_average, window


@pytest.mark.catalogue("OPT-29")
@pytest.mark.parametrize("decay", [0.5, 0.9, 0.99])
def test_a_step_signal_is_reached_up_to_decay_to_the_t(decay, float64):
    del float64
    t = np.arange(1, 201)
    np.testing.assert_allclose(moving_average(jnp.ones(200), decay), 1 - decay**t, rtol=1e-10)


@pytest.mark.parametrize("decay", [0.9, 0.99])
def test_the_window_holds_63_percent_of_the_weight(decay, float64):
    del float64
    n = round(window(decay))
    share = moving_average(jnp.ones(n), decay)[-1]
    assert share == pytest.approx(1 - np.exp(-1), abs=0.02)


def test_recent_values_weigh_more(float64):
    del float64
    responses = [moving_average(jnp.eye(5)[i], 0.9)[-1].item() for i in range(5)]
    np.testing.assert_allclose(responses, 0.1 * 0.9 ** np.arange(4, -1, -1))
