"""Records a Keras training while it runs, as evidence for a diagnosis.

`KerasRecorder` is a `keras.callbacks.Callback`; the class is made when it is first asked for, so
that Gradlab does not need Keras. Backends JAX and PyTorch; with others there are no gradients.

Seen are layers, and activations that are layers or arguments of layers. Functions that a model's
own `call` applies (`ops.relu(x)`) and what is inside `TimeDistributed` are not.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    """Make the class when it is imported."""
    if name != "KerasRecorder":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = _recorder_class()
    globals()[name] = found
    return found


def _recorder_class() -> Any:
    import keras

    from gradlab.doctor.history.keras_course import KerasCourse

    class KerasRecorder(KerasCourse, keras.callbacks.Callback):
        """Measures a Keras model while `fit` trains it; give it as one of the callbacks.

        The model is measured on the probe rows before training, after steps 1, 2, 4, 8 … of the
        first epoch and at the ends of epochs. Training gives the same numbers as without.

        Args:
            probe: Inputs and targets of 64 to 256 training rows.
            setup: What can't be seen: {"batch_size": 32, …}; see `read_setup`.
            task: Of the network, if the loss does not tell it.
            train, validation: All rows as the network is given them, for facts about the data.
            every: Epochs between measurements; by default as many as take 5 % of the time.

        Call `evidence()` or `diagnose()` after `fit`.
        """

        def __init__(
            self,
            *,
            probe: Any,
            setup: Any = None,
            task: Any = None,
            train: Any = None,
            validation: Any = None,
            every: int | None = None,
        ) -> None:
            keras.callbacks.Callback.__init__(self)
            KerasCourse.__init__(
                self,
                probe=probe,
                setup=setup,
                task=task,
                train=train,
                validation=validation,
                every=every,
            )

        def on_train_begin(self, logs: Any = None) -> None:
            """Look at the model before training."""
            params = self.params or {}
            self.begin(self.model, params.get("epochs"), params.get("steps"))

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            """Count a step."""
            self.count_step(lambda: self.model)

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            """Take an epoch's losses and scores."""
            self.end_epoch(lambda: self.model, logs or {})

    return KerasRecorder
