"""A deep autoencoder, trained layer by layer and then as a whole."""

import dataclasses
from typing import Any

import numpy as np
from jaxtyping import Float

from gradlab.autoencoder.base import AutoencoderBase
from gradlab.autoencoder.pretraining import (
    n_corruptions,
    stage_recipes,
    transposes,
    with_encoder,
    with_transpose,
)
from gradlab.autoencoder.starting import reconstruction_task, started
from gradlab.errors import RecipeError
from gradlab.estimators.saving import plain
from gradlab.estimators.training import train_on
from gradlab.nn.encoder_decoder import EncoderDecoder
from gradlab.training.interface import Interface
from gradlab.training.model import model_of
from gradlab.training.network import build_network
from gradlab.training.predict import forward
from gradlab.training.recipe import Recipe


@dataclasses.dataclass(frozen=True)
class Stage:
    """The training of one layer as an autoencoder of the code below it.

    Args:
        recipe: How.
        input_shape: Of one code below.
        history: train_loss, validation_loss and validation_score by epoch.
        network: The whole network after this stage: only this layer, its norm and activation, and
            its transpose in the decoder differ from what they were before it.
    """

    recipe: Recipe
    input_shape: tuple[int, ...]
    history: Float[np.ndarray, "epochs 3"]
    network: EncoderDecoder


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class StackedAutoencoder(AutoencoderBase):
    """Train a deep autoencoder greedily, one layer after another, then fine-tune the whole.

    Stage k trains layer k as an autoencoder whose input is the code of layer k - 1, the layers
    below staying as they are. Then the encoders, one upon another, and the decoders in reverse
    order are one network, which `epochs` more passes train as a whole. `corruption` damages the
    input of every stage afresh (a stacked denoising autoencoder).

    As the start of a classifier, `stacked.to_classifier()`, is what it was invented for: labels
    are needed only for the last step.

    Args:
        hidden: Units of the layers; the last is the code.
        pretrain_epochs: Passes over the rows for each layer.
        fine_tune: Whether all layers are trained together afterwards.
        epochs: Passes over the rows in which they are.
        corruption: As in `Autoencoder`, for every stage and for the whole.
        sparsity: Wanted mean activation of every layer that has a sigmoid; of the code, for the
            whole.
        decoder: "mirror" or "tied".

    The other parameters and attributes are those of `Autoencoder`; `layers` may hold convolutions.
    A normalisation in the decoder is first trained with the whole. `patience` watches the held-out
    rows in every stage.

    Attributes:
        stages_: A `Stage` a layer.

    Source: Bengio et al. 2007, Greedy layer-wise training of deep networks; Vincent et al. 2010,
    https://jmlr.org/papers/v11/vincent10a.html

    >>> from sklearn.datasets import load_digits
    >>> X = load_digits().data / 16
    >>> network = StackedAutoencoder(hidden=(32, 8), pretrain_epochs=5, epochs=5, random_state=0)
    >>> network.fit_transform(X).shape, [stage.input_shape for stage in network.stages_]
    ((1797, 8), [(64,), (32,)])
    """

    hidden: Any = (64, 32)
    pretrain_epochs: Any = 20
    fine_tune: Any = True
    epochs: Any = 20

    def fit(self, X, y=None):
        """Train layer by layer, then as a whole, to reproduce X; y is not looked at. Return self.

        Raises:
            DataError: If the loss is the cross-entropy and X leaves the range from 0 to 1.
            RecipeError: If a parameter is out of range, a layer does not fit, or training diverged.
        """
        if self.warm_start or self.initial is not None:
            raise RecipeError(
                "StackedAutoencoder trains its layers from the first on; leave out warm_start and "
                "initial, or train on with an Autoencoder(initial=...)."
            )
        x = self._checked(X, first=True)
        recipe, seed = self._recipe(), self._seed(None)
        task = self._task(x, recipe, seed)
        network, states = self._pretrain(x, recipe, task.splits[0][1], seed)
        trained = started(task, recipe, network, states, seed=seed)
        if self.fine_tune:
            trained = train_on(task, recipe, trained, seed=seed, epochs=recipe.epochs)
        self._trained = trained
        self.model_ = model_of(task, recipe, (trained.network, trained.states))
        return self

    def _pretrain(self, x, recipe: Recipe, validation, seed: int) -> tuple[Any, Any]:
        """Return the network with every layer trained by itself, and its layers' states."""
        interface = Interface(x.shape[1:], x[0].size, reconstructs=True)
        network: Any = build_network(recipe, interface, seed=seed, dtype=x.dtype)
        states = network.initial_state()
        recipes = stage_recipes(recipe, epochs=plain(self.pretrain_epochs))
        leading, codes = n_corruptions(recipe), x
        first = leading
        self.stages_ = []
        for number, stage in enumerate(recipes):
            task = reconstruction_task(codes, validation)
            own: Any = build_network(stage, task.interface, seed=seed, dtype=x.dtype)
            n_layers = len(own.encoder.layers) - leading
            place = len(recipes) - 1 - number
            # The weights of the whole network's seed, so that layers don't begin alike.
            own = with_encoder(own, network.encoder.layers[first : first + n_layers], first=leading)
            transpose = network.decoder.layers[transposes(network)[place]]
            own = with_transpose(own, 0, transpose)
            start = started(task, stage, own, own.initial_state(), seed=seed)
            trained = train_on(task, stage, start, seed=seed, epochs=stage.epochs)
            own = trained.network
            learnt = own.encoder.layers[leading:]
            network = with_encoder(network, learnt, first=first)
            network = with_transpose(network, place, own.decoder.layers[transposes(own)[0]])
            codes = forward(own.encoder, trained.states[0], codes)
            encoder_states = list(states[0])
            encoder_states[first : first + n_layers] = trained.states[0][leading:]
            states = (tuple(encoder_states), states[1])
            first += n_layers
            self.stages_.append(Stage(stage, task.x.shape[1:], trained.history, network))
        return network, states
