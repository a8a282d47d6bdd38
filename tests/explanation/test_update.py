"""The parts of a step add up to the step, for every optimizer, at every step."""

import numpy as np
import optax
import pytest

from gradlab.explanation import explain
from gradlab.explanation.update import SPLITS
from gradlab.nn.dense import Dense
from gradlab.optim import OPTIMIZERS
from gradlab.training.recipe import Recipe


def test_every_optimizer_is_split():
    assert set(SPLITS) == set(OPTIMIZERS)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_parts_add_up_to_the_step(name, rng):
    x, y = rng.normal(size=(3, 2)), rng.normal(size=(3, 2))
    decay = {"weight_decay": 0.1} if name in ("adamw", "lion", "sgd") else {}
    e = explain(
        Dense(rng.normal(size=(2, 2)), np.zeros(2)), x, y, recipe=Recipe(optimizer=name, **decay)
    )
    for step in range(3):
        e = e.after() if step else e
        for parameter, change in zip(e.parameters, e.taken.change, strict=True):
            parts = parameter.parts
            np.testing.assert_allclose(parts.change, change, rtol=1e-9, atol=1e-15)
            np.testing.assert_allclose(parameter.new, parameter.value + change, atol=1e-15)
        remembers = name not in ("sgd", "adagrad", "rmsprop", "adadelta")
        assert (parts.momentum is not None) == remembers
        scales = name not in ("sgd", "momentum", "momentum_average", "nesterov")
        assert (parts.scale is not None) == scales
        assert (e.parameters[0].parts.decay is not None) == bool(decay)
        if remembers and step:
            assert np.abs(parts.momentum).max() > 0


def test_a_transformation_of_ones_own_stays_whole(rng):
    recipe = Recipe(optimizer=optax.adabelief(1e-2))
    e = explain(Dense(np.ones((2, 1))), rng.normal(size=(2, 2)), rng.normal(size=2), recipe=recipe)
    assert e.parameters[0].parts is None
    assert "its step stays whole" in e.markdown()
    assert e.new_loss < e.loss
