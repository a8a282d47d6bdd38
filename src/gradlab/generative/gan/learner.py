"""Algorithm 1 of Goodfellow et al. 2014 as a learner of the engine.

A step is k steps of the discriminator, each on m rows of the data and m generated ones with the
generator fixed, then one of the generator with the discriminator fixed. Both networks, the states
of their layers and their optimizers are one state, so GANs train in populations as other networks
do: runs that differ in seed, learning rates, loss or smoothing share one compiled program.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, PyTree

from gradlab.generative.gan.losses import discriminator_loss, generator_loss
from gradlab.generative.gan.noise import PRIORS
from gradlab.generative.gan.settings import AdversarialSettings, template
from gradlab.nn.module import initial_state, trainable
from gradlab.nn.random import RowKey
from gradlab.nn.shares import total
from gradlab.training.learner import Batch, Learner
from gradlab.training.packing import layout_of
from gradlab.training.sharing import own_rows

RECORD = (
    "discriminator_loss",
    "generator_loss",
    "d_real",
    "d_fake",
    "discriminator_gradient",
    "generator_gradient",
    "steps",
)
"""What a step adds to its lap's line of the record; the last counts the steps."""

FOR_DISCRIMINATOR, FOR_GENERATOR, ON_REAL, ON_FAKE, ON_JUDGED = range(5)
"""What random numbers are for."""


class AdversarialState(eqx.Module):
    """Everything that changes while a GAN trains.

    `average` is the running mean of the generator's parameters and its layers' states, or None.
    """

    generator: PyTree
    discriminator: PyTree
    generator_layers: PyTree
    discriminator_layers: PyTree
    generator_optimizer: PyTree
    discriminator_optimizer: PyTree
    average: PyTree
    record: Float[Array, "laps columns"]


