"""From a recipe to a network: the default builder."""

import functools

import jax
import numpy as np
from jaxtyping import Float

from gradlab.nn.activations import ACTIVATIONS, activation_layer
from gradlab.nn.dense import Dense
from gradlab.nn.initializers import INITIALIZERS, standard_normal
from gradlab.nn.module import Sequential
from gradlab.nn.noise import Dropout, GaussianNoise
from gradlab.nn.normalization import NORMALIZATIONS
from gradlab.training.recipe import Recipe, keyword_parameters

FLOAT32 = np.dtype(np.float32)


def build_network(
    recipe: Recipe,
    *,
    n_features: int,
    n_outputs: int,
    seed: int,
    dtype: np.dtype = FLOAT32,
) -> Sequential:
    """Return the network of a recipe with the initial weights of a seed, as NumPy arrays.

    Each hidden layer is dense → norm → activation → noise → dropout, the order of NRM-11; the
    output layer is dense alone and gives scores. NumPy makes the weights because eager JAX would
    compile a small program for each of them.

    Args:
        recipe: What to build.
        n_features: Width of the input.
        n_outputs: Scores: 1 for a binary target, one a class, or one a regression target.
        seed: Seed of the weights; two recipes with the same seed share their draws layer by layer.
        dtype: float32 or float64.
    """
    layers: list = []
    if recipe.input_noise:
        layers.append(GaussianNoise(std=recipe.input_noise))
    width = n_features
    specs = recipe.layers()
    for number, spec in enumerate(specs):
        layers.append(
            _dense(recipe, spec.init or recipe.init, width, spec.units, seed, number, dtype)
        )
        width = spec.units
        norm = NORMALIZATIONS[spec.norm or "none"]
        if norm is not None:
            layers.append(norm(width, **recipe.family_parameters("norm")))
        activation = spec.activation or "linear"
        own = keyword_parameters(ACTIVATIONS[activation])
        given = recipe.family_parameters("activation")
        layers.append(
            activation_layer(activation, width, {k: v for k, v in given.items() if k in own})
        )
        if spec.noise:
            layers.append(GaussianNoise(std=spec.noise))
        if spec.dropout:
            layers.append(Dropout(rate=spec.dropout))
    layers.append(_dense(recipe, recipe.init, width, n_outputs, seed, len(specs), dtype))
    return jax.tree.map(lambda leaf: _as_dtype(leaf, dtype), Sequential(tuple(layers)))


def _dense(
    recipe: Recipe, init: str, n_in: int, n_out: int, seed: int, number: int, dtype: np.dtype
) -> Dense:
    initializer = INITIALIZERS[init]
    own = keyword_parameters(initializer)
    given = {k: v for k, v in recipe.family_parameters("init").items() if k in own}
    draw = _draw(seed, number, n_in, n_out, dtype)
    weight = np.asarray(initializer(draw, n_in, n_out, **given))
    return Dense(weight=weight, bias=np.zeros(n_out, dtype))


@functools.lru_cache(maxsize=256)
def _draw(
    seed: int, layer: int, n_in: int, n_out: int, dtype: np.dtype
) -> Float[np.ndarray, "n_in n_out"]:
    # Every initialiser transforms the same draw, so a study asks for it once a level and seed.
    draw = standard_normal(seed, layer, (n_in, n_out), dtype)
    draw.flags.writeable = False
    return draw


def _as_dtype(leaf: object, dtype: np.dtype) -> object:
    if isinstance(leaf, bool | str) or leaf is None:
        return leaf
    array = np.asarray(leaf)
    return array.astype(dtype) if np.issubdtype(array.dtype, np.floating) else array
