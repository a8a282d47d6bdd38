"""Records a PyTorch training while it runs, as evidence for a diagnosis.

What is seen are the functions that a model calls with its parameters, by modules or not, and the
activations that follow. Not seen are products inside a fused function (`nn.MultiheadAttention`,
the inner layers of a stacked `nn.LSTM`), activations written out by hand (`x * torch.sigmoid(x)`
is a sigmoid to it), and what happens in compiled extensions.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from gradlab.doctor.evidence import TaskName
from gradlab.doctor.history.course import Course
from gradlab.doctor.history.recorder import Recorder, Run
from gradlab.doctor.history.report import Rows, Told, setup_of
from gradlab.doctor.history.torch_network import (
    layers_of,
    loss_fields,
    optimizer_fields,
    optimizer_notes,
    output_fields,
)
from gradlab.doctor.history.torch_probe import TorchProbe
from gradlab.doctor.history.words import guess_task
from gradlab.errors import DataError


class TorchRecorder(Recorder):
    """Measures a PyTorch model while your loop trains it.

    The loop calls `step()` after every step of the optimizer and `epoch(...)` at the end of an
    epoch. The model is measured on the probe rows before training, after steps 1, 2, 4, 8 … of the
    first epoch and at the ends of epochs. Training gives the same numbers, to the bit, as without.

    A forward and backward pass over the probe is made in 32-bit (the weights' type), so that what
    mixed precision loses is not mistaken for the network's own; `precision` measures as trained.
    """

    def __init__(
        self,
        model: Any,
        loss: Callable[[Any, Any], Any] | None = None,
        optimizer: Any = None,
        *,
        probe: Any,
        setup: Told = None,
        task: TaskName | None = None,
        train: Rows = None,
        validation: Rows = None,
        every: int | None = None,
        steps_per_epoch: int | None = None,
        precision: Any = None,
    ) -> None:
        """Look at the model before training.

        Args:
            model: `nn.Module`; frozen parameters, shared layers and own modules are fine.
            loss: (outputs, targets) -> mean over the rows: a loss of `torch.nn` or a function.
                Without one there are no gradients.
            optimizer: Read for its name and numbers.
            probe: Inputs and targets of 64 to 256 training rows, the same every time. Inputs of
                several arguments come as a tuple, named ones as a dict.
            setup: What can't be seen: {"batch_size": 32, "epochs": 20, …}, a file, or all of it as
                a `Setup`; see `read_setup`.
            task: Of the network, if the loss does not tell it.
            train, validation: All rows as the network is given them, for facts about the data;
                images with channels last.
            every: Epochs between measurements; by default as many as take 5 % of the time.
            steps_per_epoch: If it is known; the update of the first epoch's last step needs it.
            precision: `torch.bfloat16` or `torch.float16`, to measure under `torch.autocast`.

        Raises:
            DataError: If the probe can't be used.
        """
        if not (isinstance(probe, tuple | list) and len(probe) == 2):
            raise DataError(
                "probe: expected a pair (inputs, targets) of some training rows; came "
                f"{type(probe).__name__}."
            )
        seen = {} if loss is None else loss_fields(loss)
        if optimizer is not None:
            seen |= optimizer_fields(optimizer)
        self._optimizer = optimizer
        self._train, self._validation = train, validation
        self._probe = TorchProbe(
            model,
            loss,
            *probe,
            sums_rows=seen.get("loss_reduction") == "sum",
            precision=precision,
        )
        passed = self._probe.trace()
        layers = layers_of(passed, self._probe.parameters)
        if not any(layer.kind in ("dense", "conv", "recurrent") for layer in layers):
            raise DataError(
                "No layer was seen: in a forward pass no parameter of the model met a product, a "
                "convolution or a recurrent net. Give the module that holds the layers."
            )
        seen = output_fields({**seen, "layers": layers}, loss)
        guessed = task or guess_task(seen.get("loss"), layers, None) or self._probe.task()
        self._setup = setup_of(seen, setup, task or guessed)
        self._probe.say_outputs(self._setup)
        course = Course(
            self._probe.measure,
            self._probe.weights,
            n_layers=len(self._setup.weighted),
            every=every,
            steps_per_epoch=steps_per_epoch,
        )
        self._run = Run(course, self._setup)

    def step(self, loss: Any = None) -> None:
        """Tell that the optimizer made a step.

        Args:
            loss: Of the batch; the epoch's training loss is the mean of them, if `epoch` is not
                given one.
        """
        self._probe.note_modes()
        self._run.step(loss)

    def epoch(self, **told: Any) -> None:
        """Tell that an epoch is over.

        Args:
            **told: train_loss, validation_loss, train_score, validation_score (accuracy as a
                share, or R²); names as of a history's columns (val_loss, accuracy …) will do.
        """
        if self._optimizer is not None and self._run.setup.schedule is None:
            rate = float(self._optimizer.param_groups[0]["lr"])
            if rate != self._setup.learning_rate:
                self._run.setup = replace(self._run.setup, schedule="varied")
        self._run.epoch(told)

    def _notes(self) -> tuple[str, ...]:
        if self._optimizer is None:
            return ()
        return tuple(optimizer_notes(self._optimizer, self._probe.parameters))
