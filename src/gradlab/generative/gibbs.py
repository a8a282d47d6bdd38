"""Gibbs sampling and contrastive divergence of restricted Boltzmann machines, compiled.

Random numbers are a hash of counters (`gradlab.nn.random`): on a CPU it fuses into the comparison
that uses it, where a generator would cost as much as the products of matrices.
"""

import math
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, UInt32

from gradlab.nn.random import GOLDEN, mix


class Machine(NamedTuple):
    """Parameters: W, (visible, hidden), and the biases b of the visible and c of the hidden."""

    weights: Float[Array | np.ndarray, "visible hidden"]
    visible: Float[Array | np.ndarray, " visible"]
    hidden: Float[Array | np.ndarray, " hidden"]


class Settings(NamedTuple):
    """Numbers of the training; all may be traced."""

    learning_rate: Float[Array, ""]
    momentum: Float[Array, ""]
    l2: Float[Array, ""]


class Progress(NamedTuple):
    """Where a training stands: parameters, their last change, hidden states, a counter."""

    machine: Machine
    change: Machine
    chains: Float[Array | np.ndarray, "batch hidden"]
    counter: UInt32[Array, ""] | np.uint32


def uniform(word: UInt32[Array, ""], shape: tuple[int, ...]) -> Float[Array, "rows units"]:
    """Return numbers uniform in (0, 1) that depend on a word alone."""
    counters = jax.lax.iota(jnp.uint32, math.prod(shape)).reshape(shape)
    bits = mix(counters * jnp.uint32(GOLDEN) + mix(word * jnp.uint32(GOLDEN) + jnp.uint32(1)))
    return ((bits >> 9).astype(jnp.float32) + 0.5) * jnp.float32(2**-23)


def hidden_input(machine: Machine, v: Float[Array, "rows visible"]) -> Float[Array, "rows hidden"]:
    """Return c + v W, the logit of p(h = 1 | v)."""
    return v @ jnp.asarray(machine.weights) + jnp.asarray(machine.hidden)[None, :]


def sample_hidden(
    machine: Machine, v: Float[Array, "rows visible"], word: UInt32[Array, ""]
) -> tuple[Array, Array]:
    """Return p(h = 1 | v), and hidden states drawn by it."""
    p = jax.nn.sigmoid(hidden_input(machine, v))
    return p, (uniform(word, p.shape) < p).astype(p.dtype)


def sample_visible(
    machine: Machine, h: Float[Array, "rows hidden"], word: UInt32[Array, ""], gaussian: bool
) -> tuple[Array, Array]:
    """Return the mean of v given h, and visible states drawn."""
    a = h @ machine.weights.T + machine.visible[None, :]
    u = uniform(word, a.shape)
    if gaussian:
        return a, a + jax.scipy.special.ndtri(u).astype(a.dtype)
    p = jax.nn.sigmoid(a)
    return p, (u < p).astype(p.dtype)


def descend(
    progress: Progress,
    v: Float[Array, "batch visible"],
    real: Float[Array, " batch"],
    settings: Settings,
    *,
    k: int,
    persistent: bool,
    gaussian: bool,
) -> tuple[Progress, Float[Array, ""]]:
    """Make one step of (persistent) contrastive divergence; return the error of reconstruction."""
    machine, _, chains, first = progress
    count = jnp.asarray(first)
    chains = jnp.asarray(chains)
    p_data, h_data = sample_hidden(machine, v, 2 * count)
    h = chains if persistent else h_data
    error = jnp.zeros((), v.dtype)
    fantasy, p_fantasy = v, p_data
    for i in range(k):
        count = count + jnp.uint32(1)
        mean, drawn = sample_visible(machine, h, 2 * count + jnp.uint32(1), gaussian)
        if i == 0 and not persistent:
            error = (real[:, None] * (v - mean) ** 2).sum()
        # The last states are means where nothing is drawn from them: less noise, same expectation.
        fantasy = mean if i == k - 1 and not persistent else drawn
        p_fantasy, h = sample_hidden(machine, fantasy, 2 * count)
    if persistent:
        mean = sample_visible(machine, p_data, count, gaussian)[0]
        error = (real[:, None] * (v - mean) ** 2).sum()
    n = real.sum()
    data = real[:, None] * p_data
    if persistent:
        fantasies, n_fantasies = p_fantasy, jnp.asarray(len(v), v.dtype)
    else:
        fantasies, n_fantasies = real[:, None] * p_fantasy, n
        fantasy = fantasy * real[:, None]
    slope = Machine(
        v.T @ data / n - fantasy.T @ fantasies / n_fantasies - settings.l2 * machine.weights,
        (real[:, None] * v).sum(axis=0) / n - fantasy.sum(axis=0) / n_fantasies,
        data.sum(axis=0) / n - fantasies.sum(axis=0) / n_fantasies,
    )
    change = jax.tree.map(
        lambda c, g: settings.momentum * c + settings.learning_rate * g, progress.change, slope
    )
    machine = jax.tree.map(jnp.add, machine, change)
    return Progress(machine, change, h, count + jnp.uint32(1)), error


@partial(jax.jit, static_argnames=("k", "persistent", "gaussian"), donate_argnames=("progress",))
def epoch(
    progress: Progress,
    data: Float[Array, "n visible"],
    batches: Int[Array, "steps batch"],
    settings: Settings,
    *,
    k: int,
    persistent: bool,
    gaussian: bool,
) -> tuple[Progress, Float[Array, ""]]:
    """Pass over the data once; return the mean squared error of reconstruction too.

    Args:
        progress: Where the training stands.
        data: All rows.
        batches: Rows of each step; −1 fills up the last.
        settings: Rates.
        k: Gibbs steps.
        persistent: Whether chains go on from step to step.
        gaussian: Whether visible units are normal.
    """

    def step(progress: Progress, rows: Array) -> tuple[Progress, Array]:
        real = (rows >= 0).astype(data.dtype)
        return descend(
            progress,
            data[jnp.maximum(rows, 0)],
            real,
            settings,
            k=k,
            persistent=persistent,
            gaussian=gaussian,
        )

    progress, errors = jax.lax.scan(step, progress, batches)
    return progress, errors.sum() / (data.shape[0] * data.shape[1])


@partial(jax.jit, static_argnames=("steps", "gaussian"))
def gibbs(
    machine: Machine,
    v: Float[Array, "rows visible"],
    seed: UInt32[Array, ""],
    *,
    steps: int,
    gaussian: bool,
) -> tuple[Float[Array, "rows visible"], Float[Array, "rows visible"]]:
    """Return visible states after some steps h | v, v | h, and their means given the last h."""

    def step(v: Array, i: Array) -> tuple[Array, None]:
        word = mix(seed * jnp.uint32(GOLDEN) + i)
        _, h = sample_hidden(machine, v, word)
        return sample_visible(machine, h, mix(word + jnp.uint32(1)), gaussian)[1], None

    v, _ = jax.lax.scan(step, v, jnp.arange(1, steps, dtype=jnp.uint32))
    _, h = sample_hidden(machine, v, mix(seed * jnp.uint32(GOLDEN) + jnp.uint32(steps)))
    word = mix(seed * jnp.uint32(GOLDEN) + jnp.uint32(steps + 1))
    mean, drawn = sample_visible(machine, h, word, gaussian)
    return drawn, mean
