"""The parts of which the training of one layer after another is made."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from gradlab.errors import RecipeError
from gradlab.nn.encoder_decoder import EncoderDecoder, Tied
from gradlab.nn.module import Sequential
from gradlab.training.layers import Block, Spec
from gradlab.training.recipe import Recipe

if TYPE_CHECKING:
    from gradlab.autoencoder.base import AutoencoderBase


def stage_recipes(recipe: Recipe, *, epochs: int) -> list[Recipe]:
    """Return the recipes by which the layers of a deep autoencoder are trained one by one.

    Each has one layer with weights, and what follows it up to the next. It reproduces the code
    below, so its output has the activation that made that code; where that is a sigmoid and the
    whole is trained on the cross-entropy, the stage is too.

    Args:
        recipe: Of the whole.
        epochs: Of every stage.

    Raises:
        RecipeError: If the decoder is not the encoder's mirror image.
    """
    if recipe.decoder not in ("mirror", "tied"):
        raise RecipeError(
            "layers are trained one by one as autoencoders of their own, which needs "
            f"decoder='mirror' or 'tied'; got {recipe.describe().get('decoder')!r}."
        )
    groups: list[list[Spec]] = [[]]
    for spec in recipe.specs():
        if isinstance(spec, Block) and any(isinstance(before, Block) for before in groups[-1]):
            groups.append([])
        groups[-1].append(spec)
    stages, below = [], recipe.output_activation
    for number, group in enumerate(groups):
        last = number == len(groups) - 1
        loss = recipe.loss
        if number and not (loss == "reconstruction_cross_entropy" and below == "sigmoid"):
            loss = "auto" if loss == "reconstruction_cross_entropy" else loss
        inside = loss == "reconstruction_cross_entropy"
        stages.append(
            recipe.replace(
                layers=tuple(group),
                activation="linear",  # every layer names its own
                output_activation="linear" if inside else below,
                loss=loss,
                epochs=epochs,
                sparsity=recipe.sparsity if last or _ends_in_sigmoid(group) else None,
            )
        )
        below = next(spec.activation for spec in group if isinstance(spec, Block)) or "linear"
    return stages


def _ends_in_sigmoid(group: Sequence[Spec]) -> bool:
    named = [a for spec in group if (a := getattr(spec, "activation", None))]
    return bool(named) and named[-1] == "sigmoid"


def with_encoder(network: Any, layers: Sequence[Any], *, first: int) -> EncoderDecoder | Sequential:
    """Return a network with some layers of its encoder, or of itself, replaced.

    Args:
        network: An autoencoder, or layers one after another.
        layers: Take the places from `first` on.
        first: Position.
    """
    if isinstance(network, EncoderDecoder):
        encoder = with_encoder(network.encoder, layers, first=first)
        return dataclasses.replace(network, encoder=encoder)
    own = network.layers
    return Sequential((*own[:first], *layers, *own[first + len(layers) :]))


def transposes(network: EncoderDecoder) -> list[int]:
    """Return the positions of the decoder's layers with weights, the one next to the code first."""
    return [i for i, x in enumerate(network.decoder.layers) if getattr(x, "kind", "") == "linear"]


def with_transpose(network: EncoderDecoder, number: int, layer: Any) -> EncoderDecoder:
    """Return an autoencoder with one transpose of its decoder replaced; a tied one keeps its tie.

    Args:
        network: The autoencoder.
        number: Of the transpose, the one next to the code being 0.
        layer: What takes its place, or gives it its bias.
    """
    position = transposes(network)[number]
    layers = list(network.decoder.layers)
    old = layers[position]
    layers[position] = dataclasses.replace(old, bias=layer.bias) if isinstance(old, Tied) else layer
    return dataclasses.replace(network, decoder=Sequential(tuple(layers)))


def n_corruptions(recipe: Recipe) -> int:
    """Return how many layers stand before a network's own: corruption and input noise."""
    from gradlab.nn.augmentation import parse_augmentations

    return len(parse_augmentations(recipe.augment)) + bool(recipe.input_noise)


def encoder_layers(autoencoder: "AutoencoderBase") -> tuple:
    """Return the trained layers of an encoder, without its corruption."""
    check_is_fitted(autoencoder, "model_")
    recipe = autoencoder.model_.recipe
    return autoencoder.network_.encoder.layers[n_corruptions(recipe) :]


def pretrained_layers(autoencoder: "AutoencoderBase") -> list[tuple[np.ndarray, np.ndarray | None]]:
    """Return weight and bias of each layer of a trained encoder, as a classifier's `initial`.

    A network whose first layers are as large begins with them:
    `MLPClassifier(hidden=(64, 32), initial=pretrained_layers(autoencoder))`. (The autoencoder
    itself, or its `model_`, is taken too.)

    >>> from gradlab.autoencoder import Autoencoder
    >>> x = np.random.default_rng(0).uniform(size=(20, 6))
    >>> fitted = Autoencoder(hidden=(4, 3), epochs=1, random_state=0).fit(x)
    >>> [weight.shape for weight, _ in pretrained_layers(fitted)]
    [(6, 4), (4, 3)]
    """
    weighted = [x for x in encoder_layers(autoencoder) if getattr(x, "weight", None) is not None]
    return [
        (np.asarray(layer.weight), None if layer.bias is None else np.asarray(layer.bias))
        for layer in weighted
    ]
