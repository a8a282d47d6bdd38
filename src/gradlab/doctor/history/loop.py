"""Records any training loop that can tell its losses, and its weights if the network is dense.

For NumPy by hand, scikit-learn's `partial_fit`, or a library without a recorder of its own.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from gradlab.doctor.evidence import Layer, TaskName
from gradlab.doctor.history.course import Course, Measured
from gradlab.doctor.history.dense_probe import Weights, measure_dense
from gradlab.doctor.history.recorder import Recorder, Run
from gradlab.doctor.history.report import Rows, Told, as_arrays, setup_of
from gradlab.doctor.history.words import activation_word
from gradlab.errors import DataError


class LoopRecorder(Recorder):
    """Takes what your loop tells at the end of every epoch.

    With weights, the network is measured; with probe rows too, its activations and gradients are:
    the pass through it is made here, in 64-bit.

    >>> recorder = LoopRecorder(setup={"task": "multiclass", "learning_rate": 0.1, "epochs": 2})
    >>> recorder.epoch(loss=1.0, score=0.5)
    >>> recorder.epoch(loss=0.7, score=0.6, val_score=0.6)
    >>> recorder.evidence().records[0].train_loss.tolist()
    [1.0, 0.7]
    """

    def __init__(
        self,
        *,
        setup: Told = None,
        task: TaskName | None = None,
        weights: Iterable[Any] | None = None,
        activation: str = "relu",
        output: str = "linear",
        probe: Rows = None,
        train: Rows = None,
        validation: Rows = None,
        every: int | None = None,
    ) -> None:
        """Start, before training if weights are to be seen as they start.

        Args:
            setup: How it is trained; see `read_setup`.
            task: Of the network, if loss and outputs do not tell it.
            weights: Of each layer its matrix (inputs, units) with its biases (units,), or the
                matrix alone.
            activation: Of hidden layers, if the setup does not tell the layers.
            output: Of the last layer, likewise: "softmax", "sigmoid", "linear".
            probe: Inputs and targets of 64 to 256 training rows, the same every time.
            train, validation: All rows as the network is given them, for facts about the data.
            every: Epochs between measurements; by default as many as take 5 % of the time.

        Raises:
            DataError: If the weights do not fit together, or to the rows.
        """
        self._weights = None if weights is None else _layers(weights)
        self._rows = None if probe is None else as_arrays(probe, "probe")
        self._train, self._validation = train, validation
        seen: dict[str, Any] = {}
        if self._weights is not None:
            seen["layers"] = _described(self._weights, activation, output)
        self._setup = setup_of(seen, setup, task)
        self._fits()
        course = Course(
            self._measure,
            lambda: self._weights,
            n_layers=len(self._setup.weighted),
            every=every,
        )
        self._run = Run(course, self._setup)

    @classmethod
    def from_sklearn(
        cls, estimator: Any, x: Any, y: Any, *, validation: Rows = None
    ) -> "LoopRecorder":
        """Return the recorder of a fitted `MLPClassifier` or `MLPRegressor`.

        Its `loss_curve_` and `validation_scores_` are the epochs; its weights are measured as they
        are now, on the first 256 rows.

        Args:
            estimator: Fitted.
            x: Training rows, as it was given them.
            y: Their targets.
            validation: Rows that judge, if any.

        Raises:
            DataError: If it is not fitted, or has no loss curve (solver "lbfgs").
        """
        from gradlab.doctor.history.sklearn_network import epochs_of, fields_of, targets_of

        fields = fields_of(estimator, len(x))
        coded = targets_of(estimator, y)
        x = np.asarray(x, np.float64)
        judged = None
        if validation is not None:
            judged = (np.asarray(validation[0], np.float64), targets_of(estimator, validation[1]))
        recorder = cls(
            setup=fields,
            probe=(x[:256], coded[:256]),
            train=(x, coded),
            validation=judged,
            every=estimator.n_iter_ + 1,
        )
        for told in epochs_of(estimator):
            recorder._run.epoch(told)
        recorder._score(estimator, x, y, validation)
        recorder._weights = _layers(zip(estimator.coefs_, estimator.intercepts_, strict=True))
        return recorder

    def _score(self, estimator: Any, x: Any, y: Any, validation: Rows) -> None:
        """Let the scores of the last epoch be those that a fitted estimator has now."""
        self._run.log.amend("train_score", float(estimator.score(x, y)))
        if validation is not None:
            self._run.log.amend("validation_score", float(estimator.score(*validation)))

    def step(self, loss: Any = None, weights: Iterable[Any] | None = None) -> None:
        """Tell that a step was made, with the batch's loss and the weights after it."""
        self._take(weights)
        self._run.step(loss)

    def epoch(self, *, weights: Iterable[Any] | None = None, **told: Any) -> None:
        """Tell that an epoch is over.

        Args:
            weights: As they are now.
            **told: loss, score, val_loss, val_score; names as of a history's columns.
        """
        self._take(weights)
        self._run.epoch(told)

    def _take(self, weights: Iterable[Any] | None) -> None:
        if weights is None:
            return
        taken = _layers(weights)
        now = [own[0].shape for own in taken]
        if len(taken) != len(self._setup.weighted):
            raise DataError(
                f"weights: expected those of {len(self._setup.weighted)} layers, as the recorder "
                f"was made with; came {len(taken)}. Give weights= when you make it."
            )
        if self._weights is not None and now != [own[0].shape for own in self._weights]:
            raise DataError(f"weights: expected the shapes of the start; came {now}.")
        self._weights = taken

    def _measure(self, before: Weights | None) -> Measured:
        if self._weights is None:
            return Measured({}, {})
        x, y = (None, None) if self._rows is None else self._rows
        return measure_dense(self._setup, self._weights, before, x, y)

    def _fits(self) -> None:
        if self._weights is None or self._rows is None:
            return
        n_columns, n_in = self._rows[0].shape[-1], len(self._weights[0][0])
        if self._rows[0].ndim != 2 or n_columns != n_in:
            raise DataError(
                f"probe: expected rows of {n_in} numbers, as the first layer takes; came "
                f"{self._rows[0].shape[1:]}."
            )


