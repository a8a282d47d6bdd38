"""Healthy programs over public data sets: what faults are put into, and what must raise no alarm.

Their settings are those a careful person would choose; `tools/calibrate_doctor.py` trains them and
leaves out any that does not come near a plain reference method.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradlab.doctor.faults.datasets import read_rows
from gradlab.doctor.program.program import Program
from gradlab.doctor.program.settings import read_settings

Case = dict[str, Any]
"""The settings of a program in the words of `gradlab.doctor.program`."""


@dataclass(frozen=True)
class Control:
    """A healthy program.

    Attributes:
        name: "data set/family".
        dataset: A key of `datasets.READERS`.
        held_out: Whether it is kept for the score.
        layers: Hidden layers, written out.
        optimizer: With its numbers.
        batch_size, epochs: Of the training.
    """

    name: str
    dataset: str
    held_out: bool
    layers: tuple[dict[str, Any], ...]
    optimizer: dict[str, Any]
    batch_size: int
    epochs: int


def dense(units: int, activation: str = "relu", **more: Any) -> dict[str, Any]:
    """Write a dense layer with the starting weights that suit its activation."""
    init = "he_normal" if activation == "relu" else "glorot_uniform"
    return {"type": "dense", "units": units, "activation": activation, "init": init, **more}


def conv(filters: int) -> dict[str, Any]:
    """Write a 3 x 3 rectified convolution."""
    return {
        "type": "conv2d",
        "filters": filters,
        "kernel": [3, 3],
        "strides": [1, 1],
        "padding": "same",
        "activation": "relu",
        "init": "he_normal",
    }


def adam(rate: float) -> dict[str, Any]:
    """Write Adam."""
    return {"name": "adam", "learning_rate": rate, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-7}


def sgd(rate: float, momentum: float = 0.9) -> dict[str, Any]:
    """Write gradient descent with momentum."""
    return {
        "name": "sgd",
        "learning_rate": rate,
        "momentum": momentum,
        "nesterov": False,
        "decay": 0.0,
    }


def rmsprop(rate: float) -> dict[str, Any]:
    """Write RMSProp."""
    return {"name": "rmsprop", "learning_rate": rate, "rho": 0.9, "epsilon": 1e-7}


POOL = {"type": "max_pool2d", "size": [2, 2], "strides": [2, 2], "padding": "valid"}
FLATTEN = {"type": "flatten"}
NORM = {"type": "batch_norm"}


def dropout(rate: float) -> dict[str, Any]:
    """Write a dropout layer."""
    return {"type": "dropout", "rate": rate}


def lstm(units: int) -> dict[str, Any]:
    """Write an LSTM that hands on its last state."""
    return {"type": "lstm", "units": units, "return_sequences": False}


CONTROLS: tuple[Control, ...] = (
    # Calibration.
    Control("penguins/shallow", "penguins", False, (dense(16, "tanh"),), adam(0.01), 16, 30),
    Control("penguins/momentum", "penguins", False, (dense(16),), sgd(0.02), 32, 40),
    Control("pima/shallow", "pima", False, (dense(8, "sigmoid"),), adam(0.01), 32, 40),
    Control("pima/relu", "pima", False, (dense(12), dense(8)), adam(0.003), 16, 20),
    Control("ionosphere/relu", "ionosphere", False, (dense(32), dense(16)), adam(0.002), 16, 25),
    Control(
        "ionosphere/dropout",
        "ionosphere",
        False,
        (dense(32), dropout(0.2), dense(16)),
        sgd(0.02),
        16,
        30,
    ),
    Control("spambase/relu", "spambase", False, (dense(32), dense(16)), adam(0.002), 32, 12),
    Control(
        "spambase/deep tanh",
        "spambase",
        False,
        tuple(dense(24, "tanh") for _ in range(4)),
        sgd(0.005),
        32,
        15,
    ),
    Control("mpg/relu", "mpg", False, (dense(32), dense(16)), adam(0.003), 16, 60),
    Control("mpg/tanh", "mpg", False, (dense(24, "tanh"),), rmsprop(0.002), 16, 60),
    Control("california/relu", "california", False, (dense(48), dense(24)), adam(0.003), 32, 40),
    Control(
        "california/deep",
        "california",
        False,
        tuple(dense(24) for _ in range(4)),
        sgd(0.01),
        32,
        40,
    ),
    Control(
        "mnist/deep",
        "mnist",
        False,
        (FLATTEN, dense(96), dense(48), dense(24)),
        adam(0.001),
        32,
        15,
    ),
    Control("mnist/sgd", "mnist", False, (FLATTEN, dense(64)), sgd(0.05, 0.0), 16, 20),
    Control(
        "digits/cnn", "digits", False, (conv(8), POOL, FLATTEN, dense(32)), adam(0.003), 32, 15
    ),
    Control(
        "digits/norm",
        "digits",
        False,
        (FLATTEN, dense(48), NORM, dense(24), NORM),
        adam(0.003),
        32,
        15,
    ),
    Control("power/lstm", "power", False, (lstm(12),), adam(0.01), 32, 15),
    Control("sunspots/lstm", "sunspots", False, (lstm(12),), adam(0.005), 32, 15),
    # Held out by data set.
    Control("phoneme/relu", "phoneme", True, (dense(32), dense(32)), adam(0.005), 32, 40),
    Control("phoneme/tanh", "phoneme", True, (dense(48, "tanh"),), rmsprop(0.01), 32, 40),
    Control("letters/relu", "letters", True, (dense(96), dense(64)), adam(0.002), 32, 25),
    Control(
        "letters/deep tanh",
        "letters",
        True,
        tuple(dense(64, "tanh") for _ in range(3)),
        sgd(0.02),
        32,
        50,
    ),
    Control("diamonds/relu", "diamonds", True, (dense(32), dense(16)), adam(0.003), 32, 30),
    Control("boston/relu", "boston", True, (dense(32), dense(16)), adam(0.003), 16, 40),
    Control("boston/sgd", "boston", True, (dense(24, "tanh"),), sgd(0.005), 16, 60),
    Control("messages/relu", "messages", True, (dense(24), dropout(0.3)), adam(0.003), 32, 10),
    Control(
        "cifar/cnn",
        "cifar",
        True,
        (conv(8), POOL, conv(16), POOL, FLATTEN, dense(32)),
        adam(0.002),
        32,
        12,
    ),
    Control("heartbeats/lstm", "heartbeats", True, (lstm(12),), adam(0.01), 16, 20),
)
"""All of them; data sets that are held out never serve to choose a threshold."""


def settings(control: Control, task: str, input_shape: tuple[int, ...], n_classes: int) -> Case:
    """Write a control's settings in full: output layer, loss, scaling and coding fit its task.

    Args:
        control: Which.
        task: "binary", "multiclass" or "regression".
        input_shape: Of one row.
        n_classes: Of classes; 0 of numbers.

    Returns:
        The settings of a program.
    """
    activation, loss, coding, metric = {
        "binary": ("sigmoid", "binary_crossentropy", "zero_one", "accuracy_rounded"),
        "multiclass": ("softmax", "categorical_crossentropy", "one_hot", "accuracy_argmax"),
        "regression": ("linear", "mean_squared_error", "real", "mean_squared_error"),
    }[task]
    n_outputs = n_classes if task == "multiclass" else 1
    images = len(input_shape) == 3
    last = dense(n_outputs, activation)
    return {
        "task": task,
        "labels": {"coding": coding, "n_classes": n_classes, "n_outputs": n_outputs},
        "model": {
            "input_shape": list(input_shape),
            "layers": [dict(x) for x in control.layers] + [last],
        },
        "loss": {
            "name": loss,
            "reduction": "mean",
            "from_logits": False,
            "clip": None if task == "regression" else 1e-7,
        },
        "optimizer": dict(control.optimizer),
        "batch_size": control.batch_size,
        "epochs": control.epochs,
        "metrics": [metric],
        "scaling": {
            "inputs": "divide_255" if images else "standard",
            "targets": "standard" if task == "regression" else "none",
            "validation_inputs": "same",
        },
        "validation": {"kind": "separate"},
    }


def healthy_program(control: Control, folder: Path) -> Program:
    """Return a control as a program; its data set is read from a folder that holds them."""
    rows = read_rows(control.dataset, folder)
    n_classes = 0 if rows.task == "regression" else int(rows.targets.max()) + 1
    words = settings(control, rows.task, rows.inputs.shape[1:], n_classes)
    targets = rows.targets if rows.task == "regression" else rows.targets.astype(int)
    n = rows.n_train
    return Program(
        read_settings(words, where=control.name),
        rows.inputs[:n],
        targets[:n],
        rows.inputs[n:],
        targets[n:],
        control.name,
    )
