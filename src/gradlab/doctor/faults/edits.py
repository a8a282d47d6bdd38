"""What each fault does to a program's words and rows; it touches nothing else.

An edit returns False where it changes nothing, or cannot be said of the program.
"""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from gradlab.doctor.faults.draft import BIASED, RECURRENT, Draft

Generator = np.random.Generator

DEFAULT_RATES = {"sgd": 0.01, "adagrad": 0.01, "adadelta": 0.001}
"""Of the common libraries."""


# ---- words: any setting --------------------------------------------------------------------------
def set_value(draft: Draft, strength: Any, rng: Generator, *, where: str) -> bool:
    """Write a value where `where` says; "model.hidden" and "model.output" stand for layers."""
    *path, key = where.split(".")
    if path == ["model", "hidden"]:
        parts = draft.hidden
    elif path == ["model", "output"]:
        parts = [draft.output]
    else:
        part = draft.words
        for step in path:
            part = part[step]
        parts = [part]
    if where == "batch_size" and strength >= draft.words["batch_size"]:
        return False
    before = [part.get(key) for part in parts]
    for part in parts:
        part[key] = strength
    return any(x != strength for x in before)


def multiply(draft: Draft, strength: float | int, rng: Generator, *, where: str) -> bool:
    """Multiply a number; epochs stay whole and at least 1."""
    *path, key = where.split(".")
    part = draft.words
    for step in path:
        part = part[step]
    before = part[key]
    part[key] = max(round(before * strength), 1) if key == "epochs" else before * strength
    return part[key] != before


def batch_share(draft: Draft, strength: float | int, rng: Generator) -> bool:
    """Make a batch of a share of the training rows."""
    size = max(round(strength * len(draft.x_train)), 1)
    if size <= draft.words["batch_size"]:
        return False
    draft.words["batch_size"] = size
    return True


def set_metric(draft: Draft, strength: str, rng: Generator) -> bool:
    """Report another number."""
    draft.words["metrics"] = [strength]
    return True


# ---- words: loss and output ----------------------------------------------------------------------
def set_loss(draft: Draft, strength: str, rng: Generator) -> bool:
    """Take another loss, guarded as libraries guard it."""
    draft.words["loss"] = draft.words["loss"] | {"name": strength, "clip": _guard(strength)}
    return True


def softmax_of_one_output(draft: Draft, strength: str, rng: Generator) -> bool:
    """Take softmax and the loss that goes with several outputs, on one."""
    draft.output["activation"] = "softmax"
    return set_loss(draft, strength, rng)


def unguarded_logarithm(draft: Draft, strength: int, rng: Generator) -> bool:
    """Take the logarithm of the outputs without a guard, outputs that soon reach 0."""
    draft.words["loss"]["clip"] = None
    draft.output["init"] = _normal(100 * draft.stds[draft.place(draft.output)])
    return True


def set_coding(draft: Draft, strength: str, rng: Generator) -> bool:
    """Divide the class numbers by 255, as if they were pixels."""
    draft.words["labels"]["coding"] = strength
    return set_loss(draft, "sparse_categorical_crossentropy", rng)


def class_number_as_target(draft: Draft, strength: str, rng: Generator) -> bool:
    """Give one output, and the class number as its target."""
    draft.words["labels"] |= {"coding": "integer_as_real", "n_outputs": 1}
    activation = "sigmoid" if strength == "binary_crossentropy" else "linear"
    draft.output.update(units=1, activation=activation)
    return set_loss(draft, strength, rng)


def recode_yes_no(draft: Draft, strength: str, rng: Generator) -> bool:
    """Write two classes with codes other than 0 and 1."""
    codes = np.array([float(x) for x in strength.split(",")])
    draft.y_train, draft.y_judge = (codes[y.astype(int)] for y in (draft.y_train, draft.y_judge))
    return True


# ---- words: optimizer ----------------------------------------------------------------------------
def set_optimizer(draft: Draft, strength: str, rng: Generator) -> bool:
    """Take another optimizer with the step size that libraries give it."""
    new = {"name": strength, "learning_rate": DEFAULT_RATES[strength]}
    old = draft.words["optimizer"]
    if strength == "sgd" and old["name"] == "sgd" and old["learning_rate"] <= 0.01:
        return False
    draft.words["optimizer"] = new
    return True


