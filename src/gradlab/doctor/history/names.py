"""What the name of a history's column means, as people and libraries write them.

A name is cut at everything that is not a letter or digit, and at capitals within: `valLoss`,
`val_loss`, `Loss/val` and `validation loss` are the same. What is left when the side (train or
validation) is taken off is a loss, a score, or what orders the rows. A column of a layer is
`QUANTITY/LAYER`, `QUANTITY.LAYER` or `QUANTITY:LAYER`.
"""

import re
from dataclasses import dataclass
from typing import Literal

Quantity = Literal[
    "epoch",
    "step",
    "run",
    "learning_rate",
    "initial_loss",
    "loss",
    "score",
    "error_rate",
    "layer",
    "unknown",
]
Side = Literal["train", "validation", "test"]

SIDES: dict[str, Side] = {
    "train": "train",
    "training": "train",
    "tr": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "eval": "validation",
    "test": "test",
}

ORDER: dict[str, Quantity] = {
    "epoch": "epoch",
    "epochs": "epoch",
    "step": "step",
    "steps": "step",
    "global_step": "step",
    "iteration": "step",
    "iter": "step",
    "batch": "step",
    "run": "run",
    "seed": "run",
    "fold": "run",
    "trial": "run",
    "lr": "learning_rate",
    "learning_rate": "learning_rate",
    "initial_loss": "initial_loss",
}
"""Columns of a whole row; a learning rate may carry the optimizer's name behind it (`lr-Adam`)."""

LOSSES = (
    "loss",
    "loss_curve",
    "total_loss",
    "cost",
    "objective",
    "cross_entropy",
    "crossentropy",
    "ce",
    "bce",
    "nll",
    "log_loss",
    "logloss",
    "mse",
    "mean_squared_error",
    "mae",
    "mean_absolute_error",
)
"""The first that a table has is taken."""

ACCURACIES = (
    "accuracy",
    "acc",
    "categorical_accuracy",
    "sparse_categorical_accuracy",
    "binary_accuracy",
    "multiclass_accuracy",
    "accuracy_score",
    "top1",
    "top_1",
    "acc1",
    "acc_1",
    "top1_accuracy",
)
DETERMINATIONS = ("r2", "r_2", "r2_score", "r_squared")
SCORES = (*ACCURACIES, *DETERMINATIONS, "score", "scores")
"""Shares of right answers, then R²; the first that a table has is taken."""

ERROR_RATES = ("error_rate", "err_rate", "misclassification", "top1_error")

MEASURED: dict[Quantity, tuple[str, ...]] = {
    "loss": LOSSES,
    "score": SCORES,
    "error_rate": ERROR_RATES,
}

PROBE_NAMES = {
    "gradient": "gradient",
    "gradients": "gradient",
    "grad": "gradient",
    "grads": "gradient",
    "grad_norm": "gradient",
    "gradient_norm": "gradient",
    "norm_grad": "gradient",
    "gradient_out": "gradient_out",
    "weight": "weight",
    "weights": "weight",
    "weight_norm": "weight",
    "param_norm": "weight",
    "update": "update",
    "update_ratio": "update",
    "update_to_weight": "update",
    "activation_mean": "mean",
    "mean_activation": "mean",
    "act_mean": "mean",
    "activation_std": "std",
    "std_activation": "std",
    "act_std": "std",
    "zero": "zero",
    "zeros": "zero",
    "sparsity": "zero",
    "saturated": "saturated",
    "saturation": "saturated",
    "dead": "dead",
    "dead_units": "dead",
    "stuck": "stuck",
    "alike": "alike",
}
"""First word of a layer's column to the field of `Probes` that it fills."""

UNDERSTOOD = (
    "epoch, step, run or seed; loss, accuracy (acc) or r2, alone or with train_, val_, "
    "validation_; learning_rate (lr); and a layer's gradient/LAYER, weight/LAYER, update/LAYER, "
    "activation_mean/LAYER, activation_std/LAYER, zero/LAYER, saturated/LAYER, dead/LAYER"
)
"""For messages."""

PLAIN = ("epoch", "step", "loss", "train_loss", "val_loss", "accuracy", "val_accuracy", "r2")
"""Names to suggest for one that is not understood."""


@dataclass(frozen=True)
class Column:
    """What a column holds.

    Attributes:
        name: As it came.
        quantity: What it measures.
        side: On which rows; of a loss or score.
        word: The loss, score or field of `Probes`.
        layer: Whose, of a layer's.
        within: Whether it was logged within epochs (`train_loss_step`).
        percent: Whether the name says so: "accuracy (%)".
    """

    name: str
    quantity: Quantity
    side: Side = "train"
    word: str = ""
    layer: str = ""
    within: bool = False
    percent: bool = False


def column(name: str) -> Column:
    """Return what the name of a column means.

    >>> column("validation_loss").quantity, column("validation_loss").side
    ('loss', 'validation')
    >>> column("Train Accuracy (%)").percent
    True
    >>> column("grad_norm.fc1").word, column("grad_norm.fc1").layer
    ('gradient', 'fc1')
    >>> column("seconds").quantity
    'unknown'
    """
    if found := _of_layer(name):
        return found
    tokens = words(name)
    percent = "%" in name or bool({"percent", "pct"} & set(tokens))
    tokens = [token for token in tokens if token not in ("percent", "pct")]
    within = len(tokens) > 1 and tokens[-1] in ("step", "batch")
    if len(tokens) > 1 and (within or tokens[-1] == "epoch") and "global" not in tokens:
        tokens = tokens[:-1]
    whole = "_".join(tokens)
    if whole in ORDER:
        return Column(name, ORDER[whole], word=whole)
    if tokens[:1] == ["lr"] or tokens[:2] == ["learning", "rate"]:
        return Column(name, "learning_rate", word="learning_rate")
    side: Side = "train"
    for place in (0, -1):
        if len(tokens) > 1 and tokens[place] in SIDES:
            side = SIDES[tokens.pop(place)]
            break
    word = "_".join(tokens)
    for quantity, known in MEASURED.items():
        if word in known:
            return Column(name, quantity, side, word, within=within, percent=percent)
    return Column(name, "unknown", side, word)


def words(name: str) -> list[str]:
    """Cut a name into words in small letters.

    >>> words("valLoss"), words("Loss/val"), words("R²")
    (['val', 'loss'], ['loss', 'val'], ['r2'])
    """
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.replace("²", "2"))
    return [word for word in re.split(r"[^a-z0-9]+", apart.lower()) if word]


def _of_layer(name: str) -> Column | None:
    # The order p of a norm, as in "grad_2.0_norm/fc1", holds a dot that does not separate.
    plain = re.sub(r"_\d+(\.\d+)?_norm", "_norm", name.strip())
    match = re.match(r"^([A-Za-z_ ]+)[/.:](.+)$", plain)
    if match is None:
        return None
    word = PROBE_NAMES.get("_".join(words(match[1])))
    if word is None:
        return None
    return Column(name, "layer", word=word, layer=match[2])
