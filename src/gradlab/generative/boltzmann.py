"""Restricted Boltzmann machine."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from scipy.special import expit
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from gradlab.errors import DataError, RecipeError, unknown
from gradlab.generative.checks import number, whole
from gradlab.generative.gibbs import Machine, Progress, Settings, epoch, gibbs
from gradlab.generative.partition import Energy, log_partition
from gradlab.generative.saving import InFiles
from gradlab.training.precision import precision

VISIBLE = ("auto", "bernoulli", "gaussian")
SINGLE = np.dtype(np.float32)


class BoltzmannMachine(ClassNamePrefixFeaturesOutMixin, TransformerMixin, InFiles):
    """p(v) = Σ_h exp(−E(v, h)) / Z with E = −b·v − c·h − vᵀWh: binary features found unasked.

    Each hidden unit is a feature that the rows have or not; given one side, the units of the other
    are independent, so sampling goes back and forth (Gibbs). Learnt by contrastive divergence: W
    moves by ⟨v h⟩ of the data less ⟨v h⟩ after k steps from it, or of chains that go on for ever
    (`persistent`), which takes longer to look good and learns the better distribution.

    scikit-learn's `BernoulliRBM` keeps its free energy to itself, samples one step, and knows no
    likelihood; here are all three, and normal visible units.

    Args:
        n_hidden: Hidden units.
        visible: "bernoulli" for shares from 0 to 1, taken as probabilities; "gaussian" for
            numbers, which are standardised, each unit N(b + Wh, 1) in those units; "auto" is
            "bernoulli" where the data allows it.
        k: Gibbs steps from the data.
        persistent: Chains go on from step to step (PCD) instead of starting at the data (CD).
        learning_rate: Of the first epoch, on the mean of a batch; it falls linearly, to 0 after
            the last. None is 0.1, or 0.01 for "gaussian", whose steps have no bound.
        momentum: Share of the last change that is added to the next. None is 0.5, or 0 for
            persistent chains: they must keep up with the machine (with 0.5, 20 chains learnt bars
            and stripes to −3.1 … −4.4 nats a row; with 0, all of six to −2.8 … −3.0).
        l2: λ of the penalty ½ λ Σ w².
        batch_size: Rows a step, and the number of persistent chains.
        epochs: Passes over the rows.
        random_state: None, an int or a `numpy.random.RandomState`.

    Attributes:
        weights_: W, (visible, hidden), of the standardised data if "gaussian".
        visible_bias_, hidden_bias_: b and c.
        visible_: "bernoulli" or "gaussian".
        history_: Mean squared error of reconstruction of every epoch. Not what is minimised.

    Raises:
        RecipeError: A setting is out of its range, or training diverged.
        DataError: X leaves the range from 0 to 1 with "bernoulli".

    Source: catalogue GEN-02; Hinton 2002, 2012, "A practical guide to training restricted Boltzmann
    machines"; persistent chains: Tieleman 2008.

    >>> from sklearn.datasets import load_digits
    >>> X = load_digits().data / 16
    >>> machine = BoltzmannMachine(16, epochs=5, random_state=0).fit(X)
    >>> machine.transform(X).shape, machine.sample(4, steps=10).shape
    ((1797, 16), (4, 64))
    """

    n_features_in_: int

    def __init__(
        self,
        n_hidden: Any = 64,
        *,
        visible: Any = "auto",
        k: Any = 1,
        persistent: Any = False,
        learning_rate: Any = None,
        momentum: Any = None,
        l2: Any = 0.0,
        batch_size: Any = 64,
        epochs: Any = 10,
        random_state: Any = None,
    ):
        self.n_hidden = n_hidden
        self.visible = visible
        self.k = k
        self.persistent = persistent
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.l2 = l2
        self.batch_size = batch_size
        self.epochs = epochs
        self.random_state = random_state

    def fit(self, X, y=None):
        """Learn from the rows of X, (n, d); y is ignored. Return self."""
        n_hidden, k = whole("n_hidden", self.n_hidden), whole("k", self.k)
        batch, epochs = whole("batch_size", self.batch_size), whole("epochs", self.epochs)
        usual = 0.0 if self.persistent else 0.5
        momentum = usual if self.momentum is None else number("momentum", self.momentum)
        rates = [momentum, number("l2", self.l2)]
        if rates[0] >= 1:
            raise RecipeError(f"momentum: expected a number below 1; got {self.momentum!r}.")
        if self.visible not in VISIBLE:
            raise RecipeError(unknown("kind of visible units", str(self.visible), VISIBLE))
        table: Any = validate_data(self, X, dtype=[np.float64, np.float32])
        self.visible_ = self._kind(table)
        gaussian = self.visible_ == "gaussian"
        usual = 0.01 if gaussian else 0.1
        rate = usual if self.learning_rate is None else number("learning_rate", self.learning_rate)
        self._shift, self._scale = np.zeros(table.shape[1]), np.ones(table.shape[1])
        if gaussian:
            self._shift, deviation = table.mean(axis=0), table.std(axis=0, dtype=np.float64)
            level = np.maximum(np.abs(self._shift), 1.0)
            # A feature that never varies keeps its own size for a unit, so it stays finite.
            self._scale = np.where(deviation > 1e-7 * level, deviation, level)
        x = self._inner(table)
        random = check_random_state(self.random_state)
        mean = x.mean(axis=0, dtype=np.float64).clip(0.005, 0.995)
        machine = Machine(
            (0.01 * random.standard_normal((x.shape[1], n_hidden))).astype(SINGLE),
            (0 * mean if gaussian else np.log(mean / (1 - mean))).astype(SINGLE),
            np.zeros(n_hidden, SINGLE),
        )
        batch = min(batch, len(x))
        chains = (random.random_sample((batch, n_hidden)) < 0.5).astype(SINGLE)
        still = Machine(*(np.zeros_like(part) for part in machine))
        count = np.uint32(random.randint(2**31 - 1))
        history = []
        with precision(SINGLE):
            progress = jax.device_put(Progress(machine, still, chains, count))
            data = jnp.asarray(x)
            steps = -(-len(x) // batch)
            for done in range(epochs):
                # Falling to 0: chains follow a machine that moves ever less (Tieleman 2008).
                now = (rate * (1 - done / epochs), *rates)
                settings = Settings(*(jnp.float32(value) for value in now))
                order = np.full(steps * batch, -1, np.int32)
                order[: len(x)] = random.permutation(len(x))
                progress, error = epoch(
                    progress,
                    data,
                    jnp.asarray(order.reshape(steps, batch)),
                    settings,
                    k=k,
                    persistent=bool(self.persistent),
                    gaussian=gaussian,
                )
                history.append(float(error))
            machine = Machine(*(np.asarray(part) for part in progress.machine))
        if not np.isfinite([history[-1], *(part.sum() for part in machine)]).all():
            raise RecipeError(
                f"training diverged in epoch {int(np.argmin(np.isfinite(history))) + 1}: numbers "
                f"grew past all bounds with learning_rate={rate:g}. Take a smaller one."
            )
        self.weights_, self.visible_bias_, self.hidden_bias_ = map(np.asarray, machine)
        self.history_ = np.array(history)
        return self

    def transform(self, X) -> np.ndarray:
        """Return p(h = 1 | v), (n, n_hidden), in the precision of X."""
        check_is_fitted(self)
        table: Any = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        return expit(self._inner(table) @ self.weights_ + self.hidden_bias_).astype(table.dtype)

    def free_energy(self, X) -> np.ndarray:
        """Return F(v) of each row, (n,): ln p(v) = −F(v) − ln Z in the machine's own units."""
        return self._energy().free(self._known(X).astype(np.float64))

    def log_partition(self, seed: int = 0) -> float:
        """Return ln Z: exact where one side has at most 16 units, else estimated.

        The estimate (annealed importance sampling, 100 chains, 2,000 temperatures) takes seconds.
        """
        check_is_fitted(self)
        return log_partition(self._energy(), seed)

    def score_samples(self, X) -> np.ndarray:
        """Return ln p(v) of each row, (n,), in nats.

        ln Z is found anew at each call. With "bernoulli" rows of shares are taken as they are.
        """
        energies = self.free_energy(X)
        return -energies - self.log_partition() - float(np.log(self._scale).sum())

    def score(self, X, y=None) -> float:
        """Return the mean of ln p(v): larger is better."""
        return float(self.score_samples(X).mean())

    def sample(
        self,
        n: int,
        seed: int = 0,
        *,
        steps: int = 1000,
        start: Any = None,
        means: bool = False,
    ) -> np.ndarray:
        """Draw n rows, each by a Gibbs chain of its own, (n, d).

        Args:
            n: How many.
            seed: Gives the same rows each time.
            steps: Of each chain; few leave it near its start.
            start: Rows to start from, (n, d) or (1, d); None draws each feature by itself.
            means: Return E(v | h) of the last step instead of a draw: smoother pictures.
        """
        check_is_fitted(self)
        gaussian = self.visible_ == "gaussian"
        random = np.random.default_rng(seed)
        shape = (whole("n", n), self.n_features_in_)
        if start is None:
            v = (
                random.standard_normal(shape)
                if gaussian
                else random.random(shape) < expit(self.visible_bias_)
            )
        else:
            v = np.broadcast_to(self._known(start), shape)
        word = np.uint32(random.integers(2**32))
        with precision(SINGLE):
            machine = jax.device_put(self._machine())
            drawn, mean = gibbs(
                machine,
                jnp.asarray(v, SINGLE),
                jnp.asarray(word),
                steps=whole("steps", steps),
                gaussian=gaussian,
            )
            found = np.asarray(mean if means else drawn, np.float64)
        return found * self._scale + self._shift

    def filters(
        self, image_shape: tuple[int, ...]
    ) -> Float[np.ndarray, "hidden height width channels"]:
        """Return each hidden unit's weights as an image, for `plots.autoencoder.patches_figure`.

        Args:
            image_shape: (height, width) or (height, width, channels) of the rows.

        Raises:
            DataError: If a row has not as many numbers.
        """
        check_is_fitted(self)
        height, width, channels = (*image_shape, 1)[:3]
        if height * width * channels != self.n_features_in_:
            raise DataError(
                f"image_shape: expected {self.n_features_in_} numbers, as a row has; got "
                f"{tuple(image_shape)}."
            )
        return self.weights_.T.reshape(-1, height, width, channels)

    def __sklearn_tags__(self):
        """Return scikit-learn's tags: codes have the precision of the rows."""
        tags = super().__sklearn_tags__()
        assert tags.transformer_tags is not None
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    @property
    def _n_features_out(self) -> int:
        return self.weights_.shape[1]

    def _kind(self, table: np.ndarray) -> str:
        inside = bool(table.min() >= 0 and table.max() <= 1)
        if self.visible == "bernoulli" and not inside:
            raise DataError(
                f"visible='bernoulli': expected shares from 0 to 1; got {table.min():g} to "
                f"{table.max():g}. Divide pixels by their largest value, or take 'gaussian'."
            )
        return ("bernoulli" if inside else "gaussian") if self.visible == "auto" else self.visible

    def _known(self, X) -> np.ndarray:
        check_is_fitted(self)
        table: Any = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        return self._inner(table)

    def _inner(self, table: np.ndarray) -> np.ndarray:
        if self.visible_ == "bernoulli":
            return table.astype(SINGLE, copy=False)
        return ((table - self._shift) / self._scale).astype(SINGLE)

    def _machine(self) -> Machine:
        return Machine(self.weights_, self.visible_bias_, self.hidden_bias_)

    def _energy(self) -> Energy:
        parts = (np.asarray(part, np.float64) for part in self._machine())
        return Energy(*parts, gaussian=self.visible_ == "gaussian")
