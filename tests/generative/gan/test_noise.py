import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from gradlab.errors import RecipeError
from gradlab.generative.gan import PRIORS, draw_noise
from gradlab.nn.random import row_key


@pytest.mark.catalogue("GEN-14")
@pytest.mark.parametrize("size", [1, 3, 100])
def test_priors_have_their_distribution_and_are_seeded(size):
    n = 60_000 // size
    normal = draw_noise(n, size, prior="normal", seed=4)
    uniform = draw_noise(n, size, prior="uniform", seed=4)
    assert normal.shape == uniform.shape == (n, size)
    assert stats.kstest(normal.ravel(), "norm").pvalue > 0.001
    assert stats.kstest(uniform.ravel(), stats.uniform(-1, 2).cdf).pvalue > 0.001
    np.testing.assert_array_equal(normal, draw_noise(n, size, prior="normal", seed=4))
    assert (normal != draw_noise(n, size, prior="normal", seed=5)).any()


@pytest.mark.parametrize("prior", PRIORS)
def test_training_draws_the_same_distribution_as_sampling(prior):
    key = row_key(3, 0, jnp.arange(50))
    on_device = PRIORS[prior](key, 7)
    np.testing.assert_allclose(on_device, draw_noise(50, 7, prior=prior, seed=3), atol=2e-6)


def test_fewer_rows_are_a_part_of_more():
    np.testing.assert_array_equal(draw_noise(9, 5, seed=1)[:4], draw_noise(4, 5, seed=1))


def test_unknown_prior():
    with pytest.raises(RecipeError, match="Did you mean 'normal'"):
        draw_noise(1, 1, prior="normale")
