"""What a Keras callback does at the moments of `fit`."""

from collections.abc import Callable, Mapping
from typing import Any

from gradlab.doctor.evidence import Evidence, TaskName
from gradlab.doctor.history.course import Course
from gradlab.doctor.history.keras_layers import loss_fields, optimizer_fields
from gradlab.doctor.history.keras_probe import KerasProbe, trained_weights
from gradlab.doctor.history.names import column
from gradlab.doctor.history.recorder import Recorder, Run
from gradlab.doctor.history.report import Rows, Told, setup_of
from gradlab.errors import DataError


class KerasCourse(Recorder):
    """Records one call of `fit`, or several in a row."""

    def __init__(
        self,
        *,
        probe: Any,
        setup: Told,
        task: TaskName | None,
        train: Rows,
        validation: Rows,
        every: int | None,
    ) -> None:
        """Keep what is needed; the model comes with `begin`."""
        if not (isinstance(probe, tuple | list) and len(probe) == 2):
            raise DataError(
                "probe: expected a pair (inputs, targets) of some training rows; came "
                f"{type(probe).__name__}."
            )
        self._rows, self._told = probe, setup
        self._task: TaskName | None = task
        self._train, self._validation = train, validation
        self._every = every
        self._begun = False
        # With JAX the weights are put into the model when the callback asks for it.
        self._model_now: Callable[[], Any] = lambda: None

    def begin(self, model: Any, epochs: int | None, steps: int | None) -> None:
        """Look at the model before training; a later `fit` goes on with the record."""
        self._model_now = lambda: model
        if self._begun:
            return
        self._begun = True
        probe = KerasProbe(model, *self._rows)
        several = getattr(model, "steps_per_execution", 1) or 1
        seen: dict[str, Any] = {
            "layers": probe.layers,
            "epochs": epochs,
            **loss_fields(model.loss),
            **optimizer_fields(model.optimizer),
        }
        self._setup = setup_of(seen, self._told, self._task)
        probe.say_outputs(self._setup)
        if not self._setup.weighted:
            raise DataError("No dense, convolutional or recurrent layer was met in a pass.")
        course = Course(
            lambda before: probe.measure(self._model_now(), before),
            # Of several steps in one call, the weights before the last are not seen.
            lambda: trained_weights(self._model_now()) if several == 1 else None,
            n_layers=len(self._setup.weighted),
            every=self._every,
            steps_per_epoch=steps,
        )
        self._run = Run(course, self._setup)

    def count_step(self, model: Callable[[], Any]) -> None:
        """Count a call that trained."""
        self._model_now = model
        self._run.step()

    def end_epoch(self, model: Callable[[], Any], logs: Mapping[str, Any]) -> None:
        """Take the numbers of an epoch that are losses or scores."""
        self._model_now = model
        known = ("loss", "score")
        self._run.epoch({n: v for n, v in logs.items() if column(n).quantity in known})

    def evidence(self) -> Evidence:
        """Return what was recorded so far, as evidence."""
        if not self._begun:
            raise DataError("Nothing was recorded: give the recorder to fit(callbacks=[…]) first.")
        return super().evidence()

    def _notes(self) -> tuple[str, ...]:
        if any(layer.l1 or layer.l2 for layer in self._setup.layers):
            return ("Keras adds penalties to the losses that it logs.",)
        return ()
