"""The perceptron learning rule, w_i := w_i + α (y - ŷ) x_i, one row after another."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Real

from gradlab.nn.perceptron.unit import Coding, step, weighted_sum
from gradlab.scalars import Positive, Scalar

FIRST_BLOCK = 8  # rows looked at together after a change of the weights


@dataclass(frozen=True)
class LearningHistory:
    """What happened at every row of every pass.

    Attributes:
        predictions: ŷ of each row when its turn came, shape (passes, rows).
        weights: Weights after each row, shape (passes, rows, inputs).
        biases: Bias after each row, shape (passes, rows).
        errors: Wrong rows of each pass, shape (passes,).
        first_error_free_pass: Counted from 1; None if there was none.
    """

    predictions: Int[np.ndarray, "passes rows"]
    weights: Float[np.ndarray, "passes rows inputs"]
    biases: Float[np.ndarray, "passes rows"]
    errors: Int[np.ndarray, " passes"]
    first_error_free_pass: int | None

    @property
    def final(self) -> tuple[Float[np.ndarray, " inputs"], float]:
        """Return the last weights and bias."""
        return self.weights[-1, -1], float(self.biases[-1, -1])


def learning_rule(
    x: Real[np.ndarray, "rows inputs"],
    targets: Int[np.ndarray, " rows"],
    weights: Real[np.ndarray, " inputs"],
    bias: Scalar = 0.0,
    *,
    learning_rate: Positive = 0.1,
    learn_bias: bool = True,
    coding: Coding = "binary",
    passes: int = 100,
) -> LearningHistory:
    """Train one perceptron row by row, in the order given, and keep every step.

        ŷ = step(w_0 + Σ_i w_i x_i)
        w_i := w_i + α (y - ŷ) x_i,    w_0 := w_0 + α (y - ŷ)   if `learn_bias`

    Nothing changes where ŷ = y. Training stops after the first pass without an error, or after
    `passes`; it always ends for separable rows (Novikoff 1962) and never for others.

    Args:
        x: Inputs.
        targets: y in the given coding: 0 and 1, or -1 and +1 (then a step is twice as long).
        weights: Weights to start from.
        bias: w_0 to start from; a fixed threshold θ is bias = -θ with `learn_bias=False`.
        learning_rate: α.
        learn_bias: Whether w_0 learns like the weight of an input that is always 1.
        coding: How targets and outputs are written.
        passes: Most passes over the rows.

    Source: Rosenblatt 1958.

    >>> from gradlab.nn.perceptron.tables import WEATHER
    >>> history = learning_rule(*WEATHER, np.zeros(2), -0.5, learn_bias=False)
    >>> history.predictions[0], history.first_error_free_pass
    (array([0, 0, 0, 0, 0, 0, 0]), 4)
    """
    x = np.asarray(x, dtype=float)
    w, b = np.array(weights, dtype=float), float(bias)
    predictions, weight_steps, bias_steps, errors = [], [], [], []
    for _ in range(passes):
        pass_predictions = []
        for row, target in zip(x, targets, strict=True):
            predicted = step(weighted_sum(row[None], w, b), coding)[0]
            error = target - predicted
            if error != 0:
                w = w + float(learning_rate) * error * row
                if learn_bias:
                    b = b + float(learning_rate) * float(error)
            pass_predictions.append(predicted)
            weight_steps.append(w)
            bias_steps.append(b)
        predictions.append(pass_predictions)
        errors.append(int(np.sum(np.array(pass_predictions) != targets)))
        if errors[-1] == 0:
            break
    shape = (len(errors), len(x))
    return LearningHistory(
        predictions=np.array(predictions, dtype=int).reshape(shape),
        weights=np.array(weight_steps, dtype=float).reshape(*shape, x.shape[1]),
        biases=np.array(bias_steps, dtype=float).reshape(shape),
        errors=np.array(errors, dtype=int),
        first_error_free_pass=len(errors) if errors and errors[-1] == 0 else None,
    )


def learning_pass(
    x: Float[np.ndarray, "rows inputs"],
    positive: np.ndarray,
    weights: Float[np.ndarray, " inputs"],
    bias: float,
    rates: Float[np.ndarray, " rows"],
    *,
    learn_bias: bool = True,
) -> tuple[Float[np.ndarray, " inputs"], float, int]:
    """Return weights, bias and number of errors after one pass of the learning rule.

    The same numbers as row by row, to the last bit, but only as slow as the errors are many:
    between two errors the weights stand still, so the rows are judged in blocks, each twice as
    long as the one before, up to the next wrong row.

    Args:
        x: Inputs in the order of the pass, C-contiguous.
        positive: True where the target is the upper answer, boolean of shape (rows,).
        weights: Weights before the pass; left as they are.
        bias: Bias before the pass.
        rates: Length of the step of each row, α |y - ŷ| times the weight of the row.
        learn_bias: Whether the bias learns.
    """
    weights, bias, errors = weights.copy(), float(bias), 0
    start, block = 0, FIRST_BLOCK
    while start < len(x):
        stop = start + block
        wrong = (weighted_sum(x[start:stop], weights, bias) >= 0) != positive[start:stop]
        first = int(wrong.argmax())
        if not wrong[first]:
            start, block = stop, 2 * block
            continue
        row = start + first
        change = rates[row] if positive[row] else -rates[row]
        weights += change * x[row]
        if learn_bias:
            bias += float(change)
        errors += 1
        start, block = row + 1, FIRST_BLOCK
    return weights, bias, errors
