"""One autoencoder, trained as a whole."""

from gradlab.autoencoder.base import AutoencoderBase, checked_rows, seed_of
from gradlab.estimators.training import Trained, train_on
from gradlab.training.model import model_of


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
        init: Initialiser of the weights; biases start at zero.
        norm: Normalisation between a layer's weights and its activation.
        dropout: Share of hidden units dropped in training.
        optimizer: Name, or any `optax.GradientTransformation`.
        learning_rate: Step size; None takes the optimizer's usual value.
        schedule: How the learning rate changes over the epochs.
        l1: λ of the penalty λ Σ|w| on weights.
        l2: λ of the penalty ½ λ Σ w² on weights.
        weight_decay: Decoupled decay of the weights.
        batch_size: Rows a step, or "full".
        epochs: Passes over the rows in one `fit`.
        patience: Stop after this many epochs without a lower validation loss and keep the best
            weights; None trains all epochs and keeps the last.
        validation_fraction: Share of the rows held out for the validation curve and `patience`;
            None holds out 0.1 with `patience` and nothing without.
        shuffle: Whether each epoch takes the rows in a new random order.
        random_state: Seed of weights, order, held-out rows, masks and noise.
        parameters: More numbers of the techniques, e.g. {"optimizer.beta1": 0.95}.

    Attributes:
        model_: The trained `gradlab.training.model.Model`.
        network_: Its `gradlab.nn.EncoderDecoder`.
        code_shape_: Shape of one example's code, which `transform` flattens.
        history_: train_loss, validation_loss and validation_score (R²), an entry an epoch.
        n_epochs_: Epochs trained, `partial_fit` included.
        loss_: Training loss of the last epoch.
        n_features_in_: Columns of X; of images, their rows of pixels.
        input_shape_: Shape of one example.

    Source: Rumelhart et al. 1986; denoising: Vincent et al. 2008,
    https://doi.org/10.1145/1390156.1390294; sparse: Ng 2011, CS294A lecture notes

    >>> from sklearn.datasets import load_digits
    >>> X = load_digits().data / 16
    >>> network = Autoencoder(hidden=(16,), epochs=20, random_state=0).fit(X)
    >>> network.transform(X).shape, bool(network.score(X) > 0.7)
    ((1797, 16), True)
    """

    def __init__(
        self,
        *,
        hidden=(32,),
        layers=None,
        decoder="mirror",
        activation="relu",
        output_activation="linear",
        loss="squared_error",
        corruption=(),
        sparsity=None,
        sparsity_weight=3.0,
        init="he_normal",
        norm="none",
        dropout=0.0,
        optimizer="adam",
        learning_rate=None,
        schedule="constant",
        l1=0.0,
        l2=0.0,
        weight_decay=None,
        batch_size=32,
        epochs=30,
        patience=None,
        validation_fraction=None,
        shuffle=True,
        random_state=None,
        parameters=None,
    ):
        self.hidden = hidden
        self.layers = layers
        self.decoder = decoder
        self.activation = activation
        self.output_activation = output_activation
        self.loss = loss
        self.corruption = corruption
        self.sparsity = sparsity
        self.sparsity_weight = sparsity_weight
        self.init = init
        self.norm = norm
        self.dropout = dropout
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.l1 = l1
        self.l2 = l2
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.epochs = epochs
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.shuffle = shuffle
        self.random_state = random_state
        self.parameters = parameters

    def fit(self, X, y=None):
        """Train to reproduce X; y is not looked at. Return self.

        Raises:
            DataError: If the loss is the cross-entropy and X leaves the range from 0 to 1.
            RecipeError: If a parameter is out of range, a layer does not fit, or training diverged.
        """
        x = checked_rows(self, X, reset=True)
        recipe = self._recipe(self.epochs, self.patience)
        return self._learn(x, recipe, None, seed_of(self.random_state), epochs=recipe.epochs)

    def partial_fit(self, X, y=None):
        """Make one pass over X from where the training stands; return self.

        `patience` and `validation_fraction` are not used; a schedule counts passes as epochs.
        """
        start = getattr(self, "_trained", None)
        x = checked_rows(self, X, reset=start is None)
        recipe = self._recipe(self.epochs, self.patience)
        done = 0 if start is None else start.epochs
        recipe = recipe.replace(patience=None, epochs=max(recipe.epochs, done + 1))
        seed = seed_of(self.random_state) if start is None else start.seed
        return self._learn(x, recipe, start, seed, epochs=1)

    def _learn(self, x, recipe, start: Trained | None, seed: int, *, epochs: int) -> "Autoencoder":
        task = self._task(x, recipe, seed)
        self._trained = train_on(task, recipe, start, seed=seed, epochs=epochs)
        self.model_ = model_of(task, recipe, (self._trained.network, self._trained.states))
        return self
