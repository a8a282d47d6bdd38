"""The engine trains anything that is a Learner: here a recurrent cell and an adversarial pair."""

import collections
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax import lax

from gradlab.training.interface import Interface
from gradlab.training.learner import Learner
from gradlab.training.network import build_network
from gradlab.training.order import batch_order
from gradlab.training.packing import layout_of, pack_on_host, unpack_on_host
from gradlab.training.population import (
    Control,
    Data,
    Members,
    initial_control,
    layouts_of,
    population,
)
from gradlab.training.recipe import Recipe
from gradlab.training.supervised import initial_arrays, supervised

TIME, FEATURES, HIDDEN, NOISE = 5, 2, 4, 3
N_TRAIN, N_VALIDATION, BATCH = 19, 6, 8
EPOCHS = 4


def mean_loss(scores, y, weight):
    errors = optax.losses.softmax_cross_entropy_with_integer_labels(scores, y)
    return (errors * weight).sum(), weight.sum()


def lstm(*, dropout: bool) -> Learner:
    """Return a classifier of sequences: one LSTM cell under `lax.scan`, and Adam."""

    def scores(params, x, key=None):
        def cell(carry, x_t):
            h, c = carry
            i, f, g, o = jnp.split(jnp.concatenate([x_t, h], axis=1) @ params["cell"], 4, axis=1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

        start = jnp.zeros((len(x), HIDDEN))
        (h, _), _ = lax.scan(cell, (start, start), jnp.swapaxes(x, 0, 1))
        if key is not None:
            h = h * key.bernoulli(0.8, (HIDDEN,)) / 0.8
        return h @ params["out"]

    def init(params, hyper):
        del hyper
        return params, optax.adam(0.0).init(params)

    def step(state, batch, hyper, key):
        params, memory = state

        def objective(params):
            total, weight = mean_loss(
                scores(params, batch.x, key if dropout else None), batch.y, batch.weight
            )
            return total / weight, (total, weight)

        gradients, sums = jax.grad(objective, has_aux=True)(params)
        updates, memory = optax.adam(hyper["learning_rate"], b1=hyper["beta"]).update(
            gradients, memory
        )
        return (optax.apply_updates(params, updates), memory), sums

    def evaluate(state, batch, hyper):
        del hyper
        guesses = scores(state[0], batch.x)
        total, weight = mean_loss(guesses, batch.y, batch.weight)
        return total, ((guesses.argmax(1) == batch.y) * batch.weight).sum(), weight

    return Learner(
        structure="lstm",
        start_layout=layout_of(lstm_start(0)),
        hyper_names=("beta",),
        init=init,
        step=step,
        evaluate=evaluate,
        result=lambda state, hyper: state[0],
        keeps_best=True,
        couples_examples=False,
    )


def lstm_start(seed):
    rng = np.random.default_rng(seed)
    return {
        "cell": rng.normal(size=(FEATURES + HIDDEN, 4 * HIDDEN)).astype(np.float32) * 0.4,
        "out": rng.normal(size=(HIDDEN, 2)).astype(np.float32) * 0.4,
    }


def gan() -> Learner:
    """Return a generator and a discriminator that train each other, two optimizers in one state."""

    def dense(layers, x):
        return jnp.tanh(x @ layers[0]) @ layers[1]

    def init(start, hyper):
        del hyper
        players = {name: start[name] for name in ("generator", "discriminator")}
        return players, {
            "generator": optax.adam(0.0).init(players["generator"]),
            "discriminator": optax.sgd(0.0, momentum=0.5).init(players["discriminator"]),
        }

    def discriminator_loss(judge, real, fake, weight):
        errors = jax.nn.softplus(-dense(judge, real)) + jax.nn.softplus(dense(judge, fake))
        return (errors[:, 0] * weight).sum() / weight.sum()

    def step(state, batch, hyper, key):
        players, memories = dict(state[0]), dict(state[1])
        real = batch.x.reshape(len(batch.x), -1)
        noise = key.normal((NOISE,))

        fake = dense(players["generator"], noise)
        loss, gradients = jax.value_and_grad(discriminator_loss)(
            players["discriminator"], real, fake, batch.weight
        )
        optimizer = optax.sgd(hyper["learning_rate"] * hyper["judge_rate"], momentum=0.5)
        updates, memories["discriminator"] = optimizer.update(gradients, memories["discriminator"])
        players["discriminator"] = optax.apply_updates(players["discriminator"], updates)

        def generator_loss(generator):
            judged = dense(players["discriminator"], dense(generator, noise))
            return (jax.nn.softplus(-judged)[:, 0] * batch.weight).sum() / batch.weight.sum()

        gradients = jax.grad(generator_loss)(players["generator"])
        optimizer = optax.adam(hyper["learning_rate"], b1=0.5)
        updates, memories["generator"] = optimizer.update(gradients, memories["generator"])
        players["generator"] = optax.apply_updates(players["generator"], updates)
        weight = batch.weight.sum()
        return (players, memories), (loss * weight, weight)

    def evaluate(state, batch, hyper):
        del hyper
        judged = dense(state[0]["discriminator"], batch.x.reshape(len(batch.x), -1))[:, 0]
        real = (jax.nn.softplus(-judged) * batch.weight).sum()
        return real, ((judged > 0) * batch.weight).sum(), batch.weight.sum()

    return Learner(
        structure="gan",
        start_layout=layout_of(gan_start(0)),
        hyper_names=("judge_rate",),
        init=init,
        step=step,
        evaluate=evaluate,
        result=lambda state, hyper: state[0]["generator"],
        keeps_best=False,
        couples_examples=False,
    )


def gan_start(seed):
    rng = np.random.default_rng(100 + seed)

    def layers(*widths):
        return [
            rng.normal(size=size).astype(np.float32) * 0.5 for size in itertools.pairwise(widths)
        ]

    return {
        "generator": layers(NOISE, 4, TIME * FEATURES),
        "discriminator": layers(TIME * FEATURES, 5, 1),
    }


RECIPE = Recipe(hidden=(4,), norm="batch", dropout=0.2, epochs=EPOCHS, learning_rate=0.01)


def perceptron() -> Learner:
    """Return an ordinary network that reads a sequence as one long row."""
    own = supervised(
        RECIPE,
        Interface((TIME * FEATURES,), 2),
        kind="multiclass",
        dtype=np.dtype(np.float32),
    )

    def flat(batch):
        return batch._replace(x=batch.x.reshape(len(batch.x), -1))

    return own._replace(
        step=lambda state, batch, hyper, key: own.step(state, flat(batch), hyper, key),
        evaluate=lambda state, batch, hyper: own.evaluate(state, flat(batch), hyper),
    )


def perceptron_start(seed):
    network = build_network(RECIPE, Interface((TIME * FEATURES,), 2), seed=seed)
    return initial_arrays(network)


KINDS = {
    "lstm": (lstm(dropout=True), lstm_start, {"beta": 0.9}),
    "gan": (gan(), gan_start, {"judge_rate": 2.0}),
    "perceptron": (perceptron(), perceptron_start, RECIPE.hyper()),
}


def sequences() -> Data:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(N_TRAIN + N_VALIDATION, TIME, FEATURES)).astype(np.float32).cumsum(axis=1)
    y = (x[:, -1, 0] > x[:, 0, 0]).astype(np.int32)
    rows = np.arange(N_TRAIN, N_TRAIN + N_VALIDATION, dtype=np.int32)
    return Data(x=x, y=y, weight=None, balanced=None, validation=rows.reshape(1, 2, 3))


