"""Learning and reading hidden Markov models, compiled: Baum–Welch and Viterbi in log space.

With ln p(x) of the forward recursion as a function of the logarithms of all parameters, its
derivatives are the expected counts that Baum–Welch needs, so there is no backward recursion to
write: ∂/∂ln π_i is the expected number of starts in state i, ∂/∂ln a_ij that of steps from i to j,
∂/∂ln b_t(i) the probability of state i at time t (Eisner 2016).
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.nn import logsumexp
from jaxtyping import Array, Float, Int

TINY = 1e-300
"""Stands for a probability of 0, so that logarithms and their derivatives stay finite."""


class Chain(NamedTuple):
    """Parameters: probabilities, and of each state either means and variances or symbols.

    For symbols `means` are their probabilities, (states, symbols), and `variances` is unused.
    """

    start: Float[Array | np.ndarray, "*restarts states"]
    steps: Float[Array | np.ndarray, "*restarts states states"]
    means: Float[Array | np.ndarray, "*restarts states features"]
    variances: Float[Array | np.ndarray, "*restarts states features"]


class Learnt(NamedTuple):
    """What came of every start.

    Attributes:
        chain: Parameters.
        history: ln p(x) of all sequences before each round; NaN for rounds not needed.
        log_likelihood: After the last.
        rounds: Rounds taken.
    """

    chain: Chain
    history: Float[Array, "restarts rounds"]
    log_likelihood: Float[Array, " restarts"]
    rounds: Int[Array, " restarts"]


def log_emissions(
    chain: Chain, x: Float[Array, "n time features"], symbols: bool
) -> Float[Array, "n time states"]:
    """Return ln b_t(i), of normal features or of symbols (each a row with a single 1)."""
    if symbols:
        return jnp.einsum("ntf,sf->nts", x, jnp.log(jnp.maximum(chain.means, TINY)))
    precision = 1 / chain.variances
    squares = (
        jnp.einsum("ntf,sf->nts", x**2, precision)
        - 2 * jnp.einsum("ntf,sf->nts", x, chain.means * precision)
        + (chain.means**2 * precision).sum(axis=1)[None, None, :]
    )
    constant = jnp.log(2 * jnp.pi * chain.variances).sum(axis=1)
    return -0.5 * (squares + constant[None, None, :])


def logs(chain: Chain) -> tuple[Float[Array, " states"], Float[Array, "states states"]]:
    """Return ln π and ln a."""
    return jnp.log(jnp.maximum(chain.start, TINY)), jnp.log(jnp.maximum(chain.steps, TINY))


def log_likelihoods(
    log_start: Float[Array, " states"],
    log_steps: Float[Array, "states states"],
    log_b: Float[Array, "n time states"],
    lengths: Int[Array, " n"],
) -> Float[Array, " n"]:
    """Return ln p(x) of every sequence, 0 for one of length 0, by the forward recursion."""

    def of_one(log_b: Array, length: Array) -> Array:
        def step(alpha: Array, now: tuple[Array, Array]) -> tuple[Array, None]:
            t, log_b_t = now
            after = logsumexp(alpha[:, None] + log_steps, axis=0) + log_b_t
            return jnp.where(t < length, after, alpha), None

        times = jnp.arange(1, log_b.shape[0])
        alpha, _ = jax.lax.scan(step, log_start + log_b[0], (times, log_b[1:]))
        return jnp.where(length > 0, logsumexp(alpha), 0.0)

    return jax.vmap(of_one)(log_b, lengths)


def expected(
    chain: Chain, x: Float[Array, "n time features"], lengths: Int[Array, " n"], symbols: bool
) -> tuple[Float[Array, ""], tuple[Array, Array, Array]]:
    """Return ln p of all sequences, and the expected starts, steps and states of each time."""
    log_b = log_emissions(chain, x, symbols)

    def total(log_start: Array, log_steps: Array, log_b: Array) -> Array:
        return log_likelihoods(log_start, log_steps, log_b, lengths).sum()

    return jax.value_and_grad(total, argnums=(0, 1, 2))(*logs(chain), log_b)


def _shares(counts: Array, before: Array | np.ndarray) -> Array:
    """Return rows as shares; a state that never occurs keeps what it had."""
    sums = counts.sum(axis=-1, keepdims=True)
    return jnp.where(sums > TINY, counts / jnp.maximum(sums, TINY), before)


def better(
    chain: Chain,
    counts: tuple[Array, Array, Array],
    x: Float[Array, "n time features"],
    floor: Float[Array, ""],
    symbols: bool,
) -> Chain:
    """Return the parameters of the largest expected log-likelihood."""
    starts, steps, states = counts
    start, steps = _shares(starts, chain.start), _shares(steps, chain.steps)
    sums = jnp.einsum("nts,ntf->sf", states, x)
    if symbols:
        return Chain(start, steps, _shares(sums, chain.means), chain.variances)
    weight = states.sum(axis=(0, 1))[:, None]
    occurs = weight > 1e-10
    weight = jnp.where(occurs, weight, 1.0)
    means = sums / weight
    variances = jnp.einsum("nts,ntf->sf", states, x**2) / weight - means**2
    return Chain(
        start,
        steps,
        jnp.where(occurs, means, chain.means),
        jnp.where(occurs, jnp.maximum(variances, floor), chain.variances),
    )


@partial(jax.jit, static_argnames=("rounds", "symbols"))
def learn(
    chains: Chain,
    x: Float[Array, "n time features"],
    lengths: Int[Array, " n"],
    tol: Float[Array, ""],
    floor: Float[Array, ""],
    *,
    rounds: int,
    symbols: bool,
) -> Learnt:
    """Improve every start until ln p(x) grows by less than `tol` a round."""

    def of_one(chain: Chain) -> Learnt:
        def go_on(state: tuple) -> Array:
            _, _, grown, i = state
            return (i < rounds) & (grown > tol)

        def one_round(state: tuple) -> tuple:
            chain, history, _, i = state
            now, counts = expected(chain, x, lengths, symbols)
            grown = jnp.where(i > 0, now - history[i - 1], jnp.inf)
            return better(chain, counts, x, floor, symbols), history.at[i].set(now), grown, i + 1

        unknown = jnp.full(rounds, jnp.nan, x.dtype)
        first = (chain, unknown, jnp.asarray(jnp.inf, x.dtype), jnp.asarray(0))
        chain, history, _, taken = jax.lax.while_loop(go_on, one_round, first)
        log_b = log_emissions(chain, x, symbols)
        final = log_likelihoods(*logs(chain), log_b, lengths).sum()
        return Learnt(chain, history, final, taken)

    return jax.vmap(of_one)(chains)


@partial(jax.jit, static_argnames="symbols")
def likelihoods(
    chain: Chain, x: Float[Array, "n time features"], lengths: Int[Array, " n"], *, symbols: bool
) -> Float[Array, " n"]:
    """Return ln p(x) of every sequence."""
    return log_likelihoods(*logs(chain), log_emissions(chain, x, symbols), lengths)


@partial(jax.jit, static_argnames="symbols")
def state_probabilities(
    chain: Chain, x: Float[Array, "n time features"], lengths: Int[Array, " n"], *, symbols: bool
) -> Float[Array, "n time states"]:
    """Return the probability of each state at each time, given the whole sequence."""
    return expected(chain, x, lengths, symbols)[1][2]


@partial(jax.jit, static_argnames="symbols")
def viterbi(
    chain: Chain, x: Float[Array, "n time features"], lengths: Int[Array, " n"], *, symbols: bool
) -> Int[Array, "n time"]:
    """Return the most probable states of every sequence; past its end the last one repeats."""
    log_start, log_steps = logs(chain)
    same = jnp.arange(len(log_start))

    def of_one(log_b: Array, length: Array) -> Array:
        def step(best: Array, now: tuple[Array, Array]) -> tuple[Array, Array]:
            t, log_b_t = now
            ways = best[:, None] + log_steps
            after = ways.max(axis=0) + log_b_t
            inside = t < length
            return jnp.where(inside, after, best), jnp.where(inside, ways.argmax(axis=0), same)

        times = jnp.arange(1, log_b.shape[0])
        best, came_from = jax.lax.scan(step, log_start + log_b[0], (times, log_b[1:]))
        last = best.argmax()

        def back(state: Array, before: Array) -> tuple[Array, Array]:
            return before[state], state

        first, rest = jax.lax.scan(back, last, came_from, reverse=True)
        return jnp.concatenate([first[None], rest])

    return jax.vmap(of_one)(log_emissions(chain, x, symbols), lengths)
