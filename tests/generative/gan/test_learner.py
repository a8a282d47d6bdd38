import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.generative.gan.learner import RECORD, adversarial
from gradlab.generative.gan.pairs import ConvolutionalPair, DensePair
from gradlab.generative.gan.settings import AdversarialSettings, arrays_of
from gradlab.generative.gan.training import train_pairs
from gradlab.nn.random import row_key
from gradlab.optim import OPTIMIZERS
from gradlab.training.learner import Batch

SETTINGS = AdversarialSettings(
    DensePair((2,), noise_size=3, hidden=(8,)), n_rows=64, batch_size=16, passes=3
)


def one_step(settings, rates=(0.01, 0.01), n=16):
    """Return the state before and after a step, with the learning rates of both networks."""
    learner = adversarial(settings)
    hyper = {name: jnp.float32(value) for name, value in settings.hyper().items()}
    hyper |= {"learning_rate": jnp.float32(rates[0])}
    hyper |= {"generator_learning_rate": jnp.float32(rates[1])}
    state = learner.init(jax.tree.map(jnp.asarray, arrays_of(settings.pair.build(0))), hyper)
    x = np.random.default_rng(0).normal(size=(n, *settings.pair.example_shape))
    batch = Batch(jnp.asarray(x, jnp.float32), jnp.zeros(n, jnp.int32), jnp.ones(n))
    after, loss = jax.jit(learner.step)(state, batch, hyper, row_key(0, 0, jnp.arange(n)))
    return state, after, loss


def parts(networks):
    """Return all numbers of both networks and of their layers' states."""
    return [getattr(networks, field.name) for field in dataclasses.fields(networks)]


def same(a, b):
    return all(
        np.array_equal(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    )


@pytest.mark.parametrize("reuse", [False, True])
def test_each_network_is_frozen_in_the_step_of_the_other(reuse):
    settings = dataclasses.replace(SETTINGS, reuse_noise=reuse, optimizer="sgd")
    before, after, _ = one_step(settings, rates=(0.01, 0.0))
    assert same(before.generator, after.generator)
    assert not same(before.discriminator, after.discriminator)
    alone = after.discriminator
    before, after, _ = one_step(settings, rates=(0.0, 0.01))
    assert same(before.discriminator, after.discriminator)
    assert not same(before.generator, after.generator)
    # What the generator does then changes nothing in the discriminator's step.
    _, both, _ = one_step(settings, rates=(0.01, 0.01))
    assert same(both.discriminator, alone)


def test_discriminator_sees_new_rows_in_each_of_its_steps():
    settings = dataclasses.replace(SETTINGS, discriminator_steps=4, optimizer="sgd")
    assert (settings.rows_a_step, settings.steps) == (64, 1)
    before, after, _ = one_step(settings, n=64)
    single = dataclasses.replace(settings, discriminator_steps=1)
    _, once, _ = one_step(single, n=16)
    moved = [
        np.abs(a - b).sum()
        for state in (after, once)
        for a, b in [(state.discriminator.layers[0].weight, before.discriminator.layers[0].weight)]
    ]
    assert moved[0] > 2 * moved[1]  # four steps go farther than the first of them


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_trains_both_networks(optimizer):
    before, after, (loss, n) = one_step(dataclasses.replace(SETTINGS, optimizer=optimizer))
    assert n == 16
    assert np.isfinite(loss)
    assert not same(before.generator, after.generator)
    assert not same(before.discriminator, after.discriminator)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(after))


def test_record_holds_losses_and_certainties_of_the_first_step():
    _, after, (loss, n) = one_step(SETTINGS)
    line = dict(zip(RECORD, np.asarray(after.record[0]), strict=True))
    assert line["steps"] == 1
    assert 0 < line["d_real"] < 1
    assert 0 < line["d_fake"] < 1
    assert line["discriminator_loss"] + line["generator_loss"] == pytest.approx(
        float(loss / n), rel=1e-5
    )
    assert line["generator_gradient"] > 0
    assert line["discriminator_gradient"] > 0


def ends(x, runs, every=1):
    found = {}
    for look in train_pairs(x, runs, every=every):
        if look.ended:
            found[look.index] = look
    return [found[i] for i in range(len(runs))]


def test_runs_have_the_same_bits_alone_and_in_a_group():
    x = np.random.default_rng(1).normal(size=(64, 2)).astype(np.float32)
    base = dataclasses.replace(SETTINGS, parameters=(("beta1", 0.5),))
    runs = [
        (dataclasses.replace(base, loss=loss, learning_rate=rate, label_smoothing=e), seed)
        for loss, rate, e, seed in [
            ("minimax", 0.01, 0.0, 0),
            ("non_saturating", 0.01, 0.0, 0),
            ("non_saturating", 0.001, 0.1, 1),
        ]
    ]
    assert len({settings.structure() for settings, _ in runs}) == 1  # one compiled program
    together = ends(x, runs)
    for run, look in zip(runs, together, strict=True):
        (alone,) = ends(x, [run], every=3)
        np.testing.assert_array_equal(alone.record, look.record)
        assert same(parts(alone.networks), parts(look.networks))
    assert not same(parts(together[0].networks), parts(together[1].networks))


@pytest.mark.slow
def test_convolutional_runs_have_the_same_bits_alone_and_in_a_group():
    x = np.random.default_rng(1).random((48, 9, 8, 1)).astype(np.float32)
    settings = AdversarialSettings(
        ConvolutionalPair((9, 8, 1), 4, width=2), 48, batch_size=16, passes=2, reuse_noise=True
    )
    runs = [(settings, 0), (dataclasses.replace(settings, loss="minimax"), 1)]
    for run, look in zip(runs, ends(x, runs), strict=True):
        assert same(parts(ends(x, [run])[0].networks), parts(look.networks))


def test_rows_are_made_by_the_running_mean_of_the_generators_weights():
    """A step an epoch, so that each look shows the weights after one step."""
    x = np.random.default_rng(3).normal(size=(16, 2)).astype(np.float32)
    last = dataclasses.replace(SETTINGS, n_rows=16, passes=30)
    course = [parts(look.networks) for look in train_pairs(x, [(last, 4)], every=1)]
    assert len(course) == 30
    start = arrays_of(last.pair.build(4))
    mean = jax.tree.leaves(start[0])
    for step, (generator, *_) in enumerate(course):
        beta = min(0.9, (1 + step) / (10 + step))
        new = jax.tree.leaves(generator)
        mean = [beta * m + (1 - beta) * n for m, n in zip(mean, new, strict=True)]
    (found,) = ends(x, [(dataclasses.replace(last, average=0.9), 4)])
    for ours, theirs in zip(jax.tree.leaves(found.networks.generator), mean, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-7)
    # The training itself knows nothing of the mean.
    assert same(found.networks.discriminator, course[-1][2])
    assert np.array_equal(found.record, ends(x, [(last, 4)])[0].record)
