"""Networks that answer with one number or several."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float
from sklearn.base import RegressorMixin

from gradlab.estimators.network import NO_ROWS, Network, Rows, of_one_pass
from gradlab.estimators.training import Trained
from gradlab.training.recipe import Recipe


@dataclass(kw_only=True, eq=False, repr=False)
class Regressor(RegressorMixin, Network):
    """What all regressors do alike, trained on the squared error; what X is, a subclass says.

    Args:
        scale_target: Whether to train on y with mean 0 and standard deviation 1 (of each output,
            on the training rows of the first fit) and to scale predictions back. The usual
            learning rates suit numbers of size 1; losses are in these units too.

    `validation_score` is R².
    """

    scale_target: Any = True

    _target_checks: ClassVar[dict[str, bool]] = {"multi_output": True, "y_numeric": True}

    def __sklearn_tags__(self):
        """Return scikit-learn's tags: y may have several columns."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X, y, sample_weight=None, validation=None):
        """Train on X and numbers y; return self.

        Args:
            X: Inputs.
            y: Numbers, shape (n_samples,) or (n_samples, n_outputs).
            sample_weight: Factor of each row's loss, shape (n_samples,).
            validation: (X, y) of rows to judge by, instead of a share of the training rows.

        Raises:
            ValueError: If a warm start, or the validation rows, have another number of outputs.
            RecipeError: If a setting is out of range, or training diverged.
        """
        recipe, start = self._recipe(), self._start()
        if start is not None:
            recipe = recipe.replace(epochs=start.epochs + recipe.epochs)
        rows = self._rows(X, y, sample_weight, first=start is None)
        self._check_outputs(rows, start)
        given = self._given_validation(validation)
        if given is not None and given.y.shape[1] != rows.y.shape[1]:
            raise ValueError(
                f"The validation rows have {given.y.shape[1]} outputs, the training rows "
                f"{rows.y.shape[1]}."
            )
        return self._learn(recipe, start, rows, given, int(self.epochs), hold=True)

    def partial_fit(self, X, y, sample_weight=None):
        """Make one pass over X and y from where the training stands; return self.

        `patience` and `validation_fraction` are not used; a schedule counts passes as epochs. The
        first call's rows decide how inputs and targets are scaled.

        Raises:
            ValueError: If a later call has another number of outputs.
            RecipeError: If a setting is out of range, or training diverged.
        """
        start = getattr(self, "_trained", None)
        recipe = of_one_pass(self._recipe(), start)
        rows = self._rows(X, y, sample_weight, first=start is None)
        self._check_outputs(rows, start)
        return self._learn(recipe, start, rows, None, 1, hold=False)

    def predict(self, X):
        """Return the numbers, shape (n_samples,), or (n_samples, n_outputs) for several outputs."""
        seen = self._seen(X)
        return self.model_.predict(seen.x, seen.lengths)

    def _rows(self, X, y, sample_weight, *, first: bool) -> Rows:
        rows = super()._rows(X, y, sample_weight, first=first)
        return replace(rows, y=rows.y.astype(np.float64).reshape(len(rows.y), -1))

    def _check_outputs(self, rows: Rows, start: Trained | None) -> None:
        if start is not None and rows.y.shape[1] != self.model_.n_outputs:
            raise ValueError(
                f"Training goes on with the {self.model_.n_outputs} outputs of the last fit; "
                f"y has {rows.y.shape[1]}. Train anew with warm_start=False."
            )

    def _learn(
        self,
        recipe: Recipe,
        start: Trained | None,
        rows: Rows,
        given: Rows | None,
        epochs: int,
        *,
        hold: bool,
    ):
        seed = self._seed(start)
        held = self._held_out(len(rows.y), seed, given) if hold else NO_ROWS
        if start is not None:
            shift, scale = self.model_.target_shift, self.model_.target_scale
        elif self.scale_target:
            train = np.setdiff1d(np.arange(len(rows.y)), held)
            shift, scale = mean_and_deviation(rows.y[train], rows.weights[train])
        else:
            shift, scale = 0.0, 1.0

        def scaled(some: Rows) -> Rows:
            return replace(some, y=(some.y - np.atleast_2d(shift)) / np.atleast_2d(scale))

        model = self._train(
            recipe,
            start,
            scaled(rows),
            epochs=epochs,
            seed=seed,
            kind="regression",
            n_outputs=rows.y.shape[1],
            held=held,
            given=None if given is None else scaled(given),
        )
        self.model_ = replace(model, target_shift=shift, target_scale=scale)
        return self


def mean_and_deviation(
    y: Float[np.ndarray, "rows outputs"], weights: Float[np.ndarray, " rows"]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of each column; 1 for one without any.

    >>> mean_and_deviation(np.array([[1.0, 5.0], [3.0, 5.0]]), np.ones(2))
    ((2.0, 5.0), (1.0, 1.0))
    """
    largest = np.abs(y).max(axis=0, keepdims=True)
    unit = np.where(largest > 0, largest, 1)  # so that no square overflows
    mean = np.average(y / unit, axis=0, weights=weights, keepdims=True)
    deviation = np.sqrt(np.average((y / unit - mean) ** 2, axis=0, weights=weights))
    # A constant column deviates by the rounding of its mean.
    scale = np.where(deviation > 1e-12, deviation * unit[0], 1)
    return tuple((mean * unit)[0].tolist()), tuple(scale.tolist())
