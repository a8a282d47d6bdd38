"""The network that values actions: dense layers from an observation to one number an action."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Num, PyTree

from gradlab.nn.activations import activation_layer
from gradlab.nn.dense import Dense
from gradlab.nn.module import Sequential
from gradlab.nn.weights import Weights
from gradlab.rl.environment import Environment


def n_features(environment: Environment) -> int:
    """Return how many numbers the network is given of an observation; a numbered one is one-hot."""
    if environment.n_observations is not None:
        return environment.n_observations
    return math.prod(environment.observation_shape)


def encode(environment: Environment, observation: Num[Array, "..."]) -> Float[Array, " features"]:
    """Return one observation as the network takes it."""
    if environment.n_observations is not None:
        return jax.nn.one_hot(observation, environment.n_observations, dtype=jnp.float32)
    return observation.reshape(-1).astype(jnp.float32)


def q_network(
    features: int, hidden: tuple[int, ...], n_actions: int, *, activation: str, seed: int | None
) -> Sequential:
    """Return the network with its initial weights; seed None gives zeros, as a template.

    Hidden layers begin He normal. The last begins LeCun normal: nothing follows it that halves
    the signal.

    >>> q_network(4, (8,), 2, activation="relu", seed=0).layers[-1].weight.shape
    (8, 2)
    """
    layers, n_in = [], features
    for number, units in enumerate(hidden):
        weights = Weights("he_normal", seed=seed, layer=number)
        layers.append(Dense(weights((n_in, units), n_in, units), weights.zeros(units)))
        layers.append(activation_layer(activation, units, {}))
        n_in = units
    weights = Weights("lecun_normal", seed=seed, layer=len(hidden))
    layers.append(Dense(weights((n_in, n_actions), n_in, n_actions), weights.zeros(n_actions)))
    return Sequential(tuple(layers))


def q_values(
    network: Sequential, inputs: Float[Array, "batch features"]
) -> Float[Array, "batch actions"]:
    """Return the value of every action for a batch of encoded observations."""
    return network(inputs, network.initial_state())[0]


def halves(network: Sequential) -> tuple[PyTree, PyTree]:
    """Return the arrays of a network, and what is left of it without them."""
    return eqx.partition(network, eqx.is_array)
