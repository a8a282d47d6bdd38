"""Measures that are kept up to date batch by batch, inside compiled programs.

Each is three pure functions, as an optimizer is in Optax: `init()` gives a state, a pytree of a
few arrays; `update(state, y, prediction, weight)` takes a batch in; `result(state)` tells the value
so far. They work in `jax.jit` and `jax.lax.scan`, and give what the measure gives for all rows at
once. Weights are numbers of rows: 0 for the padding of a last batch; by default 1.

    state = measure.init()
    for y, prediction in batches:
        state = measure.update(state, y, prediction)
    measure.result(state)

Where there is nothing to divide by yet, the result is 0, as in tf.metrics.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Num

from gradlab.metrics.curves import area_at_thresholds

Batch = Num[Array, "..."] | Bool[Array, "..."]
Weight = Num[Array, " batch"] | None


class StreamingMeasure(NamedTuple):
    """A measure as three pure functions; see the module."""

    init: Callable[[], Any]
    update: Callable[..., Any]  # (state, y, prediction, weight=None) -> state
    result: Callable[[Any], Array]


class Total(NamedTuple):
    """Sums with what rounding took from them, so that float32 counts on beyond 16,777,216."""

    sum: Float[Array, "*shape"]
    lost: Float[Array, "*shape"]


def streaming_mean() -> StreamingMeasure:
    """Return the weighted mean of any values: update(state, values, weight=None).

    >>> mean = streaming_mean()
    >>> float(mean.result(mean.update(mean.init(), jnp.array([1.0, 2.0, 6.0]))))
    3.0
    """

    def update(state: Total, values: Batch, weight: Weight = None) -> Total:
        weight = _weights(weight, values)
        values = _mean_of_row(values.astype(weight.dtype))
        return _add(state, jnp.stack([jnp.sum(weight * values), jnp.sum(weight)]))

    return StreamingMeasure(lambda: _zeros(2), update, lambda state: _ratio(*_split(state)))


def streaming_accuracy() -> StreamingMeasure:
    """Return the share of right labels.

    >>> accuracy = streaming_accuracy()
    >>> state = accuracy.update(accuracy.init(), jnp.array([0, 1, 1, 0]), jnp.array([0, 1, 0, 0]))
    >>> float(accuracy.result(state))
    0.75
    """
    return _mean_of(lambda y, prediction: y == prediction)


def streaming_mean_squared_error() -> StreamingMeasure:
    """Return the mean of (y - ŷ)²."""
    return _mean_of(lambda y, prediction: (y - prediction) ** 2)


def streaming_root_mean_squared_error() -> StreamingMeasure:
    """Return the root of the mean of (y - ŷ)²."""
    measure = streaming_mean_squared_error()
    return measure._replace(result=lambda state: jnp.sqrt(measure.result(state)))


def streaming_mean_absolute_error() -> StreamingMeasure:
    """Return the mean of |y - ŷ|."""
    return _mean_of(lambda y, prediction: jnp.abs(y - prediction))


def streaming_true_positives() -> StreamingMeasure:
    """Return the number of positive rows called positive; labels are 0 and 1."""
    return _of_cells(lambda tn, fn, fp, tp: tp)


def streaming_true_negatives() -> StreamingMeasure:
    """Return the number of negative rows called negative."""
    return _of_cells(lambda tn, fn, fp, tp: tn)


def streaming_false_positives() -> StreamingMeasure:
    """Return the number of negative rows called positive."""
    return _of_cells(lambda tn, fn, fp, tp: fp)


def streaming_false_negatives() -> StreamingMeasure:
    """Return the number of positive rows called negative.

    >>> misses = streaming_false_negatives()
    >>> state = misses.update(misses.init(), jnp.array([1, 1, 0]), jnp.array([0, 1, 1]))
    >>> float(misses.result(state))
    1.0
    """
    return _of_cells(lambda tn, fn, fp, tp: fn)


def streaming_precision() -> StreamingMeasure:
    """Return TP / (TP + FP); 0 while nothing was called positive."""
    return _of_cells(lambda tn, fn, fp, tp: _ratio(tp, tp + fp))


def streaming_recall() -> StreamingMeasure:
    """Return TP / (TP + FN); 0 while no row was positive."""
    return _of_cells(lambda tn, fn, fp, tp: _ratio(tp, tp + fn))


def streaming_specificity() -> StreamingMeasure:
    """Return TN / (TN + FP); 0 while no row was negative."""
    return _of_cells(lambda tn, fn, fp, tp: _ratio(tn, tn + fp))


def streaming_f_score(beta: float = 1.0) -> StreamingMeasure:
    """Return F_β; 0 while no row was positive or called so.

    Args:
        beta: How many times as much recall counts as precision.
    """
    b = beta * beta
    return _of_cells(lambda tn, fn, fp, tp: _ratio((1 + b) * tp, (1 + b) * tp + b * fn + fp))


def streaming_confusion(n_classes: int) -> StreamingMeasure:
    """Return the confusion matrix, rows model and columns actual.

    Args:
        n_classes: Labels run from 0 to n_classes - 1; rows with others are not counted.

    >>> matrix = streaming_confusion(2)
    >>> state = matrix.update(matrix.init(), jnp.array([0, 0, 1]), jnp.array([0, 1, 1]))
    >>> matrix.result(state).tolist()  # ((TN, FN), (FP, TP))
    [[1.0, 0.0], [1.0, 1.0]]
    """

    def update(state: Total, y: Batch, prediction: Batch, weight: Weight = None) -> Total:
        weight = _weights(weight, y)
        given, actual = (
            jax.nn.one_hot(each.astype(jnp.int32), n_classes, dtype=weight.dtype)
            for each in (prediction, y)
        )
        return _add(state, (given * weight[:, None]).T @ actual)

    return StreamingMeasure(lambda: _zeros(n_classes, n_classes), update, _value)


def streaming_auc(
    n_thresholds: int = 200,
    *,
    curve: Literal["roc", "pr"] = "roc",
    summation: Literal["trapezoidal", "minoring", "majoring"] = "trapezoidal",
) -> StreamingMeasure:
    """Return the area under a curve from counts at equally spaced thresholds.

    The same number as `riemann_auc`. Scores are probabilities of the class 1; the state is
    2 · n_thresholds counts, however many rows there are. The result is NaN until both classes came.

    Args:
        n_thresholds, curve, summation: As for `riemann_auc`.

    >>> auc = streaming_auc()
    >>> y, scores = jnp.array([0, 0, 1, 1]), jnp.array([0.1, 0.4, 0.35, 0.8])
    >>> round(float(auc.result(auc.update(auc.init(), y, scores))), 4)
    0.75
    """

    def update(state: Total, y: Batch, scores: Batch, weight: Weight = None) -> Total:
        weight = _weights(weight, scores)
        passed = jnp.ceil(scores * (n_thresholds - 1)).astype(jnp.int32)
        passed = jnp.clip(passed, 1, n_thresholds) - 1
        counts = jnp.zeros((2, n_thresholds), weight.dtype)
        return _add(state, counts.at[(y == 0).astype(jnp.int32), passed].add(weight))

    def result(state: Total) -> Float[Array, ""]:
        hits, alarms = jnp.cumsum(_value(state)[:, ::-1], axis=1)[:, ::-1]
        return area_at_thresholds(hits, alarms, curve=curve, summation=summation)

    return StreamingMeasure(lambda: _zeros(2, n_thresholds), update, result)


class Spread(NamedTuple):
    """What R² needs: rows, the mean of y, Σ (y - ȳ)² and Σ (y - ŷ)²."""

    rows: Float[Array, ""]
    mean: Float[Array, "*outputs"]
    total: Float[Array, ""]
    error: Float[Array, ""]


def streaming_r2(n_outputs: int | None = None) -> StreamingMeasure:
    """Return R² = 1 - SSE / SST; 0 while all y are the same.

    Batches are merged by their means (Chan, Golub and LeVeque 1979), so that a mean far from 0
    costs no digits.

    Args:
        n_outputs: Numbers a row; None for y of shape (batch,).

    >>> r2 = streaming_r2()
    >>> y, prediction = jnp.array([1.0, 2, 3, 4]), jnp.array([1.1, 1.9, 3.2, 3.8])
    >>> round(float(r2.result(r2.update(r2.init(), y, prediction))), 5)
    0.98
    """
    shape = () if n_outputs is None else (n_outputs,)

    def init() -> Spread:
        dtype = jnp.result_type(float)
        zero = jnp.zeros((), dtype)
        return Spread(zero, jnp.zeros(shape, dtype), zero, zero)

    def update(state: Spread, y: Batch, prediction: Batch, weight: Weight = None) -> Spread:
        weight = _weights(weight, y)
        column = weight.reshape((-1,) + (1,) * (y.ndim - 1))
        rows = jnp.sum(weight)
        mean = _ratio(jnp.sum(column * y, axis=0), rows)
        within = jnp.sum(column * (y - mean[None]) ** 2)
        together = state.rows + rows
        step = mean - state.mean
        between = jnp.sum(step**2) * _ratio(state.rows * rows, together)
        return Spread(
            rows=together,
            mean=state.mean + step * _ratio(rows, together),
            total=state.total + within + between,
            error=state.error + jnp.sum(column * (y - prediction) ** 2),
        )

    def result(state: Spread) -> Float[Array, ""]:
        return jnp.where(state.total > 0, 1 - _ratio(state.error, state.total), 0.0)

    return StreamingMeasure(init, update, result)


STREAMING: dict[str, Callable[[], StreamingMeasure]] = {
    "accuracy": streaming_accuracy,
    "auc": streaming_auc,
    "f_score": streaming_f_score,
    "false_negatives": streaming_false_negatives,
    "false_positives": streaming_false_positives,
    "mean_absolute_error": streaming_mean_absolute_error,
    "mean_squared_error": streaming_mean_squared_error,
    "precision": streaming_precision,
    "r2": streaming_r2,
    "recall": streaming_recall,
    "root_mean_squared_error": streaming_root_mean_squared_error,
    "specificity": streaming_specificity,
    "true_negatives": streaming_true_negatives,
    "true_positives": streaming_true_positives,
}
"""Measures of truth and prediction that need nothing else to be known."""


def _mean_of(per_row: Callable[[Array, Array], Array]) -> StreamingMeasure:
    mean = streaming_mean()

    def update(state: Total, y: Batch, prediction: Batch, weight: Weight = None) -> Total:
        return mean.update(state, per_row(y, prediction), weight)

    return StreamingMeasure(mean.init, update, mean.result)


def _of_cells(measure: Callable[[Array, Array, Array, Array], Array]) -> StreamingMeasure:
    """Return a measure of TN, FN, FP and TP, from labels 0 and 1."""

    def update(state: Total, y: Batch, prediction: Batch, weight: Weight = None) -> Total:
        weight = _weights(weight, y)
        cell = 2 * (prediction != 0).astype(jnp.int32) + (y != 0).astype(jnp.int32)
        return _add(state, jnp.zeros(4, weight.dtype).at[cell].add(weight))

    return StreamingMeasure(lambda: _zeros(4), update, lambda state: measure(*_split(state)))


def _weights(weight: Weight, values: Batch) -> Float[Array, " batch"]:
    dtype = jnp.result_type(float)
    return jnp.ones(len(values), dtype) if weight is None else weight.astype(dtype)


def _mean_of_row(values: Float[Array, "batch ..."]) -> Float[Array, " batch"]:
    return values.reshape(len(values), -1).mean(axis=1)


def _zeros(*shape: int) -> Total:
    zeros = jnp.zeros(shape, jnp.result_type(float))
    return Total(zeros, zeros)


def _add(state: Total, values: Float[Array, "*shape"]) -> Total:
    """Add with the rounding error kept (Knuth's two-sum)."""
    total = state.sum + values
    part = total - state.sum
    rounding = (state.sum - (total - part)) + (values - part)
    return Total(total, state.lost + rounding)


def _value(state: Total) -> Float[Array, "*shape"]:
    return state.sum + state.lost


def _split(state: Total) -> tuple[Float[Array, ""], ...]:
    values = _value(state)
    return tuple(values[i] for i in range(len(values)))


def _ratio(part: Float[Array, "*shape"], whole: Float[Array, ""]) -> Float[Array, "*shape"]:
    return jnp.where(whole > 0, part / jnp.where(whole > 0, whole, 1), 0.0)