def _layers(weights: Iterable[Any]) -> Weights:
    found = []
    for k, own in enumerate(weights):
        arrays = list(own) if isinstance(own, tuple | list) else [own]
        arrays = [np.array(a, np.float64) for a in arrays]
        matrix, biases = arrays[0], arrays[1:]
        if matrix.ndim != 2 or any(b.shape != matrix.shape[1:] for b in biases):
            raise DataError(
                f"weights[{k}]: expected (inputs, units) and (units,); came "
                f"{', '.join(str(a.shape) for a in arrays)}. Transpose a matrix that is the other "
                "way round."
            )
        if found and found[-1][0].shape[1] != len(matrix):
            raise DataError(
                f"weights[{k}]: expected {found[-1][0].shape[1]} inputs, the units before it; "
                f"came {len(matrix)}."
            )
        found.append(arrays[:2])
    if not found:
        raise DataError("weights: expected a layer at least; came none.")
    return found


def _described(weights: Weights, activation: str, output: str) -> tuple[Layer, ...]:
    names: Sequence[str] = [activation_word(activation)] * (len(weights) - 1)
    names = [*names, activation_word(output)]
    return tuple(
        Layer(
            "dense",
            f"layers[{k}]",
            units=own[0].shape[1],
            activation=name,
            init_std=float(own[0].std()),
            bias_std=float(own[1].std()) if len(own) > 1 else None,
            fan_in=own[0].shape[0],
            fan_out=own[0].shape[1],
            n_parameters=sum(a.size for a in own),
        )
        for k, (own, name) in enumerate(zip(weights, names, strict=True))
    )