def momentum_at_same_rate(draft: Draft, strength: float | int, rng: Generator) -> bool:
    """Take descent with a momentum that carries a step on for hundreds of others."""
    draft.words["optimizer"] = {"name": "sgd", "learning_rate": 0.1, "momentum": strength}
    return True


def clip_with_sgd(draft: Draft, strength: float | int, rng: Generator) -> bool:
    """Clip the gradient's norm, of an optimizer whose steps grow with it."""
    if draft.words["optimizer"]["name"] != "sgd":
        draft.words["optimizer"] = {"name": "sgd", "learning_rate": 0.02, "momentum": 0.9}
    draft.words["optimizer"]["clip_norm"] = strength
    return True


def adam_epsilon(draft: Draft, strength: float | int, rng: Generator) -> bool:
    """Take Adam with an epsilon above the gradients."""
    old = draft.words["optimizer"]
    rate = old["learning_rate"] if old["name"] == "adam" else 0.001
    draft.words["optimizer"] = {"name": "adam", "learning_rate": rate, "epsilon": strength}
    return True


# ---- words: starting weights ---------------------------------------------------------------------
def set_init(draft: Draft, strength: str, rng: Generator) -> bool:
    """Start all layers from the same number."""
    name, *value = strength.split()
    init = {"name": name} | ({"value": float(value[0])} if value else {})
    for layer in draft.weighted:
        layer["init"] = init
        if layer["type"] in RECURRENT:
            layer["recurrent_init"] = init
    return True


def scale_init(draft: Draft, strength: float | int, rng: Generator) -> bool:
    """Start all layers so many times as far from 0."""
    for layer in draft.weighted:
        layer["init"] = _normal(strength * draft.stds[draft.place(layer)])
        if layer["type"] in RECURRENT:
            layer["recurrent_init"] = _normal(strength / layer["units"] ** 0.5)
    return True


def bias_below_zero(draft: Draft, strength: float | int, rng: Generator) -> bool:
    """Start rectified units below 0, in units of the spread of what comes in at He's start."""
    power = float(np.mean(np.square(draft.scaled_inputs()[0])))
    for layer in draft.hidden:
        if layer["type"] in BIASED and layer.get("activation") == "relu":
            layer["bias_init"] = {"name": "constant", "value": strength * (2 * power) ** 0.5}
    return True


# ---- words: layers and penalties -----------------------------------------------------------------
def set_units(draft: Draft, strength: int, rng: Generator) -> bool:
    """Leave so many units in every hidden layer."""
    for layer in draft.hidden:
        layer["filters" if "filters" in layer else "units"] = strength
    return True


def remove_hidden(draft: Draft, strength: int, rng: Generator) -> bool:
    """Leave the output layer alone."""
    flat = [] if draft.x_train.ndim == 2 else [{"type": "flatten"}]
    draft.words["model"]["layers"] = [*flat, draft.output]
    return True


def deepen(draft: Draft, strength: int, rng: Generator) -> bool:
    """Repeat the last hidden layer so many times."""
    last = draft.hidden[-1]
    same = last | {"init": "glorot_uniform"}
    at = draft.place(draft.output)
    draft.layers[at:at] = [dict(same) for _ in range(strength)]
    return True


def overtrain(draft: Draft, strength: float | int, rng: Generator) -> bool:
    """Train much longer, with nothing to hold back."""
    _unregularize(draft)
    draft.words["epochs"] *= strength
    return True


def widen_and_overtrain(draft: Draft, strength: int, rng: Generator) -> bool:
    """Train a much wider network much longer, with nothing to hold back."""
    _unregularize(draft)
    for layer in draft.hidden:
        layer["filters" if "filters" in layer else "units"] *= strength
    draft.words["epochs"] *= 10
    return True


def penalty(
    draft: Draft, strength: float | int, rng: Generator, *, which: Literal["l1", "l2"]
) -> bool:
    """Penalise all weights."""
    for layer in draft.weighted:
        layer[which] = strength
    return True


def dropout(draft: Draft, strength: float | int, rng: Generator) -> bool:
    """Drop this share behind every hidden layer."""
    _put_behind_hidden(draft, "dropout", {"type": "dropout", "rate": strength})
    return True


def batch_norm_with_batch(draft: Draft, strength: int, rng: Generator) -> bool:
    """Standardise over batches of so few rows."""
    _put_behind_hidden(draft, "batch_norm", {"type": "batch_norm"})
    draft.words["batch_size"] = strength
    return True


