"""The chain rule: along a chain of functions, and along the paths of a network."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.explanation import chain_rule, explain
from gradlab.training.recipe import Recipe


@pytest.mark.catalogue("BPG-02", "WE-10")
def test_apples_ripen_six_times_as_fast_as_lemons(float64):
    speeds = (1.5, 2.0, 2.0)  # banana of lemon, orange of banana, apple of orange
    chain = chain_rule([lambda x, s=s: s * x for s in speeds], at=3.0)
    assert chain.product == 6
    assert str(chain) == "2 × 2 × 1.5 = 6"
    functions = [jnp.sin, lambda x: x**3 - x, jnp.exp, jnp.tanh]

    def composed(x):
        for function in functions:
            x = function(x)
        return x

    for at in (-1.3, 0.2, 0.9):
        chain = chain_rule(functions, at=at)
        assert chain.product == pytest.approx(float(jax.grad(composed)(at)), rel=1e-12)
        assert chain.values[-1] == pytest.approx(float(composed(at)), rel=1e-12)


def test_all_paths_of_a_weight_add_up_to_its_gradient(rng):
    recipe = Recipe(hidden=(3, 2), activation="tanh", optimizer="sgd")
    x, y = rng.normal(size=(2, 2)), np.array([0, 1])
    e = explain(recipe, x, y, weight="layer 1[1, 2]")
    _, ways = e.chosen
    assert ways.complete
    assert len(ways.paths) == 2  # over two units of the second layer
    assert sum(path.product for path in ways.paths) == pytest.approx(
        ways.of_rows[ways.row], rel=1e-12
    )
    assert ways.of_rows.sum() == pytest.approx(e.gradient("layer 1[1, 2]"), rel=1e-12)
    assert abs(ways.rest) < 1e-15


def test_the_rest_of_too_many_paths_is_told(rng):
    recipe = Recipe(hidden=(4, 4, 4), activation="tanh", optimizer="sgd")
    e = explain(recipe, rng.normal(size=(1, 2)), np.array([0.5]), weight="layer 1[0, 0]")
    _, ways = e.chosen
    assert not ways.complete
    shown = sum(path.product for path in ways.paths)
    assert shown + ways.rest == pytest.approx(e.gradient("layer 1[0, 0]"), rel=1e-12)
    assert "all other ways" in e.markdown()