def members_of(kinds, learners, layouts, states, best, controls, first, epochs) -> Members:
    """Return one member a kind, at its epoch, as the engine's executor would stack them."""
    n = len(kinds)
    hyper = np.zeros((n, layouts.numbers), np.float32)
    for i, kind in enumerate(kinds):
        names = learners[i].hyper_names
        hyper[i, : len(names)] = [KINDS[kind][2][name] for name in names]
    order = batch_order(
        np.arange(N_TRAIN, dtype=np.int32),
        seed=0,
        epochs=range(first, first + epochs),
        batch_size=BATCH,
    )
    return Members(
        kind=np.arange(n, dtype=np.int32),
        seed=np.array([sorted(KINDS).index(kind) for kind in kinds], np.uint32),
        split=np.zeros(n, np.int32),
        hyper=hyper,
        state=states,
        best=best,
        control=Control(*(np.stack(column) for column in zip(*controls, strict=True))),
        learning_rates=np.full((n, *order.shape[:2]), 0.02, np.float32),
        order=np.broadcast_to(order[None], (n, *order.shape)),
    )


def drive(kinds, *, epochs_a_call: int) -> dict[str, tuple]:
    """Train one run of each kind in one program; return weights and history of each."""
    learners = [KINDS[kind][0] for kind in kinds]
    layouts = layouts_of(learners, np.dtype(np.float32))
    train = jax.jit(population(learners, layouts))
    states = np.stack([pack_on_host(KINDS[kind][1](7), layouts.state_words) for kind in kinds])
    best = np.zeros_like(states)
    controls = [initial_control(EPOCHS, 3, np.dtype(np.float32)) for _ in kinds]
    histories = []
    for first in range(0, EPOCHS, epochs_a_call):
        members = members_of(kinds, learners, layouts, states, best, controls, first, epochs_a_call)
        trained = jax.tree.map(np.asarray, train(members, sequences()))
        states, best = trained.state, trained.best
        controls = [Control(*(column[i] for column in trained.control)) for i in range(len(kinds))]
        histories.append(trained.history)
    history = np.concatenate(histories, axis=1)
    return {
        kind: (unpack_on_host(trained.result[i], layouts.results[i]), history[i], controls[i])
        for i, kind in enumerate(kinds)
    }