def batch_norm_with_steps(draft: Draft, strength: int, rng: Generator) -> bool:
    """Standardise, and train for so few steps that the running statistics lag behind."""
    _put_behind_hidden(draft, "batch_norm", {"type": "batch_norm", "momentum": 0.99})
    n = len(draft.x_train)
    draft.words["batch_size"] = max(draft.words["batch_size"], -(-n // strength))
    draft.words["epochs"] = max(strength // -(-n // draft.words["batch_size"]), 1)
    return True


# ---- rows: inputs --------------------------------------------------------------------------------
def stretch_columns(draft: Draft, strength: float | int, rng: Generator) -> bool:
    """Give a third of the scaled columns units so many times smaller."""
    _unscaled(draft)
    n = draft.x_train.shape[-1]
    chosen = rng.permutation(n)[: -(-n // 3)]
    draft.x_train[..., chosen] *= strength
    draft.x_judge[..., chosen] *= strength
    return True


def shift_inputs(draft: Draft, strength: float | int, rng: Generator) -> bool:
    """Move the scaled inputs away from 0."""
    _unscaled(draft)
    spread = float(draft.x_train.std())
    draft.x_train += strength * spread
    draft.x_judge += strength * spread
    return True


def noise_inputs(draft: Draft, strength: float | int, rng: Generator) -> bool:
    """Add noise to the training rows, in standard deviations of their numbers."""
    over = 0 if draft.x_train.ndim == 2 else None
    draft.x_train += rng.standard_normal(draft.x_train.shape) * strength * draft.x_train.std(over)
    return True


def lose_columns(draft: Draft, strength: float | int, rng: Generator) -> bool:
    """Hold a share of the columns (pixels, steps) at their mean everywhere."""
    flat = draft.x_train.reshape(len(draft.x_train), -1)
    judge = draft.x_judge.reshape(len(draft.x_judge), -1)
    chosen = rng.permutation(flat.shape[1])[: round(strength * flat.shape[1])]
    flat[:, chosen] = judge[:, chosen] = flat[:, chosen].mean(0)
    return True


def lose_values(draft: Draft, strength: int, rng: Generator) -> bool:
    """Lose so many inputs of the training rows."""
    draft.x_train.reshape(-1)[rng.permutation(draft.x_train.size)[:strength]] = np.nan
    return True


def leak_target(draft: Draft, strength: float | int, rng: Generator) -> bool:
    """Add the target as a column, with noise in its standard deviations."""
    spread = draft.y_train.std()

    def column(y: np.ndarray) -> np.ndarray:
        return y.astype(float) + strength * spread * rng.standard_normal(len(y))

    _add_column(draft, column(draft.y_train), column(draft.y_judge))
    return True


def leak_target_in_training(draft: Draft, strength: float | int, rng: Generator) -> bool:
    """Add the target as a column in training; on other rows it belongs to some other row."""
    other = rng.permutation(draft.y_judge).astype(float)
    _add_column(draft, draft.y_train.astype(float), other)
    return True


def share_rows(draft: Draft, strength: float | int, rng: Generator) -> bool:
    """Judge by this share of rows that were trained on."""
    n = min(round(strength * len(draft.x_judge)), len(draft.x_train))
    rows = rng.permutation(len(draft.x_train))[:n]
    draft.x_judge[:n], draft.y_judge[:n] = draft.x_train[rows], draft.y_train[rows]
    return n > 0


# ---- rows: targets -------------------------------------------------------------------------------
def stretch_targets(draft: Draft, strength: float | int, rng: Generator) -> bool:
    """Give the scaled targets units so many times smaller."""
    mean, std = draft.y_train.mean(), draft.y_train.std()
    draft.y_train = (draft.y_train - mean) / std * strength
    draft.y_judge = (draft.y_judge - mean) / std * strength
    draft.words["scaling"]["targets"] = "none"
    return True


def shuffle_targets(draft: Draft, strength: float | int, rng: Generator) -> bool:
    """Let a share of the training rows change targets among themselves."""
    rows = rng.permutation(len(draft.y_train))[: round(strength * len(draft.y_train))]
    draft.y_train[rows] = draft.y_train[rng.permutation(rows)]
    return True


def change_labels(draft: Draft, strength: float | int, rng: Generator) -> bool:
    """Give a share of the commonest class other labels."""
    classes, counts = np.unique(draft.y_train, return_counts=True)
    common = classes[counts.argmax()]
    rows = rng.permutation(np.flatnonzero(draft.y_train == common))
    rows = rows[: round(strength * len(rows))]
    draft.y_train[rows] = rng.choice(classes[classes != common], len(rows))
    return True


def thin_classes(draft: Draft, strength: float | int, rng: Generator) -> bool:
    """Leave this share of the rarer half of the classes, at least a row each, in training."""
    classes, counts = np.unique(draft.y_train, return_counts=True)
    kept = np.ones(len(draft.y_train), bool)
    for rare in classes[np.argsort(counts, kind="stable")][: len(classes) // 2]:
        rows = rng.permutation(np.flatnonzero(draft.y_train == rare))
        kept[rows[max(round(strength * len(rows)), 1) :]] = False
    draft.x_train, draft.y_train = draft.x_train[kept], draft.y_train[kept]
    return True


def sort_rows(draft: Draft, strength: str, rng: Generator) -> bool:
    """Sort the training rows by target, and keep that order."""
    order = np.argsort(draft.y_train, kind="stable")
    draft.x_train, draft.y_train = draft.x_train[order], draft.y_train[order]
    draft.words["shuffle"] = False
    return True


# ---- parts ---------------------------------------------------------------------------------------
def _guard(loss: str) -> float | None:
    return 1e-7 if "crossentropy" in loss or "leibler" in loss else None


def _normal(std: float | int) -> dict[str, Any]:
    return {"name": "random_normal", "stddev": float(std)}


def _unregularize(draft: Draft) -> None:
    draft.words["model"]["layers"] = [x for x in draft.layers if x["type"] != "dropout"]
    for layer in draft.weighted:
        layer.pop("l1", None)
        layer.pop("l2", None)


def _put_behind_hidden(draft: Draft, kind: str, layer: dict[str, Any]) -> None:
    """Put a layer behind every hidden one, in place of those of its kind."""
    hidden = draft.hidden
    kept = [x for x in draft.layers if x["type"] != kind]
    draft.words["model"]["layers"] = [
        y for x in kept for y in ([x, dict(layer)] if any(x is h for h in hidden) else [x])
    ]


def _unscaled(draft: Draft) -> None:
    """Let the network see the numbers that it saw scaled, without a scaling of its own."""
    draft.x_train, draft.x_judge = (np.array(x, float) for x in draft.scaled_inputs())
    draft.words["scaling"]["inputs"] = "none"


def _add_column(draft: Draft, train: np.ndarray, judge: np.ndarray) -> None:
    draft.x_train = np.concatenate([draft.x_train, train[:, None]], 1)
    draft.x_judge = np.concatenate([draft.x_judge, judge[:, None]], 1)


EDITS: dict[str, Callable[..., bool]] = {
    "adam_epsilon": adam_epsilon,
    "batch_norm_with_batch": batch_norm_with_batch,
    "batch_norm_with_steps": batch_norm_with_steps,
    "batch_share": batch_share,
    "bias_below_zero": bias_below_zero,
    "change_labels": change_labels,
    "class_number_as_target": class_number_as_target,
    "clip_with_sgd": clip_with_sgd,
    "deepen": deepen,
    "dropout": dropout,
    "leak_target": leak_target,
    "leak_target_in_training": leak_target_in_training,
    "lose_columns": lose_columns,
    "lose_values": lose_values,
    "momentum_at_same_rate": momentum_at_same_rate,
    "multiply": multiply,
    "noise_inputs": noise_inputs,
    "overtrain": overtrain,
    "penalty": penalty,
    "recode_yes_no": recode_yes_no,
    "remove_hidden": remove_hidden,
    "scale_init": scale_init,
    "set": set_value,
    "set_coding": set_coding,
    "set_init": set_init,
    "set_loss": set_loss,
    "set_metric": set_metric,
    "set_optimizer": set_optimizer,
    "set_units": set_units,
    "share_rows": share_rows,
    "shift_inputs": shift_inputs,
    "shuffle_targets": shuffle_targets,
    "softmax_of_one_output": softmax_of_one_output,
    "sort_rows": sort_rows,
    "stretch_columns": stretch_columns,
    "stretch_targets": stretch_targets,
    "thin_classes": thin_classes,
    "unguarded_logarithm": unguarded_logarithm,
    "widen_and_overtrain": widen_and_overtrain,
}
"""Name in faults.toml to what is done."""
