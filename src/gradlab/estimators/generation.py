"""A trained network of tokens read and written step by step, its recurrent state carried along."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PyTree

from gradlab.data.text.vocabulary import SPECIAL
from gradlab.errors import RecipeError
from gradlab.nn.module import Sequential
from gradlab.nn.recurrent import Embedding, Recurrent, unroll
from gradlab.nn.recurrent.cell import float_dtype
from gradlab.training import layers as specs
from gradlab.training.recipe import Recipe

DRAW = -1
"""Stands for a token that is to be drawn."""

CHUNK = 256
"""Tokens a call; what is shorter is padded, so that one program serves texts of any length."""


def check_forwards(recipe: Recipe) -> None:
    """Refuse layers that look ahead, or at several steps at once: they can't write.

    Raises:
        RecipeError: Naming the layer.

    >>> check_forwards(Recipe(layers=["embedding 8", "lstm 16", "dense 8"]))
    """
    step_by_step = specs.Embedding | specs.Dense | specs.Norm | specs.Activate | specs.Drop
    for number, spec in enumerate(recipe.given_layers(), 1):
        recurrent = isinstance(spec, specs.Recurrent)
        if recurrent and (spec.bidirectional or spec.outputs == "last"):
            why = "reads backwards" if spec.bidirectional else "keeps the last step alone"
        elif recurrent or isinstance(spec, step_by_step | specs.Noise):
            continue
        else:
            why = "does not go step by step"
        raise RecipeError(
            f"layer {number}, '{spec.text()}', {why}, so the network can't write one character "
            "after the other. Use an embedding, recurrent layers of one direction, and dense ones."
        )


def blank_memory(network: Sequential) -> tuple:
    """Return the state of every recurrent layer before the first token."""
    return tuple(
        layer.cell.zero_state(1, float_dtype(layer.cell)) if isinstance(layer, Recurrent) else ()
        for layer in network.layers
    )


def _through(
    network: Sequential, states: PyTree, memory: tuple, tokens: Array, *, one: bool
) -> tuple[Array, tuple]:
    """Return the scores of what follows each token, and the memory after the last.

    Args:
        network, states: A trained network and its layers' states.
        memory: Before the tokens.
        tokens: (1,) for one step, or (1, time).
        one: Whether it is one step.
    """
    x: Any = tokens
    after = []
    for layer, state, held in zip(network.layers, states, memory, strict=True):
        if isinstance(layer, Recurrent):
            x, held = layer.cell(x, held) if one else unroll(layer.cell, x, initial_state=held)
        elif isinstance(layer, Embedding):
            x = layer.look_up(x)
        else:
            x, _ = layer(x, state, training=False)
        after.append(held)
    # What the vocabulary has besides symbols is never written, so it takes no probability.
    return x.at[..., : len(SPECIAL)].set(-jnp.inf), tuple(after)


@eqx.filter_jit
def write(
    network: Sequential,
    states: PyTree,
    memory: tuple,
    token: Int[Array | np.ndarray, ""],
    given: Int[Array | np.ndarray, " steps"],
    first: Any,
    seed: Any,
    temperature: Any,
) -> tuple[Int[Array, " steps"], Int[Array, ""], tuple]:
    """Write tokens, each read before the next is drawn.

    Args:
        network, states: A trained network and its layers' states.
        memory: Before `token`.
        token: Read first.
        given: Tokens that are to come; `DRAW` for those to be drawn.
        first: Number of the first draw: a text does not depend on how it is cut into calls.
        seed: Of the draws.
        temperature: Draws come from softmax(scores / temperature); 0 takes the likeliest.
    """
    key = jax.random.key(seed)

    def step(carry: tuple, scanned: tuple) -> tuple[tuple, Array]:
        token, memory = carry
        wanted, number = scanned
        scores, memory = _through(network, states, memory, token[None], one=True)
        likeliest = jnp.argmax(scores[0])
        warm = scores[0] / jnp.where(temperature > 0, temperature, 1)
        drawn = jax.random.categorical(jax.random.fold_in(key, number), warm)
        free = jnp.where(temperature > 0, drawn, likeliest).astype(token.dtype)
        written = jnp.where(wanted == DRAW, free, wanted)
        return (written, memory), written

    numbers = first + jnp.arange(len(given), dtype=jnp.int32)
    start = (jnp.asarray(token), memory)
    (token, memory), written = jax.lax.scan(step, start, (jnp.asarray(given), numbers))
    return written, token, memory


@eqx.filter_jit
def read(
    network: Sequential,
    states: PyTree,
    memory: tuple,
    tokens: Int[Array | np.ndarray, " steps"],
    targets: Int[Array | np.ndarray, " steps"],
) -> tuple[Float[Array, " steps"], tuple]:
    """Return -log2 of the probability of each target, the token after its own, and the memory."""
    scores, memory = _through(network, states, memory, jnp.asarray(tokens)[None], one=False)
    logs = jax.nn.log_softmax(scores[0], axis=-1)
    nats = -jnp.take_along_axis(logs, jnp.asarray(targets)[:, None], axis=1)[:, 0]
    return nats / jnp.log(jnp.asarray(2, nats.dtype)), memory