def adversarial(settings: AdversarialSettings) -> Learner:
    """Return the learner of the settings' structure.

    Args:
        settings: Those with an equal `structure()` have interchangeable learners.

    Source: Goodfellow et al. 2014, Algorithm 1, https://arxiv.org/abs/1406.2661
    """
    pair = template(settings.pair)
    arrays, static = eqx.partition(pair, eqx.is_array)
    g_spec, d_spec = (trainable(part) for part in arrays)
    g_static, d_static = static
    kind, fixed_parameters = settings.kind, settings.fixed_parameters()
    prior, noise_size = PRIORS[settings.prior], settings.pair.noise_size
    k, n_steps = settings.discriminator_steps, settings.steps
    all_steps = settings.epochs * n_steps
    sharing = settings.pair.sharing(k)

    def parameters(hyper: dict[str, Any]) -> dict[str, Any]:
        prefix = "optimizer."
        traced = {name[len(prefix) :]: v for name, v in hyper.items() if name.startswith(prefix)}
        return {**traced, **fixed_parameters}

    def optimizer(rate: Array, hyper: dict[str, Any]) -> optax.GradientTransformation:
        return kind.factory(rate, **parameters(hyper))

    def init(start: tuple[PyTree, PyTree], hyper: dict[str, Any]) -> AdversarialState:
        generator, discriminator = start
        g_layers, d_layers = (
            jax.tree.map(jnp.asarray, initial_state(eqx.combine(own, rest)))
            for own, rest in zip(start, static, strict=True)
        )
        dtype = hyper["non_saturating"].dtype
        rule = optimizer(jnp.zeros((), dtype), hyper)
        return AdversarialState(
            generator,
            discriminator,
            g_layers,
            d_layers,
            rule.init(eqx.filter(generator, g_spec)),
            rule.init(eqx.filter(discriminator, d_spec)),
            (eqx.filter(generator, g_spec), g_layers) if settings.average else None,
            jnp.zeros((settings.epochs, len(RECORD)), dtype),
        )

    def blurred(x: Array, key: RowKey, hyper: dict[str, Any]) -> Array:
        if "instance_noise" not in hyper:
            return x
        done = jnp.asarray(key.step, x.dtype) / all_steps
        sigma = hyper["instance_noise"] * jnp.maximum(0, 1 - done)
        return x + sigma * key.normal(x.shape[1:]).astype(x.dtype)

    def generated(params: PyTree, rest: PyTree, layers: PyTree, key: RowKey, mask: Array):
        network = eqx.combine(params, rest, g_static)
        z = prior(key, noise_size).astype(mask.dtype)
        return network(z, layers, training=True, mask=mask > 0)

    def judged(params: PyTree, rest: PyTree, layers: PyTree, x: Array, mask: Array):
        network = eqx.combine(params, rest, d_static)
        logits, layers = network(x, layers, training=True, mask=mask > 0)
        return logits[:, 0], layers

    def improve_discriminator(
        state: AdversarialState, x: Array, fakes: Array, mask: Array, key: RowKey, hyper: dict
    ) -> tuple[AdversarialState, dict[str, Array], tuple[Array, Array]]:
        params, rest = eqx.partition(state.discriminator, d_spec)
        real_x = blurred(x, key.fold(ON_REAL), hyper)
        fake_x = blurred(fakes, key.fold(ON_FAKE), hyper)

        def loss(params: PyTree):
            real, layers = judged(params, rest, state.discriminator_layers, real_x, mask)
            fake, layers = judged(params, rest, layers, fake_x, mask)
            each = discriminator_loss(real, fake, label_smoothing=hyper["label_smoothing"])
            certain = (jax.nn.sigmoid(real) @ mask, jax.nn.sigmoid(fake) @ mask)
            return each @ mask, (certain, layers)

        (own, (certain, layers)), gradients = jax.value_and_grad(loss, has_aux=True)(params)
        sums = total((own, *certain, mask.sum(), gradients))
        own, d_real, d_fake, n, gradients = sums
        gradients = jax.tree.map(lambda gradient: gradient / n, gradients)
        updates, rule = optimizer(hyper["learning_rate"], hyper).update(
            gradients, state.discriminator_optimizer, params
        )
        after = eqx.combine(optax.apply_updates(params, updates), rest)
        told = {
            "discriminator_loss": own / n,
            "d_real": d_real / n,
            "d_fake": d_fake / n,
            "discriminator_gradient": optax.tree.norm(gradients),
        }
        state = eqx.tree_at(
            lambda s: (s.discriminator, s.discriminator_layers, s.discriminator_optimizer),
            state,
            (after, layers, rule),
        )
        return state, told, (own, n)

    def improve_generator(
        state: AdversarialState,
        made: tuple[Array, Any, PyTree],
        mask: Array,
        key: RowKey,
        hyper: dict,
    ) -> tuple[AdversarialState, dict[str, Array], Array]:
        fakes, pull_back, layers = made
        judge, rest = eqx.partition(state.discriminator, d_spec)
        seen = key.fold(ON_JUDGED)

        def loss(fakes: Array):
            x = blurred(fakes, seen, hyper)
            logits, _ = judged(judge, rest, state.discriminator_layers, x, mask)
            return generator_loss(logits, non_saturating=hyper["non_saturating"]) @ mask

        own, by_row = jax.value_and_grad(loss)(fakes)
        own, n, gradients = total((own, mask.sum(), pull_back(by_row)[0]))
        gradients = jax.tree.map(lambda gradient: gradient / n, gradients)
        params, rest = eqx.partition(state.generator, g_spec)
        updates, rule = optimizer(hyper["generator_learning_rate"], hyper).update(
            gradients, state.generator_optimizer, params
        )
        after = eqx.combine(optax.apply_updates(params, updates), rest)
        told = {"generator_loss": own / n, "generator_gradient": optax.tree.norm(gradients)}
        state = eqx.tree_at(
            lambda s: (s.generator, s.generator_layers, s.generator_optimizer),
            state,
            (after, layers, rule),
        )
        return state, told, own

    def averaged(state: AdversarialState, key: RowKey, hyper: dict[str, Any]) -> PyTree:
        """Return Ḡ ← β Ḡ + (1 − β) G, with a smaller β while few steps have been taken."""
        if not settings.average:
            return None
        done = jnp.asarray(key.step, hyper["average"].dtype)
        # Else the first weights, random as they are, would stay in the mean for 1/(1 − β) steps.
        beta = jnp.minimum(hyper["average"], (1 + done) / (10 + done))
        now = (eqx.filter(state.generator, g_spec), state.generator_layers)
        return jax.tree.map(lambda mean, new: beta * mean + (1 - beta) * new, state.average, now)

    def making(state: AdversarialState, key: RowKey, mask: Array) -> tuple[Array, Any, PyTree]:
        """Return generated rows, how gradients go back through them, and the layers' states."""
        params, rest = eqx.partition(state.generator, g_spec)
        fakes, pull_back, layers = jax.vjp(
            lambda params: generated(params, rest, state.generator_layers, key, mask),
            params,
            has_aux=True,
        )
        return fakes, pull_back, layers

    def own_part(batch: Batch, key: RowKey, part: int) -> tuple[Array, Array, RowKey]:
        """Return one of the k equal parts of a batch, or this core's share of it."""
        m = batch.weight.shape[0] // k
        rows = slice(part * m, (part + 1) * m)
        chosen = jax.tree.map(lambda leaf: leaf[rows], batch)
        key = RowKey(key.seed, key.step, key.rows[rows], key.path)
        if sharing is not None:
            chosen, key = own_rows(chosen, key)
        x: Any = chosen.x
        return (
            jnp.asarray(2 * x - 1 if settings.pair.pictures else x),
            (chosen.weight > 0).astype(chosen.weight.dtype),
            key,
        )

    def step(state: AdversarialState, batch: Batch, hyper: dict[str, Any], key: RowKey):
        def judge_part(state: AdversarialState, part: int) -> tuple:
            x, mask, own_key = own_part(batch, key, part)
            # Of the states that these rows leave in the generator's layers only the last is kept,
            # and only with the generator's own step.
            made = making(state, own_key.fold(FOR_DISCRIMINATOR), mask)
            fakes = jax.lax.stop_gradient(made[0])
            improved = improve_discriminator(state, x, fakes, mask, own_key, hyper)
            return *improved, made, mask, own_key

        for part in range(k - 1):
            state = judge_part(state, part)[0]
        state, told, (loss, n), made, mask, own_key = judge_part(state, k - 1)
        if not settings.reuse_noise:
            made = making(state, own_key.fold(FOR_GENERATOR), mask)
        state, more, of_generator = improve_generator(state, made, mask, own_key, hyper)
        numbers = {**told, **more, "steps": jnp.ones((), n.dtype)}
        line = jnp.stack([numbers[name] for name in RECORD])
        record = state.record.at[jnp.asarray(key.step, jnp.int32) // n_steps].add(line)
        state = eqx.tree_at(lambda s: s.record, state, record)
        if settings.average:
            state = eqx.tree_at(lambda s: s.average, state, averaged(state, key, hyper))
        return state, (loss + of_generator, n)

    def evaluate(state: AdversarialState, batch: Batch, hyper: dict[str, Any]):
        zero = jnp.zeros((), batch.weight.dtype)
        return zero, zero, zero

    def weights(model: PyTree, spec: PyTree, rule: PyTree, hyper: dict[str, Any]) -> PyTree:
        params, rest = eqx.partition(model, spec)
        return eqx.combine(kind.evaluation_params(params, rule, parameters(hyper)), rest)

    def result(state: AdversarialState, hyper: dict[str, Any]) -> PyTree:
        generator, g_layers = state.generator, state.generator_layers
        if settings.average:
            mean, g_layers = state.average
            generator = eqx.combine(mean, generator)
        generator = weights(generator, g_spec, state.generator_optimizer, hyper)
        judge = weights(state.discriminator, d_spec, state.discriminator_optimizer, hyper)
        layers = (g_layers, state.discriminator_layers)
        return (generator, judge), layers

    return Learner(
        structure=settings.structure(),
        start_layout=layout_of(arrays),
        hyper_names=tuple(sorted(settings.hyper())),
        init=init,
        step=step,
        evaluate=evaluate,
        result=result,
        keeps_best=False,
        couples_examples=sharing is not None,
        sharing=sharing,
    )
