"""Fixed first layers of a network: what a method that was fitted to data makes of each row.

Their numbers are traced like weights and never trained, so runs whose reducers were fitted to
other training rows, as the folds of a cross-validation, still share one compiled program.
"""

from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree

from gradlab.nn.module import Fixed, Layer
from gradlab.nn.random import RowKey

Rows = Float[Array | np.ndarray, "batch features"]


class Reducer(Layer):
    """Base of the fixed first layers; a subclass says what becomes of rows."""

    kind: ClassVar[str] = "shape"  # it does not count among layers that draw random numbers
    form: ClassVar[str]

    @classmethod
    def template(cls, sizes: tuple[int, ...], dtype: np.dtype) -> "Reducer":
        """Return the layer with zeros in the place of its numbers."""
        raise NotImplementedError(f"{cls.__name__} has no template.")

    @property
    def sizes(self) -> tuple[int, ...]:
        """What `template` needs; the last is the number of outputs."""
        raise NotImplementedError(f"{type(self).__name__} has no sizes.")

    def reduce(self, x: Rows) -> Float[Array, "batch outputs"]:
        """Return what becomes of rows."""
        raise NotImplementedError(f"{type(self).__name__} has no reduce.")

    def __call__(
        self,
        x: Rows,
        state: PyTree,
        *,
        key: RowKey | None = None,
        training: bool = False,
        mask: Bool[Array | np.ndarray, " batch"] | None = None,
    ) -> tuple[Float[Array, "batch outputs"], PyTree]:
        """Map a batch; the state passes through."""
        return self.reduce(x), state


class Projection(Reducer):
    """Linear reduction y = x W + b: PCA, discriminants, factors, merged variables.

    Args:
        matrix: W, one column an output.
        offset: b.

    >>> layer = Projection(Fixed(np.array([[1.0], [2.0]])), Fixed(np.array([-3.0])))
    >>> layer(np.array([[2.0, 3.0]]), ())[0].tolist()
    [[5.0]]
    """

    form: ClassVar[str] = "projection"

    matrix: Fixed
    offset: Fixed

    @classmethod
    def template(cls, sizes, dtype):
        """Return the layer with zeros in the place of its numbers."""
        n_in, n_out = sizes
        return cls(Fixed(np.zeros((n_in, n_out), dtype)), Fixed(np.zeros(n_out, dtype)))

    @property
    def sizes(self):
        """Inputs and outputs."""
        return self.matrix.value.shape

    def reduce(self, x):
        """Return the scores of rows."""
        return jnp.matmul(x, self.matrix.value) + self.offset.value[None, :]


class Distances(Reducer):
    """Distances to cluster centres, y_k = ‖x - μ_k‖ / unit, or memberships of them.

    Memberships are the softmax of -β ‖x - μ_k‖² over k.

    Args:
        centers: μ, one row a cluster.
        unit: Divides distances.
        beta: β for memberships; 0 gives distances.

    >>> numbers = np.array([[0.0], [4.0]]), np.array(2.0), np.array(0.0)
    >>> layer = Distances(*map(Fixed, numbers))
    >>> layer(np.array([[4.0]]), ())[0].tolist()
    [[2.0, 0.0]]
    """

    form: ClassVar[str] = "distances"

    centers: Fixed
    unit: Fixed
    beta: Fixed

    @classmethod
    def template(cls, sizes, dtype):
        """Return the layer with zeros in the place of its numbers."""
        n_in, n_out = sizes
        zero = np.zeros((), dtype)
        return cls(Fixed(np.zeros((n_out, n_in), dtype)), Fixed(zero), Fixed(zero))

    @property
    def sizes(self):
        """Inputs and clusters."""
        return self.centers.value.shape[::-1]

    def reduce(self, x):
        """Return distances or memberships of rows."""
        centers = self.centers.value
        products = jnp.matmul(x, centers.T)
        squares = (x**2).sum(axis=1)[:, None] + (centers**2).sum(axis=1)[None, :] - 2 * products
        squares = jnp.maximum(squares, 0)
        nearness = -self.beta.value * squares
        shares = jnp.exp(nearness - nearness.max(axis=1, keepdims=True))
        memberships = shares / shares.sum(axis=1, keepdims=True)
        return jnp.where(self.beta.value > 0, memberships, jnp.sqrt(squares) / self.unit.value)


class KernelProjection(Reducer):
    """Kernel PCA with k(x, z) = exp(-γ ‖x - z‖²), centred as the training kernel was.

        y = (k(x) - column means - mean k(x) + total mean) A

    Args:
        landmarks: The rows it was fitted to.
        gamma: γ.
        column_means: Of the training kernel.
        total_mean: Of the training kernel.
        coefficients: A, one column an output.
    """

    form: ClassVar[str] = "kernel"

    landmarks: Fixed
    gamma: Fixed
    column_means: Fixed
    total_mean: Fixed
    coefficients: Fixed

    @classmethod
    def template(cls, sizes, dtype):
        """Return the layer with zeros in the place of its numbers."""
        n_in, n_landmarks, n_out = sizes
        zero = np.zeros((), dtype)
        return cls(
            Fixed(np.zeros((n_landmarks, n_in), dtype)),
            Fixed(zero),
            Fixed(np.zeros(n_landmarks, dtype)),
            Fixed(zero),
            Fixed(np.zeros((n_landmarks, n_out), dtype)),
        )

    @property
    def sizes(self):
        """Inputs, landmarks and outputs."""
        return (self.landmarks.value.shape[1], *self.coefficients.value.shape)

    def reduce(self, x):
        """Return the scores of rows."""
        z = self.landmarks.value
        squares = (x**2).sum(axis=1)[:, None] + (z**2).sum(axis=1)[None, :]
        squares = jnp.maximum(squares - 2 * jnp.matmul(x, z.T), 0)
        kernel = jnp.exp(-self.gamma.value * squares)
        means = kernel.mean(axis=1, keepdims=True)
        centred = kernel - self.column_means.value[None, :] - means + self.total_mean.value
        return jnp.matmul(centred, self.coefficients.value)


REDUCERS: dict[str, type[Reducer]] = {
    made.form: made for made in (Projection, Distances, KernelProjection)
}
