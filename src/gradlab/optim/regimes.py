"""How many rows one update looks at: all, some or one; measured on linear regression."""

import time
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Shaped

from gradlab.scalars import NonNegative


@dataclass(frozen=True)
class Regime:
    """A way to choose the rows of an update, with what is said of it."""

    name: str
    formula: str
    benefit: str
    limit: str


REGIMES = {
    "full_batch": Regime(
        "full batch",
        "w ← w − α (1/N) Σ_i ∂L_i/∂w, i over all rows",
        "smooth, steady convergence; few updates",
        "every update needs all rows in memory; slow per update; stays in a local minimum",
    ),
    "one_sample": Regime(
        "one sample",
        "w ← w − α ∂L_i/∂w, i one random row",
        "least memory, fastest update, N updates an epoch",
        "unsteady: large changes from step to step; may end less exact",
    ),
    "mini_batch": Regime(
        "mini-batch",
        "w ← w − α (1/B) Σ_i ∂L_i/∂w, i over B random rows",
        "many updates from few rows in memory; noise of variance 1/B; parallel",
        "the batch size B has to be chosen",
    ),
}


@dataclass(frozen=True)
class RegimeResult:
    """What one regime cost and brought.

    Args:
        name: The regime.
        batch_size: Rows an update.
        updates_per_epoch: ⌈rows / batch size⌉.
        updates: All updates done.
        samples_touched: Rows read, over all updates.
        batch_bytes: Memory that the rows of one update take.
        seconds: Time of all updates without compilation, the fastest of five times.
        seconds_per_update: The same, per update.
        final_loss: Mean squared error over all rows at the end.
        loss_curve: The same before the first and after every update, shape (updates + 1,).
    """

    name: str
    batch_size: int
    updates_per_epoch: int
    updates: int
    samples_touched: int
    batch_bytes: int
    seconds: float
    seconds_per_update: float
    final_loss: float
    loss_curve: Float[np.ndarray, " n"]


def mean_squared_error(
    weights: Float[Array, " d"], x: Float[Array, "n d"], y: Float[Array, " n"]
) -> Float[Array, ""]:
    """Return the mean over the rows of (x · weights − y)²."""
    return jnp.mean((x @ weights - y) ** 2)


def compare_regimes(
    x: Float[Array | np.ndarray, "n d"],
    y: Float[Array | np.ndarray, " n"],
    *,
    epochs: int,
    learning_rate: NonNegative,
    batch_size: int = 32,
    seed: int = 0,
) -> list[RegimeResult]:
    """Fit y ≈ x · w by gradient descent on all rows, one row and batches of rows an update.

    All start at w = 0 and see every row once an epoch, in a new order each epoch; the last batch
    of an epoch may be smaller.

    Args:
        x: Features, one row an example.
        y: Targets.
        epochs: Passes over the rows.
        learning_rate: Common to the three regimes.
        batch_size: Rows of the mini-batch.
        seed: Of the order.

    >>> x = np.linspace(-1.0, 1.0, 100, dtype=np.float32)[:, None]
    >>> results = compare_regimes(x, 3 * x[:, 0], epochs=2, learning_rate=0.1)
    >>> [(r.name, r.updates_per_epoch) for r in results]
    [('full batch', 1), ('mini-batch', 4), ('one sample', 100)]
    """
    x, y = jnp.asarray(x), jnp.asarray(y)
    n = len(x)
    sizes = {"full_batch": n, "mini_batch": batch_size, "one_sample": 1}
    results = []
    for regime, size in sizes.items():
        rows, real = _batches(n, size, epochs, seed)
        path = _descend(x, y, rows, real, learning_rate)  # compiles
        seconds = min(_time(x, y, rows, real, learning_rate) for _ in range(5))
        curve = np.asarray(_losses(path, x, y))
        results.append(
            RegimeResult(
                name=REGIMES[regime].name,
                batch_size=size,
                updates_per_epoch=len(rows) // epochs,
                updates=len(rows),
                samples_touched=int(real.sum()),
                batch_bytes=size * (x.nbytes + y.nbytes) // n,
                seconds=seconds,
                seconds_per_update=seconds / len(rows),
                final_loss=float(curve[-1]),
                loss_curve=curve,
            )
        )
    return results


def gradient_variance(
    weights: Float[Array | np.ndarray, " d"],
    x: Float[Array | np.ndarray, "n d"],
    y: Float[Array | np.ndarray, " n"],
    *,
    batch_size: int,
    n_draws: int = 1000,
    seed: int = 0,
) -> float:
    """Return the mean squared distance of a batch's gradient from the full one.

    Rows are drawn with replacement, where the variance is exactly that of one row divided by the
    batch size; without replacement it is smaller by (n − batch_size) / (n − 1).

    >>> x, y = np.ones((50, 1), np.float32), np.arange(50, dtype=np.float32)
    >>> one = gradient_variance(np.zeros(1, np.float32), x, y, batch_size=1)
    >>> ten = gradient_variance(np.zeros(1, np.float32), x, y, batch_size=10)
    >>> 8 < one / ten < 12
    True
    """
    weights, x, y = jnp.asarray(weights), jnp.asarray(x), jnp.asarray(y)
    rows = np.random.default_rng(seed).integers(len(x), size=(n_draws, batch_size))
    gradient = jax.grad(mean_squared_error)
    of_batch = jax.vmap(lambda r: gradient(weights, x[r], y[r]))(jnp.asarray(rows))
    deviation = of_batch - gradient(weights, x, y)[None]
    return float(jnp.mean(jnp.sum(deviation**2, axis=1)))


def _time(*arguments) -> float:
    begin = time.perf_counter()
    _descend(*arguments).block_until_ready()
    return time.perf_counter() - begin


def _batches(
    n: int, size: int, epochs: int, seed: int
) -> tuple[Int[np.ndarray, "updates size"], Shaped[np.ndarray, "updates size"]]:
    """Return the row numbers of every update, and 1 where they are real and 0 where padding."""
    rng = np.random.default_rng(seed)
    per_epoch = -(-n // size)
    rows = np.zeros((epochs, per_epoch * size), np.int32)
    rows[:, :n] = [rng.permutation(n) for _ in range(epochs)]
    real = np.broadcast_to(np.arange(per_epoch * size) < n, rows.shape)
    return rows.reshape(-1, size), real.reshape(-1, size)


@jax.jit
def _descend(x, y, rows, real, learning_rate):
    def step(weights, batch):
        rows, real = batch

        def loss(weights):
            return jnp.sum(real * (x[rows] @ weights - y[rows]) ** 2) / jnp.sum(real)

        weights = weights - learning_rate * jax.grad(loss)(weights)
        return weights, weights

    start = jnp.zeros(x.shape[1], x.dtype)
    _, path = jax.lax.scan(step, start, (rows, real))
    return jnp.concatenate([start[None], path])


@jax.jit
def _losses(path, x, y):
    return jax.lax.map(lambda weights: mean_squared_error(weights, x, y), path)