@pytest.fixture(scope="module")
def together():
    return drive(["lstm", "gan", "perceptron"], epochs_a_call=EPOCHS)


def assert_same(one, other):
    for leaf, twin in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        assert np.asarray(leaf).tobytes() == np.asarray(twin).tobytes()


@pytest.mark.parametrize("kind", ["lstm", "gan"])
def test_the_same_alone(together, kind):
    assert_same(drive([kind], epochs_a_call=EPOCHS)[kind], together[kind])


def test_the_same_resumed_each_epoch_in_another_order(together):
    resumed = drive(["perceptron", "lstm", "gan"], epochs_a_call=1)
    for kind in KINDS:
        assert_same(resumed[kind], together[kind])


def test_each_learns(together):
    for kind in ("lstm", "perceptron"):
        _, history, _ = together[kind]
        assert np.isfinite(history).all()
        assert history[-1, 0] < history[0, 0]
    start = gan_start(7)
    generator, history, _ = together["gan"]
    assert np.isfinite(history).all()
    moved = [
        np.abs(new - old).max() for new, old in zip(generator, start["generator"], strict=True)
    ]
    assert min(moved) > 0.01


def test_finished_members_do_no_work():
    # A learner that counts its steps on the host, and diverges in the epoch that it is told.
    counts: collections.Counter = collections.Counter()

    def step(state, batch, hyper, key):
        del key
        jax.debug.callback(lambda which: counts.update([int(which)]), hyper["which"])
        steps = state + 1
        loss = jnp.where(steps > hyper["last_step"], jnp.nan, 1.0)
        return steps, (loss * batch.weight.sum(), batch.weight.sum())

    counting = Learner(
        structure="counting",
        start_layout=layout_of(np.float32(0)),
        hyper_names=("which", "last_step"),
        init=lambda start, hyper: start,
        step=step,
        evaluate=lambda state, batch, hyper: (
            batch.weight.sum(),
            batch.weight.sum(),
            batch.weight.sum(),
        ),
        result=lambda state, hyper: state,
        keeps_best=False,
        couples_examples=False,
    )
    layouts = layouts_of([counting], np.dtype(np.float32))
    n_steps = 3
    order = batch_order(np.arange(N_TRAIN, dtype=np.int32), seed=0, epochs=range(4), batch_size=8)
    controls = [initial_control(wanted, None, np.dtype(np.float32)) for wanted in (4, 4, 2, 4)]
    controls[3] = controls[3]._replace(active=np.bool_(False))
    members = Members(
        kind=np.zeros(4, np.int32),
        seed=np.zeros(4, np.uint32),
        split=np.zeros(4, np.int32),
        hyper=np.array([[0, 99], [1, 4], [2, 99], [3, 99]], np.float32),
        state=np.zeros((4, 1), np.uint32),
        best=np.zeros((4, 1), np.uint32),
        control=Control(*(np.stack(column) for column in zip(*controls, strict=True))),
        learning_rates=np.zeros((4, 4, n_steps), np.float32),
        order=np.broadcast_to(order[None], (4, *order.shape)),
    )
    trained = jax.block_until_ready(jax.jit(population([counting], layouts))(members, sequences()))
    jax.effects_barrier()
    # All epochs; two of four, for the loss of the second was not finite; the two wanted; none.
    assert counts == {0: 4 * n_steps, 1: 2 * n_steps, 2: 2 * n_steps}
    assert trained.control.epoch.tolist() == [4, 2, 2, 0]
    assert trained.control.diverged.tolist() == [-1, 1, -1, -1]
    assert not trained.control.active.any()
    finite = np.isfinite(trained.history).all(axis=2)
    assert finite.tolist() == [
        [True] * 4,
        [True, False, False, False],
        [True, True, False, False],
        [False] * 4,
    ]
