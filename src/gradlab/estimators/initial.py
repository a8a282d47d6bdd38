"""Weights of another network to begin with."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import numpy as np

from gradlab.errors import RecipeError
from gradlab.nn.module import Sequential
from gradlab.training.model import Model

HOW = (
    "initial takes a fitted network, a Model, or a list of (weight, bias), one pair for each of "
    "the first layers"
)


def begin_with(network: Sequential, initial: Any) -> Sequential:
    """Return a network whose first layers have the weights of another.

    A list gives (weight, bias) to the first layers that have a weight, in their order; a bias of
    None leaves it as it was drawn. Of a network, layers are taken from its first on for as long as
    they are of the same kind and shape; the output layer keeps its own weights, for it answers
    another question.

    Args:
        network: As its seed drew it.
        initial: An estimator that has been fitted, a `Model`, or a list of pairs.

    Raises:
        RecipeError: If it is none of these, or no layer fits.
    """
    if isinstance(initial, Sequence) and not isinstance(initial, str):
        return _with_pairs(network, list(initial))
    model = initial if isinstance(initial, Model) else getattr(initial, "model_", None)
    if not isinstance(model, Model):
        fitted = hasattr(initial, "get_params")
        advice = " Fit it first (scikit-learn's clone forgets a fit: give its model_)." * fitted
        raise RecipeError(f"{HOW}; got {type(initial).__name__}.{advice}")
    # Of an autoencoder, its encoder.
    return _with_layers(network, getattr(model.network, "encoder", model.network))


def _with_pairs(network: Sequential, pairs: list) -> Sequential:
    places = [i for i in _weighted(network) if hasattr(network.layers[i], "weight")]
    if not 0 < len(pairs) <= len(places):
        raise RecipeError(
            f"{HOW}; got {len(pairs)} for a network of {len(places)} layers with a weight."
        )
    layers = list(network.layers)
    for number, (place, pair) in enumerate(zip(places, pairs, strict=False), 1):
        if not isinstance(pair, Sequence) or len(pair) != 2:
            raise RecipeError(f"{HOW}; number {number} is no pair.")
        for name, given in zip(("weight", "bias"), pair, strict=True):
            if given is not None:
                layers[place] = _replaced(layers[place], name, given, number)
    return Sequential(tuple(layers))


def _replaced(layer: Any, name: str, given: Any, number: int) -> Any:
    own = getattr(layer, name, None)
    if own is None:
        raise RecipeError(
            f"initial: layer {number}, {type(layer).__name__}, has no {name}; give None."
        )
    array = np.asarray(given)
    if array.shape != own.shape:
        raise RecipeError(
            f"initial: the {name} of layer {number} has shape {array.shape}; this network's has "
            f"{own.shape}. Give layers of the same sizes."
        )
    return eqx.tree_at(lambda layer: getattr(layer, name), layer, array.astype(own.dtype))


def _with_layers(network: Sequential, source: Sequential) -> Sequential:
    layers = list(network.layers)
    places, given = _weighted(network)[:-1], [source.layers[i] for i in _weighted(source)]
    taken = 0
    for place, other in zip(places, given, strict=False):
        own, static = eqx.partition(layers[place], eqx.is_array)
        arrays = eqx.filter(other, eqx.is_array)
        if jax.tree.structure(own) != jax.tree.structure(arrays) or _shapes(own) != _shapes(arrays):
            break
        same = jax.tree.map(lambda mine, new: np.asarray(new, mine.dtype), own, arrays)
        layers[place] = eqx.combine(same, static)
        taken += 1
    if not taken:
        first = f"{type(layers[places[0]]).__name__} {_shapes(layers[places[0]])}" if places else ""
        came = f"{type(given[0]).__name__} {_shapes(given[0])}" if given else "no weights"
        raise RecipeError(
            f"No layer of initial fits: its first is {came}, this network's is "
            f"{first or 'the output'}. Give the first layers the sizes of initial's."
        )
    return Sequential(tuple(layers))


def _weighted(network: Sequential) -> list[int]:
    """Return the positions of the layers that hold weights, not merely rates."""
    return [
        i
        for i, layer in enumerate(network.layers)
        if getattr(layer, "kind", "") != "augmentation"
        and any(np.ndim(leaf) > 0 for leaf in jax.tree.leaves(eqx.filter(layer, eqx.is_array)))
    ]


def _shapes(layer: Any) -> list[tuple[int, ...]]:
    return [np.shape(leaf) for leaf in jax.tree.leaves(eqx.filter(layer, eqx.is_array))]
