"""Our optimizers walk PyTorch's paths, step by step, at ordinary and at absurd learning rates."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from safetensors.numpy import load_file

from gradlab.optim import OPTIMIZERS

ORACLE = load_file(Path(__file__).parents[1] / "oracles" / "optimizers.safetensors")

# Where PyTorch's form is one of several that we offer.
PARAMETERS = {
    "adagrad": {"epsilon": 1e-7, "epsilon_placement": "outside"},
    "rmsprop": {"epsilon": 1e-8, "epsilon_placement": "outside"},
    "adamw": {"weight_decay": 0.01},
}
NAMES = ["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adadelta", "adam", "adamw"]


def quadratic(params):
    weight, bias = params["weight"], params["bias"]
    own = jnp.sum(ORACLE["curvature.weight"] * weight**2) / 2
    own += jnp.sum(ORACLE["curvature.bias"] * bias**2) / 2
    return own + ORACLE["couple"].item() * jnp.sum(weight) * jnp.sum(bias)


@pytest.mark.parametrize("case", ["ordinary", "absurd"])
@pytest.mark.parametrize("name", NAMES)
def test_path_equals_torch(name, case, float64):
    del float64
    learning_rate = ORACLE[f"{name}.{case}.learning_rate"].item()
    optimizer = OPTIMIZERS[name].factory(learning_rate, **PARAMETERS.get(name, {}))
    params = {leaf: jnp.asarray(ORACLE[f"start.{leaf}"]) for leaf in ("weight", "bias")}

    def step(carry, _):
        params, state = carry
        updates, state = optimizer.update(jax.grad(quadratic)(params), state, params)
        params = optax.apply_updates(params, updates)
        return (params, state), params  # Nesterov's are the look-ahead points, as in PyTorch

    _, path = jax.lax.scan(step, (params, optimizer.init(params)), length=20)
    for leaf in ("weight", "bias"):
        expected = ORACLE[f"{name}.{case}.{leaf}"]
        assert np.all(np.isfinite(expected))
        scale = np.max(np.abs(expected), axis=tuple(range(1, expected.ndim)), keepdims=True)
        np.testing.assert_allclose(path[leaf] / scale, expected / scale, rtol=0, atol=1e-11)
