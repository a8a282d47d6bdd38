import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.nn.dense import Dense
from gradlab.nn.module import Sequential
from gradlab.rl import cart_pole
from gradlab.rl.deep.learning import Hyper, Loop, Structure, epsilon_at, huber, mean_loss, targets
from gradlab.rl.deep.replay import Transitions

HYPER = Hyper(
    learning_rate=1e-3,
    discount=0.9,
    epsilon=1.0,
    final_epsilon=0.2,
    epsilon_steps=10,
    temperature=0.0,
    warm_up=0,
    target_every=8,
    target_rate=1.0,
    error_clip=1.0,
)


LOOP = Loop(cart_pole(), Structure(hidden=(8,), batch_size=8, replay_size=64, learn_every=4))


def linear(weight: list[list[float]]) -> Sequential:
    w = jnp.array(weight)
    return Sequential((Dense(w, jnp.zeros(w.shape[1])),))


BATCH = Transitions(
    observations=jnp.eye(2),
    actions=jnp.array([0, 1]),
    rewards=jnp.array([1.0, 2.0]),
    next_observations=jnp.array([[0.0, 1.0], [1.0, 0.0]]),
    ended=jnp.array([0.0, 1.0]),
)


def test_targets_follow_the_formula_by_hand():
    q, older = linear([[1.0, 0.0], [5.0, 4.0]]), linear([[7.0, 8.0], [2.0, 3.0]])
    # From (0, 1) the older values are 2 and 3; the network itself would choose the first action.
    np.testing.assert_allclose(
        targets(q, older, BATCH, 0.9, double=False), [1 + 0.9 * 3, 2.0], rtol=1e-6
    )
    np.testing.assert_allclose(
        targets(q, older, BATCH, 0.9, double=True), [1 + 0.9 * 2, 2.0], rtol=1e-6
    )


def test_loss_touches_only_the_actions_taken():
    q = linear([[1.0, 0.0], [5.0, 4.0]])
    loss = jax.jit(jax.grad(lambda network: mean_loss(network, BATCH, jnp.array([0.5, 9.0]), 1.0)))
    slopes = loss(q)
    # Errors 0.5 and -5: half of each in the mean, the second clipped at 1.
    np.testing.assert_allclose(slopes.layers[0].weight, [[0.25, 0.0], [0.0, -0.5]])


@pytest.mark.parametrize("clip", [0.5, 1.0, np.inf])
def test_huber_is_the_square_near_zero_and_has_no_slope_above_the_clip(clip):
    x = jnp.array([-7.0, -0.25, 0.0, 0.25, 7.0])
    slope = jax.jit(jax.vmap(jax.grad(lambda one: huber(one, clip))))(x)
    np.testing.assert_allclose(slope, np.clip(x, -clip, clip))
    np.testing.assert_allclose(huber(x, clip)[1:4], x[1:4] ** 2 / 2)


def test_epsilon_falls_in_a_straight_line_and_stays():
    found = [float(epsilon_at(HYPER, jnp.int32(step))) for step in (0, 5, 10, 99)]
    np.testing.assert_allclose(found, [1.0, 0.6, 0.2, 0.2], rtol=1e-6)


def test_target_network_is_the_old_copy_until_its_time_comes():
    loop, hyper = LOOP, HYPER._replace(target_every=8)
    agent = loop.new_agent(0, hyper.learning_rate)
    start = np.asarray(jax.tree.leaves(agent.target)[0])
    agent, _ = loop.train(agent, hyper, jnp.uint32(0), blocks=1)
    assert not np.array_equal(jax.tree.leaves(agent.network)[0], start)
    np.testing.assert_array_equal(jax.tree.leaves(agent.target)[0], start)
    agent, _ = loop.train(agent, hyper, jnp.uint32(0), blocks=1)  # step 8
    for old, new in zip(jax.tree.leaves(agent.target), jax.tree.leaves(agent.network), strict=True):
        np.testing.assert_array_equal(old, new)


def test_polyak_goes_its_share_of_the_way():
    loop, hyper = LOOP, HYPER._replace(target_every=4, target_rate=0.25)  # every block of 4 steps
    agent = loop.new_agent(0, hyper.learning_rate)
    old = [np.asarray(leaf) for leaf in jax.tree.leaves(agent.target)]
    agent, _ = loop.train(agent, hyper, jnp.uint32(0), blocks=1)
    for before, now, after in zip(
        old, jax.tree.leaves(agent.network), jax.tree.leaves(agent.target), strict=True
    ):
        np.testing.assert_allclose(after, 0.75 * before + 0.25 * np.asarray(now), rtol=1e-5)
