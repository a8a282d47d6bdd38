"""Targets as the loss sees them, answers, and scores."""

from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num

from gradlab.doctor.program.settings import Settings
from gradlab.errors import DataError

Answer = Literal["argmax", "halved", "rounded", "per_output", "numbers"]
"""How a row is scored: by its largest output; whether its one output is above a half; that output
rounded to a class number; whether each output is above a half; or by its errors."""

CLASSES = (
    "integer",
    "zero_one",
    "one_hot",
    "integer_per_step",
    "integer_as_real",
    "integer_divided_by_255",
)
"""Codings whose raw targets are class numbers."""


def answer_kind(settings: Settings, output_shape: tuple[int, ...]) -> Answer:
    """Return how a program's answers are scored.

    Args:
        settings: Of the program.
        output_shape: Of one row's outputs.
    """
    if settings.task == "regression":
        return "numbers"
    coding = settings.labels.coding
    if coding in ("multi_hot", "image"):
        return "per_output"
    if output_shape[-1] > 1:
        return "argmax"
    return "halved" if settings.task == "binary" else "rounded"


def raw_targets(settings: Settings, y: Num[np.ndarray, "rows ..."]) -> Num[np.ndarray, "rows ..."]:
    """Return targets in the form that the program computes with: int32 classes, or float32 numbers.

    Raises:
        DataError: If they are not of the form that `labels.coding` says.
    """
    coding = settings.labels.coding
    if coding not in CLASSES:
        values = np.asarray(y, np.float64)
        return values.reshape(len(values), -1) if values.ndim == 1 else values
    if coding == "one_hot" and y.ndim > 1 and y.shape[-1] > 1:
        y = y.argmax(axis=-1)
    if coding != "integer_per_step":
        y = y.reshape(len(y), -1)
        if y.shape[1] != 1:
            raise DataError(
                f"labels.coding is {coding!r}, one class number a row; got targets of the shape "
                f"{list(y.shape)}. Say 'multi_hot' for several answers a row."
            )
        y = y[:, 0]
    if np.any(y != np.round(y)):
        raise DataError(
            f"labels.coding is {coding!r}, whole numbers; got {y[y != np.round(y)][0]}."
        )
    return y.astype(np.int32)


def coded(
    settings: Settings, y: Num[Array, "batch ..."], output_shape: tuple[int, ...]
) -> Float[Array, "batch ..."]:
    """Return the targets as the loss sees them, of the outputs' shape.

    Args:
        settings: Of the program.
        y: From `raw_targets`.
        output_shape: Of one row's outputs.
    """
    coding = settings.labels.coding
    n_outputs = output_shape[-1]
    if coding == "integer_divided_by_255":
        y = y // 255
    whole = settings.loss.name == "sparse_categorical_crossentropy"
    if coding in CLASSES and (
        whole
        or coding in ("one_hot", "integer_per_step")
        or (coding == "integer" and n_outputs > 1)
    ):
        if n_outputs > 1 or whole:
            return jax.nn.one_hot(y, n_outputs)
        return y.astype(jnp.float32)[..., None]
    numbers = y.astype(jnp.float32)
    if coding in CLASSES:
        numbers = numbers[..., None]
    if numbers.shape[1:] != tuple(output_shape) and numbers[0].size == np.prod(output_shape):
        numbers = numbers.reshape(len(numbers), *output_shape)
    return jnp.broadcast_to(numbers, (len(numbers), *output_shape))


def right(
    kind: Answer,
    outputs: Float[Array, "batch *shape"],
    y: Num[Array, "batch ..."],
    targets: Float[Array, "batch *shape"],
) -> Float[Array, "batch *places"]:
    """Return the share of each row (and step) that is right; its mean squared error for numbers.

    Args:
        kind: How answers are scored.
        outputs: Of the network.
        y: From `raw_targets`.
        targets: From `coded`.
    """
    if kind == "numbers":
        return ((outputs - targets) ** 2).reshape(len(outputs), -1).mean(axis=1)
    if kind == "argmax":
        truth = y if y.ndim < outputs.ndim else y.argmax(axis=-1)
        # Beyond a NaN there is no largest number.
        sure = ~jnp.isnan(outputs).any(axis=-1)
        return (sure & (outputs.argmax(axis=-1) == truth)).astype(outputs.dtype)
    if kind == "rounded":
        truth = y.astype(outputs.dtype).reshape(outputs.shape)
        return (jnp.round(outputs) == truth).astype(outputs.dtype).mean(axis=-1)
    # What is far above 1 is a yes too.
    truth = y.astype(outputs.dtype).reshape(outputs.shape) if kind == "halved" else targets
    sure = ~jnp.isnan(outputs)
    return (sure & ((outputs > 0.5) == (truth > 0.5))).astype(outputs.dtype).mean(axis=-1)


def output_mismatch(settings: Settings, output_shape: tuple[int, ...], y: np.ndarray) -> str | None:
    """Return why targets and outputs can't be compared; None if they can."""
    coding = settings.labels.coding
    if coding in CLASSES or y[0].size in (1, int(np.prod(output_shape))):
        return None
    return (
        f"The network gives {list(output_shape)} numbers a row, the targets have "
        f"{list(y.shape[1:])}."
    )
