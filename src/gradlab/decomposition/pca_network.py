"""Linear networks whose units learn the principal components, one mini-batch after another."""

import functools
import math
import numbers
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float, Int
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from gradlab.decomposition.covariance import Rows, constant_features
from gradlab.errors import DataError, RecipeError, unknown
from gradlab.training.precision import precision

FLOATS: Any = (np.float64, np.float32)
RULES = ("sanger", "oja", "autoassociator")

Weights = Float[Array, "units features"]


class PCANetwork(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """A layer of linear units y = W z, z = x - mean, trained until w_j is the j-th component.

    - "sanger", the generalised Hebbian rule: Δw_j = η y_j (z - Σ_{k≤j} y_k w_k). Each unit sees
      what those before it leave over, so w_j -> e_j and Var(y_j) -> λ_j.
    - "oja", the same for one unit: Δw = η y (z - y w).
    - "autoassociator", gradient descent on the squared error ‖z - Wᵀ W z‖² of a linear
      autoencoder with one matrix: ΔW = η (y eᵀ + (W e) zᵀ), e = z - Wᵀ y. Its units span the
      space of the components and no more: any rotation of them has the same error. With
      `rotate` they are turned to the components in the end.

    The least-squares estimate of a row is x̂ = mean + Σ_j y_j w_j. `PCA` finds the same in one
    pass; this is how a network comes to it, row by row.

    Args:
        n_components: Units.
        rule: See above; "oja" has one unit.
        learning_rate: η of the first epoch, for rows whose mean square length is 1. In each step
            it is cut to 1 / mean(‖y‖²) of the batch, beyond which the rule overshoots.
        decay: η_e = learning_rate / (1 + decay · e) in epoch e = 0, 1, …: the sum diverges and the
            sum of squares does not, as convergence asks for.
        epochs: Times that fit goes through the rows.
        batch_size: Rows whose updates are averaged.
        rotate: Turn the units of an autoassociator to the components.
        random_state: Seed of the initial weights and of the order of the rows.

    Attributes:
        components_: W, (n_components, features); each row has length about 1, and its largest
            loading is positive.
        explained_variance_: Variance of each y_j over the rows of fit (of the last call of
            partial_fit), n - 1 in the denominator; float64.
        mean_: Of each feature, over all rows seen.
        errors_: Mean squared length of z - Wᵀ y in each epoch, during it; float64.
        n_epochs_: Epochs, or calls of partial_fit, so far.
        n_samples_seen_: Rows that the mean is taken over.

    Raises:
        RecipeError: For settings that make no sense, such as more units than features.
        DataError: For a single row.

    Source: catalogue DIM-12; Oja 1982, "A simplified neuron model as a principal component
    analyzer"; Sanger 1989, "Optimal unsupervised learning in a single-layer linear feedforward
    neural network", https://doi.org/10.1016/0893-6080(89)90044-0; Baldi and Hornik 1989.

    >>> x = np.random.default_rng(0).normal(size=(500, 3)) * [3.0, 1.0, 0.1]
    >>> network = PCANetwork(2, random_state=0).fit(x)
    >>> bool((np.abs(np.diag(network.components_)) > 0.99).all())
    True
    """

    def __init__(
        self,
        n_components: Any = 2,
        *,
        rule: Any = "sanger",
        learning_rate: Any = 1.0,
        decay: Any = 0.1,
        epochs: Any = 100,
        batch_size: Any = 16,
        rotate: Any = True,
        random_state: Any = None,
    ):
        self.n_components = n_components
        self.rule = rule
        self.learning_rate = learning_rate
        self.decay = decay
        self.epochs = epochs
        self.batch_size = batch_size
        self.rotate = rotate
        self.random_state = random_state

    def fit(self, X, y=None):
        """Train on X, (rows, features), from new weights; y is ignored."""
        x: Any = validate_data(self, X, dtype=FLOATS)
        self._begin(x)
        self._train(x, self.epochs)
        return self

    def partial_fit(self, X, y=None):
        """Train one epoch on these rows, from the weights so far; the mean is of all rows seen."""
        first = not hasattr(self, "components_")
        x: Any = validate_data(self, X, dtype=FLOATS, reset=first)
        if first:
            self._begin(x)
        else:
            self._check(x.shape[1])
            x = x.astype(self.components_.dtype, copy=False)
            self._add_to_mean(x)
        self._train(x, 1)
        return self

    def transform(self, X):
        """Return the outputs y = W (x - mean) of each row, (rows, n_components)."""
        check_is_fitted(self, "components_")
        x: Any = validate_data(self, X, dtype=FLOATS, reset=False)
        return (x - self.mean_) @ self.components_.T

    def inverse_transform(self, X):
        """Return x̂ = mean + Σ_j y_j w_j for rows of outputs y.

        Raises:
            DataError: If a row has another number of outputs.
        """
        check_is_fitted(self, "components_")
        outputs = check_array(X, dtype=FLOATS)
        if outputs.shape[1] != len(self.components_):
            raise DataError(
                f"inverse_transform takes rows of {len(self.components_)} outputs, as transform "
                f"gives them; got shape {outputs.shape}."
            )
        return outputs @ self.components_ + self.mean_

    @property
    def _n_features_out(self) -> int:
        return len(self.components_)

    def _check(self, d: int) -> None:
        if self.rule not in RULES:
            raise RecipeError(unknown("rule", str(self.rule), RULES))
        for name, least in (("n_components", 1), ("epochs", 1), ("batch_size", 1)):
            value = getattr(self, name)
            if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < least:
                raise RecipeError(f"{name} is a whole number from {least}; got {value!r}.")
        for name, above in (("learning_rate", True), ("decay", False)):
            value = getattr(self, name)
            number = float(value) if isinstance(value, numbers.Real) else math.nan
            if not (math.isfinite(number) and (number > 0 if above else number >= 0)):
                limit = "above 0" if above else "not below 0"
                raise RecipeError(f"{name} is a finite number {limit}; got {value!r}.")
        if self.n_components > d:
            raise RecipeError(
                f"n_components is at most the number of features, {d}; got {self.n_components}."
            )
        if self.rule == "oja" and self.n_components != 1:
            raise RecipeError(
                "Oja's rule has one unit, so n_components=1 with rule='oja'; got "
                f"{self.n_components}. Use rule='sanger' for more."
            )

    def _begin(self, x: Rows) -> None:
        """Draw orthonormal weights and take the mean of the first rows."""
        n, d = x.shape
        self._check(d)
        if n < 2:
            raise DataError(
                f"PCANetwork needs at least 2 rows, for one has no variance; got n_samples={n}."
            )
        self._rng = check_random_state(self.random_state)
        draw = self._rng.standard_normal(size=(d, int(self.n_components)))
        self.components_ = np.linalg.qr(draw)[0].T.astype(x.dtype)
        self.mean_, self.n_samples_seen_ = np.zeros(d, x.dtype), 0
        self.n_epochs_, self.errors_ = 0, np.zeros(0)
        self._add_to_mean(x)

    def _add_to_mean(self, x: Rows) -> None:
        n = self.n_samples_seen_ + len(x)
        mean = (x.astype(np.float64) / len(x)).sum(axis=0)
        constant = constant_features(x)
        mean[constant] = x[0, constant]
        old = self.mean_.astype(np.float64)
        share = len(x) / n
        self.mean_ = (old * (1 - share) + mean * share if share < 1 else mean).astype(x.dtype)
        self.n_samples_seen_ = n

    def _train(self, x: Rows, epochs: int) -> None:
        """Train, then measure the outputs and put units in order."""
        n, dtype = len(x), x.dtype
        length = _mean_square_length(x, self.mean_)
        batch = min(int(self.batch_size), n)
        steps = -(-n // batch)
        own = np.arange(steps * batch).reshape(steps, batch) < n
        errors = []
        with precision(dtype):
            weights = jnp.asarray(self.components_)
            rows, mean, real = jnp.asarray(x), jnp.asarray(self.mean_), jnp.asarray(own)
            unit = jnp.asarray(1 / length if length > 0 else 1.0, dtype)
            for epoch in range(self.n_epochs_, self.n_epochs_ + epochs):
                order = np.zeros(steps * batch, np.int32)
                order[:n] = self._rng.permutation(n)
                rate = self.learning_rate / (1 + self.decay * epoch)
                weights, error = _epoch(
                    weights,
                    rows,
                    mean,
                    unit,
                    jnp.asarray(order.reshape(steps, batch)),
                    real,
                    jnp.asarray(rate, dtype),
                    rule="autoassociator" if self.rule == "autoassociator" else "sanger",
                )
                errors.append(error)
            trained = np.asarray(weights).astype(np.float64)
            errors = np.array(errors, np.float64)
        self.n_epochs_ += epochs
        self.errors_ = np.concatenate([self.errors_, errors * length * length])
        if self.rule == "autoassociator" and self.rotate:
            trained = _rotated(trained, x, self.mean_)
        largest = np.abs(trained).argmax(axis=1)
        signs = np.where(trained[np.arange(len(trained)), largest] < 0, -1, 1)
        self.components_ = (trained * signs[:, None]).astype(dtype)
        outputs = (x - self.mean_).astype(np.float64) @ self.components_.T.astype(np.float64)
        self.explained_variance_ = outputs.var(axis=0, ddof=1) if n > 1 else np.zeros(len(trained))


@functools.partial(jax.jit, static_argnames="rule")
def _epoch(
    weights: Weights,
    x: Float[Array, "rows features"],
    mean: Float[Array, " features"],
    unit: Float[Array, ""],
    order: Int[Array, "steps batch"],
    real: Bool[Array, "steps batch"],
    rate: Float[Array, ""],
    *,
    rule: str,
) -> tuple[Weights, Float[Array, ""]]:
    """Return the weights after one pass through the rows, and the mean squared error in it."""
    earlier = jnp.tri(weights.shape[0], dtype=weights.dtype)

    def step(w: Weights, part: tuple[Array, Array]) -> tuple[Weights, Array]:
        rows, own = part
        z = (x[rows] - mean[None]) * unit * own[:, None]
        n = own.sum()
        y = z @ w.T
        left = z - y @ w
        if rule == "autoassociator":
            change = y.T @ left + (left @ w.T).T @ z
        else:
            change = y.T @ z - ((y.T @ y) * earlier) @ w
        small_enough = jnp.minimum(rate, n / jnp.maximum((y * y).sum(), 1e-30))
        return w + small_enough / n * change, (left * left).sum()

    weights, errors = lax.scan(step, weights, (order, real.astype(weights.dtype)))
    return weights, errors.sum() / real.sum()


def _mean_square_length(x: Rows, mean: np.ndarray) -> float:
    """Return sqrt(mean ‖x - mean‖²) in float64, which neither overflows nor vanishes."""
    far = np.abs(x - mean.astype(np.float64))
    largest = float(far.max())
    if largest == 0:
        return 0.0
    return largest * float(np.sqrt(((far / largest) ** 2).sum(axis=1).mean()))


def _rotated(
    weights: Float[np.ndarray, "units features"], x: Rows, mean: np.ndarray
) -> Float[np.ndarray, "units features"]:
    """Return orthonormal rows of the same span, along which the outputs are uncorrelated."""
    basis = np.linalg.qr(weights.T)[0]
    outputs = (x - mean).astype(np.float64) @ basis
    size = np.abs(outputs).max() or 1.0
    _, vectors = np.linalg.eigh((outputs / size).T @ (outputs / size))
    return (basis @ vectors[:, ::-1]).T
