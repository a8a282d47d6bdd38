"""One autoencoder, trained as a whole."""

from dataclasses import dataclass
from typing import Any

from gradlab.autoencoder.base import NO_ROWS, AutoencoderBase
from gradlab.autoencoder.starting import reconstruction_task
from gradlab.estimators.network import of_one_pass


@dataclass(kw_only=True, eq=False, repr=False)
class Autoencoder(AutoencoderBase):
    """Reproduce the input through a code: a = f(Wᵀ x), x̂ = g(W'ᵀ a), trained on target = input.

    With fewer units than inputs the code is a compression, non-linear where PCA is linear; with
    `sparsity` there may be more; with `corruption` it learns to undo damage.

    X is (n_samples, n_features), or images (n_samples, height, width, channels) as floats or
    bytes (read as shares of 255). It is taken as it is: put a `StandardScaler` or `MinMaxScaler`
    before it. `transform` gives codes as rows, `inverse_transform` decodes them.

    Args:
        hidden: Units of the encoder's layers; the last is the code.
        layers: The encoder's layers one by one instead, such as ("conv 16", "pool 2", "dense 32").
        decoder: "mirror" undoes the encoder layer by layer, "tied" does so with the transposes of
            the encoder's own weights (W' = Wᵀ), "none" is the output layer alone, and a list
            names layers to stand before it.
        activation: f; a name, or one name for each of the encoder's layers.
        output_activation: g.
        loss: "squared_error" Σ (x̂ - x)², or "reconstruction_cross_entropy" for inputs from 0 to 1,
            which has the output's sigmoid inside; both summed over the features of a row.
        corruption: What the encoder sees in training instead of x, as texts: ("mask 0.3",) sets
            30 % of the numbers to 0, ("noise 0.2",) adds normal noise. The target stays x.
        sparsity: Wanted mean activation ρ of each unit of the code, whose activation must be a
            sigmoid then; None for none.
        sparsity_weight: λ of the penalty λ Σ_j KL(ρ ‖ ρ̂_j), ρ̂_j taken over each batch.

    The other settings are those of all networks (`gradlab.estimators.Network`). `initial` gives
    the encoder its first weights.

    Attributes:
        model_: The trained `gradlab.training.model.Model`.
        network_: Its `gradlab.nn.EncoderDecoder`.
        code_shape_: Shape of one example's code, which `transform` flattens.
        history_: train_loss, validation_loss and validation_score (R²), an entry an epoch.
        n_epochs_: Epochs trained, `partial_fit` included.
        loss_: Training loss of the last epoch, without penalties.
        n_features_in_: Columns of X; of images, their rows of pixels.
        input_shape_: Shape of one example.

    Source: Rumelhart et al. 1986; denoising: Vincent et al. 2008,
    https://doi.org/10.1145/1390156.1390294; sparse: Ng 2011, CS294A lecture notes

    >>> from sklearn.datasets import load_digits
    >>> X = load_digits().data / 16
    >>> network = Autoencoder(hidden=(16,), learning_rate=0.01, random_state=0).fit(X)
    >>> network.transform(X).shape, bool(network.score(X) > 0.8)
    ((1797, 16), True)
    """

    hidden: Any = (32,)
    epochs: Any = 50

    def fit(self, X, y=None):
        """Train to reproduce X; y is not looked at. Return self.

        Raises:
            DataError: If the loss is the cross-entropy and X leaves the range from 0 to 1.
            RecipeError: If a parameter is out of range, a layer does not fit, or training diverged.
        """
        start = self._start()
        x = self._checked(X, first=start is None)
        recipe = self._recipe()
        epochs, seed = recipe.epochs, self._seed(start)
        if start is not None:
            recipe = recipe.replace(epochs=start.epochs + epochs)
        self._learn(self._task(x, recipe, seed), recipe, start, seed=seed, epochs=epochs)
        return self

    def partial_fit(self, X, y=None):
        """Make one pass over X from where the training stands; return self.

        `patience` and `validation_fraction` are not used; a schedule counts passes as epochs.
        """
        start = getattr(self, "_trained", None)
        x = self._checked(X, first=start is None)
        recipe, seed = of_one_pass(self._recipe(), start), self._seed(start)
        self._check_range(x, recipe)
        self._learn(reconstruction_task(x, NO_ROWS), recipe, start, seed=seed, epochs=1)
        return self
