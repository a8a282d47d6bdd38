"""How scikit-learn's multilayer perceptrons are set, and the epochs that they keep."""

from typing import Any

import numpy as np

from gradlab.doctor.evidence import Layer
from gradlab.doctor.history.words import activation_word
from gradlab.errors import DataError
from gradlab.optim import OPTIMIZERS


def fields_of(estimator: Any, n_rows: int) -> dict[str, Any]:
    """Return the fields of `Setup` that a fitted `MLPClassifier` or `MLPRegressor` tells.

    Args:
        estimator: Fitted.
        n_rows: That it was trained on.

    Raises:
        DataError: If it is of another kind, or not fitted.
    """
    if not hasattr(estimator, "hidden_layer_sizes"):
        raise DataError(
            f"Expected an MLPClassifier or MLPRegressor; came {type(estimator).__name__}. Tell "
            "the epochs of others with epoch(loss=…, score=…)."
        )
    if not hasattr(estimator, "coefs_"):
        raise DataError("The estimator is not fitted: call fit(X, y) first.")
    batch = min(200, n_rows) if estimator.batch_size == "auto" else int(estimator.batch_size)
    output = activation_word(estimator.out_activation_)
    is_regression = not hasattr(estimator, "classes_")
    task = "regression"
    if not is_regression:
        labels = len(estimator.classes_)
        task = "multiclass" if output == "softmax" else "binary" if labels == 2 else "multilabel"
    loss = "cross_entropy" if output == "softmax" else "binary_cross_entropy"
    if is_regression:
        loss = {"poisson": "poisson"}.get(str(estimator.loss), "half_squared_error")
    fields: dict[str, Any] = {
        "task": task,
        "layers": _layers(estimator, output, batch),
        "loss": loss,
        "loss_takes": "outputs",
        "loss_guarded": True,
        "loss_reduction": "mean",
        "batch_size": min(batch, n_rows),
        "epochs": int(estimator.max_iter),
        "shuffle": bool(estimator.shuffle),
        "validation": "fraction" if estimator.early_stopping else None,
        "metric": None if is_regression else "accuracy",
        "patience": int(estimator.n_iter_no_change),
    }
    if estimator.solver in ("sgd", "adam"):
        fields["learning_rate"] = float(estimator.learning_rate_init)
        fields["optimizer"] = estimator.solver
    if estimator.solver == "sgd" and estimator.momentum > 0:
        fields["momentum"] = float(estimator.momentum)
        fields["optimizer"] = "nesterov" if estimator.nesterovs_momentum else "momentum"
    if fields.get("optimizer") in OPTIMIZERS:
        fields["usual_learning_rate"] = OPTIMIZERS[fields["optimizer"]].learning_rate
    return fields


def _layers(estimator: Any, output: str, batch: int) -> tuple[Layer, ...]:
    names = [activation_word(estimator.activation)] * (len(estimator.coefs_) - 1) + [output]
    return tuple(
        Layer(
            "dense",
            f"coefs_[{k}]",
            units=w.shape[1],
            activation=name,
            fan_in=w.shape[0],
            fan_out=w.shape[1],
            # alpha / 2 ‖w‖² is divided by the rows of a batch.
            l2=float(estimator.alpha) / 2 / batch,
            n_parameters=w.size + b.size,
        )
        for k, (w, b, name) in enumerate(
            zip(estimator.coefs_, estimator.intercepts_, names, strict=True)
        )
    )


def targets_of(estimator: Any, y: Any) -> np.ndarray:
    """Return the targets as the loss sees them: class numbers, 0 and 1, or numbers."""
    y = np.asarray(y)
    classes = getattr(estimator, "classes_", None)
    if classes is None or y.ndim > 1:
        return y.astype(np.float64)
    codes = np.searchsorted(classes, y)
    if not np.array_equal(np.asarray(classes)[np.minimum(codes, len(classes) - 1)], y):
        raise DataError("y holds labels that the estimator was not fitted with.")
    return codes


def epochs_of(estimator: Any) -> list[dict[str, float]]:
    """Return what each epoch told, as arguments of `LoopRecorder.epoch`.

    Raises:
        DataError: If it keeps no loss curve.
    """
    curve = getattr(estimator, "loss_curve_", None)
    if not curve:
        raise DataError(
            "The estimator keeps no loss curve: solver 'lbfgs' has no epochs. Use 'adam' or 'sgd'."
        )
    scores = getattr(estimator, "validation_scores_", None) or []
    rows = [{"train_loss": float(loss)} for loss in curve]
    for row, score in zip(rows, scores, strict=False):
        row["validation_score"] = float(score)
    return rows
