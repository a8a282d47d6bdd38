"""A picture in bands is the same as a whole one."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradlab.style.bands import Bands, cut, owned
from gradlab.style.objective import Plan
from gradlab.style.scales import scales_of
from gradlab.style.targets import style_grams, task_for
from tests.style.conftest import small_network


@given(n=st.integers(2, 9), last=st.integers(1, 10), stride=st.sampled_from([1, 2, 4]))
def test_every_row_is_counted_once(n, last, stride):
    rows, step = 64, 40
    starts = (*(i * step for i in range(n - 1)), (n - 2) * step + 4 * last)
    bands = Bands(tuple(dict.fromkeys(starts)), rows)
    height = starts[-1] + rows
    mine = owned(bands, stride, height // stride, rows // stride)
    count = np.zeros(height // stride, int)
    for first, own in zip(bands.starts, mine, strict=True):
        count[first // stride : first // stride + len(own)] += own
    assert (count == 1).all()


@pytest.mark.parametrize("masked", [False, True])
def test_bands_change_nothing(rng, masked):
    network = small_network()
    plan = Plan(("relu2",), ("relu1", "relu2", "relu3"))
    content, style = (rng.uniform(size=(160, 24, 3)).astype(np.float32) for _ in range(2))
    regions = None
    if masked:
        regions = np.zeros((160, 24, 2), np.float32)
        regions[:90, :, 0] = regions[90:, :, 1] = 1
    bands = cut(content.shape, network, plan, pixels=1)
    assert len(bands.starts) > 2
    tasks = []
    for cuts in (None, bands):
        grams = style_grams(style, network, plan, cuts)
        stacked = {n: jnp.stack([g] * (2 if masked else 1)) for n, g in grams.items()}
        tasks.append(
            task_for(
                content, stacked, network, plan, weights=(0.03, 1.0, 0.1), regions=regions,
                bands=cuts, scales=scales_of(content, (style,), (1.0,), network, plan),
            )
        )  # fmt: skip
    image = jnp.asarray(rng.uniform(size=content.shape).astype(np.float32))
    value = eqx.filter_jit(lambda task, x: jax.value_and_grad(task.to_minimise)(x))
    (whole, gradient), (banded, other) = (value(task, image) for task in tasks)
    assert float(banded) == pytest.approx(float(whole), rel=1e-5)
    np.testing.assert_allclose(other, gradient, atol=2e-5 * float(jnp.abs(gradient).max()))
    for one, two in zip(*(jax.tree.leaves(task.weights) for task in tasks), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5)


def test_small_pictures_are_taken_whole():
    plan = Plan(("relu2",), ("relu3",))
    assert cut((64, 64), small_network(), plan) is None
